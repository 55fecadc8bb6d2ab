//! G.711: µ-law and A-law, to and from linear, and from one to the other. A byte is a sample.
//!
//! **Invariant:** encoding a decoded code word gives that code word back, except µ-law's negative
//! zero; every table is computed at compile time, so there is nothing to initialize.
//!
//! **Deliberately absent:** other codecs, each of which is a file of its own ([`Coding`]).

use std::fmt;

use crate::media::format::{Clock, Coding, Decode, Encode};
use crate::words::Codec;

/// The two companding laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    Mu,
    A,
}

impl Law {
    #[must_use]
    pub const fn codec(self) -> Codec {
        match self {
            Law::Mu => Codec::Pcmu,
            Law::A => Codec::Pcma,
        }
    }

    /// The code word for no sound.
    #[must_use]
    pub const fn silence(self) -> u8 {
        match self {
            Law::Mu => 0xFF,
            Law::A => 0xD5,
        }
    }

    #[must_use]
    #[inline]
    pub const fn decode(self, code: u8) -> i16 {
        self.linear()[code as usize]
    }

    #[must_use]
    #[inline]
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Law::Mu => linear_to_ulaw(sample),
            Law::A => linear_to_alaw(sample),
        }
    }

    /// The table that turns this law's code words into the other's; `None` where nothing changes.
    #[must_use]
    pub const fn table_to(self, other: Law) -> Option<&'static [u8; 256]> {
        match (self, other) {
            (Law::Mu, Law::A) => Some(&ULAW_TO_ALAW),
            (Law::A, Law::Mu) => Some(&ALAW_TO_ULAW),
            (Law::Mu, Law::Mu) | (Law::A, Law::A) => None,
        }
    }

    const fn linear(self) -> &'static [i16; 256] {
        match self {
            Law::Mu => &ULAW_TO_LINEAR,
            Law::A => &ALAW_TO_LINEAR,
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.codec().fmt(f)
    }
}

impl Coding for Law {
    fn clock(&self) -> Clock {
        Clock::LINEAR
    }

    fn units(&self, payload: &[u8]) -> u32 {
        payload.len() as u32
    }

    fn law(&self) -> Option<Law> {
        Some(*self)
    }

    fn decoder(&self) -> Box<dyn Decode> {
        Box::new(*self)
    }

    fn encoder(&self) -> Box<dyn Encode> {
        Box::new(*self)
    }
}

impl Decode for Law {
    fn decode(&mut self, payload: &[u8], pcm: &mut Vec<i16>) {
        let linear = self.linear();
        pcm.extend(payload.iter().map(|&code| linear[usize::from(code)]));
    }
}

impl Encode for Law {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        let coded = payload.iter_mut().zip(pcm);
        let len = coded.len();
        match self {
            Law::Mu => coded.for_each(|(code, &sample)| *code = linear_to_ulaw(sample)),
            Law::A => coded.for_each(|(code, &sample)| *code = linear_to_alaw(sample)),
        }
        len
    }
}

/// The code word of a sample. Negative samples are complemented, not negated, as the ITU's
/// software tool library does it: −1 and 0 differ in sign only.
///
/// Segment and step of a magnitude are exponent and first bits of the fraction of the same number
/// as a float. Without a branch many samples are encoded at once: a start waits for minutes of
/// sound.
#[inline]
const fn linear_to_ulaw(sample: i16) -> u8 {
    let sign = sample >> 15; // of its bits, all or none
    let magnitude = ((sample ^ sign) >> 2) as i32 + ULAW_BIAS as i32;
    let magnitude = if magnitude > 0x1FFF { 0x1FFF } else { magnitude };
    let segment_and_step = ((magnitude as f32).to_bits() >> (23 - 4)) - (ULAW_EXPONENT << 4);
    let code = 0x7F - segment_and_step;
    code as u8 | (!sign as u8 & 0x80)
}

/// As [`linear_to_ulaw`]; A-law has no bias, and its first two segments are one line.
#[inline]
const fn linear_to_alaw(sample: i16) -> u8 {
    let sign = sample >> 15; // of its bits, all or none
    let magnitude = ((sample ^ sign) >> 4) as u32;
    let segment_and_step = ((magnitude as i32 as f32).to_bits() >> (23 - 4)) as i32;
    let segment_and_step = segment_and_step - ((ALAW_EXPONENT as i32) << 4);
    let code = if magnitude < 16 { magnitude as i32 } else { segment_and_step };
    (code as u8 | (!sign as u8 & 0x80)) ^ ALAW_EVEN_BITS
}

const fn ulaw_to_linear(code: u8) -> i16 {
    let code = !code;
    let segment = (code >> 4 & 7) as i16;
    let magnitude = ((((code & 0xF) as i16) << 1 | 33) << segment) - ULAW_BIAS as i16;
    if code & 0x80 == 0 { magnitude << 2 } else { -(magnitude << 2) }
}

const fn alaw_to_linear(code: u8) -> i16 {
    let code = code ^ ALAW_EVEN_BITS;
    let segment = (code >> 4 & 7) as i16;
    let step = ((code & 0xF) as i16) << 1 | 1;
    let magnitude = if segment == 0 { step << 3 } else { (step + 32) << (segment + 2) };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// G.711's µ-law adds this (in 14-bit units) so that every segment doubles the one before.
const ULAW_BIAS: u16 = 33;
/// The exponent of the first segment, as a float has it: the bias is 2⁵ and a bit.
const ULAW_EXPONENT: u32 = 127 + 5;
/// The exponent, as a float has it, of the segment before the first that is not the beginning.
const ALAW_EXPONENT: u32 = 127 + 3;
/// A-law inverts every other bit on the wire.
const ALAW_EVEN_BITS: u8 = 0x55;

static ULAW_TO_LINEAR: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = ulaw_to_linear(code as u8);
        code += 1;
    }
    table
};

static ALAW_TO_LINEAR: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = alaw_to_linear(code as u8);
        code += 1;
    }
    table
};

static ULAW_TO_ALAW: [u8; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = linear_to_alaw(ULAW_TO_LINEAR[code]);
        code += 1;
    }
    table
};

static ALAW_TO_ULAW: [u8; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = linear_to_ulaw(ALAW_TO_LINEAR[code]);
        code += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::torture;

    #[test]
    fn code_words_survive_a_round_trip() {
        for code in 0..=255_u8 {
            assert_eq!(Law::A.encode(Law::A.decode(code)), code);
            let again = Law::Mu.encode(Law::Mu.decode(code));
            assert!(again == code || (code == 0x7F && again == 0xFF), "{code:#x} -> {again:#x}");
        }
    }

    /// By the table of G.711: segments begin at powers of two less the bias, each with 16 steps.
    #[test]
    fn every_sample_gets_the_code_word_of_its_segment_and_step() {
        for sample in i16::MIN..=i16::MAX {
            let is_negative = sample < 0;
            let magnitude = (if is_negative { !sample } else { sample } >> 2) as u16;
            let magnitude = (magnitude + ULAW_BIAS).min(0x1FFF);
            let segment = (1..=8).rev().find(|segment| magnitude >= 16 << segment).unwrap();
            let step = (magnitude - (16 << segment)) >> segment;
            let code = (8 - segment) << 4 | (15 - step) | if is_negative { 0 } else { 0x80 };
            assert_eq!(u16::from(Law::Mu.encode(sample)), code, "{sample}");
            // A-law: the first segment is as wide as the second.
            let magnitude = (if is_negative { !sample } else { sample } >> 4) as u16;
            let segment = (1..=7).rev().find(|segment| magnitude >= 8 << segment);
            let code = match segment {
                Some(segment) => segment << 4 | (magnitude >> (segment - 1) & 0xF),
                None => magnitude,
            };
            let code = (code | if is_negative { 0 } else { 0x80 }) ^ 0x55;
            assert_eq!(u16::from(Law::A.encode(sample)), code, "{sample}");
        }
    }

    #[test]
    fn silence_is_silent_in_both_laws_and_across_them() {
        assert_eq!(Law::Mu.decode(Law::Mu.silence()), 0);
        assert!(Law::A.decode(Law::A.silence()).abs() <= 8);
        let table = Law::Mu.table_to(Law::A).unwrap();
        assert_eq!(table[usize::from(Law::Mu.silence())], Law::A.silence());
    }

    #[test]
    fn transcoding_stays_within_one_quantizing_step() {
        for (from, to) in [(Law::Mu, Law::A), (Law::A, Law::Mu)] {
            let table = from.table_to(to).unwrap();
            for code in 0..=255_u8 {
                let before = i32::from(from.decode(code));
                let after = i32::from(to.decode(table[usize::from(code)]));
                let step = (before.abs() / 16).max(16);
                assert!((before - after).abs() <= step, "{from} {code:#x}: {before} -> {after}");
            }
        }
    }

    #[test]
    fn every_linear_value_gets_the_itu_code_word() {
        let Some(sweep) = torture::words("audio/g711_sweep.src") else { return };
        for (law, file) in [(Law::Mu, "audio/g711_sweep-r.u"), (Law::A, "audio/g711_sweep-r.a")] {
            let expected = torture::words(file).unwrap();
            assert_eq!(sweep.len(), 65_536);
            for (&sample, &code) in sweep.iter().zip(&expected) {
                assert_eq!(u16::from(law.encode(sample)), code as u16, "{law} {sample}");
            }
        }
    }

    #[test]
    fn every_code_word_has_the_published_value() {
        let Some(tables) = torture::json("vectors/g711_tables.json") else { return };
        for (law, name) in [(Law::Mu, "ulaw"), (Law::A, "alaw")] {
            let values = tables[name].as_array().unwrap();
            assert_eq!(values.len(), 256);
            for (code, value) in values.iter().enumerate() {
                assert_eq!(i64::from(law.decode(code as u8)), value.as_i64().unwrap());
            }
        }
    }
}
