//! What is promised beside the journal, until the database has it: what fronts keep of calls and
//! legs, where agents stand, what became known of a closed call.
//!
//! The database takes it within a tenth of a second, by the thread. A promise does not wait for
//! that: before it leaves, a line of it is given to the operating system here. The lines are in two
//! files, used in turns, so that they stay small: one is begun anew when the database has
//! everything in it.
//!
//! **Invariant:** what was kept before a promise left is found by the next start, in the database
//! or here; each line is the whole state of what it is about, and none is taken twice out of order,
//! because numbers go up for ever.
//!
//! **Deliberately absent:** syncs. After a loss of power there is what the database has. The
//! records of calls: the journal has the inputs they follow from.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::center::SavedAgentState;
use crate::id::{CallId, NodeId};
use crate::store::database::{self, Change, RecordWriter};
use crate::store::shared::Shared;
use crate::store::{StoreError, journal};
use crate::time::Timestamp;
use crate::words::{Activity, RecordingUpdate, WrapUp};

/// A file is begun anew after this number of bytes, if the database has everything in it.
const FILE_LEN_MAX: u64 = 4 * 1024 * 1024;
/// Lines kept in memory while no file takes them, in bytes. Past it they are left to the database.
const LINES_KEPT_MAX: usize = 64 * 1024 * 1024;
pub(super) const NAMES: [&str; 2] = ["kept-0.jsonl", "kept-1.jsonl"];

/// Something kept, in place of what was kept before under the same name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    Session {
        call: CallId,
        json: String,
    },
    ForgetSession {
        call: CallId,
    },
    Leg {
        name: String,
        json: String,
    },
    ForgetLeg {
        name: String,
    },
    #[serde(rename = "standing")]
    AgentState {
        agent: String,
        #[serde(rename = "standing")]
        state: SavedAgentState,
    },
    /// An agent does this from then on.
    AgentMoved {
        agent: String,
        at: Timestamp,
        activity: Activity,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    WrapUp {
        call: CallId,
        wrap_up: WrapUp,
    },
    Recording {
        #[serde(rename = "news")]
        update: RecordingUpdate,
    },
}

/// A line: what was kept, and its number.
#[derive(Serialize)]
struct Line<'a>(u64, &'a Kept);

#[derive(Deserialize)]
struct ReadLine(u64, Kept);

/// The driver's end.
#[derive(Debug)]
pub(super) struct KeptLog {
    files: [KeptFile; 2],
    /// The one that is written.
    at: usize,
    next: u64,
    /// Lines that no file was given yet.
    lines: Vec<u8>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct KeptFile {
    path: PathBuf,
    file: File,
    len: u64,
    /// Every line in it has a lower number.
    until: u64,
}

impl KeptLog {
    /// Begins with empty files: what was in them, [`recover`] has put into the database.
    pub(super) fn begin(folder: &Path, next: u64, shared: Arc<Shared>) -> Result<Self, StoreError> {
        let [first, second] = NAMES.map(|name| KeptFile::begin(folder.join(name)));
        Ok(Self { files: [first?, second?], at: 0, next, lines: Vec::new(), shared })
    }

    /// Takes something, to be written with what came before it; its number.
    pub(super) fn note(&mut self, kept: &Kept) -> u64 {
        let number = self.next;
        self.next += 1;
        if self.lines.len() >= LINES_KEPT_MAX {
            self.lines.clear();
        }
        journal::write_line(&mut self.lines, &Line(number, kept));
        number
    }

    pub(super) fn is_behind(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Gives the operating system what it does not have, and the database neither.
    pub(super) fn write(&mut self) {
        let (done, failing) = (self.shared.kept_until(), &self.shared.kept_failing);
        if self.next <= done {
            self.lines.clear();
            // The next line shows how the file is.
            if failing.swap(false, Ordering::Relaxed) {
                tracing::warn!(
                    "what is kept for a restart is all in the database: new calls are taken again"
                );
            }
        }
        if self.lines.is_empty() {
            return;
        }
        let written = self.change(done).and_then(|()| self.files[self.at].append(&self.lines));
        let failing = &self.shared.kept_failing;
        match written {
            Ok(()) => {
                self.files[self.at].until = self.next;
                self.lines.clear();
                if failing.swap(false, Ordering::Relaxed) {
                    tracing::warn!(
                        "what is kept for a restart is written again: new calls are taken again"
                    );
                }
            }
            Err(error) => {
                if !failing.swap(true, Ordering::Relaxed) {
                    let file = self.files[self.at].path.display();
                    tracing::error!(%error, %file,
                        "what is kept for a restart cannot be written: no new call is taken until \
                         it can be");
                }
            }
        }
    }

    /// Changes to the other file where this one is long and the other is not needed any more.
    fn change(&mut self, done: u64) -> io::Result<()> {
        let other = 1 - self.at;
        if self.files[self.at].len >= FILE_LEN_MAX && self.files[other].until <= done {
            self.files[other].empty()?;
            self.at = other;
        }
        Ok(())
    }
}

impl KeptFile {
    fn begin(path: PathBuf) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let failed = |error| StoreError::io(&path, error);
        let file = options.open(&path).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        Ok(Self { path, file, len: 0, until: 0 })
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let done = self.file.write_all(lines);
        match done {
            Ok(()) => self.len += lines.len() as u64,
            // What it holds of them would be a torn line before the next.
            Err(_) => self.file.set_len(self.len)?,
        }
        done
    }

    fn empty(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.len = 0;
        Ok(())
    }
}

/// Puts into the database what a lost process had kept and not brought there; `carried` are the
/// calls that go on. Returns the number of the next that is kept.
pub(super) fn recover(
    db: &mut dyn RecordWriter,
    folder: &Path,
    carried: &BTreeSet<CallId>,
    was_lost: bool,
) -> Result<u64, StoreError> {
    let mut next = db.progress()?.kept_until;
    let mut lines = Vec::new();
    for name in NAMES {
        let path = folder.join(name);
        let (read, unreadable) = read(&path)?;
        if let Some(Unreadable { first, count }) = unreadable {
            let file = path.display();
            tracing::error!(%file, line = first, count,
                "what was kept for a restart cannot be read and is left out: the file was damaged");
        }
        lines.extend(read.into_iter().filter(|ReadLine(n, _)| *n >= next));
    }
    lines.sort_by_key(|ReadLine(number, _)| *number);
    next = lines.last().map_or(next, |ReadLine(number, _)| number + 1);
    let mut batch: Vec<Change> =
        lines.into_iter().map(|ReadLine(_, kept)| Change::Keep(kept)).collect();
    if was_lost {
        batch.extend(unheard(db, &batch, carried)?);
    }
    batch.push(Change::KeptUntil(next));
    let applied = db.apply(&batch)?;
    database::complain(&batch, &applied);
    Ok(next)
}

/// Whether it is one of the two.
pub(super) fn is_file(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The lowest number in the files of a folder.
pub(super) fn first(folder: &Path) -> Result<Option<u64>, StoreError> {
    let mut first = None;
    for name in NAMES {
        let (lines, _) = read(&folder.join(name))?;
        let lowest = lines.first().map(|ReadLine(number, _)| *number);
        first = first.into_iter().chain(lowest).min();
    }
    Ok(first)
}

/// The first of the files that has a call of another node.
pub(super) fn node_of_other(
    folder: &Path,
    ours: NodeId,
) -> Result<Option<(PathBuf, NodeId)>, StoreError> {
    for path in NAMES.map(|name| folder.join(name)) {
        let (lines, _) = read(&path)?;
        let mut nodes = lines.into_iter().filter_map(|ReadLine(_, kept)| Some(call(&kept)?.node()));
        if let Some(theirs) = nodes.find(|node| *node != ours) {
            return Ok(Some((path, theirs)));
        }
    }
    Ok(None)
}

/// The call that it is about.
const fn call(kept: &Kept) -> Option<CallId> {
    match kept {
        Kept::Session { call, .. } | Kept::ForgetSession { call } | Kept::WrapUp { call, .. } => {
            Some(*call)
        }
        Kept::Recording { update } => Some(update.name.call),
        Kept::Leg { .. }
        | Kept::ForgetLeg { .. }
        | Kept::AgentState { .. }
        | Kept::AgentMoved { .. } => None,
    }
}

/// Whole lines that say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unreadable {
    /// Counted from 1.
    first: usize,
    count: usize,
}

/// Whole lines, and how many of them could not be read; a last one without its end was never
/// promised.
fn read(path: &Path) -> Result<(Vec<ReadLine>, Option<Unreadable>), StoreError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
        Err(error) => return Err(StoreError::io(path, error)),
    };
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let (mut read, mut unreadable) = (Vec::new(), None);
    for (line, number) in lines.zip(1..) {
        match serde_json::from_slice(line) {
            Ok(line) => read.push(line),
            Err(_) => unreadable.get_or_insert(Unreadable { first: number, count: 0 }).count += 1,
        }
    }
    Ok((read, unreadable))
}

/// The process was lost between what was kept of a call and its arrival in the journal: nothing was
/// promised to that caller, who is a new one when the provider comes again. `lines` are about to be
/// applied.
fn unheard(
    db: &dyn RecordWriter,
    lines: &[Change],
    carried: &BTreeSet<CallId>,
) -> Result<Vec<Change>, StoreError> {
    let mut kept: BTreeSet<CallId> =
        db.saved()?.sessions.into_iter().map(|(call, _)| call).collect();
    for line in lines {
        match line {
            Change::Keep(Kept::Session { call, .. }) => drop(kept.insert(*call)),
            Change::Keep(Kept::ForgetSession { call }) => drop(kept.remove(call)),
            Change::Keep(
                Kept::Leg { .. }
                | Kept::ForgetLeg { .. }
                | Kept::AgentState { .. }
                | Kept::AgentMoved { .. }
                | Kept::WrapUp { .. }
                | Kept::Recording { .. },
            )
            | Change::Close(_)
            | Change::Import(_)
            | Change::KeptUntil(_)
            | Change::NextCall(_)
            | Change::Finish { .. }
            | Change::Carry { .. }
            | Change::CarryNothing
            | Change::AgentTimesSince(_)
            | Change::AgentsGone { .. } => {}
        }
    }
    let mut forgotten = Vec::new();
    for call in kept.difference(carried).copied() {
        if !db.has(call)? {
            forgotten.push(Change::Keep(Kept::ForgetSession { call }));
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind, as files of earlier versions have them.
    const KEPT: &str = r##"
{"session":{"call":7,"json":"{}"}}
{"forget_session":{"call":7}}
{"leg":{"name":"v3:a","json":"{}"}}
{"forget_leg":{"name":"v3:a"}}
{"standing":{"agent":"alice","standing":{"standing":"logged_out"}}}
{"standing":{"agent":"alice","standing":{"standing":"not_ready","reason":"lunch"}}}
{"standing":{"agent":"alice","standing":{"standing":"ready"}}}
{"agent_moved":{"agent":"alice","at":1764000000000,"activity":"talking"}}
{"agent_moved":{"agent":"alice","at":1764000000000,"activity":"not_ready","reason":"lunch"}}
{"wrap_up":{"call":7,"wrap_up":{"leg":{"call":7,"n":1},"acw_ms":40,"resolved":true,"intent":null,"note":null}}}
{"recording":{"news":{"name":"call-7-1","state":"kept","length_ms":900,"ended":"hung_up","url":null}}}
"##;

    #[test]
    fn what_is_kept_is_read_and_written_as_it_always_was() {
        for text in KEPT.trim().lines() {
            let kept: Kept = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(serde_json::to_string(&kept).unwrap(), text);
        }
    }

    #[test]
    fn whole_lines_that_say_nothing_are_counted_and_hide_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAMES[0]);
        let line = |n: u64| format!("[{n},{{\"forget_session\":{{\"call\":7}}}}]\n");
        std::fs::write(
            &path,
            [line(1), "\0\0\0\n".to_owned(), "{}\n".to_owned(), line(2)].concat() + "[3,",
        )
        .unwrap();
        let (lines, unreadable) = read(&path).unwrap();
        let numbers: Vec<u64> = lines.into_iter().map(|ReadLine(number, _)| number).collect();
        assert_eq!(numbers, [1, 2]);
        assert_eq!(unreadable, Some(Unreadable { first: 2, count: 2 }));
        std::fs::write(&path, line(1) + "[2,").unwrap();
        assert_eq!(read(&path).unwrap().1, None, "what was cut off was never promised");
    }
}
