//! What each leg hears, as [`Command::Hear`](crate::words::Command::Hear) has said so far.
//!
//! For whoever carries the commands out, or watches them, and has to know more than one of them:
//! a front that joins two legs in one step waits until both hear each other.
//!
//! **Invariant:** a leg that ended hears none, and none hears it. A leg hears legs of its own call
//! alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::LegId;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Ear>", into = "Vec<Ear>")]
pub struct Hearing {
    /// Only legs that hear another.
    of: BTreeMap<LegId, BTreeSet<LegId>>,
}

/// A leg, and whom it hears. In text a list of these: a leg cannot be a key there.
type Ear = (LegId, BTreeSet<LegId>);

impl std::convert::From<Vec<Ear>> for Hearing {
    fn from(ears: Vec<Ear>) -> Self {
        Self { of: ears.into_iter().collect() }
    }
}

impl std::convert::From<Hearing> for Vec<Ear> {
    fn from(hearing: Hearing) -> Self {
        hearing.of.into_iter().collect()
    }
}

impl Hearing {
    /// From now on `leg` hears exactly these.
    pub fn hear(&mut self, leg: LegId, from: &BTreeSet<LegId>) {
        if from.is_empty() {
            self.of.remove(&leg);
        } else {
            self.of.insert(leg, from.clone());
        }
    }

    /// A leg ended.
    pub fn forget(&mut self, leg: LegId) {
        self.of.remove(&leg);
        // Only legs of its own call have heard it.
        let of_call = LegId { n: 0, ..leg }..=LegId { n: u16::MAX, ..leg };
        let mut alone = Vec::new();
        for (other, from) in self.of.range_mut(of_call) {
            from.remove(&leg);
            alone.extend(from.is_empty().then_some(*other));
        }
        for other in alone {
            self.of.remove(&other);
        }
    }

    #[must_use]
    pub fn hears(&self, leg: LegId, other: LegId) -> bool {
        self.of.get(&leg).is_some_and(|from| from.contains(&other))
    }

    /// This leg and all that it hears, directly or by way of others, if each of them hears all
    /// the rest; the leg alone, if it hears none. `None` while they do not: a change takes
    /// one command per leg.
    #[must_use]
    pub fn circle(&self, leg: LegId) -> Option<BTreeSet<LegId>> {
        let mut legs = BTreeSet::from([leg]);
        let mut open = vec![leg];
        while let Some(from) = open.pop().map(|leg| self.of.get(&leg)) {
            open.extend(from.into_iter().flatten().filter(|other| legs.insert(**other)));
        }
        let hears_all = |leg: &LegId| legs.iter().all(|it| it == leg || self.hears(*leg, *it));
        legs.iter().all(hears_all).then_some(legs)
    }

    /// Whom this leg hears.
    #[must_use]
    pub fn of(&self, leg: LegId) -> BTreeSet<LegId> {
        self.of.get(&leg).cloned().unwrap_or_default()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::id::CallId;

    use super::*;

    const CALL: CallId = CallId(7);

    fn leg(n: u16) -> LegId {
        LegId { call: CALL, n }
    }

    fn told(commands: &[(u16, &[u16])]) -> Hearing {
        let mut hearing = Hearing::default();
        for (listener, from) in commands {
            hearing.hear(leg(*listener), &from.iter().map(|n| leg(*n)).collect());
        }
        hearing
    }

    fn circle(hearing: &Hearing, n: u16) -> Option<Vec<u16>> {
        hearing.circle(leg(n)).map(|legs| legs.iter().map(|leg| leg.n).collect())
    }

    #[test]
    fn legs_are_a_circle_once_all_of_them_hear_all_others() {
        assert_eq!(circle(&told(&[]), 0), Some(vec![0]));
        assert_eq!(circle(&told(&[(0, &[1])]), 0), None);
        assert_eq!(circle(&told(&[(0, &[1]), (1, &[0])]), 1), Some(vec![0, 1]));
        let listener = told(&[(0, &[1]), (1, &[0]), (2, &[0, 1])]);
        assert_eq!((circle(&listener, 2), circle(&listener, 0)), (None, Some(vec![0, 1])));
        let three = told(&[(0, &[1, 2]), (1, &[0, 2]), (2, &[0, 1])]);
        assert_eq!(circle(&three, 2), Some(vec![0, 1, 2]));
        let whisper = told(&[(0, &[1]), (1, &[0, 2]), (2, &[0, 1])]);
        assert_eq!(circle(&whisper, 0), None);
    }

    #[test]
    fn whoever_ended_is_in_no_circle() {
        let mut hearing = told(&[(0, &[1, 2]), (1, &[0, 2]), (2, &[0, 1])]);
        hearing.forget(leg(1));
        assert_eq!(circle(&hearing, 0), Some(vec![0, 2]));
        hearing.forget(leg(2));
        assert!(hearing.is_empty());
    }
}
