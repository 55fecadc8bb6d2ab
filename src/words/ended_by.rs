//! The party that ended a call.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The party that ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The caller hung up, or gave up.
    Caller,
    /// The agent hung up.
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

impl EndedBy {
    /// All there are, in this order.
    pub const ALL: [Self; 8] = [
        Self::Caller,
        Self::Agent,
        Self::Party,
        Self::Flow,
        Self::Operator,
        Self::Network,
        Self::Server,
        Self::ServerLost,
    ];

    /// None of those who talked ended the call: we did, or our line to them.
    #[must_use]
    pub const fn is_of_ours(self) -> bool {
        match self {
            Self::Operator | Self::Network | Self::Server | Self::ServerLost => true,
            Self::Caller | Self::Agent | Self::Party | Self::Flow => false,
        }
    }
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
