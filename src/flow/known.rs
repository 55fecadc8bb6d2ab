//! What the rest of the configuration declares, so that a flow cannot name what does not exist.
//!
//! **Deliberately absent:** the things themselves. A flow knows names; `center` knows agents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A fact that texts and conditions may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    pub name: &'static str,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// Whether it has a value of every caller, the first included.
    pub is_always_known: bool,
}

impl Fact {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, is_always_known: false }
    }

    const fn always(name: &'static str, help: &'static str) -> Self {
        Self { is_always_known: true, ..Self::new(name, help) }
    }
}

/// Facts about a caller that every installation has, as `caller.<name>` in a flow.
#[rustfmt::skip]
pub const CALLER_FIELDS: [Fact; 13] = [
    Fact::new("account", "The account of the caller in `[callers]`."),
    Fact::always("anonymous", "Whether the caller withholds the number."),
    Fact::always(
        "calls_recent",
        "How many calls came from this number in the last `recent_days`.",
    ),
    Fact::always("known", "Whether `[callers]` has the number."),
    Fact::new(
        "language",
        "The language that `[callers]` has; a call begins in it, if the flow speaks it.",
    ),
    Fact::new("last_agent", "The login of the agent who talked to this number last."),
    Fact::new(
        "last_call_days",
        "Whole days since the last call ended; not known of a first caller.",
    ),
    Fact::new("last_intent", "The intent of the last call."),
    Fact::new("name", "The name that `[callers]` has, not the one the network shows."),
    Fact::new("number", "The number, as in `+14155550123`; empty where it is withheld."),
    Fact::new("preferred_agent", "The login of the agent that `[callers]` names."),
    Fact::new("segment", "The segment that `[callers]` has."),
    Fact::always("vip", "Whether `[callers]` says `vip`."),
];

/// Facts about the call, as `call.<name>` in a flow.
#[rustfmt::skip]
pub const CALL_FIELDS: [Fact; 3] = [
    Fact::always("id", "The call, as records name it: `call-41`."),
    Fact::always(
        "to",
        "The number of ours that was dialed; where we dialed the caller, the one asked to be \
         shown, or empty.",
    ),
    Fact::always(
        "via",
        "`trunk:NAME`, `provider:NAME` or `agent:NAME`, by which the call came; `outbound:NAME` \
         where we dialed the caller.",
    ),
];

/// Facts about the wait, as `queue.<name>` in what a queue announces.
#[rustfmt::skip]
pub const QUEUE_FIELDS: [Fact; 2] = [
    Fact::new("position", "The caller's place in line, from 1."),
    Fact::new("waiting", "How many callers wait there, this one included."),
];

/// What stands by itself.
#[rustfmt::skip]
pub const WORDS: [Fact; 2] = [
    Fact::always("language", "The language that is spoken now."),
    Fact::new("intent", "What the caller wants, as a step has set it."),
];

pub(in crate::flow) fn names(fields: &[Fact]) -> impl Iterator<Item = &str> {
    fields.iter().map(|field| field.name)
}

/// Of `caller.<name>`.
pub(in crate::flow) fn is_always_known(name: &str) -> bool {
    CALLER_FIELDS.iter().any(|field| field.name == name && field.is_always_known)
}

/// The endings of such files.
const ENDINGS: [&str; 2] = [".csv", ".txt"];

/// Files by name, as they stand in the folder of the flow: the text of each, or why it cannot be
/// read.
pub type Beside = BTreeMap<String, Result<Arc<str>, String>>;

/// Whether a file of this name is one that flows may look things up in.
#[must_use]
pub fn is_beside(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
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
    /// Files in the folder of the flow that its steps may look things up in.
    pub files: Option<Beside>,
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
