//! Moving and ending a call: `PUT /v1/Accounts/{account}/Calls/{call}` of the jambonz API.
//!
//! **Invariant:** a token goes to the configured address only; there is no usual one, because
//! everybody runs a jambonz of their own.
//!
//! **Deliberately absent:** watching a call that is up. jambonz reports to the application's status
//! hook, and takes another one only together with a new document.

use serde_json::json;

use crate::webhook::form::encode;
use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestMethod, RestOutcome};

pub(super) fn rest(account: &Account, command: &RestCommand) -> Option<RestCall> {
    let (reference, body) = match command {
        RestCommand::Move { reference, url, region: _ } => {
            (reference, json!({"call_hook": {"url": url, "method": "POST"}}))
        }
        // Given nothing to go on with, the caller would be hung up.
        RestCommand::Split { reference: _, url, caller, caller_url, region: _ } => {
            let hook = |url: &str| json!({"url": url, "method": "POST"});
            (caller, json!({"call_hook": hook(caller_url), "child_call_hook": hook(url)}))
        }
        RestCommand::End { reference, region: _ } => {
            (reference, json!({"call_status": "completed"}))
        }
        RestCommand::Watch { .. } | RestCommand::Action { .. } => return None,
    };
    let base = account.base_url.as_deref()?.trim_end_matches('/');
    let (id, call) = (encode(&account.id), encode(reference));
    Some(RestCall {
        method: RestMethod::Put,
        url: format!("{base}/v1/Accounts/{id}/Calls/{call}"),
        authorization: account.bearer(),
        content_type: "application/json",
        body: body.to_string(),
    })
}

/// 422 is jambonz's word for a session that is gone, or was never answered.
pub(super) fn outcome(answer: &RestAnswer) -> RestOutcome {
    match answer.status {
        422 => RestOutcome::Gone,
        _ => answer.outcome(),
    }
}
