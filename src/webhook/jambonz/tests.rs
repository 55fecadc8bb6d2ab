//! jambonz: signatures, fields, documents, commands.

use super::JAMBONZ;
use crate::time::Timestamp;
use crate::webhook::provider::{Checked, Provider, Refusal};
use crate::webhook::request::{Method, Request};
use crate::webhook::rest::{Account, RestAnswer, RestCommand, RestMethod, RestOutcome};
use crate::webhook::sign::{hex, hmac_sha256};
use crate::webhook::tests::{changed, keys_of};

const SECRET: &str = "wh_secret_example";
const BODY: &str = r#"{"call_sid":"a","call_status":"trying"}"#;

fn signature(time: &str, body: &str) -> String {
    hex(&hmac_sha256(SECRET.as_bytes(), &[time.as_bytes(), b".", body.as_bytes()]))
}

fn request(header: &str) -> Request {
    Request {
        method: Method::Post,
        url: "https://ivr.example.com/webhooks/jambonz/voice".to_owned(),
        headers: vec![("jambonz-signature".to_owned(), header.to_owned())],
        body: BODY.as_bytes().to_vec(),
    }
}

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

#[test]
fn the_vector_is_accepted_at_its_time() {
    // Made with the node client's scheme, by another program.
    let header = "t=1700000000,v1=fe2a8dcf354b2f4d546fdc1befef1e573bfb922980e99a8df6b0278b4bba00e3";
    let request = request(header);
    assert_eq!(
        JAMBONZ.verify(&keys_of(&[SECRET]), &request, at(1_700_000_000)),
        Ok(Checked::default())
    );
}

#[test]
fn the_window_is_open_both_ways_and_no_further() {
    let request = request(&format!("t=1700000000,v1={}", signature("1700000000", BODY)));
    let verify = |now| JAMBONZ.verify(&keys_of(&[SECRET]), &request, at(now));
    for now in [1_699_999_700, 1_700_000_000, 1_700_000_300] {
        assert!(verify(now).is_ok(), "{now}");
    }
    assert_eq!(verify(1_699_999_699), Err(Refusal::Time(301)));
    assert_eq!(verify(1_700_000_301), Err(Refusal::Time(301)));
}

#[test]
fn one_of_several_signatures_and_secrets_is_enough() {
    let good = signature("1700000000", BODY);
    let now = at(1_700_000_000);
    let header = format!("t=1700000000,v1={},v1={good}", "0".repeat(64));
    assert!(JAMBONZ.verify(&keys_of(&["old", SECRET]), &request(&header), now).is_ok());
    assert_eq!(JAMBONZ.verify(&keys_of(&["old"]), &request(&header), now), Err(Refusal::Signature));
    assert_eq!(JAMBONZ.verify(&keys_of(&[""]), &request(&header), now), Err(Refusal::NoKey));
}

#[test]
fn a_header_that_is_changed_double_or_strange_is_refused() {
    let good = format!("t=1700000000,v1={}", signature("1700000000", BODY));
    let verify =
        |request: &Request| JAMBONZ.verify(&keys_of(&[SECRET]), request, at(1_700_000_000));
    assert!(verify(&request(&good)).is_ok());
    for changed in changed(&good, 0) {
        assert!(verify(&request(&changed)).is_err(), "{changed}");
    }
    for strange in
        ["", "t=,v1=", "v1=aa", "t=1700000000", "t=1,t=1,v1=a", "t=99999999999999999999,v1=a"]
    {
        let refused = verify(&request(strange));
        assert_eq!(refused, Err(Refusal::Unreadable("jambonz-signature")), "{strange}");
    }
    let mut double = request(&good);
    double.headers.push(double.headers[0].clone());
    assert_eq!(verify(&double), Err(Refusal::Double("jambonz-signature")));
}

#[test]
fn the_account_shows_what_was_signed_and_what_it_should_have_been() {
    let account = JAMBONZ.signed(&keys_of(&[SECRET]), &request("t=1700000000,v1=beef"));
    assert!(account.contains(&format!("\n1700000000.{BODY}\n")), "{account}");
    assert!(account.contains("received v1: beef"), "{account}");
    assert!(account.contains(&signature("1700000000", BODY)), "{account}");
    assert!(!account.contains(SECRET));
}

#[test]
fn a_call_is_moved_and_ended_at_the_configured_address_only() {
    let account = Account {
        id: "ac 1".to_owned(),
        secret: "token".to_owned(),
        base_url: Some("https://jambonz.example.com/".to_owned()),
        ..Account::default()
    };
    let (reference, region) = ("c/1".to_owned(), Some("https://elsewhere.example".to_owned()));
    let url = "https://ivr.example.com/x".to_owned();
    let to = RestCommand::Move { reference: reference.clone(), url, region: region.clone() };
    let call = JAMBONZ.rest(&account, &to).unwrap();
    assert_eq!(call.method, RestMethod::Put);
    assert_eq!(call.url, "https://jambonz.example.com/v1/Accounts/ac%201/Calls/c%2F1");
    let body = r#"{"call_hook":{"method":"POST","url":"https://ivr.example.com/x"}}"#;
    assert_eq!(call.body, body);
    assert_eq!(call.authorization.0, "Bearer token");
    let split = RestCommand::Split {
        reference: "c/2".to_owned(),
        url: "https://ivr.example.com/room".to_owned(),
        caller: reference.clone(),
        caller_url: "https://ivr.example.com/x".to_owned(),
        region: region.clone(),
    };
    let split = JAMBONZ.rest(&account, &split).unwrap();
    assert_eq!(split.url, call.url, "by the caller's leg");
    let room = r#""child_call_hook":{"method":"POST","url":"https://ivr.example.com/room"}"#;
    assert_eq!(split.body, body.replace('}', "") + "}," + room + "}");
    let end = RestCommand::End { reference, region };
    assert_eq!(JAMBONZ.rest(&account, &end).unwrap().body, r#"{"call_status":"completed"}"#);
    assert_eq!(JAMBONZ.rest(&Account { base_url: None, ..account }, &end), None);
    let gone = RestAnswer { status: 422, ..RestAnswer::default() };
    assert_eq!(JAMBONZ.outcome(&gone), RestOutcome::Gone);
}
