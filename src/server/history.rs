//! What earlier runs learned, for the server and for the command line.
//!
//! **Invariant:** a center is taught before its first input, so that a flow never sees half of what
//! a caller did.

use std::time::Duration;

use crate::center::{ContactCenter, TalkedOn};
use crate::id::{AgentId, LegId};
use crate::metrics;
use crate::store::{RecordReader, StoreError};
use crate::time::Timestamp;
use crate::words::{CallRecord, Party, PartyLeg, RecordFilter, WrapUp};

/// Longer than any `wrap_up_late_s_max`, and a call before it.
const LAST_CALL_WITHIN: Duration = Duration::from_secs(8 * 24 * 3600);
/// Keys of outbound calls that ended earlier are forgotten at a start: asking again then is asking
/// for a new call.
const OUTBOUND_WITHIN: Duration = Duration::from_secs(24 * 3600);
/// After-call work that seems longer was left open by an earlier attendant: how long it took is not
/// known, and it counts as none.
const WORK_LEFT_MAX: Duration = Duration::from_secs(12 * 3600);
/// An agent who let more offers than this pass since has no last call to write up.
const OFFERS_LOOKED_AT: usize = 20;

/// Teaches the center which outbound calls were asked for under which keys, from the calls of this
/// period. A clock that stepped back has left some that end later than now. Where they cannot be
/// read the server goes on without, and says so.
pub(super) fn teach_keys(
    center: &mut ContactCenter,
    reader: &dyn RecordReader,
    until: Option<Timestamp>,
    now: Timestamp,
) {
    let period = now - OUTBOUND_WITHIN..until.unwrap_or(Timestamp(u64::MAX));
    let read = reader.each_outbound(period, &mut |record| {
        if let Some(outbound) = &record.outbound {
            center.learn_outbound(outbound, record.call);
        }
    });
    if let Err(error) = read {
        tracing::warn!(
            %error,
            "keys of outbound calls cannot be read: a request that is repeated may dial again"
        );
    }
}

/// Teaches the center who called when and why, as `caller.*` in flows, and each agent's last call,
/// from the calls that ended before `at`. Returns the after-call work that no agent ended, because
/// the server was lost at `lost_at` meanwhile: as long as it lasted until then.
///
/// # Errors
///
/// When the records cannot be read.
pub fn teach(
    center: &mut ContactCenter,
    reader: &dyn RecordReader,
    at: Timestamp,
    lost_at: Option<Timestamp>,
) -> Result<Vec<WrapUp>, StoreError> {
    reader.each_past(at - metrics::WINDOW..at, &mut |past| {
        let (intent, agent) = (past.intent.as_deref(), past.agent.as_deref());
        center.learn(&past.number, past.ended_at, intent, agent);
    })?;
    let agents: Vec<String> = center.setup().names.agents.iter().map(str::to_owned).collect();
    let mut left_open = Vec::new();
    for (id, name) in (0..).zip(&agents) {
        let Some(last) = last_call(reader, name, at)? else { continue };
        let is_open = last.wrap_up.is_none() && !last.is_taken_over;
        let talked_on = last.until(lost_at);
        left_open.extend(is_open.then(|| talked_on.wrap_up.clone()));
        center.learn_last_call(AgentId(id), talked_on);
    }
    Ok(left_open)
}

/// The calls of this number that ended before `at`, in the order in which they ended: as many as
/// are learned of one.
///
/// # Errors
///
/// When the records cannot be read.
pub(super) fn calls_of(
    reader: &dyn RecordReader,
    number: &str,
    at: Timestamp,
) -> Result<Vec<CallRecord>, StoreError> {
    let (number, until) = (Some(number.to_owned()), Some(at));
    let (since, limit) = (Some(at - metrics::WINDOW), RecordFilter::LIMIT_MAX);
    let filter = RecordFilter { number, since, until, limit, ..RecordFilter::default() };
    let mut records = reader.list(&filter)?;
    records.retain(|record| record.ended_at < at);
    records.sort_by_key(|record| (record.ended_at, record.call));
    Ok(records)
}

/// A talk of an agent's that ended.
struct Talk {
    leg: LegId,
    queue: Option<String>,
    is_taken_over: bool,
    ended_at: Timestamp,
    wrap_up: Option<WrapUp>,
}

/// The last call that an agent talked on, of those lately offered to them.
fn last_call(
    reader: &dyn RecordReader,
    name: &str,
    at: Timestamp,
) -> Result<Option<Talk>, StoreError> {
    let (agent, since) = (Some(name.to_owned()), Some(at - LAST_CALL_WITHIN));
    let filter = RecordFilter { agent, since, limit: OFFERS_LOOKED_AT, ..RecordFilter::default() };
    let records = reader.list(&filter)?;
    let before = records.iter().filter(|record| record.ended_at < at);
    let talks = before.flat_map(|record| talks(record, name));
    Ok(talks.max_by_key(|talk| talk.ended_at))
}

/// The talks that this agent may write up: none of a call in which a colleague called them.
fn talks(record: &CallRecord, name: &str) -> impl Iterator<Item = Talk> {
    let is_own = record.caller_agent().is_some();
    let legs = record.legs.iter().filter(move |leg| leg.queue.is_some() || !is_own);
    legs.filter_map(move |leg| Talk::of(leg, name))
}

impl Talk {
    /// `None`: it was not this agent's, or none.
    fn of(leg: &PartyLeg, name: &str) -> Option<Self> {
        let is_theirs = matches!(&leg.party, Party::Agent { name: of, .. } if of == name);
        Some(Self {
            leg: leg.leg,
            queue: leg.queue.clone(),
            is_taken_over: leg.role.is_some(),
            ended_at: leg.ended_at.filter(|_| is_theirs && leg.served())?,
            wrap_up: leg.wrap_up.clone(),
        })
    }

    /// With after-call work that goes on ended at this moment.
    fn until(self, lost_at: Option<Timestamp>) -> TalkedOn {
        let Self { leg, queue, is_taken_over, ended_at, wrap_up } = self;
        let worked = lost_at.filter(|_| !is_taken_over).map(|at| at.since(ended_at));
        let worked = worked.filter(|worked| *worked <= WORK_LEFT_MAX).unwrap_or_default();
        let acw_ms = u64::try_from(worked.as_millis()).unwrap_or(u64::MAX);
        let nothing = WrapUp { leg, acw_ms, resolved: None, intent: None, note: None };
        let wrap_up = wrap_up.unwrap_or(nothing);
        let done_at = ended_at + Duration::from_millis(wrap_up.acw_ms);
        TalkedOn { wrap_up, queue, done_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(via: &str, queue: Option<&str>) -> CallRecord {
        let leg = serde_json::json!({
            "leg": { "call": 7, "n": 1 }, "party": { "agent": { "id": 0, "name": "bob" } },
            "queue": queue, "dialed_at": 1_000, "answered_at": 2_000, "ended_at": 9_000,
            "outcome": "accepted", "cause": null, "talk_ms": 7_000, "hold_ms": 0, "wrap_up": null,
        });
        let whole = serde_json::json!({
            "call": 7, "from": null, "from_name": null, "to": "bob", "via": via, "flow": null,
            "language": null, "intent": null, "arrived_at": 1_000, "answered_at": 2_000,
            "ended_at": 9_000, "outcome": "handled", "ended_by": "agent", "cause": 16,
            "path": [], "queued": [], "legs": [leg], "vars": {}, "recordings": [],
        });
        serde_json::from_value(whole).expect("it has every field of a record")
    }

    #[test]
    fn a_colleagues_call_leaves_no_work_behind() {
        let count = |via, queue| talks(&record(via, queue), "bob").count();
        assert_eq!(count("trunk:main", Some("help")), 1);
        assert_eq!(count("trunk:main", None), 1, "handed over without a queue");
        assert_eq!(count("agent:ann", Some("help")), 1, "an agent who waited in the queue");
        assert_eq!(count("agent:ann", None), 0);
    }
}
