//! What is asked of the thread that writes beside what calls leave: to erase a caller, to delete
//! what was kept long enough.
//!
//! **Invariant:** an errand sees everything in the database that was given before it; where that
//! cannot be written, it is refused and nothing is done.
//!
//! **Deliberately absent:** waiting for nothing. Whoever asks waits, on a thread that may.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use crate::id::CallId;
use crate::store::StoreError;
use crate::store::database::{DatabaseError, Erased, Erasure, RecordWriter};
use crate::store::old_runs::OldRuns;
use crate::store::shared::Shared;
use crate::store::writer::Job;
use crate::time::Timestamp;

/// An errand that is not done by then is given up by who asked; it may still be done.
const DONE_WITHIN: Duration = Duration::from_secs(60);

/// The way to the thread that writes, for other threads than the driver's.
#[derive(Clone, Debug)]
pub struct Errands {
    jobs: SyncSender<Job>,
    /// The run that goes on.
    run: u64,
    shared: Arc<Shared>,
}

/// What the thread does once all that was given before is written.
pub(super) struct Errand(Work);

/// Gets the database, or why it cannot be written.
type Work = Box<dyn FnOnce(Result<&mut dyn RecordWriter, StoreError>) + Send>;

impl Errands {
    pub(super) const fn new(jobs: SyncSender<Job>, run: u64, shared: Arc<Shared>) -> Self {
        Self { jobs, run, shared }
    }

    /// Takes a caller's number and what identifies them out of every record: of their own calls,
    /// and of these others, which name the number. `instead` stands in its place from then on, so
    /// that the calls of one caller are still known to be of one, and no figure changes.
    ///
    /// # Errors
    ///
    /// When what was given before, or this, cannot be written: then nothing is erased.
    pub fn erase(
        &self,
        number: &str,
        instead: &str,
        named_in: Vec<CallId>,
    ) -> Result<Erased, StoreError> {
        let (number, instead, run) = (number.to_owned(), instead.to_owned(), self.run);
        self.ask(move |db| {
            let (number, instead, named_in) = (&*number, &*instead, &*named_in);
            db.erase(&Erasure { number, instead, named_in, run })
        })
    }

    /// Waits until everything that was given before is in the database.
    ///
    /// # Errors
    ///
    /// As [`Self::erase`].
    pub fn catch_up(&self) -> Result<(), StoreError> {
        self.ask(|db| db.erased().map(drop))
    }

    /// Those of these calls, which ended before these moments, without a record; of those that were
    /// kept long enough none is missing.
    pub(super) fn without_record(
        &self,
        ended: Vec<(CallId, Timestamp)>,
    ) -> Result<Vec<CallId>, StoreError> {
        self.ask(move |db| {
            let mut missing = Vec::new();
            for (call, at) in ended {
                if !db.has(call)? {
                    missing.push((call, at));
                }
            }
            if missing.is_empty() {
                return Ok(Vec::new());
            }
            let since = db.progress()?.records_since;
            Ok(missing.into_iter().filter(|(_, at)| *at >= since).map(|(call, _)| call).collect())
        })
    }

    /// Brings to the disk all that was written before.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.ask(|db| db.sync())
    }

    /// Deletes the journals of runs before this one that were last written before `kept_since`,
    /// and those that have a call which was erased. Returns how many runs.
    ///
    /// # Errors
    ///
    /// When a journal or the database cannot be read or written: it is as if it had not been asked.
    pub fn delete_old_runs(
        &self,
        folder: &Path,
        kept_since: Option<Timestamp>,
    ) -> Result<usize, StoreError> {
        let erased = self.ask(|db| db.erased())?;
        let run = self.run;
        let calls = erased.iter().map(|(call, _)| *call).collect();
        let gone = OldRuns::before(folder, run)?.delete(kept_since, &calls)?;
        let before = erased.iter().any(|(_, then)| *then < run);
        if before && !gone.some_stay {
            self.ask(move |db| db.forget_erased(run))?;
        }
        Ok(gone.runs)
    }

    /// Deletes records of calls that ended before the day of this moment; how many. What they add
    /// up to stays. They go in steps, so that what calls leave meanwhile is written in between.
    ///
    /// # Errors
    ///
    /// As [`Self::erase`]; what was deleted until then is.
    pub fn expire_records(&self, before: Timestamp) -> Result<usize, StoreError> {
        let mut deleted = 0;
        loop {
            match self.ask(move |db| db.expire_records(before))? {
                0 => return Ok(deleted),
                more => deleted += more,
            }
        }
    }

    /// Deletes moves of agents from before the day of this moment; how many. What they add up to
    /// by the day stays. They go in steps, as records do.
    ///
    /// # Errors
    ///
    /// As [`Self::erase`]; what was deleted until then is.
    pub fn expire_agent_moves(&self, before: Timestamp) -> Result<usize, StoreError> {
        let mut deleted = 0;
        loop {
            match self.ask(move |db| db.expire_agent_moves(before))? {
                0 => return Ok(deleted),
                more => deleted += more,
            }
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn RecordWriter) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // What waits at the driver's end would come behind the errand.
        if self.shared.is_lagging.load(Ordering::Acquire) {
            return Err(StoreError::Behind);
        }
        let (answer, answered) = sync_channel(1);
        let errand = Errand(Box::new(move |db| {
            // Whoever asked may have given up.
            let _ = answer.send(db.and_then(|db| work(db).map_err(StoreError::from)));
        }));
        self.jobs.send(Job::Errand(errand)).map_err(|_| StoreError::Lost)?;
        answered.recv_timeout(DONE_WITHIN).map_err(|_| StoreError::Behind)?
    }
}

impl Errand {
    /// Does it, or says why not.
    pub(super) fn run(self, db: Result<&mut dyn RecordWriter, StoreError>) {
        (self.0)(db);
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand").finish_non_exhaustive()
    }
}
