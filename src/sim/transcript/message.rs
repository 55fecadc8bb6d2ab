//! A message a caller leaves in a scene: how long it is, and what ends it when.
//!
//! **Invariant:** the tone takes [`BEEP`]; from then on a second of speech is a second of message.

use std::time::Duration;

use crate::id::RecordingId;
use crate::time::Timestamp;
use crate::words::{Command, Event, RecordingEnd, RecordingKind};

const BEEP: Duration = Duration::from_millis(500);

pub(super) struct Message {
    recording: RecordingId,
    began_at: Timestamp,
    length_max: Duration,
    length_min: Duration,
    silence: Duration,
    sound_until: Option<Timestamp>,
    /// Stopped, or cut by the end of the leg.
    cut: Option<(Timestamp, RecordingEnd)>,
}

impl Message {
    /// The message that a [`Command::Record`] begins; no other command does.
    pub(super) fn begin(at: Timestamp, command: &Command) -> Option<Self> {
        let Command::Record { recording, length_max, length_min, silence, beep, .. } = *command
        else {
            return None;
        };
        let began_at = if beep { at + BEEP } else { at };
        Some(Self {
            recording,
            began_at,
            length_max,
            length_min,
            silence,
            sound_until: None,
            cut: None,
        })
    }

    pub(super) fn says(&mut self, at: Timestamp, length: Duration) {
        self.sound_until = self.sound_until.max(Some(at.max(self.began_at) + length));
    }

    pub(super) fn cut(&mut self, at: Timestamp, why: RecordingEnd) {
        self.cut.get_or_insert((at, why));
    }

    /// When it ends, as things stand, and what is reported then.
    pub(super) fn end(&self) -> (Timestamp, Event) {
        let silent = self.sound_until.unwrap_or(self.began_at) + self.silence;
        let full = self.began_at + self.length_max;
        let by_itself = match full <= silent {
            true => (full, RecordingEnd::LengthMax),
            false => (silent, RecordingEnd::Silence),
        };
        let (at, ended) = self.cut.unwrap_or(by_itself);
        let length = self.sound_until.map(|until| until.min(at).since(self.began_at));
        let length = length.filter(|length| *length >= self.length_min).unwrap_or_default();
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let recording = self.recording;
        let kind = RecordingKind::Message;
        (at, Event::Recorded { recording, kind, length_ms, ended, url: None })
    }
}
