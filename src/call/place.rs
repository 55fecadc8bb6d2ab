//! The places in line a call may come back to.
//!
//! A caller who leaves a line by its exit key, because the wait was over or because no agent was
//! there any more, and comes back to the same queue soon stands where they would stand had they
//! stayed: their place dates from when they first joined. So no caller who has been in that line
//! for longer is overtaken.
//!
//! **Bound:** one place per queue, and a call visits only queues of the configuration.
//!
//! **Invariant:** a place dates from a moment when the call was in that line; whoever found no line
//! to stand in (full, no agent there) has none to come back to.
//!
//! **Deliberately absent:** how long a caller waited. Each visit is a wait of its own, in records
//! and figures.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::QueueId;
use crate::time::Timestamp;
use crate::words::QueueExit;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Places {
    /// Since when the place counts that the call has now, or had last.
    since: Timestamp,
    left: BTreeMap<QueueId, Place>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Place {
    since: Timestamp,
    left_at: Timestamp,
}

impl Places {
    /// Joins the line of a queue that keeps places for `keep`; since when the place counts.
    pub fn join(&mut self, now: Timestamp, queue: QueueId, keep: Duration) -> Timestamp {
        let kept = self.left.remove(&queue).filter(|place| now.since(place.left_at) <= keep);
        self.since = kept.filter(|_| !keep.is_zero()).map_or(now, |place| place.since);
        self.since
    }

    pub fn leave(&mut self, now: Timestamp, queue: QueueId, left: QueueExit) {
        let keeps = match left {
            QueueExit::ExitKey | QueueExit::Overflowed(_) => self.since < now,
            QueueExit::Answered
            | QueueExit::Abandoned
            | QueueExit::TakenOver
            | QueueExit::Ended
            | QueueExit::Withdrawn => false,
        };
        if keeps {
            self.left.insert(queue, Place { since: self.since, left_at: now });
        }
    }

    /// Since when the place counts that the call has now.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Overflow;

    const KEEP: Duration = Duration::from_secs(60);
    const BILLING: QueueId = QueueId(0);
    const TECH: QueueId = QueueId(1);

    fn at(s: u64) -> Timestamp {
        Timestamp(s * 1_000)
    }

    #[test]
    fn fault_31_a_place_is_kept_for_so_long_and_in_each_line_apart() {
        let mut places = Places::default();
        assert_eq!(places.join(at(10), BILLING, KEEP), at(10));
        places.leave(at(50), BILLING, QueueExit::ExitKey);
        assert_eq!(places.join(at(60), TECH, KEEP), at(60), "another line");
        places.leave(at(70), TECH, QueueExit::ExitKey);
        assert_eq!(places.join(at(110), BILLING, KEEP), at(10), "60 s later, and no longer");
        places.leave(at(120), BILLING, QueueExit::Overflowed(Overflow::Timeout));
        assert_eq!(places.join(at(181), BILLING, KEEP), at(181));
        assert_eq!(places.join(at(190), TECH, KEEP), at(190), "too late there as well");
    }

    #[test]
    fn fault_31_no_place_is_kept_for_who_had_none_or_needs_none() {
        let mut places = Places::default();
        for (left, s) in [
            (QueueExit::Overflowed(Overflow::Full), 10),
            (QueueExit::Overflowed(Overflow::NoAgents), 20),
        ] {
            assert_eq!(places.join(at(s), BILLING, KEEP), at(s));
            places.leave(at(s), BILLING, left);
        }
        assert_eq!(places.join(at(30), BILLING, KEEP), at(30), "never was in line");
        places.leave(at(35), BILLING, QueueExit::Answered);
        assert_eq!(places.join(at(40), BILLING, KEEP), at(40), "was served");
        places.leave(at(45), BILLING, QueueExit::ExitKey);
        assert_eq!(places.join(at(45), BILLING, Duration::ZERO), at(45), "no place is kept here");
    }

    #[test]
    fn fault_31_a_line_that_is_full_takes_no_kept_place_away() {
        let mut places = Places::default();
        places.join(at(10), BILLING, KEEP);
        places.leave(at(50), BILLING, QueueExit::ExitKey);
        assert_eq!(places.join(at(55), BILLING, KEEP), at(10));
        places.leave(at(55), BILLING, QueueExit::Overflowed(Overflow::Full));
        assert_eq!(places.join(at(65), BILLING, KEEP), at(10));
    }
}
