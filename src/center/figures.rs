//! What the center tells the figures: its happenings, in the words of `metrics`.
//!
//! **Invariant:** every call whose record is no feature code's is counted in once and out once;
//! those of agents as theirs.

use std::sync::Arc;
use std::time::Duration;

use crate::call::{Call, State};
use crate::center::flows::millis;
use crate::center::names::Names;
use crate::center::{ContactCenter, Setup};
use crate::id::{AgentId, CallId, LegId, OfferId, QueueId};
use crate::metrics::{CallRow, Fact, Metrics, Naming, Report, Target};
use crate::time::Timestamp;
use crate::words::{self, AgentState, CallRecord, OfferOutcome, QueueExit, WrapUp};

pub(super) fn metrics(setup: &Setup) -> Metrics {
    Metrics::new(setup.targets())
}

impl Setup {
    /// What each queue promises, by [`QueueId`].
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let target = |queue: &crate::center::setup::Queue| Target {
            answer_within: queue.service_level,
            short_abandon: queue.short_abandon,
        };
        self.queues.iter().map(target).collect()
    }
}

impl ContactCenter {
    /// The figures of the calls that ended in `from..to`.
    #[must_use]
    pub fn report(&self, now: Timestamp, from: Timestamp, to: Timestamp) -> Report {
        self.metrics.report(now, from, to)
    }

    /// Starts the figures from calls that ended before this process began.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = CallRow>) {
        self.metrics = Metrics::restore(self.setup.targets(), rows);
    }

    /// What the figures need of a record; `None` for a feature code, which is not counted. Whoever
    /// the record names has an id, unless the records are another folder's: then nothing of that
    /// is counted.
    #[must_use]
    pub fn row(&self, record: &CallRecord) -> Option<CallRow> {
        CallRow::of(record, &mut Known(&self.setup.names))
    }

    pub(super) fn count_arrived(
        &mut self,
        now: Timestamp,
        call: CallId,
        by_agent: Option<AgentId>,
    ) {
        self.metrics.fold(now, Fact::Arrived { call, by_agent });
    }

    pub(super) fn count_offered(&mut self, offer: OfferId, queue: QueueId) {
        self.offered_from.insert(offer, queue);
    }

    pub(super) fn count_offer_ended(
        &mut self,
        now: Timestamp,
        offer: OfferId,
        call: CallId,
        agent: AgentId,
        outcome: OfferOutcome,
    ) {
        let Some(queue) = self.offered_from.remove(&offer) else { return };
        self.facts.agent_changed(agent);
        self.facts.tell(now, |facts| {
            let name = facts.agent_name(agent);
            words::Fact::OfferEnded { call, offer, agent, name, outcome }
        });
        self.metrics.fold(now, Fact::OfferEnded { call, queue, agent, outcome });
    }

    pub(super) fn count_left(
        &mut self,
        now: Timestamp,
        call: CallId,
        queue: QueueId,
        waited: Duration,
        left: QueueExit,
    ) {
        let wait_ms = millis(waited);
        self.metrics.fold(now, Fact::LeftQueue { call, queue, wait_ms, left });
    }

    pub(super) fn count_leg(
        &mut self,
        now: Timestamp,
        leg: LegId,
        agent: AgentId,
        times: (Option<String>, u64, u64),
    ) {
        let (queue, talk_ms, hold_ms) = times;
        let queue = queue.and_then(|name| self.queue_id(&name));
        self.metrics.fold(now, Fact::LegEnded { leg, agent, queue, talk_ms, hold_ms });
    }

    pub(super) fn count_ended(&mut self, now: Timestamp, call: &Call, record: &CallRecord) {
        if record.is_feature_code() {
            return;
        }
        if call.state() == State::Confirming {
            // A feature code without sound: by its record it is a call that was not answered.
            let agent = record.caller_agent().and_then(|name| self.setup.names.agent(name));
            self.count_arrived(record.arrived_at, record.call, agent);
        }
        let ended = Fact::CallEnded {
            call: record.call,
            caller: record.from.as_deref().map(Arc::from),
            intent: record.intent.as_deref().map(Arc::from),
            outcome: record.outcome,
            outside: record.was_transferred_outside(),
        };
        self.metrics.fold(now, ended);
    }

    pub(super) fn count_wrap_up(&mut self, now: Timestamp, agent: AgentId, wrap_up: &WrapUp) {
        let ended = Fact::WrapUpEnded {
            leg: wrap_up.leg,
            agent,
            acw_ms: wrap_up.acw_ms,
            resolved: wrap_up.resolved,
            intent: wrap_up.intent.as_deref().map(Arc::from),
        };
        self.metrics.fold(now, ended);
    }

    pub(super) fn count_agent(&mut self, now: Timestamp, agent: AgentId, state: &AgentState) {
        let activity = state.activity();
        self.metrics.fold(now, Fact::AgentChanged { agent, activity });
    }
}

/// Names that have ids.
struct Known<'a>(&'a Names);

impl Naming for Known<'_> {
    fn queue(&mut self, name: &str) -> Option<QueueId> {
        self.0.queue(name)
    }

    fn agent(&mut self, name: &str) -> Option<AgentId> {
        self.0.agent(name)
    }
}
