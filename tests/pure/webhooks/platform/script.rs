//! What a document makes a platform do, and what the platform says of it.

use std::time::Duration;

use attendant::center::Cause;
use attendant::id::CallId;
use attendant::webhook::document::Callee;
use attendant::webhook::{Link, Reply, Request};

/// What a document says, as the platform understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhooks) enum Instruction {
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
    Record(Recording),
    HangUp,
    Reject,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhooks) struct Gather {
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
pub(in crate::webhooks) struct Dialing {
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
pub(in crate::webhooks) struct Recording {
    pub silence: Duration,
    pub finish: Option<char>,
    /// Asked when it is over; else the platform goes on with what follows.
    pub url: Option<String>,
    /// Where it is told of the file.
    pub told: Option<String>,
    /// Also when nothing was said.
    pub is_asked_without_words: bool,
}

/// What happened, for the request about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhooks) enum News {
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

/// Who a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhooks) struct Who {
    pub reference: String,
    /// The caller's leg, where this is about a party's.
    pub parent: Option<String>,
    pub from: Option<String>,
    pub to: String,
}

/// How one provider speaks.
pub(in crate::webhooks) trait Tongue {
    fn read(&self, reply: &Reply) -> Vec<Instruction>;
    /// `None`: this platform keeps that to itself.
    fn request(&self, url: &str, who: &Who, news: &News) -> Option<Request>;
    /// Where it tells of a call's end: mostly an address that a person has set up.
    fn reports_to(&self, _call: CallId) -> Link {
        Link::Events
    }
}

/// A request with a JSON body.
pub(super) fn json(url: &str, body: &serde_json::Value) -> Request {
    Request {
        method: attendant::webhook::Method::Post,
        url: url.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    }
}

/// A request with a form.
pub(super) fn form(url: &str, fields: &[(&str, String)]) -> Request {
    use attendant::webhook::form::encode;
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let form = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    Request {
        method: attendant::webhook::Method::Post,
        url: url.to_owned(),
        headers: vec![form],
        body: pairs.join("&").into_bytes(),
    }
}
