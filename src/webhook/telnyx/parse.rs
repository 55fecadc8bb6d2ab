//! Events of Call Control, in our words.
//!
//! **Invariant:** what is not known here is [`LegEventKind::Other`], and moves nothing.

use serde_json::Value;

use crate::webhook::fields::{Fields, LegEvent, LegEventKind, LegState, Recorded};
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
    let name = json::needed(data, "event_type")?;
    let reference = json::text(payload, "call_control_id")
        .or_else(|| json::text(payload, "call_leg_id"))
        .ok_or(Malformed::Missing("call_control_id"))?;
    let kind = kind(name, payload);
    let typed = json::text(payload, if kind == LegEventKind::Key { "digit" } else { "digits" });
    let collects = matches!(kind, LegEventKind::Collected | LegEventKind::Key);
    let keys = collects.then(|| value::keys("digits", typed.unwrap_or_default())).transpose()?;
    let at = json::text(data, "occurred_at").and_then(value::time);
    Ok(Fields {
        reference: reference.to_owned(),
        from: json::text(payload, "from").and_then(value::caller),
        from_name: json::text(payload, "caller_id_name").map(str::to_owned),
        to: json::text(payload, "to").and_then(value::dialed),
        state: state(kind, payload),
        keys,
        recorded: (kind == LegEventKind::Saved).then(|| recorded(name, payload)),
        at,
        leg_event: Some(LegEvent { kind, mark: mark(payload) }),
        ..Fields::default()
    })
}

fn kind(name: &str, payload: &Value) -> LegEventKind {
    // The leg's own end follows, and says more.
    let is_cut = json::text(payload, "status") == Some("call_hangup");
    match name {
        "call.initiated" if json::text(payload, "direction") == Some("incoming") => {
            LegEventKind::Arrived
        }
        "call.initiated" => LegEventKind::Called,
        "call.answered" => LegEventKind::Answered,
        "call.bridged" => LegEventKind::Bridged,
        "call.hangup" if json::text(payload, "hangup_source") == Some("caller") => {
            LegEventKind::Dropped
        }
        "call.hangup" => LegEventKind::Ended,
        "call.dtmf.received" => LegEventKind::Key,
        "call.recording.saved" | "call.recording.error" => LegEventKind::Saved,
        "conference.participant.left" => LegEventKind::LeftConference,
        "call.speak.ended" | "call.playback.ended" if !is_cut => LegEventKind::Sounded,
        "call.gather.ended" if !is_cut => LegEventKind::Collected,
        _ => LegEventKind::Other,
    }
}

fn state(kind: LegEventKind, payload: &Value) -> Option<LegState> {
    match kind {
        LegEventKind::Arrived => Some(LegState::Initiated),
        // It reports no ringing: from here on the other side may ring.
        LegEventKind::Called => Some(LegState::Ringing),
        LegEventKind::Answered => Some(LegState::Answered),
        LegEventKind::Ended | LegEventKind::Dropped => {
            Some(LegState::Ended(cause(json::text(payload, "hangup_cause"))))
        }
        LegEventKind::Sounded
        | LegEventKind::Collected
        | LegEventKind::Key
        | LegEventKind::Saved
        | LegEventKind::Bridged
        | LegEventKind::LeftConference
        | LegEventKind::Other => None,
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
