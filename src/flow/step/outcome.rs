//! `outcome`: say what the flow itself did for the caller.

use std::sync::Arc;

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{ExitTo, Flag, Opt, STEP, Schema, Value};
use crate::flow::port::Effect;
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::scan::is_template;
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::{Need, SelfService};

/// Characters of a name that calls are counted by.
const NAME_CHARS_MAX: usize = 64;

const NAME: Opt<Value> =
    Opt::value("name", "a text", "What was asked of the flow, at most 64 characters.").required();
const DONE: Opt<Flag> =
    Opt::flag("done", true, "The flow has done it; `false` where it could not.");
const NEXT: Opt<ExitTo> =
    Opt::exit("next", "It is noted.").required_or("say where the call goes on");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Note,
    summary: "says what the flow itself did for the caller",
    about: &[
        "The record has it as `self_service`, the last one where there are several. It decides what a \
         call counts as that ends in the flow, and waits for nobody: `contained` where the flow has \
         done what was asked, however the call ends, and `ivr_abandoned` where it has not. Without an \
         `outcome` that follows from what the caller pressed. `self_service_rate` in reports is of the \
         calls that came to an `outcome`, and `self_service` is what groups are made by.",
        "Whom an agent helps afterwards was not contained: such a call is `handled`, and still counts \
         in `self_service_rate`.",
    ],
    table: Schema { name: "outcome", groups: &[&[&NAME, &DONE, &NEXT], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "opening"

[outcome.opening]
name = "opening hours"
next = "hours"

[say.hours]
text = "We are open from nine to five."
next = "more"

[menu.more]
text          = "For an agent, press 1. If that was all, you may hang up."
keys          = { 1 = "people" }
no_input_next = "end"
give_up       = "end"

[queue.people]
on_error = "end"

[hangup.end]
text = "Goodbye."
"#,
};

struct Outcome {
    said: Arc<SelfService>,
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let name = read_name(section, &NAME);
    let is_done = section.boolean(&DONE);
    let next = build.required_exit(section, &NEXT);
    let said = Arc::new(SelfService { name: name?.to_string(), is_done });
    Some(Box::new(Outcome { said, next }))
}

/// A name that calls are counted by: the same for every call, and short.
pub(in crate::flow) fn read_name(section: &Section<'_>, option: &Opt<Value>) -> Option<Arc<str>> {
    let item = section.required(option)?;
    let (name, span) = section.as_string(option.name, item)?;
    if is_template(name) {
        let message = format!("{}: `{}` is the same for every call", section.what, option.name);
        let help = "calls are counted by it; what is known of this one belongs into a variable, or \
                    into a `note`";
        section.problems.error_help(span, message, help.to_owned());
        return None;
    }
    let name = name.trim();
    let chars = name.chars().count();
    if name.is_empty() || chars > NAME_CHARS_MAX {
        let message =
            format!("`{}` has 1 to {NAME_CHARS_MAX} characters, not {chars}", option.name);
        section.error(span, message);
        return None;
    }
    Some(name.into())
}

impl Verb for Outcome {
    fn enter(&self, _run: &mut Run, turn: &mut Turn<'_>) -> Next {
        turn.out.push(Effect::SelfService(Arc::clone(&self.said)));
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
