//! How a leg ended that neither end hung up.

use serde::{Deserialize, Serialize};

/// How a leg ended that neither end hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Nothing comes from its far end any more: no sound, no refresh, no confirmation of our
    /// answer.
    Silent,
    /// We could not go on with it: what its far end asks for is nothing that we can do.
    Broken,
}
