//! A call that we begin, by dialing the caller: what is asked for, and what is kept of that.
//!
//! **Deliberately absent:** who may ask, which the HTTP interface knows; what of it is refused,
//! which the center decides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundRequest {
    /// Whom to dial.
    pub to: String,
    /// The number to show, one of ours; the first of the flow's where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The trunk to go through first; the first that may dial the number where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<String>,
    pub goal: OutboundGoal,
    /// Variables of the flow.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, serde_json::Value>,
    /// How long it may ring, in seconds; as for a `transfer` where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_s: Option<u64>,
    /// Whoever asks again with the same key means the same call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Where whoever answers is led.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundGoal {
    /// The flow; with a queue it may be left out, where one flow alone enters that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// The flow begins at the step that enters this queue, and not at its first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

/// What is kept of a call that we began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// Who asked for it, by name.
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
