//! What the media threads take for the time.
//!
//! **Invariant:** it never goes back.
//!
//! **Deliberately absent:** the wall clock. The shell says once what time it is.

use std::time::{Duration, Instant};

#[cfg(test)]
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};

use crate::time::Timestamp;

#[derive(Clone)]
pub(super) enum Clock {
    Running {
        epoch: Timestamp,
        started: Instant,
    },
    /// In virtual time: milliseconds, which a test moves. Whoever moves it wakes the threads.
    #[cfg(test)]
    Set(Arc<AtomicU64>),
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the media threads' own clock")]
    pub(super) fn start(epoch: Timestamp) -> Self {
        Self::Running { epoch, started: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Running { epoch, started } => *epoch + started.elapsed(),
            #[cfg(test)]
            Self::Set(now) => Timestamp(now.load(Ordering::SeqCst)),
        }
    }

    /// Since some moment before the threads began.
    pub(super) fn elapsed(&self) -> Duration {
        match self {
            Self::Running { started, .. } => started.elapsed(),
            #[cfg(test)]
            Self::Set(now) => Duration::from_millis(now.load(Ordering::SeqCst)),
        }
    }

    /// How long until `at`, to the microsecond. `None`: unknown, and a waiting thread is woken.
    pub(super) fn until(&self, at: Timestamp) -> Option<Duration> {
        match self {
            Self::Running { epoch, started } => {
                Some(at.since(*epoch).saturating_sub(started.elapsed()))
            }
            #[cfg(test)]
            Self::Set(_) => (at <= self.now()).then_some(Duration::ZERO),
        }
    }
}
