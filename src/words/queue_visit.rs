//! One visit of a call to a queue.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::words::QueueExit;

/// One visit to a queue, ring time included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueVisit {
    pub queue: String,
    pub entered_at: Timestamp,
    pub left_at: Timestamp,
    pub left: QueueExit,
    pub priority: u8,
    /// Since when the place in line counts, where the caller came back to one they had: earlier
    /// than `entered_at`. The wait of this visit is still from `entered_at` to `left_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_line_since: Option<Timestamp>,
    /// An agent who talked to the caller waited in it, for another to consult.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consulted: bool,
}
