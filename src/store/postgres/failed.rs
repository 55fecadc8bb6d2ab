//! What errors of PostgreSQL's mean for whoever must help.
//!
//! **Invariant:** no text of an error has a password: neither the server nor the crate repeats one.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::database::{DatabaseError, Fault};

/// An error of the crate's or of the server's, in the words of the seam.
pub(super) fn failed(error: Error) -> DatabaseError {
    let fault = fault(&error);
    // The crate's own text of what the server says is "db error".
    let error = match error.as_db_error() {
        Some(db) => format!("{}: {}", db.code().code(), db.message()).into(),
        None => match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}").into(),
            None => error.into(),
        },
    };
    DatabaseError { fault, error }
}

/// What kind of help it calls for.
pub(super) fn fault(error: &Error) -> Fault {
    let Some(state) = error.code() else {
        return match error.is_closed() || is_io(error) {
            true => Fault::Unreachable,
            false => Fault::Other,
        };
    };
    let is_of = |class: &str| state.code().starts_with(class);
    match *state {
        // It has just been started, is being stopped, or has no connection left.
        SqlState::CANNOT_CONNECT_NOW | SqlState::TOO_MANY_CONNECTIONS => Fault::Unreachable,
        SqlState::READ_ONLY_SQL_TRANSACTION => Fault::ReadOnly,
        SqlState::DISK_FULL => Fault::Full,
        SqlState::LOCK_NOT_AVAILABLE => Fault::Busy,
        SqlState::INVALID_CATALOG_NAME
        | SqlState::INSUFFICIENT_PRIVILEGE
        | SqlState::UNDEFINED_TABLE => Fault::Refused,
        _ if is_of("28") => Fault::Refused, // who we are
        _ if is_of("40") => Fault::Busy,    // another's transaction in the way
        _ if is_of("57") || is_of("08") => Fault::Unreachable, // ended by its operator; connection
        _ if is_of("22") || is_of("23") || is_of("54") => Fault::Unfit, // of the values
        _ => Fault::Other,
    }
}

/// Whether the way to the server failed.
fn is_io(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<std::io::Error>())
}
