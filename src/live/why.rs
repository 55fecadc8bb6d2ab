//! Why a waiting call is not with an agent yet, from the facts: what its queue goes by, and how
//! each agent stands.
//!
//! **Invariant:** it says of each agent what the center's own
//! [`explain`](crate::center::ContactCenter::explain) says; simulations compare the two.
//!
//! **Deliberately absent:** the past of calls that left; their offers are in the call's record.

use std::sync::Arc;

use crate::id::CallId;
use crate::live::Board;
use crate::time::Timestamp;
use crate::words::{AgentStands, AgentState, Demanded, RosterAgent, Search, Why};

impl Board {
    /// Every agent as considered for a waiting call, in the order of their ids; `None` where it
    /// does not wait.
    #[must_use]
    pub fn why(&self, call: CallId, now: Timestamp) -> Option<Vec<(Arc<str>, Why)>> {
        let search = self.search(call)?;
        let agents = self.roster().agents.iter().filter_map(|agent| {
            let stands = self.stands(agent.agent)?;
            Some((Arc::clone(&agent.name), why(search, agent, stands, now)))
        });
        Some(agents.collect())
    }
}

fn why(search: &Search, agent: &RosterAgent, stands: &AgentStands, now: Timestamp) -> Why {
    if search.offered_to == Some(agent.agent) {
        return Why::Offered;
    }
    if stands.state == AgentState::LoggedOut {
        return Why::LoggedOut;
    }
    if let Some(lacks) = search.demands.iter().find_map(|demand| lacks(demand, agent)) {
        return lacks;
    }
    let tried = search.tried.iter().find(|tried| tried.agent == agent.agent);
    if let Some(tried) = tried.filter(|tried| tried.keeps_away && tried.until > now) {
        return Why::Excluded { tried: Some((tried.outcome, tried.at)), until: tried.until };
    }
    if let Some(held) = search.held_for.as_ref().filter(|held| held.agent != agent.agent) {
        return Why::HeldFor { agent: Arc::clone(&held.name), until: held.until };
    }
    match &stands.state {
        AgentState::LoggedOut => Why::LoggedOut,
        AgentState::NotReady { reason } => Why::NotReady { reason: reason.clone() },
        AgentState::Ready if !stands.reachable => Why::Unreachable,
        AgentState::Ready => Why::Behind,
        AgentState::OnOwnCall { call }
        | AgentState::Reserved { call, .. }
        | AgentState::Talking { call }
        | AgentState::AfterCallWork { call, .. } => Why::Busy { call: *call },
    }
}

/// What the agent lacks of a demand.
fn lacks(demand: &Demanded, agent: &RosterAgent) -> Option<Why> {
    match demand {
        Demanded::Origin(origin) => {
            let is_reached = agent.origins.contains(origin);
            (!is_reached).then(|| Why::Elsewhere { origin: Arc::clone(origin) })
        }
        Demanded::Skill { skill, level: needs } => {
            let (skill, needs) = (Arc::clone(skill), *needs);
            let has = agent.skills.iter().find(|(name, _)| **name == *skill);
            let has = has.map_or(0, |(_, level)| *level);
            (has < needs).then_some(Why::LacksSkill { skill, needs, has })
        }
    }
}
