//! A call to try the way in with, as Bandwidth would send it.
//!
//! **Invariant:** it comes with the user and password that our own documents name.

use serde_json::json;

use crate::webhook::bandwidth::verify;
use crate::webhook::provider::Keys;
use crate::webhook::request::Request;
use crate::webhook::sign::base64;
use crate::webhook::test_call::TestCall;

pub(super) fn test_call(keys: &Keys, test_call: &TestCall<'_>) -> Option<Request> {
    let mut request = test_call.json(&json!({
        "eventType": if test_call.is_over { "disconnect" } else { "initiate" },
        "callId": format!("c-{}", test_call.call),
        "direction": "inbound",
        "from": test_call.from,
        "to": test_call.to,
        "cause": "hangup",
    }));
    let secret = keys.secrets.iter().find(|secret| verify::is_usable(secret))?;
    let secret = base64(secret.as_bytes());
    request.headers.push(("authorization".to_owned(), format!("Basic {secret}")));
    Some(request)
}
