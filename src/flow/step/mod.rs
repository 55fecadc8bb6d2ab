//! The verbs of the language, one file each.
//!
//! **Invariant:** nothing but this table names a verb, and a file here uses another one only to be
//! a special case of it.
//!
//! **Deliberately absent:** what a verb is: [`crate::flow::verb`]; what steps that ask have in
//! common: [`crate::flow::input_step`].

mod branch;
mod caller_in_list;
mod collect;
mod confirm;
mod goto;
pub(in crate::flow) mod hangup;
mod hours_check;
mod lookup;
mod r#loop;
mod menu;
mod milestone;
mod note;
mod outcome;
mod play;
mod queue;
mod record;
mod say;
mod set;
mod silence;
mod split;
mod switch;
mod table;
pub(in crate::flow) mod transfer;
mod unset;
mod wait;

use crate::flow::build::Build;
use crate::flow::read::{Item, Section};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::reference::page::names;
use crate::flow::verb::Verb;

/// How a verb is written, and how it is read.
pub(in crate::flow) struct VerbEntry {
    /// `[say.greeting]` is a step with the verb `say` and the name `greeting`.
    pub(in crate::flow) name: &'static str,
    /// The variables that a step sets, and whether they are secret, before all of it is read.
    pub(in crate::flow) names: for<'a> fn(Item<'a>) -> Vec<(&'a str, bool)>,
    /// What the reference says of it: its options are those that can be read.
    pub(in crate::flow) reference: &'static Reference,
    /// Reads a step of this name; `None`, and an error, where no step can be made of it.
    pub(in crate::flow) read: for<'a> fn(&Build<'a>, &str, &Section<'a>) -> Option<Box<dyn Verb>>,
}

/// Every verb of the language, in the order of the reference.
pub(in crate::flow) const VERBS: &[VerbEntry] = &[
    VerbEntry { name: "say", names: nothing, reference: &say::REFERENCE, read: say::read },
    VerbEntry { name: "play", names: nothing, reference: &play::REFERENCE, read: play::read },
    VerbEntry {
        name: "silence",
        names: nothing,
        reference: &silence::REFERENCE,
        read: silence::read,
    },
    VerbEntry { name: "wait", names: nothing, reference: &wait::REFERENCE, read: wait::read },
    VerbEntry { name: "menu", names: nothing, reference: &menu::REFERENCE, read: menu::read },
    VerbEntry {
        name: "confirm",
        names: nothing,
        reference: &confirm::REFERENCE,
        read: confirm::read,
    },
    VerbEntry {
        name: "collect",
        names: collect::names,
        reference: &collect::REFERENCE,
        read: collect::read,
    },
    VerbEntry { name: "branch", names: nothing, reference: &branch::REFERENCE, read: branch::read },
    VerbEntry { name: "switch", names: nothing, reference: &switch::REFERENCE, read: switch::read },
    VerbEntry { name: "split", names: nothing, reference: &split::REFERENCE, read: split::read },
    VerbEntry {
        name: "loop",
        names: r#loop::names,
        reference: &r#loop::REFERENCE,
        read: r#loop::read,
    },
    VerbEntry { name: "goto", names: nothing, reference: &goto::REFERENCE, read: goto::read },
    VerbEntry { name: "set", names: set::names, reference: &set::REFERENCE, read: set::read },
    VerbEntry { name: "unset", names: nothing, reference: &unset::REFERENCE, read: unset::read },
    VerbEntry {
        name: "hours_check",
        names: nothing,
        reference: &hours_check::REFERENCE,
        read: hours_check::read,
    },
    VerbEntry {
        name: "caller_in_list",
        names: nothing,
        reference: &caller_in_list::REFERENCE,
        read: caller_in_list::read,
    },
    VerbEntry {
        name: "table",
        names: table::names,
        reference: &table::REFERENCE,
        read: table::read,
    },
    VerbEntry { name: "queue", names: nothing, reference: &queue::REFERENCE, read: queue::read },
    VerbEntry {
        name: "transfer",
        names: nothing,
        reference: &transfer::REFERENCE,
        read: transfer::read,
    },
    VerbEntry {
        name: "record",
        names: record::names,
        reference: &record::REFERENCE,
        read: record::read,
    },
    VerbEntry {
        name: "lookup",
        names: lookup::names,
        reference: &lookup::REFERENCE,
        read: lookup::read,
    },
    VerbEntry {
        name: "milestone",
        names: nothing,
        reference: &milestone::REFERENCE,
        read: milestone::read,
    },
    VerbEntry {
        name: "outcome",
        names: nothing,
        reference: &outcome::REFERENCE,
        read: outcome::read,
    },
    VerbEntry { name: "note", names: nothing, reference: &note::REFERENCE, read: note::read },
    VerbEntry { name: "hangup", names: nothing, reference: &hangup::REFERENCE, read: hangup::read },
];

/// The verbs in their groups, a line each.
pub(in crate::flow) fn list_verbs() -> String {
    let of = |group: Group| {
        let verbs = VERBS.iter().filter(move |verb| verb.reference.group == group);
        let lines =
            names(verbs.map(|verb| (verb.name.to_owned(), verb.reference.summary.to_owned())));
        format!("Verbs {}:\n{lines}", group.title())
    };
    Group::ALL.map(of).concat()
}

/// A verb that sets no variable.
fn nothing<'a>(_step: Item<'a>) -> Vec<(&'a str, bool)> {
    Vec::new()
}
