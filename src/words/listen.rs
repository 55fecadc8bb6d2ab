//! The keys a call waits for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::Digit;

/// The keys a run waits for, or will after what it says now: what a front must know that collects
/// keys itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// The input ends at the latest with this many keys.
    pub keys_max: u8,
    /// This key ends it, too.
    pub finish: Option<Digit>,
    /// From the end of the prompt to the first key.
    pub timeout: Duration,
    /// From one key to the next.
    pub inter_digit: Duration,
    /// Whether a key stops the prompt.
    pub barge_in: bool,
    /// The keys must not be written down.
    pub secret: bool,
}

impl Listen {
    /// One key cuts short what is heard; no step waits for it afterwards.
    pub const SKIP: Self = Self {
        keys_max: 1,
        finish: None,
        timeout: Duration::ZERO,
        inter_digit: Duration::ZERO,
        barge_in: true,
        secret: false,
    };
}
