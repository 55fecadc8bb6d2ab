//! Simulated agents who meddle with the call they talk on: hold, transfer, consult.
//!
//! **Invariant:** some of it makes no sense at the time, so that what is refused is seen, too.

use std::collections::BTreeMap;

use crate::id::AgentId;
use crate::sim::agent::Act;
use crate::sim::random::Random;
use crate::sim::world::{Stimulus, World};
use crate::time::Timestamp;
use crate::words::{AgentRequest, ConsultTarget, Telephone};

/// What one thought leads to, one after the other.
const ASKS_MAX: u64 = 4;
/// Between one and the next.
const PAUSE_MS: (u64, u64) = (0, 12_000);
/// How often an agent asks for a number or a step that is not there.
const MISTAKEN: f64 = 0.1;
/// The queues of the scenario, one of which is there after some reloads alone.
const QUEUES: [&str; 4] = ["billing", "tech", "anybody", "evening"];
/// In the scenario, a trunk may dial this and not that.
const CONSULTED: &str = "+14155550177";
const BARRED: &str = "+882139900000";

impl World {
    /// An agent who talks feels like doing more, from then on.
    pub(super) fn meddles(&mut self, mut at: Timestamp, agent: AgentId) {
        let flows = self.plan.flows.iter();
        let steps: Vec<String> =
            flows.flat_map(|flow| flow.step_names()).map(str::to_owned).collect();
        let mut ask = match self.random.chance(0.6) {
            true => consult(&mut self.random, self.plan.agents),
            false => any(&mut self.random, &steps, self.plan.agents),
        };
        for _ in 0..self.random.between(1, ASKS_MAX) {
            self.put(at, Stimulus::Agent { agent, act: Act::Ask(ask) });
            let (least, most) = PAUSE_MS;
            at = at + self.random.ms(least, most);
            ask = any(&mut self.random, &steps, self.plan.agents);
        }
    }
}

/// An outside party, a colleague, or the agent a queue of the scenario finds.
fn consult(random: &mut Random, agents: usize) -> AgentRequest {
    let target = match random.below(5) {
        0 | 1 => {
            let number = if random.chance(MISTAKEN) { BARRED } else { CONSULTED };
            let number = number.to_owned();
            ConsultTarget::Telephone(Telephone::Number { number, trunk: None })
        }
        2 | 3 => {
            // One more than there are: no agent.
            let agent = format!("agent-{}", random.below(agents as u64 + 1));
            ConsultTarget::Telephone(Telephone::Agent { agent })
        }
        _ => {
            let queue = random.pick(&QUEUES).copied().unwrap_or_default();
            let queue = if random.chance(MISTAKEN) { "nowhere" } else { queue };
            ConsultTarget::Queue { queue: queue.to_owned() }
        }
    };
    AgentRequest::Consult { target }
}

fn any(random: &mut Random, steps: &[String], agents: usize) -> AgentRequest {
    match random.below(14) {
        0 => AgentRequest::Hold,
        1 => AgentRequest::Resume,
        2 => consult(random, agents),
        3 => transfer(random, steps),
        4..=6 => AgentRequest::Complete,
        10 | 11 => AgentRequest::StartRecording,
        12 => AgentRequest::PauseRecording,
        13 => AgentRequest::ResumeRecording,
        _ => AgentRequest::Conference,
    }
}

fn transfer(random: &mut Random, steps: &[String]) -> AgentRequest {
    let step = random.pick(steps).cloned().unwrap_or_default();
    let step = if random.chance(MISTAKEN) { "nowhere".to_owned() } else { step };
    let vars = BTreeMap::from([("sent".to_owned(), serde_json::Value::from(random.below(9)))]);
    AgentRequest::Transfer { step, vars }
}
