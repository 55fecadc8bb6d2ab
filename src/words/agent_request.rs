//! What an agent asks for.
//!
//! **Deliberately absent:** whether it may be had now, which the center answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What an agent asks for, or the HTTP interface on the agent's behalf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum AgentRequest {
    /// The agent comes to work, not ready yet.
    LogIn,
    /// The agent goes home; a talk that goes on ends first.
    LogOut,
    /// The agent waits for calls; ends after-call work, too.
    Ready,
    /// The agent goes on a break, after the talk that goes on.
    NotReady {
        reason: String,
    },
    /// Ends after-call work; what is given is written on the agent's last call.
    EndWrapUp {
        resolved: Option<bool>,
        intent: Option<String>,
        note: Option<String>,
    },
    /// The caller of the call the agent talks on is put on hold, until [`AgentRequest::Resume`].
    Hold,
    /// Back to the caller; a consulted party is hung up.
    Resume,
    /// The agent leaves, and the call goes on at this step of its flow, with these variables set:
    /// texts, numbers, `true` or `false`.
    Transfer {
        step: String,
        vars: BTreeMap<String, serde_json::Value>,
    },
    /// The caller is put on hold, and somebody outside is dialed for the agent: the consulted
    /// party.
    Consult {
        number: String,
        /// The trunk to go through; the first that allows the number otherwise.
        trunk: Option<String>,
    },
    /// The agent leaves, and the caller goes on with the consulted party.
    Complete,
    /// Caller, agent and consulted party hear each other.
    Conference,
    /// Both sides are recorded from now on, where the queue allows it; a pause ends.
    StartRecording,
    /// Nothing is recorded until [`AgentRequest::ResumeRecording`].
    PauseRecording,
    ResumeRecording,
}

impl AgentRequest {
    /// One word, without what was said with it: that may name a number.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LogIn => "log_in",
            Self::LogOut => "log_out",
            Self::Ready => "ready",
            Self::NotReady { .. } => "not_ready",
            Self::EndWrapUp { .. } => "end_wrap_up",
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Transfer { .. } => "transfer",
            Self::Consult { .. } => "consult",
            Self::Complete => "complete",
            Self::Conference => "conference",
            Self::StartRecording => "start_recording",
            Self::PauseRecording => "pause_recording",
            Self::ResumeRecording => "resume_recording",
        }
    }
}
