//! Erases callers from the records.
//!
//! **Invariant:** all calls of one number change together: rollups judge a call by the others of
//! its caller, and these stay the same. A call that was its caller's by an account is parted from
//! the account's other numbers, and the sums follow.

use crate::id::CallId;
use crate::store::amend::Columns;
use crate::store::database::{Erased, Erasure};
use crate::store::erase;
use crate::store::sql::rollups::Rollups;
use crate::store::sql::{Done, Sql, calls, contacts, values};
use crate::words::CallRecord;

pub(in crate::store) const OWN: &str =
    "SELECT call FROM calls WHERE from_number = ?1 ORDER BY call";
/// Every record is looked at: no index leads to all places in which a number may be. More is found
/// than is meant, and whoever reads it looks closer.
pub(in crate::store) const NAMING: &str =
    "SELECT record FROM calls WHERE record LIKE '%' || ?1 || '%'";

/// Erases the caller, and notes which calls the journals of runs still have.
pub(super) fn erase(
    db: &dyn Sql,
    rollups: &mut Rollups<'_>,
    erasure: &Erasure<'_>,
) -> Done<Erased> {
    contacts::rename(db, erasure.number, erasure.instead)?;
    let own = db.all(OWN, values![erasure.number], |row| row.call(0))?;
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
            let note = "INSERT INTO erased VALUES (?1, ?2)
                 ON CONFLICT (call) DO UPDATE SET run = excluded.run";
            db.execute(note, values![*call, erasure.run])?;
            done.push(*call);
        }
    }
    Ok(erased)
}

/// Writes a record that has its account no more: it is of another caller than the account's other
/// numbers, and judged anew.
fn part(
    db: &dyn Sql,
    rollups: &mut Rollups<'_>,
    (was, is): (&CallRecord, &CallRecord),
) -> Done<()> {
    let mut before = rollups.before(was)?;
    rollups.before_as(&mut before, is)?;
    contacts::delete(db, was)?;
    update(db, is)?;
    contacts::insert(db, is, Columns::of(is).agent.is_some())?;
    rollups.after(before, Some(is))
}

fn update(db: &dyn Sql, record: &CallRecord) -> Done<()> {
    let update = "UPDATE calls SET from_number = ?2, to_number = ?3, record = ?4 WHERE call = ?1";
    let (from, json) = (record.from.as_deref(), calls::json(record));
    db.execute(update, values![record.call, from, &record.to, &json]).map(drop)
}

/// Erased calls whose arrival may be in a journal, with the run in which they were erased.
pub(in crate::store) fn erased(db: &dyn Sql) -> Done<Vec<(CallId, u64)>> {
    let all = "SELECT call, run FROM erased ORDER BY call";
    db.all(all, &[], |row| Ok((row.call(0)?, row.count(1)?)))
}

/// The journal of no run has those that were erased before this run.
pub(in crate::store) fn forget_before(db: &dyn Sql, run: u64) -> Done<()> {
    db.execute("DELETE FROM erased WHERE run < ?1", values![run]).map(drop)
}
