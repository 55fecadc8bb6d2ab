//! What an agent asks for.
//!
//! **Deliberately absent:** whether it may be had now, which the center answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::CallId;
use crate::words::{Disposition, Telephone};

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
    /// Ends after-call work. What is given is written on the call in talk, which goes on, or else
    /// on the agent's last call; it adds to what was given before.
    EndWrapUp {
        /// The one of those that it must be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallId>,
        #[serde(flatten)]
        said: Disposition,
    },
    /// The caller of the call the agent talks on is put on hold, until [`AgentRequest::Resume`].
    Hold,
    /// Back to the caller; a consulted party is hung up, and a queue is not asked for one any more.
    /// In a conference: back from whom the agent consults beside it, to the others.
    Resume,
    /// The agent leaves, and the call goes on at this step of its flow, with these variables set:
    /// texts, numbers, `true` or `false`.
    Transfer {
        step: String,
        vars: BTreeMap<String, serde_json::Value>,
    },
    /// The caller is put on hold, and a party is asked to join the agent: the consulted party.
    Consult {
        #[serde(flatten)]
        target: ConsultTarget,
    },
    /// The agent leaves, and the caller goes on with the consulted party.
    Complete,
    /// Caller, agent and consulted party hear each other, and whoever met them before.
    Conference,
    /// Both sides are recorded from now on, where the queue allows it; a pause ends.
    StartRecording,
    /// Nothing is recorded until [`AgentRequest::ResumeRecording`].
    PauseRecording,
    ResumeRecording,
}

/// Whom an agent consults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConsultTarget {
    /// An agent of this queue, as its order finds one for a caller.
    Queue {
        queue: String,
    },
    Telephone(Telephone),
}

impl AgentRequest {
    /// Ends after-call work; whether the caller's concern is resolved, where it is known.
    #[must_use]
    pub fn end_wrap_up(resolved: Option<bool>) -> Self {
        Self::EndWrapUp { call: None, said: Disposition { resolved, ..Disposition::default() } }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_an_agent_consults_is_read_as_it_is_written() {
        let agent = Telephone::Agent { agent: "bob".to_owned() };
        let number = Telephone::Number { number: "+14155550100".to_owned(), trunk: None };
        let targets = [
            // As it was when numbers were all there was.
            (ConsultTarget::Telephone(number), r#""number":"+14155550100","trunk":null"#),
            (ConsultTarget::Telephone(agent), r#""agent":"bob""#),
            (ConsultTarget::Queue { queue: "tech".to_owned() }, r#""queue":"tech""#),
        ];
        for (target, text) in targets {
            let ask = AgentRequest::Consult { target };
            let json = format!(r#"{{"ask":"consult",{text}}}"#);
            assert_eq!(serde_json::to_string(&ask).unwrap(), json);
            assert_eq!(serde_json::from_str::<AgentRequest>(&json).unwrap(), ask);
        }
    }
}
