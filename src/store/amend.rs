//! What becomes of a record when more is known of its call, and what it is found by: the same in
//! every database.
//!
//! **Invariant:** an amendment only adds what was not known yet.

use crate::words::{CallRecord, EndedBy, Party, PartyLeg, Recording, RecordingUpdate, WrapUp};

/// Adds what became known of a recording. `None`: there is no such recording; `false`: it was
/// known. The record of a lost call takes in one it does not list: its journal may miss the last
/// second, in which the recording began.
pub(super) fn recording(record: &mut CallRecord, update: &RecordingUpdate) -> Option<bool> {
    let learned = record.learn(update);
    if learned.is_some() || record.ended_by != EndedBy::ServerLost {
        return learned;
    }
    let (step, at) = match record.path.last() {
        Some(entry) => (entry.step.clone(), entry.at),
        None => (String::new(), record.arrived_at),
    };
    record.recordings.push(Recording::begin((update.name, update.kind), step, at));
    record.learn(update)
}

/// What people search by that is not one field of the record.
pub(super) struct Columns {
    /// The last queue that the caller waited in.
    pub(super) queue: Option<String>,
    /// The last agent who talked.
    pub(super) agent: Option<String>,
    pub(super) wait_ms: u64,
    pub(super) talk_ms: u64,
    pub(super) hold_ms: u64,
    pub(super) acw_ms: Option<u64>,
    pub(super) resolved: Option<bool>,
}

impl Columns {
    pub(super) fn of(record: &CallRecord) -> Self {
        let there = |leg: &&PartyLeg| leg.answered_at.is_some() && !leg.only_supervised();
        let agent = record.legs.iter().rev().filter(there).find_map(agent_of);
        let waits = record.queued.iter().map(|stay| stay.left_at.since(stay.entered_at));
        let wrap_ups: Vec<&WrapUp> =
            record.legs.iter().filter_map(|leg| leg.wrap_up.as_ref()).collect();
        Self {
            queue: record.last_queue().map(str::to_owned),
            agent: agent.map(str::to_owned),
            wait_ms: waits.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)).sum(),
            talk_ms: record.legs.iter().map(|leg| leg.talk_ms).sum(),
            hold_ms: record.legs.iter().map(|leg| leg.hold_ms).sum(),
            acw_ms: (!wrap_ups.is_empty()).then(|| wrap_ups.iter().map(|w| w.acw_ms).sum()),
            resolved: wrap_ups.iter().rev().find_map(|wrap_up| wrap_up.resolved),
        }
    }
}

/// Every queue that the call waited in; one that it came back to more than once.
pub(super) fn queues_of(record: &CallRecord) -> impl Iterator<Item = &str> {
    record.queued.iter().map(|visit| visit.queue.as_str())
}

/// Every agent whom the call was offered to; one who had it again more than once.
pub(super) fn agents_of(record: &CallRecord) -> impl Iterator<Item = &str> {
    record.legs.iter().filter_map(agent_of)
}

fn agent_of(leg: &PartyLeg) -> Option<&str> {
    match &leg.party {
        Party::Agent { name, .. } => Some(name),
        Party::Outside { .. } => None,
    }
}
