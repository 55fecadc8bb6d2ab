//! The page of a verb: what it does, options and exits, what providers do otherwise, an example.

use crate::flow::option::{Leads, Schema};
use crate::flow::reference::entry::Reference;
use crate::flow::reference::fronts::{Front, otherwise};
use crate::flow::reference::page::{Block, Page, options};
use crate::flow::step::VerbEntry;

pub(super) fn page(verb: &VerbEntry, fronts: &[Front<'_>]) -> Page {
    let VerbEntry { name, reference, .. } = verb;
    let Reference { summary, about, table, needs, example, .. } = reference;
    let mut blocks: Vec<Block> = about.iter().map(|text| Block::text(*text)).collect();
    blocks.extend(described(table));
    let otherwise = otherwise(name, &needs(), fronts);
    if !otherwise.is_empty() {
        blocks.push(Block::part(format!("`{name}` at providers")));
        blocks.push(Block::Names(otherwise));
    }
    blocks.push(Block::part(format!("`{name}` in a flow")));
    blocks.push(Block::code(example));
    Page { name, title: format!("`{name}` {summary}"), blocks }
}

/// The options of a table, and of the tables inside of it.
pub(super) fn described(table: &Schema) -> Vec<Block> {
    let mut blocks = vec![Block::part(format!("`{}` may have", table.name)), options(table.groups)];
    let by_entry: Vec<String> = table
        .options()
        .filter_map(|option| match option.leads() {
            Leads::ByEntry(label) => {
                Some(format!("each of `{}` is an exit, called {label}", option.name()))
            }
            Leads::ByName | Leads::Nowhere => None,
        })
        .collect();
    if !by_entry.is_empty() {
        blocks.push(Block::text(format!("In records and pictures, {}.", by_entry.join("; "))));
    }
    for inner in table.options().filter_map(|option| option.table()) {
        blocks.extend(described(inner));
    }
    blocks
}
