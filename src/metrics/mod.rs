//! AHT, FCR, ASA, service level and the rest: folds over facts.
//!
//! Each call becomes one [`CallRow`]; a [`Report`] adds up the rows of the calls that *ended* in a
//! period. A call that began before midnight and ended after it belongs to the new day, whole.
//!
//! **Invariant:** every figure carries the number of things it was computed from and its
//! definition, and whatever was left out is counted beside it. [`oracle`] recomputes the figures
//! from the facts alone, in another way, and must agree.
//!
//! **Deliberately absent:** live state (who waits now is the queue's to say), and the past beyond
//! [`WINDOW`]: rows are kept in memory, the store has the records.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod agents;
mod calls;
pub mod cut;
mod fact;
mod fcr;
mod figures;
mod follow;
mod near;
pub mod oracle;
mod ratio;
mod report;
mod row;
mod service;
mod spread;
mod sum;
mod tally;
pub mod waterfall;

#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

pub use agents::Times;
pub use fact::{CallRow, Fact, Leg, Offer, QueueVisit, Sent};
pub use fcr::{FCR_WINDOWS, FcrBlend, FcrRepeat, Judgement, LeftOut, Scope};
pub use figures::{Column, FIGURES, Figure, Figures, Section, Unit};
pub use follow::{Counted, Counter, Follower, named};
pub use near::{Contact, Near, Side};
pub use ratio::{Measured, Ratio};
pub use report::{AgentReport, Handling, Kept, Presenting, QueueReport, Report, Time};
pub use row::Naming;
pub use service::{Judging, Queueing};
pub use sum::{Gathering, Sum};
pub use tally::{TALLY_VERSION, Tallies, Tally};

pub use crate::words::ServiceTarget as Target;

use crate::id::QueueId;
use crate::time::Timestamp;
use agents::Agents;
use calls::Calls;

/// How long calls and agents' changes are kept: longer than the widest FCR window, so that a repeat
/// is found for every issue of the last days.
pub const WINDOW: Duration = Duration::from_secs(35 * 24 * 3600);

/// Facts in, reports out.
#[derive(Clone, Debug)]
pub struct Metrics {
    targets: Vec<Target>,
    calls: Calls,
    agents: Agents,
}

impl Metrics {
    /// Targets by [`QueueId`]; a queue beyond the list has the default one.
    #[must_use]
    pub fn new(targets: Vec<Target>) -> Self {
        Self { targets, calls: Calls::default(), agents: Agents::default() }
    }

    /// Starts from calls that ended before this process began, in any order. Agents' states are not
    /// restored: occupancy counts from now.
    #[must_use]
    pub fn restore(targets: Vec<Target>, rows: impl IntoIterator<Item = CallRow>) -> Self {
        let mut metrics = Self::new(targets);
        for row in rows {
            metrics.calls.insert_ended(row);
        }
        metrics
    }

    /// From now on the queues promise this; also in the figures of calls that ended before.
    pub fn set_targets(&mut self, targets: Vec<Target>) {
        self.targets = targets;
    }

    /// Takes in one fact. Facts come in order of time.
    pub fn fold(&mut self, at: Timestamp, fact: Fact) {
        match fact {
            Fact::AgentChanged { agent, activity } => self.agents.changed(at, agent, activity),
            Fact::Arrived { call, by_agent } => {
                self.calls.arrived(CallRow { by_agent, ..CallRow::new(call, at) });
            }
            Fact::Began { call } => {
                self.calls.arrived(CallRow { is_outbound: true, ..CallRow::new(call, at) });
            }
            Fact::OfferEnded { call, queue, agent, outcome } => {
                self.calls.offer_ended(call, Offer { queue, agent, outcome });
            }
            Fact::LeftQueue { call, queue, wait_ms, left } => {
                self.calls.left_queue(call, QueueVisit { queue, wait_ms, left });
            }
            Fact::LegEnded { leg, agent, queue, talk_ms, hold_ms, sent } => {
                self.calls.leg(leg, agent, |row| {
                    (row.queue, row.talk_ms, row.hold_ms) = (queue, talk_ms, hold_ms);
                    row.sent = sent;
                });
            }
            Fact::WrapUpEnded { leg, agent, acw_ms, resolved, intent } => {
                self.calls.leg(leg, agent, |row| {
                    (row.acw_ms, row.resolved) = (Some(acw_ms), resolved);
                });
                if let Some(intent) = intent {
                    self.calls.set_intent(leg.call, intent);
                }
            }
            Fact::CallEnded { call, caller, intent, outcome, outside, is_cut_off } => {
                self.calls.ended(at, call, |row| {
                    row.caller = caller;
                    row.intent = intent;
                    row.outcome = outcome;
                    row.outside = outside;
                    row.is_cut_off = is_cut_off;
                });
            }
        }
        self.expire(at);
    }

    fn expire(&mut self, at: Timestamp) {
        self.calls.expire(at - WINDOW);
        self.agents.expire(at - WINDOW);
    }

    /// The figures of the calls that ended in `from..to`, as known at `now`. It costs a few
    /// microseconds for each of those calls, whatever else is kept.
    #[must_use]
    pub fn report(&self, now: Timestamp, from: Timestamp, to: Timestamp) -> Report {
        report::build(self, now, from, to)
    }

    /// What agents spent their time on within `from..to`, as known at `now`.
    #[must_use]
    pub fn times(&self, now: Timestamp, from: Timestamp, to: Timestamp) -> Times {
        self.agents.times(from, to.min(now))
    }

    /// The rows of the calls that ended in `from..to`: what a figure is made of.
    pub fn rows(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &CallRow> {
        self.calls.ended_in(from, to)
    }

    fn target(&self, queue: QueueId) -> Target {
        self.targets.get(queue.0 as usize).copied().unwrap_or_default()
    }
}
