//! What one section of a report adds up: sums and counts, from which every figure follows.
//!
//! **Invariant:** the same rows are added up three ways, for all, by queue and by agent; a row that
//! is in a section is in it once.
//!
//! **Deliberately absent:** figures ([`FIGURES`](crate::metrics::FIGURES)).

use std::collections::BTreeMap;

use crate::id::{AgentId, QueueId};
use crate::metrics::agents::Spent;
use crate::metrics::fcr::{Handled, Repeats};
use crate::metrics::report::{Handling, Presenting, Time};
use crate::metrics::service::Visits;
use crate::metrics::{CallRow, Leg, Metrics, Offer};
use crate::time::Timestamp;
use crate::words::{CallOutcome, OfferOutcome};

/// What one section adds up.
#[derive(Debug, Default)]
pub struct Sum {
    /// Calls of customers, by section only as far as they were handled.
    pub(super) calls: u64,
    pub(super) contained: u64,
    pub(super) refused: u64,
    pub(super) visits: Visits,
    pub(super) offers: Offers,
    pub(super) spent: Spent,
    /// Calls from the agent's own telephone.
    pub(super) own_calls: u64,
    pub(super) handled_calls: u64,
    pub(super) handled_legs: u64,
    /// Handled, but after-call work goes on: not in the times.
    pub(super) provisional_calls: u64,
    pub(super) provisional_legs: u64,
    pub(super) talk_ms: u64,
    pub(super) hold_ms: u64,
    pub(super) acw_ms: u64,
    /// Handle time of each call whose legs in this section are all done, in order.
    pub(super) calls_ms: Vec<u64>,
    pub(super) transferred: u64,
    pub(super) transferred_to_agents: u64,
    pub(super) transferred_outside: u64,
    /// With a disposition, and with one that says it is resolved.
    pub(super) judged: u64,
    pub(super) resolved: u64,
    pub(super) repeats: Repeats,
}

/// How offers of calls to agents ended.
#[derive(Debug, Default)]
pub(super) struct Offers {
    pub(super) accepted: u64,
    pub(super) no_answer: u64,
    rejected: u64,
    busy: u64,
    device_error: u64,
    withdrawn: u64,
}

/// The same rows added up three ways.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) all: Sum,
    pub(super) queues: BTreeMap<QueueId, Sum>,
    pub(super) agents: BTreeMap<AgentId, Sum>,
}

impl Sections {
    /// Adds up the calls of customers that ended in `from..to`, as known at `now`.
    pub(super) fn of(
        metrics: &Metrics,
        rows: &[&CallRow],
        now: Timestamp,
        (from, to): (Timestamp, Timestamp),
    ) -> Self {
        let mut sections = Self::default();
        for agent in metrics.agents.ids() {
            let spent = metrics.agents.spent(agent, from, to.min(now));
            sections.all.spent.add(spent);
            sections.agents.entry(agent).or_default().spent = spent;
        }
        for row in rows {
            sections.add(metrics, row, now);
        }
        let sums = [&mut sections.all].into_iter();
        for sum in sums.chain(sections.queues.values_mut()).chain(sections.agents.values_mut()) {
            sum.calls_ms.sort_unstable();
            sum.visits.waits_ms.sort_unstable();
        }
        sections
    }

    fn add(&mut self, metrics: &Metrics, row: &CallRow, now: Timestamp) {
        self.all.calls += 1;
        self.all.contained += u64::from(row.outcome == CallOutcome::Contained);
        self.all.refused += u64::from(row.outcome == CallOutcome::Refused);
        for visit in &row.visits {
            let target = metrics.target(visit.queue);
            self.all.visits.add(visit, target);
            self.queues.entry(visit.queue).or_default().visits.add(visit, target);
        }
        for offer in &row.offers {
            self.all.offers.add(offer);
            self.queues.entry(offer.queue).or_default().offers.add(offer);
            self.agents.entry(offer.agent).or_default().offers.add(offer);
        }
        if !row.is_handled() {
            return;
        }
        let call = Handled::of(&metrics.calls, row, now);
        self.all.add_call(&call, |_| true);
        for queue in distinct(row.legs.iter().filter_map(|leg| leg.queue)) {
            self.queues.entry(queue).or_default().add_call(&call, |leg| leg.queue == Some(queue));
        }
        for agent in distinct(row.legs.iter().map(|leg| leg.agent)) {
            self.agents.entry(agent).or_default().add_call(&call, |leg| leg.agent == agent);
        }
    }
}

impl Sum {
    fn add_call(&mut self, call: &Handled<'_>, in_section: impl Fn(&Leg) -> bool) {
        let row = call.row;
        let mut call_ms = Some(0);
        for leg in row.legs.iter().filter(|leg| in_section(leg)) {
            self.handled_legs += 1;
            call_ms = call_ms.zip(leg.handle_ms()).map(|(sum, ms)| sum + ms);
            let Some(acw) = leg.acw_ms else {
                self.provisional_legs += 1;
                continue;
            };
            self.talk_ms += leg.talk_ms;
            self.hold_ms += leg.hold_ms;
            self.acw_ms += acw;
        }
        self.handled_calls += 1;
        match call_ms {
            Some(ms) => self.calls_ms.push(ms),
            None => self.provisional_calls += 1,
        }
        let to_agents = row.legs.len() > 1;
        self.transferred += u64::from(to_agents || row.outside);
        self.transferred_to_agents += u64::from(to_agents);
        self.transferred_outside += u64::from(row.outside);
        self.judged += u64::from(row.resolved().is_some());
        self.resolved += u64::from(row.resolved() == Some(true));
        self.repeats.add(call);
    }

    /// Legs whose times are all known.
    pub(super) const fn done_legs(&self) -> u64 {
        self.handled_legs - self.provisional_legs
    }

    pub(super) fn handling(&self) -> Handling {
        let (calls, judged) = (self.handled_calls, self.judged);
        Handling {
            handled_calls: calls,
            handled_legs: self.handled_legs,
            provisional_calls: self.provisional_calls,
            provisional_legs: self.provisional_legs,
            fcr_agent_coverage_percent: (calls > 0).then(|| judged as f64 * 100.0 / calls as f64),
            fcr_repeat: self.repeats.report(calls),
        }
    }

    pub(super) fn time(&self) -> Time {
        let s = |ms: u64| ms as f64 / 1000.0;
        let spent = self.spent;
        Time {
            logged_in_s: s(spent.logged_in()),
            not_ready_s: s(spent.not_ready),
            ready_s: s(spent.ready),
            own_call_s: s(spent.on_own_call),
            reserved_s: s(spent.reserved),
            talking_s: s(spent.talking),
            after_call_work_s: s(spent.after_call),
        }
    }
}

impl Offers {
    fn add(&mut self, offer: &Offer) {
        *match offer.outcome {
            OfferOutcome::Accepted => &mut self.accepted,
            OfferOutcome::Rejected => &mut self.rejected,
            OfferOutcome::Busy => &mut self.busy,
            OfferOutcome::NoAnswer => &mut self.no_answer,
            OfferOutcome::DeviceError => &mut self.device_error,
            OfferOutcome::Withdrawn => &mut self.withdrawn,
        } += 1;
    }

    /// Those that the agent answers for.
    pub(super) const fn charged(&self) -> u64 {
        self.accepted + self.no_answer + self.rejected + self.busy + self.device_error
    }

    pub(super) const fn all(&self) -> u64 {
        self.charged() + self.withdrawn
    }

    pub(super) const fn presenting(&self) -> Presenting {
        Presenting {
            offers: self.all(),
            offers_accepted: self.accepted,
            offers_no_answer: self.no_answer,
            offers_rejected: self.rejected,
            offers_busy: self.busy,
            offers_device_error: self.device_error,
            offers_withdrawn: self.withdrawn,
        }
    }
}

fn distinct<T: Ord>(of: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<_> = of.collect();
    all.sort_unstable();
    all.dedup();
    all
}
