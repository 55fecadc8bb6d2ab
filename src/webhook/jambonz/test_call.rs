//! A call to try the way in with, as jambonz would send it.
//!
//! **Invariant:** the time it is signed with is that of the test call.

use serde_json::json;

use crate::webhook::jambonz::verify;
use crate::webhook::provider::Keys;
use crate::webhook::request::Request;
use crate::webhook::test_call::TestCall;

pub(super) fn test_call(keys: &Keys, test_call: &TestCall<'_>) -> Option<Request> {
    let mut request = test_call.json(&json!({
        "call_sid": test_call.call,
        "direction": "inbound",
        "from": test_call.from,
        "to": test_call.to,
        "call_status": if test_call.is_over { "completed" } else { "trying" },
    }));
    verify::sign(keys.secrets.first()?, &mut request, test_call.now_s());
    Some(request)
}
