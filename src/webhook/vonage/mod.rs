//! Vonage: JSON requests with a signed token, answered with an NCCO, a JSON list of actions.
//!
//! **Invariant:** every document that does not end the call ends with a `notify`, whose answer
//! replaces the document: there is no other way on. An NCCO at whose end nothing is left ends the
//! call, or bridges a party's leg.
//!
//! **Deliberately absent:** conversations by name, websockets, speech.

mod jwt;
mod parse;
mod render;
mod rest;
mod support;
#[cfg(test)]
mod tests;
mod trial;
mod verify;

use crate::center::Need;
use crate::time::Timestamp;
use crate::webhook::about::{About, Console};
use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;
use crate::webhook::paper::Paper;
use crate::webhook::provider::{Checked, Keys, Malformed, Provider, Refusal};
use crate::webhook::request::{Reply, Request};
use crate::webhook::rest::{Account, RestCall, RestCommand};
use crate::webhook::support::Support;
use crate::webhook::trial::Trial;

pub struct Vonage;

const ABOUT: About = About {
    application_is: Some("the id of the Voice application the numbers are linked to"),
    token_is_pem: true,
    ..About::new(
        "vonage",
        "the signature secret of the account",
        Console {
            place: "the Voice application",
            voice: "Answer URL, POST",
            events: Some("Event URL, POST"),
        },
    )
};

impl Provider for Vonage {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn verify(&self, keys: &Keys, request: &Request, now: Timestamp) -> Result<Checked, Refusal> {
        verify::verify(keys, request, now)
    }

    fn signed(&self, keys: &Keys, request: &Request) -> String {
        verify::signed(keys, request)
    }

    fn trial(&self, keys: &Keys, trial: &Trial<'_>) -> Option<Request> {
        trial::trial(keys, trial)
    }

    fn parse(&self, link: &Link, request: &Request) -> Result<Fields, Malformed> {
        parse::parse(link, request)
    }

    fn render(&self, document: &Document, paper: &Paper) -> Reply {
        render::render(document, paper)
    }

    /// An NCCO that is over bridges, and there is no action that hangs up.
    fn refuses_parties(&self) -> bool {
        false
    }

    /// `onAnswer` is for phones.
    fn only_numbers_ask(&self) -> bool {
        true
    }

    fn support(&self, need: &Need) -> Support {
        support::support(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        rest::rest(account, command)
    }

    fn to_sign(&self, account: &Account, now: Timestamp, once: &str) -> Option<String> {
        Some(jwt::claims(&account.id, now, once))
    }
}
