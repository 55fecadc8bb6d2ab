//! A record as a row of the figures.
//!
//! **Invariant:** the facts of a call and its record make the same row.
//!
//! **Deliberately absent:** which id a name has. Whoever asks knows ([`Naming`]).

use std::sync::Arc;

use crate::id::{AgentId, QueueId};
use crate::metrics::{CallRow, Leg, Offer, QueueVisit, Sent};
use crate::words::{CallRecord, LegOutcome, OfferOutcome, Party, SentTo};

/// Ids of the names in records.
pub trait Naming {
    /// `None` where no queue has the name: what it did is not counted.
    fn queue(&mut self, name: &str) -> Option<QueueId>;
    /// `None` where no agent has the name: what they did is not counted.
    fn agent(&mut self, name: &str) -> Option<AgentId>;
}

impl CallRow {
    /// What the figures need of a record; `None` for a feature code, which is not counted.
    #[must_use]
    pub fn of(record: &CallRecord, names: &mut dyn Naming) -> Option<Self> {
        if record.is_feature_code() {
            return None;
        }
        let by_agent = match record.caller_agent() {
            Some(name) => Some(names.agent(name)?),
            None => None,
        };
        let mut row = Self {
            by_agent,
            is_outbound: record.is_outbound(),
            ended_at: record.ended_at,
            caller: record.caller_key().map(Arc::from),
            intent: record.intent.as_deref().map(Arc::from),
            outcome: record.outcome,
            outside: record.was_transferred_outside(),
            is_cut_off: record.ended_by.is_of_ours(),
            ..Self::new(record.call, record.arrived_at)
        };
        // An agent who waits for a party to consult is no caller.
        for visit in record.queued.iter().filter(|visit| !visit.consulted) {
            let wait = visit.left_at.since(visit.entered_at);
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let Some(queue) = names.queue(&visit.queue) else { continue };
            row.visits.push(QueueVisit { queue, wait_ms, left: visit.left });
        }
        for leg in &record.legs {
            let Party::Agent { name, .. } = &leg.party else { continue };
            if leg.role.is_some() {
                continue; // a supervisor handles nothing, also who takes over: no queue's work
            }
            let Some(agent) = names.agent(name) else { continue };
            let queue = leg.queue.as_deref().and_then(|name| names.queue(name));
            if let Some(queue) = queue {
                row.offers.push(Offer { queue, agent, outcome: offer_outcome(leg.outcome) });
            }
            // A colleague whom an agent calls handles nothing, nor does one who is only consulted.
            let is_queues = queue.is_some() || row.by_agent.is_none();
            let (talk_ms, hold_ms) = leg.handled_ms();
            if is_queues
                && !leg.only_consulted()
                && leg.answered_at.is_some()
                && leg.outcome == LegOutcome::Accepted
            {
                row.legs.push(Leg {
                    n: leg.leg.n,
                    agent,
                    queue,
                    talk_ms,
                    hold_ms,
                    acw_ms: leg.wrap_up.as_ref().map(|wrap_up| wrap_up.acw_ms),
                    without_acw: leg.wrap_up.is_none() && record.via.import().is_some(),
                    resolved: leg.wrap_up.as_ref().and_then(|wrap_up| wrap_up.resolved),
                    sent: leg.sent_to.as_ref().map(sent),
                });
            }
        }
        Some(row)
    }
}

const fn sent(to: &SentTo) -> Sent {
    match to {
        SentTo::Step(_) => Sent::ToFlow,
        SentTo::Agent(_) => Sent::ToAgent,
        SentTo::Number(_) => Sent::Outside,
    }
}

/// How the queue counts a leg that it had offered.
const fn offer_outcome(outcome: LegOutcome) -> OfferOutcome {
    match outcome {
        LegOutcome::Accepted => OfferOutcome::Accepted,
        LegOutcome::Rejected => OfferOutcome::Rejected,
        LegOutcome::Busy => OfferOutcome::Busy,
        LegOutcome::NoAnswer => OfferOutcome::NoAnswer,
        LegOutcome::Withdrawn => OfferOutcome::Withdrawn,
        LegOutcome::Ringing
        | LegOutcome::DeviceError
        | LegOutcome::Refused
        | LegOutcome::Failed => OfferOutcome::DeviceError,
    }
}
