//! Messages that callers leave, recorded by the provider.
//!
//! **Invariant:** the center hears of a recording when the caller goes on, and again when it is
//! known where it is kept; which of the two comes first does not matter to its record.

use crate::center::Event;
use crate::center::RecordingEnd;
use crate::center::RecordingFault;
use crate::id::{CallId, RecordingId};
use crate::webhook::desk::{Desk, Heard};
use crate::webhook::document::Document;
use crate::webhook::fields::{Fields, LegState, Recorded};

impl Desk {
    /// The caller goes on after the message. No word of a recording: nothing was said.
    pub(super) fn record_over(&mut self, call: CallId, id: RecordingId, fields: &Fields) {
        let Some(session) = self.sessions.get(&call) else { return };
        let Some(wanted) = session.recordings.values().find(|known| known.id == id) else { return };
        let is_short = |made: &Recorded| made.length.is_some_and(|it| it < wanted.length_min);
        let event = match fields.recorded.clone() {
            None => empty(id),
            Some(made) if is_short(&made) => empty(id),
            Some(made) => news(id, made, how(fields)),
        };
        self.events.push_back(event);
    }

    /// News of the recording that step `n` asked for; it may come after the call.
    pub(super) fn recorded(&mut self, call: CallId, n: u32, fields: &Fields) -> Heard {
        let Some(session) = self.sessions.get(&call) else { return Heard::Unknown };
        let Some(wanted) = session.recordings.get(&n) else { return Heard::Unknown };
        if let Some(made) = fields.recorded.clone() {
            self.events.push_back(news(wanted.id, made, how(fields)));
        }
        Heard::Known(Document::default())
    }
}

/// Whether the caller went on after the message or hung up.
fn how(fields: &Fields) -> RecordingEnd {
    match fields.state {
        Some(LegState::Ended(_)) => RecordingEnd::HungUp,
        _ => RecordingEnd::Stopped,
    }
}

const fn empty(recording: RecordingId) -> Event {
    Event::Recorded { recording, length_ms: 0, ended: RecordingEnd::Silence, url: None }
}

fn news(recording: RecordingId, made: Recorded, ended: RecordingEnd) -> Event {
    if made.failed {
        return Event::RecordFailed { recording, why: RecordingFault::Unable };
    }
    let length_ms = made.length.map_or(1, |length| length.as_millis());
    Event::Recorded {
        recording,
        length_ms: u64::try_from(length_ms).unwrap_or(u64::MAX),
        ended,
        url: made.url,
    }
}
