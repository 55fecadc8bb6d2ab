//! The legs that each leg of one call hears: what was asked for last, whether or not those legs are
//! open.
//!
//! **Invariant:** what a leg hears is decided by what was asked and by who is open, not by the
//! order in which the two came about; no leg hears itself, or a leg of another call.
//!
//! **Deliberately absent:** sound, and who may hear whom, which is the center's to say.

use std::collections::BTreeMap;

use crate::id::{CallId, LegId};

#[derive(Clone, Debug)]
pub struct Hearing {
    call: CallId,
    /// Without legs that hear none. Each list is sorted.
    from: BTreeMap<LegId, Vec<LegId>>,
}

/// How a leg hears the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Nobody,
    /// One leg, whose packets are passed on as they come.
    Passed(LegId),
    /// These, mixed.
    Mixed(Vec<LegId>),
}

impl Hearing {
    #[must_use]
    pub fn new(call: CallId) -> Self {
        Self { call, from: BTreeMap::new() }
    }

    /// From now on `leg` hears exactly these.
    pub fn hear(&mut self, leg: LegId, mut from: Vec<LegId>) {
        from.retain(|other| other.call == self.call && *other != leg);
        from.sort_unstable();
        from.dedup();
        if from.is_empty() {
            self.from.remove(&leg);
        } else {
            self.from.insert(leg, from);
        }
    }

    #[must_use]
    pub fn call(&self) -> CallId {
        self.call
    }

    /// Whom this leg should hear, open or not.
    #[must_use]
    pub fn of(&self, leg: LegId) -> &[LegId] {
        self.from.get(&leg).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether no leg hears another.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from.is_empty()
    }

    /// How `leg` hears those who are open. `passes` says of the only one whether its packets are of
    /// use to this leg as they are.
    #[must_use]
    pub fn route(
        &self,
        leg: LegId,
        is_open: impl Fn(LegId) -> bool,
        passes: impl Fn(LegId) -> bool,
    ) -> Route {
        let open: Vec<LegId> =
            self.of(leg).iter().copied().filter(|source| is_open(*source)).collect();
        match open[..] {
            [] => Route::Nobody,
            [only] if passes(only) => Route::Passed(only),
            [..] => Route::Mixed(open),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn leg(n: u16) -> LegId {
        LegId { call: CallId(1), n }
    }

    fn legs(bits: u8) -> Vec<LegId> {
        (0..8).filter(|n| bits & 1 << n != 0).map(leg).collect()
    }

    #[test]
    fn one_is_passed_on_several_are_mixed_and_what_cannot_be_passed_on_is_mixed_alone() {
        let mut hearing = Hearing::new(CallId(1));
        let elsewhere = LegId { call: CallId(2), n: 3 };
        hearing.hear(leg(0), vec![leg(2), leg(1), leg(0), leg(2), elsewhere]);
        let route =
            |open: u8, passes| hearing.route(leg(0), |leg| legs(open).contains(&leg), |_| passes);
        assert_eq!(route(0b111, true), Route::Mixed(vec![leg(1), leg(2)]));
        assert_eq!(route(0b101, true), Route::Passed(leg(2)));
        assert_eq!(route(0b101, false), Route::Mixed(vec![leg(2)]));
        assert_eq!(route(0b001, true), Route::Nobody);
    }

    proptest! {
        /// Asked before or after a leg opens, closes and opens again: the same.
        #[test]
        fn the_order_of_asking_and_opening_does_not_matter(
            asked in proptest::collection::vec((0_u16..5, 0_u8..32), 0..12),
            open in 0_u8..32,
        ) {
            let mut hearing = Hearing::new(CallId(1));
            for &(n, from) in &asked {
                hearing.hear(leg(n), legs(from));
            }
            for n in 0..5 {
                let last = asked.iter().rev().find(|(to, _)| *to == n).map_or(0, |(_, from)| *from);
                let expected = legs(last & open & !(1 << n));
                let route = hearing.route(leg(n), |leg| legs(open).contains(&leg), |_| true);
                prop_assert_eq!(route, match expected[..] {
                    [] => Route::Nobody,
                    [only] => Route::Passed(only),
                    [..] => Route::Mixed(expected),
                });
            }
        }
    }
}
