//! What an input step got from the caller.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The four ways in which an input step was not answered, and the one in which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputOutcome {
    Matched,
    /// Not one key was pressed.
    NoInput,
    /// Some keys, fewer than asked for, then silence.
    Partial,
    /// Keys that mean nothing here.
    NoMatch,
    /// More keys than `digits_max`.
    TooMany,
}

/// As a flow names them.
impl fmt::Display for InputOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Matched => "matched",
            Self::NoInput => "no_input",
            Self::Partial => "partial",
            Self::NoMatch => "no_match",
            Self::TooMany => "too_many",
        })
    }
}
