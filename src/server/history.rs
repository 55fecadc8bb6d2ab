//! What earlier runs learned, and the figures that go on from their records, for the server and for
//! the command line.
//!
//! **Invariant:** a center is taught before its first input, so that a flow never sees half of what
//! a caller did.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::api::FiguresAgain;
use crate::center::{ContactCenter, TalkedOn};
use crate::id::AgentId;
use crate::metrics::{self, Follower};
use crate::server::clock::Clock;
use crate::store::{RecordReader, StoreError};
use crate::time::Timestamp;
use crate::words::{Party, PartyLeg, RecordFilter, Roster, WrapUp};

/// Longer than any `wrap_up_late_s_max`, and a call before it.
const LAST_CALL_WITHIN: Duration = Duration::from_secs(8 * 24 * 3600);
/// An agent who let more offers than this pass since has no last call to write up.
const OFFERS_LOOKED_AT: usize = 20;

/// Teaches the center who called when and why, as `caller.*` in flows, and each agent's last call,
/// from the calls that ended before `at`.
///
/// # Errors
///
/// When the records cannot be read.
pub fn teach(
    center: &mut ContactCenter,
    reader: &dyn RecordReader,
    at: Timestamp,
) -> Result<(), StoreError> {
    reader.each_past(at - metrics::WINDOW..at, &mut |past| {
        let (intent, agent) = (past.intent.as_deref(), past.agent.as_deref());
        center.learn(&past.number, past.ended_at, intent, agent);
    })?;
    let agents: Vec<String> = center.setup().names.agents.iter().map(str::to_owned).collect();
    for (id, name) in (0..).zip(&agents) {
        if let Some(talked_on) = last_call(reader, name, at)? {
            center.learn_last_call(AgentId(id), talked_on);
        }
    }
    Ok(())
}

/// The last call that an agent talked on, of those lately offered to them.
fn last_call(
    reader: &dyn RecordReader,
    name: &str,
    at: Timestamp,
) -> Result<Option<TalkedOn>, StoreError> {
    let (agent, since) = (Some(name.to_owned()), Some(at - LAST_CALL_WITHIN));
    let filter = RecordFilter { agent, since, limit: OFFERS_LOOKED_AT, ..RecordFilter::default() };
    let records = reader.list(&filter)?;
    let before = records.iter().filter(|record| record.ended_at < at);
    let talks = before.flat_map(|record| &record.legs).filter_map(|leg| talked_on(leg, name));
    Ok(talks.max_by_key(|(ended_at, _)| *ended_at).map(|(_, talked_on)| talked_on))
}

/// When the talk of this leg ended, if it was this agent's.
fn talked_on(leg: &PartyLeg, name: &str) -> Option<(Timestamp, TalkedOn)> {
    let is_theirs = matches!(&leg.party, Party::Agent { name: of, .. } if of == name);
    let ended_at = leg.ended_at.filter(|_| is_theirs && leg.served())?;
    let nothing = WrapUp { leg: leg.leg, acw_ms: 0, resolved: None, intent: None, note: None };
    let wrap_up = leg.wrap_up.clone().unwrap_or(nothing);
    let done_at = ended_at + Duration::from_millis(wrap_up.acw_ms);
    let (queue, is_taken_over) = (leg.queue.clone(), leg.role.is_some());
    Some((ended_at, TalkedOn { wrap_up, queue, is_taken_over, done_at }))
}

/// The figures of the calls that ended in the last [`metrics::WINDOW`] before `since`, and of
/// everything after it, which go on with the facts that follow.
///
/// # Errors
///
/// When the records cannot be read.
pub(super) fn figures(
    roster: &Roster,
    reader: &dyn RecordReader,
    since: Timestamp,
) -> Result<Follower, StoreError> {
    figures_of(roster, reader, since - metrics::WINDOW..Timestamp(u64::MAX))
}

/// As [`figures`], with nothing of calls that ended at `at` or later: their events come again.
pub(super) fn figures_until(
    roster: &Roster,
    reader: &dyn RecordReader,
    at: Timestamp,
) -> Result<Follower, StoreError> {
    figures_of(roster, reader, at - metrics::WINDOW..at)
}

fn figures_of(
    roster: &Roster,
    reader: &dyn RecordReader,
    period: Range<Timestamp>,
) -> Result<Follower, StoreError> {
    let mut figures = Follower::new(roster);
    reader.each_ended(period, &mut |record| figures.ended(&record))?;
    Ok(figures)
}

/// Makes the figures of the records once more, whenever that is wanted.
pub(super) fn figures_again(reader: Box<dyn RecordReader>, clock: Clock) -> FiguresAgain {
    let reader = Mutex::new(reader);
    Box::new(move |roster| {
        let reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        match figures(roster, &**reader, clock.now()) {
            Ok(figures) => Some(figures),
            Err(error) => {
                tracing::error!(%error, "the figures cannot be made of the records again");
                None
            }
        }
    })
}
