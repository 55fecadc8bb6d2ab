//! Erases callers from the records.
//!
//! **Invariant:** all calls of one number change together: rollups judge a call by the others of
//! its caller, and these stay the same. A call that was its caller's by an account is parted from
//! the account's other numbers, and the sums follow.

use std::time::Duration;

use rusqlite::{Connection, params};

use crate::id::CallId;
use crate::store::amend::Columns;
use crate::store::database::{Erased, Erasure};
use crate::store::erase;
use crate::store::sqlite::rollups::Rollups;
use crate::store::sqlite::{BUSY_TIMEOUT, calls, contacts, sql, unsigned};
use crate::words::CallRecord;

pub(super) const OWN: &str = "SELECT call FROM calls WHERE from_number = ?1 ORDER BY call";
/// Every record is looked at: no index leads to all places in which a number may be.
pub(super) const NAMING: &str = "SELECT record FROM calls WHERE instr(record, ?1) > 0";

/// Erases the caller, and notes which calls the journals of runs still have.
pub(super) fn erase(
    db: &Connection,
    rollups: &mut Rollups<'_>,
    erasure: &Erasure<'_>,
) -> rusqlite::Result<Erased> {
    contacts::rename(db, erasure.number, erasure.instead)?;
    let mut own = db.prepare_cached(OWN)?;
    let own = own.query_map([erasure.number], |row| Ok(CallId(unsigned(row.get(0)?))))?;
    let own = own.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut erased = Erased::default();
    for (calls, done) in
        [(own.as_slice(), &mut erased.calls), (erasure.named_in, &mut erased.named_in)]
    {
        for call in calls {
            let Some(mut record) = calls::get(db, *call)? else { continue };
            let was = record.clone();
            if !erase::erase(&mut record, erasure.number, erasure.instead) {
                continue;
            }
            if was.account == record.account {
                update(db, &record)?;
            } else {
                part(db, rollups, (&was, &record))?;
            }
            let mut note = db.prepare_cached("INSERT OR REPLACE INTO erased VALUES (?1, ?2)")?;
            note.execute([sql(call.0), sql(erasure.run)])?;
            done.push(*call);
        }
    }
    Ok(erased)
}

/// Empties the write-ahead log, which has the pages as they were. `false`: a reader goes on that
/// needs it, and it is to do again; nothing waits for that reader.
pub(super) fn forget_pages(db: &Connection) -> rusqlite::Result<bool> {
    db.busy_timeout(Duration::ZERO)?;
    let blocked = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    db.busy_timeout(BUSY_TIMEOUT)?;
    Ok(blocked? == 0)
}

/// Writes a record that has its account no more: it is of another caller than the account's other
/// numbers, and judged anew.
fn part(
    db: &Connection,
    rollups: &mut Rollups<'_>,
    (was, is): (&CallRecord, &CallRecord),
) -> rusqlite::Result<()> {
    let mut before = rollups.before(was)?;
    rollups.before_as(&mut before, is)?;
    contacts::delete(db, was)?;
    update(db, is)?;
    contacts::insert(db, is, Columns::of(is).agent.is_some())?;
    rollups.after(before, Some(is))
}

fn update(db: &Connection, record: &CallRecord) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(
        "UPDATE calls SET from_number = ?2, to_number = ?3, record = ?4 WHERE call = ?1",
    )?;
    let json = calls::json(record);
    statement.execute(params![sql(record.call.0), record.from, record.to, json])?;
    Ok(())
}

/// Erased calls whose arrival may be in a journal, with the run in which they were erased.
pub(super) fn erased(db: &Connection) -> rusqlite::Result<Vec<(CallId, u64)>> {
    let mut statement = db.prepare_cached("SELECT call, run FROM erased ORDER BY call")?;
    let rows = statement
        .query_map([], |row| Ok((CallId(unsigned(row.get(0)?)), unsigned(row.get(1)?))))?;
    rows.collect()
}

/// The journal of no run has those that were erased before this run.
pub(super) fn forget_before(db: &Connection, run: u64) -> rusqlite::Result<()> {
    db.execute("DELETE FROM erased WHERE run < ?1", [sql(run)])?;
    Ok(())
}
