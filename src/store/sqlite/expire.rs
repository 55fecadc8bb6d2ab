//! Deletes what was kept long enough: records, and moves of agents.
//!
//! **Invariant:** sums outlive what they are of: rollups and days stay as they were. What is
//! deleted ends at a midnight (UTC), so that no sum is half of it.
//!
//! **Deliberately absent:** files, and how long. Whoever keeps them says so.

use std::ops::Range;

use rusqlite::{Connection, params};

use crate::metrics::Gathering;
use crate::store::amend;
use crate::store::rollup::Span;
use crate::store::sqlite::{agents, calls, contacts, rollups, sql, state};
use crate::time::Timestamp;
use crate::words::CallRecord;

/// In `meta`: sums from before this are gone, too.
const SUMS_SINCE: &str = "sums_since";
/// In `meta`: of moves of agents from before this there are only sums by the day.
const MOVES_SINCE: &str = "agent_moves_since";

pub(super) const OLDEST: &str =
    "SELECT record FROM calls WHERE ended_at < ?1 ORDER BY ended_at, call LIMIT ?2";

/// Deletes some records of calls that ended before this day; how many. None: there are none left,
/// or some calls are in no sum yet, which must come first.
pub(super) fn records(db: &Connection, before: Timestamp, at_once: u32) -> rusqlite::Result<usize> {
    if rollups::since(db)? > Timestamp(0) {
        return Ok(0);
    }
    let before = Span::Day.start_of(before);
    let mut oldest = db.prepare_cached(OLDEST)?;
    let oldest = oldest.query_map(params![sql(before.0), at_once], calls::record)?;
    let oldest = oldest.collect::<rusqlite::Result<Vec<CallRecord>>>()?;
    if oldest.is_empty() {
        return Ok(0);
    }
    raise(db, state::RECORDS_SINCE, before)?;
    let mut of_queue =
        db.prepare_cached("DELETE FROM call_queues WHERE queue = ?1 AND call = ?2")?;
    let mut of_agent =
        db.prepare_cached("DELETE FROM call_agents WHERE agent = ?1 AND call = ?2")?;
    let mut delete = db.prepare_cached("DELETE FROM calls WHERE call = ?1")?;
    for record in &oldest {
        let call = sql(record.call.0);
        for queue in amend::queues_of(record) {
            of_queue.execute(params![queue, call])?;
        }
        for agent in amend::agents_of(record) {
            of_agent.execute(params![agent, call])?;
        }
        delete.execute([call])?;
        contacts::expire(db, record)?;
    }
    Ok(oldest.len())
}

/// Deletes the moves of agents from before this day, but for the last of each, which says what
/// they did when it began; how many.
pub(super) fn agent_moves(db: &Connection, before: Timestamp) -> rusqlite::Result<usize> {
    let before = Span::Day.start_of(before);
    let mut delete = db.prepare_cached(
        "DELETE FROM agent_moves WHERE agent = ?1 AND at < (
             SELECT max(at) FROM agent_moves WHERE agent = ?1 AND at <= ?2
         )",
    )?;
    let mut deleted = 0;
    agents::each_agent(db, |agent| {
        deleted += delete.execute(params![agent, sql(before.0)])?;
        Ok(())
    })?;
    if deleted > 0 {
        raise(db, MOVES_SINCE, before)?;
    }
    Ok(deleted)
}

fn raise(db: &Connection, key: &str, at: Timestamp) -> rusqlite::Result<()> {
    if state::meta(db, key)?.is_none_or(|before| before < at.0) {
        state::set_meta(db, key, at.0)?;
    }
    Ok(())
}

/// The whole quarters of a period without records, of which there are sums; of the rest of it
/// nothing is known, and the report says so.
pub(super) fn sums_without_records(
    db: &Connection,
    period: &Range<Timestamp>,
    into: &mut Gathering,
) -> rusqlite::Result<Option<Range<Timestamp>>> {
    if period.is_empty() {
        return Ok(None);
    }
    let sums_since = Timestamp(state::meta(db, SUMS_SINCE)?.unwrap_or(0));
    let start = Span::Quarter.first_from(period.start.max(sums_since));
    let end = Span::Quarter.start_of(period.end);
    if start > period.start {
        into.lack(start.min(period.end));
    }
    if end < period.end {
        into.lack(period.end);
    }
    Ok((start < end).then_some(start..end))
}

/// The sums are of another form than today's: those without records cannot be made anew.
pub(super) fn forget_sums(db: &Connection) -> rusqlite::Result<()> {
    let records_since = state::records_since(db)?;
    if records_since > Timestamp(0) {
        tracing::warn!(
            until = %records_since,
            "the sums of calls whose records were deleted are of an earlier form, and are gone"
        );
        db.execute("DELETE FROM rollups WHERE start < ?1", [sql(records_since.0)])?;
        raise(db, SUMS_SINCE, records_since)?;
    }
    Ok(())
}

/// Agents' moves from before this may be there as sums alone.
pub(super) fn moves_since(db: &Connection) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp(state::meta(db, MOVES_SINCE)?.unwrap_or(0)))
}
