//! What happens while a caller talks to somebody: holds, and what the agent asks for meanwhile.
//!
//! **Deliberately absent:** what an agent may ask for: `asks` says.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call::{Call, Consult, Fact, Leg, Role, Stage};
use crate::center::{ContactCenter, Wake};
use crate::flow;
use crate::flow::Input;
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{AgentRequest, Cause, Command, EndedBy, LegOutcome, SentTo, SupervisorMode};

/// How long a guest's telephone rings: as for a `transfer` that does not say.
const RING_TIMEOUT: Duration = Duration::from_secs(flow::RING_TIMEOUT_S);

impl ContactCenter {
    /// An agent asks for something about the call that goes on.
    pub(super) fn asked_about_talk(&mut self, now: Timestamp, agent: AgentId, ask: AgentRequest) {
        let leg = match self.may_ask(agent, &ask).and_then(|()| self.talk_of(agent)) {
            Ok((_, leg)) => leg,
            Err(why) => return tracing::debug!(ask = ask.name(), %why, "refused"),
        };
        match ask {
            AgentRequest::Hold => self.hold(now, leg.call),
            AgentRequest::Resume => {
                self.dismiss_guest(now, leg.call);
                self.back_to_caller(now, leg.call);
            }
            AgentRequest::Transfer { step, vars } => self.send_on(now, leg, &step, vars),
            AgentRequest::Consult { number, trunk } => {
                self.consult(now, agent, &number, trunk.as_deref());
            }
            AgentRequest::Complete => {
                let cause = Cause::NORMAL_CLEARING;
                self.commands.push_back(Command::HangUp { leg, cause });
                self.hand_over(now, leg, cause);
            }
            AgentRequest::Conference => self.confer(now, leg.call),
            AgentRequest::StartRecording
            | AgentRequest::PauseRecording
            | AgentRequest::ResumeRecording => self.asked_to_record(now, leg.call, &ask),
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

    /// The agent leaves, and the call goes on at this step.
    fn send_on(
        &mut self,
        now: Timestamp,
        leg: LegId,
        step: &str,
        vars: BTreeMap<String, serde_json::Value>,
    ) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let cause = Cause::NORMAL_CLEARING;
        self.commands.push_back(Command::HangUp { leg, cause });
        call.note(now, Fact::SentOn { leg, to: SentTo::Step(step.to_owned()) });
        let Some(ended) = call.leg_ended(now, leg, LegOutcome::Accepted, Some(cause)) else {
            return;
        };
        self.free_telephone(leg.call, &ended);
        self.end_talk(now, leg, &ended);
        let input = Input::Sent { step: step.into(), vars };
        self.drive_after(now, leg.call, input, EndedBy::Flow);
    }

    /// The caller waits, and somebody outside is dialed for the agent.
    fn consult(&mut self, now: Timestamp, agent: AgentId, number: &str, trunk: Option<&str>) {
        let Ok((call, _)) = self.talk_of(agent) else { return };
        let id = call.id();
        let Ok(route) = self.may_consult(agent, number, trunk) else { return };
        let dialed = self.dial_outside(now, id, route, RING_TIMEOUT, Role::Consulted);
        let Some((guest, dial)) = dialed else { return };
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.begin_consult(now, guest);
        self.arrange(now, id);
        self.commands.push_back(dial); // once the two are parted
    }

    fn confer(&mut self, now: Timestamp, id: CallId) {
        if self.calls.get_mut(&id).is_some_and(|call| call.confer(now)) {
            self.arrange(now, id);
        }
    }

    /// The agent has left or leaves, and the caller goes on with the guest, who has answered.
    pub(super) fn hand_over(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let Some(ended) = call.hand_over(now, cause) else { return };
        // Who whispered did so to the agent who leaves; who joined all goes on with the others.
        call.hush_supervisor(now, &[SupervisorMode::Whisper]);
        let times = call.leg_times(leg);
        self.free_telephone(leg.call, &ended);
        self.stopped_talking(now, leg, &ended, times);
        self.arrange(now, leg.call);
    }

    /// The agent has nobody left to consult.
    pub(super) fn back_to_caller(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.end_consult();
        self.arrange(now, id);
    }

    fn dismiss_guest(&mut self, now: Timestamp, id: CallId) {
        if let Some(consult) = self.calls.get(&id).and_then(Call::consult) {
            self.dismiss(now, consult.guest);
        }
    }

    /// Ends the leg of a guest or a supervisor.
    pub(super) fn dismiss(&mut self, now: Timestamp, guest: LegId) {
        let Some(call) = self.calls.get_mut(&guest.call) else { return };
        let Some(outcome) = call.party(guest).map(Leg::ended_by_us) else { return };
        let cause = Cause::NORMAL_CLEARING;
        if let Some(ended) = call.leg_ended(now, guest, outcome, Some(cause)) {
            self.free_telephone(guest.call, &ended);
            self.timers.cancel(&Wake::RingOut(guest));
            self.commands.push_back(Command::HangUp { leg: guest, cause });
        }
    }

    /// A telephone put us on hold.
    pub(super) fn held(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        if call.hold(leg) {
            self.arrange(now, leg.call);
        }
    }

    /// What held is taken back, whoever asked for it; and nobody is consulted while the caller
    /// listens.
    pub(super) fn hold_failed(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let was_held = call.hold_over(leg);
        let talks = call.talks_on(leg) && call.caller().is_some();
        let was_asked = talks && call.end_agent_hold();
        let parted = |consult: Consult| talks && consult.stage != Stage::Conference;
        if call.consult().is_some_and(parted) {
            tracing::warn!(%leg, "the caller could not be put on hold: nobody is consulted");
            self.dismiss_guest(now, leg.call);
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
