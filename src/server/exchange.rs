//! The fronts of this server as one: commands go to the leg's front, what fronts say comes back
//! as events.
//!
//! A further front is a field and a place in [`Exchange::fronts`] and [`Exchange::each`], which the
//! compiler keeps equally long, and a door for what comes in to it from outside.
//!
//! **Deliberately absent:** legs, which each front knows; decisions, which the center makes.

use std::collections::VecDeque;

use crate::center::ContactCenter;
use crate::front::{Front, FrontCannot, exchange};
use crate::id::LegId;
use crate::server::begun::Begun;
use crate::server::calls::{Caller, Calls};
use crate::server::sip_front::SipFront;
use crate::time::Timestamp;
use crate::webhook::front::ProviderFront;
use crate::words::{AgentRequest, Cause, Command, EndedBy, Event, Target};

/// How many fronts there are.
const FRONTS: usize = 2;

pub(super) struct Exchange {
    pub(super) providers: ProviderFront,
    pub(super) sip: SipFront,
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
    pub(super) fn new(
        providers: ProviderFront,
        sip: SipFront,
        calls: Calls,
        first: VecDeque<Event>,
    ) -> Self {
        Self { providers, sip, calls, begun: Begun::default(), events: first }
    }

    /// A provider's caller may be at a telephone, never the other way round: the telephones come
    /// last, with all that is no provider's.
    fn fronts(&mut self) -> [&mut dyn Front; FRONTS] {
        [&mut self.providers, &mut self.sip]
    }

    /// The same, to be asked.
    fn each(&self) -> [&dyn Front; FRONTS] {
        [&self.providers, &self.sip]
    }

    /// Whether there is room, for whatever comes next.
    pub(super) fn set_room(&mut self, room: Room) {
        self.calls.is_recording = room.is_recording;
        self.fronts().into_iter().for_each(|front| front.set_full(room.is_full));
    }

    /// Carries out a command about a leg; gives one back that is about a record.
    pub(super) fn carry_out(&mut self, now: Timestamp, command: Command) -> Option<Command> {
        // A document carries the commands of a provider's call, and waits for the write itself.
        let left = self.providers.carry_out(now, command);
        let left = left.and_then(|command| self.begun.keep(command));
        let left = left.and_then(|command| self.carry_out_at_once(now, command));
        // Before what plays next: that is for the front that has the leg now.
        exchange::hand_over(&mut self.fronts(), now);
        left
    }

    /// Carries out what had to wait until the arrival of its call was written.
    pub(super) fn carry_out_due(&mut self, now: Timestamp, command: Command) {
        self.carry_out_at_once(now, command);
        exchange::hand_over(&mut self.fronts(), now);
    }

    /// For the fronts whose commands leave in the turn that carries them out.
    fn carry_out_at_once(&mut self, now: Timestamp, command: Command) -> Option<Command> {
        let [_providers, at_once @ ..] = &mut self.fronts();
        exchange::carry_out(at_once, now, command)
    }

    /// Lets the fronts hear what came in to them, and says what comes of it first.
    pub(super) fn poll_event(&mut self, now: Timestamp, center: &ContactCenter) -> Option<Event> {
        while let Some((from, to, via)) = self.providers.poll_refused() {
            let caller = Caller { from, to, via };
            let event = self.calls.refused(now, caller, EndedBy::Server, Cause::CONGESTION);
            self.events.extend(event);
        }
        exchange::hand_over(&mut self.fronts(), now);
        while self.sip.hear_next(now, center, &mut self.calls) {
            exchange::hand_over(&mut self.fronts(), now);
        }
        self.events.pop_front().or_else(|| exchange::poll_event(&mut self.fronts()))
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
