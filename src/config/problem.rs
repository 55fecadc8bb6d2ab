//! What is wrong with a configuration, said so that it can be mended.
//!
//! **Invariant:** every problem names a place: a file and a line, a variable or an argument.
//!
//! **Deliberately absent:** the values of secrets. A problem speaks of the key only.

use std::fmt;

use crate::flow::{Diagnostic, explain};

/// More than these are counted, not listed.
const PROBLEMS_SHOWN_MAX: usize = 50;

/// Whose mistake a problem is: what the exit code of a command says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The configuration's.
    Config,
    /// A flow's, or a sound's that a flow names.
    Flow,
    /// A file or folder cannot be read.
    File,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub whose: Whose,
    /// `attendant.toml:31`, `environment variable ATTENDANT__SIP__LISTEN`, `argument --flows`.
    pub place: String,
    pub message: String,
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    pub list: Vec<Problem>,
    /// What the flow language says of the flow files; beside errors, warnings may be there.
    pub flows: Vec<Diagnostic>,
}

impl Problems {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.flows.is_empty()
    }

    /// Whose mistakes these are, the configuration's before those of flows.
    #[must_use]
    pub fn whose(&self) -> Whose {
        let any = |whose| self.list.iter().any(|problem| problem.whose == whose);
        if any(Whose::Config) {
            Whose::Config
        } else if any(Whose::Flow) || !self.flows.is_empty() {
            Whose::Flow
        } else {
            Whose::File
        }
    }

    /// All but what is said of flow files, for people.
    #[must_use]
    pub fn listed(&self) -> String {
        let shown = self.list.iter().take(PROBLEMS_SHOWN_MAX);
        let mut text: String = shown.map(|problem| format!("{problem}\n")).collect();
        if self.list.len() > PROBLEMS_SHOWN_MAX {
            text.push_str(&format!("… and {} more\n", self.list.len() - PROBLEMS_SHOWN_MAX));
        }
        text
    }

    /// By place, as one reads a file.
    pub(super) fn sort(&mut self) {
        self.list.sort_by_key(|problem| match problem.place.rsplit_once(':') {
            Some((file, line)) => (file.to_owned(), line.parse().unwrap_or(0)),
            None => (problem.place.clone(), 0_usize),
        });
        self.list.dedup();
    }

    pub fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.list.push(Problem {
            whose: Whose::Config,
            place: place.into(),
            message: message.into(),
            help: None,
        });
    }

    /// The same of another's.
    pub(super) fn add_of(
        &mut self,
        whose: Whose,
        place: impl Into<String>,
        message: impl Into<String>,
        help: &str,
    ) {
        let help = Some(help.to_owned()).filter(|help| !help.is_empty());
        self.list.push(Problem { whose, place: place.into(), message: message.into(), help });
    }

    pub(super) fn add_unreadable(&mut self, place: &str, message: String, help: &str) {
        self.add_of(Whose::File, place, message, help);
    }

    pub fn add_with_help(
        &mut self,
        place: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add_of(Whose::Config, place, message, &help.into());
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.listed(), explain(&self.flows))
    }
}

impl std::error::Error for Problems {}

/// The one of `known` that `word` was probably meant to be.
#[must_use]
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance_max = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= distance_max)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be added, taken away, replaced or swapped with their neighbor.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            least = least.min(rows[i - 1][j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_typo_finds_its_word() {
        let known = ["listen", "realm", "ring_timeout_s", "external_address"];
        assert_eq!(closest("lisen", known), Some("listen"));
        assert_eq!(closest("ring_timeuot_s", known), Some("ring_timeout_s"));
        assert_eq!(closest("ring_timeout", known), Some("ring_timeout_s"));
        assert_eq!(closest("port", known), None);
    }
}
