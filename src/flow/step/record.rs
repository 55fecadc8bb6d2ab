//! `record`: let the caller leave a message, after a tone.
//!
//! The message ends with the finish key, with silence, at its greatest length, or with the caller's
//! hang-up, which keeps what was said. Any key skips the words before the tone. Where `empty` is
//! not given nothing said leads to `next`, where `failed` is not given it leads to `on_error`.
//!
//! Options: `text` `beep` `length_s_max` `length_s_min` `silence_s` `finish_key` `into` `intent`,
//! and the exits `next` `empty` `failed`.
//!
//! **Invariant:** each recording asked for comes to one [`RecordOutcome`], or is given up
//! [`GIVE_UP_AFTER`] its greatest length.
//!
//! **Deliberately absent:** what counts as silence, and where the sound is kept. The front says.

use std::sync::Arc;
use std::time::Duration;

use minijinja::value::Value;

use crate::flow::build::{Build, Scope};
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::Variable;
use crate::flow::late::{LATE_FINISH, Late};
use crate::flow::port::{Effect, RecordOutcome, RecordRequest};
use crate::flow::read::{Item, Section, check_variable, option, read_key};
use crate::flow::run::{Run, Turn};
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{Nature, Verb};
use crate::words::{Digit, Listen, Need};

/// An hour: what an installation keeps of one call has a limit.
const LENGTH_S_MAX: u64 = 3_600;
/// How long after its greatest length a recording that did not end is waited for.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

/// What brings the recording to its end that is being made; kept while it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Silence, the greatest length, or the finish key where the front hears it itself.
    Front,
    /// The caller pressed the finish key.
    Key,
}

struct Record {
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

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(Record::new(build, section)))
}

/// The variable that gets the name of the recording.
pub(in crate::flow) fn names<'a>(item: Item<'a>) -> Vec<(&'a str, bool)> {
    let into = option(item, "into").and_then(|into| into.get_ref().as_str());
    into.into_iter().map(|name| (name, false)).collect()
}

impl Record {
    fn new<'a>(build: &Build<'a>, section: &Section<'a>) -> Self {
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

    fn begin(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        run.kept.put(Box::new(End::Front));
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

    fn ended(&self, run: &mut Run, turn: &mut Turn<'_>, outcome: RecordOutcome) -> Next {
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
            RecordOutcome::Failed => {
                run.fail_to(turn, self.failed, "the message could not be recorded")
            }
        }
    }

    fn keep(&self, run: &mut Run, name: &str) {
        if let Some(into) = &self.into {
            run.set_var(into, Some(Variable { value: Value::from(name), secret: false }));
        }
    }
}

impl Verb for Record {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
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
        run.play(turn, words);
        Next::Wait
    }

    fn key_pressed(&self, run: &mut Run, turn: &mut Turn<'_>, digit: Digit) -> Next {
        if run.kept.get::<End>().is_none() {
            run.stop_prompt();
            return self.begin(run, turn);
        }
        if self.finish_key == Some(digit) {
            run.kept.put(Box::new(End::Key));
            turn.out.push(Effect::StopRecord);
        }
        Next::Wait
    }

    fn prompt_done(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        match run.kept.get::<End>() {
            Some(_) => Next::Wait,
            None => {
                run.stop_prompt();
                self.begin(run, turn)
            }
        }
    }

    fn time_passed(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        if run.kept.get::<End>().is_none() {
            return Next::Wait;
        }
        turn.out.push(Effect::StopRecord);
        run.fail_to(turn, self.failed, "the recording did not end")
    }

    fn recorded(&self, run: &mut Run, turn: &mut Turn<'_>, outcome: RecordOutcome) -> Next {
        let Some(end) = run.kept.get::<End>().copied() else { return Next::Wait };
        // Silence or the greatest length may have come before the key.
        if let Some(key) = self.finish_key.filter(|_| end != End::Key) {
            run.absorb(turn, Late::named(key.as_char(), LATE_FINISH));
        }
        self.ended(run, turn, outcome)
    }

    fn exits(&self) -> Vec<Exit> {
        let mut exits = vec![Exit::waited("next", self.next)];
        exits.extend(self.empty.map(|to| Exit::waited("empty", to)));
        exits.extend(self.failed.map(|to| Exit::at_once("failed", to)));
        exits
    }

    fn nature(&self) -> Nature {
        Nature {
            waits: true,
            is_way_out: false,
            needs_no_caller: false,
            barge_in: true,
            passes_keys_on: false,
            is_secret: false,
        }
    }

    fn needs(&self) -> Vec<Need> {
        let key = self.finish_key.map(Need::FinishKey);
        [Need::Record].into_iter().chain(key).collect()
    }

    fn speeches(&self) -> Vec<&Speech> {
        self.speech.iter().collect()
    }

    /// Any key skips the words before the tone.
    fn listens(&self, run: &Run) -> Option<Listen> {
        run.kept.get::<End>().is_none().then_some(Listen::SKIP)
    }

    /// Nothing, where a message without a word leads to `next`, too.
    fn sets(&self, exit: &str) -> Vec<&str> {
        let into = self.into.as_deref().filter(|_| exit == "next" && self.empty.is_some());
        into.into_iter().collect()
    }

    fn sets_at_hangup(&self) -> Vec<&str> {
        self.into.as_deref().into_iter().collect() // what was said is kept
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
