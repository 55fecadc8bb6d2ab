//! What a leg's sound is like on the wire, and the way between that and linear samples.
//!
//! Whatever computes with sound (recorders, the mixer, keys heard as tones) sees linear samples at
//! [`RATE_HZ`]; a leg's session decodes what arrives and encodes what leaves. A further codec is a
//! file that implements [`Coding`], and a line in [`coding`].
//!
//! **Invariant:** how many samples, bytes or units of a clock a stretch of time has is computed
//! here or in a codec's own file, nowhere else.
//!
//! **Deliberately absent:** negotiation, which is SDP's.

use std::time::Duration;

use crate::media::g711::Law;
use crate::time::Timestamp;
use crate::words::Codec;

/// Samples per second of linear sound.
pub const RATE_HZ: u32 = 8_000;
/// What is mixed at a time: 20 ms, in samples.
pub const FRAME_SAMPLES: usize = 20 * SAMPLES_PER_MS;

const SAMPLES_PER_MS: usize = RATE_HZ as usize / 1_000;

/// A frame of linear sound.
pub type Frame = [i16; FRAME_SAMPLES];

/// The time a [`Frame`] takes.
pub const FRAME: Duration = duration(FRAME_SAMPLES as u64);

/// The samples of this much linear sound.
#[must_use]
pub const fn samples(time: Duration) -> u64 {
    (time.as_millis() as u64).saturating_mul(SAMPLES_PER_MS as u64)
}

/// How long this number of samples of linear sound takes.
#[must_use]
pub const fn duration(samples: u64) -> Duration {
    Duration::from_millis(samples / SAMPLES_PER_MS as u64)
}

/// How a codec's sound is made and read.
pub trait Coding: Sync {
    /// The clock of its RTP time stamps.
    fn clock(&self) -> Clock;

    /// The units of that clock that a payload covers.
    fn units(&self, payload: &[u8]) -> u32;

    /// The companding law, if it is G.711: then a prompt is copied, and the other law is one table
    /// away.
    fn law(&self) -> Option<Law>;

    fn decoder(&self) -> Box<dyn Decode>;

    fn encoder(&self) -> Box<dyn Encode>;
}

/// The state between the packets of one stream that is read.
pub trait Decode: Send {
    /// Appends a payload's samples to `pcm`.
    fn decode(&mut self, payload: &[u8], pcm: &mut Vec<i16>);
}

/// The state between the packets of one stream that is made.
pub trait Encode: Send {
    /// Writes the payload of one packet and returns its length.
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize;
}

/// Where a codec's own file is.
#[must_use]
pub fn coding(codec: Codec) -> &'static dyn Coding {
    match codec {
        Codec::Pcmu => &Law::Mu,
        Codec::Pcma => &Law::A,
    }
}

/// What RTP time stamps count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    units_per_ms: u32,
}

impl Default for Clock {
    fn default() -> Self {
        Self::LINEAR
    }
}

impl Clock {
    /// A clock of whole units per millisecond, as those of telephony are.
    #[must_use]
    pub const fn of_hz(hz: u32) -> Self {
        Self { units_per_ms: hz / 1_000 }
    }

    /// The units in this much time; more than a time stamp holds begin again at 0.
    #[must_use]
    pub const fn units(self, time: Duration) -> u32 {
        (time.as_millis() as u32).wrapping_mul(self.units_per_ms)
    }

    /// What a clock shows that began with ours.
    #[must_use]
    pub const fn reading(self, at: Timestamp) -> u32 {
        (at.as_millis() as u32).wrapping_mul(self.units_per_ms)
    }

    #[must_use]
    pub const fn time(self, units: u32) -> Duration {
        Duration::from_millis((units / self.units_per_ms) as u64)
    }

    /// A time stamp of this clock in samples of linear sound.
    #[must_use]
    pub const fn samples(self, timestamp: u32) -> u32 {
        if self.units_per_ms == Self::LINEAR.units_per_ms {
            return timestamp;
        }
        (timestamp as u64 * Self::LINEAR.units_per_ms as u64 / self.units_per_ms as u64) as u32
    }

    /// The clock of linear sound, and of telephone-events beside it.
    pub const LINEAR: Self = Self::of_hz(RATE_HZ);
}

/// The sound of one packet, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    pub ssrc: u32,
    /// The packet's, in samples.
    pub timestamp: u32,
    pub samples: &'a [i16],
}

/// What one side sends: the codec, and how much is in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    codec: Codec,
    clock: Clock,
    ptime_ms: u8,
}

impl AudioFormat {
    /// No packet of ours has more linear samples.
    pub const PACKET_SAMPLES_MAX: usize = PTIME_MS_MAX as usize * SAMPLES_PER_MS;

    /// A packet time out of range is brought into 10–60 ms.
    #[must_use]
    pub fn new(codec: Codec, ptime_ms: u8) -> Self {
        let ptime_ms = ptime_ms.clamp(PTIME_MS_MIN, PTIME_MS_MAX);
        Self { codec, clock: coding(codec).clock(), ptime_ms }
    }

    #[must_use]
    pub const fn codec(self) -> Codec {
        self.codec
    }

    #[must_use]
    pub const fn clock(self) -> Clock {
        self.clock
    }

    /// As [`Coding::law`].
    #[must_use]
    pub fn law(self) -> Option<Law> {
        coding(self.codec).law()
    }

    /// The time of one packet.
    #[must_use]
    pub const fn ptime(self) -> Duration {
        Duration::from_millis(self.ptime_ms as u64)
    }

    /// Linear samples in one packet; in G.711 as many bytes.
    #[must_use]
    pub const fn packet_samples(self) -> usize {
        self.ptime_ms as usize * SAMPLES_PER_MS
    }

    /// Units of the clock in one packet.
    #[must_use]
    pub const fn packet_units(self) -> u32 {
        self.clock.units(self.ptime())
    }
}

/// How a packet of one codec gets into a stream of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Byte for byte.
    Copied,
    /// Each byte through a table.
    Translated(&'static [u8; 256]),
    /// Not as a packet: it is decoded, and encoded anew.
    Recoded,
}

#[must_use]
pub fn passage(from: Codec, to: Codec) -> Passage {
    if from == to {
        return Passage::Copied;
    }
    match (coding(from).law(), coding(to).law()) {
        (Some(from), Some(to)) => from.table_to(to).map_or(Passage::Copied, Passage::Translated),
        (Some(_), None) | (None, Some(_) | None) => Passage::Recoded,
    }
}

const PTIME_MS_MIN: u8 = 10;
const PTIME_MS_MAX: u8 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    const CODECS: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

    #[test]
    fn what_is_encoded_is_decoded_by_each_codecs_own_file() {
        let spoken: Vec<i16> = (0..160).map(|n| (n - 80) * 300).collect();
        for codec in CODECS {
            let (mut encoder, mut decoder) = (coding(codec).encoder(), coding(codec).decoder());
            let mut payload = [0; 1_500];
            let len = encoder.encode(&spoken, &mut payload);
            let mut heard = Vec::new();
            decoder.decode(&payload[..len], &mut heard);
            assert_eq!(heard.len(), spoken.len(), "{codec}");
            assert_eq!(coding(codec).units(&payload[..len]), 160, "20 ms of the clock");
            for (heard, spoken) in heard.iter().zip(&spoken) {
                let off = i32::from(*heard) - i32::from(*spoken);
                assert!(off.abs() <= i32::from(spoken.unsigned_abs()) / 16 + 16, "{codec}: {off}");
            }
        }
    }

    #[test]
    fn a_packet_is_copied_within_a_codec_and_translated_between_the_laws() {
        for from in CODECS {
            for to in CODECS {
                let is_copied = passage(from, to) == Passage::Copied;
                assert_eq!(is_copied, from == to);
                assert_ne!(passage(from, to), Passage::Recoded);
            }
        }
    }

    #[test]
    fn a_format_knows_its_packets_and_other_clocks_are_brought_to_linear_sound() {
        for (ptime_ms, samples) in [(0, 80), (20, 160), (30, 240), (200, 480)] {
            let format = AudioFormat::new(Codec::Pcma, ptime_ms);
            assert_eq!(format.packet_samples(), samples);
            assert_eq!(format.packet_units() as usize, samples);
            assert_eq!(format.ptime(), duration(samples as u64));
        }
        let clock = Clock::of_hz(48_000);
        assert_eq!(clock.units(Duration::from_millis(20)), 960);
        assert_eq!(clock.time(960), Duration::from_millis(20));
        assert_eq!(clock.samples(96_000), 16_000);
        assert_eq!(Clock::LINEAR.samples(u32::MAX), u32::MAX);
    }
}
