//! Something that happened in the contact center: the one stream from which live views, figures and
//! listeners take what they know.
//!
//! ```text
//! {"seq":0,"at":1764000000012,"fact":"roster","agents":[…],"queues":["help"]}
//! {"seq":1,"at":1764000000020,"fact":"call_began","call":41,"from":"+14155550123",…}
//! {"seq":2,"at":1764000000020,"fact":"call","call":41,"happened":"entered","step":"main"}
//! {"seq":3,"at":1764000000020,"fact":"call_stands","call":41,"state":"in_flow",…}
//! ```
//!
//! Some tell a happening, some how a call or an agent stands after all that happened in a turn. A
//! board needs no more than the last standings; records and figures are folds over happenings.
//!
//! **Invariant:** within a run of the server the numbers count up by one from 0. The facts of one
//! call are in order of time; those of two are as they were handled.
//!
//! **Deliberately absent:** variables of flows while a call lives, keys that may be part of a
//! secret, and anything else that is.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, OfferId};
use crate::time::Timestamp;
use crate::words::{
    AgentStands, AgentState, CallFact, CallStands, NamedVia, OfferOutcome, Outbound,
    RecordingUpdate, ServiceTarget, WrapUp,
};

/// The version of the stream: of what a fact says, and how it is written.
pub const FACTS_VERSION: u32 = 1;

/// The number of a fact, within a run of the server.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Seq(pub u64);

impl Seq {
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A fact with its place in the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbered {
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    #[serde(flatten)]
    pub fact: Fact,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// Whom and what there is, from now on: the first fact of a run, and after each change of the
    /// configuration.
    Roster(Arc<Roster>),
    /// Whether new calls are refused because the server is about to end.
    Draining {
        is_draining: bool,
    },
    CallBegan(Arc<Origin>),
    /// Something happened in a call.
    Call {
        call: CallId,
        #[serde(flatten)]
        happened: CallFact,
    },
    /// How a call stands after this turn; told when it stands otherwise than before.
    CallStands {
        call: CallId,
        #[serde(flatten)]
        stands: Arc<CallStands>,
    },
    /// One call presented to one agent came to an end.
    OfferEnded {
        call: CallId,
        offer: OfferId,
        agent: AgentId,
        name: Arc<str>,
        outcome: OfferOutcome,
    },
    /// An agent went over to another state.
    AgentMoved {
        agent: AgentId,
        name: Arc<str>,
        #[serde(flatten)]
        state: AgentState,
    },
    /// How an agent stands after this turn; told when they stand otherwise than before.
    AgentStands(Arc<AgentStands>),
    /// After-call work ended, or the agent said something of a call, whose record is closed.
    RecordAmended {
        call: CallId,
        wrap_up: Arc<WrapUp>,
    },
    /// More became known of a recording of a closed record.
    RecordingAmended {
        update: RecordingUpdate,
    },
}

/// What a call is known by from its first moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub call: CallId,
    /// Normalized; `None` when withheld. An agent's login.
    pub from: Option<String>,
    pub from_name: Option<String>,
    pub to: String,
    pub via: NamedVia,
    pub arrived_at: Timestamp,
    /// Of the callers directory, where it has the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Of a call that we began, by dialing the caller: who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Outbound>,
}

/// Whom and what the configuration names, and named before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    pub agents: Vec<RosterAgent>,
    pub queues: Vec<Arc<str>>,
    /// What each of these queues promises.
    #[serde(default)]
    pub targets: Vec<ServiceTarget>,
    /// Those of them whom the configuration names no more. They are shown until the last call that
    /// concerns them is over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former_agents: BTreeSet<AgentId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former_queues: BTreeSet<Arc<str>>,
}

/// An agent, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterAgent {
    pub agent: AgentId,
    pub name: Arc<str>,
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Level by skill.
    pub skills: Vec<(String, u8)>,
    /// The origins whose calls can be brought to the agent.
    #[serde(default)]
    pub origins: Vec<Arc<str>>,
}

impl Fact {
    /// Every word that [`Self::kind`] may give.
    pub const KINDS: [&str; 35] = [
        "roster",
        "draining",
        "call_began",
        "flow_chosen",
        "answered",
        "answer_taken_back",
        "entered",
        "input",
        "step_failed",
        "intent",
        "queued",
        "left_queue",
        "dialed",
        "supervised",
        "rerouted",
        "leg_answered",
        "bridged",
        "held",
        "resumed",
        "transferred",
        "handed_over",
        "leg_ended",
        "caller_left",
        "written_up",
        "recording_began",
        "recording_paused",
        "recording_updated",
        "ended",
        "closed",
        "call_stands",
        "offer_ended",
        "agent_moved",
        "agent_stands",
        "record_amended",
        "recording_amended",
    ];

    /// What kind of fact it is, in one word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Roster(_) => "roster",
            Self::Draining { .. } => "draining",
            Self::CallBegan(_) => "call_began",
            Self::Call { happened, .. } => happened.kind(),
            Self::CallStands { .. } => "call_stands",
            Self::OfferEnded { .. } => "offer_ended",
            Self::AgentMoved { .. } => "agent_moved",
            Self::AgentStands(_) => "agent_stands",
            Self::RecordAmended { .. } => "record_amended",
            Self::RecordingAmended { .. } => "recording_amended",
        }
    }

    /// The call that it is about.
    #[must_use]
    pub fn call(&self) -> Option<CallId> {
        match self {
            Self::CallBegan(began) => Some(began.call),
            Self::Call { call, .. }
            | Self::CallStands { call, .. }
            | Self::OfferEnded { call, .. }
            | Self::RecordAmended { call, .. } => Some(*call),
            Self::RecordingAmended { update } => Some(update.name.call),
            Self::Roster(_)
            | Self::Draining { .. }
            | Self::AgentMoved { .. }
            | Self::AgentStands(_) => None,
        }
    }
}
