//! Scenes whose callers are a provider's, in place of telephones of our own.
//!
//! The script and the contact center are the same; what carries the callers' legs is a
//! [`Front`], which acts for them: [`Callers`].
//! What they hear is then what the front says it made them hear, piece by piece.
//!
//! **Invariant:** at one moment the front answers everything before the script goes on.

use std::time::Duration;

use crate::center::ContactCenter;
use crate::front::{Front, Turn};
use crate::id::{CallId, LegId};
use crate::sim::transcript::scene::Scene;
use crate::sim::transcript::script::Act;
use crate::sim::transcript::stamped;
use crate::time::Timestamp;
use crate::words::{Cause, Digit, Event, From, Prompt};

/// Rounds of events and answers at one moment.
const ROUNDS_MAX: usize = 1_000;

/// A front that carries the callers' legs of a scene, and acts for the people on them.
pub trait Callers: Front {
    /// As in `provider:NAME` of a record.
    fn provider(&self) -> &str;
    /// A caller calls; the center hears of it as `call`, by an event.
    fn calls(&mut self, now: Timestamp, call: CallId, from: &From, to: &str);
    fn presses(&mut self, now: Timestamp, call: CallId, keys: &[Digit]);
    /// `false` when nothing records the caller.
    fn says(&mut self, now: Timestamp, call: CallId, length: Duration) -> bool;
    fn hangs_up(&mut self, now: Timestamp, call: CallId);
    /// A party that the front dialed does something; `false` when it did not dial it.
    fn party(&mut self, now: Timestamp, leg: LegId, deed: PartyDeed) -> bool;
    /// Everything was dealt with: answer, go on. `false` when there is nothing more to do now.
    fn settle(&mut self, now: Timestamp, center: &ContactCenter) -> bool;
    fn poll_notice(&mut self) -> Option<Notice>;
}

/// What a party does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartyDeed {
    /// Answers, and takes the call.
    Answer,
    Fail(Cause),
    HangUp,
}

/// What a front has made happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Hears(LegId, Prompt),
    IsRecorded(LegId),
    Talks(LegId, LegId),
    HungUp(LegId, Cause),
}

impl Scene {
    /// Lets the front and the center talk until both are done for now.
    pub(super) fn settle(&mut self, at: Timestamp) {
        if self.front.is_some() {
            self.rounds(at, ROUNDS_MAX);
        }
    }

    /// What the front says next, which answers and goes on until it says something.
    pub(super) fn front_says(&mut self, at: Timestamp) -> Option<Event> {
        let mut front = self.front.take()?;
        let mut event = None;
        for _ in 0..ROUNDS_MAX {
            self.tell_front(at, front.as_mut());
            event = front.poll_event();
            if event.is_some() || !front.settle(at, &self.center) {
                break;
            }
        }
        self.tell_front(at, front.as_mut());
        self.front = Some(front);
        event
    }

    fn tell_front(&mut self, at: Timestamp, front: &mut dyn Callers) {
        while let Some(notice) = front.poll_notice() {
            let what = match notice {
                Notice::Hears(leg, prompt) => {
                    format!("{} hears {}", self.name(leg), self.heard(&prompt))
                }
                Notice::IsRecorded(leg) => format!("{} is recorded", self.name(leg)),
                Notice::Talks(a, b) => format!("{} talks to {}", self.name(a), self.name(b)),
                Notice::HungUp(leg, cause) => {
                    self.live.remove(&leg);
                    format!("{} is hung up ({})", self.name(leg), cause.name())
                }
            };
            self.out += &stamped(self.start, at, '<', &what);
        }
    }

    /// A caller of the front acts.
    pub(super) fn fronted(
        &mut self,
        at: Timestamp,
        name: &str,
        act: &Act,
    ) -> Option<Result<(), String>> {
        let mut front = self.front.take()?;
        let done = self.caller_of(at, front.as_mut(), name, act);
        self.front = Some(front);
        self.settle(at);
        Some(done)
    }

    fn caller_of(
        &mut self,
        at: Timestamp,
        front: &mut dyn Callers,
        name: &str,
        act: &Act,
    ) -> Result<(), String> {
        if let Act::Call(to) = act {
            let (call, from) = self.new_call(name);
            front.calls(at, call, &from, to);
            return Ok(());
        }
        let leg = self.leg(name)?;
        match act {
            Act::Press(keys) => front.presses(at, leg.call, keys),
            Act::Say(words) => {
                if !front.says(at, leg.call, self.spoken(words)) {
                    return Err(format!("nothing records `{name}` then"));
                }
            }
            Act::HangUp => front.hangs_up(at, leg.call),
            Act::Call(_)
            | Act::Answer
            | Act::Fail(_)
            | Act::Hold
            | Act::Resume
            | Act::Ask(_)
            | Act::Reply(_)
            | Act::LosePhone => return Err(format!("`{name}` is a caller")),
        }
        Ok(())
    }

    /// A party acts that the front has dialed.
    pub(super) fn party_of_front(&mut self, at: Timestamp, leg: LegId, act: &Act) -> bool {
        let deed = match act {
            Act::Answer => PartyDeed::Answer,
            Act::Fail(cause) => PartyDeed::Fail(*cause),
            Act::HangUp => PartyDeed::HangUp,
            Act::Call(_)
            | Act::Press(_)
            | Act::Say(_)
            | Act::Hold
            | Act::Resume
            | Act::Ask(_)
            | Act::Reply(_)
            | Act::LosePhone => return false,
        };
        let Some(front) = &mut self.front else { return false };
        let taken = front.party(at, leg, deed);
        self.settle(at);
        taken
    }
}
