//! What an agent is doing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{CallId, OfferId};
use crate::time::Timestamp;

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
/// Whoever would be Ready, but has the phone in use for a call of their own, is OnOwnCall, and
/// Ready in the moment it ends. Who is not ready or logged out stays that, calling or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AgentState {
    LoggedOut,
    NotReady {
        reason: String,
    },
    Ready,
    /// Wants calls, and is on one of their own: a feature code, a colleague, somebody outside.
    OnOwnCall {
        call: CallId,
    },
    Reserved {
        offer: OfferId,
        call: CallId,
    },
    Talking {
        call: CallId,
    },
    /// `until` is none where the agent ends it by hand.
    AfterCallWork {
        call: CallId,
        until: Option<Timestamp>,
    },
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
