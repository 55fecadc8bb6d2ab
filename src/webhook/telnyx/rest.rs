//! Commands to calls: `POST /v2/calls/{call}/actions/{action}`, and `POST /v2/calls` to call
//! somebody.
//!
//! **Invariant:** each carries a `command_id`, so that Telnyx does nothing twice.
//!
//! **Deliberately absent:** moving and watching a call: it asks for nothing, and tells everything.

use serde_json::Value;

use crate::webhook::form::encode;
use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestMethod, RestOutcome};

const USUAL: &str = "https://api.telnyx.com";
/// The action that is none of a call's: it makes one.
pub(super) const DIAL: &str = "dial";
/// Telnyx's number for a command to a call that has ended.
const ENDED: &str = "\"90018\"";

pub(super) fn call(account: &Account, command: &RestCommand) -> Option<RestCall> {
    let RestCommand::Action { reference, id, name, body } = command else { return None };
    let base = account.base(None, USUAL);
    let mut body = body.clone();
    body.insert("command_id".to_owned(), id.as_str().into());
    let url = if *name == DIAL {
        body.insert("connection_id".to_owned(), account.id.as_str().into());
        format!("{base}/v2/calls")
    } else {
        format!("{base}/v2/calls/{}/actions/{name}", encode(reference))
    };
    Some(RestCall {
        method: RestMethod::Post,
        url,
        authorization: account.bearer(),
        content_type: "application/json",
        body: Value::Object(body).to_string(),
    })
}

pub(super) fn outcome(answer: &RestAnswer) -> RestOutcome {
    match answer.status {
        422 if answer.body.contains(ENDED) => RestOutcome::Gone,
        _ => answer.outcome(),
    }
}
