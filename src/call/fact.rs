//! What happened in a call, one value per happening. The record is a fold over these.
//!
//! **Invariant:** facts are appended in order of time and never changed.

use std::sync::Arc;

use crate::call::Role;
use crate::id::{LegId, RecordingId};
use crate::time::Timestamp;
use crate::words::{
    Cause, EndedBy, LegOutcome, Party, QueueExit, Recording, RecordingUpdate, SentTo,
    SupervisorMode, WrapUp,
};

#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    FlowChosen {
        flow: Arc<str>,
        version: Arc<str>,
    },
    Answered,
    /// It was not, after all: our answer has not left.
    AnswerTakenBack,
    Entered {
        step: Arc<str>,
    },
    Intent {
        intent: Arc<str>,
    },
    Queued {
        queue: String,
        priority: u8,
        /// Since when the place in line counts, where that is from an earlier visit.
        in_line_since: Option<Timestamp>,
        /// An agent waits, for a party to consult.
        consulted: bool,
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
    Transferred {
        leg: LegId,
        to: SentTo,
    },
    /// The agent of this leg was consulted, and has the call from now on.
    HandedOver {
        leg: LegId,
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
    RecordingUpdated {
        update: RecordingUpdate,
    },
    Ended {
        by: EndedBy,
        cause: Cause,
    },
}

impl Fact {
    /// The leg that the fact is about.
    #[must_use]
    pub const fn leg(&self) -> Option<LegId> {
        match self {
            Self::Dialed { leg, .. }
            | Self::Supervised { leg, .. }
            | Self::Rerouted { leg, .. }
            | Self::LegAnswered { leg }
            | Self::Bridged { leg }
            | Self::Held { leg }
            | Self::Resumed { leg }
            | Self::Transferred { leg, .. }
            | Self::HandedOver { leg }
            | Self::LegEnded { leg, .. } => Some(*leg),
            Self::WrittenUp { wrap_up } => Some(wrap_up.leg),
            Self::FlowChosen { .. }
            | Self::Answered
            | Self::AnswerTakenBack
            | Self::Entered { .. }
            | Self::Intent { .. }
            | Self::Queued { .. }
            | Self::LeftQueue { .. }
            | Self::CallerLeft
            | Self::RecordingBegan { .. }
            | Self::RecordingPaused { .. }
            | Self::RecordingUpdated { .. }
            | Self::Ended { .. } => None,
        }
    }

    /// Whether the fact is about the begin or end of a leg, which a front may learn late.
    #[must_use]
    pub const fn may_be_late(&self) -> bool {
        match self {
            Self::LegAnswered { .. }
            | Self::Bridged { .. }
            | Self::Held { .. }
            | Self::Resumed { .. }
            | Self::Transferred { .. }
            | Self::HandedOver { .. }
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
            | Self::RecordingUpdated { .. } => false,
        }
    }
}
