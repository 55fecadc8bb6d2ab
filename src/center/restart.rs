//! What of a center outlives the process: which calls and legs are gone with a run of the server,
//! and the saved state of each agent.
//!
//! **Invariant:** each loss comes to the center as an event, in the order given here, so that it is
//! in the journal, and no agent is offered a call at a time when nothing ran.
//!
//! **Deliberately absent:** who carries a leg. The shell knows, and says so by a predicate.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::acd::Intent;
use crate::call::{Call, Leg};
use crate::center::{ContactCenter, Wake};
use crate::id::{AgentId, CallId};
use crate::time::Timestamp;
use crate::words::{AgentRequest, AgentState, Cause, Event, Fact, Party, Target};

/// Why a leg ended that was lost with the process. An agent is not charged for it.
pub(super) const LOST: Cause = Cause::NETWORK_OUT_OF_ORDER;

/// An agent's state beside calls, which is the same after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum SavedAgentState {
    #[default]
    LoggedOut,
    NotReady {
        reason: String,
    },
    Ready,
}

impl SavedAgentState {
    /// What brings a fresh center's agent here.
    #[must_use]
    pub fn ask(self) -> AgentRequest {
        match self {
            Self::LoggedOut => AgentRequest::LogOut,
            Self::NotReady { reason } => AgentRequest::NotReady { reason },
            Self::Ready => AgentRequest::Ready,
        }
    }
}

/// What was said last of each agent's state, and which agents may have moved since.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedAgentStates {
    told: Vec<SavedAgentState>,
    moved: BTreeSet<AgentId>,
    /// Agents whose states changed since [`ContactCenter::poll_agent_move`].
    changed: BTreeSet<AgentId>,
}

impl SavedAgentStates {
    pub(super) fn new(agents: usize) -> Self {
        Self {
            told: vec![SavedAgentState::default(); agents],
            moved: BTreeSet::new(),
            changed: BTreeSet::new(),
        }
    }

    pub(super) fn is_of(&self, agents: usize) -> bool {
        self.told.len() == agents
    }

    /// There are this many agents from now on.
    pub(super) fn make_room(&mut self, agents: usize) {
        self.told.resize(agents, SavedAgentState::default());
    }
}

impl ContactCenter {
    /// The next agent whose saved state is another than before. Keep it, and tell a
    /// fresh center [`SavedAgentState::ask`].
    pub fn poll_saved_state(&mut self) -> Option<(AgentId, SavedAgentState)> {
        while let Some(agent) = self.saved_states.moved.pop_first() {
            let state = self.saved_state(agent);
            let told = &mut self.saved_states.told[agent.0 as usize];
            if *told != state {
                told.clone_from(&state);
                return Some((agent, state));
            }
        }
        None
    }

    pub(super) fn may_have_moved(&mut self, agent: AgentId) {
        self.saved_states.moved.insert(agent);
    }

    /// The next agent whose state changed, the state they are in now, and when the last input came.
    /// Poll it after each input, and no state is left out but those that lasted no time.
    pub fn poll_agent_move(&mut self) -> Option<(Timestamp, AgentId, &AgentState)> {
        let agent = self.saved_states.changed.pop_first()?;
        Some((self.facts.at(), agent, &self.acd.agent(agent).state))
    }

    pub(super) fn has_moved(&mut self, agent: AgentId) {
        self.saved_states.changed.insert(agent);
    }

    fn saved_state(&self, agent: AgentId) -> SavedAgentState {
        let agent = self.acd.agent(agent);
        match (&agent.state, &agent.intent) {
            (AgentState::LoggedOut, _) => SavedAgentState::LoggedOut,
            // The system may have chosen it; a restart must not ring an empty chair again.
            (AgentState::NotReady { reason }, _) => {
                SavedAgentState::NotReady { reason: reason.clone() }
            }
            (_, Intent::LogOut) => SavedAgentState::LoggedOut,
            (_, Intent::NotReady { reason }) => {
                SavedAgentState::NotReady { reason: reason.clone() }
            }
            (_, Intent::Ready) => SavedAgentState::Ready,
        }
    }

    /// Another run of the server goes on with this center: it takes calls again.
    pub fn begin_run(&mut self) {
        self.draining = false;
        self.facts.tell(self.facts.at(), |_| Fact::Draining { is_draining: false });
        self.timers.cancel(&Wake::DrainEnd);
    }

    /// Whether this call is up and came through a provider: its media do not end with the process.
    #[must_use]
    pub fn is_elsewhere(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(is_elsewhere)
    }

    /// Calls that are up.
    pub fn live(&self) -> impl Iterator<Item = CallId> + '_ {
        self.calls.ids()
    }

    /// What ended with the process, as inputs of this center as of then: every telephone's
    /// reachability, calls that did not come through a provider or were not carried over
    /// (`goes_on`), and of the others the legs that their provider does not carry (`carried`:
    /// whether the provider of this name dialed that).
    #[must_use]
    pub fn losses(
        &self,
        goes_on: &dyn Fn(CallId) -> bool,
        carried: &dyn Fn(&str, &Target) -> bool,
    ) -> Vec<Event> {
        let reachable = self.acd.agents().filter(|agent| agent.reachable);
        let phones =
            reachable.map(|agent| Event::PhoneReachable { agent: agent.id, reachable: false });
        let (elsewhere, here): (Vec<&Call>, Vec<&Call>) =
            self.calls.iter().partition(|call| is_elsewhere(call) && goes_on(call.id()));
        let calls = here.into_iter().map(|call| Event::Lost { call: call.id() });
        let legs = elsewhere.into_iter().flat_map(|call| {
            let provider = provider(call).unwrap_or_default();
            call.parties().filter(move |(_, leg)| {
                dialed(leg).is_some_and(|target| !carried(provider, &target))
            })
        });
        let legs = legs.map(|(leg, party)| match party.is_up() {
            true => Event::HungUp { leg, cause: LOST },
            false => Event::DialFailed { leg, cause: LOST },
        });
        phones.chain(calls).chain(legs).collect()
    }
}

fn is_elsewhere(call: &Call) -> bool {
    provider(call).is_some()
}

fn provider(call: &Call) -> Option<&str> {
    call.origin().via.provider()
}

fn dialed(leg: &Leg) -> Option<Target> {
    Some(match leg.dialed.as_ref()? {
        Party::Agent { id, .. } => Target::Agent(*id),
        Party::Outside { trunk, number } => {
            let (trunk, number) = (trunk.clone(), number.clone());
            Target::Trunk { trunk, number, others: Vec::new() }
        }
    })
}
