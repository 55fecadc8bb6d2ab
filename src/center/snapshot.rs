//! What wallboards, the API and supervisors may see of the center at one moment.
//!
//! A server shows what a [board](crate::live::Board) has made of the center's facts; the center's
//! own snapshot is for simulations and tests, which compare the two.
//!
//! **Invariant:** a snapshot is a copy; looking costs the center its making and nothing after.
//!
//! **Deliberately absent:** keys, variables of flows, and anything secret.

use serde::Serialize;

use crate::call::{Call, Consult, Leg, RecordingStage, Role, Stage, State, Whom};
use crate::center::ContactCenter;
use crate::id::{AgentId, CallId, QueueId};
use crate::time::Timestamp;
use crate::words::{AgentState, NamedVia, Party, SupervisorMode};

pub use crate::words::CallState;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    pub at: Timestamp,
    pub draining: bool,
    pub calls: Vec<CallView>,
    pub queues: Vec<QueueView>,
    pub agents: Vec<AgentView>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallView {
    pub call: CallId,
    pub from: Option<String>,
    pub from_name: Option<String>,
    pub to: String,
    pub via: NamedVia,
    /// Who asked for it, where it is an outbound call.
    pub asked_by: Option<String>,
    pub flow: Option<String>,
    /// The step the call is at.
    pub step: Option<String>,
    pub state: CallState,
    pub since: Timestamp,
    pub intent: Option<String>,
    pub language: Option<String>,
    pub queue: Option<String>,
    /// 1 = next.
    pub position: Option<u32>,
    /// While it waits: since when its place in line counts; earlier than `since` where the caller
    /// came back to it.
    pub in_line_since: Option<Timestamp>,
    /// The agent who talks to the caller, or whose phone rings.
    pub agent: Option<String>,
    pub on_hold: bool,
    /// How far the recording of both sides is.
    pub recording: Option<RecordingStage>,
    /// Whom the agent consults.
    pub consult: Option<ConsultView>,
    pub supervisor: Option<SupervisorView>,
    pub path: Vec<(Timestamp, String)>,
}

/// The agent consults a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConsultView {
    /// An outside party, through this trunk.
    pub number: Option<String>,
    pub trunk: Option<String>,
    /// An agent; where a queue looks for one, whose telephone rings.
    pub agent: Option<String>,
    /// The queue that looks for an agent.
    pub queue: Option<String>,
    pub stage: Stage,
    /// Since when at this stage.
    pub since: Timestamp,
}

/// The supervisor of a call, or whose telephone rings to supervise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SupervisorView {
    /// The agent whose telephone it is.
    pub agent: Option<String>,
    /// The number that was dialed, otherwise.
    pub number: Option<String>,
    /// The telephone or number it was asked for.
    pub by: String,
    pub mode: SupervisorMode,
    /// What was asked for and can be had no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<SupervisorMode>,
    /// Since when they are there; `None` while the telephone rings.
    pub since: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueueView {
    pub name: String,
    /// Calls without an answer yet, those that ring an agent among them.
    pub waiting: usize,
    pub longest_wait_ms: u64,
    /// Agents who work on a call of this queue, by state.
    pub talking: usize,
    pub reserved: usize,
    pub after_call_work: usize,
}

impl QueueView {
    /// Counts an agent who works on a call of this queue.
    pub fn count(&mut self, state: &AgentState) {
        match state {
            AgentState::Talking { .. } => self.talking += 1,
            AgentState::Reserved { .. } => self.reserved += 1,
            AgentState::AfterCallWork { .. } => self.after_call_work += 1,
            AgentState::LoggedOut
            | AgentState::NotReady { .. }
            | AgentState::Ready
            | AgentState::OnOwnCall { .. } => {}
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentView {
    pub agent: AgentId,
    pub name: String,
    pub display_name: Option<String>,
    pub team: Option<String>,
    pub state: AgentState,
    pub since: Timestamp,
    pub reachable: bool,
    pub call: Option<CallId>,
    /// The call of the agent's own that the telephone is in use by, in whatever state.
    pub own_call: Option<CallId>,
    pub skills: Vec<(String, u8)>,
    /// Calls accepted since the server started.
    pub handled: u64,
}

impl ContactCenter {
    #[must_use]
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        Snapshot {
            at: now,
            draining: self.draining,
            calls: self.calls.iter().map(|call| self.call_view(call)).collect(),
            queues: self.queue_views(now),
            agents: self.agent_views(),
        }
    }

    /// Those of the configuration, and of the others those who finish a call.
    fn agent_views(&self) -> Vec<AgentView> {
        let agents = self.acd.agents();
        let shown = agents.filter(|it| !self.setup.is_former(it.id) || it.is_logged_in());
        shown.map(|agent| self.agent_view(agent.id)).collect()
    }

    /// One live call.
    #[must_use]
    pub fn call(&self, call: CallId) -> Option<CallView> {
        self.calls.get(&call).map(|call| self.call_view(call))
    }

    /// What people call the state of a live call.
    #[must_use]
    pub fn call_state(&self, call: CallId) -> Option<CallState> {
        let call = self.calls.get(&call)?;
        Some(stands_in(call, rings(call).is_some()).0)
    }

    /// The flow of a live call, and the step that it came to last.
    #[must_use]
    pub fn call_step(&self, call: CallId) -> Option<(&str, &str)> {
        let call = self.calls.get(&call)?;
        let (_, step) = call.path().last()?;
        Some((call.run()?.flow().name(), step))
    }

    /// What an agent is doing; `None` for an agent who is not configured.
    #[must_use]
    pub fn agent_state(&self, agent: AgentId) -> Option<&AgentState> {
        let known = (agent.0 as usize) < self.setup.agents.len();
        known.then(|| &self.acd.agent(agent).state)
    }

    fn call_view(&self, call: &Call) -> CallView {
        let ringing = rings(call);
        let talking = call.talk().and_then(|talk| call.party(talk.leg));
        let agent = talking.or(ringing).and_then(|leg| match &leg.dialed {
            Some(Party::Agent { name, .. }) => Some(name.clone()),
            Some(Party::Outside { .. }) | None => None,
        });
        let (state, since) = stands_in(call, ringing.is_some());
        let queue = match call.state() {
            State::Waiting { queue, .. } => Some(queue),
            State::Opening
            | State::InFlow
            | State::Confirming
            | State::Dialing { .. }
            | State::Talking(_) => None,
        };
        let path: Vec<_> = call.path().map(|(at, step)| (at, step.to_owned())).collect();
        let entered = path.last().map(|(at, _)| *at);
        CallView {
            call: call.id(),
            from: call.origin().from.clone(),
            from_name: call.origin().from_name.clone(),
            to: call.origin().to.clone(),
            via: call.origin().via.clone(),
            asked_by: call.origin().outbound.as_ref().map(|outbound| outbound.by.clone()),
            flow: call.run().map(|run| run.flow().name().to_string()),
            step: path.last().map(|(_, step)| step.clone()),
            state,
            since: since.or(entered).unwrap_or(call.origin().arrived_at),
            intent: call.intent().map(ToString::to_string),
            language: call.run().map(|run| run.language().to_string()),
            queue: queue.map(|queue| self.queue_name(queue).to_owned()),
            position: queue.and_then(|_| self.acd.position(call.id())),
            in_line_since: queue.map(|_| call.in_line_since()),
            agent,
            recording: call.recording_stage(),
            on_hold: call.holding().iter().any(|leg| call.talks_on(leg)),
            consult: self.consult_view(call),
            supervisor: supervisor_view(call),
            path,
        }
    }

    fn consult_view(&self, call: &Call) -> Option<ConsultView> {
        let consult = call.consult()?;
        let (party, queue) = match consult.whom {
            Whom::Party(consulted) => (Some(call.party(consulted)?), None),
            Whom::Queue(queue) => (call.consult_offer(), Some(self.queue_name(queue).to_owned())),
        };
        let (stage, since) = (consult_stage(consult, party.is_some()), consult.since);
        let (agent, trunk, number) = match party.and_then(|leg| leg.dialed.as_ref()) {
            Some(Party::Agent { name, .. }) => (Some(name.clone()), None, None),
            Some(Party::Outside { trunk, number }) => {
                (None, Some(trunk.clone()), Some(number.clone()))
            }
            None => (None, None, None),
        };
        Some(ConsultView { number, trunk, agent, queue, stage, since })
    }

    fn queue_views(&self, now: Timestamp) -> Vec<QueueView> {
        let mut views: Vec<QueueView> = self
            .setup
            .queues
            .iter()
            .zip(0..)
            .map(|(queue, index)| QueueView {
                name: queue.name.clone(),
                waiting: self.acd.waiting(crate::id::QueueId(index)),
                longest_wait_ms: 0,
                talking: 0,
                reserved: 0,
                after_call_work: 0,
            })
            .collect();
        for call in self.calls.iter() {
            let Some((queue, since)) = waits(call) else { continue };
            let view = &mut views[queue.0 as usize];
            let waited = crate::center::flows::millis(now.since(since));
            view.longest_wait_ms = view.longest_wait_ms.max(waited);
        }
        for agent in self.acd.agents() {
            let Some(queue) = agent.queue() else { continue };
            let view = &mut views[queue.0 as usize];
            view.count(&agent.state);
        }
        let ids = (0..).map(crate::id::QueueId);
        let is_former = |id| self.setup.former_queues.contains(&id);
        let shown = ids.zip(views).filter(|(id, _)| !is_former(*id) || self.goes_on_in(*id));
        shown.map(|(_, view)| view).collect()
    }

    /// One agent.
    #[must_use]
    pub fn agent_view(&self, id: AgentId) -> AgentView {
        let agent = self.acd.agent(id);
        let setup = &self.setup.agents[id.0 as usize];
        AgentView {
            agent: id,
            name: setup.name.clone(),
            display_name: setup.display_name.clone(),
            team: setup.team.clone(),
            state: agent.state.clone(),
            since: agent.since,
            reachable: agent.reachable,
            call: agent.call(),
            own_call: agent.own_call,
            skills: setup.skills.clone(),
            handled: agent.handled,
        }
    }
}

/// The party whose telephone rings for the caller.
pub(super) fn rings(call: &Call) -> Option<&Leg> {
    call.parties().map(|(_, leg)| leg).find(|leg| !leg.is_up() && leg.is_party())
}

/// What people call the state of a call, and since when it is in it where that is no step's begin.
pub(super) fn stands_in(call: &Call, rings: bool) -> (CallState, Option<Timestamp>) {
    match call.state() {
        State::Opening if call.dials_caller() => (CallState::Dialing, None),
        State::Opening | State::InFlow | State::Confirming => (CallState::InFlow, None),
        State::Waiting { since, .. } if rings => (CallState::Offered, Some(since)),
        State::Waiting { since, .. } => (CallState::Waiting, Some(since)),
        State::Dialing { .. } => (CallState::Dialing, None),
        State::Talking(talk) => (CallState::Talking, Some(talk.since)),
    }
}

/// How far a consultation is: whom a queue has found rings.
pub(super) const fn consult_stage(consult: Consult, has_party: bool) -> Stage {
    match consult.whom {
        Whom::Queue(_) if has_party => Stage::Ringing,
        Whom::Queue(_) | Whom::Party(_) => consult.stage,
    }
}

/// The queue a call waits in, for its caller or for an agent to consult, and since when.
fn waits(call: &Call) -> Option<(QueueId, Timestamp)> {
    match call.state() {
        State::Waiting { queue, since } => Some((queue, since)),
        State::Talking(talk) => Some((call.asks_queue()?, talk.consult?.since)),
        State::Opening | State::InFlow | State::Dialing { .. } | State::Confirming => None,
    }
}

fn supervisor_view(call: &Call) -> Option<SupervisorView> {
    let (_, leg) = call.supervisor()?;
    let Role::Supervisor { by, mode, instead_of } = &leg.role else { return None };
    let (agent, number) = match leg.dialed.as_ref()? {
        Party::Agent { name, .. } => (Some(name.clone()), None),
        Party::Outside { number, .. } => (None, Some(number.clone())),
    };
    let since = leg.up_since();
    let (by, mode, instead_of) = (by.to_string(), *mode, *instead_of);
    Some(SupervisorView { agent, number, by, mode, instead_of, since })
}
