//! The names of agents, queues and skills, each with the id that it got when it was first heard of.
//!
//! The name says who an agent is. One who is removed and added again is the same one; an agent
//! who gets another name is removed, and another one is added.
//!
//! **Invariant:** a name keeps its id and an id its name, over every change of the configuration
//! and over restarts: these lists only grow. So an id in an old journal, a record or a figure means
//! today what it meant then.
//!
//! **Deliberately absent:** which of them the configuration names today
//! ([`Setup`](crate::center::Setup) knows), and the file that keeps them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, QueueId, SkillId};

/// Names of one kind that a center ever knows.
pub const NAMES_MAX: usize = 1_000_000;

/// By id, which is the place in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    pub agents: Table,
    pub queues: Table,
    pub skills: Table,
}

/// Names of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct Table {
    names: Vec<String>,
    ids: BTreeMap<String, u32>,
}

/// Lists of names that cannot be those of one center.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    #[error("`{0}` is there twice: each name has one id")]
    Twice(String),
    #[error("more than {NAMES_MAX} names of one kind")]
    TooMany,
    #[error("the {kind} of id {id} is `{known}` and cannot be `{other}` as well")]
    Other { kind: &'static str, id: usize, known: String, other: String },
}

impl Table {
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    #[must_use]
    pub fn name(&self, id: u32) -> Option<&str> {
        self.names.get(id as usize).map(String::as_str)
    }

    /// The id of this name, which gets the next one if it has none.
    pub fn intern(&mut self, name: &str) -> u32 {
        if let Some(id) = self.get(name) {
            return id;
        }
        let id = u32::try_from(self.names.len()).expect("NAMES_MAX is checked where names come in");
        self.names.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        id
    }

    /// In order of id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether every id of `older` means the same here.
    fn goes_on_from(&self, older: &Self, kind: &'static str) -> Result<(), NamesError> {
        let both = older.names.iter().zip(&self.names).enumerate();
        for (id, (known, other)) in both {
            if known != other {
                let (known, other) = (known.clone(), other.clone());
                return Err(NamesError::Other { kind, id, known, other });
            }
        }
        match older.names.get(self.names.len()) {
            None => Ok(()),
            Some(known) => {
                let (id, known, other) = (self.names.len(), known.clone(), String::new());
                Err(NamesError::Other { kind, id, known, other })
            }
        }
    }
}

impl Names {
    #[must_use]
    pub fn agent(&self, name: &str) -> Option<AgentId> {
        self.agents.get(name).map(AgentId)
    }

    #[must_use]
    pub fn queue(&self, name: &str) -> Option<QueueId> {
        self.queues.get(name).map(QueueId)
    }

    #[must_use]
    pub fn skill(&self, name: &str) -> Option<SkillId> {
        self.skills.get(name).map(SkillId)
    }

    #[must_use]
    pub fn agent_name(&self, agent: AgentId) -> Option<&str> {
        self.agents.name(agent.0)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty() && self.queues.is_empty() && self.skills.is_empty()
    }

    /// Whether these are those of `older`, and perhaps more.
    ///
    /// # Errors
    ///
    /// The first id that means something else.
    pub fn goes_on_from(&self, older: &Self) -> Result<(), NamesError> {
        self.agents.goes_on_from(&older.agents, "agent")?;
        self.queues.goes_on_from(&older.queues, "queue")?;
        self.skills.goes_on_from(&older.skills, "skill")
    }

    /// Whether there is room for them.
    ///
    /// # Errors
    ///
    /// When there are more than [`NAMES_MAX`] of a kind.
    pub fn check(&self) -> Result<(), NamesError> {
        let longest = self.agents.len().max(self.queues.len()).max(self.skills.len());
        if longest > NAMES_MAX { Err(NamesError::TooMany) } else { Ok(()) }
    }
}

impl From<Table> for Vec<String> {
    fn from(table: Table) -> Self {
        table.names
    }
}

impl TryFrom<Vec<String>> for Table {
    type Error = NamesError;

    fn try_from(names: Vec<String>) -> Result<Self, NamesError> {
        if names.len() > NAMES_MAX {
            return Err(NamesError::TooMany);
        }
        let mut table = Self::default();
        for (name, id) in names.into_iter().zip(0..) {
            if table.intern(&name) != id {
                return Err(NamesError::Twice(name));
            }
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> Table {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        names.try_into().unwrap()
    }

    #[test]
    fn a_name_keeps_its_id_and_a_new_one_gets_the_next() {
        let mut agents = table(&["bob", "alice"]);
        assert_eq!([agents.intern("alice"), agents.intern("carol")], [1, 2]);
        assert_eq!(agents, table(&["bob", "alice", "carol"]));
    }

    #[test]
    fn lists_are_read_back_as_they_were_and_no_name_is_there_twice() {
        let names = Names { agents: table(&["bob", "alice"]), ..Names::default() };
        let text = serde_json::to_string(&names).unwrap();
        assert_eq!(serde_json::from_str::<Names>(&text).unwrap(), names);
        let twice = serde_json::from_str::<Table>(r#"["bob","bob"]"#).unwrap_err().to_string();
        assert!(twice.contains("`bob` is there twice"), "{twice}");
    }

    #[test]
    fn names_go_on_from_those_before_or_say_which_id_does_not() {
        let older = Names { agents: table(&["bob", "alice"]), ..Names::default() };
        let more = Names { agents: table(&["bob", "alice", "carol"]), ..Names::default() };
        assert_eq!(more.goes_on_from(&older), Ok(()));
        let other = Names { agents: table(&["alice", "bob"]), ..Names::default() };
        let refused = other.goes_on_from(&older).unwrap_err().to_string();
        assert_eq!(refused, "the agent of id 0 is `bob` and cannot be `alice` as well");
        assert!(older.goes_on_from(&more).is_err(), "a name was lost");
    }
}
