//! One agent: what the system knows, what the person wants, and the order between agents.
//!
//! **Invariant:** a rank is made of fields that do not change while the agent may be offered a
//! call, so an agent is found in an ordered set by recomputing it. Occupancy changes with time and
//! is no rank: see `occupancy.rs`.
//!
//! **Deliberately absent:** names, phones and queues to belong to. Skills decide who may take what.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::acd::class::ClassId;
use crate::acd::level::Levels;
use crate::acd::occupancy::Worked;
use crate::acd::port::{Misses, Strategy};
use crate::acd::queue_key::QueueKey;
use crate::id::{AgentId, CallId, QueueId, SkillId};
use crate::time::Timestamp;
use crate::words::{AgentState, OfferOutcome};

/// Why an agent who just logged in is not ready yet.
pub const REASON_LOGGED_IN: &str = "logged_in";

/// What the person wants. It becomes the state at the next rest point; a state that the system
/// chose (not ready after missed calls) leaves it as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    LogOut,
    NotReady { reason: String },
    Ready,
}

/// What an agent means to calls whose demands they meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Presence {
    /// Logged in, and not about to leave: who waits already may go on waiting.
    pub(super) staffed: bool,
    /// And the phone can be reached, or the agent is on a call or in its after-call work: a call
    /// may begin to wait.
    pub(super) attended: bool,
}

/// Offers missed in a row, by outcome. One accepted call, or asking to be ready, clears them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    pub no_answer: u8,
    pub rejected: u8,
    pub busy: u8,
    pub device_error: u8,
}

/// An agent as the queue sees them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agent {
    pub id: AgentId,
    pub state: AgentState,
    /// When the state began.
    pub since: Timestamp,
    pub intent: Intent,
    pub reachable: bool,
    /// The call of the agent's own that the phone is in use by.
    pub own_call: Option<CallId>,
    /// Calls accepted since the start of the process.
    pub handled: u64,
    /// The end of the last handled call with its after-call work, or the log-in if that is later.
    pub idle_since: Timestamp,
    pub missed: Missed,
    pub(super) skills: Levels,
    /// The queue of the call the agent is offered, talks to or works after.
    pub(super) on: Option<QueueId>,
    pub(super) logged_in_at: Timestamp,
    /// Talking and after-call work since the log-in.
    pub(super) busy_ms: u64,
    /// The number of the last offer made to this agent.
    pub(super) turn: u64,
    /// Every class whose demands the skills meet.
    pub(super) classes: Vec<ClassId>,
    /// In the ready sets of `classes` now.
    pub(super) listed: bool,
    /// As counted in `classes` now.
    pub(super) counted: Presence,
    /// Calls that keep out of this agent's way for a while.
    pub(super) excluded: BTreeSet<CallId>,
    /// Calls held for this agent alone.
    pub(super) held: BTreeMap<QueueId, BTreeSet<QueueKey>>,
}

impl Agent {
    pub(super) fn new(id: AgentId, skills: &[(SkillId, u8)]) -> Self {
        Self {
            id,
            state: AgentState::LoggedOut,
            since: Timestamp::default(),
            intent: Intent::LogOut,
            reachable: false,
            own_call: None,
            handled: 0,
            idle_since: Timestamp::default(),
            missed: Missed::default(),
            skills: Levels::new(skills),
            on: None,
            logged_in_at: Timestamp::default(),
            busy_ms: 0,
            turn: 0,
            classes: Vec::new(),
            listed: false,
            counted: Presence::default(),
            excluded: BTreeSet::new(),
            held: BTreeMap::new(),
        }
    }

    /// Sorted by skill.
    #[must_use]
    pub fn skills(&self) -> &[(SkillId, u8)] {
        self.skills.pairs()
    }

    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.state != AgentState::LoggedOut
    }

    /// The call the agent is offered, talks to or works after, or the one of their own.
    #[must_use]
    pub fn call(&self) -> Option<CallId> {
        match self.state {
            AgentState::LoggedOut | AgentState::NotReady { .. } | AgentState::Ready => None,
            AgentState::OnOwnCall { call }
            | AgentState::Reserved { call, .. }
            | AgentState::Talking { call }
            | AgentState::AfterCallWork { call, .. } => Some(call),
        }
    }

    /// The queue of the call the agent is offered, talks to or works after.
    #[must_use]
    pub const fn queue(&self) -> Option<QueueId> {
        self.on
    }

    /// May be offered a call right now.
    pub(super) fn is_candidate(&self) -> bool {
        self.state == AgentState::Ready && self.reachable
    }

    /// Logged in, and not about to leave.
    pub(super) fn stays(&self) -> bool {
        self.is_logged_in() && self.intent != Intent::LogOut
    }

    /// Whether calls that wait may stay for this agent's sake, and whether new ones may begin to.
    pub(super) fn presence(&self) -> Presence {
        let staffed = self.stays();
        // An agent on a call, or in the after-call work of one, will take calls again: a
        // registration that lapses meanwhile does not turn new callers away.
        Presence { staffed, attended: staffed && (self.reachable || self.call().is_some()) }
    }

    /// A call may wait for this agent alone: they can be offered it now, or as soon as the call
    /// they are on is over.
    pub(super) fn can_be_waited_for(&self) -> bool {
        let soon = match self.state {
            AgentState::LoggedOut | AgentState::NotReady { .. } => false,
            AgentState::Ready | AgentState::OnOwnCall { .. } => true,
            AgentState::Reserved { .. }
            | AgentState::Talking { .. }
            | AgentState::AfterCallWork { .. } => self.intent == Intent::Ready,
        };
        soon && self.reachable
    }

    /// What the occupancy of this agent follows from while they rest.
    pub(super) fn worked(&self) -> Worked {
        Worked {
            busy_ms: self.busy_ms,
            logged_in_at: self.logged_in_at,
            idle_since: self.idle_since,
            agent: self.id,
        }
    }

    pub(super) fn log_in(&mut self, now: Timestamp) {
        let reason = REASON_LOGGED_IN.to_owned();
        if self.intent == Intent::LogOut {
            // Also takes back a log-out that did not happen yet.
            self.intent = Intent::NotReady { reason: reason.clone() };
        }
        if self.is_logged_in() {
            return;
        }
        self.state = AgentState::NotReady { reason };
        self.missed = Missed::default();
        self.idle_since = now;
        self.logged_in_at = now;
        self.busy_ms = 0;
    }

    /// A rest point: what the person wants becomes the state.
    pub(super) fn rest(&mut self) {
        self.on = None;
        self.state = match (&self.intent, self.own_call) {
            (Intent::LogOut, _) => AgentState::LoggedOut,
            (Intent::NotReady { reason }, _) => AgentState::NotReady { reason: reason.clone() },
            (Intent::Ready, Some(call)) => AgentState::OnOwnCall { call },
            (Intent::Ready, None) => AgentState::Ready,
        };
    }

    /// Counts an offer that was not taken. Past the limit the agent is not ready and the state says
    /// why: the next caller must not wait on an empty chair.
    pub(super) fn miss(&mut self, outcome: OfferOutcome, limits: Misses) {
        let (count, limit, name) = match outcome {
            OfferOutcome::NoAnswer => (&mut self.missed.no_answer, limits.no_answer, "no_answer"),
            OfferOutcome::Rejected => (&mut self.missed.rejected, limits.rejected, "rejected"),
            OfferOutcome::Busy => (&mut self.missed.busy, limits.busy, "busy"),
            OfferOutcome::DeviceError => {
                (&mut self.missed.device_error, limits.device_error, "device_error")
            }
            OfferOutcome::Accepted | OfferOutcome::Withdrawn => return self.rest(),
        };
        *count = count.saturating_add(1);
        let too_many = limit > 0 && *count >= limit;
        self.rest();
        if too_many && self.state == AgentState::Ready {
            self.state = AgentState::NotReady { reason: format!("missed:{name}") };
        }
    }

    /// Where this agent stands among those who may take a call with these demands.
    pub(super) fn rank(&self, strategy: Strategy, demands: &Levels) -> Rank {
        let few = |n: u32| u64::from(n);
        let many = |n: u32| u64::from(u32::MAX - n);
        let (first, second) = match strategy {
            // The least occupied are found by `occupancy.rs`, which needs to know the time.
            Strategy::LongestIdle | Strategy::LeastOccupied => (0, 0),
            Strategy::MostSkilled => (many(self.skills.sum_of(demands)), many(self.skills.sum())),
            Strategy::LeastSkilled => (few(self.skills.sum_of(demands)), few(self.skills.sum())),
            Strategy::RoundRobin => (self.turn, 0),
            Strategy::FewestCalls => (self.handled, 0),
        };
        Rank { first, second, idle_since: self.idle_since, agent: self.id }
    }
}

/// Smaller is sooner. Every strategy ends in "longest idle, then the lower id": a total order.
///
/// * `LongestIdle`: idle counts from the end of the last handled call and its after-call work, or
///   from the log-in. A break, a missed call or a withdrawn one does not send anybody to the end.
/// * `MostSkilled`, `LeastSkilled`: by the sum of levels in the demanded skills, then in all skills
///   (the least skilled who suffices keeps the expert free).
/// * `LeastOccupied`: talk and after-call work ÷ time logged in, at the moment of the match.
/// * `RoundRobin`: whoever was last offered a call longest ago, taken or not.
/// * `FewestCalls`: calls accepted since the start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Rank {
    first: u64,
    second: u64,
    idle_since: Timestamp,
    pub(super) agent: AgentId,
}
