//! What to dial.

use crate::id::AgentId;

/// Whom to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Wherever the agent can be reached: the registered phone, a fixed address, an outside number.
    Agent(AgentId),
    /// A number in E.164, through a named trunk that allows it; where that one does not carry the
    /// call, through the `others` that allow it, in this order. `Rerouted` says so.
    Trunk { trunk: String, number: String, others: Vec<String> },
}
