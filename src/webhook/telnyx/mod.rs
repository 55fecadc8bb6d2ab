//! Telnyx Call Control (v2): its webhooks only report events, and every action is a command of
//! ours.
//!
//! ```text
//!  event ─► Legs ─► (Link, Fields) ─► `ProviderCalls`, as from any other provider
//!            ▲  └─► commands, one at a time ─► REST      │
//!            └──────────────── Document ◄────────────────┘
//! ```
//!
//! **Invariant:** the answer to a webhook is empty; every action goes by REST.
//!
//! **Deliberately absent:** Telnyx's own queues; speech and its AI.

mod conference;
mod leg;
mod legs;
mod lifecycle;
mod parse;
mod plan;
mod rest;
mod saved;
mod steps;
mod support;
#[cfg(test)]
mod tests;
mod voices;

use crate::time::Timestamp;
use crate::webhook::commanded::MakeCommanded;
use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;
use crate::webhook::provider::{Checked, Keys, Malformed, Provider, Refusal};
use crate::webhook::provider_info::{Console, ProviderInfo, SplitSupport};
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::{Reply, Request};
use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestOutcome};
use crate::webhook::support::Support;
use crate::webhook::texml::verify;
use crate::words::Need;

use legs::Legs;

/// As in the configuration and in our addresses.
const NAME: &str = "telnyx";

/// [`Keys::secrets`] are public keys, in base64.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telnyx;

const INFO: ProviderInfo = ProviderInfo {
    // By `Commanded::split`.
    split: SplitSupport::Both,
    account_is: Some(
        "account = \"connection id\" and token_env = \"VARIABLE\" with an API key; \
         [providers.texml] does without",
    ),
    ..ProviderInfo::new(
        NAME,
        "the public key of the portal (base64)",
        Console { place: "a Call Control application", voice: "Webhook URL, API v2", events: None },
    )
};

impl Provider for Telnyx {
    fn info(&self) -> &ProviderInfo {
        &INFO
    }

    fn verify(&self, keys: &Keys, request: &Request, now: Timestamp) -> Result<Checked, Refusal> {
        verify::verify(keys, request, now)
    }

    fn signed(&self, keys: &Keys, request: &Request) -> String {
        verify::signed(keys, request)
    }

    fn parse(&self, _: &Link, request: &Request) -> Result<Fields, Malformed> {
        parse::parse(request)
    }

    fn render(&self, _: &Document, _: &RenderContext) -> Reply {
        Reply::ok("", String::new())
    }

    fn support(&self, need: &Need) -> Support {
        support::support(need)
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        rest::call(account, command)
    }

    fn outcome(&self, answer: &RestAnswer) -> RestOutcome {
        rest::outcome(answer)
    }

    fn commanded(&self) -> Option<MakeCommanded> {
        Some(|context, piece| Box::new(Legs::new(context, piece)))
    }
}
