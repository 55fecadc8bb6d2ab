//! A recording, as the record of the call lists it: a message, or what both sides said.
//!
//! **Invariant:** what is known of a recording only grows: an update that comes late, twice
//! or out of order changes nothing that a newer one has settled.
//!
//! **Deliberately absent:** the sound, and where it lies. Its name leads to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::RecordingId;
use crate::time::Timestamp;

/// What is known of one recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    pub name: RecordingId,
    #[serde(default, skip_serializing_if = "RecordingKind::is_message")]
    pub kind: RecordingKind,
    /// The step that asked for it; of a call, the step it was at.
    pub step: String,
    /// The queue that has its calls recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    pub began_at: Timestamp,
    pub state: RecordingState,
    /// Of a message, from the tone to the last sound that was no silence; of a call, all of it.
    pub length_ms: u64,
    pub ended: Option<RecordingEnd>,
    /// Where a provider keeps it; `None` where we do.
    pub url: Option<String>,
    /// When nothing of it was recorded because the agent asked for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// What a caller left at a `record` step.
    #[default]
    Message,
    /// Both sides of a call, the caller in the left channel.
    Call,
}

impl RecordingKind {
    /// Journals and records of before there was another kind say none.
    #[must_use]
    pub(super) const fn is_message(&self) -> bool {
        matches!(self, Self::Message)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub from: Timestamp,
    /// `None`: until the recording ended.
    pub to: Option<Timestamp>,
}

/// In the order in which a recording may pass through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// Being made, or its end is not known yet.
    Begun,
    /// Nothing was said; nothing is kept.
    Empty,
    /// There is sound.
    Kept,
    /// It could not be made, or what was kept is lost.
    Failed,
    /// It was kept for as long as recordings are kept.
    Deleted,
}

impl Recording {
    /// Whether it is a message of the caller's that, as far as is known, has sound.
    #[must_use]
    pub fn is_left_message(&self) -> bool {
        self.kind.is_message()
            && match self.state {
                RecordingState::Begun | RecordingState::Kept | RecordingState::Deleted => true,
                RecordingState::Empty | RecordingState::Failed => false,
            }
    }
}

/// What ended a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingEnd {
    /// Nothing was said for a while.
    Silence,
    /// The finish key, or the flow.
    Stopped,
    /// The greatest length was reached.
    LengthMax,
    /// The leg ended.
    HungUp,
    /// The process ended while the call was recorded; written after the restart.
    ServerLost,
}

/// Why a recording could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingFault {
    /// As many as may be are being made at the same time, or were made in this call.
    TooMany,
    /// The disk is full, or takes no more.
    Disk,
    /// The disk is so slow that sound would have been lost.
    TooSlow,
    /// The leg has no sound, or whoever carries it cannot record.
    Unable,
}

impl fmt::Display for RecordingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "too many recordings at once, or in this call",
            Self::Disk => "the disk is full, or takes no more",
            Self::TooSlow => "the disk is too slow",
            Self::Unable => "this call has no sound that could be recorded",
        })
    }
}

/// What became known of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingUpdate {
    pub name: RecordingId,
    #[serde(default, skip_serializing_if = "RecordingKind::is_message")]
    pub kind: RecordingKind,
    pub state: RecordingState,
    pub length_ms: u64,
    pub ended: Option<RecordingEnd>,
    pub url: Option<String>,
}

impl RecordingUpdate {
    /// The update of one that ended; without any length nothing was said.
    #[must_use]
    pub fn ended(
        (name, kind): (RecordingId, RecordingKind),
        length_ms: u64,
        ended: RecordingEnd,
        url: Option<String>,
    ) -> Self {
        let state = if length_ms == 0 { RecordingState::Empty } else { RecordingState::Kept };
        Self { name, kind, state, length_ms, ended: Some(ended), url }
    }

    #[must_use]
    pub const fn failed(name: RecordingId) -> Self {
        Self::only(name, RecordingState::Failed)
    }

    #[must_use]
    pub const fn deleted(name: RecordingId) -> Self {
        Self::only(name, RecordingState::Deleted)
    }

    const fn only(name: RecordingId, state: RecordingState) -> Self {
        let kind = RecordingKind::Message;
        Self { name, kind, state, length_ms: 0, ended: None, url: None }
    }
}

impl Recording {
    #[must_use]
    pub const fn begin(
        (name, kind): (RecordingId, RecordingKind),
        step: String,
        began_at: Timestamp,
    ) -> Self {
        Self {
            name,
            kind,
            step,
            queue: None,
            began_at,
            state: RecordingState::Begun,
            length_ms: 0,
            ended: None,
            url: None,
            pauses: Vec::new(),
        }
    }

    /// Nothing is recorded from now on, or something is again.
    pub fn pause(&mut self, at: Timestamp, is_paused: bool) {
        match (self.pauses.last_mut(), is_paused) {
            (Some(Pause { to: None, .. }), true) | (None, false) => {}
            (Some(Pause { to, .. }), false) => *to = to.or(Some(at)),
            (Some(Pause { to: Some(_), .. }) | None, true) => {
                self.pauses.push(Pause { from: at, to: None });
            }
        }
    }

    /// Takes in an update; says whether it added anything.
    pub fn learn(&mut self, update: &RecordingUpdate) -> bool {
        if update.state < self.state {
            return false;
        }
        let before = self.clone();
        if update.state > self.state {
            self.state = update.state;
            self.ended = self.ended.or(update.ended);
        }
        // Some learn of a message first, and of its length when the file is there.
        self.length_ms = self.length_ms.max(update.length_ms);
        if self.url.is_none() {
            self.url.clone_from(&update.url);
        }
        *self != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CallId;

    #[test]
    fn an_update_only_adds_and_the_same_twice_adds_nothing() {
        let name = RecordingId { call: CallId(7), n: 1 };
        let whose = (name, RecordingKind::Message);
        let mut recording = Recording::begin(whose, "voicemail".to_owned(), Timestamp(5));
        let kept = RecordingUpdate::ended(whose, 4_000, RecordingEnd::HungUp, None);
        assert!(recording.learn(&kept) && !recording.learn(&kept));
        let empty = RecordingUpdate::ended(whose, 0, RecordingEnd::Silence, None);
        assert!(!recording.learn(&empty), "older update");
        let longer = RecordingUpdate { length_ms: 4_500, ..kept.clone() };
        assert!(recording.learn(&longer) && !recording.learn(&kept));
        let url = Some("https://example.com/r".to_owned());
        let stored = RecordingUpdate { url: url.clone(), ..kept.clone() };
        assert!(recording.learn(&stored) && !recording.learn(&stored));
        assert!(recording.learn(&RecordingUpdate::failed(name)), "the file was lost after all");
        assert!(!recording.learn(&kept));
        assert_eq!((recording.length_ms, recording.ended), (4_500, Some(RecordingEnd::HungUp)));
        assert_eq!((recording.state, &recording.url), (RecordingState::Failed, &url));
        assert!(recording.learn(&RecordingUpdate::deleted(name)) && !recording.learn(&kept));
        assert_eq!((recording.state, recording.length_ms), (RecordingState::Deleted, 4_500));
    }

    #[test]
    fn what_was_written_before_there_were_recordings_of_calls_is_a_message() {
        let name = RecordingId { call: CallId(7), n: 1 };
        let written = r#"{"name":"call-7-1","step":"voicemail","began_at":5,"state":"kept",
            "length_ms":4000,"ended":"hung_up","url":null}"#;
        let recording: Recording = serde_json::from_str(written).unwrap();
        let expected =
            Recording::begin((name, RecordingKind::Message), "".to_owned(), Timestamp(5));
        assert_eq!((recording.kind, &recording.pauses), (expected.kind, &expected.pauses));
        assert_eq!(recording.queue, None);
    }

    #[test]
    fn pauses_begin_and_end_once() {
        let whose = (RecordingId { call: CallId(7), n: 1 }, RecordingKind::Call);
        let mut recording = Recording::begin(whose, "help".to_owned(), Timestamp(5));
        for (at, is_paused) in [(6, false), (7, true), (8, true), (9, false), (10, false)] {
            recording.pause(Timestamp(at), is_paused);
        }
        recording.pause(Timestamp(11), true);
        let pauses = [(7, Some(9)), (11, None)];
        let pauses =
            pauses.map(|(from, to)| Pause { from: Timestamp(from), to: to.map(Timestamp) });
        assert_eq!(recording.pauses, pauses);
    }

    #[test]
    fn a_name_is_read_only_as_it_is_written() {
        let name = RecordingId { call: CallId(41), n: 2 };
        assert_eq!(name.to_string().parse(), Ok(name));
        for wrong in ["", "call-41", "call-041-2", "call-41-2/..", "call-41-+2", "call--1-2"] {
            assert!(wrong.parse::<RecordingId>().is_err(), "{wrong}");
        }
    }
}
