//! What jambonz says: one JSON object, alike for hooks and for call status.
//!
//! **Invariant:** keys are `Some` only where a `gather` ended.
//!
//! **Deliberately absent:** `api_base_url`: a token of ours goes where the configuration says, not
//! where a body does. There is no event time either, because jambonz sends none.

use serde_json::Value;

use crate::webhook::fields::{DialResult, Fields, LegState, Recorded};
use crate::webhook::form;
use crate::webhook::json;
use crate::webhook::link::Link;
use crate::webhook::provider::Malformed;
use crate::webhook::request::Request;
use crate::webhook::value;
use crate::words::{Cause, Digit};

/// A parameter of our own: there was a message to record, and jambonz cannot.
pub(super) const UNRECORDED: &str = "unrecorded";

pub(super) fn parse(link: &Link, request: &Request) -> Result<Fields, Malformed> {
    let body = json::object(request)?;
    let is_asked = matches!(link, Link::Step { .. });
    Ok(Fields {
        reference: json::needed(&body, "call_sid")?.to_owned(),
        // As the trunk sent them, with and without a `+`.
        from: json::text(&body, "from").and_then(value::caller),
        from_name: json::text(&body, "caller_name").map(str::to_owned),
        to: json::text(&body, "to").and_then(value::dialed),
        state: json::text(&body, "call_status").and_then(|status| state(status, &body)),
        keys: keys(&body)?,
        dial: dial(&body),
        recorded: unrecorded(request).filter(|_| is_asked),
        ..Fields::default()
    })
}

fn unrecorded(request: &Request) -> Option<Recorded> {
    form::find(&form::parse(request.query()), UNRECORDED)?;
    Some(Recorded { reference: String::new(), url: None, length: None, failed: true })
}

/// The reason why a gather ended; other verbs have reasons of their own.
fn keys(body: &Value) -> Result<Option<Vec<Digit>>, Malformed> {
    match json::text(body, "reason") {
        Some("dtmfDetected") => {
            let digits = body.get("digits").and_then(Value::as_str).unwrap_or_default();
            value::keys("digits", digits).map(Some)
        }
        // Speech is not asked for; if it comes all the same, no key did.
        Some("timeout" | "speechDetected" | "stt-low-confidence" | "error") => Ok(Some(Vec::new())),
        _ => Ok(None),
    }
}

fn state(status: &str, body: &Value) -> Option<LegState> {
    Some(match status {
        "queued" | "trying" => LegState::Initiated,
        "ringing" | "early-media" => LegState::Ringing,
        "in-progress" => LegState::Answered,
        "completed" => LegState::Ended(Cause::NORMAL_CLEARING),
        "busy" => LegState::Ended(Cause::USER_BUSY),
        "no-answer" => LegState::Ended(Cause::NO_ANSWER),
        "failed" => {
            let exact = json::text(body, "sip_reason_header").and_then(q850);
            LegState::Ended(exact.unwrap_or_else(|| from_sip(body.get("sip_status"))))
        }
        _ => return None,
    })
}

/// `dial` reports its result in fields of its own, beside the state of the caller's leg.
/// `completed` is also said when the callee refused at the prompt.
fn dial(body: &Value) -> Option<DialResult> {
    let failed = match json::text(body, "dial_call_status")? {
        "completed" | "in-progress" => None,
        "busy" => Some(Cause::USER_BUSY),
        "failed" => Some(from_sip(body.get("dial_sip_status"))),
        // It was given up while it rang.
        _ => Some(Cause::NO_ANSWER),
    };
    Some(DialResult { failed, talked: None })
}

/// The cause in a header `Reason: Q.850;cause=18` (RFC 3326).
fn q850(header: &str) -> Option<Cause> {
    let mut parts = header.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("q.850") {
        return None;
    }
    let value = parts.find_map(|part| part.strip_prefix("cause="))?;
    value.parse().ok().filter(|value| (1..=127).contains(value)).map(Cause)
}

/// The cause a final SIP response stands for (as in RFC 3398 §8.2.6.1), where nothing says more.
fn from_sip(status: Option<&Value>) -> Cause {
    match status.and_then(Value::as_u64).unwrap_or_default() {
        403 | 603 | 607 | 608 => Cause::CALL_REJECTED,
        404 | 604 => Cause::UNALLOCATED_NUMBER,
        408 | 480 => Cause::NO_USER_RESPONDING,
        410 => Cause::UNALLOCATED_NUMBER,
        484 => Cause::INVALID_NUMBER,
        486 | 600 => Cause::USER_BUSY,
        487 => Cause::NO_ANSWER,
        488 | 606 => Cause::INCOMPATIBLE,
        502 => Cause::NETWORK_OUT_OF_ORDER,
        503 => Cause::TEMPORARY_FAILURE,
        504 => Cause::TIMER_EXPIRED,
        500..=599 => Cause::TEMPORARY_FAILURE,
        _ => Cause::NORMAL_UNSPECIFIED,
    }
}
