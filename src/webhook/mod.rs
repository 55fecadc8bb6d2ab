//! Telephony providers: the HTTP platforms that ask by webhook what to do with a call.
//!
//! A provider sends a request ([`Request`]), we answer with a document it executes ([`Document`]),
//! and its next request says what came of it ([`Fields`]). What a provider is, is a
//! [`Provider`]: `verify` whose request it is, `parse` its fields, `render` a document. What a call
//! does is the same for all of them, and in one place.
//!
//! ```text
//!  request ─► verify ─► parse ─► Fields ─► the call's session ─► Event
//!                                                 │
//!  reply  ◄── render ◄──────── Document ◄─────────┴── Command
//! ```
//!
//! **Invariant:** nothing of a request is read before its signature is good, and every address
//! handed out carries our own signature and a step number, so that no request counts twice.
//!
//! **Deliberately absent:** sockets and the clock; decisions about calls; the queue, which is ours
//! and never the provider's.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod bandwidth;
pub mod calls;
pub mod commanded;
pub mod conceal;
pub mod document;
pub mod fields;
pub mod form;
pub mod front;
#[cfg(feature = "server")]
pub mod io;
mod jambonz;
pub mod json;
pub mod link;
mod plivo;
pub mod provider;
pub mod provider_fns;
pub mod provider_info;
pub mod render_context;
pub mod request;
pub mod rest;
pub mod sign;
pub mod support;
pub mod test_call;
pub mod value;
mod vonage;
pub mod xml;

#[cfg(test)]
mod tests;

mod signalwire;
mod telnyx;
mod texml;
mod twilio;
pub mod twiml;

pub use commanded::Commanded;
pub use conceal::conceal;
pub use document::{Action, Document, Sound};
pub use fields::{DialResult, Fields, LegEvent, LegEventKind, LegState, Recorded};
pub use link::{Link, Links};
pub use provider::{Checked, Keys, Malformed, Provider, Refusal};
pub use provider_info::{Console, ProviderInfo, SplitSupport};
pub use render_context::RenderContext;
pub use request::{Method, Reply, Request};
pub use rest::{
    Account, Auth, RestAnswer, RestCall, RestCommand, RestMethod, RestOrder, RestOutcome,
    RestResult,
};
pub use support::Support;
pub use test_call::TestCall;

/// All providers that we speak with.
static PROVIDERS: &[&dyn Provider] = &[
    &twilio::TWILIO,
    &signalwire::SIGNALWIRE,
    &texml::TEXML,
    &telnyx::Telnyx,
    &jambonz::JAMBONZ,
    &plivo::PLIVO,
    &vonage::VONAGE,
    &bandwidth::BANDWIDTH,
];

/// The providers, one per folder.
#[must_use]
pub fn providers() -> &'static [&'static dyn Provider] {
    PROVIDERS
}

/// The provider of that name.
#[must_use]
pub fn provider(name: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.name() == name)
}
