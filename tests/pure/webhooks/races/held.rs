//! Holds where each action is commanded: who asks for them, and who hears whom then.

use std::time::Duration;

use super::control::{ControlDeed, SILENCE_MAX};
use super::world::{Deed, World};
use crate::call_control::Doing;

/// What was asked for takes four commands at most, there and back.
const SETTLES: Duration = Duration::from_secs(3);
const SETTLES_LATE: Duration = Duration::from_secs(33);

impl World {
    /// Once in a talk, as at our own telephones.
    pub(super) fn plan_control_hold(&mut self, party: &str, talk: Duration) {
        if self.manners.is_steady || self.people.chance(0.7) {
            let deed = ControlDeed::Holds(party.to_owned(), talk / 4);
            self.plan(talk / 4, Deed::Control(deed));
        }
    }

    pub(super) fn control_holds(&mut self, party: &str, lasts: Duration) {
        let leg = self.control().parties.get(party).copied().flatten();
        let Some(leg) = leg.filter(|&leg| self.holds_on(leg, lasts)) else { return };
        self.judge.parted.insert(leg);
        let looks = |is_held| Deed::Control(ControlDeed::Looks(party.to_owned(), is_held));
        let settles = if self.wire.is_fair() { SETTLES } else { SETTLES_LATE };
        if lasts > settles {
            self.plan(lasts - Duration::from_millis(1), looks(true));
        }
        self.plan(lasts + settles, looks(false));
    }

    pub(super) fn looks(&mut self, party: &str, is_held: bool) {
        if self.wire.may_lose() {
            return;
        }
        let lines = &self.control().platform.lines;
        let line = &lines[party];
        let name = line.caller.clone().expect("it was called for somebody");
        let caller = &lines[&name];
        if line.is_over || caller.is_over {
            return;
        }
        let is_right = match is_held {
            true => caller.is_alone() && line.room.is_some(),
            false => caller.room.is_some() && caller.room == line.room,
        };
        assert!(is_right, "{name}, on hold: {is_held}: {caller:?}, {line:?}");
        self.judge.looks += 1;
    }

    /// However bad the wire is, nobody on hold is left in silence.
    pub(super) fn listens_for_silence(&mut self) {
        let now = self.now;
        for line in 0..self.lines.len() {
            let Some(call) = self.lines[line].call else { continue };
            let is_held = self.center.call(call).is_some_and(|call| call.on_hold);
            let reference = self.lines[line].reference.clone();
            let control = self.control();
            let is_silent = control.platform.lines.get(&reference).is_some_and(|it| {
                it.is_alone() && !it.is_over && matches!(it.doing, Doing::Nothing)
            });
            if !is_held || !is_silent {
                control.silent.remove(&line);
                continue;
            }
            let since = *control.silent.entry(line).or_insert(now);
            assert!(now.since(since) < SILENCE_MAX, "{reference} hears nothing since {since}");
        }
    }
}
