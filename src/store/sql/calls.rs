//! The rows of calls: one for each, with the whole record beside the columns that people search by.
//!
//! **Invariant:** a call has at most one row, whoever writes it and however often: the first close
//! wins, and an amendment only adds what was not known yet. Every queue and agent of a record leads
//! to its call. What the figures need of a record is in the rollups with it.

use std::ops::{ControlFlow, Range};

use crate::id::CallId;
use crate::store::amend::{self, Columns};
use crate::store::database::Applied;
use crate::store::sql::rollups::Rollups;
use crate::store::sql::{Done, Row, Sql, Value, contacts, state, values};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordingUpdate, WrapUp};

/// The records of the calls that ended in a period.
pub(in crate::store) const EACH_ENDED: &str =
    "SELECT record FROM calls WHERE ended_at >= ?1 AND ended_at < ?2 ORDER BY ended_at, call";
const INSERT: &str = "INSERT INTO calls VALUES
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
    ON CONFLICT (call) DO NOTHING";

/// Writes a record, unless this call has one already, or had one that was kept long enough: its
/// sums are there.
pub(super) fn insert(
    db: &dyn Sql,
    rollups: &mut Rollups<'_>,
    record: &CallRecord,
) -> Done<Applied> {
    if record.ended_at < state::records_since(db)? {
        return Ok(Applied::Known);
    }
    let before = rollups.before_new(record)?;
    let row = Columns::of(record);
    if insert_row(db, record, &row)? == 0 {
        return Ok(Applied::Known);
    }
    let leads = "INSERT INTO call_queues VALUES (?1, ?2, ?3) ON CONFLICT (queue, call) DO NOTHING";
    for queue in amend::queues_of(record) {
        db.execute(leads, values![queue, record.call, record.arrived_at])?;
    }
    let leads = "INSERT INTO call_agents VALUES (?1, ?2, ?3) ON CONFLICT (agent, call) DO NOTHING";
    for agent in amend::agents_of(record) {
        db.execute(leads, values![agent, record.call, record.arrived_at])?;
    }
    contacts::insert(db, record, row.agent.is_some())?;
    rollups.after(before, Some(record))?;
    Ok(Applied::Changed)
}

fn insert_row(db: &dyn Sql, record: &CallRecord, row: &Columns) -> Done<usize> {
    let (via, json) = (record.via.to_string(), json(record));
    let (outcome, ended_by) = (word(&record.outcome), word(&record.ended_by));
    let values: &[Value<'_>] = values![
        record.call,
        record.arrived_at,
        record.answered_at,
        record.ended_at,
        record.from.as_deref(),
        &record.to,
        &via,
        record.flow.as_deref(),
        record.language.as_deref(),
        record.intent.as_deref(),
        &outcome,
        &ended_by,
        u64::from(record.cause.0),
        row.queue.as_deref(),
        row.agent.as_deref(),
        row.wait_ms,
        row.talk_ms,
        row.hold_ms,
        row.acw_ms,
        row.resolved,
        &json,
    ];
    db.execute(INSERT, values)
}

/// Adds the after-call work of one leg.
pub(super) fn amend(
    db: &dyn Sql,
    rollups: &mut Rollups<'_>,
    call: CallId,
    wrap_up: &WrapUp,
) -> Done<Applied> {
    let Some(mut record) = get(db, call)? else {
        return Ok(Applied::Unknown);
    };
    let mut before = rollups.before(&record)?;
    if !record.write_up(wrap_up) {
        return Ok(Applied::Unknown);
    }
    rollups.before_as(&mut before, &record)?;
    let row = Columns::of(&record);
    let amend =
        "UPDATE calls SET intent = ?2, acw_ms = ?3, resolved = ?4, record = ?5 WHERE call = ?1";
    let intent = record.intent.as_deref();
    db.execute(amend, values![call, intent, row.acw_ms, row.resolved, &json(&record)])?;
    if wrap_up.intent.is_some() {
        contacts::amend(db, &record)?;
    }
    rollups.after(before, Some(&record))?;
    Ok(Applied::Changed)
}

/// Adds what became known of a recording.
pub(super) fn amend_recording(db: &dyn Sql, update: &RecordingUpdate) -> Done<Applied> {
    let call = update.name.call;
    let Some(mut record) = get(db, call)? else {
        return Ok(Applied::Unknown);
    };
    match amend::recording(&mut record, update) {
        None => return Ok(Applied::Unknown),
        Some(false) => return Ok(Applied::Known),
        Some(true) => {}
    }
    db.execute("UPDATE calls SET record = ?2 WHERE call = ?1", values![call, &json(&record)])?;
    Ok(Applied::Changed)
}

pub(super) fn get(db: &dyn Sql, call: CallId) -> Done<Option<CallRecord>> {
    db.first("SELECT record FROM calls WHERE call = ?1", values![call], record)
}

/// Whether a call has its record.
pub(in crate::store) fn has(db: &dyn Sql, call: CallId) -> Done<bool> {
    db.exists("SELECT 1 FROM calls WHERE call = ?1", values![call])
}

/// Takes a row out, with what leads to it.
pub(super) fn delete(db: &dyn Sql, record: &CallRecord) -> Done<()> {
    let of_queue = "DELETE FROM call_queues WHERE queue = ?1 AND call = ?2";
    for queue in amend::queues_of(record) {
        db.execute(of_queue, values![queue, record.call])?;
    }
    let of_agent = "DELETE FROM call_agents WHERE agent = ?1 AND call = ?2";
    for agent in amend::agents_of(record) {
        db.execute(of_agent, values![agent, record.call])?;
    }
    db.execute("DELETE FROM calls WHERE call = ?1", values![record.call]).map(drop)
}

/// Hands over the records of the calls that ended in a period, until the caller of this says stop.
pub(super) fn each_ended(
    db: &dyn Sql,
    period: &Range<Timestamp>,
    take: &mut dyn FnMut(CallRecord) -> Done<ControlFlow<()>>,
) -> Done<()> {
    let bounds = values![period.start, period.end];
    db.each_of_many(EACH_ENDED, bounds, &mut |row| take(record(row)?))
}

/// The record of a row that has no other column.
pub(super) fn record(row: &dyn Row) -> Done<CallRecord> {
    row.json(0)
}

pub(super) fn json(record: &CallRecord) -> String {
    serde_json::to_string(record).expect("a record has only keys that are text")
}

/// How serde writes a plain word.
pub(super) fn word<T: serde::Serialize>(value: &T) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}
