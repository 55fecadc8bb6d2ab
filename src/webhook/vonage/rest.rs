//! Commands for Vonage's calls.
//!
//! **Invariant:** a command goes to the region the call is in; elsewhere it does not exist.
//!
//! **Deliberately absent:** the `Authorization`: a token that `Provider::to_sign` begins and who
//! sends it signs. [`Watch`](RestCommand::Watch), which Vonage has none of.

use serde_json::json;

use crate::webhook::form;
use crate::webhook::rest::{Account, Auth, RestCall, RestCommand, RestMethod};

const USUAL: &str = "https://api.nexmo.com";

pub(super) fn rest(account: &Account, command: &RestCommand) -> Option<RestCall> {
    if account.id.is_empty() || account.secret.is_empty() {
        return None;
    }
    let (reference, region, body) = match command {
        RestCommand::Move { reference, url, region }
        | RestCommand::Split { reference, url, region, .. } => {
            let to = json!({ "type": "ncco", "url": [url] });
            (reference, region, json!({ "action": "transfer", "destination": to }))
        }
        RestCommand::End { reference, region } => {
            (reference, region, json!({ "action": "hangup" }))
        }
        RestCommand::Watch { .. } | RestCommand::Action { .. } => return None,
    };
    let base = account.base(region.as_deref(), USUAL);
    Some(RestCall {
        method: RestMethod::Put,
        url: format!("{base}/v1/calls/{}", form::encode(reference)),
        authorization: Auth(String::new()),
        content_type: "application/json",
        body: body.to_string(),
    })
}
