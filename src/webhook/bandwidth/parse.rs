//! What Bandwidth says: one JSON object per event.
//!
//! **Invariant:** an event without a state of ours, new ones included, says nothing about the leg.
//!
//! **Deliberately absent:** the talk's length in `transferComplete`, whose times are those of the
//! caller's leg; `transferDisconnect` has the callee's.

use jiff::SignedDuration;
use serde_json::Value;

use crate::webhook::fields::{DialResult, Fields, LegState, Recorded};
use crate::webhook::json;
use crate::webhook::provider::Malformed;
use crate::webhook::request::Request;
use crate::webhook::value;
use crate::words::{Cause, Digit};

pub(super) fn parse(request: &Request) -> Result<Fields, Malformed> {
    let body = json::object(request)?;
    let event = json::needed(&body, "eventType")?;
    let cause = || cause(json::text(&body, "cause").unwrap_or_default());
    let state = match event {
        "initiate" => Some(LegState::Initiated),
        "answer" | "transferAnswer" => Some(LegState::Answered),
        "disconnect" | "transferDisconnect" => Some(LegState::Ended(cause())),
        _ => None,
    };
    let dial = (event == "transferComplete").then(|| DialResult {
        failed: match json::text(&body, "cause") {
            Some("hangup") => None,
            Some("cancel") => Some(Cause::NO_ANSWER),
            _ => Some(cause()),
        },
        talked: None,
    });
    let is_gather = event == "gather";
    let digits = body.get("digits").and_then(Value::as_str).unwrap_or_default();
    Ok(Fields {
        reference: json::needed(&body, "callId")?.to_owned(),
        from: json::text(&body, "from").and_then(value::caller),
        to: json::text(&body, "to").and_then(value::dialed),
        state,
        keys: is_gather.then(|| value::keys("digits", digits)).transpose()?,
        finished_by: finished_by(&body).filter(|_| is_gather),
        dial,
        recorded: recorded(event, &body),
        at: time(&body, "eventTime"),
        ..Fields::default()
    })
}

fn finished_by(body: &Value) -> Option<Digit> {
    json::text(body, "terminatingDigit")?.chars().next().and_then(Digit::new)
}

fn time(body: &Value, name: &str) -> Option<crate::time::Timestamp> {
    json::text(body, name).and_then(value::time)
}

fn recorded(event: &str, body: &Value) -> Option<Recorded> {
    if !matches!(event, "recordComplete" | "recordingAvailable") {
        return None;
    }
    let length: Option<SignedDuration> =
        json::text(body, "duration").and_then(|text| text.parse().ok());
    Some(Recorded {
        reference: json::text(body, "recordingId")?.to_owned(),
        // At `recordComplete` the file may not be there yet: its address is reported later.
        url: json::text(body, "mediaUrl")
            .filter(|_| event == "recordingAvailable")
            .map(str::to_owned),
        length: length.and_then(|length| length.try_into().ok()),
        failed: json::text(body, "status").is_some_and(|status| status == "error"),
    })
}

fn cause(name: &str) -> Cause {
    match name {
        "hangup" | "cancel" => Cause::NORMAL_CLEARING,
        "busy" => Cause::USER_BUSY,
        "timeout" => Cause::NO_ANSWER,
        "rejected" => Cause::CALL_REJECTED,
        "account-limit" | "node-capacity-exceeded" => Cause::CONGESTION,
        "callback-error" | "invalid-bxml" | "application-error" => Cause::INTERWORKING,
        _ => Cause::TEMPORARY_FAILURE,
    }
}
