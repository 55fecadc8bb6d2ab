//! A call to try the way in with, as Vonage would send it.
//!
//! **Invariant:** no two of them have one `jti`, or the second would be a replay.

use serde_json::json;

use crate::webhook::provider::Keys;
use crate::webhook::request::Request;
use crate::webhook::sign::{hex, sha256};
use crate::webhook::test_call::TestCall;
use crate::webhook::vonage::jwt;

pub(super) fn test_call(keys: &Keys, test_call: &TestCall<'_>) -> Option<Request> {
    let mut body = json!({
        "uuid": test_call.call,
        "conversation_uuid": format!("CON-{}", test_call.call),
        "from": test_call.from.trim_start_matches('+'),
        "to": test_call.to.trim_start_matches('+'),
    });
    if test_call.is_over {
        body["status"] = json!("completed");
    }
    let mut request = test_call.json(&body);
    let claims = json!({
        "iat": test_call.now_s(),
        "jti": format!("{}{}", test_call.call, u8::from(test_call.is_over)),
        "payload_hash": hex(&sha256(&request.body)),
        "application_id": keys.application,
    });
    let token = jwt::signed(keys.secrets.first()?, &claims);
    request.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    Some(request)
}
