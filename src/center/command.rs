//! Everything the contact center can ask of the outside.
//!
//! **Invariant:** carrying out a command never fails towards the center; a failure comes back as an
//! [`Event`](crate::center::Event).

use crate::call::{CallRecord, Cause, WrapUp};
use crate::flow::Prompt;
use crate::id::{AgentId, CallId, LegId, PlayId};

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Answer the caller's leg.
    Answer {
        leg: LegId,
    },
    /// Refuse the caller's leg, which was not answered.
    Reject {
        leg: LegId,
        cause: Cause,
    },
    /// Play these one after another; replaces what plays on the leg. With `repeat`, until replaced.
    /// Otherwise `PromptDone` follows. Ends no bridge: see `Unbridge`.
    Play {
        leg: LegId,
        play: PlayId,
        prompts: Vec<Prompt>,
        repeat: bool,
    },
    StopPlay {
        leg: LegId,
    },
    /// Call somebody. `Ringing`, then `Answered` or `DialFailed`, come back.
    Dial {
        leg: LegId,
        target: Target,
        from: crate::center::From,
    },
    /// The two legs hear each other; what played on them stops.
    Bridge {
        a: LegId,
        b: LegId,
    },
    /// The two legs no longer hear each other.
    Unbridge {
        a: LegId,
        b: LegId,
    },
    /// End a leg, answered or still ringing. `HungUp` follows (for a leg still being dialed too).
    HangUp {
        leg: LegId,
        cause: Cause,
    },
    /// The call is over; this is its record, once.
    CloseRecord {
        record: Box<CallRecord>,
    },
    /// After-call work of a closed record became known.
    AmendRecord {
        call: CallId,
        wrap_up: WrapUp,
    },
}

/// Whom to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Wherever the agent can be reached: the registered phone, a fixed address, an outside number.
    Agent(AgentId),
    /// A number in E.164, through a named trunk that allows it.
    Trunk { trunk: String, number: String },
}
