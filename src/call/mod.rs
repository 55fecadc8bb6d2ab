//! One customer contact: its legs, its states, its record.

pub mod cause;
pub mod record;

pub use cause::Cause;
pub use record::{
    CallRecord, EndedBy, LeftQueue, Outcome, Party, PartyLeg, PathEntry, QueueStay, WrapUp,
};
