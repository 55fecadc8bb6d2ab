//! `transfer`: let the caller talk to an outside party, through a trunk.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{Choice, ExitTo, Opt, STEP, Schema, Seconds, Value};
use crate::flow::port::{Effect, TransferOutcome, TransferRequest};
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::step::hangup;
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{FixedNumber, Nature, Verb};
use crate::flow::wait_sound::{MUSIC, Sound, WAIT_WORDS, WaitSound};
use crate::words::{Need, Prompt};

/// How long it rings where the step does not say.
pub const RING_TIMEOUT_S: u64 = 30;

const TO: Opt<Value> =
    Opt::template("to", "The number to dial; empty for a caller, the step fails.").required();
const TRUNK: Opt<Value> =
    Opt::value("trunk", "a trunk or a provider", "Who carries the call; it must allow the number.")
        .without("the first that allows the number, by name; the next where one does not take it");
const RING_TIMEOUT: Opt<Seconds> = Opt::seconds(
    "ring_timeout_s",
    RING_TIMEOUT_S,
    1..=300,
    "How long it rings before `no_answer`.",
);
const WAIT: Opt<Choice<Sound>> =
    Opt::choice("wait", "ring", WAIT_WORDS, "What the caller hears until the party answers.");
const NEXT: Opt<ExitTo> =
    Opt::exit("next", "The outside party talked and hung up.").without("the call ends");
const BUSY: Opt<ExitTo> = Opt::exit("busy", "The party is busy.").without(AS_FAILED);
const NO_ANSWER: Opt<ExitTo> =
    Opt::exit("no_answer", "Nobody answered within `ring_timeout_s`, or the network says so.")
        .without(AS_FAILED);
const REFUSED: Opt<ExitTo> =
    Opt::exit("refused", "It is no number, or none that a trunk may dial; nothing was dialed.")
        .without(AS_FAILED);
const FAILED: Opt<ExitTo> =
    Opt::exit("failed", "The party declines, or neither number nor trunk can be reached.")
        .without("`on_error`");
const AS_FAILED: &str = "as `failed`";

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::People,
    summary: "lets the caller talk to a number outside, through a trunk or a provider",
    about: &[
        "The caller hears `wait` until the party answers, and both talk until one hangs up. When the \
         caller does, the call is over (`on_hangup`); when the party does, it goes on at `next`. What \
         the caller typed ahead is forgotten, and keys pressed while it rings do nothing.",
        "Only numbers that a trunk or provider has in its `prefixes` are dialed. A number that is the \
         same for every caller is held against them when the flow is checked. A call that came by a \
         provider goes out by that provider alone, where `trunk` does not say another.",
    ],
    table: Schema {
        name: "transfer",
        groups: &[
            &[
                &TO,
                &TRUNK,
                &RING_TIMEOUT,
                &WAIT,
                &MUSIC,
                &NEXT,
                &BUSY,
                &NO_ANSWER,
                &REFUSED,
                &FAILED,
            ],
            STEP,
        ],
    },
    needs: || vec![Need::Dial],
    example: r#"
[flow]
numbers = ["*"]
start   = "on_call"

[transfer.on_call]
to             = "+14155550199"
ring_timeout_s = 25
next           = "thanks"
no_answer      = "later"
failed         = "later"

[hangup.thanks]
text = "Thank you for calling."

[hangup.later]
text = "Nobody could be reached. Please call again."
"#,
};

struct Transfer {
    to: Text,
    /// Where the number is written.
    place: Range<usize>,
    trunk: Option<Arc<str>>,
    ring_timeout: Duration,
    sound: WaitSound,
    next: Option<StepId>,
    busy: Option<StepId>,
    no_answer: Option<StepId>,
    refused: Option<StepId>,
    failed: Option<StepId>,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(Transfer::new(build, section)?))
}

impl Transfer {
    fn new<'a>(build: &Build<'a>, section: &Section<'a>) -> Option<Self> {
        let to = section.required(&TO).and_then(|item| section.as_string(TO.name, item));
        let trunk = section.string(&TRUNK);
        if let Some((name, span)) = &trunk {
            let kind = "there is no trunk";
            build.declared(section, kind, build.known.trunks.as_ref(), name, span.clone());
        }
        let transfer = |to, place| Self {
            to,
            place,
            trunk: trunk.map(|(name, _)| name.into()),
            ring_timeout: section.seconds(&RING_TIMEOUT),
            sound: WaitSound::read(build, section, &WAIT),
            next: build.exit(section, &NEXT),
            busy: build.exit(section, &BUSY),
            no_answer: build.exit(section, &NO_ANSWER),
            refused: build.exit(section, &REFUSED),
            failed: build.exit(section, &FAILED),
        };
        let (to, span) = to?;
        if to.trim().is_empty() {
            let message = format!("{}: `to` is empty", section.what);
            let help = "write the number to dial: to = \"+14155550199\"".to_owned();
            section.problems.error_help(span.clone(), message, help);
        }
        let place = span.clone();
        Some(transfer(build.text(section, TO.name, to, span), place))
    }
}

impl Verb for Transfer {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let to = match run.render(turn, &self.to) {
            Ok(to) if to.is_empty() => return Next::Fail("there is no number to dial".to_owned()),
            Ok(to) => to,
            Err(why) => return Next::Fail(why),
        };
        run.clear_keys();
        run.play_on(turn, self.sound.prompt());
        turn.out.push(Effect::Transfer(Box::new(TransferRequest {
            to: to.to_string(),
            trunk: self.trunk.clone(),
            ring_timeout: self.ring_timeout,
        })));
        Next::Wait
    }

    fn transferred(&self, run: &mut Run, turn: &mut Turn<'_>, end: TransferOutcome) -> Next {
        let (exit, why) = match end {
            TransferOutcome::Completed => return hangup::next_or_hang_up(self.next, turn),
            TransferOutcome::Busy => (self.busy, "busy"),
            TransferOutcome::NoAnswer => (self.no_answer, "no answer"),
            TransferOutcome::Refused => {
                let why = "refused: no trunk may dial this number";
                return run.fail_to(turn, self.refused.or(self.failed), why);
            }
            TransferOutcome::Failed => {
                return run.fail_to(turn, self.failed, "the number could not be reached");
            }
        };
        match exit.or(self.failed) {
            Some(step) => Next::Goto(step),
            None => Next::Fail(format!("{why}, and there is no exit for it")),
        }
    }

    fn exits(&self) -> Vec<Exit> {
        let tried = [
            ("busy", self.busy),
            ("no_answer", self.no_answer),
            ("refused", self.refused),
            ("failed", self.failed),
        ];
        let next = self.next.map(|to| Exit::waited("next", to));
        let tried = tried.into_iter().filter_map(|(label, to)| Some(Exit::at_once(label, to?)));
        next.into_iter().chain(tried).collect()
    }

    fn nature(&self) -> Nature {
        Nature {
            waits: true,
            is_way_out: true,
            needs_no_caller: false,
            barge_in: false,
            passes_keys_on: false,
            is_secret: false,
        }
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::Dial]
    }

    fn speeches(&self) -> Vec<&Speech> {
        Vec::new()
    }

    fn wait_sound(&self) -> Option<Prompt> {
        Some(self.sound.prompt())
    }

    fn dials(&self) -> Option<FixedNumber<'_>> {
        match &self.to {
            Text::Fixed(to) => {
                let (trunk, place) = (self.trunk.as_deref(), self.place.clone());
                Some(FixedNumber { to, trunk, place })
            }
            Text::Template(_) => None,
        }
    }
}
