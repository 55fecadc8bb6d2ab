//! A call to try the way in with, as Vonage would send it.
//!
//! **Invariant:** no two of them have one `jti`, or the second would be a replay.

use serde_json::json;

use crate::webhook::provider::Keys;
use crate::webhook::request::Request;
use crate::webhook::sign::{hex, sha256};
use crate::webhook::trial::Trial;
use crate::webhook::vonage::jwt;

pub(super) fn trial(keys: &Keys, trial: &Trial<'_>) -> Option<Request> {
    let mut body = json!({
        "uuid": trial.call,
        "conversation_uuid": format!("CON-{}", trial.call),
        "from": trial.from.trim_start_matches('+'),
        "to": trial.to.trim_start_matches('+'),
    });
    if trial.is_over {
        body["status"] = json!("completed");
    }
    let mut request = trial.json(&body);
    let claims = json!({
        "iat": trial.now_s(),
        "jti": format!("{}{}", trial.call, u8::from(trial.is_over)),
        "payload_hash": hex(&sha256(&request.body)),
        "application_id": keys.application,
    });
    let token = jwt::signed(keys.secrets.first()?, &claims);
    request.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    Some(request)
}
