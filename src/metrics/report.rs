//! A report: every figure of a period, overall, by queue and by agent.
//!
//! **Invariant:** field names end in their unit and are stable; a figure without anything to count
//! is `null`, never 0.
//!
//! **Deliberately absent:** rounding. The display of a figure rounds it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::id::{AgentId, QueueId};
use crate::metrics::agents::Spent;
use crate::metrics::fcr::{self, FcrRepeat, Handled, Scope, WINDOW_DEFAULT};
use crate::metrics::service::{Queueing, Visits};
use crate::metrics::{CallRow, Leg, Metrics, Offer};
use crate::time::Timestamp;
use crate::words::{CallOutcome, OfferOutcome};

/// A figure, what it was computed from, and how.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// None if `n` is 0.
    pub value: Option<f64>,
    /// The denominator.
    pub n: u64,
    pub definition: &'static str,
}

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
    /// By what became of them; an outcome no call had is not listed.
    pub outcomes: BTreeMap<CallOutcome, u64>,
    pub containment_rate: Figure,
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
}

/// What agents did with the calls they talked to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Handling {
    pub handled_calls: u64,
    pub handled_legs: u64,
    /// Handled, but after-call work goes on: not in the averages yet.
    pub provisional_calls: u64,
    pub provisional_legs: u64,
    pub aht_call_s: Figure,
    pub aht_leg_s: Figure,
    pub talk_leg_s: Figure,
    pub hold_leg_s: Figure,
    pub acw_leg_s: Figure,
    pub handle_call_p50_s: Figure,
    pub handle_call_p90_s: Figure,
    pub transfer_rate: Figure,
    pub transfer_rate_agent: Figure,
    pub transfer_rate_outside: Figure,
    /// 7 days, any reason.
    pub fcr_repeat_any_reason: Figure,
    /// 7 days, same intent.
    pub fcr_repeat_same_intent: Figure,
    pub fcr_agent: Figure,
    /// Share of the handled calls with a disposition, in percent; none without handled calls.
    pub fcr_agent_coverage_percent: Option<f64>,
    /// Every window and scope.
    pub fcr_repeat: Vec<FcrRepeat>,
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
    pub rona_rate: Figure,
    pub rona_rate_with_withdrawn: Figure,
    pub agent_answer_rate: Figure,
    pub agent_answer_rate_with_withdrawn: Figure,
}

/// What agents' logged-in time went into.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Time {
    pub logged_in_s: f64,
    pub not_ready_s: f64,
    pub ready_s: f64,
    /// Ready, and on a call of their own.
    pub own_call_s: f64,
    pub reserved_s: f64,
    /// Hold included.
    pub talking_s: f64,
    pub after_call_work_s: f64,
    /// `n` is the available time in whole seconds.
    pub occupancy: Figure,
}

/// How far the report can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Ended calls in memory, whatever the period.
    pub calls: u64,
    pub calls_open: u64,
    /// Calls that had to go because there were too many.
    pub dropped: u64,
    /// Calls that ended up to here are not all in memory any more, for age or number.
    pub calls_gone_until: Option<Timestamp>,
    /// Agents' times before this are not known any more.
    pub agent_times_gone_until: Option<Timestamp>,
    /// Visits, offers and legs of calls that had very many.
    pub parts_dropped: u64,
    /// Facts about calls that are not known, or not any more.
    pub late_facts: u64,
}

pub(super) fn build(metrics: &Metrics, now: Timestamp, from: Timestamp, to: Timestamp) -> Report {
    let (rows, own): (Vec<_>, Vec<_>) =
        metrics.calls.ended_in(from, to).partition(|row| row.by_agent.is_none());
    let calls = rows.len() as u64;
    let mut outcomes = BTreeMap::new();
    for row in &rows {
        *outcomes.entry(row.outcome).or_insert(0) += 1;
    }
    let contained = outcomes.get(&CallOutcome::Contained).copied().unwrap_or(0);
    let refused = outcomes.get(&CallOutcome::Refused).copied().unwrap_or(0);
    let mut sections = Sections::of(metrics, &rows, from, to.min(now));
    for agent in own.iter().filter_map(|row| row.by_agent) {
        sections.agents.entry(agent).or_default().own_calls += 1;
    }
    let queues = sections.queues.into_iter().map(|(queue, sum)| QueueReport {
        queue,
        handling: sum.handling(metrics, now),
        presenting: sum.offers.finish(),
        queueing: sum.visits.finish(),
    });
    let agents = sections.agents.into_iter().map(|(agent, sum)| AgentReport {
        agent,
        own_calls: sum.own_calls,
        handling: sum.handling(metrics, now),
        presenting: sum.offers.finish(),
        time: time(sum.spent),
    });
    let all = sections.all;
    Report {
        at: now,
        from,
        to,
        calls,
        agent_calls: own.len() as u64,
        containment_rate: ratio(
            contained,
            calls - refused,
            "calls that ended in the flow without asking for an agent ÷ calls, except refused ones",
        ),
        outcomes,
        withheld: rows.iter().filter(|row| row.caller.is_none()).count() as u64,
        handling: all.handling(metrics, now),
        presenting: all.offers.finish(),
        time: time(all.spent),
        queueing: all.visits.finish(),
        queues: queues.collect(),
        agents: agents.collect(),
        kept: kept(metrics),
    }
}

/// The same rows added up three ways.
#[derive(Default)]
struct Sections<'a> {
    all: Sum<'a>,
    queues: BTreeMap<QueueId, Sum<'a>>,
    agents: BTreeMap<AgentId, Sum<'a>>,
}

impl<'a> Sections<'a> {
    fn of(metrics: &Metrics, rows: &[&'a CallRow], from: Timestamp, to: Timestamp) -> Self {
        let mut sections = Self::default();
        for agent in metrics.agents.ids() {
            let spent = metrics.agents.spent(agent, from, to);
            sections.all.spent.add(spent);
            sections.agents.entry(agent).or_default().spent = spent;
        }
        for row in rows {
            sections.add(metrics, row);
        }
        sections
    }

    fn add(&mut self, metrics: &Metrics, row: &'a CallRow) {
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
        let call = Handled::of(&metrics.calls, row);
        self.all.add_call(call, |_| true);
        for queue in distinct(row.legs.iter().filter_map(|leg| leg.queue)) {
            self.queues.entry(queue).or_default().add_call(call, |leg| leg.queue == Some(queue));
        }
        for agent in distinct(row.legs.iter().map(|leg| leg.agent)) {
            self.agents.entry(agent).or_default().add_call(call, |leg| leg.agent == agent);
        }
    }
}

fn kept(metrics: &Metrics) -> Kept {
    Kept {
        calls: metrics.calls.kept() as u64,
        calls_open: metrics.calls.open() as u64,
        dropped: metrics.calls.dropped,
        calls_gone_until: metrics.calls.gone_until,
        agent_times_gone_until: metrics.agents.gone_until,
        parts_dropped: metrics.calls.parts_dropped,
        late_facts: metrics.calls.late,
    }
}

/// What one section of the report adds up.
#[derive(Default)]
struct Sum<'a> {
    visits: Visits,
    offers: Offers,
    spent: Spent,
    /// Calls from the agent's own telephone.
    own_calls: u64,
    handled: Vec<Handled<'a>>,
    /// Handle time of each call whose legs in this section are all done.
    calls_ms: Vec<u64>,
    provisional_calls: u64,
    legs: u64,
    provisional_legs: u64,
    talk_ms: u64,
    hold_ms: u64,
    acw_ms: u64,
}

impl<'a> Sum<'a> {
    fn add_call(&mut self, call: Handled<'a>, in_section: impl Fn(&Leg) -> bool) {
        let mut call_ms = Some(0);
        let mut legs = 0;
        for leg in call.row.legs.iter().filter(|leg| in_section(leg)) {
            legs += 1;
            call_ms = call_ms.zip(leg.handle_ms()).map(|(sum, ms)| sum + ms);
            let Some(acw) = leg.acw_ms else {
                self.provisional_legs += 1;
                continue;
            };
            self.talk_ms += leg.talk_ms;
            self.hold_ms += leg.hold_ms;
            self.acw_ms += acw;
        }
        if legs == 0 {
            return;
        }
        self.legs += legs;
        self.handled.push(call);
        match call_ms {
            Some(ms) => self.calls_ms.push(ms),
            None => self.provisional_calls += 1,
        }
    }

    fn handling(&self, metrics: &Metrics, now: Timestamp) -> Handling {
        let calls = self.handled.len() as u64;
        let done = self.legs - self.provisional_legs;
        let mut calls_ms = self.calls_ms.clone();
        calls_ms.sort_unstable();
        let count = |test: fn(&&CallRow) -> bool| {
            self.handled.iter().map(|call| call.row).filter(test).count() as u64
        };
        let judged = count(|row| row.resolved().is_some());
        let repeat = fcr::repeat(&metrics.calls, now, &self.handled);
        Handling {
            handled_calls: calls,
            handled_legs: self.legs,
            provisional_calls: self.provisional_calls,
            provisional_legs: self.provisional_legs,
            aht_call_s: seconds(
                calls_ms.iter().sum(),
                calls_ms.len() as u64,
                "(talk + hold + after-call work of all agents on it) ÷ handled calls; a transferred \
                 call is one",
            ),
            aht_leg_s: seconds(
                self.talk_ms + self.hold_ms + self.acw_ms,
                done,
                "(talk + hold + after-call work) ÷ handled legs; a transferred call is several",
            ),
            talk_leg_s: seconds(self.talk_ms, done, "talk ÷ handled legs"),
            hold_leg_s: seconds(self.hold_ms, done, "hold ÷ handled legs, held or not"),
            acw_leg_s: seconds(self.acw_ms, done, "after-call work ÷ handled legs"),
            handle_call_p50_s: percentile_s(
                &calls_ms,
                50,
                "half of the handled calls took no longer",
            ),
            handle_call_p90_s: percentile_s(
                &calls_ms,
                90,
                "nine in ten handled calls took no longer",
            ),
            transfer_rate: ratio(
                count(|row| row.legs.len() > 1 || row.outside),
                calls,
                "handled calls that came to a second agent or to somebody outside ÷ handled calls",
            ),
            transfer_rate_agent: ratio(
                count(|row| row.legs.len() > 1),
                calls,
                "handled calls with more than one agent's leg ÷ handled calls",
            ),
            transfer_rate_outside: ratio(
                count(|row| row.outside),
                calls,
                "handled calls that somebody outside talked to ÷ handled calls",
            ),
            fcr_repeat_any_reason: default_window(&repeat, Scope::AnyReason),
            fcr_repeat_same_intent: default_window(&repeat, Scope::SameIntent),
            fcr_agent: ratio(
                count(|row| row.resolved() == Some(true)),
                judged,
                "handled calls an agent called resolved ÷ handled calls with a disposition; the last \
                 one counts",
            ),
            fcr_agent_coverage_percent: (calls > 0).then(|| judged as f64 * 100.0 / calls as f64),
            fcr_repeat: repeat,
        }
    }
}

fn default_window(repeat: &[FcrRepeat], scope: Scope) -> Figure {
    let name = fcr::FCR_WINDOWS.iter().find(|(_, window)| *window == WINDOW_DEFAULT);
    let found =
        repeat.iter().find(|fcr| Some(fcr.window) == name.map(|n| n.0) && fcr.scope == scope);
    found.expect("every window and scope is computed").fcr.clone()
}

#[derive(Default)]
struct Offers {
    accepted: u64,
    no_answer: u64,
    rejected: u64,
    busy: u64,
    device_error: u64,
    withdrawn: u64,
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

    fn finish(&self) -> Presenting {
        let charged =
            self.accepted + self.no_answer + self.rejected + self.busy + self.device_error;
        let all = charged + self.withdrawn;
        Presenting {
            offers: all,
            offers_accepted: self.accepted,
            offers_no_answer: self.no_answer,
            offers_rejected: self.rejected,
            offers_busy: self.busy,
            offers_device_error: self.device_error,
            offers_withdrawn: self.withdrawn,
            rona_rate: ratio(
                self.no_answer,
                charged,
                "offers that rang out ÷ offers, withdrawn ones left out",
            ),
            rona_rate_with_withdrawn: ratio(self.no_answer, all, "offers that rang out ÷ offers"),
            agent_answer_rate: ratio(
                self.accepted,
                charged,
                "offers accepted ÷ offers, withdrawn ones left out",
            ),
            agent_answer_rate_with_withdrawn: ratio(self.accepted, all, "offers accepted ÷ offers"),
        }
    }
}

fn time(spent: Spent) -> Time {
    let s = |ms: u64| ms as f64 / 1000.0;
    let (occupied, available) = (spent.occupied(), spent.available());
    Time {
        logged_in_s: s(spent.logged_in()),
        not_ready_s: s(spent.not_ready),
        ready_s: s(spent.ready),
        own_call_s: s(spent.on_own_call),
        reserved_s: s(spent.reserved),
        talking_s: s(spent.talking),
        after_call_work_s: s(spent.after_call),
        occupancy: Figure {
            value: (available > 0).then(|| occupied as f64 / available as f64),
            n: available / 1000,
            definition: "(talking + after-call work) ÷ (that + ready + ringing), in the period; \
                         not-ready time and calls of the agents' own left out",
        },
    }
}

fn distinct<T: Ord>(of: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<_> = of.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// A share, 0 to 1.
pub(super) fn ratio(part: u64, of: u64, definition: &'static str) -> Figure {
    Figure { value: (of > 0).then(|| part as f64 / of as f64), n: of, definition }
}

/// A mean in seconds.
pub(super) fn seconds(sum_ms: u64, n: u64, definition: &'static str) -> Figure {
    Figure { value: (n > 0).then(|| sum_ms as f64 / n as f64 / 1000.0), n, definition }
}

/// The smallest value that at least `percent` of all do not exceed (nearest rank).
pub(super) fn percentile_s(sorted_ms: &[u64], percent: usize, definition: &'static str) -> Figure {
    let rank = (sorted_ms.len() * percent).div_ceil(100);
    let value = rank.checked_sub(1).and_then(|at| sorted_ms.get(at));
    Figure { value: value.map(|ms| *ms as f64 / 1000.0), n: sorted_ms.len() as u64, definition }
}
