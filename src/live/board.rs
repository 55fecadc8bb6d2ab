//! The board: how every live call, queue and agent stands, from the facts alone.
//!
//! **Invariant:** facts come in the order of their numbers, none left out: [`Board::fold`] asserts
//! it. A call is here from its first fact to its last.
//!
//! **Bound:** as many calls as the center has up, each with the facts that its record is made of;
//! and of the last [`CLOSED_MAX`] calls that ended, whom they concerned.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::call::fold;
use crate::center::snapshot::{
    AgentView, CallView, ConsultView, QueueView, Snapshot, SupervisorView,
};
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{
    AgentStands, AgentState, CallFact, CallRecord, CallStands, CallState, ConsultStands, Fact,
    Numbered, Origin, Party, Roster, RosterAgent, Search, Seq, SupervisorStands,
};

/// Calls that ended of which the board remembers whom they concerned: what becomes known of one is
/// mostly known within minutes.
const CLOSED_MAX: usize = 4_096;

/// How things stand.
#[derive(Debug, Default)]
pub struct Board {
    /// The number of the next fact.
    next: Seq,
    is_draining: bool,
    roster: Arc<Roster>,
    calls: BTreeMap<CallId, LiveCall>,
    agents: BTreeMap<AgentId, Arc<AgentStands>>,
    /// The calls of each line, first in line first.
    lines: BTreeMap<Arc<str>, BTreeSet<Place>>,
    closed: VecDeque<(CallId, Arc<Concern>)>,
}

/// What a call is sorted by in its line.
type Place = (i64, Timestamp, CallId);

#[derive(Debug)]
struct LiveCall {
    origin: Arc<Origin>,
    facts: Vec<(Timestamp, CallFact)>,
    stands: Option<Arc<CallStands>>,
    concern: Arc<Concern>,
    /// The agent whose own call it is.
    caller: Option<Arc<str>>,
    /// The legs of agents.
    legs: Vec<(LegId, Arc<str>)>,
}

/// Whom a fact concerns, by name: the queues that its call has waited in, or whose call its agent
/// works on; its agent, or those who were rung for its call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concern {
    pub queues: Vec<Arc<str>>,
    pub agents: Vec<Arc<str>>,
}

/// Whose own doing a fact is: of the agent whom it is about, or whose leg; else of the agent who
/// has the call at that moment, and of the one whose own call it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    has: Option<Arc<str>>,
    calls: Option<Arc<str>>,
}

impl Owners {
    fn one(agent: &Arc<str>) -> Self {
        Self { has: Some(Arc::clone(agent)), calls: None }
    }

    #[must_use]
    pub fn has(&self, agent: &str) -> bool {
        [&self.has, &self.calls].into_iter().flatten().any(|it| **it == *agent)
    }
}

/// What came of a fact.
#[derive(Debug, Default)]
pub struct Folded {
    pub concern: Arc<Concern>,
    pub owners: Owners,
    /// The call ended: its record.
    pub record: Option<Box<CallRecord>>,
}

impl Board {
    /// Whose first fact has this number.
    #[must_use]
    pub fn beginning(first: Seq) -> Self {
        Self { next: first, ..Self::default() }
    }

    /// Calls that have not ended.
    #[must_use]
    pub fn calls_open(&self) -> usize {
        self.calls.len()
    }

    /// The number of the next fact: the board stands as of all before it.
    #[must_use]
    pub const fn next(&self) -> Seq {
        self.next
    }

    /// Takes in the next fact.
    ///
    /// # Panics
    ///
    /// If it is not the next.
    pub fn fold(&mut self, numbered: &Numbered) -> Folded {
        let Numbered { seq, at, fact } = numbered;
        assert_eq!(*seq, self.next, "a fact is missing");
        self.next = seq.next();
        match fact {
            Fact::Roster(roster) => {
                self.roster = Arc::clone(roster);
                Folded::default()
            }
            Fact::Draining { is_draining } => {
                self.is_draining = *is_draining;
                Folded::default()
            }
            Fact::CallBegan(origin) => {
                self.calls.insert(origin.call, LiveCall::new(origin));
                self.concerning(origin.call).owned(self.owners(origin.call))
            }
            Fact::Call { call, happened } => self.happened(*at, *call, happened),
            Fact::CallStands { call, stands } => {
                self.call_stands(*call, stands);
                self.concerning(*call).owned(self.owners(*call))
            }
            Fact::OfferEnded { call, name, .. } => self.concerning(*call).owned(Owners::one(name)),
            Fact::RecordAmended { call, .. } => self.concerning(*call),
            Fact::RecordingAmended { update } => self.concerning(update.name.call),
            Fact::AgentMoved { agent, name, .. } => self.concerning_agent(*agent, name, None),
            Fact::AgentStands(stands) => {
                let (id, name) = (stands.agent, &stands.name);
                let folded = self.concerning_agent(id, name, stands.queue.as_ref());
                self.agents.insert(id, Arc::clone(stands));
                folded
            }
        }
    }

    fn happened(&mut self, at: Timestamp, id: CallId, happened: &CallFact) -> Folded {
        let Some(call) = self.calls.get_mut(&id) else { return Folded::default() };
        if let CallFact::Queued { queue, .. } = happened {
            call.concerns(Some(queue), None);
        }
        if let CallFact::Dialed(dialed) = happened {
            let agent = match &dialed.party {
                Party::Agent { name, .. } => Some(name.as_str()),
                Party::Outside { .. } => None,
            };
            call.concerns(dialed.queue.as_ref(), agent);
            call.legs.extend(agent.map(|agent| (dialed.leg, Arc::from(agent))));
        }
        let owners = call.owners(happened.leg());
        call.facts.push((at, happened.clone()));
        let concern = Arc::clone(&call.concern);
        let record = matches!(happened, CallFact::Closed(_)).then(|| self.close(id)).flatten();
        Folded { concern, owners, record }
    }

    /// The call is over.
    fn close(&mut self, id: CallId) -> Option<Box<CallRecord>> {
        let call = self.calls.remove(&id)?;
        self.leave_line(id, call.stands.as_deref());
        if self.closed.len() == CLOSED_MAX {
            self.closed.pop_front();
        }
        self.closed.push_back((id, call.concern));
        Some(Box::new(fold::record(&call.origin, &call.facts)))
    }

    fn call_stands(&mut self, id: CallId, stands: &Arc<CallStands>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let before = call.stands.replace(Arc::clone(stands));
        self.leave_line(id, before.as_deref());
        if let Some(waits) = &stands.waits {
            let place = (waits.order, waits.in_line_since, id);
            self.lines.entry(Arc::clone(&waits.queue)).or_default().insert(place);
        }
    }

    fn leave_line(&mut self, id: CallId, stood: Option<&CallStands>) {
        let Some(waits) = stood.and_then(|stood| stood.waits.as_ref()) else { return };
        if let Some(line) = self.lines.get_mut(&waits.queue) {
            line.remove(&(waits.order, waits.in_line_since, id));
        }
    }

    fn concerning(&self, id: CallId) -> Folded {
        let live = self.calls.get(&id).map(|call| &call.concern);
        let closed = || self.closed.iter().rfind(|(call, _)| *call == id).map(|(_, it)| it);
        let concern = live.or_else(closed).cloned().unwrap_or_default();
        Folded { concern, ..Folded::default() }
    }

    /// Who has a live call now, and whose own call it is.
    #[must_use]
    pub fn owners(&self, id: CallId) -> Owners {
        self.calls.get(&id).map(|call| call.owners(None)).unwrap_or_default()
    }

    /// An agent concerns the queue of the call they were on as well as that of the next.
    fn concerning_agent(&self, id: AgentId, name: &Arc<str>, next: Option<&Arc<str>>) -> Folded {
        let before = self.agents.get(&id).and_then(|stands| stands.queue.as_ref());
        let mut queues: Vec<_> = before.into_iter().chain(next).cloned().collect();
        queues.dedup();
        let concern = Arc::new(Concern { queues, agents: vec![Arc::clone(name)] });
        Folded { concern, owners: Owners::one(name), record: None }
    }

    /// What its queue goes by for a call that waits.
    pub(super) fn search(&self, call: CallId) -> Option<&Search> {
        let stands = self.calls.get(&call)?.stands.as_deref()?;
        Some(&stands.waits.as_ref()?.search)
    }

    pub(super) fn stands(&self, agent: AgentId) -> Option<&AgentStands> {
        self.agents.get(&agent).map(|stands| &**stands)
    }

    /// Whom a live call concerns.
    #[must_use]
    pub fn concern(&self, call: CallId) -> Option<&Concern> {
        self.calls.get(&call).map(|call| &*call.concern)
    }

    #[must_use]
    pub const fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// All of it, as of `now`.
    #[must_use]
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        Snapshot {
            at: now,
            draining: self.is_draining,
            calls: self.calls().collect(),
            queues: self.queues(now),
            agents: self.agents().collect(),
        }
    }

    /// The live calls, in the order in which they came.
    pub fn calls(&self) -> impl Iterator<Item = CallView> {
        self.calls.values().filter_map(|call| self.call_view(call))
    }

    /// One live call.
    #[must_use]
    pub fn call(&self, id: CallId) -> Option<CallView> {
        self.call_view(self.calls.get(&id)?)
    }

    /// The calls whose callers wait in the line of a queue, first in line first.
    pub fn line(&self, queue: &str) -> impl Iterator<Item = CallView> {
        let places = self.lines.get(queue).into_iter().flatten();
        places.filter_map(|(.., id)| self.call(*id)).filter(|call| call.queue.is_some())
    }

    /// The queues, in the order of the configuration.
    #[must_use]
    pub fn queues(&self, now: Timestamp) -> Vec<QueueView> {
        let mut views: Vec<_> =
            self.roster.queues.iter().map(|name| self.queue_line(name, now)).collect();
        for agent in self.agents.values() {
            let Some(queue) = agent.queue.as_deref() else { continue };
            let Some(view) = views.iter_mut().find(|view| view.name == queue) else { continue };
            view.count(&agent.state);
        }
        views.retain(|view| self.shows_queue(view));
        views
    }

    /// A queue that is there no more is shown while a call waits in it, or an agent is on a call
    /// of it.
    fn shows_queue(&self, view: &QueueView) -> bool {
        let is_former = self.roster.former_queues.contains(view.name.as_str());
        let is_of = |agent: &Arc<AgentStands>| agent.queue.as_deref() == Some(view.name.as_str());
        !is_former || view.waiting > 0 || self.agents.values().any(is_of)
    }

    fn queue_line(&self, name: &Arc<str>, now: Timestamp) -> QueueView {
        let line = self.lines.get(name);
        let since = |id: &CallId| {
            let stands = self.calls.get(id)?.stands.as_ref()?;
            Some(stands.waits.as_ref()?.since)
        };
        let first = line.into_iter().flatten().filter_map(|(.., id)| since(id)).min();
        let longest = first.map_or(0, |since| now.since(since).as_millis());
        QueueView {
            name: name.to_string(),
            waiting: line.map_or(0, BTreeSet::len),
            longest_wait_ms: u64::try_from(longest).unwrap_or(u64::MAX),
            talking: 0,
            reserved: 0,
            after_call_work: 0,
        }
    }

    /// The agents, in the order of the configuration.
    pub fn agents(&self) -> impl Iterator<Item = AgentView> {
        self.roster.agents.iter().filter_map(|agent| self.agent_view(agent))
    }

    /// One agent.
    #[must_use]
    pub fn agent(&self, name: &str) -> Option<AgentView> {
        self.agent_view(self.roster.agents.iter().find(|agent| &*agent.name == name)?)
    }

    fn agent_view(&self, agent: &RosterAgent) -> Option<AgentView> {
        let stands = self.agents.get(&agent.agent)?;
        let is_former = self.roster.former_agents.contains(&agent.agent);
        if is_former && stands.state == AgentState::LoggedOut {
            return None;
        }
        Some(AgentView {
            agent: agent.agent,
            name: agent.name.to_string(),
            display_name: agent.display_name.clone(),
            team: agent.team.clone(),
            state: stands.state.clone(),
            since: stands.since,
            reachable: stands.reachable,
            call: stands.call,
            own_call: stands.own_call,
            skills: agent.skills.clone(),
            handled: stands.handled,
        })
    }

    fn call_view(&self, call: &LiveCall) -> Option<CallView> {
        let (origin, stands) = (&call.origin, call.stands.as_deref()?);
        let is_callers = matches!(stands.state, CallState::Waiting | CallState::Offered);
        let waits = stands.waits.as_ref().filter(|_| is_callers);
        let path = call.path();
        let entered = path.last().map(|(at, _)| *at);
        Some(CallView {
            call: origin.call,
            from: origin.from.clone(),
            from_name: origin.from_name.clone(),
            to: origin.to.clone(),
            via: origin.via.clone(),
            asked_by: origin.outbound.as_ref().map(|outbound| outbound.by.clone()),
            flow: call.flow(),
            step: path.last().map(|(_, step)| step.clone()),
            state: stands.state,
            since: stands.since.or(entered).unwrap_or(origin.arrived_at),
            intent: call.intent(),
            language: stands.language.as_deref().map(str::to_owned),
            queue: waits.map(|waits| waits.queue.to_string()),
            position: waits.and_then(|waits| {
                let line = self.lines.get(&waits.queue)?;
                let ahead = line.range(..(waits.order, waits.in_line_since, origin.call));
                u32::try_from(ahead.count() + 1).ok()
            }),
            in_line_since: waits.map(|waits| waits.in_line_since),
            agent: stands.agent.as_deref().map(str::to_owned),
            on_hold: stands.on_hold,
            recording: stands.recording,
            consult: stands.consult.as_deref().map(consult_view),
            supervisor: stands.supervisor.as_deref().map(supervisor_view),
            path,
        })
    }
}

impl Folded {
    fn owned(self, owners: Owners) -> Self {
        Self { owners, ..self }
    }
}

impl LiveCall {
    fn new(origin: &Arc<Origin>) -> Self {
        let (facts, stands, legs) = (Vec::new(), None, Vec::new());
        let caller: Option<Arc<str>> = origin.via.agent().map(Arc::from);
        let agents = caller.iter().cloned().collect();
        let concern = Arc::new(Concern { queues: Vec::new(), agents });
        Self { origin: Arc::clone(origin), facts, stands, concern, caller, legs }
    }

    /// Of a fact about this leg, or about the call as a whole.
    fn owners(&self, leg: Option<LegId>) -> Owners {
        let of_leg = |leg| self.legs.iter().find(|(of, _)| *of == leg).map(|(_, agent)| agent);
        match leg {
            Some(leg) => Owners { has: of_leg(leg).cloned(), calls: None },
            None => Owners {
                has: self.stands.as_ref().and_then(|stands| stands.agent.clone()),
                calls: self.caller.clone(),
            },
        }
    }

    fn concerns(&mut self, queue: Option<&Arc<str>>, agent: Option<&str>) {
        let queue = queue.filter(|queue| !self.concern.queues.contains(queue));
        let agent = agent.filter(|agent| !self.concern.agents.iter().any(|it| &**it == *agent));
        if queue.is_none() && agent.is_none() {
            return;
        }
        let concern = Arc::make_mut(&mut self.concern);
        concern.queues.extend(queue.cloned());
        concern.agents.extend(agent.map(Arc::from));
    }

    fn path(&self) -> Vec<(Timestamp, String)> {
        let entered = self.facts.iter().filter_map(|(at, fact)| {
            let CallFact::Entered { step, .. } = fact else { return None };
            Some((*at, step.to_string()))
        });
        entered.collect()
    }

    fn flow(&self) -> Option<String> {
        self.facts.iter().find_map(|(_, fact)| {
            let CallFact::FlowChosen { flow, .. } = fact else { return None };
            Some(flow.to_string())
        })
    }

    fn intent(&self) -> Option<String> {
        self.facts.iter().rev().find_map(|(_, fact)| {
            let CallFact::Intent { intent } = fact else { return None };
            Some(intent.to_string())
        })
    }
}

fn consult_view(consult: &ConsultStands) -> ConsultView {
    ConsultView {
        number: consult.number.clone(),
        trunk: consult.trunk.clone(),
        agent: consult.agent.as_deref().map(str::to_owned),
        queue: consult.queue.as_deref().map(str::to_owned),
        stage: consult.stage,
        since: consult.since,
    }
}

fn supervisor_view(supervisor: &SupervisorStands) -> SupervisorView {
    SupervisorView {
        agent: supervisor.agent.as_deref().map(str::to_owned),
        number: supervisor.number.clone(),
        by: supervisor.by.to_string(),
        mode: supervisor.mode,
        instead_of: supervisor.instead_of,
        since: supervisor.since,
    }
}
