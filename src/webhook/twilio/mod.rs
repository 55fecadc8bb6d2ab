//! Twilio Programmable Voice.
//!
//! **Invariant:** the algorithm of a signature is that of the key it names: no header makes it a
//! weaker one.
//!
//! **Deliberately absent:** what it shares with the others of its kind, in
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
use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestOutcome};
use crate::webhook::support::Support;
use crate::webhook::twiml;

/// In [`Keys::secrets`] an auth token stands alone, and a shared key (SHA-256) as `id:secret`.
#[derive(Clone, Copy, Debug)]
pub struct Twilio;

impl Provider for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
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
        twiml::render::render(&twiml::TWILIO, document, paper)
    }

    fn support(&self, need: &Need) -> Support {
        twiml::support::support(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        rest::call(account, command)
    }

    fn outcome(&self, answer: &RestAnswer) -> RestOutcome {
        rest::outcome(answer)
    }
}
