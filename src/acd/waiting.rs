//! A waiting call: how it comes in, weakens its demands, is held for one agent, and goes out.
//!
//! **Invariant:** a call that rings no agent is on exactly one shelf, where a matching
//! agent finds it: its class, or the agent it is held for.
//!
//! **Deliberately absent:** what the caller hears meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::acd::class::ClassId;
use crate::acd::level;
use crate::acd::port::{Enqueue, Output};
use crate::acd::queue_key::QueueKey;
use crate::acd::{Acd, Wake};
use crate::id::{AgentId, CallId, OfferId, QueueId};
use crate::time::Timestamp;
use crate::words::{OfferOutcome, Overflow};

/// A phone rings at least this long, whatever the configuration says: with less, a call and an
/// agent could be thrown at each other endlessly within one instant.
pub(super) const RING_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// A call remembers this many agents who did not take it, and an agent keeps this many calls out of
/// the way of. Past it the oldest is forgotten, and the two may meet again before their time. It
/// bounds how many entries a search has to skip.
pub(super) const EXCLUSIONS_MAX: usize = 32;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) key: QueueKey,
    pub(super) queue: QueueId,
    pub(super) priority: u8,
    /// The demands over time; the first is what was asked.
    pub(super) stages: Vec<(Timestamp, ClassId)>,
    pub(super) stage: usize,
    pub(super) status: Status,
    pub(super) ring_timeout: Duration,
    /// As its flow asks for it, whatever the queue says.
    pub(super) own_ring_timeout: Option<Duration>,
    pub(super) prefer: Option<(AgentId, Timestamp)>,
    pub(super) tried: BTreeMap<AgentId, Tried>,
    /// A class of this or a later stage that has an agent.
    pub(super) relies_on: ClassId,
    /// `wait_max` passed while a phone rang: the call goes if this one is not answered.
    pub(super) overdue: bool,
    /// The agent who talks to the call asks for another to consult.
    pub(super) is_consult: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    /// For anybody who meets the demands.
    Open,
    /// For one agent alone, until the deadline of `prefer`.
    Held(AgentId),
    Offered {
        offer: OfferId,
        agent: AgentId,
    },
}

/// An offer of this call that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tried {
    pub(super) outcome: OfferOutcome,
    pub(super) at: Timestamp,
    /// Until when the two keep out of each other's way.
    pub(super) until: Timestamp,
}

impl Waiting {
    pub(super) fn class(&self) -> ClassId {
        self.stages[self.stage].1
    }

    pub(super) fn is_offered(&self) -> bool {
        matches!(self.status, Status::Offered { .. })
    }
}

impl Acd {
    pub(super) fn enqueue(&mut self, now: Timestamp, ask: Enqueue, is_consult: bool) {
        let Enqueue { call, queue: id, priority, relax, .. } = ask;
        assert!(!self.calls.contains_key(&call), "{call} is queued twice");
        let since = ask.since.min(now);
        let queue = &self.queues[index(id)];
        if self.is_full(id) {
            return self.outputs.push_back(Output::Overflowed { call, why: Overflow::Full });
        }
        let strategy = queue.setup.strategy;
        let ageing = queue.setup.ageing_per_min;
        let ring_timeout = ask.ring_timeout.unwrap_or(queue.setup.ring_timeout);
        let stages: Vec<_> = level::stages(&ask.demands, &relax)
            .into_iter()
            .map(|(after, demands)| {
                let class = self.classes.acquire(now, id, strategy, demands, &mut self.agents);
                (since + after, class)
            })
            .collect();
        // Steps that are already behind a call that comes back apply before anybody is offered it.
        let stage = stages[1..].iter().take_while(|stage| stage.0 <= now).count();
        let ahead = &stages[stage..];
        let attended = ahead.iter().any(|stage| self.classes.get(stage.1).attended > 0);
        let Some(relies_on) = self.staffed_of(ahead).filter(|_| attended) else {
            for (_, class) in stages {
                self.classes.release(class, &mut self.agents);
            }
            return self.outputs.push_back(Output::Overflowed { call, why: Overflow::NoAgents });
        };
        let key = QueueKey::new(call, since, priority, ageing);
        let waiting = Waiting {
            key,
            queue: id,
            priority,
            stages,
            stage,
            status: Status::Open,
            ring_timeout: ring_timeout.max(RING_TIMEOUT_MIN),
            own_ring_timeout: ask.ring_timeout,
            prefer: ask.prefer.map(|(agent, hold)| (agent, since + hold)),
            tried: BTreeMap::new(),
            relies_on,
            overdue: false,
            is_consult,
        };
        self.queues[index(id)].line.insert(key);
        self.classes.get_mut(relies_on).relying.insert(call);
        self.timers.set(Wake::WaitMax { call }, since + ask.wait_max);
        self.calls.insert(call, Box::new(waiting));
        for step in (1..).take(stage) {
            self.outputs.push_back(Output::Relaxed { call, step });
        }
        self.arm_relax(call);
        self.shelve(now, call);
        self.settle(now, &[call], None);
    }

    /// The next step of `relax` is due. It also applies while a phone rings, for after that.
    pub(super) fn relax(&mut self, now: Timestamp, call: CallId) {
        self.unshelve(call);
        self.searched.insert(call);
        let waiting = self.call_mut(call);
        waiting.stage += 1;
        let step = u32::try_from(waiting.stage).unwrap_or(u32::MAX);
        self.outputs.push_back(Output::Relaxed { call, step });
        self.arm_relax(call);
        if self.call(call).is_offered() {
            return;
        }
        self.shelve(now, call);
        if self.check_staffed(call) {
            self.settle(now, &[call], None);
        }
    }

    fn arm_relax(&mut self, call: CallId) {
        let waiting = self.call(call);
        let next = waiting.stages.get(waiting.stage + 1).map(|stage| stage.0);
        self.timers.set_or_cancel(Wake::Relax { call }, next);
    }

    pub(super) fn wait_max_passed(&mut self, call: CallId) {
        if self.call(call).is_offered() {
            self.call_mut(call).overdue = true;
        } else {
            self.overflow(call, Overflow::Timeout);
        }
    }

    /// The deadline of the preferred agent: from now on anybody may take the call.
    pub(super) fn hold_over(&mut self, now: Timestamp, call: CallId) {
        self.unshelve(call);
        self.shelve(now, call);
        self.settle(now, &[call], None);
    }

    /// Lets go of every call held for an agent who cannot take it any more.
    pub(super) fn release_holds(&mut self, now: Timestamp, agent: AgentId) -> Vec<CallId> {
        let held = self.agents[index_of(agent)].held.values().flatten();
        let held: Vec<_> = held.map(|key| key.call).collect();
        for &call in &held {
            self.unshelve(call);
            self.shelve(now, call);
        }
        held
    }

    /// Puts a call that rings no agent where a matching agent will find it.
    pub(super) fn shelve(&mut self, now: Timestamp, call: CallId) {
        self.searched.insert(call);
        let waiting = self.call(call);
        let (key, queue, class) = (waiting.key, waiting.queue, waiting.class());
        let demands = &self.classes.get(class).demands;
        let hold = waiting.prefer.filter(|&(agent, until)| {
            let agent = &self.agents[index_of(agent)];
            until > now
                && agent.can_be_waited_for()
                && agent.skills.meet(demands)
                && !agent.excluded.contains(&call)
        });
        self.timers.set_or_cancel(Wake::HoldOver { call }, hold.map(|(_, until)| until));
        if let Some((agent, _)) = hold {
            self.agents[index_of(agent)].held.entry(queue).or_default().insert(key);
            self.call_mut(call).status = Status::Held(agent);
        } else {
            self.classes.get_mut(class).waiting.insert(key);
            let waiting = self.call_mut(call);
            waiting.prefer = None; // once let go, never held again
            waiting.status = Status::Open;
        }
    }

    pub(super) fn unshelve(&mut self, call: CallId) {
        let waiting = self.call(call);
        let (key, queue, class, status) =
            (waiting.key, waiting.queue, waiting.class(), waiting.status);
        match status {
            Status::Open => {
                self.classes.get_mut(class).waiting.remove(&key);
            }
            Status::Held(agent) => {
                let held = &mut self.agents[index_of(agent)].held;
                let calls = held.get_mut(&queue).expect("a held call is on its agent's shelf");
                calls.remove(&key);
                if calls.is_empty() {
                    held.remove(&queue);
                }
            }
            Status::Offered { .. } => {}
        }
    }

    /// Some classes lost their last agent: calls that no stage of theirs can save must go.
    pub(super) fn deserted(&mut self, classes: &[ClassId]) {
        // A class may be staffed again within the same change.
        let empty = classes.iter().map(|&class| self.classes.get(class)).filter(|c| c.staffed == 0);
        let relying: BTreeSet<_> = empty.flat_map(|class| &class.relying).copied().collect();
        for call in relying {
            self.check_staffed(call);
        }
    }

    /// False if the call went, because no agent is logged in who could take it now or later. A call
    /// that rings a phone is left alone until that offer ends.
    pub(super) fn check_staffed(&mut self, call: CallId) -> bool {
        let waiting = self.call(call);
        if waiting.is_offered() {
            return true;
        }
        let before = waiting.relies_on;
        let Some(class) = self.staffed_of(&waiting.stages[waiting.stage..]) else {
            self.overflow(call, Overflow::NoAgents);
            return false;
        };
        if class != before {
            self.classes.get_mut(before).relying.remove(&call);
            self.classes.get_mut(class).relying.insert(call);
            self.call_mut(call).relies_on = class;
        }
        true
    }

    fn staffed_of(&self, stages: &[(Timestamp, ClassId)]) -> Option<ClassId> {
        stages.iter().map(|stage| stage.1).find(|&class| self.classes.get(class).staffed > 0)
    }

    /// Keeps a call and an agent who did not take it out of each other's way.
    pub(super) fn exclude(&mut self, call: CallId, agent: AgentId, tried: Tried) {
        self.searched.insert(call);
        let waiting = self.call_mut(call);
        waiting.tried.insert(agent, tried);
        if waiting.tried.len() > EXCLUSIONS_MAX {
            // Never the new one: several may have come in the same moment.
            let others = waiting.tried.iter().filter(|(other, _)| **other != agent);
            let oldest = others.min_by_key(|(_, tried)| tried.at);
            if let Some(oldest) = oldest.map(|(&agent, _)| agent) {
                waiting.tried.remove(&oldest);
                self.exclusion_over(call, oldest);
            }
        }
        if tried.until <= tried.at {
            return;
        }
        self.agents[index_of(agent)].excluded.insert(call);
        self.timers.set(Wake::ExclusionOver { call, agent }, tried.until);
        let excluded = &self.agents[index_of(agent)].excluded;
        if excluded.len() > EXCLUSIONS_MAX {
            let oldest = excluded.iter().copied().find(|&other| other != call);
            if let Some(oldest) = oldest {
                self.exclusion_over(oldest, agent);
            }
        }
    }

    /// Ends the exclusions of an agent that came about in such a way; returns the calls that the
    /// agent may be offered again. They still have to be settled.
    pub(super) fn meet_again(
        &mut self,
        agent: AgentId,
        lapses: impl Fn(OfferOutcome) -> bool,
    ) -> Vec<CallId> {
        let tried = |call: &CallId| self.calls.get(call)?.tried.get(&agent);
        let excluded = self.agents[index_of(agent)].excluded.iter().copied();
        let met: Vec<_> = excluded
            .filter(|call| tried(call).is_some_and(|tried| lapses(tried.outcome)))
            .collect();
        for &call in &met {
            self.exclusion_over(call, agent);
        }
        met
    }

    pub(super) fn exclusion_over(&mut self, call: CallId, agent: AgentId) {
        self.searched.insert(call);
        self.agents[index_of(agent)].excluded.remove(&call);
        self.timers.cancel(&Wake::ExclusionOver { call, agent });
    }

    pub(super) fn overflow(&mut self, call: CallId, why: Overflow) {
        self.forget(call);
        self.outputs.push_back(Output::Overflowed { call, why });
    }

    /// Takes a call out of every index; nothing of it is left.
    pub(super) fn forget(&mut self, call: CallId) {
        self.unshelve(call);
        let waiting = self.calls.remove(&call).expect("only a waiting call is forgotten");
        let queue = &mut self.queues[index(waiting.queue)];
        queue.line.remove(&waiting.key);
        queue.admitted = queue.admitted.min(queue.line.len());
        self.classes.get_mut(waiting.relies_on).relying.remove(&call);
        for wake in [Wake::Relax { call }, Wake::WaitMax { call }, Wake::HoldOver { call }] {
            self.timers.cancel(&wake);
        }
        for &agent in waiting.tried.keys() {
            self.exclusion_over(call, agent);
        }
        for (_, class) in waiting.stages {
            self.classes.release(class, &mut self.agents);
        }
        self.searched.remove(&call);
    }

    pub(super) fn call(&self, call: CallId) -> &Waiting {
        &self.calls[&call]
    }

    pub(super) fn call_mut(&mut self, call: CallId) -> &mut Waiting {
        self.calls.get_mut(&call).expect("timers and offers of a call end with it")
    }
}

pub(super) fn index(queue: QueueId) -> usize {
    queue.0 as usize
}

pub(super) fn index_of(agent: AgentId) -> usize {
    agent.0 as usize
}
