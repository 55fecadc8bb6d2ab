//! Plivo: form requests, signed with the auth token, answered with Plivo XML.
//!
//! **Invariant:** every element that waits for something is followed by a redirect to the same next
//! step, because Plivo goes on with the next element when nothing came.
//!
//! **Deliberately absent:** multi-party calls; speech.

mod parse;
mod render;
mod rest;
mod support;
mod test_call;
#[cfg(test)]
mod tests;
mod verify;

use crate::webhook::provider_fns::ProviderFns;
use crate::webhook::provider_info::{Console, ProviderInfo, SplitSupport};
use crate::webhook::rest::RestAnswer;

pub(super) static PLIVO: ProviderFns = ProviderFns {
    info: ProviderInfo {
        split: SplitSupport::Both,
        // `confirmKey`. A dialing is `completed` only if it was pressed.
        waits_for_key: true,
        ..ProviderInfo::new(
            "plivo",
            "the auth token",
            Console {
                place: "an XML application",
                voice: "Primary answer URL, POST",
                events: Some("Hangup URL, POST"),
            },
        )
    },
    // No time is signed, so none is judged.
    verify: |keys, request, _| verify::verify(keys, request),
    signed: verify::signed,
    test_call: test_call::test_call,
    parse: parse::parse,
    render: render::render,
    support: support::support,
    rest: rest::rest,
    to_sign: |_, _, _| None,
    outcome: RestAnswer::outcome,
};
