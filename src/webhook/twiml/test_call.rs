//! A call to try the way in with, as a provider that signs like Twilio would send it.
//!
//! **Invariant:** it is signed with a secret that [`signature`] would let in.

use crate::webhook::request::Request;
use crate::webhook::test_call::TestCall;
use crate::webhook::twiml::signature::{self, Algorithm};

/// The call of that name, signed in that header.
#[must_use]
pub fn call(
    test_call: &TestCall<'_>,
    name: &str,
    header: &'static str,
    secret: Option<&str>,
) -> Option<Request> {
    let mut request = test_call.form(&[
        ("CallSid", name),
        ("CallStatus", if test_call.is_over { "completed" } else { "ringing" }),
        ("Direction", "inbound"),
        ("From", test_call.from),
        ("To", test_call.to),
    ]);
    let fields = signature::signed_fields(&request).ok()?;
    let signature = Algorithm::Sha1.sign(secret?, test_call.url, &fields);
    request.headers.push((header.to_owned(), signature));
    Some(request)
}
