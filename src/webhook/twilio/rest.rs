//! Commands to Twilio's calls (`/2010-04-01/Accounts/{AC}/Calls/{CA}.json`).
//!
//! **Invariant:** the name of a call reaches the path escaped.
//!
//! **Deliberately absent:** sending it.

use serde_json::Value;

use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestOutcome};
use crate::webhook::twiml;

const USUAL: &str = "https://api.twilio.com";
/// "Call is not in-progress": it ended, or was not answered yet.
const NOT_IN_PROGRESS: u64 = 21_220;

pub(super) fn call(account: &Account, command: &RestCommand) -> Option<RestCall> {
    twiml::rest::call(&twiml::TWILIO, command, account.basic(), |reference, region| {
        let base = account.base(region, USUAL);
        format!("{base}/2010-04-01/Accounts/{}/Calls/{reference}.json", account.id)
    })
}

pub(super) fn outcome(answer: &RestAnswer) -> RestOutcome {
    let code = || serde_json::from_str::<Value>(&answer.body).ok()?.get("code")?.as_u64();
    if answer.status == 400 && code() == Some(NOT_IN_PROGRESS) {
        return RestOutcome::Gone;
    }
    answer.outcome()
}
