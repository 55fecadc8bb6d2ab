//! What anybody can cause as often as they like is said once per key and period: [`Throttle`].
//!
//! **Invariant:** within one period at most `keys_max` things are said, each of them once, and no
//! more than `keys_max` keys are remembered, whatever comes. What is not said is counted, and the
//! count comes with what is said next.
//!
//! **Deliberately absent:** the log, and what a key is. A table per kind of thing keeps a flood of
//! one kind from silencing another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::time::Timestamp;

/// Which of the things that happen to log.
#[derive(Clone, Debug)]
pub struct Throttle<K> {
    every: Duration,
    keys_max: usize,
    keys: BTreeMap<K, LastSaid>,
    /// The same keys by when they were said last.
    by_time: BTreeSet<(Timestamp, K)>,
    /// Unsaid, of keys that are not remembered.
    others: u64,
}

#[derive(Clone, Copy, Debug)]
struct LastSaid {
    at: Timestamp,
    unsaid: u64,
}

/// What was not said until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsaid {
    /// Of the same key, since it was said last.
    pub same: u64,
    /// Of keys for which there was no room, since anything was said.
    pub others: u64,
}

impl<K: Ord + Clone> Throttle<K> {
    #[must_use]
    pub const fn new(every: Duration, keys_max: usize) -> Self {
        Self { every, keys_max, keys: BTreeMap::new(), by_time: BTreeSet::new(), others: 0 }
    }

    /// Something happened. `None`: it is not to be said, only counted.
    pub fn say(&mut self, now: Timestamp, key: K) -> Option<Unsaid> {
        if let Some(told) = self.keys.get_mut(&key)
            && now.since(told.at) < self.every
        {
            told.unsaid += 1;
            return None;
        }
        let same = match self.keys.remove(&key) {
            Some(told) => {
                self.by_time.remove(&(told.at, key.clone()));
                told.unsaid
            }
            None if self.make_room(now) => 0,
            None => {
                self.others += 1;
                return None;
            }
        };
        self.keys.insert(key.clone(), LastSaid { at: now, unsaid: 0 });
        self.by_time.insert((now, key));
        Some(Unsaid { same, others: std::mem::take(&mut self.others) })
    }

    /// Forgets the key that was said longest ago, where it may be said again by now anyway.
    fn make_room(&mut self, now: Timestamp) -> bool {
        if self.keys.len() < self.keys_max {
            return true;
        }
        let is_over = |(at, _): &&(Timestamp, K)| now.since(*at) >= self.every;
        let Some(oldest) = self.by_time.first().filter(is_over).cloned() else { return false };
        self.by_time.remove(&oldest);
        self.others += self.keys.remove(&oldest.1).map_or(0, |told| told.unsaid);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(60);

    fn at(s: u64) -> Timestamp {
        Timestamp(1_000_000) + Duration::from_secs(s)
    }

    const fn unsaid(same: u64, others: u64) -> Option<Unsaid> {
        Some(Unsaid { same, others })
    }

    #[test]
    fn a_key_is_said_once_per_period_with_the_count_of_what_was_not() {
        let mut throttle = Throttle::new(EVERY, 8);
        assert_eq!(throttle.say(at(0), "eve"), unsaid(0, 0));
        let silent = (1..60).filter(|s| throttle.say(at(*s), "eve").is_none());
        assert_eq!(silent.count(), 59);
        assert_eq!(throttle.say(at(30), "ann"), unsaid(0, 0), "another key is not held back");
        assert_eq!(throttle.say(at(60), "eve"), unsaid(59, 0));
        assert_eq!(throttle.say(at(600), "eve"), unsaid(0, 0));
    }

    #[test]
    fn fault_16_a_flood_of_sources_is_a_bounded_number_of_lines_in_bounded_memory() {
        let mut throttle = Throttle::new(EVERY, 8);
        let said = (0..100_000_u64).filter(|n| throttle.say(at(n / 2_000), *n).is_some());
        assert_eq!(said.count(), 8, "50 s of it");
        assert_eq!((throttle.keys.len(), throttle.by_time.len()), (8, 8));
        assert_eq!(throttle.say(at(59), 3), None);
        // A minute later there is room again, and the line says what went before.
        assert_eq!(throttle.say(at(60), 200_000), unsaid(0, 99_992));
        assert_eq!(throttle.say(at(60), 3), unsaid(1, 0));
        assert_eq!((throttle.keys.len(), throttle.by_time.len()), (8, 8));
    }
}
