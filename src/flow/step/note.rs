//! `note`: write a line about this call for the agent and the record.

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{ExitTo, Opt, STEP, Schema, Value};
use crate::flow::port::Effect;
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const NOTE: Opt<Value> = Opt::template("note", "What the agent should know.").required();
const NEXT: Opt<ExitTo> =
    Opt::exit("next", "It is written down.").required_or("say where the call goes on");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Note,
    summary: "writes a line about this call for the agent and the record",
    about: &[
        "The record has each note with the moment, and so has the live call, which the agent sees \
              who is offered it. A note that is filled in with nothing is none. Of one call the first \
              20 notes are kept. A secret cannot be written down, as everywhere.",
    ],
    table: Schema { name: "note", groups: &[&[&NOTE, &NEXT], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "write"

[note.write]
note = "Called {{ caller.calls_recent }} times{% if caller.vip %}; a good customer{% endif %}."
next = "people"

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct Note {
    note: Text,
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let note = section.required(&NOTE).and_then(|item| section.as_string(NOTE.name, item));
    let note = note.map(|(text, span)| build.text(section, NOTE.name, text, span));
    let next = build.required_exit(section, &NEXT);
    Some(Box::new(Note { note: note?, next }))
}

impl Verb for Note {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        match run.render(turn, &self.note) {
            Ok(note) if note.is_empty() => {}
            Ok(note) => turn.out.push(Effect::Note(note)),
            Err(why) => return Next::Fail(why),
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
}
