//! What calls add up to, before it is asked when, and against which targets: counts, and spreads of
//! durations. A report is gathered from tallies, of single calls or of many.
//!
//! **Invariant:** tallies are added and taken away call by call, in whatever order, and what
//! remains is exactly what the calls that remain add up to. Nothing in one depends on the time of
//! the report or on a setting that may change: those are applied when it is gathered
//! ([`Gathering`](crate::metrics::Gathering)).
//!
//! **Deliberately absent:** agents' time, which is of the day and not of calls.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{AgentId, QueueId};
use crate::metrics::fcr::Judged;
use crate::metrics::near::Near;
use crate::metrics::spread::Spread;
use crate::metrics::{CallRow, Leg, Offer, QueueVisit, Sent};
use crate::time::Timestamp;
use crate::words::{CallOutcome, OfferOutcome, QueueExit};

/// The form of a kept [`Tally`], and what it counts: under another number, what was kept is counted
/// again from the records.
pub const TALLY_VERSION: u32 = 6;

/// What calls add up to in one section: all of them, one queue's, one agent's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Of customers' calls, by [`CallOutcome::ALL`]; in the section of all calls alone.
    outcomes: [u64; CallOutcome::ALL.len()],
    /// The same of outbound calls, which are in nothing else here.
    outbound: [u64; CallOutcome::ALL.len()],
    pub(super) counts: Totals,
    /// In the section of a queue alone.
    pub(super) waits: Waits,
    /// Handle time of each call whose legs in this section are all done.
    pub(super) calls_ms: Spread,
    /// Handled calls with what came before and after them.
    pub(super) judged: Judgements,
    /// Contained calls of callers who are known, with who came again within a day; in the section
    /// of all calls alone.
    pub(super) contained: Judgements,
}

/// Waits in a queue, by how they ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Waits {
    pub(super) answered: Spread,
    pub(super) abandoned: Spread,
    pub(super) overflowed: Spread,
    pub(super) exited: Spread,
    /// Calls that we ended, or lost, while they waited.
    pub(super) cut_off: Spread,
}

/// Each of many calls, in no order.
#[derive(Clone, Debug, Default)]
pub(super) struct Judgements(pub(super) Vec<Judged>);

/// The same calls in three ways: all, by queue and by agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tallies {
    pub all: Tally,
    pub queues: BTreeMap<QueueId, Tally>,
    pub agents: BTreeMap<AgentId, Tally>,
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What is counted, and sums of times.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub(super) struct Totals {
            $($(#[$doc])* pub(super) $name: u64,)*
        }

        impl Totals {
            pub(super) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// `false`: there is less of something than is taken.
            fn take(&mut self, other: &Self) -> bool {
                let mut enough = true;
                $(match self.$name.checked_sub(other.$name) {
                    Some(rest) => self.$name = rest,
                    None => enough = false,
                })*
                enough
            }
        }
    };
}

counts! {
    /// Customers' calls whose caller sent no usable number.
    withheld,
    /// Calls from agents' own telephones; by section, the agent's.
    own_calls,
    offers_accepted,
    offers_no_answer,
    offers_rejected,
    offers_busy,
    offers_device_error,
    offers_withdrawn,
    handled_calls,
    handled_legs,
    /// Handled, but after-call work goes on: not in the times.
    provisional_calls,
    provisional_legs,
    talk_ms,
    hold_ms,
    acw_ms,
    transferred,
    transferred_to_agents,
    transferred_outside,
    /// Legs whose agent sent the caller on: to a step of the flow, or after consulting, to an agent
    /// or to a party outside.
    sent_to_flow,
    sent_to_agents,
    sent_outside,
    /// With a disposition, and with one that says it is resolved.
    judged,
    resolved,
    /// Of the legs whose times are known, those of imported calls without after-call work.
    legs_without_acw,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *sum += more;
        }
        for (sum, more) in self.outbound.iter_mut().zip(other.outbound) {
            *sum += more;
        }
        self.counts.add(&other.counts);
        self.waits.add(&other.waits);
        self.calls_ms.add_all(&other.calls_ms);
        self.judged.0.extend(&other.judged.0);
        self.contained.0.extend(&other.contained.0);
    }

    /// Takes away what was [added](Self::add). `false`: it is not all in here, and what remains
    /// means nothing.
    #[must_use]
    pub fn take(&mut self, other: &Self) -> bool {
        let mut outcomes = true;
        let sums = self.outcomes.iter_mut().chain(&mut self.outbound);
        for (sum, less) in sums.zip(other.outcomes.into_iter().chain(other.outbound)) {
            outcomes &= *sum >= less;
            *sum = sum.saturating_sub(less);
        }
        outcomes
            && self.counts.take(&other.counts)
            && self.waits.take(&other.waits)
            && self.calls_ms.take(&other.calls_ms)
            && self.judged.take(&other.judged)
            && self.contained.take(&other.contained)
    }

    /// Nothing was added, or all was taken away.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The number of customers' calls by what became of them; without those that none had.
    pub(super) fn outcomes(&self) -> BTreeMap<CallOutcome, u64> {
        by_outcome(self.outcomes)
    }

    /// The same of outbound calls.
    pub(super) fn outbound(&self) -> BTreeMap<CallOutcome, u64> {
        by_outcome(self.outbound)
    }

    fn count_outcome(&mut self, row: &CallRow) {
        let counts = if row.is_outbound { &mut self.outbound } else { &mut self.outcomes };
        let all = CallOutcome::ALL.into_iter().zip(counts);
        all.filter(|(one, _)| *one == row.outcome).for_each(|(_, n)| *n += 1);
    }

    fn add_visit(&mut self, visit: &QueueVisit) {
        let waits = &mut self.waits;
        let of = match visit.left {
            QueueExit::Answered => &mut waits.answered,
            QueueExit::Abandoned => &mut waits.abandoned,
            QueueExit::Ended => &mut waits.cut_off,
            QueueExit::Overflowed(_) => &mut waits.overflowed,
            QueueExit::ExitKey | QueueExit::TakenOver => &mut waits.exited,
            // No caller waited: such a visit is in no row.
            QueueExit::Withdrawn => return,
        };
        of.add(visit.wait_ms);
    }

    fn add_offer(&mut self, offer: &Offer) {
        let counts = &mut self.counts;
        *match offer.outcome {
            OfferOutcome::Accepted => &mut counts.offers_accepted,
            OfferOutcome::Rejected => &mut counts.offers_rejected,
            OfferOutcome::Busy => &mut counts.offers_busy,
            OfferOutcome::NoAnswer => &mut counts.offers_no_answer,
            OfferOutcome::DeviceError => &mut counts.offers_device_error,
            OfferOutcome::Withdrawn => &mut counts.offers_withdrawn,
        } += 1;
    }

    fn add_handled(&mut self, row: &CallRow, judged: Judged, in_section: impl Fn(&Leg) -> bool) {
        let counts = &mut self.counts;
        let mut call_ms = Some(0);
        for leg in row.legs.iter().filter(|leg| in_section(leg)) {
            counts.handled_legs += 1;
            match leg.sent {
                None => {}
                Some(Sent::ToFlow) => counts.sent_to_flow += 1,
                Some(Sent::ToAgent) => counts.sent_to_agents += 1,
                Some(Sent::Outside) => counts.sent_outside += 1,
            }
            call_ms = call_ms.zip(leg.handle_ms()).map(|(sum, ms)| sum + ms);
            if leg.handle_ms().is_none() {
                counts.provisional_legs += 1;
                continue;
            }
            counts.talk_ms += leg.talk_ms;
            counts.hold_ms += leg.hold_ms;
            counts.acw_ms += leg.acw_ms.unwrap_or(0);
            counts.legs_without_acw += u64::from(leg.without_acw);
        }
        counts.handled_calls += 1;
        match call_ms {
            Some(ms) => self.calls_ms.add(ms),
            None => counts.provisional_calls += 1,
        }
        let to_agents = distinct(row.legs.iter().map(|leg| leg.agent)).len() > 1;
        counts.transferred += u64::from(to_agents || row.outside);
        counts.transferred_to_agents += u64::from(to_agents);
        counts.transferred_outside += u64::from(row.outside);
        counts.judged += u64::from(row.resolved().is_some());
        counts.resolved += u64::from(row.resolved() == Some(true));
        self.judged.0.push(judged);
    }
}

/// Times of legs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Worked {
    pub(super) talk_ms: u64,
    pub(super) hold_ms: u64,
    pub(super) acw_ms: u64,
}

impl Tallies {
    fn each_mut(&mut self) -> impl Iterator<Item = &mut Tally> {
        let sections = self.queues.values_mut().chain(self.agents.values_mut());
        std::iter::once(&mut self.all).chain(sections)
    }

    /// Lets go of the times of legs, which are added where they were spent.
    pub(super) fn without_times(&mut self) {
        for Tally { counts, .. } in self.each_mut() {
            (counts.talk_ms, counts.hold_ms, counts.acw_ms) = (0, 0, 0);
        }
    }

    /// Adds times of a leg that is counted elsewhere.
    pub(super) fn add_times(&mut self, queue: Option<QueueId>, agent: AgentId, worked: Worked) {
        self.agents.entry(agent).or_default();
        if let Some(queue) = queue {
            self.queues.entry(queue).or_default();
        }
        for Tally { counts, .. } in self.each_mut() {
            counts.talk_ms += worked.talk_ms;
            counts.hold_ms += worked.hold_ms;
            counts.acw_ms += worked.acw_ms;
        }
    }

    /// Adds a call that ended; `near` says of one that [is judged](CallRow::is_judged) what
    /// contacts of the caller were around it.
    pub fn add(&mut self, row: &CallRow, near: impl FnOnce() -> Near) {
        if let Some(agent) = row.by_agent {
            self.all.counts.own_calls += 1;
            self.agents.entry(agent).or_default().counts.own_calls += 1;
            return;
        }
        self.all.count_outcome(row);
        if row.is_outbound {
            return;
        }
        self.all.counts.withheld += u64::from(row.caller.is_none());
        for visit in &row.visits {
            self.queues.entry(visit.queue).or_default().add_visit(visit);
        }
        for offer in &row.offers {
            self.all.add_offer(offer);
            self.queues.entry(offer.queue).or_default().add_offer(offer);
            self.agents.entry(offer.agent).or_default().add_offer(offer);
        }
        let near = if row.is_judged() { near() } else { Near::default() };
        if row.outcome == CallOutcome::Contained && row.caller.is_some() {
            self.all.contained.0.push(Judged::contained(row.arrived_at, near));
        }
        if !row.is_handled() {
            return;
        }
        let judged = Judged::of(row.arrived_at, near, row.resolved(), row.is_cut_off);
        self.all.add_handled(row, judged, |_| true);
        for queue in distinct(row.legs.iter().filter_map(|leg| leg.queue)) {
            let of_queue = |leg: &Leg| leg.queue == Some(queue);
            self.queues.entry(queue).or_default().add_handled(row, judged, of_queue);
        }
        for agent in distinct(row.legs.iter().map(|leg| leg.agent)) {
            let of_agent = |leg: &Leg| leg.agent == agent;
            self.agents.entry(agent).or_default().add_handled(row, judged, of_agent);
        }
    }
}

impl Waits {
    fn each(&self) -> [&Spread; 5] {
        [&self.answered, &self.abandoned, &self.overflowed, &self.exited, &self.cut_off]
    }

    fn each_mut(&mut self) -> [&mut Spread; 5] {
        let Self { answered, abandoned, overflowed, exited, cut_off } = self;
        [answered, abandoned, overflowed, exited, cut_off]
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (spread, more) in self.each_mut().into_iter().zip(other.each()) {
            spread.add_all(more);
        }
    }

    fn take(&mut self, other: &Self) -> bool {
        self.each_mut().into_iter().zip(other.each()).all(|(spread, less)| spread.take(less))
    }
}

impl Judgements {
    fn take(&mut self, other: &Self) -> bool {
        other.0.iter().all(|one| {
            let at = self.0.iter().position(|it| it == one);
            at.map(|at| self.0.swap_remove(at)).is_some()
        })
    }
}

impl Judgements {
    fn sorted(&self) -> Vec<Judged> {
        let mut all = self.0.clone();
        all.sort_unstable();
        all
    }
}

impl PartialEq for Judgements {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

/// Each with how much later it arrived than the one before, which is short.
impl Serialize for Judgements {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        let each = self.sorted().into_iter().map(|one| {
            let at = one.arrived_at.as_millis();
            (at - std::mem::replace(&mut before, at), one.seen)
        });
        serializer.collect_seq(each.collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for Judgements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let each = <Vec<(u64, _)>>::deserialize(deserializer)?;
        let mut before = 0u64;
        let each = each.into_iter().map(|(later, seen)| {
            before = before.saturating_add(later);
            Judged { arrived_at: Timestamp(before), seen }
        });
        Ok(Self(each.collect()))
    }
}

impl Totals {
    /// Those that the agent answers for.
    pub(super) const fn offers_charged(&self) -> u64 {
        self.offers_accepted
            + self.offers_no_answer
            + self.offers_rejected
            + self.offers_busy
            + self.offers_device_error
    }

    pub(super) const fn offers(&self) -> u64 {
        self.offers_charged() + self.offers_withdrawn
    }

    /// Of the legs whose times are all known; of imported ones without after-call work, talk and
    /// hold.
    pub(super) const fn handle_ms(&self) -> u64 {
        self.talk_ms + self.hold_ms + self.acw_ms
    }

    /// Legs whose times are all known.
    pub(super) const fn done_legs(&self) -> u64 {
        self.handled_legs - self.provisional_legs
    }

    /// Of those, the ones whose after-call work was measured.
    pub(super) const fn legs_with_acw(&self) -> u64 {
        self.done_legs() - self.legs_without_acw
    }
}

fn by_outcome(counts: [u64; CallOutcome::ALL.len()]) -> BTreeMap<CallOutcome, u64> {
    CallOutcome::ALL.into_iter().zip(counts).filter(|(_, n)| *n > 0).collect()
}

fn distinct<T: Ord>(of: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<_> = of.collect();
    all.sort_unstable();
    all.dedup();
    all
}
