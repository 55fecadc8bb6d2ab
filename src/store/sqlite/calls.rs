//! The rows of calls: one for each, with the whole record beside the columns that people search by.
//!
//! **Invariant:** a call has at most one row, whoever writes it and however often: the first close
//! wins, and an amendment only adds what was not known yet. Every queue and agent of a record leads
//! to its call. What the figures need of a record is in the rollups with it.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::id::CallId;
use crate::store::amend::{self, Columns};
use crate::store::database::Applied;
use crate::store::sqlite::rollups::Rollups;
use crate::store::sqlite::{contacts, sql, state, unreadable};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordingUpdate, WrapUp};

/// The records of the calls that ended in a period.
pub(super) const EACH_ENDED: &str = "
SELECT record FROM calls WHERE ended_at >= ?1 AND ended_at < ?2 ORDER BY ended_at, call";

/// Writes a record, unless this call has one already, or had one that was kept long enough: its
/// sums are there.
pub(super) fn insert(
    db: &Connection,
    rollups: &mut Rollups<'_>,
    record: &CallRecord,
) -> rusqlite::Result<Applied> {
    if record.ended_at < state::records_since(db)? {
        return Ok(Applied::Known);
    }
    let before = rollups.before_new(record)?;
    let row = Columns::of(record);
    let mut statement = db.prepare_cached(
        "INSERT INTO calls VALUES
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
          ?20, ?21) ON CONFLICT (call) DO NOTHING",
    )?;
    let inserted = statement.execute(params![
        sql(record.call.0),
        sql(record.arrived_at.0),
        record.answered_at.map(|at| sql(at.0)),
        sql(record.ended_at.0),
        record.from,
        record.to,
        record.via.to_string(),
        record.flow,
        record.language,
        record.intent,
        word(&record.outcome),
        word(&record.ended_by),
        record.cause.0,
        row.queue,
        row.agent,
        sql(row.wait_ms),
        sql(row.talk_ms),
        sql(row.hold_ms),
        row.acw_ms.map(sql),
        row.resolved,
        json(record),
    ])?;
    if inserted == 0 {
        return Ok(Applied::Known);
    }
    let mut statement =
        db.prepare_cached("INSERT OR IGNORE INTO call_queues VALUES (?1, ?2, ?3)")?;
    for queue in amend::queues_of(record) {
        statement.execute(params![queue, sql(record.call.0), sql(record.arrived_at.0)])?;
    }
    let mut statement =
        db.prepare_cached("INSERT OR IGNORE INTO call_agents VALUES (?1, ?2, ?3)")?;
    for agent in amend::agents_of(record) {
        statement.execute(params![agent, sql(record.call.0), sql(record.arrived_at.0)])?;
    }
    contacts::insert(db, record, row.agent.is_some())?;
    rollups.after(before, Some(record))?;
    Ok(Applied::Changed)
}

/// Adds the after-call work of one leg.
pub(super) fn amend(
    db: &Connection,
    rollups: &mut Rollups<'_>,
    call: CallId,
    wrap_up: &WrapUp,
) -> rusqlite::Result<Applied> {
    let Some(mut record) = get(db, call)? else {
        return Ok(Applied::Unknown);
    };
    let mut before = rollups.before(&record)?;
    if !record.write_up(wrap_up) {
        return Ok(Applied::Unknown);
    }
    rollups.before_as(&mut before, &record)?;
    let row = Columns::of(&record);
    let mut statement = db.prepare_cached(
        "UPDATE calls SET intent = ?2, acw_ms = ?3, resolved = ?4, record = ?5 WHERE call = ?1",
    )?;
    let acw_ms = row.acw_ms.map(sql);
    statement.execute(params![sql(call.0), record.intent, acw_ms, row.resolved, json(&record)])?;
    if wrap_up.intent.is_some() {
        contacts::amend(db, &record)?;
    }
    rollups.after(before, Some(&record))?;
    Ok(Applied::Changed)
}

/// Adds what became known of a recording.
pub(super) fn amend_recording(
    db: &Connection,
    update: &RecordingUpdate,
) -> rusqlite::Result<Applied> {
    let call = update.name.call;
    let Some(mut record) = get(db, call)? else {
        return Ok(Applied::Unknown);
    };
    match amend::recording(&mut record, update) {
        None => return Ok(Applied::Unknown),
        Some(false) => return Ok(Applied::Known),
        Some(true) => {}
    }
    let mut statement = db.prepare_cached("UPDATE calls SET record = ?2 WHERE call = ?1")?;
    statement.execute(params![sql(call.0), json(&record)])?;
    Ok(Applied::Changed)
}

pub(super) fn get(db: &Connection, call: CallId) -> rusqlite::Result<Option<CallRecord>> {
    let mut statement = db.prepare_cached("SELECT record FROM calls WHERE call = ?1")?;
    statement.query_row([sql(call.0)], record).optional()
}

/// Whether a call has its record.
pub(super) fn has(db: &Connection, call: CallId) -> rusqlite::Result<bool> {
    let mut statement = db.prepare_cached("SELECT 1 FROM calls WHERE call = ?1")?;
    statement.exists([sql(call.0)])
}

/// The record of a row that has no other column.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<CallRecord> {
    let text: String = row.get(0)?;
    serde_json::from_str(&text).map_err(|error| unreadable(0, error))
}

pub(super) fn bounds(period: &Range<Timestamp>) -> [i64; 2] {
    [sql(period.start.0), sql(period.end.0)]
}

pub(super) fn json(record: &CallRecord) -> String {
    serde_json::to_string(record).expect("a record has only keys that are text")
}

/// How serde writes a plain word.
pub(super) fn word<T: serde::Serialize>(value: &T) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}
