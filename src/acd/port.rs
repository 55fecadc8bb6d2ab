//! What the queue exchanges with the center: [`Input`] in, [`Output`] out.
//!
//! **Invariant:** select-and-reserve is one step: an [`Output::Offer`] means the agent is already
//! reserved for that call.
//!
//! **Deliberately absent:** legs and phones. An offer is a decision; `center` turns it into a leg.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, OfferId, QueueId, SkillId};
use crate::time::Timestamp;
use crate::words::{AgentState, OfferOutcome, Overflow};

#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Agent {
        agent: AgentId,
        ask: AgentInput,
    },
    Enqueue(Box<Enqueue>),
    /// The same of an agent who talks to the call, and asks for an agent to consult: whoever
    /// answers is no agent of the call, and their phone is in use by it as by one of their own.
    Consult(Box<Enqueue>),
    /// The caller left (hung up or pressed the exit key): waiting or while a phone rings. Or who
    /// consults asks for no agent any more.
    Leave {
        call: CallId,
    },
    /// The agent's leg was answered.
    Accepted {
        offer: OfferId,
    },
    /// The agent's leg was not answered, and why. The ring time is the queue's own timer.
    NotAccepted {
        offer: OfferId,
        outcome: OfferOutcome,
    },
    /// An agent whose phone was in use by the call has it from now on, as if this queue had offered
    /// it: [`Input::TalkEnded`] follows.
    HandedOver {
        agent: AgentId,
        call: CallId,
        queue: QueueId,
    },
    /// The agent no longer talks to the call: after-call work begins, where the queue asks for it.
    TalkEnded {
        agent: AgentId,
        call: CallId,
    },
    /// A call that waits demands this as well: it came while every agent had that skill, and is
    /// about to go by other rules.
    Demand {
        call: CallId,
        skill: SkillId,
        level: u8,
    },
    /// From now on these are the queues and the agents, each at their id. Both lists only grow: who
    /// is there no more has no skills.
    Reconfigured(Box<Setup>),
}

impl Input {
    /// The agent whom it names.
    #[must_use]
    pub const fn agent(&self) -> Option<AgentId> {
        match self {
            Self::Agent { agent, .. }
            | Self::HandedOver { agent, .. }
            | Self::TalkEnded { agent, .. } => Some(*agent),
            Self::Enqueue(_)
            | Self::Consult(_)
            | Self::Leave { .. }
            | Self::Accepted { .. }
            | Self::NotAccepted { .. }
            | Self::Demand { .. }
            | Self::Reconfigured(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentInput {
    LogIn,
    LogOut,
    /// Said by the person: it ends their after-call work, and they may be offered again at once
    /// what they did not take.
    Ready,
    NotReady {
        reason: String,
    },
    EndWrapUp,
    /// The phone can or cannot be reached. A Ready agent is only offered calls while it can. A
    /// phone that comes back may be offered again at once what it failed to ring for.
    Reachable(bool),
    /// The phone is in use by this call of the agent's own, or by one in which they are consulted
    /// or supervise; or by none any more. They are offered no call meanwhile, and an offer that
    /// rings is withdrawn.
    OwnCall(Option<CallId>),
    /// Skills changed; takes effect at the next assignment.
    Skills(Vec<(SkillId, u8)>),
}

/// A call begins to wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Enqueue {
    pub call: CallId,
    pub queue: QueueId,
    pub demands: Vec<(SkillId, u8)>,
    pub priority: u8,
    /// Sorted by `after`; level 0 drops a demand.
    pub relax: Vec<(Duration, Vec<(SkillId, u8)>)>,
    /// When the wait began; earlier than now for a call that comes back to its place.
    pub since: Timestamp,
    pub wait_max: Duration,
    pub ring_timeout: Option<Duration>,
    /// The one agent it is held for, this long from `since`: while they are ready, or will be as
    /// soon as the call they are on is over. For another agent no call waits.
    pub prefer: Option<(AgentId, Duration)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ring this agent; `until` is when the ring time runs out.
    Offer {
        offer: OfferId,
        call: CallId,
        agent: AgentId,
        queue: QueueId,
        until: Timestamp,
    },
    /// The offer is over. Where the phone still rings, stop it.
    OfferEnded {
        offer: OfferId,
        call: CallId,
        agent: AgentId,
        outcome: OfferOutcome,
    },
    /// The queue sends the call away; its flow goes on.
    Overflowed {
        call: CallId,
        why: Overflow,
    },
    AgentChanged {
        agent: AgentId,
        state: AgentState,
    },
    /// The demands of a waiting call weakened.
    Relaxed {
        call: CallId,
        step: u32,
    },
    /// After-call work is over.
    WrapUpEnded {
        agent: AgentId,
        call: CallId,
        acw: Duration,
    },
}

/// What the queue needs to know before the first call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setup {
    /// By [`AgentId`].
    pub agents: Vec<AgentSetup>,
    /// By [`QueueId`].
    pub queues: Vec<QueueSetup>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentSetup {
    pub skills: Vec<(SkillId, u8)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueSetup {
    pub strategy: Strategy,
    pub ring_timeout: Duration,
    pub wrap_up: WrapUp,
    /// More waiting calls than this are refused with [`Overflow::Full`].
    pub len_max: usize,
    /// Offers missed in a row (no answer) before the agent is set not ready; per outcome.
    pub misses: Misses,
    /// How long a call and an agent who did not take it keep out of each other's way.
    pub exclude: Duration,
    /// Priority gained a minute of waiting, so that no call waits behind higher ones for ever.
    pub ageing_per_min: u8,
}

/// How many times in a row each outcome may happen before the agent is set not ready; 0 = never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misses {
    pub no_answer: u8,
    pub rejected: u8,
    pub busy: u8,
    pub device_error: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    LongestIdle,
    MostSkilled,
    LeastSkilled,
    LeastOccupied,
    RoundRobin,
    FewestCalls,
}

impl Strategy {
    pub const ALL: [Self; 6] = [
        Self::LongestIdle,
        Self::MostSkilled,
        Self::LeastSkilled,
        Self::LeastOccupied,
        Self::RoundRobin,
        Self::FewestCalls,
    ];

    /// As it is written in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LongestIdle => "longest_idle",
            Self::MostSkilled => "most_skilled",
            Self::LeastSkilled => "least_skilled",
            Self::LeastOccupied => "least_occupied",
            Self::RoundRobin => "round_robin",
            Self::FewestCalls => "fewest_calls",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrapUp {
    Off,
    Timed(Duration),
    UntilDone,
}

impl Default for QueueSetup {
    fn default() -> Self {
        Self {
            strategy: Strategy::LongestIdle,
            ring_timeout: Duration::from_secs(15),
            wrap_up: WrapUp::Timed(Duration::from_secs(10)),
            len_max: 200,
            misses: Misses::default(),
            exclude: Duration::from_secs(30),
            ageing_per_min: 1,
        }
    }
}

impl Default for Misses {
    fn default() -> Self {
        Self { no_answer: 1, rejected: 3, busy: 0, device_error: 3 }
    }
}
