//! How a leg to a party ended.
//!
//! **Invariant:** records, the journal and the HTTP interface write the same word, and read it
//! back.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::words::OfferOutcome;

/// How a leg to an agent or to an outside party ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegOutcome {
    /// It has not ended: it rings, or the talk goes on.
    Ringing,
    /// The party answered.
    Accepted,
    /// 603 and the like: whoever was rung pressed "reject".
    Rejected,
    /// The telephone was busy.
    Busy,
    /// It rang out.
    NoAnswer,
    /// An agent's phone could not be reached or failed.
    DeviceError,
    /// We took the call back: the caller left, another agent was faster, or the call ended.
    Withdrawn,
    /// No trunk may dial the number.
    Refused,
    /// The party dialed beside the queue could not be reached.
    Failed,
}

impl LegOutcome {
    /// All there are, in this order.
    pub const ALL: [Self; 9] = [
        Self::Ringing,
        Self::Accepted,
        Self::Rejected,
        Self::Busy,
        Self::NoAnswer,
        Self::DeviceError,
        Self::Withdrawn,
        Self::Refused,
        Self::Failed,
    ];

    /// Of a leg that we end ourselves.
    #[must_use]
    pub const fn of_ours(answered: bool) -> Self {
        if answered { Self::Accepted } else { Self::Withdrawn }
    }

    /// As records and the HTTP interface have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::DeviceError => "device_error",
            Self::Withdrawn => "withdrawn",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl From<OfferOutcome> for LegOutcome {
    fn from(outcome: OfferOutcome) -> Self {
        match outcome {
            OfferOutcome::Accepted => Self::Accepted,
            OfferOutcome::Rejected => Self::Rejected,
            OfferOutcome::Busy => Self::Busy,
            OfferOutcome::NoAnswer => Self::NoAnswer,
            OfferOutcome::DeviceError => Self::DeviceError,
            OfferOutcome::Withdrawn => Self::Withdrawn,
        }
    }
}

impl fmt::Display for LegOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
