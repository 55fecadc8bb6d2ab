//! Call records of other telephone systems, read into records of ours.
//!
//! [`ImportReader`] takes the bytes of files, in pieces as they come, and hands over records, and
//! remarks about lines that it skips. A format is a file that implements `Format`: Asterisk's
//! `queue_log` (`queue_log.rs`), call records of FreeSWITCH with the variables of mod_callcenter
//! (`freeswitch`), and columns of our own (`columns`). `docs/import.md` documents them.
//!
//! **Invariant:** nothing is guessed: what a file does not say stays absent, and a line that
//! contradicts itself or another makes a remark in place of a record. Memory is bounded whatever
//! the length of a file: one line, one document, and calls that have not ended.
//!
//! **Deliberately absent:** files, and numbers of calls: who keeps the records gives those.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod columns;
mod documents;
mod fields;
mod freeswitch;
mod lines;
mod queue_calls;
mod queue_log;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::id::CallId;
use crate::number;
use crate::time::Timestamp;
use crate::words::{CallOutcome, CallRecord, Cause, EndedBy, NamedVia};

pub use lines::LINE_LEN_MAX;
pub use queue_calls::OPEN_CALLS_MAX;

use lines::{Line, Lines};

/// What files of which system are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// Asterisk's `queue_log`, as a file or as rows of its realtime table.
    QueueLog,
    /// Call records of FreeSWITCH: XML, JSON or CSV.
    Freeswitch,
    /// CSV with columns of our own.
    Csv,
}

/// How files are read.
#[derive(Clone, Debug)]
pub struct ImportSettings {
    /// The name of the system that had the calls: whoever lists them or takes them out again says
    /// it.
    pub name: String,
    pub format: ImportFormat,
    /// Where numbers are seen from (ISO 3166), as `number::normalize` has it.
    pub region: String,
    /// Of times that are written without an offset; `None`: such a time is refused.
    pub time_zone: Option<TimeZone>,
}

/// What came of a piece of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum ImportItem {
    /// A call, with [`CallRecord::IMPORTED_AS`] in its variables and no number of its own yet.
    Call(Box<CallRecord>),
    /// A line, or a call of several, that is left out.
    Skipped(LineRemark),
    /// Something to know; nothing is left out.
    Warning(LineRemark),
}

/// What is wrong with a line, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRemark {
    pub file: Arc<str>,
    /// From 1.
    pub line: u64,
    pub text: String,
}

impl fmt::Display for LineRemark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// One format: lines in, items out.
trait Format: fmt::Debug {
    fn line(&mut self, line: &str, into: &mut Sink);
    /// Another file follows, or none.
    fn end_of_file(&mut self, into: &mut Sink);
    /// No file follows.
    fn finish(&mut self, into: &mut Sink);
}

/// Where a format puts what it finds, and what it needs to know for that.
#[derive(Debug)]
struct Sink {
    settings: ImportSettings,
    file: Arc<str>,
    /// Of the line that is being read.
    line: u64,
    items: VecDeque<ImportItem>,
    /// What is no call, and no fault either, by kind.
    beside: BTreeMap<String, u64>,
}

/// Kinds of lines that are no calls which are counted by name; others are counted together.
const BESIDE_MAX: usize = 64;
/// In place of the name of a kind past those.
const BESIDE_OTHERS: &str = "others";

/// Reads files.
#[derive(Debug)]
pub struct ImportReader {
    lines: Lines,
    format: Box<dyn Format>,
    sink: Sink,
}

impl ImportReader {
    #[must_use]
    pub fn new(settings: ImportSettings) -> Self {
        let format: Box<dyn Format> = match settings.format {
            ImportFormat::QueueLog => Box::new(queue_log::QueueLog::default()),
            ImportFormat::Freeswitch => Box::new(freeswitch::Freeswitch::default()),
            ImportFormat::Csv => Box::new(columns::Columns::default()),
        };
        let sink = Sink {
            settings,
            file: Arc::from(""),
            line: 0,
            items: VecDeque::new(),
            beside: BTreeMap::new(),
        };
        Self { lines: Lines::default(), format, sink }
    }

    /// The bytes that follow are of this file.
    pub fn begin_file(&mut self, name: &str) {
        self.sink.file = Arc::from(name);
        self.sink.line = 0;
    }

    /// Takes the next bytes of the file, in pieces of any length. Poll before the next piece.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.lines.feed(bytes);
        self.read_lines();
    }

    pub fn end_file(&mut self) {
        self.lines.end_file();
        self.read_lines();
        self.format.end_of_file(&mut self.sink);
    }

    /// Nothing follows: calls that are still open are handed over or left out.
    pub fn finish(&mut self) {
        self.format.finish(&mut self.sink);
    }

    /// What was found, in order.
    pub fn poll(&mut self) -> Option<ImportItem> {
        self.sink.items.pop_front()
    }

    /// How many lines there were of each kind that is no call, and no fault either.
    #[must_use]
    pub const fn beside(&self) -> &BTreeMap<String, u64> {
        &self.sink.beside
    }

    fn read_lines(&mut self) {
        while let Some(line) = self.lines.next() {
            self.sink.line += 1;
            match line {
                Line::Text(text) => self.format.line(&text, &mut self.sink),
                Line::Unreadable(why) => self.sink.skip(why),
            }
        }
    }
}

impl Sink {
    fn here(&self, text: impl Into<String>) -> LineRemark {
        LineRemark { file: Arc::clone(&self.file), line: self.line, text: text.into() }
    }

    /// The line is left out.
    fn skip(&mut self, why: impl Into<String>) {
        let remark = self.here(why);
        self.items.push_back(ImportItem::Skipped(remark));
    }

    fn warn(&mut self, text: impl Into<String>) {
        let remark = self.here(text);
        self.items.push_back(ImportItem::Warning(remark));
    }

    /// The line is of this kind, which is no call.
    fn beside(&mut self, kind: &str) {
        let is_known = self.beside.contains_key(kind) || self.beside.len() < BESIDE_MAX;
        let kind = if is_known { kind } else { BESIDE_OTHERS };
        *self.beside.entry(kind.to_owned()).or_default() += 1;
    }

    /// A caller's number as calls of our own have it. One that is withheld, or zeros, is nobody's.
    fn caller(&self, raw: &str) -> Option<String> {
        let number = number::normalize(raw, &self.settings.region)?;
        let is_somebodys = number.bytes().any(|byte| byte != b'0');
        is_somebodys.then(|| number.into_owned())
    }

    /// A record with what every one has; what is known beside that is filled in.
    fn record(&self, name: String, arrived_at: Timestamp, ended_at: Timestamp) -> CallRecord {
        CallRecord {
            call: CallId::FIRST_IMPORTED,
            from: None,
            from_name: None,
            account: None,
            segment: None,
            to: String::new(),
            via: NamedVia::Import(self.settings.name.clone()),
            flow: None,
            language: None,
            intent: None,
            arrived_at,
            answered_at: None,
            caller_left_at: None,
            ended_at,
            outcome: CallOutcome::Failed,
            ended_by: EndedBy::Caller,
            cause: Cause::NORMAL_UNSPECIFIED,
            path: Vec::new(),
            queued: Vec::new(),
            legs: Vec::new(),
            vars: BTreeMap::from([(CallRecord::IMPORTED_AS.to_owned(), name)]),
            recordings: Vec::new(),
            outbound: None,
        }
    }

    fn call(&mut self, record: CallRecord) {
        self.items.push_back(ImportItem::Call(Box::new(record)));
    }
}
