//! `wait`: let time pass while the caller hears music, a ring or nothing.

use std::time::Duration;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{Choice, ExitTo, OneKey, Opt, STEP, Schema, Seconds};
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::flow::wait_sound::{MUSIC, Sound, WAIT_WORDS, WaitSound};
use crate::words::{Digit, Listen, Need, Prompt};

const FOR: Opt<Seconds> = Opt::seconds("for_s", 10, 1..=1_800, "How long the call waits.");
const WAIT: Opt<Choice<Sound>> =
    Opt::choice("wait", "music", WAIT_WORDS, "What the caller hears meanwhile.");
const EXIT_KEY: Opt<OneKey> = Opt::key(
    "exit_key",
    "The key that ends the wait; all others wait for the next step that asks.",
);
const NEXT: Opt<ExitTo> =
    Opt::exit("next", "The time is over.").required_or("say where the call goes on");
const EXIT: Opt<ExitTo> = Opt::exit("exit", "The caller pressed `exit_key`.").without("`next`");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Speak,
    summary: "lets time pass, with music, and then goes on",
    about: &[
        "No agent is waited for, so nobody is in a queue. Keys that are pressed meanwhile are \
              typed ahead, but for `exit_key`, which ends the wait. A loop through a `wait` must ask \
              the caller something, too, or be a `loop`: else it would turn for ever.",
    ],
    table: Schema {
        name: "wait",
        groups: &[&[&FOR, &WAIT, &MUSIC, &EXIT_KEY, &NEXT, &EXIT], STEP],
    },
    needs: || vec![Need::ExitKey],
    example: r#"
[flow]
numbers = ["*"]
start   = "hold"

[wait.hold]
for_s    = 20
exit_key = "*"
next     = "ready"
exit     = "people"

[say.ready]
text = "Thank you for your patience."
next = "people"

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct Wait {
    time: Duration,
    sound: WaitSound,
    exit_key: Option<char>,
    next: StepId,
    exit: Option<StepId>,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let wait = Wait {
        time: section.seconds(&FOR),
        sound: WaitSound::read(build, section, &WAIT),
        exit_key: section.key(&EXIT_KEY),
        next: build.required_exit(section, &NEXT),
        exit: build.exit(section, &EXIT),
    };
    if wait.exit.is_some() && wait.exit_key.is_none() {
        let message = format!("{}: no key leads to `exit`", section.what);
        let help = "write exit_key = \"*\" beside it, or take it out".to_owned();
        let span = section.key_span(EXIT.name);
        section.problems.report(&code::CONTRADICTION, span, message, help);
    }
    Some(Box::new(wait))
}

impl Verb for Wait {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        run.play_on(turn, self.sound.prompt());
        run.wait(turn, self.time);
        Next::Wait
    }

    fn key_pressed(&self, run: &mut Run, _turn: &mut Turn<'_>, digit: Digit) -> Next {
        if Some(digit.as_char()) != self.exit_key {
            run.keep_key(digit);
            return Next::Wait;
        }
        run.stop_sound();
        Next::Goto(self.exit.unwrap_or(self.next))
    }

    fn time_passed(&self, run: &mut Run, _turn: &mut Turn<'_>) -> Next {
        run.stop_sound();
        Next::Goto(self.next)
    }

    /// Time is waited for, and no caller: a loop through here alone would turn for ever.
    fn exits(&self) -> Vec<Exit> {
        let exit = self.exit.map(|to| Exit::at_once("exit", to));
        [Exit::at_once("next", self.next)].into_iter().chain(exit).collect()
    }

    fn nature(&self) -> Nature {
        Nature {
            waits: true,
            is_way_out: false,
            needs_no_caller: false,
            barge_in: false,
            passes_keys_on: true,
            is_secret: false,
        }
    }

    fn needs(&self) -> Vec<Need> {
        self.exit_key.map(|_| Need::ExitKey).into_iter().collect()
    }

    fn speeches(&self) -> Vec<&Speech> {
        Vec::new()
    }

    /// A key may come at any time; none is waited for when the time is over.
    fn listens(&self, _run: &Run) -> Option<Listen> {
        Some(Listen::SKIP)
    }

    fn wait_sound(&self) -> Option<Prompt> {
        Some(self.sound.prompt())
    }
}
