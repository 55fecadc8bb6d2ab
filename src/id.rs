//! Newtypes for every identity, so that an agent can never be passed where a queue is meant.
//!
//! **Invariant:** an id is never reused while the process lives; those of calls, agents, queues and
//! skills are never reused at all: the shell starts counting calls after the largest one in the
//! store, and names keep their ids over restarts.
//!
//! **Deliberately absent:** names. The center keeps the table from [`AgentId`] to a name.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

use std::fmt;

use serde::{Deserialize, Serialize};

/// One customer contact, from the first ring to its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// One signalling relation of a call. `n = 0` is the A-leg (the caller); the center numbers the
/// legs it dials from 1, and its recorders down from the end. A leg names its call, so no table is
/// needed to find one from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId {
    pub call: CallId,
    pub n: u16,
}

impl LegId {
    /// The leg of a caller who rang in. Who left and was dialed again has another, which the call
    /// knows ([`Call::caller_leg`](crate::call::Call::caller_leg)).
    #[must_use]
    pub const fn caller(call: CallId) -> Self {
        Self { call, n: 0 }
    }

    #[must_use]
    pub const fn is_caller(self) -> bool {
        self.n == 0
    }

    /// Recordings of one call for which there are numbers.
    pub const RECORDERS_MAX: u16 = 255;
    /// Legs from this number on are recorders'.
    pub const RECORDERS_FROM: u16 = u16::MAX - Self::RECORDERS_MAX;

    /// The leg that makes this recording of a call.
    #[must_use]
    pub const fn recorder(recording: RecordingId) -> Self {
        Self { call: recording.call, n: u16::MAX - recording.n }
    }

    #[must_use]
    pub const fn is_recorder(self) -> bool {
        self.n >= Self::RECORDERS_FROM
    }
}

/// An agent, by when their name was first heard of (`center::names`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgentId(pub u32);

/// A queue, by when its name was first heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QueueId(pub u32);

/// One skill, by when its name was first heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SkillId(pub u32);

/// One call presented to one agent. A late answer carries an old `OfferId` and is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OfferId(pub u64);

/// One `Play` command. A late `PromptDone` carries an old `PlayId` and is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlayId(pub u32);

/// One recording of a call, counted from 1. As text it is its name, and the stem of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RecordingId {
    pub call: CallId,
    pub n: u16,
}

/// One question that a call asks a service, counted from 1. A late reply carries an old `AskId` and
/// is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AskId {
    pub call: CallId,
    pub n: u16,
}

/// A text that is no name of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a recording's name is `call-CALL-NUMBER`")]
pub struct NoRecordingId;

impl std::str::FromStr for RecordingId {
    type Err = NoRecordingId;

    /// Takes what [`Display`](fmt::Display) writes and nothing else, so that two names are never
    /// one recording.
    fn from_str(name: &str) -> Result<Self, NoRecordingId> {
        let numbers = name.strip_prefix("call-").and_then(|rest| rest.split_once('-'));
        let (call, n) = numbers.ok_or(NoRecordingId)?;
        let call = CallId(call.parse().map_err(|_| NoRecordingId)?);
        let id = Self { call, n: n.parse().map_err(|_| NoRecordingId)? };
        if id.to_string() == name { Ok(id) } else { Err(NoRecordingId) }
    }
}

/// A text that names no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a call is its number, as in 41 or call-41")]
pub struct NoCallId;

impl std::str::FromStr for CallId {
    type Err = NoCallId;

    /// Takes what [`Display`](fmt::Display) writes, and the bare number of the HTTP interface.
    fn from_str(text: &str) -> Result<Self, NoCallId> {
        let number = text.strip_prefix("call-").unwrap_or(text);
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|_| is_number).map(Self).ok_or(NoCallId)
    }
}

impl TryFrom<String> for RecordingId {
    type Error = NoRecordingId;

    fn try_from(name: String) -> Result<Self, NoRecordingId> {
        name.parse()
    }
}

impl From<RecordingId> for String {
    fn from(id: RecordingId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{}-{}", self.call.0, self.n)
    }
}

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{}?{}", self.call.0, self.n)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{}", self.0)
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{}/{}", self.call.0, self.n)
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agent-{}", self.0)
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue-{}", self.0)
    }
}

impl fmt::Display for SkillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skill-{}", self.0)
    }
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offer-{}", self.0)
    }
}
