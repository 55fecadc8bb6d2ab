//! Records on their way to a database elsewhere: a file in the folder takes them at once, and a
//! thread delivers them.
//!
//! What a run leaves for the next beside records (where it ended, what fronts keep, where agents
//! stand) stays in the file: a start needs it, and must not wait for another server.
//!
//! **Invariant:** each change is delivered once and in order. Its number goes up for ever; the
//! database notes in the transaction of a change up to which number it has all, and nothing is
//! given again that it has. A change that the database refuses for what it says is put aside in
//! the file, with why, so that those behind it go on.
//!
//! **Bound:** [`SPOOLED_MAX`] changes wait. Past it the file takes none ([`Fault::Full`]), records
//! wait in memory as for a full disk, and no new call is taken once that has no room either.
//!
//! **Deliberately absent:** which database. Whoever is [`Behind`] it says.

mod change;
mod delivery;
mod file;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::id::{CallId, NodeId};
use crate::store::database::{
    Applied, Change, Database, DatabaseError, Erased, Erasure, Fault, Progress, RecordReader,
    RecordWriter, RolledUp, Saved, Spooled, TakenOut,
};
use crate::store::sql::{Target, TargetHas};
use crate::store::{StoreError, backup, sqlite};
use crate::time::Timestamp;

use delivery::Delivery;
use file::SpoolFile;

use crate::store::database::SPOOL as FILE;

/// Changes that wait for the database. A call is two or three, of about 2 KB.
const SPOOLED_MAX: u64 = 1_000_000;

/// A database elsewhere.
pub(super) trait Behind: Database {
    /// Opens it for writing, with nobody beside us.
    fn target(&self) -> Result<Box<dyn Target>, StoreError>;
}

/// A database with a spool in front of it.
pub(super) struct Spool<B> {
    folder: PathBuf,
    node: NodeId,
    behind: std::sync::Arc<B>,
    most: u64,
}

impl<B: Behind + 'static> Spool<B> {
    pub(super) fn new(folder: &Path, node: NodeId, behind: B) -> Self {
        Self {
            folder: folder.to_path_buf(),
            node,
            behind: std::sync::Arc::new(behind),
            most: SPOOLED_MAX,
        }
    }

    fn open(&self) -> Result<SpoolFile, StoreError> {
        let records = self.folder.join(sqlite::FILE);
        if records.exists() {
            return Err(StoreError::OtherRecords { path: records });
        }
        SpoolFile::open(&self.folder.join(FILE))
    }
}

impl<B: Behind + 'static> Database for Spool<B> {
    /// Where the database can be reached, its answer is waited for: a password that is wrong fails
    /// a start. Where it cannot, the start goes on.
    fn writer(&self) -> Result<Box<dyn RecordWriter>, StoreError> {
        let mut file = self.open()?;
        let target = match self.behind.target() {
            Ok(target) => Some(target),
            Err(StoreError::Database(error)) if error.fault.may_pass() => {
                if backup::is_copy(&self.folder) {
                    // Which numbers calls have got since it was made, the database alone knows.
                    return Err(StoreError::Database(error));
                }
                tracing::error!(%error, "the records' database cannot be written: calls are \
                     answered, and their records wait in {FILE}");
                None
            }
            Err(error) => return Err(error),
        };
        if let Some(known) = target.as_ref().map(|it| it.known(self.node)).transpose()?.flatten() {
            file.reconcile(&known)?;
        }
        let delivery = Delivery::new(std::sync::Arc::clone(&self.behind), self.node, target);
        Ok(Box::new(SpoolWriter { file, delivery, most: self.most }))
    }

    fn reader(&self) -> Result<Box<dyn RecordReader>, StoreError> {
        self.behind.reader()
    }

    fn direct(&self) -> Result<Box<dyn RecordWriter>, StoreError> {
        let mut file = self.open()?;
        let mut target = self.behind.target()?;
        let known = target.known(self.node)?;
        if let Some(known) = &known {
            file.reconcile(known)?;
        }
        target.migrate()?;
        if known.is_none_or(|known| known.spool.is_none()) {
            target.claim(file.name())?;
        }
        Ok(target)
    }

    fn back_up(&self, folder: &Path) -> Result<(), StoreError> {
        Ok(self.open()?.copy_to(&folder.join(FILE))?)
    }

    fn kept_until(&self) -> Result<u64, StoreError> {
        Ok(self.open()?.progress()?.kept_until)
    }
}

impl<B> fmt::Debug for Spool<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The end that changes are given to.
struct SpoolWriter<B: Behind + 'static> {
    file: SpoolFile,
    delivery: Delivery<B>,
    /// Changes that may wait.
    most: u64,
}

impl<B: Behind + 'static> fmt::Debug for SpoolWriter<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolWriter").field("file", &self.file).finish_non_exhaustive()
    }
}

impl<B: Behind + 'static> RecordWriter for SpoolWriter<B> {
    fn place(&self) -> PathBuf {
        self.file.path().to_path_buf()
    }

    /// Deliveries begin with the run.
    fn migrate(&mut self) -> Result<(), DatabaseError> {
        self.file.begin()?;
        self.delivery.begin(&mut self.file)
    }

    fn apply(&mut self, batch: &[Change]) -> Result<Vec<Applied>, DatabaseError> {
        let delivered = self.delivery.delivered();
        let most = self.most;
        if self.file.given().saturating_sub(delivered) >= most && is_of_calls(batch) {
            let why = format!("{most} changes wait for the database");
            return Err(DatabaseError { fault: Fault::Full, error: why.into() });
        }
        let taken = self.file.take(batch, delivered);
        if taken.is_err() {
            // What is delivered may make room for the next try.
            let _ = self.file.sync(delivered);
        }
        self.delivery.given(self.file.given());
        taken
    }

    /// The thread that delivers does it.
    fn roll_up(&mut self) -> Result<RolledUp, DatabaseError> {
        Ok(RolledUp::All)
    }

    fn take_out(
        &mut self,
        import: &str,
        from: CallId,
        most: usize,
    ) -> Result<TakenOut, DatabaseError> {
        let import = import.to_owned();
        self.delivery.ask(move |target| target.take_out(&import, from, most))
    }

    fn sync(&mut self) -> Result<(), DatabaseError> {
        self.file.sync(self.delivery.delivered())
    }

    fn erase(&mut self, erasure: &Erasure<'_>) -> Result<Erased, DatabaseError> {
        let (number, instead) = (erasure.number.to_owned(), erasure.instead.to_owned());
        let (named_in, run) = (erasure.named_in.to_vec(), erasure.run);
        let erased = self.delivery.ask(move |target| {
            let (number, instead, named_in) = (&*number, &*instead, &*named_in);
            target.erase(&Erasure { number, instead, named_in, run })
        })?;
        self.file.erase(erasure.number, self.delivery.delivered())?;
        Ok(erased)
    }

    fn erased(&self) -> Result<Vec<(CallId, u64)>, DatabaseError> {
        self.delivery.ask(|target| target.erased())
    }

    fn forget_erased(&mut self, before: u64) -> Result<(), DatabaseError> {
        self.delivery.ask(move |target| target.forget_erased(before))
    }

    fn expire_records(&mut self, before: Timestamp) -> Result<usize, DatabaseError> {
        let deleted = self.delivery.ask(move |target| {
            let deleted = target.expire_records(before)?;
            Ok((deleted, target.progress()?.records_since))
        });
        let (deleted, since) = deleted?;
        self.file.records_are_kept_since(since)?;
        Ok(deleted)
    }

    fn expire_agent_moves(&mut self, before: Timestamp) -> Result<usize, DatabaseError> {
        self.delivery.ask(move |target| target.expire_agent_moves(before))
    }

    fn has(&self, call: CallId) -> Result<bool, DatabaseError> {
        self.file.has(call)
    }

    fn progress(&self) -> Result<Progress, DatabaseError> {
        self.file.progress()
    }

    fn saved(&self) -> Result<Saved, DatabaseError> {
        self.file.saved()
    }

    fn spooled(&self) -> Spooled {
        let waiting = self.file.given().saturating_sub(self.delivery.delivered());
        // One that is only slow is as bad in the end.
        let is_failing = self.delivery.is_failing() || waiting > self.most / 10;
        Spooled { waiting, is_failing }
    }
}

/// Whether it is what calls leave in a run: what begins and ends one is always taken.
fn is_of_calls(batch: &[Change]) -> bool {
    let is_edge = |change: &Change| matches!(change, Change::Carry { .. } | Change::CarryNothing);
    let ends = batch.iter().any(|change| matches!(change, Change::NextCall(_)));
    ends && !batch.iter().any(is_edge)
}

/// Whether a database is ours to write, by what it says of itself; `begun_at` is the last number
/// that was given before this run.
fn check(known: &TargetHas, spool: u64, begun_at: u64) -> Result<(), DatabaseError> {
    let taken = |why: &str| Err(DatabaseError { fault: Fault::Taken, error: why.into() });
    if known.spool != Some(spool) {
        return match (known.spool, known.next_call) {
            (None, None) => Ok(()),
            (Some(_), _) | (None, Some(_)) => taken(
                "it has the records of another folder: bring back that `server.state`, or give \
                 this server a database of its own",
            ),
        };
    }
    match known.spooled_until > begun_at {
        false => Ok(()),
        true => taken(
            "`server.state` is older than it, as a backup that was brought back: start the server \
             again while the database can be reached",
        ),
    }
}
