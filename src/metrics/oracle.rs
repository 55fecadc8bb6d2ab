//! The figures once more, from the bare list of facts: what [`Metrics`](super::Metrics) must agree
//! with. Tests use it, and the simulator after each day.
//!
//! **Invariant:** nothing of the fold is used: no row, no index, no running sum. Each figure walks
//! over the facts by itself.
//!
//! **Deliberately absent:** speed (repeat calls compare every pair), bounds, and sections by agent.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{AgentId, CallId, LegId, QueueId};
use crate::metrics::{FCR_WINDOWS, Fact, Report, Target};
use crate::time::Timestamp;
use crate::words::{Activity, CallOutcome, OfferOutcome, QueueExit};

/// Figures by their place in the report as JSON (a pointer such as `/aht_call_s`): value and n.
pub type Figures = BTreeMap<String, (Option<f64>, u64)>;

/// What the facts say about the calls that ended in `from..to`; about one queue, if asked.
#[derive(Clone, Copy, Debug)]
pub struct Oracle<'a> {
    pub facts: &'a [(Timestamp, Fact)],
    pub targets: &'a [Target],
    pub now: Timestamp,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Every figure in which the report and the facts differ, as text; empty if they agree.
#[must_use]
pub fn disagreements(report: &Report, oracle: Oracle<'_>) -> Vec<String> {
    let json = match serde_json::to_value(report) {
        Ok(json) => json,
        Err(error) => return vec![format!("the report cannot be written: {error}")],
    };
    let mut found = compare(&json, "", &oracle.figures(None));
    for (n, queue) in report.queues.iter().enumerate() {
        let figures = oracle.figures(Some(queue.queue));
        found.extend(compare(&json, &format!("/queues/{n}"), &figures));
    }
    found
}

fn compare(json: &serde_json::Value, at: &str, figures: &Figures) -> Vec<String> {
    let differs = |(name, (value, n)): (&String, &(Option<f64>, u64))| {
        let path = format!("{at}{name}");
        let figure = json.pointer(&path);
        let said = figure.and_then(|figure| figure.get("value")).and_then(|v| v.as_f64());
        let said_n = figure.and_then(|figure| figure.get("n")).and_then(|n| n.as_u64());
        let near = match (said, value) {
            (Some(said), Some(value)) => (said - value).abs() <= 1e-9 * value.abs().max(1.0),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        (!near || said_n != Some(*n))
            .then(|| format!("{path}: {said:?} of {said_n:?}, the facts say {value:?} of {n}"))
    };
    figures.iter().filter_map(differs).collect()
}

/// Talk and hold; then after-call work and disposition, once it ended.
type LegTimes = (LegId, u64, Option<(u64, Option<bool>)>);

/// When, the caller, what became of it, and whether an outside party talked to it.
type Ended<'a> = (Timestamp, &'a Option<std::sync::Arc<str>>, CallOutcome, bool);

impl Oracle<'_> {
    #[must_use]
    pub fn figures(self, queue: Option<QueueId>) -> Figures {
        let mut figures = Figures::new();
        self.waits(queue, &mut figures);
        self.offers(queue, &mut figures);
        self.handling(queue, &mut figures);
        self.repeats(queue, &mut figures);
        if queue.is_none() {
            self.containment(&mut figures);
            self.occupancy(&mut figures);
        }
        figures
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

    fn waits(&self, wanted: Option<QueueId>, figures: &mut Figures) {
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
            put(figures, &format!("/service_levels/{name}"), part, of);
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
        put(figures, "/service_level", met, count(&answered) + long);
        put(figures, "/abandonment_rate", count(&abandoned), all);
        let late = count(&abandoned) - count(&short);
        put(figures, "/abandonment_rate_without_short", late, due);
        let waits =
            visits.iter().filter(|visit| visit.1 == QueueExit::Answered).map(|visit| visit.0);
        mean(figures, "/asa_s", &waits.clone().collect::<Vec<_>>());
        percentile(figures, "/wait_p50_s", 0.5, waits.clone().collect());
        percentile(figures, "/wait_p90_s", 0.9, waits.collect());
    }

    fn offers(&self, wanted: Option<QueueId>, figures: &mut Figures) {
        let ended = self.ended();
        let outcomes: Vec<_> = self
            .facts
            .iter()
            .filter_map(|(_, fact)| {
                let Fact::OfferEnded { call, queue, outcome, .. } = fact else { return None };
                let is_wanted = wanted.is_none_or(|wanted| wanted == *queue);
                (is_wanted && ended.contains_key(call)).then_some(*outcome)
            })
            .collect();
        let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count() as u64;
        let all = outcomes.len() as u64;
        let charged = all - count(OfferOutcome::Withdrawn);
        put(figures, "/rona_rate", count(OfferOutcome::NoAnswer), charged);
        put(figures, "/rona_rate_with_withdrawn", count(OfferOutcome::NoAnswer), all);
        put(figures, "/agent_answer_rate", count(OfferOutcome::Accepted), charged);
        put(figures, "/agent_answer_rate_with_withdrawn", count(OfferOutcome::Accepted), all);
    }

    /// The legs of the calls of the period.
    fn legs(&self, wanted: Option<QueueId>) -> Vec<LegTimes> {
        let ended = self.ended();
        let mut legs = Vec::new();
        for (_, fact) in self.facts {
            let Fact::LegEnded { leg, queue, talk_ms, hold_ms, .. } = fact else { continue };
            if ended.contains_key(&leg.call) && (wanted.is_none() || *queue == wanted) {
                legs.push((*leg, talk_ms + hold_ms, self.work(*leg)));
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

    fn handling(&self, wanted: Option<QueueId>, figures: &mut Figures) {
        let legs = self.legs(wanted);
        let done = legs.iter().filter_map(|(_, ms, work)| work.map(|work| ms + work.0));
        mean(figures, "/aht_leg_s", &done.collect::<Vec<_>>());
        let calls: BTreeSet<_> = legs.iter().map(|leg| leg.0.call).collect();
        let whole: Vec<u64> = calls
            .iter()
            .filter_map(|call| {
                let own = legs.iter().filter(|leg| leg.0.call == *call);
                own.map(|(_, ms, work)| work.map(|work| ms + work.0)).sum()
            })
            .collect();
        mean(figures, "/aht_call_s", &whole);
        percentile(figures, "/handle_call_p50_s", 0.5, whole.clone());
        percentile(figures, "/handle_call_p90_s", 0.9, whole);
        let ended = self.ended();
        let every_leg = self.legs(None);
        let again = |call: &CallId| every_leg.iter().filter(|leg| leg.0.call == *call).count() > 1;
        let outside = |call: &CallId| ended.get(call).is_some_and(|end| end.3);
        let n = calls.len() as u64;
        let count =
            |test: &dyn Fn(&CallId) -> bool| calls.iter().filter(|c| test(c)).count() as u64;
        put(figures, "/transfer_rate", count(&|call| again(call) || outside(call)), n);
        put(figures, "/transfer_rate_agent", count(&again), n);
        put(figures, "/transfer_rate_outside", count(&outside), n);
        let said = |call: &CallId| {
            let own = every_leg.iter().filter(|leg| leg.0.call == *call);
            own.filter_map(|leg| leg.2.and_then(|work| work.1)).next_back()
        };
        let yes = count(&|call| said(call) == Some(true));
        put(figures, "/fcr_agent", yes, count(&|call| said(call).is_some()));
    }

    fn repeats(&self, wanted: Option<QueueId>, figures: &mut Figures) {
        let contacts = self.contacts();
        let handled: BTreeSet<_> = self.legs(wanted).iter().map(|leg| leg.0.call).collect();
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
            put(figures, &format!("/fcr_repeat/{n}/fcr"), resolved, issues);
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

    fn containment(&self, figures: &mut Figures) {
        let ended = self.ended();
        let count = |wanted| ended.values().filter(|end| end.2 == wanted).count() as u64;
        let answered = ended.len() as u64 - count(CallOutcome::Refused);
        put(figures, "/containment_rate", count(CallOutcome::Contained), answered);
    }

    /// Walks through the day change by change, and adds each piece of time to who was at it.
    fn occupancy(&self, figures: &mut Figures) {
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
            if let Some(Fact::AgentChanged { agent, activity }) = fact {
                doing.insert(*agent, *activity);
            }
        }
        let value = (available > 0).then(|| occupied as f64 / available as f64);
        figures.insert("/occupancy".to_owned(), (value, available / 1000));
    }
}

struct Contact {
    at: u64,
    call: CallId,
    caller: Option<std::sync::Arc<str>>,
    intent: Option<std::sync::Arc<str>>,
}

fn put(figures: &mut Figures, name: &str, part: u64, of: u64) {
    let value = (of > 0).then(|| part as f64 / of as f64);
    figures.insert(name.to_owned(), (value, of));
}

fn mean(figures: &mut Figures, name: &str, ms: &[u64]) {
    let n = ms.len() as u64;
    let sum: f64 = ms.iter().map(|ms| *ms as f64 / 1000.0).sum();
    figures.insert(name.to_owned(), ((n > 0).then(|| sum / n as f64), n));
}

/// The smallest value with at least that share of all at or below it, by counting.
fn percentile(figures: &mut Figures, name: &str, share: f64, ms: Vec<u64>) {
    let n = ms.len() as u64;
    let enough = |value: &&u64| {
        let below = ms.iter().filter(|other| other <= value).count();
        below as f64 >= share * n as f64 - 1e-9
    };
    let value = ms.iter().filter(enough).min().map(|ms| *ms as f64 / 1000.0);
    figures.insert(name.to_owned(), (value, n));
}
