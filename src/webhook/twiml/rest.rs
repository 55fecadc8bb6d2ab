//! Commands to a call that is up, as all of them take them: a form sent to the call's own address.
//!
//! **Invariant:** the name of a call reaches the path escaped.
//!
//! **Deliberately absent:** documents inside a command (`Twiml`): SignalWire takes none, and an
//! address of ours carries the step number that makes a repeat harmless.

use serde_json::Value;

use crate::webhook::form;
use crate::webhook::rest::{
    Account, Auth, RestAnswer, RestCall, RestCommand, RestMethod, RestOutcome,
};
use crate::webhook::twiml::Dialect;

/// Where calls are commanded: `{base}{path}/Accounts/{id}/Calls/{reference}{suffix}`.
#[derive(Debug)]
pub struct Place {
    /// `None`: each customer has an address of their own, which the account must name.
    pub usual_base: Option<&'static str>,
    pub path: &'static str,
    pub suffix: &'static str,
    pub authorization: fn(&Account) -> Auth,
    /// The `code` in the body of a 400 that says the call has ended, or is not answered yet.
    pub not_in_progress: Option<u64>,
}

/// The request for a command.
#[must_use]
pub fn call(dialect: &Dialect, account: &Account, command: &RestCommand) -> Option<RestCall> {
    let place = &dialect.rest;
    let (reference, region, body) = match command {
        RestCommand::Move { reference, url, region }
        | RestCommand::Split { reference, url, region, .. } => {
            (reference, region, format!("Url={}&Method=POST", form::encode(url)))
        }
        RestCommand::End { reference, region } => (reference, region, "Status=completed".into()),
        RestCommand::Watch { reference, url, region } if dialect.watch => {
            let url = form::encode(url);
            (reference, region, format!("StatusCallback={url}&StatusCallbackMethod=POST"))
        }
        RestCommand::Watch { .. } | RestCommand::Action { .. } => return None,
    };
    if place.usual_base.is_none() && account.base_url.is_none() {
        return None;
    }
    let base = account.base(region.as_deref(), place.usual_base.unwrap_or_default());
    // Names may hold colons.
    let (path, id, call, suffix) = (place.path, &account.id, form::encode(reference), place.suffix);
    Some(RestCall {
        method: RestMethod::Post,
        url: format!("{base}{path}/Accounts/{id}/Calls/{call}{suffix}"),
        authorization: (place.authorization)(account),
        content_type: form::CONTENT_TYPE,
        body,
    })
}

/// What the answer to it means.
#[must_use]
pub fn outcome(dialect: &Dialect, answer: &RestAnswer) -> RestOutcome {
    let code = || serde_json::from_str::<Value>(&answer.body).ok()?.get("code")?.as_u64();
    let gone = dialect.rest.not_in_progress;
    if answer.status == 400 && gone.is_some() && code() == gone {
        return RestOutcome::Gone;
    }
    answer.outcome()
}
