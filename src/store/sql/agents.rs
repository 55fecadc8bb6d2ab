//! What agents do, and since when: one row for each change, which lasts until the next of the same
//! agent; and by the day how long what is over lasted.
//!
//! **Invariant:** the moves of an agent are in order of time: one that is said to have come before
//! the last comes with it. A day has what of the closed
//! stretches lies in it, however they cross midnight (UTC).
//!
//! **Deliberately absent:** whether anything runs. Whoever ends a run says so ([`gone`]).

use std::ops::{ControlFlow, Range};

use crate::center::names::Names;
use crate::id::AgentId;
use crate::metrics::Times;
use crate::store::rollup::Span;
use crate::store::sql::{Done, Sql, expire, state, values};
use crate::time::Timestamp;
use crate::words::Activity;

/// In `meta`: times before this are not known.
const SINCE: &str = "agent_times_since";

pub(in crate::store) const LAST: &str =
    "SELECT at, activity, reason FROM agent_moves WHERE agent = ?1 ORDER BY at DESC LIMIT 1";
/// What an agent did in a period, with what they did at its begin.
pub(in crate::store) const WITHIN: &str = "
SELECT at, activity FROM agent_moves WHERE agent = ?1 AND at < ?3 AND at >= coalesce(
    (SELECT max(at) FROM agent_moves WHERE agent = ?1 AND at <= ?2), ?2
) ORDER BY at";
pub(in crate::store) const DAYS: &str = "
SELECT agent, activity, CAST(sum(ms) AS BIGINT) FROM agent_days WHERE day >= ?1 AND day < ?2
GROUP BY agent, activity";
pub(in crate::store) const NEXT_AGENT: &str = "SELECT min(agent) FROM agent_moves WHERE agent > ?1";

/// The last change of an agent.
struct Last {
    at: Timestamp,
    activity: Activity,
    reason: Option<String>,
}

/// Times are known from here on, unless they are from before on.
pub(super) fn begin(db: &dyn Sql, at: Timestamp) -> Done<()> {
    if state::meta(db, SINCE)?.is_some() {
        return Ok(());
    }
    let has_calls = db.exists("SELECT 1 FROM calls LIMIT 1", &[])?;
    state::set_meta(db, SINCE, if has_calls { at.0 } else { 0 })
}

/// From then on the agent does this.
pub(super) fn moved(
    db: &dyn Sql,
    (agent, at): (&str, Timestamp),
    (activity, reason): (Activity, Option<&str>),
) -> Done<()> {
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
    let put = "INSERT INTO agent_moves VALUES (?1, ?2, ?3, ?4) ON CONFLICT (agent, at)
         DO UPDATE SET activity = excluded.activity, reason = excluded.reason";
    db.execute(put, values![agent, at, activity.name(), reason]).map(drop)
}

/// Who is logged in is logged out at that time.
pub(super) fn gone(db: &dyn Sql, at: Timestamp, reason: &str) -> Done<()> {
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
    db: &dyn Sql,
    period: &Range<Timestamp>,
    names: &mut Names,
    into: &mut Times,
) -> Done<()> {
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
    db: &dyn Sql,
    days: &Range<Timestamp>,
    names: &mut Names,
    into: &mut Times,
) -> Done<()> {
    db.each(DAYS, values![days.start, days.end], &mut |row| {
        let id = AgentId(names.agents.intern(row.word(0)?));
        into.add(id, named(row.word(1)?), row.count(2)?);
        Ok(ControlFlow::Continue(()))
    })
}

/// From the changes of one agent.
fn add_moves(
    db: &dyn Sql,
    (agent, id): (&str, AgentId),
    period: &Range<Timestamp>,
    into: &mut Times,
) -> Done<()> {
    let mut before: Option<(u64, Activity)> = None;
    db.each_of_many(WITHIN, values![agent, period.start, period.end], &mut |row| {
        let at = row.count(0)?.max(period.start.0);
        if let Some((began, activity)) = before.replace((at, named(row.word(1)?))) {
            into.add(id, activity, at - began);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if let Some((began, activity)) = before {
        into.add(id, activity, period.end.0 - began);
    }
    Ok(())
}

/// Adds a stretch that is over to its days.
fn add(db: &dyn Sql, agent: &str, last: &Last, until: Timestamp) -> Done<()> {
    if last.activity == Activity::LoggedOut {
        return Ok(());
    }
    let add = "INSERT INTO agent_days VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (day, agent, activity) DO UPDATE SET ms = agent_days.ms + excluded.ms";
    let mut from = last.at;
    while from < until {
        let day = Span::Day.start_of(from);
        let end = until.min(Timestamp(day.0 + Span::Day.ms()));
        db.execute(add, values![day, agent, last.activity.name(), end.0 - from.0])?;
        from = end;
    }
    Ok(())
}

fn last(db: &dyn Sql, agent: &str) -> Done<Option<Last>> {
    db.first(LAST, values![agent], |row| {
        Ok(Last { at: row.at(0)?, activity: named(row.word(1)?), reason: row.owned(2)? })
    })
}

fn has(db: &dyn Sql, agent: &str, at: Timestamp, activity: Activity) -> Done<bool> {
    let same = "SELECT 1 FROM agent_moves WHERE agent = ?1 AND at = ?2 AND activity = ?3";
    db.exists(same, values![agent, at, activity.name()])
}

/// Each agent of whom anything is known, in order: a look at the index for each.
pub(super) fn each_agent(db: &dyn Sql, mut tell: impl FnMut(&str) -> Done<()>) -> Done<()> {
    let mut agent = String::new();
    while let Some(next) = next_agent(db, &agent)? {
        tell(&next)?;
        agent = next;
    }
    Ok(())
}

/// The first agent after this one.
pub(super) fn next_agent(db: &dyn Sql, agent: &str) -> Done<Option<String>> {
    db.first(NEXT_AGENT, values![agent], |row| row.owned(0)).map(Option::flatten)
}

/// An activity that we wrote. Another's, of a later attendant, is none.
fn named(text: &str) -> Activity {
    let known = Activity::ALL.into_iter().find(|activity| activity.name() == text);
    known.unwrap_or(Activity::LoggedOut)
}
