//! A call to try the way in with, as jambonz would send it.
//!
//! **Invariant:** the time it is signed with is that of the trial.

use serde_json::json;

use crate::webhook::jambonz::verify;
use crate::webhook::provider::Keys;
use crate::webhook::request::Request;
use crate::webhook::trial::Trial;

pub(super) fn trial(keys: &Keys, trial: &Trial<'_>) -> Option<Request> {
    let mut request = trial.json(&json!({
        "call_sid": trial.call,
        "direction": "inbound",
        "from": trial.from,
        "to": trial.to,
        "call_status": if trial.is_over { "completed" } else { "trying" },
    }));
    verify::sign(keys.secrets.first()?, &mut request, trial.now_s());
    Some(request)
}
