//! New rules while calls wait: queues, agents and their skills change together.
//!
//! Ids are never reused: who is in the new setup keeps their place, and who is not in it any more
//! is there with no skills. So nothing that waits has to go because of a name.
//!
//! **Invariant:** all of it changes at once. Where one agent loses a skill and another gains it, no
//! call that waits for it is sent away in between.
//!
//! **Deliberately absent:** logging anybody out. Who was removed is asked to log out as others are,
//! and so finishes the call they are on.

use crate::acd::agent::{Agent, Presence};
use crate::acd::level::Levels;
use crate::acd::port::{QueueSetup, Setup};
use crate::acd::queue_key::QueueKey;
use crate::acd::ranked_set::RankedSet;
use crate::acd::waiting::{RING_TIMEOUT_MIN, index, index_of};
use crate::acd::{Acd, Queue};
use crate::id::{AgentId, CallId, QueueId, SkillId};
use crate::time::Timestamp;

impl Acd {
    /// Whoever waits takes the new rules of their queue: its order of agents, its ageing, its ring
    /// time. A queue that is shorter than it was keeps those who wait beyond its new end.
    ///
    /// # Panics
    ///
    /// If the new setup has fewer agents or queues than this one.
    pub(super) fn reconfigured(&mut self, now: Timestamp, setup: Setup) {
        assert!(setup.agents.len() >= self.agents.len(), "an agent's id is never reused");
        assert!(setup.queues.len() >= self.queues.len(), "a queue's id is never reused");
        for (id, rules) in (0..).map(QueueId).zip(setup.queues) {
            match self.queues.get(index(id)) {
                None => self.queues.push(Queue::new(rules)),
                Some(queue) if queue.setup == rules => {}
                Some(_) => self.change_queue(now, id, rules),
            }
        }
        let skills = setup.agents.into_iter().map(|agent| Levels::new(&agent.skills));
        self.change_agents(now, skills.collect());
        let waiting: Vec<CallId> = self.calls.keys().copied().collect();
        let waiting: Vec<_> =
            waiting.into_iter().filter(|&call| self.check_staffed(call)).collect();
        self.settle(now, &waiting, None);
    }

    /// Narrows a call that waits, at each of its stages. It keeps its place, and whoever is rung
    /// for it is.
    pub(super) fn demand(&mut self, now: Timestamp, call: CallId, demand: (SkillId, u8)) {
        let Some(waiting) = self.calls.get(&call) else { return };
        let (queue, relied_on, is_offered) =
            (waiting.queue, waiting.relies_on, waiting.is_offered());
        let before = waiting.stages.clone();
        self.searched.insert(call);
        self.unshelve(call);
        let strategy = self.queues[index(queue)].setup.strategy;
        let mut stages = Vec::with_capacity(before.len());
        let mut relies_on = relied_on;
        for &(at, class) in &before {
            let demands = self.classes.get(class).demands.with(demand);
            let narrower = self.classes.acquire(now, queue, strategy, demands, &mut self.agents);
            if class == relied_on {
                relies_on = narrower;
            }
            stages.push((at, narrower));
        }
        self.classes.get_mut(relied_on).relying.remove(&call);
        self.classes.get_mut(relies_on).relying.insert(call);
        let waiting = self.call_mut(call);
        (waiting.stages, waiting.relies_on) = (stages, relies_on);
        for (_, class) in before {
            self.classes.release(class, &mut self.agents);
        }
        if !is_offered {
            self.shelve(now, call);
        }
    }

    fn change_queue(&mut self, now: Timestamp, id: QueueId, rules: QueueSetup) {
        let queue = &mut self.queues[index(id)];
        let before = std::mem::replace(&mut queue.setup, rules.clone());
        queue.admitted = queue.line.len();
        if before.strategy != rules.strategy {
            self.classes.set_strategy(now, id, rules.strategy, &self.agents);
        }
        let of_queue = |call: &CallId| self.calls[call].queue == id;
        let calls: Vec<CallId> = self.calls.keys().copied().filter(of_queue).collect();
        for &call in &calls {
            let waiting = self.call_mut(call);
            let ring_timeout = waiting.own_ring_timeout.unwrap_or(rules.ring_timeout);
            waiting.ring_timeout = ring_timeout.max(RING_TIMEOUT_MIN);
        }
        if before.ageing_per_min != rules.ageing_per_min {
            self.sort_again(now, id, &calls);
        }
    }

    /// The line of a queue by its new ageing.
    fn sort_again(&mut self, now: Timestamp, id: QueueId, calls: &[CallId]) {
        let ageing = self.queues[index(id)].setup.ageing_per_min;
        self.queues[index(id)].line = RankedSet::new();
        for &call in calls {
            self.unshelve(call);
            let waiting = self.call_mut(call);
            waiting.key = QueueKey::new(call, waiting.key.since, waiting.priority, ageing);
            let (key, is_offered) = (waiting.key, waiting.is_offered());
            self.queues[index(id)].line.insert(key);
            if !is_offered {
                self.shelve(now, call);
            }
        }
    }

    /// Gives every agent these skills, by id; who is new is logged out.
    fn change_agents(&mut self, now: Timestamp, skills: Vec<Levels>) {
        self.classes.make_room(now, skills.len());
        let known = self.agents.len();
        let changed: Vec<(AgentId, Levels)> = (0..)
            .map(AgentId)
            .zip(skills)
            .filter(|(id, skills)| {
                self.agents.get(index_of(*id)).is_none_or(|agent| agent.skills != *skills)
            })
            .collect();
        // Out of every index with the old skills first, all of them: see the invariant.
        for (id, _) in changed.iter().filter(|(id, _)| index_of(*id) < known) {
            let agent = &mut self.agents[index_of(*id)];
            self.classes.unlist(now, agent);
            drop(self.classes.count(agent, Presence::default()));
        }
        for (id, skills) in &changed {
            if index_of(*id) >= self.agents.len() {
                self.agents.push(Agent::new(*id, &[]));
            }
            self.classes.set_skills(&mut self.agents[index_of(*id)], skills.clone());
        }
        for (id, _) in &changed {
            // A hold stands only for who still suffices.
            drop(self.release_holds(now, *id));
            let agent = &mut self.agents[index_of(*id)];
            if agent.is_candidate() {
                self.classes.list(now, agent);
            }
            let presence = agent.presence();
            drop(self.classes.count(agent, presence));
        }
    }
}
