//! A call to try the way in with, as Plivo would send it.
//!
//! **Invariant:** it is signed by version 3, whatever the key would let in.

use crate::webhook::plivo::verify;
use crate::webhook::provider::Keys;
use crate::webhook::request::Request;
use crate::webhook::test_call::TestCall;

pub(super) fn test_call(keys: &Keys, test_call: &TestCall<'_>) -> Option<Request> {
    let mut request = test_call.form(&[
        ("CallUUID", test_call.call),
        ("CallStatus", if test_call.is_over { "completed" } else { "ringing" }),
        ("Direction", "inbound"),
        ("From", test_call.from),
        ("To", test_call.to),
    ]);
    let nonce = format!("{}{}", test_call.call, u8::from(test_call.is_over));
    verify::sign(keys.secrets.first()?, &mut request, nonce);
    Some(request)
}
