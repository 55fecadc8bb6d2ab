//! The figures again, from the records alone.
//!
//! The center counts while calls happen; this adds up what was written down afterwards. Two ways to
//! the same figures, and nothing in common but the records: where they differ, one is wrong.
//!
//! **Invariant:** a call that was handled is neither abandoned nor overflowed; each visit to a
//! queue ends in exactly one way.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{CallId, LegId};
use crate::metrics::Report;
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, CallRecord, LegOutcome, Overflow, Party, QueueExit, RecordingKind, SentTo,
    SupervisorMode, WrapUp,
};

/// Adds up records.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub calls: u64,
    pub outcomes: BTreeMap<CallOutcome, u64>,
    /// Ends of visits to queues.
    pub left: BTreeMap<QueueExit, u64>,
    /// Milliseconds waited by those who were answered, one each.
    pub waits_answered: Vec<u64>,
    /// And by those who hung up.
    pub waits_abandoned: Vec<u64>,
    /// Calls with a talk of an agent's; who is taken over while they wait talks to a supervisor.
    pub handled: u64,
    /// Talks with agents: one call can have several.
    pub talks: u64,
    pub talk_ms: u64,
    pub hold_ms: u64,
    pub acw_ms: u64,
    /// Callers whom an agent sent to another step, and callers left with a consulted party.
    pub sent: u64,
    pub handed_over: u64,
    /// Agents who were consulted and got the call, and queues that were asked for one.
    pub handed_to_agents: u64,
    pub consulted: u64,
    /// Calls from agents' own telephones, which are in nothing above, and their feature codes.
    pub agent_calls: u64,
    pub feature_codes: u64,
    /// Of the agents' calls: those that reached a colleague straight away, or an outside party.
    pub reached: [u64; 2],
    /// How often supervisors were there in which mode, and who took a call over and then held.
    pub modes: BTreeMap<SupervisorMode, u64>,
    pub held_taken_over: u64,
    /// Recordings of both sides.
    pub recorded: u64,
    /// Calls that we began, which are in nothing above either, and how many were answered.
    pub outbound: u64,
    pub outbound_reached: u64,
    left_out: BTreeSet<CallId>,
    written_up: BTreeMap<LegId, WrapUp>,
}

impl Tally {
    pub fn record(&mut self, record: &CallRecord) {
        if record.caller_agent().is_some() {
            self.left_out.insert(record.call);
            let is_code = record.is_feature_code();
            *(if is_code { &mut self.feature_codes } else { &mut self.agent_calls }) += 1;
            let talked = record.legs.first().filter(|leg| record.flow.is_none() && leg.talk_ms > 0);
            if let Some(leg) = talked {
                self.reached[usize::from(matches!(leg.party, Party::Outside { .. }))] += 1;
            }
            return;
        }
        if record.is_outbound() {
            self.left_out.insert(record.call);
            self.outbound += 1;
            self.outbound_reached += u64::from(record.answered_at.is_some());
            return;
        }
        self.calls += 1;
        *self.outcomes.entry(record.outcome).or_default() += 1;
        for visit in &record.queued {
            if visit.consulted {
                self.consulted += 1;
                continue; // an agent waited, for a party to consult
            }
            *self.left.entry(visit.left).or_default() += 1;
            let waited = ms(visit.left_at, visit.entered_at);
            match visit.left {
                QueueExit::Answered => self.waits_answered.push(waited),
                QueueExit::Abandoned => self.waits_abandoned.push(waited),
                QueueExit::Overflowed(_)
                | QueueExit::ExitKey
                | QueueExit::TakenOver
                | QueueExit::Ended
                | QueueExit::Withdrawn => {}
            }
        }
        let both_sides = record.recordings.iter().filter(|it| it.kind == RecordingKind::Call);
        self.recorded += both_sides.count() as u64;
        let talks = self.talks;
        for leg in &record.legs {
            for entry in &leg.modes {
                *self.modes.entry(entry.mode).or_default() += 1;
            }
            self.held_taken_over += u64::from(leg.role.is_some() && leg.hold_ms > 0);
            let agent = matches!(leg.party, Party::Agent { .. }) && leg.role.is_none();
            if agent && leg.outcome == LegOutcome::Accepted {
                // A consulted agent handles nothing, until they get the call.
                let before = match (leg.consulted, leg.handed_over) {
                    (true, None) => continue,
                    (_, Some(handed)) => (handed.talk_ms, handed.hold_ms),
                    (false, None) => (0, 0),
                };
                self.talks += 1;
                self.talk_ms += leg.talk_ms - before.0;
                self.hold_ms += leg.hold_ms - before.1;
                self.handed_to_agents += u64::from(leg.handed_over.is_some());
                self.sent += u64::from(matches!(leg.sent_to, Some(SentTo::Step(_))));
                let consulted = matches!(leg.sent_to, Some(SentTo::Number(_) | SentTo::Agent(_)));
                self.handed_over += u64::from(consulted);
                if let Some(wrap_up) = &leg.wrap_up {
                    self.write_up(wrap_up);
                }
            }
        }
        self.handled += u64::from(self.talks > talks);
    }

    /// After-call work of a leg; said again, it replaces what was said before.
    pub fn write_up(&mut self, wrap_up: &WrapUp) {
        if self.left_out.contains(&wrap_up.leg.call) {
            return;
        }
        let old = self.written_up.insert(wrap_up.leg, wrap_up.clone());
        if let Some(old) = old {
            self.acw_ms -= old.acw_ms;
        }
        self.acw_ms += wrap_up.acw_ms;
    }

    #[must_use]
    pub fn count(&self, outcome: CallOutcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    /// Where the center's figures are not these.
    #[must_use]
    pub fn disagreements(&self, report: &Report) -> Vec<String> {
        let left = |ways: &[QueueExit]| ways.iter().map(|way| self.left_by(*way)).sum::<u64>();
        let overflowed = left(&[
            QueueExit::Overflowed(Overflow::Timeout),
            QueueExit::Overflowed(Overflow::Full),
            QueueExit::Overflowed(Overflow::NoAgents),
        ]);
        let abandoned = left(&[QueueExit::Abandoned]);
        let cut_off = left(&[QueueExit::Ended]);
        let answered = left(&[QueueExit::Answered]);
        let exited = left(&[QueueExit::ExitKey, QueueExit::TakenOver]);
        let (queueing, handling) = (&report.queueing, &report.handling);
        let counts = [
            ("calls", self.calls, report.calls),
            ("agents' calls", self.agent_calls, report.agent_calls),
            ("outbound calls", self.outbound, report.outbound_calls),
            ("answered", answered, queueing.answered),
            ("abandoned", abandoned, queueing.abandoned),
            ("overflowed", overflowed, queueing.overflowed),
            ("exited", exited, queueing.exited),
            ("cut off", cut_off, queueing.cut_off),
            ("offered", answered + abandoned + overflowed + exited + cut_off, queueing.offered),
            ("handled calls", self.handled, handling.handled_calls),
            ("handled legs", self.talks, handling.handled_legs),
            ("legs without the end of after-call work", 0, handling.provisional_legs),
            ("facts that came too late", 0, report.kept.late_facts),
            ("calls still open", 0, report.kept.calls_open),
        ];
        let waited = self.waits_answered.iter().sum();
        let measured = |name: &str| report.figures[name].value;
        let reached = self.outbound_reached as f64;
        let reach_rate = (self.outbound > 0).then(|| reached / self.outbound as f64);
        let means = [
            ("outbound calls reached", reach_rate, measured("reach_rate")),
            ("ASA", mean(waited, answered), measured("asa_s")),
            ("talk", mean(self.talk_ms, self.talks), measured("talk_leg_s")),
            ("hold", mean(self.hold_ms, self.talks), measured("hold_leg_s")),
            ("after-call work", mean(self.acw_ms, self.talks), measured("acw_leg_s")),
            ("AHT a leg", mean(self.handle_ms(), self.talks), measured("aht_leg_s")),
            ("AHT a call", mean(self.handle_ms(), self.handled), measured("aht_call_s")),
        ];
        let counts = counts.iter().filter(|(_, own, theirs)| own != theirs);
        let counts = counts.map(|(what, own, theirs)| format!("{what}: {theirs}, not {own}"));
        let means = means.iter().filter(|(_, own, theirs)| !same(*own, *theirs));
        let means = means.map(|(what, own, theirs)| format!("{what}: {theirs:?}, not {own:?}"));
        let outcomes =
            self.outcomes.iter().filter(|(outcome, n)| report.outcomes.get(outcome) != Some(*n));
        let outcomes = outcomes.map(|(outcome, n)| format!("{outcome:?} is not {n}"));
        counts.chain(means).chain(outcomes).collect()
    }

    fn left_by(&self, way: QueueExit) -> u64 {
        self.left.get(&way).copied().unwrap_or_default()
    }

    /// Talk, hold and after-call work of all agents together, in milliseconds.
    const fn handle_ms(&self) -> u64 {
        self.talk_ms + self.hold_ms + self.acw_ms
    }
}

fn ms(later: Timestamp, earlier: Timestamp) -> u64 {
    later.as_millis() - earlier.as_millis()
}

/// Of milliseconds, in seconds.
fn mean(total_ms: u64, n: u64) -> Option<f64> {
    (n > 0).then(|| total_ms as f64 / n as f64 / 1_000.0)
}

/// Equal but for how sums of floats round.
fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-6,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
