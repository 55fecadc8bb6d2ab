//! The thread that owns the files.
//!
//! Lines are gathered for a hundredth of a second and then given to the operating system, where a
//! killed process does not lose them; about once a second they are brought to the disk. A segment
//! that fails is never trusted again: what it may not hold is written once more, into a new one.
//!
//! **Invariant:** records are committed in the order they were given, each batch as a whole; a
//! segment is marked finished only when every call that arrived in it has its record.
//!
//! **Deliberately absent:** a clock. Time is that of the entries, or an idle channel.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;

use crate::call::{CallRecord, RecordingNews, WrapUp};
use crate::center::{Event, Standing};
use crate::id::CallId;
use crate::store::StoreError;
use crate::store::journal::{self, Entry, Header, Input, Segment};
use crate::store::{records, recover, state};
use crate::time::Timestamp;

/// Jobs taken at once: one write and one transaction for all of them.
const BATCH_MAX: usize = 1_024;
/// How long jobs are gathered for one write and one transaction. A process that is killed loses
/// what was gathered; a hundred wake-ups a second cost little, one a job would cost more than the
/// job.
const GATHER_FOR: Duration = Duration::from_millis(10);
/// The longest that a line or a record waits to be brought to the disk.
const SYNC_AFTER: Duration = Duration::from_secs(1);
/// With nothing to do for this long, the disk is brought up to date.
const IDLE_AFTER: Duration = Duration::from_millis(250);
/// Lines kept in memory while no segment takes them, in bytes. Past it the channel fills up.
const LINES_KEPT_MAX: usize = 64 * 1024 * 1024;
/// Records kept in memory while the database takes none. Past it the channel fills up.
const RECORDS_KEPT_MAX: usize = 100_000;

#[derive(Debug)]
pub(super) enum Job {
    Note(Entry),
    Close(Box<CallRecord>),
    Amend { call: CallId, wrap_up: WrapUp },
    AmendRecording(RecordingNews),
    KeepSession { call: CallId, json: String },
    ForgetSession(CallId),
    KeepLeg { name: String, json: String },
    ForgetLeg(String),
    KeepStanding { agent: String, standing: Standing },
    Finish,
}

/// How the files are, for alarms and for `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The journal cannot be written at the moment.
    pub journal_failing: bool,
    /// The records cannot be written at the moment.
    pub records_failing: bool,
    /// Things to be written that wait in memory.
    pub waiting: u64,
    /// Things that were not kept, since the start.
    pub lost: u64,
}

impl Health {
    #[must_use]
    pub const fn is_good(&self) -> bool {
        !self.journal_failing && !self.records_failing && self.lost == 0
    }
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    journal_failing: AtomicBool,
    records_failing: AtomicBool,
    records_waiting: AtomicU64,
    lost: AtomicU64,
}

impl Shared {
    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn health(&self, overflow: usize) -> Health {
        Health {
            journal_failing: self.journal_failing.load(Ordering::Relaxed),
            records_failing: self.records_failing.load(Ordering::Relaxed),
            waiting: self.records_waiting.load(Ordering::Relaxed) + overflow as u64,
            lost: self.lost.load(Ordering::Relaxed),
        }
    }
}

pub(super) struct Writer {
    folder: PathBuf,
    header: Header,
    /// `None` while no segment can be written.
    segment: Option<Segment>,
    /// Full or failed segments of this run that are not marked finished yet, by number.
    older: BTreeMap<u32, String>,
    /// Calls without a record, with the segment they arrived in.
    live: BTreeMap<CallId, u32>,
    /// Lines that were not brought to the disk yet.
    unsynced: Vec<u8>,
    /// How many of those bytes the current segment was given.
    given: usize,
    latest: Timestamp,
    synced_at: Timestamp,
    tried_at: Timestamp,
    db: Connection,
    records: VecDeque<Job>,
    next_call: CallId,
    shared: Arc<Shared>,
    /// Held as long as the files are open.
    _lock: File,
}

impl Writer {
    pub(super) fn begin(
        folder: &Path,
        header: Header,
        db: Connection,
        lock: File,
        shared: Arc<Shared>,
        next_call: CallId,
    ) -> Result<Self, StoreError> {
        let segment =
            Segment::create(folder, &header).map_err(|error| StoreError::io(folder, error))?;
        let latest = header.started_at;
        Ok(Self {
            folder: folder.to_path_buf(),
            header,
            segment: Some(segment),
            older: BTreeMap::new(),
            live: BTreeMap::new(),
            unsynced: Vec::new(),
            given: 0,
            latest,
            synced_at: latest,
            tried_at: latest,
            db,
            records: VecDeque::new(),
            next_call,
            shared,
            _lock: lock,
        })
    }

    #[cfg(test)]
    pub(super) fn disk_is_full(&mut self) {
        self.segment = Some(Segment::full_disk());
    }

    /// Runs until [`Job::Finish`]. A channel that just closes is a driver that was lost: the run
    /// stays open, as after a kill, and the next start recovers it.
    pub(super) fn run(mut self, inbox: &Receiver<Job>) -> Result<(), StoreError> {
        loop {
            if self.is_full() {
                std::thread::park_timeout(IDLE_AFTER);
                self.work(true);
                continue;
            }
            let (finish, idle) = match inbox.recv_timeout(IDLE_AFTER) {
                Ok(job) => (self.take(job) || self.take_gathered(inbox), false),
                Err(RecvTimeoutError::Timeout) => (false, true),
                Err(RecvTimeoutError::Disconnected) => {
                    self.work(true);
                    return Ok(());
                }
            };
            self.work(idle || finish);
            if finish {
                return self.finish();
            }
        }
    }

    /// Lets more come before it takes it: nobody is woken for a job that finds this thread resting.
    fn take_gathered(&mut self, inbox: &Receiver<Job>) -> bool {
        std::thread::park_timeout(GATHER_FOR);
        self.take_more(inbox)
    }

    fn take_more(&mut self, inbox: &Receiver<Job>) -> bool {
        for _ in 0..BATCH_MAX {
            let Ok(job) = inbox.try_recv() else {
                return false;
            };
            if self.take(job) {
                return true;
            }
        }
        false
    }

    /// Takes in one job; says whether it is the last.
    fn take(&mut self, job: Job) -> bool {
        match job {
            Job::Note(entry) => {
                self.latest = self.latest.max(entry.at);
                if let Input::Event(Event::CallArrived { call, .. }) = &entry.input {
                    self.live.insert(*call, self.header.segment);
                    self.next_call = self.next_call.max(CallId(call.0 + 1));
                }
                journal::write_line(&mut self.unsynced, &entry);
            }
            Job::Close(_)
            | Job::Amend { .. }
            | Job::AmendRecording(_)
            | Job::KeepSession { .. }
            | Job::ForgetSession(_)
            | Job::KeepLeg { .. }
            | Job::ForgetLeg(_)
            | Job::KeepStanding { .. } => self.records.push_back(job),
            Job::Finish => return true,
        }
        false
    }

    fn is_full(&self) -> bool {
        self.unsynced.len() >= LINES_KEPT_MAX || self.records.len() >= RECORDS_KEPT_MAX
    }

    /// Writes what there is; with `settle`, brings it to the disk as well.
    fn work(&mut self, settle: bool) {
        let due = self.latest.since(self.synced_at) >= SYNC_AFTER;
        let retry = settle || self.latest.since(self.tried_at) >= SYNC_AFTER;
        if self.segment.is_some() || retry {
            self.write_lines(settle || due);
        }
        if !self.shared.records_failing.load(Ordering::Relaxed) || retry {
            self.write_records(settle || due);
        }
        if retry {
            self.tried_at = self.latest;
        }
        self.shared.records_waiting.store(self.records.len() as u64, Ordering::Relaxed);
    }

    fn write_lines(&mut self, settle: bool) {
        if self.segment.is_none() && !self.begin_segment() {
            return;
        }
        let Some(segment) = &mut self.segment else {
            return;
        };
        let mut result = Ok(());
        if self.given < self.unsynced.len() {
            result = segment.append(&self.unsynced[self.given..]);
            self.given = self.unsynced.len();
        }
        let full = segment.is_full();
        if result.is_ok() && (settle || full) && !self.unsynced.is_empty() {
            result = segment.sync();
        } else if result.is_ok() {
            return;
        }
        if let Err(error) = result {
            // After a failed write or sync nobody knows what the file holds.
            let name = segment.name();
            tracing::error!(%error, segment = name, "the journal cannot be written");
            self.shared.journal_failing.store(true, Ordering::Relaxed);
            self.end_segment();
            return;
        }
        self.unsynced.clear();
        self.given = 0;
        self.synced_at = self.latest;
        if full {
            self.end_segment();
            self.begin_segment();
        }
    }

    fn end_segment(&mut self) {
        if let Some(segment) = self.segment.take() {
            self.older.insert(self.header.segment, segment.name().to_owned());
            self.header.segment += 1;
        }
        self.given = 0;
    }

    fn begin_segment(&mut self) -> bool {
        match Segment::create(&self.folder, &self.header) {
            Ok(segment) => {
                if self.shared.journal_failing.swap(false, Ordering::Relaxed) {
                    tracing::warn!("the journal is written again");
                }
                self.segment = Some(segment);
                true
            }
            Err(error) => {
                self.shared.journal_failing.store(true, Ordering::Relaxed);
                tracing::debug!(%error, "no new segment of the journal yet");
                // The name may be taken by a file whose header could not be written.
                self.header.segment += 1;
                false
            }
        }
    }

    fn write_records(&mut self, settle: bool) {
        match self.commit() {
            Ok(()) => {
                if self.shared.records_failing.swap(false, Ordering::Relaxed) {
                    tracing::warn!("the records are written again");
                }
            }
            Err(error) => {
                if !self.shared.records_failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the records cannot be written: kept in memory");
                }
                return;
            }
        }
        if settle && let Err(error) = self.checkpoint() {
            tracing::warn!(%error, "the records could not be brought to the disk");
        }
    }

    /// All records that wait, in one transaction. They stay in memory until it is committed.
    fn commit(&mut self) -> Result<(), StoreError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let transaction = self.db.transaction()?;
        let mut sessions = state::SessionKeeper::new(&transaction)?;
        let mut closed = Vec::new();
        for job in &self.records {
            match job {
                Job::Close(record) => {
                    if !records::insert(&transaction, record)? {
                        tracing::warn!(call = %record.call, "a second record was not kept");
                    }
                    closed.push(record.call);
                }
                Job::Amend { call, wrap_up } => {
                    if !records::amend(&transaction, *call, wrap_up)? {
                        tracing::warn!(%call, "after-call work belongs to no record");
                    }
                }
                Job::AmendRecording(news) => {
                    if records::amend_recording(&transaction, news)?.is_none() {
                        tracing::warn!(recording = %news.name, "a recording belongs to no record");
                    }
                }
                Job::KeepSession { call, json } => sessions.keep(*call, json)?,
                Job::ForgetSession(call) => state::forget_session(&transaction, *call)?,
                Job::KeepLeg { name, json } => state::keep_leg(&transaction, name, json)?,
                Job::ForgetLeg(name) => state::forget_leg(&transaction, name)?,
                Job::KeepStanding { agent, standing } => {
                    state::keep_standing(&transaction, agent, standing)?;
                }
                Job::Note(_) | Job::Finish => {}
            }
        }
        drop(sessions);
        recover::set_next_call(&transaction, self.next_call)?;
        transaction.commit()?;
        self.records.clear();
        for call in closed {
            self.live.remove(&call);
        }
        self.finish_older()
    }

    /// Marks segments before the one in which the oldest live call arrived.
    fn finish_older(&mut self) -> Result<(), StoreError> {
        let needed = self.live.values().min().copied().unwrap_or(self.header.segment);
        while let Some(entry) = self.older.first_entry() {
            if *entry.key() >= needed {
                break;
            }
            recover::finish(&self.db, entry.get(), true)?;
            entry.remove();
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Closes the run. A call that is live here has no record yet: its segment stays unfinished.
    fn finish(mut self) -> Result<(), StoreError> {
        if self.segment.is_none() {
            self.work(true);
        }
        if self.segment.is_none() || !self.records.is_empty() {
            return Err(StoreError::Lost);
        }
        recover::set_next_call(&self.db, self.next_call)?;
        state::carry_nothing(&self.db)?;
        self.end_segment();
        self.finish_older()
    }
}
