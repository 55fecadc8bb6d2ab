//! Which requests of an agent about the call they talk on are granted, and why not.
//!
//! **Invariant:** a request is checked, and its answer given, before it becomes an event; an event
//! that is refused here changes nothing.
//!
//! **Deliberately absent:** who may ask in an agent's name: the HTTP interface knows its tokens.
//! Whether a front can mix the sound of three: the front knows.

use std::collections::BTreeMap;

use crate::call::Call;
use crate::center::ContactCenter;
use crate::center::outside::{NoRoute, Route};
use crate::center::own::NoWay;
use crate::flow;
use crate::id::{AgentId, CallId, LegId};
use crate::words::{AgentRequest, AgentState};

/// Variables an agent may set with one transfer.
pub const VARS_MAX: usize = 32;
/// Steps that a refusal names where the one asked for is not there.
const NAMES_MAX: usize = 50;

/// Why an agent cannot do that with a call now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{agent} talks to nobody")]
    TalksToNobody { agent: String },
    #[error("the caller has left {agent} and whom they consult: who hangs up ends the call")]
    CallerLeft { agent: String },
    #[error("{agent} is on a call of their own: only the telephone can hold or end it")]
    OwnCall { agent: String },
    #[error("the telephone of {agent} holds this call; its hold key ends that")]
    HeldByTelephone { agent: String },
    #[error("this call was put on hold too often")]
    TooManyHolds,
    #[error("{agent} consults somebody: resume, complete or conference come first")]
    Consults { agent: String },
    #[error("{agent} consults nobody")]
    ConsultsNobody { agent: String },
    #[error("whom {agent} consults has not answered yet")]
    ConsultedNotThere { agent: String },
    #[error("the flow `{flow}` has no step `{step}`; it has {names}")]
    NoSuchStep { flow: String, step: String, names: String },
    #[error("{0}")]
    BadVariable(String),
    #[error("`{number}` is not a telephone number")]
    NotANumber { number: String },
    #[error("no trunk may dial {number}")]
    NotAllowed { number: String },
    #[error("there is no trunk `{trunk}` that may dial {number}")]
    NotAllowedThere { number: String, trunk: String },
    #[error("this call has dialed too often")]
    TooManyLegs,
    #[error("calls of the queue `{queue}` are not recorded: its `recording` says \"off\"")]
    NotToBeRecorded { queue: String },
    #[error("the sound of this call is at a provider: it cannot be recorded here")]
    SoundElsewhere,
    #[error("{call} is not being recorded")]
    NotRecorded { call: CallId },
    #[error("this call was recorded too often")]
    TooManyRecordings,
    #[error("this recording was paused too often: it stays paused")]
    TooManyPauses,
    #[error("{number} is the caller's own number")]
    ConsultedIsCaller { number: String },
    #[error("there is no agent `{login}`")]
    NoSuchAgent { login: String },
    #[error("the telephone of {agent} is not registered")]
    TelephoneUnreachable { agent: String },
    #[error("the telephone of {agent} is in use")]
    TelephoneInUse { agent: String },
    #[error("only a provider can dial {agent}, for calls of its own")]
    TelephoneAtProvider { agent: String },
    #[error("{call} is not up: it has ended, or there never was such a call")]
    NoSuchCall { call: CallId },
    #[error("{call} is an agent's own call, which nobody supervises")]
    CannotSupervise { call: CallId },
    #[error("{call} has a supervisor already")]
    HasSupervisor { call: CallId },
    #[error("{call} has no supervisor")]
    NoSupervisor { call: CallId },
    #[error("the supervisor of {call} has not answered yet")]
    SupervisorRings { call: CallId },
    #[error("nobody talks to the caller of {call}, who does not wait for an agent either")]
    NothingToTakeOver { call: CallId },
    /// The front of a leg says why.
    #[error("{0}")]
    FrontCannot(String),
}

impl ContactCenter {
    /// Whether an agent may ask for this now. A request that is refused here changes nothing where
    /// it comes as an event all the same.
    ///
    /// # Errors
    ///
    /// Why not.
    ///
    /// # Panics
    ///
    /// If there is no such agent.
    pub fn check_request(&self, agent: AgentId, ask: &AgentRequest) -> Result<(), Refused> {
        match ask {
            AgentRequest::LogIn
            | AgentRequest::LogOut
            | AgentRequest::Ready
            | AgentRequest::NotReady { .. }
            | AgentRequest::EndWrapUp { .. } => Ok(()),
            AgentRequest::Hold => self.may_hold(agent),
            AgentRequest::Resume => self.may_resume(agent),
            AgentRequest::Transfer { step, vars } => self.may_transfer(agent, step, vars),
            AgentRequest::Consult { number, trunk } => {
                self.may_consult(agent, number, trunk.as_deref()).map(drop)
            }
            AgentRequest::Complete | AgentRequest::Conference => self.consulted_of(agent).map(drop),
            AgentRequest::StartRecording
            | AgentRequest::PauseRecording
            | AgentRequest::ResumeRecording => self.may_record(agent, ask),
        }
    }

    /// The agent's leg of the call the agent talks on.
    #[must_use]
    pub fn talks_on(&self, agent: AgentId) -> Option<LegId> {
        self.talk_of(agent).ok().map(|(_, leg)| leg)
    }

    /// The trunk, or the call's own provider, through which an agent would consult this number.
    #[must_use]
    pub fn consult_trunk(
        &self,
        agent: AgentId,
        number: &str,
        trunk: Option<&str>,
    ) -> Option<String> {
        self.may_consult(agent, number, trunk).ok().map(|route| route.trunk)
    }

    /// The call this agent talks on, and the agent's leg.
    pub(super) fn talk_of(&self, agent: AgentId) -> Result<(&Call, LegId), Refused> {
        let talk = || {
            let AgentState::Talking { call } = &self.acd.agent(agent).state else { return None };
            let call = self.calls.get(call)?;
            let leg = call.talk()?.leg;
            let offer = call.party(leg)?.offer();
            offer.is_some_and(|(_, id)| id == agent).then_some((call, leg))
        };
        let (call, leg) =
            talk().ok_or_else(|| match (self.name_of(agent), self.own.of(agent)) {
                (agent, Some(_)) => Refused::OwnCall { agent },
                (agent, None) => Refused::TalksToNobody { agent },
            })?;
        let caller =
            call.caller().ok_or_else(|| Refused::CallerLeft { agent: self.name_of(agent) });
        caller.map(|_| (call, leg))
    }

    fn may_hold(&self, agent: AgentId) -> Result<(), Refused> {
        let (call, _) = self.talk_of(agent)?;
        if call.consult().is_some() {
            return Err(Refused::Consults { agent: self.name_of(agent) });
        }
        let may = call.has_agent_hold() || call.may_hold();
        may.then_some(()).ok_or(Refused::TooManyHolds)
    }

    fn may_resume(&self, agent: AgentId) -> Result<(), Refused> {
        let (call, leg) = self.talk_of(agent)?;
        let asked = call.has_agent_hold() || call.consult().is_some();
        if !asked && call.holds(leg) {
            return Err(Refused::HeldByTelephone { agent: self.name_of(agent) });
        }
        Ok(())
    }

    fn may_transfer(
        &self,
        agent: AgentId,
        step: &str,
        vars: &BTreeMap<String, serde_json::Value>,
    ) -> Result<(), Refused> {
        let (call, _) = self.talk_of(agent)?;
        let flow = call.run.as_ref().map(flow::Run::flow);
        let Some(flow) = flow.filter(|flow| !flow.step_names().any(|name| name == step)) else {
            return check_vars(vars);
        };
        let mut names: Vec<&str> = flow.step_names().take(NAMES_MAX).collect();
        if flow.step_names().nth(NAMES_MAX).is_some() {
            names.push("…");
        }
        let (flow, names) = (flow.name().to_string(), names.join(", "));
        Err(Refused::NoSuchStep { flow, step: step.to_owned(), names })
    }

    /// By which way an agent may dial this number beside the talk.
    pub(super) fn may_consult(
        &self,
        agent: AgentId,
        number: &str,
        trunk: Option<&str>,
    ) -> Result<Route, Refused> {
        let (call, _) = self.talk_of(agent)?;
        if call.consult().is_some() {
            return Err(Refused::Consults { agent: self.name_of(agent) });
        }
        if !call.may_dial() {
            return Err(Refused::TooManyLegs);
        }
        self.route_beside(call.id(), number, trunk)
    }

    /// By which way a number is dialed for a party that joins the call.
    pub(super) fn route_beside(
        &self,
        id: CallId,
        number: &str,
        trunk: Option<&str>,
    ) -> Result<Route, Refused> {
        let number = number.to_owned();
        let route = self.route(id, &number, trunk).map_err(|why| match (why, trunk) {
            (NoRoute::NotANumber, _) => Refused::NotANumber { number },
            (NoRoute::NotAllowed, None) => Refused::NotAllowed { number },
            (NoRoute::NotAllowed, Some(trunk)) => {
                Refused::NotAllowedThere { number, trunk: trunk.to_owned() }
            }
        })?;
        let caller = self.calls.get(&id).and_then(|call| call.origin.from.as_deref());
        if caller == Some(&*route.number) {
            return Err(Refused::ConsultedIsCaller { number: route.number });
        }
        Ok(route)
    }

    /// The agent of this login, if their telephone can be rung now.
    pub(super) fn may_ring(&self, login: &str) -> Result<AgentId, Refused> {
        let agent = login.to_owned();
        let Some(&id) = self.agent_ids.get(login) else {
            return Err(Refused::NoSuchAgent { login: agent });
        };
        match self.may_be_called(id) {
            Ok(()) => Ok(id),
            Err(NoWay::AtProvider) => Err(Refused::TelephoneAtProvider { agent }),
            Err(NoWay::InUse) => Err(Refused::TelephoneInUse { agent }),
            Err(NoWay::Unreachable | NoWay::Nobody | NoWay::NotAllowed) => {
                Err(Refused::TelephoneUnreachable { agent })
            }
        }
    }

    /// The consulted party of an agent, who has answered, and the agent's own leg.
    pub(super) fn consulted_of(&self, agent: AgentId) -> Result<(LegId, LegId), Refused> {
        let (call, leg) = self.talk_of(agent)?;
        if call.consult().is_none() {
            return Err(Refused::ConsultsNobody { agent: self.name_of(agent) });
        }
        let consulted = call.consulted_there();
        let consulted =
            consulted.ok_or_else(|| Refused::ConsultedNotThere { agent: self.name_of(agent) })?;
        Ok((consulted, leg))
    }

    fn name_of(&self, agent: AgentId) -> String {
        self.agent_name(agent).to_owned()
    }
}

fn check_vars(vars: &BTreeMap<String, serde_json::Value>) -> Result<(), Refused> {
    if vars.len() > VARS_MAX {
        return Err(Refused::BadVariable(format!("more than {VARS_MAX} variables")));
    }
    for (name, value) in vars {
        flow::variable_name(name).map_err(Refused::BadVariable)?;
        let fits = match value {
            serde_json::Value::Bool(_) | serde_json::Value::Number(_) => true,
            serde_json::Value::String(text) => text.len() <= flow::TEXT_LEN_MAX,
            serde_json::Value::Null
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => false,
        };
        if !fits {
            let most = flow::TEXT_LEN_MAX;
            return Err(Refused::BadVariable(format!(
                "`{name}` must be a text of at most {most} bytes, a number, `true` or `false`"
            )));
        }
    }
    Ok(())
}
