//! Twilio through its door: published signatures, changed requests, commands.

use proptest::prelude::*;

use super::TWILIO;
use crate::time::Timestamp;
use crate::webhook::link::Link;
use crate::webhook::provider::{Checked, Keys, Provider, Refusal};
use crate::webhook::request::{Method, Request};
use crate::webhook::rest::{Account, RestAnswer, RestCommand, RestMethod, RestOutcome};
use crate::webhook::twiml::signature::Algorithm::{self, Sha1, Sha256};

const FORM: &str = "application/x-www-form-urlencoded";
const HTTPS: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const CALL: &str = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234\
                    &From=%2B14158675309&To=%2B18005551212";
const JSON_BODY: &str = r#"{"property": "value", "boolean": true}"#;
const JSON_URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2\
     &bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";

fn keys(secrets: &[&str]) -> Keys {
    Keys { secrets: secrets.iter().map(|s| (*s).to_owned()).collect(), ..Keys::default() }
}

fn request(url: &str, content_type: &str, body: &str, signature: &str) -> Request {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Request {
        method: Method::Post,
        url: url.to_owned(),
        headers: vec![
            header("content-type", content_type),
            header("x-twilio-signature", signature),
        ],
        body: body.as_bytes().to_vec(),
    }
}

fn verify(request: &Request) -> Result<Checked, Refusal> {
    TWILIO.verify(&keys(&["12345"]), request, Timestamp(0))
}

fn good() -> Request {
    request(HTTPS, FORM, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
}

#[test]
fn published_signatures_are_good() {
    let http = "http://mycompany.com/myapp.php?foo=1&bar=2";
    let repeated = "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234";
    let table = [
        (HTTPS, FORM, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        // Signed with a port that the address here has not.
        (HTTPS, FORM, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (http, FORM, CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        // And the other way round.
        (
            "https://mycompany.com:8443/myapp.php?foo=1&bar=2",
            FORM,
            CALL,
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        (HTTPS, FORM, repeated, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        (JSON_URL, "application/json", JSON_BODY, "a9nBmqA0ju/hNViExpshrM61xv4="),
    ];
    for (url, content_type, body, signature) in table {
        let request = request(url, content_type, body, signature);
        assert_eq!(verify(&request), Ok(Checked::default()), "{url} {signature}");
    }
}

#[test]
fn any_configured_token_is_good_and_none_is_not() {
    let verify = |secrets: &[&str]| TWILIO.verify(&keys(secrets), &good(), Timestamp(0));
    assert!(verify(&["other", "12345"]).is_ok());
    assert_eq!(verify(&["other"]), Err(Refusal::Signature));
    for none in [&[][..], &[""], &["id:12345"]] {
        assert_eq!(verify(none), Err(Refusal::NoKey), "{none:?}");
    }
}

#[test]
fn a_missing_or_double_signature_is_refused() {
    let mut request = good();
    request.headers.push(("x-twilio-signature".to_owned(), "x".to_owned()));
    assert_eq!(verify(&request), Err(Refusal::Double("x-twilio-signature")));
    request.headers.clear();
    assert_eq!(verify(&request), Err(Refusal::Missing("x-twilio-signature")));
}

#[test]
fn a_get_is_signed_by_its_address() {
    let url = "https://ivr.example.com/webhooks/twilio/voice?CallSid=CA1&From=%2B14155550101";
    let signature = Algorithm::Sha1.sign("12345", url, "");
    let mut request = request(url, "", "", &signature);
    request.method = Method::Get;
    assert!(verify(&request).is_ok());
    let fields = TWILIO.parse(&Link::Voice, &request).unwrap();
    assert_eq!((fields.reference.as_str(), fields.from.as_deref()), ("CA1", Some("+14155550101")));
    request.url = url.replace("0101", "0102");
    assert_eq!(verify(&request), Err(Refusal::Signature));
}

#[test]
fn the_user_in_the_address_is_signed_with_it() {
    let algorithm = Algorithm::Sha1;
    for (ours, theirs) in [
        ("https://u:p@h.example:8443/a", "https://u:p@h.example/a"),
        ("https://u:p@h.example/a", "https://u:p@h.example:443/a"),
        ("https://[::1]:8443/a?b=c:d", "https://[::1]/a?b=c:d"),
        ("https://[::1]/a", "https://[::1]:443/a"),
        ("https://h.example", "https://h.example:443"),
    ] {
        let signature = algorithm.sign("12345", theirs, "a1");
        assert!(verify(&request(ours, FORM, "a=1", &signature)).is_ok(), "{ours}");
    }
}

#[test]
fn a_body_that_is_no_form_is_believed_by_its_digest_only() {
    let signature = "a9nBmqA0ju/hNViExpshrM61xv4=";
    let changed = request(JSON_URL, "application/json", "{}", signature);
    assert_eq!(verify(&changed), Err(Refusal::Body));
    let algorithm = Algorithm::Sha1;
    let bare = algorithm.sign("12345", HTTPS, "");
    let undigested = request(HTTPS, "application/json", "{}", &bare);
    assert_eq!(verify(&undigested), Err(Refusal::Body));
    let untyped = request(HTTPS, "", CALL, &bare);
    assert_eq!(verify(&untyped), Err(Refusal::Body));
}

#[test]
fn a_shared_key_signs_with_sha_256_and_in_no_other_way() {
    let keys = keys(&["12345", "webhooks_key_1:s3", "webhooks_key_2:s4"]);
    let signed = |algorithm: Algorithm, secret, settings: &str| {
        let mut request = request(HTTPS, FORM, "a=1", &algorithm.sign(secret, HTTPS, "a1"));
        let header = "x-twilio-webhooks-signature-settings".to_owned();
        request.headers.push((header, settings.to_owned()));
        TWILIO.verify(&keys, &request, Timestamp(0))
    };
    let header = "x-twilio-webhooks-signature-settings";
    assert!(signed(Sha256, "s3", "key=webhooks_key_1,algorithm=HMAC_SHA256").is_ok());
    assert!(signed(Sha256, "s4", " algorithm=HMAC_SHA256 , key=webhooks_key_2").is_ok());
    for (algorithm, secret, settings, refusal) in [
        (Sha256, "s3", "key=webhooks_key_2,algorithm=HMAC_SHA256", Refusal::Signature),
        (Sha256, "12345", "key=webhooks_key_1,algorithm=HMAC_SHA256", Refusal::Signature),
        (Sha256, "s3", "key=webhooks_key_3,algorithm=HMAC_SHA256", Refusal::NoKey),
        (Sha1, "s3", "key=webhooks_key_1,algorithm=HMAC_SHA1", Refusal::Unreadable(header)),
        (Sha1, "12345", "algorithm=HMAC_SHA1", Refusal::Unreadable(header)),
        (Sha1, "12345", "", Refusal::Unreadable(header)),
    ] {
        assert_eq!(signed(algorithm, secret, settings), Err(refusal), "{settings}");
    }
}

#[test]
fn the_account_of_what_was_signed_names_the_spelling_that_fits() {
    let text = TWILIO.signed(&keys(&["12345"]), &good());
    let signed = "https://mycompany.com/myapp.php?foo=1&bar=2CallSidCA1234567890ABCDE\
                  Caller+14158675309Digits1234From+14158675309To+18005551212\n  \
                  by key 1: RSOYDt4T1cUTdK1PDd93/VVr8B8= (this one)";
    assert!(text.contains(signed), "{text}");
    assert!(text.contains("https://mycompany.com:443/myapp.php"), "{text}");
    assert!(text.contains("kvajT1Ptam85bY51eRf/AJRuM3w= (differs)"), "{text}");
}

#[test]
fn a_call_is_moved_ended_and_watched() {
    let account = Account {
        id: "AC1".to_owned(),
        secret: "t".to_owned(),
        base_url: Some("http://127.0.0.1:9".to_owned()),
        ..Account::default()
    };
    let (reference, url) = ("CA1".to_owned(), "https://h.example/s?c=1&n=2".to_owned());
    let moved = RestCommand::Move { reference: reference.clone(), url: url.clone(), region: None };
    let call = TWILIO.rest(&account, &moved).unwrap();
    assert_eq!(call.url, "http://127.0.0.1:9/2010-04-01/Accounts/AC1/Calls/CA1.json");
    assert_eq!(call.method, RestMethod::Post);
    assert_eq!(call.body, "Url=https%3A%2F%2Fh.example%2Fs%3Fc%3D1%26n%3D2&Method=POST");
    assert_eq!((call.authorization, call.content_type), (account.basic(), FORM));
    let ended = RestCommand::End { reference: reference.clone(), region: None };
    let usual = Account { base_url: None, ..account.clone() };
    let call = TWILIO.rest(&usual, &ended).unwrap();
    assert!(call.url.starts_with("https://api.twilio.com/2010-04-01/"), "{}", call.url);
    assert_eq!(call.body, "Status=completed");
    let watched = RestCommand::Watch { reference, url, region: None };
    let body = TWILIO.rest(&account, &watched).unwrap().body;
    assert!(body.starts_with("StatusCallback=https%3A%2F%2Fh"), "{body}");
}

#[test]
fn a_call_that_is_not_in_progress_is_gone() {
    let answer = |status, body: &str| {
        TWILIO.outcome(&RestAnswer { status, body: body.to_owned(), ..RestAnswer::default() })
    };
    assert_eq!(answer(400, r#"{"code": 21220}"#), RestOutcome::Gone);
    assert_eq!(answer(429, r#"{"code": 20429}"#), RestOutcome::Busy(None));
    assert_eq!(answer(200, "{}"), RestOutcome::Done);
    let other = r#"{"code": 21205}"#;
    assert_eq!(answer(400, other), RestOutcome::Refused(format!("400 {other}")));
}

proptest! {
    #[test]
    fn a_changed_address_or_signature_is_refused(
        at in 0..HTTPS.len(),
        sig in 0usize..28,
        to in 33u8..127,
    ) {
        let change = |text: &str, at: usize| {
            let mut bytes = text.as_bytes().to_vec();
            let same = bytes[at] == to;
            bytes[at] = to;
            (String::from_utf8(bytes).unwrap(), same)
        };
        let mut request = good();
        let (url, same) = change(HTTPS, at);
        request.url = url;
        prop_assert_eq!(verify(&request).is_ok(), same);
        let mut request = good();
        let (signature, same) = change("RSOYDt4T1cUTdK1PDd93/VVr8B8=", sig);
        request.headers[1].1 = signature;
        prop_assert_eq!(verify(&request).is_ok(), same);
    }

    /// The text signed has nothing between a name and its value, and an escape may be written in
    /// two ways; so letters and digits are exchanged for others.
    #[test]
    fn a_changed_letter_of_the_body_is_refused(at in 0usize..CALL.len(), to in "[0-9A-Za-z]") {
        let mut body = CALL.to_owned();
        let old = &body[at..=at];
        let escaped = body[at.saturating_sub(2)..at].contains('%');
        prop_assume!(old != to && old.as_bytes()[0].is_ascii_alphanumeric() && !escaped);
        body.replace_range(at..=at, &to);
        let request = Request { body: body.into_bytes(), ..good() };
        prop_assert_eq!(verify(&request), Err(Refusal::Signature));
    }

    #[test]
    fn garbage_is_refused(
        url in ".{0,80}",
        body in prop::collection::vec(any::<u8>(), 0..200),
        signature in ".{0,40}",
        kind in 0usize..3,
        settings in prop::option::of(".{0,40}"),
    ) {
        let kind = [FORM, "application/json", ""][kind];
        let mut request = request(&url, kind, "", &signature);
        request.body = body;
        if let Some(settings) = settings {
            request.headers.push(("x-twilio-webhooks-signature-settings".to_owned(), settings));
        }
        prop_assert!(verify(&request).is_err());
        let _ = TWILIO.parse(&Link::Voice, &request);
        prop_assert!(!TWILIO.signed(&keys(&["12345"]), &request).is_empty());
    }
}
