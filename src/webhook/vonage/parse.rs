//! What a request of Vonage's says: JSON in the body, or the same names in the query.
//!
//! **Invariant:** only we sign the query of a GET, in its path and step: of what is beside those
//! only the leg's name is taken, and none of keys, numbers and results. A region is believed only
//! if it is Vonage's own, since commands go there with our token.
//!
//! **Deliberately absent:** which conversation a leg is in; our addresses say which call is meant.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::time::Timestamp;
use crate::webhook::fields::{DialResult, Fields, LegState, Recorded};
use crate::webhook::form;
use crate::webhook::form::Pairs;
use crate::webhook::link::Link;
use crate::webhook::provider::Malformed;
use crate::webhook::request::{Method, Request};
use crate::webhook::value;
use crate::words::{Cause, Digit};

/// A parameter of our own: the key that ends the input.
pub(super) const FINISH: &str = "finish";
/// A parameter of our own: this many keys end the input.
pub(super) const KEYS: &str = "keys";
/// In the payload of a `notify`: what the document did before.
pub(super) const AFTER: &str = "after";
/// The value of [`AFTER`] behind a `connect`, which itself leaves no trace at the next step.
pub(super) const AFTER_DIAL: &str = "dial";
/// The same behind a `record`, whose event comes later.
pub(super) const AFTER_RECORD: &str = "record";
/// Whose hosts a region may be.
const REGIONS: [&str; 2] = [".vonage.com", ".nexmo.com"];

pub(super) fn parse(link: &Link, request: &Request) -> Result<Fields, Malformed> {
    let said = Said::read(request)?;
    let names = ["uuid", "call_uuid", "conversation_uuid", "recording_uuid"];
    let reference = names.iter().find_map(|name| said.text(name));
    let reference = reference.ok_or(Malformed::Missing("uuid"))?;
    if request.method == Method::Get {
        return Ok(Fields { reference, ..Fields::default() });
    }
    let is_step = matches!(link, Link::Step { .. }) || link.is_elsewhere();
    let input = match link {
        Link::Step { .. } | Link::Leg { .. } => said.input(&form::parse(request.query()))?,
        Link::Voice
        | Link::Events
        | Link::Status { .. }
        | Link::LegStatus { .. }
        | Link::Recording { .. }
        | Link::Audio { .. } => Input::default(),
    };
    let state = said.state();
    Ok(Fields {
        from: said
            .text("from")
            .or_else(|| said.text("from_user"))
            .and_then(|from| value::bare_caller(&from)),
        from_name: None,
        to: said.text("to").and_then(|to| value::bare_dialed(&to)),
        state,
        keys: input.keys,
        finished_by: input.finished_by,
        dial: said.dial().filter(|_| is_step),
        recorded: said.recorded(),
        at: said.at(state),
        region: said.text("region_url").filter(|url| is_region(url)),
        leg_event: None,
        reference,
    })
}

#[derive(Default)]
struct Input {
    keys: Option<Vec<Digit>>,
    finished_by: Option<Digit>,
}

struct Said(Map<String, Value>);

impl Said {
    fn read(request: &Request) -> Result<Self, Malformed> {
        if request.method == Method::Post {
            let body = serde_json::from_slice(&request.body);
            return body.map(Self).map_err(|_| Malformed::Body("a JSON object"));
        }
        let mut fields = Map::new();
        for (name, value) in form::parse(request.query()) {
            fields.entry(name).or_insert_with(|| Value::String(value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// A text that is not empty, or a number as text.
    fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::String(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        }
    }

    fn state(&self) -> Option<LegState> {
        Some(match self.text("status")?.as_str() {
            "started" => LegState::Initiated,
            "ringing" => LegState::Ringing,
            "answered" | "human" | "machine" => LegState::Answered,
            "busy" => LegState::Ended(Cause::USER_BUSY),
            // `completed` follows it.
            "unanswered" | "timeout" => LegState::Ended(Cause::NO_ANSWER),
            "rejected" => LegState::Ended(Cause::CALL_REJECTED),
            "failed" => LegState::Ended(Cause::TEMPORARY_FAILURE),
            "completed" if self.was_never_answered() => LegState::Ended(Cause::NO_ANSWER),
            "completed" | "cancelled" | "disconnected" => LegState::Ended(Cause::NORMAL_CLEARING),
            _ => return None,
        })
    }

    /// The end of a leg that was not answered, should it come before the report of that.
    fn was_never_answered(&self) -> bool {
        let length = self.text("duration").and_then(|length| value::seconds(&length));
        self.text("direction").as_deref() == Some("outbound")
            && self.text("start_time").is_none()
            && length.unwrap_or_default().is_zero()
    }

    /// The time of a call's end, which its event reports later.
    fn at(&self, state: Option<LegState>) -> Option<Timestamp> {
        let ended = state.is_some_and(LegState::is_ended).then(|| self.text("end_time")).flatten();
        let time = |text: String| value::time(&text);
        ended.and_then(time).or_else(|| self.text("timestamp").and_then(time))
    }

    /// `dtmf` is an object; in older applications a text, with `timed_out` beside it.
    fn input(&self, query: &Pairs<'_>) -> Result<Input, Malformed> {
        let (digits, timed_out) = match self.0.get("dtmf") {
            Some(Value::Object(dtmf)) => (dtmf.get("digits"), dtmf.get("timed_out")),
            Some(text @ (Value::String(_) | Value::Null)) => (Some(text), self.0.get("timed_out")),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {
                return Ok(Input::default());
            }
        };
        let digits = digits.and_then(Value::as_str).unwrap_or_default();
        let mut keys = value::keys("dtmf", digits)?;
        let timed_out = timed_out.and_then(Value::as_bool).unwrap_or(keys.is_empty());
        let finish = form::find(query, FINISH).and_then(value::key);
        let keys_max = form::find(query, KEYS).and_then(|count| count.parse().ok());
        let mut finished_by = None;
        if let Some(at) = finish.and_then(|finish| keys.iter().position(|key| *key == finish)) {
            keys.truncate(at);
            finished_by = finish;
        } else if !timed_out && finish == Digit::new('#') && keys.len() < keys_max.unwrap_or(0) {
            // Vonage took it for itself: nothing else ends an input so early.
            finished_by = finish;
        }
        Ok(Input { keys: Some(keys), finished_by })
    }

    fn after(&self) -> Option<&str> {
        self.0.get("payload")?.get(AFTER)?.as_str()
    }

    /// The party's leg reports whether the dialing failed or is over.
    fn dial(&self) -> Option<DialResult> {
        (self.after()? == AFTER_DIAL).then_some(DialResult { failed: None, talked: None })
    }

    fn recorded(&self) -> Option<Recorded> {
        let url = self.text("recording_url");
        let Some(reference) = self.text("recording_uuid").or_else(|| url.clone()) else {
            // The document went on; the file is reported once it is there.
            let reference = (self.after()? == AFTER_RECORD).then(String::new)?;
            return Some(Recorded { reference, url, length: None, failed: false });
        };
        let time = |name| self.text(name).and_then(|text| value::time(&text));
        let length = time("start_time").zip(time("end_time"));
        Some(Recorded {
            reference,
            failed: url.is_none(),
            url,
            length: length.map(|(start, end)| -> Duration { end.since(start) }),
        })
    }
}

fn is_region(url: &str) -> bool {
    let Some(host) = url.strip_prefix("https://") else { return false };
    let is_host = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    host.chars().all(is_host) && REGIONS.iter().any(|domain| host.ends_with(domain))
}
