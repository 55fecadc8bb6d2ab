//! A provider put together from functions, one for each job, as most folders are.
//!
//! **Invariant:** no part has a default: who adds a provider answers for each of them.
//!
//! **Deliberately absent:** state, and providers that are a variation of another one
//! ([`Dialect`](crate::webhook::twiml::Dialect)).

use crate::time::Timestamp;
use crate::webhook::about::About;
use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;
use crate::webhook::paper::Paper;
use crate::webhook::provider::{Checked, Keys, Malformed, Provider, Refusal};
use crate::webhook::request::{Reply, Request};
use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestOutcome};
use crate::webhook::support::Support;
use crate::webhook::trial::Trial;
use crate::words::Need;

/// Each field is what the method of that name does.
pub struct Parts {
    pub about: About,
    pub verify: fn(&Keys, &Request, Timestamp) -> Result<Checked, Refusal>,
    pub signed: fn(&Keys, &Request) -> String,
    pub trial: fn(&Keys, &Trial<'_>) -> Option<Request>,
    pub parse: fn(&Link, &Request) -> Result<Fields, Malformed>,
    pub render: fn(&Document, &Paper) -> Reply,
    pub support: fn(&Need) -> Support,
    pub rest: fn(&Account, &RestCommand) -> Option<RestCall>,
    pub to_sign: fn(&Account, Timestamp, &str) -> Option<String>,
    pub outcome: fn(&RestAnswer) -> RestOutcome,
}

impl Provider for Parts {
    fn about(&self) -> &About {
        &self.about
    }

    fn verify(&self, keys: &Keys, request: &Request, now: Timestamp) -> Result<Checked, Refusal> {
        (self.verify)(keys, request, now)
    }

    fn signed(&self, keys: &Keys, request: &Request) -> String {
        (self.signed)(keys, request)
    }

    fn trial(&self, keys: &Keys, trial: &Trial<'_>) -> Option<Request> {
        (self.trial)(keys, trial)
    }

    fn parse(&self, link: &Link, request: &Request) -> Result<Fields, Malformed> {
        (self.parse)(link, request)
    }

    fn render(&self, document: &Document, paper: &Paper) -> Reply {
        (self.render)(document, paper)
    }

    fn support(&self, need: &Need) -> Support {
        (self.support)(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        (self.rest)(account, command)
    }

    fn to_sign(&self, account: &Account, now: Timestamp, once: &str) -> Option<String> {
        (self.to_sign)(account, now, once)
    }

    fn outcome(&self, answer: &RestAnswer) -> RestOutcome {
        (self.outcome)(answer)
    }
}
