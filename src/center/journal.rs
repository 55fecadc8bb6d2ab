//! The journal's lines: every input of the center in order, one line of JSON each.
//!
//! ```text
//! {"attendant_journal":4,"node":0,"run":3,"segment":0,"started_at":1764000000000,"seed":7,…}
//! {"seq":0,"at":1764000000012,"in":{"event":"call_arrived","call":41,…}}
//! {"seq":1,"at":1764000000020,"in":{"event":"wake"}}
//! {"seq":2,"at":1764000060000,"in":{"event":"reconfigured","setup":"4c…"}}
//! ```
//!
//! Records, figures and explanations are folds over it; fed to a fresh center it gives the same
//! calls again. The store writes it, and so does the simulator.
//!
//! **Invariant:** no line holds a key pressed at a secret step, or a value of a reply that its flow
//! withholds: [`masked`] hides which one it was.
//!
//! **Deliberately absent:** commands. They follow from the inputs.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::center::{ContactCenter, Setup};
use crate::id::NodeId;
use crate::time::Timestamp;
use crate::words::{Digit, Event};

/// The version of the format. Readers know this one and those before it. Since 2 a run may go on
/// with the calls of another. Since 3 ids of agents, queues and skills last over runs, the head
/// names the setup and not the configuration's files, and a run may be given another setup. Since 4
/// the head names the node, and so does each call.
pub const VERSION: u32 = 4;

/// The version of a kept setup.
const SETUP_VERSION: u32 = 1;

/// A shell that is busy wakes the center this late at most. A replay that meets a timer which is
/// overdue for longer went another way than the run.
pub const LATE_MAX: Duration = Duration::from_secs(1);

/// The first line: what a replay needs beside the inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub attendant_journal: u32,
    /// The server that wrote it; before version 4 there was one.
    #[serde(default)]
    pub node: NodeId,
    /// Counts the starts of the server on this folder.
    pub run: u64,
    /// Counts the segments of a run.
    pub segment: u32,
    pub started_at: Timestamp,
    pub seed: u64,
    /// The digest of the setup the center began with ([`digest`]).
    pub config: String,
    /// The run that was lost with calls which this one goes on with: its center is the one that run
    /// left, and `seq` counts from 0 again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<u64>,
}

/// One input of the center, with its place in the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub seq: u64,
    pub at: Timestamp,
    #[serde(rename = "in")]
    pub input: Input,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    Event(Event),
    Own(Own),
}

/// An input that is no [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Own {
    /// A deadline of the center had come.
    Wake,
    /// The center was given the setup with this [`digest`], which is kept beside the journal.
    Reconfigured { setup: String },
}

/// A setup as it is kept beside the journals that name it: one JSON document.
#[must_use]
pub fn setup_text(setup: &Setup) -> String {
    let kept = KeptSetup { attendant_setup: SETUP_VERSION, setup: Cow::Borrowed(setup) };
    serde_json::to_string(&kept).expect("a setup has only keys that are text")
}

/// The node of a kept setup, by the first bytes of its text; those of node 0 do not say it. Whether
/// that is a setup at all shows when it is read.
#[must_use]
pub fn node_of_setup(first_bytes: &str) -> NodeId {
    let (_, rest) = first_bytes.split_once(r#""setup":{"node":"#).unwrap_or_default();
    let end = rest.find(',').unwrap_or_default();
    rest[..end].parse().ok().and_then(NodeId::new).unwrap_or_default()
}

/// What [`setup_text`] wrote.
///
/// # Errors
///
/// Why that cannot be a setup of this version.
pub fn read_setup(text: &str) -> Result<Setup, serde_json::Error> {
    let kept: KeptSetup<'_> = serde_json::from_str(text)?;
    if kept.attendant_setup > SETUP_VERSION {
        let message = "written by a later attendant, in a format unknown here: use that one";
        return Err(serde::de::Error::custom(message));
    }
    Ok(kept.setup.into_owned())
}

/// What a journal calls a setup that is kept as this text: 128 bit, in hexadecimal.
#[must_use]
pub fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Serialize, Deserialize)]
struct KeptSetup<'a> {
    attendant_setup: u32,
    setup: Cow<'a, Setup>,
}

impl Entry {
    /// The entry for the next input of `center`; no event is a wake-up.
    #[must_use]
    pub fn new(center: &ContactCenter, seq: u64, at: Timestamp, event: Option<&Event>) -> Self {
        let input = match event {
            None => Input::Own(Own::Wake),
            Some(event) => Input::Event(masked(center, event).into_owned()),
        };
        Self { seq, at, input }
    }
}

/// A timer that a replay has and the run did not have: the journal does not
/// say what was keyed at a secret step, so from there on a call may go another way than it went,
/// and nothing else would wake the center. Wake it then, before the input of `at`; where inputs
/// came since, at the last of them, for its time does not go back.
#[must_use]
pub fn overdue(center: &ContactCenter, at: Timestamp) -> Option<Timestamp> {
    let due = center.poll_timeout().map(|(due, _)| due).filter(|due| *due + LATE_MAX < at);
    due.map(|due| due.max(center.last_input_at()))
}

/// What may be written of the next event of `center`: of a key pressed at a secret
/// step, that it was one. Keys are masked as the step stands before the first of them.
#[must_use]
pub fn masked<'a>(center: &ContactCenter, event: &'a Event) -> Cow<'a, Event> {
    match event {
        Event::Digit { leg, .. } if center.is_secret(*leg) => {
            Cow::Owned(Event::Digit { leg: *leg, digit: Digit::MASKED })
        }
        Event::Keys { leg, keys } if center.is_secret(*leg) => {
            Cow::Owned(Event::Keys { leg: *leg, keys: vec![Digit::MASKED; keys.len()] })
        }
        Event::Replied { id, reply } => {
            Cow::Owned(Event::Replied { id: *id, reply: reply.masked() })
        }
        Event::Late { at, event: inner } => match masked(center, inner) {
            Cow::Owned(inner) => Cow::Owned(Event::Late { at: *at, event: Box::new(inner) }),
            Cow::Borrowed(_) => Cow::Borrowed(event),
        },
        Event::Digit { .. }
        | Event::Keys { .. }
        | Event::CallArrived { .. }
        | Event::CallOpening { .. }
        | Event::CallRefused { .. }
        | Event::OutboundAsked { .. }
        | Event::Ringing { .. }
        | Event::Rerouted { .. }
        | Event::Answered { .. }
        | Event::DialFailed { .. }
        | Event::PromptDone { .. }
        | Event::PromptFailed { .. }
        | Event::Recorded { .. }
        | Event::RecordFailed { .. }
        | Event::RecordingExpired { .. }
        | Event::Held { .. }
        | Event::HoldFailed { .. }
        | Event::Resumed { .. }
        | Event::HungUp { .. }
        | Event::LegLost { .. }
        | Event::PhoneReachable { .. }
        | Event::AgentAsked { .. }
        | Event::SupervisorAsked { .. }
        | Event::EndCall { .. }
        | Event::Lost { .. }
        | Event::Drain { .. } => Cow::Borrowed(event),
    }
}
