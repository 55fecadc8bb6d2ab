//! Bandwidth: carriers' own voice platform in the US; the document is BXML.
//!
//! Read from its documents (November 2023) and the models of its SDK (23.3.1).
//!
//! **Invariant:** a document never ends without saying so: Bandwidth hangs up where its verbs end,
//! and bridges a callee there.
//!
//! **Deliberately absent:** a signature. Bandwidth has none: user and password of HTTP Basic, TLS
//! and our own signature in each address are all there is. It must be told the user and password
//! in every verb that comes back ([`crate::webhook::Links::with_access`]).

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

#[derive(Clone, Copy, Debug, Default)]
pub struct Bandwidth;

const ABOUT: About = About::new(
    "bandwidth",
    "the user and password of its callbacks, as in \"user:password\"",
    Console {
        place: "a Voice application",
        voice: "Call initiated, POST",
        events: Some("Call status, POST"),
    },
);

impl Provider for Bandwidth {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn verify(&self, keys: &Keys, request: &Request, _now: Timestamp) -> Result<Checked, Refusal> {
        verify::verify(keys, request)
    }

    fn signed(&self, keys: &Keys, request: &Request) -> String {
        verify::signed(keys, request)
    }

    fn trial(&self, keys: &Keys, trial: &Trial<'_>) -> Option<Request> {
        trial::trial(keys, trial)
    }

    fn parse(&self, _link: &Link, request: &Request) -> Result<Fields, Malformed> {
        parse::parse(request)
    }

    fn render(&self, document: &Document, paper: &Paper) -> Reply {
        render::render(document, paper)
    }

    fn comes_with_access(&self) -> bool {
        true
    }

    fn support(&self, need: &Need) -> Support {
        support::support(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        rest::rest(account, command)
    }
}
