//! `table`: look a row up in a file beside the flow.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::Value;

use crate::flow::beside::Looked;
use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::{Variable, spoken};
use crate::flow::option::{Entries, ExitTo, Opt, STEP, Schema, Value as Written};
use crate::flow::read::{Item, Section, check_variable, option};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

/// FoundColumns that one step takes values from.
const SETS_MAX: usize = 20;

const FILE: Opt<Written> =
    Opt::value("file", "a name", "The `.csv` file in the folder of the flow.").required();
const KEY: Opt<Written> = Opt::template("key", "What is looked for, letter by letter.").required();
const BY: Opt<Written> =
    Opt::value("by", "a column", "The column that `key` is looked for in.").without("the first");
const SET: Opt<Entries> = Opt::entries(
    "set",
    "`{ VARIABLE = \"COLUMN\" }`",
    "Variables, and the columns of the row that they get their values from.",
);
const FOUND: Opt<ExitTo> = Opt::exit("found", "The file has such a row; its variables are set.")
    .required_or("say where the call goes with what was found");
const NONE: Opt<ExitTo> = Opt::exit("none", "It has none, or there is no key; nothing is set.")
    .required_or("say where the call goes when nothing is found");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "looks a row up in a file beside the flow",
    about: &[
        "The file is read when the flow is loaded, and again when it changes, as the flow itself: a \
         call keeps what it began with. Its first line names the columns (RFC 4180; a semicolon or a \
         tab may part them), each further one is a row, and no two rows have the same key. All values \
         are texts: `{{ price|float }}` is a number. What changes while calls are up belongs behind a \
         `lookup`.",
    ],
    table: Schema { name: "table", groups: &[&[&FILE, &KEY, &BY, &SET, &FOUND, &NONE], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "line"

# numbers.csv:  dialed,greeting,queue
#               +14155550104,Acme Berlin,berlin
[table.line]
file  = "numbers.csv"
key   = "{{ call.to }}"
by    = "dialed"
set   = { greeting = "greeting" }
found = "greet"
none  = "people"

[say.greet]
text = "Welcome to {{ greeting }}."
next = "people"

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct TableStep {
    key: Text,
    /// By key, a value for each of `names`.
    rows: BTreeMap<String, Vec<Arc<str>>>,
    names: Vec<Arc<str>>,
    found: StepId,
    none: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let file = section.required(&FILE).and_then(|item| section.as_string(FILE.name, item));
    let file = file.and_then(|file| build.beside(section, file));
    let key = section.required(&KEY).and_then(|item| section.as_string(KEY.name, item));
    let key = key.map(|(text, span)| build.choice_text(section, KEY.name, text, span));
    let by = section.string(&BY);
    let set = section.get(&SET).map(|item| read_set(build, section, item)).unwrap_or_default();
    let found = build.required_exit(section, &FOUND);
    let none = build.required_exit(section, &NONE);
    let (names, wanted): (Vec<Arc<str>>, Vec<_>) = set.into_iter().unzip();
    let rows = read_rows(section, &file?, by, &wanted);
    Some(Box::new(TableStep { key: key?, rows, names, found, none }))
}

/// The variables it sets.
pub(in crate::flow) fn names<'a>(item: Item<'a>) -> Vec<(&'a str, bool)> {
    let set = option(item, SET.name).and_then(|set| set.get_ref().as_table());
    set.into_iter().flatten().map(|(name, _)| (name.get_ref().as_ref(), false)).collect()
}

impl Verb for TableStep {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let key = match run.render(turn, &self.key) {
            Ok(key) => key,
            Err(why) => return Next::Fail(why),
        };
        let Some(row) = self.rows.get(&*key) else { return Next::Goto(self.none) };
        for (name, value) in self.names.iter().zip(row) {
            run.set_var(name, Some(Variable { value: Value::from(&**value), secret: false }));
        }
        Next::Goto(self.found)
    }

    fn exits(&self) -> Vec<Exit> {
        vec![Exit::at_once("found", self.found), Exit::at_once("none", self.none)]
    }

    fn nature(&self) -> Nature {
        Nature::PASSED_THROUGH
    }

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn speeches(&self) -> Vec<&Speech> {
        Vec::new()
    }

    fn sets(&self, exit: &str) -> Vec<&str> {
        self.names.iter().map(|name| &**name).filter(|_| exit == "found").collect()
    }
}

/// A column that is named, and where.
type Column<'a> = (&'a str, std::ops::Range<usize>);

fn read_set<'a>(
    build: &Build<'a>,
    section: &Section<'a>,
    item: Item<'a>,
) -> Vec<(Arc<str>, Column<'a>)> {
    let what = format!("{}, `{}`", section.what, SET.name);
    let span = section.key_span(SET.name);
    let Some(table) = Section::free(build.problems, what, span, item) else { return Vec::new() };
    let mut set = Vec::new();
    for (name, span, item) in table.entries() {
        if set.len() == SETS_MAX {
            table.report(&code::LIMIT, span, format!("more than {SETS_MAX} variables"));
            break;
        }
        let column = table.as_string(name, item);
        if check_variable(&table, name, span) {
            set.extend(column.map(|column| (name.into(), column)));
        }
    }
    set
}

/// The rows by their keys, with the values of the wanted columns.
fn read_rows(
    section: &Section<'_>,
    file: &Looked<'_>,
    by: Option<Column<'_>>,
    wanted: &[Column<'_>],
) -> BTreeMap<String, Vec<Arc<str>>> {
    let mut rows = BTreeMap::new();
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut head: Option<FoundColumns> = None;
    file.rows(section, |line, row| {
        let Some(head) = &head else {
            head = Some(FoundColumns::of(section, file, row, by.as_ref(), wanted));
            return Ok(());
        };
        if row.iter().all(|field| field.trim().is_empty()) {
            return Ok(()); // an empty line
        }
        if row.len() != head.columns {
            return Err(format!("has {} columns, the first line has {}", row.len(), head.columns));
        }
        let (Some(by), Some(wanted)) = (head.by, &head.wanted) else { return Ok(()) };
        let key = spoken(&row[by]);
        if key.is_empty() {
            return Err("there is no key".to_owned());
        }
        if let Some(first) = lines.insert(key.clone(), line) {
            return Err(format!("the key `{key}` is in line {first}, too"));
        }
        rows.insert(key, wanted.iter().map(|at| spoken(&row[*at]).into()).collect());
        Ok(())
    });
    if file.text.is_some() && head.is_none() {
        let message = format!("`{}` is empty: its first line names the columns", file.name);
        section.error(file.span.clone(), message);
    }
    rows
}

/// The first line: how many columns there are, and where those are that are asked for.
struct FoundColumns {
    columns: usize,
    by: Option<usize>,
    /// `None` where one of them is not there.
    wanted: Option<Vec<usize>>,
}

impl FoundColumns {
    fn of(
        section: &Section<'_>,
        file: &Looked<'_>,
        row: Vec<String>,
        by: Option<&Column<'_>>,
        wanted: &[Column<'_>],
    ) -> Self {
        let names: Vec<String> = row.into_iter().map(|name| spoken(&name)).collect();
        let find = |(name, span): &Column<'_>| {
            let found = names.iter().position(|column| column == name);
            if found.is_none() {
                let message = format!("{}: `{}` has no column `{name}`", section.what, file.name);
                let help = suggest(name, names.iter().map(String::as_str));
                section.problems.error_help(span.clone(), message, help);
            }
            found
        };
        let by = by.map_or(Some(0), &find);
        let wanted: Vec<Option<usize>> = wanted.iter().map(find).collect();
        Self { columns: names.len(), by, wanted: wanted.into_iter().collect() }
    }
}
