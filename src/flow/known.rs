//! What the rest of the configuration declares, so that a flow cannot name what does not exist.
//!
//! **Deliberately absent:** the things themselves. A flow knows names; `center` knows agents.

use std::collections::{BTreeMap, BTreeSet};

/// Facts about a caller that every installation has, as `caller.<name>` in a flow.
pub const CALLER_FIELDS: [&str; 13] = [
    "account",
    "anonymous",
    "calls_recent",
    "known",
    "language",
    "last_agent",
    "last_call_days",
    "last_intent",
    "name",
    "number",
    "preferred_agent",
    "segment",
    "vip",
];

/// Facts about the call, as `call.<name>` in a flow.
pub const CALL_FIELDS: [&str; 3] = ["id", "to", "via"];

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
