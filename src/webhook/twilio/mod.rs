//! Twilio Programmable Voice.
//!
//! **Invariant:** the algorithm of a signature is that of the key it names: no header makes it a
//! weaker one.
//!
//! **Deliberately absent:** what it shares with the others of its kind, in
//! [`twiml`](crate::webhook::twiml).

mod verify;

#[cfg(test)]
mod tests;

use crate::webhook::provider_info::{Console, ProviderInfo, SplitSupport};
use crate::webhook::rest::Account;
use crate::webhook::twiml::rest::Place;
use crate::webhook::twiml::{ClientNoun, Dialect};

/// Among its secrets an auth token stands alone, and a shared key (SHA-256) as `id:secret`.
pub(super) static TWILIO: Dialect = Dialect {
    info: ProviderInfo {
        split: SplitSupport::Party,
        ..ProviderInfo::new(
            "twilio",
            "the auth token",
            Console {
                place: "the number, Voice",
                voice: "A call comes in: Webhook, HTTP POST",
                events: Some("Call status changes"),
            },
        )
    },
    // No time is signed, so none is judged.
    verify: |keys, request, _| verify::verify(keys, request),
    signed: verify::signed,
    test_call: verify::test_call,
    rest: Place {
        usual_base: Some("https://api.twilio.com"),
        path: "/2010-04-01",
        suffix: ".json",
        authorization: Account::basic,
        not_in_progress: Some(21_220),
    },
    action_on_empty: true,
    answer_on_bridge: true,
    client: ClientNoun::Element("Client"),
    gather_timeout_s: (1, 600),
    ring_timeout_s: (1, 600),
    time_limit_s: (1, 86_400),
    watch: true,
};
