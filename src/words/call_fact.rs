//! What happened in a call, one value per happening. Its record is a fold over these.
//!
//! **Invariant:** the facts of a call are in order of time, and never changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{LegId, RecordingId};
use crate::words::{
    Cause, EndedBy, InputOutcome, LegOutcome, Party, PartyRole, QueueExit, Recording,
    RecordingUpdate, SelfService, SentTo, SupervisorMode, WrapUp,
};

/// One happening in a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "happened", rename_all = "snake_case")]
pub enum CallFact {
    FlowChosen {
        flow: Arc<str>,
        version: Arc<str>,
    },
    Answered,
    /// It was not, after all: our answer has not left.
    AnswerTakenBack,
    Entered {
        step: Arc<str>,
        /// The caller had hung up: `on_hangup` led there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        after_hangup: bool,
    },
    /// The input step that the call is at was answered, or not.
    Input {
        outcome: InputOutcome,
        /// What was pressed; `None` at a `secret` step, and where no key was.
        keys: Option<Arc<str>>,
    },
    /// The step that the call is at could not do its work.
    StepFailed,
    Intent {
        intent: Arc<str>,
    },
    /// The flow says how far the call has come.
    Milestone {
        name: Arc<str>,
    },
    /// The flow says what it did for the caller by itself.
    SelfService(Arc<SelfService>),
    /// The flow writes a line about the call.
    Note {
        text: Arc<str>,
    },
    Queued {
        queue: Arc<str>,
        priority: u8,
        /// Since when the place in line counts, where that is from an earlier visit.
        in_line_since: Option<crate::time::Timestamp>,
        /// An agent waits, for a party to consult.
        consulted: bool,
    },
    LeftQueue {
        left: QueueExit,
    },
    Dialed(Arc<Dialed>),
    /// A supervisor is there in this mode from now on, perhaps in place of another.
    Supervised {
        leg: LegId,
        mode: SupervisorMode,
        instead_of: Option<SupervisorMode>,
    },
    /// The leg is dialed through this trunk now.
    Rerouted {
        leg: LegId,
        trunk: Arc<str>,
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
        wrap_up: Arc<WrapUp>,
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
    /// The last fact: what the record holds that is not a happening.
    Closed(Arc<Closing>),
}

/// A party is dialed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialed {
    pub leg: LegId,
    pub party: Party,
    /// The queue that offers the call.
    pub queue: Option<Arc<str>>,
    /// An agent asked for this party, to consult them.
    pub consulted: bool,
    /// What the party is there for, where that is not to talk to the caller.
    pub role: Option<PartyRole>,
    /// Who asked for a supervisor.
    pub by: Option<Arc<str>>,
}

/// What a record holds that is not a happening.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    pub language: Option<String>,
    /// Secret ones left out.
    pub vars: BTreeMap<String, String>,
}

impl CallFact {
    /// One word, as it is written.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::FlowChosen { .. } => "flow_chosen",
            Self::Answered => "answered",
            Self::AnswerTakenBack => "answer_taken_back",
            Self::Entered { .. } => "entered",
            Self::Input { .. } => "input",
            Self::StepFailed => "step_failed",
            Self::Intent { .. } => "intent",
            Self::Milestone { .. } => "milestone",
            Self::SelfService(_) => "self_service",
            Self::Note { .. } => "note",
            Self::Queued { .. } => "queued",
            Self::LeftQueue { .. } => "left_queue",
            Self::Dialed(_) => "dialed",
            Self::Supervised { .. } => "supervised",
            Self::Rerouted { .. } => "rerouted",
            Self::LegAnswered { .. } => "leg_answered",
            Self::Bridged { .. } => "bridged",
            Self::Held { .. } => "held",
            Self::Resumed { .. } => "resumed",
            Self::Transferred { .. } => "transferred",
            Self::HandedOver { .. } => "handed_over",
            Self::LegEnded { .. } => "leg_ended",
            Self::CallerLeft => "caller_left",
            Self::WrittenUp { .. } => "written_up",
            Self::RecordingBegan { .. } => "recording_began",
            Self::RecordingPaused { .. } => "recording_paused",
            Self::RecordingUpdated { .. } => "recording_updated",
            Self::Ended { .. } => "ended",
            Self::Closed(_) => "closed",
        }
    }

    /// The leg that the fact is about.
    #[must_use]
    pub fn leg(&self) -> Option<LegId> {
        match self {
            Self::Dialed(dialed) => Some(dialed.leg),
            Self::Supervised { leg, .. }
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
            | Self::Input { .. }
            | Self::StepFailed
            | Self::Intent { .. }
            | Self::Milestone { .. }
            | Self::SelfService(_)
            | Self::Note { .. }
            | Self::Queued { .. }
            | Self::LeftQueue { .. }
            | Self::CallerLeft
            | Self::RecordingBegan { .. }
            | Self::RecordingPaused { .. }
            | Self::RecordingUpdated { .. }
            | Self::Ended { .. }
            | Self::Closed(_) => None,
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
            | Self::Ended { .. }
            | Self::Closed(_) => true,
            Self::FlowChosen { .. }
            | Self::Answered
            | Self::AnswerTakenBack
            | Self::Entered { .. }
            | Self::Input { .. }
            | Self::StepFailed
            | Self::Intent { .. }
            | Self::Milestone { .. }
            | Self::SelfService(_)
            | Self::Note { .. }
            | Self::Queued { .. }
            | Self::Dialed(_)
            | Self::Supervised { .. }
            | Self::Rerouted { .. }
            | Self::WrittenUp { .. }
            | Self::RecordingBegan { .. }
            | Self::RecordingPaused { .. }
            | Self::RecordingUpdated { .. } => false,
        }
    }
}
