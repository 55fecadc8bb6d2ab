//! `record`: let the caller leave a message, after a tone.
//!
//! **Invariant:** each recording asked for comes to one [`RecordOutcome`], or is given up
//! [`GIVE_UP_AFTER`] its greatest length.
//!
//! **Deliberately absent:** what counts as silence, and where the sound is kept. The front says.

use std::sync::Arc;
use std::time::Duration;

use minijinja::value::Value;
use serde::{Deserialize, Serialize};

use crate::flow::build::{Build, Scope};
use crate::flow::code;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::Variable;
use crate::flow::kept::Kept;
use crate::flow::late::{LATE_FINISH, Late};
use crate::flow::option::{ExitTo, Flag, OneKey, Opt, STEP, Schema, Seconds, Value as Written};
use crate::flow::port::{Effect, RecordOutcome, RecordRequest};
use crate::flow::read::{Item, Section, check_variable, option};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{Nature, Verb};
use crate::words::{Digit, Listen, Need};

/// An hour: what an installation keeps of one call has a limit.
const LENGTH_S_MAX: u64 = 3_600;
/// How long after its greatest length a recording that did not end is waited for.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

const TEXT: Opt<Written> = Opt::speech("text", "What is said before the tone; any key skips it.");
const BEEP: Opt<Flag> = Opt::flag("beep", true, "A tone says when to speak.");
const LENGTH_MAX: Opt<Seconds> = Opt::seconds(
    "length_s_max",
    120,
    1..=LENGTH_S_MAX,
    "After this time the message ends, and is kept.",
);
const LENGTH_MIN: Opt<Seconds> = Opt::seconds(
    "length_s_min",
    1,
    0..=60,
    "A message that is shorter counts as nothing said; less than `length_s_max`.",
);
const SILENCE: Opt<Seconds> =
    Opt::seconds("silence_s", 5, 1..=60, "Silence of this length ends the message.");
const FINISH_KEY: Opt<OneKey> =
    Opt::key_or_none("finish_key", '#', "The key that ends the message.");
const INTO: Opt<Written> =
    Opt::variable("into", "The variable that gets the name of the recording.");
const INTENT: Opt<Written> =
    Opt::template("intent", "What the caller wants, for the agent and the record.");
const NEXT: Opt<ExitTo> =
    Opt::exit("next", "A message is kept.").required_or("say where the call goes on");
const EMPTY: Opt<ExitTo> =
    Opt::exit("empty", "Nothing was said, or less than `length_s_min`.").without("as `next`");
const FAILED: Opt<ExitTo> =
    Opt::exit("failed", "The message could not be recorded or written.").without("`on_error`");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Ask,
    summary: "lets the caller leave a message, after a tone",
    about: &[
        "The message ends with `finish_key`, with silence, at its greatest length, or with the \
         caller's hang-up, which keeps what was said. It is in the call's record under `recordings`, \
         and the HTTP interface serves it as a WAV file.",
        "A message that is kept sets the variable of `into`, also when the caller hangs up while \
         speaking. Without an exit of its own for `empty`, a call may come to `next` without it, and \
         the check asks for a default there.",
    ],
    table: Schema {
        name: "record",
        groups: &[
            &[
                &TEXT,
                &BEEP,
                &LENGTH_MAX,
                &LENGTH_MIN,
                &SILENCE,
                &FINISH_KEY,
                &INTO,
                &INTENT,
                &NEXT,
                &EMPTY,
                &FAILED,
            ],
            STEP,
        ],
    },
    needs: may_need,
    example: r#"
[flow]
numbers = ["*"]
start   = "voicemail"

[record.voicemail]
text   = "Please leave a message after the tone. Press pound when you have finished."
into   = "message"
intent = "voicemail"
next   = "thanks"
empty  = "nothing"
failed = "nothing"

[hangup.thanks]
text = "Thank you. We will call you back."

[hangup.nothing]
text = "We have no message from you. Goodbye."
"#,
};

fn may_need() -> Vec<Need> {
    let keys = ['#', '*', 'A'].into_iter().filter_map(Digit::new);
    [Need::Record].into_iter().chain(keys.map(Need::FinishKey)).collect()
}

/// What brings the recording to its end that is being made; kept while it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    let into = option(item, INTO.name).and_then(|into| into.get_ref().as_str());
    into.into_iter().map(|name| (name, false)).collect()
}

impl Record {
    fn new<'a>(build: &Build<'a>, section: &Section<'a>) -> Self {
        let text = section.get(&TEXT);
        let intent = section.string(&INTENT);
        let record = Self {
            speech: text.map(|item| build.speech(section, TEXT.name, item, Scope::Plain)),
            beep: section.boolean(&BEEP),
            length_max: section.seconds(&LENGTH_MAX),
            length_min: section.seconds(&LENGTH_MIN),
            silence: section.seconds(&SILENCE),
            finish_key: section.key(&FINISH_KEY).and_then(Digit::new),
            into: read_into(section),
            intent: intent.map(|(text, span)| build.text(section, INTENT.name, text, span)),
            next: build.required_exit(section, &NEXT),
            empty: build.exit(section, &EMPTY),
            failed: build.exit(section, &FAILED),
        };
        if record.length_min >= record.length_max {
            let message = "`length_s_min` leaves no room below `length_s_max`";
            section.report(&code::CONTRADICTION, section.key_span(LENGTH_MIN.name), message);
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

    fn resume(&self, saved: serde_json::Value) -> Option<Kept> {
        Kept::resume::<End>(saved)
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

fn read_into(section: &Section<'_>) -> Option<Arc<str>> {
    let (name, span) = section.string(&INTO)?;
    check_variable(section, name, span).then(|| name.into())
}
