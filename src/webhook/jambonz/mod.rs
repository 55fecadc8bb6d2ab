//! jambonz: open source, run by its users; the document is an array of verbs in JSON.
//!
//! Read from the source of its feature server (0.9, July 2026), which says more than its documents:
//! a digit timer that runs only with `minDigits`, a timeout of 0 that means none, a `confirmHook`
//! that bridges when it is answered with nothing.
//!
//! **Invariant:** a document is one array, answered as `application/json`; with any other type
//! jambonz does not read it.
//!
//! **Deliberately absent:** its websocket front, and with that the recording of a message; news of
//! a callee's leg at an address of its own ([`Dial::told`](crate::webhook::document::Dial::told)):
//! jambonz sends those to the application's status hook, and the dial's own hook says how it ended.

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
use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestOutcome};
use crate::webhook::support::Support;
use crate::webhook::trial::Trial;

#[derive(Clone, Copy, Debug, Default)]
pub struct Jambonz;

const ABOUT: About = About {
    rest_url_is: Some("the address of your own jambonz, as in \"https://jambonz.example.com\""),
    ..About::new(
        "jambonz",
        "the webhook secret of the account",
        Console {
            place: "an application",
            voice: "Calling webhook, POST",
            events: Some("Call status webhook, POST"),
        },
    )
};

impl Provider for Jambonz {
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

    fn support(&self, need: &Need) -> Support {
        support::support(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        rest::rest(account, command)
    }

    fn outcome(&self, answer: &RestAnswer) -> RestOutcome {
        rest::outcome(answer)
    }
}
