//! Tones for tests: each leg speaks its own, and what an ear hears is measured by frequency.
//!
//! **Deliberately absent:** keys. Those are in `goertzel`.

use std::f64::consts::TAU;
use std::ops::Range;

use crate::media::format::RATE_HZ;

/// Frequencies of which none is a multiple of another; each has whole periods in 100 ms.
pub(super) const TONES_HZ: [u32; 5] = [310, 470, 730, 1_130, 1_790];
/// The amplitude each is spoken with.
pub(super) const LEVEL: f64 = 6_000.0;

/// These samples of a sine that began with the first.
pub(super) fn sine(hz: u32, level: f64, samples: Range<usize>) -> Vec<i16> {
    let angle = TAU * f64::from(hz) / f64::from(RATE_HZ);
    samples.map(|at| (level * (angle * at as f64).sin()) as i16).collect()
}

/// How loud a frequency is in this sound: the amplitude of a sine.
pub(super) fn amplitude(samples: &[i16], hz: u32) -> f64 {
    let coefficient = 2.0 * (TAU * f64::from(hz) / f64::from(RATE_HZ)).cos();
    let (last, before) = samples.iter().fold((0.0, 0.0), |(last, before), &sample| {
        (coefficient * last - before + f64::from(sample), last)
    });
    let power = last * last + before * before - coefficient * last * before;
    power.max(0.0).sqrt() * 2.0 / samples.len() as f64
}

/// Which of the tones are in this sound, by their place in the list.
pub(super) fn tones(samples: &[i16]) -> Vec<usize> {
    let is_there = |hz| amplitude(samples, hz) > LEVEL / 4.0;
    (0..TONES_HZ.len()).filter(|n| is_there(TONES_HZ[*n])).collect()
}
