//! The figures once more, from the bare list of facts: what [`Metrics`](super::Metrics) must agree
//! with. Tests use it, and the simulator after each day.
//!
//! **Invariant:** nothing of the fold is used: no row, no index, no running sum. Each figure walks
//! over the facts by itself.
//!
//! **Deliberately absent:** speed (repeat calls compare every pair), and bounds.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{AgentId, CallId, LegId, QueueId};
use crate::metrics::{FCR_WINDOWS, FIGURES, Fact, FcrRepeat, Figures, Report, Section, Target};
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
    let repeats = &report.handling.fcr_repeat;
    let mut found = oracle.compare(Whose::All, &report.figures, repeats);
    for queue in &report.queues {
        let repeats = &queue.handling.fcr_repeat;
        found.extend(oracle.compare(Whose::Queue(queue.queue), &queue.figures, repeats));
    }
    for agent in &report.agents {
        let repeats = &agent.handling.fcr_repeat;
        found.extend(oracle.compare(Whose::Agent(agent.agent), &agent.figures, repeats));
    }
    found
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
    talk_ms: u64,
    hold_ms: u64,
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
    fn compare(self, whose: Whose, figures: &Figures, repeats: &[FcrRepeat]) -> Vec<String> {
        let facts = self.answers(whose);
        let of_section = FIGURES.iter().filter(|it| it.sections.contains(&whose.section()));
        let named = of_section.map(|it| {
            let said = figures.get(it.name).map(|figure| (figure.value, figure.n));
            (it.name.to_owned(), said)
        });
        let windows = repeats.iter().enumerate();
        let windows = windows.map(|(n, one)| (repeat_name(n), Some((one.fcr.value, one.fcr.n))));
        let compared = named.chain(windows).filter_map(|(name, said)| {
            let difference = differ(said, facts.get(&name).copied())?;
            Some(format!("{whose:?} {name}: {difference}"))
        });
        compared.collect()
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
                self.occupancy(None, &mut answers);
            }
            Whose::Queue(queue) => self.waits(Some(queue), &mut answers),
            Whose::Agent(agent) => self.occupancy(Some(agent), &mut answers),
        }
        answers
    }

    /// Calls that ended in the period.
    fn ended(&self) -> BTreeMap<CallId, Ended<'_>> {
        let ends = self.facts.iter().filter_map(|(at, fact)| {
            let Fact::CallEnded { call, caller, outcome, outside, .. } = fact else { return None };
            Some((*call, (*at, caller, *outcome, *outside)))
        });
        ends.filter(|(call, (at, ..))| *at >= self.from && *at < self.to && !self.is_agents(*call))
            .collect()
    }

    /// Whether an agent's own telephone made the call.
    fn is_agents(&self, wanted: CallId) -> bool {
        self.facts.iter().any(|(_, fact)| {
            matches!(fact, Fact::Arrived { call, by_agent: Some(_) } if *call == wanted)
        })
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
        let lost = |left| matches!(left, QueueExit::Abandoned | QueueExit::Ended);
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
            put(answers, &format!("service_levels.{name}"), part, of);
        };
        level("late_abandons_count", met, count(&answered) + long);
        level("all_within", met + count(&in_time), both);
        level("answered_only", met, count(&answered));
        level("all_abandons_count", met, both);
        level("short_abandons_are_met", met + count(&short), both);
        level("removed_within", met + count(&in_time) + count(&sent_in), all);
        level("abandons_ignored", met, due - unanswered_in);
        level("abandons_negative", met, due);
        level("abandons_positive", met + unanswered_in, due);
        level("answered_of_answered_and_abandoned_without_short", met, both - count(&short));
        level("flow_outs_count", met, all);
        put(answers, "service_level", met, count(&answered) + long);
        put(answers, "abandonment_rate", count(&abandoned), all);
        let late = count(&abandoned) - count(&short);
        put(answers, "abandonment_rate_without_short", late, due);
        let waits =
            visits.iter().filter(|visit| visit.1 == QueueExit::Answered).map(|visit| visit.0);
        mean(answers, "asa_s", &waits.clone().collect::<Vec<_>>());
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
        put(answers, "agent_answer_rate", count(OfferOutcome::Accepted), charged);
        put(answers, "agent_answer_rate_with_withdrawn", count(OfferOutcome::Accepted), all);
    }

    /// The legs of the calls of the period.
    fn legs(&self, whose: Whose) -> Vec<LegTimes> {
        let ended = self.ended();
        let mut legs = Vec::new();
        for (_, fact) in self.facts {
            let Fact::LegEnded { leg, agent, queue, talk_ms, hold_ms } = fact else { continue };
            if ended.contains_key(&leg.call) && whose.has(*queue, *agent) {
                let (leg, talk_ms, hold_ms) = (*leg, *talk_ms, *hold_ms);
                legs.push(LegTimes { leg, talk_ms, hold_ms, work: self.work(leg) });
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
        let again =
            |call: &CallId| every_leg.iter().filter(|leg| leg.leg.call == *call).count() > 1;
        let outside = |call: &CallId| ended.get(call).is_some_and(|end| end.3);
        let n = calls.len() as u64;
        let count =
            |test: &dyn Fn(&CallId) -> bool| calls.iter().filter(|c| test(c)).count() as u64;
        put(answers, "transfer_rate", count(&|call| again(call) || outside(call)), n);
        put(answers, "transfer_rate_agent", count(&again), n);
        put(answers, "transfer_rate_outside", count(&outside), n);
        let said = |call: &CallId| {
            let own = every_leg.iter().filter(|leg| leg.leg.call == *call);
            own.filter_map(|leg| leg.work.and_then(|work| work.1)).next_back()
        };
        let yes = count(&|call| said(call) == Some(true));
        put(answers, "fcr_agent", yes, count(&|call| said(call).is_some()));
    }

    fn repeats(&self, whose: Whose, answers: &mut Answers) {
        let contacts = self.contacts();
        let handled: BTreeSet<_> = self.legs(whose).iter().map(|leg| leg.leg.call).collect();
        let window_ms = |n: usize| FCR_WINDOWS[n % FCR_WINDOWS.len()].1.as_millis() as u64;
        for n in 0..2 * FCR_WINDOWS.len() {
            let (window, by_intent) = (window_ms(n), n >= FCR_WINDOWS.len());
            let mut issues = 0;
            let mut resolved = 0;
            for own in contacts.iter().filter(|c| handled.contains(&c.call)) {
                if own.caller.is_none() || (by_intent && own.intent.is_none()) {
                    continue;
                }
                let same = |other: &&Contact| {
                    other.call != own.call
                        && other.caller == own.caller
                        && (!by_intent || other.intent == own.intent)
                };
                let near = |other: &Contact| other.at.abs_diff(own.at) <= window;
                let key = |contact: &Contact| (contact.at, contact.call);
                let mut others = contacts.iter().filter(same).filter(|other| near(other));
                if others.clone().any(|other| key(other) < key(own)) {
                    continue;
                }
                issues += 1;
                resolved += u64::from(!others.any(|other| key(other) > key(own)));
            }
            put(answers, &repeat_name(n), resolved, issues);
            if FCR_WINDOWS[n % FCR_WINDOWS.len()].0 == "7d" {
                let scope = if by_intent { "same_intent" } else { "any_reason" };
                put(answers, &format!("fcr_repeat_{scope}"), resolved, issues);
            }
        }
    }

    fn contacts(&self) -> Vec<Contact> {
        let ends = self.facts.iter().filter_map(|(_, fact)| {
            let Fact::CallEnded { call, caller, intent, outcome, .. } = fact else { return None };
            let is_contact = *outcome != CallOutcome::Refused && !self.is_agents(*call);
            is_contact.then(|| (*call, caller.clone(), intent.clone()))
        });
        ends.map(|(call, caller, intent)| {
            let corrected = self.facts.iter().rev().find_map(|(_, fact)| {
                let Fact::WrapUpEnded { leg, intent, .. } = fact else { return None };
                intent.clone().filter(|_| leg.call == call)
            });
            let arrived = self.facts.iter().find_map(|(at, fact)| {
                let Fact::Arrived { call: of, .. } = fact else { return None };
                (*of == call).then_some(at.as_millis())
            });
            Contact { at: arrived.unwrap_or(0), call, caller, intent: corrected.or(intent) }
        })
        .collect()
    }

    fn containment(&self, answers: &mut Answers) {
        let ended = self.ended();
        let count = |wanted| ended.values().filter(|end| end.2 == wanted).count() as u64;
        let answered = ended.len() as u64 - count(CallOutcome::Refused);
        put(answers, "containment_rate", count(CallOutcome::Contained), answered);
    }

    /// Walks through the day change by change, and adds each piece of time to who was at it.
    fn occupancy(&self, whose: Option<AgentId>, answers: &mut Answers) {
        let mut doing: BTreeMap<AgentId, Activity> = BTreeMap::new();
        let (mut occupied, mut available) = (0, 0);
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
            }
            clock = clock.max(at.min(end));
            if let Some(Fact::AgentChanged { agent, activity }) = fact
                && whose.is_none_or(|wanted| wanted == *agent)
            {
                doing.insert(*agent, *activity);
            }
        }
        let value = (available > 0).then(|| occupied as f64 / available as f64);
        answers.insert("occupancy".to_owned(), (value, available / 1000));
    }
}

/// The place of one of [`FcrRepeat`] in its list.
fn repeat_name(n: usize) -> String {
    format!("fcr_repeat.{n}")
}

struct Contact {
    at: u64,
    call: CallId,
    caller: Option<std::sync::Arc<str>>,
    intent: Option<std::sync::Arc<str>>,
}

fn put(answers: &mut Answers, name: &str, part: u64, of: u64) {
    let value = (of > 0).then(|| part as f64 / of as f64);
    answers.insert(name.to_owned(), (value, of));
}

fn mean(answers: &mut Answers, name: &str, ms: &[u64]) {
    let n = ms.len() as u64;
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
