//! A provider put together from functions, one for each job, as most folders are.
//!
//! **Invariant:** no function has a default: a new provider answers for each of them.
//!
//! **Deliberately absent:** state, and providers that are a variation of another one
//! ([`Dialect`](crate::webhook::twiml::Dialect)).

use crate::time::Timestamp;
use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;
use crate::webhook::provider::{Checked, Keys, Malformed, Provider, Refusal};
use crate::webhook::provider_info::ProviderInfo;
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::{Reply, Request};
use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestOutcome};
use crate::webhook::support::Support;
use crate::webhook::test_call::TestCall;
use crate::words::Need;

/// Each field is what the method of that name does.
pub struct ProviderFns {
    pub info: ProviderInfo,
    pub verify: fn(&Keys, &Request, Timestamp) -> Result<Checked, Refusal>,
    pub signed: fn(&Keys, &Request) -> String,
    pub test_call: fn(&Keys, &TestCall<'_>) -> Option<Request>,
    pub parse: fn(&Link, &Request) -> Result<Fields, Malformed>,
    pub render: fn(&Document, &RenderContext) -> Reply,
    pub support: fn(&Need) -> Support,
    pub rest: fn(&Account, &RestCommand) -> Option<RestCall>,
    pub to_sign: fn(&Account, Timestamp, &str) -> Option<String>,
    pub outcome: fn(&RestAnswer) -> RestOutcome,
}

impl Provider for ProviderFns {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    fn verify(&self, keys: &Keys, request: &Request, now: Timestamp) -> Result<Checked, Refusal> {
        (self.verify)(keys, request, now)
    }

    fn signed(&self, keys: &Keys, request: &Request) -> String {
        (self.signed)(keys, request)
    }

    fn test_call(&self, keys: &Keys, test_call: &TestCall<'_>) -> Option<Request> {
        (self.test_call)(keys, test_call)
    }

    fn parse(&self, link: &Link, request: &Request) -> Result<Fields, Malformed> {
        (self.parse)(link, request)
    }

    fn render(&self, document: &Document, context: &RenderContext) -> Reply {
        (self.render)(document, context)
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
