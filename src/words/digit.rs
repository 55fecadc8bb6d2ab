//! One key of a telephone keypad.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `0`–`9`, `*`, `#`, `A`–`D`; or a key whose value was withheld because the step that took it is
/// `secret` (only a journal read back can hold that one).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub struct Digit(char);

impl Digit {
    /// What a journal holds in place of a key pressed at a secret step.
    pub const MASKED: Self = Self('•');

    #[must_use]
    pub const fn new(c: char) -> Option<Self> {
        match c {
            '0'..='9' | '*' | '#' | 'A'..='D' => Some(Self(c)),
            'a'..='d' => Some(Self(c.to_ascii_uppercase())),
            _ => None,
        }
    }

    /// An RFC 4733 event code: 0–9, 10 = `*`, 11 = `#`, 12–15 = `A`–`D`.
    #[must_use]
    pub fn from_event(code: u8) -> Option<Self> {
        b"0123456789*#ABCD".get(usize::from(code)).map(|&c| Self(char::from(c)))
    }

    #[must_use]
    pub const fn as_char(self) -> char {
        self.0
    }
}

impl TryFrom<char> for Digit {
    type Error = String;

    fn try_from(c: char) -> Result<Self, Self::Error> {
        if c == Self::MASKED.0 {
            return Ok(Self::MASKED);
        }
        Self::new(c).ok_or_else(|| format!("{c:?} is not a telephone key"))
    }
}

impl From<Digit> for char {
    fn from(digit: Digit) -> Self {
        digit.0
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Keys are masked in debug output: a log line must not hold a PIN by accident.
impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(•)")
    }
}
