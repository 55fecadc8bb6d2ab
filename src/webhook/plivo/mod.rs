//! Plivo: form requests, signed with the auth token, answered with Plivo XML.
//!
//! **Invariant:** every element that waits for something is followed by a redirect to the same
//! next step, because Plivo goes on with the next element when nothing came.
//!
//! **Deliberately absent:** multi-party calls and conferences; speech.

mod parse;
mod render;
mod rest;
mod support;
#[cfg(test)]
mod tests;
mod trial;
mod verify;
mod xml;

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

pub struct Plivo;

const ABOUT: About = About::new(
    "plivo",
    "the auth token",
    Console {
        place: "an XML application",
        voice: "Primary answer URL, POST",
        events: Some("Hangup URL, POST"),
    },
);

impl Provider for Plivo {
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

    fn parse(&self, link: &Link, request: &Request) -> Result<Fields, Malformed> {
        parse::parse(link, request)
    }

    fn render(&self, document: &Document, paper: &Paper) -> Reply {
        render::render(document, paper)
    }

    fn support(&self, need: &Need) -> Support {
        support::support(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        rest::rest(account, command)
    }
}
