//! Documents: what we ask a provider to do, in our words, the common subset of all of them.
//!
//! **Invariant:** at most one action of a document comes back to us ([`Action::Gather`],
//! [`Action::Record`], [`Action::Dial`], [`Action::Conference`], [`Action::Goto`]), and it is the
//! last; what follows is decided when the provider comes back with the result.
//!
//! **Deliberately absent:** what only one provider can do.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::webhook::link::Link;
use crate::words::{Cause, Digit, Listen};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Plays to its end: no key interrupts it.
    Sound(Sound),
    /// Sounds, and keys that may interrupt them unless `listen.barge_in` is false. When no key came
    /// in `listen.timeout` after the last sound, the provider comes to `next` all the same, with no
    /// keys.
    Gather { sounds: Vec<Sound>, listen: Listen, next: Link },
    /// A message of the caller's. The provider comes to `next` when it is over, and says where the
    /// recording is to `told`, which may be later.
    Record {
        length_max: Duration,
        silence: Duration,
        finish: Option<Digit>,
        beep: bool,
        next: Link,
        told: Link,
    },
    /// Dials a party, and bridges the caller to it once it has accepted. Comes to `next` when it
    /// has failed or is over.
    Dial(Box<Dial>),
    /// Into a conference of that name, whose legs hear each other; a leg alone in it hears nothing.
    /// With `is_host` it ends for the others when this leg leaves. Comes to `next` when it has
    /// ended.
    Conference { name: String, is_host: bool, next: Link },
    /// Ask at once what is next.
    Goto(Link),
    /// End the leg. `cause` is for providers that can say one.
    HangUp { cause: Cause },
    /// Refuse a call that was not answered: first and only action of a document.
    Reject { cause: Cause },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dial {
    pub to: Callee,
    /// The number that the party is shown.
    pub caller_id: Option<String>,
    pub ring_timeout: Duration,
    /// The longest talk.
    pub time_limit: Duration,
    /// Where the party's leg asks for a document when it answers: a whisper and an accept key, or
    /// an empty one. `None`: bridged at once.
    pub answered: Option<Link>,
    /// The key that takes the call, for providers that wait for it themselves; the others collect
    /// it by the whisper's own [`Action::Gather`].
    pub accept_key: Option<Digit>,
    /// Where reports of the party's leg go.
    pub told: Option<Link>,
    pub next: Link,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Callee {
    /// E.164 with `+`.
    Number(String),
    /// A whole SIP URI, `sip:…`.
    Sip(String),
    /// A client of the provider's own, by name (Twilio Client, a Vonage app, a jambonz user).
    Client(String),
}

/// Something to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// Spoken by the provider's voice for the language (BCP 47).
    Say {
        language: Arc<str>,
        text: Arc<str>,
    },
    /// A sound file of ours.
    Play {
        link: Link,
    },
    Pause {
        ms: u32,
    },
}
