//! `milestone`: note how far the call has come.

use std::sync::Arc;

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{ExitTo, Opt, STEP, Schema, Value};
use crate::flow::port::Effect;
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::step::outcome::read_name;
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const NAME: Opt<Value> =
    Opt::value("name", "a text", "How far the call has come, at most 64 characters.").required();
const NEXT: Opt<ExitTo> =
    Opt::exit("next", "It is noted.").required_or("say where the call goes on");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Note,
    summary: "notes in the record how far the call has come",
    about: &[
        "The record has each milestone with the moment, whichever steps led there. The name is the \
              same for every call, so that calls can be compared; steps may share one.",
    ],
    table: Schema { name: "milestone", groups: &[&[&NAME, &NEXT], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "begun"

[milestone.begun]
name = "asked for the account"
next = "account"

[collect.account]
text    = "Please enter your account number, then press pound."
into    = "account"
next    = "identified"
give_up = "people"

[milestone.identified]
name = "identified"
next = "people"

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct Milestone {
    name: Arc<str>,
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let name = read_name(section, &NAME);
    let next = build.required_exit(section, &NEXT);
    Some(Box::new(Milestone { name: name?, next }))
}

impl Verb for Milestone {
    fn enter(&self, _run: &mut Run, turn: &mut Turn<'_>) -> Next {
        turn.out.push(Effect::Milestone(Arc::clone(&self.name)));
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
