//! The whole state of a center as a value that can be written down, and a center made of it again.
//!
//! **Invariant:** a center made of what was written of another, under the same setup, does the same
//! on the same inputs; and writes the same. What it writes says nothing that the inputs and the
//! setup did not say: of a center that took masked keys it holds none of a secret step.
//!
//! **Deliberately absent:** what follows from the setup, which is kept beside the journal; what was
//! learned of earlier calls, which the records have; and a format that lasts. Whoever keeps it
//! keeps with it which build wrote it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::Learned;
use crate::center::facts::Facts;
use crate::center::names::Names;
use crate::center::sources;
use crate::center::{ContactCenter, Setup, flows, setup};
use crate::flow::{Flow, SavedRun};
use crate::id::CallId;

/// What was written down cannot be this center, under this setup, of this build.
#[derive(Debug, thiserror::Error)]
#[error("it is no state of this center: {0}")]
pub struct NoCheckpoint(#[from] serde_json::Error);

#[derive(Serialize)]
struct WrittenState<'a> {
    center: &'a ContactCenter,
    former: Former,
    #[serde(with = "sources")]
    flows: Vec<Arc<Flow>>,
    runs: Vec<SavedFlow>,
}

#[derive(Deserialize)]
struct ReadState {
    center: ContactCenter,
    former: Former,
    #[serde(with = "sources")]
    flows: Vec<Arc<Flow>>,
    runs: Vec<SavedFlow>,
}

/// What a setup has of the setups before it.
#[derive(Serialize, Deserialize)]
struct Former {
    names: Names,
    /// In order of id.
    agents: Vec<setup::Agent>,
    queues: Vec<setup::Queue>,
}

/// Where a call is in its flow.
#[derive(Serialize, Deserialize)]
struct SavedFlow {
    call: CallId,
    /// Among those of the setup, and then those beside it.
    flow: usize,
    run: SavedRun,
    known: serde_json::Value,
}

impl ContactCenter {
    /// All that the center is, but for its setup and what it learned of earlier calls.
    ///
    /// # Panics
    ///
    /// If commands of the last input were not drained, or its facts, where they are heard.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        assert!(self.commands.is_empty(), "drain poll_command before it is written down");
        assert!(self.queue_inputs.is_empty(), "an input is over when the queue has heard of it");
        assert!(self.facts.is_told(), "poll_fact to the end before it is written down");
        let mut flows: Vec<Arc<Flow>> = Vec::new();
        let runs = self.calls.iter().filter_map(|call| {
            let run = call.run()?;
            let is_it = |flow: &Arc<Flow>| Arc::ptr_eq(flow, run.flow());
            let of_setup = self.setup.flows.iter().position(is_it);
            let flow = of_setup.unwrap_or_else(|| {
                let beside = flows.iter().position(is_it).unwrap_or_else(|| {
                    flows.push(Arc::clone(run.flow()));
                    flows.len() - 1
                });
                self.setup.flows.len() + beside
            });
            Some(SavedFlow { call: call.id(), flow, run: run.saved(), known: run.known() })
        });
        let runs = runs.collect();
        let written = WrittenState { center: self, former: Former::of(&self.setup), flows, runs };
        serde_json::to_vec(&written).expect("its maps have keys that are text or numbers")
    }

    /// The center that was written down under this setup; of earlier calls it
    /// [learns](Self::learn) anew.
    ///
    /// # Errors
    ///
    /// When it is not what this build writes, or of another setup.
    pub fn from_checkpoint(setup: Setup, checkpoint: &[u8]) -> Result<Self, NoCheckpoint> {
        let ReadState { mut center, former, flows, runs } = serde_json::from_slice(checkpoint)?;
        let setup = former.of_setup(setup)?;
        for SavedFlow { call, flow, run, known } in runs {
            let flow = setup.flows.iter().chain(&flows).nth(flow);
            let flow = flow.map(Arc::clone).ok_or_else(|| other("a call is in no flow"))?;
            let call = center.calls.get_untouched(&call).ok_or_else(|| other("a call is gone"))?;
            call.resume_flow(flow, run, known)?;
        }
        center.skills = setup.skills();
        center.flow_by_number = flows::by_number(&setup);
        center.facts.make_room(&setup);
        center.setup = setup;
        if center.is_of_its_setup() { Ok(center) } else { Err(other("it is of another setup")) }
    }

    /// What was learned of earlier calls.
    #[must_use]
    pub const fn learned(&self) -> &Learned {
        &self.learned
    }

    /// From now on that much is known of earlier calls.
    pub fn set_learned(&mut self, learned: Learned) {
        self.learned = learned;
    }

    /// Whether agents and queues are as many everywhere.
    fn is_of_its_setup(&self) -> bool {
        let (agents, queues) = (self.setup.agents.len(), self.setup.queues.len());
        self.acd.agents().count() == agents
            && self.acd.queues() == queues
            && self.write_ups.len() == agents
            && self.saved_states.is_of(agents)
            && self.facts.is_of(agents)
    }
}

fn other(what: &str) -> NoCheckpoint {
    NoCheckpoint(serde::de::Error::custom(what))
}

impl Former {
    fn of(setup: &Setup) -> Self {
        let agents = setup.former_agents.iter().map(|id| &setup.agents[id.0 as usize]);
        let queues = setup.former_queues.iter().map(|id| &setup.queues[id.0 as usize]);
        Self {
            names: setup.names.clone(),
            agents: agents.cloned().collect(),
            queues: queues.cloned().collect(),
        }
    }

    /// The setup as the center had it: with every name, and with who is there no more as it was
    /// last.
    fn of_setup(self, mut setup: Setup) -> Result<Setup, NoCheckpoint> {
        let Self { names, agents, queues } = self;
        setup.names = names;
        setup.complete();
        let is_whole =
            agents.len() == setup.former_agents.len() && queues.len() == setup.former_queues.len();
        if !is_whole {
            return Err(other("it is of another setup"));
        }
        for (id, agent) in setup.former_agents.iter().zip(agents) {
            setup.agents[id.0 as usize] = agent;
        }
        for (id, queue) in setup.former_queues.iter().zip(queues) {
            setup.queues[id.0 as usize] = queue;
        }
        Ok(setup)
    }
}

impl Facts {
    /// Whether every fact was polled.
    fn is_told(&self) -> bool {
        !self.is_heard || self.untold.is_empty() && self.calls.is_empty() && self.agents.is_empty()
    }

    fn is_of(&self, agents: usize) -> bool {
        self.stood.len() == agents
    }
}
