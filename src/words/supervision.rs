//! What a supervisor asks for: to hear a call, to be heard, to take it over.
//!
//! **Deliberately absent:** whether it may be had now, which the center answers; who may ask, which
//! the HTTP interface knows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a supervisor asks for about a call that is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum SupervisorRequest {
    /// Rings the supervisor's telephone; the call is supervised in this mode once it is answered.
    Supervise {
        mode: SupervisorMode,
        #[serde(flatten)]
        from: Telephone,
    },
    /// Changes the mode of the supervisor who is there.
    Mode { mode: SupervisorMode },
    /// The supervisor leaves, and the call goes on.
    Leave,
}

/// Which legs hear a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisorMode {
    /// None. The supervisor hears all.
    Listen,
    /// The agent alone.
    Whisper,
    /// All who talk.
    Barge,
    /// The agent leaves, and the supervisor talks to the caller in their place.
    TakeOver,
}

/// A telephone to ring for the supervisor, who is no party of the call yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Telephone {
    /// An agent's, by login.
    Agent { agent: String },
    /// Behind a trunk: this one, or the first that allows the number.
    Number { number: String, trunk: Option<String> },
}

impl SupervisorRequest {
    /// One word, without what was said with it: that may name a number.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Supervise { .. } => "supervise",
            Self::Mode { .. } => "mode",
            Self::Leave => "leave",
        }
    }
}

/// As records and the HTTP interface have it.
impl fmt::Display for SupervisorMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listen => "listen",
            Self::Whisper => "whisper",
            Self::Barge => "barge",
            Self::TakeOver => "take_over",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_is_written() {
        let telephones = [
            (Telephone::Agent { agent: "eve".to_owned() }, r#""agent":"eve""#),
            (
                Telephone::Number { number: "+14155550100".to_owned(), trunk: None },
                r#""number":"+14155550100","trunk":null"#,
            ),
        ];
        for (from, text) in telephones {
            let asked = SupervisorRequest::Supervise { mode: SupervisorMode::Listen, from };
            let json = format!(r#"{{"ask":"supervise","mode":"listen",{text}}}"#);
            assert_eq!(serde_json::to_string(&asked).unwrap(), json);
            assert_eq!(serde_json::from_str::<SupervisorRequest>(&json).unwrap(), asked);
        }
        let json = r#"{"ask":"mode","mode":"take_over"}"#;
        let asked = SupervisorRequest::Mode { mode: SupervisorMode::TakeOver };
        assert_eq!(serde_json::from_str::<SupervisorRequest>(json).unwrap(), asked);
        assert_eq!(SupervisorMode::TakeOver.to_string(), "take_over");
    }
}
