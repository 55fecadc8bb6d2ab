//! Events of Call Control, in our words.
//!
//! **Invariant:** what is not known here is [`What::Other`], and moves nothing.

use serde_json::Value;

use crate::webhook::fields::{Fields, LegState, News, Recorded, What};
use crate::webhook::json;
use crate::webhook::provider::Malformed;
use crate::webhook::request::Request;
use crate::webhook::sign::from_base64;
use crate::webhook::value;
use crate::words::Cause;

/// The most bytes of a mark; longer ones are ignored. Ours have a tenth of it.
const MARK_LEN_MAX: usize = 1_024;

pub(super) fn parse(request: &Request) -> Result<Fields, Malformed> {
    let body = json::object(request)?;
    let data = body.get("data").ok_or(Malformed::Missing("data"))?;
    let payload = data.get("payload").ok_or(Malformed::Missing("data.payload"))?;
    let kind = json::needed(data, "event_type")?;
    let reference = json::text(payload, "call_control_id")
        .or_else(|| json::text(payload, "call_leg_id"))
        .ok_or(Malformed::Missing("call_control_id"))?;
    let what = what(kind, payload);
    let typed = json::text(payload, if what == What::Key { "digit" } else { "digits" });
    let collects = matches!(what, What::Collected | What::Key);
    let keys = collects.then(|| value::keys("digits", typed.unwrap_or_default())).transpose()?;
    let at = json::text(data, "occurred_at").and_then(value::time);
    Ok(Fields {
        reference: reference.to_owned(),
        from: json::text(payload, "from").and_then(value::caller),
        from_name: json::text(payload, "caller_id_name").map(str::to_owned),
        to: json::text(payload, "to").and_then(value::dialed),
        state: state(what, payload),
        keys,
        recorded: (what == What::Saved).then(|| recorded(kind, payload)),
        at,
        news: Some(News { what, mark: mark(payload) }),
        ..Fields::default()
    })
}

fn what(kind: &str, payload: &Value) -> What {
    // The leg's own end follows, and says more.
    let is_cut = json::text(payload, "status") == Some("call_hangup");
    match kind {
        "call.initiated" if json::text(payload, "direction") == Some("incoming") => What::Arrived,
        "call.initiated" => What::Called,
        "call.answered" => What::Answered,
        "call.bridged" => What::Bridged,
        "call.hangup" if json::text(payload, "hangup_source") == Some("caller") => What::Dropped,
        "call.hangup" => What::Over,
        "call.dtmf.received" => What::Key,
        "call.recording.saved" | "call.recording.error" => What::Saved,
        "conference.participant.left" => What::Left,
        "call.speak.ended" | "call.playback.ended" if !is_cut => What::Sounded,
        "call.gather.ended" if !is_cut => What::Collected,
        _ => What::Other,
    }
}

fn state(what: What, payload: &Value) -> Option<LegState> {
    match what {
        What::Arrived => Some(LegState::Initiated),
        // It reports no ringing: from here on the other side may ring.
        What::Called => Some(LegState::Ringing),
        What::Answered => Some(LegState::Answered),
        What::Over | What::Dropped => {
            Some(LegState::Ended(cause(json::text(payload, "hangup_cause"))))
        }
        What::Sounded
        | What::Collected
        | What::Key
        | What::Saved
        | What::Bridged
        | What::Left
        | What::Other => None,
    }
}

fn cause(word: Option<&str>) -> Cause {
    match word {
        Some("user_busy") => Cause::USER_BUSY,
        Some("call_rejected") => Cause::CALL_REJECTED,
        Some("timeout" | "no_answer") => Cause::NO_ANSWER,
        Some("not_found") => Cause::UNALLOCATED_NUMBER,
        Some("unspecified") => Cause::NORMAL_UNSPECIFIED,
        // Also `originator_cancel` and `time_limit`.
        Some(_) | None => Cause::NORMAL_CLEARING,
    }
}

fn recorded(kind: &str, payload: &Value) -> Recorded {
    let found = |list: &str| {
        let urls = payload.get(list)?;
        json::text(urls, "wav").or_else(|| json::text(urls, "mp3")).map(str::to_owned)
    };
    let time = |name: &str| json::text(payload, name).and_then(value::time);
    let began = time("recording_started_at");
    let name = json::text(payload, "recording_id").or_else(|| json::text(payload, "call_leg_id"));
    Recorded {
        reference: name.unwrap_or_default().to_owned(),
        // The public one stays; the other is good for ten minutes.
        url: found("public_recording_urls").or_else(|| found("recording_urls")),
        length: time("recording_ended_at").zip(began).map(|(ended, began)| ended.since(began)),
        failed: kind == "call.recording.error",
    }
}

fn mark(payload: &Value) -> String {
    let text = json::text(payload, "client_state").filter(|text| text.len() <= MARK_LEN_MAX);
    let bytes = text.and_then(from_base64).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}
