//! A report: every figure of a period, overall, by queue and by agent.
//!
//! **Invariant:** field names end in their unit and are stable.
//!
//! **Deliberately absent:** which figures there are: a section has those of the table
//! ([`FIGURES`](crate::metrics::FIGURES)) that are for it, beside what was counted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::id::{AgentId, QueueId};
use crate::metrics::fcr::{FcrBlend, FcrRepeat};
use crate::metrics::figures::{Figures, Section};
use crate::metrics::service::Queueing;
use crate::metrics::sum::{Sections, Sum};
use crate::metrics::tally::Totals;
use crate::metrics::{Gathering, Metrics, Tallies, Target, Times};
use crate::time::Timestamp;
use crate::words::CallOutcome;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub at: Timestamp,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Calls of customers that ended in the period.
    pub calls: u64,
    /// Calls from agents' own telephones that ended in it, feature codes left out: in no other
    /// figure.
    pub agent_calls: u64,
    /// Calls that we began, by dialing the caller, and that ended in it: in no other figure but
    /// those of agents' time.
    pub outbound_calls: u64,
    /// By what became of them; an outcome no call had is not listed.
    pub outcomes: BTreeMap<CallOutcome, u64>,
    /// The same of the outbound calls.
    pub outbound_outcomes: BTreeMap<CallOutcome, u64>,
    /// Of all calls, those whose caller sent no usable number.
    pub withheld: u64,
    #[serde(flatten)]
    pub queueing: Queueing,
    #[serde(flatten)]
    pub handling: Handling,
    #[serde(flatten)]
    pub presenting: Presenting,
    #[serde(flatten)]
    pub time: Time,
    #[serde(flatten)]
    pub figures: Figures,
    pub queues: Vec<QueueReport>,
    pub agents: Vec<AgentReport>,
    pub kept: Kept,
}

/// The calls that waited in, or were handled from, one queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueueReport {
    pub queue: QueueId,
    #[serde(flatten)]
    pub queueing: Queueing,
    #[serde(flatten)]
    pub handling: Handling,
    #[serde(flatten)]
    pub presenting: Presenting,
    #[serde(flatten)]
    pub figures: Figures,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentReport {
    pub agent: AgentId,
    /// Calls from the agent's own telephone.
    pub own_calls: u64,
    #[serde(flatten)]
    pub handling: Handling,
    #[serde(flatten)]
    pub presenting: Presenting,
    #[serde(flatten)]
    pub time: Time,
    #[serde(flatten)]
    pub figures: Figures,
}

/// What agents did with the calls they talked to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Handling {
    pub handled_calls: u64,
    pub handled_legs: u64,
    /// Handled, but after-call work goes on: not in the averages yet.
    pub provisional_calls: u64,
    pub provisional_legs: u64,
    /// Talks of imported calls whose after-call work was not measured: their handle time is talk
    /// and hold.
    pub legs_without_acw: u64,
    /// Share of the handled calls with a disposition, in percent; none without handled calls.
    pub fcr_agent_coverage_percent: Option<f64>,
    /// Every window and scope.
    pub fcr_repeat: Vec<FcrRepeat>,
    /// How `fcr_blend` came about.
    pub fcr_blended: FcrBlend,
}

/// How offers of calls to agents ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Presenting {
    pub offers: u64,
    pub offers_accepted: u64,
    pub offers_no_answer: u64,
    pub offers_rejected: u64,
    pub offers_busy: u64,
    pub offers_device_error: u64,
    pub offers_withdrawn: u64,
}

/// What agents' logged-in time went into; none where nothing of the period is known any more.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Time {
    pub logged_in_s: Option<f64>,
    pub not_ready_s: Option<f64>,
    pub ready_s: Option<f64>,
    /// Ready, and on a call of their own.
    pub own_call_s: Option<f64>,
    pub reserved_s: Option<f64>,
    /// Hold included.
    pub talking_s: Option<f64>,
    pub after_call_work_s: Option<f64>,
}

/// How far the report can be trusted. What is said of rows in memory is for those who keep them: a
/// report of records has all, and JSON has nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Ended calls in memory, whatever the period.
    #[serde(skip)]
    pub calls: u64,
    pub calls_open: u64,
    /// Calls that had to go because there were too many.
    #[serde(skip)]
    pub dropped: u64,
    /// Calls that ended up to here are not all in memory any more, for age or number.
    #[serde(skip)]
    pub calls_gone_until: Option<Timestamp>,
    /// Calls of the period that ended before this are not all counted: their records were deleted,
    /// and there are no sums of just that part of it.
    pub records_gone_until: Option<Timestamp>,
    /// Agents' times before this are not known any more.
    pub agent_times_gone_until: Option<Timestamp>,
    /// Visits, offers and legs of calls that had very many.
    #[serde(skip)]
    pub parts_dropped: u64,
    /// Facts about calls that are not known, or not any more.
    #[serde(skip)]
    pub late_facts: u64,
}

impl Report {
    /// The report of what was gathered of `from..to`, each queue judged by its target. Agents'
    /// times are not in the records.
    #[must_use]
    pub fn of_records(
        gathered: Gathering,
        (from, to): (Timestamp, Timestamp),
        target: impl Fn(QueueId) -> Target,
        times: &Times,
    ) -> Self {
        let agent_times_gone_until = times.gone_until;
        let records_gone_until = gathered.lacks_until;
        let kept = Kept { agent_times_gone_until, records_gone_until, ..Kept::default() };
        put_together(gathered, (from, to), times, target, kept)
    }
}

/// The report of the rows in memory.
pub(super) fn build(metrics: &Metrics, now: Timestamp, from: Timestamp, to: Timestamp) -> Report {
    let mut tallies = Tallies::default();
    for row in metrics.calls.ended_in(from, to) {
        tallies.add(row, || metrics.calls.near(row));
    }
    let mut gathered = Gathering::new(now);
    gathered.add(tallies);
    let times = metrics.times(now, from, to);
    let target = |queue| metrics.target(queue);
    put_together(gathered, (from, to), &times, target, kept(metrics))
}

fn put_together(
    gathered: Gathering,
    (from, to): (Timestamp, Timestamp),
    times: &Times,
    target: impl Fn(QueueId) -> Target,
    kept: Kept,
) -> Report {
    let at = gathered.now;
    let is_known = times.gone_until.is_none_or(|gone| gone < to);
    let time = |sum: &Sum| if is_known { sum.time() } else { Time::default() };
    let Sections { all, queues, agents } = gathered.sections(&times.spent, target);
    let queues = queues.into_iter().map(|(queue, sum)| QueueReport {
        queue,
        handling: sum.handling(),
        presenting: Presenting::of(&sum.counts),
        queueing: sum.visits.queueing(),
        figures: Figures::of(Section::Queue, &sum),
    });
    let agents = agents.into_iter().map(|(agent, sum)| AgentReport {
        agent,
        own_calls: sum.counts.own_calls,
        handling: sum.handling(),
        presenting: Presenting::of(&sum.counts),
        time: time(&sum),
        figures: Figures::of(Section::Agent, &sum),
    });
    Report {
        at,
        from,
        to,
        calls: all.calls,
        agent_calls: all.counts.own_calls,
        outbound_calls: all.outbound_calls(),
        withheld: all.counts.withheld,
        handling: all.handling(),
        presenting: Presenting::of(&all.counts),
        time: time(&all),
        queueing: all.visits.queueing(),
        figures: Figures::of(Section::All, &all),
        outcomes: all.outcomes,
        outbound_outcomes: all.outbound,
        queues: queues.collect(),
        agents: agents.collect(),
        kept,
    }
}

impl Presenting {
    const fn of(counts: &Totals) -> Self {
        Self {
            offers: counts.offers(),
            offers_accepted: counts.offers_accepted,
            offers_no_answer: counts.offers_no_answer,
            offers_rejected: counts.offers_rejected,
            offers_busy: counts.offers_busy,
            offers_device_error: counts.offers_device_error,
            offers_withdrawn: counts.offers_withdrawn,
        }
    }
}

fn kept(metrics: &Metrics) -> Kept {
    Kept {
        calls: metrics.calls.kept() as u64,
        calls_open: metrics.calls.open() as u64,
        dropped: metrics.calls.dropped,
        calls_gone_until: metrics.calls.gone_until,
        records_gone_until: None,
        agent_times_gone_until: metrics.agents.gone_until,
        parts_dropped: metrics.calls.parts_dropped,
        late_facts: metrics.calls.late,
    }
}
