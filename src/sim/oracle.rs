//! The figures again, from the records alone.
//!
//! The center counts while calls happen; this adds up what was written down afterwards. Two ways to
//! the same figures, and nothing in common but the records: where they differ, one is wrong.
//!
//! **Invariant:** a call that was handled is neither abandoned nor overflowed; each stay in a queue
//! ends in exactly one way.

use std::collections::BTreeMap;

use crate::call::{CallRecord, LeftQueue, Outcome, Party, WrapUp};
use crate::id::{CallId, LegId};
use crate::time::Timestamp;

/// Adds up records.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub calls: u64,
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Ends of stays in queues.
    pub left: BTreeMap<LeftQueue, u64>,
    /// Milliseconds waited by those who were answered, one each.
    pub waits_answered: Vec<u64>,
    /// And by those who hung up.
    pub waits_abandoned: Vec<u64>,
    /// Talks with agents: one call can have several.
    pub talks: u64,
    pub talk_ms: u64,
    pub hold_ms: u64,
    pub acw_ms: u64,
    /// Dispositions: solved, and given at all.
    pub resolved: u64,
    pub said: u64,
    /// By number: when handled calls ended, and when any call arrived.
    ended: BTreeMap<String, Vec<Timestamp>>,
    arrived: BTreeMap<String, Vec<Timestamp>>,
    talked: BTreeMap<LegId, CallId>,
    written_up: BTreeMap<LegId, WrapUp>,
}

impl Tally {
    pub fn record(&mut self, record: &CallRecord) {
        self.calls += 1;
        *self.outcomes.entry(record.outcome).or_default() += 1;
        if let Some(number) = &record.from {
            self.arrived.entry(number.clone()).or_default().push(record.arrived_at);
            if record.outcome == Outcome::Handled {
                self.ended.entry(number.clone()).or_default().push(record.ended_at);
            }
        }
        for stay in &record.queued {
            *self.left.entry(stay.left).or_default() += 1;
            let waited = ms(stay.left_at, stay.entered_at);
            match stay.left {
                LeftQueue::Answered => self.waits_answered.push(waited),
                LeftQueue::Abandoned => self.waits_abandoned.push(waited),
                LeftQueue::Timeout
                | LeftQueue::Full
                | LeftQueue::NoAgents
                | LeftQueue::Exit
                | LeftQueue::Ended => {}
            }
        }
        for leg in &record.legs {
            let agent = matches!(leg.party, Party::Agent { .. });
            if agent && leg.outcome == "accepted" {
                self.talks += 1;
                self.talk_ms += leg.talk_ms;
                self.hold_ms += leg.hold_ms;
                self.talked.insert(leg.leg, record.call);
                if let Some(wrap_up) = &leg.wrap_up {
                    self.write_up(wrap_up);
                }
            }
        }
    }

    /// After-call work of a leg; said again, it replaces what was said before.
    pub fn write_up(&mut self, wrap_up: &WrapUp) {
        let old = self.written_up.insert(wrap_up.leg, wrap_up.clone());
        if let Some(old) = old {
            self.acw_ms -= old.acw_ms;
            self.said -= u64::from(old.resolved.is_some());
            self.resolved -= u64::from(old.resolved == Some(true));
        }
        self.acw_ms += wrap_up.acw_ms;
        self.said += u64::from(wrap_up.resolved.is_some());
        self.resolved += u64::from(wrap_up.resolved == Some(true));
    }

    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    /// Mean speed of answer.
    #[must_use]
    pub fn asa_s(&self) -> Option<f64> {
        mean(self.waits_answered.iter().sum(), self.waits_answered.len() as u64)
    }

    /// Stays answered within `within_ms`, of those answered or abandoned.
    #[must_use]
    pub fn service_level(&self, within_ms: u64) -> Option<f64> {
        let within = self.waits_answered.iter().filter(|waited| **waited <= within_ms).count();
        share(within as u64, (self.waits_answered.len() + self.waits_abandoned.len()) as u64)
    }

    /// Calls whose caller hung up in a queue, of those that asked for an agent.
    #[must_use]
    pub fn abandonment(&self) -> Option<f64> {
        let abandoned = self.count(Outcome::Abandoned);
        let wanted = abandoned + self.count(Outcome::Handled) + self.count(Outcome::Overflowed);
        share(abandoned, wanted)
    }

    /// Calls that ended in the flow without asking for an agent, of all that were answered.
    #[must_use]
    pub fn containment(&self) -> Option<f64> {
        share(self.count(Outcome::Contained), self.calls - self.count(Outcome::Refused))
    }

    #[must_use]
    pub fn aht_call_s(&self) -> Option<f64> {
        mean(self.handle_ms(), self.count(Outcome::Handled))
    }

    #[must_use]
    pub fn aht_leg_s(&self) -> Option<f64> {
        mean(self.handle_ms(), self.talks)
    }

    /// Talk, hold and after-call work of all agents together, in milliseconds.
    #[must_use]
    pub const fn handle_ms(&self) -> u64 {
        self.talk_ms + self.hold_ms + self.acw_ms
    }

    /// Handled calls after which the same number did not call again, of those with a number.
    #[must_use]
    pub fn fcr(&self) -> Option<f64> {
        let handled: u64 = self.ended.values().map(|ends| ends.len() as u64).sum();
        let again = self.ended.iter().map(|(number, ends)| {
            let arrivals = self.arrived.get(number).map_or(&[][..], Vec::as_slice);
            ends.iter().filter(|end| arrivals.iter().any(|at| at > end)).count() as u64
        });
        share(handled - again.sum::<u64>(), handled)
    }
}

fn ms(later: Timestamp, earlier: Timestamp) -> u64 {
    later.as_millis() - earlier.as_millis()
}

/// Of milliseconds, in seconds.
fn mean(total_ms: u64, n: u64) -> Option<f64> {
    (n > 0).then(|| total_ms as f64 / n as f64 / 1_000.0)
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
