//! One source's sound on its way into the mix: in as it arrives, out a frame at a time.
//!
//! Where sound is missing, the last of what came is heard again and fades, then there is silence. A
//! gap of a packet is hardly noticed then (RFC 3551 §4.1; ITU-T G.711 Appendix I does it by pitch).
//!
//! What arrives late finds its place taken, and follows; so the ring learns by itself how much must
//! wait in it for the next packets to be in time. What was not needed for a second is dropped where
//! it is quiet.
//!
//! **Invariant:** no more than [`WAITING_MAX`] waits when a packet comes; a frame never waits for a
//! packet; what takes the place of what was lost has the same length, and what comes after its
//! successor is dropped.
//!
//! **Deliberately absent:** a clock, and the pitch of a voice, which would cost more than the mix.

use std::time::Duration;

use crate::media::format::{FRAME_SAMPLES, Frame, Heard, samples};

pub(super) struct Ring {
    samples: [i16; LEN],
    /// Where the first sample that waits lies, and how many wait.
    first: usize,
    waiting: usize,
    /// The SSRC that came last, and the time stamp that should follow.
    expected: Option<(u32, u32)>,
    /// What was given out since the last packet for want of sound.
    missed: usize,
    /// How much of that, and of what a packet did not follow at once, repeats what came last; at
    /// [`CONCEALED_MAX`] there is silence.
    concealed: usize,
    /// The least that waited after a frame was taken, and how many were, since the last look.
    least: usize,
    frames: usize,
    /// Whole frames that wait for nothing.
    spare: usize,
}

/// What a frame is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Sound that came, at least at its beginning.
    Sound,
    /// What came last, fading.
    Concealed,
    Silence,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self {
            samples: [0; LEN],
            first: 0,
            waiting: 0,
            expected: None,
            missed: 0,
            concealed: CONCEALED_MAX, // nothing came that could be repeated
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
        // The place of what is missing may have been taken already. Where more is missing than may
        // wait, the sender was silent.
        let lost = usize::try_from(ahead).unwrap_or(0);
        if lost <= WAITING_MAX {
            self.conceal(lost.saturating_sub(self.missed).min(WAITING_MAX - self.waiting));
        }
        self.append(heard.samples);
        let next = heard.timestamp.wrapping_add(heard.samples.len() as u32);
        self.expected = Some((heard.ssrc, next));
        (self.missed, self.concealed) = (0, 0);
    }

    /// Fills a frame with what waits, and behind it with what takes the place of what is missing.
    pub(super) fn take(&mut self, frame: &mut Frame) -> Taken {
        let taken = match self.waiting {
            0 if self.concealed == CONCEALED_MAX => Taken::Silence,
            0 => Taken::Concealed,
            _ => Taken::Sound,
        };
        if self.waiting < FRAME_SAMPLES {
            let missing = FRAME_SAMPLES - self.waiting;
            self.missed += missing;
            self.conceal(missing);
        }
        self.copy(frame);
        if self.spare > 0 && self.waiting >= 2 * FRAME_SAMPLES && is_quiet(frame) {
            self.spare -= 1;
            self.skip(FRAME_SAMPLES);
            self.copy(frame);
        }
        self.skip(FRAME_SAMPLES);
        self.look();
        taken
    }

    /// In how many frames, from the next one on, something of what came so far may be heard.
    pub(super) fn lasts(&self) -> usize {
        (self.waiting + CONCEALED_MAX - self.concealed).div_ceil(FRAME_SAMPLES)
    }

    /// Samples that wait.
    #[cfg(test)]
    pub(super) fn waits(&self) -> usize {
        self.waiting
    }

    /// From time to time, whether less could wait.
    fn look(&mut self) {
        self.least = self.least.min(self.waiting);
        self.frames += 1;
        if self.frames == LOOK_FRAMES {
            self.spare = self.least / FRAME_SAMPLES;
            self.least = LEN;
            self.frames = 0;
        }
    }

    /// The next frame, which waits.
    fn copy(&self, frame: &mut Frame) {
        let straight = FRAME_SAMPLES.min(LEN - self.first);
        frame[..straight].copy_from_slice(&self.samples[self.first..self.first + straight]);
        frame[straight..].copy_from_slice(&self.samples[..FRAME_SAMPLES - straight]);
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

    /// Puts something in the place of what is missing: the last frame that came, once more and once
    /// again, ever softer; then silence.
    fn conceal(&mut self, len: usize) {
        let fading = len.min(CONCEALED_MAX - self.concealed);
        for _ in 0..fading {
            let end = self.first + self.waiting;
            let back = FRAME_SAMPLES * (1 + self.concealed / FRAME_SAMPLES);
            let came = i32::from(self.samples[(end + LEN - back) % LEN]);
            let loud = (CONCEALED_MAX - self.concealed) as i32;
            self.samples[end % LEN] = (came * loud / CONCEALED_MAX as i32) as i16;
            self.waiting += 1;
            self.concealed += 1;
        }
        self.append(&SILENCE[..len - fading]);
    }
}

fn is_quiet(frame: &Frame) -> bool {
    frame.iter().all(|sample| sample.unsigned_abs() <= QUIET_MAX)
}

/// What may wait when a packet comes; older sound is dropped.
pub(super) const WAITING_MAX: usize = samples(Duration::from_millis(60)) as usize;
/// As much as is missing at one time at most.
const SILENCE: [i16; WAITING_MAX] = [0; WAITING_MAX];
/// Longer gaps are no loss of a packet or two: 40 ms.
const CONCEALED_MAX: usize = 2 * FRAME_SAMPLES;
/// Room for that and the longest packet, of 1,488 bytes of G.711: 256 ms.
const LEN: usize = 2_048;
/// A packet this far behind the last one comes too late; further behind, the sender began again.
const LATE_MAX: i32 = samples(Duration::from_secs(2)) as i32;
/// How many frames are taken between two looks at what waits: a second.
const LOOK_FRAMES: usize = 50;
/// No sample of a pause between words is louder: −30 dB below the loudest there is.
const QUIET_MAX: u16 = 1_000;
