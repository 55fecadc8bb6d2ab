//! `goto`: go on at another step.

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{ExitTo, Opt, STEP, Schema};
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const NEXT: Opt<ExitTo> = Opt::exit("next", "At once.").required_or("say where the call goes on");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "goes on at another step",
    about: &[
        "A name of its own for a place that many steps lead to: when the place changes, one line \
              does. The record's path has the name, so that calls which came this way can be counted.",
    ],
    table: Schema { name: "goto", groups: &[&[&NEXT], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "front"

# Until the new menu is recorded.
[goto.front]
next = "menu"

[menu.menu]
text    = "For billing, press 1. To hear this again, press 2."
keys    = { 1 = "billing", 2 = "front" }
give_up = "billing"

[queue.billing]
on_error = "end"

[hangup.end]
text = "Nobody is free. Please call again."
"#,
};

struct Goto {
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(Goto { next: build.required_exit(section, &NEXT) }))
}

impl Verb for Goto {
    fn enter(&self, _run: &mut Run, _turn: &mut Turn<'_>) -> Next {
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
}
