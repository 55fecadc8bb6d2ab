//! Reading one table of the merged configuration into typed values.
//!
//! A [`Section`] remembers each key it was asked for, so that a key that was not asked for is a
//! typo, and says what it was probably meant to be. A wrong value is noted and read as absent: the
//! reader goes on, and all problems come out at once.
//!
//! **Invariant:** reading never stops at a problem and never prints the value of a secret.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::de::DeValue;

use crate::config::layers::{Kind, Node, resolve};
use crate::config::problem::{Problems, closest};
use crate::config::secret::Secret;

pub(super) struct Section<'a, 'p> {
    path: String,
    place: String,
    table: BTreeMap<&'a str, &'a Node>,
    asked: Vec<String>,
    problems: &'p mut Problems,
}

impl<'a, 'p> Section<'a, 'p> {
    pub(super) fn new(path: impl Into<String>, node: &'a Node, problems: &'p mut Problems) -> Self {
        let path = path.into();
        let mut table = BTreeMap::new();
        match &node.kind {
            Kind::Table(entries) => {
                table.extend(entries.iter().map(|(key, node)| (key.as_str(), node)));
            }
            Kind::Text(_) | Kind::Int(_) | Kind::Float | Kind::Bool(_) | Kind::List(_) => {
                problems.add(&node.place, format!("`{path}` must be a table, as in [{path}]"));
            }
        }
        Self { path, place: node.place.clone(), table, asked: Vec::new(), problems }
    }

    pub(super) fn node(&mut self, key: &str) -> Option<&'a Node> {
        self.asked.push(key.to_owned());
        self.table.get(key).copied()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether text is there; anything else is a problem already reported.
    pub(super) fn is_text(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|node| matches!(node.kind, Kind::Text(_)))
    }

    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|node| match &node.kind {
            Kind::List(items) => items.is_empty(),
            Kind::Text(text) => node.loose && loose_list(text).is_some_and(|it| it.is_empty()),
            Kind::Int(_) | Kind::Float | Kind::Bool(_) | Kind::Table(_) => false,
        })
    }

    pub(super) fn problems(&mut self) -> &mut Problems {
        self.problems
    }

    /// Where `key` was written; where the table begins, when it was not.
    pub(super) fn place_of(&self, key: &str) -> String {
        self.table.get(key).map_or_else(|| self.place.clone(), |node| node.place.clone())
    }

    pub(super) fn problem(&mut self, key: &str, message: impl Display, help: &str) {
        let place = self.place_of(key);
        let path = self.name(key);
        let message = format!("`{path}`: {message}");
        if help.is_empty() {
            self.problems.add(place, message);
        } else {
            self.problems.add_with_help(place, message, help);
        }
    }

    fn name(&self, key: &str) -> String {
        match (self.path.is_empty(), key.is_empty()) {
            (true, _) => key.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{key}", self.path),
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match &self.node(key)?.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Int(_) | Kind::Float | Kind::Bool(_) | Kind::List(_) | Kind::Table(_) => {
                self.problem(key, "must be text in quotes", "");
                None
            }
        }
    }

    /// Text that is not empty: an empty one stands for "none".
    pub(super) fn some_text(&mut self, key: &str) -> Option<String> {
        self.text(key).filter(|text| !text.is_empty())
    }

    pub(super) fn bool(&mut self, key: &str) -> Option<bool> {
        let node = self.node(key)?;
        let value = match &node.kind {
            Kind::Bool(bool) => Some(*bool),
            Kind::Text(text) if node.loose => text.parse().ok(),
            Kind::Text(_) | Kind::Int(_) | Kind::Float | Kind::List(_) | Kind::Table(_) => None,
        };
        if value.is_none() {
            self.problem(key, "must be true or false", "");
        }
        value
    }

    pub(super) fn number<T>(&mut self, key: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + Display + Copy,
    {
        let node = self.node(key)?;
        let value = match &node.kind {
            Kind::Int(int) => Some(*int),
            Kind::Text(text) if node.loose => text.trim().parse().ok(),
            Kind::Text(_) | Kind::Float | Kind::Bool(_) | Kind::List(_) | Kind::Table(_) => None,
        };
        let value = value.and_then(|int| T::try_from(int).ok()).filter(|v| range.contains(v));
        if value.is_none() {
            let (least, most) = (range.start(), range.end());
            self.problem(key, format!("must be a whole number from {least} to {most}"), "");
        }
        value
    }

    pub(super) fn seconds(&mut self, key: &str, range: RangeInclusive<u32>) -> Option<Duration> {
        self.number(key, range).map(|s| Duration::from_secs(u64::from(s)))
    }

    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        let folder = self.table.get(key).and_then(|node| node.folder.clone());
        self.some_text(key).map(|written| resolve(folder.as_deref(), &written))
    }

    /// A list of texts. A variable or an argument may give it with commas between.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let node = self.node(key)?;
        let list = match &node.kind {
            Kind::Text(text) if node.loose => loose_list(text),
            Kind::List(items) => items
                .iter()
                .map(|item| match &item.kind {
                    Kind::Text(text) => Some(text.clone()),
                    Kind::Int(_) | Kind::Float | Kind::Bool(_) => None,
                    Kind::List(_) | Kind::Table(_) => None,
                })
                .collect(),
            Kind::Text(_) | Kind::Int(_) | Kind::Float | Kind::Bool(_) | Kind::Table(_) => None,
        };
        if list.is_none() {
            self.problem(key, "must be a list of texts, as in [\"one\", \"two\"]", "");
        }
        list
    }

    /// A list of values that are written as text. Each wrong one is a problem of its own.
    pub(super) fn parsed<T>(&mut self, key: &str) -> Option<Vec<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let mut values = Vec::new();
        for text in self.texts(key)? {
            match text.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.problem(key, error, ""),
            }
        }
        Some(values)
    }

    /// A list of addresses with their ports.
    pub(super) fn addresses(&mut self, key: &str, example: &str) -> Option<Vec<SocketAddr>> {
        let texts = self.texts(key)?;
        Some(texts.iter().filter_map(|text| self.as_address(key, text, example)).collect())
    }

    /// An address with its port. A wrong one is a problem that quotes what was written.
    pub(super) fn address(&mut self, key: &str, example: &str) -> Option<SocketAddr> {
        let text = self.text(key)?;
        self.as_address(key, &text, example)
    }

    fn as_address(&mut self, key: &str, text: &str, example: &str) -> Option<SocketAddr> {
        let address = text.trim().parse().ok();
        if address.is_none() {
            let message = format!("\"{text}\" is not an address and port");
            let help = format!("write \"{example}\": an IP address, no name, and a port");
            self.problem(key, message, &help);
        }
        address
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let all = known.join(", ");
            let help = match closest(&text, known.iter().copied()) {
                Some(word) => format!("did you mean \"{word}\"? It may be one of {all}"),
                None => format!("one of {all}"),
            };
            self.problem(key, format!("\"{text}\" is not known here"), &help);
        }
        found
    }

    /// The entries of a table whose keys are names.
    pub(super) fn entries(&mut self, key: &str) -> Vec<(&'a str, &'a Node)> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        match &node.kind {
            Kind::Table(table) => table.iter().map(|(key, node)| (key.as_str(), node)).collect(),
            Kind::Text(_) | Kind::Int(_) | Kind::Float | Kind::Bool(_) | Kind::List(_) => {
                self.problem(key, "must be a table", "");
                Vec::new()
            }
        }
    }

    /// A secret: `KEY = "…"`, `KEY_file = "path"` (mode 0600) or `KEY_env = "VARIABLE"`.
    pub(super) fn secret(
        &mut self,
        key: &str,
        variables: &BTreeMap<String, String>,
    ) -> Option<Secret> {
        let (file_key, env_key) = (format!("{key}_file"), format!("{key}_env"));
        let given = self.some_text(key);
        let file = self.path(&file_key);
        let env = self.some_text(&env_key);
        if usize::from(given.is_some()) + usize::from(file.is_some()) + usize::from(env.is_some())
            > 1
        {
            self.problem(key, format!("give only one of {key}, {file_key} and {env_key}"), "");
        }
        if let Some(path) = file {
            match read_secret(&path) {
                Ok(secret) => return Some(secret),
                Err(why) => self.problem(&file_key, why, ""),
            }
        }
        if let Some(name) = env {
            match variables.get(&name) {
                Some(value) => return Some(Secret::new(value.trim_end_matches(['\r', '\n']))),
                None => self.problem(&env_key, format!("no variable {name} is set"), ""),
            }
        }
        given.map(Secret::new)
    }

    /// Several secrets: `KEY = ["…"]`, `KEY_file = "path"` with one a line, or `KEY_env` with white
    /// space between.
    pub(super) fn secrets(
        &mut self,
        key: &str,
        variables: &BTreeMap<String, String>,
    ) -> Vec<Secret> {
        let (file_key, env_key) = (format!("{key}_file"), format!("{key}_env"));
        let given = self.texts(key);
        let (file, env) = (self.path(&file_key), self.some_text(&env_key));
        let mut secrets = given.unwrap_or_default();
        if let Some(path) = file {
            match read_private(&path) {
                Ok(text) => {
                    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                    secrets.extend(lines.map(str::to_owned));
                }
                Err(why) => self.problem(&file_key, why, ""),
            }
        }
        if let Some(name) = env {
            match variables.get(&name) {
                Some(value) => secrets.extend(value.split_whitespace().map(str::to_owned)),
                None => self.problem(&env_key, format!("no variable {name} is set"), ""),
            }
        }
        secrets.into_iter().map(Secret::new).collect()
    }

    /// Reports every key that was not asked for.
    pub(super) fn finish(self) {
        let Self { path, table, asked, problems, .. } = self;
        for (key, node) in table {
            if asked.iter().any(|asked| asked == key) {
                continue;
            }
            let at = if path.is_empty() { String::new() } else { format!(" in [{path}]") };
            let message = format!("no key `{key}` is known{at}");
            let known = asked.iter().map(String::as_str);
            match closest(key, known) {
                Some(word) => {
                    let help = format!("did you mean `{word}`?");
                    problems.add_with_help(&node.place, message, help);
                }
                None => {
                    let help = format!("known are {}", asked.join(", "));
                    problems.add_with_help(&node.place, message, help);
                }
            }
        }
    }
}

/// `["a", "b"]` or `a, b`. `None`, where something in the list is no text.
fn loose_list(text: &str) -> Option<Vec<String>> {
    let written = DeValue::parse(text).ok();
    if let Some(array) = written.as_ref().and_then(|value| value.get_ref().as_array()) {
        return array.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    Some(parts.map(str::to_owned).collect())
}

/// The first line of a file that only its owner may read; all of a key in PEM.
fn read_secret(path: &std::path::Path) -> Result<Secret, String> {
    let text = read_private(path)?;
    let pem = text.starts_with("-----BEGIN ");
    Ok(Secret::new(if pem { text.trim_end() } else { text.lines().next().unwrap_or_default() }))
}

fn read_private(path: &std::path::Path) -> Result<String, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    if readable_by_others(path) {
        return Err(format!("{shown} can be read by everyone on this machine: chmod 600 {shown}"));
    }
    Ok(text)
}

/// Whether users beside the owner and the group may read this file.
pub(super) fn readable_by_others(path: &std::path::Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o004 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
