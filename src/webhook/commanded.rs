//! Legs at a provider that executes no documents: each action is a command of ours, by REST.
//!
//! ```text
//!  event ─► [`Commanded`] ─► (Link, Fields) ─► [`ProviderCalls`], as from any provider
//!               ▲  └─► commands, one at a time per leg ─► REST       │
//!               └──────────────── Document ◄────────────────────────┘
//! ```
//!
//! # Contract
//!
//! Give [`Commanded::handle_event`] every event of the provider, [`Commanded::move_to`],
//! [`Commanded::hang_up`] and [`Commanded::split`] what [`ProviderCalls`] asks for,
//! [`Commanded::handle_rest_result`] the result of each command, and call
//! [`Commanded::handle_timeout`] when it is due. After each of them:
//!
//! 1. Take [`Commanded::poll_request`] until it gives nothing. Each is a request as a provider of
//!    documents makes it, and [`Commanded::execute`] takes the document written for it.
//! 2. Report each leg of [`Commanded::poll_unsplit`] to [`ProviderCalls`].
//! 3. Send what [`Commanded::poll_order`] gives, in its order, and save what
//!    [`Commanded::poll_saving`] gives before that.
//!
//! **Invariant:** an event that is late, repeated or about a leg that is not ours changes nothing;
//! of the commands to one leg at most one is under way, and none has the name of another.
//!
//! **Deliberately absent:** the disk, HTTP, and what a call does: [`ProviderCalls`] decides that
//! for all providers alike.
//!
//! [`ProviderCalls`]: crate::webhook::calls::ProviderCalls

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;
use crate::webhook::render_context::RenderContext;
use crate::webhook::rest::{RestCommand, RestOutcome};

/// Makes the legs of one account. The [`Duration`] is the length of a piece of waiting music.
pub type MakeCommanded = fn(RenderContext, Duration) -> Box<dyn Commanded>;

/// All legs of one account at such a provider. `reference` is the provider's name for a leg.
pub trait Commanded: Debug + Send {
    /// What documents are written on here.
    fn context(&self) -> RenderContext;

    /// They are written on this from now on.
    fn set_context(&mut self, context: RenderContext);

    /// Takes an event of the provider.
    fn handle_event(&mut self, now: Timestamp, fields: &Fields);

    /// Takes the document for what [`Self::poll_request`] gave; `None`: no call of ours is meant.
    fn execute(
        &mut self,
        now: Timestamp,
        reference: &str,
        link: &Link,
        document: Option<&Document>,
    );

    /// Takes the document for the call that came, in place of one of which nothing has left.
    fn execute_instead(&mut self, now: Timestamp, reference: &str, document: &Document);

    /// Stops what the leg does; it asks for a document at `to`.
    fn move_to(&mut self, now: Timestamp, reference: &str, to: &Link);

    fn hang_up(&mut self, reference: &str);

    /// Splits a party from the leg that dialed it: both stay. Where that fails the two hear each
    /// other as before, and [`Self::poll_unsplit`] gives the party's leg; where one of them is
    /// gone, its end is a request as always.
    fn split(&mut self, now: Timestamp, reference: &str, leg: LegId, split: Split);

    /// Takes what became of the command `id`. A command that cannot be done is over at once; the
    /// next document says how the leg goes on.
    fn handle_rest_result(
        &mut self,
        now: Timestamp,
        reference: &str,
        id: &str,
        outcome: &RestOutcome,
    );

    /// The next request of a leg.
    fn poll_request(&mut self) -> Option<(Link, Fields)>;

    /// The next party that could not be split.
    fn poll_unsplit(&mut self) -> Option<LegId>;

    /// The next command to send.
    fn poll_order(&mut self) -> Option<LegOrder>;

    /// The next leg to save, or to forget.
    fn poll_saving(&mut self) -> Option<LegSaving>;

    /// Takes up all saved legs, by `reference`; it hangs up those of calls that do not go on.
    /// Returns the references of those whose text is not of this provider.
    fn restore(
        &mut self,
        now: Timestamp,
        saved: &BTreeMap<String, String>,
        goes_on: &dyn Fn(CallId) -> bool,
    ) -> Vec<String>;

    fn poll_timeout(&self) -> Option<Timestamp>;

    fn handle_timeout(&mut self, now: Timestamp);
}

/// A command to send, whose outcome goes to [`Commanded::handle_rest_result`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegOrder {
    /// The leg that it is about, for the log.
    pub leg: LegId,
    pub command: RestCommand,
}

/// How a party and the leg that dialed it are split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The conference in which the party waits then.
    #[serde(rename = "room")]
    pub conference: String,
    /// The party asks for a document here,
    pub to: Link,
    /// and the leg of this name
    pub caller: String,
    /// there.
    pub caller_to: Link,
}

/// What became of a leg since it was last saved, by the provider's name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegSaving {
    Keep(String, String),
    Forget(String),
}
