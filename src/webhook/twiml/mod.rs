//! The provider that speaks TwiML, as Twilio invented it and others took it over.
//!
//! One compiler and one reader of fields for all of them; what a provider has of its own is a
//! [`Dialect`], which is a table in that provider's folder.
//!
//! **Invariant:** an action that asks says POST and a whole address, and every input is followed by
//! a way on for the caller who pressed nothing.
//!
//! **Deliberately absent:** their queues and conferences (the queue is ours), speech, SSML, and the
//! name of any provider.

pub mod fields;
pub mod languages;
pub mod render;
pub mod rest;
pub mod signature;
pub mod support;
pub mod test_call;

#[cfg(test)]
mod tests;

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

/// One provider that speaks TwiML: all that it does differently.
#[derive(Debug)]
pub struct Dialect {
    pub info: ProviderInfo,
    /// As [`Provider::verify`].
    pub verify: fn(&Keys, &Request, Timestamp) -> Result<Checked, Refusal>,
    /// As [`Provider::signed`].
    pub signed: fn(&Keys, &Request) -> String,
    /// As [`Provider::test_call`].
    pub test_call: fn(&Keys, &TestCall<'_>) -> Option<Request>,
    pub rest: rest::Place,
    /// Whether a gather in vain can come back to its own address. All of them go on to what follows
    /// it where this is not asked for.
    pub action_on_empty: bool,
    /// Whether the caller can be left ringing until the party answers.
    pub answer_on_bridge: bool,
    /// What a client of the provider's own is called.
    pub client: ClientNoun,
    /// Seconds to wait for keys.
    pub gather_timeout_s: (u64, u64),
    /// Seconds to ring a party.
    pub ring_timeout_s: (u64, u64),
    /// Seconds of a talk.
    pub time_limit_s: (u64, u64),
    /// Whether a new status callback can be named for a call that is up.
    pub watch: bool,
}

/// How a document names a client of the provider's own.
#[derive(Debug)]
pub enum ClientNoun {
    Element(&'static str),
    /// As a SIP user of this host.
    Sip(&'static str),
}

impl Provider for Dialect {
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

    fn parse(&self, _: &Link, request: &Request) -> Result<Fields, Malformed> {
        fields::parse(request)
    }

    fn render(&self, document: &Document, context: &RenderContext) -> Reply {
        render::render(self, document, context)
    }

    fn support(&self, need: &Need) -> Support {
        support::support(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        rest::call(self, account, command)
    }

    fn outcome(&self, answer: &RestAnswer) -> RestOutcome {
        rest::outcome(self, answer)
    }
}
