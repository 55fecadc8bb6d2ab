//! Supervisors, as the HTTP interface asks for them.
//!
//! **Invariant:** what is so already is no event, so asking twice does no more than asking once.
//!
//! **Deliberately absent:** who hears whom, and whether it may be: `center`.

use crate::api::{Supervision, Unconfirmed};
use crate::center::Refused;
use crate::center::snapshot::{CallView, SupervisorView};
use crate::front::{FrontCannot, Turn};
use crate::id::CallId;
use crate::server::driver::Driver;
use crate::server::outbox::Confirmed;
use crate::time::Timestamp;
use crate::words::{Event, SupervisorMode, SupervisorRequest, Telephone};

/// Who asks, as the journal and the views of live calls have it: a token names nobody.
const BY: &str = "operator";

impl Driver {
    pub(super) fn supervise(
        &mut self,
        now: Timestamp,
        call: CallId,
        wish: Supervision,
    ) -> Confirmed<CallView> {
        let view = self.center.call(call).ok_or(Unconfirmed::NotFound)?;
        let ask = match wish {
            Supervision::Leave => SupervisorRequest::Leave,
            Supervision::Mode { mode, from } => match ask(view.supervisor.as_ref(), mode, from) {
                Some(ask) => ask,
                None => return Ok(view),
            },
        };
        let may = self.center.may_supervise(call, &ask).and_then(|()| self.can_hear(call, &ask));
        may.map_err(Unconfirmed::Refused)?;
        self.input(now, Some(Event::SupervisorAsked { by: BY.to_owned(), call, ask }));
        self.center.call(call).ok_or(Unconfirmed::NotFound)
    }

    /// Whether those who carry the legs can do what is asked for. To leave is always possible.
    fn can_hear(&self, call: CallId, ask: &SupervisorRequest) -> Result<(), Refused> {
        let can = match ask {
            SupervisorRequest::Supervise { .. } => {
                let whom = self.center.supervisor_target(call, ask);
                self.exchange.can_supervise(call, whom.as_ref())
            }
            SupervisorRequest::Mode { .. } => self.exchange.can_supervise(call, None),
            SupervisorRequest::Leave => Ok(()),
        };
        can.map_err(|FrontCannot(why)| Refused::FrontCannot(why))
    }
}

/// What to ask the center for; `None` where it is so already.
fn ask(
    there: Option<&SupervisorView>,
    mode: SupervisorMode,
    from: Option<Telephone>,
) -> Option<SupervisorRequest> {
    let is_meant = |there: &&SupervisorView| from.as_ref().is_none_or(|from| is_at(there, from));
    match there.filter(is_meant) {
        Some(there) if there.mode == mode => None,
        Some(_) => Some(SupervisorRequest::Mode { mode }),
        None => Some(match from {
            Some(from) => SupervisorRequest::Supervise { mode, from },
            None => SupervisorRequest::Mode { mode },
        }),
    }
}

/// Whether the supervisor is at this telephone. A number that is written in another way is another.
fn is_at(there: &SupervisorView, from: &Telephone) -> bool {
    match from {
        Telephone::Agent { agent } => there.agent.as_ref() == Some(agent),
        Telephone::Number { number, .. } => there.number.as_ref() == Some(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eve() -> Telephone {
        Telephone::Agent { agent: "eve".to_owned() }
    }

    fn somebody() -> Telephone {
        Telephone::Number { number: "+14155550177".to_owned(), trunk: None }
    }

    fn there(mode: SupervisorMode) -> SupervisorView {
        SupervisorView {
            agent: Some("eve".to_owned()),
            number: None,
            by: BY.to_owned(),
            mode,
            instead_of: None,
            since: Some(Timestamp(0)),
        }
    }

    #[test]
    fn the_same_telephone_or_none_changes_the_mode_and_the_same_mode_nothing() {
        use SupervisorMode::{Barge, Listen, Whisper};
        let supervise = |from| Some(SupervisorRequest::Supervise { mode: Whisper, from });
        let change = Some(SupervisorRequest::Mode { mode: Whisper });
        assert_eq!(ask(None, Whisper, Some(eve())), supervise(eve()));
        assert_eq!(ask(None, Whisper, None), change, "the center says that nobody is there");
        for from in [None, Some(eve())] {
            assert_eq!(ask(Some(&there(Listen)), Whisper, from.clone()), change);
            assert_eq!(ask(Some(&there(Barge)), Barge, from), None);
        }
        assert_eq!(ask(Some(&there(Whisper)), Whisper, Some(somebody())), supervise(somebody()));
    }
}
