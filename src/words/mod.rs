//! The words everybody speaks: values, and no machine.
//!
//! Everything the outside can tell the contact center is an [`Event`]; everything it can ask of the
//! outside is a [`Command`]. The rest is what those two are made of, one file per word.
//!
//! **Invariant:** a word imports words, `id` and `time`, so that a protocol, the core and the shell
//! mean one thing by it without knowing each other.
//!
//! **Deliberately absent:** behaviour. A word may say what it is (its name, its text, the law by
//! which two of it are one); what follows from it is decided elsewhere.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod activity;
mod agent_request;
mod agent_state;
mod call_fact;
mod call_outcome;
mod cause;
mod codec;
mod command;
mod digit;
mod direction;
mod disposition;
mod ended_by;
mod event;
mod fact;
mod from;
mod hearing;
mod input_outcome;
mod leg_outcome;
mod listen;
mod look_ahead;
mod loss;
mod need;
mod offer_outcome;
mod outbound;
mod party_leg;
mod principal;
mod prompt;
mod question;
mod queue_exit;
mod queue_visit;
mod record;
mod record_filter;
mod recording;
mod reply;
mod service_target;
mod standing;
mod supervision;
mod target;
#[cfg(test)]
mod tests;
mod via;
mod why;

pub use activity::Activity;
pub use agent_request::{AgentRequest, ConsultTarget};
pub use agent_state::AgentState;
pub use call_fact::{CallFact, Closing, Dialed};
pub use call_outcome::CallOutcome;
pub use cause::Cause;
pub use codec::Codec;
pub use command::Command;
pub use digit::Digit;
pub use direction::Direction;
pub use disposition::Disposition;
pub use ended_by::EndedBy;
pub use event::Event;
pub use fact::{FACTS_VERSION, Fact, Numbered, Origin, Roster, RosterAgent, Seq};
pub use from::From;
pub use hearing::Hearing;
pub use input_outcome::InputOutcome;
pub use leg_outcome::LegOutcome;
pub use listen::Listen;
pub use look_ahead::LookAhead;
pub use loss::Loss;
pub use need::Need;
pub use offer_outcome::OfferOutcome;
pub use outbound::{Outbound, OutboundGoal, OutboundRequest};
pub use party_leg::{HandedOver, ModeEntry, Party, PartyLeg, PartyRole, SentTo, WrapUp};
pub use principal::{Principal, PrincipalRole};
pub use prompt::Prompt;
pub use question::{
    HeaderValue, HttpMethod, HttpQuestion, JsonPath, JsonStep, Question, Service, Take,
};
pub use queue_exit::{Overflow, QueueExit};
pub use queue_visit::QueueVisit;
pub use record::{CallRecord, PathEntry, StepInput};
pub use record_filter::RecordFilter;
pub use recording::{
    Pause, Recording, RecordingEnd, RecordingFault, RecordingKind, RecordingState, RecordingUpdate,
};
pub use reply::{AskFailure, REPLY_LEN_MAX, Reply};
pub use service_target::ServiceTarget;
pub use standing::{
    AgentStands, CallStands, CallState, ConsultStands, Demanded, HeldFor, RecordingStage, Search,
    Stage, SupervisorStands, TriedAgent, Waits,
};
pub use supervision::{SupervisorMode, SupervisorRequest, Telephone};
pub use target::Target;
pub use via::{NamedVia, NoVia, Via};
pub use why::Why;
