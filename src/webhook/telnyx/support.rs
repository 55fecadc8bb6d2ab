//! What Call Control cannot do as a flow says.
//!
//! **Invariant:** every need has an answer by name.

use crate::webhook::support::{SILENT_WAIT, Support};
use crate::webhook::telnyx::voices;
use crate::words::Need;

pub(super) fn support(need: &Need) -> Support {
    match need {
        Need::Speak | Need::Silence | Need::PlayFile | Need::Keys | Need::HangUp => Support::Whole,
        Need::WaitSound => Support::Partly(SILENT_WAIT),
        Need::Queue | Need::Dial => {
            Support::Partly("a caller hears nothing while somebody outside is rung")
        }
        Need::Record => Support::Partly(
            "silence ends a message only after something was said, the caller goes on when Telnyx \
             has stored it, and the address of the recording is good for ten minutes unless Telnyx \
             has made recordings of the account public",
        ),
        Need::KeysMax(_) | Need::TwoTimeouts => Support::Whole,
        Need::FinishKey(_) => {
            Support::Partly("the finish key alone, without a key before it, counts as no input")
        }
        Need::NoBargeIn => Support::Partly(
            "keys pressed while the prompt speaks are lost: only those pressed after it count",
        ),
        Need::Secret => Support::Partly(
            "nothing of it is kept here, but Telnyx tells keys one by one, and its webhook log has \
             them",
        ),
        Need::ExitKey => Support::Whole,
        Need::Language(language) if voices::usual(language).is_some() => Support::Whole,
        Need::Language(_) => Support::No(
            "no voice is known for this language: set one under the provider's `voices`, or play a \
             sound file",
        ),
    }
}
