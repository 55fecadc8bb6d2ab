//! `branch`: the first case whose condition holds, or `else`.
//!
//! Options: `cases = [{ if, next }]` `else`.

use toml::de::DeValue;

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::Expression;
use crate::flow::read::{Item, Section};
use crate::flow::run::{Run, Turn};
use crate::flow::scan::implied;
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const CASES_MAX: usize = 50;

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
    let cases = section.required("cases").map(|item| read_cases(build, section, item));
    let help = "say where the call goes when no case holds";
    let otherwise = build.required_exit(section, "else", help);
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
        section.wrong_type("cases", "a list of `{ if = \"…\", next = \"…\" }`", item);
        return Vec::new();
    };
    if items.is_empty() || items.len() > CASES_MAX {
        section.error(item.span(), format!("`cases` lists 1 to {CASES_MAX} cases"));
    }
    let mut cases = Vec::new();
    for (at, item) in items.iter().enumerate().take(CASES_MAX) {
        let what = format!("{}, case {}", section.what, at + 1);
        let Some(table) = Section::new(build.problems, what, item.span(), item) else { continue };
        let condition = table.required("if");
        let text = condition.and_then(|item| item.get_ref().as_str()).unwrap_or_default();
        let condition = condition.and_then(|item| build.condition(&table, "if", item));
        let next = build.required_exit(&table, "next", "say where this case leads");
        table.finish();
        if let Some(condition) = condition {
            cases.push(Case { text: text.to_owned(), condition, next });
        }
    }
    cases
}
