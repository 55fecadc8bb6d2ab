//! The IVR language: one TOML file a flow, one table a step.
//!
//! [`parse`](parse()) turns a file into a [`Flow`] or into everything that is wrong with it; a
//! [`Run`] is one call's way through a flow: [`Input`] in, [`Effect`] out.
//!
//! What a verb does and which options it takes is at the head of its file in `step/`; the options
//! common to `menu` and `collect` are in `input_step.rs`. Every step may also have `on_error`.
//!
//! **Invariant:** whatever the caller does and however a step fails, a run waits for something or
//! has ended; it never stands still.
//!
//! **Deliberately absent:** clocks, sockets, agents, and sound. Time comes with each input.

mod ahead;
mod assigned;
mod build;
mod check;
pub mod diagnostic;
mod exit;
mod expr;
mod hours;
mod input_step;
mod kept;
pub mod known;
mod late;
mod mistakes;
pub mod parse;
pub mod port;
pub mod program;
mod read;
pub mod run;
mod scan;
mod step;
mod text;
mod verb;
mod wait_sound;

#[cfg(test)]
mod tests;

pub use build::{SPEECH_LEN_MAX, is_sound};
pub use diagnostic::{Diagnostic, Severity, explain};
pub use expr::TEXT_LEN_MAX;
pub use known::{CALL_FIELDS, CALLER_FIELDS, Known};
pub use mistakes::mistakes;
pub use parse::{is_language, parse};
pub use port::{
    AskRequest, Context, Effect, Facts, Input, InputOutcome, QueueOutcome, QueueRequest, RecordOutcome,
    RecordRequest, Relax, TransferOutcome, TransferRequest, Values,
};
pub use program::{Dialed, Flow, Needed, QueueUse, StepInfo};
pub use read::variable_name;
pub use run::Run;
pub use step::transfer::RING_TIMEOUT_S;
