//! The call record (CDR): what is kept of a call, as one value.
//!
//! **Invariant:** a record is a fold over the call's facts; every duration in it is the difference
//! of two timestamps in it, so any figure can be traced back.
//!
//! **Deliberately absent:** keys pressed at a `secret` step.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{Cause, Recording, RecordingNews};

/// How the door of a call from an agent's own telephone begins.
pub const VIA_AGENT: &str = "agent:";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    pub call: CallId,
    /// The caller's number in E.164 where it could be normalised, as received otherwise; an
    /// agent's login.
    pub from: Option<String>,
    pub from_name: Option<String>,
    /// The number dialed.
    pub to: String,
    /// `trunk:NAME`, `agent:NAME` or `provider:NAME`.
    pub via: String,
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
    pub outcome: Outcome,
    /// Who ended the call: whoever left last, before whom two or more were in it.
    pub ended_by: EndedBy,
    pub cause: Cause,
    /// Each step of the flow with the moment it was entered.
    pub path: Vec<PathEntry>,
    /// Each stay in a queue.
    pub queued: Vec<QueueStay>,
    /// Each agent or outside party the call was presented to.
    pub legs: Vec<PartyLeg>,
    /// Variables the flow set (secret ones left out).
    pub vars: BTreeMap<String, String>,
    /// What the caller left, in the order it was asked for.
    #[serde(default)]
    pub recordings: Vec<Recording>,
}

impl CallRecord {
    /// The agent whose own telephone made the call; `None` for a call of a customer's.
    #[must_use]
    pub fn caller_agent(&self) -> Option<&str> {
        self.via.strip_prefix(VIA_AGENT)
    }

    /// Whether it was a feature code: only those are answered without a flow and without a party.
    /// One with whose telephone no sound was agreed on counts as a call that was not answered.
    #[must_use]
    pub fn is_feature_code(&self) -> bool {
        self.flow.is_none() && self.answered_at.is_some() && self.legs.is_empty()
    }

    /// Takes in news of one of the recordings; `None` when the call has none of that name,
    /// otherwise whether it was any.
    pub fn learn(&mut self, news: &RecordingNews) -> Option<bool> {
        let recording = self.recordings.iter_mut().find(|one| one.name == news.name)?;
        Some(recording.learn(news))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathEntry {
    pub at: Timestamp,
    pub step: String,
}

/// What became of the call. One value a call; `handled` wins over the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// At least one agent talked to the caller.
    Handled,
    /// The caller left while waiting in a queue or while an agent's phone rang.
    Abandoned,
    /// A queue sent the call away (full, timeout, nobody staffed) and no agent talked to it.
    Overflowed,
    /// Sent to an outside number, which answered.
    Transferred,
    /// Ended in the flow without asking for an agent.
    Contained,
    /// Never answered by us: an answer counts from the moment that there is sound.
    Refused,
    /// We failed, or the line to the caller or the server was lost while the call was up.
    Failed,
}

impl Outcome {
    /// All there are, in this order.
    pub const ALL: [Self; 7] = [
        Self::Handled,
        Self::Abandoned,
        Self::Overflowed,
        Self::Transferred,
        Self::Contained,
        Self::Refused,
        Self::Failed,
    ];
}

/// As the HTTP interface has it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handled => "handled",
            Self::Abandoned => "abandoned",
            Self::Overflowed => "overflowed",
            Self::Transferred => "transferred",
            Self::Contained => "contained",
            Self::Refused => "refused",
            Self::Failed => "failed",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    Caller,
    Agent,
    /// The other party of a transfer.
    Party,
    /// The flow hung up.
    Flow,
    /// A supervisor, or a drain that reached its limit.
    Operator,
    /// The line was lost: no sound and no refresh any more, or no confirmation of our answer.
    Network,
    /// The server refused the call or failed.
    Server,
    /// The process ended while the call was up; written after the restart.
    ServerLost,
}

/// As the HTTP interface has it.
impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "caller",
            Self::Agent => "agent",
            Self::Party => "party",
            Self::Flow => "flow",
            Self::Operator => "operator",
            Self::Server => "server",
            Self::Network => "network",
            Self::ServerLost => "server_lost",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStay {
    pub queue: String,
    pub entered_at: Timestamp,
    pub left_at: Timestamp,
    pub left: LeftQueue,
    pub priority: u8,
    /// Since when the place in line counts, where the caller came back to one they had: earlier
    /// than `entered_at`. The wait of this stay is still from `entered_at` to `left_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_line_since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftQueue {
    Answered,
    Abandoned,
    Timeout,
    Full,
    NoAgents,
    /// The caller pressed the exit key.
    Exit,
    /// The server ended the call or was lost.
    Ended,
}

/// One leg to an agent or to somebody outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyLeg {
    pub leg: LegId,
    pub party: Party,
    pub queue: Option<String>,
    pub dialed_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// accepted, rejected, busy, no_answer, device_error, withdrawn.
    pub outcome: String,
    pub cause: Option<Cause>,
    /// Bridged and not on hold, in milliseconds.
    pub talk_ms: u64,
    pub hold_ms: u64,
    /// Known once after-call work has ended.
    pub wrap_up: Option<WrapUp>,
    /// Where the agent sent the caller on leaving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_to: Option<SentTo>,
    /// An agent asked for this party, to consult them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consulted: bool,
}

/// Where an agent sends a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentTo {
    /// To this step of the flow.
    Step(String),
    /// To whom the agent has consulted.
    Number(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    Agent { id: AgentId, name: String },
    Outside { trunk: String, number: String },
}

/// After-call work of one agent on one call, and what the agent said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrapUp {
    pub leg: LegId,
    pub acw_ms: u64,
    pub resolved: Option<bool>,
    pub intent: Option<String>,
    pub note: Option<String>,
}
