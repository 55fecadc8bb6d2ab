//! What Bandwidth cannot do as a flow says.
//!
//! **Invariant:** every need has an answer by name.
//!
//! **Deliberately absent:** what is the same as on our own telephones.

use crate::webhook::bandwidth::render::KEYS_MAX;
use crate::webhook::support::{SILENT_WAIT, Support};
use crate::webhook::value;
use crate::words::Need;

/// Languages by tag (BCP 47), and Bandwidth's names of them; the first of a language is its usual
/// one.
const LOCALES: &[(&str, &str)] = &[
    ("en-US", "en_US"),
    ("en-GB", "en_UK"),
    ("es", "es"),
    ("es-MX", "es_MX"),
    ("es-US", "es_US"),
    ("fr", "fr"),
    ("fr-CA", "fr_CA"),
    ("de", "de"),
    ("it", "it"),
    ("ja", "ja"),
    ("ru", "ru"),
    ("ar", "arb"),
    ("zh", "cmn-CN"),
];

/// Bandwidth's name for the language of a tag.
pub(super) fn locale(tag: &str) -> Option<&'static str> {
    let tags: Vec<&str> = LOCALES.iter().map(|(tag, _)| *tag).collect();
    let tag = value::language(&tags, tag)?;
    LOCALES.iter().find(|(known, _)| *known == tag).map(|(_, locale)| *locale)
}

pub(super) fn support(need: &Need) -> Support {
    match need {
        Need::WaitSound => Support::Partly(SILENT_WAIT),
        Need::Speak | Need::PlayFile | Need::Queue | Need::Dial | Need::HangUp => Support::Whole,
        Need::Silence => {
            Support::Partly("silence is left out between words that keys may interrupt")
        }
        Need::Keys => Support::Partly(
            "silence between the sentences of a prompt that keys interrupt is left to the voice",
        ),
        Need::Record => Support::Partly("there is no tone: the prompt must say when to speak"),
        Need::KeysMax(keys) if *keys > KEYS_MAX => {
            Support::Partly("input ends after 50 keys, Bandwidth's most")
        }
        Need::KeysMax(_) | Need::FinishKey(_) | Need::NoBargeIn | Need::ExitKey => Support::Whole,
        Need::TwoTimeouts => Support::Partly(
            "times are at most 60 s, and between keys at least 1 s; others are moved to these",
        ),
        Need::Secret => Support::Partly(
            "Bandwidth sends the keys unsigned, under TLS and a password; what it writes down is \
             its own affair",
        ),
        Need::Language(tag) if locale(tag).is_some() => Support::Whole,
        Need::Language(_) => Support::Partly(
            "no voice of Bandwidth's is known for it: name one in the voice map, or its English \
             voice reads the words",
        ),
    }
}
