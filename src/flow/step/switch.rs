//! `switch`: where a value leads.

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::spoken;
use crate::flow::option::{Entries, ExitTo, Opt, STEP, Schema, Value};
use crate::flow::read::{Item, Section};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::scan::{is_template, only_expression};
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const CASES_MAX: usize = 200;
/// What the exit of a case is called begins with.
const CASE: &str = "is ";

const VALUE: Opt<Value> =
    Opt::template("value", "What is looked at: `{{ caller.segment }}`.").required();
const CASES: Opt<Entries> = Opt::entries(
    "cases",
    "`{ VALUE = STEP }`",
    "The values that lead somewhere, letter by letter, and where each leads.",
)
.required()
.leads_by("`is VALUE`");
const EMPTY: Opt<ExitTo> =
    Opt::exit("empty", "The value is not known, or empty.").without("`else`");
const ELSE: Opt<ExitTo> = Opt::exit("else", "The value is none of `cases`.")
    .required_or("say where the call goes with any other value");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "goes where a value leads",
    about: &[
        "The call goes on at once. The value is filled in and compared as a text, large and small \
         letters told apart: `{{ caller.segment|lower }}` makes them all small. A number is the text \
         that it is written as; where one is less or greater than another, `branch` can say. A \
         secret is compared in a `branch`, too.",
    ],
    table: Schema { name: "switch", groups: &[&[&VALUE, &CASES, &EMPTY, &ELSE], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "who"

[switch.who]
value = "{{ caller.segment|lower }}"
cases = { gold = "manager", silver = "manager", press = "press" }
empty = "stranger"
else  = "main"

[queue.manager]
on_error = "end"

[queue.main]
on_error = "end"

[say.stranger]
text = "Welcome to Acme."
next = "main"

[hangup.press]
text = "Please write to press at acme dot example."

[hangup.end]
text = "Please call again."
"#,
};

struct Switch {
    value: Text,
    /// The variable that is set where the value has a case.
    implied: Option<String>,
    /// In the order of the file.
    cases: Vec<(String, StepId)>,
    empty: Option<StepId>,
    otherwise: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let value = section.required(&VALUE).and_then(|item| read_value(build, section, item));
    let cases = section.required(&CASES).map(|item| read_cases(build, section, item));
    let empty = build.exit(section, &EMPTY);
    let otherwise = build.required_exit(section, &ELSE);
    let cases = cases.unwrap_or_default();
    let (value, implied) = value?;
    Some(Box::new(Switch { value, implied, cases, empty, otherwise }))
}

impl Verb for Switch {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let value = match run.render(turn, &self.value) {
            Ok(value) => value,
            Err(why) => return Next::Fail(why),
        };
        if value.is_empty() {
            return Next::Goto(self.empty.unwrap_or(self.otherwise));
        }
        let case = self.cases.iter().find(|(case, _)| **case == *value);
        Next::Goto(case.map_or(self.otherwise, |(_, to)| *to))
    }

    fn exits(&self) -> Vec<Exit> {
        let cases = self.cases.iter().map(|(case, to)| Exit::at_once(format!("{CASE}{case}"), *to));
        let empty = self.empty.map(|to| Exit::at_once("empty", to));
        cases.chain(empty).chain([Exit::at_once("else", self.otherwise)]).collect()
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
        let is_case = exit.starts_with(CASE);
        self.implied.as_deref().filter(|_| is_case).into_iter().collect()
    }
}

/// The text, and the variable that is set where it has a case: what is nothing but a name is empty
/// where that is not set.
fn read_value<'a>(
    build: &Build<'a>,
    section: &Section<'a>,
    item: Item<'a>,
) -> Option<(Text, Option<String>)> {
    let (text, span) = section.as_string(VALUE.name, item)?;
    if !is_template(text) {
        let message = format!("{}: `value` is the same for every call", section.what);
        let help = format!("what is filled in has two braces: value = \"{{{{ {text} }}}}\"");
        build.problems.error_help(span.clone(), message, help);
    }
    let name = only_expression(text).map(str::trim);
    let implied = name.filter(|name| build.variables.contains_key(name)).map(str::to_owned);
    Some((build.choice_text(section, VALUE.name, text, span), implied))
}

fn read_cases<'a>(
    build: &Build<'a>,
    section: &Section<'a>,
    item: Item<'a>,
) -> Vec<(String, StepId)> {
    let what = format!("{}, `{}`", section.what, CASES.name);
    let span = section.key_span(CASES.name);
    let Some(table) = Section::free(build.problems, what, span, item) else { return Vec::new() };
    let mut cases = Vec::new();
    for (value, span, item) in table.entries() {
        if cases.len() == CASES_MAX {
            table.report(&code::LIMIT, span, format!("more than {CASES_MAX} cases"));
            break;
        }
        let to = build.step(&table, value, item);
        let case = spoken(value);
        if case.is_empty() {
            let message = format!("{}: a value that is empty is no case", table.what);
            let help = "write `empty = \"STEP\"` beside `cases`".to_owned();
            build.problems.error_help(span, message, help);
        } else if cases.iter().any(|(known, _)| *known == case) {
            table.error(span, format!("`{case}` is there twice"));
        } else {
            cases.push((case, to));
        }
    }
    if table.entries().next().is_none() {
        table.problems.error(table.span.clone(), format!("{}: there is no case", table.what));
    }
    cases
}
