//! Bandwidth: credentials, fields, documents, commands.

use super::{BANDWIDTH, support};
use crate::time::Timestamp;
use crate::webhook::provider::{Checked, Provider, Refusal};
use crate::webhook::request::{Method, Request};
use crate::webhook::rest::{Account, RestCommand};
use crate::webhook::sign::base64;
use crate::webhook::support::Support;
use crate::webhook::tests::{changed, fits_whatever_is_said, keys_of};
use crate::words::Need;

fn request(authorization: &str) -> Request {
    Request {
        method: Method::Post,
        url: "https://ivr.example.com/webhooks/bandwidth/voice".to_owned(),
        headers: vec![("authorization".to_owned(), authorization.to_owned())],
        body: b"{}".to_vec(),
    }
}

fn verify(secrets: &[&str], authorization: &str) -> Result<Checked, Refusal> {
    BANDWIDTH.verify(&keys_of(secrets), &request(authorization), Timestamp::default())
}

fn basic(text: &str) -> String {
    format!("Basic {}", base64(text.as_bytes()))
}

#[test]
fn one_of_the_configured_passwords_is_enough() {
    assert!(verify(&["ann:old", "ann:n:ew"], &basic("ann:n:ew")).is_ok());
    assert!(verify(&["ann:new"], &basic("ann:new").replace("Basic", "basic")).is_ok());
    for wrong in ["ann:ne", "ann:neww", "bob:new", "ann", ":", ""] {
        assert_eq!(verify(&["ann:new"], &basic(wrong)), Err(Refusal::Signature), "{wrong}");
    }
    for unusable in ["", ":", "ann:", ":new", "new"] {
        assert_eq!(verify(&[unusable], &basic(unusable)), Err(Refusal::NoKey), "{unusable}");
    }
}

#[test]
fn a_header_that_is_changed_double_or_strange_is_refused() {
    let good = basic("ann:new");
    for changed in changed(&good, "Basic ".len()) {
        assert!(verify(&["ann:new"], &changed).is_err(), "{changed}");
    }
    for strange in ["", "Basic", "Bearer YW5uOm5ldw==", "Basic §", "YW5uOm5ldw=="] {
        assert_eq!(verify(&["ann:new"], strange), Err(Refusal::Unreadable("authorization")));
    }
    let mut double = request(&good);
    double.headers.push(double.headers[0].clone());
    let refused = BANDWIDTH.verify(&keys_of(&["ann:new"]), &double, Timestamp::default());
    assert_eq!(refused, Err(Refusal::Double("authorization")));
}

#[test]
fn the_account_names_users_and_no_password() {
    let account =
        BANDWIDTH.signed(&keys_of(&["ann:hush", "bob:hush"]), &request(&basic("ann:guess")));
    assert!(account.contains("expected user: \"ann\": the password is another one"), "{account}");
    assert!(account.contains("expected user: \"bob\": another user"), "{account}");
    assert!(!account.contains("hush") && !account.contains("guess"), "{account}");
}

#[test]
fn a_call_that_is_moved_comes_with_the_password() {
    let account = Account {
        id: "5555".to_owned(),
        user: Some("api".to_owned()),
        secret: "token".to_owned(),
        access: Some("ann:new".to_owned()),
        ..Account::default()
    };
    assert!(!format!("{account:?}").contains("new"));
    let (reference, region) = ("c-1".to_owned(), None);
    let url = "https://ivr.example.com/x".to_owned();
    let to = RestCommand::Move { reference: reference.clone(), url, region: None };
    let call = BANDWIDTH.rest(&account, &to).unwrap();
    assert_eq!(call.url, "https://voice.bandwidth.com/api/v2/accounts/5555/calls/c-1");
    assert_eq!(call.authorization.0, basic("api:token"));
    let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body["redirectUrl"], "https://ivr.example.com/x");
    assert_eq!((&body["username"], &body["password"]), (&"ann".into(), &"new".into()));
    let both = Account { user: None, secret: "api:token".to_owned(), ..account.clone() };
    assert_eq!(BANDWIDTH.rest(&both, &to).unwrap().authorization.0, basic("api:token"));
    let end = BANDWIDTH.rest(&account, &RestCommand::End { reference, region }).unwrap();
    assert_eq!(end.body, r#"{"state":"completed"}"#);
}

#[test]
fn languages_have_its_names() {
    for (tag, locale) in [("en", "en_US"), ("en-GB", "en_UK"), ("de-DE", "de"), ("es-MX", "es_MX")]
    {
        assert_eq!(support::locale(tag), Some(locale));
    }
    assert_eq!(support::locale("sv-SE"), None);
    assert!(matches!(BANDWIDTH.support(&Need::KeysMax(51)), Support::Partly(_)));
    assert_eq!(BANDWIDTH.support(&Need::KeysMax(50)), Support::Whole);
}

#[test]
fn a_document_fits_whatever_is_said_and_asks_all_the_same() {
    fits_whatever_is_said(&BANDWIDTH, super::render::DOCUMENT_BYTES_MAX);
}
