//! What follows in a call, for fronts that write whole documents.

use crate::words::{Listen, Prompt};

/// What follows, if the caller presses nothing meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookAhead {
    /// What is said now goes on whatever the caller presses.
    pub no_barge_in: bool,
    /// What will be said after what is said now, one entry per
    /// [`Command::Play`](crate::words::Command::Play).
    pub plays: Vec<Vec<Prompt>>,
    /// What plays until it is replaced is replaced in a moment: a service was asked.
    pub is_brief: bool,
    /// The keys waited for then; `None` when something else follows.
    pub listen: Option<Listen>,
}
