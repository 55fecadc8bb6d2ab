//! `record`: let the caller leave a message, after a tone.
//!
//! The message ends with the finish key, with silence, at its greatest length, or with the caller's
//! hang-up, which keeps what was said. Any key skips the words before the tone. Where `empty` is
//! not given nothing said leads to `next`, where `failed` is not given it leads to `on_error`.
//!
//! **Invariant:** each recording asked for comes to one [`RecordOutcome`], or is given up
//! [`GIVE_UP_AFTER`] its greatest length.
//!
//! **Deliberately absent:** what counts as silence, and where the sound is kept. The front says.

use std::sync::Arc;
use std::time::Duration;

use minijinja::value::Value;

use crate::flow::build::{Build, Scope};
use crate::flow::expr::Variable;
use crate::flow::late::{LATE_FINISH, Late};
use crate::flow::parse::check_variable;
use crate::flow::read::Section;
use crate::flow::run::{Run, Turn};
use crate::flow::step::ask::read_key;
use crate::flow::step::{Doing, Exit, Next, StepId};
use crate::flow::text::{Speech, Text};
use crate::flow::{Effect, Input, RecordOutcome, RecordRequest};
use crate::words::Digit;

/// An hour: what an installation keeps of one call has a limit.
const LENGTH_S_MAX: u64 = 3_600;
/// How long after its greatest length a recording that did not end is waited for.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

/// What brings a recording to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum End {
    /// Silence, the greatest length, or the finish key where the front hears it itself.
    Front,
    /// The caller pressed the finish key.
    Key,
}

pub(in crate::flow) struct Record {
    speech: Option<Speech>,
    beep: bool,
    length_max: Duration,
    length_min: Duration,
    silence: Duration,
    finish_key: Option<Digit>,
    into: Option<Arc<str>>,
    intent: Option<Text>,
    next: StepId,
    empty: Option<StepId>,
    failed: Option<StepId>,
}

impl Record {
    pub(in crate::flow) fn read<'a>(build: &Build<'a>, section: &Section<'a>) -> Self {
        let text = section.get("text");
        let intent = section.string("intent");
        let record = Self {
            speech: text.map(|item| build.speech(section, "text", item, Scope::Plain)),
            beep: section.boolean("beep", true),
            length_max: section.seconds("length_s_max", 120, 1..=LENGTH_S_MAX),
            length_min: section.seconds("length_s_min", 1, 0..=60),
            silence: section.seconds("silence_s", 5, 1..=60),
            finish_key: read_finish_key(section),
            into: read_into(section),
            intent: intent.map(|(text, span)| build.text(section, "intent", text, span)),
            next: build.required_exit(section, "next", "say where the call goes on"),
            empty: build.exit(section, "empty"),
            failed: build.exit(section, "failed"),
        };
        if record.length_min >= record.length_max {
            let message = "`length_s_min` leaves no room below `length_s_max`";
            section.error(section.key_span("length_s_min"), message);
        }
        record
    }

    /// What is set on the way to `next`; nothing, where a message without a word leads there too.
    pub(in crate::flow) fn sets(&self) -> Option<&Arc<str>> {
        self.kept_as().filter(|_| self.empty.is_some())
    }

    pub(in crate::flow) const fn kept_as(&self) -> Option<&Arc<str>> {
        self.into.as_ref()
    }

    pub(in crate::flow) const fn finish_key(&self) -> Option<Digit> {
        self.finish_key
    }

    pub(in crate::flow) fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let intent = self.intent.as_ref().map(|text| run.render(turn, text)).transpose();
        let words = self.speech.as_ref().map(|speech| run.words(turn, speech)).transpose();
        let (intent, words) = match (intent, words) {
            (Ok(intent), Ok(words)) => (intent, words.unwrap_or_default()),
            (Err(why), _) | (_, Err(why)) => return Next::Fail(why),
        };
        if let Some(intent) = intent.filter(|intent| !intent.is_empty()) {
            run.intend(&intent);
            turn.out.push(Effect::Intent(intent));
        }
        run.clear_keys();
        if words.is_empty() {
            return self.begin(run, turn);
        }
        run.doing = Doing::Speaking;
        run.play(turn, words);
        Next::Wait
    }

    pub(in crate::flow) fn input(&self, run: &mut Run, turn: &mut Turn<'_>, input: Input) -> Next {
        let end = match run.doing {
            Doing::Recording(end) => Some(end),
            Doing::Nothing
            | Doing::Speaking
            | Doing::Collecting(_)
            | Doing::Queueing
            | Doing::Transferring => None,
        };
        match input {
            Input::Digit(_) | Input::PromptDone if end.is_none() => {
                run.stop_prompt();
                self.begin(run, turn)
            }
            Input::Digit(digit) if self.finish_key == Some(digit) => {
                run.doing = Doing::Recording(End::Key);
                turn.out.push(Effect::StopRecord);
                Next::Wait
            }
            Input::Recorded(outcome) if end.is_some() => {
                // Silence or the greatest length may have come before the key.
                if let Some(key) = self.finish_key.filter(|_| end != Some(End::Key)) {
                    run.absorb(turn, Late::named(key.as_char(), LATE_FINISH));
                }
                self.ended(run, outcome)
            }
            Input::Timer if end.is_some() => {
                turn.out.push(Effect::StopRecord);
                self.give_up("the recording did not end")
            }
            Input::Start
            | Input::Digit(_)
            | Input::PromptDone
            | Input::Timer
            | Input::Silence
            | Input::Queue(_)
            | Input::Transfer(_)
            | Input::Recorded(_)
            | Input::Sent { .. }
            | Input::HungUp => Next::Wait,
        }
    }

    pub(in crate::flow) fn exits(&self) -> Vec<Exit> {
        let mut exits = vec![Exit::waited("next", self.next)];
        exits.extend(self.empty.map(|to| Exit::waited("empty", to)));
        exits.extend(self.failed.map(|to| Exit::at_once("failed", to)));
        exits
    }

    pub(in crate::flow) const fn speech(&self) -> Option<&Speech> {
        self.speech.as_ref()
    }

    fn begin(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        run.doing = Doing::Recording(End::Front);
        run.wait(turn, self.length_max + GIVE_UP_AFTER);
        let request = RecordRequest {
            step: run.step_name(),
            beep: self.beep,
            length_max: self.length_max,
            length_min: self.length_min,
            silence: self.silence,
            finish_key: self.finish_key,
        };
        run.record(turn, request);
        Next::Wait
    }

    fn ended(&self, run: &mut Run, outcome: RecordOutcome) -> Next {
        match outcome {
            RecordOutcome::Kept { name } => {
                self.keep(run, &name);
                Next::Goto(self.next)
            }
            RecordOutcome::KeptAtHangUp { name } => {
                self.keep(run, &name);
                Next::Wait
            }
            RecordOutcome::Empty => Next::Goto(self.empty.unwrap_or(self.next)),
            RecordOutcome::Failed => self.give_up("the message could not be recorded"),
        }
    }

    fn keep(&self, run: &mut Run, name: &str) {
        if let Some(into) = &self.into {
            run.set_var(into, Some(Variable { value: Value::from(name), secret: false }));
        }
    }

    fn give_up(&self, why: &str) -> Next {
        self.failed.map_or_else(|| Next::Fail(why.to_owned()), Next::Goto)
    }
}

/// `#` unless the file says otherwise; none with `finish_key = ""`.
fn read_finish_key(section: &Section<'_>) -> Option<Digit> {
    let none = section.get("finish_key").is_some_and(|item| item.get_ref().as_str() == Some(""));
    if none { None } else { read_key(section, "finish_key", Some('#')).and_then(Digit::new) }
}

fn read_into(section: &Section<'_>) -> Option<Arc<str>> {
    let (name, span) = section.string("into")?;
    check_variable(section, name, span).then(|| name.into())
}
