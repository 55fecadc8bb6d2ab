//! Reads the records: a connection of its own, which never waits for the writer.

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OpenFlags};

use crate::center::names::Names;
use crate::id::CallId;
use crate::metrics::{Gathering, Near, Times};
use crate::store::StoreError;
use crate::store::database::{DatabaseError, Fault, ImportedCalls, Past, RecordReader};
use crate::store::sqlite::rollups::Gathered;
use crate::store::sqlite::{
    BUSY_TIMEOUT, FILE, agents, calls, contacts, erase, failed, imports, keep_statements, list,
    make, rollups, schema, state, unsigned,
};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordFilter};

pub(super) const EACH_PAST: &str = "
SELECT from_number, ended_at, intent, agent FROM calls
WHERE ended_at >= ?1 AND ended_at < ?2 AND from_number IS NOT NULL AND via NOT LIKE 'agent:%'
  AND via NOT LIKE 'import:%' AND via NOT LIKE 'outbound:%'
ORDER BY ended_at, call";

pub(super) const EACH_OUTBOUND: &str = "
SELECT record FROM calls WHERE ended_at >= ?1 AND ended_at < ?2 AND via LIKE 'outbound:%'
ORDER BY ended_at, call";

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[derive(Debug)]
pub(super) struct Reader {
    pub(super) db: Connection,
    /// Set where a rollup cannot be read: the writer makes them anew.
    unreadable: Arc<AtomicBool>,
}

impl Reader {
    pub(super) fn open(path: &Path, unreadable: Arc<AtomicBool>) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(failed)?;
        db.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        keep_statements(&db).map_err(failed)?;
        schema::prepare_to_read(&db, path)?;
        Ok(Self { db, unreadable })
    }

    fn each_of(
        &self,
        query: &str,
        period: &Range<Timestamp>,
        take: &mut dyn FnMut(CallRecord),
    ) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare_cached(query)?;
        for row in statement.query_map(calls::bounds(period), calls::record)? {
            take(row?);
        }
        Ok(())
    }

    fn each_customers(
        &self,
        period: &Range<Timestamp>,
        take: &mut dyn FnMut(Past),
    ) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare_cached(EACH_PAST)?;
        let rows = statement.query_map(calls::bounds(period), |row| {
            Ok(Past {
                number: row.get(0)?,
                ended_at: Timestamp(unsigned(row.get(1)?)),
                intent: row.get(2)?,
                agent: row.get(3)?,
            })
        })?;
        for row in rows {
            take(row?);
        }
        Ok(())
    }
}

impl RecordReader for Reader {
    fn get(&self, call: CallId) -> Result<Option<CallRecord>, DatabaseError> {
        calls::get(&self.db, call).map_err(failed)
    }

    fn list(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, DatabaseError> {
        list::list(&self.db, filter).map_err(failed)
    }

    fn each_ended(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(CallRecord),
    ) -> Result<(), DatabaseError> {
        self.each_of(calls::EACH_ENDED, &period, take).map_err(failed)
    }

    fn each_past(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(Past),
    ) -> Result<(), DatabaseError> {
        self.each_customers(&period, take).map_err(failed)
    }

    fn each_outbound(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(CallRecord),
    ) -> Result<(), DatabaseError> {
        self.each_of(EACH_OUTBOUND, &period, take).map_err(failed)
    }

    fn each_with_near(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(&CallRecord, Near) -> ControlFlow<()>,
    ) -> Result<(), DatabaseError> {
        // What is written meanwhile is in all of it or in nothing.
        let mut each = || {
            let transaction = self.db.unchecked_transaction()?;
            let mut statement = transaction.prepare_cached(calls::EACH_ENDED)?;
            for record in statement.query_map(calls::bounds(&period), calls::record)? {
                let record = record?;
                let near = contacts::near(&transaction, &record)?;
                if take(&record, near).is_break() {
                    break;
                }
            }
            Ok(())
        };
        each().map_err(failed)
    }

    fn records_since(&self) -> Result<Timestamp, DatabaseError> {
        state::records_since(&self.db).map_err(failed)
    }

    fn back_up(&self, folder: &Path) -> Result<(), DatabaseError> {
        let path = folder.join(FILE);
        let failed_file = |error: std::io::Error| {
            let fault = Fault::Other;
            DatabaseError { fault, error: format!("{}: {error}", path.display()).into() }
        };
        for old in [path.clone(), beside(&path, "-wal"), beside(&path, "-shm")] {
            match std::fs::remove_file(old) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed_file(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        make(&path).map_err(failed_file)?; // for its owner alone
        let into = path.to_str().ok_or_else(|| {
            failed_file(std::io::Error::other("a path that is no text cannot be written to"))
        })?;
        self.db.execute("VACUUM INTO ?1", [into]).map(drop).map_err(failed)
    }

    fn each_naming(
        &self,
        text: &str,
        take: &mut dyn FnMut(CallRecord),
    ) -> Result<(), DatabaseError> {
        let mut each = || {
            let mut statement = self.db.prepare_cached(erase::NAMING)?;
            for row in statement.query_map([text], calls::record)? {
                take(row?);
            }
            Ok(())
        };
        each().map_err(failed)
    }

    fn imports(&self) -> Result<Vec<ImportedCalls>, DatabaseError> {
        imports::list(&self.db).map_err(failed)
    }

    fn gather(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Gathering,
    ) -> Result<(), DatabaseError> {
        // What is written meanwhile is in all of it or in nothing.
        let mut gather = || {
            let transaction = self.db.unchecked_transaction()?;
            let since = match schema::has_rollups(&transaction)? {
                true => rollups::since(&transaction)?,
                false => Timestamp(u64::MAX),
            };
            rollups::gather(&transaction, (&period, since), names, into)
        };
        if gather().map_err(failed)? == Gathered::FromRecords {
            self.unreadable.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn agent_times(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Times,
    ) -> Result<(), DatabaseError> {
        let mut add_up = || {
            let transaction = self.db.unchecked_transaction()?;
            if !schema::has_agent_times(&transaction)? {
                into.lack(period.end);
                return Ok(());
            }
            agents::add_up(&transaction, &period, names, into)
        };
        add_up().map_err(failed)
    }
}
