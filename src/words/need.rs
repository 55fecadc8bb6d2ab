//! What a step needs of the front that carries the call, beyond sound and keys one by one.
//!
//! A telephone of our own has all of it. A provider that is given documents may not, and has to say
//! for each [`Need`] what happens instead.
//!
//! **Invariant:** every verb of the language is a [`Verb`] here; a new one does not compile until
//! each provider has answered for it.

use crate::words::Digit;

/// The verbs of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Say,
    Play,
    Menu,
    Collect,
    Branch,
    Set,
    HoursCheck,
    Queue,
    Transfer,
    Record,
    Hangup,
}

/// What a front has to be able to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A step with this verb.
    Verb(Verb),
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
