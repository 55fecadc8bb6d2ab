//! The reference of the language: for the terminal, for `docs/flow-reference.md`, for diagnostics.
//!
//! **Invariant:** an option, an exit, a field, a filter or a holiday stands in it because what
//! reads flows has it in the same constant; nothing is listed a second time for the reader.
//!
//! **Deliberately absent:** what a front does. Whoever asks gives that as [`Front`]s, because
//! providers are no part of the language.

mod page;
mod topics;
mod verbs;

use crate::flow::diagnostic::suggest;
use crate::flow::option::{Leads, Table};
use crate::flow::reference::page::{Page, names};
use crate::flow::step::VERBS;
use crate::words::Need;

/// What administrators should know of a verb.
pub(in crate::flow) struct Reference {
    pub(in crate::flow) group: Group,
    /// What a step of it does, as one clause.
    pub(in crate::flow) summary: &'static str,
    /// Paragraphs.
    pub(in crate::flow) about: &'static [&'static str],
    /// What a step may hold, exits included.
    pub(in crate::flow) table: Table,
    /// What a step may need of a front.
    pub(in crate::flow) needs: fn() -> Vec<Need>,
    /// A whole flow, which passes the check without a warning.
    pub(in crate::flow) example: &'static str,
}

/// What verbs are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Group {
    Speak,
    Ask,
    Decide,
    People,
    End,
}

impl Group {
    const ALL: [Self; 5] = [Self::Speak, Self::Ask, Self::Decide, Self::People, Self::End];

    fn title(self) -> &'static str {
        match self {
            Self::Speak => "to speak",
            Self::Ask => "to ask the caller",
            Self::Decide => "to decide, to set and to look up",
            Self::People => "to hand the call to people",
            Self::End => "to end",
        }
    }
}

/// What carries calls, and what it does otherwise than a telephone of our own.
pub struct Front<'a> {
    pub name: &'a str,
    /// What is different, or `None`.
    pub differs: &'a dyn Fn(&Need) -> Option<String>,
}

/// All of it, as Markdown.
#[must_use]
pub fn markdown(fronts: &[Front<'_>]) -> String {
    let mut text = format!("{}\n{}\n", page::TITLE, topics::preface());
    for page in pages(fronts) {
        text.push_str(&page.markdown());
    }
    text
}

/// All topics, a line each.
#[must_use]
pub fn overview() -> String {
    let mut text = format!("{}\n", topics::preface());
    let about = topics::TOPICS.iter().map(|topic| (topic.name.to_owned(), topic.title.to_owned()));
    text.push_str(&format!("Topics:\n{}\n", names(about)));
    text.push_str(&list_verbs());
    text.push_str(
        "\n`attendant help flow NAME` says all of one; docs/flow-reference.md has them together.\n",
    );
    text
}

/// One topic or verb, for a terminal; or the topics there are.
///
/// # Errors
///
/// What is wrong with the name.
pub fn help(name: &str, fronts: &[Front<'_>]) -> Result<String, String> {
    let pages = pages(fronts);
    if let Some(page) = pages.iter().find(|page| page.name == name) {
        return Ok(page.terminal());
    }
    let known = suggest(name, pages.iter().map(|page| page.name)).unwrap_or_default();
    Err(format!("the flow language has no `{name}`: {known}"))
}

fn pages(fronts: &[Front<'_>]) -> Vec<Page> {
    let topics = topics::TOPICS.iter().map(|topic| topic.page(fronts));
    let verbs = VERBS.iter().map(|verb| verbs::page(verb, fronts));
    topics.chain(verbs).collect()
}

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

/// The options of a table, a line each, and its exits.
pub(in crate::flow) fn listing(table: &Table) -> String {
    let lines = |is_exit: bool| {
        let wanted = move |leads| (leads == Leads::ByName) == is_exit;
        let options = table.options().filter(move |option| wanted(option.leads()));
        names(options.map(|option| (option.name().to_owned(), option.help().to_owned())))
    };
    let (options, exits) = (lines(false), lines(true));
    let exits = if exits.is_empty() { exits } else { format!("and these lead to steps:\n{exits}") };
    format!("`{}` may have\n{options}{exits}", table.name)
}
