//! How a call and an agent stand, whole: what became of all facts about them so far.
//!
//! **Invariant:** a standing says all that it is about: whoever has the last one needs none before
//! it. Names are shared, so that telling one costs no copy of them.
//!
//! **Deliberately absent:** what a call was known by from its first moment, and the steps it took:
//! those are facts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId};
use crate::time::Timestamp;
use crate::words::{AgentState, OfferOutcome, SupervisorMode};

/// Where a live call is, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    InFlow,
    Waiting,
    /// Waiting, and an agent's phone rings.
    Offered,
    Dialing,
    Talking,
}

/// How far the consultation of a talk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A queue looks for an agent.
    Waiting,
    /// The consulted party is being dialed.
    Ringing,
    /// Agent and consulted party talk; the caller is on hold.
    Talking,
    /// All of them hear each other.
    Conference,
}

/// How far a call's recording is, for whoever looks at a live call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStage {
    /// The caller hears that the call will be recorded.
    Announced,
    On,
    Paused,
}

/// How a live call stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallStands {
    pub state: CallState,
    /// Since when it waits or talks; in any other state, since the step it is at.
    pub since: Option<Timestamp>,
    /// The line it stands in, for its caller or for an agent to consult.
    pub waits: Option<Waits>,
    /// The agent who talks to the caller, or whose phone rings.
    pub agent: Option<Arc<str>>,
    pub on_hold: bool,
    pub language: Option<Arc<str>>,
    /// How far the recording of both sides is.
    pub recording: Option<RecordingStage>,
    /// Whom the agent consults.
    pub consult: Option<Box<ConsultStands>>,
    pub supervisor: Option<Box<SupervisorStands>>,
}

/// A call in the line of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    pub queue: Arc<str>,
    pub since: Timestamp,
    /// Since when the place in line counts.
    pub in_line_since: Timestamp,
    /// What the calls of a line are sorted by, before that and the call's number: smaller is
    /// sooner.
    pub order: i64,
    #[serde(default)]
    pub search: Box<Search>,
}

/// What a queue goes by when it looks for an agent for a call. With how agents stand, it says why
/// each of them is offered the call or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// In the order in which they are looked at.
    pub demands: Vec<Demanded>,
    /// The agent whose phone rings for the call.
    pub offered_to: Option<AgentId>,
    pub held_for: Option<HeldFor>,
    /// Agents who did not take the call.
    pub tried: Vec<TriedAgent>,
}

/// What an agent must have, to be offered a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demanded {
    Skill {
        skill: Arc<str>,
        level: u8,
    },
    /// Calls that come this way can be brought to the agent.
    Origin(Arc<str>),
}

/// For whom a call is held, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFor {
    pub agent: AgentId,
    pub name: Arc<str>,
    pub until: Timestamp,
}

/// An agent did not take a call that was offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedAgent {
    pub agent: AgentId,
    pub outcome: OfferOutcome,
    pub at: Timestamp,
    /// The two keep out of each other's way until then, if they still do.
    pub until: Timestamp,
    pub keeps_away: bool,
}

/// The agent consults a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultStands {
    /// An outside party, through this trunk.
    pub number: Option<String>,
    pub trunk: Option<String>,
    /// An agent; where a queue looks for one, whose telephone rings.
    pub agent: Option<Arc<str>>,
    /// The queue that looks for an agent.
    pub queue: Option<Arc<str>>,
    pub stage: Stage,
    /// Since when at this stage.
    pub since: Timestamp,
}

/// The supervisor of a call, or whose telephone rings to supervise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorStands {
    /// The agent whose telephone it is.
    pub agent: Option<Arc<str>>,
    /// The number that was dialed, otherwise.
    pub number: Option<String>,
    /// Who asked for it.
    pub by: Arc<str>,
    pub mode: SupervisorMode,
    /// What was asked for and can be had no longer.
    pub instead_of: Option<SupervisorMode>,
    /// Since when they are there; `None` while the telephone rings.
    pub since: Option<Timestamp>,
}

/// How an agent stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStands {
    pub agent: AgentId,
    pub name: Arc<str>,
    pub state: AgentState,
    pub since: Timestamp,
    pub reachable: bool,
    /// The call the agent is offered, talks to or works after, or the one of their own.
    pub call: Option<CallId>,
    /// The call of the agent's own that the telephone is in use by, in whatever state.
    pub own_call: Option<CallId>,
    /// The queue of the call the agent is offered, talks to or works after.
    pub queue: Option<Arc<str>>,
    /// Calls accepted since the server started.
    pub handled: u64,
}
