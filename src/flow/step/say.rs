//! `say`: speak a text, then go on.

use std::ops::Range;

use crate::flow::build::{Build, Scope};
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{ExitTo, Flag, Opt, Options, STEP, Schema, Value, Whole};
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::{Digit, Need, Prompt};

/// How often one step may repeat what it says.
const REPEAT_MAX: u64 = 10;

const TEXT: Opt<Value> = Opt::speech("text", "What is said.").required();
const LANGUAGE: Opt<Value> = Opt::value(
    "language",
    "a language of the flow",
    "Speaks `text` in this language, whatever the caller chose.",
)
.without("the caller's");
const REPEAT: Opt<Whole> =
    Opt::whole("repeat", 1, 1..=REPEAT_MAX, "How many times all of it is said.");
const BARGE_IN: Opt<Flag> = Opt::flag(
    "barge_in",
    true,
    "A key stops it; the key waits for the next step that asks, either way.",
);
const NEXT: Opt<ExitTo> = Opt::exit("next", "All was said, or a key stopped it.")
    .required_or("say where the call goes on; to end it here use a `hangup` step with a `text`");

/// What `say` and `play` have in common.
pub(in crate::flow) const SAYING: Options = &[&REPEAT, &BARGE_IN, &NEXT];

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Speak,
    summary: "speaks a text, then goes on",
    about: &[
        "A key pressed meanwhile stops the words, unless `barge_in = false`, and is answered by the \
         next step that asks. A caller who has typed ahead does not hear them at all.",
        "With `language` the words are in that one, whatever the caller chose: an offer of another \
         language must be heard by those who do not speak the first. The flow's `languages` must \
         have it, and `text` is then one text or a list, not one for each language.",
    ],
    table: Schema { name: "say", groups: &[&[&TEXT, &LANGUAGE], SAYING, STEP] },
    needs: || vec![Need::Speak],
    example: r#"
[flow]
numbers = ["*"]
start   = "greeting"

[say.greeting]
text = "Welcome to Acme{% if caller.name %}, {{ caller.name }}{% endif %}."
next = "hours"

[say.hours]
text   = ["We are open from nine to five.", "Have a good day."]
repeat = 2
next   = "end"

[hangup.end]
"#,
};

pub(in crate::flow) struct Say {
    need: Need,
    speech: Speech,
    repeat: usize,
    barge_in: bool,
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let language = section.string(&LANGUAGE);
    Some(Box::new(Say::read(build, section, (&TEXT, language), Need::Speak)))
}

impl Say {
    /// `play` differs only in what it plays.
    pub(in crate::flow) fn read<'a>(
        build: &Build<'a>,
        section: &Section<'a>,
        (what, language): (&Opt<Value>, Option<(&'a str, Range<usize>)>),
        need: Need,
    ) -> Self {
        let speech = section.required(what).map(|item| match language {
            Some(language) => build.speech_in(section, what.name, item, language),
            None => build.speech(section, what.name, item, Scope::Plain),
        });
        Self {
            need,
            speech: speech.unwrap_or_default(),
            repeat: usize::try_from(section.whole(&REPEAT)).unwrap_or(1),
            barge_in: section.boolean(&BARGE_IN),
            next: build.required_exit(section, &NEXT),
        }
    }
}

impl Verb for Say {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        if self.barge_in && run.has_keys() {
            return Next::Goto(self.next); // the caller knows the way
        }
        let prompts = match run.words(turn, &self.speech) {
            Ok(prompts) => prompts,
            Err(why) => return Next::Fail(why),
        };
        if prompts.is_empty() {
            return Next::Goto(self.next);
        }
        let count = prompts.len() * self.repeat;
        let prompts: Vec<Prompt> = prompts.into_iter().cycle().take(count).collect();
        run.play(turn, prompts);
        Next::Wait
    }

    fn key_pressed(&self, run: &mut Run, _turn: &mut Turn<'_>, digit: Digit) -> Next {
        run.keep_key(digit);
        if !self.barge_in {
            return Next::Wait;
        }
        run.stop_prompt();
        Next::Goto(self.next)
    }

    fn prompt_done(&self, _run: &mut Run, _turn: &mut Turn<'_>) -> Next {
        Next::Goto(self.next)
    }

    fn exits(&self) -> Vec<Exit> {
        vec![Exit::at_once("next", self.next)]
    }

    fn nature(&self) -> Nature {
        Nature {
            waits: true,
            is_way_out: false,
            needs_no_caller: false,
            barge_in: self.barge_in,
            passes_keys_on: true,
            is_secret: false,
        }
    }

    fn needs(&self) -> Vec<Need> {
        vec![self.need.clone()]
    }

    fn speeches(&self) -> Vec<&Speech> {
        vec![&self.speech]
    }
}
