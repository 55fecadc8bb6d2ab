//! The reference of the language: for the terminal, for `docs/flow-reference.md`, for diagnostics.
//!
//! **Invariant:** an option, an exit, a field, a filter or a holiday stands in it because what
//! reads flows has it in the same constant; nothing is listed a second time for the reader.
//!
//! **Deliberately absent:** what a front does. Whoever asks gives that as [`Front`]s, because
//! providers are no part of the language.

pub(in crate::flow) mod entry;
mod fronts;
mod json_schema;
pub(in crate::flow) mod page;
mod topics;
mod verbs;

use crate::flow::diagnostic::suggest;
use crate::flow::reference::page::{Page, names};
use crate::flow::step::{VERBS, list_verbs};

pub use fronts::Front;

const TITLE: &str = "# The flow language\n";
const MADE: &str = "This page is made of the constants that flows are read by; `attendant help flow \
                    NAME` has the same in a terminal.\n";

/// All of it, as Markdown.
#[must_use]
pub fn markdown(fronts: &[Front<'_>]) -> String {
    let pages = pages(fronts);
    let contents: String = pages.iter().map(Page::link).collect();
    let mut text = format!("{TITLE}\n{}\n{MADE}\n{contents}", topics::preface());
    text.extend(pages.iter().map(Page::markdown));
    text
}

/// The JSON Schema of a flow file.
#[must_use]
pub fn json_schema() -> String {
    format!("{:#}\n", json_schema::document())
}

/// All topics, a line each.
#[must_use]
pub fn overview() -> String {
    let mut text = format!("{}\n", topics::preface());
    let about = topics::TOPICS.iter().map(|topic| (topic.name.to_owned(), topic.title.to_owned()));
    text.push_str(&format!("Topics:\n{}\n", names(about)));
    text.push_str(&list_verbs());
    text.push_str(
        "\n`attendant help flow NAME` says all of one topic or verb.\n\
         All of them together are docs/flow-reference.md.\n",
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
