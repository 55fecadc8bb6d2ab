//! Agents: their phones, what they ask for, feature codes.
//!
//! **Deliberately absent:** what they say of calls (`dispositions.rs`).

use std::time::Duration;

use crate::acd;
use crate::acd::AgentInput;
use crate::center::setup::Features;
use crate::center::{ContactCenter, Wake};
use crate::id::{AgentId, CallId};
use crate::time::Timestamp;
use crate::words::{AgentRequest, AgentState, Command, Fact, Prompt};

/// Why an agent who just logged in is not ready yet.
const LOGGED_IN: &str = "logged_in";
/// Why an agent who dialed the not-ready code is not ready.
const BY_PHONE: &str = "by_phone";
/// What is said to a feature code takes three seconds; a call that never tells that it was heard
/// ends after this.
const CONFIRM_MAX: Duration = Duration::from_secs(30);
/// What is said to a code that would write up a call, where there is none.
const NOTHING_TO_WRITE_UP: &str = "There is no call to write up.";

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
            AgentRequest::EndWrapUp { call, said } => self.end_wrap_up(now, agent, call, said),
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

    pub(super) fn agent_changed(&mut self, now: Timestamp, agent: AgentId, state: &AgentState) {
        tracing::info!(agent = self.agent_name(agent), %state, "agent");
        self.facts.agent_changed(agent);
        self.facts.tell(now, |facts| {
            let (name, state) = (facts.agent_name(agent), state.clone());
            Fact::AgentMoved { agent, name, state }
        });
        self.has_moved(agent);
        if matches!(state, AgentState::AfterCallWork { .. }) {
            self.after_call.insert(agent);
        } else {
            self.after_call.remove(&agent);
        }
        self.may_have_moved(agent);
    }

    /// Agents in after-call work.
    pub fn in_after_call_work(&self) -> impl Iterator<Item = AgentId> {
        self.after_call.iter().copied()
    }

    /// Whether something goes on whose time counts: a call, or after-call work.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        self.calls.len() > 0 || !self.after_call.is_empty()
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
        let Some(call) = self.calls.get(&id) else { return };
        let Some((ask, mut said)) = understood(&self.setup.features, &call.origin().to) else {
            return;
        };
        let agent = call.origin().via.agent().and_then(|name| self.setup.names.agent(name));
        if agent.is_some_and(|agent| self.check_request(now, agent, &ask).is_err()) {
            said = NOTHING_TO_WRITE_UP;
        }
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.was_answered(now);
        let (leg, play) = (call.caller_leg(), call.next_play());
        let prompts = vec![Prompt::Text { language: "en".into(), text: said.into() }];
        self.commands.push_back(Command::Play { leg, play, prompts, repeat: false });
    }
}

fn understood(codes: &Features, dialed: &str) -> Option<(AgentRequest, &'static str)> {
    let wrap_up = AgentRequest::end_wrap_up;
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
