//! The key that ends an input, where it comes after the input was decided without it.
//!
//! **Invariant:** it belongs to that input and acts on no later step, unless no flow names it and
//! the step reached lists it.
//!
//! **Deliberately absent:** the keys themselves. The run holds them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A key that ends an input may come at most this late, after a step was decided that names none:
/// it is a habit, and still belongs to that step.
pub(in crate::flow) const LATE_FINISH: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(in crate::flow) struct Late {
    pub(in crate::flow) key: char,
    pub(in crate::flow) within: Duration,
    /// No flow names it for that: a step that lists it as a key of its own comes first.
    pub(in crate::flow) is_habit: bool,
}

impl Late {
    pub(in crate::flow) const fn named(key: char, within: Duration) -> Self {
        Self { key, within, is_habit: false }
    }

    pub(in crate::flow) const fn habit(key: char, within: Duration) -> Self {
        Self { key, within, is_habit: true }
    }
}
