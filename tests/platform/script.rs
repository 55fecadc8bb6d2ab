//! What a document makes a platform do, and what the platform says of it.

use std::time::Duration;

use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::words::Cause;
use serde_json::Value;

/// What a document says, as the platform understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    Say {
        language: String,
        text: String,
    },
    Play {
        url: String,
    },
    Pause {
        ms: u64,
    },
    Gather(Gather),
    /// `carries` goes with the request, where a platform lets it.
    Redirect {
        url: String,
        carries: String,
    },
    Dial(Dialing),
    /// Into a conference. `url` is asked when it has ended; else the platform goes on.
    Conference {
        name: String,
        url: Option<String>,
    },
    Record(Recording),
    HangUp,
    Reject,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gather {
    pub sounds: Vec<Instruction>,
    pub keys_max: Option<usize>,
    pub finish: Option<char>,
    pub timeout: Duration,
    pub between: Duration,
    pub url: String,
    /// The platform comes back also without a key; else it goes on with what follows.
    pub is_asked_without_keys: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dialing {
    pub to: Callee,
    pub timeout: Duration,
    /// What the callee's leg asks for when it answers.
    pub answered: Option<String>,
    /// The key for which the platform itself waits then.
    pub confirm: Option<char>,
    pub told: Option<String>,
    /// Asked when it is over; else the platform goes on with what follows.
    pub url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recording {
    pub silence: Duration,
    pub finish: Option<char>,
    /// Asked when it is over; else the platform goes on with what follows.
    pub url: Option<String>,
    /// Where the file is reported.
    pub told: Option<String>,
    /// Also when nothing was said.
    pub is_asked_without_words: bool,
}

/// What happened, for the request about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProviderEvent {
    Arrived,
    /// Nothing but: what now?
    GoOn(String),
    /// The same, because a command said so.
    Moved,
    Keys(String, Option<char>),
    Dialed {
        failed: Option<Cause>,
        talked: Duration,
    },
    Recorded {
        url: String,
        length: Duration,
        is_over: bool,
    },
    /// The file can be fetched.
    Kept {
        url: String,
        length: Duration,
    },
    Ended,
    /// The party's leg asks for its document.
    PartyAsks,
    PartyRings,
    PartyAnswered,
    /// It pressed the key the platform waited for, or none was needed.
    PartyConnected,
    PartyEnded(Cause, Duration),
}

/// The leg a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub reference: String,
    /// The caller's leg, where this is about a party's.
    pub parent: Option<String>,
    pub from: Option<String>,
    pub to: String,
}

/// A request, without the headers that say whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderRequest {
    pub is_get: bool,
    pub url: String,
    /// Empty where there is no body.
    pub content_type: &'static str,
    pub body: String,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

/// How one provider speaks.
pub(crate) trait Tongue: Sync {
    fn read(&self, answer: &Answer) -> Vec<Instruction>;
    /// `None`: this platform keeps that to itself. `at` is when it happened, for those that tell.
    fn request(
        &self,
        url: &str,
        who: &Who,
        event: &ProviderEvent,
        at: Option<Timestamp>,
    ) -> Option<ProviderRequest>;
}

/// A request with a JSON body.
pub(crate) fn json(url: &str, body: &Value) -> ProviderRequest {
    let content_type = "application/json";
    ProviderRequest { is_get: false, url: url.to_owned(), content_type, body: body.to_string() }
}

/// A request with a form.
pub(crate) fn form(url: &str, fields: &[(&str, String)]) -> ProviderRequest {
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    let body = pairs.collect::<Vec<_>>().join("&");
    let content_type = "application/x-www-form-urlencoded";
    ProviderRequest { is_get: false, url: url.to_owned(), content_type, body }
}

pub(crate) fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// A moment as most of them write it, to the millisecond (RFC 3339).
pub(crate) fn moment(at: Timestamp) -> String {
    let ms = i64::try_from(at.as_millis()).expect("a time of ours");
    format!("{:.3}", jiff::Timestamp::from_millisecond(ms).expect("a time of ours"))
}
