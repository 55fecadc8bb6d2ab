//! Agents: their phones, what they ask for, feature codes, after-call work.
//!
//! **Invariant:** what an agent says of a call (resolved, intent, note) reaches that call's record,
//! whether it is said during after-call work or after it ended by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::acd;
use crate::acd::AgentInput;
use crate::call::{Leg, Role};
use crate::center::flows::millis;
use crate::center::setup::Features;
use crate::center::{ContactCenter, Wake};
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{AgentRequest, AgentState, Command, Fact, Prompt, WrapUp};

/// Why an agent who just logged in is not ready yet.
const LOGGED_IN: &str = "logged_in";
/// Why an agent who dialed the not-ready code is not ready.
const BY_PHONE: &str = "by_phone";
/// What is said to a feature code takes three seconds; a call that never tells that it was heard
/// ends after this.
const CONFIRM_MAX: Duration = Duration::from_secs(30);

/// The call an agent may still say something about, and what was said.
#[derive(Clone, Debug, Default)]
pub(super) struct LastCall {
    leg: Option<LegId>,
    /// The agent took that call over: no queue's work, and in no figure of handling.
    is_taken_over: bool,
    /// Length of the after-call work of `leg`, once it ended.
    acw: Option<Duration>,
    said: Disposition,
}

#[derive(Clone, Debug, Default)]
struct Disposition {
    resolved: Option<bool>,
    intent: Option<String>,
    note: Option<String>,
}

impl ContactCenter {
    pub(super) fn phone_reachable(&mut self, now: Timestamp, agent: AgentId, reachable: bool) {
        let Some(setup) = self.setup.agents.get(agent.0 as usize) else { return };
        let wanted = match (setup.auto_login, setup.auto_ready) {
            (_, true) => Some(AgentRequest::Ready),
            (true, false) => Some(AgentRequest::LogIn),
            (false, false) => None,
        };
        // Told twice, it is no second arrival: who logged out meanwhile stays logged out.
        let came = reachable && !self.acd.agent(agent).reachable;
        self.ask_queue(agent, AgentInput::Reachable(reachable));
        let may = came && self.is_logged_out(agent) && !self.setup.is_former(agent);
        if let Some(ask) = wanted.filter(|_| may) {
            self.agent_asked(now, agent, ask);
        }
    }

    pub(super) fn agent_asked(&mut self, now: Timestamp, agent: AgentId, ask: AgentRequest) {
        if self.setup.agents.len() <= agent.0 as usize {
            return;
        }
        let comes = matches!(
            ask,
            AgentRequest::LogIn | AgentRequest::Ready | AgentRequest::NotReady { .. }
        );
        if comes && self.setup.is_former(agent) {
            return; // it crossed their removal
        }
        match ask {
            AgentRequest::LogIn => self.ask_queue(agent, AgentInput::LogIn),
            AgentRequest::LogOut => self.ask_queue(agent, AgentInput::LogOut),
            AgentRequest::Ready => {
                if self.is_logged_out(agent) {
                    self.ask_queue(agent, AgentInput::LogIn);
                }
                self.ask_queue(agent, AgentInput::Ready);
            }
            AgentRequest::NotReady { reason } => {
                if self.is_logged_out(agent) {
                    self.ask_queue(agent, AgentInput::LogIn);
                }
                let reason = if reason.is_empty() { LOGGED_IN.to_owned() } else { reason };
                self.ask_queue(agent, AgentInput::NotReady { reason });
            }
            AgentRequest::EndWrapUp { resolved, intent, note } => {
                self.end_wrap_up(now, agent, Disposition { resolved, intent, note });
            }
            AgentRequest::Hold
            | AgentRequest::Resume
            | AgentRequest::Transfer { .. }
            | AgentRequest::Consult { .. }
            | AgentRequest::Complete
            | AgentRequest::Conference
            | AgentRequest::StartRecording
            | AgentRequest::PauseRecording
            | AgentRequest::ResumeRecording => self.asked_about_talk(now, agent, ask),
        }
    }

    pub(super) fn ask_queue(&mut self, agent: AgentId, ask: AgentInput) {
        self.may_have_moved(agent);
        self.queue_inputs.push_back(acd::Input::Agent { agent, ask });
    }

    fn is_logged_out(&self, agent: AgentId) -> bool {
        matches!(self.acd.agent(agent).state, AgentState::LoggedOut)
    }

    fn end_wrap_up(&mut self, now: Timestamp, agent: AgentId, said: Disposition) {
        let last = &mut self.last_calls[agent.0 as usize];
        last.said = said;
        if last.acw.is_some() {
            self.amend(now, agent); // it ended by itself; this is an afterthought
        }
        self.ask_queue(agent, AgentInput::EndWrapUp);
    }

    /// The agent or supervisor of this leg talks no more: an agent has after-call work, and may say
    /// something of the call; so may a supervisor who took it over, without such work.
    pub(super) fn stopped_talking(
        &mut self,
        now: Timestamp,
        leg: LegId,
        ended: &Leg,
        times: (Option<String>, u64, u64),
    ) {
        match ended.role {
            Role::Agent { agent, .. } => self.talk_ended(now, leg, agent, times),
            Role::TookOver => {
                let Some(agent) = ended.agent() else { return };
                let last = &mut self.last_calls[agent.0 as usize];
                // After-call work that goes on comes first: its record still waits for it.
                if last.leg.is_none() || last.acw.is_some() {
                    let (leg, acw) = (Some(leg), Some(Duration::ZERO));
                    *last = LastCall { leg, acw, is_taken_over: true, ..LastCall::default() };
                }
            }
            Role::Caller
            | Role::Called
            | Role::Consulted { .. }
            | Role::Supervisor { .. }
            | Role::Recorder { .. } => {}
        }
    }

    /// The agent stops talking on this leg; after-call work may begin.
    fn talk_ended(
        &mut self,
        now: Timestamp,
        leg: LegId,
        agent: AgentId,
        times: (Option<String>, u64, u64),
    ) {
        self.count_leg(now, leg, agent, times);
        self.last_calls[agent.0 as usize] = LastCall { leg: Some(leg), ..LastCall::default() };
        self.queue_inputs.push_back(acd::Input::TalkEnded { agent, call: leg.call });
    }

    pub(super) fn wrap_up_ended(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        call: CallId,
        acw: Duration,
    ) {
        let last = &mut self.last_calls[agent.0 as usize];
        if last.leg.is_some_and(|leg| leg.call == call) {
            last.acw = Some(acw);
            self.amend(now, agent);
        }
    }

    fn amend(&mut self, now: Timestamp, agent: AgentId) {
        let last = &self.last_calls[agent.0 as usize];
        let (Some(leg), Some(acw)) = (last.leg, last.acw) else { return };
        let wrap_up = WrapUp {
            leg,
            acw_ms: millis(acw),
            resolved: last.said.resolved,
            intent: last.said.intent.clone(),
            note: last.said.note.clone(),
        };
        if !last.is_taken_over {
            self.count_wrap_up(now, agent, &wrap_up);
        }
        let call = leg.call;
        match self.calls.get_mut(&call) {
            // The caller stayed after the talk: the record is still to be made.
            Some(call) => call.written_up(now, wrap_up),
            None => {
                self.facts.tell(now, |_| Fact::RecordAmended {
                    call,
                    wrap_up: Arc::new(wrap_up.clone()),
                });
                self.commands.push_back(Command::AmendRecord { call, wrap_up });
            }
        }
    }

    pub(super) fn agent_changed(&mut self, now: Timestamp, agent: AgentId, state: &AgentState) {
        tracing::info!(agent = self.agent_name(agent), %state, "agent");
        self.count_agent(now, agent, state);
        self.facts.agent_changed(agent);
        self.facts.tell(now, |facts| {
            let (name, state) = (facts.agent_name(agent), state.clone());
            Fact::AgentMoved { agent, name, state }
        });
        self.may_have_moved(agent);
    }

    /// An agent's own phone dialed a feature code: do it, say so as soon as there is sound, hang
    /// up. Returns whether it was one.
    pub(super) fn feature_code(&mut self, now: Timestamp, id: CallId, agent: AgentId) -> bool {
        let Some(call) = self.calls.get_mut(&id) else { return false };
        let Some((ask, _)) = understood(&self.setup.features, &call.origin().to) else {
            return false;
        };
        call.confirm();
        call.answer_caller(now);
        let (leg, is_up) = (call.caller_leg(), call.caller_is_up());
        self.commands.push_back(Command::Answer { leg });
        self.timers.set(Wake::Confirmed(id), now + CONFIRM_MAX);
        if is_up {
            self.confirm(now, id);
        }
        self.agent_asked(now, agent, ask);
        true
    }

    /// There is sound with the agent who dialed a feature code: say what it did.
    pub(super) fn confirm(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some((_, said)) = understood(&self.setup.features, &call.origin().to) else { return };
        call.was_answered(now);
        let (leg, play) = (call.caller_leg(), call.next_play());
        let prompts = vec![Prompt::Text { language: "en".into(), text: said.into() }];
        self.commands.push_back(Command::Play { leg, play, prompts, repeat: false });
    }
}

fn understood(codes: &Features, dialed: &str) -> Option<(AgentRequest, &'static str)> {
    let wrap_up = |resolved| AgentRequest::EndWrapUp { resolved, intent: None, note: None };
    if dialed == codes.log_in {
        return Some((AgentRequest::LogIn, "You are logged in."));
    }
    if dialed == codes.log_out {
        return Some((AgentRequest::LogOut, "You are logged out."));
    }
    if dialed == codes.ready {
        return Some((AgentRequest::Ready, "You are ready."));
    }
    if dialed == codes.not_ready {
        let reason = BY_PHONE.to_owned();
        return Some((AgentRequest::NotReady { reason }, "You are not ready."));
    }
    match dialed.strip_prefix(codes.end_wrap_up.as_str())? {
        "" => Some((wrap_up(None), "Done.")),
        "1" => Some((wrap_up(Some(true)), "Done. Resolved.")),
        "2" => Some((wrap_up(Some(false)), "Done. Not resolved.")),
        _ => None,
    }
}
