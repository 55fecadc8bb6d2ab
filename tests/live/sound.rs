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
