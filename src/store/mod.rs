//! What outlives the process: the journal of every input and the record of every call.
//!
//! [`Store`] is the driver's end. What is noted or kept is given to the operating system by
//! [`Store::settle`], where a killed process does not lose it; a thread brings it to the disk and
//! commits records, and is never waited for. A [`RecordReader`] reads the records from any other
//! thread, and [`Readers`] are several for requests that come at once. Which database that is,
//! no file outside of its own folder knows (`database.rs`).
//!
//! **Invariant:** a call that the journal saw arrive has exactly one record, sooner or later: when
//! it closes, or after the next start. A call's number is never given again. What was noted and
//! kept before a [`Store::settle`] outlives the process, unless that says [`Settled::Unwritten`]:
//! then it is in memory alone until one that does not.
//!
//! **Deliberately absent:** deleting, but of an import as a whole. What retention removes is
//! decided elsewhere.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod amend;
mod appender;
mod backup;
mod certain;
mod checkpointing;
mod checkpoints;
#[cfg(test)]
mod contract;
mod cuts;
mod database;
mod erase;
mod errands;
mod import;
pub mod journal;
mod kept;
mod names;
mod nodes;
mod old_runs;
mod open;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
mod readers;
mod recover;
mod rollup;
mod secret;
mod setups;
mod shared;
#[cfg(feature = "postgres")]
mod spool;
mod sql;
pub(crate) mod sqlite;
#[cfg(test)]
mod tests;
mod waiting;
mod whole;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;

use crate::center::SavedAgentState;
use crate::center::names::NamesError;
use crate::id::{CallId, NodeId};
use crate::time::Timestamp;
use crate::words::{AgentState, CallRecord, Event, RecordingUpdate, WrapUp};

pub use backup::{BackedUp, back_up};
pub use checkpointing::Checkpointing;
pub use checkpoints::{Checkpoint, JournalPlace};
pub use cuts::{cut, waterfall};
pub use database::{DatabaseError, Fault, ImportedCalls, Past, RecordReader};
pub use erase::naming;
pub use errands::Errands;
pub use import::{CALLS_PER_SECOND_MAX, Imported, Importing};
pub use names::{add_recorded, keep_names, names, names_error};
pub use old_runs::{OldRuns, OldRunsGone};
pub use open::{Found, alive_until, look, open};
pub use place::{Password, PostgresServer, StorePlace};
pub use readers::{LISTS_MAX, LISTS_WAIT, Readers};
pub use recover::{Rebuild, Rebuilt, Recovered, Writing};
pub use secret::{SECRET_LEN, secret_key};
pub use setups::{KeptSetup, setup_of};
pub use shared::{Health, HealthWatch};

use appender::Appender;
use database::Database;
use journal::{NotedInput, Own};
use kept::{Kept, KeptLog};
use shared::Shared;
use writer::Job;

/// Jobs on their way to the thread; the channel takes 136 bytes for each from the start.
const JOBS_MAX: usize = 4_096;
/// Jobs kept on this side while the thread does not keep up: half of it, and no new call is taken.
const OVERFLOW_MAX: usize = 65_536;
/// While nothing can be written, or the disk does not keep up, how often it is tried again without
/// a reason.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// What a front keeps of one call is no longer, in bytes.
const SESSION_LEN_MAX: usize = 256 * 1024;

/// What went wrong with the files, and with which.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
    #[error("the records: {0}")]
    Database(#[from] DatabaseError),
    #[error("{path} was written by a later attendant: use that one")]
    Newer { path: PathBuf },
    #[error("{path} is in use by another attendant: give each its own `server.state`")]
    InUse { path: PathBuf },
    #[error(
        "{path}: {error}: it is not of this folder's journal: take it away, and it is made anew"
    )]
    Names { path: PathBuf, error: NamesError },
    #[error(
        "{path} is of node {theirs}, and this server is node {ours} (`server.node`): files of two \
         servers are mixed. Take it back to the folder of node {theirs}, and give each server a \
         `server.state` of its own; if all of the folder is node {theirs}'s, `server.node` must be \
         {theirs}"
    )]
    OtherNode { path: PathBuf, theirs: NodeId, ours: NodeId },
    #[error("{folder}: there are no records: no server has kept any in this folder")]
    NoRecords { folder: PathBuf },
    #[error(
        "{path}: the records of this folder are elsewhere than `server.database` says, and calls \
         would get the numbers of others: set it back, or give the server another `server.state` \
         and another `server.node`"
    )]
    OtherRecords { path: PathBuf },
    #[error(
        "{place}: this attendant was built without the feature `postgres`: use one that has it, or \
         set `server.database = \"\"`"
    )]
    NotBuilt { place: String },
    #[error("the thread that writes ended early: see the log")]
    Lost,
    #[error("{path} is a backup that is not whole: {what}. Take another, or copy it again")]
    NotWhole { path: PathBuf, what: String },
    #[error("{path} is not empty: a backup needs a folder of its own")]
    NotEmpty { path: PathBuf },
    #[error("{path}: too much was kept while it was copied: try again")]
    Moving { path: PathBuf },
    #[error("what came before it is not written yet: see the log, and ask again")]
    Behind,
    #[error(
        "{LISTS_MAX} lists of records are being read and none ended within {} s: ask again",
        LISTS_WAIT.as_secs()
    )]
    ListsBusy,
}

impl StoreError {
    /// Whether records are in a database that cannot be reached now, or has none yet.
    #[must_use]
    pub fn is_away(&self) -> bool {
        let is_away = |fault| matches!(fault, Fault::Unreachable | Fault::NotThere);
        matches!(self, Self::Database(error) if is_away(error.fault))
    }

    fn io(path: &Path, error: std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), error }
    }
}

/// What the head of the journal says of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub started_at: Timestamp,
    pub seed: u64,
    /// The digest of the setup that the center begins with, which is [kept](KeptSetup::keep) for
    /// [the run](Found::run) before.
    pub config: String,
}

/// A store ready to write, and what opening it found.
#[derive(Debug)]
pub struct Opened {
    pub store: Store,
    /// The number of the first call of this run.
    pub next_call: CallId,
    /// When the journal of the run before ends, where that one did not end in order.
    pub lost_at: Option<Timestamp>,
    pub recovered: Recovered,
    /// What fronts kept of calls and did not forget, also of calls that ended since.
    pub sessions: Vec<(CallId, String)>,
    /// And of legs, by the names that the front gave them.
    pub legs: Vec<(String, String)>,
    /// Where agents stood, by name.
    pub agent_states: BTreeMap<String, SavedAgentState>,
}

/// The driver's end.
#[derive(Debug)]
pub struct Store {
    jobs: SyncSender<Job>,
    overflow: VecDeque<Job>,
    seq: u64,
    run: u64,
    started_at: Timestamp,
    journal: Appender,
    kept: KeptLog,
    /// While nothing can be written: when it is tried again.
    retry_at: Option<Timestamp>,
    /// Something given since the last [`Store::settle`] was not kept.
    has_lost: bool,
    shared: Arc<Shared>,
    thread: JoinHandle<Result<(), StoreError>>,
    database: Arc<dyn Database>,
}

/// What became of something given to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// On its way to the disk.
    Queued,
    /// Kept in memory: the disk does not keep up.
    Lagging,
    /// Not kept: memory set aside for it is full. Counted in [`Health`]; the journal shows the gap.
    Lost,
}

/// What became of everything that was noted and kept before a [`Store::settle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The operating system had it before.
    Already,
    /// The operating system has it now.
    Written,
    /// Of some of it that is not so: nothing may be promised on it.
    Unwritten,
}

/// Opens the records of a place for reading, whether or not a server runs on it.
///
/// # Errors
///
/// When there are none, or they cannot be read.
pub fn read_records(place: impl Into<StorePlace>) -> Result<Box<dyn RecordReader>, StoreError> {
    database::of(&place.into())?.reader()
}

impl Store {
    /// Notes one input of the center, `None` for a wake-up. Call this before the center handles it.
    pub fn note(&mut self, at: Timestamp, event: Option<&Event>) -> Noted {
        let input = event.map_or(NotedInput::Own(Own::Wake), NotedInput::Event);
        if let Some(call) = event.and_then(journal::arrival) {
            self.shared.arrived(call);
        }
        self.note_input(at, input)
    }

    /// Notes that the center is given this setup, which was [kept](KeptSetup::keep) for
    /// [this run](Self::run) before. Call this before the center takes it.
    pub fn note_setup(&mut self, at: Timestamp, digest: &str) -> Noted {
        let setup = digest.to_owned();
        self.note_input(at, NotedInput::Own(Own::Reconfigured { setup }))
    }

    /// When the latest line of the journal was noted: a process that is lost is taken to have gone
    /// on until then.
    #[must_use]
    pub fn noted_at(&self) -> Timestamp {
        self.shared.latest()
    }

    /// From now on a segment of the journal is closed once it has this many bytes.
    pub fn close_segments_after(&self, bytes: u64) {
        self.shared.segment_len_max.store(bytes, Ordering::Relaxed);
    }

    fn folder(&self) -> &Path {
        self.journal.folder()
    }

    /// The number of this run of the journal.
    #[must_use]
    pub const fn run(&self) -> u64 {
        self.run
    }

    fn note_input(&mut self, at: Timestamp, input: NotedInput<'_>) -> Noted {
        let line = journal::Noted { seq: self.seq, at, input };
        self.seq += 1;
        self.shared.noted(at);
        if !self.journal.note(&line) {
            return self.lost();
        }
        if self.shared.is_failing() { Noted::Lagging } else { Noted::Queued }
    }

    /// Writes the record of a call that ended.
    pub fn close(&mut self, record: Box<CallRecord>) -> Noted {
        self.send(Job::Close(record))
    }

    /// Adds after-call work to a closed record.
    pub fn amend(&mut self, call: CallId, wrap_up: WrapUp) -> Noted {
        self.keep(Kept::WrapUp { call, wrap_up })
    }

    /// Adds what became known of a recording to a closed record.
    pub fn amend_recording(&mut self, update: RecordingUpdate) -> Noted {
        self.keep(Kept::Recording { update })
    }

    /// Keeps what a front has to know of a call after a restart, in place of what it kept before.
    pub fn keep_session(&mut self, call: CallId, json: String) -> Noted {
        if json.len() > SESSION_LEN_MAX {
            tracing::error!(%call, len = json.len(), "too much to keep of a call");
            return self.lost();
        }
        self.keep(Kept::Session { call, json })
    }

    /// Keeps what a front has to know of a leg after a restart, in place of what it kept before.
    pub fn keep_leg(&mut self, name: String, json: String) -> Noted {
        if json.len() > SESSION_LEN_MAX {
            tracing::error!(name, len = json.len(), "too much to keep of a leg");
            return self.lost();
        }
        self.keep(Kept::Leg { name, json })
    }

    /// Ends what [`Self::keep_leg`] began.
    pub fn forget_leg(&mut self, name: String) -> Noted {
        self.keep(Kept::ForgetLeg { name })
    }

    /// Ends what [`Self::keep_session`] began.
    pub fn forget_session(&mut self, call: CallId) -> Noted {
        self.keep(Kept::ForgetSession { call })
    }

    /// Keeps where an agent stands.
    pub fn keep_agent_state(&mut self, agent: &str, state: SavedAgentState) -> Noted {
        self.keep(Kept::AgentState { agent: agent.to_owned(), state })
    }

    /// Keeps what an agent does from then on. What began before this run counts from its begin on:
    /// in between nothing ran.
    pub fn keep_agent_move(&mut self, at: Timestamp, agent: &str, state: &AgentState) -> Noted {
        let reason = match state {
            AgentState::NotReady { reason } => Some(reason.clone()),
            AgentState::LoggedOut
            | AgentState::Ready
            | AgentState::OnOwnCall { .. }
            | AgentState::Reserved { .. }
            | AgentState::Talking { .. }
            | AgentState::AfterCallWork { .. } => None,
        };
        let (agent, at) = (agent.to_owned(), at.max(self.started_at));
        self.keep(Kept::AgentMoved { agent, at, activity: state.activity(), reason })
    }

    fn keep(&mut self, kept: Kept) -> Noted {
        let number = self.kept.note(&kept);
        self.send(Job::Keep(number, kept))
    }

    fn lost(&mut self) -> Noted {
        self.has_lost = true;
        self.shared.lost();
        Noted::Lost
    }

    /// Ends a turn: gives the operating system all that was noted and kept, with one write for each
    /// of the two, before anything is promised. A write into the page cache costs less than a
    /// timer, so nothing waits for company.
    pub fn settle(&mut self, now: Timestamp) -> Settled {
        self.flush();
        let was_behind = self.is_behind();
        if was_behind {
            // In this order: what a front keeps is never behind what the center knows.
            self.kept.write();
            self.journal.write();
        }
        let has_lost = std::mem::take(&mut self.has_lost);
        self.retry_at = self.again_at(now);
        match was_behind {
            _ if has_lost || self.is_behind() => Settled::Unwritten,
            true => Settled::Written,
            false => Settled::Already,
        }
    }

    fn is_behind(&self) -> bool {
        self.kept.is_behind() || self.journal.is_behind()
    }

    /// While something is not written or waits in memory, or calls wait for room, it is looked at
    /// again.
    fn again_at(&self, now: Timestamp) -> Option<Timestamp> {
        let waits = !self.overflow.is_empty() || self.is_behind() || !self.journal.has_room();
        waits.then_some(now + RETRY_AFTER)
    }

    /// When to [settle](Self::settle) again, whatever happens.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Timestamp> {
        self.retry_at
    }

    /// Hands on what was kept while the thread did not keep up. Call it now and then.
    pub fn flush(&mut self) {
        while let Some(job) = self.overflow.pop_front() {
            match self.jobs.try_send(job) {
                Ok(()) => {}
                Err(TrySendError::Full(job)) => return self.overflow.push_front(job),
                Err(TrySendError::Disconnected(_)) => self.shared.lost(),
            }
        }
        self.shared.is_lagging.store(false, Ordering::Release);
    }

    /// How the files are.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health(self.waiting_here())
    }

    /// Whether a new call may be taken: not while what it is promised could not be written, or more
    /// is kept in memory than leaves room: its lines or its record might find no room.
    #[must_use]
    pub fn is_accepting(&self) -> bool {
        self.has_room() && !self.shared.is_failing()
    }

    /// Whether there is room in memory for what one more call leaves, and a thread to write it.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let has_room = self.overflow.len() < OVERFLOW_MAX / 2;
        has_room && self.journal.has_room() && !self.thread.is_finished()
    }

    /// Things to be written that wait at this end.
    #[must_use]
    pub fn waiting_here(&self) -> u64 {
        self.overflow.len() as u64
    }

    /// Looks at the files' health from any other thread.
    #[must_use]
    pub fn watch(&self) -> HealthWatch {
        HealthWatch::new(&self.shared)
    }

    /// Another connection to the records, for reading.
    ///
    /// # Errors
    ///
    /// When they cannot be opened.
    pub fn reader(&self) -> Result<Box<dyn RecordReader>, StoreError> {
        self.database.reader()
    }

    /// The way to the thread that writes, for other threads.
    #[must_use]
    pub fn errands(&self) -> Errands {
        Errands::new(self.jobs.clone(), self.run, Arc::clone(&self.shared))
    }

    /// Connections to the records for requests that come at once.
    ///
    /// # Errors
    ///
    /// When they cannot be opened.
    pub fn readers(&self) -> Result<Readers, StoreError> {
        Readers::open(&*self.database)
    }

    /// Writes what is left and closes the run. Blocks until it is on the disk.
    ///
    /// # Errors
    ///
    /// When something could not be written; the next start recovers from what was.
    pub fn shutdown(mut self) -> Result<(), StoreError> {
        for job in self.overflow.drain(..) {
            self.jobs.send(job).map_err(|_| StoreError::Lost)?;
        }
        let written = self.journal.close();
        if written.is_ok() {
            self.jobs.send(Job::Finish).map_err(|_| StoreError::Lost)?;
        }
        drop(self.jobs);
        self.thread.thread().unpark();
        self.thread.join().map_err(|_| StoreError::Lost)??;
        written
    }

    /// Ends the thread as a kill of the process would: nothing is marked as finished, and what was
    /// not settled is lost.
    #[cfg(test)]
    pub(crate) fn kill(self) {
        let Self { jobs, thread, .. } = self;
        drop(jobs);
        thread.thread().unpark();
        thread.join().expect("the writer does not panic").expect("a closed channel is no error");
    }

    /// The next write to the journal meets a full disk.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn fill_disk(&self) {
        self.shared.segments().current = Some(Arc::new(journal::Segment::full_disk()));
    }

    fn send(&mut self, job: Job) -> Noted {
        self.flush();
        let job = if self.overflow.is_empty() {
            match self.jobs.try_send(job) {
                Ok(()) => return Noted::Queued,
                Err(TrySendError::Full(job)) => job,
                Err(TrySendError::Disconnected(_)) => {
                    self.shared.lost();
                    return Noted::Lost;
                }
            }
        } else {
            job
        };
        if self.overflow.len() >= OVERFLOW_MAX {
            self.shared.lost();
            return Noted::Lost;
        }
        self.overflow.push_back(job);
        self.shared.is_lagging.store(true, Ordering::Release);
        Noted::Lagging
    }
}
