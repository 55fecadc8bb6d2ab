//! Why a front cannot do what is asked for.

use thiserror::Error;

/// Why a front cannot do what is asked for, and what could be done about it, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FrontCannot(pub String);
