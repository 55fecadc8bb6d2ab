//! Telnyx TeXML through its door.

use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

use super::TEXML;
use crate::time::Timestamp;
use crate::webhook::link::Link;
use crate::webhook::provider::{Keys, Provider, Refusal};
use crate::webhook::request::{Method, Request};
use crate::webhook::rest::{Account, RestCommand};
use crate::webhook::sign::{base64, sha256};

/// Of the seed SHA-256("emulate telnyx test key").
const PUBLIC: &str = "FOpSQ/oNU56MHuCkRcDt6nQXxkhrUe8aD/be46FEDkA=";
const AT_S: u64 = 1_700_000_000;
const BODY: &[u8] = b"CallSid=v3%3Aabc&From=%2B14155550101&Bytes=\xff\xfe";

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&sha256(b"emulate telnyx test key"))
}

fn signed(at: &str, body: &[u8]) -> Request {
    let text = [at.as_bytes(), b"|", body].concat();
    let signature = base64(&signing_key().sign(&text).to_bytes());
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Request {
        method: Method::Post,
        url: "https://ivr.example.com/webhooks/texml/voice".to_owned(),
        headers: vec![
            header("content-type", "application/x-www-form-urlencoded"),
            header("telnyx-signature-ed25519", &signature),
            header("telnyx-timestamp", at),
        ],
        body: body.to_vec(),
    }
}

fn good() -> Request {
    signed(&AT_S.to_string(), BODY)
}

fn keys() -> Keys {
    Keys {
        secrets: vec!["nonsense".to_owned(), PUBLIC.to_owned()],
        window_s: 300,
        ..Keys::default()
    }
}

fn verify(request: &Request, now_s: u64) -> Result<(), Refusal> {
    TEXML.verify(&keys(), request, Timestamp(now_s * 1_000)).map(|_| ())
}

#[test]
fn a_good_signature_counts_within_the_window() {
    assert_eq!(base64(signing_key().verifying_key().as_bytes()), PUBLIC);
    for now_s in [AT_S, AT_S - 300, AT_S + 300] {
        assert_eq!(verify(&good(), now_s), Ok(()));
    }
    for now_s in [AT_S - 301, AT_S + 301] {
        assert_eq!(verify(&good(), now_s), Err(Refusal::Time(301)));
    }
    assert_eq!(verify(&signed("-1", BODY), 0), Err(Refusal::Unreadable("telnyx-timestamp")));
}

#[test]
fn without_a_key_that_is_one_nothing_is_good() {
    let none = ["", "nonsense", &base64(&[0; 32]), &base64(&[0; 31])];
    for secret in none {
        let keys = Keys { secrets: vec![secret.to_owned()], ..keys() };
        let verdict = TEXML.verify(&keys, &good(), Timestamp(AT_S * 1_000));
        assert_eq!(verdict, Err(Refusal::NoKey), "{secret}");
    }
}

#[test]
fn a_get_says_nothing_signed() {
    let get = Request { method: Method::Get, ..signed(&AT_S.to_string(), b"") };
    assert_eq!(verify(&get, AT_S), Err(Refusal::Method));
}

#[test]
fn a_missing_or_double_header_is_refused() {
    for name in ["telnyx-signature-ed25519", "telnyx-timestamp"] {
        let mut request = good();
        request.headers.push((name.to_owned(), "1".to_owned()));
        assert_eq!(verify(&request, AT_S), Err(Refusal::Double(name)));
        request.headers.retain(|(known, _)| known != name);
        assert_eq!(verify(&request, AT_S), Err(Refusal::Missing(name)));
    }
}

#[test]
fn the_account_of_what_was_signed_has_time_and_body() {
    let text = TEXML.signed(&keys(), &good());
    assert!(text.contains("signed text: 1700000000|CallSid=v3%3Aabc&"), "{text}");
    assert!(text.contains("1 of 2 keys can be read"), "{text}");
}

#[test]
fn the_colon_of_a_calls_name_is_escaped_in_a_command() {
    let account = Account { id: "9".to_owned(), secret: "KEY".to_owned(), ..Account::default() };
    let (reference, url) = ("v3:a".to_owned(), "https://h.example/s".to_owned());
    let moved = RestCommand::Move { reference: reference.clone(), url: url.clone(), region: None };
    let call = TEXML.rest(&account, &moved).unwrap();
    assert_eq!(call.url, "https://api.telnyx.com/v2/texml/Accounts/9/Calls/v3%3Aa");
    assert_eq!(call.authorization, account.bearer());
    let watched = RestCommand::Watch { reference, url, region: None };
    assert_eq!(TEXML.rest(&account, &watched), None);
}

proptest! {
    // Unoptimized, one verification takes milliseconds.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_byte_is_refused(at in 0usize..BODY.len(), sig in 0usize..88, to in 33u8..127) {
        let mut request = good();
        let same = request.body[at] == to;
        request.body[at] = to;
        prop_assert_eq!(verify(&request, AT_S).is_ok(), same);
        let mut request = good();
        let mut bytes = request.headers[1].1.clone().into_bytes();
        let same = bytes[sig] == to;
        bytes[sig] = to;
        request.headers[1].1 = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(verify(&request, AT_S).is_ok(), same);
        let mut request = good();
        request.headers[2].1 = format!("{AT_S}{}", char::from(to));
        prop_assert!(verify(&request, AT_S).is_err());
    }

    #[test]
    fn garbage_is_refused(
        body in prop::collection::vec(any::<u8>(), 0..200),
        signature in ".{0,100}",
        at in "[0-9]{0,20}",
    ) {
        let mut request = good();
        request.body = body;
        request.headers[1].1 = signature;
        request.headers[2].1 = at;
        prop_assert!(verify(&request, AT_S).is_err());
        let _ = TEXML.parse(&Link::Voice, &request);
        prop_assert!(!TEXML.signed(&keys(), &request).is_empty());
    }
}
