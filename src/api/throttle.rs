//! Warnings that strangers cause: said now and then, with how many were not.
//!
//! **Invariant:** one [`Throttle`] lets one warning through per [`SAID_EVERY`], however many there
//! are to say.

use std::time::Duration;

use tokio::time::Instant;

/// The log has a warning of one kind once within this.
const SAID_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Throttle {
    said_at: Option<Instant>,
    unsaid: u64,
}

impl Throttle {
    /// Where a warning is due now: how many were left out since the last one.
    pub(super) fn due(&mut self, now: Instant) -> Option<u64> {
        if self.said_at.is_some_and(|at| now < at + SAID_EVERY) {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_is_said() {
        let (start, mut throttle) = (Instant::now(), Throttle::default());
        let mut at = |s| throttle.due(start + Duration::from_secs(s));
        assert_eq!(
            [at(0), at(1), at(9), at(10), at(11), at(30)],
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }
}
