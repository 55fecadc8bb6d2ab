//! What an agent does, without on which call.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An [`AgentState`](crate::words::AgentState) by its kind: what figures and wallboards count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Takes no calls, and is not at work.
    LoggedOut,
    /// At work, and on a break.
    NotReady,
    /// Waits for a call.
    Ready,
    /// An offered call rings at the agent's phone.
    Reserved,
    /// Talks to a caller.
    Talking,
    /// Writes down what the last call was about.
    AfterCallWork,
    /// A ready agent, on a call of their own.
    OnOwnCall,
}

impl Activity {
    /// All there are, in the order in which `/metrics` lists them.
    pub const ALL: [Self; 7] = [
        Self::LoggedOut,
        Self::NotReady,
        Self::Ready,
        Self::Reserved,
        Self::Talking,
        Self::AfterCallWork,
        Self::OnOwnCall,
    ];

    /// As the HTTP interface has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::NotReady => "not_ready",
            Self::Ready => "ready",
            Self::Reserved => "reserved",
            Self::Talking => "talking",
            Self::AfterCallWork => "after_call_work",
            Self::OnOwnCall => "on_own_call",
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
