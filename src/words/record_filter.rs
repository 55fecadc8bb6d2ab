//! Which records are asked for: one value for whoever asks and for whoever keeps them.
//!
//! **Deliberately absent:** how they are found, which is the database's.

use crate::id::CallId;
use crate::time::Timestamp;
use crate::words::CallOutcome;

/// Which records are asked for; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Calls that arrived at this time or later.
    pub since: Option<Timestamp>,
    /// Calls that arrived before this time.
    pub until: Option<Timestamp>,
    /// Calls that waited in this queue.
    pub queue: Option<String>,
    /// Calls that were offered to this agent.
    pub agent: Option<String>,
    pub outcome: Option<CallOutcome>,
    /// Calls that were imported under this name; `None`: calls of our own, and no imported ones.
    pub import: Option<String>,
    /// The caller's number, as in the records.
    pub number: Option<String>,
    /// Calls older than this one: the last of the page before.
    pub before: Option<CallId>,
    /// Records on the page: 1 to [`Self::LIMIT_MAX`].
    pub limit: usize,
}

impl RecordFilter {
    /// A page has at most this many records.
    pub const LIMIT_MAX: usize = 500;
}
