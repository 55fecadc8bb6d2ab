//! Records of calls, and what becomes known of them later, as one line each.
//!
//! **Invariant:** a line says what the record holds, and nothing that it does not.

use crate::id::{CallId, LegId, RecordingId};
use crate::sim::transcript::scene::Scene;
use crate::words::{CallRecord, LegOutcome, Party, RecordingState, SentTo, WrapUp};

impl Scene {
    pub(super) fn closed(&mut self, record: &CallRecord) -> String {
        self.coverage.walk(record);
        let name = self.name(LegId::caller(record.call));
        let mut said =
            vec![record.outcome.to_string(), format!("ended by {}", serde_name(&record.ended_by))];
        said.extend(record.intent.as_ref().map(|intent| format!("intent {intent}")));
        for visit in &record.queued {
            let waited = visit.left_at.since(visit.entered_at).as_secs_f64();
            said.push(format!("{} {} after {waited:.1} s", visit.queue, serde_name(&visit.left)));
        }
        for leg in record.legs.iter().filter(|leg| leg.outcome == LegOutcome::Accepted) {
            let (Party::Agent { name, .. } | Party::Outside { number: name, .. }) = &leg.party;
            let mut spent = format!("{name} talked {:.1} s", seconds(leg.talk_ms));
            if leg.hold_ms > 0 {
                spent += &format!(", held {:.1} s", seconds(leg.hold_ms));
            }
            match &leg.sent_to {
                Some(SentTo::Step(to) | SentTo::Number(to) | SentTo::Agent(to)) => {
                    spent += &format!(", sent the caller to {to}");
                }
                None => {}
            }
            if let Some(wrap_up) = &leg.wrap_up {
                spent += &format!(", {}", worked(wrap_up));
            }
            said.push(spent);
        }
        let recordings = record.recordings.iter();
        said.extend(recordings.map(|one| left(one.name, one.state, one.length_ms)));
        said.extend(record.vars.iter().map(|(name, value)| format!("{name} = {value:?}")));
        format!("{name}'s record: {}", said.join("; "))
    }

    pub(super) fn amended(&self, call: CallId, wrap_up: &WrapUp) -> String {
        let caller = self.name(LegId::caller(call));
        format!("{caller}'s record: {}", worked(wrap_up))
    }
}

pub(super) fn left(name: RecordingId, state: RecordingState, length_ms: u64) -> String {
    match state {
        RecordingState::Begun => format!("{name} is being recorded"),
        RecordingState::Empty => format!("{name} is empty"),
        RecordingState::Kept => format!("{name} of {:.1} s", seconds(length_ms)),
        RecordingState::Failed => format!("{name} failed"),
        RecordingState::Deleted => format!("{name} is deleted"),
    }
}

fn worked(wrap_up: &WrapUp) -> String {
    let said = match wrap_up.resolved {
        Some(true) => ", resolved",
        Some(false) => ", not resolved",
        None => "",
    };
    format!("after-call work {:.1} s{said}", seconds(wrap_up.acw_ms))
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

/// The word records use for a plain enum.
fn serde_name(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}
