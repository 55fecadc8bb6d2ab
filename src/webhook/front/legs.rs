//! Calls at providers as legs of a front. [`ProviderCalls`] decides what becomes of them, for every
//! provider alike.
//!
//! [`ProviderCalls`]: crate::webhook::calls::ProviderCalls

use crate::front::{Front, FrontCannot, Handoff};
use crate::id::LegId;
use crate::time::Timestamp;
use crate::webhook::front::{ProviderFront, Way};
use crate::words::{AgentRequest, Command, Event, From, Target, Via};

impl ProviderFront {
    /// A call that was refused while there was no room for it, once.
    pub fn poll_refused(&mut self) -> Option<(From, String, Via)> {
        self.calls.poll_refused()
    }

    #[must_use]
    pub fn calls_live(&self) -> usize {
        self.calls.calls_live()
    }
}

impl Front for ProviderFront {
    fn carry_out(&mut self, now: Timestamp, command: Command) -> Option<Command> {
        self.calls.carry_out(now, command)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.calls.poll_event()
    }

    fn can(&self, leg: LegId, request: &AgentRequest) -> Result<(), FrontCannot> {
        self.calls.can(leg, request)
    }

    fn can_supervise(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        self.calls.can_supervise(leg, whom)
    }

    fn can_consult(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        Front::can_consult(&self.calls, leg, whom)
    }

    fn handle_handoff(&mut self, now: Timestamp, handoff: &Handoff) -> bool {
        self.calls.handle_handoff(now, handoff)
    }

    fn poll_handoff(&mut self) -> Option<Handoff> {
        self.calls.poll_handoff()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let legs = self.ways.values().filter_map(|way| match way {
            Way::Commands(legs) => legs.poll_timeout(),
            Way::Documents(_) => None,
        });
        legs.chain(self.calls.poll_timeout()).min()
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.calls.handle_timeout(now);
        self.commanded().for_each(|(_, legs)| legs.handle_timeout(now));
    }

    fn set_full(&mut self, is_full: bool) {
        self.calls.set_full(is_full);
    }

    fn is_quiet(&self) -> bool {
        self.calls.is_quiet()
    }
}
