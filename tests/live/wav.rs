//! WAV files: what the prompts of these tests are, and what others wrote down of a call.
//!
//! **Deliberately absent:** any format but 16 bits a sample.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use crate::sound::{RATE_HZ, tone};

/// Writes a WAV file of one tone: 8 kHz, 16 bit, mono.
pub(crate) fn write_tone(path: &Path, hz: f64, seconds: f64) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).expect("a WAV file can be made");
    for sample in tone(hz, 0, (seconds * RATE_HZ) as usize) {
        wav.write_sample(sample).expect("a WAV file can be written");
    }
    wav.finalize().expect("a WAV file can be closed");
}

/// The samples of a WAV file, of its first channel, brought to 8 kHz by leaving samples out.
pub(crate) fn read_wav(path: &Path) -> Vec<i16> {
    let mut wav = hound::WavReader::open(path).expect("a WAV file");
    let spec = wav.spec();
    let step = usize::from(spec.channels) * (spec.sample_rate as usize / 8000);
    wav.samples::<i16>().step_by(step.max(1)).map_while(Result::ok).collect()
}

/// The samples of the two channels of a WAV file of 8 kHz.
pub(crate) fn read_stereo(path: &Path) -> [Vec<i16>; 2] {
    stereo(&fs::read(path).expect("a WAV file"))
}

/// The same, where the file is these bytes.
pub(crate) fn stereo(file: &[u8]) -> [Vec<i16>; 2] {
    let mut wav = hound::WavReader::new(Cursor::new(file)).expect("a WAV file");
    assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 8000));
    let samples: Vec<i16> = wav.samples().map(|sample| sample.expect("a sample")).collect();
    [0, 1].map(|side| samples.iter().skip(side).step_by(2).copied().collect())
}
