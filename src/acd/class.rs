//! Calls and agents grouped by what is demanded: the index that makes matching cheap.
//!
//! Waiting calls of one queue that demand the same are interchangeable to any agent; they form a
//! class. Real flows have few of them: a class is one spelling of demands, not one call.
//!
//! **Invariant:** an agent is in `ready` of a class exactly when they may be offered a call and
//! their skills meet its demands; a call is in `waiting` of exactly one class, or held, or ringing.
//!
//! **Deliberately absent:** decisions. [`super::matching`] hands out calls.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::acd::agent::{Agent, Presence};
use crate::acd::level::Levels;
use crate::acd::port::Strategy;
use crate::acd::queue_key::QueueKey;
use crate::acd::ready::Ready;
use crate::id::{CallId, QueueId};
use crate::time::Timestamp;

/// Classes that no call uses are kept for the next call, this many; the one unused longest goes
/// first. Making one costs a look at every agent.
pub(super) const CLASSES_UNUSED_MAX: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ClassId(usize);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Class {
    pub(super) queue: QueueId,
    pub(super) demands: Levels,
    pub(super) waiting: BTreeSet<QueueKey>,
    pub(super) ready: Ready,
    /// Agents who are logged in to stay and meet the demands.
    pub(super) staffed: u32,
    /// Of those, the ones whose phones can be reached or who are on a call.
    pub(super) attended: u32,
    /// Calls that count on this class being staffed.
    pub(super) relying: BTreeSet<CallId>,
    uses: u32,
    unused_since: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Saved")]
pub(super) struct Classes {
    #[serde(skip)]
    by_demands: BTreeMap<(QueueId, Levels), ClassId>,
    slots: Vec<Option<Class>>,
    free: Vec<ClassId>,
    unused: BTreeSet<(u64, ClassId)>,
    releases: u64,
}

/// What is kept of them: where each is found follows from it.
#[derive(Deserialize)]
struct Saved {
    slots: Vec<Option<Class>>,
    free: Vec<ClassId>,
    unused: BTreeSet<(u64, ClassId)>,
    releases: u64,
}

impl From<Saved> for Classes {
    fn from(saved: Saved) -> Self {
        let Saved { slots, free, unused, releases } = saved;
        let mut classes = Self { by_demands: BTreeMap::new(), slots, free, unused, releases };
        let found = classes.iter().map(|(id, class)| ((class.queue, class.demands.clone()), id));
        classes.by_demands = found.collect();
        classes
    }
}

impl Classes {
    /// The class of these demands, made if it is new. Each call of this takes one [`release`].
    ///
    /// [`release`]: Self::release
    pub(super) fn acquire(
        &mut self,
        now: Timestamp,
        queue: QueueId,
        strategy: Strategy,
        demands: Levels,
        agents: &mut [Agent],
    ) -> ClassId {
        let key = (queue, demands);
        if let Some(&id) = self.by_demands.get(&key) {
            let class = self.get_mut(id);
            class.uses += 1;
            let since = class.unused_since;
            self.unused.remove(&(since, id));
            return id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            ClassId(self.slots.len() - 1)
        });
        let demands = &key.1;
        let mut class = Class {
            queue,
            demands: demands.clone(),
            waiting: BTreeSet::new(),
            ready: Ready::new(strategy, agents.len()),
            staffed: 0,
            attended: 0,
            relying: BTreeSet::new(),
            uses: 1,
            unused_since: 0,
        };
        for agent in agents.iter_mut().filter(|agent| agent.skills.meet(demands)) {
            agent.classes.push(id);
            class.staffed += u32::from(agent.counted.staffed);
            class.attended += u32::from(agent.counted.attended);
            if agent.listed {
                class.ready.insert(now, agent, demands);
            }
        }
        self.slots[id.0] = Some(class);
        self.by_demands.insert(key, id);
        id
    }

    pub(super) fn release(&mut self, id: ClassId, agents: &mut [Agent]) {
        self.releases += 1;
        let releases = self.releases;
        let class = self.get_mut(id);
        class.uses -= 1;
        if class.uses > 0 {
            return;
        }
        class.unused_since = releases;
        self.unused.insert((releases, id));
        if self.unused.len() <= CLASSES_UNUSED_MAX {
            return;
        }
        let Some((_, oldest)) = self.unused.pop_first() else { return };
        let Some(class) = self.slots[oldest.0].take() else { return };
        assert!(class.waiting.is_empty() && class.relying.is_empty(), "an unused class has calls");
        self.by_demands.remove(&(class.queue, class.demands));
        self.free.push(oldest);
        for agent in agents {
            agent.classes.retain(|&id| id != oldest);
        }
    }

    pub(super) fn get(&self, id: ClassId) -> &Class {
        self.slots[id.0].as_ref().expect("a class lives while a call or an agent refers to it")
    }

    pub(super) fn get_mut(&mut self, id: ClassId) -> &mut Class {
        self.slots[id.0].as_mut().expect("a class lives while a call or an agent refers to it")
    }

    /// Every class, in order of id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ClassId, &Class)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(n, slot)| slot.as_ref().map(|class| (ClassId(n), class)))
    }

    /// Puts an agent who may be offered calls into the ready sets.
    pub(super) fn list(&mut self, now: Timestamp, agent: &mut Agent) {
        assert!(!agent.listed, "{} is listed twice", agent.id);
        agent.listed = true;
        for &id in &agent.classes {
            let class = self.get_mut(id);
            class.ready.insert(now, agent, &class.demands);
        }
    }

    pub(super) fn unlist(&mut self, now: Timestamp, agent: &mut Agent) {
        if !agent.listed {
            return;
        }
        agent.listed = false;
        for &id in &agent.classes {
            let class = self.get_mut(id);
            let was_there = class.ready.remove(now, agent, &class.demands);
            assert!(was_there, "the rank of {} changed while ready", agent.id);
        }
    }

    /// Counts the agent as this; returns the classes without an agent left.
    pub(super) fn count(&mut self, agent: &mut Agent, as_this: Presence) -> Vec<ClassId> {
        let mut deserted = Vec::new();
        let before = std::mem::replace(&mut agent.counted, as_this);
        if before == as_this {
            return deserted;
        }
        for &id in &agent.classes {
            let class = self.get_mut(id);
            class.staffed += u32::from(as_this.staffed);
            class.staffed -= u32::from(before.staffed);
            class.attended += u32::from(as_this.attended);
            class.attended -= u32::from(before.attended);
            if before.staffed && class.staffed == 0 {
                deserted.push(id);
            }
        }
        deserted
    }

    /// From now on the agents of this queue's classes are in the order of `strategy`.
    pub(super) fn set_strategy(
        &mut self,
        now: Timestamp,
        queue: QueueId,
        strategy: Strategy,
        agents: &[Agent],
    ) {
        for class in self.slots.iter_mut().flatten().filter(|class| class.queue == queue) {
            class.ready = Ready::new(strategy, agents.len());
            let met = |agent: &&Agent| agent.listed && agent.skills.meet(&class.demands);
            for agent in agents.iter().filter(met) {
                class.ready.insert(now, agent, &class.demands);
            }
        }
    }

    /// There are this many agents from now on.
    pub(super) fn make_room(&mut self, now: Timestamp, agents: usize) {
        for class in self.slots.iter_mut().flatten() {
            class.ready.make_room(now, agents);
        }
    }

    /// Gives an agent who is neither listed nor counted new skills.
    pub(super) fn set_skills(&self, agent: &mut Agent, skills: Levels) {
        let counted = agent.counted != Presence::default();
        assert!(!agent.listed && !counted, "{} changes skills while in an index", agent.id);
        agent.skills = skills;
        let met = self.iter().filter(|(_, class)| agent.skills.meet(&class.demands));
        agent.classes = met.map(|(id, _)| id).collect();
    }
}
