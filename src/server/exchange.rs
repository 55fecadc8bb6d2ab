//! The fronts of this server as one: commands go to the leg's front, what fronts say comes back
//! as events.
//!
//! **Deliberately absent:** legs, which each front knows; decisions, which the center makes; the
//! names of the fronts: `fronts` has the list.

use std::collections::VecDeque;

use crate::center::ContactCenter;
use crate::front::{Front, FrontCannot, exchange};
use crate::id::LegId;
use crate::server::begun::Begun;
use crate::server::calls::Calls;
use crate::server::fronts::{FRONTS, Fronts, Leaves};
use crate::time::Timestamp;
use crate::words::{AgentRequest, Command, Event, Target};

pub(super) struct Exchange {
    pub(super) fronts: Fronts,
    pub(super) calls: Calls,
    /// Calls that came in this turn.
    pub(super) begun: Begun,
    /// What no front says, for the center, in the order it happened.
    events: VecDeque<Event>,
}

/// Whether there is room for a new call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// It would be one too many, or its record might find no room.
    pub(super) is_full: bool,
    pub(super) is_recording: bool,
}

impl Exchange {
    /// `first` is what the center is to hear before anything else.
    pub(super) fn new(fronts: Fronts, calls: Calls, first: VecDeque<Event>) -> Self {
        Self { fronts, calls, begun: Begun::default(), events: first }
    }

    fn fronts(&mut self) -> [&mut dyn Front; FRONTS] {
        self.fronts.all().map(|front| front as &mut dyn Front)
    }

    /// The same, to be asked.
    fn each(&self) -> [&dyn Front; FRONTS] {
        self.fronts.each().map(|front| front as &dyn Front)
    }

    /// Whether there is room, for whatever comes next.
    pub(super) fn set_room(&mut self, room: Room) {
        self.calls.arrivals.is_recording = room.is_recording;
        self.fronts().into_iter().for_each(|front| front.set_full(room.is_full));
    }

    /// Carries out a command about a leg; gives one back that is about a record.
    pub(super) fn carry_out(&mut self, now: Timestamp, command: Command) -> Option<Command> {
        let left = self.carry_out_by(Leaves::WithTheAnswer, now, command);
        let left = left.and_then(|command| self.begun.keep(command));
        let left = left.and_then(|command| self.carry_out_by(Leaves::AtOnce, now, command));
        // Before what plays next: that is for the front that has the leg now.
        exchange::hand_over(&mut self.fronts(), now);
        left
    }

    /// Carries out what had to wait until the arrival of its call was written.
    pub(super) fn carry_out_due(&mut self, now: Timestamp, command: Command) {
        self.carry_out_by(Leaves::AtOnce, now, command);
        exchange::hand_over(&mut self.fronts(), now);
    }

    /// By the front whose leg it is about, if its commands leave so.
    fn carry_out_by(&mut self, when: Leaves, now: Timestamp, command: Command) -> Option<Command> {
        let fronts = self.fronts.all().into_iter().filter(|front| front.leaves() == when);
        exchange::carry_out(fronts.map(|front| front as &mut dyn Front), now, command)
    }

    /// Lets the fronts hear what came in to them, and says what comes of it first.
    pub(super) fn poll_event(&mut self, now: Timestamp, center: &ContactCenter) -> Option<Event> {
        exchange::hand_over(&mut self.fronts(), now);
        while self.hear_next(now, center) {
            exchange::hand_over(&mut self.fronts(), now);
        }
        self.events.pop_front().or_else(|| exchange::poll_event(&mut self.fronts()))
    }

    fn hear_next(&mut self, now: Timestamp, center: &ContactCenter) -> bool {
        let Self { fronts, calls, events, .. } = self;
        fronts.all().into_iter().any(|front| front.hear_next(now, center, calls, events))
    }

    /// Whether the agent on this leg can have what was asked for.
    pub(super) fn can(&self, leg: LegId, request: &AgentRequest) -> Result<(), FrontCannot> {
        exchange::can(&self.each(), leg, request)
    }

    /// Whether the agent on this leg can consult whom this dials, or an agent of a queue.
    pub(super) fn can_consult(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        exchange::can_consult(&self.each(), leg, whom)
    }

    /// Whether a supervisor can hear the call of this caller's leg.
    pub(super) fn can_supervise(
        &self,
        leg: LegId,
        whom: Option<&Target>,
    ) -> Result<(), FrontCannot> {
        exchange::can_supervise(&self.each(), leg, whom)
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        exchange::poll_timeout(&self.each())
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp) {
        self.fronts().into_iter().rev().for_each(|front| front.handle_timeout(now));
    }

    /// Whether signaling has come to rest: nothing is waiting for an answer any more.
    pub(super) fn is_quiet(&self) -> bool {
        self.events.is_empty() && exchange::is_quiet(&self.each())
    }
}
