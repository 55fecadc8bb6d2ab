//! The tables, and how a file of an earlier attendant gets them.
//!
//! | version | what it added |
//! |---|---|
//! | 1, 2 | calls; what a run leaves for the next |
//! | 3 | calls by queue and by agent; an index for each filter of the HTTP interface |
//! | 4 | rollups |
//! | 5 | what agents do, and how long by the day; calls that were erased |
//! | 6 | contacts of each caller, in place of two indexes of version 4 |
//!
//! **Invariant:** a file has the tables of its `user_version`, because both change in one
//! transaction. It changes with the first run that begins, not with a look: a start that fails
//! leaves a file that the attendant of before can open.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;
use crate::store::sqlite::file::{SqliteFile, failed};

/// The version of the tables (`PRAGMA user_version`).
pub(super) const VERSION: i64 = 6;
/// The first version that every statement here can work on, but for lists by queue and agent.
const BASE: i64 = 2;
/// The first version with lists by queue and agent.
const WITH_LISTS: i64 = 3;
/// The first versions with rollups, with what agents do, and with contacts.
const WITH_ROLLUPS: i64 = 4;
const WITH_AGENTS: i64 = 5;
const WITH_CONTACTS: i64 = 6;

const BASE_TABLES: &str = "
CREATE TABLE IF NOT EXISTS calls (
    call        INTEGER PRIMARY KEY,
    arrived_at  INTEGER NOT NULL,   -- milliseconds since 1970, as all times here
    answered_at INTEGER,
    ended_at    INTEGER NOT NULL,
    from_number TEXT,
    to_number   TEXT NOT NULL,
    via         TEXT NOT NULL,
    flow        TEXT,
    language    TEXT,
    intent      TEXT,
    outcome     TEXT NOT NULL,
    ended_by    TEXT NOT NULL,
    cause       INTEGER NOT NULL,   -- Q.850
    queue       TEXT,               -- the last one
    agent       TEXT,               -- the last one who talked
    wait_ms     INTEGER NOT NULL,
    talk_ms     INTEGER NOT NULL,
    hold_ms     INTEGER NOT NULL,
    acw_ms      INTEGER,
    resolved    INTEGER,            -- what the agent said: 1 yes, 0 no
    record      TEXT NOT NULL       -- the whole record, JSON
) STRICT;
CREATE INDEX IF NOT EXISTS calls_ended ON calls (ended_at);
-- Segments of the journal whose calls all have their records.
CREATE TABLE IF NOT EXISTS segments (name TEXT PRIMARY KEY, clean INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
-- What a front keeps of a call, JSON.
CREATE TABLE IF NOT EXISTS sessions (call INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
-- What a front keeps of a leg, JSON, by its name at the provider.
CREATE TABLE IF NOT EXISTS legs (name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
-- Where each agent stands, JSON.
CREATE TABLE IF NOT EXISTS agents (name TEXT PRIMARY KEY, standing TEXT NOT NULL) STRICT;
-- Calls of lost runs that go on, with their arrival as in the journal.
CREATE TABLE IF NOT EXISTS carried (call INTEGER PRIMARY KEY, arrived TEXT NOT NULL) STRICT;
";

/// The arrival stands in each index, so that a period is found without a look at the rows.
const VERSION_3: &str = "
CREATE TABLE call_queues (
    queue      TEXT NOT NULL,
    call       INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL,
    PRIMARY KEY (queue, call)
) STRICT, WITHOUT ROWID;
CREATE TABLE call_agents (
    agent      TEXT NOT NULL,
    call       INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL,
    PRIMARY KEY (agent, call)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO call_queues SELECT name, call, arrived_at FROM (
    SELECT json_extract(visit.value, '$.queue') AS name, call, arrived_at
    FROM calls, json_each(record, '$.queued') AS visit
) WHERE name IS NOT NULL;
INSERT OR IGNORE INTO call_agents SELECT name, call, arrived_at FROM (
    SELECT json_extract(leg.value, '$.party.agent.name') AS name, call, arrived_at
    FROM calls, json_each(record, '$.legs') AS leg
) WHERE name IS NOT NULL;
DROP INDEX IF EXISTS calls_arrived;
DROP INDEX IF EXISTS calls_from;
CREATE INDEX calls_by_number ON calls (from_number, call, arrived_at);
CREATE INDEX calls_by_outcome ON calls (outcome, call, arrived_at);
CREATE INDEX calls_by_time ON calls (call, arrived_at);
";

/// Rollups of the calls that are there are made by and by: `rollups::roll_up`.
const VERSION_4: &str = "
CREATE TABLE rollups (
    whose INTEGER NOT NULL,   -- 0 all, 1 a queue's, 2 an agent's
    span  INTEGER NOT NULL,   -- minutes: 15, 1440
    start INTEGER NOT NULL,
    name  TEXT NOT NULL,      -- of the queue or agent
    tally BLOB NOT NULL,
    PRIMARY KEY (whose, span, start, name)
) STRICT, WITHOUT ROWID;
";

/// Each state of an agent lasts until the next. What is over is added up by days as well.
const VERSION_5: &str = "
CREATE TABLE agent_moves (
    agent    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    activity TEXT NOT NULL,
    reason   TEXT,             -- why they are not ready or logged out
    PRIMARY KEY (agent, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE agent_days (
    day      INTEGER NOT NULL, -- its begin, in UTC
    agent    TEXT NOT NULL,
    activity TEXT NOT NULL,
    ms       INTEGER NOT NULL,
    PRIMARY KEY (day, agent, activity)
) STRICT, WITHOUT ROWID;
-- Erased calls that a journal may still have, and the run in which they were erased.
CREATE TABLE erased (call INTEGER PRIMARY KEY, run INTEGER NOT NULL) STRICT;
";

/// Contacts in the table of calls, as files of before have no other: the columns of the table.
macro_rules! in_calls {
    () => {
        "SELECT from_number AS caller, arrived_at, call,
    outcome = 'handled' AND ended_by NOT IN ('operator', 'network', 'server', 'server_lost')
        AS is_served,
    agent IS NOT NULL OR outcome = 'contained' AS is_judged,
    CASE WHEN record LIKE '%\"consulted\":true%' THEN (
        SELECT json_extract(visit.value, '$.queue') FROM json_each(record, '$.queued') AS visit
        WHERE json_extract(visit.value, '$.consulted') IS NOT 1 ORDER BY visit.key DESC LIMIT 1
    ) ELSE queue END AS queue,
    intent
FROM calls WHERE from_number IS NOT NULL AND trim(from_number, '+0') <> ''
    AND outcome <> 'refused' AND substr(via, 1, 6) <> 'agent:'"
    };
}

const VERSION_6: &str = concat!(
    "
CREATE TABLE contacts (
    caller     TEXT NOT NULL,      -- the number, or account: and the account
    arrived_at INTEGER NOT NULL,
    call       INTEGER NOT NULL,
    is_served  INTEGER NOT NULL,
    is_judged  INTEGER NOT NULL,   -- contacts around it may change what it adds to figures
    queue      TEXT,               -- the last that the caller waited in
    intent     TEXT,
    PRIMARY KEY (caller, arrived_at, call)
) STRICT, WITHOUT ROWID;
INSERT INTO contacts ",
    in_calls!(),
    ";
DROP INDEX IF EXISTS calls_by_contact;
DROP INDEX IF EXISTS calls_by_intent;
"
);

/// For a reader of a file that no run has brought to version 6 yet: the same answers, slower.
const INSTEAD_OF_VERSION_6: &str = concat!("CREATE TEMP VIEW contacts AS ", in_calls!(), ";");

/// For a reader of a file that no run has brought to version 3 yet: the same answers, slower.
const INSTEAD_OF_VERSION_3: &str = "
CREATE TEMP VIEW call_queues AS
    SELECT DISTINCT json_extract(visit.value, '$.queue') AS queue, call, arrived_at
    FROM calls, json_each(record, '$.queued') AS visit;
CREATE TEMP VIEW call_agents AS
    SELECT DISTINCT json_extract(leg.value, '$.party.agent.name') AS agent, call, arrived_at
    FROM calls, json_each(record, '$.legs') AS leg;
";

/// Opens the database to write it, making it where it is missing.
pub(in crate::store) fn open(path: &Path) -> Result<SqliteFile, StoreError> {
    let mut file = open_file(path, VERSION)?;
    if version(&file.db).map_err(failed)? < BASE {
        bring_to(&mut file.db, BASE, BASE_TABLES).map_err(failed)?;
    }
    Ok(file)
}

/// Opens a file with other tables to write it, making them where they are missing.
#[cfg(feature = "postgres")]
pub(in crate::store) fn open_tables(
    path: &Path,
    newest: i64,
    tables: &str,
) -> Result<SqliteFile, StoreError> {
    crate::store::sqlite::make(path).map_err(|error| StoreError::io(path, error))?;
    let mut file = open_file(path, newest)?;
    // What is given on is on the disk: nothing elsewhere is ahead of it.
    file.db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    if version(&file.db).map_err(failed)? < newest {
        bring_to(&mut file.db, newest, tables).map_err(failed)?;
    }
    Ok(file)
}

fn open_file(path: &Path, newest: i64) -> Result<SqliteFile, StoreError> {
    let open = || {
        let file = SqliteFile::new(Connection::open(path)?, path)?;
        let db = &file.db;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // What a record was before stays in no page, also in none that is given up.
        db.pragma_update(None, "secure_delete", "ON")?;
        // The write-ahead log is brought to the disk once a second, with the journal.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        let version = version(db)?;
        Ok((file, version))
    };
    let (file, found) = open().map_err(failed)?;
    match found > newest {
        true => Err(StoreError::Newer { path: path.to_path_buf() }),
        false => Ok(file),
    }
}

/// Brings the tables to this version, where they are not.
pub(super) fn migrate(db: &mut Connection, path: &Path) -> rusqlite::Result<()> {
    let found = version(db)?;
    if found >= VERSION {
        return Ok(());
    }
    let calls: i64 = db.query_row("SELECT count(*) FROM calls", [], |row| row.get(0))?;
    if calls > 0 {
        let file = path.display();
        tracing::info!(calls, %file, "the records of an earlier version get their new indexes");
    }
    for (version, tables) in [
        (WITH_LISTS, VERSION_3),
        (WITH_ROLLUPS, VERSION_4),
        (WITH_AGENTS, VERSION_5),
        (WITH_CONTACTS, VERSION_6),
    ] {
        if found < version {
            bring_to(db, version, tables)?;
        }
    }
    if calls > 0 {
        let file = path.display();
        tracing::info!(calls, %file, "they have their indexes");
    }
    Ok(())
}

fn bring_to(db: &mut Connection, version: i64, tables: &str) -> rusqlite::Result<()> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(tables)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

/// Makes what a connection that only reads needs to read an earlier version.
///
/// # Errors
///
/// When a later attendant wrote the file.
pub(super) fn prepare_to_read(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(db).map_err(failed)?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_path_buf() });
    }
    if found < WITH_LISTS {
        db.execute_batch(INSTEAD_OF_VERSION_3).map_err(failed)?;
    }
    if found < WITH_CONTACTS {
        db.execute_batch(INSTEAD_OF_VERSION_6).map_err(failed)?;
    }
    Ok(())
}

pub(super) fn has_rollups(db: &Connection) -> rusqlite::Result<bool> {
    Ok(version(db)? >= WITH_ROLLUPS)
}

pub(super) fn has_agent_times(db: &Connection) -> rusqlite::Result<bool> {
    Ok(version(db)? >= WITH_AGENTS)
}

pub(super) fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}
