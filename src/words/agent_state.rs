//! What an agent is doing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{CallId, OfferId};
use crate::time::Timestamp;
use crate::words::Activity;

/// What the system knows about an agent. What the person wants is a field beside it, and applies at
/// the next rest point: pressing "break" while talking never drops a call.
///
/// ```text
///              ready             offer              accept
///  NotReady ──────────► Ready ──────────► Reserved ─────────► Talking
///     ▲  ▲                ▲ ▲                │ │                 │ hang-up
///     │  └── intent ──────┘ └── withdrawn ───┘ │                 ▼
///     └───────────────── misses ───────────────┘          AfterCallWork ──► Ready / NotReady
/// ```
///
/// An agent who would be Ready, but has the phone in use for a call of their own, or because they
/// supervise or are consulted, is OnOwnCall, and Ready in the moment it ends. Who is not ready or
/// logged out stays that, calling or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AgentState {
    /// Takes no calls until the agent logs in.
    LoggedOut,
    /// On a break, or set so after missed offers.
    NotReady { reason: String },
    /// Waits for a call.
    Ready,
    /// Wants calls, and is on an own call: to a feature code, a colleague, an outside party. Or
    /// supervises this call, or is consulted in it.
    OnOwnCall { call: CallId },
    /// A call is offered: the phone rings, or will in a moment.
    Reserved { offer: OfferId, call: CallId },
    /// Talks to the caller of this call.
    Talking { call: CallId },
    /// Writes down what the call was about. `until` is none where the agent ends it by hand.
    AfterCallWork { call: CallId, until: Option<Timestamp> },
}

impl AgentState {
    /// What it is, without on which call.
    #[must_use]
    pub const fn activity(&self) -> Activity {
        match self {
            Self::LoggedOut => Activity::LoggedOut,
            Self::NotReady { .. } => Activity::NotReady,
            Self::Ready => Activity::Ready,
            Self::OnOwnCall { .. } => Activity::OnOwnCall,
            Self::Reserved { .. } => Activity::Reserved,
            Self::Talking { .. } => Activity::Talking,
            Self::AfterCallWork { .. } => Activity::AfterCallWork,
        }
    }
}

/// In words, for logs.
impl fmt::Display for AgentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoggedOut => f.write_str("logged out"),
            Self::NotReady { reason } => write!(f, "not ready: {reason}"),
            Self::Ready => f.write_str("ready"),
            Self::OnOwnCall { call } => write!(f, "on {call}, a call of their own"),
            Self::Reserved { call, .. } => write!(f, "offered {call}"),
            Self::Talking { call } => write!(f, "talking on {call}"),
            Self::AfterCallWork { call, until: None } => write!(f, "working after {call}"),
            Self::AfterCallWork { call, until: Some(until) } => {
                write!(f, "working after {call} until {until}")
            }
        }
    }
}
