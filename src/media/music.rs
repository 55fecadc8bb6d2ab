//! Sounds made here, so that a fresh installation needs no file: hold music, ringback, waiting.
//!
//! **Invariant:** each of them can be repeated without a click: it begins and ends in silence.
//!
//! **Deliberately absent:** recordings, and with them anybody's rights.

use std::f32::consts::TAU;

use crate::media::format::RATE_HZ;
use crate::media::g711::Law;
use crate::media::prompt::Sound;

/// Hold music of 24 s: a slow round of four chords, broken upwards, over a soft bass.
#[must_use]
pub fn hold_music() -> Sound {
    let mut score = Vec::new();
    for (bar, chord) in CHORDS.iter().enumerate() {
        let start = bar as f32 * BAR_S;
        score.push(Note { start, hz: chord[0] / 2.0, level: 0.32, fade_s: 2.6 });
        for (beat, step) in PATTERNS[bar % PATTERNS.len()].iter().enumerate() {
            let start = start + beat as f32 * BAR_S / 8.0;
            score.push(Note { start, hz: chord[*step], level: 0.20, fade_s: 1.1 });
        }
    }
    render(&score, CHORDS.len() as f32 * BAR_S, ROUNDS)
}

/// Heard while a prompt is still being made: two quiet notes every two seconds.
#[must_use]
pub fn waiting() -> Sound {
    let score = [
        Note { start: 0.0, hz: 523.25, level: 0.12, fade_s: 0.3 },
        Note { start: 0.18, hz: 659.26, level: 0.12, fade_s: 0.4 },
    ];
    render(&score, 2.0, 1)
}

/// Ringback as North America hears it: 440 and 480 Hz, two seconds on, four off.
#[must_use]
pub fn ring() -> Sound {
    let samples = (0..6 * RATE_HZ).map(|n| {
        let at = n as f32 / RATE_HZ as f32;
        let heard = at < 2.0;
        let wave = (TAU * 440.0 * at).sin() + (TAU * 480.0 * at).sin();
        if heard { (wave * 0.1 * 32_767.0) as i16 } else { 0 }
    });
    Sound::from_samples(&samples.collect::<Vec<_>>())
}

/// The tone after which a caller is recorded: 1000 Hz for 0.4 s.
#[must_use]
pub fn beep() -> Sound {
    Sound::from_samples(&tone(400))
}

/// What an agent hears whose key pauses the recording of a call.
#[must_use]
pub fn recording_paused() -> Sound {
    Sound::from_samples(&tone(SIGNAL_MS))
}

/// What an agent hears whose key begins the recording of a call, or goes on with it.
#[must_use]
pub fn recording_on() -> Sound {
    let pause = vec![0; (SIGNAL_MS * RATE_HZ / 1_000) as usize];
    Sound::from_samples(&[tone(SIGNAL_MS), pause, tone(SIGNAL_MS)].concat())
}

fn tone(ms: u32) -> Vec<i16> {
    let len = ms * RATE_HZ / 1_000;
    let samples = (0..len).map(|n| {
        let at = n as f32 / RATE_HZ as f32;
        let edge = (n.min(len - 1 - n) as f32 / ATTACK_SAMPLES).min(1.0);
        ((TAU * 1_000.0 * at).sin() * edge * 0.2 * 32_767.0) as i16
    });
    samples.collect()
}

struct Note {
    start: f32,
    hz: f32,
    /// Of full scale.
    level: f32,
    /// Time until it has faded to a tenth.
    fade_s: f32,
}

/// Plays the score every `seconds`, `times` times; what still sounds goes on over the next round.
fn render(score: &[Note], seconds: f32, rounds: usize) -> Sound {
    let len = (seconds * RATE_HZ as f32) as usize;
    let mut round = vec![0.0_f32; len * rounds.min(2)];
    for note in score {
        note.add_to(&mut round);
    }
    let mut mix = vec![0.0_f32; len * rounds];
    for n in 0..rounds {
        for (sum, value) in mix[n * len..].iter_mut().zip(&round) {
            *sum += value;
        }
    }
    // The end fades, so that the beginning can follow it.
    let len = mix.len();
    let fade_len = (len / 8).min(RATE_HZ as usize / 2);
    for (i, value) in mix[len - fade_len..].iter_mut().enumerate() {
        *value *= 1.0 - i as f32 / fade_len as f32;
    }
    Sound::from_ulaw(mix.iter().map(|value| Law::Mu.encode((value * 32_767.0) as i16)).collect())
}

impl Note {
    /// A fundamental and two soft partials.
    fn add_to(&self, mix: &mut [f32]) {
        let start = (self.start * RATE_HZ as f32) as usize;
        let len = (3.0 * self.fade_s * RATE_HZ as f32) as usize;
        let Some(rest) = mix.get_mut(start..) else { return };
        let len = len.min(rest.len());
        let (groups, _) = rest[..len].as_chunks_mut::<LANES>();
        for (partial, share) in [(1.0, 0.75), (2.0, 0.2), (3.0, 0.05)] {
            let angle = TAU * self.hz * partial / RATE_HZ as f32;
            if angle <= TAU * HZ_MAX / RATE_HZ as f32 {
                self.add_partial(angle, self.level * share, groups);
            }
        }
    }

    /// By turning pointers, one for each place in a group: no sine a sample, and each of them goes
    /// on without waiting for another, so that the compiler can turn them together.
    fn add_partial(&self, angle: f32, level: f32, groups: &mut [[f32; LANES]]) {
        let decay = 0.1_f32.powf(1.0 / (self.fade_s * RATE_HZ as f32));
        let (mut x, mut y) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        for lane in 0..LANES {
            let level = level * decay.powi(lane as i32);
            x[lane] = level * (angle * lane as f32).cos();
            y[lane] = level * (angle * lane as f32).sin();
        }
        let decay = decay.powi(LANES as i32);
        let (cos, sin) =
            ((angle * LANES as f32).cos() * decay, (angle * LANES as f32).sin() * decay);
        for (n, group) in groups.iter_mut().enumerate() {
            for lane in 0..LANES {
                let attack = ((n * LANES + lane) as f32 / ATTACK_SAMPLES).min(1.0);
                group[lane] += y[lane] * attack;
                let turned = x[lane] * cos - y[lane] * sin;
                y[lane] = x[lane] * sin + y[lane] * cos;
                x[lane] = turned;
            }
        }
    }
}

/// C, A minor, F, G: root, third, fifth, octave, tenth.
const CHORDS: [[f32; 5]; 4] = [
    [261.63, 329.63, 392.00, 523.25, 659.26],
    [220.00, 261.63, 329.63, 440.00, 523.25],
    [174.61, 220.00, 261.63, 349.23, 440.00],
    [196.00, 246.94, 293.66, 392.00, 493.88],
];
const PATTERNS: [[usize; 8]; 2] = [[0, 2, 3, 4, 3, 2, 1, 2], [0, 1, 2, 3, 4, 3, 2, 1]];
const ROUNDS: usize = 2;
const BAR_S: f32 = 3.0;
/// Samples computed side by side.
const LANES: usize = 8;
/// 12 ms: softer than a click, quicker than an organ.
const ATTACK_SAMPLES: f32 = 96.0;
/// Short, because an agent does not hear the caller meanwhile.
const SIGNAL_MS: u32 = 80;
/// What a telephone carries.
const HZ_MAX: f32 = 3_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn music_is_audible_not_loud_and_loops_without_a_click() {
        for (sound, seconds, loudest) in [(hold_music(), 24, 24_000), (waiting(), 2, 8_000)] {
            assert_eq!(sound.duration_ms(), seconds * 1_000);
            let samples: Vec<i32> =
                sound.bytes(Law::Mu).iter().map(|&code| i32::from(Law::Mu.decode(code))).collect();
            let peak = samples.iter().map(|s| s.abs()).max().unwrap();
            assert!((1_000..loudest).contains(&peak), "{peak}");
            assert!(samples[0].abs() < 50 && samples[samples.len() - 1].abs() < 50);
        }
    }

    #[test]
    fn hold_music_is_never_silent_for_long() {
        let music = hold_music();
        for second in music.bytes(Law::Mu).chunks(8_000) {
            assert!(second.iter().any(|&code| Law::Mu.decode(code).abs() > 500));
        }
    }
}
