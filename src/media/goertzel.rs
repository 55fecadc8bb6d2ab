//! Keys heard as tones in the speech itself, for legs without telephone-event (ITU-T Q.23, Q.24).
//!
//! Eight Goertzel filters over blocks of 102 samples (12.75 ms): a tone of 40 ms covers two whole
//! blocks, and two in a row make a digit.
//!
//! **Invariant:** one key press is one digit; speech and music are none, because both tones must
//! stand alone in the block and be about equally loud.
//!
//! **Deliberately absent:** filling lost packets in. A gap in a tone can double no digit (three
//! blocks without it are needed to end one), only miss it.

use crate::words::Digit;

#[derive(Clone, Debug, Default)]
pub struct Detector {
    /// The last value of each filter, and the one before; apart, so that one instruction serves
    /// four filters.
    last: [f32; 8],
    before: [f32; 8],
    energy: f32,
    samples: usize,
    /// The key of the last block, whatever it was.
    candidate: Option<Digit>,
    /// The key that is down.
    down: Option<Digit>,
    misses: u8,
}

impl Detector {
    /// Listens to one packet. A digit is reported when it has sounded for two blocks.
    pub fn hear(&mut self, samples: &[i16]) -> Option<Digit> {
        let mut digit = None;
        for &sample in samples {
            self.take(f32::from(sample));
            if self.samples == BLOCK {
                let key = self.end_block();
                digit = self.press(key).or(digit);
            }
        }
        digit
    }

    /// Whether a key is down now.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Another sender: nothing heard so far belongs to it.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn take(&mut self, sample: f32) {
        self.energy += sample * sample;
        for (i, coefficient) in COEFFICIENTS.iter().enumerate() {
            let next = coefficient * self.last[i] - self.before[i] + sample;
            self.before[i] = self.last[i];
            self.last[i] = next;
        }
        self.samples += 1;
    }

    /// The key that this block holds, if it holds one.
    fn end_block(&mut self) -> Option<Digit> {
        let power: [f32; 8] = std::array::from_fn(|i| {
            let (last, before) = (self.last[i], self.before[i]);
            last * last + before * before - COEFFICIENTS[i] * last * before
        });
        let energy = self.energy;
        (self.last, self.before) = ([0.0; 8], [0.0; 8]);
        self.energy = 0.0;
        self.samples = 0;

        let (rows, columns) = power.split_at(4);
        let (row, row_power) = strongest(rows);
        let (column, column_power) = strongest(columns);
        let loud = row_power.min(column_power) >= POWER_MIN;
        let twist = row_power <= column_power * TWIST_REVERSE_MAX
            && column_power <= row_power * TWIST_NORMAL_MAX;
        let alone = stands_out(rows, row) && stands_out(columns, column);
        let pure = row_power + column_power >= PURITY_MIN * energy * BLOCK as f32 / 2.0;
        if !(loud && twist && alone && pure) {
            return None;
        }
        Digit::new(char::from(KEYS[row][column]))
    }

    fn press(&mut self, key: Option<Digit>) -> Option<Digit> {
        let steady = key.is_some() && key == self.candidate;
        self.candidate = key;
        if key.is_some() && key == self.down {
            self.misses = 0;
            return None;
        }
        if steady {
            self.down = key;
            self.misses = 0;
            return key;
        }
        self.misses = self.misses.saturating_add(1);
        if self.misses >= MISSES_TO_END {
            self.down = None;
        }
        None
    }
}

fn strongest(power: &[f32]) -> (usize, f32) {
    power.iter().copied().enumerate().fold(
        (0, 0.0),
        |best, (i, p)| {
            if p > best.1 { (i, p) } else { best }
        },
    )
}

fn stands_out(power: &[f32], best: usize) -> bool {
    power.iter().enumerate().all(|(i, p)| i == best || p * RELATIVE_PEAK_MIN < power[best])
}

/// Samples in a block.
const BLOCK: usize = 102;
/// 2·cos(2π·f/8000) of 697, 770, 852, 941, 1209, 1336, 1477 and 1633 Hz: rows, then columns.
const COEFFICIENTS: [f32; 8] =
    [1.707_738, 1.645_281, 1.568_687, 1.478_205, 1.164_104, 0.996_370, 0.798_618, 0.568_533];
const KEYS: [[u8; 4]; 4] = [*b"123A", *b"456B", *b"789C", *b"*0#D"];
/// Of one tone: amplitude 270 of 32,768 and more, about −36 dBm0.
const POWER_MIN: f32 = (270.0 * BLOCK as f32 / 2.0) * (270.0 * BLOCK as f32 / 2.0);
/// The column's tone may be 8 dB louder than the row's …
const TWIST_NORMAL_MAX: f32 = 6.3;
/// … and 4 dB weaker.
const TWIST_REVERSE_MAX: f32 = 2.51;
/// Each tone must be 8 dB above the others of its group.
const RELATIVE_PEAK_MIN: f32 = 6.3;
/// The share of the block's energy in the two tones: speech has more than two partials.
const PURITY_MIN: f32 = 0.6;
/// Blocks without the key after which it is up: 38 ms, so that a click does not make two digits.
const MISSES_TO_END: u8 = 3;

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;
    use crate::media::g711::Law;

    const LEVEL: f32 = 6_000.0;

    /// `ms` of a mix of tones (frequency, amplitude), in 20 ms packets.
    fn packets(ms: usize, tones: &[(f32, f32)]) -> Vec<Vec<u8>> {
        let samples: Vec<u8> = (0..ms * 8)
            .map(|n| {
                let value: f32 = tones
                    .iter()
                    .map(|(hz, level)| level * (TAU * hz * n as f32 / 8_000.0).sin())
                    .sum();
                Law::Mu.encode(value as i16)
            })
            .collect();
        samples.chunks(160).map(<[u8]>::to_vec).collect()
    }

    fn hear(detector: &mut Detector, packets: &[Vec<u8>]) -> String {
        packets
            .iter()
            .filter_map(|packet| {
                let samples: Vec<i16> = packet.iter().map(|&code| Law::Mu.decode(code)).collect();
                detector.hear(&samples)
            })
            .map(Digit::as_char)
            .collect()
    }

    #[test]
    fn every_key_of_forty_milliseconds_is_heard_once() {
        let rows = [697.0, 770.0, 852.0, 941.0];
        let columns = [1209.0, 1336.0, 1477.0, 1633.0];
        let mut detector = Detector::default();
        let mut heard = String::new();
        for row in rows {
            for column in columns {
                // A different start each time, so that blocks fall differently.
                heard += &hear(&mut detector, &packets(40 + heard.len(), &[]));
                heard += &hear(&mut detector, &packets(40, &[(row, LEVEL), (column, LEVEL)]));
            }
        }
        heard += &hear(&mut detector, &packets(60, &[]));
        assert_eq!(heard, "123A456B789C*0#D");
    }

    #[test]
    fn a_held_key_is_one_digit_and_the_same_key_again_another() {
        let five = [(770.0, LEVEL), (1336.0, LEVEL)];
        let mut detector = Detector::default();
        assert_eq!(hear(&mut detector, &packets(2_000, &five)), "5");
        assert_eq!(hear(&mut detector, &packets(10, &[])), "");
        assert_eq!(hear(&mut detector, &packets(100, &five)), "", "a click is no second press");
        assert_eq!(hear(&mut detector, &packets(60, &[])), "");
        assert_eq!(hear(&mut detector, &packets(60, &five)), "5");
    }

    #[test]
    fn detuned_and_twisted_keys_are_heard_within_q24_only() {
        for detune in [0.985, 1.015] {
            let key = [(697.0 * detune, LEVEL), (1633.0 * detune, LEVEL)];
            assert_eq!(hear(&mut Detector::default(), &packets(60, &key)), "A", "{detune}");
        }
        let twisted = |row, column| {
            hear(&mut Detector::default(), &packets(60, &[(852.0, row), (1477.0, column)]))
        };
        assert_eq!(twisted(LEVEL / 2.0, LEVEL), "9");
        assert_eq!(twisted(LEVEL, LEVEL / 1.4), "9");
        assert_eq!(twisted(LEVEL / 4.0, LEVEL), "");
        assert_eq!(twisted(LEVEL, LEVEL / 2.5), "");
    }

    #[test]
    fn single_tones_dial_tones_speech_like_mixes_and_noise_are_no_keys() {
        let mut detector = Detector::default();
        for hz in (200..3_400).step_by(37) {
            let tone = packets(100, &[(hz as f32, LEVEL)]);
            assert_eq!(hear(&mut detector, &tone), "", "{hz} Hz");
        }
        assert_eq!(hear(&mut detector, &packets(500, &[(350.0, LEVEL), (440.0, LEVEL)])), "");
        for pitch in 90..260 {
            let pitch = pitch as f32;
            let voice: Vec<(f32, f32)> =
                (1..16).map(|n| (pitch * n as f32, LEVEL / n as f32)).collect();
            assert_eq!(hear(&mut detector, &packets(200, &voice)), "", "a voice at {pitch} Hz");
        }
        let mut chance = 1_u32;
        let noise: Vec<u8> = (0..160 * 500)
            .map(|_| {
                chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                Law::Mu.encode((chance >> 16) as i16 / 4)
            })
            .collect();
        let noise: Vec<Vec<u8>> = noise.chunks(160).map(<[u8]>::to_vec).collect();
        assert_eq!(hear(&mut detector, &noise), "");
    }
}
