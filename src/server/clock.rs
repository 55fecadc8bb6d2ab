//! The one place that reads the clock.
//!
//! **Invariant:** time never goes back: the wall clock is read once, at start, and from then on the
//! monotonic clock is followed. A step of the system clock moves no deadline and no duration.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    started_at: Timestamp,
}

impl Clock {
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub(super) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Self { started: Instant::now(), started_at: Timestamp(ms) }
    }

    /// The same clock, set so that what is in the journal already did not happen later than now.
    #[must_use]
    pub(super) fn not_before(self, at: Timestamp) -> Self {
        Self { started_at: self.started_at + at.since(self.now()), ..self }
    }

    #[must_use]
    pub(super) fn now(&self) -> Timestamp {
        self.started_at + self.started.elapsed()
    }

    /// When the monotonic clock will show `at`; rounded up, so that waking then is not too early.
    #[must_use]
    pub(super) fn instant(&self, at: Timestamp) -> Instant {
        self.started + at.since(self.started_at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_journal_of_the_past_moves_no_clock_and_one_of_the_future_as_far_as_it_must() {
        // Five seconds after the start.
        let Clock { started, started_at } = Clock::start();
        let clock = Clock { started: started - Duration::from_secs(5), started_at };
        let past = clock.not_before(clock.now());
        assert!(past.now().since(clock.now()) < Duration::from_secs(1), "it does not run ahead");
        let future = clock.now() + Duration::from_secs(3600);
        let late = clock.not_before(future);
        assert!(late.now() >= future && late.now().since(future) < Duration::from_secs(60));
    }
}
