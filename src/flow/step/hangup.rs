//! `hangup`: say goodbye, where there is something to say, and end the call.

use crate::flow::build::{Build, Scope};
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{OneOf, Opt, STEP, Schema, Value};
use crate::flow::port::Effect;
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::{Cause, Need};

/// The causes a flow may end a call with, by their names in records.
const CAUSES: [Cause; 12] = [
    Cause::UNALLOCATED_NUMBER,
    Cause::NORMAL_CLEARING,
    Cause::USER_BUSY,
    Cause::NO_USER_RESPONDING,
    Cause::NO_ANSWER,
    Cause::CALL_REJECTED,
    Cause::DESTINATION_OUT_OF_ORDER,
    Cause::INVALID_NUMBER,
    Cause::NORMAL_UNSPECIFIED,
    Cause::NO_CIRCUIT,
    Cause::TEMPORARY_FAILURE,
    Cause::CONGESTION,
];

const TEXT: Opt<Value> = Opt::speech("text", "What is said first.");
const CAUSE: Opt<OneOf> = Opt::one_of(
    "cause",
    "normal_clearing",
    || CAUSES.iter().map(|cause| cause.name()).collect(),
    "Why the call ends, for the far end and the record.",
);

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::End,
    summary: "says goodbye, where there is something to say, and ends the call",
    about: &[
        "It has no exit. Keys do not stop the goodbye. After the caller has left (`on_hangup`) nothing \
         is said, and the flow ends.",
        "`cause` is one of ITU-T Q.850, by its name in records; the far end gets it in a Reason header \
         (RFC 3326).",
    ],
    table: Schema { name: "hangup", groups: &[&[&TEXT, &CAUSE], STEP] },
    needs: || vec![Need::HangUp],
    example: r#"
[flow]
numbers = ["*"]
start   = "moved"

[hangup.moved]
text  = "This number has changed. Please look at acme.example."
cause = "normal_clearing"
"#,
};

pub(in crate::flow) struct Hangup {
    speech: Option<Speech>,
    cause: Cause,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let text = section.get(&TEXT);
    let speech = text.map(|item| build.speech(section, TEXT.name, item, Scope::Plain));
    let named = |name: &str| CAUSES.iter().find(|known| known.name() == name).copied();
    let mut cause = named(CAUSE.kind.default).expect("the default is one of the causes");
    if let Some((name, span)) = section.string(&CAUSE) {
        match named(name) {
            Some(known) => cause = known,
            None => build.problems.report(
                &code::WORD_UNKNOWN,
                span,
                format!("{}: there is no cause `{name}`", section.what),
                suggest(name, CAUSES.iter().map(|known| known.name())),
            ),
        }
    }
    Some(Box::new(Hangup { speech, cause }))
}

/// Where a call goes on after its people are done with it; the default is to end it.
pub(in crate::flow) fn next_or_hang_up(next: Option<StepId>, turn: &mut Turn<'_>) -> Next {
    match next {
        Some(step) => Next::Goto(step),
        None => Hangup::new(None, Cause::NORMAL_CLEARING).end(true, turn),
    }
}

impl Hangup {
    pub(in crate::flow) fn new(speech: Option<Speech>, cause: Cause) -> Self {
        Self { speech, cause }
    }

    fn end(&self, has_caller: bool, turn: &mut Turn<'_>) -> Next {
        if has_caller {
            turn.out.push(Effect::HangUp { cause: self.cause });
        }
        Next::End
    }
}

impl Verb for Hangup {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let prompts = match &self.speech {
            Some(speech) if run.has_caller() => run.words(turn, speech),
            Some(_) | None => Ok(Vec::new()),
        };
        match prompts {
            Ok(prompts) if prompts.is_empty() => self.end(run.has_caller(), turn),
            Ok(prompts) => {
                run.play(turn, prompts);
                Next::Wait
            }
            Err(why) => Next::Fail(why),
        }
    }

    fn prompt_done(&self, _run: &mut Run, turn: &mut Turn<'_>) -> Next {
        self.end(true, turn)
    }

    fn exits(&self) -> Vec<Exit> {
        Vec::new()
    }

    fn nature(&self) -> Nature {
        Nature {
            waits: true,
            is_way_out: true,
            needs_no_caller: true,
            barge_in: false,
            passes_keys_on: false,
            is_secret: false,
        }
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::HangUp]
    }

    fn speeches(&self) -> Vec<&Speech> {
        self.speech.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_name_causes_as_records_do() {
        let written = [
            ("unallocated_number", 1),
            ("normal_clearing", 16),
            ("user_busy", 17),
            ("no_user_responding", 18),
            ("no_answer", 19),
            ("call_rejected", 21),
            ("destination_out_of_order", 27),
            ("invalid_number", 28),
            ("normal_unspecified", 31),
            ("no_circuit", 34),
            ("temporary_failure", 41),
            ("congestion", 42),
        ];
        assert_eq!(CAUSES.map(|cause| (cause.name(), cause.0)), written);
    }
}
