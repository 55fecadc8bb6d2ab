//! The clock of threads that wait for a database: how long, never what time it is.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "how long these threads have waited")]
pub(super) fn now() -> Instant {
    Instant::now()
}
