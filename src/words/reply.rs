//! What became of a question that a call asked a service.
//!
//! **Invariant:** a reply holds the values that were asked for and nothing else of what the service
//! said, and is never larger than [`REPLY_LEN_MAX`]; no text made of it for a log shows a value.
//!
//! **Deliberately absent:** JSON as it came. Who asked a service has read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::words::Digit;

/// Bytes of all values of one reply, as JSON. A service that says more is not believed.
pub const REPLY_LEN_MAX: usize = 64 * 1024;

/// What became of a question.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// The service knows: a text, a number, true or false by the name it was asked for under; null
    /// where the answer has nothing there.
    Found {
        values: BTreeMap<String, Value>,
        /// Of these, no value may be written down.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        withheld: BTreeSet<String>,
    },
    /// The service knows of nothing: 404, or an empty answer.
    Nothing,
    Failed {
        why: AskFailure,
    },
    /// Nothing had come when the time was over.
    TimedOut,
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AskFailure {
    #[error("too many questions are open")]
    Busy,
    #[error("the configuration does not allow this address")]
    NotAllowed,
    #[error("the service could not be reached")]
    Unreachable,
    #[error("the service answered with status {0}")]
    Status(u16),
    #[error("the service sent the question elsewhere, which is not followed")]
    Redirected,
    #[error("the answer is too long")]
    TooLong,
    #[error("the answer is no JSON")]
    NotJson,
    /// The server was restarted, and the question held what only the caller knows.
    #[error("the question was lost with the server")]
    Lost,
}

impl Reply {
    /// What may be written of it: of a value that is withheld, that there was one.
    #[must_use]
    pub fn masked(&self) -> Self {
        let Self::Found { values, withheld } = self else { return self.clone() };
        let masked = values.iter().map(|(name, value)| {
            let value = match withheld.contains(name) && !value.is_null() {
                true => Value::String(Digit::MASKED.as_char().to_string()),
                false => value.clone(),
            };
            (name.clone(), value)
        });
        Self::Found { values: masked.collect(), withheld: withheld.clone() }
    }

    /// The reply itself, or what stands for one that is too long.
    #[must_use]
    pub fn bounded(self) -> Self {
        let Self::Found { values, .. } = &self else { return self };
        let length = |value: &Value| match value {
            Value::String(text) => text.len(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            // No flow asks for these, and what is in them is not counted.
            Value::Array(_) | Value::Object(_) => REPLY_LEN_MAX,
        };
        let lengths = values.iter().map(|(name, value)| name.len() + length(value));
        match lengths.sum::<usize>() <= REPLY_LEN_MAX {
            true => self,
            false => Self::Failed { why: AskFailure::TooLong },
        }
    }
}

/// Values are left out: they may be secret, and they are about a person.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { values, .. } => {
                f.debug_tuple("Found").field(&values.keys().collect::<Vec<_>>()).finish()
            }
            Self::Nothing => f.write_str("Nothing"),
            Self::Failed { why } => f.debug_tuple("Failed").field(why).finish(),
            Self::TimedOut => f.write_str("TimedOut"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[(&str, Value)], withheld: &[&str]) -> Reply {
        Reply::Found {
            values: values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            withheld: withheld.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_withheld_is_neither_written_nor_shown() {
        let reply = found(
            &[("pin", "4711".into()), ("name", "Ada".into()), ("puk", Value::Null)],
            &["pin", "puk"],
        );
        let masked = found(
            &[("pin", "•".into()), ("name", "Ada".into()), ("puk", Value::Null)],
            &["pin", "puk"],
        );
        assert_eq!(reply.masked(), masked);
        assert!(!serde_json::to_string(&reply.masked()).unwrap().contains("4711"));
        assert_eq!(format!("{reply:?}"), "Found([\"name\", \"pin\", \"puk\"])");
    }

    #[test]
    fn a_reply_that_is_too_long_is_a_failure() {
        let text = |length| Value::String("a".repeat(length));
        let fits = found(&[("a", text(REPLY_LEN_MAX - 2)), ("b", Value::Null)], &[]);
        assert_eq!(fits.clone().bounded(), fits);
        let failed = Reply::Failed { why: AskFailure::TooLong };
        assert_eq!(found(&[("a", text(REPLY_LEN_MAX))], &[]).bounded(), failed);
        assert_eq!(found(&[("a", Value::Array(Vec::new()))], &[]).bounded(), failed);
    }

    #[test]
    fn a_reply_is_read_back_as_it_was_written() {
        for reply in [
            found(&[("name", "Ada".into()), ("balance", 12.5.into())], &["name"]),
            Reply::Nothing,
            Reply::Failed { why: AskFailure::Status(500) },
            Reply::TimedOut,
        ] {
            let line = serde_json::to_string(&reply).unwrap();
            assert_eq!(serde_json::from_str::<Reply>(&line).unwrap(), reply, "{line}");
        }
    }
}
