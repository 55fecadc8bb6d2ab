//! The figures once more, from the bare list of facts: what [`Metrics`](super::Metrics) must agree
//! with. Tests use it, and the simulator after each day.
//!
//! **Invariant:** nothing of the fold is used: no row, no index, no running sum. Each figure walks
//! over the facts by itself.
//!
//! **Deliberately absent:** speed (repeat calls compare every pair), and bounds.

mod fcr;

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{AgentId, CallId, LegId, QueueId};
use crate::metrics::report::Handling;
use crate::metrics::{FIGURES, Fact, Figures, Report, Section, Sent, Target};
use crate::time::Timestamp;
use crate::words::{Activity, CallOutcome, OfferOutcome, QueueExit};

/// What the facts say of each figure, by its name in the table: value and n.
pub type Answers = BTreeMap<String, (Option<f64>, u64)>;

/// Whose figures are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    All,
    Queue(QueueId),
    Agent(AgentId),
}

/// What the facts say about the calls that ended in `from..to`.
#[derive(Clone, Copy, Debug)]
pub struct Oracle<'a> {
    pub facts: &'a [(Timestamp, Fact)],
    pub targets: &'a [Target],
    pub now: Timestamp,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Every figure in which the report and the facts differ, as text; empty if they agree. A figure of
/// the table that nothing here finds in the facts is one of them.
#[must_use]
pub fn disagreements(report: &Report, oracle: Oracle<'_>) -> Vec<String> {
    let mut found = oracle.compare(Whose::All, &report.figures, &report.handling);
    for queue in &report.queues {
        let whose = Whose::Queue(queue.queue);
        found.extend(oracle.compare(whose, &queue.figures, &queue.handling));
        found.extend(unequal(&format!("{whose:?} offered"), queue.queueing.parts()));
    }
    for agent in &report.agents {
        found.extend(oracle.compare(Whose::Agent(agent.agent), &agent.figures, &agent.handling));
    }
    found.extend(unequal("offered", report.queueing.parts()));
    found.extend(oracle.compare_outcomes(report));
    found
}

/// What does not add up.
fn unequal(what: &str, (whole, parts): (u64, u64)) -> Option<String> {
    (whole != parts).then(|| format!("{what} is {whole}, its parts {parts}"))
}

impl Whose {
    const fn section(self) -> Section {
        match self {
            Self::All => Section::All,
            Self::Queue(_) => Section::Queue,
            Self::Agent(_) => Section::Agent,
        }
    }

    /// Whether something at a queue, by an agent, belongs here.
    fn has(self, queue: Option<QueueId>, agent: AgentId) -> bool {
        match self {
            Self::All => true,
            Self::Queue(wanted) => queue == Some(wanted),
            Self::Agent(wanted) => agent == wanted,
        }
    }
}

/// `None` where they agree.
fn differ(said: Option<(Option<f64>, u64)>, facts: Option<(Option<f64>, u64)>) -> Option<String> {
    let is_near = |said: Option<f64>, value: Option<f64>| match (said, value) {
        (Some(said), Some(value)) => (said - value).abs() <= 1e-9 * value.abs().max(1.0),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let agrees = said
        .zip(facts)
        .is_some_and(|((said, said_n), (value, n))| said_n == n && is_near(said, value));
    (!agrees).then(|| format!("{said:?}, the facts say {facts:?}"))
}

struct LegTimes {
    leg: LegId,
    agent: AgentId,
    talk_ms: u64,
    hold_ms: u64,
    sent: Option<Sent>,
    /// After-call work and disposition, once it ended.
    work: Option<(u64, Option<bool>)>,
}

impl LegTimes {
    fn handle_ms(&self) -> Option<u64> {
        self.work.map(|work| self.talk_ms + self.hold_ms + work.0)
    }
}

/// When, the caller, what became of it, and whether an outside party talked to it.
type Ended<'a> = (Timestamp, &'a Option<std::sync::Arc<str>>, CallOutcome, bool);

impl Oracle<'_> {
    fn compare(self, whose: Whose, figures: &Figures, handling: &Handling) -> Vec<String> {
        let facts = self.answers(whose);
        let of_section = FIGURES.iter().filter(|it| it.sections.contains(&whose.section()));
        let named = of_section.map(|it| {
            let said = figures.get(it.name).map(|figure| (figure.value, figure.n));
            (it.name.to_owned(), said)
        });
        let compared = named.chain(fcr::said(handling)).filter_map(|(name, said)| {
            let difference = differ(said, facts.get(&name).copied())?;
            Some(format!("{whose:?} {name}: {difference}"))
        });
        compared.collect()
    }

    /// Every call has one outcome, and what was offered is the sum of them.
    fn compare_outcomes(self, report: &Report) -> Vec<String> {
        let ended = self.ended();
        let mut found = Vec::new();
        for outcome in CallOutcome::ALL {
            let said = report.outcomes.get(&outcome).copied().unwrap_or_default();
            let facts = ended.values().filter(|end| end.2 == outcome).count() as u64;
            found.extend((said != facts).then(|| format!("{outcome}: {said}, not {facts}")));
        }
        found.extend(unequal("calls", (report.calls, report.outcomes.values().sum())));
        found.extend(unequal("calls", (report.calls, ended.len() as u64)));
        let outbound = self.outbound();
        found.extend(unequal("outbound", (report.outbound_calls, outbound.len() as u64)));
        for outcome in CallOutcome::ALL {
            let said = report.outbound_outcomes.get(&outcome).copied().unwrap_or_default();
            let facts = outbound.iter().filter(|it| **it == outcome).count() as u64;
            found.extend(unequal(&format!("outbound {outcome}"), (said, facts)));
        }
        found
    }

    /// Every figure of the section, from the facts.
    #[must_use]
    pub fn answers(self, whose: Whose) -> Answers {
        let mut answers = Answers::new();
        self.offers(whose, &mut answers);
        self.handling(whose, &mut answers);
        self.repeats(whose, &mut answers);
        match whose {
            Whose::All => {
                self.waits(None, &mut answers);
                self.containment(&mut answers);
                self.reach(&mut answers);
                self.occupancy(None, &mut answers);
            }
            Whose::Queue(queue) => self.waits(Some(queue), &mut answers),
            Whose::Agent(agent) => self.occupancy(Some(agent), &mut answers),
        }
        answers
    }

    /// Customers' calls that ended in the period.
    fn ended(&self) -> BTreeMap<CallId, Ended<'_>> {
        self.all_ended().filter(|(call, _)| self.is_customers(*call)).collect()
    }

    /// Whoever began them.
    fn all_ended(&self) -> impl Iterator<Item = (CallId, Ended<'_>)> {
        let ends = self.facts.iter().filter_map(|(at, fact)| {
            let Fact::CallEnded { call, caller, outcome, outside, .. } = fact else { return None };
            Some((*call, (*at, caller, *outcome, *outside)))
        });
        ends.filter(|(_, (at, ..))| *at >= self.from && *at < self.to)
    }

    /// Whether neither an agent's own telephone made the call nor we did.
    fn is_customers(&self, wanted: CallId) -> bool {
        !self.is_outbound(wanted)
            && !self.facts.iter().any(|(_, fact)| {
                matches!(fact, Fact::Arrived { call, by_agent: Some(_) } if *call == wanted)
            })
    }

    fn is_outbound(&self, wanted: CallId) -> bool {
        self.facts.iter().any(|(_, fact)| matches!(fact, Fact::Began { call } if *call == wanted))
    }

    /// Outbound calls that ended in the period, by what became of them.
    fn outbound(&self) -> Vec<CallOutcome> {
        let ended = self.all_ended().filter(|(call, _)| self.is_outbound(*call));
        ended.map(|(_, end)| end.2).collect()
    }

    fn reach(&self, answers: &mut Answers) {
        let outbound = self.outbound();
        let reached = outbound.iter().filter(|it| **it != CallOutcome::NotReached).count();
        put(answers, "reach_rate", reached as u64, outbound.len() as u64);
    }

    fn waits(&self, wanted: Option<QueueId>, answers: &mut Answers) {
        let ended = self.ended();
        // (seconds waited, how it ended, X in seconds, short in seconds)
        let visits: Vec<_> = self
            .facts
            .iter()
            .filter_map(|(_, fact)| {
                let Fact::LeftQueue { call, queue, wait_ms, left } = fact else { return None };
                ended.contains_key(call).then_some((*queue, *wait_ms, *left))
            })
            .filter(|(queue, ..)| wanted.is_none_or(|wanted| wanted == *queue))
            .map(|(queue, wait, left)| {
                let target = self.targets.get(queue.0 as usize).copied().unwrap_or_default();
                let x = target.answer_within.as_millis() as u64;
                (wait, left, x, target.short_abandon.as_millis() as u64)
            })
            .collect();
        let count = |test: &dyn Fn(u64, QueueExit, u64, u64) -> bool| {
            visits.iter().filter(|(wait, left, x, short)| test(*wait, *left, *x, *short)).count()
                as u64
        };
        let answered = |_, left, _, _| left == QueueExit::Answered;
        let answered_in = |wait, left, x, _| left == QueueExit::Answered && wait <= x;
        let lost = |left| left == QueueExit::Abandoned;
        let abandoned = |_, left, _, _| lost(left);
        let in_time = |wait, left, x, _| lost(left) && wait <= x;
        let short = |wait, left, _, short| lost(left) && wait < short;
        let met = count(&answered_in);
        let both = count(&answered) + count(&abandoned);
        let all = visits.len() as u64;
        let left_unanswered = |left| {
            let (by_key, taken) = (QueueExit::ExitKey, QueueExit::TakenOver);
            left == by_key || left == taken || matches!(left, QueueExit::Overflowed(_))
        };
        let sent_in = |wait, left, x, _| wait <= x && left_unanswered(left);
        let unanswered_in =
            count(&|w, l, x, s| in_time(w, l, x, s) && !short(w, l, x, s)) + count(&sent_in);
        let long = count(&|w, l, x, s| abandoned(w, l, x, s) && w > x && w >= s);
        let due = all - count(&short);
        let mut level = |name: &str, part: u64, of: u64| {
            put(answers, name, part, of);
        };
        level("sl_4_late_abandons", met, count(&answered) + long);
        level("sl_1_all_within", met + count(&in_time), both);
        level("sl_2_answered", met, count(&answered));
        level("sl_3_all_abandons", met, both);
        level("sl_5_short_abandons", met + count(&short), both);
        level("sl_connect", met + count(&in_time) + count(&sent_in), all);
        level("sl_cisco_ignore", met, due - unanswered_in);
        level("sl_cisco_negative", met, due);
        level("sl_cisco_positive", met + unanswered_in, due);
        level("sl_genesys", met, both);
        level("sl_genesys_without_short", met, both - count(&short));
        level("sl_genesys_with_flow_outs", met, all);
        put(answers, "service_level", met, count(&answered) + long);
        put(answers, "abandonment_rate", count(&abandoned), all);
        let late = count(&abandoned) - count(&short);
        put(answers, "abandonment_rate_without_short", late, due);
        let waits =
            visits.iter().filter(|visit| visit.1 == QueueExit::Answered).map(|visit| visit.0);
        let answered: Vec<u64> = waits.clone().collect();
        mean(answers, "asa_s", &answered);
        over(answers, "asa_offered_s", &answered, all);
        let delayed = answered.iter().filter(|ms| **ms > 0).count() as u64;
        over(answers, "asa_delayed_s", &answered, delayed);
        let given_up: Vec<u64> = visits.iter().filter(|it| lost(it.1)).map(|it| it.0).collect();
        mean(answers, "abandon_wait_s", &given_up);
        percentile(answers, "wait_p50_s", 0.5, waits.clone().collect());
        percentile(answers, "wait_p90_s", 0.9, waits.collect());
    }

    fn offers(&self, whose: Whose, answers: &mut Answers) {
        let ended = self.ended();
        let outcomes: Vec<_> = self
            .facts
            .iter()
            .filter_map(|(_, fact)| {
                let Fact::OfferEnded { call, queue, agent, outcome } = fact else { return None };
                let is_wanted = ended.contains_key(call) && whose.has(Some(*queue), *agent);
                is_wanted.then_some(*outcome)
            })
            .collect();
        let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count() as u64;
        let all = outcomes.len() as u64;
        let charged = all - count(OfferOutcome::Withdrawn);
        put(answers, "rona_rate", count(OfferOutcome::NoAnswer), charged);
        put(answers, "rona_rate_with_withdrawn", count(OfferOutcome::NoAnswer), all);
        for (name, cause) in [
            ("rejected", OfferOutcome::Rejected),
            ("busy", OfferOutcome::Busy),
            ("device_error", OfferOutcome::DeviceError),
        ] {
            put(answers, &format!("rona_rate_{name}"), count(cause), charged);
            put(answers, &format!("rona_rate_{name}_with_withdrawn"), count(cause), all);
        }
        put(answers, "agent_answer_rate", count(OfferOutcome::Accepted), charged);
        put(answers, "agent_answer_rate_with_withdrawn", count(OfferOutcome::Accepted), all);
    }

    /// The legs of the calls of the period.
    fn legs(&self, whose: Whose) -> Vec<LegTimes> {
        let ended = self.ended();
        let mut legs = Vec::new();
        for (_, fact) in self.facts {
            let Fact::LegEnded { leg, agent, queue, talk_ms, hold_ms, sent } = fact else {
                continue;
            };
            if ended.contains_key(&leg.call) && whose.has(*queue, *agent) {
                let (leg, talk_ms, hold_ms) = (*leg, *talk_ms, *hold_ms);
                let (agent, sent, work) = (*agent, *sent, self.work(leg));
                legs.push(LegTimes { leg, agent, talk_ms, hold_ms, sent, work });
            }
        }
        legs
    }

    /// The after-call work of this leg's agent, and what the agent said of the call.
    fn work(&self, wanted: LegId) -> Option<(u64, Option<bool>)> {
        self.facts.iter().find_map(|(_, fact)| {
            let Fact::WrapUpEnded { leg, acw_ms, resolved, .. } = fact else { return None };
            (*leg == wanted).then_some((*acw_ms, *resolved))
        })
    }

    fn handling(&self, whose: Whose, answers: &mut Answers) {
        let legs = self.legs(whose);
        let done = || legs.iter().filter(|leg| leg.work.is_some());
        let mean_of = |answers: &mut Answers, name: &str, of: &dyn Fn(&LegTimes) -> u64| {
            mean(answers, name, &done().map(of).collect::<Vec<_>>());
        };
        mean_of(answers, "aht_leg_s", &|leg| leg.handle_ms().unwrap_or(0));
        mean_of(answers, "talk_leg_s", &|leg| leg.talk_ms);
        mean_of(answers, "hold_leg_s", &|leg| leg.hold_ms);
        mean_of(answers, "acw_leg_s", &|leg| leg.work.map_or(0, |work| work.0));
        let calls: BTreeSet<_> = legs.iter().map(|leg| leg.leg.call).collect();
        let whole: Vec<u64> = calls
            .iter()
            .filter_map(|call| {
                let own = legs.iter().filter(|leg| leg.leg.call == *call);
                own.map(LegTimes::handle_ms).sum()
            })
            .collect();
        mean(answers, "aht_call_s", &whole);
        percentile(answers, "handle_call_p50_s", 0.5, whole.clone());
        percentile(answers, "handle_call_p90_s", 0.9, whole);
        let ended = self.ended();
        let every_leg = self.legs(Whose::All);
        let again = |call: &CallId| {
            let own = every_leg.iter().filter(|leg| leg.leg.call == *call);
            own.map(|leg| leg.agent).collect::<BTreeSet<_>>().len() > 1
        };
        let outside = |call: &CallId| ended.get(call).is_some_and(|end| end.3);
        let n = calls.len() as u64;
        let count =
            |test: &dyn Fn(&CallId) -> bool| calls.iter().filter(|c| test(c)).count() as u64;
        put(answers, "transfer_rate", count(&|call| again(call) || outside(call)), n);
        put(answers, "transfer_rate_agent", count(&again), n);
        put(answers, "transfer_rate_outside", count(&outside), n);
        for (name, kind) in [
            ("transfer_leg_rate_cold", Sent::ToFlow),
            ("transfer_leg_rate_warm_agent", Sent::ToAgent),
            ("transfer_leg_rate_warm_outside", Sent::Outside),
        ] {
            let sent = legs.iter().filter(|leg| leg.sent == Some(kind)).count();
            put(answers, name, sent as u64, legs.len() as u64);
        }
        let said = |call: &CallId| {
            let own = every_leg.iter().filter(|leg| leg.leg.call == *call);
            own.filter_map(|leg| leg.work.and_then(|work| work.1)).next_back()
        };
        let yes = count(&|call| said(call) == Some(true));
        put(answers, "fcr_agent", yes, count(&|call| said(call).is_some()));
    }

    fn containment(&self, answers: &mut Answers) {
        self.true_containment(answers);
        let ended = self.ended();
        let count = |wanted| ended.values().filter(|end| end.2 == wanted).count() as u64;
        let answered = ended.len() as u64 - count(CallOutcome::Refused);
        put(answers, "containment_rate", count(CallOutcome::Contained), answered);
    }

    /// Walks through the day change by change, and adds each piece of time to who was at it.
    fn occupancy(&self, whose: Option<AgentId>, answers: &mut Answers) {
        let mut doing: BTreeMap<AgentId, Activity> = BTreeMap::new();
        let (mut occupied, mut available, mut logged_in) = (0, 0, 0);
        let mut clock = self.from;
        let end = self.to.min(self.now);
        let facts = self.facts.iter().map(|(at, fact)| (*at, Some(fact)));
        for (at, fact) in facts.chain([(end, None)]) {
            let piece = at.min(end).since(clock).as_millis() as u64;
            for activity in doing.values() {
                let with_call = matches!(activity, Activity::Talking | Activity::AfterCallWork);
                let free = matches!(activity, Activity::Ready | Activity::Reserved);
                occupied += piece * u64::from(with_call);
                available += piece * u64::from(with_call || free);
                logged_in += piece * u64::from(*activity != Activity::LoggedOut);
            }
            clock = clock.max(at.min(end));
            if let Some(Fact::AgentChanged { agent, activity }) = fact
                && whose.is_none_or(|wanted| wanted == *agent)
            {
                doing.insert(*agent, *activity);
            }
        }
        for (name, part, of) in
            [("occupancy", occupied, available), ("utilisation", available, logged_in)]
        {
            let value = (of >= 1000).then(|| part as f64 / of as f64);
            answers.insert(name.to_owned(), (value, of / 1000));
        }
    }
}

fn put(answers: &mut Answers, name: &str, part: u64, of: u64) {
    let value = (of > 0).then(|| part as f64 / of as f64);
    answers.insert(name.to_owned(), (value, of));
}

fn mean(answers: &mut Answers, name: &str, ms: &[u64]) {
    over(answers, name, ms, ms.len() as u64);
}

/// A sum of milliseconds over something else.
fn over(answers: &mut Answers, name: &str, ms: &[u64], n: u64) {
    let sum: f64 = ms.iter().map(|ms| *ms as f64 / 1000.0).sum();
    answers.insert(name.to_owned(), ((n > 0).then(|| sum / n as f64), n));
}

/// The smallest value with at least that share of all at or below it, by counting.
fn percentile(answers: &mut Answers, name: &str, share: f64, ms: Vec<u64>) {
    let n = ms.len() as u64;
    let enough = |value: &&u64| {
        let below = ms.iter().filter(|other| other <= value).count();
        below as f64 >= share * n as f64 - 1e-9
    };
    let value = ms.iter().filter(enough).min().map(|ms| *ms as f64 / 1000.0);
    answers.insert(name.to_owned(), (value, n));
}
