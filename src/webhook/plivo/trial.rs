//! A call to try the way in with, as Plivo would send it.
//!
//! **Invariant:** it is signed by version 3, whatever the key would let in.

use crate::webhook::plivo::verify;
use crate::webhook::provider::Keys;
use crate::webhook::request::Request;
use crate::webhook::trial::Trial;

pub(super) fn trial(keys: &Keys, trial: &Trial<'_>) -> Option<Request> {
    let mut request = trial.form(&[
        ("CallUUID", trial.call),
        ("CallStatus", if trial.is_over { "completed" } else { "ringing" }),
        ("Direction", "inbound"),
        ("From", trial.from),
        ("To", trial.to),
    ]);
    let nonce = format!("{}{}", trial.call, u8::from(trial.is_over));
    verify::sign(keys.secrets.first()?, &mut request, nonce);
    Some(request)
}
