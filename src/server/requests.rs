//! What the HTTP interface asks of the driver, answered between two events.
//!
//! **Invariant:** a request changes nothing but through an [`Event`], so it is in the journal; and
//! one that changes something is answered when that is written.

use crate::api::{Made, Request, Unconfirmed};
use crate::center::Refused;
use crate::front::{FrontCannot, Turn};
use crate::id::{AgentId, CallId};
use crate::server::driver::Driver;
use crate::server::outbox::{Confirmed, Reply};
use crate::time::Timestamp;
use crate::words::{AgentRequest, Event, OutboundRequest, Principal};

impl Driver {
    pub(super) fn take_request(&mut self, request: Request) {
        let now = self.clock.now();
        // An answer is dropped where the request does not wait any more.
        match request {
            Request::Ask { agent, ask, by, reply } => {
                let answer = self.ask_agent(now, &agent, ask, by);
                self.outbox.reply(Reply::Changed(reply, answer));
            }
            Request::Supervise { call, wish, by, reply } => {
                let answer = self.supervise(now, call, wish, by);
                self.outbox.reply(Reply::Changed(reply, answer));
            }
            Request::Dial { ask, by, reply } => {
                let answer = self.dial(now, ask, by);
                self.outbox.reply(Reply::Made(reply, answer));
            }
            // The turn that follows tells them.
            Request::TellAnew(reply) => self.outbox.reply(Reply::Told(reply)),
            Request::EndCall { call, by, reply } => {
                let answer = self.end_call(now, call, by);
                self.outbox.reply(Reply::Changed(reply, answer));
            }
        }
    }

    fn end_call(&mut self, now: Timestamp, call: CallId, by: Principal) -> Confirmed {
        if !self.center.is_live(call) {
            return Err(Unconfirmed::NotFound);
        }
        self.input(now, Some(Event::EndCall { call, by: Some(by) }));
        Ok(())
    }

    /// The number of the call is given here, as that of one that comes in.
    fn dial(
        &mut self,
        now: Timestamp,
        ask: OutboundRequest,
        by: Principal,
    ) -> Result<Made, Unconfirmed> {
        let under = |key: &String| self.center.outbound_under(&by.name, key);
        if let Some(call) = ask.key.as_ref().and_then(under) {
            return Ok(Made { call, is_repeat: true });
        }
        if !self.room().is_recording {
            return Err(Unconfirmed::NotMade);
        }
        self.center.check_outbound(&ask).map_err(Unconfirmed::Refused)?;
        let call = self.exchange.calls.arrivals.next;
        self.exchange.calls.arrivals.next = call.next();
        self.input(now, Some(Event::OutboundAsked { by, call, ask: Box::new(ask) }));
        Ok(Made { call, is_repeat: false })
    }

    fn ask_agent(
        &mut self,
        now: Timestamp,
        name: &str,
        ask: AgentRequest,
        by: Principal,
    ) -> Confirmed {
        let agent = self.center.agent_id(name).ok_or(Unconfirmed::NotFound)?;
        let may =
            self.center.check_request(now, agent, &ask).and_then(|()| self.can_fronts(agent, &ask));
        may.map_err(Unconfirmed::Refused)?;
        self.input(now, Some(Event::AgentAsked { agent, ask, by: Some(by) }));
        Ok(())
    }

    /// Whether those who carry the legs can do what is asked for.
    fn can_fronts(&self, agent: AgentId, ask: &AgentRequest) -> Result<(), Refused> {
        let Some(leg) = self.center.talks_on(agent) else { return Ok(()) };
        let can = if let AgentRequest::Consult { target } = ask {
            let whom = self.center.consult_dials(agent, target);
            self.exchange.can_consult(leg, whom.as_ref())
        } else {
            self.exchange.can(leg, ask)
        };
        can.map_err(|FrontCannot(why)| Refused::FrontCannot(why))
    }
}
