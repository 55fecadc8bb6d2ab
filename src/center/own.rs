//! Agents' own calls: from their telephones, to a feature code, a flow, a colleague, or outside.
//!
//! What an agent dials is looked up in this order: feature codes, the numbers of flows, the logins
//! of agents, numbers outside that a trunk's `prefixes` allow, the flow that takes every number.
//!
//! A colleague's telephone rings whether they are ready, not ready or logged out: a call among
//! agents is none of the queue's. It is busy while it is in use, by whatever call.
//!
//! **Invariant:** a telephone that is in use is rung for nothing else: the queue knows of each own
//! call from its arrival to its end, and no agent calls a colleague who is on any call.
//!
//! **Deliberately absent:** hold, transfer and consultation by other means than the telephone, and
//! whoever did not prove to be an agent: only [`Via::Agent`](crate::words::Via) comes here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::acd;
use crate::acd::AgentInput;
use crate::call::{Call, Leg, LegState, Role, State, TalkStep};
use crate::center::outside::{NoRoute, RING_TIMEOUT, Way};
use crate::center::setup::Reachability;
use crate::center::{ContactCenter, Wake};
use crate::flow::Flow;
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{AgentState, Cause, Command, EndedBy, From, Party, Target};

/// Whose telephones are in use by calls of their own.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct OwnCalls {
    pub(super) by_agent: BTreeMap<AgentId, BTreeSet<CallId>>,
    pub(super) by_call: BTreeMap<CallId, BTreeSet<AgentId>>,
}

impl OwnCalls {
    /// The oldest of an agent's own calls.
    pub(super) fn of(&self, agent: AgentId) -> Option<CallId> {
        self.by_agent.get(&agent)?.first().copied()
    }

    pub(super) fn all_of(&self, agent: AgentId) -> impl Iterator<Item = CallId> + '_ {
        self.by_agent.get(&agent).into_iter().flatten().copied()
    }

    fn begin(&mut self, agent: AgentId, call: CallId) {
        self.by_agent.entry(agent).or_default().insert(call);
        self.by_call.entry(call).or_default().insert(agent);
    }

    /// The agent's telephone is free of this call, which goes on; whether it was in use by it.
    fn leave(&mut self, agent: AgentId, call: CallId) -> bool {
        let was = self.by_call.get_mut(&call).is_some_and(|agents| agents.remove(&agent));
        if self.by_call.get(&call).is_some_and(BTreeSet::is_empty) {
            self.by_call.remove(&call);
        }
        self.forget(agent, call);
        was
    }

    fn forget(&mut self, agent: AgentId, call: CallId) {
        let Some(calls) = self.by_agent.get_mut(&agent) else { return };
        calls.remove(&call);
        if calls.is_empty() {
            self.by_agent.remove(&agent);
        }
    }

    /// The agents who were on it.
    fn end(&mut self, call: CallId) -> BTreeSet<AgentId> {
        let agents = self.by_call.remove(&call).unwrap_or_default();
        for agent in &agents {
            self.forget(*agent, call);
        }
        agents
    }
}

/// Where an agent's call goes.
enum Destination {
    Flow(Arc<Flow>),
    Party(Way),
}

/// Why it goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoWay {
    Nobody,
    NotAllowed,
    AtProvider,
    Unreachable,
    InUse,
}

impl NoWay {
    const fn cause(self) -> Cause {
        match self {
            Self::Nobody => Cause::UNALLOCATED_NUMBER,
            Self::NotAllowed => Cause::OUTGOING_BARRED,
            Self::AtProvider | Self::Unreachable => Cause::SUBSCRIBER_ABSENT,
            Self::InUse => Cause::USER_BUSY,
        }
    }

    /// For whoever runs this server.
    const fn why(self) -> &'static str {
        match self {
            Self::Nobody => {
                "this is no number of a flow, no agent's login and no number outside: add it to a \
                 flow's `numbers`"
            }
            Self::NotAllowed => {
                "no trunk may dial this number: add its beginning to a trunk's `prefixes`"
            }
            Self::AtProvider => "only a provider can dial the agent who is called",
            Self::Unreachable => "the telephone of the agent who is called is not registered",
            Self::InUse => "the telephone of the agent who is called is in use",
        }
    }
}

impl ContactCenter {
    /// An agent's own telephone calls.
    pub(super) fn own_call_arrived(&mut self, now: Timestamp, id: CallId, agent: AgentId) {
        self.own.begin(agent, id);
        self.queue_inputs.push_back(self.own_call_update(agent));
        if self.feature_code(now, id, agent) {
            return;
        }
        if self.takes_no_calls() {
            return self.finish(now, id, EndedBy::Server, Cause::CONGESTION);
        }
        let destination = match self.destination_of(id) {
            Ok(destination) => destination,
            Err(no) => {
                let agent = self.agent_name(agent);
                tracing::info!(call = %id, agent, why = no.why(), "an agent's call is refused");
                return self.finish(now, id, EndedBy::Server, no.cause());
            }
        };
        match destination {
            Destination::Flow(flow) => self.start(now, id, flow),
            Destination::Party(Way::Agent(called)) => self.call_agent(now, id, agent, called),
            Destination::Party(Way::Outside(route)) => {
                let dialed = self.dial_outside(now, id, route, RING_TIMEOUT, Role::Called);
                self.dials(now, id, dialed);
            }
        }
    }

    fn destination_of(&self, id: CallId) -> Result<Destination, NoWay> {
        let to = self.calls.get(&id).map(|call| call.origin().to.as_str()).unwrap_or_default();
        if let Some(flow) = self.flow_of(to) {
            return Ok(Destination::Flow(flow));
        }
        if let Some(called) = self.current_agent(to) {
            let way = Destination::Party(Way::Agent(called));
            return self.may_be_called(called).map(|()| way);
        }
        let no = match self.route(id, to, None) {
            Ok(route) => return Ok(Destination::Party(Way::Outside(route))),
            Err(NoRoute::NotANumber) => NoWay::Nobody,
            Err(NoRoute::NotAllowed) => NoWay::NotAllowed,
        };
        self.flow_of_any().map(Destination::Flow).ok_or(no)
    }

    pub(super) fn may_be_called(&self, called: AgentId) -> Result<(), NoWay> {
        self.may_be_called_by(called, None)
    }

    /// The same for a call that this provider carries, if one does: it may dial agents of its own.
    pub(super) fn may_be_called_by(
        &self,
        called: AgentId,
        provider: Option<&str>,
    ) -> Result<(), NoWay> {
        match self.setup.reachability.get(self.agent_name(called)) {
            Some(Reachability::Provider(name)) if provider != Some(name.as_str()) => {
                return Err(NoWay::AtProvider);
            }
            Some(Reachability::Provider(_) | Reachability::Sip) | None => {}
        }
        let agent = self.acd.agent(called);
        let on_queue_call =
            matches!(agent.state, AgentState::Reserved { .. } | AgentState::Talking { .. });
        match (on_queue_call || self.own.of(called).is_some(), agent.reachable) {
            (true, _) => Err(NoWay::InUse),
            (false, false) => Err(NoWay::Unreachable),
            (false, true) => Ok(()),
        }
    }

    fn call_agent(&mut self, now: Timestamp, id: CallId, caller: AgentId, called: AgentId) {
        let (number, name) = self.own_name(caller);
        let from = From { number: Some(number), name };
        let dialed = self.dial_telephone(now, id, Role::Called, called, from);
        self.dials(now, id, dialed);
    }

    /// Rings an agent's telephone, beside the queue: it is in use from now on. The leg and the
    /// command that dials it; `None` past [`LEGS_MAX`](crate::call::LEGS_MAX).
    pub(super) fn dial_telephone(
        &mut self,
        now: Timestamp,
        id: CallId,
        role: Role,
        called: AgentId,
        from: From,
    ) -> Option<(LegId, Command)> {
        let party = Party::Agent { id: called, name: self.agent_name(called).to_owned() };
        let leg = self.calls.get_mut(&id)?.dial(now, role, party)?;
        let (target, until) = (Target::Agent(called), now + RING_TIMEOUT);
        self.timers.set(Wake::RingOut(leg), until);
        self.use_telephone(called, id);
        Some((leg, Command::Dial { leg, target, from, until }))
    }

    /// An agent's telephone is in use by this call, beside the queue.
    pub(super) fn use_telephone(&mut self, agent: AgentId, id: CallId) {
        self.own.begin(agent, id);
        // Before other outputs: an offer that those withdraw must not go to this agent.
        self.queue_inputs.push_front(self.own_call_update(agent));
    }

    /// The leg of an agent who was rung beside the queue has ended, and the call goes on.
    pub(super) fn free_telephone(&mut self, id: CallId, ended: &Leg) {
        let is_beside = ended.offer().is_none() && ended.handles().is_none();
        if let Some(agent) = ended.agent().filter(|_| is_beside) {
            self.leave_telephone(agent, id);
        }
    }

    /// An agent's telephone is in use by this call no more, or by what is the queue's.
    pub(super) fn leave_telephone(&mut self, agent: AgentId, id: CallId) {
        if self.own.leave(agent, id) {
            self.queue_inputs.push_back(self.own_call_update(agent));
        }
    }

    fn dials(&mut self, now: Timestamp, id: CallId, dialed: Option<(LegId, Command)>) {
        let Some((leg, dial)) = dialed else {
            return self.finish(now, id, EndedBy::Server, Cause::TEMPORARY_FAILURE);
        };
        let Some(call) = self.calls.get_mut(&id) else { return };
        tracing::info!(call = %id, via = %call.origin().via, "an agent calls");
        call.begin_dialing(leg);
        self.commands.push_back(dial);
    }

    /// As whom an agent calls: the login, whatever the telephone says, and the name.
    pub(super) fn own_name(&self, agent: AgentId) -> (String, Option<String>) {
        let setup = &self.setup.agents[agent.0 as usize];
        (setup.name.clone(), setup.display_name.clone())
    }

    /// The called party has answered: now the agent's own call is answered, too.
    pub(super) fn own_call_answered(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id).filter(|call| is_direct(call)) else { return };
        call.was_answered(now);
        if call.answer_caller(now) {
            self.commands.push_back(Command::Answer { leg: call.caller_leg() });
        }
    }

    /// The called party has answered. Where sound with the agent is agreed on only after our
    /// answer, we answer now, and the two hear each other from [`Self::own_call_opened`] on.
    /// Returns whether that is so.
    pub(super) fn own_call_opens(&mut self, now: Timestamp, leg: LegId) -> bool {
        let Some(call) = self.calls.get_mut(&leg.call).filter(|call| is_direct(call)) else {
            return false;
        };
        if call.state() == State::Opening {
            return true; // told twice
        }
        if !call.begin_opening(now, leg) {
            return false;
        }
        let caller = call.caller_leg();
        self.timers.cancel(&Wake::RingOut(leg));
        self.commands.push_back(Command::Answer { leg: caller });
        true
    }

    /// There is sound with the agent whose own call this is: only now it is answered.
    pub(super) fn own_call_opened(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let opening = call.parties().find(|(_, leg)| leg.state == LegState::Opening);
        let Some(leg) = opening.map(|(leg, _)| leg) else { return };
        call.party_answered(now, leg);
        call.was_answered(now);
        self.bridge(now, leg, TalkStep::Transfer);
    }

    /// The called telephone rings: the agent hears that.
    pub(super) fn own_call_rings(&mut self, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call).filter(|call| is_direct(call)) else {
            return;
        };
        if call.rings(leg) {
            self.commands.push_back(Command::Ring { leg: call.caller_leg() });
        }
    }

    /// The called party did not answer, or their leg has ended: so the agent's own call is over.
    pub(super) fn own_call_over(&mut self, now: Timestamp, id: CallId, by: EndedBy, why: Cause) {
        // The telephone gets 480, not 408, so that it gives up instead of trying again.
        let cause = match why {
            Cause::NO_USER_RESPONDING | Cause::TIMER_EXPIRED => Cause::NO_ANSWER,
            other => other,
        };
        self.finish(now, id, by, cause);
    }

    /// A call has ended: the telephones that were in use by it are free.
    pub(super) fn end_own_call(&mut self, call: CallId) {
        for agent in self.own.end(call) {
            self.queue_inputs.push_back(self.own_call_update(agent));
        }
    }

    fn own_call_update(&self, agent: AgentId) -> acd::Input {
        acd::Input::Agent { agent, ask: AgentInput::OwnCall(self.own.of(agent)) }
    }
}

/// Whether this is an agent's call straight to a party: no flow runs it.
pub(super) fn is_direct(call: &Call) -> bool {
    call.run().is_none() && is_agents(call) && call.state() != State::Confirming
}

/// The end of this leg as the end of its call.
pub(super) const fn end_of(leg: &Leg) -> EndedBy {
    match leg.dialed {
        Some(Party::Agent { .. }) => EndedBy::Agent,
        Some(Party::Outside { .. }) => EndedBy::Party,
        None => EndedBy::Caller,
    }
}

/// Whether an agent's own telephone made the call.
pub(super) fn is_agents(call: &Call) -> bool {
    call.origin().via.agent().is_some()
}
