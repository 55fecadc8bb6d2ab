//! `transfer`: let the caller talk to an outside party, through a trunk.
//!
//! An exit that is not given leads where `failed` leads; without that, to `on_error`.
//!
//! Options: `to` `trunk` `ring_timeout_s` `wait` `music`, and the exits `next` `busy` `no_answer`
//! `refused` `failed`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::port::{Effect, TransferOutcome, TransferRequest};
use crate::flow::read::Section;
use crate::flow::run::{Run, Turn};
use crate::flow::step::hangup;
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{FixedNumber, Nature, Verb};
use crate::flow::wait_sound::WaitSound;
use crate::words::{Need, Prompt};

/// How long it rings where the step does not say.
pub const RING_TIMEOUT_S: u64 = 30;

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
        let to = section.required("to").and_then(|item| section.as_string("to", item));
        let trunk = section.string("trunk");
        if let Some((name, span)) = &trunk {
            let kind = "there is no trunk";
            build.declared(section, kind, build.known.trunks.as_ref(), name, span.clone());
        }
        let transfer = |to, place| Self {
            to,
            place,
            trunk: trunk.map(|(name, _)| name.into()),
            ring_timeout: section.seconds("ring_timeout_s", RING_TIMEOUT_S, 1..=300),
            sound: WaitSound::read(build, section, WaitSound::Ring, false),
            next: build.exit(section, "next"),
            busy: build.exit(section, "busy"),
            no_answer: build.exit(section, "no_answer"),
            refused: build.exit(section, "refused"),
            failed: build.exit(section, "failed"),
        };
        let (to, span) = to?;
        if to.trim().is_empty() {
            let message = format!("{}: `to` is empty", section.what);
            let help = "write the number to dial: to = \"+14155550199\"".to_owned();
            section.problems.error_help(span.clone(), message, help);
        }
        let place = span.clone();
        Some(transfer(build.text(section, "to", to, span), place))
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
