//! Supervisors, as the HTTP interface asks for them.
//!
//! **Invariant:** what is so already is no event, so asking twice does no more than asking once.
//!
//! **Deliberately absent:** who hears whom, and whether it may be: `center`.

use crate::api::{Supervision, Unconfirmed};
use crate::center::Refused;
use crate::front::{FrontCannot, Turn};
use crate::id::CallId;
use crate::server::driver::Driver;
use crate::server::outbox::Confirmed;
use crate::time::Timestamp;
use crate::words::{Event, Principal, SupervisorMode, SupervisorRequest, Telephone};

impl Driver {
    pub(super) fn supervise(
        &mut self,
        now: Timestamp,
        call: CallId,
        wish: Supervision,
        by: Principal,
    ) -> Confirmed {
        if !self.center.is_live(call) {
            return Err(Unconfirmed::NotFound);
        }
        let ask = match wish {
            Supervision::Leave => SupervisorRequest::Leave,
            Supervision::Mode { mode, from } => {
                let is_meant =
                    from.as_ref().is_none_or(|it| self.center.is_supervised_from(call, it));
                let there = self.center.supervisor_mode(call).filter(|_| is_meant);
                match ask(there, mode, from) {
                    Some(ask) => ask,
                    None => return Ok(()),
                }
            }
        };
        let may = self
            .center
            .check_supervisor_request(call, &ask)
            .and_then(|()| self.can_hear(call, &ask));
        may.map_err(Unconfirmed::Refused)?;
        self.input(now, Some(Event::SupervisorAsked { by, call, ask }));
        Ok(())
    }

    /// Whether those who carry the legs can do what is asked for. To leave is always possible.
    fn can_hear(&self, call: CallId, ask: &SupervisorRequest) -> Result<(), Refused> {
        let leg = self.center.caller_leg(call).ok_or(Refused::NoSuchCall { call })?;
        let can = match ask {
            SupervisorRequest::Supervise { .. } => {
                let whom = self.center.supervisor_target(call, ask);
                self.exchange.can_supervise(leg, whom.as_ref())
            }
            SupervisorRequest::Mode { .. } => self.exchange.can_supervise(leg, None),
            SupervisorRequest::Leave => Ok(()),
        };
        can.map_err(|FrontCannot(why)| Refused::FrontCannot(why))
    }
}

/// What to ask the center for; `None` where it is so already. `there` is the mode of the supervisor
/// who rings or is there, if the request means them.
fn ask(
    there: Option<SupervisorMode>,
    mode: SupervisorMode,
    from: Option<Telephone>,
) -> Option<SupervisorRequest> {
    match (there, from) {
        (Some(there), _) if there == mode => None,
        (None, Some(from)) => Some(SupervisorRequest::Supervise { mode, from }),
        (Some(_), _) | (None, None) => Some(SupervisorRequest::Mode { mode }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_telephone_or_none_changes_the_mode_and_the_same_mode_nothing() {
        use SupervisorMode::{Barge, Listen, Whisper};
        let eve = Telephone::Agent { agent: "eve".to_owned() };
        let change = Some(SupervisorRequest::Mode { mode: Whisper });
        let supervise = Some(SupervisorRequest::Supervise { mode: Whisper, from: eve.clone() });
        assert_eq!(ask(None, Whisper, Some(eve.clone())), supervise);
        assert_eq!(ask(None, Whisper, None), change, "the center says that nobody is there");
        for from in [None, Some(eve)] {
            assert_eq!(ask(Some(Listen), Whisper, from.clone()), change);
            assert_eq!(ask(Some(Barge), Barge, from), None);
        }
    }
}
