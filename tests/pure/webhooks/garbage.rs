//! Requests that are none: changed, cut, stuffed, made up.

use attendant::webhook::twiml::signature::signed_fields;
use attendant::webhook::{Link, Method, Request};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{NOW, recorded, recordings};

fn fixed(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(3);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..Default::default() }
}

/// Whether the signature of that provider is over the body.
fn signs_body(provider: &str) -> bool {
    provider != "bandwidth"
}

/// What is signed of a body. Of a form it is what it says and not how that is written: `%2b` is
/// `%2B`, and between a name and its value there is nothing.
fn signed_text(provider: &str, request: &Request) -> Vec<u8> {
    match provider {
        "twilio" | "signalwire" => signed_fields(request).unwrap_or_default().into_bytes(),
        _ => request.body.clone(),
    }
}

proptest! {
    #![proptest_config(fixed(100))]

    #[test]
    fn a_body_with_one_changed_byte_is_refused(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        for (provider, keys) in recorded().filter(|(provider, _)| signs_body(provider.name())) {
            let mut all = recordings(provider);
            let (path, recording) = all.swap_remove(which.index(all.len()));
            let mut request = recording.request;
            if request.body.is_empty() {
                continue;
            }
            let before = signed_text(provider.name(), &request);
            let at = at.index(request.body.len());
            request.body[at] ^= flip;
            let same = before == signed_text(provider.name(), &request);
            let verdict = provider.verify(&keys, &request, NOW);
            prop_assert_eq!(verdict.is_ok(), same, "{} at {}", path.display(), at);
        }
    }

    #[test]
    fn made_up_requests_are_refused_or_read_and_never_panic(
        get in any::<bool>(),
        path in "/[ -~]{0,60}",
        headers in prop::collection::vec(("[a-z0-9-]{1,30}", "[ -~é]{0,80}"), 0..6),
        body in prop::collection::vec(any::<u8>(), 0..300),
        value in "\\PC{0,40}",
    ) {
        for (provider, keys) in recorded() {
            let mut request = Request {
                method: if get { Method::Get } else { Method::Post },
                url: format!("https://ivr.example.com{path}"),
                headers: headers.clone(),
                body: body.clone(),
            };
            prop_assert!(provider.verify(&keys, &request, NOW).is_err());
            let _ = provider.signed(&keys, &request);
            let _ = provider.parse(&Link::Voice, &request);
            // And with the provider's own headers, under values that are none.
            request.headers = recordings(provider).swap_remove(0).1.request.headers;
            for (_, old) in &mut request.headers {
                old.clone_from(&value);
            }
            prop_assert!(provider.verify(&keys, &request, NOW).is_err());
            let _ = provider.signed(&keys, &request);
        }
    }

    /// A body that reads as one of the provider's, with one value replaced.
    #[test]
    fn fields_with_strange_values_never_panic(
        at in any::<prop::sample::Index>(),
        with in "\\PC{0,12}|-?[0-9]{1,25}|null|\\[\\]|\\{\\}|\"\"",
    ) {
        for (provider, _) in recorded() {
            for (_, recording) in recordings(provider) {
                let mut request = recording.request;
                let text = String::from_utf8(request.body.clone()).unwrap();
                let starts: Vec<_> = text.match_indices([':', '=']).map(|(at, _)| at + 1).collect();
                if starts.is_empty() {
                    continue;
                }
                let from = starts[at.index(starts.len())];
                let rest = &text[from..];
                let len = rest.find([',', '&', '}']).unwrap_or(rest.len());
                request.body = [&text[..from], &with, &rest[len..]].concat().into_bytes();
                let _ = provider.parse(&Link::Voice, &request);
            }
        }
    }
}
