//! The ways from one step to the next.
//!
//! **Invariant:** an [`Exit`] of a flow that loaded leads to a step of that flow.
//!
//! **Deliberately absent:** what a step does. A verb says that, and the run follows what it says.

use serde::{Deserialize, Serialize};

/// A step, by its place in the file. Only the flow that made it can look it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::flow) struct StepId(pub(in crate::flow) usize);

/// A name that resolved to nothing. No flow that loaded holds one.
impl Default for StepId {
    fn default() -> Self {
        Self(usize::MAX)
    }
}

/// What a step wants after an input.
pub(in crate::flow) enum Next {
    Goto(StepId),
    /// Stay here until the next input.
    Wait,
    /// The call is over, as far as the flow is concerned.
    End,
    /// The step could not do its work.
    Fail(String),
}

/// One way out of a step.
pub(in crate::flow) struct Exit {
    pub(in crate::flow) label: String,
    pub(in crate::flow) to: StepId,
    /// Whether the step waits for the caller or an agent before this way is taken.
    pub(in crate::flow) waited: bool,
    /// Whether the step counts how often this way is taken, and takes it a few times at most.
    pub(in crate::flow) is_counted: bool,
}

impl Exit {
    pub(in crate::flow) fn at_once(label: impl Into<String>, to: StepId) -> Self {
        Self { label: label.into(), to, waited: false, is_counted: false }
    }

    pub(in crate::flow) fn waited(label: impl Into<String>, to: StepId) -> Self {
        Self { waited: true, ..Self::at_once(label, to) }
    }

    pub(in crate::flow) fn counted(label: impl Into<String>, to: StepId) -> Self {
        Self { is_counted: true, ..Self::at_once(label, to) }
    }
}
