//! Which requests of an agent about the call they talk on are granted, and why not.
//!
//! **Invariant:** a request is checked, and its answer given, before it becomes an event; an event
//! that is refused here changes nothing.
//!
//! **Deliberately absent:** who may ask in an agent's name: the HTTP interface knows its tokens.
//! Whether a front can mix the sound of three: the front knows.

use std::collections::{BTreeMap, BTreeSet};

use crate::acd;
use crate::call::{CONFERENCE_LEGS_MAX, Call, Stage};
use crate::center::ContactCenter;
use crate::center::call_recording::RecorderRequest;
use crate::center::outside::{NoRoute, Route, Way};
use crate::center::own::NoWay;
use crate::flow;
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{AgentRequest, AgentState, ConsultTarget, Target, Telephone};

/// Variables an agent may set with one transfer.
pub const VARS_MAX: usize = 32;
/// Steps that a refusal names where the one asked for is not there.
const NAMES_MAX: usize = 50;

/// Why that cannot be done with a call now, or none can be begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{agent} is in no talk")]
    TalksToNobody { agent: String },
    #[error("the caller has left {agent} and whom they consult: who hangs up ends the call")]
    CallerLeft { agent: String },
    #[error("{agent} is on a call of their own: only the telephone can hold or end it")]
    OwnCall { agent: String },
    #[error("{agent} supervises {call} and does not talk on it: `take_over` comes first")]
    OnlySupervises { agent: String, call: CallId },
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
    #[error("{agent} is the caller")]
    ConsultedIsCallingAgent { agent: String },
    #[error("{agent} cannot consult themselves")]
    ConsultsThemselves { agent: String },
    #[error("no flow has a queue `{queue}`; there are {names}")]
    NoSuchQueue { queue: String, names: String },
    #[error("nobody but {agent} is there to answer for the queue `{queue}`")]
    NobodyElse { queue: String, agent: String },
    #[error("the queue `{queue}` is full")]
    QueueFull { queue: String },
    #[error("{call} has {max} legs: no more can hear each other", max = CONFERENCE_LEGS_MAX)]
    ConferenceFull { call: CallId },
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
    #[error("supervisors of {call} were rung too often")]
    SupervisedTooOften { call: CallId },
    #[error("{call} has no supervisor")]
    NoSupervisor { call: CallId },
    #[error("the supervisor of {call} has not answered yet")]
    SupervisorRings { call: CallId },
    #[error("nobody talks to the caller of {call}, who does not wait for an agent either")]
    NothingToTakeOver { call: CallId },
    #[error(
        "{agent} talks on no call, and has not talked on one before: there is none to write up"
    )]
    NothingToWriteUp { agent: String },
    #[error("{call} is neither the call that {agent} talks on nor the last one they talked on")]
    NotTheirLast { agent: String, call: CallId },
    #[error(
        "{agent} ended the after-call work of {call} more than {max_s} s ago, the \
         `wrap_up_late_s_max` of its queue: what they say of it is not written any more"
    )]
    WrittenUpTooLate { agent: String, call: CallId, max_s: u64 },
    /// The front of a leg says why.
    #[error("{0}")]
    FrontCannot(String),
    #[error("the server is about to end: it begins no calls any more")]
    Draining,
    #[error("{max} calls are up, and there may be no more: `server.calls_max`")]
    CallsFull { max: usize },
    #[error("{max} outbound calls are up, and there may be no more: `server.outbound_calls_max`")]
    OutboundFull { max: usize },
    #[error("{number} is in an outbound call already: {call}")]
    NumberIsUp { number: String, call: CallId },
    #[error("neither a flow nor a queue is named")]
    NoGoal,
    #[error("there is no flow `{flow}`; there are {names}")]
    NoSuchFlow { flow: String, names: String },
    #[error("several flows have a queue `{queue}`: {flows}")]
    QueueOfSeveralFlows { queue: String, flows: String },
    #[error("a flow answers {number}: it is a number of this server's own")]
    NumberIsOurs { number: String },
    #[error("no flow answers {number}, so it is not shown as the caller")]
    NotOurNumber { number: String },
    #[error("the provider `{provider}` begins no calls: it takes a trunk to dial a customer")]
    ProviderBeginsNoCall { provider: String },
}

/// Whom an agent asks to join a talk.
pub(super) enum Consulted {
    Party(Way),
    /// As this says, a queue looks for an agent.
    Queue(Box<acd::Enqueue>),
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
    pub fn check_request(
        &self,
        now: Timestamp,
        agent: AgentId,
        ask: &AgentRequest,
    ) -> Result<(), Refused> {
        match ask {
            AgentRequest::LogIn
            | AgentRequest::LogOut
            | AgentRequest::Ready
            | AgentRequest::NotReady { .. } => Ok(()),
            AgentRequest::EndWrapUp { call, said } => self.may_write_up(now, agent, *call, said),
            AgentRequest::Hold => self.may_hold(agent),
            AgentRequest::Resume => self.may_resume(agent),
            AgentRequest::Transfer { step, vars } => self.may_transfer(agent, step, vars),
            AgentRequest::Consult { target } => self.may_consult(agent, target).map(drop),
            AgentRequest::Complete | AgentRequest::Conference => self.consulted_of(agent).map(drop),
            AgentRequest::StartRecording => self.may_record(agent, RecorderRequest::Start),
            AgentRequest::PauseRecording => self.may_record(agent, RecorderRequest::Pause),
            AgentRequest::ResumeRecording => self.may_record(agent, RecorderRequest::Resume),
        }
    }

    /// The agent's leg of the call the agent talks on.
    #[must_use]
    pub fn talks_on(&self, agent: AgentId) -> Option<LegId> {
        self.talk_of(agent).ok().map(|(_, leg)| leg)
    }

    /// The party this would dial for an agent; `None` where it is refused, or a queue finds one.
    #[must_use]
    pub fn consult_dials(&self, agent: AgentId, target: &ConsultTarget) -> Option<Target> {
        match self.may_consult(agent, target).ok()? {
            Consulted::Party(way) => Some(way.target()),
            Consulted::Queue(_) => None,
        }
    }

    /// The call this agent talks on, and the agent's leg: a call of the queue, or one that the
    /// agent took over.
    pub(super) fn talk_of(&self, agent: AgentId) -> Result<(&Call, LegId), Refused> {
        let (call, leg) = self.in_talk(agent).ok_or_else(|| self.why_no_talk(agent))?;
        let caller =
            call.caller().ok_or_else(|| Refused::CallerLeft { agent: self.name_of(agent) });
        caller.map(|_| (call, leg))
    }

    /// The leg that this agent talks on, also where the caller has left.
    pub(super) fn talk_leg(&self, agent: AgentId) -> Option<LegId> {
        self.in_talk(agent).map(|(_, leg)| leg)
    }

    fn in_talk(&self, agent: AgentId) -> Option<(&Call, LegId)> {
        let of_queue = match &self.acd.agent(agent).state {
            AgentState::Talking { call } => Some(*call),
            AgentState::LoggedOut
            | AgentState::NotReady { .. }
            | AgentState::Ready
            | AgentState::OnOwnCall { .. }
            | AgentState::Reserved { .. }
            | AgentState::AfterCallWork { .. } => None,
        };
        let talk = |call: CallId| {
            let call = self.calls.get(&call)?;
            let leg = call.talk()?.leg;
            let party = call.party(leg).filter(|party| party.serves_caller())?;
            (party.agent() == Some(agent)).then_some((call, leg))
        };
        let mut calls = of_queue.into_iter().chain(self.own.all_of(agent));
        calls.find_map(talk)
    }

    fn why_no_talk(&self, agent: AgentId) -> Refused {
        let name = self.name_of(agent);
        let Some(own) = self.own.of(agent) else { return Refused::TalksToNobody { agent: name } };
        let supervises = |call: &CallId| {
            let supervisor = self.calls.get(call).and_then(Call::supervisor);
            supervisor.is_some_and(|(_, leg)| leg.agent() == Some(agent))
        };
        match supervises(&own) {
            true => Refused::OnlySupervises { agent: name, call: own },
            false => Refused::OwnCall { agent: name },
        }
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
        let flow = call.run().map(flow::Run::flow);
        let Some(flow) = flow.filter(|flow| !flow.step_names().any(|name| name == step)) else {
            return check_vars(vars);
        };
        let names = listed(flow.step_names());
        let flow = flow.name().to_string();
        Err(Refused::NoSuchStep { flow, step: step.to_owned(), names })
    }

    /// Which party an agent may consult beside the talk, and by which way.
    pub(super) fn may_consult(
        &self,
        agent: AgentId,
        target: &ConsultTarget,
    ) -> Result<Consulted, Refused> {
        let (call, _) = self.talk_of(agent)?;
        if call.consult().is_some_and(|consult| consult.stage != Stage::Conference) {
            return Err(Refused::Consults { agent: self.name_of(agent) });
        }
        if !call.may_dial() {
            return Err(Refused::TooManyLegs);
        }
        if call.is_conference_full() {
            return Err(Refused::ConferenceFull { call: call.id() });
        }
        match target {
            ConsultTarget::Telephone(Telephone::Number { number, trunk }) => self
                .route_beside(call.id(), number, trunk.as_deref())
                .map(|route| Consulted::Party(Way::Outside(route))),
            ConsultTarget::Telephone(Telephone::Agent { agent: login }) => self
                .may_consult_agent(call, agent, login)
                .map(|it| Consulted::Party(Way::Agent(it))),
            ConsultTarget::Queue { queue } => self
                .may_consult_queue(call, agent, queue)
                .map(|wait| Consulted::Queue(Box::new(wait))),
        }
    }

    fn may_consult_agent(
        &self,
        call: &Call,
        asking: AgentId,
        login: &str,
    ) -> Result<AgentId, Refused> {
        let agent = login.to_owned();
        if self.setup.names.agent(login) == Some(asking) {
            return Err(Refused::ConsultsThemselves { agent });
        }
        if call.origin().via.agent() == Some(login) {
            return Err(Refused::ConsultedIsCallingAgent { agent });
        }
        self.may_ring_for(login, call.origin().via.provider())
    }

    /// How the queue of this name is asked for an agent: as it would have been when the talk began.
    fn may_consult_queue(
        &self,
        call: &Call,
        asking: AgentId,
        name: &str,
    ) -> Result<acd::Enqueue, Refused> {
        let queue = name.to_owned();
        let now = call.talk().map(|talk| talk.since).unwrap_or_default();
        let context = flow::Context { now, position: None, waiting: None };
        let of_call = call.run().map(flow::Run::flow);
        let flows = of_call.into_iter().chain(&self.setup.flows);
        let request = call.run().and_then(|run| {
            flows.into_iter().find_map(|flow| flow.consult_request(run, &context, name))
        });
        let Some((id, request)) = self.queue_id(name).zip(request) else {
            let entered = self.setup.flows.iter().flat_map(|flow| flow.queues());
            let names: BTreeSet<&str> = entered.map(|used| used.queue).collect();
            let names = listed(names.into_iter());
            return Err(Refused::NoSuchQueue { queue, names });
        };
        // An agent at a telephone of ours must hear whoever answers.
        let wait = self.wait_in(call.id(), id, &request, (now, self.setup.origin_constraint(None)));
        // A party in the call already joins no party of it.
        let mut but = self.own.by_call.get(&call.id()).cloned().unwrap_or_default();
        but.insert(asking);
        if !self.acd.others_attend(&but, &wait.demands, &wait.relax) {
            return Err(Refused::NobodyElse { queue, agent: self.name_of(asking) });
        }
        if self.acd.is_full(id) {
            return Err(Refused::QueueFull { queue });
        }
        Ok(wait)
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
        let caller = self.calls.get(&id).and_then(|call| call.origin().from.as_deref());
        if caller == Some(&*route.number) {
            return Err(Refused::ConsultedIsCaller { number: route.number });
        }
        Ok(route)
    }

    /// The agent of this login, if their telephone can be rung now.
    pub(super) fn may_ring(&self, login: &str) -> Result<AgentId, Refused> {
        self.may_ring_for(login, None)
    }

    /// The same for a call that this provider carries, if one does.
    fn may_ring_for(&self, login: &str, provider: Option<&str>) -> Result<AgentId, Refused> {
        let agent = login.to_owned();
        let Some(id) = self.current_agent(login) else {
            return Err(Refused::NoSuchAgent { login: agent });
        };
        match self.may_be_called_by(id, provider) {
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

    pub(super) fn name_of(&self, agent: AgentId) -> String {
        self.agent_name(agent).to_owned()
    }
}

/// The first of these names, and whether there are more.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.take(NAMES_MAX + 1).collect();
    if let Some(further) = names.get_mut(NAMES_MAX) {
        *further = "…";
    }
    names.join(", ")
}

pub(super) fn check_vars(vars: &BTreeMap<String, serde_json::Value>) -> Result<(), Refused> {
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
