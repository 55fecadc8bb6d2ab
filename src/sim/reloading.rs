//! An administrator who changes the center while it runs: agents are removed and come back, skills
//! and the rules of queues become others, a queue is taken out of the configuration.
//!
//! **Invariant:** a change is a function of the setup that a run began with and of one number,
//! which is what the journal calls it. So a journal can be replayed by whoever knows the seed.
//!
//! **Deliberately absent:** other flows. What a flow demands is what the run is judged by.

use crate::center::Setup;
use crate::center::names::Names;
use crate::sim::random::Random;
use crate::sim::scenario;

/// Changes of one run.
pub(super) const CHANGES_MAX: u64 = 8;

/// The setup after the change of this number. Agents who are left out are removed.
pub(super) fn changed(before: &Setup, number: u64) -> Setup {
    let mut random = Random::new(number);
    let mut setup = Setup { names: Names::default(), ..before.clone() };
    let (removes, learns, rules) = (0.2, 0.4, 0.5);
    setup.agents.retain(|_| !random.chance(removes));
    for agent in &mut setup.agents {
        if random.chance(learns) {
            agent.skills = scenario::skills(&mut random);
        }
        agent.auto_ready = random.chance(0.3);
    }
    for queue in &mut setup.queues {
        if random.chance(rules) {
            queue.acd = scenario::queue(&queue.name, &mut random).acd;
        }
    }
    if random.chance(0.2) {
        let gone = random.below(setup.queues.len() as u64) as usize;
        setup.queues.remove(gone);
    }
    setup
}

/// What the journal calls a change.
pub(super) fn name(number: u64) -> String {
    format!("{number:016x}")
}

/// The number of the change that the journal calls so.
pub(super) fn number(name: &str) -> Option<u64> {
    u64::from_str_radix(name, 16).ok()
}
