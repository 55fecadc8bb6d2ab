//! One recording of what a leg says: packets in, 8 kHz samples out in blocks, and when it is over.
//!
//! Sound is a stretch of `SOUND_MIN` whose packets are as loud as `LOUD_RMS` each; everything
//! else is silence, and so is what never came. A recording is as long as its last sound, and
//! `TAIL` beyond.
//!
//! **Invariant:** sample n is what was said n/8000 s after the beginning, by the sender's clock:
//! what is lost or was never sent is silence of the same length.
//!
//! **Deliberately absent:** files and threads. See `media::io`.

use std::time::Duration;

use crate::id::RecordingId;
use crate::media::format::{Heard, duration, samples};
use crate::time::Timestamp;
use crate::words::RecordingEnd;

/// What a recording may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingSpec {
    pub recording: RecordingId,
    pub length_max: Duration,
    pub length_min: Duration,
    /// It ends after this much silence.
    pub silence: Duration,
}

/// A recording that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    pub recording: RecordingId,
    /// What to keep of it; 0 when nothing was said.
    pub samples: u64,
    pub ended: RecordingEnd,
}

impl Finished {
    #[must_use]
    pub const fn length_ms(&self) -> u64 {
        duration(self.samples).as_millis() as u64
    }
}

#[derive(Debug)]
pub struct Recorder {
    spec: RecordingSpec,
    began_at: Timestamp,
    stream: Option<Stream>,
    /// Samples that were handed out.
    taken: u64,
    /// Samples after those; the last ones may still be replaced by packets that come late.
    block: Vec<i16>,
    /// Where the last sound ended, and when it was heard.
    heard: u64,
    heard_at: Timestamp,
    /// Loud samples in a row.
    loud: u64,
}

/// Where in the recording a sender's time stamps are.
#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    timestamp: u32,
    position: u64,
}

impl Recorder {
    #[must_use]
    pub fn new(now: Timestamp, spec: RecordingSpec) -> Self {
        Self {
            spec,
            began_at: now,
            stream: None,
            taken: 0,
            block: Vec::with_capacity(BLOCK_MAX),
            heard: 0,
            heard_at: now,
            loud: 0,
        }
    }

    #[must_use]
    pub const fn recording(&self) -> RecordingId {
        self.spec.recording
    }

    /// Takes one packet of sound.
    pub fn hear(&mut self, now: Timestamp, heard: Heard<'_>) {
        let position = self.place(now, heard.ssrc, heard.timestamp);
        let end = (position + heard.samples.len() as u64).min(samples(self.spec.length_max));
        if end <= position || position < self.taken {
            return; // too late, or beyond the end
        }
        let (from, to) = ((position - self.taken) as usize, (end - self.taken) as usize);
        let is_next = to > self.block.len();
        if is_next {
            self.block.resize(to, 0);
        }
        let mut energy = 0_i64;
        for (kept, &sample) in self.block[from..to].iter_mut().zip(heard.samples) {
            *kept = sample;
            energy += i64::from(sample) * i64::from(sample);
        }
        let count = (to - from) as i64;
        let is_loud = energy >= LOUD_RMS * LOUD_RMS * count;
        self.loud = if is_loud { self.loud + count as u64 } else { 0 };
        if self.loud >= samples(SOUND_MIN) {
            self.heard = self.heard.max(end);
            self.heard_at = now;
        }
    }

    /// The samples no later packet can change, once there is a second of them.
    pub fn take_block(&mut self) -> Option<Vec<i16>> {
        (self.block.len() >= BLOCK_MAX).then(|| self.take(self.block.len() - LATE_MAX))
    }

    /// When it is over, as things stand, and why.
    #[must_use]
    pub fn end(&self) -> (Timestamp, RecordingEnd) {
        let full = self.began_at + self.spec.length_max;
        let silent = self.heard_at + self.spec.silence;
        if full <= silent {
            (full, RecordingEnd::LengthMax)
        } else {
            (silent, RecordingEnd::Silence)
        }
    }

    /// Ends it; what was not taken yet comes with it.
    #[must_use]
    pub fn finish(mut self, ended: RecordingEnd) -> (Finished, Vec<i16>) {
        let rest = self.take(self.block.len());
        let kept = (self.heard + samples(TAIL)).min(self.taken);
        let enough = self.heard > 0 && kept >= samples(self.spec.length_min);
        let samples = if enough { kept } else { 0 };
        (Finished { recording: self.spec.recording, samples, ended }, rest)
    }

    fn take(&mut self, count: usize) -> Vec<i16> {
        let rest = self.block.split_off(count);
        self.taken += count as u64;
        let mut taken = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_MAX));
        self.block.extend_from_slice(&rest);
        taken.shrink_to(count);
        taken
    }

    /// Where a packet belongs. A stream that begins, or whose time stamps jump away from the
    /// clock, goes on where the clock is.
    fn place(&mut self, now: Timestamp, ssrc: u32, timestamp: u32) -> u64 {
        let clock = samples(now.since(self.began_at));
        let placed = self.stream.filter(|stream| stream.ssrc == ssrc).and_then(|stream| {
            let ahead = i64::from(timestamp.wrapping_sub(stream.timestamp) as i32);
            stream.position.checked_add_signed(ahead)
        });
        let position = match placed.filter(|position| position.abs_diff(clock) <= DRIFT_MAX) {
            Some(position) => position,
            None => clock.max(self.taken + self.block.len() as u64),
        };
        // An anchor that moves along is never so far behind that the difference wraps.
        self.stream = Some(Stream { ssrc, timestamp, position });
        position
    }
}

/// Loudness (root mean square) of a packet with sound in it: −42 dB below the loudest there is.
/// Speech is 15 to 25 dB above, the hiss of a line 10 dB below.
const LOUD_RMS: i64 = 260;
/// Shorter noises are clicks.
const SOUND_MIN: Duration = Duration::from_millis(60);
/// The end of a word that is softer than sound.
const TAIL: Duration = Duration::from_millis(200);
/// One second.
const BLOCK_MAX: usize = samples(Duration::from_secs(1)) as usize;
/// A packet later than this, behind others, has no place any more.
const LATE_MAX: usize = samples(Duration::from_millis(200)) as usize;
/// How far time stamps may be from the clock.
const DRIFT_MAX: u64 = samples(Duration::from_secs(2));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CallId;
    use crate::media::g711::Law;

    const BEGAN: Timestamp = Timestamp(10_000);

    struct Line {
        recorder: Recorder,
        kept: Vec<i16>,
    }

    impl Line {
        fn new() -> Self {
            let spec = RecordingSpec {
                recording: RecordingId { call: CallId(1), n: 1 },
                length_max: Duration::from_secs(20),
                length_min: Duration::from_secs(1),
                silence: Duration::from_secs(3),
            };
            Self { recorder: Recorder::new(BEGAN, spec), kept: Vec::new() }
        }

        /// One packet of 20 ms that was sent `ms` after the beginning and arrives 30 ms later.
        fn say(&mut self, ms: u64, level: i16, law: Law) {
            let samples = [law.decode(law.encode(level)); 160];
            let timestamp = 0xFFFF_FF00_u32.wrapping_add(ms as u32 * 8);
            let now = BEGAN + Duration::from_millis(ms + 30);
            self.recorder.hear(now, Heard { ssrc: 7, timestamp, samples: &samples });
            self.kept.extend(self.recorder.take_block().into_iter().flatten());
        }

        fn finish(mut self, ended: RecordingEnd) -> (Finished, Vec<i16>) {
            let (finished, rest) = self.recorder.finish(ended);
            self.kept.extend(rest);
            self.kept.truncate(finished.samples as usize);
            (finished, self.kept)
        }
    }

    fn near(sample: i16, level: i16) -> bool {
        (i32::from(sample) - i32::from(level)).abs() < 300
    }

    #[test]
    fn lost_packets_are_silence_of_the_same_length_and_late_ones_find_their_place() {
        for law in [Law::Mu, Law::A] {
            let mut line = Line::new();
            for ms in (0..4_000).step_by(20) {
                match ms {
                    1_000..1_200 => {}
                    2_000 => line.say(2_020, 4_000, law),
                    2_020 => line.say(2_000, 5_000, law),
                    _ => line.say(ms, 4_000, law),
                }
            }
            let (finished, kept) = line.finish(RecordingEnd::HungUp);
            // The first packet marks the beginning of the sender's clock, 30 ms in.
            assert_eq!((finished.samples, kept.len()), (32_240, 32_240), "{law}");
            let at = |ms: usize| kept[(ms + 30) * 8 + 4];
            assert!(kept[..240].iter().all(|sample| *sample == 0), "before the first packet");
            assert!(near(at(500), 4_000) && near(at(2_000), 5_000) && near(at(2_020), 4_000));
            assert_eq!((at(1_000), at(1_199)), (0, 0));
            assert!(near(at(999), 4_000) && near(at(1_200), 4_000));
        }
    }

    #[test]
    fn it_ends_by_silence_and_the_silence_is_not_kept() {
        let mut line = Line::new();
        for ms in (0..2_000).step_by(20) {
            line.say(ms, 3_000, Law::Mu);
        }
        for ms in (2_000..4_000).step_by(20) {
            line.say(ms, 100, Law::Mu);
        }
        let last = BEGAN + Duration::from_millis(1_980 + 30);
        let end = (last + Duration::from_secs(3), RecordingEnd::Silence);
        assert_eq!(line.recorder.end(), end);
        let (finished, _) = line.finish(RecordingEnd::Silence);
        assert_eq!(finished.length_ms(), 2_000 + 30 + 200);
    }

    #[test]
    fn clicks_noise_and_too_few_words_are_nothing_said() {
        let mut line = Line::new();
        for ms in (0..5_000).step_by(20) {
            let click = if ms % 500 == 0 { 20_000 } else { 150 };
            line.say(ms, click, Law::A);
        }
        assert_eq!(line.finish(RecordingEnd::Silence).0.samples, 0);
        let mut line = Line::new();
        for ms in (0..700).step_by(20) {
            line.say(ms, 4_000, Law::A);
        }
        assert_eq!(line.finish(RecordingEnd::HungUp).0.samples, 0, "shorter than a second");
        assert_eq!(Line::new().finish(RecordingEnd::HungUp).0.samples, 0);
    }

    #[test]
    fn it_is_never_longer_than_it_may_be_whatever_is_sent() {
        let mut line = Line::new();
        for ms in (0..30_000).step_by(20) {
            line.say(ms, 4_000, Law::Mu);
        }
        let full = BEGAN + Duration::from_secs(20);
        assert_eq!(line.recorder.end(), (full, RecordingEnd::LengthMax));
        let (finished, kept) = line.finish(RecordingEnd::LengthMax);
        assert_eq!((finished.length_ms(), kept.len()), (20_000, 160_000));
        // Time stamps at random, from ever other senders, within one second.
        let mut line = Line::new();
        for n in 0..2_000_u32 {
            let now = BEGAN + Duration::from_millis(u64::from(n) / 2);
            let samples = [-32_124; 160];
            let timestamp = n.wrapping_mul(2_654_435_761);
            line.recorder.hear(now, Heard { ssrc: n % 3, timestamp, samples: &samples });
            line.kept.extend(line.recorder.take_block().into_iter().flatten());
        }
        assert!(line.finish(RecordingEnd::Stopped).0.length_ms() <= 20_000);
    }

    #[test]
    fn a_new_sender_goes_on_where_the_clock_is() {
        let mut line = Line::new();
        for ms in (0..1_000).step_by(20) {
            line.say(ms, 4_000, Law::Mu);
        }
        for n in 0..50_u32 {
            let now = BEGAN + Duration::from_millis(5_000 + u64::from(n) * 20);
            let samples = [6_000; 160];
            let timestamp = 77 + n * 160;
            line.recorder.hear(now, Heard { ssrc: 99, timestamp, samples: &samples });
            line.kept.extend(line.recorder.take_block().into_iter().flatten());
        }
        let (finished, kept) = line.finish(RecordingEnd::HungUp);
        assert_eq!(finished.length_ms(), 6_000);
        assert!(near(kept[8_000 - 8], 4_000) && kept[20_000] == 0 && near(kept[40_008], 6_000));
    }
}
