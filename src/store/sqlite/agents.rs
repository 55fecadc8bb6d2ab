//! What agents do, and since when: one row for each change, which lasts until the next of the same
//! agent; and by the day how long what is over lasted.
//!
//! **Invariant:** the moves of an agent are in order of time: one that is said to have come before
//! the last comes with it. A day has what of the closed
//! stretches lies in it, however they cross midnight (UTC).
//!
//! **Deliberately absent:** whether anything runs. Whoever ends a run says so ([`gone`]).

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, params};

use crate::center::names::Names;
use crate::id::AgentId;
use crate::metrics::Times;
use crate::store::rollup::Span;
use crate::store::sqlite::{expire, sql, state, unsigned};
use crate::time::Timestamp;
use crate::words::Activity;

/// In `meta`: times before this are not known.
const SINCE: &str = "agent_times_since";

pub(super) const LAST: &str =
    "SELECT at, activity, reason FROM agent_moves WHERE agent = ?1 ORDER BY at DESC LIMIT 1";
/// What an agent did in a period, with what they did at its begin.
pub(super) const WITHIN: &str = "
SELECT at, activity FROM agent_moves WHERE agent = ?1 AND at < ?3 AND at >= coalesce(
    (SELECT max(at) FROM agent_moves WHERE agent = ?1 AND at <= ?2), ?2
) ORDER BY at";
pub(super) const DAYS: &str = "
SELECT agent, activity, sum(ms) FROM agent_days WHERE day >= ?1 AND day < ?2
GROUP BY agent, activity";
pub(super) const NEXT_AGENT: &str = "SELECT min(agent) FROM agent_moves WHERE agent > ?1";

/// The last change of an agent.
struct Last {
    at: Timestamp,
    activity: Activity,
    reason: Option<String>,
}

/// Times are known from here on, unless they are from before on.
pub(super) fn begin(db: &Connection, at: Timestamp) -> rusqlite::Result<()> {
    if state::meta(db, SINCE)?.is_some() {
        return Ok(());
    }
    let has_calls: bool =
        db.query_row("SELECT EXISTS (SELECT 1 FROM calls)", [], |row| row.get(0))?;
    state::set_meta(db, SINCE, if has_calls { at.0 } else { 0 })
}

/// From then on the agent does this.
pub(super) fn moved(
    db: &Connection,
    (agent, at): (&str, Timestamp),
    (activity, reason): (Activity, Option<&str>),
) -> rusqlite::Result<()> {
    let last = last(db, agent)?;
    if let Some(last) = &last {
        if last.activity == activity && last.reason.as_deref() == reason {
            return Ok(());
        }
        if at < last.at && has(db, agent, at, activity)? {
            return Ok(()); // a batch that is given again
        }
        add(db, agent, last, at)?;
    }
    let at = last.map_or(at, |last| last.at.max(at));
    let mut statement =
        db.prepare_cached("INSERT OR REPLACE INTO agent_moves VALUES (?1, ?2, ?3, ?4)")?;
    statement.execute(params![agent, sql(at.0), activity.name(), reason])?;
    Ok(())
}

/// Who is logged in is logged out at that time.
pub(super) fn gone(db: &Connection, at: Timestamp, reason: &str) -> rusqlite::Result<()> {
    each_agent(db, |agent| {
        let is_in = last(db, agent)?.is_some_and(|last| last.activity != Activity::LoggedOut);
        if is_in {
            moved(db, (agent, at), (Activity::LoggedOut, Some(reason)))?;
        }
        Ok(())
    })
}

/// Adds up what agents spent their time on.
pub(super) fn add_up(
    db: &Connection,
    period: &Range<Timestamp>,
    names: &mut Names,
    into: &mut Times,
) -> rusqlite::Result<()> {
    let since = Timestamp(state::meta(db, SINCE)?.unwrap_or(u64::MAX));
    if period.start < since {
        into.lack(since.min(period.end));
    }
    let days = Span::Day.first_from(period.start)..Span::Day.start_of(period.end);
    let edges = match days.is_empty() {
        true => vec![period.clone()],
        false => {
            add_days(db, &days, names, into)?;
            vec![period.start..days.start, days.end..period.end]
        }
    };
    // Of a part of such a day nothing is known: its changes are deleted, and its sum is of all of
    // it.
    let moves_since = expire::moves_since(db)?;
    for edge in edges.iter().filter(|edge| !edge.is_empty() && edge.start < moves_since) {
        into.lack(edge.end);
    }
    each_agent(db, |agent| {
        let id = AgentId(names.agents.intern(agent));
        for edge in edges.iter().filter(|edge| !edge.is_empty() && edge.start >= moves_since) {
            add_moves(db, (agent, id), edge, into)?;
        }
        if let Some(last) = last(db, agent)?.filter(|last| last.at < days.end) {
            let ms = days.end.0.saturating_sub(last.at.max(days.start).0);
            into.add(id, last.activity, ms);
        }
        Ok(())
    })
}

/// From the sums of whole days.
fn add_days(
    db: &Connection,
    days: &Range<Timestamp>,
    names: &mut Names,
    into: &mut Times,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(DAYS)?;
    let mut rows = statement.query([sql(days.start.0), sql(days.end.0)])?;
    while let Some(row) = rows.next()? {
        let id = AgentId(names.agents.intern(row.get_ref(0)?.as_str()?));
        into.add(id, named(row.get_ref(1)?.as_str()?), unsigned(row.get(2)?));
    }
    Ok(())
}

/// From the changes of one agent.
fn add_moves(
    db: &Connection,
    (agent, id): (&str, AgentId),
    period: &Range<Timestamp>,
    into: &mut Times,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(WITHIN)?;
    let mut rows = statement.query(params![agent, sql(period.start.0), sql(period.end.0)])?;
    let mut before: Option<(u64, Activity)> = None;
    while let Some(row) = rows.next()? {
        let at = unsigned(row.get(0)?).max(period.start.0);
        if let Some((began, activity)) = before.replace((at, named(row.get_ref(1)?.as_str()?))) {
            into.add(id, activity, at - began);
        }
    }
    if let Some((began, activity)) = before {
        into.add(id, activity, period.end.0 - began);
    }
    Ok(())
}

/// Adds a stretch that is over to its days.
fn add(db: &Connection, agent: &str, last: &Last, until: Timestamp) -> rusqlite::Result<()> {
    if last.activity == Activity::LoggedOut {
        return Ok(());
    }
    let mut statement = db.prepare_cached(
        "INSERT INTO agent_days VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (day, agent, activity) DO UPDATE SET ms = ms + excluded.ms",
    )?;
    let mut from = last.at;
    while from < until {
        let day = Span::Day.start_of(from);
        let end = until.min(Timestamp(day.0 + Span::Day.ms()));
        statement.execute(params![sql(day.0), agent, last.activity.name(), sql(end.0 - from.0)])?;
        from = end;
    }
    Ok(())
}

fn last(db: &Connection, agent: &str) -> rusqlite::Result<Option<Last>> {
    let mut statement = db.prepare_cached(LAST)?;
    let last = statement.query_row([agent], |row| {
        let activity = named(row.get_ref(1)?.as_str()?);
        Ok(Last { at: Timestamp(unsigned(row.get(0)?)), activity, reason: row.get(2)? })
    });
    last.optional()
}

fn has(db: &Connection, agent: &str, at: Timestamp, activity: Activity) -> rusqlite::Result<bool> {
    let mut statement = db.prepare_cached(
        "SELECT 1 FROM agent_moves WHERE agent = ?1 AND at = ?2 AND activity = ?3",
    )?;
    statement.exists(params![agent, sql(at.0), activity.name()])
}

/// Each agent of whom anything is known, in order: a look at the index for each.
pub(super) fn each_agent(
    db: &Connection,
    mut tell: impl FnMut(&str) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(NEXT_AGENT)?;
    let mut agent = String::new();
    while let Some(next) = statement.query_row([&agent], |row| row.get::<_, Option<String>>(0))? {
        tell(&next)?;
        agent = next;
    }
    Ok(())
}

/// An activity that we wrote. Another's, of a later attendant, is none.
fn named(text: &str) -> Activity {
    let known = Activity::ALL.into_iter().find(|activity| activity.name() == text);
    known.unwrap_or(Activity::LoggedOut)
}
