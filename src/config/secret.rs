//! A value that must not be seen: passwords and tokens.
//!
//! **Invariant:** no `Debug`, `Display` or `Serialize` of a [`Secret`] shows a byte of it; only
//! [`Secret::expose`] does, and a search for that word finds every use.
//!
//! **Deliberately absent:** wiping memory. Whoever can read this process can read the file, too.

use std::fmt;

use serde::{Serialize, Serializer};

#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself: for computing with, never for showing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// Passwords that scanners try first. A password equal to its user's name is weak as well.
const WEAK: &[&str] = &[
    "1234",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "0000",
    "1111",
    "abc123",
    "admin",
    "agent",
    "asterisk",
    "changeme",
    "cluecon",
    "default",
    "demo",
    "freeswitch",
    "guest",
    "letmein",
    "pass",
    "passw0rd",
    "password",
    "phone",
    "qwerty",
    "secret",
    "sip",
    "sip123",
    "test",
    "test123",
    "user",
    "voip",
    "welcome",
];

/// Shortest password of an agent or a trunk.
pub(super) const PASSWORD_LEN_MIN: usize = 8;
/// Shortest token of the HTTP interface: 32 hexadecimal digits are 128 bit.
pub(super) const TOKEN_LEN_MIN: usize = 32;

/// Why this password of `user` would be guessed, if it would.
#[must_use]
pub(super) fn weakness(user: &str, password: &Secret) -> Option<&'static str> {
    let password = password.expose().to_ascii_lowercase();
    let user = user.to_ascii_lowercase();
    if password.is_empty() {
        return Some("it is empty");
    }
    let tail = password.strip_prefix(&user).unwrap_or(&password);
    if tail.is_empty() || tail.len() <= 4 && tail.chars().all(|c| c.is_ascii_digit()) {
        return Some("it is the name itself, or the name and a few digits, or four digits");
    }
    if WEAK.contains(&password.as_str()) {
        return Some("it is one of the first that are tried");
    }
    if password.len() < PASSWORD_LEN_MIN {
        return Some("it is shorter than 8 characters");
    }
    let first = password.chars().next();
    password.chars().all(|c| Some(c) == first).then_some("it is one character repeated")
}
