//! Another store in place of this one, for everybody who has this one.
//!
//! **Invariant:** a sound comes from one of the two, never half of each.

use std::sync::{Arc, PoisonError};

use crate::media::prompt_store::{KeptSounds, PromptStore};

impl PromptStore {
    /// From now on `successor` answers; what this one keeps in memory is let go.
    pub fn succeed(&self, successor: Arc<Self>) {
        *self.successor.write().unwrap_or_else(PoisonError::into_inner) = Some(successor);
        *self.kept() = KeptSounds::default();
    }

    pub(super) fn successor(&self) -> Option<Arc<Self>> {
        self.successor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
