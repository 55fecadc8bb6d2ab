//! A principal: the name and the role of whoever asks for something.
//!
//! **Deliberately absent:** tokens, which end at the HTTP interface's edge; what a role may do,
//! which that knows as well.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who asked, as the journal, the log and records have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Principal {
    pub name: String,
    pub role: PrincipalRole,
}

/// What a principal is trusted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalRole {
    /// May do all there is.
    Admin,
    /// Reads all, hears calls and what was recorded, and ends calls.
    Supervisor,
    /// Acts as one agent, and sees what that agent does.
    Agent,
    /// Reads.
    Monitor,
}

impl PrincipalRole {
    pub const ALL: [Self; 4] = [Self::Admin, Self::Supervisor, Self::Agent, Self::Monitor];

    /// As configuration and journal have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Supervisor => "supervisor",
            Self::Agent => "agent",
            Self::Monitor => "monitor",
        }
    }
}

impl Principal {
    /// Whose token is `api.operate_token`.
    pub const OPERATOR: &str = "operator";
    /// Whose token is `api.read_token`.
    pub const READER: &str = "reader";

    #[must_use]
    pub fn admin(name: impl Into<String>) -> Self {
        Self { name: name.into(), role: PrincipalRole::Admin }
    }
}

impl fmt::Display for PrincipalRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.role)
    }
}

/// A principal in a journal. Before there were roles it was the name alone of whoever had the
/// operate token.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Whole { name: String, role: PrincipalRole },
}

impl From<Written> for Principal {
    fn from(written: Written) -> Self {
        match written {
            Written::Name(name) => Self::admin(name),
            Written::Whole { name, role } => Self { name, role },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Event;

    #[test]
    fn a_principal_is_read_as_it_is_written_and_as_old_journals_have_it() {
        for role in PrincipalRole::ALL {
            let eve = Principal { name: "eve".to_owned(), role };
            let json = format!(r#"{{"name":"eve","role":"{role}"}}"#);
            assert_eq!(serde_json::to_string(&eve).unwrap(), json);
            assert_eq!(serde_json::from_str::<Principal>(&json).unwrap(), eve);
        }
        let old: Principal = serde_json::from_str(r#""operator""#).unwrap();
        assert_eq!(old.to_string(), "operator (admin)");
    }

    #[test]
    fn events_of_before_say_of_nobody_who_asked() {
        for line in [
            r#"{"event":"agent_asked","agent":0,"ask":{"ask":"ready"}}"#,
            r#"{"event":"end_call","call":7}"#,
        ] {
            let event: Event = serde_json::from_str(line).unwrap();
            assert_eq!(event.by(), None, "{line}");
            assert_eq!(serde_json::to_string(&event).unwrap(), line, "and is written as it was");
        }
        let line = r#"{"event":"supervisor_asked","by":"operator","call":7,"ask":{"ask":"leave"}}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        assert_eq!(event.by().map(|by| by.role), Some(PrincipalRole::Admin));
    }
}
