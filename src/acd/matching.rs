//! The match: which waiting call goes to which agent, and how an offer ends.
//!
//! **Invariant:** after [`Acd::settle`] no waiting call coexists with an agent who may take it.
//! Before every input that holds too, so only what the input freed needs a look: the calls it put
//! back on a shelf, and at most one agent.
//!
//! **Deliberately absent:** a loop over calls and agents.

use crate::acd::agent::{Agent, Intent, Missed};
use crate::acd::port::{Output, WrapUp};
use crate::acd::queue_key::QueueKey;
use crate::acd::waiting::{Status, Tried, index, index_of};
use crate::acd::{Acd, Wake};
use crate::id::{AgentId, CallId, OfferId, QueueId};
use crate::time::Timestamp;
use crate::words::{AgentState, OfferOutcome, Overflow};

impl Acd {
    /// Matches what just became free: these calls, and perhaps one agent. The best call chooses
    /// first, and gets the best agent.
    pub(super) fn settle(&mut self, now: Timestamp, calls: &[CallId], agent: Option<AgentId>) {
        let mut calls: Vec<_> =
            calls.iter().filter_map(|call| self.calls.get(call)).map(|c| c.key).collect();
        calls.sort_by_cached_key(|key| self.across(now, key.call));
        for key in calls {
            // The freed agent may owe a better call that was there before.
            if let Some(agent) = agent
                && let Some(first) = self.best_call_for(now, agent)
                && self.across(now, first) < self.across(now, key.call)
            {
                self.offer(now, first, agent);
            }
            if let Some(best) = self.best_agent_for(now, key.call) {
                self.offer(now, key.call, best);
            }
        }
        if let Some(agent) = agent
            && let Some(call) = self.best_call_for(now, agent)
        {
            self.offer(now, call, agent);
        }
    }

    /// The first among the agents who may be offered this call now.
    fn best_agent_for(&mut self, now: Timestamp, call: CallId) -> Option<AgentId> {
        let waiting = self.call(call);
        let (class, agents) = (waiting.class(), &self.agents);
        match waiting.status {
            Status::Offered { .. } => None,
            Status::Held(agent) => Some(agent).filter(|&agent| agents[index_of(agent)].listed),
            Status::Open => {
                let ready = &mut self.classes.get_mut(class).ready;
                ready.first(now, |agent| !agents[index_of(agent)].excluded.contains(&call))
            }
        }
    }

    /// The first among the calls this agent may be offered now.
    pub(super) fn best_call_for(&self, now: Timestamp, agent: AgentId) -> Option<CallId> {
        let agent = &self.agents[index_of(agent)];
        if !agent.listed {
            return None;
        }
        let may = |key: &&QueueKey| !agent.excluded.contains(&key.call);
        let open = agent
            .classes
            .iter()
            .filter_map(|&class| self.classes.get(class).waiting.iter().find(may));
        let held = agent.held.values().filter_map(|calls| calls.first());
        let heads = open.chain(held).map(|key| key.call);
        heads.min_by_key(|&call| self.across(now, call))
    }

    fn across(&self, now: Timestamp, call: CallId) -> impl Ord + use<> {
        let waiting = self.call(call);
        let queue = &self.queues[index(waiting.queue)];
        waiting.key.across(now, queue.setup.ageing_per_min)
    }

    /// Selects and reserves in one step.
    fn offer(&mut self, now: Timestamp, call: CallId, agent: AgentId) {
        self.offers_made += 1;
        let offer = OfferId(self.offers_made);
        self.unshelve(call);
        let waiting = self.call_mut(call);
        waiting.status = Status::Offered { offer, agent };
        let (queue, until) = (waiting.queue, now + waiting.ring_timeout);
        self.timers.cancel(&Wake::HoldOver { call });
        self.timers.set(Wake::RingTimeout { offer }, until);
        self.offers.insert(offer, call);
        let turn = self.offers_made;
        self.change(now, agent, |agent| {
            agent.turn = turn;
            agent.on = Some(queue);
            agent.state = AgentState::Reserved { offer, call };
        });
        self.outputs.push_back(Output::Offer { offer, call, agent, queue, until });
    }

    /// The agent answered. A late answer to an offer that is over changes nothing.
    pub(super) fn accepted(&mut self, now: Timestamp, offer: OfferId) {
        let Some((call, agent)) = self.close_offer(offer, OfferOutcome::Accepted) else { return };
        let is_consult = self.call(call).is_consult;
        self.forget(call);
        if is_consult {
            let freed = self.change(now, agent, |agent| {
                agent.missed = Missed::default();
                agent.own_call = Some(call);
                agent.rest();
            });
            return self.settle(now, &freed, None);
        }
        self.change(now, agent, |agent| {
            agent.handled += 1;
            agent.missed = Missed::default();
            agent.state = AgentState::Talking { call };
        });
    }

    /// The agent did not answer: the call keeps its place, the two keep apart for a while.
    pub(super) fn not_accepted(&mut self, now: Timestamp, offer: OfferId, outcome: OfferOutcome) {
        assert!(outcome != OfferOutcome::Accepted, "an answer is `Input::Accepted`");
        let Some((call, agent)) = self.close_offer(offer, outcome) else { return };
        let setup = &self.queues[index(self.call(call).queue)].setup;
        let (limits, until) = (setup.misses, now + setup.exclude);
        self.call_mut(call).status = Status::Open;
        self.exclude(call, agent, Tried { outcome, at: now, until });
        self.shelve(now, call);
        let mut freed = self.change(now, agent, |agent| agent.miss(outcome, limits));
        if self.calls.get(&call).is_some_and(|waiting| waiting.overdue) {
            self.overflow(call, Overflow::Timeout);
        } else if self.calls.contains_key(&call) && self.check_staffed(call) {
            freed.push(call);
        }
        self.settle(now, &freed, Some(agent));
    }

    /// The caller left. While a phone rings the agent is not charged for it.
    pub(super) fn leave(&mut self, now: Timestamp, call: CallId) {
        let Some(waiting) = self.calls.get(&call) else { return };
        let Status::Offered { offer, agent } = waiting.status else { return self.forget(call) };
        self.close_offer(offer, OfferOutcome::Withdrawn);
        self.forget(call);
        let freed = self.change(now, agent, |agent| agent.rest());
        self.settle(now, &freed, Some(agent));
    }

    /// The agent's phone is in use by a call of their own, or is free again. An offer that rings
    /// it is withdrawn: the call keeps its place, and the two may meet again at once.
    #[must_use]
    pub(super) fn own_call(
        &mut self,
        now: Timestamp,
        id: AgentId,
        own: Option<CallId>,
    ) -> Vec<CallId> {
        let rings = match self.agents[index_of(id)].state {
            AgentState::Reserved { offer, .. } if own.is_some() => Some(offer),
            AgentState::LoggedOut
            | AgentState::NotReady { .. }
            | AgentState::Ready
            | AgentState::OnOwnCall { .. }
            | AgentState::Reserved { .. }
            | AgentState::Talking { .. }
            | AgentState::AfterCallWork { .. } => None,
        };
        let closed = rings.and_then(|offer| self.close_offer(offer, OfferOutcome::Withdrawn));
        if let Some((call, _)) = closed {
            self.call_mut(call).status = Status::Open;
            self.shelve(now, call);
        }
        let mut freed = self.change(now, id, |agent| {
            agent.own_call = own;
            match agent.state {
                AgentState::Ready | AgentState::OnOwnCall { .. } => agent.rest(),
                AgentState::Reserved { .. } if rings.is_some() => agent.rest(),
                AgentState::LoggedOut
                | AgentState::NotReady { .. }
                | AgentState::Reserved { .. }
                | AgentState::Talking { .. }
                | AgentState::AfterCallWork { .. } => {}
            }
        });
        let Some((call, _)) = closed else { return freed };
        if self.calls.get(&call).is_some_and(|waiting| waiting.overdue) {
            self.overflow(call, Overflow::Timeout);
        } else if self.calls.contains_key(&call) && self.check_staffed(call) {
            freed.push(call);
        }
        freed
    }

    /// The agent was consulted, and has the call now. After-call work of another call ends.
    pub(super) fn handed_over(
        &mut self,
        now: Timestamp,
        id: AgentId,
        call: CallId,
        queue: QueueId,
    ) {
        let state = &self.agents[index_of(id)].state;
        if matches!(state, AgentState::Reserved { .. } | AgentState::Talking { .. }) {
            return; // their phone was not in use by it
        }
        let mut freed = self.end_wrap_up(now, id);
        freed.append(&mut self.change(now, id, |agent| {
            agent.handled += 1;
            agent.on = Some(queue);
            agent.state = AgentState::Talking { call };
        }));
        self.settle(now, &freed, None);
    }

    fn close_offer(&mut self, offer: OfferId, outcome: OfferOutcome) -> Option<(CallId, AgentId)> {
        let call = self.offers.remove(&offer)?;
        self.timers.cancel(&Wake::RingTimeout { offer });
        let Status::Offered { agent, .. } = self.call(call).status else {
            unreachable!("{offer} is open, so {call} rings");
        };
        self.outputs.push_back(Output::OfferEnded { offer, call, agent, outcome });
        Some((call, agent))
    }

    /// After-call work begins, where the queue asks for it. Each call talked to ends in exactly one
    /// [`Output::WrapUpEnded`], also where there is no after-call work.
    pub(super) fn talk_ended(&mut self, now: Timestamp, agent: AgentId, call: CallId) {
        let talking = &self.agents[index_of(agent)];
        if talking.state != (AgentState::Talking { call }) {
            return; // told twice, or of a call this agent never had
        }
        let talked_ms = millis_since(now, talking);
        let queue = talking.on.expect("who talks was offered the call by a queue");
        let wrap_up = match self.queues[index(queue)].setup.wrap_up {
            WrapUp::Off => None,
            WrapUp::Timed(work) => (!work.is_zero()).then(|| Some(now + work)),
            // An agent who leaves would not be there to end it.
            WrapUp::UntilDone => (talking.intent != Intent::LogOut).then_some(None),
        };
        self.change(now, agent, |agent| {
            agent.busy_ms += talked_ms;
            if let Some(until) = wrap_up {
                agent.state = AgentState::AfterCallWork { call, until };
            }
        });
        match wrap_up {
            Some(until) => self.timers.set_or_cancel(Wake::WrapUpOver { agent }, until),
            None => {
                let freed = self.end_wrap_up(now, agent);
                self.settle(now, &freed, Some(agent));
            }
        }
    }

    /// Ends after-call work, also that of no length. What it frees still has to be settled.
    #[must_use]
    pub(super) fn end_wrap_up(&mut self, now: Timestamp, agent: AgentId) -> Vec<CallId> {
        self.timers.cancel(&Wake::WrapUpOver { agent });
        let working = &self.agents[index_of(agent)];
        let (call, acw) = match working.state {
            AgentState::AfterCallWork { call, .. } => (call, now.since(working.since)),
            AgentState::Talking { call } => (call, std::time::Duration::ZERO),
            AgentState::LoggedOut
            | AgentState::NotReady { .. }
            | AgentState::Ready
            | AgentState::OnOwnCall { .. }
            | AgentState::Reserved { .. } => return Vec::new(),
        };
        self.outputs.push_back(Output::WrapUpEnded { agent, call, acw });
        self.change(now, agent, |agent| {
            agent.busy_ms += u64::try_from(acw.as_millis()).unwrap_or(u64::MAX);
            agent.idle_since = now;
            agent.rest();
        })
    }

    /// The only way an agent changes: keeps the ready sets, the staffing and the holds in step, and
    /// returns the calls that are no longer held for this agent. They still have to be settled.
    pub(super) fn change(
        &mut self,
        now: Timestamp,
        id: AgentId,
        change: impl FnOnce(&mut Agent),
    ) -> Vec<CallId> {
        let agent = &mut self.agents[index_of(id)];
        self.classes.unlist(now, agent);
        let before = agent.state.clone();
        change(agent);
        if agent.state != before {
            agent.since = now;
            let state = agent.state.clone();
            self.outputs.push_back(Output::AgentChanged { agent: id, state });
        }
        if agent.is_candidate() {
            self.classes.list(now, agent);
        }
        let released = if self.agents[index_of(id)].can_be_waited_for() {
            Vec::new()
        } else {
            self.release_holds(now, id)
        };
        let agent = &mut self.agents[index_of(id)];
        let presence = agent.presence();
        let deserted = self.classes.count(agent, presence);
        self.deserted(&deserted);
        released
    }
}

fn millis_since(now: Timestamp, agent: &Agent) -> u64 {
    u64::try_from(now.since(agent.since).as_millis()).unwrap_or(u64::MAX)
}
