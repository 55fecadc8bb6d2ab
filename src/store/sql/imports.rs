//! Rows of calls that were imported: like others, with numbers that no call of our own has.
//!
//! **Invariant:** a call of another system has at most one row under the name of its import,
//! however often it is given; what a row added to rollups leaves with it.

use std::ops::ControlFlow;

use crate::id::CallId;
use crate::store::database::{Applied, ImportedCalls, TakenOut};
use crate::store::import::{is_same, numbered, numbers};
use crate::store::sql::rollups::Rollups;
use crate::store::sql::{Done, Sql, calls, contacts, values};
use crate::words::{CallRecord, NamedVia};

/// Writes a record under the first number that is free, unless its call has one already.
pub(super) fn insert(
    db: &dyn Sql,
    rollups: &mut Rollups<'_>,
    record: &CallRecord,
) -> Done<Applied> {
    let Some((first, last)) = numbers(record.arrived_at) else { return Ok(Applied::NoRoom) };
    let same_second = "SELECT record FROM calls WHERE call BETWEEN ?1 AND ?2 ORDER BY call";
    let (mut free, mut is_known) = (Some(first), false);
    db.each(same_second, values![first, last], &mut |row| {
        let there = calls::record(row)?;
        if is_same(&there, record) {
            is_known = true;
            return Ok(ControlFlow::Break(()));
        }
        if free == Some(there.call) {
            free = (there.call < last).then(|| there.call.next());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    match free {
        _ if is_known => Ok(Applied::Known),
        Some(call) => calls::insert(db, rollups, &numbered(record, call)),
        None => Ok(Applied::NoRoom),
    }
}

/// Takes out at most this many records of an import, from a number on.
pub(super) fn take_out(
    db: &dyn Sql,
    rollups: &mut Rollups<'_>,
    (import, from, most): (&str, CallId, usize),
) -> Done<TakenOut> {
    let via = NamedVia::Import(import.to_owned()).to_string();
    let of_import = "SELECT record FROM calls WHERE call >= ?1 AND via = ?2 ORDER BY call LIMIT ?3";
    let from = from.max(CallId::FIRST_IMPORTED);
    let records = db.all(of_import, values![from, &via, most], calls::record)?;
    for record in &records {
        let before = rollups.before(record)?;
        calls::delete(db, record)?;
        contacts::delete(db, record)?;
        rollups.after(before, None)?;
    }
    let is_all = records.len() < most;
    let next = records.last().filter(|_| !is_all).map(|record| record.call.next());
    Ok(TakenOut { calls: records.len() as u64, next })
}

/// What was imported, by name.
pub(super) fn list(db: &dyn Sql) -> Done<Vec<ImportedCalls>> {
    let by_name = "SELECT substr(via, 8), count(*), min(arrived_at), max(ended_at) FROM calls
         WHERE call >= ?1 GROUP BY via ORDER BY via";
    db.all(by_name, values![CallId::FIRST_IMPORTED], |row| {
        Ok(ImportedCalls {
            name: row.word(0)?.to_owned(),
            calls: row.count(1)?,
            first_arrived_at: row.at(2)?,
            last_ended_at: row.at(3)?,
        })
    })
}
