//! Agents of one team as if they were one: a call that two of them handled is one call of the team.
//!
//! **Invariant:** all who are in no team have the same id, [`NOBODYS`], which has no name.
//!
//! **Deliberately absent:** which team an agent was in when the call came. The configuration says
//! it as of now, for old calls too.

use std::collections::BTreeMap;

use crate::id::{AgentId, QueueId};
use crate::metrics::Naming;

/// Stands for the agents without a team.
const NOBODYS: AgentId = AgentId(u32::MAX);

/// The teams of agents, by login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teams(pub BTreeMap<String, String>);

impl Teams {
    /// The names of all teams, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.values().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(super) fn name(&self, team: AgentId) -> Option<String> {
        self.names().get(usize::try_from(team.0).ok()?).map(|&name| name.to_owned())
    }
}

/// Gives the agents of a team one id.
pub(super) struct ByTeam<'a> {
    teams: &'a BTreeMap<String, String>,
    names: Vec<&'a str>,
    queues: &'a mut dyn Naming,
}

impl<'a> ByTeam<'a> {
    pub(super) fn new(teams: &'a Teams, queues: &'a mut dyn Naming) -> Self {
        Self { teams: &teams.0, names: teams.names(), queues }
    }
}

impl Naming for ByTeam<'_> {
    fn queue(&mut self, name: &str) -> Option<QueueId> {
        self.queues.queue(name)
    }

    fn agent(&mut self, name: &str) -> Option<AgentId> {
        let team = self.teams.get(name).and_then(|team| self.names.binary_search(&&**team).ok());
        let id = team.and_then(|at| u32::try_from(at).ok()).map(AgentId);
        Some(id.unwrap_or(NOBODYS))
    }
}
