//! What each queue's calls came to since the start, as counters for Prometheus.
//!
//! A visit and a talk count when their call ends, after-call work when it does; so a rate over some
//! minutes is of the calls that ended in them.
//!
//! **Invariant:** a counter never goes down: what an agent says later of a leg changes none.
//!
//! **Bound:** [`PENDING_MAX`] legs whose after-call work goes on; the work of the oldest beyond is
//! not counted.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::LegId;
use crate::words::{CallRecord, Party, QueueExit, ServiceTarget, WrapUp};

/// Legs that are remembered for their after-call work.
const PENDING_MAX: usize = 10_000;

/// Counters of all queues.
#[derive(Debug, Default)]
pub struct QueueCounters(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    queues: BTreeMap<String, QueueCounts>,
    /// The queue of each leg whose after-call work goes on.
    pending: BTreeMap<LegId, String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct QueueCounts {
    offered: u64,
    answered: u64,
    in_service_level: u64,
    abandoned: u64,
    overflowed: u64,
    talks: u64,
    talk_ms: u64,
    hold_ms: u64,
    works: u64,
    acw_ms: u64,
}

/// A family: its name after `attendant_queue_`, what it counts, and of which value.
type Family = (&'static str, &'static str, fn(&QueueCounts) -> u64);

const COUNTS: [Family; 5] = [
    ("offered_total", "Visits to the queue that ended.", |it| it.offered),
    ("answered_total", "Visits that an agent answered.", |it| it.answered),
    ("in_service_level_total", "Visits answered within `service_level_s`.", |it| {
        it.in_service_level
    }),
    ("abandoned_total", "Visits that the caller gave up.", |it| it.abandoned),
    ("overflowed_total", "Visits that the queue sent elsewhere.", |it| it.overflowed),
];

/// A sum of milliseconds, and of how many times it is.
type Sum = fn(&QueueCounts) -> [u64; 2];

/// The same of times: name, help and sum.
const TIMES: [(&str, &str, Sum); 3] = [
    ("talk_seconds", "Talk of agents with the queue's callers.", |it| [it.talk_ms, it.talks]),
    ("hold_seconds", "Hold of the same talks.", |it| [it.hold_ms, it.talks]),
    ("acw_seconds", "After-call work of the same talks.", |it| [it.acw_ms, it.works]),
];

impl QueueCounters {
    /// A call ended; `target` is what a queue promises.
    pub fn ended(&self, record: &CallRecord, target: impl Fn(&str) -> ServiceTarget) {
        if !record.is_customers() {
            return;
        }
        let inner = &mut *self.inner();
        for visit in record.queued.iter().filter(|visit| !visit.consulted) {
            let counts = inner.queues.entry(visit.queue.clone()).or_default();
            let wait = visit.left_at.since(visit.entered_at);
            counts.offered += 1;
            match visit.left {
                QueueExit::Answered => {
                    counts.answered += 1;
                    let is_in_time = wait <= target(&visit.queue).answer_within;
                    counts.in_service_level += u64::from(is_in_time);
                }
                QueueExit::Abandoned => counts.abandoned += 1,
                QueueExit::Overflowed(_) => counts.overflowed += 1,
                QueueExit::ExitKey
                | QueueExit::TakenOver
                | QueueExit::Ended
                | QueueExit::Withdrawn => {}
            }
        }
        for leg in &record.legs {
            let is_agents = matches!(leg.party, Party::Agent { .. }) && leg.role.is_none();
            let Some(queue) = leg.queue.as_ref().filter(|_| is_agents && leg.served()) else {
                continue;
            };
            let counts = inner.queues.entry(queue.clone()).or_default();
            let (talk_ms, hold_ms) = leg.handled_ms();
            counts.talks += 1;
            counts.talk_ms += talk_ms;
            counts.hold_ms += hold_ms;
            match &leg.wrap_up {
                Some(wrap_up) => counts.worked(wrap_up),
                None => drop(inner.pending.insert(leg.leg, queue.clone())),
            }
        }
        while inner.pending.len() > PENDING_MAX {
            inner.pending.pop_first();
        }
    }

    /// After-call work ended.
    pub fn worked(&self, wrap_up: &WrapUp) {
        let inner = &mut *self.inner();
        let Some(queue) = inner.pending.remove(&wrap_up.leg) else { return };
        inner.queues.entry(queue).or_default().worked(wrap_up);
    }

    /// In the text format of Prometheus.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let queues = self.inner().queues.clone();
        let mut text = String::new();
        let label =
            |queue: &str| queue.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        for (name, help, of) in COUNTS {
            let name = format!("attendant_queue_{name}");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            for (queue, counts) in &queues {
                let _ = writeln!(text, "{name}{{queue=\"{}\"}} {}", label(queue), of(counts));
            }
        }
        for (name, help, of) in TIMES {
            let name = format!("attendant_queue_{name}");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} summary");
            for (queue, counts) in &queues {
                let ([ms, n], queue) = (of(counts), label(queue));
                let s = ms as f64 / 1000.0;
                let _ = writeln!(text, "{name}_sum{{queue=\"{queue}\"}} {s}");
                let _ = writeln!(text, "{name}_count{{queue=\"{queue}\"}} {n}");
            }
        }
        text
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing in it can be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueCounts {
    const fn worked(&mut self, wrap_up: &WrapUp) {
        self.works += 1;
        self.acw_ms += wrap_up.acw_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CallId;
    use crate::metrics::tests::cases;

    #[test]
    fn visits_talks_and_work_count_once() {
        let counters = QueueCounters::default();
        let lines = [
            "+1 03-02T09:00:00 wait:billing/10 ann:60/10/20",
            "+2 03-02T09:00:00 wait:billing/30 ann:30/0/?",
            "+3 03-02T09:00:00 wait:billing/45/abandoned",
            "+4 03-02T09:00:00 wait:billing/5/overflowed wait:tech/5 bob:40/0/0",
            "ann 03-02T09:00:00 own:ann wait:billing/5 bob:40/0/0",
        ];
        let records = cases::records(&lines);
        records.iter().for_each(|record| counters.ended(record, |_| ServiceTarget::default()));
        let leg = LegId { call: CallId(2), n: 1 };
        let wrap_up = WrapUp { leg, acw_ms: 5_000, resolved: None, intent: None, note: None };
        counters.worked(&wrap_up);
        counters.worked(&wrap_up); // said again
        let text = counters.prometheus();
        for line in [
            "attendant_queue_offered_total{queue=\"billing\"} 4",
            "attendant_queue_answered_total{queue=\"billing\"} 2",
            "attendant_queue_in_service_level_total{queue=\"billing\"} 1",
            "attendant_queue_abandoned_total{queue=\"billing\"} 1",
            "attendant_queue_overflowed_total{queue=\"billing\"} 1",
            "attendant_queue_talk_seconds_sum{queue=\"billing\"} 90",
            "attendant_queue_talk_seconds_count{queue=\"billing\"} 2",
            "attendant_queue_hold_seconds_sum{queue=\"billing\"} 10",
            "attendant_queue_acw_seconds_sum{queue=\"billing\"} 25",
            "attendant_queue_acw_seconds_count{queue=\"billing\"} 2",
            "attendant_queue_answered_total{queue=\"tech\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is missing in\n{text}");
        }
    }
}
