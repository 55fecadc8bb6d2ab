//! Records in SQLite: one file beside the journal, one row for each call.
//!
//! **Invariant:** no other file names `rusqlite` (`tests/pure/tidy.rs`), and what is written here
//! is for its owner alone. One connection writes; readers never wait for it, and it never for them.
//!
//! **Deliberately absent:** what a record means. `store::amend` says what becomes of one.

mod agents;
mod calls;
mod contacts;
mod erase;
mod expire;
mod imports;
mod list;
mod reader;
mod rollups;
mod schema;
mod state;
#[cfg(test)]
pub(crate) mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode};

use crate::id::CallId;
use crate::store::StoreError;
use crate::store::database::{
    Applied, Change, Database, DatabaseError, Erased, Erasure, Fault, Progress, RecordReader,
    RecordWriter, RolledUp, Saved, TakenOut,
};
use crate::store::kept::Kept;
use crate::time::Timestamp;

use reader::Reader;
use rollups::Rollups;

pub(super) const FILE: &str = "records.sqlite";
/// A statement waits for another process at most this long, and then fails as [`Fault::Busy`].
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Records that are deleted in one transaction: records that wait to be written wait for it.
const EXPIRED_AT_ONCE: u32 = 500;
/// Statements that a connection keeps compiled: all there are, twice. By itself it keeps sixteen,
/// fewer than a record with its rollups needs.
const STATEMENTS_KEPT: usize = 64;

/// Has a connection compile each statement once: it keeps them, and their plan follows from their
/// text alone, where SQLite would make another for each value that is looked for.
fn keep_statements(db: &Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// The database of a folder.
#[derive(Debug)]
pub(super) struct Sqlite {
    path: PathBuf,
    /// A reader found a rollup that cannot be read.
    unreadable: Arc<AtomicBool>,
}

impl Sqlite {
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: folder.join(FILE), unreadable: Arc::default() }
    }
}

impl Database for Sqlite {
    fn writer(&self) -> Result<Box<dyn RecordWriter>, StoreError> {
        make(&self.path).map_err(|error| StoreError::io(&self.path, error))?;
        let db = schema::open(&self.path)?;
        let unreadable = Arc::clone(&self.unreadable);
        Ok(Box::new(Writer { db, path: self.path.clone(), unreadable, log_has_erased: false }))
    }

    fn reader(&self) -> Result<Box<dyn RecordReader>, StoreError> {
        if !self.path.exists() {
            let folder = self.path.parent().unwrap_or(&self.path).to_path_buf();
            return Err(StoreError::NoRecords { folder });
        }
        Ok(Box::new(Reader::open(&self.path, Arc::clone(&self.unreadable))?))
    }
}

/// The file is for its owner alone, whatever the folder is.
fn make(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[derive(Debug)]
struct Writer {
    db: Connection,
    path: PathBuf,
    unreadable: Arc<AtomicBool>,
    /// The write-ahead log still has pages of a caller who was erased.
    log_has_erased: bool,
}

impl RecordWriter for Writer {
    fn place(&self) -> PathBuf {
        self.path.clone()
    }

    fn migrate(&mut self) -> Result<(), DatabaseError> {
        schema::migrate(&mut self.db, &self.path).map_err(failed)
    }

    fn apply(&mut self, batch: &[Change]) -> Result<Vec<Applied>, DatabaseError> {
        let apply = |db: &mut Connection| {
            let transaction = db.transaction()?;
            let mut rollups = Rollups::of(&transaction)?;
            let applied = batch.iter().map(|change| one(&transaction, &mut rollups, change));
            let applied = applied.collect::<rusqlite::Result<Vec<_>>>()?;
            rollups.write()?;
            transaction.commit()?;
            Ok(applied)
        };
        apply(&mut self.db).map_err(failed)
    }

    fn roll_up(&mut self) -> Result<RolledUp, DatabaseError> {
        let is_unreadable = self.unreadable.swap(false, Ordering::AcqRel);
        let roll_up = |db: &mut Connection| {
            let transaction = db.transaction()?;
            if is_unreadable {
                rollups::begin_anew(&transaction)?;
            }
            let done = rollups::roll_up(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        roll_up(&mut self.db).map_err(failed)
    }

    fn take_out(
        &mut self,
        import: &str,
        from: CallId,
        most: usize,
    ) -> Result<TakenOut, DatabaseError> {
        let take_out = |db: &mut Connection| {
            let transaction = db.transaction()?;
            let mut rollups = Rollups::of(&transaction)?;
            let taken = imports::take_out(&transaction, &mut rollups, (import, from, most))?;
            rollups.write()?;
            transaction.commit()?;
            Ok(taken)
        };
        take_out(&mut self.db).map_err(failed)
    }

    fn sync(&mut self) -> Result<(), DatabaseError> {
        if self.log_has_erased {
            self.log_has_erased = !erase::forget_pages(&self.db).map_err(failed)?;
        }
        let sync = "PRAGMA wal_checkpoint(PASSIVE)";
        self.db.query_row(sync, [], |_| Ok(())).map_err(failed)
    }

    fn erase(&mut self, erasure: &Erasure<'_>) -> Result<Erased, DatabaseError> {
        let erase = |db: &mut Connection| {
            let transaction = db.transaction()?;
            let mut rollups = Rollups::of(&transaction)?;
            let erased = erase::erase(&transaction, &mut rollups, erasure)?;
            rollups.write()?;
            transaction.commit()?;
            Ok((erased, !erase::forget_pages(db)?))
        };
        let (erased, log_has_erased) = erase(&mut self.db).map_err(failed)?;
        self.log_has_erased |= log_has_erased;
        Ok(erased)
    }

    fn erased(&self) -> Result<Vec<(CallId, u64)>, DatabaseError> {
        erase::erased(&self.db).map_err(failed)
    }

    fn forget_erased(&mut self, before: u64) -> Result<(), DatabaseError> {
        erase::forget_before(&self.db, before).map_err(failed)
    }

    fn expire_records(&mut self, before: Timestamp) -> Result<usize, DatabaseError> {
        let expire = |db: &mut Connection| {
            let transaction = db.transaction()?;
            let deleted = expire::records(&transaction, before, EXPIRED_AT_ONCE)?;
            transaction.commit()?;
            Ok(deleted)
        };
        expire(&mut self.db).map_err(failed)
    }

    fn expire_agent_moves(&mut self, before: Timestamp) -> Result<usize, DatabaseError> {
        let expire = |db: &mut Connection| {
            let transaction = db.transaction()?;
            let deleted = expire::agent_moves(&transaction, before)?;
            transaction.commit()?;
            Ok(deleted)
        };
        expire(&mut self.db).map_err(failed)
    }

    fn has(&self, call: CallId) -> Result<bool, DatabaseError> {
        calls::has(&self.db, call).map_err(failed)
    }

    fn progress(&self) -> Result<Progress, DatabaseError> {
        state::progress(&self.db).map_err(failed)
    }

    fn saved(&self) -> Result<Saved, DatabaseError> {
        state::saved(&self.db).map_err(failed)
    }
}

fn one(db: &Connection, rollups: &mut Rollups<'_>, change: &Change) -> rusqlite::Result<Applied> {
    match change {
        Change::Close(record) => return calls::insert(db, rollups, record),
        Change::Import(record) => return imports::insert(db, rollups, record),
        Change::Keep(Kept::WrapUp { call, wrap_up }) => {
            return calls::amend(db, rollups, *call, wrap_up);
        }
        Change::Keep(Kept::Recording { update }) => return calls::amend_recording(db, update),
        Change::Keep(Kept::Session { call, json }) => state::keep_session(db, *call, json)?,
        Change::Keep(Kept::ForgetSession { call }) => state::forget_session(db, *call)?,
        Change::Keep(Kept::Leg { name, json }) => state::keep_leg(db, name, json)?,
        Change::Keep(Kept::ForgetLeg { name }) => state::forget_leg(db, name)?,
        Change::Keep(Kept::AgentState { agent, state }) => {
            state::keep_agent_state(db, agent, state)?;
        }
        Change::Keep(Kept::AgentMoved { agent, at, activity, reason }) => {
            agents::moved(db, (agent, *at), (*activity, reason.as_deref()))?;
        }
        Change::AgentTimesSince(at) => agents::begin(db, *at)?,
        Change::AgentsGone { at, reason } => agents::gone(db, *at, reason)?,
        Change::KeptUntil(until) => state::set_kept_until(db, *until)?,
        Change::NextCall(call) => state::set_next_call(db, *call)?,
        Change::Finish { segment, clean } => state::finish(db, segment, *clean)?,
        Change::Carry { run, calls } => state::carry(db, *run, calls)?,
        Change::CarryNothing => state::carry_nothing(db)?,
    }
    Ok(Applied::Changed)
}

/// An error of SQLite's, in the words of the seam.
fn failed(error: rusqlite::Error) -> DatabaseError {
    let fault = match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Fault::NotThere,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Fault::Busy,
        Some(ErrorCode::DiskFull) => Fault::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Damaged,
        Some(_) | None => Fault::Other,
    };
    DatabaseError { fault, error: error.into() }
}

/// A column whose text is not the JSON that we wrote.
fn unreadable(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}

/// SQLite counts to 2^63; no time and no call of ours comes near.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
