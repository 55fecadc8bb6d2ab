//! How callers fared in queues: speed of answer, service level in every published variant, and
//! abandonment.
//!
//! One visit to a queue is one thing counted; a call that waited twice counts twice. `X` is the
//! target of the visit's own queue, "short" an abandon sooner than that queue's short-abandon time.
//! A caller whom a supervisor took over from the line has left it unanswered by any agent: exited,
//! as by the exit key. So the answered are those whom an agent of the queue handled.
//!
//! **Invariant:** all variants are computed from the same visits, so they differ by definition
//! only; `offered = answered + abandoned + overflowed + exited`.
//!
//! **Deliberately absent:** calls that still wait. A visit counts when it ended and its call ended.

use serde::Serialize;

use crate::metrics::ratio::Ratio;
use crate::metrics::{QueueVisit, Target};
use crate::words::QueueExit;

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
}

/// What is added up, visit by visit.
#[derive(Clone, Debug, Default)]
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
    /// Overflowed or exited within X.
    out_in: u64,
    /// Of the answered; in order once all are added.
    pub(super) waits_ms: Vec<u64>,
}

impl Visits {
    pub(super) fn add(&mut self, visit: &QueueVisit, target: Target) {
        let within = u128::from(visit.wait_ms) <= target.answer_within.as_millis();
        let short = u128::from(visit.wait_ms) < target.short_abandon.as_millis();
        match visit.left {
            QueueExit::Answered => {
                self.answered += 1;
                self.answered_in += u64::from(within);
                self.waits_ms.push(visit.wait_ms);
            }
            // A call that we dropped while it waited is as lost to the caller as one given up.
            QueueExit::Abandoned | QueueExit::Ended => {
                self.abandoned += 1;
                self.abandoned_in += u64::from(within);
                self.abandoned_late += u64::from(!within && !short);
                self.short += u64::from(short);
                self.short_in += u64::from(short && within);
            }
            QueueExit::Overflowed(_) => {
                self.overflowed += 1;
                self.out_in += u64::from(within);
            }
            QueueExit::ExitKey | QueueExit::TakenOver => {
                self.exited += 1;
                self.out_in += u64::from(within);
            }
            // No caller waited: such a visit is in no row.
            QueueExit::Withdrawn => {}
        }
    }

    pub(super) const fn queueing(&self) -> Queueing {
        Queueing {
            offered: self.offered(),
            answered: self.answered,
            abandoned: self.abandoned,
            short_abandoned: self.short,
            overflowed: self.overflowed,
            exited: self.exited,
        }
    }

    pub(super) const fn offered(&self) -> u64 {
        self.answered + self.abandoned + self.overflowed + self.exited
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
