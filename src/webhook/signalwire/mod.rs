//! SignalWire's compatibility interface (cXML).
//!
//! **Invariant:** an answer is a document even where there is nothing to do: an empty body is an
//! error there.
//!
//! **Deliberately absent:** SWML; what it shares with the others of its kind, in
//! [`twiml`].

mod rest;
mod verify;

#[cfg(test)]
mod tests;

use crate::center::Need;
use crate::time::Timestamp;
use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;
use crate::webhook::paper::Paper;
use crate::webhook::provider::{Checked, Keys, Malformed, Provider, Refusal};
use crate::webhook::request::{Reply, Request};
use crate::webhook::rest::{Account, RestCall, RestCommand};
use crate::webhook::support::Support;
use crate::webhook::twiml;

/// [`Keys::secrets`] are signing keys (`PSK_…`), not API tokens.
#[derive(Clone, Copy, Debug)]
pub struct SignalWire;

impl Provider for SignalWire {
    fn name(&self) -> &'static str {
        "signalwire"
    }

    /// No time is signed, so none is judged.
    fn verify(&self, keys: &Keys, request: &Request, _: Timestamp) -> Result<Checked, Refusal> {
        verify::verify(keys, request)
    }

    fn signed(&self, keys: &Keys, request: &Request) -> String {
        verify::signed(keys, request)
    }

    fn parse(&self, _: &Link, request: &Request) -> Result<Fields, Malformed> {
        twiml::fields::parse(request)
    }

    fn render(&self, document: &Document, paper: &Paper) -> Reply {
        twiml::render::render(&twiml::SIGNALWIRE, document, paper)
    }

    fn support(&self, need: &Need) -> Support {
        twiml::support::support(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        rest::call(account, command)
    }
}
