//! What one section of a report is about: sums and counts, from which every figure follows.
//!
//! **Invariant:** the same tallies are gathered three ways, for all, by queue and by agent. All
//! visits together are those of each queue, judged by that queue's own target.
//!
//! **Deliberately absent:** figures ([`FIGURES`](crate::metrics::FIGURES)).

use std::collections::BTreeMap;

use crate::id::{AgentId, QueueId};
use crate::metrics::agents::Spent;
use crate::metrics::fcr::{Contained, Repeats};
use crate::metrics::report::{Handling, Time};
use crate::metrics::service::Visits;
use crate::metrics::spread::{Spread, Summary};
use crate::metrics::tally::{Totals, Waits};
use crate::metrics::{Tallies, Tally, Target};
use crate::time::Timestamp;
use crate::words::CallOutcome;

/// What one section adds up.
#[derive(Debug, Default)]
pub struct Sum {
    /// Calls of customers by what became of them; in the section of all calls alone.
    pub(super) outcomes: BTreeMap<CallOutcome, u64>,
    pub(super) calls: u64,
    pub(super) contained: u64,
    pub(super) refused: u64,
    /// Outbound calls by what became of them; in the section of all calls alone.
    pub(super) outbound: BTreeMap<CallOutcome, u64>,
    pub(super) counts: Totals,
    pub(super) visits: Visits,
    /// Waits of the answered.
    pub(super) waits_ms: Summary,
    /// Handle time of each call whose legs in this section are all done.
    pub(super) calls_ms: Summary,
    pub(super) repeats: Repeats,
    /// In the section of all calls alone.
    pub(super) came_again: Contained,
    pub(super) spent: Spent,
}

/// A report that is being put together: tallies in, section by section, in any order.
#[derive(Clone, Debug)]
pub struct Gathering {
    pub(super) now: Timestamp,
    /// Calls that ended before this are not all there.
    pub(super) lacks_until: Option<Timestamp>,
    all: Gathered,
    queues: BTreeMap<QueueId, Gathered>,
    agents: BTreeMap<AgentId, Gathered>,
}

/// The tallies of one section.
#[derive(Clone, Debug, Default)]
struct Gathered {
    tally: Tally,
    repeats: Repeats,
    came_again: Contained,
}

/// Each section's sums.
pub(super) struct Sections {
    pub(super) all: Sum,
    pub(super) queues: BTreeMap<QueueId, Sum>,
    pub(super) agents: BTreeMap<AgentId, Sum>,
}

impl Gathering {
    /// Of a report as known at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            lacks_until: None,
            all: Gathered::default(),
            queues: BTreeMap::new(),
            agents: BTreeMap::new(),
        }
    }

    /// Takes in all three sections of some calls.
    pub fn add(&mut self, tallies: Tallies) {
        self.add_all(tallies.all);
        for (queue, tally) in tallies.queues {
            self.add_queue(queue, tally);
        }
        for (agent, tally) in tallies.agents {
            self.add_agent(agent, tally);
        }
    }

    /// Calls that ended before this are not all there any more.
    pub fn lack(&mut self, until: Timestamp) {
        self.lacks_until = self.lacks_until.max(Some(until));
    }

    pub fn add_all(&mut self, tally: Tally) {
        self.all.add(tally, self.now);
    }

    pub fn add_queue(&mut self, queue: QueueId, tally: Tally) {
        self.queues.entry(queue).or_default().add(tally, self.now);
    }

    pub fn add_agent(&mut self, agent: AgentId, tally: Tally) {
        self.agents.entry(agent).or_default().add(tally, self.now);
    }

    /// Queues and agents of which there is something.
    pub(super) fn sections_kept(&self) -> usize {
        self.queues.len() + self.agents.len()
    }

    /// With what each agent spent their time on, and what each queue promises.
    pub(super) fn sections(
        self,
        times: &BTreeMap<AgentId, Spent>,
        target: impl Fn(QueueId) -> Target,
    ) -> Sections {
        let (mut visits, mut waits) = (Visits::default(), Spread::default());
        let queues = self.queues.into_iter().map(|(queue, gathered)| {
            let judged = Visits::of(&gathered.tally.waits, target(queue));
            visits.add(judged);
            waits.add_all(&gathered.tally.waits.answered);
            (queue, gathered.sum(judged))
        });
        let queues = queues.collect();
        let of_agent = |gathered: Gathered| gathered.sum(Visits::default());
        let mut agents: BTreeMap<AgentId, Sum> =
            self.agents.into_iter().map(|(agent, it)| (agent, of_agent(it))).collect();
        let mut all = Sum { waits_ms: waits.summary(), ..self.all.sum(visits) };
        for (agent, spent) in times {
            all.spent.add(*spent);
            agents.entry(*agent).or_default().spent = *spent;
        }
        Sections { all, queues, agents }
    }
}

impl Gathered {
    /// Judges repeats at once: they would take the most room.
    fn add(&mut self, mut tally: Tally, now: Timestamp) {
        for judged in tally.judged.0.drain(..) {
            self.repeats.add(judged, now);
        }
        for contained in tally.contained.0.drain(..) {
            self.came_again.add(contained, now);
        }
        self.tally.add(&tally);
    }

    fn sum(self, visits: Visits) -> Sum {
        let outcomes = self.tally.outcomes();
        let of = |outcome| outcomes.get(&outcome).copied().unwrap_or_default();
        let outbound = self.tally.outbound();
        let Waits { answered, .. } = self.tally.waits;
        Sum {
            calls: outcomes.values().sum(),
            contained: of(CallOutcome::Contained),
            refused: of(CallOutcome::Refused),
            outcomes,
            outbound,
            counts: self.tally.counts,
            visits,
            waits_ms: answered.summary(),
            calls_ms: self.tally.calls_ms.summary(),
            repeats: self.repeats,
            came_again: self.came_again,
            spent: Spent::default(),
        }
    }
}

impl Sum {
    pub(super) fn outbound_calls(&self) -> u64 {
        self.outbound.values().sum()
    }

    /// Outbound calls that were answered.
    pub(super) fn reached(&self) -> u64 {
        let not_reached = self.outbound.get(&CallOutcome::NotReached).copied();
        self.outbound_calls() - not_reached.unwrap_or_default()
    }

    pub(super) fn handling(&self) -> Handling {
        let (calls, judged) = (self.counts.handled_calls, self.counts.judged);
        Handling {
            handled_calls: calls,
            handled_legs: self.counts.handled_legs,
            provisional_calls: self.counts.provisional_calls,
            provisional_legs: self.counts.provisional_legs,
            legs_without_acw: self.counts.legs_without_acw,
            fcr_agent_coverage_percent: (calls > 0).then(|| judged as f64 * 100.0 / calls as f64),
            fcr_repeat: self.repeats.report(calls),
            fcr_blended: self.repeats.report_of_blend(calls),
        }
    }

    pub(super) fn time(&self) -> Time {
        let s = |ms: u64| Some(ms as f64 / 1000.0);
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
