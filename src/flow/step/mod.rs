//! The verbs of the language, one file each.
//!
//! **Invariant:** nothing but this table names a verb, and a file here uses another one only to be
//! a special case of it.
//!
//! **Deliberately absent:** what a verb is: [`crate::flow::verb`]; what steps that ask have in
//! common: [`crate::flow::input_step`].

mod branch;
mod collect;
pub(in crate::flow) mod hangup;
mod hours_check;
mod lookup;
mod menu;
mod play;
mod queue;
mod record;
mod say;
mod set;
pub(in crate::flow) mod transfer;

use crate::flow::build::Build;
use crate::flow::read::{Item, Section};
use crate::flow::verb::Verb;

/// How a verb is written, and how it is read.
pub(in crate::flow) struct VerbEntry {
    /// `[say.greeting]` is a step with the verb `say` and the name `greeting`.
    pub(in crate::flow) name: &'static str,
    /// The variables that a step sets, and whether they are secret, before all of it is read.
    pub(in crate::flow) names: for<'a> fn(Item<'a>) -> Vec<(&'a str, bool)>,
    /// Reads a step of this name; `None`, and an error, where no step can be made of it.
    pub(in crate::flow) read: for<'a> fn(&Build<'a>, &str, &Section<'a>) -> Option<Box<dyn Verb>>,
}

/// Every verb of the language.
#[rustfmt::skip]
pub(in crate::flow) const VERBS: &[VerbEntry] = &[
    VerbEntry { name: "say", names: nothing, read: say::read },
    VerbEntry { name: "play", names: nothing, read: play::read },
    VerbEntry { name: "menu", names: nothing, read: menu::read },
    VerbEntry { name: "collect", names: collect::names, read: collect::read },
    VerbEntry { name: "branch", names: nothing, read: branch::read },
    VerbEntry { name: "set", names: set::names, read: set::read },
    VerbEntry { name: "hours_check", names: nothing, read: hours_check::read },
    VerbEntry { name: "queue", names: nothing, read: queue::read },
    VerbEntry { name: "transfer", names: nothing, read: transfer::read },
    VerbEntry { name: "record", names: record::names, read: record::read },
    VerbEntry { name: "lookup", names: lookup::names, read: lookup::read },
    VerbEntry { name: "hangup", names: nothing, read: hangup::read },
];

/// A verb that sets no variable.
fn nothing<'a>(_step: Item<'a>) -> Vec<(&'a str, bool)> {
    Vec::new()
}
