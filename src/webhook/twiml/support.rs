//! What the three cannot do as a flow says.
//!
//! **Invariant:** every need has an answer by name.
//!
//! **Deliberately absent:** what is the same as on our own telephones.

use crate::webhook::support::{SILENT_WAIT, Support};
use crate::webhook::twiml::languages;
use crate::words::Need;

#[must_use]
pub fn support(need: &Need) -> Support {
    match need {
        Need::WaitSound => Support::Partly(SILENT_WAIT),
        Need::Speak
        | Need::PlayFile
        | Need::Keys
        | Need::Dial
        | Need::Record
        | Need::HangUp
        | Need::FinishKey(_)
        | Need::KeysMax(_) => Support::Whole,
        Need::Queue => Support::Partly(
            "without REST credentials a caller hears the piece of music to its end before the \
             agent is connected",
        ),
        Need::Silence => Support::Partly("silence lasts whole seconds, rounded up"),
        Need::TwoTimeouts => Support::Partly(
            "one time-out serves for the first key and between keys: it is the longer of the two",
        ),
        Need::NoBargeIn => Support::Partly(
            "keys pressed while the prompt speaks are lost: only those pressed after it count",
        ),
        Need::Secret => Support::Partly(
            "nothing of it is kept here, but the provider's own log of requests has the keys: \
             switch that log's body off in its console",
        ),
        Need::ExitKey => Support::Partly(
            "the key is heard during music and announcements, and acted on in the next request",
        ),
        Need::Language(language) if languages::is_known(language) => Support::Whole,
        Need::Language(_) => Support::No(
            "the provider has no voice for this language: set one under its `voices`, or play a \
             sound file",
        ),
    }
}
