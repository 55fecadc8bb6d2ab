//! `say`: speak a text, then go on.
//!
//! With `language` the words are in that one, whatever the caller chose: an offer of another
//! language is heard by those who do not speak the first.
//!
//! Options: `text` `language` `repeat` `barge_in` `next`.
//!
//! A key pressed meanwhile stops the words, unless `barge_in = false`; either way it waits for the
//! next input step.

use crate::flow::build::{Build, Scope};
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::read::Section;
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::{Digit, Need, Prompt};

/// How often one step may repeat what it says.
pub(in crate::flow) const REPEAT_MAX: u64 = 10;

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
    Some(Box::new(Say::read_key(build, section, "text", Need::Speak)))
}

impl Say {
    /// `play` differs only in what it plays.
    pub(in crate::flow) fn read_key<'a>(
        build: &Build<'a>,
        section: &Section<'a>,
        key: &'static str,
        need: Need,
    ) -> Self {
        // A sound is in whatever language it is in.
        let language = if key == "text" { section.string("language") } else { None };
        let speech = section.required(key).map(|item| match language {
            Some((language, span)) => build.speech_in(section, key, item, (language, span)),
            None => build.speech(section, key, item, Scope::Plain),
        });
        let speech = speech.unwrap_or_default();
        let repeat = section.whole("repeat", 1, 1..=REPEAT_MAX);
        Self {
            need,
            speech,
            repeat: usize::try_from(repeat).unwrap_or(1),
            barge_in: section.boolean("barge_in", true),
            next: build.required_exit(
                section,
                "next",
                "say where the call goes on; to end it here use a `hangup` step with a `text`",
            ),
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
