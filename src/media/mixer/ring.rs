//! One source's sound on its way into the mix: in as it arrives, out a frame at a time.
//!
//! What arrives late finds its place taken by silence, and follows it; so the ring learns by itself
//! how much must wait in it for the next packets to be in time. What was not needed for a second is
//! dropped where it is quiet.
//!
//! **Invariant:** no more than [`WAITING_MAX`] waits when a packet comes; a frame never waits for a
//! packet; what was lost is silence of the same length, and what comes after its successor is
//! dropped.
//!
//! **Deliberately absent:** a clock, and a guess at what was lost: silence takes its place.

use std::time::Duration;

use crate::media::format::{FRAME_SAMPLES, Frame, Heard, samples};

pub(super) struct Ring {
    samples: [i16; LEN],
    /// Where the first sample that waits lies, and how many wait.
    first: usize,
    waiting: usize,
    /// The SSRC that came last, and the time stamp that should follow.
    expected: Option<(u32, u32)>,
    /// Silence given out since the last packet, for want of sound.
    missed: usize,
    /// The least that waited after a frame was taken, and how many were, since the last look.
    least: usize,
    frames: usize,
    /// Whole frames that wait for nothing.
    spare: usize,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self {
            samples: [0; LEN],
            first: 0,
            waiting: 0,
            expected: None,
            missed: 0,
            least: LEN,
            frames: 0,
            spare: 0,
        }
    }

    /// Takes the sound of one packet.
    pub(super) fn push(&mut self, heard: Heard<'_>) {
        let ahead = match self.expected {
            Some((ssrc, next)) if ssrc == heard.ssrc => heard.timestamp.wrapping_sub(next) as i32,
            Some(_) | None => 0,
        };
        if (-LATE_MAX..0).contains(&ahead) {
            return;
        }
        self.skip(self.waiting.saturating_sub(WAITING_MAX));
        // Of what is missing, silence may have been given out already. Where more is missing than
        // may wait, the sender was silent.
        let lost = usize::try_from(ahead).unwrap_or(0);
        if lost <= WAITING_MAX {
            let lost = lost.saturating_sub(self.missed).min(WAITING_MAX - self.waiting);
            self.append(&SILENCE[..lost]);
        }
        self.append(heard.samples);
        let next = heard.timestamp.wrapping_add(heard.samples.len() as u32);
        self.expected = Some((heard.ssrc, next));
        self.missed = 0;
    }

    /// Fills a frame with what waits, and with silence behind it. Whether anything waited.
    pub(super) fn take(&mut self, frame: &mut Frame) -> bool {
        self.copy(frame);
        if self.spare > 0 && self.waiting >= 2 * FRAME_SAMPLES && is_quiet(frame) {
            self.spare -= 1;
            self.skip(FRAME_SAMPLES);
            self.copy(frame);
        }
        let taken = self.waiting.min(FRAME_SAMPLES);
        self.skip(taken);
        self.missed += FRAME_SAMPLES - taken;
        self.look();
        taken > 0
    }

    /// Samples that wait.
    #[cfg(test)]
    pub(super) fn waits(&self) -> usize {
        self.waiting
    }

    /// Every so often, whether less could wait.
    fn look(&mut self) {
        self.least = self.least.min(self.waiting);
        self.frames += 1;
        if self.frames == LOOK_FRAMES {
            self.spare = self.least / FRAME_SAMPLES;
            self.least = LEN;
            self.frames = 0;
        }
    }

    fn copy(&self, frame: &mut Frame) {
        let len = self.waiting.min(FRAME_SAMPLES);
        let straight = len.min(LEN - self.first);
        frame[..straight].copy_from_slice(&self.samples[self.first..self.first + straight]);
        frame[straight..len].copy_from_slice(&self.samples[..len - straight]);
        frame[len..].fill(0);
    }

    fn skip(&mut self, count: usize) {
        self.first = (self.first + count) % LEN;
        self.waiting -= count;
    }

    /// What does not fit is dropped: no packet is that long.
    fn append(&mut self, samples: &[i16]) {
        let len = samples.len().min(LEN - self.waiting);
        let at = (self.first + self.waiting) % LEN;
        let straight = len.min(LEN - at);
        self.samples[at..at + straight].copy_from_slice(&samples[..straight]);
        self.samples[..len - straight].copy_from_slice(&samples[straight..len]);
        self.waiting += len;
    }
}

fn is_quiet(frame: &Frame) -> bool {
    frame.iter().all(|sample| sample.unsigned_abs() <= QUIET_MAX)
}

/// What may wait when a packet comes; older sound is dropped.
pub const WAITING_MAX: usize = samples(Duration::from_millis(60)) as usize;
const SILENCE: [i16; WAITING_MAX] = [0; WAITING_MAX];
/// Room for that and the longest packet, of 1,488 bytes of G.711: 256 ms.
const LEN: usize = 2_048;
/// A packet this far behind the last one comes too late; further behind, the sender began again.
const LATE_MAX: i32 = samples(Duration::from_secs(2)) as i32;
/// How many frames are taken between two looks at what waits: a second.
const LOOK_FRAMES: usize = 50;
/// No sample of a pause between words is louder: −30 dB below the loudest there is.
const QUIET_MAX: u16 = 1_000;
