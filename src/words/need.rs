//! What a step needs of the front that carries the call, beyond sound and keys one by one.
//!
//! A telephone of our own has all of it. A provider that is given documents may not, and has to say
//! for each [`Need`] what happens instead.
//!
//! **Invariant:** a need is a thing a front does, not a verb: a verb that only decides or sets
//! needs nothing, and no provider has to answer for it.

use crate::words::Digit;

/// What a front has to be able to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Words are said.
    Speak,
    /// Nothing is heard for a while, between words.
    Silence,
    /// Sound files are played.
    PlayFile,
    /// A prompt is said, and keys are collected.
    Keys,
    /// The caller hears something while an answer is waited for that may come at any moment.
    WaitSound,
    /// The caller waits until an agent is there, and talks to them.
    Queue,
    /// The caller is put through to a number outside.
    Dial,
    /// The caller leaves a message.
    Record,
    /// The call is ended with a cause.
    HangUp,
    /// An input ends with this key.
    FinishKey(Digit),
    /// This many keys in one input.
    KeysMax(u8),
    /// The time to the first key and the time between keys are not the same.
    TwoTimeouts,
    /// A prompt that keys do not interrupt, followed by keys that count.
    NoBargeIn,
    /// Keys that must not be written down.
    Secret,
    /// A key that leaves the queue.
    ExitKey,
    /// Words in this language (BCP 47).
    Language(String),
}

impl Need {
    /// In the words of who writes flows; a step of `verb` has it.
    #[must_use]
    pub fn words(&self, verb: &str) -> String {
        match self {
            Self::Speak
            | Self::Silence
            | Self::PlayFile
            | Self::Keys
            | Self::Queue
            | Self::Dial
            | Self::Record
            | Self::HangUp => format!("`{verb}`"),
            Self::FinishKey(key) => format!("the key {} ends an input", key.as_char()),
            Self::KeysMax(most) => format!("up to {most} keys in one input"),
            Self::TwoTimeouts => "`timeout_s` and `inter_digit_s` are not the same".to_owned(),
            Self::NoBargeIn => "`barge_in = false` before keys that count".to_owned(),
            Self::Secret => "`secret = true`".to_owned(),
            Self::ExitKey => "`exit_key` while waiting".to_owned(),
            Self::WaitSound => "`wait` while a service is asked".to_owned(),
            Self::Language(language) => format!("the language `{language}`"),
        }
    }
}
