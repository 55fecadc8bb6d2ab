//! [`ProviderCalls`] as a front: its legs are those of calls at providers, and it hands callers to
//! telephones.

use crate::front::{Front, FrontCannot, Handoff, HandoffEnd};
use crate::id::LegId;
use crate::time::Timestamp;
use crate::webhook::calls::{ProviderCalls, Taken};
use crate::words::{AgentRequest, Command, Event, Target};

impl Front for ProviderCalls {
    fn carry_out(&mut self, _now: Timestamp, command: Command) -> Option<Command> {
        match self.command(&command) {
            Taken::Here => None,
            Taken::BySip => Some(command),
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        Self::poll_event(self)
    }

    fn can(&self, leg: LegId, request: &AgentRequest) -> Result<(), FrontCannot> {
        let can = match request {
            AgentRequest::Hold => self.was_consulted(leg).and_then(|()| self.can_split(leg)),
            AgentRequest::Conference => self.can_conference(leg),
            AgentRequest::Transfer { .. } => {
                self.was_consulted(leg).and_then(|()| self.can_leave(leg))
            }
            AgentRequest::Consult { .. }
            | AgentRequest::Resume
            | AgentRequest::Complete
            | AgentRequest::LogIn
            | AgentRequest::LogOut
            | AgentRequest::Ready
            | AgentRequest::NotReady { .. }
            | AgentRequest::EndWrapUp { .. }
            // The center refuses these of a call at a provider.
            | AgentRequest::StartRecording
            | AgentRequest::PauseRecording
            | AgentRequest::ResumeRecording => Ok(()),
        };
        can.map_err(|why| FrontCannot(why.to_string()))
    }

    fn can_supervise(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        self.supervises(leg.call, whom).map_err(|why| FrontCannot(why.to_string()))
    }

    fn can_consult(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        self.can_consult(leg, whom).map_err(|why| FrontCannot(why.to_string()))
    }

    fn handle_handoff(&mut self, now: Timestamp, handoff: &Handoff) -> bool {
        match handoff {
            Handoff::Arrived { arrival, address } => {
                let expected = self.handoff_arrived(address).map(|(leg, party)| {
                    let arrival = *arrival;
                    Handoff::Expected { arrival, leg, party }
                });
                let is_known = expected.is_some();
                self.expected.extend(expected);
                is_known
            }
            Handoff::Over { leg, end } => {
                let call = leg.call;
                match *end {
                    HandoffEnd::Returned(cause) => self.handoff_ended(now, call, true, cause),
                    HandoffEnd::HungUp(cause) => self.handoff_ended(now, call, false, cause),
                    HandoffEnd::Lost(cause, how) => self.handoff_lost(now, call, cause, how),
                }
                self.has(call)
            }
            Handoff::Expected { .. } | Handoff::Unexpected { .. } | Handoff::Dropped { .. } => {
                false
            }
        }
    }

    fn poll_handoff(&mut self) -> Option<Handoff> {
        let expected = self.expected.pop_front();
        expected.or_else(|| Some(Handoff::Dropped { party: self.poll_dropped()? }))
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        Self::poll_timeout(self)
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        Self::handle_timeout(self, now);
    }

    fn set_full(&mut self, is_full: bool) {
        Self::set_full(self, is_full);
    }

    fn is_quiet(&self) -> bool {
        self.calls_live() == 0
    }
}
