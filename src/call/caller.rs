//! The caller: what the directory knows of a number, and what we learned ourselves.
//!
//! **Invariant:** recognition is a label, never a login. Nothing here may unlock anything.
//!
//! **Deliberately absent:** reading the directory file; `config` does, and hands over entries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::flow::{Knows, Values};
use crate::time::Timestamp;
use crate::words::Origin;

/// Numbers we remember something about; past this the one heard of longest ago is forgotten.
pub const HISTORIES_MAX: usize = 1_000_000;
/// Calls of one number that are remembered one by one.
const CALLS_PER_NUMBER_MAX: usize = 64;
const DAY_S: u64 = 24 * 60 * 60;

/// One entry of the callers directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub name: Option<String>,
    /// BCP 47, as flows name languages.
    pub language: Option<String>,
    pub vip: bool,
    pub segment: Option<String>,
    pub account: Option<String>,
    /// The agent's name in the configuration.
    pub preferred_agent: Option<String>,
    /// Free fields, available to flows as `caller.<field>`.
    pub fields: BTreeMap<String, Value>,
}

/// Numbers in E.164 (or extensions) to entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Directory {
    entries: BTreeMap<String, Arc<Entry>>,
}

impl Directory {
    /// Returns whether the number was free; a number belongs to one entry.
    pub fn insert(&mut self, number: String, entry: Arc<Entry>) -> bool {
        self.entries.insert(number, entry).is_none()
    }

    #[must_use]
    pub fn find(&self, number: &str) -> Option<&Arc<Entry>> {
        self.entries.get(number)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// In order.
    pub fn numbers(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The numbers of an account.
    pub fn numbers_of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a str> {
        let of_account =
            move |(_, entry): &(&String, &Arc<Entry>)| entry.account.as_deref() == Some(account);
        self.entries.iter().filter(of_account).map(|(number, _)| number.as_str())
    }

    /// Names of the free fields anybody has, for the flow check.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.entries.values().flat_map(|entry| entry.fields.keys().map(String::as_str))
    }
}

/// What earlier calls from one number taught us.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Ends of its latest calls, oldest first.
    pub calls: VecDeque<Timestamp>,
    pub last_intent: Option<Arc<str>>,
    pub last_agent: Option<Arc<str>>,
}

/// What earlier calls say of a caller who calls now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Heard {
    calls_recent: usize,
    last_call_days: Option<u64>,
    last_intent: Option<Arc<str>>,
    last_agent: Option<Arc<str>>,
}

impl History {
    /// Calls that are no older than `recent` are recent ones.
    #[must_use]
    pub fn heard(&self, now: Timestamp, recent: Duration) -> Heard {
        let last_call = self.calls.back();
        Heard {
            calls_recent: self.calls.iter().filter(|&&at| now.since(at) <= recent).count(),
            last_call_days: last_call.map(|&at| now.since(at).as_secs() / DAY_S),
            last_intent: self.last_intent.clone(),
            last_agent: self.last_agent.clone(),
        }
    }
}

/// What is known of a call when it comes: how it came, and what is known of its caller.
#[derive(Clone, Debug)]
pub struct Recognized {
    pub origin: Arc<Origin>,
    pub entry: Option<Arc<Entry>>,
    pub heard: Heard,
}

impl Knows for Recognized {
    fn caller(&self) -> Values {
        variables(self.origin.from.as_deref(), self.entry.as_deref(), &self.heard)
    }

    fn call(&self) -> Values {
        Values::from_iter([
            ("id", self.origin.call.to_string().into()),
            ("to", self.origin.to.clone().into()),
            ("via", self.origin.via.to_string().into()),
        ])
    }

    fn language(&self) -> Option<&str> {
        self.entry.as_ref()?.language.as_deref()
    }

    /// All but how the call came, which the call knows.
    fn saved(&self) -> Value {
        json!((&self.entry, &self.heard))
    }
}

impl Recognized {
    /// What was [written down](Knows::saved) of a call that came like this.
    pub(super) fn resume(origin: Arc<Origin>, saved: Value) -> serde_json::Result<Self> {
        let (entry, heard) = serde_json::from_value(saved)?;
        Ok(Self { origin, entry, heard })
    }
}

/// Histories by number.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    by_number: BTreeMap<Arc<str>, History>,
    /// The same numbers by last call, to forget the oldest.
    by_age: BTreeSet<(Timestamp, Arc<str>)>,
}

impl Learned {
    #[must_use]
    pub fn find(&self, number: &str) -> Option<&History> {
        self.by_number.get(number)
    }

    /// A call from this number ended.
    pub fn call_ended(
        &mut self,
        number: &str,
        at: Timestamp,
        intent: Option<&str>,
        agent: Option<&str>,
    ) {
        let entry = self.by_number.entry(Arc::from(number));
        let number = Arc::clone(entry.key());
        let history = entry.or_default();
        if let Some(&last) = history.calls.back() {
            self.by_age.remove(&(last, Arc::clone(&number)));
        }
        history.calls.push_back(at);
        if history.calls.len() > CALLS_PER_NUMBER_MAX {
            history.calls.pop_front();
        }
        for (update, last) in [(intent, &mut history.last_intent), (agent, &mut history.last_agent)]
        {
            if update.is_some() && update != last.as_deref() {
                *last = update.map(Arc::from);
            }
        }
        self.by_age.insert((at, number));
        while self.by_number.len() > HISTORIES_MAX {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.by_number.remove(&oldest);
        }
    }
}

/// The `caller.*` variables of a flow. Every name is always there, so that a flow never has to ask
/// whether one exists: unknown text is `""`, unknown numbers are `none`.
#[must_use]
pub fn variables(number: Option<&str>, entry: Option<&Entry>, heard: &Heard) -> Values {
    let none = Entry::default();
    let known = entry.is_some();
    let entry = entry.unwrap_or(&none);
    let text = |value: Option<&str>| Value::from(value.unwrap_or_default());
    let always = [
        ("account", text(entry.account.as_deref())),
        ("anonymous", json!(number.is_none())),
        ("calls_recent", json!(heard.calls_recent)),
        ("known", json!(known)),
        ("language", text(entry.language.as_deref())),
        ("last_agent", text(heard.last_agent.as_deref())),
        ("last_call_days", json!(heard.last_call_days)),
        ("last_intent", text(heard.last_intent.as_deref())),
        // Not the name on the wire: that is whatever the far end wrote.
        ("name", text(entry.name.as_deref())),
        ("number", json!(number.unwrap_or_default())),
        ("preferred_agent", text(entry.preferred_agent.as_deref())),
        ("segment", text(entry.segment.as_deref())),
        ("vip", json!(entry.vip)),
    ];
    let mut vars: Values = always.into_iter().collect();
    vars.extend(entry.fields.iter().map(|(name, value)| (name.clone(), value.clone())));
    vars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_learned_is_there_at_the_next_call() {
        let day = Duration::from_secs(DAY_S);
        let mut learned = Learned::default();
        learned.call_ended("+14155550123", Timestamp(0), Some("billing"), Some("alice"));
        learned.call_ended("+14155550123", Timestamp(0) + day, None, None);
        let now = Timestamp(0) + day * 3;
        let heard = learned.find("+14155550123").unwrap().heard(now, day * 2);
        let vars = variables(Some("+14155550123"), None, &heard);
        assert_eq!(vars["last_intent"], "billing");
        assert_eq!(vars["last_agent"], "alice");
        assert_eq!(vars["last_call_days"], 2);
        assert_eq!(vars["calls_recent"], 1);
        assert_eq!(vars["known"], false);
    }

    #[test]
    fn a_stranger_has_every_variable_too() {
        let vars = variables(None, None, &Heard::default());
        assert_eq!(vars["anonymous"], true);
        assert_eq!(vars["name"], "");
        assert_eq!(vars["last_call_days"], Value::Null);
    }
}
