//! The platform's side: it asks, executes, dials, obeys, and loses patience.

use std::time::Duration;

use attendant::center::snapshot::CallState;
use attendant::id::LegId;
use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::webhook::link::PREFIX;
use attendant::webhook::{
    Action, DialResult, Document, Fields, LegState, Link, Links, RestCommand, RestOutcome,
    RestResult,
};
use attendant::words::{Cause, Digit};

use super::judge::Talk;
use super::line::{Act, Dialing, Side};
use super::wire::PATIENCE;
use super::world::{CalleeDeed, Deed, LineId, Request, World};

pub(super) const PROVIDER: &str = "acme";
const ACCEPT: char = '1';

impl World {
    pub(super) fn calls(&mut self, line: LineId) {
        let to = match line % 2 {
            0 => "+14155550100",
            _ => "+14155550101",
        };
        let from = format!("+141555501{:02}", 10 + line);
        if self.control.is_some() {
            return self.control_calls(line, &from, to);
        }
        let (from, to) = (Some(from), Some(to.to_owned()));
        let fields = Fields { from, to, ..Fields::default() };
        self.ask(line, Side::Caller, Link::Voice, fields);
    }

    /// Sends what is answered by a document.
    pub(super) fn ask(&mut self, line: LineId, side: Side, link: Link, fields: Fields) {
        self.requests += 1;
        let id = self.requests;
        match side {
            Side::Caller => self.lines[line].asks = Some(id),
            Side::Callee => {
                let Some(dialing) = &mut self.lines[line].dialing else { return };
                dialing.asks = Some(id);
            }
            Side::Moved(leg) => {
                let Some(moved) = self.moved.get_mut(&leg) else { return };
                moved.asks = Some(id);
            }
            Side::Nobody => {}
        }
        let reference = self.name_of(line, side);
        let fields = Fields { reference, ..fields };
        let request = Request { id, line, side, link, fields, is_repeat: false };
        self.send(request);
    }

    fn send(&mut self, request: Request) {
        let fate = self.wire.request(self.now);
        for after in fate.arrivals {
            self.plan(after, Deed::Arrives(request.clone()));
        }
        self.plan(PATIENCE, Deed::TimesOut(request));
    }

    /// Sends what no line waits for.
    pub(super) fn report(&mut self, line: LineId, link: Link, fields: Fields) {
        let at = self.lines[line].has_clock.then(|| whole_seconds(self.now));
        let reference = match &link {
            Link::LegStatus { leg } => callee_name(&self.lines[line].reference, *leg),
            _ => self.lines[line].reference.clone(),
        };
        let fields = Fields { reference, at, ..fields };
        let fate = self.wire.report(self.now);
        for after in fate.arrivals {
            let (link, fields) = (link.clone(), fields.clone());
            let request =
                Request { id: 0, line, side: Side::Nobody, link, fields, is_repeat: false };
            self.plan(after, Deed::Arrives(request));
        }
    }

    pub(super) fn arrives(&mut self, request: Request) {
        let now = self.now;
        let link = &request.link;
        let next = &mut self.next_call;
        let result = self.front.handle_request(now, PROVIDER, link, &request.fields, next);
        // Long over: the platform hears so.
        let Some((document, caused)) = self.answer(result) else { return };
        self.judge.log(now, "answer", &document);
        let is_new = self.judge.answered(&request.fields.reference, link, &document, caused);
        self.note_heard(&request, &document, is_new || caused > 0);
        if let Link::Leg { leg, .. } = *link
            && is_new
            && document.actions.is_empty()
        {
            self.is_bridged(leg);
        }
        if let Some(after) = self.wire.answer(now) {
            self.plan(after, Deed::Answered(request, document));
        }
    }

    /// The platform reports to a party that it is with the caller.
    pub(super) fn is_bridged(&self, leg: LegId) {
        let state = self.center.call(leg.call).map(|call| call.state);
        assert_eq!(state, Some(CallState::Talking), "{leg} is bridged to nobody");
    }

    /// What we know last of a line: when, and whether a party was dialed or talked to then.
    pub(super) fn note_heard(&mut self, request: &Request, document: &Document, is_new: bool) {
        let has_ended = request.fields.state.is_some_and(LegState::is_ended);
        let is_dialing = match request.link {
            Link::LegStatus { .. } if has_ended => Some(false),
            Link::Leg { .. } => Some(true),
            Link::Step { .. } | Link::Voice => {
                Some(matches!(document.actions.last(), Some(Action::Dial(_))))
            }
            _ => None,
        };
        if let Some(is_dialing) = is_dialing.filter(|_| is_new) {
            self.lines[request.line].heard_last = Some((self.now, is_dialing));
        }
    }

    pub(super) fn times_out(&mut self, request: Request) {
        if !self.waits_for(&request) {
            return;
        }
        if !request.is_repeat {
            return self.send(Request { is_repeat: true, ..request });
        }
        match request.side {
            Side::Caller => self.line_ends(request.line),
            Side::Callee => self.dial_over(request.line, Some(Cause::NORMAL_CLEARING)),
            Side::Moved(leg) => self.moved_ends(leg),
            Side::Nobody => {}
        }
    }

    fn waits_for(&self, request: &Request) -> bool {
        let line = &self.lines[request.line];
        let asks = match request.side {
            Side::Caller => line.asks,
            Side::Callee => line.dialing.as_ref().and_then(|dialing| dialing.asks),
            Side::Moved(leg) => {
                return self.moved.get(&leg).is_some_and(|it| it.asks == Some(request.id));
            }
            Side::Nobody => None,
        };
        !line.is_over && asks == Some(request.id)
    }

    pub(super) fn is_answered(&mut self, request: &Request, document: &Document) {
        if !self.waits_for(request) {
            return;
        }
        match request.side {
            Side::Caller => self.load(request.line, document),
            Side::Callee => self.callee_told(request.line, document),
            Side::Moved(leg) => self.moved_told(leg, document),
            Side::Nobody => {}
        }
    }

    fn load(&mut self, line: LineId, document: &Document) {
        let (after, act) = self.lines[line].load(document);
        let epoch = self.lines[line].epoch;
        self.plan(after, Deed::Acts(line, epoch, act));
    }

    pub(super) fn acts(&mut self, line: LineId, epoch: u32, act: Act) {
        if self.lines[line].is_over || self.lines[line].epoch != epoch {
            return;
        }
        match act {
            Act::Ask(link, fields) => self.ask(line, Side::Caller, link, *fields),
            Act::Recorded { next, told, made } => {
                let fields = Fields { recorded: made, ..Fields::default() };
                if fields.recorded.is_some() {
                    self.report(line, told, fields.clone());
                }
                self.ask(line, Side::Caller, next, fields);
            }
            Act::HangUp => self.line_ends(line),
            Act::Conference { next } => self.enters(line, next),
            Act::Dial(dial) => {
                let is_sip = matches!(dial.to, Callee::Sip(_));
                let is_busy = self.lines.iter().any(|other| {
                    let busy = other.dialing.as_ref().filter(|_| !other.is_over);
                    busy.is_some_and(|busy| !is_sip && busy.dial.to == dial.to)
                });
                let dialing = Dialing {
                    dial: *dial,
                    asks: None,
                    answered_at: None,
                    talks_since: None,
                    talks_until: None,
                    handoff: None,
                };
                self.plan_callee(line, epoch, &dialing, is_sip, is_busy);
                self.lines[line].dialing = Some(dialing);
            }
        }
    }

    fn plan_callee(
        &mut self,
        line: LineId,
        epoch: u32,
        dialing: &Dialing,
        is_sip: bool,
        is_busy: bool,
    ) {
        let people = &mut self.people;
        let rings_out = dialing.dial.ring_timeout;
        let (after, deed) = match people.below(10) {
            _ if is_sip => (people.ms(50, 400), CalleeDeed::HandsOff),
            _ if is_busy => (people.ms(50, 900), CalleeDeed::Fails(Cause::USER_BUSY)),
            _ if self.manners.is_steady => (Duration::from_secs(4), CalleeDeed::Answers),
            0..7 => (people.ms(500, 12_000), CalleeDeed::Answers),
            7 => (people.ms(500, 9_000), CalleeDeed::Fails(Cause::CALL_REJECTED)),
            _ => (rings_out, CalleeDeed::Fails(Cause::NO_ANSWER)),
        };
        let (after, deed) = match after > rings_out {
            true => (rings_out, CalleeDeed::Fails(Cause::NO_ANSWER)),
            false => (after, deed),
        };
        self.plan(Duration::from_millis(50), Deed::Callee(line, epoch, CalleeDeed::Rings));
        self.plan(after, Deed::Callee(line, epoch, deed));
    }

    pub(super) fn callee(&mut self, line: LineId, epoch: u32, deed: CalleeDeed) {
        let now = self.now;
        let is_current = !self.lines[line].is_over && self.lines[line].epoch == epoch;
        let Some(dialing) = self.lines[line].dialing.as_mut().filter(|_| is_current) else {
            return;
        };
        match deed {
            CalleeDeed::HandsOff => self.hands_off(line, epoch),
            CalleeDeed::Rings => self.callee_news(line, LegState::Ringing),
            CalleeDeed::Answers => {
                dialing.answered_at = Some(now);
                let link = dialing.dial.answered.clone().expect("asked for");
                self.callee_news(line, LegState::Answered);
                self.ask(line, Side::Callee, link, Fields::default());
            }
            CalleeDeed::Fails(cause) => self.dial_over(line, Some(cause)),
            CalleeDeed::Presses(link, fields) => self.ask(line, Side::Callee, link, *fields),
            CalleeDeed::HangsUp => self.dial_over(line, None),
        }
    }

    fn callee_news(&mut self, line: LineId, state: LegState) {
        let dialing = self.lines[line].dialing.as_ref();
        let told = dialing.and_then(|dialing| dialing.dial.told.clone());
        if let Some(told) = told {
            self.report(line, told, Fields { state: Some(state), ..Fields::default() });
        }
    }

    /// The caller's sound comes to us; no leg may be there for it any more.
    fn hands_off(&mut self, line: LineId, epoch: u32) {
        let dialing = self.lines[line].dialing.as_ref().expect("it is being dialed");
        let Callee::Sip(uri) = &dialing.dial.to else { return };
        let uri = uri.clone();
        let Some((caller, party)) = self.arrives_by_sip(&uri) else {
            return self.dial_over(line, Some(Cause::UNALLOCATED_NUMBER));
        };
        let dialing = self.lines[line].dialing.as_mut().expect("it is being dialed");
        dialing.handoff = Some((caller, party));
        dialing.talks_since = Some(self.now);
        assert_eq!(self.lines[line].epoch, epoch);
        assert_eq!(self.lines[line].call, Some(caller.call));
    }

    /// The callee's document: a whisper, the bridge, or the end.
    fn callee_told(&mut self, line: LineId, document: &Document) {
        let (now, epoch) = (self.now, self.lines[line].epoch);
        let Some(dialing) = &mut self.lines[line].dialing else { return };
        dialing.asks = None;
        match document.actions.first() {
            None => {
                dialing.talks_since = Some(now);
                let talk = self.talk();
                if let Some(dialing) = &mut self.lines[line].dialing {
                    dialing.talks_until = Some(now + talk);
                }
                self.plan_hold(line, talk);
                self.plan(talk, Deed::Callee(line, epoch, CalleeDeed::HangsUp));
            }
            Some(Action::Gather { next, .. }) => {
                let key = Digit::new(ACCEPT).expect("a key");
                let (after, keys) = match self.people.below(10) {
                    0..8 => (1_500, vec![key]),
                    _ if self.manners.is_steady => (1_500, vec![key]),
                    8 => (6_000, Vec::new()),
                    _ => {
                        let after = self.people.ms(100, 4_000);
                        return self.plan(after, Deed::Callee(line, epoch, CalleeDeed::HangsUp));
                    }
                };
                let fields = Fields { keys: Some(keys), ..Fields::default() };
                let deed = CalleeDeed::Presses(next.clone(), Box::new(fields));
                self.plan(Duration::from_millis(after), Deed::Callee(line, epoch, deed));
            }
            Some(_) => self.dial_over(line, Some(Cause::NORMAL_CLEARING)),
        }
    }

    /// The callee's leg ends, and the platform comes back with the caller.
    pub(super) fn dial_over(&mut self, line: LineId, failed: Option<Cause>) {
        let next = self.lines[line].dialing.as_ref().map(|dialing| dialing.dial.next.clone());
        let talked = self.callee_ends(line, failed.unwrap_or(Cause::NORMAL_CLEARING));
        if let Some(next) = next.filter(|_| !self.lines[line].is_over) {
            self.lines[line].epoch += 1;
            let failed = failed.filter(|_| talked.is_none());
            let fields = Fields { dial: Some(DialResult { failed, talked }), ..Fields::default() };
            self.ask(line, Side::Caller, next, fields);
        }
    }

    /// Returns how long the two talked.
    fn callee_ends(&mut self, line: LineId, cause: Cause) -> Option<Duration> {
        if self.lines[line].dialing.is_some() {
            self.callee_news(line, LegState::Ended(cause));
        }
        let dialing = self.lines[line].dialing.take()?;
        let from = dialing.talks_since?;
        if let Some(Link::LegStatus { leg }) = dialing.dial.told {
            self.judge.talks.push(Talk { leg, from, to: self.now });
        }
        Some(self.now.since(from))
    }

    /// The caller is gone, or the platform gives the call up.
    pub(super) fn line_ends(&mut self, line: LineId) {
        if std::mem::replace(&mut self.lines[line].is_over, true) {
            return;
        }
        self.lines[line].over_at = Some(self.now);
        let handoff = self.lines[line].dialing.as_ref().and_then(|dialing| dialing.handoff);
        self.callee_ends(line, Cause::NORMAL_CLEARING);
        if let Some((caller, _)) = handoff {
            self.sound_ends(caller.call);
        }
        if self.wire.is_silent_end(self.now) {
            return;
        }
        let state = Some(LegState::Ended(Cause::NORMAL_CLEARING));
        let link = match self.lines[line].call {
            Some(call) => Link::Status { call },
            None => Link::Events,
        };
        self.report(line, link, Fields { state, ..Fields::default() });
    }

    /// A command by REST arrives at the platform.
    pub(super) fn rest(&mut self, leg: LegId, command: &RestCommand) {
        let back = self.wire.rest(self.now);
        let outcome = match self.wire.loses_rest(self.now) {
            true => RestOutcome::Busy(None),
            false if !self.obeys(leg, command) => RestOutcome::Gone,
            false if self.wire.loses_rest(self.now) => RestOutcome::Busy(None), // done all the same
            false => RestOutcome::Done,
        };
        if matches!(command, RestCommand::Watch { .. }) {
            return; // whoever sends it does not care
        }
        let result = RestResult { provider: PROVIDER, leg, action: None, outcome };
        self.plan(back, Deed::RestTold(result));
    }

    /// Whether the leg was there.
    fn obeys(&mut self, leg: LegId, command: &RestCommand) -> bool {
        if !leg.is_caller() {
            return self.obeys_for(leg, command);
        }
        let (RestCommand::Move { reference, .. }
        | RestCommand::Split { reference, .. }
        | RestCommand::End { reference, .. }
        | RestCommand::Watch { reference, .. }
        | RestCommand::Action { reference, .. }) = command;
        let found = self.lines.iter().position(|line| line.reference == *reference);
        let line = found.expect("a call of ours");
        if self.lines[line].is_over {
            return false;
        }
        match command {
            RestCommand::Watch { .. } => {}
            RestCommand::End { .. } => self.line_ends(line),
            RestCommand::Move { url, .. } => {
                let handoff = self.lines[line].dialing.as_ref().and_then(|dialing| dialing.handoff);
                self.callee_ends(line, Cause::NORMAL_CLEARING);
                if let Some((caller, _)) = handoff {
                    self.sound_ends(caller.call);
                }
                self.lines[line].epoch += 1;
                self.ask(line, Side::Caller, link_of(url), Fields::default());
            }
            RestCommand::Split { .. } | RestCommand::Action { .. } => {
                panic!("{command:?} is not about a caller")
            }
        }
        true
    }
}

/// Its addresses.
pub(super) fn links() -> Links {
    Links::new("https://ivr.example.com", PROVIDER, [9; 32])
}

/// What an address of ours is for.
pub(super) fn link_of(url: &str) -> Link {
    let links = links();
    let below = url.strip_prefix(links.base()).and_then(|path| path.strip_prefix(PREFIX));
    let (_, path) = below.and_then(|path| path.split_once('/')).expect("an address of ours");
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    links.read(path, query).expect("it is signed by us")
}

/// The platform's name for the leg of a party it called.
pub(super) fn callee_name(line: &str, leg: LegId) -> String {
    format!("{line}-{}", leg.n)
}

/// Providers' times are whole seconds.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp(at.as_millis() / 1_000 * 1_000)
}
