//! What a run leaves for the next one beside records: how far it came, where agents stand, what
//! fronts keep of their calls and legs, and the calls that are carried over.
//!
//! **Invariant:** a call that is carried has no record yet; what a front keeps of a call stays
//! until the front forgets it.
//!
//! **Deliberately absent:** what is in it. The front reads what the front wrote.

use std::collections::{BTreeMap, BTreeSet};

use crate::center::SavedAgentState;
use crate::id::{CallId, NodeId};
use crate::store::database::{Progress, Saved};
use crate::store::journal::Entry;
use crate::store::sql::{Done, Sql, unsigned, values};
use crate::time::Timestamp;

/// In `meta`: the first number that no call has had.
const NEXT_CALL: &str = "next_call";
/// In `meta`: what was kept under lower numbers is in the database.
const KEPT_UNTIL: &str = "kept_until";
/// In `meta`: the run whose calls are carried.
const CONTINUES: &str = "continues";
/// In `meta`: records of calls that ended before this are deleted.
pub(in crate::store) const RECORDS_SINCE: &str = "records_since";

pub(in crate::store) fn progress(db: &dyn Sql) -> Done<Progress> {
    let last = "SELECT max(call) FROM calls WHERE call < ?1";
    let last = db.number(last, values![CallId::FIRST_IMPORTED])?;
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

/// Calls that ended before this may have no record any more.
pub(in crate::store) fn records_since(db: &dyn Sql) -> Done<Timestamp> {
    Ok(Timestamp(meta(db, RECORDS_SINCE)?.unwrap_or(0)))
}

pub(in crate::store) fn meta(db: &dyn Sql, key: &str) -> Done<Option<u64>> {
    let value = db.number("SELECT value FROM meta WHERE key = ?1", values![key])?;
    Ok(value.map(unsigned))
}

fn finished(db: &dyn Sql) -> Done<BTreeSet<String>> {
    let names = db.all("SELECT name FROM segments", &[], |row| row.word(0).map(str::to_owned))?;
    Ok(names.into_iter().collect())
}

/// Calls carried over that have no record yet, with their arrivals.
fn carried(db: &dyn Sql) -> Done<BTreeMap<CallId, Entry>> {
    let without_a_record = "SELECT call, arrived FROM carried
         WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.call = carried.call)";
    let carried = db.all(without_a_record, &[], |row| Ok((row.call(0)?, row.json(1)?)))?;
    Ok(carried.into_iter().collect())
}

pub(in crate::store) fn saved(db: &dyn Sql) -> Done<Saved> {
    let sessions = "SELECT call, json FROM sessions ORDER BY call";
    let legs = "SELECT name, json FROM legs ORDER BY name";
    let text = str::to_owned;
    Ok(Saved {
        sessions: db.all(sessions, &[], |row| Ok((row.call(0)?, text(row.word(1)?))))?,
        legs: db.all(legs, &[], |row| Ok((text(row.word(0)?), text(row.word(1)?))))?,
        agent_states: agent_states(db)?,
    })
}

fn agent_states(db: &dyn Sql) -> Done<BTreeMap<String, SavedAgentState>> {
    let states = db.all("SELECT name, standing FROM agents", &[], |row| {
        let state = serde_json::from_str(row.word(1)?).ok();
        Ok(state.map(|state| Ok((row.word(0)?.to_owned(), state))))
    })?;
    states.into_iter().flatten().collect()
}

pub(in crate::store) fn keep_session(db: &dyn Sql, call: CallId, json: &str) -> Done<()> {
    let keep = "INSERT INTO sessions VALUES (?1, ?2)
         ON CONFLICT (call) DO UPDATE SET json = excluded.json";
    db.execute(keep, values![call, json]).map(drop)
}

pub(in crate::store) fn forget_session(db: &dyn Sql, call: CallId) -> Done<()> {
    db.execute("DELETE FROM sessions WHERE call = ?1", values![call]).map(drop)
}

pub(in crate::store) fn keep_leg(db: &dyn Sql, name: &str, json: &str) -> Done<()> {
    let keep = "INSERT INTO legs VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET json = excluded.json";
    db.execute(keep, values![name, json]).map(drop)
}

pub(in crate::store) fn forget_leg(db: &dyn Sql, name: &str) -> Done<()> {
    db.execute("DELETE FROM legs WHERE name = ?1", values![name]).map(drop)
}

pub(in crate::store) fn keep_agent_state(
    db: &dyn Sql,
    agent: &str,
    state: &SavedAgentState,
) -> Done<()> {
    let json = serde_json::to_string(state).expect("a state has only keys that are text");
    let keep = "INSERT INTO agents VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET standing = excluded.standing";
    db.execute(keep, values![agent, &json]).map(drop)
}

pub(in crate::store) fn set_meta(db: &dyn Sql, key: &str, value: u64) -> Done<()> {
    let set = "INSERT INTO meta VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    db.execute(set, values![key, value]).map(drop)
}

pub(in crate::store) fn set_kept_until(db: &dyn Sql, until: u64) -> Done<()> {
    set_meta(db, KEPT_UNTIL, until)
}

pub(in crate::store) fn set_next_call(db: &dyn Sql, next: CallId) -> Done<()> {
    raise_meta(db, NEXT_CALL, next.0)
}

/// Sets it, unless it is more.
pub(in crate::store) fn raise_meta(db: &dyn Sql, key: &str, value: u64) -> Done<()> {
    let raise = "INSERT INTO meta VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value
         WHERE meta.value < excluded.value";
    db.execute(raise, values![key, value]).map(drop)
}

/// Marks a segment as one whose calls all have their records.
pub(in crate::store) fn finish(db: &dyn Sql, name: &str, clean: bool) -> Done<()> {
    let mark = "INSERT INTO segments VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
    db.execute(mark, values![name, clean]).map(drop)
}

/// Sets which calls are carried over, and the run at whose end they were up.
pub(in crate::store) fn carry(db: &dyn Sql, run: u64, calls: &[(CallId, Entry)]) -> Done<()> {
    db.execute("DELETE FROM carried", &[])?;
    if calls.is_empty() {
        return carry_nothing(db);
    }
    for (call, entry) in calls {
        let json = serde_json::to_string(entry).expect("an entry has only keys that are text");
        db.execute("INSERT INTO carried VALUES (?1, ?2)", values![*call, &json])?;
    }
    set_meta(db, CONTINUES, run)
}

pub(in crate::store) fn carry_nothing(db: &dyn Sql) -> Done<()> {
    db.execute("DELETE FROM meta WHERE key = ?1", values![CONTINUES]).map(drop)
}
