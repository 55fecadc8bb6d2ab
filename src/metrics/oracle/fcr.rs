//! First contact resolution and what became of contained callers, from the bare facts.
//!
//! **Invariant:** every pair of contacts is compared, in each scope and window.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Answers, Oracle, Whose, put};
use crate::id::{CallId, QueueId};
use crate::metrics::report::Handling;
use crate::metrics::{FCR_WINDOWS, Fact, Judgement};
use crate::words::CallOutcome;

const SCOPES: [&str; 3] = ["any_reason", "same_queue", "same_intent"];
const DAY_MS: u64 = 24 * 3_600_000;

/// A customer's call that reached us.
struct Contact {
    at: u64,
    call: CallId,
    caller: Option<Arc<str>>,
    intent: Option<Arc<str>>,
    queue: Option<QueueId>,
    outcome: CallOutcome,
    is_cut_off: bool,
}

impl Contact {
    fn is_served(&self) -> bool {
        self.outcome == CallOutcome::Handled && !self.is_cut_off
    }

    fn is_in(&self, scope: usize) -> bool {
        match scope {
            0 => true,
            1 => self.queue.is_some(),
            _ => self.intent.is_some(),
        }
    }

    /// Of the same caller, and in the scope about the same.
    fn is_like(&self, own: &Self, scope: usize) -> bool {
        let is_same = match scope {
            0 => true,
            1 => self.queue == own.queue,
            _ => self.intent == own.intent,
        };
        is_same && self.call != own.call && self.caller == own.caller
    }

    const fn key(&self) -> (u64, CallId) {
        (self.at, self.call)
    }
}

/// What handled calls were judged to be.
#[derive(Default)]
struct FcrCounts {
    issues: u64,
    resolved: u64,
    repeats: u64,
    attempts: u64,
    cut_off: u64,
    withheld: u64,
    no_scope: u64,
    provisional: u64,
    until: u64,
}

/// What the report says of it, as [`Oracle::answers`] names it.
pub(super) fn said(
    handling: &Handling,
) -> impl Iterator<Item = (String, Option<(Option<f64>, u64)>)> {
    let repeats = handling.fcr_repeat.iter().enumerate().flat_map(|(n, one)| {
        let fcr = (format!("fcr_repeat.{n}"), Some((one.fcr.value, one.fcr.n)));
        std::iter::once(fcr).chain(counts(format!("fcr_repeat.{n}"), &one.judged))
    });
    repeats.chain(counts("fcr_blended".to_owned(), &handling.fcr_blended.judged))
}

fn counts(
    name: String,
    judged: &Judgement,
) -> impl Iterator<Item = (String, Option<(Option<f64>, u64)>)> {
    let until = judged.provisional_until.map_or(0, |at| at.as_millis());
    let left_out = judged.left_out;
    let each = [
        ("repeats", judged.repeats),
        ("attempts", judged.after_attempts),
        ("cut_off", left_out.cut_off),
        ("withheld", left_out.withheld),
        ("no_scope", left_out.no_scope),
        ("provisional", judged.provisional_n),
        ("until", until),
    ];
    each.into_iter().map(move |(of, n)| (format!("{name}.{of}"), Some((None, n))))
}

impl FcrCounts {
    fn put(&self, answers: &mut Answers, name: &str) {
        for (of, n) in [
            ("repeats", self.repeats),
            ("attempts", self.attempts),
            ("cut_off", self.cut_off),
            ("withheld", self.withheld),
            ("no_scope", self.no_scope),
            ("provisional", self.provisional),
            ("until", self.until),
        ] {
            answers.insert(format!("{name}.{of}"), (None, n));
        }
    }
}

impl Oracle<'_> {
    pub(super) fn repeats(&self, whose: Whose, answers: &mut Answers) {
        let contacts = self.contacts();
        let handled: BTreeSet<_> = self.legs(whose).iter().map(|leg| leg.leg.call).collect();
        let own = || contacts.iter().filter(|contact| handled.contains(&contact.call));
        for (scope, scope_name) in SCOPES.iter().enumerate() {
            for (n, (name, window)) in FCR_WINDOWS.iter().enumerate() {
                let window = window.as_millis() as u64;
                let mut counts = FcrCounts::default();
                own()
                    .for_each(|own| self.judge(own, &contacts, (scope, window, None), &mut counts));
                let place = format!("fcr_repeat.{}", scope * FCR_WINDOWS.len() + n);
                put(answers, &place, counts.resolved, counts.issues);
                counts.put(answers, &place);
                if *name == "7d" {
                    let figure = format!("fcr_repeat_{scope_name}");
                    put(answers, &figure, counts.resolved, counts.issues);
                }
            }
        }
        let mut counts = FcrCounts::default();
        for own in own() {
            let said = self.said_of(own.call);
            self.judge(own, &contacts, (0, 7 * DAY_MS, said), &mut counts);
        }
        put(answers, "fcr_blend", counts.resolved, counts.issues);
        counts.put(answers, "fcr_blended");
    }

    /// Adds one handled call, of which an agent may have said something.
    fn judge(
        &self,
        own: &Contact,
        contacts: &[Contact],
        (scope, window, said): (usize, u64, Option<bool>),
        counts: &mut FcrCounts,
    ) {
        let near: Vec<_> = contacts
            .iter()
            .filter(|other| own.caller.is_some() && other.at.abs_diff(own.at) <= window)
            .collect();
        let is_before = |other: &&&Contact| other.key() < own.key();
        let alike = || near.iter().filter(|other| other.is_like(own, scope));
        if own.is_cut_off {
            counts.cut_off += 1;
        } else if own.caller.is_none() && said.is_none() {
            counts.withheld += 1;
        } else if !own.is_in(scope) {
            counts.no_scope += 1;
        } else if alike().filter(is_before).any(|other| other.is_served()) {
            counts.repeats += 1;
        } else {
            let comes_again = alike().any(|other| other.key() > own.key());
            let resolved = said.unwrap_or(!comes_again);
            let last = near.iter().filter(|other| other.is_like(own, 0)).filter(is_before);
            let last = last.max_by_key(|other| other.key());
            counts.issues += 1;
            counts.resolved += u64::from(resolved);
            counts.attempts += u64::from(last.is_some_and(|last| !last.is_served()));
            if said.is_none() && resolved && own.at + window > self.now.as_millis() {
                counts.provisional += 1;
                counts.until = counts.until.max(own.at + window);
            }
        }
    }

    /// The last disposition of a call.
    fn said_of(&self, call: CallId) -> Option<bool> {
        let legs = self.legs(Whose::All);
        let own = legs.iter().filter(|leg| leg.leg.call == call);
        own.filter_map(|leg| leg.work.and_then(|work| work.1)).next_back()
    }

    pub(super) fn true_containment(&self, answers: &mut Answers) {
        let (contacts, ended) = (self.contacts(), self.ended());
        let told = |contact: &&Contact| {
            let is_contained = contact.outcome == CallOutcome::Contained;
            let is_final = contact.at + DAY_MS <= self.now.as_millis();
            let is_known = contact.caller.is_some() && is_final;
            is_contained && is_known && ended.contains_key(&contact.call)
        };
        let (mut all, mut stayed_away) = (0, 0);
        for own in contacts.iter().filter(told) {
            let comes_again = contacts.iter().any(|other| {
                other.is_like(own, 0) && other.key() > own.key() && other.at - own.at <= DAY_MS
            });
            all += 1;
            stayed_away += u64::from(!comes_again);
        }
        put(answers, "true_containment_rate", stayed_away, all);
    }

    fn contacts(&self) -> Vec<Contact> {
        let ends = self.facts.iter().filter_map(|(_, fact)| match fact {
            Fact::CallEnded { call, caller, intent, outcome, is_cut_off, .. }
                if *outcome != CallOutcome::Refused && self.is_customers(*call) =>
            {
                Some((*call, caller.clone(), intent.clone(), *outcome, *is_cut_off))
            }
            Fact::CallEnded { .. }
            | Fact::Arrived { .. }
            | Fact::Began { .. }
            | Fact::OfferEnded { .. }
            | Fact::LeftQueue { .. }
            | Fact::LegEnded { .. }
            | Fact::WrapUpEnded { .. }
            | Fact::AgentChanged { .. } => None,
        });
        ends.map(|(call, caller, intent, outcome, is_cut_off)| {
            let corrected = self.facts.iter().rev().find_map(|(_, fact)| {
                let Fact::WrapUpEnded { leg, intent, .. } = fact else { return None };
                intent.clone().filter(|_| leg.call == call)
            });
            let arrived = self.facts.iter().find_map(|(at, fact)| {
                let Fact::Arrived { call: of, .. } = fact else { return None };
                (*of == call).then_some(at.as_millis())
            });
            let queue = self.facts.iter().rev().find_map(|(_, fact)| {
                let Fact::LeftQueue { call: of, queue, .. } = fact else { return None };
                (*of == call).then_some(*queue)
            });
            let (at, intent) = (arrived.unwrap_or(0), corrected.or(intent));
            Contact { at, call, caller, intent, queue, outcome, is_cut_off }
        })
        .collect()
    }
}
