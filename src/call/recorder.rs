//! The recorder of a call: a leg without a far end, which keeps what it hears.
//!
//! ```text
//!  (announced to the caller ──►) up ◄──► paused ──► over
//! ```
//!
//! What it hears [`Call::ears`] says, as of every leg. It is no party of the call, and in no list
//! of its legs: the record names the recording.
//!
//! A recorder's leg has a number from the end of the range, by its recording. So legs that are
//! dialed beside it have the numbers that they have without, and a journal, which names legs by
//! number, is read as it was written, also one from before recorders were legs.
//!
//! **Invariant:** a call has one recorder at most, and none before the caller has heard the
//! announcement to its end.
//!
//! **Deliberately absent:** whose calls are recorded: each queue has a rule, which `center` knows.

use crate::call::{Call, Fact, LEGS_MAX, Leg, LegState, RECORDINGS_MAX, Role, SUPERVISORS_MAX};
use crate::id::{LegId, RecordingId};
use crate::time::Timestamp;
use crate::words::{Recording, RecordingKind, RecordingStage, RecordingUpdate};

/// No leg that is dialed has the number of a recorder's.
const _: () = {
    assert!(LEGS_MAX + SUPERVISORS_MAX < LegId::RECORDERS_FROM);
    assert!(RECORDINGS_MAX < LegId::RECORDERS_MAX as usize);
};

/// The recorder of a call that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorder {
    pub leg: LegId,
    pub recording: RecordingId,
    pub is_paused: bool,
}

impl Leg {
    #[must_use]
    pub const fn is_recorder(&self) -> bool {
        matches!(self.role, Role::Recorder { .. })
    }

    /// It is there at once: nobody has to answer.
    const fn recorder(now: Timestamp, recording: RecordingId) -> Self {
        let role = Role::Recorder { recording, is_paused: false };
        Self { role, state: LegState::Up { since: now }, holds: false, dialed: None }
    }
}

impl Call {
    #[must_use]
    pub fn recorder(&self) -> Option<Recorder> {
        self.legs.iter().find_map(|(&leg, it)| match it.role {
            Role::Recorder { recording, is_paused } => Some(Recorder { leg, recording, is_paused }),
            Role::Caller
            | Role::Agent { .. }
            | Role::Called
            | Role::Consulted { .. }
            | Role::Supervisor { .. }
            | Role::TookOver => None,
        })
    }

    /// Adds the recorder of the talk with an agent of this queue, or `None` past
    /// [`RECORDINGS_MAX`].
    pub fn begin_recorder(&mut self, now: Timestamp, queue: String) -> Option<Recorder> {
        let recording = self.list_call_recording(now, queue)?;
        let leg = LegId::recorder(recording);
        self.legs.insert(leg, Leg::recorder(now, recording));
        Some(Recorder { leg, recording, is_paused: false })
    }

    /// Notes that the talk with an agent of this queue was to be recorded and is not; `false` past
    /// [`RECORDINGS_MAX`].
    pub fn note_unrecorded(&mut self, now: Timestamp, queue: String) -> bool {
        let Some(recording) = self.list_call_recording(now, queue) else { return false };
        self.update_recording(now, &RecordingUpdate::failed(recording))
    }

    fn list_call_recording(&mut self, now: Timestamp, queue: String) -> Option<RecordingId> {
        let name = self.next_recording()?;
        let step = self.path().last().map(|(_, step)| step.to_owned()).unwrap_or_default();
        let mut recording = Recording::begin((name, RecordingKind::Call), step, now);
        recording.queue = Some(queue);
        Some(self.list_recording(now, recording))
    }

    /// Pauses the recorder, or lets it go on; says whether that changes anything. A pause past
    /// [`PAUSES_MAX`](crate::call::PAUSES_MAX) does not end.
    pub fn pause_recorder(&mut self, now: Timestamp, is_paused: bool) -> bool {
        let may_pause = self.recordings.may_pause();
        let Some(recorder) = self.recorder() else { return false };
        if recorder.is_paused == is_paused || (!is_paused && !may_pause) {
            return false;
        }
        let name = recorder.recording;
        if let Some(leg) = self.legs.get_mut(&recorder.leg) {
            leg.role = Role::Recorder { recording: name, is_paused };
        }
        self.recordings.count_pause(is_paused);
        self.note(now, Fact::RecordingPaused { name, is_paused });
        true
    }

    /// Takes the recorder out of the call; its leg, if there was one.
    pub fn end_recorder(&mut self) -> Option<LegId> {
        let leg = self.recorder()?.leg;
        self.legs.remove(&leg).map(|_| leg)
    }

    /// Whether a recorder may be in the call: not without its caller, nor while the caller talks to
    /// outside parties alone.
    #[must_use]
    pub fn may_have_recorder(&self) -> bool {
        self.caller_is_up() && self.is_ours()
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

    #[must_use]
    pub fn recording_stage(&self) -> Option<RecordingStage> {
        if self.recordings.is_announcing() {
            return Some(RecordingStage::Announced);
        }
        let is_paused = self.recorder()?.is_paused;
        Some(if is_paused { RecordingStage::Paused } else { RecordingStage::On })
    }
}
