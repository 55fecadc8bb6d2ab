//! Telnyx TeXML.
//!
//! **Invariant:** a request counts for as long as its signed time is within the window, and what it
//! says is in its body: the address is not signed.
//!
//! **Deliberately absent:** Telnyx Call Control, which is another provider to us; what it shares
//! with the others of its kind, in [`twiml`].

mod rest;
pub(in crate::webhook) mod verify;

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

/// [`Keys::secrets`] are public keys, in base64.
#[derive(Clone, Copy, Debug)]
pub struct Texml;

impl Provider for Texml {
    fn name(&self) -> &'static str {
        "texml"
    }

    fn verify(&self, keys: &Keys, request: &Request, now: Timestamp) -> Result<Checked, Refusal> {
        verify::verify(keys, request, now)
    }

    fn signed(&self, keys: &Keys, request: &Request) -> String {
        verify::signed(keys, request)
    }

    fn parse(&self, _: &Link, request: &Request) -> Result<Fields, Malformed> {
        twiml::fields::parse(request)
    }

    fn render(&self, document: &Document, paper: &Paper) -> Reply {
        twiml::render::render(&twiml::TEXML, document, paper)
    }

    fn support(&self, need: &Need) -> Support {
        twiml::support::support(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        rest::call(account, command)
    }
}
