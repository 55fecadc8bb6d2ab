//! Commands to SignalWire's calls (`/api/laml/2010-04-01/Accounts/{project}/Calls/{sid}`).
//!
//! **Invariant:** the name of a call reaches the path escaped.
//!
//! **Deliberately absent:** sending it.

use crate::webhook::rest::{Account, RestCall, RestCommand};
use crate::webhook::twiml;

/// `None` without a base address: each customer has a host of their own.
pub(super) fn call(account: &Account, command: &RestCommand) -> Option<RestCall> {
    account.base_url.as_ref()?;
    twiml::rest::call(&twiml::SIGNALWIRE, command, account.basic(), |reference, region| {
        let base = account.base(region, "");
        format!("{base}/api/laml/2010-04-01/Accounts/{}/Calls/{reference}", account.id)
    })
}
