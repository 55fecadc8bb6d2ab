//! A connection to a file of SQLite's.
//!
//! **Invariant:** each statement is compiled once.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params_from_iter};

use crate::store::StoreError;
use crate::store::database::{DatabaseError, Fault};
use crate::store::sql::{Done, EachRow, Link, Row, Sql, Value};
use crate::store::sqlite::{make, schema};

/// A statement waits for another process at most this long, and then fails as [`Fault::Busy`].
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that a connection keeps compiled: all there are, twice. By itself it keeps sixteen,
/// fewer than a record with its rollups needs.
const STATEMENTS_KEPT: usize = 64;

#[derive(Debug)]
pub(in crate::store) struct SqliteFile {
    pub(super) db: Connection,
    path: PathBuf,
    /// The write-ahead log still has pages of a caller who was erased.
    log_has_erased: bool,
}

impl SqliteFile {
    /// Over a connection, which gets what each has.
    pub(super) fn new(db: Connection, path: &Path) -> rusqlite::Result<Self> {
        db.busy_timeout(BUSY_TIMEOUT)?;
        keep_statements(&db)?;
        Ok(Self { db, path: path.to_path_buf(), log_has_erased: false })
    }

    pub(super) fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(failed)?;
        let file = Self::new(db, path).map_err(failed)?;
        schema::prepare_to_read(&file.db, path)?;
        Ok(file)
    }

    /// Copies all there is at this moment, in place of a copy that is there. Whoever writes goes
    /// on.
    pub(in crate::store) fn copy_to(&self, path: &Path) -> Done<()> {
        let failed_file = |error: std::io::Error| {
            let fault = Fault::Other;
            DatabaseError { fault, error: format!("{}: {error}", path.display()).into() }
        };
        for old in [path.to_path_buf(), beside(path, "-wal"), beside(path, "-shm")] {
            match std::fs::remove_file(old) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed_file(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        make(path).map_err(failed_file)?; // for its owner alone
        let into = path.to_str().ok_or_else(|| {
            failed_file(std::io::Error::other("a path that is no text cannot be written to"))
        })?;
        self.db.execute("VACUUM INTO ?1", [into]).map(drop).map_err(failed)
    }

    fn run(&self, statement: &str) -> Done<()> {
        self.db.execute_batch(statement).map_err(failed)
    }

    /// Empties the write-ahead log, which has the pages as they were. `false`: a reader goes on
    /// that needs it, and it is to do again; nothing waits for that reader.
    fn forget_pages(&self) -> rusqlite::Result<bool> {
        self.db.busy_timeout(Duration::ZERO)?;
        let empty = "PRAGMA wal_checkpoint(TRUNCATE)";
        let blocked = self.db.query_row(empty, [], |row| row.get::<_, i64>(0));
        self.db.busy_timeout(BUSY_TIMEOUT)?;
        Ok(blocked? == 0)
    }
}

/// Has a connection compile each statement once: it keeps them, and their plan follows from their
/// text alone, where SQLite would make another for each value that is looked for.
pub(super) fn keep_statements(db: &Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

impl Sql for SqliteFile {
    fn execute(&self, statement: &str, values: &[Value<'_>]) -> Done<usize> {
        let execute = || self.db.prepare_cached(statement)?.execute(params_from_iter(values));
        execute().map_err(failed)
    }

    fn each(&self, statement: &str, values: &[Value<'_>], take: EachRow<'_>) -> Done<()> {
        let mut statement = self.db.prepare_cached(statement).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            if let ControlFlow::Break(()) = take(row)? {
                break;
            }
        }
        Ok(())
    }

    fn each_of_many(&self, statement: &str, values: &[Value<'_>], take: EachRow<'_>) -> Done<()> {
        self.each(statement, values, take) // each row is read as it is taken
    }
}

impl Link for SqliteFile {
    fn sql(&self) -> &dyn Sql {
        self
    }

    fn begin(&self) -> Done<()> {
        self.run("BEGIN")
    }

    fn commit(&self) -> Done<()> {
        self.run("COMMIT")
    }

    fn roll_back(&self) {
        // Some failures have ended it: there is nothing to roll back then.
        if !self.db.is_autocommit() {
            let _ = self.run("ROLLBACK");
        }
    }

    fn migrate(&mut self) -> Done<()> {
        schema::migrate(&mut self.db, &self.path).map_err(failed)
    }

    fn sync(&mut self) -> Done<()> {
        if self.log_has_erased {
            self.has_erased()?;
        }
        let sync = "PRAGMA wal_checkpoint(PASSIVE)";
        self.db.query_row(sync, [], |_| Ok(())).map_err(failed)
    }

    fn has_erased(&mut self) -> Done<()> {
        self.log_has_erased = !self.forget_pages().map_err(failed)?;
        Ok(())
    }

    fn has_rollups(&self) -> Done<bool> {
        schema::has_rollups(&self.db).map_err(failed)
    }

    fn has_agent_times(&self) -> Done<bool> {
        schema::has_agent_times(&self.db).map_err(failed)
    }

    #[cfg(feature = "postgres")]
    fn is_new(&self) -> Done<bool> {
        Ok(false) // they are made with the file
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

impl Row for rusqlite::Row<'_> {
    fn number(&self, column: usize) -> Done<Option<i64>> {
        self.get(column).map_err(failed)
    }

    fn text(&self, column: usize) -> Done<Option<&str>> {
        let text = self.get_ref(column).map_err(failed)?.as_str_or_null();
        text.map_err(|error| failed(error.into()))
    }

    fn bytes(&self, column: usize) -> Done<Option<&[u8]>> {
        let bytes = self.get_ref(column).map_err(failed)?.as_blob_or_null();
        bytes.map_err(|error| failed(error.into()))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// An error of SQLite's, in the words of the seam.
pub(super) fn failed(error: rusqlite::Error) -> DatabaseError {
    let fault = match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Fault::NotThere,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Fault::Busy,
        Some(ErrorCode::DiskFull) => Fault::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Damaged,
        Some(_) | None => Fault::Other,
    };
    DatabaseError { fault, error: error.into() }
}
