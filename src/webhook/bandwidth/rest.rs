//! Moving and ending a call: `POST /api/v2/accounts/{account}/calls/{call}`.
//!
//! **Invariant:** a call that is moved comes with the user and password its verbs would come with.
//!
//! **Deliberately absent:** watching a call that is up; Bandwidth reports to its application.

use serde_json::json;

use crate::webhook::form::encode;
use crate::webhook::rest::{Account, Auth, RestCall, RestCommand, RestMethod};
use crate::webhook::sign::base64;

const USUAL: &str = "https://voice.bandwidth.com";

pub(super) fn rest(account: &Account, command: &RestCommand) -> Option<RestCall> {
    let (reference, region, body) = match command {
        RestCommand::Move { reference, url, region }
        | RestCommand::Split { reference, url, region, .. } => {
            let mut body = json!({"state": "active", "redirectUrl": url, "redirectMethod": "POST"});
            let access = account.access.as_deref().and_then(|access| access.split_once(':'));
            if let Some((user, password)) = access {
                body["username"] = user.into();
                body["password"] = password.into();
            }
            (reference, region, body)
        }
        RestCommand::End { reference, region } => {
            (reference, region, json!({"state": "completed"}))
        }
        RestCommand::Watch { .. } | RestCommand::Action { .. } => return None,
    };
    // The token may be both, `user:password`, where no user is named besides it.
    let both = Auth(format!("Basic {}", base64(account.secret.as_bytes())));
    let is_both = account.user.is_none() && account.secret.contains(':');
    let base = account.base(region.as_deref(), USUAL);
    let (id, call) = (encode(&account.id), encode(reference));
    Some(RestCall {
        method: RestMethod::Post,
        url: format!("{base}/api/v2/accounts/{id}/calls/{call}"),
        authorization: if is_both { both } else { account.basic() },
        content_type: "application/json",
        body: body.to_string(),
    })
}
