//! The data plane, as the front of telephones uses it: ports, sound and keys of legs.
//!
//! ```text
//!   the front ── DataPlane: open, hear, play, record, close ──► threads with sockets
//!       ▲                                                            │
//!       └──────────────── Fact: keys, ends, silence ─────────────────┘
//! ```
//!
//! **Invariant:** opening is answered at once; all else is an order without an answer, and what
//! becomes of it is a [`Fact`](crate::media::fact::Fact). Orders are carried out in the order they
//! are given, a call at a time; one for a leg that is not open is ignored.
//!
//! **Deliberately absent:** sockets and threads. The server has the media engine behind this, a
//! simulation what it likes.

use std::net::{IpAddr, SocketAddr};

use crate::id::{LegId, PlayId, RecordingId};
use crate::media::recorder::RecordingSpec;
use crate::media::session::RemoteMedia;
use crate::media::source::Origins;
use crate::time::Timestamp;
use crate::words::{Digit, Prompt};

/// What carries the sound of telephones' legs.
pub trait DataPlane {
    /// Ports for a leg whose other end is at `remote`: the address to announce. `None`: there are
    /// no ports left, and that is in the log.
    fn open(&mut self, now: Timestamp, leg: LegId, remote: IpAddr) -> Option<SocketAddr>;

    /// What the other side said about its media, at first and whenever it changes, and where the
    /// media may come from beside that.
    fn configure(&mut self, leg: LegId, remote: RemoteMedia, origins: Origins);

    /// Plays prompts in place of what plays on the leg. `PromptDone` or `PromptFailed` follows,
    /// unless `repeat` is set, another play replaces this one or it is stopped.
    fn play(&mut self, leg: LegId, play: PlayId, prompts: Vec<Prompt>, repeat: bool);

    fn stop_play(&mut self, leg: LegId);

    /// Records what the leg says, after a tone with `beep`, in place of what plays: `Recorded` or
    /// `RecordFailed` follows, also when the leg is not open.
    fn record(&mut self, leg: LegId, spec: RecordingSpec, beep: bool);

    /// Ends the recording of this leg, or the one that it makes.
    fn stop_record(&mut self, leg: LegId);

    /// Records in stereo what `leg`, which has no far end, hears: `left` on the left.
    fn record_call(&mut self, leg: LegId, recording: RecordingId, left: LegId);

    /// A key came by SIP INFO: `Digit` follows, unless the same press came in the sound.
    fn press(&mut self, leg: LegId, digit: Digit);

    /// From now on `leg` hears exactly these legs of its call, and where there are some, what
    /// played on it stops.
    fn hear(&mut self, leg: LegId, from: Vec<LegId>);

    fn close(&mut self, leg: LegId);

    /// As [`Self::close`]; where the leg was open, `Closed` follows as the last fact about it.
    fn close_and_tell(&mut self, leg: LegId);
}
