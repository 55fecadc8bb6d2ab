//! What Plivo cannot do as a telephone of our own does.
//!
//! **Invariant:** every need has an answer by name.
//!
//! **Deliberately absent:** what is the same as on our own telephones.

use crate::webhook::support::{SILENT_WAIT, Support};
use crate::webhook::value::language;
use crate::words::{Digit, Need};

/// What its own voices and the ones it resells speak.
pub(super) const LANGUAGES: &[&str] = &[
    "en-US", "en-GB", "en-AU", "en-IN", "es-ES", "es-US", "es-MX", "fr-FR", "fr-CA", "de-DE",
    "it-IT", "pt-BR", "pt-PT", "nl-NL", "da-DK", "sv-SE", "nb-NO", "is-IS", "pl-PL", "ru-RU",
    "ro-RO", "tr-TR", "cy-GB", "hi-IN", "ja-JP", "ko-KR", "cmn-CN", "arb",
];

/// Keys that may end an input.
pub(super) fn is_finish_key(key: Digit) -> bool {
    matches!(key.as_char(), '0'..='9' | '*' | '#')
}

pub(super) fn support(need: &Need) -> Support {
    match need {
        Need::WaitSound => Support::Partly(SILENT_WAIT),
        Need::Speak | Need::PlayFile | Need::Keys => Support::Whole,
        Need::Silence => Support::Partly(
            "silence lasts whole seconds, rounded up, and is left out between words that keys may \
             interrupt",
        ),
        Need::Queue => Support::Partly(
            "Plivo may cut a call off that was sent to another document about 70 times, which \
             pieces of waiting music count toward: make the pieces long",
        ),
        Need::Dial => Support::Partly("the caller's call is answered before the other rings"),
        Need::Record => {
            Support::Partly("the key # ends a message even where the flow names no key")
        }
        Need::HangUp => {
            Support::Partly("a cause is told only before the call is answered, as busy or rejected")
        }
        Need::FinishKey(key) if is_finish_key(*key) => Support::Whole,
        Need::FinishKey(_) => {
            Support::No("Plivo hears no keys A to D: the input ends by its length or by silence")
        }
        Need::KeysMax(_) => Support::Whole,
        Need::TwoTimeouts => Support::Partly("times are whole seconds, rounded up"),
        Need::NoBargeIn => {
            Support::Partly("keys pressed during the prompt are lost; only those after it count")
        }
        Need::Secret | Need::ExitKey => Support::Whole,
        Need::Language(tag) if language(LANGUAGES, tag).is_some() => Support::Whole,
        Need::Language(_) => Support::No(
            "Plivo has no voice for it and reads the text in English: play recordings, or let \
             our own voice speak",
        ),
    }
}
