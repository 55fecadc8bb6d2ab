//! How callers fared in queues: speed of answer, service level in every published variant, and
//! abandonment.
//!
//! One visit to a queue is one thing counted; a call that waited twice counts twice. `X` is the
//! target of the visit's own queue, "short" an abandon sooner than that queue's short-abandon time.
//! A caller whom a supervisor took over from the line has left it unanswered by any agent: exited,
//! as by the exit key. So the answered are those whom an agent of the queue handled.
//!
//! **Invariant:** all variants are computed from the same visits, so they differ by definition
//! only; `offered = answered + abandoned + overflowed + exited + cut_off`.
//!
//! **Deliberately absent:** calls that still wait. A visit counts when it ended and its call ended.

use std::time::Duration;

use serde::Serialize;

use crate::id::QueueId;
use crate::metrics::Target;
use crate::metrics::ratio::Ratio;
use crate::metrics::tally::Waits;

/// Figures of the visits of one queue, or of all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Queueing {
    pub offered: u64,
    pub answered: u64,
    pub abandoned: u64,
    /// Of the abandoned, those who hung up before the short-abandon time.
    pub short_abandoned: u64,
    pub overflowed: u64,
    /// By the exit key, or taken over by a supervisor.
    pub exited: u64,
    /// Ended by us, or lost, while the caller waited: no abandon, and never in time.
    pub cut_off: u64,
}

impl Queueing {
    /// What was offered, and the sum of how those visits ended: equal.
    #[must_use]
    pub const fn parts(&self) -> (u64, u64) {
        let parts = self.answered + self.abandoned + self.overflowed + self.exited + self.cut_off;
        (self.offered, parts)
    }
}

/// By what visits are judged in one report, in place of what their queues promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judging {
    pub answer_within: Option<Duration>,
    pub short_abandon: Option<Duration>,
}

impl Judging {
    /// What a queue's visits are judged by; targets by [`QueueId`].
    #[must_use]
    pub fn target(self, promised: &[Target], queue: QueueId) -> Target {
        let target = promised.get(queue.0 as usize).copied().unwrap_or_default();
        Target {
            answer_within: self.answer_within.unwrap_or(target.answer_within),
            short_abandon: self.short_abandon.unwrap_or(target.short_abandon),
        }
    }
}

/// Waits as a target judges them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Visits {
    pub(super) answered: u64,
    answered_in: u64,
    pub(super) abandoned: u64,
    abandoned_in: u64,
    /// Neither within X nor short.
    abandoned_late: u64,
    short: u64,
    short_in: u64,
    overflowed: u64,
    exited: u64,
    cut_off: u64,
    /// Overflowed or exited within X.
    out_in: u64,
    /// Of the answered, those who waited at all.
    delayed: u64,
    abandoned_ms: u64,
}

impl Visits {
    pub(super) fn of(waits: &Waits, target: Target) -> Self {
        let within = |ms: u128| ms <= target.answer_within.as_millis();
        let short = |ms: u128| ms < target.short_abandon.as_millis();
        let Waits { answered, abandoned, overflowed, exited, cut_off } = waits;
        Self {
            answered: answered.len(),
            answered_in: answered.count(within),
            abandoned: abandoned.len(),
            abandoned_in: abandoned.count(within),
            abandoned_late: abandoned.count(|ms| !within(ms) && !short(ms)),
            short: abandoned.count(short),
            short_in: abandoned.count(|ms| short(ms) && within(ms)),
            overflowed: overflowed.len(),
            exited: exited.len(),
            cut_off: cut_off.len(),
            out_in: overflowed.count(within) + exited.count(within),
            delayed: answered.count(|ms| ms > 0),
            abandoned_ms: abandoned.sum_ms(),
        }
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.answered_in += other.answered_in;
        self.abandoned += other.abandoned;
        self.abandoned_in += other.abandoned_in;
        self.abandoned_late += other.abandoned_late;
        self.short += other.short;
        self.short_in += other.short_in;
        self.overflowed += other.overflowed;
        self.exited += other.exited;
        self.cut_off += other.cut_off;
        self.out_in += other.out_in;
        self.delayed += other.delayed;
        self.abandoned_ms += other.abandoned_ms;
    }

    pub(super) const fn queueing(&self) -> Queueing {
        Queueing {
            offered: self.offered(),
            answered: self.answered,
            abandoned: self.abandoned,
            short_abandoned: self.short,
            overflowed: self.overflowed,
            exited: self.exited,
            cut_off: self.cut_off,
        }
    }

    pub(super) const fn offered(&self) -> u64 {
        self.answered + self.abandoned + self.overflowed + self.exited + self.cut_off
    }

    pub(super) const fn delayed(&self) -> u64 {
        self.delayed
    }

    pub(super) const fn abandoned_ms(&self) -> u64 {
        self.abandoned_ms
    }

    /// Answered or given up.
    const fn ended(&self) -> u64 {
        self.answered + self.abandoned
    }

    /// All but the short abandons.
    const fn due(&self) -> u64 {
        self.offered() - self.short
    }

    /// Sent away, or gone by the exit key, before X counts as an abandon there.
    const fn left_in(&self) -> u64 {
        self.abandoned_in - self.short_in + self.out_in
    }

    pub(super) fn abandoned_without_short(&self) -> Ratio {
        Ratio::share(self.abandoned - self.short, self.due())
    }
}

/// Service level as others publish it. The same queue, the same calls; up to 20 points apart. What
/// each is, the table of figures says.
impl Visits {
    /// The default.
    pub(super) fn late_abandons_count(&self) -> Ratio {
        Ratio::share(self.answered_in, self.answered + self.abandoned_late)
    }

    pub(super) fn all_within(&self) -> Ratio {
        Ratio::share(self.answered_in + self.abandoned_in, self.ended())
    }

    pub(super) fn answered_only(&self) -> Ratio {
        Ratio::share(self.answered_in, self.answered)
    }

    pub(super) fn all_abandons_count(&self) -> Ratio {
        Ratio::share(self.answered_in, self.ended())
    }

    pub(super) fn short_abandons_are_met(&self) -> Ratio {
        Ratio::share(self.answered_in + self.short, self.ended())
    }

    pub(super) fn removed_within(&self) -> Ratio {
        Ratio::share(self.answered_in + self.abandoned_in + self.out_in, self.offered())
    }

    pub(super) fn abandons_ignored(&self) -> Ratio {
        Ratio::share(self.answered_in, self.due() - self.left_in())
    }

    pub(super) fn abandons_negative(&self) -> Ratio {
        Ratio::share(self.answered_in, self.due())
    }

    pub(super) fn abandons_positive(&self) -> Ratio {
        Ratio::share(self.answered_in + self.left_in(), self.due())
    }

    pub(super) fn answered_of_answered_and_abandoned_without_short(&self) -> Ratio {
        Ratio::share(self.answered_in, self.ended() - self.short)
    }

    pub(super) fn flow_outs_count(&self) -> Ratio {
        Ratio::share(self.answered_in, self.offered())
    }
}
