//! Rows of calls that were imported: like others, with numbers that no call of our own has.
//!
//! **Invariant:** a call of another system has at most one row under the name of its import,
//! however often it is given; what a row added to rollups leaves with it.

use rusqlite::{Connection, params};

use crate::id::CallId;
use crate::store::amend;
use crate::store::database::{Applied, ImportedCalls, TakenOut};
use crate::store::import::{is_same, numbered, numbers};
use crate::store::sqlite::rollups::Rollups;
use crate::store::sqlite::{calls, contacts, sql, unsigned};
use crate::time::Timestamp;
use crate::words::{CallRecord, NamedVia};

/// Writes a record under the first number that is free, unless its call has one already.
pub(super) fn insert(
    db: &Connection,
    rollups: &mut Rollups<'_>,
    record: &CallRecord,
) -> rusqlite::Result<Applied> {
    let Some((first, last)) = numbers(record.arrived_at) else { return Ok(Applied::NoRoom) };
    let mut statement =
        db.prepare_cached("SELECT record FROM calls WHERE call BETWEEN ?1 AND ?2 ORDER BY call")?;
    let mut free = Some(first);
    for there in statement.query_map([sql(first.0), sql(last.0)], calls::record)? {
        let there = there?;
        if is_same(&there, record) {
            return Ok(Applied::Known);
        }
        if free == Some(there.call) {
            free = (there.call < last).then(|| there.call.next());
        }
    }
    let Some(call) = free else { return Ok(Applied::NoRoom) };
    calls::insert(db, rollups, &numbered(record, call))
}

/// Takes out at most this many records of an import, from a number on.
pub(super) fn take_out(
    db: &Connection,
    rollups: &mut Rollups<'_>,
    (import, from, most): (&str, CallId, usize),
) -> rusqlite::Result<TakenOut> {
    let via = NamedVia::Import(import.to_owned()).to_string();
    let most_sql = i64::try_from(most).unwrap_or(i64::MAX);
    let records = db
        .prepare_cached(
            "SELECT record FROM calls WHERE call >= ?1 AND +via = ?2 ORDER BY call LIMIT ?3",
        )?
        .query_map(params![sql(from.max(CallId::FIRST_IMPORTED).0), via, most_sql], calls::record)?
        .collect::<rusqlite::Result<Vec<CallRecord>>>()?;
    for record in &records {
        delete(db, rollups, record)?;
    }
    let is_all = records.len() < most;
    let next = records.last().filter(|_| !is_all).map(|record| record.call.next());
    Ok(TakenOut { calls: records.len() as u64, next })
}

fn delete(db: &Connection, rollups: &mut Rollups<'_>, record: &CallRecord) -> rusqlite::Result<()> {
    let before = rollups.before(record)?;
    let call = sql(record.call.0);
    let mut of_queue =
        db.prepare_cached("DELETE FROM call_queues WHERE queue = ?1 AND call = ?2")?;
    for queue in amend::queues_of(record) {
        of_queue.execute(params![queue, call])?;
    }
    let mut of_agent =
        db.prepare_cached("DELETE FROM call_agents WHERE agent = ?1 AND call = ?2")?;
    for agent in amend::agents_of(record) {
        of_agent.execute(params![agent, call])?;
    }
    db.prepare_cached("DELETE FROM calls WHERE call = ?1")?.execute([call])?;
    contacts::delete(db, record)?;
    rollups.after(before, None)
}

/// What was imported, by name.
pub(super) fn list(db: &Connection) -> rusqlite::Result<Vec<ImportedCalls>> {
    let mut statement = db.prepare(
        "SELECT substr(via, 8), count(*), min(arrived_at), max(ended_at) FROM calls
         WHERE call >= ?1 GROUP BY via ORDER BY via",
    )?;
    let rows = statement.query_map([sql(CallId::FIRST_IMPORTED.0)], |row| {
        Ok(ImportedCalls {
            name: row.get(0)?,
            calls: unsigned(row.get(1)?),
            first_arrived_at: Timestamp(unsigned(row.get(2)?)),
            last_ended_at: Timestamp(unsigned(row.get(3)?)),
        })
    })?;
    rows.collect()
}
