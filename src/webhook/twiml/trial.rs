//! A call to try the way in with, as a provider that signs like Twilio would send it.
//!
//! **Invariant:** it is signed with a secret that [`signature`] would let in.

use crate::webhook::request::Request;
use crate::webhook::trial::Trial;
use crate::webhook::twiml::signature::{self, Algorithm};

/// The call of that name, signed in that header.
#[must_use]
pub fn call(
    trial: &Trial<'_>,
    name: &str,
    header: &'static str,
    secret: Option<&str>,
) -> Option<Request> {
    let mut request = trial.form(&[
        ("CallSid", name),
        ("CallStatus", if trial.is_over { "completed" } else { "ringing" }),
        ("Direction", "inbound"),
        ("From", trial.from),
        ("To", trial.to),
    ]);
    let fields = signature::signed_fields(&request).ok()?;
    let signature = Algorithm::Sha1.sign(secret?, trial.url, &fields);
    request.headers.push((header.to_owned(), signature));
    Some(request)
}
