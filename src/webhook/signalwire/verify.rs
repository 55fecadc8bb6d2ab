//! SignalWire's signature: Twilio's scheme under a name and with a key of its own.
//!
//! **Invariant:** a header that is missing or double refuses the request.
//!
//! **Deliberately absent:** a time, which SignalWire signs none of.

use crate::webhook::provider::{Checked, Keys, Refusal, only_header};
use crate::webhook::request::Request;
use crate::webhook::test_call::TestCall;
use crate::webhook::twiml;
use crate::webhook::twiml::signature::{self, Algorithm};

const SIGNATURE: &str = "x-signalwire-signature";

pub(super) fn verify(keys: &Keys, request: &Request) -> Result<Checked, Refusal> {
    let secrets = secrets(keys);
    if secrets.is_empty() {
        return Err(Refusal::NoKey);
    }
    let signature = only_header(request, SIGNATURE)?;
    signature::verify(request, signature, Algorithm::Sha1, secrets.into_iter())?;
    Ok(Checked::default())
}

pub(super) fn signed(keys: &Keys, request: &Request) -> String {
    signature::account(request, SIGNATURE, Algorithm::Sha1, &secrets(keys))
}

pub(super) fn test_call(keys: &Keys, test_call: &TestCall<'_>) -> Option<Request> {
    twiml::test_call::call(test_call, test_call.call, SIGNATURE, secrets(keys).first().copied())
}

fn secrets(keys: &Keys) -> Vec<&str> {
    keys.secrets.iter().map(String::as_str).filter(|secret| !secret.is_empty()).collect()
}
