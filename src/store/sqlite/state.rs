//! What a run leaves for the next one beside records: how far it came, where agents stand, what
//! fronts keep of their calls and legs, and the calls that are carried over.
//!
//! **Invariant:** a call that is carried has no record yet; what a front keeps of a call stays
//! until the front forgets it.
//!
//! **Deliberately absent:** what is in it. The front reads what the front wrote.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use crate::center::SavedAgentState;
use crate::id::{CallId, NodeId};
use crate::store::database::{Progress, Saved};
use crate::store::journal::Entry;
use crate::store::sqlite::{sql, unreadable, unsigned};
use crate::time::Timestamp;

/// In `meta`: the first number that no call has had.
const NEXT_CALL: &str = "next_call";
/// In `meta`: what was kept under lower numbers is in the database.
const KEPT_UNTIL: &str = "kept_until";
/// In `meta`: the run whose calls are carried.
const CONTINUES: &str = "continues";

pub(super) fn progress(db: &Connection) -> rusqlite::Result<Progress> {
    let first_imported = [sql(CallId::FIRST_IMPORTED.0)];
    let last = "SELECT max(call) FROM calls WHERE call < ?1";
    let last: Option<i64> = db.query_row(last, first_imported, |row| row.get(0))?;
    let last = last.map(|last| CallId(unsigned(last)).next());
    let next_call = meta(db, NEXT_CALL)?.map(CallId).max(last);
    Ok(Progress {
        node: next_call.map(CallId::node),
        next_call: next_call.unwrap_or(CallId::first(NodeId::default())),
        kept_until: meta(db, KEPT_UNTIL)?.unwrap_or(0),
        continues: meta(db, CONTINUES)?,
        carried: carried(db)?,
        finished: finished(db)?,
        records_since: records_since(db)?,
    })
}

/// In `meta`: records of calls that ended before this are deleted.
pub(super) const RECORDS_SINCE: &str = "records_since";

/// Calls that ended before this may have no record any more.
pub(super) fn records_since(db: &Connection) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp(meta(db, RECORDS_SINCE)?.unwrap_or(0)))
}

pub(super) fn meta(db: &Connection, key: &str) -> rusqlite::Result<Option<u64>> {
    let mut statement = db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    let value: Option<i64> = statement.query_row([key], |row| row.get(0)).optional()?;
    Ok(value.map(unsigned))
}

fn finished(db: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement = db.prepare("SELECT name FROM segments")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Calls carried over that have no record yet, with their arrivals.
fn carried(db: &Connection) -> rusqlite::Result<BTreeMap<CallId, Entry>> {
    let mut statement = db.prepare(
        "SELECT call, arrived FROM carried
         WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.call = carried.call)",
    )?;
    let rows = statement.query_map([], |row| {
        let json: String = row.get(1)?;
        let entry = serde_json::from_str(&json).map_err(|error| unreadable(1, error))?;
        Ok((CallId(unsigned(row.get(0)?)), entry))
    })?;
    rows.collect()
}

pub(super) fn saved(db: &Connection) -> rusqlite::Result<Saved> {
    let mut sessions = db.prepare("SELECT call, json FROM sessions ORDER BY call")?;
    let sessions =
        sessions.query_map([], |row| Ok((CallId(unsigned(row.get(0)?)), row.get(1)?)))?;
    let mut legs = db.prepare("SELECT name, json FROM legs ORDER BY name")?;
    let legs = legs.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Saved {
        sessions: sessions.collect::<rusqlite::Result<_>>()?,
        legs: legs.collect::<rusqlite::Result<_>>()?,
        agent_states: agent_states(db)?,
    })
}

fn agent_states(db: &Connection) -> rusqlite::Result<BTreeMap<String, SavedAgentState>> {
    let mut statement = db.prepare("SELECT name, standing FROM agents")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let mut agent_states = BTreeMap::new();
    for row in rows {
        let (name, json) = row?;
        if let Ok(state) = serde_json::from_str(&json) {
            agent_states.insert(name, state);
        }
    }
    Ok(agent_states)
}

pub(super) fn keep_session(db: &Connection, call: CallId, json: &str) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("INSERT OR REPLACE INTO sessions VALUES (?1, ?2)")?;
    statement.execute(params![sql(call.0), json])?;
    Ok(())
}

pub(super) fn forget_session(db: &Connection, call: CallId) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("DELETE FROM sessions WHERE call = ?1")?;
    statement.execute([sql(call.0)])?;
    Ok(())
}

pub(super) fn keep_leg(db: &Connection, name: &str, json: &str) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("INSERT OR REPLACE INTO legs VALUES (?1, ?2)")?;
    statement.execute([name, json])?;
    Ok(())
}

pub(super) fn forget_leg(db: &Connection, name: &str) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("DELETE FROM legs WHERE name = ?1")?;
    statement.execute([name])?;
    Ok(())
}

pub(super) fn keep_agent_state(
    db: &Connection,
    agent: &str,
    state: &SavedAgentState,
) -> rusqlite::Result<()> {
    let json = serde_json::to_string(state).expect("a state has only keys that are text");
    let mut statement = db.prepare_cached("INSERT OR REPLACE INTO agents VALUES (?1, ?2)")?;
    statement.execute(params![agent, json])?;
    Ok(())
}

pub(super) fn set_meta(db: &Connection, key: &str, value: u64) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?;
    statement.execute(params![key, sql(value)])?;
    Ok(())
}

pub(super) fn set_kept_until(db: &Connection, until: u64) -> rusqlite::Result<()> {
    set_meta(db, KEPT_UNTIL, until)
}

pub(super) fn set_next_call(db: &Connection, next: CallId) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(
        "INSERT INTO meta VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)",
    )?;
    statement.execute(params![NEXT_CALL, sql(next.0)])?;
    Ok(())
}

/// Marks a segment as one whose calls all have their records.
pub(super) fn finish(db: &Connection, name: &str, clean: bool) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("INSERT OR IGNORE INTO segments VALUES (?1, ?2)")?;
    statement.execute(params![name, clean])?;
    Ok(())
}

/// Sets which calls are carried over, and the run at whose end they were up.
pub(super) fn carry(db: &Connection, run: u64, calls: &[(CallId, Entry)]) -> rusqlite::Result<()> {
    db.execute("DELETE FROM carried", [])?;
    if calls.is_empty() {
        return carry_nothing(db);
    }
    let mut statement = db.prepare_cached("INSERT INTO carried VALUES (?1, ?2)")?;
    for (call, entry) in calls {
        let json = serde_json::to_string(entry).expect("an entry has only keys that are text");
        statement.execute(params![sql(call.0), json])?;
    }
    db.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![CONTINUES, sql(run)])?;
    Ok(())
}

pub(super) fn carry_nothing(db: &Connection) -> rusqlite::Result<()> {
    db.execute("DELETE FROM meta WHERE key = ?1", [CONTINUES])?;
    Ok(())
}
