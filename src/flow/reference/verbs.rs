//! The page of a verb: what it does, options and exits, what providers do otherwise, an example.

use crate::flow::option::{Leads, Table};
use crate::flow::reference::page::{Block, Page, options};
use crate::flow::reference::{Front, Reference};
use crate::flow::step::VerbEntry;
use crate::words::Need;

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
pub(super) fn described(table: &Table) -> Vec<Block> {
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

/// What is different, with those who do it: alike ones together, in the order of the fronts.
pub(super) fn otherwise(verb: &str, needs: &[Need], fronts: &[Front<'_>]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for need in needs {
        let mut alike: Vec<(String, Vec<&str>)> = Vec::new();
        for front in fronts {
            let Some(how) = (front.differs)(need) else { continue };
            match alike.iter_mut().find(|(known, _)| *known == how) {
                Some((_, who)) => who.push(front.name),
                None => alike.push((how, vec![front.name])),
            }
        }
        let said = alike.into_iter().map(|(how, who)| format!("{}: {how}.", who.join(", ")));
        let said: Vec<String> = said.collect();
        if !said.is_empty() {
            found.push((need.words(verb).replace('`', ""), said.join(" ")));
        }
    }
    found
}
