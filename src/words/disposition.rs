//! What an agent says of a call.
//!
//! **Invariant:** what is said later adds to what was said: who says nothing of one thing leaves it
//! as it was.
//!
//! **Deliberately absent:** which call it is of.

use serde::{Deserialize, Serialize};

/// What an agent says of a call; `None`: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposition {
    pub resolved: Option<bool>,
    /// What the caller really wanted.
    pub intent: Option<String>,
    pub note: Option<String>,
}

impl Disposition {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in what was said later.
    pub fn add(&mut self, later: Self) {
        let Self { resolved, intent, note } = later;
        self.resolved = resolved.or(self.resolved);
        self.intent = intent.or(self.intent.take());
        self.note = note.or(self.note.take());
    }
}
