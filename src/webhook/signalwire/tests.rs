//! SignalWire through its door.

use super::SIGNALWIRE;
use crate::time::Timestamp;
use crate::webhook::provider::{Keys, Provider, Refusal};
use crate::webhook::request::{Method, Request};
use crate::webhook::rest::{Account, RestCommand};
use crate::webhook::twiml::signature::Algorithm;

const KEY: &str = "PSK_test_key_of_no_account";
const URL: &str = "https://ivr.example.com/webhooks/signalwire/voice";
const FORM: &str = "application/x-www-form-urlencoded";

fn request(signature: &str) -> Request {
    let headers = [("content-type", FORM), ("x-signalwire-signature", signature)];
    Request {
        method: Method::Post,
        url: URL.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: b"CallSid=7e7c&From=%2B14155550101".to_vec(),
    }
}

fn verify(secret: &str, request: &Request) -> Result<(), Refusal> {
    let keys = Keys { secrets: vec![secret.to_owned()], ..Keys::default() };
    SIGNALWIRE.verify(&keys, request, Timestamp(0)).map(|_| ())
}

#[test]
fn its_own_header_and_key_count() {
    let signature = Algorithm::Sha1.sign(KEY, URL, "CallSid7e7cFrom+14155550101");
    let good = request(&signature);
    assert_eq!(verify(KEY, &good), Ok(()));
    assert_eq!(verify("PSK_other", &good), Err(Refusal::Signature));
    assert_eq!(verify("", &good), Err(Refusal::NoKey));
    let mut other = good.clone();
    other.headers[1].0 = "x-twilio-signature".to_owned();
    assert_eq!(verify(KEY, &other), Err(Refusal::Missing("x-signalwire-signature")));
    let keys = Keys { secrets: vec![KEY.to_owned()], ..Keys::default() };
    assert!(SIGNALWIRE.signed(&keys, &good).contains("(this one)"));
}

/// Its own library is tested with Twilio's example.
#[test]
fn a_published_signature_is_good() {
    let mut request = request("RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    "https://mycompany.com/myapp.php?foo=1&bar=2".clone_into(&mut request.url);
    request.body = b"To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309\
                     &From=%2B14158675309&Digits=1234"
        .to_vec();
    assert_eq!(verify("12345", &request), Ok(()));
}

#[test]
fn commands_go_to_the_customers_own_host() {
    let ended = RestCommand::End { reference: "7e7c".to_owned(), region: None };
    let account = Account { id: "p1".to_owned(), secret: "t".to_owned(), ..Account::default() };
    assert_eq!(SIGNALWIRE.rest(&account, &ended), None);
    let account = Account { base_url: Some("https://s.signalwire.com/".to_owned()), ..account };
    let call = SIGNALWIRE.rest(&account, &ended).unwrap();
    let url = "https://s.signalwire.com/api/laml/2010-04-01/Accounts/p1/Calls/7e7c";
    assert_eq!((call.url.as_str(), call.body.as_str()), (url, "Status=completed"));
}
