//! `branch`: the first case whose condition holds, or `else`.

use toml::de::DeValue;

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::Expression;
use crate::flow::option::{Entries, ExitTo, Kind as _, Opt, STEP, Schema, Value};
use crate::flow::read::{Item, Section};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::scan::implied;
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const CASES_MAX: usize = 50;

const CASES: Opt<Entries> = Opt::entries(
    "cases",
    "a list of `{ if = \"…\", next = \"…\" }`",
    "The conditions, in the order they are tried, and where each leads.",
)
.required()
.of(&CASE)
.leads_by("the condition");
const ELSE: Opt<ExitTo> =
    Opt::exit("else", "No case holds.").required_or("say where the call goes when no case holds");

const CASE: Schema = Schema { name: "branch.cases", groups: &[&[&IF, &NEXT]] };
const IF: Opt<Value> = Opt::condition("if", "The condition of this case.").required();
const NEXT: Opt<ExitTo> = Opt::exit("next", "This case is the first that holds.")
    .required_or("say where this case leads");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "goes where the first condition that holds says",
    about: &[
        "The call goes on at once. What is not known makes a comparison false and is no error: \
         `caller.last_call_days < 7` does not hold for a first caller. What conditions may say is \
         under `templates`.",
    ],
    table: Schema { name: "branch", groups: &[&[&CASES, &ELSE], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "who"

[branch.who]
cases = [
    { if = "caller.vip", next = "manager" },
    { if = "caller.known and caller.last_call_days < 7", next = "again" },
]
else = "main"

[queue.manager]
on_error = "end"

[say.again]
text = "Welcome back."
next = "main"

[queue.main]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct Branch {
    cases: Vec<Case>,
    otherwise: StepId,
}

struct Case {
    text: String,
    condition: Expression,
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let cases = section.required(&CASES).map(|item| read_cases(build, section, item));
    let otherwise = build.required_exit(section, &ELSE);
    Some(Box::new(Branch { cases: cases.unwrap_or_default(), otherwise }))
}

impl Verb for Branch {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        for case in &self.cases {
            match run.holds(turn, &case.condition) {
                Ok(true) => return Next::Goto(case.next),
                Ok(false) => {}
                Err(why) => return Next::Fail(format!("`{}`: {why}", case.text)),
            }
        }
        Next::Goto(self.otherwise)
    }

    fn exits(&self) -> Vec<Exit> {
        let cases = self.cases.iter().map(|case| Exit::at_once(case.text.clone(), case.next));
        cases.chain([Exit::at_once("else", self.otherwise)]).collect()
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

    /// What a condition that holds says is set.
    fn sets(&self, exit: &str) -> Vec<&str> {
        let case = self.cases.iter().map(|case| case.text.as_str()).find(|text| *text == exit);
        case.map(implied).unwrap_or_default()
    }
}

fn read_cases<'a>(build: &Build<'a>, section: &Section<'a>, item: Item<'a>) -> Vec<Case> {
    let DeValue::Array(items) = item.get_ref() else {
        section.wrong_type(CASES.name, &CASES.kind.is(), item);
        return Vec::new();
    };
    if items.is_empty() || items.len() > CASES_MAX {
        section.error(item.span(), format!("`cases` lists 1 to {CASES_MAX} cases"));
    }
    let mut cases = Vec::new();
    for (at, item) in items.iter().enumerate().take(CASES_MAX) {
        let what = format!("{}, case {}", section.what, at + 1);
        let table = Section::new(build.problems, what, item.span(), item, &CASE);
        let Some(table) = table else { continue };
        let condition = table.required(&IF);
        let text = condition.and_then(|item| item.get_ref().as_str()).unwrap_or_default();
        let condition = condition.and_then(|item| build.condition(&table, IF.name, item));
        let next = build.required_exit(&table, &NEXT);
        table.finish();
        if let Some(condition) = condition {
            cases.push(Case { text: text.to_owned(), condition, next });
        }
    }
    cases
}
