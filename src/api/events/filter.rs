//! Which facts a listener wants, and which an agent's token may have.
//!
//! **Invariant:** an agent gets facts about themselves, their legs, and the calls they have, while
//! they have them: no other agent, caller or number. A filter names only what there is: a
//! misspelled queue is refused, instead of giving a stream of facts that never come.

use std::sync::Arc;

use crate::api::error::ApiError;
use crate::flow::suggest;
use crate::live::{Concern, RingFact};
use crate::words::{CallFact, Fact, Roster};

/// Names that one filter may list.
const NAMES_MAX: usize = 64;

/// Everything where a list is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FactFilter {
    queues: Vec<String>,
    agents: Vec<String>,
    kinds: Vec<String>,
    /// The agent whose token it is: all but their own is left out.
    own: Option<String>,
}

impl FactFilter {
    /// With `own` it is for the token of this agent.
    pub(super) fn read(
        query: &[(String, String)],
        own: Option<&str>,
        roster: &Roster,
    ) -> Result<Self, ApiError> {
        let mut filter = Self { own: own.map(str::to_owned), ..Self::default() };
        let own_roster = own.map(|own| own_of(roster, own));
        let roster = own_roster.as_ref().unwrap_or(roster);
        if query.len() > NAMES_MAX {
            let message = format!("a filter lists at most {NAMES_MAX} names");
            return Err(ApiError::bad_request(message));
        }
        for (key, name) in query {
            let (list, known): (_, Vec<&str>) = match key.as_str() {
                "queue" => (&mut filter.queues, roster.queues.iter().map(|it| &**it).collect()),
                "agent" => (&mut filter.agents, roster.agents.iter().map(|it| &*it.name).collect()),
                "kind" => (&mut filter.kinds, Fact::KINDS.to_vec()),
                _ => {
                    let help = suggest(key, ["queue", "agent", "kind"]).unwrap_or_default();
                    let message = format!("there is no parameter `{key}`: {help}");
                    return Err(ApiError::bad_request(message));
                }
            };
            if !known.contains(&name.as_str()) {
                return Err(ApiError::no_such_name(key, name, known));
            }
            list.push(name.clone());
        }
        Ok(filter)
    }

    pub(super) fn lets_through(&self, entry: &RingFact) -> bool {
        let kind = entry.numbered.fact.kind();
        let of_kind = self.kinds.is_empty() || self.kinds.iter().any(|it| it == kind);
        // Whom there is and whether the server ends concerns everybody.
        let of_all = match &entry.numbered.fact {
            Fact::Roster(_) | Fact::Draining { .. } => true,
            Fact::CallBegan(_)
            | Fact::Call { .. }
            | Fact::CallStands { .. }
            | Fact::OfferEnded { .. }
            | Fact::AgentMoved { .. }
            | Fact::AgentStands(_)
            | Fact::RecordAmended { .. }
            | Fact::RecordingAmended { .. } => false,
        };
        of_kind && (of_all || self.concerns(&entry.concern)) && self.is_open(entry)
    }

    fn is_open(&self, entry: &RingFact) -> bool {
        let Some(own) = &self.own else { return true };
        match &entry.numbered.fact {
            Fact::Roster(_) | Fact::Draining { .. } => true,
            // What the caller pressed, and what was recorded, is in no view of the agent's either.
            Fact::Call {
                happened:
                    CallFact::Input { .. }
                    | CallFact::RecordingBegan { .. }
                    | CallFact::RecordingUpdated { .. },
                ..
            } => false,
            Fact::CallBegan(_)
            | Fact::Call { .. }
            | Fact::CallStands { .. }
            | Fact::OfferEnded { .. }
            | Fact::AgentMoved { .. }
            | Fact::AgentStands(_) => entry.owners.has(own),
            // Of a record, which others may have added to.
            Fact::RecordAmended { .. } | Fact::RecordingAmended { .. } => false,
        }
    }

    /// The agent whose token it is.
    pub(super) fn own(&self) -> Option<&str> {
        self.own.as_deref()
    }

    pub(super) fn concerns(&self, concern: &Concern) -> bool {
        let any = |wanted: &[String], there: &[Arc<str>]| {
            wanted.is_empty() || there.iter().any(|it| wanted.iter().any(|name| **name == **it))
        };
        any(&self.queues, &concern.queues) && any(&self.agents, &concern.agents)
    }

    pub(super) fn wants_queue(&self, queue: &str) -> bool {
        let is_named = self.queues.is_empty() || self.queues.iter().any(|name| name == queue);
        self.own.is_none() && is_named
    }

    pub(super) fn wants_agent(&self, agent: &str) -> bool {
        self.own.as_deref().is_none_or(|own| own == agent) && self.names_agent(agent)
    }

    fn names_agent(&self, agent: &str) -> bool {
        self.agents.is_empty() || self.agents.iter().any(|name| name == agent)
    }
}

/// As much of it as this agent may know.
pub(super) fn own_of(roster: &Roster, own: &str) -> Roster {
    let agents = roster.agents.iter().filter(|agent| &*agent.name == own).cloned().collect();
    Roster { agents, ..Roster::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AgentId;
    use crate::words::RosterAgent;

    fn read(query: &[(&str, &str)]) -> Result<FactFilter, String> {
        let agent = |name: &str| RosterAgent {
            agent: AgentId(0),
            name: name.into(),
            display_name: None,
            team: None,
            skills: Vec::new(),
            origins: Vec::new(),
        };
        let (agents, queues) = (vec![agent("alice")], vec!["billing".into()]);
        let roster = Roster { agents, queues, ..Roster::default() };
        let owned: Vec<_> =
            query.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
        FactFilter::read(&owned, None, &roster).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_with_one_that_is_near() {
        let why = |query| read(&[query]).unwrap_err();
        let said = why(("queue", "biling"));
        assert_eq!(said, "no queue is named `biling`: did you mean `billing`?");
        assert_eq!(why(("agent", "bob")), "no agent is named `bob`: there is `alice`");
        let said = why(("kind", "agent_stand"));
        assert_eq!(said, "no kind is named `agent_stand`: did you mean `agent_stands`?");
        let said = why(("agents", "alice"));
        assert_eq!(said, "there is no parameter `agents`: did you mean `agent`?");
    }

    #[test]
    fn one_of_each_list_has_to_match() {
        let concern = |queues: &[&str], agents: &[&str]| Concern {
            queues: queues.iter().map(|it| (*it).into()).collect(),
            agents: agents.iter().map(|it| (*it).into()).collect(),
        };
        let both = read(&[("queue", "billing"), ("agent", "alice")]).unwrap();
        assert!(both.concerns(&concern(&["tech", "billing"], &["alice", "bob"])));
        assert!(!both.concerns(&concern(&["billing"], &["bob"])));
        assert!(!both.concerns(&concern(&[], &["alice"])));
        assert!(FactFilter::default().concerns(&concern(&[], &[])));
    }
}
