//! Talks: holds, and what the agent asks for meanwhile.
//!
//! **Invariant:** while a queue looks for an agent to consult, the call waits in it beside its
//! talk; whatever ends the consultation takes it out.
//!
//! **Deliberately absent:** what an agent may ask for: `agent_requests` says.

use std::collections::BTreeMap;

use crate::acd;
use crate::call::{Call, Consult, Leg, Role, Stage};
use crate::center::agent_requests::Consulted;
use crate::center::call_recording::RecorderRequest;
use crate::center::{ContactCenter, Wake};
use crate::flow::Input;
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{
    AgentRequest, Cause, Command, ConsultTarget, EndedBy, Overflow, QueueExit, SupervisorMode,
};

impl ContactCenter {
    /// An agent asks for something about the call that goes on.
    pub(super) fn asked_about_talk(&mut self, now: Timestamp, agent: AgentId, ask: AgentRequest) {
        let leg = match self.check_request(now, agent, &ask).and_then(|()| self.talk_of(agent)) {
            Ok((_, leg)) => leg,
            Err(why) => return tracing::debug!(ask = ask.name(), %why, "refused"),
        };
        match ask {
            AgentRequest::Hold => self.hold(now, leg.call),
            AgentRequest::Resume => self.resume(now, leg.call),
            AgentRequest::Transfer { step, vars } => self.transfer_to_step(now, leg, &step, vars),
            AgentRequest::Consult { target } => self.consult(now, agent, &target),
            AgentRequest::Complete => {
                let cause = Cause::NORMAL_CLEARING;
                self.commands.push_back(Command::HangUp { leg, cause });
                self.hand_over(now, leg, cause);
            }
            AgentRequest::Conference => self.confer(now, leg.call),
            AgentRequest::StartRecording => {
                self.asked_to_record(now, leg.call, RecorderRequest::Start);
            }
            AgentRequest::PauseRecording => {
                self.asked_to_record(now, leg.call, RecorderRequest::Pause);
            }
            AgentRequest::ResumeRecording => {
                self.asked_to_record(now, leg.call, RecorderRequest::Resume);
            }
            AgentRequest::LogIn
            | AgentRequest::LogOut
            | AgentRequest::Ready
            | AgentRequest::NotReady { .. }
            | AgentRequest::EndWrapUp { .. } => unreachable!("these are about no call"),
        }
    }

    fn hold(&mut self, now: Timestamp, id: CallId) {
        if self.calls.get_mut(&id).is_some_and(Call::begin_agent_hold) {
            self.arrange(now, id);
        }
    }

    /// The agent goes back to the caller, or out of a consultation to those they have met.
    fn resume(&mut self, now: Timestamp, id: CallId) {
        let consult = self.calls.get(&id).and_then(Call::consult);
        if consult.is_some_and(|consult| consult.stage == Stage::Conference) {
            self.dismiss_consulted_parties(now, id);
            return self.arrange(now, id);
        }
        self.dismiss_consulted(now, id);
        self.back_to_caller(now, id);
    }

    /// The agent leaves, and the call goes on at this step.
    fn transfer_to_step(
        &mut self,
        now: Timestamp,
        leg: LegId,
        step: &str,
        vars: BTreeMap<String, serde_json::Value>,
    ) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let cause = Cause::NORMAL_CLEARING;
        self.commands.push_back(Command::HangUp { leg, cause });
        let Some(ended) = call.send_to_step(now, leg, step, cause) else { return };
        self.free_telephone(leg.call, &ended);
        self.end_talk(now, leg, &ended);
        let input = Input::Sent { step: step.into(), vars };
        self.drive_after(now, leg.call, input, EndedBy::Flow);
    }

    /// The caller waits, and a party is asked to join the agent.
    fn consult(&mut self, now: Timestamp, agent: AgentId, target: &ConsultTarget) {
        let Ok((call, _)) = self.talk_of(agent) else { return };
        let id = call.id();
        let role = Role::Consulted { offer: None };
        let dialed = match self.may_consult(agent, target) {
            Ok(Consulted::Party(way)) => self.dial_beside(now, id, way, role),
            Ok(Consulted::Queue(wait)) => return self.consult_queue(now, id, *wait),
            Err(_) => return,
        };
        let Some((consulted, dial)) = dialed else { return };
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.begin_consult(now, consulted);
        self.arrange(now, id);
        self.commands.push_back(dial); // once the two are parted
    }

    /// The caller waits, and a queue looks for an agent who joins.
    fn consult_queue(&mut self, now: Timestamp, id: CallId, mut wait: acd::Enqueue) {
        wait.since = now;
        let name = self.facts.queue_name(wait.queue);
        let Some(call) = self.calls.get_mut(&id) else { return };
        tracing::info!(call = %id, queue = %name, "an agent consults a queue");
        call.begin_queue_consult(now, (wait.queue, name), wait.priority);
        self.queue_inputs.push_back(acd::Input::Consult(Box::new(wait)));
        self.arrange(now, id);
    }

    /// The queue has found an agent, who has answered.
    pub(super) fn consult_accepted(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let agent = call.party(leg).and_then(Leg::agent);
        call.party_answered(now, leg);
        call.consulted_answered(now, leg);
        if let Some(agent) = agent {
            self.use_telephone(agent, leg.call);
        }
        self.arrange(now, leg.call);
    }

    /// The queue has found no agent to consult, and looks no longer; whether it did.
    pub(super) fn consult_overflowed(&mut self, now: Timestamp, id: CallId, why: Overflow) -> bool {
        let Some(call) = self.calls.get_mut(&id) else { return false };
        let looked = call.leave_consult_queue(now, QueueExit::Overflowed(why));
        if looked {
            let why = match why {
                Overflow::Timeout => "nobody came in time",
                Overflow::Full => "it is full",
                Overflow::NoAgents => "no agent is there",
            };
            tracing::info!(call = %id, why, "the queue finds nobody to consult");
            self.back_to_caller(now, id);
        }
        looked
    }

    fn confer(&mut self, now: Timestamp, id: CallId) {
        if self.calls.get_mut(&id).is_some_and(|call| call.confer(now)) {
            self.arrange(now, id);
        }
    }

    /// The agent has left or leaves, and the caller goes on with the consulted party, who has
    /// answered.
    pub(super) fn hand_over(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let (heir, queue) = (call.consulted_there(), call.leg_queue(leg));
        let Some(ended) = call.hand_over(now, cause) else { return };
        // A whispering supervisor did so to the agent who leaves; one who joined all goes on with
        // the others.
        call.silence_supervisor(now, &[SupervisorMode::Whisper]);
        self.free_telephone(leg.call, &ended);
        self.stopped_talking(now, leg, &ended, queue);
        if let Some(heir) = heir {
            self.handed_over(now, heir);
        }
        self.arrange(now, leg.call);
    }

    /// The agent has left or leaves, and the others go on: with the consulted party who was asked
    /// last, or, where that one has not answered, with those in the conference.
    pub(super) fn leave_to_consulted(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        if self.calls.get(&leg.call).is_some_and(|call| call.consulted_there().is_none()) {
            self.dismiss_consulted(now, leg.call);
            if let Some(call) = self.calls.get_mut(&leg.call) {
                call.end_consult(now);
            }
        }
        self.hand_over(now, leg, cause);
    }

    /// The consulted party on this leg has the caller now. From here on it is an agent's work: it
    /// counts, and after-call work follows by the rule of the queue that found them, or of the
    /// agent before them. So does whether the talk is recorded: of a queue that found them they are
    /// an agent like one who was offered the caller.
    fn handed_over(&mut self, now: Timestamp, heir: LegId) {
        let id = heir.call;
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.caller().is_some()) else {
            return;
        };
        let found_by = call.leg_queue(heir).and_then(|name| self.setup.names.queue(&name));
        let queue = found_by.or(call.recordings().queue());
        let agent = call.party(heir).and_then(Leg::agent);
        let Some((agent, queue)) = agent.zip(queue) else { return };
        call.handed_to(now, heir, agent);
        self.queue_inputs.push_back(acd::Input::HandedOver { agent, call: id, queue });
        self.leave_telephone(agent, id);
        if let Some(queue) = found_by {
            self.record_talk(now, id, queue);
        }
    }

    /// A consulted party leaves.
    pub(super) fn consulted_leaves(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        match call.met_leaves(leg) {
            true => self.arrange(now, leg.call),
            false => self.back_to_caller(now, leg.call),
        }
    }

    /// No party is consulted now: the agent is back with the caller and the conference.
    pub(super) fn back_to_caller(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.end_consult(now);
        self.arrange(now, id);
    }

    /// The party asked to join is not asked any more.
    fn dismiss_consulted(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.leave_consult_queue(now, QueueExit::Withdrawn) {
            return self.queue_inputs.push_back(acd::Input::Leave { call: id });
        }
        if let Some(consulted) = call.consult().and_then(Consult::consulted) {
            self.dismiss(now, consulted);
        }
    }

    /// Parties asked to join, or that have met the caller, are hung up.
    pub(super) fn dismiss_consulted_parties(&mut self, now: Timestamp, id: CallId) {
        self.dismiss_consulted(now, id);
        let Some(call) = self.calls.get_mut(&id) else { return };
        let met = call.met().clone();
        call.end_consults();
        for consulted in met {
            self.dismiss(now, consulted);
        }
    }

    /// Ends the leg of a consulted party or a supervisor.
    pub(super) fn dismiss(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let Some(outcome) = call.party(leg).map(Leg::ended_by_us) else { return };
        let cause = Cause::NORMAL_CLEARING;
        if let Some(ended) = call.leg_ended(now, leg, outcome, Some(cause)) {
            self.free_telephone(leg.call, &ended);
            self.timers.cancel(&Wake::RingOut(leg));
            self.commands.push_back(Command::HangUp { leg, cause });
        }
    }

    /// A telephone put us on hold.
    pub(super) fn held(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        if call.hold(leg) {
            self.arrange(now, leg.call);
        }
    }

    /// A hold that the front cannot have is taken back, whichever way it was asked for; the
    /// consulted party is hung up rather than heard by the caller.
    pub(super) fn hold_failed(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let was_held = call.hold_over(leg);
        let talks = call.talks_on(leg) && call.caller().is_some();
        let was_asked = talks && call.end_agent_hold();
        let parted = |consult: Consult| talks && consult.stage != Stage::Conference;
        if call.consult().is_some_and(parted) {
            tracing::warn!(%leg, "the caller could not be put on hold: nobody is consulted");
            self.dismiss_consulted(now, leg.call);
            return self.back_to_caller(now, leg.call);
        }
        if was_held || was_asked {
            tracing::warn!(%leg, "hold could not be had");
            self.arrange(now, leg.call);
        }
    }

    pub(super) fn resumed(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        if call.hold_over(leg) {
            self.arrange(now, leg.call);
        }
    }
}
