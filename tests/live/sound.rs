//! G.711 and tones, written a second time on purpose: the server's own tables are what is tested.

use std::f64::consts::TAU;

pub(crate) const RATE_HZ: f64 = 8000.0;
/// Samples (and G.711 bytes) in one packet of 20 ms.
pub(crate) const FRAME: usize = 160;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Ulaw,
    Alaw,
}

impl Codec {
    pub(crate) const fn payload_type(self) -> u8 {
        match self {
            Self::Ulaw => 0,
            Self::Alaw => 8,
        }
    }

    pub(crate) fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Ulaw => ulaw_encode(sample),
            Self::Alaw => alaw_encode(sample),
        }
    }

    pub(crate) fn decode(self, code: u8) -> i16 {
        match self {
            Self::Ulaw => ulaw_decode(code),
            Self::Alaw => alaw_decode(code),
        }
    }
}

/// ITU-T G.711: sign, three bits of segment, four bits of mantissa, all inverted.
fn ulaw_encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = (i32::from(sample).abs().min(32_635) + 132) as u32;
    let segment = (24 - magnitude.leading_zeros()) as u8;
    !(sign | segment << 4 | (magnitude >> (segment + 3) & 0x0f) as u8)
}

fn ulaw_decode(code: u8) -> i16 {
    let code = !code;
    let magnitude = ((i32::from(code & 0x0f) << 3) + 132) << (code >> 4 & 7);
    let sample = magnitude - 132;
    (if code & 0x80 == 0 { sample } else { -sample }) as i16
}

/// ITU-T G.711: even bits inverted, positive numbers carry the sign bit.
fn alaw_encode(sample: i16) -> u8 {
    let sign = if sample >= 0 { 0x80 } else { 0 };
    let value = i32::from(sample);
    let magnitude = (if value >= 0 { value } else { -value - 1 } >> 3) as u32;
    let segment = 27_u32.saturating_sub(magnitude.leading_zeros()).min(7);
    let code = match segment {
        0 => magnitude >> 1,
        _ => segment << 4 | (magnitude >> segment & 0x0f),
    };
    (sign | code as u8) ^ 0x55
}

fn alaw_decode(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (segment, mantissa) = (code >> 4 & 7, i32::from(code & 0x0f));
    let magnitude = match segment {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 264) << (segment - 1),
    };
    (if code & 0x80 == 0 { -magnitude } else { magnitude }) as i16
}

/// `samples` of a tone that begins at sample `from`, so that frames join without a seam.
pub(crate) fn tone(hz: f64, from: usize, samples: usize) -> Vec<i16> {
    (from..from + samples)
        .map(|n| (8000.0 * (TAU * hz * n as f64 / RATE_HZ).sin()) as i16)
        .collect()
}

/// Root mean square of the samples.
pub(crate) fn level(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|&s| f64::from(s).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}

/// How much of the sound's energy is at this frequency, 0 to 1 (Goertzel).
pub(crate) fn purity(samples: &[i16], hz: f64) -> f64 {
    let energy: f64 = samples.iter().map(|&s| f64::from(s).powi(2)).sum();
    if energy < 1.0 {
        return 0.0;
    }
    let coefficient = 2.0 * (TAU * hz / RATE_HZ).cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for &sample in samples {
        let s = f64::from(sample) + coefficient * s1 - s2;
        (s2, s1) = (s1, s);
    }
    let power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    2.0 * power / (energy * samples.len() as f64)
}

/// `samples` of the two tones of a telephone's key, by the code of its event (ITU-T Q.23).
pub(crate) fn key_tone(code: u8, from: usize, samples: usize) -> Vec<i16> {
    let key = b"0123456789*#ABCD"[usize::from(code)];
    let at = KEYPAD.iter().position(|known| *known == key).expect("each key is on the keypad");
    let [row, column] = [ROWS_HZ[at / 4], COLUMNS_HZ[at % 4]].map(|hz| tone(hz, from, samples));
    row.into_iter().zip(column).map(|(row, column)| row + column).collect()
}

/// Whether the two tones of a key are somewhere in this sound, judged by 20 ms, for half of that at
/// least. No other two tones near those may be in it.
pub(crate) fn has_key_tone(sound: &[i16]) -> bool {
    let strongest = |sound: &[i16], group: &[f64]| {
        group.iter().map(|hz| purity(sound, *hz)).fold(0.0, f64::max)
    };
    let has_key = |sound: &[i16]| {
        level(sound) > 60.0 && strongest(sound, ROWS_HZ).min(strongest(sound, COLUMNS_HZ)) > 0.1
    };
    sound.windows(FRAME).step_by(FRAME / 2).any(has_key)
}

const ROWS_HZ: &[f64] = &[697.0, 770.0, 852.0, 941.0];
const COLUMNS_HZ: &[f64] = &[1209.0, 1336.0, 1477.0, 1633.0];
const KEYPAD: &[u8] = b"123A456B789C*0#D";

#[test]
fn a_key_is_found_wherever_it_is_and_no_single_tone_is_one() {
    for code in 0..16 {
        let mut sound = tone(1500.0, 0, 7 * FRAME);
        assert!(!has_key_tone(&sound), "{code}");
        sound.extend(vec![0; 23]);
        assert!(!has_key_tone(&sound), "{code}");
        sound.extend(key_tone(code, 0, 80));
        sound.extend(tone(1500.0, 0, FRAME));
        assert!(has_key_tone(&sound), "{code}");
    }
}

#[test]
fn a_tone_survives_both_laws() {
    for codec in [Codec::Ulaw, Codec::Alaw] {
        let sent = tone(1000.0, 0, 1600);
        let heard: Vec<i16> = sent.iter().map(|&s| codec.decode(codec.encode(s))).collect();
        assert!(purity(&heard, 1000.0) > 0.99, "{codec:?}");
        assert!(purity(&heard, 1400.0) < 0.01, "{codec:?}");
        assert!((level(&heard) / level(&sent) - 1.0).abs() < 0.02, "{codec:?}");
    }
    assert_eq!(Codec::Ulaw.encode(0), 0xff);
    assert_eq!(Codec::Alaw.encode(0), 0xd5);
}
