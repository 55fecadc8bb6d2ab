//! The order of waiting calls.
//!
//! The effective priority of a call is `priority + ageing_per_min × minutes waited`. Higher goes
//! first, then the earlier arrival, then the lower [`CallId`]: a total order.
//!
//! Two calls of one queue age alike, so the difference of their effective priorities never changes.
//! Multiplied out, `ageing × now` is common to both and falls away; what is left,
//! `ageing × since − priority × 60 000`, is a constant of the call: the moment it would have
//! arrived, had it come with priority 0. A queue is sorted by it once and never again.
//!
//! **Bound:** with `ageing_per_min = g > 0`, a call of priority `p` is overtaken by one of priority
//! `q > p` only if that one arrives less than `(q − p) / g` minutes later. With priorities 1 to 10
//! and `g = 1`, whoever arrives 9 minutes after a caller waits behind them. With `g = 0` priority
//! is strict and there is no bound.
//!
//! **Invariant:** the order of two calls of one queue is the same at every moment.
//!
//! **Deliberately absent:** demands. They do not move a call in the line.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::id::CallId;
use crate::time::Timestamp;

const MINUTE_MS: i64 = 60_000;

/// What a call is sorted by in the line of its queue: smaller is sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct QueueKey {
    virtual_arrival: i64,
    pub(super) since: Timestamp,
    pub(super) call: CallId,
}

impl QueueKey {
    pub(super) fn new(call: CallId, since: Timestamp, priority: u8, ageing_per_min: u8) -> Self {
        let virtual_arrival =
            i64::from(ageing_per_min) * millis(since) - i64::from(priority) * MINUTE_MS;
        Self { virtual_arrival, since, call }
    }

    /// All it is sorted by, but the call's number.
    pub(super) const fn order(self) -> (i64, Timestamp) {
        (self.virtual_arrival, self.since)
    }

    /// The order between calls of different queues, which may age at different speeds: good for
    /// `now` only, so it is computed for the heads of the lines and never stored.
    pub(super) fn across(
        self,
        now: Timestamp,
        ageing_per_min: u8,
    ) -> (Reverse<i64>, Timestamp, CallId) {
        let effective = i64::from(ageing_per_min) * millis(now) - self.virtual_arrival;
        (Reverse(effective), self.since, self.call)
    }
}

/// Beyond the year 292,000 all moments are alike; until then nothing here can overflow.
fn millis(at: Timestamp) -> i64 {
    const LATEST_MS: u64 = 1 << 53;
    i64::try_from(at.as_millis().min(LATEST_MS)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minutes(n: u64) -> Timestamp {
        Timestamp(n * 60_000)
    }

    #[test]
    fn a_later_call_overtakes_only_within_the_bound() {
        let patient = QueueKey::new(CallId(1), minutes(100), 3, 2);
        let urgent = |at| QueueKey::new(CallId(2), Timestamp(at), 9, 2);
        // (9 - 3) / 2 = 3 minutes.
        assert!(urgent(minutes(103).0 - 1) < patient);
        assert!(patient < urgent(minutes(103).0), "equal priority: the earlier arrival is first");
        assert!(patient < urgent(minutes(104).0));
    }

    #[test]
    fn without_ageing_priority_is_strict() {
        let old = QueueKey::new(CallId(1), minutes(0), 4, 0);
        let new = QueueKey::new(CallId(2), minutes(10_000), 5, 0);
        assert!(new < old);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn the_stored_order_is_the_order_of_effective_priorities_at_any_moment(
            a in (0u64..5_000_000, 0u8..=10), b in (0u64..5_000_000, 0u8..=10),
            ageing in 0u8..=20, later in 0u64..10_000_000,
        ) {
            let now = Timestamp(5_000_000 + later);
            let key = |n, (since, priority)| {
                QueueKey::new(CallId(n), Timestamp(since), priority, ageing)
            };
            // priority + ageing × minutes, in exact sixty-thousandths of a point.
            let effective = |(since, priority): (u64, u8)| {
                u64::from(priority) * 60_000 + u64::from(ageing) * (now.0 - since)
            };
            let first = |x: (u64, u8), n: u64| (Reverse(effective(x)), x.0, n);
            let stored = key(1, a).cmp(&key(2, b));
            prop_assert_eq!(stored, first(a, 1).cmp(&first(b, 2)));
            let across = |n, call| key(n, call).across(now, ageing);
            prop_assert_eq!(stored, across(1, a).cmp(&across(2, b)));
        }
    }
}
