//! What a run leaves for the next one beside journal and records: where agents stand, what fronts
//! keep of their calls and legs, and the calls that are carried over.
//!
//! **Invariant:** a call that is carried has no record yet; what a front keeps of a call stays
//! until the front forgets it.
//!
//! **Deliberately absent:** what is in it. The front reads what the front wrote.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::center::SavedAgentState;
use crate::id::CallId;
use crate::store::StoreError;
use crate::store::journal::Entry;
use crate::store::records::{sql, unsigned};

pub(super) const SCHEMA: &str = "
-- What a front keeps of a call, JSON.
CREATE TABLE IF NOT EXISTS sessions (call INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
-- What a front keeps of a leg, JSON, by its name at the provider.
CREATE TABLE IF NOT EXISTS legs (name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
-- Where each agent stands, JSON.
CREATE TABLE IF NOT EXISTS agents (name TEXT PRIMARY KEY, standing TEXT NOT NULL) STRICT;
-- Calls of lost runs that go on, with their arrival as in the journal.
CREATE TABLE IF NOT EXISTS carried (call INTEGER PRIMARY KEY, arrived TEXT NOT NULL) STRICT;
";

/// In `meta`: the run whose calls are carried.
const CONTINUES: &str = "continues";

pub(super) fn keep_session(db: &Connection, call: CallId, json: &str) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached("INSERT OR REPLACE INTO sessions VALUES (?1, ?2)")?;
    statement.execute(params![sql(call.0), json])?;
    Ok(())
}

pub(super) fn forget_session(db: &Connection, call: CallId) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached("DELETE FROM sessions WHERE call = ?1")?;
    statement.execute([sql(call.0)])?;
    Ok(())
}

pub(super) fn sessions(db: &Connection) -> Result<Vec<(CallId, String)>, StoreError> {
    let mut statement = db.prepare("SELECT call, json FROM sessions ORDER BY call")?;
    let rows = statement.query_map([], |row| Ok((CallId(unsigned(row.get(0)?)), row.get(1)?)))?;
    rows.map(|row| row.map_err(StoreError::from)).collect()
}

pub(super) fn keep_leg(db: &Connection, name: &str, json: &str) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached("INSERT OR REPLACE INTO legs VALUES (?1, ?2)")?;
    statement.execute([name, json])?;
    Ok(())
}

pub(super) fn forget_leg(db: &Connection, name: &str) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached("DELETE FROM legs WHERE name = ?1")?;
    statement.execute([name])?;
    Ok(())
}

pub(super) fn legs(db: &Connection) -> Result<Vec<(String, String)>, StoreError> {
    let mut statement = db.prepare("SELECT name, json FROM legs ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.map(|row| row.map_err(StoreError::from)).collect()
}

pub(super) fn keep_agent_state(
    db: &Connection,
    agent: &str,
    state: &SavedAgentState,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(state).expect("a state has only keys that are text");
    let mut statement = db.prepare_cached("INSERT OR REPLACE INTO agents VALUES (?1, ?2)")?;
    statement.execute(params![agent, json])?;
    Ok(())
}

/// Saved states by the agent's name. One that cannot be read is left out: the agent is logged out.
pub(super) fn agent_states(
    db: &Connection,
) -> Result<BTreeMap<String, SavedAgentState>, StoreError> {
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

/// Calls carried over that have no record yet, with their arrivals.
pub(super) fn carried(db: &Connection) -> Result<BTreeMap<CallId, Entry>, StoreError> {
    let mut statement = db.prepare(
        "SELECT call, arrived FROM carried
         WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.call = carried.call)",
    )?;
    let rows = statement.query_map([], |row| {
        let json: String = row.get(1)?;
        let entry = serde_json::from_str(&json).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into())
        })?;
        Ok((CallId(unsigned(row.get(0)?)), entry))
    })?;
    rows.map(|row| row.map_err(StoreError::from)).collect()
}

/// Sets which calls are carried over, and the run at whose end they were up.
pub(super) fn carry<'a>(
    db: &Connection,
    run: u64,
    calls: impl Iterator<Item = (CallId, &'a Entry)>,
) -> Result<(), StoreError> {
    db.execute("DELETE FROM carried", [])?;
    let mut any = false;
    let mut statement = db.prepare_cached("INSERT INTO carried VALUES (?1, ?2)")?;
    for (call, entry) in calls {
        let json = serde_json::to_string(entry).expect("an entry has only keys that are text");
        statement.execute(params![sql(call.0), json])?;
        any = true;
    }
    if !any {
        return carry_nothing(db);
    }
    db.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![CONTINUES, sql(run)])?;
    Ok(())
}

/// A run ended in order: nothing goes on after it.
pub(super) fn carry_nothing(db: &Connection) -> Result<(), StoreError> {
    db.execute("DELETE FROM meta WHERE key = ?1", [CONTINUES])?;
    Ok(())
}

/// The run whose calls are carried.
pub(super) fn continues(db: &Connection) -> Result<Option<u64>, StoreError> {
    let query = "SELECT value FROM meta WHERE key = ?1";
    let run: Option<i64> = db.query_row(query, [CONTINUES], |row| row.get(0)).optional()?;
    Ok(run.map(unsigned))
}
