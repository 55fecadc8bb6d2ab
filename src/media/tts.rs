//! The text-to-speech interface, and the voice that is always there.
//!
//! **Invariant:** a voice's name, with its settings, decides what it sounds like: two voices of one
//! name speak alike, so that what one rendered can be kept on disk for the other.
//!
//! **Deliberately absent:** voices that need a program or a network: `media::voice_io`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use crate::media::wav::Pcm;

/// Something that speaks. Rendering may take as long as it takes: it is never done on a thread
/// that carries sound or signaling.
pub trait Voice: Send + Sync {
    /// Names the engine and everything that changes its sound.
    fn name(&self) -> &str;

    /// # Errors
    ///
    /// When the engine does not answer in time, or not with sound.
    fn render(&self, text: &str) -> Result<Pcm, VoiceError>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoiceError {
    #[error("no voice speaks `{language}`: add `[voices] {language} = …` (there is {known})")]
    NoVoice { language: String, known: String },
    #[error("voice `{voice}`: {why}; {fix}")]
    Failed { voice: String, why: String, fix: String },
    #[error("voice `{voice}`: a text of {len} bytes is too long, the limit is {TEXT_LEN_MAX}")]
    TooLong { voice: String, len: usize },
}

/// The voices of all languages.
#[derive(Clone, Default)]
pub struct Voices(BTreeMap<String, Arc<dyn Voice>>);

impl Voices {
    /// English, spoken by the embedded voice.
    #[must_use]
    pub fn embedded() -> Self {
        let mut voices = Self::default();
        voices.set("en", Arc::new(Flite::default()));
        voices
    }

    /// `language` as BCP 47 writes it: `en`, `pt-BR`.
    pub fn set(&mut self, language: &str, voice: Arc<dyn Voice>) {
        self.0.insert(language.to_ascii_lowercase(), voice);
    }

    /// The voice for a language, or for what it is a variant of: `en` for `en-GB`.
    ///
    /// # Errors
    ///
    /// [`VoiceError::NoVoice`] names the languages there are.
    pub fn get(&self, language: &str) -> Result<&Arc<dyn Voice>, VoiceError> {
        let wanted = language.to_ascii_lowercase();
        let mut variant = wanted.as_str();
        loop {
            if let Some(voice) = self.0.get(variant) {
                return Ok(voice);
            }
            let Some((wider, _)) = variant.rsplit_once('-') else { break };
            variant = wider;
        }
        let mut known = String::new();
        for language in self.0.keys() {
            let comma = if known.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(known, "{comma}{language}");
        }
        let known = if known.is_empty() { "none".to_owned() } else { known };
        Err(VoiceError::NoVoice { language: language.to_owned(), known })
    }
}

/// The embedded English voice (CMU Flite's `kal`, 8 kHz): understandable, plainly a machine.
#[derive(Default)]
pub struct Flite {
    /// Parsed when it is first needed: a server whose prompts are all on disk never pays for it.
    engine: OnceLock<flite_rs::Engine>,
}

impl Voice for Flite {
    fn name(&self) -> &'static str {
        "flite-0.2.0 kal"
    }

    fn render(&self, text: &str) -> Result<Pcm, VoiceError> {
        if text.len() > TEXT_LEN_MAX {
            return Err(VoiceError::TooLong { voice: self.name().to_owned(), len: text.len() });
        }
        let engine = self.engine.get_or_init(flite_rs::Engine::new);
        let audio = engine.synthesize(text);
        Ok(Pcm { rate_hz: audio.sample_rate, samples: audio.samples })
    }
}

/// Bytes in one text: about four minutes of speech.
pub const TEXT_LEN_MAX: usize = 4_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_embedded_voice_speaks_at_a_likely_length_and_level() {
        let voices = Voices::embedded();
        let text = "Welcome to Acme. For billing, press 1. For technical help, press 2.";
        let pcm = voices.get("en-US").unwrap().render(text).unwrap();
        let seconds = pcm.samples.len() as f32 / pcm.rate_hz as f32;
        assert!((2.5..9.0).contains(&seconds), "{seconds} s");
        let peak = pcm.samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!(peak > 3_000, "{peak}");
    }

    #[test]
    fn a_language_without_a_voice_says_which_there_are() {
        let error = Voices::embedded().get("es-MX").err().unwrap();
        assert_eq!(
            error.to_string(),
            "no voice speaks `es-MX`: add `[voices] es-MX = …` (there is en)"
        );
    }

    #[test]
    fn a_text_without_end_is_refused() {
        let text = "a".repeat(TEXT_LEN_MAX + 1);
        assert!(matches!(
            Flite::default().render(&text),
            Err(VoiceError::TooLong { len: 4_001, .. })
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn names_and_numbers_of_all_kinds_do_not_panic(text in ".{0,24}") {
            static VOICE: OnceLock<Flite> = OnceLock::new();
            let _ = VOICE.get_or_init(Flite::default).render(&text);
        }
    }
}
