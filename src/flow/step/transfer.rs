//! `transfer`: let the caller talk to an outside party, through a trunk.
//!
//! An exit that is not given leads where `failed` leads; without that, to `on_error`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::flow::build::Build;
use crate::flow::read::Section;
use crate::flow::run::{Run, Turn};
use crate::flow::step::queue::Sound;
use crate::flow::step::{Doing, Exit, Next, StepId, hangup};
use crate::flow::text::Text;
use crate::flow::{Effect, Input, TransferOutcome, TransferRequest};

/// How long it rings where the step does not say.
pub const RING_TIMEOUT_S: u64 = 30;

pub(in crate::flow) struct Transfer {
    to: Text,
    /// Where the number is written.
    place: Range<usize>,
    trunk: Option<Arc<str>>,
    ring_timeout: Duration,
    sound: Sound,
    next: Option<StepId>,
    busy: Option<StepId>,
    no_answer: Option<StepId>,
    refused: Option<StepId>,
    failed: Option<StepId>,
}

impl Transfer {
    pub(in crate::flow) fn read<'a>(build: &Build<'a>, section: &Section<'a>) -> Option<Self> {
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
            sound: Sound::read(build, section, Sound::Ring),
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

    /// The number and the trunk, where the number is the same for everybody.
    pub(in crate::flow) fn fixed(&self) -> Option<(&str, Option<&str>, Range<usize>)> {
        match &self.to {
            Text::Fixed(to) => Some((to, self.trunk.as_deref(), self.place.clone())),
            Text::Template(_) => None,
        }
    }

    pub(in crate::flow) const fn sound(&self) -> &Sound {
        &self.sound
    }

    pub(in crate::flow) fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let to = match run.render(turn, &self.to) {
            Ok(to) if to.is_empty() => return Next::Fail("there is no number to dial".to_owned()),
            Ok(to) => to,
            Err(why) => return Next::Fail(why),
        };
        run.clear_keys();
        run.doing = Doing::Transferring;
        run.play_on(turn, self.sound.prompt());
        turn.out.push(Effect::Transfer(Box::new(TransferRequest {
            to: to.to_string(),
            trunk: self.trunk.clone(),
            ring_timeout: self.ring_timeout,
        })));
        Next::Wait
    }

    pub(in crate::flow) fn input(&self, turn: &mut Turn<'_>, input: Input) -> Next {
        let Input::Transfer(outcome) = input else { return Next::Wait };
        let (exit, why) = match outcome {
            TransferOutcome::Completed => return hangup::next_or_hang_up(self.next, turn),
            TransferOutcome::Busy => (self.busy, "busy"),
            TransferOutcome::NoAnswer => (self.no_answer, "no answer"),
            TransferOutcome::Refused => (self.refused, "refused: no trunk may dial this number"),
            TransferOutcome::Failed => (self.failed, "failed"),
        };
        match exit.or(self.failed) {
            Some(step) => Next::Goto(step),
            None => Next::Fail(format!("{why}, and there is no exit for it")),
        }
    }

    pub(in crate::flow) fn exits(&self) -> Vec<Exit> {
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
}
