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

/// One server of several whose calls may come together: in one report, one log, one database. What
/// `server.node` says, up to [`Self::SERVERS_MAX`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "u16", try_from = "u16")]
pub struct NodeId(u16);

impl NodeId {
    /// The largest: twelve bits.
    pub const MAX: Self = Self(4_095);
    /// No server's: calls that were imported from another telephone system have it.
    pub const IMPORTS: Self = Self::MAX;
    /// The largest that a server may have.
    pub const SERVERS_MAX: Self = Self(4_094);

    /// `None` past [`Self::MAX`].
    #[must_use]
    pub const fn new(node: u16) -> Option<Self> {
        if node <= Self::MAX.0 { Some(Self(node)) } else { None }
    }
}

/// A number past [`NodeId::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node is a number from 0 to {}", NodeId::MAX.0)]
pub struct NoNodeId;

impl TryFrom<u16> for NodeId {
    type Error = NoNodeId;

    fn try_from(node: u16) -> Result<Self, NoNodeId> {
        Self::new(node).ok_or(NoNodeId)
    }
}

impl From<NodeId> for u16 {
    fn from(node: NodeId) -> Self {
        node.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One customer contact, from the first ring to its record: the node that took it, and its number
/// there.
///
/// Both are one number, the node in the bits from 40 on: a call of node 0, where most centers have
/// no other, is its number there, and every one is below 2^52, which JavaScript and SQL read as it
/// is.
/// As text it is `call-41`, and of another node `call-3.41`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId(pub u64);

impl CallId {
    const N_BITS: u32 = 40;
    /// The last number that a node has: 34 years of a thousand calls a second. Past it the last one
    /// is given again, and its record is refused as a second one.
    pub const N_MAX: u64 = (1 << Self::N_BITS) - 1;
    const NUMBER_MAX: u64 = ((NodeId::MAX.0 as u64) << Self::N_BITS) | Self::N_MAX;

    /// Of a number larger than [`Self::N_MAX`] that one.
    #[must_use]
    pub const fn new(node: NodeId, n: u64) -> Self {
        let n = if n < Self::N_MAX { n } else { Self::N_MAX };
        Self(((node.0 as u64) << Self::N_BITS) | n)
    }

    /// The first call that a node takes.
    #[must_use]
    pub const fn first(node: NodeId) -> Self {
        Self::new(node, 1)
    }

    /// The first number of calls that were imported: no server gives it or a larger one.
    pub const FIRST_IMPORTED: Self = Self::new(NodeId::IMPORTS, 0);

    /// Whether it was imported from another telephone system.
    #[must_use]
    pub const fn is_imported(self) -> bool {
        self.0 >= Self::FIRST_IMPORTED.0
    }

    #[must_use]
    pub const fn node(self) -> NodeId {
        let node = self.0 >> Self::N_BITS;
        if node < NodeId::MAX.0 as u64 { NodeId(node as u16) } else { NodeId::MAX }
    }

    /// Its number at its node.
    #[must_use]
    pub const fn n(self) -> u64 {
        self.0 & Self::N_MAX
    }

    /// The call of the same node this many numbers later.
    #[must_use]
    pub const fn after(self, numbers: u64) -> Self {
        Self::new(self.node(), self.n().saturating_add(numbers))
    }

    /// The call that its node takes after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        self.after(1)
    }
}

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
#[error("a recording's name is `call-CALL-NUMBER`, as in call-41-1 or call-3.41-1")]
pub struct NoRecordingId;

impl std::str::FromStr for RecordingId {
    type Err = NoRecordingId;

    /// Takes what [`Display`](fmt::Display) writes and nothing else, so that two names are never
    /// one recording.
    fn from_str(name: &str) -> Result<Self, NoRecordingId> {
        let numbers = name.strip_prefix("call-").and_then(|rest| rest.split_once('-'));
        let (call, n) = numbers.ok_or(NoRecordingId)?;
        let call = read_call(call).ok_or(NoRecordingId)?;
        let id = Self { call, n: n.parse().map_err(|_| NoRecordingId)? };
        if id.to_string() == name { Ok(id) } else { Err(NoRecordingId) }
    }
}

/// A text that names no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a call is its number, as in 41 or call-41, of another node call-3.41")]
pub struct NoCallId;

impl std::str::FromStr for CallId {
    type Err = NoCallId;

    /// Takes what [`Display`](fmt::Display) writes, that without `call-`, and the one number that
    /// JSON has.
    fn from_str(text: &str) -> Result<Self, NoCallId> {
        let one = || number(text).filter(|number| *number <= Self::NUMBER_MAX).map(Self);
        let call = text.strip_prefix("call-").unwrap_or(text);
        read_call(call).or_else(one).ok_or(NoCallId)
    }
}

/// What [`Shown`] writes.
fn read_call(text: &str) -> Option<CallId> {
    let (node, n) = text.split_once('.').unwrap_or(("0", text));
    let node = number(node).and_then(|node| NodeId::new(u16::try_from(node).ok()?));
    let n = number(n).filter(|n| *n <= CallId::N_MAX);
    Some(CallId::new(node?, n?))
}

/// Digits alone: no sign.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// A call without what says that it is one: `41`, or `3.41`.
struct Shown(CallId);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.node() {
            NodeId(0) => write!(f, "{}", self.0.n()),
            node => write!(f, "{node}.{}", self.0.n()),
        }
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
        write!(f, "{}-{}", self.call, self.n)
    }
}

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}?{}", self.call, self.n)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{}", Shown(*self))
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.call, self.n)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_carries_its_node_and_is_read_as_it_is_printed() {
        let node = NodeId::new(3).unwrap();
        let (here, there) = (CallId(41), CallId::new(node, 41));
        assert_eq!((here.node(), here.n()), (NodeId::default(), 41));
        assert_eq!((there.node(), there.n()), (node, 41));
        assert_eq!((here.to_string(), there.to_string()), ("call-41".into(), "call-3.41".into()));
        assert_eq!(CallId::first(node).next(), CallId::new(node, 2));
        for call in [here, there, CallId(CallId::NUMBER_MAX)] {
            let text = call.to_string();
            assert_eq!(text.parse(), Ok(call));
            assert_eq!(text["call-".len()..].parse(), Ok(call));
            assert_eq!(call.0.to_string().parse(), Ok(call), "as JSON has it");
            let recording = RecordingId { call, n: 2 };
            assert_eq!(recording.to_string().parse(), Ok(recording));
        }
        for wrong in ["3.", ".41", "4096.1", "3.4.1", "3.1099511627776", "call-1099511627776"] {
            assert!(wrong.parse::<CallId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_nodes_numbers_end_before_the_next_nodes_begin() {
        let node = NodeId::new(3).unwrap();
        let last = CallId::new(node, u64::MAX);
        assert_eq!((last.node(), last.next()), (node, last));
        assert!(last < CallId::first(NodeId::new(4).unwrap()));
        let servers_last = CallId::new(NodeId::SERVERS_MAX, u64::MAX);
        assert!(servers_last < CallId::FIRST_IMPORTED && !servers_last.is_imported());
        const { assert!(CallId::NUMBER_MAX < 1 << 53, "exact in JavaScript") };
        assert!(serde_json::from_str::<NodeId>("4096").is_err());
    }
}
