//! Deletes what was kept long enough: records, and moves of agents.
//!
//! **Invariant:** sums outlive what they are of: rollups and days stay as they were. What is
//! deleted ends at a midnight (UTC), so that no sum is half of it.
//!
//! **Deliberately absent:** files, and how long. Whoever keeps them says so.

use std::ops::Range;

use crate::metrics::Gathering;
use crate::store::rollup::Span;
use crate::store::sql::{Done, Sql, agents, calls, contacts, rollups, state, values};
use crate::time::Timestamp;

/// Records, or moves of agents, that are deleted in one transaction: what waits to be written waits
/// for it.
pub(super) const AT_ONCE: usize = 500;
/// In `meta`: sums from before this are gone, too.
const SUMS_SINCE: &str = "sums_since";
/// In `meta`: of moves of agents from before this there are only sums by the day.
const MOVES_SINCE: &str = "agent_moves_since";

pub(in crate::store) const OLDEST: &str =
    "SELECT record FROM calls WHERE ended_at < ?1 ORDER BY ended_at, call LIMIT ?2";
/// The oldest moves of an agent, but for the last that began before a day.
pub(in crate::store) const OLD_MOVES: &str =
    "SELECT at FROM agent_moves WHERE agent = ?1 AND at < (
    SELECT max(at) FROM agent_moves WHERE agent = ?1 AND at <= ?2
) ORDER BY at LIMIT ?3";

/// Deletes some records of calls that ended before this day; how many. None: there are none left,
/// or some calls are in no sum yet, which must come first.
pub(super) fn records(db: &dyn Sql, before: Timestamp) -> Done<usize> {
    if rollups::since(db)? > Timestamp(0) {
        return Ok(0);
    }
    let before = Span::Day.start_of(before);
    let oldest = db.all(OLDEST, values![before, AT_ONCE], calls::record)?;
    if oldest.is_empty() {
        return Ok(0);
    }
    state::raise_meta(db, state::RECORDS_SINCE, before.0)?;
    for record in &oldest {
        calls::delete(db, record)?;
        contacts::expire(db, record)?;
    }
    Ok(oldest.len())
}

/// Deletes some moves of agents from before this day, but for the last of each, which says what
/// they did when it began; how many. None: there are none left.
pub(super) fn agent_moves(db: &dyn Sql, before: Timestamp) -> Done<usize> {
    let before = Span::Day.start_of(before);
    let (mut deleted, mut agent) = (0, String::new());
    while deleted < AT_ONCE
        && let Some(next) = agents::next_agent(db, &agent)?
    {
        let old = db.all(OLD_MOVES, values![&next, before, AT_ONCE - deleted], |row| row.at(0))?;
        if let Some(last) = old.last() {
            let delete = "DELETE FROM agent_moves WHERE agent = ?1 AND at <= ?2";
            deleted += db.execute(delete, values![&next, *last])?;
        }
        agent = next;
    }
    if deleted > 0 {
        state::raise_meta(db, MOVES_SINCE, before.0)?;
    }
    Ok(deleted)
}

/// The whole quarters of a period without records, of which there are sums; of the rest of it
/// nothing is known, and the report says so.
pub(super) fn sums_without_records(
    db: &dyn Sql,
    period: &Range<Timestamp>,
    into: &mut Gathering,
) -> Done<Option<Range<Timestamp>>> {
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
pub(super) fn forget_sums(db: &dyn Sql) -> Done<()> {
    let records_since = state::records_since(db)?;
    if records_since > Timestamp(0) {
        tracing::warn!(
            until = %records_since,
            "the sums of calls whose records were deleted are of an earlier form, and are gone"
        );
        db.execute("DELETE FROM rollups WHERE start < ?1", values![records_since])?;
        state::raise_meta(db, SUMS_SINCE, records_since.0)?;
    }
    Ok(())
}

/// Agents' moves from before this may be there as sums alone.
pub(super) fn moves_since(db: &dyn Sql) -> Done<Timestamp> {
    Ok(Timestamp(state::meta(db, MOVES_SINCE)?.unwrap_or(0)))
}
