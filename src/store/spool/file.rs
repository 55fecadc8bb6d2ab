//! The file of a spool: changes that wait, and what a run leaves for the next.
//!
//! **Invariant:** a batch is taken whole or not at all. A call that has its record is known here
//! without the database, as long as a segment of the journal may have its arrival.

use std::path::{Path, PathBuf};

use crate::id::CallId;
use crate::store::StoreError;
use crate::store::database::{Applied, Change, Progress, Saved};
use crate::store::spool::{change, check};
use crate::store::sql::{Done, Link, Sql, TargetHas, calls, keep_state, state, unsigned, values};
use crate::store::sqlite::{self, SqliteFile};
use crate::time::Timestamp;

/// Calls that are known to have their record, the latest. More than segments of the journal that
/// are not finished have; of one before, the database knows as well.
const CALLS_KNOWN_MAX: u64 = 1_000_000;
/// Changes that the database has are taken out of the file this many at a time.
const FORGOTTEN_AT_ONCE: u64 = 2_000;

/// In `meta`: what tells this folder from others.
const NAME: &str = "spool";
/// In `meta`: the number of the last change that was given.
const GIVEN: &str = "given";

/// In `meta`, while the database was not seen: see [`SpoolFile::certain_until`].
const CERTAIN_UNTIL: &str = "certain_until";

/// The version of the tables (`PRAGMA user_version`), and the tables. Those that `store::sql`
/// works on are as in a file of records; of `calls` it needs the numbers alone.
const VERSION: i64 = 1;
const TABLES: &str = "
CREATE TABLE calls (call INTEGER PRIMARY KEY) STRICT;
CREATE TABLE segments (name TEXT PRIMARY KEY, clean INTEGER NOT NULL) STRICT;
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE sessions (call INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE legs (name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE agents (name TEXT PRIMARY KEY, standing TEXT NOT NULL) STRICT;
CREATE TABLE carried (call INTEGER PRIMARY KEY, arrived TEXT NOT NULL) STRICT;
CREATE TABLE spool (number INTEGER PRIMARY KEY, change TEXT NOT NULL) STRICT;
-- What the database refused for what it says, and why.
CREATE TABLE refused (number INTEGER PRIMARY KEY, change TEXT NOT NULL, why TEXT NOT NULL) STRICT;
";

#[derive(Debug)]
pub(super) struct SpoolFile {
    link: SqliteFile,
    path: PathBuf,
    name: u64,
    given: u64,
    /// Where the database has calls that this folder knows nothing of.
    next_call_there: Option<CallId>,
}

/// Changes that wait.
pub(super) struct SpooledBatch {
    /// With their numbers.
    pub(super) changes: Vec<(u64, Change)>,
    /// The last number that was looked at; `None`: there are none.
    pub(super) until: Option<u64>,
}

impl SpoolFile {
    /// Opens it, and makes it where it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let link = sqlite::open_tables(path, VERSION, TABLES)?;
        let name = match state::meta(link.sql(), NAME)? {
            Some(name) => name,
            None => {
                let name = random().map_err(|error| StoreError::io(path, error))?;
                state::set_meta(link.sql(), NAME, name)?;
                name
            }
        };
        let given = state::meta(link.sql(), GIVEN)?.unwrap_or(0);
        Ok(Self { link, path: path.to_path_buf(), name, given, next_call_there: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What tells it from the spools of other folders.
    pub(super) const fn name(&self) -> u64 {
        self.name
    }

    /// The number of the last change.
    pub(super) const fn given(&self) -> u64 {
        self.given
    }

    /// A folder that was brought back is behind the database: what was given since, and what is
    /// given from now on, gets numbers that nothing there has.
    pub(super) fn reconcile(&mut self, known: &TargetHas) -> Done<()> {
        let certain = self.certain_until()?.unwrap_or(self.given);
        if known.spool == Some(self.name) && known.spooled_until > certain {
            let ahead = known.spooled_until - certain;
            tracing::warn!(
                ahead,
                "the folder is older than the records' database: numbers go on \
                 from those there"
            );
            let given = self.given + ahead;
            self.link.within(|db| {
                // From the top, so that none meets another.
                let top = "UPDATE spool SET number = -number - ?1 WHERE number > ?2";
                db.execute(top, values![ahead, certain])?;
                db.execute("UPDATE spool SET number = -number WHERE number < 0", &[])?;
                state::set_meta(db, CERTAIN_UNTIL, known.spooled_until)?;
                state::set_meta(db, GIVEN, given)
            })?;
            self.given = given;
        }
        self.next_call_there = known.next_call.filter(|_| known.spool == Some(self.name));
        check(known, self.name, self.certain_until()?.unwrap_or(self.given))
    }

    /// A run begins: every call of the runs before is in a segment that is finished, or carried.
    pub(super) fn begin(&self) -> Done<()> {
        let old = "DELETE FROM calls WHERE call <= (
             SELECT call FROM calls ORDER BY call DESC LIMIT 1 OFFSET ?1)";
        self.link.sql().execute(old, values![CALLS_KNOWN_MAX]).map(drop)
    }

    /// Takes a batch; what the database has, up to `delivered`, goes.
    pub(super) fn take(&mut self, batch: &[Change], delivered: u64) -> Done<Vec<Applied>> {
        let mut given = self.given;
        let applied = self.link.within(|db| {
            let mut applied = Vec::with_capacity(batch.len());
            for change in batch {
                keep_state(db, change)?;
                if is_known(db, change)? {
                    applied.push(Applied::Known);
                    continue;
                }
                if let Some(text) = change::written(change) {
                    given += 1;
                    db.execute("INSERT INTO spool VALUES (?1, ?2)", values![given, &text])?;
                }
                applied.push(Applied::Changed);
            }
            if given > self.given {
                state::set_meta(db, GIVEN, given)?;
            }
            let forget = "DELETE FROM spool WHERE number <= ?1 AND number < ?2 +
                 (SELECT min(number) FROM spool)";
            db.execute(forget, values![delivered, FORGOTTEN_AT_ONCE])?;
            Ok(applied)
        })?;
        self.given = given;
        Ok(applied)
    }

    /// Gives room back, before it needs some.
    pub(super) fn sync(&mut self, delivered: u64) -> Done<()> {
        self.link.sync()?;
        self.take(&[], delivered).map(drop)
    }

    pub(super) fn records_are_kept_since(&self, since: Timestamp) -> Done<()> {
        state::raise_meta(self.link.sql(), state::RECORDS_SINCE, since.0)
    }

    pub(super) fn has(&self, call: CallId) -> Done<bool> {
        calls::has(self.link.sql(), call)
    }

    pub(super) fn progress(&self) -> Done<Progress> {
        let mut progress = state::progress(self.link.sql())?;
        if let Some(there) = self.next_call_there {
            progress.next_call = progress.next_call.max(there);
        }
        Ok(progress)
    }

    pub(super) fn saved(&self) -> Done<Saved> {
        state::saved(self.link.sql())
    }

    pub(super) fn copy_to(&self, path: &Path) -> Done<()> {
        self.link.copy_to(path)
    }

    /// The first changes after `delivered`, at most this many. One that cannot be read is put
    /// aside.
    pub(super) fn waiting(&self, delivered: u64, most: usize) -> Done<SpooledBatch> {
        let next = "SELECT number, change FROM spool WHERE number > ?1 ORDER BY number LIMIT ?2";
        let read = self.link.sql().all(next, values![delivered, most], |row| {
            Ok((row.count(0)?, change::read(row.word(1)?)))
        })?;
        let until = read.last().map(|(number, _)| *number);
        let mut changes = Vec::with_capacity(read.len());
        for (number, change) in read {
            match change {
                Ok(change) => changes.push((number, change)),
                Err(error) => {
                    let file = self.path.display();
                    tracing::error!(%error, number, %file,
                        "a change cannot be read: it is put aside in the file");
                    self.put_aside(number, &error.to_string())?;
                }
            }
        }
        Ok(SpooledBatch { changes, until })
    }

    /// The first number that the file has.
    pub(super) fn first(&self) -> Done<Option<u64>> {
        let first = self.link.sql().number("SELECT min(number) FROM spool", &[])?;
        Ok(first.map(unsigned))
    }

    /// The number before the first that the file has: the database has it, as far as is known here.
    pub(super) fn delivered(&self) -> Done<u64> {
        Ok(self.first()?.map_or(self.given, |first| first.saturating_sub(1)))
    }

    /// The last number that was given with the database seen: numbers after it may meet others
    /// there, where this folder is older than the database. `None`: it is seen.
    pub(super) fn certain_until(&self) -> Done<Option<u64>> {
        state::meta(self.link.sql(), CERTAIN_UNTIL)
    }

    /// A run begins without a look at the database.
    pub(super) fn is_uncertain(&self) -> Done<()> {
        match self.certain_until()? {
            Some(_) => Ok(()),
            None => state::set_meta(self.link.sql(), CERTAIN_UNTIL, self.given),
        }
    }

    /// The database was seen, and is as it should be.
    pub(super) fn is_certain(&self) -> Done<()> {
        let seen = "DELETE FROM meta WHERE key = ?1";
        self.link.sql().execute(seen, values![CERTAIN_UNTIL]).map(drop)
    }

    /// Forgets what was put aside and names a caller who is erased, and pages that had it.
    pub(super) fn erase(&mut self, number: &str, delivered: u64) -> Done<()> {
        self.take(&[], delivered)?;
        let forget = "DELETE FROM refused WHERE change LIKE '%' || ?1 || '%'";
        self.link.sql().execute(forget, values![number])?;
        self.link.has_erased()
    }

    /// Puts a change aside that the database refused.
    pub(super) fn put_aside(&self, number: u64, why: &str) -> Done<()> {
        let aside = "INSERT INTO refused SELECT number, change, ?2 FROM spool WHERE number = ?1
             ON CONFLICT (number) DO NOTHING";
        self.link.sql().execute(aside, values![number, why]).map(drop)
    }
}

#[cfg(test)]
impl SpoolFile {
    /// The numbers of changes that were put aside.
    pub(super) fn refused(&self) -> Done<Vec<u64>> {
        self.link.sql().all("SELECT number FROM refused", &[], |row| row.count(0))
    }
}

/// Whether the record of a call is written already; remembers the call where it is not.
fn is_known(db: &dyn Sql, change: &Change) -> Done<bool> {
    let Change::Close(record) = change else { return Ok(false) };
    let known = "INSERT INTO calls VALUES (?1) ON CONFLICT (call) DO NOTHING";
    Ok(db.execute(known, values![record.call])? == 0)
}

/// A number that no other folder has.
fn random() -> std::io::Result<u64> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    Ok(u64::from_be_bytes(random) >> 1) // databases count to 2^63
}
