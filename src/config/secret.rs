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

impl From<&str> for Secret {
    /// From a command line, for one.
    fn from(value: &str) -> Self {
        Self::new(value)
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

/// Rows of keyboards, which count as one character each.
const ROWS: &[&str] =
    &["qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "1qaz2wsx", "147258369"];

/// Fewer unpredictable characters make no password, fewer make no token.
const SURPRISES_MIN: usize = 6;
const TOKEN_SURPRISES_MIN: usize = 12;
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
    if WEAK.contains(&password.as_str()) {
        return Some("it is one of the first that are tried");
    }
    if password.len() < PASSWORD_LEN_MIN {
        return Some("it is shorter than 8 characters");
    }
    (surprises(&user, &password) < SURPRISES_MIN).then_some(
        "it is little more than the name, a well-known word, a row of keys, or a repetition, which \
         are tried first",
    )
}

/// Whether a token was typed by hand, not drawn at random.
#[must_use]
pub(super) fn is_monotonous(token: &Secret) -> bool {
    surprises("", &token.expose().to_ascii_lowercase()) < TOKEN_SURPRISES_MIN
}

/// Characters of a password that a guesser would not know from those before: a well-known word, the
/// user's name, a run such as `1234` or `aaaa`, a row of the keyboard and whatever stood before
/// count as one.
fn surprises(user: &str, password: &str) -> usize {
    let spelled: Vec<char> = password.chars().map(spelled).collect();
    let typed: Vec<char> = password.chars().collect();
    let words = WEAK.iter().copied().chain(ROWS.iter().copied()).chain([user]);
    let words: Vec<Vec<char>> =
        words.filter(|word| word.chars().count() >= 3).map(|word| word.chars().collect()).collect();
    let (mut at, mut surprises) = (0, 0);
    while at < typed.len() {
        let word = |text: &[char]| {
            let known = words.iter().map(|word| common(word, &text[at..]));
            known.max().unwrap_or(0)
        };
        let again = (0..at).map(|before| common(&typed[before..], &typed[at..])).max().unwrap_or(0);
        let known = [word(&typed), word(&spelled), run(&typed[at..]), again];
        let len = known.into_iter().max().filter(|len| *len >= 3).unwrap_or(1);
        surprises += 1;
        at += len;
    }
    surprises
}

/// How many characters two texts begin alike with; for a word, four of it or all.
fn common(word: &[char], text: &[char]) -> usize {
    let len = word.iter().zip(text).take_while(|(a, b)| a == b).count();
    if len == word.len() || len >= 4 { len } else { 0 }
}

/// The length of `aaaa`, `1234` or `dcba` at the beginning.
fn run(text: &[char]) -> usize {
    let step = |pair: &[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]));
    let mut steps = text.windows(2).map(step);
    let Some(first) = steps.next().filter(|first| (-1..=1).contains(first)) else { return 1 };
    2 + steps.take_while(|step| *step == first).count()
}

/// The letter that a digit or sign often stands for.
const fn spelled(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_40_what_is_tried_first_is_weak() {
        for weak in [
            "",
            "alice",
            "alice1",
            "alicealice",
            "alice-alice",
            "Alice2026",
            "password123",
            "P@ssw0rd!",
            "Passw0rd2026",
            "qwertyuiop",
            "1q2w3e4",
            "asdfghjkl1",
            "12345678",
            "87654321",
            "aaaaaaaaaa",
            "abcabcabc",
            "secret123",
            "welcome1",
            "alice123456",
            "changeme1",
            "test1234",
            "7777777x",
        ] {
            assert!(weakness("alice", &Secret::new(weak)).is_some(), "{weak}");
        }
        for strong in ["k3v9m2x7c4b8n5q6w1z0", "tr0ub4dor&3", "correct-horse-battery", "h7Kp2mQz"] {
            assert_eq!(weakness("alice", &Secret::new(strong)), None, "{strong}");
        }
    }

    #[test]
    fn fault_40_a_token_that_nobody_drew_is_refused() {
        assert!(is_monotonous(&Secret::new("a".repeat(32))));
        assert!(is_monotonous(&Secret::new("passwordpasswordpasswordpassword")));
        assert!(!is_monotonous(&Secret::new("9f86d081884c7d659a2feaa0c55ad015")));
    }
}
