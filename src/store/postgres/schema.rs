//! The tables, how a database of an earlier attendant gets them, and the lock of who writes.
//!
//! | version | what it added |
//! |---|---|
//! | 1 | all that version 6 of a file of SQLite's has |
//!
//! **Invariant:** a database has the tables of its `schema_version` in `meta`: both change in one
//! transaction. Texts are compared byte by byte, as in a file.

use crate::store::database::Fault;
use crate::store::postgres::connection::{PgConnection, refused};
use crate::store::sql::{Done, Link, Sql, Value, state};

/// The version of the tables, in `meta`.
pub(super) const VERSION: u64 = 1;
pub(super) const SCHEMA_VERSION: &str = "schema_version";
/// Of the lock that whoever writes a database holds (`pg_locks`): "attendan" in ASCII.
const LOCK: i64 = 0x6174_7465_6e64_616e;

/// By version, from 1.
const MIGRATIONS: &[&str] = &["
CREATE TABLE calls (
    call        BIGINT PRIMARY KEY,
    arrived_at  BIGINT NOT NULL,    -- milliseconds since 1970, as all times here
    answered_at BIGINT,
    ended_at    BIGINT NOT NULL,
    from_number TEXT COLLATE \"C\",
    to_number   TEXT COLLATE \"C\" NOT NULL,
    via         TEXT COLLATE \"C\" NOT NULL,
    flow        TEXT COLLATE \"C\",
    language    TEXT COLLATE \"C\",
    intent      TEXT COLLATE \"C\",
    outcome     TEXT COLLATE \"C\" NOT NULL,
    ended_by    TEXT COLLATE \"C\" NOT NULL,
    cause       BIGINT NOT NULL,    -- Q.850
    queue       TEXT COLLATE \"C\", -- the last one
    agent       TEXT COLLATE \"C\", -- the last one who talked
    wait_ms     BIGINT NOT NULL,
    talk_ms     BIGINT NOT NULL,
    hold_ms     BIGINT NOT NULL,
    acw_ms      BIGINT,
    resolved    BIGINT,             -- what the agent said: 1 yes, 0 no
    record      TEXT NOT NULL       -- the whole record, JSON
);
CREATE INDEX calls_ended ON calls (ended_at, call);
CREATE INDEX calls_by_number ON calls (from_number, call, arrived_at);
CREATE INDEX calls_by_outcome ON calls (outcome, call, arrived_at);
CREATE INDEX calls_by_time ON calls (call, arrived_at);
CREATE TABLE call_queues (
    queue      TEXT COLLATE \"C\" NOT NULL,
    call       BIGINT NOT NULL,
    arrived_at BIGINT NOT NULL,
    PRIMARY KEY (queue, call) INCLUDE (arrived_at)
);
CREATE TABLE call_agents (
    agent      TEXT COLLATE \"C\" NOT NULL,
    call       BIGINT NOT NULL,
    arrived_at BIGINT NOT NULL,
    PRIMARY KEY (agent, call) INCLUDE (arrived_at)
);
CREATE TABLE contacts (
    caller     TEXT COLLATE \"C\" NOT NULL, -- the number, or account: and the account
    arrived_at BIGINT NOT NULL,
    call       BIGINT NOT NULL,
    is_served  BIGINT NOT NULL,
    is_judged  BIGINT NOT NULL,     -- contacts around it may change what it adds to figures
    queue      TEXT COLLATE \"C\", -- the last that the caller waited in
    intent     TEXT COLLATE \"C\",
    PRIMARY KEY (caller, arrived_at, call)
);
CREATE TABLE rollups (
    whose BIGINT NOT NULL,          -- 0 all, 1 a queue's, 2 an agent's
    span  BIGINT NOT NULL,          -- minutes: 15, 1440
    start BIGINT NOT NULL,
    name  TEXT COLLATE \"C\" NOT NULL, -- of the queue or agent
    tally BYTEA NOT NULL,
    PRIMARY KEY (whose, span, start, name)
);
CREATE TABLE agent_moves (
    agent    TEXT COLLATE \"C\" NOT NULL,
    at       BIGINT NOT NULL,
    activity TEXT COLLATE \"C\" NOT NULL,
    reason   TEXT,                  -- why they are not ready or logged out
    PRIMARY KEY (agent, at)
);
CREATE TABLE agent_days (
    day      BIGINT NOT NULL,       -- its begin, in UTC
    agent    TEXT COLLATE \"C\" NOT NULL,
    activity TEXT COLLATE \"C\" NOT NULL,
    ms       BIGINT NOT NULL,
    PRIMARY KEY (day, agent, activity)
);
-- Erased calls that a journal may still have, and the run in which they were erased.
CREATE TABLE erased (call BIGINT PRIMARY KEY, run BIGINT NOT NULL);
-- What a run leaves for the next; of a server with a spool, that file has these.
CREATE TABLE segments (name TEXT COLLATE \"C\" PRIMARY KEY, clean BIGINT NOT NULL);
CREATE TABLE sessions (call BIGINT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE legs (name TEXT COLLATE \"C\" PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE agents (name TEXT COLLATE \"C\" PRIMARY KEY, standing TEXT NOT NULL);
CREATE TABLE carried (call BIGINT PRIMARY KEY, arrived TEXT NOT NULL);
"];

/// Takes the lock for as long as the connection is there.
pub(super) fn take_lock(db: &PgConnection) -> Done<()> {
    let take = "SELECT 1 WHERE pg_try_advisory_lock(?1)";
    if (db as &dyn Sql).exists(take, &[Value::Number(LOCK)])? {
        return Ok(());
    }
    Err(refused(
        Fault::Locked,
        "give each server a database of its own; or the server has not noticed yet that a \
         connection of before is gone",
    ))
}

/// Whether we know its tables, or it has none yet; and whether it takes writes.
pub(super) fn check(db: &PgConnection) -> Done<()> {
    let read_only = "SELECT 1 WHERE current_setting('transaction_read_only') = 'on'";
    if (db as &dyn Sql).exists(read_only, &[])? {
        return Err(refused(
            Fault::ReadOnly,
            "it is a standby, or the user's transactions are read-only",
        ));
    }
    let other = "SELECT 1 WHERE current_setting('server_encoding') <> 'UTF8'";
    if (db as &dyn Sql).exists(other, &[])? {
        return Err(refused(Fault::Refused, "its encoding is not UTF8: make one that is"));
    }
    version(db).map(drop)
}

/// Whether there is something to read.
pub(super) fn check_to_read(db: &PgConnection) -> Done<()> {
    match version(db)? {
        0 => Err(refused(Fault::NotThere, "no server has written any to their database yet")),
        _ => Ok(()),
    }
}

/// Which tables it has; 0: none.
pub(super) fn version(db: &PgConnection) -> Done<u64> {
    let sql = db as &dyn Sql;
    if !sql.exists("SELECT 1 WHERE to_regclass('meta') IS NOT NULL", &[])? {
        return Ok(0);
    }
    let version = state::meta(sql, SCHEMA_VERSION)?.unwrap_or(0);
    match version > VERSION {
        true => Err(refused(Fault::Newer, &format!("its tables are of version {version}"))),
        false => Ok(version),
    }
}

/// Brings the tables to today's version, where they are not.
pub(super) fn migrate(db: &PgConnection) -> Done<()> {
    let found = version(db)?;
    for (migration, version) in MIGRATIONS.iter().zip(1..) {
        if version <= found {
            continue;
        }
        db.migrates.set(true);
        let done = db.within(|sql| {
            db.run("SET LOCAL statement_timeout = 0")?;
            if version == 1 {
                db.run(
                    "CREATE TABLE meta (key TEXT COLLATE \"C\" PRIMARY KEY, value BIGINT NOT NULL)",
                )?;
            }
            db.run(migration)?;
            state::set_meta(sql, SCHEMA_VERSION, version)
        });
        db.migrates.set(false);
        done?;
    }
    Ok(())
}
