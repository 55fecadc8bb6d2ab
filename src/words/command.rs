//! Everything the contact center can ask of the outside.
//!
//! **Invariant:** carrying out a command never fails towards the center; a failure comes back as an
//! [`Event`](crate::words::Event).

use std::collections::BTreeSet;
use std::time::Duration;

use crate::id::{AskId, CallId, LegId, PlayId, RecordingId};
use crate::time::Timestamp;
use crate::words::{
    CallRecord, Cause, Digit, From, Prompt, Question, RecordingUpdate, Target, WrapUp,
};

/// Everything the contact center can ask of the outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Answer the caller's leg.
    Answer { leg: LegId },
    /// Tell the caller's leg, which was not answered yet, that it rings at the other end.
    Ring { leg: LegId },
    /// Refuse the caller's leg, which was not answered.
    Reject { leg: LegId, cause: Cause },
    /// Play these one after another; replaces what plays on the leg. With `repeat`, until replaced.
    /// Otherwise `PromptDone` follows. [`Command::Hear`] has parted the leg from others before.
    Play { leg: LegId, play: PlayId, prompts: Vec<Prompt>, repeat: bool },
    /// Stop what plays on the leg.
    StopPlay { leg: LegId },
    /// Record what comes from this leg, after a tone where `beep` says so; replaces what plays on
    /// the leg. It ends after `silence` without a sound, at `length_max`, with
    /// [`Command::StopRecord`], with the leg, and with `finish_key` where the front hears it.
    /// `Recorded` or `RecordFailed` follows; less speech than `length_min` counts as none, and
    /// nothing of it is kept. One recording per leg.
    Record {
        leg: LegId,
        recording: RecordingId,
        length_max: Duration,
        length_min: Duration,
        silence: Duration,
        finish_key: Option<Digit>,
        beep: bool,
    },
    /// End the recording of this leg, or the one that it makes; `Recorded` follows.
    StopRecord { leg: LegId },
    /// From now on what this leg hears is kept, in stereo: what `left` says in the left channel,
    /// what the others say in the right one. [`Command::Hear`] says whom it hears, none at first;
    /// what is kept then is silence of the same length. The leg has no far end: it is there with
    /// this command, and is heard by no leg. It ends with [`Command::StopRecord`], with the last
    /// other leg of its call, and at a greatest length; `Recorded` or `RecordFailed` follows. One a
    /// call at a time.
    RecordCall { leg: LegId, recording: RecordingId, left: LegId },
    /// Dial a target. `Ringing`, then `Answered` or `DialFailed`, come back.
    Dial {
        leg: LegId,
        target: Target,
        from: From,
        /// The center hangs up then. For fronts that must say beforehand how long it may ring.
        until: Timestamp,
    },
    /// From now on this leg hears exactly these legs of its call: none, where the set is empty. It
    /// says nothing about what those hear. Where there are some, what played on the leg stops.
    Hear { leg: LegId, from: BTreeSet<LegId> },
    /// End a leg, answered or still ringing. `HungUp` follows (for a leg still being dialed too).
    HangUp { leg: LegId, cause: Cause },
    /// Ask a service. `Replied` follows once; after `until` it is no longer of use. The same
    /// question may be asked twice under one id, before and after a restart: the service answers
    /// it as one.
    Ask { id: AskId, what: Box<Question>, until: Timestamp },
    /// The call is over; this is its record, once.
    CloseRecord { record: Box<CallRecord> },
    /// After-call work of a closed record became known.
    AmendRecord { call: CallId, wrap_up: WrapUp },
    /// More became known of a recording of a closed record. An update may come twice, and an older
    /// one after a newer: see [`CallRecord::learn`].
    AmendRecording { update: RecordingUpdate },
}

impl Command {
    /// The leg this is about; `None` where it is about a question or a record.
    #[must_use]
    pub fn leg(&self) -> Option<LegId> {
        match self {
            Self::Answer { leg }
            | Self::Ring { leg }
            | Self::Reject { leg, .. }
            | Self::Play { leg, .. }
            | Self::StopPlay { leg }
            | Self::Record { leg, .. }
            | Self::StopRecord { leg }
            | Self::RecordCall { leg, .. }
            | Self::Dial { leg, .. }
            | Self::Hear { leg, .. }
            | Self::HangUp { leg, .. } => Some(*leg),
            Self::Ask { .. }
            | Self::CloseRecord { .. }
            | Self::AmendRecord { .. }
            | Self::AmendRecording { .. } => None,
        }
    }
}
