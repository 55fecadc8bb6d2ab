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
//! Every step may also have `on_error`.
//!
//! * `say`: `text` `language` `repeat` `barge_in` `next`
//! * `play`: `file` `repeat` `barge_in` `next`
//! * `menu`: `text` `keys` `phrases`, and those of input steps
//! * `collect`: `text` `into` `next` `digits_min` `digits_max` `terminator` `pattern` `valid`
//!   `too_many` `too_many_next`, and those of input steps
//! * input steps: `no_input` `partial` `no_match`, for each of them a step to go to instead as
//!   `…_next`, `tries_max` `give_up` `timeout_s` `inter_digit_s` `repeat` `reprompt` `barge_in`
//!   `clear_keys` `secret`
//! * `branch`: `cases = [{ if, next }]` `else`
//! * `set`: `vars` `intent` `language` `next`
//! * `hours_check`: `hours` `open` `closed` `holiday.<Name>`, or `holiday` for any
//! * `queue`: `queue` `skills` `priority` `relax` `prefer` `intent` `wait` `music` `announce`
//!   `announce_first_s` `announce_every_s` `wait_s_max` `ring_timeout_s` `exit_key`, and the exits
//!   `next` `full` `timeout` `no_agents` `exit`. `no_agents` is taken when no agent who could take
//!   the call now or after a `relax` step is there: on arrival that is an agent logged in, also on
//!   a break, whose phone can be reached or who is on a call; a caller who waits goes there when
//!   the last of them logs out, and not because a phone is lost for a moment. `prefer` waits only
//!   for an agent who is ready or will be after the call they are on
//! * `transfer`: `to` `trunk` `ring_timeout_s` `wait` `music`, and the exits `next` `busy`
//!   `no_answer` `refused` `failed`
//! * `record`: `text` `beep` `length_s_max` `length_s_min` `silence_s` `finish_key` `into`
//!   `intent`, and the exits `next` `empty` `failed`
//! * `hangup`: `text` `cause`
//!
//! **Invariant:** whatever the caller does and however a step fails, a run waits for something or
//! has ended; it never stands still.
//!
//! **Deliberately absent:** clocks, sockets, agents, and sound. Time comes with each input.

mod assigned;
mod build;
mod check;
pub mod diagnostic;
mod expr;
mod hours;
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

#[cfg(test)]
mod tests;

pub use build::{SPEECH_LEN_MAX, is_sound};
pub use diagnostic::{Diagnostic, Severity, explain};
pub use expr::TEXT_LEN_MAX;
pub use known::{CALL_FIELDS, CALLER_FIELDS, Known};
pub use mistakes::mistakes;
pub use parse::{is_language, parse, variable_name};
pub use port::{
    Context, Effect, Input, InputOutcome, QueueOutcome, QueueRequest, RecordOutcome, RecordRequest,
    Relax, TransferOutcome, TransferRequest,
};
pub use program::{Dialed, Flow, Needed, QueueUse, StepInfo};
pub use run::{Facts, Run, Values};
pub use step::transfer::RING_TIMEOUT_S;
