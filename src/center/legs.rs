//! Legs come and go: answers, failures, hang-ups, and the end of a call.
//!
//! **Invariant:** the center forgets a call in the input that ends it, with its record closed and
//! each of its legs hung up, but for the recorder's, which ends with the last of the others; an
//! event that comes late for it finds nothing and changes nothing.

use crate::acd;
use crate::call::{Call, Leg, LegState, Role, State, TalkStep};
use crate::center::own::{end_of, is_direct};
use crate::center::restart::LOST;
use crate::center::{ContactCenter, Wake};
use crate::flow::{Input, QueueOutcome, TransferOutcome};
use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::words::{
    CallRecord, Cause, Command, EndedBy, LegOutcome, Loss, OfferOutcome, Party, QueueExit,
    SupervisorMode,
};

impl ContactCenter {
    pub(super) fn ringing(&mut self, leg: LegId) {
        tracing::debug!(%leg, "ringing");
        self.own_call_rings(leg);
    }

    /// Another trunk tries what the first one did not carry: the record names the one that did.
    pub(super) fn rerouted(&mut self, now: Timestamp, leg: LegId, trunk: String) {
        if let Some(call) = self.calls.get_mut(&leg.call) {
            call.rerouted(now, leg, &trunk);
        }
    }

    pub(super) fn answered(&mut self, now: Timestamp, leg: LegId) {
        if self.calls.is_callers(leg) {
            return self.opened(now, leg.call);
        }
        if self.own_call_opens(now, leg) {
            return;
        }
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let Some(party) = call.party(leg).filter(|party| !party.is_up()) else { return };
        if let Some((offer, _)) = party.offer() {
            // The queue decides: the ring time may have run out in this very millisecond.
            return self.queue_inputs.push_back(acd::Input::Accepted { offer });
        }
        let role = party.role.clone();
        call.party_answered(now, leg);
        self.timers.cancel(&Wake::RingOut(leg));
        match role {
            Role::Consulted { .. } => {
                call.consulted_answered(now, leg);
                self.arrange(now, leg.call);
            }
            Role::Supervisor { mode, instead_of, .. } => {
                self.supervisor_answered(now, leg, mode, instead_of);
            }
            Role::Called => {
                self.own_call_answered(now, leg.call);
                self.bridge(now, leg, TalkStep::Transfer);
            }
            Role::Caller | Role::Agent { .. } | Role::TookOver | Role::Recorder { .. } => {
                unreachable!("{leg}: no such leg is answered here")
            }
        }
    }

    /// The caller talks to this party from now on.
    pub(super) fn bridge(&mut self, now: Timestamp, leg: LegId, step: TalkStep) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        call.begin_talk(now, leg, step);
        self.timers.cancel(&Wake::Flow(leg.call));
        self.arrange(now, leg.call);
    }

    pub(super) fn dial_failed(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        let caller = self.calls.get(&leg.call).and_then(Call::caller);
        if self.calls.is_callers(leg) && caller.is_some_and(|caller| !caller.rang_in()) {
            let of_caller = [
                Cause::USER_BUSY,
                Cause::CALL_REJECTED,
                Cause::NO_ANSWER,
                Cause::NO_USER_RESPONDING,
            ];
            let lost = (!of_caller.contains(&cause)).then_some(EndedBy::Network);
            return self.caller_over(now, leg.call, cause, lost);
        }
        self.unanswered(now, leg, cause, None);
    }

    /// A party did not answer: by their will, or because of what is in between (`lost`).
    fn unanswered(&mut self, now: Timestamp, leg: LegId, cause: Cause, lost: Option<EndedBy>) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let Some(party) = call.party(leg).filter(|party| !party.is_up()) else { return };
        let Some((offer, _)) = party.offer() else {
            return self.not_reached(now, leg, transfer_outcome(cause), (cause, lost));
        };
        let outcome = offer_outcome(cause);
        call.leg_ended(now, leg, outcome.into(), Some(cause));
        self.queue_inputs.push_back(acd::Input::NotAccepted { offer, outcome });
    }

    /// The outside party did not answer within the step's ring time, or the caller whom we dialed
    /// within that of the request.
    pub(super) fn ring_out(&mut self, now: Timestamp, leg: LegId) {
        if self.calls.is_callers(leg) {
            return self.finish(now, leg.call, EndedBy::Server, Cause::NO_ANSWER);
        }
        self.commands.push_back(Command::HangUp { leg, cause: Cause::NO_ANSWER });
        let ours = (Cause::NO_ANSWER, Some(EndedBy::Server));
        self.not_reached(now, leg, TransferOutcome::NoAnswer, ours);
    }

    /// A party that was dialed beside the queue did not answer.
    fn not_reached(
        &mut self,
        now: Timestamp,
        leg: LegId,
        outcome: TransferOutcome,
        (cause, lost): (Cause, Option<EndedBy>),
    ) {
        self.timers.cancel(&Wake::RingOut(leg));
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let ended = call.leg_ended(now, leg, leg_outcome(cause), Some(cause));
        let Some(ended) = ended else { return };
        if is_direct(call) {
            let by = lost.unwrap_or(end_of(&ended));
            return self.own_call_over(now, leg.call, by, cause);
        }
        self.free_telephone(leg.call, &ended);
        match ended.role {
            Role::Consulted { .. } => self.back_to_caller(now, leg.call),
            Role::Called => {
                self.calls.get_mut(&leg.call).map(Call::end_dialing);
                self.stop_play(now, leg.call);
                self.drive(now, leg.call, Input::Transfer(outcome));
            }
            Role::Supervisor { .. }
            | Role::TookOver
            | Role::Caller
            | Role::Agent { .. }
            | Role::Recorder { .. } => {}
        }
    }

    pub(super) fn hung_up(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        self.leg_over(now, leg, cause, None);
    }

    pub(super) fn leg_lost(&mut self, now: Timestamp, leg: LegId, cause: Cause, how: Loss) {
        let by = match how {
            Loss::Silent => EndedBy::Network,
            Loss::Broken => EndedBy::Server,
        };
        self.leg_over(now, leg, cause, Some(by));
    }

    /// A leg ended: by its far end, or by what is in between (`lost`).
    fn leg_over(&mut self, now: Timestamp, leg: LegId, cause: Cause, lost: Option<EndedBy>) {
        if self.calls.is_callers(leg) {
            return self.caller_over(now, leg.call, cause, lost);
        }
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        if call.party(leg).is_some_and(|party| !party.is_up()) {
            return self.unanswered(now, leg, cause, lost);
        }
        let caller_is_there = call.caller().is_some();
        let rest = call.consulted_parties_there().count() + usize::from(caller_is_there);
        if call.talks_on(leg) && call.outlives_caller() && rest >= 2 {
            return self.leave_to_consulted(now, leg, cause);
        }
        let Some(ended) = call.leg_ended(now, leg, LegOutcome::Accepted, Some(cause)) else {
            return;
        };
        if is_direct(call) {
            let by = lost.unwrap_or(end_of(&ended));
            return self.own_call_over(now, leg.call, by, cause);
        }
        let (talk, is_consulted) =
            (call.talk().filter(|talk| talk.leg == leg), call.is_consulted(leg));
        let goes_on = caller_is_there || call.parties_there() >= 2;
        self.free_telephone(leg.call, &ended);
        if !ended.is_party() {
            return; // the call goes on
        }
        if !goes_on {
            return self.last_two_over(now, leg, &ended, cause, lost);
        }
        if is_consulted {
            return self.consulted_leaves(now, leg);
        }
        let Some(talk) = talk else { return };
        self.end_talk(now, leg, &ended);
        // For the flow, the talk with an agent ends only with whoever took over from them.
        let input = match talk.step {
            TalkStep::Queue => Input::Queue(QueueOutcome::Handled),
            TalkStep::Transfer => Input::Transfer(TransferOutcome::Completed),
        };
        self.drive_after(now, leg.call, input, lost.unwrap_or(end_of(&ended)));
    }

    /// The caller is gone. What `on_hangup` names runs now; the call ends, unless an agent and the
    /// consulted parties talk on.
    fn caller_over(&mut self, now: Timestamp, id: CallId, cause: Cause, lost: Option<EndedBy>) {
        if self.calls.get(&id).is_none_or(|call| call.caller().is_none()) {
            return; // told twice
        }
        self.drive_on_hangup(now, id);
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.stop_announcing();
        match call.caller_leaves(now) {
            true => self.arrange(now, id),
            false => self.finish(now, id, lost.unwrap_or(EndedBy::Caller), cause),
        }
    }

    /// An agent and consulted parties went on without the caller, and the last but one of them has
    /// left.
    fn last_two_over(
        &mut self,
        now: Timestamp,
        leg: LegId,
        ended: &Leg,
        cause: Cause,
        lost: Option<EndedBy>,
    ) {
        let Some(call) = self.calls.get(&leg.call) else { return };
        let queue = call.leg_queue(leg);
        self.stopped_talking(now, leg, ended, queue);
        self.finish(now, leg.call, lost.unwrap_or(end_of(ended)), cause);
    }

    /// The party of a talk has left, and the caller is still there: a consulted party is hung up,
    /// and an agent has after-call work.
    pub(super) fn end_talk(&mut self, now: Timestamp, leg: LegId, ended: &Leg) {
        self.dismiss_consulted_parties(now, leg.call);
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let queue = call.leg_queue(leg);
        call.end_talk();
        if self.is_elsewhere(leg.call) {
            // The caller goes back to the provider, whose calls no leg of ours can hear.
            self.supervisor_leaves(now, leg.call);
        } else if let Some(call) = self.calls.get_mut(&leg.call) {
            call.silence_supervisor(now, &[SupervisorMode::Whisper, SupervisorMode::Barge]);
        }
        self.stop_play(now, leg.call);
        self.stopped_talking(now, leg, ended, queue);
    }

    /// Ends a call in any state: closes its record, hangs up its legs, forgets it.
    pub(super) fn finish(&mut self, now: Timestamp, id: CallId, by: EndedBy, cause: Cause) {
        self.conclude(now, id, by, cause, false);
    }

    /// Nothing that was said to the caller has left: the call ends as one that was refused.
    pub(super) fn take_back(&mut self, now: Timestamp, id: CallId, by: EndedBy, cause: Cause) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.answer_taken_back(now);
        }
        self.conclude(now, id, by, cause, true);
    }

    fn conclude(
        &mut self,
        now: Timestamp,
        id: CallId,
        by: EndedBy,
        cause: Cause,
        is_taken_back: bool,
    ) {
        let Some(mut call) = self.calls.remove(&id) else { return };
        self.timers.cancel(&Wake::Flow(id));
        self.timers.cancel(&Wake::Confirmed(id));
        self.forget_asks(id);
        let waiting = matches!(call.state(), State::Waiting { .. });
        if waiting {
            let left = if by == EndedBy::Caller { QueueExit::Abandoned } else { QueueExit::Ended };
            call.leave_queue(now, left);
        }
        let consulted = call.leave_consult_queue(now, QueueExit::Withdrawn);
        let talked = self.end_legs(now, &mut call);
        let leg = call.caller_leg();
        self.timers.cancel(&Wake::RingOut(leg));
        if let Some(caller) = call.end_caller() {
            let rings = matches!(caller.state, LegState::Ringing { .. }) && caller.rang_in();
            self.commands.push_back(match rings || is_taken_back {
                true => Command::Reject { leg, cause },
                false => Command::HangUp { leg, cause },
            });
        }
        let record = Box::new(call.close(now, by, cause));
        self.facts.call_over(&mut call);
        tracing::info!(call = %id, outcome = %record.outcome, %by, %cause, "call ended");
        self.remember(now, &record);
        self.commands.push_back(Command::CloseRecord { record });

        // The queue hears of it last: what it decides now may already concern other calls.
        if waiting || consulted {
            self.queue_inputs.push_back(acd::Input::Leave { call: id });
        }
        for (leg, ended) in talked {
            self.stopped_talking(now, leg, &ended, call.leg_queue(leg));
        }
        self.end_own_call(id);
    }

    /// Hangs up every party; returns those who were there for the caller.
    fn end_legs(&mut self, now: Timestamp, call: &mut Call) -> Vec<(LegId, Leg)> {
        let legs: Vec<(LegId, LegOutcome)> =
            call.parties().map(|(id, leg)| (id, leg.ended_by_us())).collect();
        let mut talked = Vec::new();
        for (id, outcome) in legs {
            self.timers.cancel(&Wake::RingOut(id));
            let cause = Cause::NORMAL_CLEARING;
            self.commands.push_back(Command::HangUp { leg: id, cause });
            let ended = call.leg_ended(now, id, outcome, Some(cause));
            talked.extend(
                ended.filter(|leg| leg.is_up() && leg.serves_caller()).map(|leg| (id, leg)),
            );
        }
        talked
    }

    /// The flow is in charge of what the caller hears again.
    fn stop_play(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.forget_music();
        self.arrange(now, id);
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.next_play();
        let leg = call.caller_leg();
        self.commands.push_back(Command::StopPlay { leg });
    }

    /// What the record of an earlier call says, so that flows know it as `caller.*`.
    pub fn learn_record(&mut self, record: &CallRecord) {
        self.remember(record.ended_at, record);
    }

    fn remember(&mut self, now: Timestamp, record: &CallRecord) {
        let Some(number) = record.from.as_deref().filter(|_| record.is_customers()) else { return };
        let served = record.legs.iter().rev().filter(|leg| leg.served());
        let agent = served.into_iter().find_map(|leg| match &leg.party {
            Party::Agent { name, .. } if leg.outcome == LegOutcome::Accepted => Some(name.as_str()),
            Party::Agent { .. } | Party::Outside { .. } => None,
        });
        self.learned.call_ended(number, now, record.intent.as_deref(), agent);
    }
}

/// What a failed dial says of the agent's phone.
const fn offer_outcome(cause: Cause) -> OfferOutcome {
    match cause {
        Cause::USER_BUSY => OfferOutcome::Busy,
        Cause::CALL_REJECTED => OfferOutcome::Rejected,
        Cause::NO_ANSWER | Cause::NO_USER_RESPONDING => OfferOutcome::NoAnswer,
        LOST => OfferOutcome::Withdrawn,
        _ => OfferOutcome::DeviceError,
    }
}

const fn transfer_outcome(cause: Cause) -> TransferOutcome {
    match cause {
        Cause::USER_BUSY => TransferOutcome::Busy,
        Cause::NO_ANSWER | Cause::NO_USER_RESPONDING => TransferOutcome::NoAnswer,
        _ => TransferOutcome::Failed,
    }
}

/// How the record says it of whoever was dialed beside the queue. An agent's telephone that the
/// queue rang fails as [`LegOutcome::DeviceError`]; what else can happen has the same word for all.
const fn leg_outcome(cause: Cause) -> LegOutcome {
    match cause {
        Cause::USER_BUSY => LegOutcome::Busy,
        Cause::CALL_REJECTED => LegOutcome::Rejected,
        Cause::NO_ANSWER | Cause::NO_USER_RESPONDING => LegOutcome::NoAnswer,
        _ => LegOutcome::Failed,
    }
}
