//! What the center tells of itself: the one stream of facts, for whoever hears it.
//!
//! A happening is a fact of the input in which it happens. How a call or an agent stands is one
//! fact for all inputs since the last [`ContactCenter::poll_fact`], and only where they stand
//! otherwise than before: a turn of three inputs about a call costs one standing.
//!
//! **Invariant:** whoever has heard all facts knows what [`ContactCenter::snapshot`] shows.
//!
//! **Bound:** nothing is kept before [`ContactCenter::hear_facts`]; after it, whoever asked for
//! facts polls them to the end in each turn.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::{Call, Leg, Role, State, Whom};
use crate::center::setup::Queue;
use crate::center::snapshot::{consult_stage, rings, stands_in};
use crate::center::{ContactCenter, Setup};
use crate::id::{AgentId, CallId, QueueId};
use crate::time::Timestamp;
use crate::words::{
    AgentStands, CallStands, ConsultStands, Fact, Numbered, Party, Roster, RosterAgent, Seq,
    ServiceTarget, SupervisorStands, Waits,
};

const fn target(queue: &Queue) -> ServiceTarget {
    ServiceTarget { answer_within: queue.service_level, short_abandon: queue.short_abandon }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) is_heard: bool,
    next: Seq,
    #[serde(skip)]
    pub(super) untold: VecDeque<Numbered>,
    /// Calls and agents that may stand otherwise than told.
    pub(super) calls: BTreeSet<CallId>,
    pub(super) agents: BTreeSet<AgentId>,
    /// When the last input came: that of the standings.
    at: Timestamp,
    /// How each agent stood by the last fact of it, by [`AgentId`].
    pub(super) stood: Vec<Option<Arc<AgentStands>>>,
    /// By [`AgentId`] and [`QueueId`], shared by all facts.
    #[serde(skip)]
    agent_names: Vec<Arc<str>>,
    #[serde(skip)]
    queue_names: Vec<Arc<str>>,
}

impl ContactCenter {
    /// What the queue of this name promises; the usual, where there is none.
    #[must_use]
    pub fn target(&self, queue: &str) -> ServiceTarget {
        let found = self.setup.queues.iter().find(|it| it.name == queue);
        found.map(target).unwrap_or_default()
    }
}

impl Facts {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            is_heard: false,
            next: Seq::default(),
            untold: VecDeque::new(),
            calls: BTreeSet::new(),
            agents: BTreeSet::new(),
            at: Timestamp::default(),
            stood: vec![None; setup.agents.len()],
            agent_names: setup.agents.iter().map(|agent| agent.name.as_str().into()).collect(),
            queue_names: setup.queues.iter().map(|queue| queue.name.as_str().into()).collect(),
        }
    }

    /// Forgets what it has told, and what it has not.
    fn begin(&mut self, now: Timestamp) {
        (self.is_heard, self.at) = (true, now);
        self.untold.clear();
        self.calls.clear();
        self.stood.fill(None);
    }

    /// Names of agents and queues with new ids come behind those that are known.
    pub(super) fn make_room(&mut self, setup: &Setup) {
        let agents = setup.agents.iter().skip(self.agent_names.len());
        self.agent_names.extend(agents.map(|agent| Arc::from(agent.name.as_str())));
        let queues = setup.queues.iter().skip(self.queue_names.len());
        self.queue_names.extend(queues.map(|queue| Arc::from(queue.name.as_str())));
        self.stood.resize(setup.agents.len(), None);
    }

    pub(super) fn agent_name(&self, agent: AgentId) -> Arc<str> {
        Arc::clone(&self.agent_names[agent.0 as usize])
    }

    pub(super) fn queue_name(&self, queue: QueueId) -> Arc<str> {
        Arc::clone(&self.queue_names[queue.0 as usize])
    }

    /// What the facts of this input say of time.
    pub(super) fn begin_input(&mut self, now: Timestamp) {
        self.at = now;
    }

    /// When the last input came.
    pub(super) const fn at(&self) -> Timestamp {
        self.at
    }

    /// Tells a fact, if anybody hears it.
    pub(super) fn tell(&mut self, at: Timestamp, fact: impl FnOnce(&Self) -> Fact) {
        if self.is_heard {
            let fact = fact(self);
            self.push(at, fact);
        }
    }

    fn push(&mut self, at: Timestamp, fact: Fact) {
        self.untold.push_back(Numbered { seq: self.next, at, fact });
        self.next = self.next.next();
    }

    /// Tells what happened in a call, which may stand otherwise than before.
    pub(super) fn call_changed(&mut self, call: &mut Call) {
        if self.is_heard {
            self.tell_happened(call);
            self.calls.insert(call.id());
        }
    }

    /// Its queue looks for an agent otherwise than before.
    pub(super) fn call_searched(&mut self, call: CallId) {
        if self.is_heard {
            self.calls.insert(call);
        }
    }

    /// Tells the last facts of a call that is over.
    pub(super) fn call_over(&mut self, call: &mut Call) {
        if self.is_heard {
            self.tell_happened(call);
            self.calls.remove(&call.id());
        }
    }

    fn tell_happened(&mut self, call: &mut Call) {
        if call.begins() {
            let origin = Arc::clone(call.origin());
            self.push(origin.arrived_at, Fact::CallBegan(origin));
        }
        let id = call.id();
        while let Some((at, happened)) = call.next_untold() {
            let happened = happened.clone();
            self.push(at, Fact::Call { call: id, happened });
        }
    }

    /// The agent may stand otherwise than before.
    pub(super) fn agent_changed(&mut self, agent: AgentId) {
        if self.is_heard {
            self.agents.insert(agent);
        }
    }
}

impl ContactCenter {
    /// From now on facts are kept for [`Self::poll_fact`]: first whom and what there is, and all
    /// that happened in the calls that are up. Whoever missed some begins anew with it. Returns the
    /// number of the first.
    pub fn hear_facts(&mut self, now: Timestamp) -> Seq {
        self.facts.begin(now);
        let first = self.facts.next;
        self.tell_roster(now);
        let is_draining = self.draining;
        self.facts.push(now, Fact::Draining { is_draining });
        let live: Vec<CallId> = self.calls.ids().collect();
        for id in live {
            let Some(call) = self.calls.get_untouched(&id) else { continue };
            call.tell_anew();
            self.facts.call_changed(call);
        }
        first
    }

    /// Nothing is kept any more.
    #[cfg(test)]
    pub(super) fn mute_facts(&mut self) {
        self.facts = Facts::new(&self.setup);
    }

    /// The next fact; `None` when there is no more since the last input.
    pub fn poll_fact(&mut self) -> Option<Numbered> {
        loop {
            if let Some(fact) = self.facts.untold.pop_front() {
                return Some(fact);
            }
            if let Some(call) = self.facts.calls.pop_first() {
                self.tell_call_stands(call);
            } else {
                let agent = self.facts.agents.pop_first()?;
                self.tell_agent_stands(agent);
            }
        }
    }

    /// Tells whom and what there is, if anybody hears it; how agents and calls stand
    /// follows, where they stand otherwise than told.
    pub(super) fn tell_roster(&mut self, now: Timestamp) {
        self.facts.make_room(&self.setup);
        if self.facts.is_heard {
            let roster = Arc::new(self.roster());
            self.facts.push(now, Fact::Roster(roster));
            self.facts.agents.extend((0..).map(AgentId).take(self.setup.agents.len()));
            // The rules of a queue say in which order its calls stand.
            self.facts.calls.extend(self.calls.ids());
        }
    }

    /// Whom and what there is, as the first fact tells it.
    #[must_use]
    pub fn roster(&self) -> Roster {
        let origin = |skill: String| self.skills.origin(self.skills.id(&skill)).map(Arc::from);
        let agents = (0..).map(AgentId).zip(&self.setup.agents).map(|(id, agent)| RosterAgent {
            agent: id,
            name: self.facts.agent_name(id),
            display_name: agent.display_name.clone(),
            team: agent.team.clone(),
            skills: agent.skills.clone(),
            origins: self.setup.origin_skills_of(&agent.name).filter_map(origin).collect(),
        });
        let former_queues = self.setup.former_queues.iter();
        Roster {
            agents: agents.collect(),
            queues: self.facts.queue_names.clone(),
            targets: self.setup.queues.iter().map(target).collect(),
            former_agents: self.setup.former_agents.clone(),
            former_queues: former_queues.map(|&queue| self.facts.queue_name(queue)).collect(),
        }
    }

    fn tell_call_stands(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        let stands = self.call_stands(call);
        let Some(call) = self.calls.get_untouched(&id) else { return };
        if let Some(stands) = call.stands(stands) {
            self.facts.push(self.facts.at, Fact::CallStands { call: id, stands });
        }
    }

    fn tell_agent_stands(&mut self, agent: AgentId) {
        let stands = self.agent_stands(agent);
        let stood = &mut self.facts.stood[agent.0 as usize];
        if stood.as_deref() != Some(&stands) {
            let stands = Arc::new(stands);
            *stood = Some(Arc::clone(&stands));
            self.facts.push(self.facts.at, Fact::AgentStands(stands));
        }
    }

    fn agent_stands(&self, id: AgentId) -> AgentStands {
        let agent = self.acd.agent(id);
        AgentStands {
            agent: id,
            name: self.facts.agent_name(id),
            state: agent.state.clone(),
            since: agent.since,
            reachable: agent.reachable,
            call: agent.call(),
            own_call: agent.own_call,
            queue: agent.queue().map(|queue| self.facts.queue_name(queue)),
            handled: agent.handled,
        }
    }

    fn call_stands(&self, call: &Call) -> CallStands {
        let ringing = rings(call);
        let talking = call.talk().and_then(|talk| call.party(talk.leg));
        let (state, since) = stands_in(call, ringing.is_some());
        CallStands {
            state,
            since,
            waits: self.waits(call),
            agent: talking.or(ringing).and_then(|leg| self.agent_of(leg)),
            on_hold: call.holding().iter().any(|leg| call.talks_on(leg)),
            language: call.run().map(|run| Arc::clone(run.language())),
            recording: call.recording_stage(),
            consult: self.consult_stands(call).map(Box::new),
            supervisor: self.supervisor_stands(call).map(Box::new),
        }
    }

    fn agent_of(&self, leg: &Leg) -> Option<Arc<str>> {
        leg.agent().map(|agent| self.facts.agent_name(agent))
    }

    /// The line a call stands in, for its caller or for an agent to consult.
    fn waits(&self, call: &Call) -> Option<Waits> {
        let (queue, since) = match call.state() {
            State::Waiting { queue, since } => (queue, since),
            State::Talking(talk) => (call.asks_queue()?, talk.consult?.since),
            State::Opening | State::InFlow | State::Dialing { .. } | State::Confirming => {
                return None;
            }
        };
        let (order, in_line_since) = self.acd.order(call.id())?;
        let search = Box::new(self.search(call.id())?);
        let queue = self.facts.queue_name(queue);
        Some(Waits { queue, since, in_line_since, order, search })
    }

    fn consult_stands(&self, call: &Call) -> Option<ConsultStands> {
        let consult = call.consult()?;
        let (party, queue) = match consult.whom {
            Whom::Party(consulted) => (Some(call.party(consulted)?), None),
            Whom::Queue(queue) => (call.consult_offer(), Some(self.facts.queue_name(queue))),
        };
        let (trunk, number) = match party.and_then(|leg| leg.dialed.as_ref()) {
            Some(Party::Outside { trunk, number }) => (Some(trunk.clone()), Some(number.clone())),
            Some(Party::Agent { .. }) | None => (None, None),
        };
        Some(ConsultStands {
            number,
            trunk,
            agent: party.and_then(|leg| self.agent_of(leg)),
            stage: consult_stage(consult, party.is_some()),
            queue,
            since: consult.since,
        })
    }

    fn supervisor_stands(&self, call: &Call) -> Option<SupervisorStands> {
        let (_, leg) = call.supervisor()?;
        let Role::Supervisor { by, mode, instead_of } = &leg.role else { return None };
        let number = match leg.dialed.as_ref()? {
            Party::Agent { .. } => None,
            Party::Outside { number, .. } => Some(number.clone()),
        };
        Some(SupervisorStands {
            agent: self.agent_of(leg),
            number,
            by: Arc::clone(by),
            mode: *mode,
            instead_of: *instead_of,
            since: leg.up_since(),
        })
    }
}
