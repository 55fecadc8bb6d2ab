//! Messages simulated callers leave: how long they speak, and how it ends.
//!
//! **Invariant:** each recording the center asks for is reported as ended or failed once, or twice
//! where the wire doubles events; the end of a leg ends its recording.

use std::time::Duration;

use crate::id::{LegId, RecordingId};
use crate::sim::caller;
use crate::sim::wire::Lane;
use crate::sim::world::{Message, Stimulus, World};
use crate::time::Timestamp;
use crate::words::{Command, Digit, Event, RecordingEnd, RecordingFault, RecordingKind};

/// How often a caller is recorded and says nothing.
const SAYS_NOTHING: f64 = 0.15;
const SPEECH_MS: (u64, u64) = (400, 40_000);
/// How often a message ends by a hang-up or, of the rest, by a key; silence ends the others.
const HANGS_UP: f64 = 0.5;
const PRESSES_KEY: f64 = 0.5;

impl World {
    pub(super) fn records(&mut self, now: Timestamp, command: &Command) {
        let Command::Record {
            leg,
            recording,
            length_max,
            length_min,
            silence,
            finish_key,
            beep: _,
        } = *command
        else {
            return;
        };
        self.stop(leg);
        let failed = self.random.chance(self.plan.swarm.prompt_failed);
        if failed || !self.is_up(leg) {
            let why = if failed { RecordingFault::Disk } else { RecordingFault::Unable };
            self.tell(now, Lane::Media(leg), Event::RecordFailed { recording, why });
            return;
        }
        let (least, most) = SPEECH_MS;
        let silent = self.random.chance(SAYS_NOTHING);
        let speech = if silent { Duration::ZERO } else { self.random.ms(least, most) };
        let speech = speech.min(length_max);
        self.messages.insert(leg, Message { recording, began_at: now, length_min, speech });
        let act = match finish_key {
            _ if self.random.chance(HANGS_UP) => Some(caller::Act::HangUp),
            Some(key) if self.random.chance(PRESSES_KEY) => Some(press(key)),
            Some(_) | None => None,
        };
        if let Some(act) = act {
            self.put(now + speech, Stimulus::Caller { call: leg.call, act });
        }
        let (after, ended) = match speech + silence < length_max {
            true => (speech + silence, RecordingEnd::Silence),
            false => (length_max, RecordingEnd::LengthMax),
        };
        self.put(now + after, Stimulus::MessageEnds { leg, recording, ended });
    }

    /// The message of a leg ends, if there is one; with `only`, if it is that one.
    pub(super) fn message_ends(
        &mut self,
        now: Timestamp,
        leg: LegId,
        only: Option<RecordingId>,
        ended: RecordingEnd,
    ) {
        let wanted = |message: &Message| only.is_none_or(|only| only == message.recording);
        if !self.messages.get(&leg).is_some_and(wanted) {
            return;
        }
        let Some(message) = self.messages.remove(&leg) else { return };
        let length = now.since(message.began_at).min(message.speech);
        let length = if length < message.length_min { Duration::ZERO } else { length };
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let recording = message.recording;
        let kind = RecordingKind::Message;
        let event = Event::Recorded { recording, kind, length_ms, ended, url: None };
        self.tell(now, Lane::Media(leg), event);
    }
}

const fn press(key: Digit) -> caller::Act {
    caller::Act::Press(key)
}
