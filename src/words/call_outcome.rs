//! What became of a call.
//!
//! **Invariant:** exhaustive and disjoint: every call has one outcome, and it is the first of them,
//! in the order of `call::fold`, that is true. `docs/figures.md` has an example of each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of the call, from the caller's side.
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
    /// The caller left a queue by its exit key, and no agent talked to them.
    Exited,
    /// The caller left a message, and no agent talked to them.
    Voicemail,
    /// Sent to an outside number, which answered.
    Transferred,
    /// Served by the flow alone: the caller chose something there, or the flow asked nothing and
    /// went to its end.
    Contained,
    /// The caller chose nothing in the flow, and asked for no agent: they hung up before, or the
    /// flow gave up.
    IvrAbandoned,
    /// Never answered by us: an answer counts from the moment that there is sound.
    Refused,
    /// We failed: a step could not do its work, an operator or a drain ended the call, or the line
    /// to the caller or the server was lost while the call was up.
    Failed,
    /// We dialed the caller, who did not answer, or whom the trunk did not reach.
    NotReached,
    /// Made from an agent's own telephone, and it came to nobody: a feature code, or they heard a
    /// flow.
    OwnCall,
}

impl CallOutcome {
    /// All there are, in this order.
    pub const ALL: [Self; 12] = [
        Self::Handled,
        Self::Abandoned,
        Self::Overflowed,
        Self::Exited,
        Self::Voicemail,
        Self::Transferred,
        Self::Contained,
        Self::IvrAbandoned,
        Self::Refused,
        Self::Failed,
        Self::NotReached,
        Self::OwnCall,
    ];

    /// Those that a call of a customer's may have: their counts add up to the calls offered.
    pub const OF_CUSTOMERS: [Self; 10] = {
        let [rest @ .., Self::NotReached, Self::OwnCall] = Self::ALL else {
            panic!("those of others are the last")
        };
        rest
    };
}

/// As the HTTP interface has it.
impl fmt::Display for CallOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handled => "handled",
            Self::Abandoned => "abandoned",
            Self::Overflowed => "overflowed",
            Self::Exited => "exited",
            Self::Voicemail => "voicemail",
            Self::Transferred => "transferred",
            Self::Contained => "contained",
            Self::IvrAbandoned => "ivr_abandoned",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NotReached => "not_reached",
            Self::OwnCall => "own_call",
        })
    }
}
