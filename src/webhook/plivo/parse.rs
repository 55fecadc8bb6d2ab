//! What a request of Plivo's says.
//!
//! **Invariant:** a report of a party's leg is about that leg (`DialBLegUUID`), not about the
//! caller's whose `CallUUID` comes with it.

use crate::time::Timestamp;
use crate::webhook::fields::{DialResult, Fields, LegState, Recorded};
use crate::webhook::form;
use crate::webhook::form::Pairs;
use crate::webhook::link::Link;
use crate::webhook::provider::Malformed;
use crate::webhook::request::{Method, Request};
use crate::webhook::value;
use crate::words::{Cause, Digit};

/// A parameter of our own: no key came, and Plivo went on with the next element.
pub(super) const NO_INPUT: &str = "none";
/// A parameter of our own: the party was bridged because it pressed this key.
pub(super) const ACCEPT: &str = "accept";

pub(super) fn parse(link: &Link, request: &Request) -> Result<Fields, Malformed> {
    let text = request.text();
    let said = Said {
        fields: match request.method {
            Method::Get => form::parse(request.query()),
            Method::Post => form::parse(&text),
        },
        query: form::parse(request.query()),
    };
    let is_party = matches!(link, Link::Leg { .. } | Link::LegStatus { .. });
    let is_asked = matches!(link, Link::Step { .. } | Link::Recording { .. });
    let reference = said.reference(is_party).ok_or(Malformed::Missing("CallUUID"))?;
    let recorded = said.recorded().filter(|_| is_asked);
    let is_recorded = recorded.is_some();
    let state = match is_party && !link.is_elsewhere() {
        true => said.party_state(),
        false => said.state(),
    };
    let finished_by = said.get("Digits").filter(|_| is_recorded).and_then(value::key);
    let from = said.get("From").and_then(value::bare_caller);
    Ok(Fields {
        from_name: said
            .get("CallerName")
            .filter(|name| value::bare_caller(name) != from)
            .map(str::to_owned),
        from,
        to: said.get("To").and_then(value::bare_dialed),
        state,
        keys: said.keys(link, is_recorded)?,
        finished_by,
        dial: said.dial().filter(|_| matches!(link, Link::Step { .. }) || link.is_elsewhere()),
        recorded,
        at: said.at(state),
        region: None,
        leg_event: None,
        reference: reference.to_owned(),
    })
}

struct Said<'a> {
    fields: Pairs<'a>,
    /// Of our own address, whatever the method.
    query: Pairs<'a>,
}

impl Said<'_> {
    fn get_even_empty(&self, name: &str) -> Option<&str> {
        form::find(&self.fields, name)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.get_even_empty(name).filter(|value| !value.is_empty())
    }

    /// A report of a recording may come without the name of any call.
    fn reference(&self, is_party: bool) -> Option<&str> {
        let party = is_party.then(|| self.get("DialBLegUUID")).flatten();
        let others = ["CallUUID", "DialALegUUID", "RecordingID"];
        party.or_else(|| others.iter().find_map(|name| self.get(name)))
    }

    /// Of the call the request is about.
    fn state(&self) -> Option<LegState> {
        let cause = || self.get("HangupCause").and_then(cause);
        Some(match self.get("CallStatus")? {
            "ringing" | "early-media" => LegState::Ringing,
            "in-progress" => LegState::Answered,
            "completed" => LegState::Ended(cause().unwrap_or(Cause::NORMAL_CLEARING)),
            "busy" => LegState::Ended(Cause::USER_BUSY),
            "timeout" | "no-answer" => LegState::Ended(Cause::NO_ANSWER),
            "cancel" => LegState::Ended(Cause::NORMAL_CLEARING),
            "failed" => LegState::Ended(cause().unwrap_or(Cause::TEMPORARY_FAILURE)),
            _ => return None,
        })
    }

    /// Of the party that was dialed.
    fn party_state(&self) -> Option<LegState> {
        match self.get("DialAction").or_else(|| self.get("DialBLegStatus"))? {
            "answer" | "connected" => Some(LegState::Answered),
            "hangup" => {
                let cause = self.get("DialBLegHangupCause").and_then(cause);
                Some(LegState::Ended(cause.unwrap_or(Cause::NORMAL_CLEARING)))
            }
            _ => None,
        }
    }

    fn keys(&self, link: &Link, is_recorded: bool) -> Result<Option<Vec<Digit>>, Malformed> {
        let typed = match link {
            // The key that ended a message is no input.
            Link::Step { .. } if is_recorded => None,
            Link::Step { .. } | Link::Leg { .. } => {
                let in_vain = || form::find(&self.query, NO_INPUT).map(|_| "");
                self.get_even_empty("Digits").or_else(in_vain)
            }
            Link::LegStatus { .. } if self.get("DialAction") == Some("connected") => {
                form::find(&self.query, ACCEPT)
            }
            Link::LegStatus { .. }
            | Link::Voice
            | Link::Events
            | Link::Status { .. }
            | Link::Recording { .. }
            | Link::Audio { .. } => None,
        };
        typed.map(|typed| value::keys("Digits", typed)).transpose()
    }

    fn dial(&self) -> Option<DialResult> {
        let failed = match self.get("DialStatus")? {
            "completed" => None,
            "busy" => Some(Cause::USER_BUSY),
            "timeout" | "no-answer" => Some(Cause::NO_ANSWER),
            "cancel" => Some(Cause::NORMAL_CLEARING),
            _ => {
                let cause = self.get("DialHangupCause").and_then(cause);
                Some(cause.unwrap_or(Cause::TEMPORARY_FAILURE))
            }
        };
        // The party's leg reports the length. Should that be lost, a talk counts from now.
        let talked = self.get("DialBLegDuration").and_then(value::seconds).unwrap_or_default();
        Some(DialResult { failed, talked: failed.is_none().then_some(talked) })
    }

    fn recorded(&self) -> Option<Recorded> {
        let url = self.get("RecordUrl").or_else(|| self.get("RecordFile"));
        let reference = self.get("RecordingID").or(url)?;
        let ms = self.get("RecordingDurationMs").and_then(|ms| ms.parse().ok());
        let seconds = || self.get("RecordingDuration").and_then(value::seconds);
        Some(Recorded {
            reference: reference.to_owned(),
            url: url.map(str::to_owned),
            length: ms.map(std::time::Duration::from_millis).or_else(seconds),
            failed: false,
        })
    }

    /// Plivo writes UTC without saying so.
    fn at(&self, state: Option<LegState>) -> Option<Timestamp> {
        let name = match state? {
            LegState::Answered => "AnswerTime",
            LegState::Ended(_) => "EndTime",
            LegState::Initiated | LegState::Ringing => return None,
        };
        self.get(name).and_then(value::time)
    }
}

/// Plivo names causes as its switch does, which are those of Q.850.
fn cause(name: &str) -> Option<Cause> {
    Some(match name {
        "NORMAL_CLEARING" | "ORIGINATOR_CANCEL" => Cause::NORMAL_CLEARING,
        "UNALLOCATED_NUMBER" => Cause::UNALLOCATED_NUMBER,
        "USER_BUSY" => Cause::USER_BUSY,
        "NO_USER_RESPONSE" | "PROGRESS_TIMEOUT" => Cause::NO_USER_RESPONDING,
        "NO_ANSWER" | "ALLOTTED_TIMEOUT" => Cause::NO_ANSWER,
        "SUBSCRIBER_ABSENT" | "USER_NOT_REGISTERED" => Cause::SUBSCRIBER_ABSENT,
        "CALL_REJECTED" => Cause::CALL_REJECTED,
        "LOSE_RACE" => Cause::ANSWERED_ELSEWHERE,
        "DESTINATION_OUT_OF_ORDER" => Cause::DESTINATION_OUT_OF_ORDER,
        "INVALID_NUMBER_FORMAT" => Cause::INVALID_NUMBER,
        "NORMAL_UNSPECIFIED" => Cause::NORMAL_UNSPECIFIED,
        "NORMAL_CIRCUIT_CONGESTION" => Cause::NO_CIRCUIT,
        "NETWORK_OUT_OF_ORDER" => Cause::NETWORK_OUT_OF_ORDER,
        "NORMAL_TEMPORARY_FAILURE" => Cause::TEMPORARY_FAILURE,
        "SWITCH_CONGESTION" => Cause::CONGESTION,
        "OUTGOING_CALL_BARRED" => Cause::OUTGOING_BARRED,
        "INCOMPATIBLE_DESTINATION" => Cause::INCOMPATIBLE,
        "RECOVERY_ON_TIMER_EXPIRE" | "MEDIA_TIMEOUT" => Cause::TIMER_EXPIRED,
        "INTERWORKING" => Cause::INTERWORKING,
        _ => return None,
    })
}
