//! What is counted of calls, whichever front they come through.
//!
//! **Invariant:** a call that ended is counted once, whether or not it left a record.
//!
//! **Deliberately absent:** calls that go on, which the center has; and numbers of calls, which are
//! given where they arrive.

use std::sync::Arc;

use crate::api::QueueCounters;
use crate::front::Arrivals;
use crate::id::CallId;
use crate::words::{CallOutcome, CallRecord};

pub(super) struct Calls {
    pub(super) arrivals: Arrivals,
    /// Customers' calls with a record since the start, by outcome.
    ended: [u64; CallOutcome::OF_CUSTOMERS.len()],
    /// And those from agents' own telephones.
    pub(super) of_agents_ended: u64,
    /// And those that we began, by whether they were answered.
    pub(super) outbound_ended: [u64; 2],
    pub(super) queues: Arc<QueueCounters>,
}

impl Calls {
    pub(super) fn new(next: CallId) -> Self {
        Self {
            arrivals: Arrivals::new(next),
            ended: Default::default(),
            of_agents_ended: 0,
            outbound_ended: [0; 2],
            queues: Arc::default(),
        }
    }

    pub(super) fn ended(&mut self, record: &CallRecord) {
        if record.is_outbound() {
            self.outbound_ended[usize::from(record.answered_at.is_some())] += 1;
        } else if record.caller_agent().is_none() {
            self.ended[place(record.outcome)] += 1;
        } else if !record.is_feature_code() {
            self.of_agents_ended += 1;
        }
    }

    /// Customers' calls since the start, by outcome; with those that were refused without a record.
    pub(super) fn of_customers(&self) -> [u64; CallOutcome::OF_CUSTOMERS.len()] {
        let mut ended = self.ended;
        ended[place(CallOutcome::Refused)] += self.arrivals.unrecorded;
        ended
    }
}

fn place(outcome: CallOutcome) -> usize {
    let at = CallOutcome::OF_CUSTOMERS.iter().position(|known| *known == outcome);
    at.expect("no agent made it")
}
