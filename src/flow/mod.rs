//! The IVR language: one TOML file a flow, one table a step.
//!
//! [`parse`](parse()) turns a file into a [`Flow`] or into everything that is wrong with it; a [`Run`] is one
//! call's way through a flow: [`Input`] in, [`Effect`] out.
//!
//! **Invariant:** whatever the caller does and however a step fails, a run waits for something or
//! has ended; it never stands still.
//!
//! **Deliberately absent:** clocks, sockets, agents, and sound. Time comes with each input.

mod build;
mod check;
pub mod diagnostic;
pub mod digit;
mod expr;
mod hours;
pub mod known;
pub mod parse;
pub mod port;
pub mod program;
mod read;
pub mod run;
mod scan;
mod step;
mod text;

#[cfg(test)]
mod tests;

pub use diagnostic::{Diagnostic, Severity, explain};
pub use digit::Digit;
pub use expr::TEXT_LEN_MAX;
pub use known::{CALL_FIELDS, CALLER_FIELDS, Known};
pub use parse::parse;
pub use port::{
    Context, Effect, Input, InputOutcome, Prompt, QueueOutcome, QueueRequest, Relax,
    TransferOutcome, TransferRequest,
};
pub use program::{Flow, QueueUse, StepInfo};
pub use run::{Facts, Run};
pub use step::hangup::CAUSES;
