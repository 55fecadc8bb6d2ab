//! Commands to Telnyx's TeXML calls (`/v2/texml/Accounts/{id}/Calls/{sid}`).
//!
//! **Invariant:** the name of a call reaches the path escaped.
//!
//! **Deliberately absent:** sending it.

use crate::webhook::rest::{Account, RestCall, RestCommand};
use crate::webhook::twiml;

const USUAL: &str = "https://api.telnyx.com";

pub(super) fn call(account: &Account, command: &RestCommand) -> Option<RestCall> {
    twiml::rest::call(&twiml::TEXML, command, account.bearer(), |reference, region| {
        let base = account.base(region, USUAL);
        format!("{base}/v2/texml/Accounts/{}/Calls/{reference}", account.id)
    })
}
