//! What a watch expects once the center has another setup.
//!
//! **Invariant:** the wider of two rules holds: a call that waits or rings may go by the one
//! before.

use crate::center::Setup;
use crate::sim::check::Watch;
use crate::time::Timestamp;

impl Watch {
    /// The center is about to be given this setup, complete. Who waits and what rings may go by the
    /// one before for a while.
    pub fn reconfigured(&mut self, now: Timestamp, setup: &Setup) {
        self.told(now, None);
        let agents = setup.agents.iter();
        self.skills = agents.map(|agent| agent.skills.iter().cloned().collect()).collect();
        for queue in &setup.queues {
            let len_max = self.len_max.entry(queue.name.clone()).or_default();
            *len_max = queue.acd.len_max.max(*len_max);
            if let Some(rules) = &mut self.rules {
                rules.ring_max = rules.ring_max.max(queue.acd.ring_timeout);
                rules.exclude = rules.exclude.max(queue.acd.exclude);
            }
        }
    }
}
