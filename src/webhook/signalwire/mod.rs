//! SignalWire's compatibility interface (cXML).
//!
//! **Invariant:** an answer is a document even where there is nothing to do: an empty body is an
//! error there.
//!
//! **Deliberately absent:** SWML; what it shares with the others of its kind, in
//! [`twiml`](crate::webhook::twiml).

mod verify;

#[cfg(test)]
mod tests;

use crate::webhook::provider_info::{Console, ProviderInfo, SplitSupport};
use crate::webhook::rest::Account;
use crate::webhook::twiml::rest::Place;
use crate::webhook::twiml::{ClientNoun, Dialect};

/// Its secrets are signing keys (`PSK_…`), not API tokens.
pub(super) static SIGNALWIRE: Dialect = Dialect {
    info: ProviderInfo {
        split: SplitSupport::Party,
        rest_url_is: Some("your space, as in \"https://example.signalwire.com\""),
        ..ProviderInfo::new(
            "signalwire",
            "the signing key",
            Console {
                place: "the number, cXML webhooks",
                voice: "When a call comes in, POST",
                events: Some("Call status changes"),
            },
        )
    },
    // No time is signed, so none is judged.
    verify: |keys, request, _| verify::verify(keys, request),
    signed: verify::signed,
    test_call: verify::test_call,
    rest: Place {
        usual_base: None,
        path: "/api/laml/2010-04-01",
        suffix: "",
        authorization: Account::basic,
        not_in_progress: None,
    },
    action_on_empty: true,
    answer_on_bridge: true,
    client: ClientNoun::Element("Verto"),
    gather_timeout_s: (1, 600),
    ring_timeout_s: (1, 600),
    time_limit_s: (1, 14_400),
    watch: true,
};
