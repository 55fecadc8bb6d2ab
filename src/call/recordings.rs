//! Recordings of one call: the messages that its caller leaves, and both sides.
//!
//! ```text
//!  (announced to the caller ──►) made ◄──► paused ──► over
//! ```
//!
//! **Invariant:** a call has at most one call recording at a time, and none before the caller has
//! heard the announcement to its end.
//!
//! **Deliberately absent:** whose calls are recorded: each queue has a rule, which `center` knows.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::call::{Call, Fact, Leg};
use crate::flow;
use crate::id::{LegId, PlayId, QueueId, RecordingId};
use crate::time::Timestamp;
use crate::words::{Digit, Prompt, Recording, RecordingKind, RecordingUpdate};

/// Recordings one call may make; past it, recording fails.
pub const RECORDINGS_MAX: usize = 20;
/// Pauses of one call's recordings; past it, none ends before the recording does.
pub const PAUSES_MAX: u16 = 200;
/// The keys of a code are pressed within this, one after the other.
const KEY_PAUSE_MAX: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
pub struct Recordings {
    /// In the order in which they began.
    made: Vec<Recording>,
    /// The message that the flow waits for.
    pub message: Option<RecordingId>,
    /// Both sides, while they are recorded.
    pub sides: Option<SidesRecording>,
    /// The queue whose agent talks, or talked last: its rule holds.
    pub queue: Option<QueueId>,
    pub announcement: Announcement,
    pub pressed: Pressed,
    pauses: u16,
}

/// A recording of both sides that is being made.
#[derive(Debug)]
pub struct SidesRecording {
    pub name: RecordingId,
    pub is_paused: bool,
    /// It was asked for.
    pub is_asked: bool,
    /// The legs in it, as asked for last.
    pub sides: Sides,
}

/// The legs in a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    pub left: Option<LegId>,
    pub right: BTreeSet<LegId>,
}

/// What the caller hears before the call recording begins.
#[derive(Debug, Default)]
pub enum Announcement {
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

/// How far a call's recording is, for whoever looks at a live call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStage {
    /// The caller hears that the call will be recorded.
    Announced,
    On,
    Paused,
}

/// The last keys that the agent pressed.
#[derive(Debug, Default)]
pub struct Pressed {
    keys: String,
    at: Timestamp,
}

impl Pressed {
    /// Takes a key; says whether it completes this code.
    pub fn completes(&mut self, now: Timestamp, key: Digit, code: &str) -> bool {
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
    #[must_use]
    pub const fn is_announcing(&self) -> bool {
        matches!(self.announcement, Announcement::Saying { .. })
    }

    /// What is being said will not be heard to its end: it is said again before anything is
    /// recorded.
    pub fn stop_announcing(&mut self) {
        if self.is_announcing() {
            self.announcement = Announcement::Unsaid;
        }
    }

    #[must_use]
    pub const fn may_pause(&self) -> bool {
        self.pauses < PAUSES_MAX
    }

    #[must_use]
    pub fn stage(&self) -> Option<RecordingStage> {
        match &self.sides {
            _ if self.is_announcing() => Some(RecordingStage::Announced),
            Some(SidesRecording { is_paused: true, .. }) => Some(RecordingStage::Paused),
            Some(SidesRecording { is_paused: false, .. }) => Some(RecordingStage::On),
            None => None,
        }
    }
}

impl Call {
    /// Begins a message, or `None` past [`RECORDINGS_MAX`].
    pub fn begin_message(&mut self, now: Timestamp, step: String) -> Option<RecordingId> {
        let recording =
            Recording::begin((self.next_recording()?, RecordingKind::Message), step, now);
        self.recordings.message = Some(recording.name);
        Some(self.began(now, recording))
    }

    /// Begins to record both sides of the talk with an agent of this queue, or `None` past
    /// [`RECORDINGS_MAX`].
    pub fn begin_sides(&mut self, now: Timestamp, queue: String) -> Option<RecordingId> {
        let name = self.next_recording()?;
        let step = self.path().last().map(|(_, step)| step.to_owned()).unwrap_or_default();
        let mut recording = Recording::begin((name, RecordingKind::Call), step, now);
        recording.queue = Some(queue);
        let sides = Sides::default();
        self.recordings.sides =
            Some(SidesRecording { name, is_paused: false, is_asked: false, sides });
        Some(self.began(now, recording))
    }

    #[must_use]
    pub fn may_record(&self) -> bool {
        self.recordings.made.len() < RECORDINGS_MAX
    }

    fn next_recording(&self) -> Option<RecordingId> {
        let n = u16::try_from(self.recordings.made.len() + 1).ok().filter(|_| self.may_record())?;
        Some(RecordingId { call: self.id(), n })
    }

    fn began(&mut self, now: Timestamp, recording: Recording) -> RecordingId {
        let name = recording.name;
        self.recordings.made.push(recording.clone());
        self.note(now, Fact::RecordingBegan { recording: Box::new(recording) });
        name
    }

    /// Pauses the recording of both sides, or goes on with it; says whether that changes anything.
    /// A pause past [`PAUSES_MAX`] does not end.
    pub fn pause_sides(&mut self, now: Timestamp, is_paused: bool) -> bool {
        let may_pause = self.recordings.may_pause();
        let Some(sides) = &mut self.recordings.sides else { return false };
        if sides.is_paused == is_paused || (!is_paused && !may_pause) {
            return false;
        }
        sides.is_paused = is_paused;
        let name = sides.name;
        self.recordings.pauses += u16::from(is_paused);
        self.note(now, Fact::RecordingPaused { name, is_paused });
        true
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

    /// Whether one of ours is in the call, an agent or a supervisor who took it over, or may be
    /// again: not while the caller talks to outside parties alone.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        let Some(talk) = self.talk() else { return true };
        let parties = [talk.leg].into_iter().chain(self.consulted_parties_there());
        let mut parties = parties.filter_map(|leg| self.party(leg));
        parties.any(Leg::is_of_house)
    }

    /// Which legs should be in the call recording now: the caller's, and those that the caller
    /// hears. None while it is paused or the caller is on hold; not the caller's while a secret
    /// step listens. `None`: the recording is over.
    #[must_use]
    pub fn sides_wanted(&self) -> Option<Sides> {
        let recording = self.recordings.sides.as_ref()?;
        if !self.caller_is_up() || !self.is_ours() {
            return None;
        }
        let caller = self.caller_leg();
        let right = self.heard_by(caller);
        let on_hold = self.holds(caller) || (self.talk().is_some() && right.is_empty());
        let is_secret = self.run.as_ref().is_some_and(flow::Run::secret);
        match recording.is_paused {
            true => Some(Sides::default()),
            false => Some(Sides { left: (!on_hold && !is_secret).then_some(caller), right }),
        }
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
