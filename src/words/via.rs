//! Which door a call came through.

use serde::{Deserialize, Serialize};

use crate::id::AgentId;

/// Which door a call came through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    Trunk(String),
    /// An agent's own registered phone, which gave its password: a feature code, or a call into a
    /// flow, to a colleague, or outside.
    Agent(AgentId),
    Provider(String),
}
