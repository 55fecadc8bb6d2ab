//! `attendant diff`: what another version of a flow changes, step by step.
//!
//! **Invariant:** what is compared is what flows are read from, so that layout and comments count
//! for nothing, and whatever a step may hold is seen, also of verbs that are new.
//!
//! **Deliberately absent:** what callers would have done: `attendant replay` has journals.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attendant::config::{self, Problems};
use attendant::flow::{Flow, Known};
use toml::{Table, Value};

use crate::cli::{complain, print, told};

/// Say what changes for callers between two versions of flows, step by step
///
/// Flows are compared by name; of two files, whatever they are called. Exit codes: 0 nothing
/// changes; 1 something does; 65 a flow is wrong; 74 a file cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// A flow file, or a folder of them
    old: PathBuf,
    /// The same, as it shall be
    new: PathBuf,
}

/// Something changes.
const CHANGES: u8 = 1;
/// Characters of a value in a line; more are cut.
const SHOWN_MAX: usize = 100;

pub(crate) fn run(wanted: &Diff) -> ExitCode {
    let mut problems = Problems::default();
    let (old, new) = (read(&wanted.old, &mut problems), read(&wanted.new, &mut problems));
    if !problems.is_empty() {
        return told(&problems);
    }
    let text = match (&old[..], &new[..]) {
        ([old], [new]) if wanted.old.is_file() && wanted.new.is_file() => flow(old, new),
        _ => flows(&old, &new),
    };
    if text.is_empty() {
        return print("nothing changes\n");
    }
    print(&text);
    ExitCode::from(CHANGES)
}

fn read(path: &Path, problems: &mut Problems) -> Vec<Flow> {
    let mut warnings = Vec::new();
    let paths = [path.to_path_buf()];
    let flows = config::read_flows(&paths, &Known::anything(), &mut warnings, problems);
    complain(&warnings.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>());
    flows
}

fn flows(old: &[Flow], new: &[Flow]) -> String {
    let find = |flows: &'_ [Flow], name: &str| flows.iter().position(|flow| **flow.name() == *name);
    let names: BTreeSet<&str> = old.iter().chain(new).map(|flow| &**flow.name()).collect();
    let mut text = String::new();
    for name in names {
        match (find(old, name), find(new, name)) {
            (Some(before), Some(after)) => text.push_str(&flow(&old[before], &new[after])),
            (Some(_), None) => text.push_str(&format!("flow `{name}` is gone\n")),
            (None, Some(_)) => text.push_str(&format!("flow `{name}` is new\n")),
            (None, None) => {}
        }
    }
    text
}

/// What is in a flow by table: `[flow]`, hours, steps; each with its verb.
fn tables(flow: &Flow) -> BTreeMap<String, (String, BTreeMap<String, String>)> {
    let (_, source) = flow.source();
    let document: Table = source.parse().unwrap_or_default();
    let mut tables = BTreeMap::new();
    for (verb, value) in &document {
        let Value::Table(inner) = value else { continue };
        match verb.as_str() {
            "flow" => {
                tables.insert("`[flow]`".to_owned(), (verb.clone(), options(value)));
            }
            _ => {
                let kind = if verb == "hours" { "hours" } else { "step" };
                tables.extend(inner.iter().map(|(name, value)| {
                    (format!("{kind} `{name}`"), (verb.clone(), options(value)))
                }));
            }
        }
    }
    tables
}

/// Each option by its path: `keys.2`, `text.en`.
fn options(value: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), value)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Table(table) => open.extend(table.iter().map(|(key, value)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                (path, value)
            })),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => {
                found.insert(path, shown(value));
            }
        }
    }
    found
}

/// In the notation that texts, numbers and lists have in JSON, cut to what a line holds.
fn shown(value: &Value) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    text.chars().take(SHOWN_MAX).chain(['…']).collect()
}

fn flow(old: &Flow, new: &Flow) -> String {
    let (before, after) = (tables(old), tables(new));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let (mut text, name) = (String::new(), new.name());
    for table in names {
        match (before.get(table), after.get(table)) {
            (Some((verb, old)), Some((now, new))) if verb == now => {
                let changes = changes(old, new);
                if !changes.is_empty() {
                    text.push_str(&format!("{name}: {table} ({verb}):\n{changes}"));
                }
            }
            (Some((verb, _)), Some((now, new))) => {
                let changes = changes(&BTreeMap::new(), new);
                text.push_str(&format!("{name}: {table} is a {now}, before a {verb}:\n{changes}"));
            }
            (Some((verb, _)), None) => {
                text.push_str(&format!("{name}: {table} ({verb}) is gone\n"))
            }
            (None, Some((verb, new))) => {
                let changes = changes(&BTreeMap::new(), new);
                text.push_str(&format!("{name}: {table} ({verb}) is new:\n{changes}"));
            }
            (None, None) => {}
        }
    }
    text
}

fn changes(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> String {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut text = String::new();
    for key in keys {
        match (old.get(key), new.get(key)) {
            (Some(before), Some(after)) if before == after => Ok(()),
            (Some(before), Some(after)) => {
                writeln!(text, "  - {key} = {before}\n  + {key} = {after}")
            }
            (Some(before), None) => writeln!(text, "  - {key} = {before}"),
            (None, Some(after)) => writeln!(text, "  + {key} = {after}"),
            (None, None) => Ok(()),
        }
        .expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use attendant::flow::parse;
    use expect_test::expect;

    use super::*;

    fn read(name: &str, steps: &str) -> Flow {
        let source = format!("[flow]\nnumbers = [\"600\"]\nstart = \"a\"\n{steps}");
        parse(&format!("{name}.toml"), &source, &Known::anything()).unwrap()
    }

    #[test]
    fn a_change_is_told_by_step_and_option_and_layout_is_none() {
        let old = "[menu.a]\ntext = \"Press 1.\"\nkeys = { 1 = \"b\", 2 = \"b\" }\ngive_up = \"b\"\n\
                   [hangup.b]\n[hangup.c]\n";
        let new = "# other words\n[menu.a]\nkeys = { 1 = \"b\", 2 = \"d\" }\ntries_max = 2\n\
                   text = \"Press 1.\"\ngive_up = \"b\"\n[say.b]\ntext = \"Bye.\"\nnext = \"d\"\n\
                   [hangup.d]\n";
        expect![[r#"
            x: step `a` (menu):
              - keys.2 = "b"
              + keys.2 = "d"
              + tries_max = 2
            x: step `b` is a say, before a hangup:
              + next = "d"
              + text = "Bye."
            x: step `c` (hangup) is gone
            x: step `d` (hangup) is new:
        "#]]
        .assert_eq(&flow(&read("x", old), &read("x", new)));
        let laid_out = old.replace(" = ", "  =  ").replace("[menu.a]", "\n# here\n[menu.a]");
        assert_eq!(flow(&read("x", old), &read("x", &laid_out)), "");
    }

    #[test]
    fn flows_come_and_go_by_name() {
        let (a, b) = (read("a", "[hangup.a]\n"), read("b", "[hangup.a]\n"));
        assert_eq!(flows(&[a], &[b]), "flow `a` is gone\nflow `b` is new\n");
    }
}
