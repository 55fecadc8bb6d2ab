//! From a call's facts to its record.
//!
//! **Invariant:** pure, total, and independent of when it runs: folding the same facts again gives
//! the same record.

use crate::call::few::Few;
use crate::call::{Closing, Fact, Origin};
use crate::id::LegId;
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, CallRecord, Cause, Dialed, EndedBy, HandedOver, InputOutcome, LegOutcome,
    ModeEntry, NamedVia, Noted, Party, PartyLeg, PathEntry, QueueExit, QueueVisit, Recording,
    SelfService, SentTo, StepInput, WrapUp,
};

#[must_use]
pub fn record(origin: &Origin, facts: &[(Timestamp, Fact)]) -> CallRecord {
    let mut fold = Fold::default();
    for (at, fact) in facts {
        fold.apply(*at, fact);
    }
    fold.finish(origin)
}

/// The leg of that name, as it is in the record: folded alone.
#[must_use]
pub fn leg(facts: &[(Timestamp, Fact)], leg: LegId) -> Option<PartyLeg> {
    let mut fold = Fold::default();
    for (at, fact) in facts.iter().filter(|(_, fact)| fact.leg() == Some(leg)) {
        fold.apply(*at, fact);
    }
    fold.legs.pop()
}

/// What the facts so far say; the rest of a record is its call's [`Origin`].
#[derive(Default)]
struct Fold {
    flow: Option<String>,
    intent: Option<String>,
    self_service: Option<SelfService>,
    milestones: Vec<Noted>,
    notes: Vec<Noted>,
    answered_at: Option<Timestamp>,
    caller_left_at: Option<Timestamp>,
    /// When the last fact was noted.
    last_at: Option<Timestamp>,
    ended: Option<(EndedBy, Cause)>,
    path: Vec<PathEntry>,
    queued: Vec<QueueVisit>,
    legs: Vec<PartyLeg>,
    recordings: Vec<Recording>,
    closing: Closing,
    open: Few<LegId, Open>,
    overflowed: bool,
    /// Nothing that we said of the call has left.
    is_taken_back: bool,
    /// The trunk that carries the caller whom we dialed, where it is not the first that was tried.
    rerouted: Option<String>,
    input: InputSoFar,
    /// A step of the flow could not do its work.
    failed: bool,
    /// An agent said what the caller wanted: whatever the flow finds out has no say any more.
    intent_corrected: bool,
}

/// What the flow asked of the caller, and whether it got anything.
#[derive(Default)]
struct InputSoFar {
    asked: bool,
    answered: bool,
}

/// A leg that has not ended: since when it talks, since when it is on hold.
#[derive(Default)]
struct Open {
    index: usize,
    talking_since: Option<Timestamp>,
    held_since: Option<Timestamp>,
}

impl Fold {
    fn apply(&mut self, at: Timestamp, fact: &Fact) {
        self.last_at = Some(at);
        match fact {
            Fact::FlowChosen { flow, version } => {
                self.flow = Some([&**flow, "@", &**version].concat());
            }
            Fact::Answered => self.answered_at = Some(at),
            Fact::AnswerTakenBack => (self.answered_at, self.is_taken_back) = (None, true),
            Fact::Entered { step, after_hangup } => {
                let (step, inputs, after_hangup) = (str::to_owned(step), Vec::new(), *after_hangup);
                self.path.push(PathEntry { at, step, inputs, failed: false, after_hangup });
            }
            Fact::Input { outcome, keys } => self.input(at, *outcome, keys.as_deref()),
            Fact::StepFailed => self.step_failed(),
            Fact::Intent { intent } if !self.intent_corrected => {
                self.intent = Some(str::to_owned(intent));
            }
            Fact::Intent { .. } => {}
            Fact::Milestone { name } => self.milestones.push(Noted { at, text: name.to_string() }),
            Fact::SelfService(said) => {
                self.failed &= !said.is_done; // what failed before did not keep it from that
                self.self_service = Some(SelfService::clone(said));
            }
            Fact::Note { text } => self.notes.push(Noted { at, text: text.to_string() }),
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
            Fact::LegEnded { leg, outcome, cause } => self.leg_ended(at, *leg, *outcome, *cause),
            Fact::CallerLeft => self.caller_left_at = Some(at),
            Fact::WrittenUp { wrap_up } => self.written_up(wrap_up),
            Fact::RecordingBegan { recording } => {
                self.recordings.push(Recording::clone(recording));
            }
            Fact::RecordingPaused { name, is_paused } => {
                let mut recordings = self.recordings.iter_mut();
                if let Some(recording) = recordings.find(|recording| recording.name == *name) {
                    recording.pause(at, *is_paused);
                }
            }
            Fact::RecordingUpdated { update } => {
                let mut recordings = self.recordings.iter_mut();
                if let Some(recording) = recordings.find(|one| one.name == update.name) {
                    recording.learn(update);
                }
            }
            Fact::Ended { by, cause } => self.ended = Some((*by, *cause)),
            Fact::Closed(closing) => self.closing.clone_from(closing),
        }
    }

    fn leg_ended(&mut self, at: Timestamp, leg: LegId, outcome: LegOutcome, cause: Option<Cause>) {
        self.with(leg, |open, leg| {
            open.stop(at, leg);
            leg.ended_at = Some(at);
            leg.outcome = outcome;
            leg.cause = cause;
        });
        self.open.remove(&leg);
    }

    fn with(&mut self, leg: LegId, apply: impl FnOnce(&mut Open, &mut PartyLeg)) {
        if let Some(open) = self.open.get_mut(&leg) {
            apply(open, &mut self.legs[open.index]);
        }
    }

    fn dialed(&mut self, at: Timestamp, dialed: &Dialed) {
        let leg = dialed.leg;
        if self.legs.is_empty() {
            self.legs.reserve_exact(1); // most calls have one
        }
        self.open.insert(leg, Open { index: self.legs.len(), ..Open::default() });
        self.legs.push(PartyLeg {
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
        let mut legs = self.legs.iter_mut();
        let Some(leg) = legs.find(|leg| leg.leg == wrap_up.leg) else { return };
        leg.write_up(wrap_up);
        if wrap_up.intent.is_some() {
            self.intent.clone_from(&wrap_up.intent);
            self.intent_corrected = true;
        }
    }

    fn input(&mut self, at: Timestamp, outcome: InputOutcome, keys: Option<&str>) {
        self.input.asked = true;
        self.input.answered |= outcome == InputOutcome::Matched;
        if let Some(entry) = self.path.last_mut() {
            entry.inputs.push(StepInput { at, outcome, keys: keys.map(str::to_owned) });
        }
    }

    fn step_failed(&mut self) {
        self.failed = true;
        if let Some(entry) = self.path.last_mut() {
            entry.failed = true;
        }
    }

    fn transferred(&mut self, leg: LegId, to: &SentTo) {
        self.with(leg, |_, leg| leg.sent_to = Some(to.clone()));
    }

    fn rerouted(&mut self, leg: LegId, through: &str) {
        let Some(open) = self.open.get(&leg) else {
            if leg == LegId::caller(leg.call) {
                self.rerouted = Some(through.to_owned());
            }
            return;
        };
        if let Party::Outside { trunk, .. } = &mut self.legs[open.index].party {
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
        self.queued.push(QueueVisit {
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
        if let Some(visit) = self.queued.last_mut() {
            visit.left_at = at;
            visit.left = left;
            self.overflowed |= !visit.consulted && matches!(left, QueueExit::Overflowed(_));
        }
    }

    fn finish(self, origin: &Origin) -> CallRecord {
        let (ended_by, cause) = self.ended.unwrap_or((EndedBy::Server, Cause::NORMAL_UNSPECIFIED));
        let outcome = self.outcome(origin, ended_by);
        let rerouted = self.rerouted.filter(|_| origin.via.is_outbound());
        let mut outbound = origin.outbound.clone();
        // Whoever asks for it again must get one that is made.
        if let Some(outbound) = outbound.as_mut().filter(|_| self.is_taken_back) {
            outbound.key = None;
        }
        CallRecord {
            call: origin.call,
            from: origin.from.clone(),
            from_name: origin.from_name.clone(),
            account: origin.account.clone(),
            segment: origin.segment.clone(),
            to: origin.to.clone(),
            via: rerouted.map_or_else(|| origin.via.clone(), NamedVia::Outbound),
            flow: self.flow,
            language: self.closing.language,
            intent: self.intent,
            self_service: self.self_service,
            milestones: self.milestones,
            notes: self.notes,
            arrived_at: origin.arrived_at,
            answered_at: self.answered_at,
            caller_left_at: self.caller_left_at,
            ended_at: self.last_at.unwrap_or(origin.arrived_at),
            outcome,
            ended_by,
            cause,
            path: self.path,
            queued: self.queued,
            legs: self.legs,
            vars: self.closing.vars,
            recordings: self.recordings,
            outbound,
        }
    }

    /// The first that holds, as `docs/figures.md` has them.
    fn outcome(&self, origin: &Origin, by: EndedBy) -> CallOutcome {
        if self.legs.iter().any(|leg| leg.served() && leg.is_of_house()) {
            return CallOutcome::Handled;
        }
        if self.answered_at.is_none() {
            let is_outbound = origin.via.is_outbound();
            return if is_outbound { CallOutcome::NotReached } else { CallOutcome::Refused };
        }
        if matches!(by, EndedBy::Server | EndedBy::ServerLost) {
            return CallOutcome::Failed;
        }
        if self.legs.iter().any(|leg| leg.served() && !leg.is_of_house()) {
            return CallOutcome::Transferred;
        }
        let last_visit = self.queued.iter().rfind(|visit| !visit.consulted);
        let left = last_visit.map(|visit| visit.left);
        if left == Some(QueueExit::Abandoned) {
            return CallOutcome::Abandoned;
        }
        if self.recordings.iter().any(Recording::is_left_message) {
            return CallOutcome::Voicemail;
        }
        if self.overflowed {
            return CallOutcome::Overflowed;
        }
        if left == Some(QueueExit::ExitKey) {
            return CallOutcome::Exited;
        }
        if origin.via.agent().is_some() {
            return CallOutcome::OwnCall;
        }
        self.outcome_in_flow(by)
    }

    /// Of a caller who waited for nobody and left no message.
    fn outcome_in_flow(&self, by: EndedBy) -> CallOutcome {
        let InputSoFar { asked, answered } = self.input;
        let said = self.self_service.as_ref().map(|said| said.is_done);
        let is_contained = match by {
            EndedBy::Server | EndedBy::ServerLost | EndedBy::Network | EndedBy::Operator => {
                return CallOutcome::Failed;
            }
            EndedBy::Flow => said.unwrap_or(answered || !asked),
            EndedBy::Caller | EndedBy::Agent | EndedBy::Party => said.unwrap_or(answered),
        };
        match is_contained {
            _ if self.failed => CallOutcome::Failed,
            true => CallOutcome::Contained,
            false => CallOutcome::IvrAbandoned,
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

    #[test]
    fn a_leg_that_is_folded_alone_is_the_one_in_the_record() {
        let origin = Origin {
            call: CallId(7),
            from: None,
            from_name: None,
            to: "100".to_owned(),
            via: NamedVia::Trunk("main".to_owned()),
            arrived_at: Timestamp(0),
            account: None,
            segment: None,
            outbound: None,
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
            assert_eq!(super::leg(&facts, party.leg), Some(party));
        }
        assert_eq!(super::leg(&facts, leg(4)), None);
    }
}
