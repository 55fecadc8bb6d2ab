//! Records in SQLite: one file beside the journal, one row for each call.
//!
//! **Invariant:** no other file names `rusqlite` (`tests/pure/tidy.rs`), and what is written here
//! is for its owner alone. One connection writes; readers never wait for it, and it never for them.
//!
//! **Deliberately absent:** the statements about records, which are those of every kind
//! (`store::sql`).

mod file;
mod schema;
#[cfg(test)]
pub(crate) mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::store::database::{Database, RecordReader, RecordWriter};
use crate::store::sql::{SqlReader, SqlWriter, Unreadable};

pub(super) use file::SqliteFile;
#[cfg(all(test, feature = "postgres"))]
pub(super) use schema::open as open_records;
#[cfg(feature = "postgres")]
pub(super) use schema::open_tables;

pub(super) const FILE: &str = "records.sqlite";

/// The database of a folder.
#[derive(Debug)]
pub(super) struct Sqlite {
    path: PathBuf,
    unreadable: Unreadable,
}

impl Sqlite {
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: folder.join(FILE), unreadable: Unreadable::default() }
    }

    fn open_to_read(&self) -> Result<SqliteFile, StoreError> {
        if !self.path.exists() {
            let folder = self.path.parent().unwrap_or(&self.path).to_path_buf();
            return Err(StoreError::NoRecords { folder });
        }
        SqliteFile::open_to_read(&self.path)
    }
}

impl Database for Sqlite {
    fn writer(&self) -> Result<Box<dyn RecordWriter>, StoreError> {
        make(&self.path).map_err(|error| StoreError::io(&self.path, error))?;
        let link = schema::open(&self.path)?;
        Ok(Box::new(SqlWriter::new(link, self.path.clone(), self.unreadable.clone())))
    }

    fn reader(&self) -> Result<Box<dyn RecordReader>, StoreError> {
        Ok(Box::new(SqlReader::new(self.open_to_read()?, self.unreadable.clone())))
    }

    fn back_up(&self, folder: &Path) -> Result<(), StoreError> {
        Ok(self.open_to_read()?.copy_to(&folder.join(FILE))?)
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
