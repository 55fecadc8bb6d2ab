//! The agents who may be offered a call of one class, in the order of its queue.
//!
//! **Invariant:** the first is the right one at the moment of asking. Orders made of what stands
//! still while an agent is ready are kept as a sorted set; occupancy, which does not, by a
//! tournament.
//!
//! **Deliberately absent:** why an agent may not take a call. The asker passes that in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::acd::agent::{Agent, Rank};
use crate::acd::level::Levels;
use crate::acd::occupancy::Tournament;
use crate::acd::port::Strategy;
use crate::id::AgentId;
use crate::time::Timestamp;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ready {
    Ranked(Strategy, BTreeSet<Rank>),
    LeastOccupied(Tournament),
}

impl Ready {
    pub(super) fn new(strategy: Strategy, agents: usize) -> Self {
        match strategy {
            Strategy::LeastOccupied => Self::LeastOccupied(Tournament::new(agents)),
            Strategy::LongestIdle
            | Strategy::MostSkilled
            | Strategy::LeastSkilled
            | Strategy::RoundRobin
            | Strategy::FewestCalls => Self::Ranked(strategy, BTreeSet::new()),
        }
    }

    pub(super) fn insert(&mut self, now: Timestamp, agent: &Agent, demands: &Levels) {
        match self {
            Self::Ranked(strategy, ranks) => {
                ranks.insert(agent.rank(*strategy, demands));
            }
            Self::LeastOccupied(tournament) => tournament.insert(now, agent.worked()),
        }
    }

    /// There are this many agents from now on.
    pub(super) fn make_room(&mut self, now: Timestamp, agents: usize) {
        match self {
            Self::Ranked(..) => {}
            Self::LeastOccupied(tournament) => tournament.make_room(now, agents),
        }
    }

    /// False if the agent was not here, as they are now.
    pub(super) fn remove(&mut self, now: Timestamp, agent: &Agent, demands: &Levels) -> bool {
        match self {
            Self::Ranked(strategy, ranks) => ranks.remove(&agent.rank(*strategy, demands)),
            Self::LeastOccupied(tournament) => tournament.remove(now, agent.worked()),
        }
    }

    pub(super) fn contains(&self, agent: &Agent, demands: &Levels) -> bool {
        match self {
            Self::Ranked(strategy, ranks) => ranks.contains(&agent.rank(*strategy, demands)),
            Self::LeastOccupied(tournament) => tournament.contains(agent.worked()),
        }
    }

    /// The first who may.
    pub(super) fn first(
        &mut self,
        now: Timestamp,
        may: impl Fn(AgentId) -> bool,
    ) -> Option<AgentId> {
        match self {
            Self::Ranked(_, ranks) => ranks.iter().map(|rank| rank.agent).find(|&id| may(id)),
            Self::LeastOccupied(tournament) => tournament.first(now, &may),
        }
    }

    /// # Panics
    ///
    /// If the order is not that of this moment.
    pub(super) fn check(&self, now: Timestamp) {
        match self {
            Self::Ranked(..) => {}
            Self::LeastOccupied(tournament) => tournament.check(now),
        }
    }
}
