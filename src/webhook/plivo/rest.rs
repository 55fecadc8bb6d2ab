//! Commands for Plivo's calls.
//!
//! **Deliberately absent:** [`Watch`](RestCommand::Watch): Plivo takes the address for reports of a
//! call only where the call begins.

use serde_json::json;

use crate::webhook::form;
use crate::webhook::rest::{Account, RestCall, RestCommand, RestMethod};

const USUAL: &str = "https://api.plivo.com";

pub(super) fn rest(account: &Account, command: &RestCommand) -> Option<RestCall> {
    let (method, reference, region, body) = match command {
        RestCommand::Move { reference, url, region } => {
            let body = json!({ "legs": "aleg", "aleg_url": url, "aleg_method": "POST" });
            (RestMethod::Post, reference, region, Some(body))
        }
        RestCommand::Split { reference: _, url, caller, caller_url, region } => {
            let body = json!({
                "legs": "both",
                "aleg_url": caller_url, "aleg_method": "POST",
                "bleg_url": url, "bleg_method": "POST",
            });
            (RestMethod::Post, caller, region, Some(body))
        }
        RestCommand::End { reference, region } => (RestMethod::Delete, reference, region, None),
        RestCommand::Watch { .. } | RestCommand::Action { .. } => return None,
    };
    let base = account.base(region.as_deref(), USUAL);
    let (id, call) = (form::encode(&account.id), form::encode(reference));
    Some(RestCall {
        method,
        url: format!("{base}/v1/Account/{id}/Call/{call}/"),
        authorization: account.basic(),
        content_type: if body.is_some() { "application/json" } else { "" },
        body: body.map_or_else(String::new, |body| body.to_string()),
    })
}
