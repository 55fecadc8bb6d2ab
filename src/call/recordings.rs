//! Recordings of one call: the messages that its caller leaves, and what its recorder keeps.
//!
//! **Invariant:** each has its own number, and no more than [`RECORDINGS_MAX`] are made; what the
//! flow plays while the caller hears that the call will be recorded is heard after it.
//!
//! **Deliberately absent:** the recorder, which is a leg: `recorder`. Whose calls are recorded:
//! each queue has a rule, which `center` knows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call::{Call, Fact};
use crate::id::{PlayId, QueueId, RecordingId};
use crate::time::Timestamp;
use crate::words::{Digit, Prompt, Recording, RecordingKind, RecordingUpdate};

/// Recordings one call may make; past it, recording fails.
pub const RECORDINGS_MAX: usize = 20;
/// Pauses of one call's recordings; past it, none ends before the recording does.
pub const PAUSES_MAX: u16 = 200;
/// The keys of a code are pressed within this, one after the other.
const KEY_PAUSE_MAX: Duration = Duration::from_secs(3);

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Recordings {
    /// In the order in which they began.
    made: Vec<Recording>,
    /// The message that the flow waits for.
    message: Option<RecordingId>,
    /// The queue whose agent talks, or talked last: its rule holds.
    queue: Option<QueueId>,
    announcement: Announcement,
    pressed: Pressed,
    pauses: u16,
}

/// What the caller hears before the call recording begins.
#[derive(Debug, Default, Serialize, Deserialize)]
enum Announcement {
    #[default]
    Unsaid,
    Saying {
        play: PlayId,
        /// What the flow wants heard after it, in place of the queue's music.
        then: Option<(Vec<Prompt>, bool)>,
    },
    /// To the end. It is said once a call.
    Said,
}

/// The last keys that the agent pressed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Pressed {
    keys: String,
    at: Timestamp,
}

impl Pressed {
    /// Takes a key; says whether it completes this code.
    fn completes(&mut self, now: Timestamp, key: Digit, code: &str) -> bool {
        if now.since(self.at) > KEY_PAUSE_MAX {
            self.keys.clear();
        }
        self.at = now;
        self.keys.push(key.as_char());
        let is_complete = !code.is_empty() && self.keys.ends_with(code);
        if is_complete || !code.contains(&self.keys) {
            // Only its end may be the beginning of the code.
            let keep = if is_complete { 0 } else { beginning(&self.keys, code) };
            self.keys.drain(..self.keys.len() - keep);
        }
        is_complete
    }
}

/// The length of the longest end of `keys` with which `code` begins. Both are ASCII.
fn beginning(keys: &str, code: &str) -> usize {
    (0..=keys.len()).rev().find(|len| code.starts_with(&keys[keys.len() - len..])).unwrap_or(0)
}

impl Recordings {
    /// The queue whose rule holds.
    #[must_use]
    pub const fn queue(&self) -> Option<QueueId> {
        self.queue
    }

    #[must_use]
    pub const fn is_announcing(&self) -> bool {
        matches!(self.announcement, Announcement::Saying { .. })
    }

    /// Whether this play says it.
    #[must_use]
    pub fn is_announced_by(&self, play: PlayId) -> bool {
        matches!(self.announcement, Announcement::Saying { play: saying, .. } if saying == play)
    }

    /// Whether the caller has heard it to its end.
    #[must_use]
    pub const fn is_announced(&self) -> bool {
        matches!(self.announcement, Announcement::Said)
    }

    /// Whether the flow waits for a message.
    #[must_use]
    pub const fn has_message(&self) -> bool {
        self.message.is_some()
    }

    #[must_use]
    pub const fn may_pause(&self) -> bool {
        self.pauses < PAUSES_MAX
    }

    pub(super) fn count_pause(&mut self, is_paused: bool) {
        self.pauses += u16::from(is_paused);
    }
}

impl Call {
    #[must_use]
    pub const fn recordings(&self) -> &Recordings {
        &self.recordings
    }

    /// An agent of this queue talks to the caller: from now on its rule holds.
    pub const fn follow_rule_of(&mut self, queue: QueueId) {
        self.recordings.queue = Some(queue);
    }

    /// The caller hears from now on that the call will be recorded.
    pub fn begin_announcing(&mut self, play: PlayId) {
        self.recordings.announcement = Announcement::Saying { play, then: None };
    }

    /// What the flow plays waits until that has been said. Returns it where nothing is said.
    pub fn after_announcement(&mut self, play: (Vec<Prompt>, bool)) -> Option<(Vec<Prompt>, bool)> {
        match &mut self.recordings.announcement {
            Announcement::Saying { then, .. } => {
                *then = Some(play);
                None
            }
            Announcement::Unsaid | Announcement::Said => Some(play),
        }
    }

    /// It was said, to its end where `is_heard`; what the flow plays next, if it has said so.
    pub fn end_announcing(&mut self, is_heard: bool) -> Option<(Vec<Prompt>, bool)> {
        let over = if is_heard { Announcement::Said } else { Announcement::Unsaid };
        match std::mem::replace(&mut self.recordings.announcement, over) {
            Announcement::Saying { then, .. } => then,
            Announcement::Unsaid | Announcement::Said => None,
        }
    }

    /// What is being said will not be heard to its end: it is said again before anything is
    /// recorded.
    pub fn stop_announcing(&mut self) {
        if self.recordings.is_announcing() {
            self.recordings.announcement = Announcement::Unsaid;
        }
    }

    /// The agent pressed a key; whether it completes this code.
    pub fn recording_key_completes(&mut self, now: Timestamp, key: Digit, code: &str) -> bool {
        self.recordings.pressed.completes(now, key, code)
    }

    /// A recording is over; whether it was the message that the flow waited for.
    pub fn message_over(&mut self, name: RecordingId) -> bool {
        self.recordings.message.take_if(|message| *message == name).is_some()
    }

    /// Begins a message, or `None` past [`RECORDINGS_MAX`].
    pub fn begin_message(&mut self, now: Timestamp, step: String) -> Option<RecordingId> {
        let recording =
            Recording::begin((self.next_recording()?, RecordingKind::Message), step, now);
        self.recordings.message = Some(recording.name);
        Some(self.list_recording(now, recording))
    }

    #[must_use]
    pub fn may_record(&self) -> bool {
        self.recordings.made.len() < RECORDINGS_MAX
    }

    pub(super) fn next_recording(&self) -> Option<RecordingId> {
        let n = u16::try_from(self.recordings.made.len() + 1).ok().filter(|_| self.may_record())?;
        Some(RecordingId { call: self.id(), n })
    }

    /// One more is made, and the record lists it.
    pub(super) fn list_recording(&mut self, now: Timestamp, recording: Recording) -> RecordingId {
        let name = recording.name;
        self.recordings.made.push(recording.clone());
        self.note(now, Fact::RecordingBegan { recording: Box::new(recording) });
        name
    }

    /// Notes an update of a recording; `false` when it adds nothing.
    pub fn update_recording(&mut self, now: Timestamp, update: &RecordingUpdate) -> bool {
        let mut recordings = self.recordings.made.iter_mut();
        let known = recordings.find(|recording| recording.name == update.name);
        let is_new = known.is_some_and(|recording| recording.learn(update));
        if is_new {
            self.note(now, Fact::RecordingUpdated { update: update.clone() });
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_counts_wherever_it_stands_among_others_unless_it_takes_too_long() {
        let pressed = |keys: &str, code: &str| {
            let mut pressed = Pressed::default();
            let mut now = Timestamp(1_000);
            let mut count = 0;
            for key in keys.chars() {
                match Digit::new(key) {
                    Some(key) => count += usize::from(pressed.completes(now, key, code)),
                    None => now = now + KEY_PAUSE_MAX,
                }
                now = now + Duration::from_millis(200);
            }
            count
        };
        assert_eq!(pressed("*9", "*9"), 1);
        assert_eq!(pressed("12**9*934*9", "*9"), 3);
        assert_eq!(pressed("* 9", "*9"), 0);
        assert_eq!(pressed("* *9", "*9"), 1);
        assert_eq!(pressed("*1*1*12", "*1*12"), 1);
        assert_eq!(pressed("999", "9"), 3);
        assert_eq!(pressed("0123456789*#", ""), 0);
    }
}
