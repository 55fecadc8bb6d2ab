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
    /// The keys collected; empty when none came in time, `None` when none were collected.
    pub keys: Option<Vec<Digit>>,
    /// The key that ended the input and is not among `keys`, where the provider says so.
    pub finished_by: Option<Digit>,
    /// How a dialing ended.
    pub dial: Option<DialResult>,
    pub recorded: Option<Recorded>,
    /// When it happened, by the provider's clock.
    pub at: Option<Timestamp>,
    /// Where REST commands about this call must go, if not to the usual place.
    pub region: Option<String>,
    /// The event of a provider whose actions are commanded.
    pub leg_event: Option<LegEvent>,
}

/// An event of a leg, and the command it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegEvent {
    pub kind: LegEventKind,
    /// What the leg's last command was marked with; empty without one.
    pub mark: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegEventKind {
    /// A call arrives, and is not answered.
    Arrived,
    /// A party is being dialed for us.
    Called,
    Answered,
    /// A sound has played to its end.
    Sounded,
    /// The collection of keys is over.
    Collected,
    /// One key, whether or not keys are collected.
    Key,
    /// A recording is there, or failed.
    Saved,
    /// Two legs hear each other.
    Bridged,
    /// The leg has left its conference.
    LeftConference,
    /// The leg has ended.
    Ended,
    /// The leg has ended, and not by the one who was called on it.
    Dropped,
    /// An event that changes nothing here.
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
    /// Where it can be fetched. `None`: reported later, or not at all.
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
