//! From a call's facts to its record.
//!
//! **Invariant:** pure, total, and independent of when it runs: folding the same facts again gives
//! the same record.

use std::collections::BTreeMap;

use crate::call::{Fact, Origin};
use crate::id::LegId;
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, CallRecord, Cause, Dialed, EndedBy, HandedOver, InputOutcome, LegOutcome,
    ModeEntry, Party, PartyLeg, PathEntry, QueueExit, QueueVisit, Recording, SentTo, StepInput,
    WrapUp,
};

#[must_use]
pub fn record(origin: &Origin, facts: &[(Timestamp, Fact)]) -> CallRecord {
    let mut fold = Fold::new(origin);
    for (at, fact) in facts {
        fold.apply(*at, fact);
    }
    fold.finish()
}

/// The leg of that name, as it is in the record: folded alone.
#[must_use]
pub fn leg(origin: &Origin, facts: &[(Timestamp, Fact)], leg: LegId) -> Option<PartyLeg> {
    let mut fold = Fold::new(origin);
    for (at, fact) in facts.iter().filter(|(_, fact)| fact.leg() == Some(leg)) {
        fold.apply(*at, fact);
    }
    fold.record.legs.pop()
}

struct Fold {
    record: CallRecord,
    open: BTreeMap<LegId, Open>,
    overflowed: bool,
    /// What the flow got from the caller, and whether it could do its work.
    flow: FlowSoFar,
    /// An agent said what the caller wanted: whatever the flow finds out has no say any more.
    intent_corrected: bool,
}

#[derive(Default)]
struct FlowSoFar {
    asked: bool,
    answered: bool,
    failed: bool,
}

/// A leg that has not ended: since when it talks, since when it is on hold.
#[derive(Default)]
struct Open {
    index: usize,
    talking_since: Option<Timestamp>,
    held_since: Option<Timestamp>,
}

impl Fold {
    fn new(origin: &Origin) -> Self {
        let record = CallRecord {
            call: origin.call,
            from: origin.from.clone(),
            from_name: origin.from_name.clone(),
            to: origin.to.clone(),
            via: origin.via.clone(),
            flow: None,
            language: None,
            intent: None,
            arrived_at: origin.arrived_at,
            answered_at: None,
            caller_left_at: None,
            ended_at: origin.arrived_at,
            outcome: CallOutcome::Refused,
            ended_by: EndedBy::Server,
            cause: Cause::NORMAL_UNSPECIFIED,
            path: Vec::new(),
            queued: Vec::new(),
            legs: Vec::new(),
            vars: BTreeMap::new(),
            recordings: Vec::new(),
        };
        let (open, flow) = Default::default();
        Self { record, open, overflowed: false, flow, intent_corrected: false }
    }

    fn apply(&mut self, at: Timestamp, fact: &Fact) {
        self.record.ended_at = at;
        match fact {
            Fact::FlowChosen { flow, version } => {
                self.record.flow = Some(format!("{flow}@{version}"));
            }
            Fact::Answered => self.record.answered_at = Some(at),
            Fact::AnswerTakenBack => self.record.answered_at = None,
            Fact::Entered { step } => {
                let (step, inputs) = (step.to_string(), Vec::new());
                self.record.path.push(PathEntry { at, step, inputs, failed: false });
            }
            Fact::Input { outcome, keys } => self.input(at, *outcome, keys.as_deref()),
            Fact::StepFailed => self.step_failed(),
            Fact::Intent { intent } if !self.intent_corrected => {
                self.record.intent = Some(intent.to_string());
            }
            Fact::Intent { .. } => {}
            Fact::Queued { queue, priority, in_line_since, consulted } => {
                self.queued(at, queue, *priority, *in_line_since, *consulted);
            }
            Fact::LeftQueue { left } => self.left_queue(at, *left),
            Fact::Dialed(dialed) => self.dialed(at, dialed),
            Fact::Rerouted { leg, trunk } => self.rerouted(*leg, trunk),
            Fact::LegAnswered { leg } => self.with(*leg, |_, leg| leg.answered_at = Some(at)),
            Fact::Supervised { leg, mode, instead_of } => {
                let entry = ModeEntry { at, mode: *mode, instead_of: *instead_of };
                self.with(*leg, |_, leg| leg.modes.push(entry));
            }
            Fact::Bridged { leg } => self.with(*leg, |open, _| open.talking_since = Some(at)),
            Fact::Held { leg } => self.with(*leg, |open, leg| {
                open.stop(at, leg);
                open.held_since = Some(at);
            }),
            Fact::Resumed { leg } => self.with(*leg, |open, leg| {
                open.stop(at, leg);
                open.talking_since = Some(at);
            }),
            Fact::Transferred { leg, to } => self.transferred(*leg, to),
            Fact::HandedOver { leg } => self.with(*leg, |open, leg| open.hand_over(at, leg)),
            Fact::LegEnded { leg, outcome, cause } => {
                self.with(*leg, |open, leg| {
                    open.stop(at, leg);
                    leg.ended_at = Some(at);
                    leg.outcome = *outcome;
                    leg.cause = *cause;
                });
                self.open.remove(leg);
            }
            Fact::CallerLeft => self.record.caller_left_at = Some(at),
            Fact::WrittenUp { wrap_up } => self.written_up(wrap_up),
            Fact::RecordingBegan { recording } => {
                self.record.recordings.push(Recording::clone(recording));
            }
            Fact::RecordingPaused { name, is_paused } => {
                let mut recordings = self.record.recordings.iter_mut();
                if let Some(recording) = recordings.find(|recording| recording.name == *name) {
                    recording.pause(at, *is_paused);
                }
            }
            Fact::RecordingUpdated { update } => {
                self.record.learn(update);
            }
            Fact::Ended { by, cause } => {
                self.record.ended_by = *by;
                self.record.cause = *cause;
            }
            Fact::Closed(closing) => {
                self.record.language.clone_from(&closing.language);
                self.record.vars.clone_from(&closing.vars);
            }
        }
    }

    fn with(&mut self, leg: LegId, apply: impl FnOnce(&mut Open, &mut PartyLeg)) {
        if let Some(open) = self.open.get_mut(&leg) {
            apply(open, &mut self.record.legs[open.index]);
        }
    }

    fn dialed(&mut self, at: Timestamp, dialed: &Dialed) {
        let leg = dialed.leg;
        self.open.insert(leg, Open { index: self.record.legs.len(), ..Open::default() });
        self.record.legs.push(PartyLeg {
            leg,
            party: dialed.party.clone(),
            queue: dialed.queue.as_deref().map(str::to_owned),
            dialed_at: at,
            answered_at: None,
            ended_at: None,
            outcome: LegOutcome::Ringing,
            cause: None,
            talk_ms: 0,
            hold_ms: 0,
            wrap_up: None,
            sent_to: None,
            consulted: dialed.consulted,
            handed_over: None,
            role: dialed.role,
            by: dialed.by.as_deref().map(str::to_owned),
            modes: Vec::new(),
        });
    }

    /// As an amendment of the record would, had the call ended before.
    fn written_up(&mut self, wrap_up: &WrapUp) {
        let mut legs = self.record.legs.iter_mut();
        let Some(leg) = legs.find(|leg| leg.leg == wrap_up.leg) else { return };
        let before = leg.wrap_up.take();
        leg.wrap_up = Some(wrap_up.clone().after(before.as_ref()));
        if wrap_up.intent.is_some() {
            self.record.intent.clone_from(&wrap_up.intent);
            self.intent_corrected = true;
        }
    }

    fn input(&mut self, at: Timestamp, outcome: InputOutcome, keys: Option<&str>) {
        self.flow.asked = true;
        self.flow.answered |= outcome == InputOutcome::Matched;
        if let Some(entry) = self.record.path.last_mut() {
            entry.inputs.push(StepInput { at, outcome, keys: keys.map(str::to_owned) });
        }
    }

    fn step_failed(&mut self) {
        self.flow.failed = true;
        if let Some(entry) = self.record.path.last_mut() {
            entry.failed = true;
        }
    }

    fn transferred(&mut self, leg: LegId, to: &SentTo) {
        self.with(leg, |_, leg| leg.sent_to = Some(to.clone()));
    }

    fn rerouted(&mut self, leg: LegId, through: &str) {
        let Some(open) = self.open.get(&leg) else { return };
        if let Party::Outside { trunk, .. } = &mut self.record.legs[open.index].party {
            through.clone_into(trunk);
        }
    }

    fn queued(
        &mut self,
        at: Timestamp,
        queue: &str,
        priority: u8,
        in_line_since: Option<Timestamp>,
        consulted: bool,
    ) {
        self.record.queued.push(QueueVisit {
            queue: queue.to_owned(),
            entered_at: at,
            left_at: at,
            left: QueueExit::Ended,
            priority,
            in_line_since,
            consulted,
        });
    }

    fn left_queue(&mut self, at: Timestamp, left: QueueExit) {
        if let Some(visit) = self.record.queued.last_mut() {
            visit.left_at = at;
            visit.left = left;
            self.overflowed |= !visit.consulted && matches!(left, QueueExit::Overflowed(_));
        }
    }

    fn finish(mut self) -> CallRecord {
        self.record.outcome = self.outcome();
        self.record
    }

    /// The first of these that holds: of two true words the caller would say the earlier one.
    fn outcome(&self) -> CallOutcome {
        let record = &self.record;
        if record.caller_agent().is_some() {
            return CallOutcome::OwnCall;
        }
        if record.legs.iter().any(|leg| leg.served() && leg.is_of_house()) {
            return CallOutcome::Handled;
        }
        if record.answered_at.is_none() {
            return CallOutcome::Refused;
        }
        match record.ended_by {
            EndedBy::Server | EndedBy::ServerLost => return CallOutcome::Failed,
            EndedBy::Caller
            | EndedBy::Agent
            | EndedBy::Party
            | EndedBy::Flow
            | EndedBy::Operator
            | EndedBy::Network => {}
        }
        if record.legs.iter().any(|leg| leg.served() && !leg.is_of_house()) {
            return CallOutcome::Transferred;
        }
        let last_visit = record.queued.iter().rfind(|visit| !visit.consulted);
        let left = last_visit.map(|visit| visit.left);
        if left == Some(QueueExit::Abandoned) {
            return CallOutcome::Abandoned;
        }
        if record.recordings.iter().any(Recording::is_left_message) {
            return CallOutcome::Voicemail;
        }
        if self.overflowed {
            return CallOutcome::Overflowed;
        }
        if left == Some(QueueExit::ExitKey) {
            return CallOutcome::Exited;
        }
        self.outcome_in_flow()
    }

    /// Of a caller who waited for nobody and left nothing.
    fn outcome_in_flow(&self) -> CallOutcome {
        let FlowSoFar { asked, answered, failed } = self.flow;
        match self.record.ended_by {
            EndedBy::Server | EndedBy::ServerLost | EndedBy::Network | EndedBy::Operator => {
                CallOutcome::Failed
            }
            EndedBy::Caller | EndedBy::Agent | EndedBy::Party | EndedBy::Flow if failed => {
                CallOutcome::Failed
            }
            EndedBy::Flow if answered || !asked => CallOutcome::Contained,
            EndedBy::Caller | EndedBy::Agent | EndedBy::Party if answered => CallOutcome::Contained,
            EndedBy::Caller | EndedBy::Agent | EndedBy::Party | EndedBy::Flow => {
                CallOutcome::IvrAbandoned
            }
        }
    }
}

impl Open {
    /// What there was so far is that of a party who was consulted.
    fn hand_over(&mut self, at: Timestamp, leg: &mut PartyLeg) {
        let (talks, holds) = (self.talking_since.is_some(), self.held_since.is_some());
        self.stop(at, leg);
        (self.talking_since, self.held_since) = (talks.then_some(at), holds.then_some(at));
        let (talk_ms, hold_ms) = (leg.talk_ms, leg.hold_ms);
        leg.handed_over = Some(HandedOver { at, talk_ms, hold_ms });
    }

    /// Closes the running stretch of talk or hold and adds it up.
    fn stop(&mut self, at: Timestamp, leg: &mut PartyLeg) {
        if let Some(since) = self.talking_since.take() {
            leg.talk_ms += at.since(since).as_millis() as u64;
        }
        if let Some(since) = self.held_since.take() {
            leg.hold_ms += at.since(since).as_millis() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::id::{AgentId, CallId};
    use crate::words::NamedVia;

    #[test]
    fn a_leg_that_is_folded_alone_is_the_one_in_the_record() {
        let origin = Origin {
            call: CallId(7),
            from: None,
            from_name: None,
            to: "100".to_owned(),
            via: NamedVia::Trunk("main".to_owned()),
            arrived_at: Timestamp(0),
        };
        let leg = |n| LegId { call: CallId(7), n };
        let dialed = |n: u16| {
            let party = Party::Agent { id: AgentId(n.into()), name: format!("agent{n}") };
            let (leg, queue, by) = (leg(n), Some("help".into()), None);
            let (consulted, role) = (false, None);
            Fact::Dialed(Arc::new(Dialed { leg, party, queue, consulted, role, by }))
        };
        let wrap_up =
            WrapUp { leg: leg(1), acw_ms: 9, resolved: Some(true), intent: None, note: None };
        let facts = [
            Fact::Answered,
            dialed(1),
            Fact::LegAnswered { leg: leg(1) },
            Fact::Bridged { leg: leg(1) },
            dialed(2),
            Fact::Held { leg: leg(1) },
            Fact::LegAnswered { leg: leg(2) },
            dialed(3),
            Fact::Bridged { leg: leg(2) },
            Fact::Resumed { leg: leg(1) },
            Fact::LegEnded { leg: leg(2), outcome: LegOutcome::Accepted, cause: None },
            Fact::LegEnded { leg: leg(1), outcome: LegOutcome::Accepted, cause: None },
            Fact::WrittenUp { wrap_up: Arc::new(wrap_up) },
            Fact::CallerLeft,
        ];
        let facts: Vec<_> = (1..).map(|s| Timestamp(s * 1_000)).zip(facts).collect();
        let whole = record(&origin, &facts);
        assert_eq!(whole.legs.len(), 3);
        assert!(whole.legs[0].hold_ms > 0 && whole.legs[0].wrap_up.is_some());
        for party in whole.legs {
            assert_eq!(super::leg(&origin, &facts, party.leg), Some(party));
        }
        assert_eq!(super::leg(&origin, &facts, leg(4)), None);
    }
}
