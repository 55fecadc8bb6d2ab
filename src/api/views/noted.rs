//! The steps of a call and what its flow wrote down about it, as `/v1/records` has it.
//!
//! **Deliberately absent:** what is known of a call beside that: [`views`](crate::api::views).

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::views::stamp;
use crate::words::{Noted, PathEntry, SelfService};

/// What a flow did for a caller by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SelfServed {
    pub name: String,
    /// Whether it has done what was asked.
    pub done: bool,
}

impl From<SelfService> for SelfServed {
    fn from(said: SelfService) -> Self {
        Self { name: said.name, done: said.is_done }
    }
}

/// A text, and when the flow wrote it down.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FlowNote {
    pub at: String,
    pub text: String,
}

impl From<Noted> for FlowNote {
    fn from(noted: Noted) -> Self {
        Self { at: stamp(noted.at), text: noted.text }
    }
}

/// One step of the flow: when the call came to it, and what happened there.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct RecordStep {
    pub at: String,
    pub step: String,
    /// Each try at a step that asks for keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<StepInput>,
    /// The step could not do its work; the flow went on with `on_error`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// What came of one try.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct StepInput {
    pub at: String,
    /// matched, no_input, partial, no_match or too_many.
    pub outcome: String,
    /// What was pressed; left out where no key was, and at a secret step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}

impl From<PathEntry> for RecordStep {
    fn from(entry: PathEntry) -> Self {
        let inputs = entry.inputs.into_iter().map(|input| StepInput {
            at: stamp(input.at),
            outcome: input.outcome.to_string(),
            keys: input.keys,
        });
        let inputs = inputs.collect();
        Self { at: stamp(entry.at), step: entry.step, inputs, failed: entry.failed }
    }
}
