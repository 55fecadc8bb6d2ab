//! Commands to calls: `POST /v2/calls/{call}/actions/{action}`, and `POST /v2/calls` to dial; and
//! to conferences: `POST /v2/conferences` makes one around a call, `POST
//! /v2/conferences/{name}/actions/{action}` lets one more in, or out.
//!
//! **Invariant:** each carries a `command_id`, so that Telnyx does nothing twice.
//!
//! **Deliberately absent:** moving and watching a call: Telnyx asks for no document, and reports
//! every event by itself.

use serde_json::Value;

use crate::webhook::form::encode;
use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestMethod, RestOutcome};

const USUAL: &str = "https://api.telnyx.com";
/// The action that makes a call, and so is not about one.
pub(super) const DIAL: &str = "dial";
/// The actions about a conference, whose name is [`CONFERENCE_NAME`] in their body: to make it,
/// with the leg in it, to enter it, and to leave it.
pub(super) const CONFERENCE: &str = "conference";
pub(super) const JOIN: &str = "join";
pub(super) const LEAVE: &str = "leave";
pub(super) const CONFERENCE_NAME: &str = "name";
/// Telnyx's published number for a command to a call that has ended.
const ENDED: &str = "\"90018\"";
/// And to a conference that has.
const CONFERENCE_ENDED: &str = "\"90019\"";
/// And for a new conference of a name that there is. What it says of a call that is in the
/// conference already, or is to leave one that it is not in, is not published.
const NAME_TAKEN: &str = "\"90033\"";

pub(super) fn call(account: &Account, command: &RestCommand) -> Option<RestCall> {
    let RestCommand::Action { reference, id, name, body } = command else { return None };
    let base = account.base(None, USUAL);
    let mut body = body.clone();
    body.insert("command_id".to_owned(), id.as_str().into());
    let mut say = |name: &str, value: &str| drop(body.insert(name.to_owned(), value.into()));
    let url = match *name {
        DIAL => {
            say("connection_id", &account.id);
            format!("{base}/v2/calls")
        }
        CONFERENCE => {
            say("call_control_id", reference);
            format!("{base}/v2/conferences")
        }
        JOIN | LEAVE => {
            say("call_control_id", reference);
            let conference = body.remove(CONFERENCE_NAME);
            let conference = conference.as_ref().and_then(Value::as_str).unwrap_or_default();
            format!("{base}/v2/conferences/{}/actions/{name}", encode(conference))
        }
        _ => format!("{base}/v2/calls/{}/actions/{name}", encode(reference)),
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
        422 if answer.body.contains(CONFERENCE_ENDED) => RestOutcome::Gone,
        _ => answer.outcome(),
    }
}

/// Whether a conference was not made because there is one of its name.
pub(super) fn is_taken(said: &str) -> bool {
    said.contains(NAME_TAKEN)
}
