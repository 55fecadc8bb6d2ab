//! Sound ready to be sent: encoded once, shared by every call that plays it.
//!
//! **Invariant:** playing a frame copies bytes; nothing is computed and nothing is allocated.
//!
//! **Deliberately absent:** where sounds come from: [`crate::media::wav`], [`crate::media::tts`],
//! [`crate::media::music`].

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::media::format::{duration, samples};
use crate::media::g711::Law;

/// A prompt, a piece of music or a pause: 8 kHz, mono, G.711.
pub struct Sound {
    ulaw: Box<[u8]>,
    /// Made from the µ-law bytes for the first leg that wants it.
    alaw: OnceLock<Box<[u8]>>,
}

impl Sound {
    #[must_use]
    pub fn from_ulaw(bytes: Vec<u8>) -> Self {
        Self { ulaw: bytes.into_boxed_slice(), alaw: OnceLock::new() }
    }

    /// From linear samples at 8 kHz.
    #[must_use]
    pub fn from_samples(samples: &[i16]) -> Self {
        Self::from_ulaw(samples.iter().map(|&sample| Law::Mu.encode(sample)).collect())
    }

    #[must_use]
    pub fn silence(ms: u32) -> Self {
        let len = samples(Duration::from_millis(u64::from(ms.min(SILENCE_MS_MAX))));
        Self::from_ulaw(vec![Law::Mu.silence(); len as usize])
    }

    #[must_use]
    pub fn bytes(&self, law: Law) -> &[u8] {
        match Law::Mu.table_to(law) {
            None => &self.ulaw,
            Some(table) => self
                .alaw
                .get_or_init(|| self.ulaw.iter().map(|&code| table[usize::from(code)]).collect()),
        }
    }

    /// Samples, at 8 kHz.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ulaw.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ulaw.is_empty()
    }

    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        duration(self.len() as u64).as_millis() as u64
    }
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sound({} ms)", self.duration_ms())
    }
}

/// A pause longer than this is cut: 10 min.
const SILENCE_MS_MAX: u32 = 600_000;

/// A place in a list of sounds that play one after another, without a seam.
#[derive(Clone, Debug)]
pub struct Sequence {
    sounds: Vec<Arc<Sound>>,
    repeat: bool,
    index: usize,
    /// Into `sounds[index]`, in samples.
    offset: usize,
}

impl Sequence {
    /// With `repeat` it never ends, unless there is nothing to hear in it.
    #[must_use]
    pub fn new(sounds: Vec<Arc<Sound>>, repeat: bool) -> Self {
        let audible = sounds.iter().any(|sound| !sound.is_empty());
        Self { sounds, repeat: repeat && audible, index: 0, offset: 0 }
    }

    #[must_use]
    pub fn repeats(&self) -> bool {
        self.repeat
    }

    /// Fills `frame` and moves on; the last frame is filled up with silence. `false`, and nothing
    /// written, once everything was played.
    pub fn next_frame(&mut self, law: Law, frame: &mut [u8]) -> bool {
        let mut filled = 0;
        self.take(frame.len(), |sound, from, to| {
            frame[filled..filled + to - from].copy_from_slice(&sound.bytes(law)[from..to]);
            filled += to - from;
        });
        frame[filled..].fill(law.silence());
        filled > 0
    }

    /// As [`Self::next_frame`], in linear samples: for whoever hears something else than G.711.
    pub fn next_samples(&mut self, frame: &mut [i16]) -> bool {
        let mut filled = 0;
        self.take(frame.len(), |sound, from, to| {
            let coded = &sound.ulaw[from..to];
            for (sample, &code) in frame[filled..].iter_mut().zip(coded) {
                *sample = Law::Mu.decode(code);
            }
            filled += coded.len();
        });
        frame[filled..].fill(0);
        filled > 0
    }

    /// Moves on by `len` samples, or what there is, and says which parts of which sounds they are.
    fn take(&mut self, len: usize, mut part: impl FnMut(&Sound, usize, usize)) {
        let mut left = len;
        // Bounded: each turn takes samples or leaves a sound behind, and a list that repeats has
        // a sound with samples in it.
        while left > 0 {
            let Some(sound) = self.sounds.get(self.index) else {
                if self.repeat {
                    self.index = 0;
                    continue;
                }
                return;
            };
            let end = sound.len().min(self.offset + left);
            part(sound, self.offset, end);
            left -= end - self.offset;
            self.offset = end;
            if end == sound.len() {
                self.index += 1;
                self.offset = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(bytes: &[u8]) -> Arc<Sound> {
        Arc::new(Sound::from_ulaw(bytes.to_vec()))
    }

    #[test]
    fn sounds_join_without_a_seam_and_end_in_silence() {
        let mut sequence =
            Sequence::new(vec![sound(&[1, 2, 3]), sound(&[]), sound(&[4, 5])], false);
        let mut frame = [0; 4];
        assert!(sequence.next_frame(Law::Mu, &mut frame));
        assert_eq!(frame, [1, 2, 3, 4]);
        assert!(sequence.next_frame(Law::Mu, &mut frame));
        assert_eq!(frame, [5, 0xFF, 0xFF, 0xFF]);
        assert!(!sequence.next_frame(Law::Mu, &mut frame));
    }

    #[test]
    fn a_repeated_list_starts_over_inside_a_frame() {
        let mut sequence = Sequence::new(vec![sound(&[1, 2, 3])], true);
        let mut frame = [0; 8];
        assert!(sequence.next_frame(Law::Mu, &mut frame));
        assert_eq!(frame, [1, 2, 3, 1, 2, 3, 1, 2]);
    }

    #[test]
    fn a_list_without_sound_ends_even_when_repeated() {
        for sounds in [vec![], vec![sound(&[])]] {
            assert!(!Sequence::new(sounds, true).next_frame(Law::Mu, &mut [0; 160]));
        }
    }

    #[test]
    fn alaw_is_the_same_sound() {
        let sound = Sound::from_samples(&[0, 1_000, -1_000, 20_000]);
        for (&u, &a) in sound.bytes(Law::Mu).iter().zip(sound.bytes(Law::A)) {
            let (u, a) = (Law::Mu.decode(u), Law::A.decode(a));
            assert!((i32::from(u) - i32::from(a)).abs() <= i32::from(u.abs()) / 16 + 16);
        }
        assert_eq!(Sound::silence(20).len(), 160);
    }
}
