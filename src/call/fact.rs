//! What happened in a call, one value a happening. The record is a fold over these.
//!
//! **Invariant:** facts are appended in order of time and never changed.

use crate::call::Role;
use crate::id::{LegId, RecordingId};
use crate::time::Timestamp;
use crate::words::{
    Cause, EndedBy, LegOutcome, Party, QueueExit, Recording, RecordingNews, SentTo, SupervisorMode,
    WrapUp,
};

#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    FlowChosen {
        flow: String,
        version: String,
    },
    Answered,
    /// It was not, after all: our answer has not left.
    AnswerTakenBack,
    Entered {
        step: String,
    },
    Intent {
        intent: String,
    },
    Queued {
        queue: String,
        priority: u8,
        /// Since when the place in line counts, where that is from an earlier stay.
        in_line_since: Option<Timestamp>,
    },
    LeftQueue {
        left: QueueExit,
    },
    Dialed {
        leg: LegId,
        party: Party,
        queue: Option<String>,
        role: Role,
    },
    /// A supervisor is there in this mode from now on, perhaps in place of another.
    Supervised {
        leg: LegId,
        mode: SupervisorMode,
        instead_of: Option<SupervisorMode>,
    },
    /// The leg is dialed through this trunk now.
    Rerouted {
        leg: LegId,
        trunk: String,
    },
    LegAnswered {
        leg: LegId,
    },
    Bridged {
        leg: LegId,
    },
    Held {
        leg: LegId,
    },
    Resumed {
        leg: LegId,
    },
    /// The agent of this leg leaves, and the caller goes on there.
    SentOn {
        leg: LegId,
        to: SentTo,
    },
    LegEnded {
        leg: LegId,
        outcome: LegOutcome,
        cause: Option<Cause>,
    },
    /// The caller left, and those who talk to each other go on.
    CallerLeft,
    /// After-call work ended while the caller was still there.
    WrittenUp {
        wrap_up: WrapUp,
    },
    RecordingBegan {
        recording: Box<Recording>,
    },
    RecordingPaused {
        name: RecordingId,
        is_paused: bool,
    },
    /// A recording ended, or more became known of it.
    RecordingTold {
        news: RecordingNews,
    },
    Ended {
        by: EndedBy,
        cause: Cause,
    },
}

impl Fact {
    /// Whether the fact is about somebody coming or going, which a front may learn of late.
    #[must_use]
    pub const fn may_be_late(&self) -> bool {
        match self {
            Self::LegAnswered { .. }
            | Self::Bridged { .. }
            | Self::Held { .. }
            | Self::Resumed { .. }
            | Self::SentOn { .. }
            | Self::LegEnded { .. }
            | Self::CallerLeft
            | Self::LeftQueue { .. }
            | Self::Ended { .. } => true,
            Self::FlowChosen { .. }
            | Self::Answered
            | Self::AnswerTakenBack
            | Self::Entered { .. }
            | Self::Intent { .. }
            | Self::Queued { .. }
            | Self::Dialed { .. }
            | Self::Supervised { .. }
            | Self::Rerouted { .. }
            | Self::WrittenUp { .. }
            | Self::RecordingBegan { .. }
            | Self::RecordingPaused { .. }
            | Self::RecordingTold { .. } => false,
        }
    }
}
