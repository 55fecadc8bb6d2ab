//! Both sides of a call in one recording: frames of two channels in, stereo samples out in blocks.
//!
//! **Invariant:** sample n of either channel is what was said n/8000 s after the beginning: whoever
//! says nothing is silence of the same length.
//!
//! **Deliberately absent:** who is on which side, which is the center's to say; pauses, in which
//! no leg is; files.

use std::time::Duration;

use crate::id::RecordingId;
use crate::media::format::{FRAME, FRAME_SAMPLES, Frame, samples};
use crate::media::recorder::Finished;
use crate::time::Timestamp;
use crate::words::RecordingEnd;

/// The channels of such a recording: left, then right.
pub const CHANNELS: u16 = 2;

#[derive(Debug)]
pub struct CallRecorder {
    recording: RecordingId,
    began_at: Timestamp,
    /// Samples of each channel that were written.
    written: u64,
    /// Left and right in turn, since the last block.
    block: Vec<i16>,
}

impl CallRecorder {
    #[must_use]
    pub fn new(now: Timestamp, recording: RecordingId) -> Self {
        Self { recording, began_at: now, written: 0, block: Vec::with_capacity(BLOCK_LEN) }
    }

    #[must_use]
    pub const fn recording(&self) -> RecordingId {
        self.recording
    }

    /// Takes a frame of both channels, due at `due`; `None` for a side that says nothing.
    pub fn hear(&mut self, due: Timestamp, left: Option<&Frame>, right: Option<&Frame>) {
        // A thread that was late skipped frames.
        let before = samples(due.since(self.began_at + FRAME));
        let skipped = before.saturating_sub(self.written).min(samples(SKIPPED_MAX));
        self.block.extend(std::iter::repeat_n(0, skipped as usize * usize::from(CHANNELS)));
        self.written += skipped;
        let at = self.block.len();
        self.block.resize(at + FRAME_SAMPLES * usize::from(CHANNELS), 0);
        let (pairs, _) = self.block[at..].as_chunks_mut();
        let sides = left.unwrap_or(&SILENCE).iter().zip(right.unwrap_or(&SILENCE));
        for (pair, (&left, &right)) in pairs.iter_mut().zip(sides) {
            *pair = [left, right];
        }
        self.written += FRAME_SAMPLES as u64;
    }

    /// A second of it, now and then.
    pub fn take_block(&mut self) -> Option<Vec<i16>> {
        (self.block.len() >= BLOCK_LEN)
            .then(|| std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_LEN)))
    }

    /// Whether it is as long as it may be.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.written >= samples(LENGTH_MAX)
    }

    /// Ends it; what was not taken yet comes with it.
    #[must_use]
    pub fn finish(self, ended: RecordingEnd) -> (Finished, Vec<i16>) {
        (Finished { recording: self.recording, samples: self.written, ended }, self.block)
    }
}

const SILENCE: Frame = [0; FRAME_SAMPLES];
/// One second of both channels.
const BLOCK_LEN: usize = samples(Duration::from_secs(1)) as usize * CHANNELS as usize;
/// A working day: 1.4 GB.
const LENGTH_MAX: Duration = Duration::from_secs(12 * 3_600);
/// A machine that stood still for longer lost its calls; in what is left of them time is missing.
const SKIPPED_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CallId;

    const BEGAN: Timestamp = Timestamp(10_007);

    /// A recorder, and what was taken of it: left and right.
    struct Reel {
        recorder: CallRecorder,
        due: Timestamp,
        kept: Vec<i16>,
    }

    impl Reel {
        fn new() -> Self {
            let recorder = CallRecorder::new(BEGAN, RecordingId { call: CallId(1), n: 1 });
            // The mixer's frames fall anywhere between two of the recorder's.
            Self { recorder, due: BEGAN + Duration::from_millis(13), kept: Vec::new() }
        }

        fn hear(&mut self, frames: usize, left: Option<i16>, right: Option<i16>) {
            let frame = |level: Option<i16>| level.map(|level| [level; FRAME_SAMPLES]);
            for _ in 0..frames {
                let (left, right) = (frame(left), frame(right));
                self.recorder.hear(self.due, left.as_ref(), right.as_ref());
                self.due = self.due + FRAME;
                self.kept.extend(self.recorder.take_block().into_iter().flatten());
            }
        }

        fn finish(mut self) -> (Finished, Vec<[i16; 2]>) {
            let (finished, rest) = self.recorder.finish(RecordingEnd::HungUp);
            self.kept.extend(rest);
            let (pairs, rest) = self.kept.as_chunks::<2>();
            assert_eq!((pairs.len() as u64, rest.len()), (finished.samples, 0));
            (finished, pairs.to_vec())
        }
    }

    #[test]
    fn both_sides_are_kept_side_by_side_and_a_silent_side_is_silence() {
        let mut reel = Reel::new();
        reel.hear(60, Some(1), Some(-2));
        reel.hear(40, None, Some(-2));
        let (finished, kept) = reel.finish();
        assert_eq!((finished.length_ms(), finished.ended), (2_000, RecordingEnd::HungUp));
        assert!(kept[..9_600].iter().all(|pair| *pair == [1, -2]));
        assert!(kept[9_600..].iter().all(|pair| *pair == [0, -2]));
    }

    #[test]
    fn frames_that_were_skipped_are_silence_so_that_time_stays_aligned() {
        let mut reel = Reel::new();
        reel.hear(50, Some(1), Some(2));
        reel.due = reel.due + Duration::from_millis(503);
        reel.hear(50, Some(3), Some(4));
        let (finished, kept) = reel.finish();
        let skipped = kept.iter().filter(|pair| **pair == [0, 0]).count();
        assert_eq!(finished.samples as usize, 16_000 + skipped);
        assert!((480..=503).contains(&(skipped / 8)), "{} ms", skipped / 8);
        assert_eq!((kept[7_999], kept[8_000 + skipped]), ([1, 2], [3, 4]));
    }

    #[test]
    fn it_is_full_after_twelve_hours_and_a_machine_that_stood_still_fills_no_memory() {
        let mut reel = Reel::new();
        reel.recorder.written = samples(LENGTH_MAX) - FRAME_SAMPLES as u64;
        assert!(!reel.recorder.is_full());
        reel.hear(1, Some(1), Some(2));
        assert!(reel.recorder.is_full());
        let mut reel = Reel::new();
        reel.due = reel.due + 3 * LENGTH_MAX;
        reel.hear(1, Some(1), Some(2));
        assert_eq!(reel.finish().0.samples, samples(SKIPPED_MAX) + FRAME_SAMPLES as u64);
    }
}
