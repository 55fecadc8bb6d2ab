//! Bandwidth: carriers' own voice platform in the US; the document is BXML.
//!
//! Read from its documents (November 2023) and the models of its SDK (23.3.1).
//!
//! **Invariant:** a document never ends without saying so: Bandwidth hangs up where its verbs end,
//! and bridges a callee there.
//!
//! **Deliberately absent:** a signature. Bandwidth has none: user and password of HTTP Basic, TLS
//! and our own signature in each address are all there is. Each verb that comes back must name the
//! user and the password ([`crate::webhook::Links::with_access`]).

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

pub(super) static BANDWIDTH: ProviderFns = ProviderFns {
    info: ProviderInfo {
        split: SplitSupport::Party,
        comes_with_access: true,
        ..ProviderInfo::new(
            "bandwidth",
            "the user and password of its callbacks, as in \"user:password\"",
            Console {
                place: "a Voice application",
                voice: "Call initiated, POST",
                events: Some("Call status, POST"),
            },
        )
    },
    // No time comes with it.
    verify: |keys, request, _| verify::verify(keys, request),
    signed: verify::signed,
    test_call: test_call::test_call,
    parse: |_, request| parse::parse(request),
    render: render::render,
    support: support::support,
    rest: rest::rest,
    to_sign: |_, _, _| None,
    outcome: RestAnswer::outcome,
};
