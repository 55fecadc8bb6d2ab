//! What a request says, in our words.
//!
//! A provider's `parse` fills in what the request has; which of it matters depends on the
//! [`Link`](crate::webhook::Link) it came to.
//!
//! **Invariant:** a number is E.164 with `+`, or the digits as dialed, whichever way the provider
//! wrote it; where there is none it is what the provider sent (a client's name); `None` is a caller
//! without one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::words::{Cause, Digit};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The provider's name for the leg the request is about. Never empty.
    pub reference: String,
    pub from: Option<String>,
    pub from_name: Option<String>,
    pub to: Option<String>,
    /// The state of that leg.
    pub state: Option<LegState>,
    /// Keys collected; empty when it was waited for them in vain, `None` when nobody waited.
    pub keys: Option<Vec<Digit>>,
    /// The key that ended the input and is not among `keys`, where the provider says so.
    pub finished_by: Option<Digit>,
    /// How dialing somebody ended.
    pub dial: Option<DialResult>,
    pub recorded: Option<Recorded>,
    /// When it happened, by the provider's clock.
    pub at: Option<Timestamp>,
    /// Where REST commands about this call must go, if not to the usual place.
    pub region: Option<String>,
    /// What a provider tells that only does what it is commanded.
    pub news: Option<News>,
}

/// An event of a leg, and the command it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub what: What,
    /// What the leg's last command was marked with; empty without one.
    pub mark: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A call arrives, and is not answered.
    Arrived,
    /// Somebody is called for us.
    Called,
    Answered,
    /// Something was heard to its end.
    Sounded,
    /// Keys were waited for.
    Collected,
    /// One key, whether or not it was waited for.
    Key,
    /// A recording is there, or failed.
    Saved,
    /// Two legs hear each other.
    Bridged,
    /// The leg is in its conference no more.
    Left,
    /// The leg has ended.
    Over,
    /// The leg has ended, and not by the one who was called on it.
    Dropped,
    /// Nothing we act on.
    Other,
}

/// States of a leg, in the order in which they follow each other: one never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegState {
    Initiated,
    Ringing,
    Answered,
    Ended(Cause),
}

/// What became of the party that was dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialResult {
    /// `None`: it was answered, and is over.
    pub failed: Option<Cause>,
    /// How long the two talked, by the provider.
    pub talked: Option<Duration>,
}

/// A recording that was made, or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The provider's name for it.
    pub reference: String,
    /// Where it can be fetched. `None`: it will be told later, or there is none.
    pub url: Option<String>,
    pub length: Option<Duration>,
    pub failed: bool,
}

impl LegState {
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Ended(_))
    }
}
