//! Opening a folder, in two steps: looking at what the run before left, and beginning a run.
//!
//! The first takes the folder's lock, makes or opens the database and reads the journal, which is
//! most of the time; the second writes.
//!
//! **Invariant:** one process at a time has a folder open, and what it makes there is for its owner
//! alone. Until the second step everything of the run before is as it left it.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use crate::id::NodeId;
use crate::store::appender::Appender;
use crate::store::database::{self, Change, Database, RecordWriter, Saved};
use crate::store::journal::{self, Header, Segment};
use crate::store::kept::{self, KeptLog};
use crate::store::recover::{self, Rebuild, Writing};
use crate::store::shared::Shared;
use crate::store::writer::Writer;
use crate::store::{
    Head, JOBS_MAX, Opened, Store, StoreError, StorePlace, backup, checkpoints, nodes, setups,
};
use crate::time::Timestamp;

/// Opens the folder of node 0, gives lost calls their records and begins a new run of the journal.
///
/// # Errors
///
/// When the folder cannot be written, belongs to a running server or to a later version.
pub fn open(
    place: impl Into<StorePlace>,
    head: &Head,
    writing: &Writing<'_>,
) -> Result<Opened, StoreError> {
    look(place, NodeId::default(), &mut recover::NoRebuild)?.begin(head, writing)
}

/// A run writes to it now and then while it does nothing else: the time of the file says until when
/// it ran.
pub(super) const LOCK: &str = "lock";

/// When a run with this folder was last known to run: now, but for a few seconds, where one does.
/// `None`: there was none.
#[must_use]
pub fn alive_until(folder: &Path) -> Option<Timestamp> {
    let segments = journal::segments(folder).unwrap_or_default();
    let files = segments.into_iter().chain([folder.join(LOCK)]);
    files.filter_map(|path| journal::written_at(&path)).max()
}

/// A folder that this process has to itself, and what was found in it.
pub struct Found {
    folder: PathBuf,
    node: NodeId,
    lock: File,
    /// When the run before was last known to run.
    alive_until: Option<Timestamp>,
    database: Arc<dyn Database>,
    db: Box<dyn RecordWriter>,
    lost: recover::Found,
}

/// Takes the folder and reads what the run before left, which `rebuild` gets. Of that nothing is
/// changed: a server that looks and begins no run leaves it to the next that looks.
///
/// # Errors
///
/// As [`open`], and when something in it is another node's.
pub fn look(
    place: impl Into<StorePlace>,
    node: NodeId,
    rebuild: &mut dyn Rebuild,
) -> Result<Found, StoreError> {
    let place = place.into();
    let folder = &*place.folder;
    let (lock, alive_until) = prepare(folder)?;
    backup::check(folder)?;
    nodes::check_files(folder, node)?;
    let database = database::of(&place)?;
    let db = database.writer()?;
    let lost = recover::find(&*db, folder, node, rebuild)?;
    Ok(Found { folder: folder.to_path_buf(), node, lock, alive_until, database, db, lost })
}

impl Found {
    /// The number of the run that [`Self::begin`] begins.
    #[must_use]
    pub const fn run(&self) -> u64 {
        self.lost.run()
    }

    /// Gives lost calls their records, or goes on with them where that was found to be possible,
    /// and begins a new run of the journal.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn begin(self, head: &Head, writing: &Writing<'_>) -> Result<Opened, StoreError> {
        let Self { folder, node, lock, alive_until, database, mut db, lost } = self;
        backup::begun(&folder)?;
        db.migrate()?;
        let (recovered, next) = lost.settle(&mut *db, *writing)?;
        let header = Header {
            attendant_journal: journal::VERSION,
            node,
            run: next.run,
            segment: 0,
            started_at: head.started_at,
            seed: head.seed,
            config: head.config.clone(),
            continues: next.continues,
        };
        let failed = |error| StoreError::io(&folder, error);
        let kept_next =
            kept::recover(&mut *db, &folder, &recovered.carried, next.lost_at.is_some())?;
        let mut agents = vec![Change::AgentTimesSince(head.started_at)];
        agents.extend(next.lost_at.map(|lost_at| {
            // A sign of life from after now is of another clock.
            let alive = alive_until.filter(|alive| *alive <= head.started_at);
            Change::AgentsGone { at: lost_at.max(alive.unwrap_or_default()), reason: "server_lost" }
        }));
        db.apply(&agents)?;
        let Saved { sessions, legs, agent_states } = db.saved()?;
        let run = header.run;
        let first = Segment::create(&folder, &header).map_err(failed)?;
        setups::delete_orphans(&folder).map_err(failed)?;
        match next.continues {
            None => checkpoints::delete(&folder).map_err(failed)?,
            Some(_) => checkpoints::sweep(&folder).map_err(failed)?,
        }
        let shared = Arc::new(Shared::new(first, header.started_at, next.call, kept_next));
        let kept = KeptLog::begin(&folder, kept_next, Arc::clone(&shared))?;
        let writer = Writer::new(&folder, header.clone(), db, lock, Arc::clone(&shared));
        let (jobs, inbox) = sync_channel(JOBS_MAX);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&inbox))
            .map_err(failed)?;
        let store = Store {
            jobs,
            overflow: VecDeque::new(),
            seq: 0,
            run,
            started_at: head.started_at,
            journal: Appender::new(&folder, header, Arc::clone(&shared)),
            kept,
            retry_at: None,
            has_lost: false,
            shared,
            thread,
            database,
        };
        let (next_call, lost_at) = (next.call, next.lost_at);
        Ok(Opened { store, next_call, lost_at, recovered, sessions, legs, agent_states })
    }
}

/// Makes the folder, for its owner alone, and takes its lock; and when a run before was last known
/// to run.
pub(super) fn prepare(folder: &Path) -> Result<(File, Option<Timestamp>), StoreError> {
    let failed = |error| StoreError::io(folder, error);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)?;
    let path = folder.join(LOCK);
    let written_at = journal::written_at(&path); // before it is there: a copy of a folder has none
    let mut options = fs::OpenOptions::new();
    let lock = options.create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok((lock, written_at)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: folder.to_path_buf() }),
        Err(TryLockError::Error(error)) => Err(StoreError::io(&path, error)),
    }
}
