//! When the work on a call was done.
//!
//! A leg's talk and hold end with it, without a gap, and its after-call work follows: so they are
//! cut at the edges of buckets.
//!
//! **Invariant:** the parts of a work in buckets that cover it add up to it, to the millisecond.

use std::ops::Range;
use std::time::Duration;

use crate::id::{AgentId, QueueId};
use crate::metrics::CallRow;
use crate::metrics::tally::Worked;
use crate::time::Timestamp;
use crate::words::{CallRecord, PartyLeg};

/// What one agent did for one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) queue: Option<QueueId>,
    pub(super) agent: AgentId,
    /// When talk and hold began, when they ended, and when after-call work did.
    began_at: Timestamp,
    left_at: Timestamp,
    done_at: Timestamp,
    hold_ms: u64,
}

/// The end of the last after-call work, or of the call where there was none.
pub(super) fn work_ended_at(record: &CallRecord) -> Timestamp {
    record.legs.iter().filter_map(done_at).fold(record.ended_at, Timestamp::max)
}

fn done_at(leg: &PartyLeg) -> Option<Timestamp> {
    let wrap_up = leg.wrap_up.as_ref()?;
    Some(leg.ended_at? + Duration::from_millis(wrap_up.acw_ms))
}

/// The work of each leg whose times are all known.
pub(super) fn work(record: &CallRecord, row: &CallRow) -> Vec<Work> {
    let of_leg = |handled: &crate::metrics::Leg| {
        let leg = record.legs.iter().find(|leg| leg.leg.n == handled.n)?;
        let left_at = leg.ended_at?;
        let done_at = if handled.without_acw { left_at } else { done_at(leg)? };
        let spent = Duration::from_millis(handled.talk_ms + handled.hold_ms);
        let (queue, agent, hold_ms) = (handled.queue, handled.agent, handled.hold_ms);
        Some(Work { queue, agent, began_at: left_at - spent, left_at, done_at, hold_ms })
    };
    row.legs.iter().filter_map(of_leg).collect()
}

impl Work {
    /// Which of these buckets, in order, it is in.
    pub(super) fn buckets(&self, buckets: &[Range<Timestamp>]) -> Range<usize> {
        let first = buckets.partition_point(|bucket| bucket.end <= self.began_at);
        let end = buckets.partition_point(|bucket| bucket.start < self.done_at);
        first..end.max(first)
    }

    /// What of it was done in a bucket. Hold is where it was in the talk as a share.
    pub(super) fn within(&self, bucket: &Range<Timestamp>) -> Worked {
        let up_to = |at: Timestamp| {
            let spent = at.clamp(self.began_at, self.left_at).0 - self.began_at.0;
            let whole = self.left_at.0 - self.began_at.0;
            // Rounded down at each edge, so that the parts between edges add up.
            let hold = u128::from(self.hold_ms) * u128::from(spent) / u128::from(whole.max(1));
            let hold = u64::try_from(hold).unwrap_or(self.hold_ms);
            let work = at.clamp(self.left_at, self.done_at).0 - self.left_at.0;
            Worked { talk_ms: spent - hold, hold_ms: hold, acw_ms: work }
        };
        let (before, after) = (up_to(bucket.start), up_to(bucket.end));
        Worked {
            talk_ms: after.talk_ms - before.talk_ms,
            hold_ms: after.hold_ms - before.hold_ms,
            acw_ms: after.acw_ms - before.acw_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole_whatever_the_edges() {
        let work = Work {
            queue: None,
            agent: AgentId(0),
            began_at: Timestamp(1_003),
            left_at: Timestamp(9_010),
            done_at: Timestamp(12_345),
            hold_ms: 2_001,
        };
        for length in [1, 7, 100, 997, 5_000, 100_000] {
            let edge = |n: u64| Timestamp(n * length);
            let buckets = (0..20_000 / length + 1).map(|n| edge(n)..edge(n + 1));
            let buckets: Vec<_> = buckets.collect();
            let within = work.buckets(&buckets);
            let parts: Vec<_> = buckets[within].iter().map(|it| work.within(it)).collect();
            let sum = |of: fn(&Worked) -> u64| parts.iter().map(of).sum::<u64>();
            assert_eq!(sum(|it| it.talk_ms + it.hold_ms), 8_007);
            assert_eq!((sum(|it| it.hold_ms), sum(|it| it.acw_ms)), (2_001, 3_335), "{length}");
            assert!(parts.iter().all(|it| it.talk_ms + it.hold_ms + it.acw_ms > 0));
        }
    }
}
