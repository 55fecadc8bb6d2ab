//! Messages that callers leave, recorded by the provider.
//!
//! **Invariant:** the center gets an event when the caller goes on after a message, and another one
//! when its address is known; the call's record is the same in either order.

use std::time::Duration;

use crate::id::{CallId, RecordingId};
use crate::webhook::calls::session::Executing;
use crate::webhook::calls::{ProviderCalls, WebhookResult};
use crate::webhook::document::Document;
use crate::webhook::fields::{Fields, LegState, Recorded};
use crate::words::{Event, RecordingEnd, RecordingFault, RecordingKind};

impl ProviderCalls {
    /// The caller goes on after the message. Where the request names no recording, the caller said
    /// nothing.
    pub(super) fn record_over(&mut self, call: CallId, id: RecordingId, fields: &Fields) {
        self.hold(call, fields);
        let ended = RecordingEnd::Stopped;
        let event = self.held(call, id).map_or_else(|| empty(id), |made| recorded(id, made, ended));
        self.events.push_back(event);
    }

    /// The recording that step `n` asked for, which may be reported after the call.
    pub(super) fn recorded(&mut self, call: CallId, n: u32, fields: &Fields) -> WebhookResult {
        let known = WebhookResult::Known(Document::default());
        let Some(session) = self.sessions.get(&call) else { return WebhookResult::Unknown };
        let Some(wanted) = session.recordings.get(&n) else { return WebhookResult::Unknown };
        if session.executing == (Executing::Record { recording: wanted.id }) {
            // Whether the caller went on or hung up is not known yet.
            self.hold(call, fields);
        } else if let Some(made) = fields.recorded.clone() {
            // One that is too short was reported as empty when the caller went on.
            let event = match is_short(&made, wanted.length_min) {
                true => empty(wanted.id),
                false => recorded(wanted.id, made, how(fields)),
            };
            self.events.push_back(event);
        }
        known
    }

    /// The request for the next step says that the caller has hung up.
    pub(super) fn cut_message(&mut self, call: CallId, executing: Executing, fields: &Fields) {
        self.hold(call, fields);
        if let Some(session) = self.sessions.get_mut(&call) {
            session.executing = executing;
        }
    }

    /// The caller hung up during the message. A report of it may still come.
    pub(super) fn message_cut(&mut self, call: CallId, id: RecordingId) {
        if let Some(made) = self.held(call, id) {
            self.events.push_back(recorded(id, made, RecordingEnd::HungUp));
        }
    }

    fn hold(&mut self, call: CallId, fields: &Fields) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        let Some(more) = fields.recorded.clone() else { return };
        session.made = Some(match session.made.take() {
            None => more,
            Some(made) => Recorded {
                reference: more.reference,
                url: made.url.or(more.url),
                length: made.length.or(more.length),
                failed: made.failed || more.failed,
            },
        });
    }

    /// What is known of a message, unless it is too short to be one.
    fn held(&mut self, call: CallId, id: RecordingId) -> Option<Recorded> {
        let session = self.sessions.get_mut(&call)?;
        let made = session.made.take()?;
        let wanted = session.recordings.values().find(|known| known.id == id)?;
        (!is_short(&made, wanted.length_min)).then_some(made)
    }
}

fn is_short(made: &Recorded, length_min: Duration) -> bool {
    !made.failed && made.length.is_some_and(|length| length < length_min)
}

/// Whether the caller went on after the message or hung up.
fn how(fields: &Fields) -> RecordingEnd {
    match fields.state {
        Some(LegState::Ended(_)) => RecordingEnd::HungUp,
        _ => RecordingEnd::Stopped,
    }
}

const fn empty(recording: RecordingId) -> Event {
    let (kind, ended) = (RecordingKind::Message, RecordingEnd::Silence);
    Event::Recorded { recording, kind, length_ms: 0, ended, url: None }
}

fn recorded(recording: RecordingId, made: Recorded, ended: RecordingEnd) -> Event {
    if made.failed {
        return Event::RecordFailed { recording, why: RecordingFault::Unable };
    }
    let length_ms = made.length.map_or(1, |length| length.as_millis());
    Event::Recorded {
        recording,
        kind: RecordingKind::Message,
        length_ms: u64::try_from(length_ms).unwrap_or(u64::MAX),
        ended,
        url: made.url,
    }
}
