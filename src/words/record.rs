//! The call record (CDR): what is kept of a call, as one value.
//!
//! **Invariant:** a record is a fold over the call's facts; every duration in it is the difference
//! of two timestamps in it, so any figure can be traced back.
//!
//! **Deliberately absent:** keys pressed at a `secret` step.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::CallId;
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, Cause, EndedBy, InputOutcome, NamedVia, Outbound, PartyLeg, QueueVisit, Recording,
    RecordingUpdate, SentTo, WrapUp,
};

/// What is kept of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    pub call: CallId,
    /// The caller's number in E.164 where it could be normalised, as received otherwise; an
    /// agent's login. Of an outbound call, the number that was dialed.
    pub from: Option<String>,
    pub from_name: Option<String>,
    /// Whose number it is, and of what kind of caller, where the directory had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// The number that the caller dialed. Of an outbound call, the number of ours that was asked to
    /// be shown, unless the trunk shows its own; empty where there is none.
    pub to: String,
    pub via: NamedVia,
    pub flow: Option<String>,
    pub language: Option<String>,
    /// What the caller wanted: set by the flow, corrected by the agent.
    pub intent: Option<String>,
    pub arrived_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    /// When the caller left, where the agent and whom they consulted went on without them: the
    /// call ended later, with one of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_left_at: Option<Timestamp>,
    pub ended_at: Timestamp,
    pub outcome: CallOutcome,
    /// The party that ended the call: the last to leave while two or more were in it.
    pub ended_by: EndedBy,
    pub cause: Cause,
    /// Each step of the flow with the moment it was entered.
    pub path: Vec<PathEntry>,
    /// Each visit to a queue.
    pub queued: Vec<QueueVisit>,
    /// Each agent or outside party the call was presented to.
    pub legs: Vec<PartyLeg>,
    /// Variables the flow set (secret ones left out).
    pub vars: BTreeMap<String, String>,
    /// What the caller left, in the order it was asked for.
    #[serde(default)]
    pub recordings: Vec<Recording>,
    /// Of a call that we began, by dialing the caller: who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Outbound>,
}

impl CallRecord {
    /// Of an imported call, the variable that holds what the other system calls it. No flow can
    /// set one of this name.
    pub const IMPORTED_AS: &str = "import.call";

    /// The agent whose own telephone made the call; `None` for a call of a customer's.
    #[must_use]
    pub fn caller_agent(&self) -> Option<&str> {
        self.via.agent()
    }

    /// What makes two calls of one caller equal: the account where the directory has one, else the
    /// number. `None` where no caller is known by it: a withheld number, or one of zeros only,
    /// which networks put in its place.
    #[must_use]
    pub fn caller_key(&self) -> Option<Cow<'_, str>> {
        if let Some(account) = &self.account {
            return Some(Cow::Owned(format!("account:{account}")));
        }
        let is_number = |number: &&str| !number.bytes().all(|it| matches!(it, b'0' | b'+'));
        self.from.as_deref().filter(is_number).map(Cow::Borrowed)
    }

    /// Whether we began it, by dialing the caller.
    #[must_use]
    pub const fn is_outbound(&self) -> bool {
        self.via.is_outbound()
    }

    /// Whether a customer called us: neither an agent's own call nor an outbound one.
    #[must_use]
    pub fn is_customers(&self) -> bool {
        self.caller_agent().is_none() && !self.is_outbound()
    }

    /// A customer called, and we rang, answered or kept them waiting: not one that was refused at
    /// the door.
    #[must_use]
    pub fn is_contact(&self) -> bool {
        self.outcome != CallOutcome::Refused && self.is_customers()
    }

    /// The queue that the caller waited in last.
    #[must_use]
    pub fn last_queue(&self) -> Option<&str> {
        let visit = self.queued.iter().rfind(|visit| !visit.consulted);
        visit.map(|visit| visit.queue.as_str())
    }

    /// An agent or supervisor talked to the caller, and it was not we who cut them off.
    #[must_use]
    pub fn was_served(&self) -> bool {
        self.outcome == CallOutcome::Handled && !self.ended_by.is_of_ours()
    }

    /// Whether it was a feature code: only those are answered without a flow and without a party.
    /// One with whose telephone no sound was agreed on counts as a call that was not answered. An
    /// imported call has no flow of ours, and is none.
    #[must_use]
    pub fn is_feature_code(&self) -> bool {
        let is_ours = self.via.import().is_none();
        is_ours && self.flow.is_none() && self.answered_at.is_some() && self.legs.is_empty()
    }

    /// Whether the caller came to an outside party, from an agent or from the flow. One whom an
    /// agent only consulted is none.
    #[must_use]
    pub fn was_transferred_outside(&self) -> bool {
        let sent_to = |leg: &PartyLeg| matches!(leg.sent_to, Some(SentTo::Number(_)));
        let mut outside = self.legs.iter().filter(|leg| leg.served() && !leg.is_of_house());
        outside.any(|leg| !leg.consulted) || self.legs.iter().any(sent_to)
    }

    /// Takes in what an agent says of the call, and how long they worked on it after their talk;
    /// what was said before and is not said anew stays. `false`: there is no such leg.
    pub fn write_up(&mut self, wrap_up: &WrapUp) -> bool {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.leg == wrap_up.leg) else {
            return false;
        };
        leg.write_up(wrap_up);
        if wrap_up.intent.is_some() {
            self.intent.clone_from(&wrap_up.intent);
        }
        true
    }

    /// Takes in an update of one of the recordings; `None` when the call has none of that name,
    /// otherwise whether it was any.
    pub fn learn(&mut self, update: &RecordingUpdate) -> Option<bool> {
        let recording = self.recordings.iter_mut().find(|one| one.name == update.name)?;
        Some(recording.learn(update))
    }
}

/// One step of the flow: when the call came to it, and what happened there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathEntry {
    pub at: Timestamp,
    pub step: String,
    /// What an input step got from the caller, a try each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<StepInput>,
    /// The step could not do its work; the flow went on with `on_error`, or with the step's own
    /// exit for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// The caller had hung up: `on_hangup` led there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_hangup: bool,
}

/// What came of one try at an input step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInput {
    pub at: Timestamp,
    pub outcome: InputOutcome,
    /// What was pressed; `None` at a `secret` step, and where no key was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}
