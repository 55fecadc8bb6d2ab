//! jambonz: open source, run by its users; the document is an array of verbs in JSON.
//!
//! Read from the source of its feature server (0.9, July 2026), which says more than its documents:
//! a digit timer that runs only with `minDigits`, a timeout of 0 that means none, a `confirmHook`
//! that bridges when it is answered with nothing.
//!
//! **Invariant:** a document is one array, answered as `application/json`; with any other type
//! jambonz does not read it.
//!
//! **Deliberately absent:** its websocket interface, and with that the recording of a message;
//! reports of a party's leg at an address of its own
//! ([`Dial::told`](crate::webhook::document::Dial::told)): jambonz sends those to the application's
//! status hook, and the dial's own hook says how it ended.

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

pub(super) static JAMBONZ: ProviderFns = ProviderFns {
    info: ProviderInfo {
        split: SplitSupport::Both,
        rest_url_is: Some("the address of your own jambonz, as in \"https://jambonz.example.com\""),
        ..ProviderInfo::new(
            "jambonz",
            "the webhook secret of the account",
            Console {
                place: "an application",
                voice: "Calling webhook, POST",
                events: Some("Call status webhook, POST"),
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
    to_sign: |_, _, _| None,
    outcome: rest::outcome,
};
