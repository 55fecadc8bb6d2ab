//! How an offer ended: one call presented to one agent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How one call presented to one agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferOutcome {
    /// The agent answered.
    Accepted,
    /// 603 and the like: the agent pressed "reject".
    Rejected,
    /// The phone was busy.
    Busy,
    /// It rang out (RONA).
    NoAnswer,
    /// The phone could not be reached or failed.
    DeviceError,
    /// The caller left, another agent was faster, or the agent's phone came to be in use: not
    /// charged to the agent.
    Withdrawn,
}

impl OfferOutcome {
    /// As records and the HTTP interface have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::DeviceError => "device_error",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl fmt::Display for OfferOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
