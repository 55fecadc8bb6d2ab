//! WAV: recorded prompts in, 8 kHz mono samples out; and the head of what we record.
//!
//! PCM of 8, 16, 24 and 32 bits, 32-bit float, µ-law and A-law; mono or stereo (mixed down); any
//! rate from 4 to 192 kHz, resampled by a windowed-sinc filter.
//!
//! **Invariant:** a damaged file is an error, or shorter sound that says what it lacks, never
//! silence, never a panic and never more memory than the file itself warrants; a length that a
//! streaming writer left open is no damage.
//!
//! **Deliberately absent:** compressed formats, and adjusting loudness.

use std::f64::consts::PI;

use crate::media::format::RATE_HZ;
use crate::media::g711::Law;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    #[error("not a WAV file: it does not begin with RIFF … WAVE")]
    NotWav,
    #[error("the WAV file has no {0} chunk: it is cut off or damaged")]
    Missing(&'static str),
    #[error(
        "WAV format {tag} with {bits} bits is not supported: save it as 16-bit PCM, 8 or 16 kHz"
    )]
    Format { tag: u16, bits: u16 },
    #[error("{0} channels: save it as mono or stereo")]
    Channels(u16),
    #[error("{0} samples a second: save it with 8000 or 16000")]
    Rate(u32),
    #[error("the WAV file has no sound in it: its data chunk is empty")]
    Empty,
    #[error("{0} s of sound are too long: the limit is {SECONDS_MAX} s")]
    TooLong(u64),
}

/// Linear samples, mono.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcm {
    pub rate_hz: u32,
    pub samples: Vec<i16>,
}

/// A WAV file that can be played. Nothing of its sound was decoded yet.
#[derive(Clone, Copy)]
pub struct WavFile<'a> {
    format: Format,
    data: &'a [u8],
    /// Bytes of sound that its head promises and that are not there.
    lacks: usize,
}

/// Looks through a whole WAV file.
///
/// # Errors
///
/// [`WavError`] says what is wrong with the file and how to save it instead.
pub fn open(bytes: &[u8]) -> Result<WavFile<'_>, WavError> {
    let mut rest = match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', rest @ ..] => rest,
        _ => return Err(WavError::NotWav),
    };
    let mut format = None;
    // Bounded: each chunk takes eight bytes or more.
    while let Some((&head, body)) = rest.split_first_chunk::<8>() {
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let chunk = &body[..len.min(body.len())];
        match &head[..4] {
            b"fmt " => format = Some(Format::read(chunk)?),
            b"data" => return sound(format.ok_or(WavError::Missing("fmt"))?, len, body),
            _ => {}
        }
        rest = after(len, body);
    }
    Err(WavError::Missing("data"))
}

/// The sound of a data chunk that says it has `len` bytes. Who writes into a pipe does not know the
/// length when the head is written: it is 0, or more than any file has, and the sound goes on to
/// the end of the file.
fn sound(format: Format, len: usize, body: &[u8]) -> Result<WavFile<'_>, WavError> {
    let is_open = len >= OPEN_LEN_MIN || (len == 0 && !is_chunks(body));
    let there = if is_open { body.len() } else { len.min(body.len()) };
    let recording = format.of(&body[..there])?;
    if there < format.frame_len() {
        return Err(WavError::Empty);
    }
    Ok(WavFile { lacks: if is_open { 0 } else { len - there }, ..recording })
}

/// What follows a chunk. One of an odd length has a byte more, which some writers forget.
fn after(len: usize, body: &[u8]) -> &[u8] {
    let forgotten = len % 2 == 1
        && body.get(len..len + 4).is_some_and(|id| matches!(id, b"fmt " | b"data" | b"LIST"));
    let next = if forgotten { Some(len) } else { len.checked_next_multiple_of(2) };
    next.and_then(|next| body.get(next..)).unwrap_or_default()
}

/// Whether nothing follows but whole chunks, so that it is no sound.
fn is_chunks(mut rest: &[u8]) -> bool {
    // Bounded: each chunk takes eight bytes or more.
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let is_name = head[..4].iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        if !is_name || len > body.len() {
            return false;
        }
        rest = after(len, body);
    }
    rest.is_empty()
}

/// Reads a whole WAV file into samples of its own rate.
///
/// # Errors
///
/// As [`open`].
pub fn read(bytes: &[u8]) -> Result<Pcm, WavError> {
    let recording = open(bytes)?;
    Ok(Pcm { rate_hz: recording.format.rate_hz, samples: recording.samples().collect() })
}

impl WavFile<'_> {
    /// Bytes of sound that the file lacks: it was cut off, and ends early.
    #[must_use]
    pub const fn lacks(&self) -> usize {
        self.lacks
    }

    /// Whether it has another rate than a telephone, which takes far longer than reading it.
    #[must_use]
    pub const fn is_resampled(&self) -> bool {
        self.format.rate_hz != RATE_HZ
    }

    /// As a telephone hears it: 8 kHz, µ-law.
    #[must_use]
    pub fn to_ulaw(self) -> Vec<u8> {
        let encode = |sample| Law::Mu.encode(sample);
        if self.is_resampled() {
            let pcm = Pcm { rate_hz: self.format.rate_hz, samples: self.samples().collect() };
            return pcm.to_8_khz().into_iter().map(encode).collect();
        }
        // Without samples between: they would take twice the room of what stays.
        match (self.format.encoding, self.format.channels) {
            (Encoding::Companded(Law::Mu), 1) => self.data.to_vec(),
            (Encoding::Signed(2), 1) => {
                let (samples, _) = self.data.as_chunks::<2>();
                samples.iter().map(|&sample| encode(i16::from_le_bytes(sample))).collect()
            }
            (
                Encoding::Companded(_)
                | Encoding::Signed(_)
                | Encoding::Unsigned8
                | Encoding::Float32,
                _,
            ) => self.samples().map(encode).collect(),
        }
    }

    fn samples(&self) -> impl Iterator<Item = i16> {
        let Format { encoding, channels, .. } = self.format;
        let len = encoding.len();
        self.data.chunks_exact(len * channels).map(move |frame| {
            let sum: i32 = frame.chunks_exact(len).map(|s| encoding.decode(s)).sum();
            (sum / channels as i32) as i16
        })
    }
}

/// A whole file of 16-bit samples at 8 kHz, mono: what every provider plays.
#[must_use]
pub fn from_ulaw(ulaw: &[u8]) -> Vec<u8> {
    let mut file = head(ulaw.len() as u64, 1).to_vec();
    file.extend(ulaw.iter().flat_map(|&code| Law::Mu.decode(code).to_le_bytes()));
    file
}

/// The head of a file of 16-bit samples at 8 kHz, `samples` per channel. They follow, those of
/// one moment side by side.
#[must_use]
pub fn head(samples: u64, channels: u16) -> [u8; HEAD_LEN] {
    let bytes = SAMPLE_LEN * channels;
    let data = u32::try_from(samples * u64::from(bytes)).unwrap_or(u32::MAX - HEAD_LEN as u32);
    let mut head = [0; HEAD_LEN];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"RIFF");
    put(4, &(data + HEAD_LEN as u32 - 8).to_le_bytes());
    put(8, b"WAVEfmt ");
    put(16, &16_u32.to_le_bytes());
    put(20, &PCM.to_le_bytes());
    put(CHANNELS_AT, &channels.to_le_bytes());
    put(24, &RATE_HZ.to_le_bytes());
    put(28, &(RATE_HZ * u32::from(bytes)).to_le_bytes());
    put(32, &bytes.to_le_bytes());
    put(34, &16_u16.to_le_bytes());
    put(36, b"data");
    put(40, &data.to_le_bytes());
    head
}

/// How many channels a [`head`] of ours says there are: one or two, whatever is there.
#[must_use]
pub fn channels(head: &[u8; HEAD_LEN]) -> u16 {
    u16::from_le_bytes([head[CHANNELS_AT], head[CHANNELS_AT + 1]]).clamp(1, 2)
}

/// Bytes of [`head`].
pub const HEAD_LEN: usize = 44;
/// Bytes of one sample of one channel behind it.
pub const SAMPLE_LEN: u16 = 2;
const CHANNELS_AT: usize = 22;

#[derive(Clone, Copy)]
struct Format {
    encoding: Encoding,
    channels: usize,
    rate_hz: u32,
}

#[derive(Clone, Copy)]
enum Encoding {
    Unsigned8,
    /// Little-endian integers of this number of bytes, at least two.
    Signed(usize),
    Float32,
    Companded(Law),
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, WavError> {
        let fixed = chunk.first_chunk::<16>().ok_or(WavError::Missing("fmt"))?;
        let word = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let (mut tag, channels, bits) = (word(0), word(2), word(14));
        let rate_hz = u32::from_le_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
        if tag == EXTENSIBLE
            && let Some(&[low, high]) = chunk.get(24..26)
        {
            tag = u16::from_le_bytes([low, high]);
        }
        let encoding = match (tag, bits) {
            (PCM, 8) => Encoding::Unsigned8,
            (PCM, 16 | 24 | 32) => Encoding::Signed(usize::from(bits) / 8),
            (FLOAT, 32) => Encoding::Float32,
            (ALAW, 8) => Encoding::Companded(Law::A),
            (ULAW, 8) => Encoding::Companded(Law::Mu),
            _ => return Err(WavError::Format { tag, bits }),
        };
        if !(1..=2).contains(&channels) {
            return Err(WavError::Channels(channels));
        }
        if !(RATE_HZ_MIN..=RATE_HZ_MAX).contains(&rate_hz) {
            return Err(WavError::Rate(rate_hz));
        }
        Ok(Self { encoding, channels: usize::from(channels), rate_hz })
    }

    fn of(self, data: &[u8]) -> Result<WavFile<'_>, WavError> {
        let seconds = (data.len() / self.frame_len()) as u64 / u64::from(self.rate_hz);
        if seconds > SECONDS_MAX {
            return Err(WavError::TooLong(seconds));
        }
        Ok(WavFile { format: self, data, lacks: 0 })
    }

    /// Bytes of one sample of all channels.
    fn frame_len(self) -> usize {
        self.encoding.len() * self.channels
    }
}

impl Encoding {
    fn len(self) -> usize {
        match self {
            Encoding::Unsigned8 | Encoding::Companded(_) => 1,
            Encoding::Signed(len) => len,
            Encoding::Float32 => 4,
        }
    }

    /// One sample, in the range of `i16`.
    fn decode(self, bytes: &[u8]) -> i32 {
        match self {
            Encoding::Unsigned8 => (i32::from(bytes[0]) - 128) << 8,
            // Of longer integers the upper two bytes count.
            Encoding::Signed(len) => {
                i32::from(i16::from_le_bytes([bytes[len - 2], bytes[len - 1]]))
            }
            Encoding::Float32 => {
                let value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                i32::from((value * 32_768.0) as i16) // saturates; not-a-number is silence
            }
            Encoding::Companded(law) => i32::from(law.decode(bytes[0])),
        }
    }
}

impl Pcm {
    /// The same sound at 8 kHz.
    #[must_use]
    pub fn to_8_khz(self) -> Vec<i16> {
        if self.rate_hz == RATE_HZ {
            return self.samples;
        }
        let divisor = gcd(self.rate_hz, RATE_HZ);
        let (up, down) = ((RATE_HZ / divisor) as usize, (self.rate_hz / divisor) as usize);
        Filter::new(up, down).apply(&self.samples)
    }
}

/// A polyphase low-pass: one set of taps for each of the `up` places an output sample can have
/// between two input samples.
struct Filter {
    up: usize,
    down: usize,
    /// Input samples on each side of the output sample.
    reach: usize,
    phases: Vec<Vec<f32>>,
}

impl Filter {
    fn new(up: usize, down: usize) -> Self {
        // The narrower of both bands, as a share of the input's.
        let band = (up as f64 / down as f64).min(1.0) * PASS_BAND;
        let reach = (f64::from(CROSSINGS) / band).ceil() as usize;
        let phases = (0..up)
            .map(|phase| {
                let place = phase as f64 / up as f64;
                let taps: Vec<f64> = (0..2 * reach)
                    .map(|i| {
                        let x = (i as f64 - reach as f64 + 1.0) - place;
                        let window = (PI * x / (2.0 * reach as f64)).cos().powi(2);
                        sinc(x * band) * window
                    })
                    .collect();
                let sum: f64 = taps.iter().sum();
                taps.iter().map(|tap| (tap / sum) as f32).collect()
            })
            .collect();
        Self { up, down, reach, phases }
    }

    fn apply(&self, samples: &[i16]) -> Vec<i16> {
        let len = (samples.len() * self.up).div_ceil(self.down);
        (0..len)
            .map(|n| {
                let place = n * self.down;
                let (whole, phase) = (place / self.up, place % self.up);
                let taps = &self.phases[phase];
                let heard = (whole + 1)
                    .checked_sub(self.reach)
                    .and_then(|first| samples.get(first..first + taps.len()));
                let sum = match heard {
                    Some(heard) => dot(taps, heard),
                    None => self.at_the_edge(taps, samples, whole),
                };
                sum.round() as i16
            })
            .collect()
    }

    /// Before the beginning and after the end there is silence.
    fn at_the_edge(&self, taps: &[f32], samples: &[i16], whole: usize) -> f32 {
        let products = taps.iter().enumerate().map(|(i, tap)| {
            let at = (whole + i + 1).checked_sub(self.reach);
            tap * f32::from(at.and_then(|at| samples.get(at)).copied().unwrap_or(0))
        });
        products.sum()
    }
}

/// The sum of products, in several sums at once: one alone would wait for itself at every step.
fn dot(taps: &[f32], samples: &[i16]) -> f32 {
    let (taps, rest) = taps.as_chunks::<SUMS>();
    let (samples, samples_rest) = samples.as_chunks::<SUMS>();
    let mut sums = [0.0; SUMS];
    for (taps, samples) in taps.iter().zip(samples) {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum += taps[i] * f32::from(samples[i]);
        }
    }
    let rest: f32 = rest.iter().zip(samples_rest).map(|(tap, s)| tap * f32::from(*s)).sum();
    sums.iter().sum::<f32>() + rest
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const ULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xFFFE;
const RATE_HZ_MIN: u32 = 4_000;
const RATE_HZ_MAX: u32 = 192_000;
/// From here on a length is what a writer put down that did not know it: 0xFFFFFFFF, 0x7FFFFFFF,
/// and those less the head or rounded to a block.
const OPEN_LEN_MIN: usize = 0x7FFF_0000;
/// An hour: longer music is better looped.
const SECONDS_MAX: u64 = 3_600;
/// Zero crossings of the filter on each side: about 60 dB at this window.
const CROSSINGS: u32 = 16;
/// Sums of products computed side by side.
const SUMS: usize = 8;
/// The share of the band that passes whole: 3.6 of 4 kHz.
const PASS_BAND: f64 = 0.92;

#[cfg(test)]
mod tests {
    use hound::{SampleFormat, WavSpec, WavWriter};
    use proptest::prelude::*;

    use super::*;

    fn tone(hz: f64, rate_hz: u32, seconds: f64) -> Vec<i16> {
        (0..(f64::from(rate_hz) * seconds) as usize)
            .map(|n| {
                let angle = 2.0 * PI * hz * n as f64 / f64::from(rate_hz);
                (10_000.0 * angle.sin()) as i16
            })
            .collect()
    }

    /// A file as another program would write it.
    fn file(rate_hz: u32, channels: u16, bits: u16, samples: &[i16]) -> Vec<u8> {
        let sample_format = SampleFormat::Int;
        let spec = WavSpec { channels, sample_rate: rate_hz, bits_per_sample: bits, sample_format };
        let mut out = std::io::Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut out, spec).unwrap();
        for &sample in samples {
            for _ in 0..channels {
                let sample = i32::from(sample);
                let scaled = if bits < 16 { sample >> (16 - bits) } else { sample << (bits - 16) };
                writer.write_sample(scaled).unwrap();
            }
        }
        writer.finalize().unwrap();
        out.into_inner()
    }

    fn level(samples: &[i16]) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let power: f64 = middle.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
        (power / middle.len() as f64).sqrt()
    }

    #[test]
    fn depths_and_channels_give_the_same_sound() {
        let samples = tone(440.0, 8_000, 0.1);
        for bits in [8, 16, 24, 32] {
            for channels in [1, 2] {
                let bytes = file(8_000, channels, bits, &samples);
                let pcm = read(&bytes).unwrap();
                let encoded: Vec<u8> =
                    pcm.samples.iter().map(|&sample| Law::Mu.encode(sample)).collect();
                assert_eq!(open(&bytes).unwrap().to_ulaw(), encoded, "{bits} {channels}");
                assert_eq!(pcm.samples.len(), samples.len());
                let step = if bits == 8 { 256 } else { 0 };
                for (a, b) in pcm.samples.iter().zip(&samples) {
                    assert!((i32::from(*a) - i32::from(*b)).abs() <= step, "{bits} {channels}");
                }
            }
        }
    }

    #[test]
    fn telephone_formats_and_open_lengths_are_read() {
        for (tag, law) in [(ULAW, Law::Mu), (ALAW, Law::A)] {
            let mut bytes = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0".to_vec();
            bytes.extend([tag as u8, 0, 1, 0]);
            bytes.extend(8_000_u32.to_le_bytes());
            bytes.extend(8_000_u32.to_le_bytes());
            bytes.extend([1, 0, 8, 0]);
            bytes.extend(b"data\xFF\xFF\xFF\x7F");
            bytes.extend([law.encode(1_000); 80]);
            let pcm = read(&bytes).unwrap();
            assert_eq!(pcm.samples, vec![law.decode(law.encode(1_000)); 80]);
            let heard = Law::Mu.encode(law.decode(law.encode(1_000)));
            assert_eq!(open(&bytes).unwrap().to_ulaw(), vec![heard; 80]);
        }
    }

    /// A head of 16-bit samples at 8 kHz, mono, as different writers put it, for a data chunk of
    /// this length. The size of the whole is 0, which no reader should believe either.
    fn written(extensible: bool, before: &[u8], len: u32) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVE".to_vec();
        bytes.extend(before);
        bytes.extend(b"fmt ");
        bytes.extend(if extensible { 40_u32 } else { 16 }.to_le_bytes());
        bytes.extend(if extensible { EXTENSIBLE } else { PCM }.to_le_bytes());
        bytes.extend(b"\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0");
        if extensible {
            bytes.extend(b"\x16\0\x10\0\x04\0\0\0\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        }
        bytes.extend(b"data");
        bytes.extend(len.to_le_bytes());
        bytes
    }

    #[test]
    fn fault_23_a_length_that_a_pipe_left_open_ends_with_the_file() {
        let odd: &[u8] = b"LIST\x05\0\0\0abcde\0";
        let unpadded: &[u8] = b"LIST\x05\0\0\0abcde";
        for len in [0, u32::MAX, u32::MAX - 44, 0x7FFF_FFFF, 0x7FFF_F000, 0x7FFF_FFFF - 36] {
            for before in [b"".as_slice(), odd, unpadded] {
                for extensible in [false, true] {
                    let mut bytes = written(extensible, before, len);
                    let sound = [0x34, 0x12].repeat(400);
                    bytes.extend(&sound);
                    assert_eq!(read(&bytes).unwrap().samples, [0x1234; 400], "{len:#x}");
                    assert_eq!(open(&bytes).unwrap().lacks(), 0, "{len:#x}");
                }
            }
        }
    }

    #[test]
    fn fault_23_what_is_cut_off_or_empty_says_so() {
        let mut cut = written(false, b"", 1_000);
        cut.extend([1; 600]);
        let recording = open(&cut).unwrap();
        assert_eq!((recording.lacks(), recording.samples().count()), (400, 300));
        let mut whole = written(false, b"", 600);
        whole.extend([1; 600]);
        whole.extend(b"LIST\x04\0\0\0abcd");
        let recording = open(&whole).unwrap();
        assert_eq!((recording.lacks(), recording.samples().count()), (0, 300), "and no tags");
        // Empty, whatever it says of its length, and with tags behind it.
        for (len, tags) in [(0, b"".as_slice()), (0, b"LIST\x04\0\0\0abcd"), (u32::MAX, b"")] {
            let mut empty = written(false, b"", len);
            empty.extend(tags);
            assert_eq!(read(&empty), Err(WavError::Empty), "{len:#x} {tags:?}");
        }
        assert_eq!(read(&written(false, b"", 1_000)), Err(WavError::Empty));
    }

    #[test]
    fn resampling_keeps_speech_and_removes_what_a_telephone_cannot_carry() {
        for rate_hz in [11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 4_000] {
            let passed = Pcm { rate_hz, samples: tone(1_000.0, rate_hz, 0.5) }.to_8_khz();
            assert_eq!(passed.len(), 4_000, "{rate_hz}");
            let ratio = level(&passed) / level(&tone(1_000.0, 8_000, 0.5));
            assert!((0.98..1.02).contains(&ratio), "{rate_hz}: {ratio}");
            let expected = tone(1_000.0, 8_000, 0.5);
            for n in 1_000..3_000 {
                assert!((i32::from(passed[n]) - i32::from(expected[n])).abs() < 300, "{rate_hz}");
            }
        }
        for rate_hz in [16_000, 44_100, 48_000] {
            let removed = Pcm { rate_hz, samples: tone(5_000.0, rate_hz, 0.5) }.to_8_khz();
            assert!(level(&removed) < 70.0, "{rate_hz}: {}", level(&removed));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(read(b"OggS"), Err(WavError::NotWav));
        assert_eq!(read(b"RIFF\0\0\0\0WAVE"), Err(WavError::Missing("data")));
        assert_eq!(read(&file(8_000, 1, 16, &[])), Err(WavError::Empty));
        let good = file(8_000, 1, 16, &[1, 2, 3]);
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            read(&bytes)
        };
        assert_eq!(with(20, 0x55), Err(WavError::Format { tag: 0x55, bits: 16 }));
        assert_eq!(with(22, 6), Err(WavError::Channels(6)));
        assert_eq!(with(25, 0), Err(WavError::Rate(64)));
    }

    proptest! {
        #[test]
        fn no_file_panics(
            tail in proptest::collection::vec(any::<u8>(), 0..300),
            at in 12..44_usize,
        ) {
            let mut bytes = file(8_000, 1, 16, &[5; 20]);
            bytes.truncate(at);
            bytes.extend(tail);
            let _ = read(&bytes);
        }
    }
}
