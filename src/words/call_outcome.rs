//! What became of a call.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of the call. One value per call; `handled` wins over the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// At least one agent talked to the caller, or a supervisor who took the call over; the figures
    /// of handling are of agents' legs alone.
    Handled,
    /// The caller left while waiting in a queue or while an agent's phone rang.
    Abandoned,
    /// A queue sent the call away (full, timeout, no agents) and no agent talked to the caller.
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

impl CallOutcome {
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
impl fmt::Display for CallOutcome {
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
