//! What the rest of the configuration declares, so that a flow cannot name what does not exist.
//!
//! **Deliberately absent:** the things themselves. A flow knows names; `center` knows agents.

use std::collections::{BTreeMap, BTreeSet};

/// A fact that texts and conditions may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// Whether it has a value of every caller, the first included.
    pub is_always_known: bool,
}

impl Field {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, is_always_known: false }
    }

    const fn always(name: &'static str, help: &'static str) -> Self {
        Self { is_always_known: true, ..Self::new(name, help) }
    }
}

/// Facts about a caller that every installation has, as `caller.<name>` in a flow.
#[rustfmt::skip]
pub const CALLER_FIELDS: [Field; 13] = [
    Field::new("account", "The account of the caller in `[callers]`."),
    Field::always("anonymous", "Whether the caller withholds the number."),
    Field::always(
        "calls_recent",
        "How many calls came from this number in the last `recent_days`.",
    ),
    Field::always("known", "Whether `[callers]` has the number."),
    Field::new(
        "language",
        "The language that `[callers]` has; a call begins in it, if the flow speaks it.",
    ),
    Field::new("last_agent", "The login of the agent who talked to this number last."),
    Field::new(
        "last_call_days",
        "Whole days since the last call ended; not known of a first caller.",
    ),
    Field::new("last_intent", "The intent of the last call."),
    Field::new("name", "The name that `[callers]` has, not the one the network shows."),
    Field::new("number", "The number, as in `+14155550123`; empty where it is withheld."),
    Field::new("preferred_agent", "The login of the agent that `[callers]` names."),
    Field::new("segment", "The segment that `[callers]` has."),
    Field::always("vip", "Whether `[callers]` says `vip`."),
];

/// Facts about the call, as `call.<name>` in a flow.
#[rustfmt::skip]
pub const CALL_FIELDS: [Field; 3] = [
    Field::always("id", "The call, as records name it: `call-41`."),
    Field::always("to", "The number that was dialed."),
    Field::always("via", "How the call came: `trunk:NAME`, `provider:NAME` or `agent:NAME`."),
];

/// Facts about the wait, as `queue.<name>` in what a queue announces.
#[rustfmt::skip]
pub const QUEUE_FIELDS: [Field; 2] = [
    Field::new("position", "The caller's place in line, from 1."),
    Field::new("waiting", "How many callers wait there, this one included."),
];

/// What stands by itself.
#[rustfmt::skip]
pub const WORDS: [Field; 2] = [
    Field::always("language", "The language that is spoken now."),
    Field::new("intent", "What the caller wants, as a step has set it."),
];

pub(in crate::flow) fn names(fields: &[Field]) -> impl Iterator<Item = &str> {
    fields.iter().map(|field| field.name)
}

/// Of `caller.<name>`.
pub(in crate::flow) fn is_always_known(name: &str) -> bool {
    CALLER_FIELDS.iter().any(|field| field.name == name && field.is_always_known)
}

/// Names a flow may use. `None` means "not known here": nothing of that kind is checked.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Skills that at least one agent has.
    pub skills: Option<BTreeSet<String>>,
    /// The skills of each agent, with their levels: who could answer a queue's calls.
    pub staff: Option<Vec<BTreeMap<String, u8>>>,
    /// Declared queues. A queue step without `queue = …` has one of its own name.
    pub queues: Option<BTreeSet<String>>,
    pub trunks: Option<BTreeSet<String>>,
    pub agents: Option<BTreeSet<String>>,
    /// Free fields of the caller directory, beside [`CALLER_FIELDS`].
    pub caller_fields: Option<BTreeSet<String>>,
    /// Services that look-ups may ask, as `host` or `host:port`, in lower case.
    pub services: Option<BTreeSet<String>>,
    /// Secrets of the configuration that look-ups may send, by name.
    pub hidden_names: Option<BTreeSet<String>>,
    /// Sound files, as paths relative to the prompts folder.
    pub sounds: Option<BTreeSet<String>>,
    /// Hold music by name; `default` and `ring` are always there.
    pub music: Option<BTreeSet<String>>,
}

impl Known {
    /// Takes every name: for looking at one file by itself.
    #[must_use]
    pub fn anything() -> Self {
        Self::default()
    }
}
