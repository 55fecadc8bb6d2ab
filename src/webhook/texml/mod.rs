//! Telnyx TeXML.
//!
//! **Invariant:** a request counts for as long as its signed time is within the window, and what it
//! says is in its body: the address is not signed.
//!
//! **Deliberately absent:** Telnyx Call Control, which is another provider to us; what it shares
//! with the others of its kind, in [`twiml`](crate::webhook::twiml).

pub(in crate::webhook) mod verify;

#[cfg(test)]
mod tests;

use crate::webhook::provider_info::{Console, ProviderInfo, SplitSupport};
use crate::webhook::rest::Account;
use crate::webhook::twiml::rest::Place;
use crate::webhook::twiml::{ClientNoun, Dialect};

/// Its secrets are public keys, in base64.
pub(super) static TEXML: Dialect = Dialect {
    info: ProviderInfo {
        split: SplitSupport::Party,
        ..ProviderInfo::new(
            "texml",
            "the public key of the Telnyx portal (base64)",
            Console {
                place: "a TeXML application",
                voice: "Voice webhook, POST",
                events: Some("Status callback, POST"),
            },
        )
    },
    verify: verify::verify,
    signed: verify::signed,
    // Only Telnyx has the key it signs with.
    test_call: |_, _| None,
    rest: Place {
        usual_base: Some("https://api.telnyx.com"),
        path: "/v2/texml",
        suffix: "",
        authorization: Account::bearer,
        not_in_progress: None,
    },
    action_on_empty: false,
    answer_on_bridge: false,
    client: ClientNoun::Sip("sip.telnyx.com"),
    gather_timeout_s: (1, 120),
    ring_timeout_s: (5, 120),
    time_limit_s: (60, 14_400),
    watch: false,
};
