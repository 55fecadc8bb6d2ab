//! Reading what the three say of a call.
//!
//! **Invariant:** an address we handed out never becomes a field: of a POST only the body is read,
//! and of our own parameters only the mark of an input in vain.
//!
//! **Deliberately absent:** `StirVerstat` and its like, which no decision of ours rests on; speech.

use std::borrow::Cow;
use std::time::Duration;

use crate::time::Timestamp;
use crate::webhook::fields::{DialResult, Fields, LegState, Recorded};
use crate::webhook::form;
use crate::webhook::provider::Malformed;
use crate::webhook::request::{Method, Request};
use crate::webhook::twiml::render::EMPTY;
use crate::webhook::value;
use crate::words::Cause;

/// The longest name of a call, in bytes; Telnyx's are about 60.
const REFERENCE_LEN_MAX: usize = 256;
/// The fields of a request, which is a form in the body of a POST or in the query of a GET.
///
/// # Errors
///
/// When it is no form, or names no call.
pub fn parse(request: &Request) -> Result<Fields, Malformed> {
    let text = request.text();
    let form = match request.method {
        Method::Get => form::split(request.query()),
        Method::Post if request.is_form() => form::split(&text),
        Method::Post => return Err(Malformed::Body("a form")),
    };
    let field = |name| form::value(&form, name).filter(|value| !value.is_empty());
    let reference = field("CallSid").ok_or(Malformed::Missing("CallSid"))?;
    if reference.len() > REFERENCE_LEN_MAX {
        let value = reference.chars().take(REFERENCE_LEN_MAX).collect();
        return Err(Malformed::Value { field: "CallSid", value });
    }
    let recorded = recorded(&field);
    let state = field("CallStatus").and_then(|status| state(&status));
    let mut fields = Fields {
        reference: reference.into_owned(),
        from: field("From").and_then(|from| value::caller(&from)),
        from_name: field("CallerName").or_else(|| field("CallerId")).map(Cow::into_owned),
        to: field("To").and_then(|to| value::dialed(&to)),
        state,
        dial: field("DialCallStatus").and_then(|status| dialed(&status, &field)),
        recorded,
        at: field("Timestamp").and_then(|time| moment(&time)),
        ..Fields::default()
    };
    let typed = form::value(&form, "Digits");
    let typed = typed.as_deref();
    if fields.recorded.is_some() {
        // The key that ended the message, or the word `hangup`.
        fields.finished_by = typed.and_then(value::key);
    } else {
        fields.keys = match typed {
            Some(typed) => Some(value::keys("Digits", typed)?),
            None => was_in_vain(request).then(Vec::new),
        };
        fields.finished_by = field("FinishedOnKey").and_then(|key| value::key(&key));
    }
    Ok(fields)
}

/// Whether this is the way on after an input without keys.
fn was_in_vain(request: &Request) -> bool {
    let query = request.query();
    query.contains(EMPTY) && form::find(&form::parse(query), EMPTY) == Some("1")
}

fn state(status: &str) -> Option<LegState> {
    match status {
        "queued" | "initiated" => Some(LegState::Initiated),
        "ringing" => Some(LegState::Ringing),
        "in-progress" | "answered" => Some(LegState::Answered),
        "completed" => Some(LegState::Ended(Cause::NORMAL_CLEARING)),
        other => failure(other).map(LegState::Ended),
    }
}

/// Why a leg never came to be answered. The three write "canceled"; with two l it is taken as well.
fn failure(status: &str) -> Option<Cause> {
    match status {
        "busy" => Some(Cause::USER_BUSY),
        "no-answer" => Some(Cause::NO_ANSWER),
        "canceled" | "cancelled" => Some(Cause::NORMAL_CLEARING),
        "failed" => Some(Cause::TEMPORARY_FAILURE),
        _ => None,
    }
}

fn dialed<'a>(
    status: &str,
    field: &impl Fn(&'static str) -> Option<Cow<'a, str>>,
) -> Option<DialResult> {
    let talked = field("DialCallDuration").and_then(|length| seconds(&length));
    match status {
        // They answered and were asked, and did not take the call.
        "completed" | "answered" if field("DialBridged").as_deref() == Some("false") => {
            Some(DialResult { failed: Some(Cause::CALL_REJECTED), talked: None })
        }
        "completed" | "answered" => Some(DialResult { failed: None, talked }),
        other => failure(other).map(|cause| DialResult { failed: Some(cause), talked: None }),
    }
}

/// `RecordingStatus` comes with a status callback; the action of the recording has the address
/// only.
fn recorded<'a>(field: &impl Fn(&'static str) -> Option<Cow<'a, str>>) -> Option<Recorded> {
    let url = field("RecordingUrl");
    let status = field("RecordingStatus");
    let in_url = || url.as_deref()?.split('?').next()?.rsplit('/').next();
    let named = field("RecordingSid").or_else(|| in_url().map(|name| name.to_owned().into()));
    let reference = named.filter(|name| !name.is_empty())?.into_owned();
    let (ready, failed) = match status.as_deref() {
        None => (url.is_some(), false),
        Some("completed") => (true, false),
        Some("absent" | "failed") => (false, true),
        Some(_) => (false, false),
    };
    let length = field("RecordingDuration").and_then(|length| seconds(&length));
    let url = url.filter(|_| ready).map(Cow::into_owned);
    Some(Recorded { reference, url, length, failed })
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse::<u32>().ok().map(|s| Duration::from_secs(s.into()))
}

/// RFC 2822 (Twilio, SignalWire) or ISO 8601 (Telnyx); nothing before 1970.
fn moment(text: &str) -> Option<Timestamp> {
    let iso = text.parse::<jiff::Timestamp>();
    let read = iso.or_else(|_| jiff::fmt::rfc2822::parse(text).map(|zoned| zoned.timestamp()));
    read.ok().and_then(|at| u64::try_from(at.as_millisecond()).ok()).map(Timestamp)
}
