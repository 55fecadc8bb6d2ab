//! A new setup while calls are up: an input like others.
//!
//! | what is up | what becomes of it |
//! |---|---|
//! | a call in a flow | it keeps the flow that it began with, also one that is gone |
//! | a call that waits | it takes the new rules of its queue, and the agents as they are now |
//! | a call in a queue that is gone, or that enters one | the queue goes on for it, as it was |
//! | an agent who is gone | finishes the call with its after-call work, and is logged out |
//! | an agent who came back | is the same one: the name says who an agent is |
//!
//! **Invariant:** no call ends because of it, and [`ContactCenter::check`] holds after it as after
//! any input.
//!
//! **Deliberately absent:** telephones. The shell says who can be reached from now on.

use crate::acd;
use crate::acd::AgentInput;
use crate::center::dispositions::WriteUp;
use crate::center::names::NamesError;
use crate::center::{ContactCenter, Setup, flows, queues, setup};
use crate::id::{AgentId, QueueId};
use crate::time::Timestamp;

impl ContactCenter {
    /// From now on this is the setup. One without names takes those of the setup before; drain
    /// [`ContactCenter::poll_command`] after it, as after every input.
    ///
    /// # Errors
    ///
    /// When an id would mean another name than before; then nothing has changed.
    pub fn reconfigure(&mut self, now: Timestamp, setup: Setup) -> Result<(), NamesError> {
        let setup = self.successor(setup)?;
        self.begin_input(now);
        self.skills = setup.skills();
        self.flow_by_number = flows::by_number(&setup);
        self.write_ups.resize(setup.agents.len(), WriteUp::default());
        self.saved_states.make_room(setup.agents.len());
        let rules = Box::new(queues::acd_setup(&setup, &self.skills));
        let was_free = self.setup.reachability.is_empty();
        self.setup = setup;
        self.tell_roster(now);
        if was_free {
            self.demand_origins();
        }
        self.queue_inputs.push_back(acd::Input::Reconfigured(rules));
        self.settle(now);
        let leaving = self.setup.former_agents.iter().copied();
        let leaving: Vec<AgentId> = leaving.filter(|&id| self.stays_logged_in(id)).collect();
        for agent in leaving {
            self.ask_queue(agent, AgentInput::LogOut);
        }
        self.settle(now);
        self.arrange_all(now);
        Ok(())
    }

    /// What the center goes by now, complete: with every name, and with who is there no more.
    #[must_use]
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The new setup with every name of this one, and with what is there no more as it was last.
    fn successor(&self, mut setup: Setup) -> Result<Setup, NamesError> {
        if setup.names.is_empty() {
            setup.names.clone_from(&self.setup.names);
        }
        setup.complete();
        setup.names.goes_on_from(&self.setup.names)?;
        for &id in &setup.former_agents {
            if let Some(last) = self.setup.agents.get(id.0 as usize) {
                let (skills, last) = (Vec::new(), last.clone());
                setup.agents[id.0 as usize] =
                    setup::Agent { skills, auto_login: false, auto_ready: false, ..last };
            }
        }
        for &id in &setup.former_queues {
            if let Some(last) = self.setup.queues.get(id.0 as usize) {
                setup.queues[id.0 as usize] = last.clone();
            }
        }
        Ok(setup)
    }

    /// Calls that came while every agent could take each: whoever is offered one from now on must
    /// be one to whom it can be brought. They demand it before any agent loses that.
    fn demand_origins(&mut self) {
        let calls = self.acd.all_waiting().filter_map(|(call, is_consult)| {
            let origin = self.calls.get(&call)?.origin().via.provider();
            // An agent at a telephone of ours must hear whoever answers.
            let demand = self.setup.origin_constraint(origin.filter(|_| !is_consult))?;
            Some(acd::Input::Demand { call, skill: self.skills.id(&demand), level: 1 })
        });
        let calls: Vec<_> = calls.collect();
        self.queue_inputs.extend(calls);
    }

    fn stays_logged_in(&self, agent: AgentId) -> bool {
        let agent = self.acd.agent(agent);
        agent.is_logged_in() && agent.intent != acd::Intent::LogOut
    }

    /// Whether something of a queue that is there no more goes on: a call waits in it, or an
    /// agent is on a call of it.
    pub(super) fn goes_on_in(&self, queue: QueueId) -> bool {
        self.acd.waiting(queue) > 0 || self.acd.agents().any(|agent| agent.queue() == Some(queue))
    }

    /// The agent of this name: of the configuration, or one who is there no more and finishes a
    /// call.
    #[must_use]
    pub fn agent_id(&self, name: &str) -> Option<AgentId> {
        let id = self.setup.names.agent(name)?;
        (!self.setup.is_former(id) || self.acd.agent(id).is_logged_in()).then_some(id)
    }

    /// The agent of this name, if calls may be brought to them.
    pub(super) fn current_agent(&self, name: &str) -> Option<AgentId> {
        self.setup.names.agent(name).filter(|&id| !self.setup.is_former(id))
    }

    /// Also of one that is there no more: flows that know it still enter it.
    pub(super) fn queue_id(&self, name: &str) -> Option<QueueId> {
        self.setup.names.queue(name)
    }
}
