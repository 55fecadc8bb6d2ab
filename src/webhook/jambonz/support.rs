//! What jambonz cannot do as a flow says.
//!
//! **Invariant:** every need has an answer by name.
//!
//! **Deliberately absent:** what is the same as on our own telephones.

use crate::webhook::support::{SILENT_WAIT, Support};
use crate::words::Need;

pub(super) fn support(need: &Need) -> Support {
    match need {
        Need::WaitSound => Support::Partly(SILENT_WAIT),
        Need::Speak | Need::PlayFile | Need::Queue | Need::Dial | Need::HangUp => Support::Whole,
        Need::Silence => Support::Partly(
            "silence is left out between words of one language that keys may interrupt",
        ),
        Need::Keys => Support::Partly(
            "a prompt of words and files, or in two languages, is interrupted by keys in its last \
             part only; silence between sentences is left to the voice",
        ),
        Need::Record => Support::No(
            "nothing is recorded: jambonz sends a message to a websocket or records whole calls by \
             account; the step fails at once, and the call goes on where `failed` leads",
        ),
        Need::FinishKey(_) | Need::KeysMax(_) | Need::TwoTimeouts | Need::NoBargeIn => {
            Support::Whole
        }
        Need::Secret => Support::Partly(
            "jambonz sends the keys in a signed body and may log them at debug level",
        ),
        Need::ExitKey => Support::Whole,
        Need::Language(_) => Support::Partly(
            "the speech vendor configured in jambonz must have the language; name a voice \
             (`vendor:voice`) for each language, or the application's voice speaks it",
        ),
    }
}
