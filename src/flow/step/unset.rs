//! `unset`: forget variables.

use std::sync::Arc;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{ExitTo, Opt, STEP, Schema, Value};
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const VARS: Opt<Value> =
    Opt::value("vars", "a list of names", "The variables that are forgotten.").required();
const NEXT: Opt<ExitTo> =
    Opt::exit("next", "They are forgotten.").required_or("say where the call goes on");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "forgets variables, then goes on",
    about: &[
        "What was forgotten is as if no step had set it: `account is defined` does not hold, the \
              record of the call does not have it, and the check treats it so on the ways that lead on \
              from here. A secret that was looked at need not be kept any longer.",
    ],
    table: Schema { name: "unset", groups: &[&[&VARS, &NEXT], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "anew"

[unset.anew]
vars = ["account"]
next = "account"

[collect.account]
text    = "Please enter your account number, then press pound."
into    = "account"
next    = "right"
give_up = "people"

[menu.right]
text    = "{{ account|digits }}: if that is right, press 1. To enter it again, press 2."
keys    = { 1 = "people", 2 = "anew" }
give_up = "people"

[queue.people]
on_error = "end"

[hangup.end]
"#,
};

struct Unset {
    vars: Vec<Arc<str>>,
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let vars = read_vars(build, section);
    Some(Box::new(Unset { vars, next: build.required_exit(section, &NEXT) }))
}

impl Verb for Unset {
    fn enter(&self, run: &mut Run, _turn: &mut Turn<'_>) -> Next {
        for name in &self.vars {
            run.set_var(name, None);
        }
        Next::Goto(self.next)
    }

    fn exits(&self) -> Vec<Exit> {
        vec![Exit::at_once("next", self.next)]
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

    fn unsets(&self) -> Vec<&str> {
        self.vars.iter().map(|name| &**name).collect()
    }
}

fn read_vars<'a>(build: &Build<'a>, section: &Section<'a>) -> Vec<Arc<str>> {
    let Some(item) = section.required(&VARS) else { return Vec::new() };
    let Some(items) = item.get_ref().as_array() else {
        section.wrong_type(VARS.name, "a list of names, as in [\"account\"]", item);
        return Vec::new();
    };
    if items.is_empty() {
        section.error(item.span(), "`vars` lists none");
    }
    let mut vars = Vec::new();
    for item in items {
        let Some((name, span)) = section.as_string(VARS.name, item) else { continue };
        if !build.variables.contains_key(name) {
            let message = format!("{}: no step sets `{name}`", section.what);
            let help = suggest(name, build.variables.keys().copied());
            build.problems.report(&code::NAME_UNKNOWN, span, message, help);
        }
        vars.push(name.into());
    }
    vars
}
