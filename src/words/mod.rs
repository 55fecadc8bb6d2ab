//! The words everybody speaks: values, and no machine.
//!
//! Everything the outside can tell the contact center is an [`Event`]; everything it can ask of the
//! outside is a [`Command`]. The rest is what those two are made of, one file a word.
//!
//! **Invariant:** a word imports words, `id` and `time`, so that a protocol, the core and the shell
//! mean one thing by it without knowing each other.
//!
//! **Deliberately absent:** behaviour. A word may say what it is (its name, its text, the law by
//! which two of it are one); what follows from it is decided elsewhere.

mod agent_request;
mod agent_state;
mod ahead;
mod cause;
mod command;
mod digit;
mod event;
mod from;
mod hearing;
mod listen;
mod loss;
mod need;
mod prompt;
mod record;
mod recording;
mod target;
mod via;

pub use agent_request::AgentRequest;
pub use agent_state::AgentState;
pub use ahead::Ahead;
pub use cause::Cause;
pub use command::Command;
pub use digit::Digit;
pub use event::Event;
pub use from::From;
pub use hearing::Hearing;
pub use listen::Listen;
pub use loss::Loss;
pub use need::{Need, Verb};
pub use prompt::Prompt;
pub use record::{
    CallRecord, EndedBy, LeftQueue, Outcome, Party, PartyLeg, PathEntry, QueueStay, SentTo,
    VIA_AGENT, WrapUp,
};
pub use recording::{Recording, RecordingEnd, RecordingFault, RecordingNews, RecordingState};
pub use target::Target;
pub use via::Via;
