//! Another store in place of this one, for everybody who has this one.
//!
//! **Invariant:** a sound comes from one of the two, never half of each.

use std::mem;
use std::sync::{Arc, PoisonError};

use crate::media::prompt_store::{KeptSounds, PromptStore};

/// Sounds that are wanted no more. Whoever drops them gives a lot of memory back, which takes its
/// time.
#[must_use]
pub struct FormerSounds {
    _kept: KeptSounds,
    _store: Option<Arc<PromptStore>>,
}

impl PromptStore {
    /// From now on `successor` answers; what was kept in memory before comes back.
    pub fn succeed(&self, successor: Arc<Self>) -> FormerSounds {
        let mut place = self.successor.write().unwrap_or_else(PoisonError::into_inner);
        let _store = place.replace(successor);
        drop(place);
        FormerSounds { _kept: mem::take(&mut *self.kept()), _store }
    }

    pub(super) fn successor(&self) -> Option<Arc<Self>> {
        self.successor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
