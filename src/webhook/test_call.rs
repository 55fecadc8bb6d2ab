//! Test calls: requests that `attendant webhook selftest` sends through the public address.
//!
//! A provider's [`test_call`](crate::webhook::Provider::test_call) writes it as its own request and
//! signs it with our copy of the secret.
//!
//! **Invariant:** a provider's `verify` lets in what its `test_call` signs.
//!
//! **Deliberately absent:** sending it.

use serde_json::Value;

use crate::time::Timestamp;
use crate::webhook::form;
use crate::webhook::request::{Method, Request};

/// A call that arrives, or has ended.
#[derive(Clone, Copy, Debug)]
pub struct TestCall<'a> {
    /// Random, in lower-case hexadecimal: of it the provider makes a name like its own.
    pub call: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    /// Where it is sent, as the provider knows it.
    pub url: &'a str,
    pub is_over: bool,
    pub now: Timestamp,
}

impl TestCall<'_> {
    /// A form, without a signature.
    #[must_use]
    pub fn form(&self, fields: &[(&str, &str)]) -> Request {
        let pair = |(name, value): &(&str, &str)| format!("{name}={}", form::encode(value));
        let body = fields.iter().map(pair).collect::<Vec<_>>().join("&");
        self.request(form::CONTENT_TYPE, body)
    }

    /// A value in JSON, without a signature.
    #[must_use]
    pub fn json(&self, value: &Value) -> Request {
        self.request("application/json", value.to_string())
    }

    /// Seconds since the Unix epoch, as most providers sign them.
    #[must_use]
    pub const fn now_s(&self) -> u64 {
        self.now.as_millis() / 1_000
    }

    fn request(&self, content_type: &str, body: String) -> Request {
        Request {
            method: Method::Post,
            url: self.url.to_owned(),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::time::Timestamp;
    use crate::webhook::link::Link;
    use crate::webhook::provider::Keys;
    use crate::webhook::providers;
    use crate::webhook::test_call::TestCall;

    #[test]
    fn what_a_provider_signs_here_it_lets_in_there() {
        let mut played = Vec::new();
        for provider in providers() {
            let keys = Keys {
                // One pair is a good secret of each kind.
                secrets: vec!["plain".to_owned(), "user:secret".to_owned()],
                application: Some("a-1".to_owned()),
                window_s: 300,
            };
            for (link, is_over) in [(Link::Voice, false), (Link::Events, true)] {
                let test_call = TestCall {
                    call: "41414141414141414141414141414141",
                    from: "+14155550199",
                    to: "+14155550100",
                    url: "https://ivr.example.com/webhooks/x/voice",
                    is_over,
                    now: Timestamp(1_700_000_000_000),
                };
                let Some(request) = provider.test_call(&keys, &test_call) else { continue };
                let name = provider.name();
                assert_eq!(provider.verify(&keys, &request, test_call.now).err(), None, "{name}");
                let fields = provider.parse(&link, &request).unwrap();
                assert_eq!(fields.from.as_deref(), Some("+14155550199"), "{name}");
                assert_eq!(fields.to.as_deref(), Some("+14155550100"), "{name}");
                assert_eq!(fields.state.is_some_and(|state| state.is_ended()), is_over, "{name}");
                played.push((name, is_over));
                let keyless = provider.test_call(&Keys::default(), &test_call);
                assert_eq!(keyless, None, "{name} signs without a secret");
            }
        }
        // All but the two that sign with a key only their provider has.
        assert_eq!(played.len(), (providers().len() - 2) * 2, "{played:?}");
    }
}
