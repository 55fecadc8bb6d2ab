//! What the figures are made of: [`Fact`], one value per happening, and [`CallRow`], one value per
//! call.
//!
//! **Invariant:** talk, hold and after-call work belong to legs, known by their number: a transfer
//! opens a new one, and the end of a leg or of a call told twice changes nothing.
//!
//! **Deliberately absent:** names and phone numbers in any special form. A caller key is whatever
//! makes two calls of one caller equal; none if the number was withheld.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, LegId, QueueId};
use crate::time::Timestamp;
use crate::words::{Activity, CallOutcome, OfferOutcome, QueueExit};

/// More parts of one kind than this are not kept with a call; see `Kept::parts_dropped`.
pub(super) const PARTS_MAX: usize = 128;

/// One happening. All durations in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    Arrived {
        call: CallId,
        /// The agent whose own telephone calls: no customer's call then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_agent: Option<AgentId>,
    },
    /// We begin a call, by dialing the caller.
    Began {
        call: CallId,
    },
    /// One call presented to one agent came to an end.
    OfferEnded {
        call: CallId,
        queue: QueueId,
        agent: AgentId,
        outcome: OfferOutcome,
    },
    /// A visit to a queue ended. `wait_ms` runs from its begin, ring time included.
    LeftQueue {
        call: CallId,
        queue: QueueId,
        wait_ms: u64,
        left: QueueExit,
    },
    /// An agent who talked to the call no longer does. Exactly one [`Fact::WrapUpEnded`] follows,
    /// with `acw_ms` 0 where there is no after-call work.
    LegEnded {
        leg: LegId,
        agent: AgentId,
        /// None where the call came to the agent without a queue.
        queue: Option<QueueId>,
        talk_ms: u64,
        hold_ms: u64,
        /// Where the agent sent the caller on leaving.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent: Option<Sent>,
    },
    WrapUpEnded {
        leg: LegId,
        agent: AgentId,
        acw_ms: u64,
        resolved: Option<bool>,
        /// The agent's correction of what the caller wanted.
        intent: Option<Arc<str>>,
    },
    CallEnded {
        call: CallId,
        caller: Option<Arc<str>>,
        intent: Option<Arc<str>>,
        outcome: CallOutcome,
        /// An outside party talked to the caller.
        outside: bool,
        /// It ended by our own doing.
        #[serde(default)]
        is_cut_off: bool,
    },
    AgentChanged {
        agent: AgentId,
        activity: Activity,
    },
}

/// Everything the figures need of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    pub call: CallId,
    pub arrived_at: Timestamp,
    /// The agent whose own telephone called. Such a call is in no figure but the count of them.
    #[serde(default)]
    pub by_agent: Option<AgentId>,
    /// We began it, by dialing the caller. Such a call is in no figure but those of outbound calls.
    #[serde(default)]
    pub is_outbound: bool,
    pub ended_at: Timestamp,
    pub caller: Option<Arc<str>>,
    pub intent: Option<Arc<str>>,
    pub outcome: CallOutcome,
    pub outside: bool,
    /// It ended by our own doing, as [`EndedBy::is_of_ours`](crate::words::EndedBy::is_of_ours).
    #[serde(default)]
    pub is_cut_off: bool,
    #[serde(rename = "stays")]
    pub visits: Vec<QueueVisit>,
    pub offers: Vec<Offer>,
    /// Legs of agents who talked to the call.
    pub legs: Vec<Leg>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueVisit {
    pub queue: QueueId,
    pub wait_ms: u64,
    pub left: QueueExit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub queue: QueueId,
    pub agent: AgentId,
    pub outcome: OfferOutcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    pub n: u16,
    pub agent: AgentId,
    pub queue: Option<QueueId>,
    pub talk_ms: u64,
    pub hold_ms: u64,
    /// None while after-call work goes on.
    pub acw_ms: Option<u64>,
    /// The call was imported from a system that does not say how long after-call work took: the
    /// leg's handle time is talk and hold.
    #[serde(default)]
    pub without_acw: bool,
    pub resolved: Option<bool>,
    /// Where the agent sent the caller on leaving.
    #[serde(default)]
    pub sent: Option<Sent>,
}

/// Where an agent sends a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// To a step of the flow, and so into a queue again: cold.
    ToFlow,
    /// To another agent whom they had consulted: warm.
    ToAgent,
    /// To a party outside whom they had consulted: warm.
    Outside,
}

impl CallRow {
    pub(super) fn new(call: CallId, at: Timestamp) -> Self {
        Self {
            call,
            arrived_at: at,
            by_agent: None,
            is_outbound: false,
            ended_at: at,
            caller: None,
            intent: None,
            outcome: CallOutcome::Failed,
            outside: false,
            is_cut_off: false,
            visits: Vec::new(),
            offers: Vec::new(),
            legs: Vec::new(),
        }
    }

    /// At least one agent talked to the caller.
    #[must_use]
    pub fn is_handled(&self) -> bool {
        !self.legs.is_empty()
    }

    /// What the last agent who said anything said of it.
    #[must_use]
    pub fn resolved(&self) -> Option<bool> {
        self.legs.iter().rev().find_map(|leg| leg.resolved)
    }

    /// As [`CallRecord::is_customers`](crate::words::CallRecord::is_customers).
    pub(super) const fn is_customers(&self) -> bool {
        self.by_agent.is_none() && !self.is_outbound
    }

    /// As [`CallRecord::is_contact`](crate::words::CallRecord::is_contact).
    pub(super) fn is_contact(&self) -> bool {
        self.outcome != CallOutcome::Refused && self.is_customers()
    }

    /// As [`CallRecord::was_served`](crate::words::CallRecord::was_served).
    pub(super) fn is_served(&self) -> bool {
        self.outcome == CallOutcome::Handled && !self.is_cut_off
    }

    /// The queue that the caller waited in last.
    #[must_use]
    pub fn last_queue(&self) -> Option<QueueId> {
        self.visits.last().map(|visit| visit.queue)
    }

    /// Whether a figure depends on the contacts around it.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        let is_handled = self.is_handled() && !self.is_cut_off;
        self.caller.is_some() && (is_handled || self.outcome == CallOutcome::Contained)
    }
}

impl Leg {
    /// Talk, hold and after-call work, where that is known; none while the last goes on.
    #[must_use]
    pub fn handle_ms(&self) -> Option<u64> {
        let acw_ms = if self.without_acw { Some(0) } else { self.acw_ms };
        acw_ms.map(|acw| self.talk_ms + self.hold_ms + acw)
    }
}
