//! The journal's files: lines of [`center::journal`](crate::center::journal), a header line first.
//!
//! A run of the server writes one or more segments, each a file of its own with the same header but
//! for its number. A segment that could not be written to its end is followed by one that says the
//! same lines again: `seq` tells them apart.
//!
//! **Invariant:** a line that is in the file is whole, or it is the last one and not read.
//!
//! **Deliberately absent:** digits of a `secret` step. The center masks those before it notes an
//! event. Which lines are written when: `store::appender`.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use serde::Serialize;

use crate::id::CallId;
use crate::time::Timestamp;
use crate::words::Event;

pub use crate::center::journal::{Entry, Header, Input, Own, VERSION};

/// A segment is closed once it is larger than this, in bytes, if nothing else is wanted. A start
/// after a crash replays less than two of them.
pub const SEGMENT_LEN_MAX: u64 = 2 * 1024 * 1024;
/// No line is longer, in bytes; one that is, is not ours.
const LINE_LEN_MAX: usize = 256 * 1024;
const PREFIX: &str = "journal-";
const SUFFIX: &str = ".jsonl";

/// A segment being written: one thread appends to it, another brings it to the disk.
#[derive(Debug)]
pub(super) struct Segment {
    file: File,
    name: String,
    number: u32,
    /// Bytes of lines the operating system has of it.
    given: AtomicU64,
    /// How many of those are on the disk.
    synced: AtomicU64,
    /// A sync failed: nobody knows what the file holds.
    failed: AtomicBool,
}

impl Segment {
    /// Begins a segment. The file must not exist.
    pub(super) fn create(folder: &Path, header: &Header) -> io::Result<Self> {
        let name = file_name(header.run, header.segment);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let path = folder.join(&name);
        let segment = Self::of(options.open(&path)?, name, header.segment);
        match segment.write_header(folder, header) {
            Ok(()) => Ok(segment),
            Err(error) => {
                // A segment without its header says nothing; on a full disk there would be many.
                let _ = fs::remove_file(path);
                Err(error)
            }
        }
    }

    fn of(file: File, name: String, number: u32) -> Self {
        let (given, synced) = Default::default();
        Self { file, name, number, given, synced, failed: AtomicBool::new(false) }
    }

    fn write_header(&self, folder: &Path, header: &Header) -> io::Result<()> {
        let mut line = serde_json::to_vec(header)?;
        line.push(b'\n');
        (&self.file).write_all(&line)?;
        self.file.sync_data()?;
        // The entry in the folder must be as durable as the file.
        if cfg!(unix) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Gives lines to the operating system, with one write. Only one thread may.
    pub(super) fn append(&self, lines: &[u8]) -> io::Result<()> {
        (&self.file).write_all(lines)?;
        self.given.fetch_add(lines.len() as u64, Ordering::AcqRel);
        Ok(())
    }

    /// Brings to the disk what it was given so far.
    pub(super) fn sync(&self) -> io::Result<()> {
        let given = self.given();
        let done = self.file.sync_data();
        match done {
            Ok(()) => drop(self.synced.fetch_max(given, Ordering::AcqRel)),
            Err(_) => self.failed.store(true, Ordering::Release),
        }
        done
    }

    pub(super) fn given(&self) -> u64 {
        self.given.load(Ordering::Acquire)
    }

    pub(super) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// A segment that takes no byte.
    #[cfg(test)]
    pub(super) fn full_disk() -> Self {
        let file = OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        Self::of(file, "full".to_owned(), 0)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }
}

/// An [`Entry`] that is written and not kept.
#[derive(Serialize)]
pub(super) struct Noted<'a> {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    #[serde(rename = "in")]
    pub(super) input: NotedInput<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum NotedInput<'a> {
    Event(&'a Event),
    Own(Own),
}

/// Appends an entry as one line.
pub(super) fn write_line(lines: &mut Vec<u8>, entry: &impl Serialize) {
    serde_json::to_writer(&mut *lines, entry).expect("an entry has only keys that are text");
    lines.push(b'\n');
}

/// The segments in a folder, in the order in which they were written.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn segments(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The call that begins with this event, and must have a record one day.
#[must_use]
pub const fn arrival(event: &Event) -> Option<CallId> {
    match event {
        Event::CallArrived { call, .. }
        | Event::CallOpening { call, .. }
        | Event::CallRefused { call, .. }
        | Event::OutboundAsked { call, .. } => Some(*call),
        Event::Ringing { .. }
        | Event::Rerouted { .. }
        | Event::Answered { .. }
        | Event::DialFailed { .. }
        | Event::Digit { .. }
        | Event::Keys { .. }
        | Event::PromptDone { .. }
        | Event::PromptFailed { .. }
        | Event::Recorded { .. }
        | Event::RecordFailed { .. }
        | Event::RecordingExpired { .. }
        | Event::Replied { .. }
        | Event::Held { .. }
        | Event::HoldFailed { .. }
        | Event::Resumed { .. }
        | Event::HungUp { .. }
        | Event::LegLost { .. }
        | Event::PhoneReachable { .. }
        | Event::AgentAsked { .. }
        | Event::SupervisorAsked { .. }
        | Event::Late { .. }
        | Event::EndCall { .. }
        | Event::Lost { .. }
        | Event::Drain { .. } => None,
    }
}

/// When a file was written last.
pub(super) fn written_at(path: &Path) -> Option<Timestamp> {
    let at = fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(at.as_millis()).ok().map(Timestamp)
}

/// What to read from one segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// `None`: the server ended before the first line was whole.
    pub header: Option<Header>,
    pub entries: Vec<Entry>,
    /// Lines that are not whole or not ours, but for a last one without its end.
    pub damaged: usize,
}

/// What is next in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// `None`: the first line is no head.
    Header(Option<Header>),
    Entry(Entry),
    Damaged,
}

/// A segment, line by line: nothing of it is kept.
#[derive(Debug)]
pub(super) struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
    first: bool,
}

impl Lines {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let reader = BufReader::new(File::open(path)?);
        Ok(Self { reader, line: Vec::new(), first: true })
    }

    /// The next line; `None` at the end, also where the last line has none.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        self.line.clear();
        let limit = LINE_LEN_MAX as u64;
        let len = io::Read::take(&mut self.reader, limit).read_until(b'\n', &mut self.line)?;
        let torn = self.line.last() != Some(&b'\n') && self.reader.fill_buf()?.is_empty();
        if len == 0 || torn {
            return Ok(None);
        }
        if std::mem::take(&mut self.first) {
            return Ok(Some(Line::Header(header(&self.line)?)));
        }
        let entry = serde_json::from_slice(&self.line);
        Ok(Some(entry.map_or(Line::Damaged, Line::Entry)))
    }
}

/// Reads a segment to its end, skipping what is damaged.
///
/// # Errors
///
/// When the file cannot be read, or was written by a later version.
pub fn read(path: &Path) -> io::Result<Read> {
    let mut lines = Lines::open(path)?;
    let mut out = Read::default();
    while let Some(line) = lines.next()? {
        match line {
            Line::Header(header) => {
                out.damaged += usize::from(header.is_none());
                out.header = header;
            }
            Line::Entry(entry) => out.entries.push(entry),
            Line::Damaged => out.damaged += 1,
        }
    }
    Ok(out)
}

/// The head of a run, from the first of its segments that has one.
pub(super) fn head(paths: &[PathBuf]) -> io::Result<Option<Header>> {
    for path in paths {
        if let Some(Line::Header(Some(header))) = Lines::open(path)?.next()? {
            return Ok(Some(header));
        }
    }
    Ok(None)
}

/// `None`: damaged. The lines after it may be whole.
fn header(line: &[u8]) -> io::Result<Option<Header>> {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(line) else {
        return Ok(None);
    };
    let version = json.get("attendant_journal").and_then(serde_json::Value::as_u64);
    if version.is_some_and(|version| version > u64::from(VERSION)) {
        let message = "written by a later attendant, in a format unknown here: use that one";
        return Err(io::Error::other(message));
    }
    Ok(serde_json::from_value(json).ok())
}

/// Reads the segments of a run as one journal: in order, each `seq` once.
///
/// # Errors
///
/// As [`read`].
pub fn read_run(paths: &[PathBuf]) -> io::Result<Read> {
    let mut whole = Read::default();
    let mut seen = BTreeSet::new();
    for path in paths {
        let part = read(path)?;
        whole.header = whole.header.or(part.header);
        whole.damaged += part.damaged;
        whole.entries.extend(part.entries.into_iter().filter(|entry| seen.insert(entry.seq)));
    }
    whole.entries.sort_by_key(|entry| entry.seq);
    Ok(whole)
}

fn file_name(run: u64, segment: u32) -> String {
    format!("{PREFIX}{run:08}-{segment:06}{SUFFIX}")
}

/// The run and the segment that a file name stands for.
pub(super) fn parse_name(name: &str) -> Option<(u64, u32)> {
    let (run, segment) = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once('-')?;
    Some((run.parse().ok()?, segment.parse().ok()?))
}
