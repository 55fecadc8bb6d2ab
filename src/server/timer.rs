//! The timer of the driver.
//!
//! The runtime wakes itself whenever a timer is set that comes before all others, and each message
//! has a deadline of its own. So this one is set for an earlier moment only, and may go off before
//! the deadline that holds by then: whoever waits looks what is due.
//!
//! **Invariant:** it goes off at the deadline at the latest, as far as the runtime is on time.
//!
//! **Deliberately absent:** what is due.

use std::future::pending;
use std::pin::Pin;

use tokio::time::{Instant, Sleep, sleep_until};

#[derive(Debug, Default)]
pub(super) struct Timer {
    set: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Waits until `deadline` or some earlier moment; without one, for ever. Safe to drop.
    pub(super) async fn until(&mut self, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return pending().await };
        let sleep = self.set.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < sleep.deadline() || sleep.is_elapsed() {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Begins to wait and stops again, as the driver does when a message comes first; for when the
    /// timer is set then, or `None` when it went off at once.
    async fn set_for(timer: &mut Timer, deadline: Instant) -> Option<Instant> {
        let went_off = timeout(Duration::ZERO, timer.until(Some(deadline))).await.is_ok();
        timer.set.as_ref().filter(|_| !went_off).map(|sleep| sleep.deadline())
    }

    #[tokio::test]
    async fn it_is_set_again_for_an_earlier_moment_or_once_it_went_off() {
        let (start, mut timer) = (Instant::now(), Timer::default());
        assert_eq!(set_for(&mut timer, start + s(100)).await, Some(start + s(100)));
        assert_eq!(set_for(&mut timer, start + s(50)).await, Some(start + s(50)), "earlier");
        assert_eq!(set_for(&mut timer, start + s(300)).await, Some(start + s(50)), "left as it is");
        assert_eq!(set_for(&mut timer, start).await, None, "what is overdue is due");
        assert_eq!(set_for(&mut timer, start + s(300)).await, Some(start + s(300)));
    }

    #[tokio::test]
    async fn without_a_deadline_nothing_goes_off() {
        let mut timer = Timer::default();
        assert_eq!(set_for(&mut timer, Instant::now()).await, None);
        assert!(timeout(Duration::ZERO, timer.until(None)).await.is_err());
    }
}
