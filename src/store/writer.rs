//! The thread that waits for the disk: it brings the journal there, and commits records.
//!
//! Lines of the journal were given to the operating system before ([`appender`](super::appender));
//! about once a second they are brought to the disk here, and the next segment is made before it is
//! needed. Records are gathered for a tenth of a second for one transaction.
//!
//! **Invariant:** records are committed in the order they were given, each batch as a whole; a
//! segment is marked finished only when every call that arrived in it has its record.
//!
//! **Deliberately absent:** a clock. Time is that of the entries, or an idle channel.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::id::CallId;
use crate::store::database::{self, Change, RecordWriter, RolledUp, Spooled};
use crate::store::errands::Errand;
use crate::store::journal::{Header, Segment};
use crate::store::kept::Kept;
use crate::store::shared::Shared;
use crate::store::{JOBS_MAX, StoreError, checkpoints};
use crate::time::Timestamp;
use crate::words::{Activity, CallRecord};

/// How long jobs are gathered for one transaction. No promise waits for it. What a transaction
/// costs whatever is in it (pages of indexes, the sums of the quarter) is shared by all of them.
const GATHER_FOR: Duration = Duration::from_millis(100);
/// The longest that a line or a record waits to be brought to the disk.
const SYNC_AFTER: Duration = Duration::from_secs(1);
/// With nothing to do for this long, the disk is brought up to date.
const IDLE_AFTER: Duration = Duration::from_millis(250);
/// Idle rounds between two signs of life while an agent is logged in: five seconds.
const ALIVE_AFTER: u32 = 20;
/// While calls of an earlier attendant are rolled up, how long the next step waits for jobs.
const ROLL_UP_AFTER: Duration = Duration::from_millis(1);
/// Calls that are rolled up between two lines of the log.
const ROLLED_UP_TOLD: u64 = 100_000;
/// Records kept in memory while the database takes none. Past it the channel fills up.
const RECORDS_KEPT_MAX: usize = 100_000;

#[derive(Debug)]
pub(super) enum Job {
    Close(Box<CallRecord>),
    /// With its number in the log beside the journal.
    Keep(u64, Kept),
    Errand(Errand),
    Finish,
}

pub(super) struct Writer {
    folder: PathBuf,
    header: Header,
    /// Full or failed segments of this run that are not marked finished yet, by number.
    older: BTreeMap<u32, String>,
    /// How much the current segment had when it was last looked at.
    seen: (u32, u64),
    synced_at: Timestamp,
    tried_at: Timestamp,
    db: Box<dyn RecordWriter>,
    /// What waits to be committed.
    records: Vec<Change>,
    /// The number after the last in `records` that was kept.
    kept_until: Option<u64>,
    /// For when those are written.
    errands: Vec<Errand>,
    /// So that it is said once.
    checkpoint_failed: bool,
    rolling_up: RollingUp,
    shared: Arc<Shared>,
    /// Agents who are not logged out.
    logged_in: BTreeSet<String>,
    idle_rounds: u32,
    /// Held as long as the files are open.
    lock: File,
}

/// Calls that have no rollup: those of an earlier attendant, and all of them once rollups were
/// found broken.
#[derive(Clone, Copy, Debug)]
enum RollingUp {
    /// There were none when this was looked at last.
    AtRest,
    /// This many have one by now, and there are more.
    GoesOn {
        calls: u64,
    },
    GivenUp,
}

impl Writer {
    pub(super) fn new(
        folder: &Path,
        header: Header,
        db: Box<dyn RecordWriter>,
        lock: File,
        shared: Arc<Shared>,
    ) -> Self {
        let latest = header.started_at;
        Self {
            folder: folder.to_path_buf(),
            header,
            older: BTreeMap::new(),
            seen: (0, 0),
            synced_at: latest,
            tried_at: latest,
            db,
            records: Vec::new(),
            kept_until: None,
            errands: Vec::new(),
            checkpoint_failed: false,
            rolling_up: RollingUp::GoesOn { calls: 0 },
            shared,
            logged_in: BTreeSet::new(),
            idle_rounds: 0,
            lock,
        }
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
            let rest = match self.rolling_up {
                RollingUp::GoesOn { .. } => ROLL_UP_AFTER,
                RollingUp::AtRest | RollingUp::GivenUp => IDLE_AFTER,
            };
            let (finish, idle) = match inbox.recv_timeout(rest) {
                Ok(job) => (self.take(job) || self.take_gathered(inbox), false),
                Err(RecvTimeoutError::Timeout) => {
                    self.show_alive();
                    (false, true)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.work(true);
                    return Ok(());
                }
            };
            self.work(idle || finish);
            self.run_errands();
            if finish {
                return self.finish();
            }
            self.roll_up();
        }
    }

    /// Lets more come before it takes it: no thread is woken for a job that finds this one resting,
    /// but for the last.
    fn take_gathered(&mut self, inbox: &Receiver<Job>) -> bool {
        std::thread::park_timeout(GATHER_FOR);
        self.take_more(inbox)
    }

    fn take_more(&mut self, inbox: &Receiver<Job>) -> bool {
        for _ in 0..JOBS_MAX {
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
            Job::Close(record) => self.records.push(Change::Close(record)),
            Job::Keep(number, kept) => {
                self.note_logged_in(&kept);
                self.records.push(Change::Keep(kept));
                self.kept_until = Some(number + 1);
            }
            Job::Errand(errand) => self.errands.push(errand),
            Job::Finish => return true,
        }
        false
    }

    /// Who is logged in does something as long as this runs, also when no line of the journal says
    /// so: see `open::alive_until`.
    fn show_alive(&mut self) {
        self.idle_rounds += 1;
        if self.idle_rounds >= ALIVE_AFTER && !self.logged_in.is_empty() {
            self.idle_rounds = 0;
            let mut lock = &self.lock;
            // What a full disk does not take is one sign less.
            let _ = lock.rewind().and_then(|()| lock.write_all(b"\n"));
        }
    }

    fn note_logged_in(&mut self, kept: &Kept) {
        let Kept::AgentMoved { agent, activity, .. } = kept else { return };
        if *activity == Activity::LoggedOut {
            self.logged_in.remove(agent);
        } else {
            self.logged_in.insert(agent.clone());
        }
    }

    fn is_full(&self) -> bool {
        self.records.len() >= RECORDS_KEPT_MAX
    }

    /// Writes what there is; with `settle`, brings it to the disk as well.
    fn work(&mut self, settle: bool) {
        let latest = self.shared.latest();
        let due = latest.since(self.synced_at) >= SYNC_AFTER;
        let retry = settle || latest.since(self.tried_at) >= SYNC_AFTER;
        self.sync(due, settle);
        if retry {
            self.have_a_spare();
        }
        if !self.shared.records_failing.load(Ordering::Relaxed) || retry {
            self.write_records(settle || due);
        }
        if retry {
            self.tried_at = latest;
        }
        self.shared.records_waiting.store(self.records.len() as u64, Ordering::Relaxed);
        let Spooled { waiting, is_failing } = self.db.spooled();
        self.shared.spooled.store(waiting, Ordering::Relaxed);
        self.shared.database_failing.store(is_failing, Ordering::Relaxed);
    }

    /// Brings the journal to the disk where that is due, or where nothing has come since the last
    /// look.
    fn sync(&mut self, due: bool, settle: bool) {
        let Some(segment) = self.shared.segments().current.clone() else { return };
        let has = (segment.number(), segment.given());
        let rests = std::mem::replace(&mut self.seen, has) == has;
        if segment.has_failed() {
            return; // it is never trusted again: the driver's end goes on in another
        }
        if segment.given() == segment.synced() {
            self.synced_at = self.shared.latest();
            return;
        }
        if !(due || settle && rests) {
            return;
        }
        let latest = self.shared.latest();
        match segment.sync() {
            Ok(()) => self.synced_at = latest,
            Err(error) => {
                if !self.shared.journal_failing.swap(true, Ordering::Relaxed) {
                    let name = segment.name();
                    tracing::error!(%error, segment = name,
                        "the journal cannot be brought to the disk: no new call is taken until it \
                         can be");
                }
            }
        }
    }

    /// Makes the next segment where it may soon be needed, or is waited for.
    fn have_a_spare(&self) {
        let number = {
            let mut segments = self.shared.segments();
            let current = segments.current.as_ref();
            let soon = current.is_some_and(|it| self.shared.is_half_full(it));
            if segments.spare.is_some() || !(soon || segments.is_wanted) {
                return;
            }
            // Not used again: the name may be taken by a file whose head could not be written.
            segments.number += 1;
            segments.number - 1
        };
        match Segment::create(&self.folder, &Header { segment: number, ..self.header.clone() }) {
            Ok(segment) => {
                let mut segments = self.shared.segments();
                segments.spare = Some(segment);
                segments.is_wanted = false;
            }
            Err(error) => tracing::debug!(%error, "no new segment of the journal yet"),
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
        if settle {
            let done = self.db.sync();
            let failed_before = std::mem::replace(&mut self.checkpoint_failed, done.is_err());
            if let (Err(error), false) = (done, failed_before) {
                tracing::warn!(%error, "the records could not be brought to the disk");
            }
        }
    }

    fn run_errands(&mut self) {
        for errand in std::mem::take(&mut self.errands) {
            errand.run(match self.records.is_empty() {
                true => Ok(&mut *self.db),
                false => Err(StoreError::Behind),
            });
        }
    }

    /// Goes on with the calls that no rollup has, once all that was given is written. Whether there
    /// are any is asked again each time: rollups that are found broken are made anew at once.
    fn roll_up(&mut self) {
        let before = match self.rolling_up {
            RollingUp::AtRest => 0,
            RollingUp::GoesOn { calls } => calls,
            RollingUp::GivenUp => return,
        };
        if !self.records.is_empty() {
            return;
        }
        self.rolling_up = match self.db.roll_up() {
            Ok(RolledUp::All) => {
                if before > 0 {
                    tracing::info!(calls = before, "every call is in its rollups");
                }
                RollingUp::AtRest
            }
            Ok(RolledUp::Since(since, more)) => {
                let calls = before + more;
                if before / ROLLED_UP_TOLD < calls / ROLLED_UP_TOLD {
                    tracing::info!(calls, %since, "calls of before are being rolled up");
                }
                RollingUp::GoesOn { calls }
            }
            Err(error) => {
                tracing::error!(%error, "calls of before are not rolled up: reports of their time \
                     are slow; the next start tries again");
                RollingUp::GivenUp
            }
        };
    }

    /// All records that wait, in one transaction. They stay in memory until it is committed.
    fn commit(&mut self) -> Result<(), StoreError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let waiting = self.records.len();
        self.records.extend(self.kept_until.map(Change::KeptUntil));
        self.records.push(Change::NextCall(self.shared.next_call()));
        let applied = match self.db.apply(&self.records) {
            Ok(applied) => applied,
            Err(error) => {
                self.records.truncate(waiting);
                return Err(error.into());
            }
        };
        database::complain(&self.records, &applied);
        let closed: Vec<CallId> = self.records.drain(..).filter_map(closed).collect();
        if let Some(until) = self.kept_until.take() {
            self.shared.set_kept_until(until);
        }
        self.finish_older(&closed)
    }

    /// Marks segments before the one in which the oldest live call arrived.
    fn finish_older(&mut self, closed: &[CallId]) -> Result<(), StoreError> {
        let needed = {
            let mut segments = self.shared.segments();
            for call in closed {
                segments.live.remove(call);
            }
            self.older.extend(segments.retired.drain(..));
            let present = segments.present();
            segments.live.values().min().copied().unwrap_or(present)
        };
        let done: Vec<Change> = self.older.range(..needed).map(|(_, name)| finish(name)).collect();
        if !done.is_empty() {
            self.db.apply(&done)?;
            self.older = self.older.split_off(&needed);
        }
        Ok(())
    }

    /// Closes the run, whose lines are on the disk. A call that is live here has no record yet: its
    /// segment stays unfinished.
    fn finish(mut self) -> Result<(), StoreError> {
        if !self.records.is_empty() {
            return Err(StoreError::Lost);
        }
        let gone = Change::AgentsGone { at: self.shared.latest(), reason: "server_stopped" };
        self.db.apply(&[Change::NextCall(self.shared.next_call()), Change::CarryNothing, gone])?;
        {
            let mut segments = self.shared.segments();
            let current = segments.current.take();
            let last = [current.as_deref(), segments.spare.as_ref()];
            let last = last.map(|it| it.map(|it| (it.number(), it.name().to_owned())));
            self.older.extend(last.into_iter().flatten());
            segments.spare = None;
        }
        self.finish_older(&[])?;
        // Every call has its record: no start needs one, and what is left goes with the next.
        self.shared.is_finished.store(true, Ordering::Release);
        if let Err(error) = checkpoints::delete(&self.folder) {
            tracing::warn!(%error, "checkpoints of the run that ended could not be deleted");
        }
        Ok(())
    }
}

fn finish(segment: &str) -> Change {
    Change::Finish { segment: segment.to_owned(), clean: true }
}

/// The call whose record this is.
fn closed(change: Change) -> Option<CallId> {
    match change {
        Change::Close(record) => Some(record.call),
        Change::Import(_)
        | Change::Keep(_)
        | Change::KeptUntil(_)
        | Change::NextCall(_)
        | Change::Finish { .. }
        | Change::Carry { .. }
        | Change::CarryNothing
        | Change::AgentTimesSince(_)
        | Change::AgentsGone { .. } => None,
    }
}
