//! What the sound of legs has to say: [`Fact`].
//!
//! **Deliberately absent:** who says it. The engine's threads do, and whatever stands in for them.

use std::net::IpAddr;

use crate::id::{LegId, PlayId, RecordingId};
use crate::media::recorder::Finished;
use crate::media::session::Stats;
use crate::words::{Digit, RecordingFault};

/// What the media layer has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Digit {
        leg: LegId,
        digit: Digit,
    },
    /// The sounds of a `play` were sent to their end.
    PromptDone {
        leg: LegId,
        play: PlayId,
    },
    /// They could not be made; nothing, or only a waiting sound, was heard.
    PromptFailed {
        leg: LegId,
        play: PlayId,
    },
    /// A recording is over; nothing is kept of one without length. Of a call, `leg` is the one that
    /// made it.
    Recorded {
        leg: LegId,
        finished: Finished,
    },
    /// A recording could not be made, or what was made of it is lost.
    RecordFailed {
        recording: RecordingId,
        why: RecordingFault,
    },
    /// The other side has been silent for longer than the limit. Said once a silence.
    Inactive {
        leg: LegId,
    },
    /// Five seconds after the media was described nothing has come: one-way audio. Or it came from
    /// `elsewhere`, which may not be the source.
    NoInboundRtp {
        leg: LegId,
        elsewhere: Option<IpAddr>,
    },
    /// The leg is gone; the last fact about it, where it was asked for or the engine ends.
    Closed {
        leg: LegId,
        stats: Stats,
    },
}
