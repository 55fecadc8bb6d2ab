//! Records in a database of PostgreSQL's: the same tables as in a file, in a server of its own.
//!
//! Behind a spool ([`spool`](crate::store::spool)), so that nothing but reports waits for it.
//!
//! **Invariant:** no other file names `tokio_postgres` (`tests/pure/tidy.rs`). One connection
//! writes: it holds a lock of the database's as long as it is there, so that what a connection of
//! before began is over once the next one has the lock. Nothing waits longer than the connection's
//! bound.
//!
//! **Deliberately absent:** the statements about records (`store::sql`); encryption on the way to
//! the server: it belongs on this machine, behind its socket, or behind a tunnel.

mod connection;
mod failed;
mod schema;
#[cfg(test)]
pub(super) mod tests;

use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::store::database::{Database, RecordReader, RecordWriter};
use crate::store::place::PostgresServer;
use crate::store::spool::Behind;
use crate::store::sql::{SqlReader, SqlWriter, Target, Unreadable};

use connection::{PgConnection, Use};

/// The database that a configuration names.
#[derive(Debug)]
pub(super) struct Postgres {
    server: PostgresServer,
    unreadable: Unreadable,
}

impl Postgres {
    pub(super) fn new(server: PostgresServer) -> Self {
        Self { server, unreadable: Unreadable::default() }
    }

    fn open(&self) -> Result<SqlWriter<PgConnection>, StoreError> {
        let connection = PgConnection::new(self.server.clone(), Use::Write)?;
        connection.connect()?;
        let place = PathBuf::from(self.server.to_string());
        Ok(SqlWriter::new(connection, place, self.unreadable.clone()))
    }
}

impl Database for Postgres {
    fn writer(&self) -> Result<Box<dyn RecordWriter>, StoreError> {
        Ok(Box::new(self.open()?))
    }

    /// Connects when it is first asked something, and again where the connection was lost.
    fn reader(&self) -> Result<Box<dyn RecordReader>, StoreError> {
        let connection = PgConnection::new(self.server.clone(), Use::Read)?;
        Ok(Box::new(SqlReader::new(connection, self.unreadable.clone())))
    }

    /// It has nothing in the folder: `pg_dump` copies it.
    fn back_up(&self, _: &Path) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Behind for Postgres {
    fn target(&self) -> Result<Box<dyn Target>, StoreError> {
        Ok(Box::new(self.open()?))
    }
}
