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

use crate::metrics::report::{Figure, percentile_s, ratio, seconds};
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
    pub asa_s: Figure,
    pub wait_p50_s: Figure,
    pub wait_p90_s: Figure,
    /// The default variant: the same as `service_levels.late_abandons_count`.
    pub service_level: Figure,
    pub service_levels: ServiceLevels,
    pub abandonment_rate: Figure,
    pub abandonment_rate_without_short: Figure,
}

/// Service level as others publish it. The same queue, the same calls; up to 20 points apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceLevels {
    /// The default.
    pub late_abandons_count: Figure,
    pub all_within: Figure,
    pub answered_only: Figure,
    pub all_abandons_count: Figure,
    pub short_abandons_are_met: Figure,
    pub removed_within: Figure,
    pub abandons_ignored: Figure,
    pub abandons_negative: Figure,
    pub abandons_positive: Figure,
    pub answered_of_answered_and_abandoned_without_short: Figure,
    pub flow_outs_count: Figure,
}

/// What is added up, visit by visit.
#[derive(Clone, Debug, Default)]
pub(super) struct Visits {
    answered: u64,
    answered_in: u64,
    abandoned: u64,
    abandoned_in: u64,
    /// Neither within X nor short.
    abandoned_late: u64,
    short: u64,
    short_in: u64,
    overflowed: u64,
    exited: u64,
    /// Overflowed or exited within X.
    out_in: u64,
    waits_ms: Vec<u64>,
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

    pub(super) fn finish(mut self) -> Queueing {
        self.waits_ms.sort_unstable();
        let levels = self.levels();
        let offered = self.answered + self.abandoned + self.overflowed + self.exited;
        Queueing {
            offered,
            answered: self.answered,
            abandoned: self.abandoned,
            short_abandoned: self.short,
            overflowed: self.overflowed,
            exited: self.exited,
            asa_s: seconds(
                self.waits_ms.iter().sum(),
                self.answered,
                "wait of the answered, from joining the queue to the agent's answer, ring time \
                 included ÷ answered",
            ),
            wait_p50_s: percentile_s(&self.waits_ms, 50, "half of the answered waited no longer"),
            wait_p90_s: percentile_s(&self.waits_ms, 90, "nine in ten answered waited no longer"),
            service_level: levels.late_abandons_count.clone(),
            service_levels: levels,
            abandonment_rate: ratio(self.abandoned, offered, "abandoned ÷ offered"),
            abandonment_rate_without_short: ratio(
                self.abandoned - self.short,
                offered - self.short,
                "(abandoned − short) ÷ (offered − short)",
            ),
        }
    }

    fn levels(&self) -> ServiceLevels {
        let met = self.answered_in;
        let ended = self.answered + self.abandoned;
        let offered = ended + self.overflowed + self.exited;
        // Sent away, or gone by the exit key, before X counts as an abandon there.
        let left_in = self.abandoned_in - self.short_in + self.out_in;
        let due = offered - self.short;
        ServiceLevels {
            late_abandons_count: ratio(
                met,
                self.answered + self.abandoned_late,
                "answered ≤ X ÷ (answered + abandoned > X, short ones left out)",
            ),
            all_within: ratio(
                met + self.abandoned_in,
                ended,
                "(answered ≤ X + abandoned ≤ X) ÷ (answered + abandoned)",
            ),
            answered_only: ratio(met, self.answered, "answered ≤ X ÷ answered"),
            all_abandons_count: ratio(met, ended, "answered ≤ X ÷ (answered + abandoned)"),
            short_abandons_are_met: ratio(
                met + self.short,
                ended,
                "(answered ≤ X + short abandons) ÷ (answered + abandoned)",
            ),
            removed_within: ratio(
                met + self.abandoned_in + self.out_in,
                offered,
                "left the queue ≤ X in whatever way ÷ offered",
            ),
            abandons_ignored: ratio(
                met,
                due - left_in,
                "answered ≤ X ÷ (offered − left unanswered ≤ X), short abandons nowhere",
            ),
            abandons_negative: ratio(met, due, "answered ≤ X ÷ offered, short abandons nowhere"),
            abandons_positive: ratio(
                met + left_in,
                due,
                "(answered ≤ X + left unanswered ≤ X) ÷ offered, short abandons nowhere",
            ),
            answered_of_answered_and_abandoned_without_short: ratio(
                met,
                ended - self.short,
                "answered ≤ X ÷ (answered + abandoned − short)",
            ),
            flow_outs_count: ratio(
                met,
                offered,
                "answered ≤ X ÷ (answered + abandoned + overflowed + exited)",
            ),
        }
    }
}
