//! Where a server keeps what outlives it: a folder, and records in it or in a database elsewhere.
//!
//! **Invariant:** no `Debug` or `Display` of what is here shows a password.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::id::NodeId;

/// A folder with the journal, and where the records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePlace {
    pub folder: PathBuf,
    /// `None`: in the folder.
    pub postgres: Option<PostgresServer>,
}

/// A database of PostgreSQL's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresServer {
    /// A name, an address, or the folder of a socket.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Password>,
    /// Of the database.
    pub name: String,
    /// Whose calls are written to it.
    pub node: NodeId,
}

/// What must not be seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    #[must_use]
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// For logging in alone.
    #[cfg(feature = "postgres")]
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// As the configuration names it.
impl fmt::Display for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, name, .. } = self;
        match host.starts_with('/') {
            true => write!(f, "postgres://{user}@/{name}?host={host}&port={port}"),
            false => write!(f, "postgres://{user}@{host}:{port}/{name}"),
        }
    }
}

impl From<&Path> for StorePlace {
    fn from(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), postgres: None }
    }
}

impl From<&PathBuf> for StorePlace {
    fn from(folder: &PathBuf) -> Self {
        Self::from(folder.as_path())
    }
}
