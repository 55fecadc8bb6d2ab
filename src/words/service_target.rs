//! What a queue promises to its callers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a queue promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTarget {
    /// Service level: answered within this.
    pub answer_within: Duration,
    /// A caller who hangs up sooner than this did not really wait.
    pub short_abandon: Duration,
}

impl Default for ServiceTarget {
    /// 80/20 is the usual promise; this is its 20 seconds, and a 5-second short abandon.
    fn default() -> Self {
        Self { answer_within: Duration::from_secs(20), short_abandon: Duration::from_secs(5) }
    }
}
