//! Twilio's signature.
//!
//! **Invariant:** a key with an identifier signs only what names that identifier, and an auth token
//! only what names none.
//!
//! **Deliberately absent:** a time, which Twilio signs none of: the step number in our address is
//! what makes a copy harmless.

use crate::webhook::provider::{Checked, Keys, Refusal, only_header};
use crate::webhook::request::Request;
use crate::webhook::test_call::TestCall;
use crate::webhook::twiml;
use crate::webhook::twiml::signature::{self, Algorithm};

const SIGNATURE: &str = "x-twilio-signature";
/// `key=…,algorithm=HMAC_SHA256`, where a shared key has signed.
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

pub(super) fn verify(keys: &Keys, request: &Request) -> Result<Checked, Refusal> {
    if keys.secrets.is_empty() {
        return Err(Refusal::NoKey);
    }
    let signature = only_header(request, SIGNATURE)?;
    let (algorithm, secrets) = secrets(keys, request)?;
    if secrets.is_empty() {
        return Err(Refusal::NoKey);
    }
    signature::verify(request, signature, algorithm, secrets.into_iter())?;
    Ok(Checked::default())
}

pub(super) fn signed(keys: &Keys, request: &Request) -> String {
    match secrets(keys, request) {
        Ok((algorithm, secrets)) => signature::account(request, SIGNATURE, algorithm, &secrets),
        Err(refusal) => format!("{refusal}\n"),
    }
}

/// With an auth token, as most accounts are called.
pub(super) fn test_call(keys: &Keys, test_call: &TestCall<'_>) -> Option<Request> {
    let name = format!("CA{}", test_call.call);
    twiml::test_call::call(test_call, &name, SIGNATURE, tokens(keys).next())
}

/// The secrets that may have signed it, and how. Auth tokens sign with SHA-1 and shared keys, which
/// the request must name, with SHA-256.
fn secrets<'a>(keys: &'a Keys, request: &Request) -> Result<(Algorithm, Vec<&'a str>), Refusal> {
    if request.header(SETTINGS).is_none() {
        return Ok((Algorithm::Sha1, tokens(keys).collect()));
    }
    let settings = only_header(request, SETTINGS)?;
    let setting = |name| {
        let mut all = settings.split(',').filter_map(|part| part.split_once('='));
        all.find(|(known, _)| known.trim() == name).map(|(_, value)| value.trim())
    };
    let (Some(named), Some("HMAC_SHA256")) = (setting("key"), setting("algorithm")) else {
        return Err(Refusal::Unreadable(SETTINGS));
    };
    let shared = keys.secrets.iter().filter_map(|secret| secret.split_once(':'));
    let named = shared.filter(|(id, secret)| *id == named && !secret.is_empty());
    Ok((Algorithm::Sha256, named.map(|(_, secret)| secret).collect()))
}

fn tokens(keys: &Keys) -> impl Iterator<Item = &str> {
    let secrets = keys.secrets.iter().map(String::as_str);
    secrets.filter(|secret| !secret.contains(':') && !secret.is_empty())
}
