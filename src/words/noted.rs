//! What a flow writes down about a call: milestones, notes, and what it did by itself.
//!
//! **Deliberately absent:** what agents say of a call, which is a [`WrapUp`](crate::words::WrapUp).

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What the flow itself was asked to do for the caller, and whether it has done it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfService {
    pub name: String,
    #[serde(rename = "done")]
    pub is_done: bool,
}

/// A text with the moment at which a step wrote it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    pub at: Timestamp,
    pub text: String,
}
