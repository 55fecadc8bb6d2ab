//! What must hold whatever is lost, late, doubled or crossed.
//!
//! **Invariant:** this file is it; [`Judge`] hears of everything and panics at the first fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use attendant::id::{CallId, LegId};
use attendant::time::Timestamp;
use attendant::webhook::{Action, Document, Link};
use attendant::words::{CallRecord, Command, Event};

use super::line::ms;

/// Until a talk ends of which the record was closed.
const TOLD_MAX: Duration = Duration::from_secs(45);
/// ProviderEvent that no line waits for is not later in [`Weather::Slow`], half a second of its own
/// included.
///
/// [`Weather::Slow`]: super::wire::Weather::Slow
const NEWS_LATE_MAX: Duration = Duration::from_millis(6_650);
/// Answers kept of one leg; older ones may be answered anew.
const KEPT: usize = 4;

/// Two people who could hear each other, by the platform's own clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    pub(super) leg: LegId,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Judge {
    answers: BTreeMap<(String, Link), Document>,
    /// By leg, the requests answered, oldest first.
    order: BTreeMap<(String, bool), Vec<Link>>,
    gone: BTreeSet<CallId>,
    accepted: BTreeSet<LegId>,
    over: BTreeSet<LegId>,
    pub(super) was_split: BTreeSet<LegId>,
    /// Consulted parties who were asked for, and who took a caller over.
    pub(super) consults: usize,
    pub(super) handed: usize,
    /// How often it was looked who hears whom.
    pub(super) looks: usize,
    pub(super) records: BTreeMap<CallId, CallRecord>,
    pub(super) talks: Vec<Talk>,
    pub(super) hash: u64,
    pub(super) lines: Vec<String>,
    pub(super) is_telling: bool,
}

impl Judge {
    pub(super) fn log(&mut self, now: Timestamp, what: &str, thing: &impl Debug) {
        let line = format!("{now} {what} {thing:?}");
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.is_telling {
            self.lines.push(line);
        }
    }

    /// What follows from what the log has anyway.
    pub(super) fn tell(&mut self, now: Timestamp, what: &str, thing: &impl Debug) {
        if self.is_telling {
            self.lines.push(format!("{now} {what} {thing:?}"));
        }
    }

    /// The calls' events: each leg begins once and ends once, and nothing comes after the end.
    pub(super) fn event(&mut self, event: &Event) {
        let event = match event {
            Event::Late { event, .. } => event,
            other => other,
        };
        match event {
            Event::Answered { leg } => {
                assert!(!self.over.contains(leg), "{leg} accepts after its end");
                assert!(self.accepted.insert(*leg), "{leg} accepts twice");
            }
            Event::HungUp { leg, .. } if leg.is_caller() => {
                assert!(self.gone.insert(leg.call), "{leg} hangs up twice");
            }
            Event::HungUp { leg, .. } | Event::DialFailed { leg, .. } => {
                assert!(self.over.insert(*leg), "{leg} ends twice");
            }
            Event::Ringing { leg } => {
                assert!(!self.over.contains(leg), "{leg} rings after its end");
            }
            Event::Digit { leg, .. } | Event::Keys { leg, .. } | Event::PromptDone { leg, .. } => {
                assert!(!self.gone.contains(&leg.call), "{leg} presses keys after its end");
            }
            _ => {}
        }
    }

    pub(super) fn command(&mut self, command: &Command) {
        if let Command::CloseRecord { record } = command {
            let call = record.call;
            let earlier = self.records.insert(call, (**record).clone());
            assert!(earlier.is_none(), "{call} has two records");
        }
        if let Command::AmendRecord { call, wrap_up } = command {
            let record = self.records.get_mut(call).expect("amended after it was closed");
            let leg = record.legs.iter_mut().find(|leg| leg.leg == wrap_up.leg);
            leg.expect("a leg of the record").wrap_up = Some(wrap_up.clone());
        }
    }

    /// A request was answered; `caused` counts the events it became. Returns whether it is the
    /// first of its kind.
    pub(super) fn answered(
        &mut self,
        reference: &str,
        link: &Link,
        document: &Document,
        caused: usize,
    ) -> bool {
        let is_party = matches!(link, Link::Leg { .. });
        if matches!(link, Link::Status { .. } | Link::Events | Link::LegStatus { .. })
            || matches!(link, Link::Recording { .. })
        {
            return false;
        }
        let order = self.order.entry((reference.to_owned(), is_party)).or_default();
        let key = (reference.to_owned(), link.clone());
        match self.answers.get(&key) {
            Some(first) => {
                assert_eq!(caused, 0, "{link:?} counts again");
                let is_recent = order.iter().rev().take(KEPT).any(|known| known == link);
                let call = call_of(document, link).max(call_of(first, link));
                if is_recent && !is_skipped(first) && !self.records.contains_key(&call) {
                    assert_eq!(document, first, "{link:?} is answered in two ways");
                }
                false
            }
            None => {
                order.push(link.clone());
                self.answers.insert(key, document.clone());
                self.is_still_wanted(link, document);
                true
            }
        }
    }

    /// By the records and by the platform's clock, people talked alike, but for `late`; and not
    /// after the record was closed, but for the time it takes to tell the platform.
    ///
    /// Of those who were taken out of the dialing only a report tells that they are gone.
    pub(super) fn compare(&self, late: Option<Duration>) {
        for record in self.records.values() {
            for leg in &record.legs {
                let mut talks = self.talks.iter().filter(|talk| talk.leg == leg.leg);
                let truth: u64 = talks.clone().map(|talk| ms(talk.to.since(talk.from))).sum();
                if let Some(late) = late {
                    let told = leg.talk_ms + leg.hold_ms;
                    let by = Duration::from_millis(told.abs_diff(truth));
                    assert!(
                        by <= self.late_of(leg.leg, late),
                        "{}: {told} ms on record, {truth} ms in truth",
                        leg.leg
                    );
                }
                let after = talks.find(|talk| talk.to > record.ended_at + TOLD_MAX);
                assert!(after.is_none(), "{after:?}, closed at {}", record.ended_at);
            }
        }
    }

    fn late_of(&self, leg: LegId, late: Duration) -> Duration {
        let is_split = self.was_split.contains(&leg);
        if is_split { late.max(NEWS_LATE_MAX) } else { late }
    }

    /// No party is brought together with a caller whose record is closed.
    fn is_still_wanted(&self, link: &Link, document: &Document) {
        let bridges = is_party_bridged(link, document)
            || document
                .actions
                .iter()
                .any(|action| matches!(action, Action::Dial(_) | Action::Conference { .. }));
        let call = call_of(document, link);
        assert!(!(bridges && self.records.contains_key(&call)), "{link:?}: {call} is over");
    }
}

/// The answer to a step that was left out: whatever is next.
fn is_skipped(document: &Document) -> bool {
    matches!(document.actions[..], [Action::Goto(_)])
}

fn is_party_bridged(link: &Link, document: &Document) -> bool {
    matches!(link, Link::Leg { .. }) && document.actions.is_empty()
}

fn call_of(document: &Document, link: &Link) -> CallId {
    let of = |link: &Link| match link {
        Link::Step { call, .. } | Link::Status { call } | Link::Recording { call, .. } => {
            Some(*call)
        }
        Link::Leg { leg, .. } | Link::LegStatus { leg } => Some(leg.call),
        Link::Voice | Link::Events | Link::Audio { .. } => None,
    };
    let next = document.actions.iter().find_map(|action| match action {
        Action::Gather { next, .. }
        | Action::Goto(next)
        | Action::Conference { next, .. }
        | Action::Record { next, .. } => of(next),
        Action::Dial(dial) => of(&dial.next),
        Action::Sound(_) | Action::HangUp { .. } | Action::Reject { .. } => None,
    });
    of(link).or(next).unwrap_or(CallId(0))
}
