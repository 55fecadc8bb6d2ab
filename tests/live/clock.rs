//! The one clock of these tests.
//!
//! **Invariant:** a test waits for an event with a deadline; nothing waits for a time to pass
//! except where silence itself is what is asserted.

use std::time::{Duration, Instant};

/// How long anything that must happen may take on a slow machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

#[expect(clippy::disallowed_methods, reason = "real peers on real sockets live in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// What is left until `deadline`; `None` when it has passed. Never zero: a socket would block.
pub(crate) fn left(deadline: Instant) -> Option<Duration> {
    deadline.checked_duration_since(now()).filter(|left| !left.is_zero())
}
