//! What a watch expects once the center has another setup.
//!
//! **Invariant:** the wider of two rules holds: a call that waits or rings may go by the one
//! before.

use crate::center::Setup;
use crate::sim::check::Watch;
use crate::sim::scenario::Rules;
use crate::time::Timestamp;

impl Watch {
    /// The center is about to be given this setup, complete. Who waits and what rings may go by the
    /// one before for a while.
    pub fn reconfigured(&mut self, now: Timestamp, setup: &Setup, new: Rules) {
        self.told(now, None);
        self.former.clone_from(&setup.former_agents);
        self.trunks.clone_from(&setup.trunks);
        self.recording.reconfigured(setup);
        let agents = setup.agents.iter();
        self.skills = agents.map(|agent| agent.skills.iter().cloned().collect()).collect();
        for queue in &setup.queues {
            let len_max = self.len_max.entry(queue.name.clone()).or_default();
            *len_max = queue.acd.len_max.max(*len_max);
        }
        if let Some(rules) = &mut self.rules {
            let queues = setup.queues.iter().map(|queue| &queue.acd);
            let ring_max =
                queues.clone().map(|acd| acd.ring_timeout).fold(rules.ring_max, Ord::max);
            let exclude = queues.map(|acd| acd.exclude).fold(rules.exclude, Ord::max);
            *rules = Rules { ring_max, exclude, ..new };
        }
    }
}
