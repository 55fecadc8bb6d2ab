//! Vonage: JSON requests with a signed token, answered with an NCCO, a JSON list of actions.
//!
//! **Invariant:** every document that does not end the call ends with a `notify`, whose answer
//! replaces the document: there is no other way on. An NCCO at whose end nothing is left ends the
//! call, or bridges a party's leg.
//!
//! **Deliberately absent:** conversations by name, websockets, speech.

mod jwt;
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

pub(super) static VONAGE: ProviderFns = ProviderFns {
    info: ProviderInfo {
        split: SplitSupport::Party,
        application_is: Some("the id of the Voice application the numbers are linked to"),
        token_is_pem: true,
        // An NCCO that is over bridges, and there is no action that hangs up.
        refuses_parties: false,
        // `onAnswer` is for phones.
        only_numbers_ask: true,
        ..ProviderInfo::new(
            "vonage",
            "the signature secret of the account",
            Console {
                place: "the Voice application",
                voice: "Answer URL, POST",
                events: Some("Event URL, POST"),
            },
        )
    },
    verify: verify::verify,
    signed: verify::signed,
    test_call: test_call::test_call,
    parse: parse::parse,
    render: render::render,
    support: support::support,
    rest: rest::rest,
    to_sign: |account, now, once| Some(jwt::claims(&account.id, now, once)),
    outcome: RestAnswer::outcome,
};
