//! Time as a value: [`Timestamp`], and [`Timers`], a timer queue that fires in one order only.
//!
//! **Invariant:** timers that are due fire by deadline, then by the order in which they were set,
//! so two runs over the same inputs fire them alike.
//!
//! **Deliberately absent:** a clock. The shell reads one and passes `now` to every machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, never decreasing.
///
/// One type serves deadlines, opening hours and records: the shell anchors it to the wall clock at
/// start and then follows the monotonic clock, so an NTP jump cannot move a deadline.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub u64);

impl Timestamp {
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero when `earlier` lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(ms))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(ms))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// A timer queue: at most one deadline a key. Setting a key again moves it.
///
/// Both operations cost `O(log n)`; there is no tombstone to sweep.
#[derive(Clone, Debug)]
pub struct Timers<K: Ord + Clone> {
    due: BTreeSet<(Timestamp, u64, K)>,
    by_key: BTreeMap<K, (Timestamp, u64)>,
    sequence: u64,
}

impl<K: Ord + Clone> Default for Timers<K> {
    fn default() -> Self {
        Self { due: BTreeSet::new(), by_key: BTreeMap::new(), sequence: 0 }
    }
}

impl<K: Ord + Clone> Timers<K> {
    pub fn set(&mut self, key: K, at: Timestamp) {
        self.sequence += 1;
        if let Some((at, sequence)) = self.by_key.insert(key.clone(), (at, self.sequence)) {
            self.due.remove(&(at, sequence, key.clone()));
        }
        self.due.insert((at, self.sequence, key));
    }

    /// Sets or cancels, as a machine's `poll_timeout` says.
    pub fn set_or_cancel(&mut self, key: K, at: Option<Timestamp>) {
        match at {
            Some(at) if self.by_key.get(&key).is_some_and(|(old, _)| *old == at) => {}
            Some(at) => self.set(key, at),
            None => self.cancel(&key),
        }
    }

    pub fn cancel(&mut self, key: &K) {
        if let Some((at, sequence)) = self.by_key.remove(key) {
            self.due.remove(&(at, sequence, key.clone()));
        }
    }

    /// The earliest deadline and its key.
    #[must_use]
    pub fn next(&self) -> Option<(Timestamp, &K)> {
        self.due.first().map(|(at, _, key)| (*at, key))
    }

    /// Takes the earliest timer that is due.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<K> {
        let (at, _, _) = self.due.first()?;
        if *at > now {
            return None;
        }
        let (_, _, key) = self.due.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }

    #[must_use]
    pub fn get(&self, key: &K) -> Option<Timestamp> {
        self.by_key.get(key).map(|(at, _)| *at)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.due.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_by_deadline_then_by_order_of_setting() {
        let mut timers = Timers::default();
        timers.set("late", Timestamp(20));
        timers.set("first", Timestamp(10));
        timers.set("second", Timestamp(10));
        timers.set("late", Timestamp(10));
        assert_eq!(timers.next(), Some((Timestamp(10), &"first")));
        assert_eq!(timers.pop_due(Timestamp(9)), None);
        let fired: Vec<_> = std::iter::from_fn(|| timers.pop_due(Timestamp(10))).collect();
        assert_eq!(fired, ["first", "second", "late"]);
        assert!(timers.is_empty());
    }

    #[test]
    fn cancelled_timers_leave_nothing_behind() {
        let mut timers = Timers::default();
        timers.set(1, Timestamp(5));
        timers.cancel(&1);
        timers.cancel(&2);
        assert!(timers.is_empty());
        assert_eq!(timers.pop_due(Timestamp(100)), None);
    }
}
