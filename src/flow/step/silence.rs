//! `silence`: say nothing for a while.

use std::time::Duration;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{ExitTo, Flag, MaySeconds, Opt, STEP, Schema};
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::{Digit, Need, Prompt};

const FOR: Opt<MaySeconds> =
    Opt::may_seconds("for_s", 0..=30, "How long nothing is heard; half a second is `0.5`.")
        .required_or("say how long: for_s = 1.5");
const BARGE_IN: Opt<Flag> = Opt::flag(
    "barge_in",
    true,
    "A key ends it; the key waits for the next step that asks, either way.",
);
const NEXT: Opt<ExitTo> = Opt::exit("next", "The time is over, or a key ended it.")
    .required_or("say where the call goes on");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Speak,
    summary: "says nothing for a while, then goes on",
    about: &[
        "A pause before or between words, for a caller who should look for a number or a pen. A caller who \
              has typed ahead does not wait. Where a caller should hear music meanwhile, or wait for \
              minutes, `wait` is the verb.",
    ],
    table: Schema { name: "silence", groups: &[&[&FOR, &BARGE_IN, &NEXT], STEP] },
    needs: || vec![Need::Silence],
    example: r#"
[flow]
numbers = ["*"]
start   = "breath"

[silence.breath]
for_s = 0.5
next  = "look"

[say.look]
text = "Please look for your account number."
next = "while_looking"

[silence.while_looking]
for_s = 4
next  = "account"

[collect.account]
text    = "Now enter it, then press pound."
into    = "account"
next    = "people"
give_up = "people"

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct Silence {
    time: Duration,
    barge_in: bool,
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let time = section.required(&FOR).and_then(|item| {
        let time = section.may_seconds(&FOR);
        if time.is_some_and(|time| time < LEAST) {
            let message = format!("{}: `{}` is no time at all", section.what, FOR.name);
            let help = "a tenth of a second is 0.1, and the shortest".to_owned();
            section.problems.report(&code::OUT_OF_RANGE, item.span(), message, help);
        }
        time
    });
    let barge_in = section.boolean(&BARGE_IN);
    let next = build.required_exit(section, &NEXT);
    Some(Box::new(Silence { time: time.unwrap_or_default(), barge_in, next }))
}

/// Nobody hears a shorter one.
const LEAST: Duration = Duration::from_millis(100);

impl Verb for Silence {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        if self.barge_in && run.has_keys() {
            return Next::Goto(self.next);
        }
        let ms = u32::try_from(self.time.as_millis()).unwrap_or(u32::MAX);
        run.play(turn, vec![Prompt::Silence { ms }]);
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
        vec![Need::Silence]
    }

    fn speeches(&self) -> Vec<&Speech> {
        Vec::new()
    }
}
