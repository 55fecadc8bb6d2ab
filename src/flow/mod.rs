//! The IVR language: one TOML file per flow, one table per step.
//!
//! [`parse`](parse()) turns a file into a [`Flow`] or into everything that is wrong with it; a
//! [`Run`] is one call's way through a flow: [`Input`] in, [`Effect`] out.
//!
//! # Contract
//!
//! ```
//! # use std::sync::Arc;
//! # use attendant::flow::{Context, Effect, Facts, Input, Known, Run, parse};
//! # use attendant::time::Timestamp;
//! # use attendant::words::Digit;
//! let source = r#"
//!     [flow]
//!     numbers = ["*"]
//!     start = "main"
//!
//!     [menu.main]
//!     text = "To leave, press 1."
//!     keys = { 1 = "bye" }
//!     give_up = "bye"
//!
//!     [hangup.bye]
//! "#;
//! let flow = parse("flows/bye.toml", source, &Known::anything()).expect("nothing is wrong");
//! let mut run = Run::new(Arc::new(flow), Facts::default());
//!
//! // One input, and all that should happen because of it; time comes with it.
//! let mut effects = Vec::new();
//! let context = Context { now: Timestamp::from_millis(1_000), ..Context::default() };
//! run.handle(&context, Input::Start, &mut effects);
//! assert!(effects.iter().any(|effect| matches!(effect, Effect::Play { .. })));
//!
//! effects.clear();
//! let key = Digit::new('1').expect("a key");
//! run.handle(&context, Input::Digit(key), &mut effects);
//! assert!(matches!(effects.last(), Some(Effect::HangUp { .. })));
//! assert!(run.is_over());
//! ```
//!
//! # Verbs and their options
//!
//! What a verb does and which options it takes is in `docs/flow-reference.md`, which
//! [`mod@reference`] makes of the constants that the verbs read by.
//!
//! **Invariant:** whatever the caller does and however a step fails, a run waits for something or
//! has ended; it never stands still.
//!
//! **Deliberately absent:** clocks, sockets, agents, and sound. Time comes with each input.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod assigned;
mod beside;
mod build;
mod check;
pub mod code;
pub mod csv;
pub mod diagnostic;
mod exit;
mod expr;
mod filters;
mod hours;
mod input_step;
mod kept;
pub mod known;
mod late;
mod look_ahead;
mod menus;
mod mistakes;
mod option;
pub mod parse;
pub mod port;
pub mod program;
mod read;
pub mod reference;
pub mod run;
mod say_as;
mod scan;
mod speech;
mod step;
mod text;
mod values;
mod verb;
mod wait_sound;

#[cfg(test)]
mod tests;

pub use beside::BESIDE_LEN_MAX;
pub use build::{SPEECH_LEN_MAX, is_sound};
pub use code::{Code, Severity};
pub use diagnostic::{Diagnostic, explain, explain_to, suggest};
pub use expr::TEXT_LEN_MAX;
pub use known::{Beside, CALL_FIELDS, CALLER_FIELDS, Fact, Known, is_beside};
pub use mistakes::{Mistake, mistakes};
pub use parse::{is_language, parse};
pub use port::{
    AskRequest, Context, Effect, Facts, Input, Knows, QueueOutcome, QueueRequest, RecordOutcome,
    RecordRequest, Relax, TransferOutcome, TransferRequest,
};
pub use program::{Dialed, Flow, Needed, QueueUse, StepInfo};
pub use read::variable_name;
pub use run::{Run, SavedRun};
pub use step::transfer::RING_TIMEOUT_S;
pub use values::Values;
