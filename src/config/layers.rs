//! The layers of a configuration, merged: defaults, file, environment, arguments.
//!
//! The `config` crate merges; its errors know no line, so the file is read into its values here
//! with the line as their origin, and all checks come after the merge, on [`Node`]s that still
//! know where they were written.
//!
//! **Invariant:** a later layer wins key by key; a list is replaced whole.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use config::{ConfigError, Environment, Map, Source, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::problem::Problems;
use crate::flow::{Mistake, mistakes};

/// The prefix of every variable that is read, with its separator.
pub(super) const PREFIX: &str = "ATTENDANT";
const SEPARATOR: &str = "__";
/// The place of what no layer wrote.
const NOWHERE: &str = "configuration";
/// The file is refused past this size, in bytes.
pub(super) const FILE_LEN_MAX: u64 = 4 * 1024 * 1024;

/// One text of TOML, by the name that problems are to give it.
#[derive(Clone)]
pub(super) struct FileLayer {
    pub name: String,
    pub source: String,
    /// Paths written in it are relative to this folder.
    pub folder: Option<PathBuf>,
}

/// `--set key=value` or a named argument that stands for one.
#[derive(Clone, PartialEq, Eq)]
pub struct Override {
    /// As typed: `--flows`.
    pub argument: String,
    /// `server.flows`.
    pub key: String,
    pub value: String,
}

/// The value is left out: it may be a secret.
impl fmt::Debug for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Override").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A value and where it was written.
#[derive(Clone)]
pub(super) struct Node {
    pub place: String,
    pub kind: Kind,
    /// Given as text by a variable or an argument, whatever its type.
    pub loose: bool,
    pub folder: Option<PathBuf>,
}

#[derive(Clone)]
pub(super) enum Kind {
    Text(String),
    Int(i64),
    Float,
    Bool(bool),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// Merges the layers, later ones over earlier ones, into one table.
pub(super) fn merge(
    files: &[FileLayer],
    variables: &BTreeMap<String, String>,
    overrides: &[Override],
    problems: &mut Problems,
) -> Node {
    let mut builder = config::Config::builder();
    let mut places = Places::default();
    for file in files {
        builder = builder.add_source(read(file, &mut places, problems));
    }
    let chosen: Map<String, String> = variables
        .iter()
        .filter(|(name, _)| name.starts_with("ATTENDANT__"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let environment = Environment::with_prefix(PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(Some(chosen));
    builder = builder.add_source(environment);
    for given in overrides {
        builder = builder.add_source(argument(given));
    }
    let merged = builder.build().and_then(|config| config.cache.into_table());
    match merged {
        Ok(table) => places.node("", Value::new(None, ValueKind::Table(table)), files),
        Err(error) => {
            problems.add(NOWHERE, error.to_string());
            Node {
                place: NOWHERE.to_owned(),
                kind: Kind::Table(BTreeMap::new()),
                loose: false,
                folder: None,
            }
        }
    }
}

/// A source whose values carry their own origin.
#[derive(Clone, Default)]
struct Layer(Map<String, Value>);

/// All of it is left out: some values are secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

fn read(file: &FileLayer, places: &mut Places, problems: &mut Problems) -> Layer {
    let (table, errors) = DeTable::parse_recoverable(&file.source);
    let lines = Lines::of(&file.source);
    for Mistake { span, message, .. } in mistakes(&file.source, &errors) {
        problems.add(format!("{}:{}", file.name, lines.at(span.start)), message);
    }
    let mut reading = Reading { file, lines, places };
    Layer(reading.table("", table.get_ref()))
}

/// One file being turned into the values that `config` merges.
struct Reading<'a> {
    file: &'a FileLayer,
    lines: Lines,
    places: &'a mut Places,
}

impl Reading<'_> {
    fn table(&mut self, path: &str, table: &DeTable<'_>) -> Map<String, Value> {
        let mut out = Map::new();
        for (key, value) in table {
            let path = join(path, key.get_ref());
            out.insert(key.get_ref().to_string(), self.value(&path, key.span().start, value));
        }
        out
    }

    fn value(&mut self, path: &str, offset: usize, value: &Spanned<DeValue<'_>>) -> Value {
        let place = format!("{}:{}", self.file.name, self.lines.at(offset));
        let kind = match value.get_ref() {
            DeValue::String(text) => ValueKind::String(text.to_string()),
            DeValue::Integer(int) => {
                let parsed = i64::from_str_radix(int.as_str(), int.radix());
                parsed.map_or_else(|_| ValueKind::String(int.to_string()), ValueKind::I64)
            }
            DeValue::Float(float) => {
                let parsed = float.as_str().parse();
                parsed.map_or_else(|_| ValueKind::String(float.to_string()), ValueKind::Float)
            }
            DeValue::Boolean(bool) => ValueKind::Boolean(*bool),
            DeValue::Datetime(datetime) => ValueKind::String(datetime.to_string()),
            DeValue::Array(array) => {
                let mut list = Vec::new();
                for (n, item) in array.iter().enumerate() {
                    let path = format!("{path}[{n}]");
                    list.push(self.value(&path, item.span().start, item));
                }
                ValueKind::Array(list)
            }
            DeValue::Table(table) => {
                self.places.tables.insert(path.to_owned(), place.clone());
                ValueKind::Table(self.table(path, table))
            }
        };
        Value::new(Some(&place), kind)
    }
}

/// One argument as nested tables, so that a name in its key may hold any letter but a dot.
fn argument(Override { argument, key, value }: &Override) -> Layer {
    let place = format!("argument {argument}");
    let mut layer = Map::new();
    let mut kind = ValueKind::String(value.clone());
    for part in key.rsplit('.') {
        let value = Value::new(Some(&place), kind);
        layer = [(part.to_owned(), value)].into_iter().collect();
        kind = ValueKind::Table(layer.clone());
    }
    Layer(layer)
}

/// Where each table was begun: `config` keeps the origin of values, but not of tables it merged.
#[derive(Debug, Default)]
struct Places {
    tables: BTreeMap<String, String>,
}

impl Places {
    fn node(&self, path: &str, value: Value, files: &[FileLayer]) -> Node {
        let mut place = self.place(path, &value);
        let loose = place.starts_with("environment") || place.starts_with("argument");
        let file = place.rsplit_once(':').map_or("", |(file, _)| file);
        let folder = files.iter().find(|f| f.name == file).and_then(|f| f.folder.clone());
        let kind = match value.kind {
            ValueKind::Nil => Kind::Text(String::new()),
            ValueKind::Boolean(bool) => Kind::Bool(bool),
            ValueKind::I64(int) => Kind::Int(int),
            ValueKind::I128(int) => Kind::Int(i64::try_from(int).unwrap_or(i64::MAX)),
            ValueKind::U64(int) => Kind::Int(i64::try_from(int).unwrap_or(i64::MAX)),
            ValueKind::U128(int) => Kind::Int(i64::try_from(int).unwrap_or(i64::MAX)),
            ValueKind::Float(_) => Kind::Float,
            ValueKind::String(text) => Kind::Text(text),
            ValueKind::Array(list) => Kind::List(
                list.into_iter()
                    .enumerate()
                    .map(|(n, item)| self.node(&format!("{path}[{n}]"), item, files))
                    .collect(),
            ),
            ValueKind::Table(table) => Kind::Table(
                table
                    .into_iter()
                    .map(|(key, value)| {
                        let node = self.node(&join(path, &key), value, files);
                        (key, node)
                    })
                    .collect(),
            ),
        };
        if let (NOWHERE, Kind::Table(table)) = (place.as_str(), &kind) {
            // A table that only variables made is where the first of them is.
            place = table.values().next().map_or(place, |node| node.place.clone());
        }
        Node { place, kind, loose, folder }
    }

    fn place(&self, path: &str, value: &Value) -> String {
        match value.origin() {
            Some("the environment") => {
                let name = path.replace('.', SEPARATOR).to_uppercase();
                format!("environment variable {PREFIX}{SEPARATOR}{name}")
            }
            Some(origin) => origin.to_owned(),
            None => self.tables.get(path).cloned().unwrap_or_else(|| NOWHERE.to_owned()),
        }
    }
}

/// The line of a byte offset, from 1.
pub(super) fn line(source: &str, offset: usize) -> usize {
    let before = source.as_bytes().get(..offset).unwrap_or(source.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// The lines of a text that is asked for many offsets in any order: counted once.
struct Lines {
    /// Where each line but the first begins.
    starts: Vec<usize>,
}

impl Lines {
    fn of(source: &str) -> Self {
        let ends = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { starts: ends.map(|(at, _)| at + 1).collect() }
    }

    /// The line of a byte offset, from 1.
    fn at(&self, offset: usize) -> usize {
        1 + self.starts.partition_point(|start| *start <= offset)
    }
}

/// Where a written path leads: relative to the folder of the file it is written in.
pub(super) fn resolve(folder: Option<&Path>, written: &str) -> PathBuf {
    match folder {
        Some(folder) => folder.join(written),
        None => PathBuf::from(written),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
