//! A call's supervisor: as asked for, as they are now, and as the record has it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::views::stamp;
use crate::center::snapshot;
use crate::words::{ModeEntry, SupervisorMode};

/// How a call is supervised, and from where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Supervise {
    /// listen, whisper, barge or take_over.
    #[schema(value_type = String)]
    pub mode: SupervisorMode,
    /// The telephone to ring. Not needed to change the mode.
    pub from: Option<SuperviseFrom>,
}

/// A supervisor's telephone: an agent's, or any that a trunk may dial.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "{\"agent\": NAME} or {\"number\": \"+1…\"}")]
pub(in crate::api) struct SuperviseFrom {
    /// The login of an agent, whose telephone is in use then: no queue offers it a call.
    pub agent: Option<String>,
    /// An outside party's.
    pub number: Option<String>,
    /// The trunk to go through; the first that may dial the number otherwise.
    pub trunk: Option<String>,
}

/// The supervisor of a call: an agent, or a party at a number.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Supervisor {
    pub agent: Option<String>,
    pub number: Option<String>,
    /// The telephone or number it was asked for.
    pub by: String,
    /// listen, whisper or barge; before the answer, the one it begins with.
    pub mode: String,
    /// What was asked for, and can be had no longer: whoever was to hear it is gone, or there is
    /// no agent to take over from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// Since when they are there; none while the telephone rings.
    pub since: Option<String>,
}

impl From<snapshot::SupervisorView> for Supervisor {
    fn from(supervisor: snapshot::SupervisorView) -> Self {
        Self {
            agent: supervisor.agent,
            number: supervisor.number,
            by: supervisor.by,
            mode: supervisor.mode.to_string(),
            instead_of: supervisor.instead_of.map(|mode| mode.to_string()),
            since: supervisor.since.map(stamp),
        }
    }
}

/// How a call was supervised from a moment on.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Mode {
    pub at: String,
    /// listen, whisper, barge or take_over.
    pub mode: String,
    /// What had been asked for, and could be had no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

impl From<ModeEntry> for Mode {
    fn from(entry: ModeEntry) -> Self {
        let instead_of = entry.instead_of.map(|mode| mode.to_string());
        Self { at: stamp(entry.at), mode: entry.mode.to_string(), instead_of }
    }
}
