//! What is counted of calls, whichever front they come through.
//!
//! **Invariant:** no two calls have one number. A call that ended is counted once, whether or not
//! it left a record.
//!
//! **Deliberately absent:** calls that go on. The center has them.

use std::sync::Arc;

use crate::api::QueueCounters;
use crate::id::CallId;
use crate::server::unanswered::Unanswered;
use crate::time::Timestamp;
use crate::words::{CallOutcome, CallRecord, Cause, EndedBy, Event, From, Via};

pub(super) struct Calls {
    pub(super) next: CallId,
    pub(super) unanswered: Unanswered,
    /// Whether the store takes records. A call refused while it does not leaves none: that is why
    /// it is refused.
    pub(super) is_recording: bool,
    /// Customers' calls since the start, by outcome.
    pub(super) ended: [u64; CallOutcome::OF_CUSTOMERS.len()],
    /// And those from agents' own telephones.
    pub(super) of_agents_ended: u64,
    /// And those that we began, by whether they were answered.
    pub(super) outbound_ended: [u64; 2],
    pub(super) queues: Arc<QueueCounters>,
}

/// A call on its way in.
pub(super) struct Caller {
    pub(super) from: From,
    pub(super) to: String,
    pub(super) via: Via,
}

impl Calls {
    pub(super) fn new(next: CallId) -> Self {
        Self {
            next,
            unanswered: Unanswered::default(),
            is_recording: true,
            ended: Default::default(),
            of_agents_ended: 0,
            outbound_ended: [0; 2],
            queues: Arc::default(),
        }
    }

    /// All there is of this call is its refusal, and a record of that, unless there are too many
    /// or nothing can be recorded.
    pub(super) fn refused(
        &mut self,
        now: Timestamp,
        caller: Caller,
        by: EndedBy,
        cause: Cause,
    ) -> Option<Event> {
        if !self.is_recording || !self.unanswered.keep(now, &caller.via, cause) {
            self.count_refused();
            return None;
        }
        let call = self.next;
        self.next = call.next();
        let Caller { from, to, via } = caller;
        Some(Event::CallRefused { call, from, to, via, by, cause })
    }

    /// Without a record, but not unseen.
    pub(super) fn count_refused(&mut self) {
        self.count(CallOutcome::Refused);
    }

    pub(super) fn ended(&mut self, record: &CallRecord) {
        if record.is_outbound() {
            self.outbound_ended[usize::from(record.answered_at.is_some())] += 1;
        } else if record.caller_agent().is_none() {
            self.count(record.outcome);
        } else if !record.is_feature_code() {
            self.of_agents_ended += 1;
        }
    }

    fn count(&mut self, outcome: CallOutcome) {
        let at = CallOutcome::OF_CUSTOMERS.iter().position(|known| *known == outcome);
        self.ended[at.expect("no agent made it")] += 1;
    }
}
