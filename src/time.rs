//! Time as a value: [`Timestamp`], [`Timers`], a timer queue that fires in one order only, and
//! [`Throttle`], which says what happens often only now and then.
//!
//! **Invariant:** timers that are due fire by deadline, then by the order in which they were set,
//! so two runs over the same inputs fire them alike.
//!
//! **Deliberately absent:** a clock. The shell reads one and passes `now` to every machine.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod throttle;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use throttle::{Throttle, Unsaid};

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

/// RFC 3339, in UTC and to the millisecond: what people read, in logs and answers, is never a raw
/// number.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0 / DAY_MS, self.0 % DAY_MS);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        let ms = ms % 1_000;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// Counted from the first of March of year 0, where each leap day is the last day of its year, and
/// in periods of 400 years, which are alike.
const fn date(days: u64) -> (u64, u64, u64) {
    const PERIOD_DAYS: u64 = 146_097;
    const FROM_YEAR_0: u64 = 719_468;
    let (period, day) = ((days + FROM_YEAR_0) / PERIOD_DAYS, (days + FROM_YEAR_0) % PERIOD_DAYS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on, the months have 31, 30, 31, 30, 31 days, twice over.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (period * 400 + year + next_year, month, day)
}

/// A timer queue: at most one deadline per key. Setting a key again moves it.
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

/// Its deadlines in order, and the number of the last: all else follows from these.
impl<K: Ord + Clone + Serialize> Serialize for Timers<K> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.sequence, &self.due).serialize(to)
    }
}

impl<'de, K: Ord + Clone + Deserialize<'de>> Deserialize<'de> for Timers<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (sequence, due): (u64, BTreeSet<(Timestamp, u64, K)>) = Deserialize::deserialize(from)?;
        let by_key = due.iter().map(|(at, n, key)| (key.clone(), (*at, *n))).collect();
        Ok(Self { due, by_key, sequence })
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
    fn fault_32_a_time_is_shown_as_a_date_in_utc() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "1999-12-31T23:59:59.999Z",
            "2000-02-29T12:00:00.001Z",
            "2026-11-29T23:20:52.120Z",
            "2100-02-28T00:00:00.000Z",
            "2100-03-01T00:00:00.000Z",
            "2400-02-29T00:00:00.000Z",
        ] {
            let read: jiff::Timestamp = text.parse().unwrap();
            assert_eq!(Timestamp(read.as_millisecond() as u64).to_string(), text);
        }
        for day in 0..200_000 {
            let read = jiff::Timestamp::from_second(day * 86_400).unwrap();
            let shown = Timestamp(day as u64 * DAY_MS).to_string();
            assert_eq!(shown, format!("{read:.3}"));
        }
        assert!(Timestamp(u64::MAX).to_string().ends_with('Z'), "and never a panic");
    }

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
