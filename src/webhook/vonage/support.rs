//! What Vonage cannot do as a telephone of our own does.
//!
//! **Invariant:** every need has an answer by name.
//!
//! **Deliberately absent:** what is the same as on our own telephones.

use crate::webhook::support::{SILENT_WAIT, Support};
use crate::webhook::value::language;
use crate::words::{Digit, Need};

/// Most keys of one input.
pub(super) const KEYS_MAX: u8 = 20;

/// What its voices speak.
pub(super) const LANGUAGES: &[&str] = &[
    "en-US", "en-GB", "en-AU", "en-IN", "en-ZA", "es-ES", "es-MX", "es-US", "fr-FR", "fr-CA",
    "de-DE", "it-IT", "pt-BR", "pt-PT", "nl-NL", "da-DK", "sv-SE", "nb-NO", "no-NO", "fi-FI",
    "is-IS", "pl-PL", "cs-CZ", "sk-SK", "hu-HU", "ro-RO", "el-GR", "ru-RU", "uk-UA", "tr-TR",
    "he-IL", "ar", "hi-IN", "id-ID", "vi-VN", "th-TH", "fil-PH", "ja-JP", "ko-KR", "cmn-CN",
    "cmn-TW", "yue-CN", "ca-ES", "eu-ES", "cy-GB",
];

pub(super) fn support(need: &Need) -> Support {
    match need {
        Need::WaitSound => Support::Partly(SILENT_WAIT),
        Need::Speak | Need::Silence | Need::PlayFile | Need::Queue => Support::Whole,
        Need::Keys => Support::Partly("a caller has 10 seconds at most to press a key"),
        Need::Dial => Support::Partly(
            "the caller's call is answered before the other rings, and a talk ends after 2 hours",
        ),
        Need::Record => Support::Partly(
            "a message ends after 3 to 10 seconds of silence, whatever is set; silence alone \
                 counts as a message",
        ),
        Need::HangUp => {
            Support::Partly("no cause can be told, and a call is answered before it is refused")
        }
        Need::FinishKey(key) if Some(*key) == Digit::new('#') => Support::Whole,
        Need::FinishKey(_) => Support::Partly(
            "Vonage ends an input early only by #: after this key the caller waits as long as \
             for another one",
        ),
        Need::KeysMax(count) if *count <= KEYS_MAX => Support::Whole,
        Need::KeysMax(_) => Support::No("Vonage takes 20 keys at most, and ends the input then"),
        Need::TwoTimeouts => Support::Partly(
            "Vonage has one time for both: the longer of the two, in whole seconds and 10 at most",
        ),
        Need::NoBargeIn => {
            Support::Partly("keys pressed during the prompt are lost; only those after it count")
        }
        Need::Secret => {
            Support::Partly("we keep no such keys, but Vonage has no setting to keep none")
        }
        Need::ExitKey => Support::Whole,
        Need::Language(tag) if language(LANGUAGES, tag).is_some() => Support::Whole,
        Need::Language(_) => Support::No(
            "Vonage has no voice for it and reads the text in English: play recordings, or let \
             our own voice speak",
        ),
    }
}
