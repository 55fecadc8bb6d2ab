//! Commands to a call that is up, as the three take them: a form sent to the call's own address.
//!
//! **Deliberately absent:** documents inside a command (`Twiml`): SignalWire takes none, and an
//! address of ours carries the step number that makes a repeat harmless.

use crate::webhook::form;
use crate::webhook::rest::{Auth, RestCall, RestCommand, RestMethod};
use crate::webhook::twiml::Dialect;

/// The request for a command. `address` says where a call of this name is commanded, in a region.
#[must_use]
pub fn call(
    dialect: &Dialect,
    command: &RestCommand,
    authorization: Auth,
    address: impl Fn(&str, Option<&str>) -> String,
) -> Option<RestCall> {
    let (reference, region, body) = match command {
        RestCommand::Move { reference, url, region } => {
            (reference, region, format!("Url={}&Method=POST", form::encode(url)))
        }
        RestCommand::End { reference, region } => (reference, region, "Status=completed".into()),
        RestCommand::Watch { reference, url, region } if dialect.watch => {
            let url = form::encode(url);
            (reference, region, format!("StatusCallback={url}&StatusCallbackMethod=POST"))
        }
        RestCommand::Watch { .. } | RestCommand::Action { .. } => return None,
    };
    Some(RestCall {
        method: RestMethod::Post,
        // Telnyx's names hold colons.
        url: address(&form::encode(reference), region.as_deref()),
        authorization,
        content_type: "application/x-www-form-urlencoded",
        body,
    })
}
