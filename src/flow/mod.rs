//! The IVR language: one TOML file a flow, one table a step.

pub mod digit;
pub mod port;

pub use digit::Digit;
pub use port::{
    Context, Effect, Input, InputOutcome, Prompt, QueueOutcome, QueueRequest, Relax,
    TransferOutcome, TransferRequest,
};
