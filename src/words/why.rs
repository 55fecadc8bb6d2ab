//! Why a waiting call is offered to an agent, or not: in one word and as a sentence.
//!
//! **Invariant:** of each agent there is one reason for each call, the first that applies in the
//! order of the variants.

use std::fmt;
use std::sync::Arc;

use crate::id::CallId;
use crate::time::Timestamp;
use crate::words::OfferOutcome;

/// The reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The agent's phone rings for this call.
    Offered,
    LoggedOut,
    /// The call came from where none is brought to this agent.
    Elsewhere {
        origin: Arc<str>,
    },
    LacksSkill {
        skill: Arc<str>,
        needs: u8,
        has: u8,
    },
    /// Did not take this call a moment ago.
    Excluded {
        tried: Option<(OfferOutcome, Timestamp)>,
        until: Timestamp,
    },
    /// The call is held for another agent.
    HeldFor {
        agent: Arc<str>,
        until: Timestamp,
    },
    NotReady {
        reason: String,
    },
    Unreachable,
    /// Offered, talking or working after another call, or on one of their own.
    Busy {
        call: CallId,
    },
    /// Could take it; by the queue's strategy another agent was first.
    Behind,
}

impl Why {
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::LoggedOut => "logged_out",
            Self::Elsewhere { .. } => "elsewhere",
            Self::LacksSkill { .. } => "lacks_skill",
            Self::Excluded { .. } => "excluded",
            Self::HeldFor { .. } => "held_for",
            Self::NotReady { .. } => "not_ready",
            Self::Unreachable => "unreachable",
            Self::Busy { .. } => "busy",
            Self::Behind => "behind",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offered => f.write_str("the phone rings for this call"),
            Self::LoggedOut => f.write_str("is not logged in"),
            Self::Elsewhere { origin } => {
                write!(f, "cannot be reached from a call by way of {origin}")
            }
            Self::LacksSkill { skill, needs, has } => {
                write!(f, "has {skill} {has}, and {needs} is needed")
            }
            Self::Excluded { tried, until } => {
                f.write_str("did not take this call")?;
                if let Some((outcome, at)) = tried {
                    write!(f, " ({outcome} at {at})")?;
                }
                write!(f, "; may be offered it again at {until}")
            }
            Self::HeldFor { agent, until } => {
                write!(f, "the call is held for {agent} until {until}")
            }
            Self::NotReady { reason } => write!(f, "is not ready: {reason}"),
            Self::Unreachable => f.write_str("the phone cannot be reached"),
            Self::Busy { call } => write!(f, "is busy with {call}"),
            Self::Behind => f.write_str("another agent was first"),
        }
    }
}
