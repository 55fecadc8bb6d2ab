//! The contact center as one deterministic state machine.

pub mod command;
pub mod event;

pub use crate::call::Cause;
pub use crate::flow::{Digit, Prompt};
pub use command::{Command, Target};
pub use event::{AgentAsk, Event, From, Via};
