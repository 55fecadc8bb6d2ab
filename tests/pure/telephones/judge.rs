//! What must hold whatever the network does and whoever does what when.
//!
//! * Each leg that began ends once, and nothing is heard of it after that.
//! * The user agent knows exactly the legs whose end was not reported yet; but for those whose
//!   recording is still being closed.
//! * Legs with ports are legs of the user agent, and hear whom the center lets them hear.
//! * A key is heard once, in the order in which it was pressed.
//! * Each call leaves one record.
//!
//! **Invariant:** this file is it; [`Judge`] hears of everything and panics at the first fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use attendant::center::ContactCenter;
use attendant::id::{CallId, LegId};
use attendant::sip_front::SipFront;
use attendant::time::Timestamp;
use attendant::words::{CallRecord, Command, Digit, Event};

use super::plane::Plane;

#[derive(Debug, Default)]
pub(super) struct Judge {
    begun: BTreeSet<LegId>,
    ended: BTreeSet<LegId>,
    answered: BTreeSet<LegId>,
    /// Legs that were asked to record: their end comes when the recording is kept.
    recorded: BTreeSet<LegId>,
    refused: BTreeSet<CallId>,
    pub(super) records: BTreeMap<CallId, CallRecord>,
    /// The keys that were pressed at the far end of each leg, and those the center has heard of it.
    pressed: BTreeMap<LegId, Vec<Digit>>,
    heard: BTreeMap<LegId, Vec<Digit>>,
    pub(super) seen: BTreeMap<&'static str, usize>,
    pub(super) hash: u64,
    pub(super) lines: Vec<String>,
    pub(super) is_telling: bool,
}

impl Judge {
    pub(super) fn log(&mut self, now: Timestamp, what: &str, thing: &impl Debug) {
        self.line(format!("{now} {what} {thing:?}"));
    }

    /// A datagram, whole: same seed, same bytes.
    pub(super) fn datagram(&mut self, now: Timestamp, way: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        self.line(format!("{now} {way} {}", text.replace("\r\n", " | ")));
    }

    fn line(&mut self, line: String) {
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.is_telling {
            self.lines.push(line);
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    fn begins(&mut self, leg: LegId) {
        assert!(self.begun.insert(leg), "{leg} begins twice");
    }

    fn ends(&mut self, leg: LegId) {
        assert!(self.begun.contains(&leg), "{leg} ends, and never began");
        assert!(self.ended.insert(leg), "{leg} ends twice");
    }

    fn is_live(&self, leg: LegId, event: &Event) {
        let is_live = self.begun.contains(&leg) && !self.ended.contains(&leg);
        assert!(is_live, "{event:?} of a leg that is over or never began");
    }

    /// Before the center hears of it.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::CallArrived { call, .. } => {
                self.count("calls");
                self.begins(LegId::caller(*call));
                self.answered.insert(LegId::caller(*call));
            }
            Event::CallOpening { call, .. } => {
                self.count("calls without an offer");
                self.begins(LegId::caller(*call));
            }
            Event::CallRefused { call, .. } => {
                self.count("calls refused");
                assert!(self.refused.insert(*call), "{call} is refused twice");
            }
            Event::Ringing { leg } => {
                self.is_live(*leg, event);
                assert!(!self.answered.contains(leg), "{leg} rings after it was answered");
            }
            Event::Answered { leg } => {
                self.is_live(*leg, event);
                assert!(self.answered.insert(*leg), "{leg} is answered twice");
                self.count("answered");
            }
            Event::Held { leg } => {
                self.is_live(*leg, event);
                self.count("held");
            }
            Event::Resumed { leg } | Event::Rerouted { leg, .. } => self.is_live(*leg, event),
            Event::DialFailed { leg, .. } => {
                assert!(!self.answered.contains(leg), "{leg} fails after it was answered");
                self.count("dials failed");
                self.ends(*leg);
            }
            Event::HungUp { leg, .. } => {
                self.count("hung up");
                self.ends(*leg);
            }
            Event::LegLost { leg, .. } => {
                self.count("lost");
                self.ends(*leg);
            }
            Event::Digit { leg, digit } => {
                self.count("keys");
                self.heard.entry(*leg).or_default().push(*digit);
            }
            Event::Recorded { .. } => self.count("recorded"),
            Event::PromptDone { .. }
            | Event::PromptFailed { .. }
            | Event::RecordFailed { .. }
            | Event::PhoneReachable { .. }
            | Event::AgentAsked { .. }
            | Event::SupervisorAsked { .. }
            | Event::EndCall { .. } => {}
            Event::Keys { .. }
            | Event::HoldFailed { .. }
            | Event::RecordingExpired { .. }
            | Event::OutboundAsked { .. }
            | Event::Replied { .. }
            | Event::Late { .. }
            | Event::Lost { .. }
            | Event::Drain { .. } => panic!("no telephone brings {event:?}"),
        }
    }

    pub(super) fn command(&mut self, command: &Command) {
        match command {
            Command::Dial { leg, .. } => {
                self.count("dials");
                self.begins(*leg);
            }
            Command::Record { leg, .. } => {
                self.recorded.insert(*leg);
            }
            Command::CloseRecord { record } => {
                let twice = self.records.insert(record.call, (**record).clone());
                assert!(twice.is_none(), "{} has two records", record.call);
            }
            Command::Hear { from, .. } if from.len() > 1 => self.count("conferences"),
            Command::Reject { .. } => self.count("rejected"),
            Command::Answer { .. }
            | Command::Ring { .. }
            | Command::Play { .. }
            | Command::StopPlay { .. }
            | Command::StopRecord { .. }
            | Command::RecordCall { .. }
            | Command::Hear { .. }
            | Command::HangUp { .. }
            | Command::Ask { .. }
            | Command::AmendRecord { .. }
            | Command::AmendRecording { .. } => {}
        }
    }

    /// Nothing is left to be done about what came last.
    pub(super) fn settled(&self, center: &ContactCenter, front: &SipFront<Plane>) {
        let live = || self.begun.difference(&self.ended);
        for leg in live() {
            let is_closing = self.recorded.contains(leg);
            assert!(
                front.ua.has_leg(*leg) || is_closing,
                "{leg} is gone, and its end not reported"
            );
        }
        let known = live().filter(|leg| front.ua.has_leg(**leg)).count();
        assert_eq!(front.ua.counts().legs, known, "the user agent has legs that no call has");
        let open = &front.plane.legs;
        for leg in open.keys() {
            assert!(front.ua.has_leg(*leg), "{leg} has ports, and is over");
            // Of a leg that is over nothing is said, and nothing is heard.
            let is_open = |other: &&LegId| open.contains_key(*other);
            let may = center.heard_by(*leg);
            let hears = front.plane.hears.get(leg).into_iter().flatten().filter(is_open);
            let may = may.iter().filter(is_open).collect::<Vec<_>>();
            assert_eq!(hears.collect::<Vec<_>>(), may, "{leg} does not hear whom it may hear");
        }
    }

    /// A key is pressed at the far end of this leg.
    pub(super) fn pressed(&mut self, leg: LegId, digit: Digit) {
        self.pressed.entry(leg).or_default().push(digit);
    }

    fn check_keys(&self) {
        for (leg, heard) in &self.heard {
            let mut pressed = self.pressed.get(leg).into_iter().flatten();
            let is_in_order = heard.iter().all(|digit| pressed.any(|it| it == digit));
            assert!(is_in_order, "{leg}: {heard:?} was heard of {:?}", self.pressed.get(leg));
        }
    }

    /// Everything is over.
    pub(super) fn at_rest(&self) {
        let live: Vec<_> = self.begun.difference(&self.ended).collect();
        assert!(live.is_empty(), "{live:?} never end");
        let calls = self.begun.iter().filter(|leg| leg.is_caller()).map(|leg| leg.call);
        let calls: BTreeSet<CallId> = calls.chain(self.refused.iter().copied()).collect();
        let recorded: BTreeSet<CallId> = self.records.keys().copied().collect();
        assert_eq!(recorded, calls, "each call has one record");
        self.check_keys();
    }
}
