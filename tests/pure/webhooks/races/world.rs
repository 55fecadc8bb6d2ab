//! A whole contact center behind its calls at a provider, in virtual time: what is done when, and
//! by whom.
//!
//! **Invariant:** one deed at a time, by time and then by the order in which it was planned; after
//! each, the center's own check and the [`Judge`]'s.

use std::collections::BTreeMap;
use std::time::Duration;

use attendant::center::ContactCenter;
use attendant::front::{Front, FrontCannot, HandoffEnd, Turn, exchange};
use attendant::id::{AgentId, CallId, LegId};
use attendant::sim::Random;
use attendant::time::Timestamp;
use attendant::webhook::front::{ProviderFront, Saving, WebhookResult};
use attendant::webhook::provider_info::SplitSupport;
use attendant::webhook::{Document, Fields, Link, RestCommand, RestOrder, RestOutcome, RestResult};
use attendant::words::{AgentRequest, Cause, Command, Event, Target};

use super::conference::Moved;
use super::control::{Control, ControlDeed};
use super::judge::{Judge, Talk};
use super::line::{Act, Line, Side};
use super::phones::{Order, Phones};
use super::wire::Wire;

/// No seed has more; one that has goes round for ever.
const DEEDS_MAX: usize = 200_000;

/// By its number among the lines.
pub(super) type LineId = usize;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) line: LineId,
    pub(super) side: Side,
    pub(super) link: Link,
    pub(super) fields: Fields,
    /// Sent again because no answer came.
    pub(super) is_repeat: bool,
}

/// A caller who is gone by REST's word frees the agent after a piece of music and a little.
const GONE_WITHIN: Duration = Duration::from_secs(13);

#[derive(Clone, Debug)]
pub(super) enum Deed {
    Calls(LineId),
    /// The line does what its document says next, unless it got another order.
    Acts(LineId, u32, Act),
    Leaves(LineId),
    Arrives(Request),
    Answered(Request, Document),
    TimesOut(Request),
    Callee(LineId, u32, CalleeDeed),
    /// A callee who was taken out of the dialing hangs up.
    MovedLeaves(LegId),
    /// An agent outside asks for it, if it can be had.
    Holds(LineId, Duration),
    /// Where each action is commanded.
    Control(ControlDeed),
    /// A command by REST arrives, where documents are asked for.
    Rest(LegId, RestCommand),
    RestTold(RestResult),
    Phone(LegId, PhoneDeed),
    Agent(AgentId, AgentRequest),
    /// REST has said so a while ago.
    IsGone(LegId),
    EndCall(LineId),
}

#[derive(Clone, Debug)]
pub(super) enum CalleeDeed {
    /// The caller's sound reaches us by SIP.
    HandsOff,
    Rings,
    Answers,
    Fails(Cause),
    Presses(Link, Box<Fields>),
    HangsUp,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum PhoneDeed {
    Rings,
    Answers,
    Fails(Cause),
    Holds,
    Resumes,
    HangsUp,
    /// A REST command ends it.
    Ends(Cause),
}

/// How the people are.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    /// Everybody does what they should, after fixed times.
    pub(super) is_steady: bool,
    pub(super) talk: Duration,
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) center: ContactCenter,
    pub(super) front: ProviderFront,
    pub(super) phones: Phones,
    pub(super) next_call: CallId,
    pub(super) lines: Vec<Line>,
    pub(super) moved: BTreeMap<LegId, Moved>,
    pub(super) split: SplitSupport,
    /// The platform, where each action is commanded.
    pub(super) control: Option<Control>,
    pub(super) wire: Wire,
    pub(super) people: Random,
    pub(super) manners: Manners,
    pub(super) judge: Judge,
    pub(super) requests: u64,
    /// Events so far.
    pub(super) said: usize,
    plans: BTreeMap<(Timestamp, u64), Deed>,
    planned: u64,
}

impl World {
    pub(super) fn new(
        now: Timestamp,
        center: ContactCenter,
        front: ProviderFront,
        wire: Wire,
        people: Random,
        manners: Manners,
    ) -> Self {
        Self {
            now,
            center,
            front,
            phones: Phones::default(),
            next_call: CallId(1),
            lines: Vec::new(),
            moved: BTreeMap::new(),
            split: SplitSupport::None,
            control: None,
            wire,
            people,
            manners,
            judge: Judge::default(),
            requests: 0,
            said: 0,
            plans: BTreeMap::new(),
            planned: 0,
        }
    }

    pub(super) fn plan(&mut self, after: Duration, deed: Deed) {
        self.planned += 1;
        self.plans.insert((self.now + after, self.planned), deed);
    }

    /// Lets everything happen until nothing is left to happen.
    pub(super) fn run(&mut self) {
        for _ in 0..DEEDS_MAX {
            let deed = self.plans.keys().next().map(|(at, _)| *at);
            let front = self.front.poll_timeout();
            let center = self.center.poll_timeout().map(|(at, _)| at);
            let control = self.control.as_ref().and_then(Control::poll_timeout);
            let all = deed.into_iter().chain(front).chain(center).chain(control);
            let Some(now) = all.min() else { return };
            self.now = self.now.max(now);
            if front.is_some_and(|at| at <= now) {
                self.front.handle_timeout(self.now);
            } else if center.is_some_and(|at| at <= now) {
                self.input(self.now, None);
            } else if control.is_some_and(|at| at <= now) {
                self.control_wakes();
            } else if let Some((_, deed)) = self.plans.pop_first() {
                self.judge.tell(self.now, "deed", &deed);
                self.does(deed);
            }
            self.settle();
            if self.control.is_some() {
                self.listens_for_silence();
            }
        }
        panic!("it never comes to rest");
    }

    fn does(&mut self, deed: Deed) {
        match deed {
            Deed::Control(deed) => self.control_does(deed),
            Deed::Leaves(line) if self.control.is_some() => self.control_leaves(line),
            Deed::Calls(line) => self.calls(line),
            Deed::Acts(line, epoch, act) => self.acts(line, epoch, act),
            Deed::Leaves(line) => self.line_ends(line),
            Deed::Arrives(request) => self.arrives(request),
            Deed::Answered(request, document) => self.is_answered(&request, &document),
            Deed::TimesOut(request) => self.times_out(request),
            Deed::Callee(line, epoch, deed) => self.callee(line, epoch, deed),
            Deed::MovedLeaves(leg) => self.moved_ends(leg),
            Deed::Holds(line, lasts) => self.holds(line, lasts),
            Deed::Rest(leg, command) => self.rest(leg, &command),
            Deed::RestTold(result) => self.rest_told(&result),
            Deed::Phone(leg, deed) => self.phone(leg, deed),
            Deed::Agent(agent, ask) => self.tell(Event::AgentAsked { agent, ask, by: None }),
            Deed::IsGone(leg) => {
                let is_live = self.center.call(leg.call).is_some();
                assert!(!is_live, "{leg} is gone, and keeps its agent");
            }
            Deed::EndCall(line) => {
                if let Some(call) = self.lines[line].call {
                    self.tell(Event::EndCall { call, by: None });
                }
            }
        }
    }

    fn rest_told(&mut self, result: &RestResult) {
        self.front.handle_rest_result(self.now, result);
        // Where each action is commanded, it can also be the conference that is gone.
        let is_of_leg = result.action.is_none();
        if result.outcome == RestOutcome::Gone && is_of_leg && result.leg.is_caller() {
            self.plan(GONE_WITHIN, Deed::IsGone(result.leg));
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.input(self.now, Some(event));
    }

    fn fronts(&mut self) -> [&mut dyn Front; 2] {
        [&mut self.front, &mut self.phones]
    }

    /// Whether the agent on this leg can have what is asked for.
    pub(super) fn can(&self, leg: LegId, ask: &AgentRequest) -> Result<(), FrontCannot> {
        exchange::can(&[&self.front, &self.phones], leg, ask)
    }

    pub(super) fn can_consult(&self, leg: LegId, whom: &Target) -> Result<(), FrontCannot> {
        exchange::can_consult(&[&self.front, &self.phones], leg, Some(whom))
    }

    /// Lets events cause commands and commands events.
    fn deal(&mut self) {
        assert!(self.rounds(self.now, DEEDS_MAX), "it never comes to rest");
    }

    /// The document for a request, and how many events it became. `None`: no call is meant.
    pub(super) fn answer(&mut self, result: WebhookResult) -> Option<(Document, usize)> {
        let before = self.said;
        let document = match result {
            WebhookResult::Known(document) => {
                self.deal();
                document
            }
            WebhookResult::Unknown => return None,
            WebhookResult::Pending(ticket) => {
                self.deal();
                let ahead = self.center.look_ahead(self.now, ticket.call());
                self.front.answer(self.now, ticket, ahead)
            }
        };
        Some((document, self.said - before))
    }

    /// Answers legs that are commanded.
    fn answer_legs(&mut self) {
        while let Some(result) = self.front.poll_request(self.now, &mut self.next_call) {
            let call = match &result {
                WebhookResult::Pending(ticket) => Some(ticket.call()),
                WebhookResult::Known(_) | WebhookResult::Unknown => None,
            };
            let caused = self.answer(result).map_or(0, |(_, caused)| caused);
            self.control_answered(call, caused);
        }
    }

    /// One turn, as the server takes it: until nothing is left that could be said or sent.
    pub(super) fn settle(&mut self) {
        self.deal();
        self.answer_legs();
        while self.front.pass_on(self.now) {
            self.answer_legs();
        }
        while let Some(order) = self.front.poll_order() {
            match order {
                RestOrder::Came(_) => {} // the threads that speak REST are not here
                RestOrder::Send { leg, command, .. } => {
                    let after = self.wire.rest(self.now);
                    let deed = match command {
                        RestCommand::Action { .. } => {
                            Deed::Control(ControlDeed::Command(leg, command))
                        }
                        _ => Deed::Rest(leg, command),
                    };
                    self.plan(after, deed);
                }
            }
        }
        while let Some(saving) = self.front.poll_saving() {
            if let Some(control) = &mut self.control
                && let Saving::KeepLeg(..) | Saving::ForgetLeg(_) = saving
            {
                control.save(saving);
            }
        }
        self.check_phones();
    }

    /// Telephones carry out their orders.
    fn phones_obey(&mut self) {
        while let Some(order) = self.phones.poll_order() {
            match order {
                Order::Ring(leg) => self.phone_rings(leg),
                Order::End(leg, cause) => {
                    self.plan(Duration::ZERO, Deed::Phone(leg, PhoneDeed::Ends(cause)));
                }
                Order::Drop(leg) => self.phone_over(leg, Cause::NETWORK_OUT_OF_ORDER),
            }
        }
    }

    fn hand_over(&mut self) {
        let now = self.now;
        exchange::hand_over(&mut self.fronts(), now);
        self.phones_obey();
    }

    /// A caller's sound comes to us: whose, and to whom? No leg may be there for it any more.
    pub(super) fn arrives_by_sip(&mut self, uri: &str) -> Option<(LegId, LegId)> {
        let user = uri.trim_start_matches("sip:").split('@').next().expect("a user");
        let arrival = self.phones.arrive(user.to_owned());
        self.hand_over();
        let (caller, party) = self.phones.take_expected(arrival)?;
        assert!(
            self.phones.up.get(&party).is_some_and(|phone| phone.answered_at.is_some()),
            "{party} hears the caller, and is not there"
        );
        Some((caller, party))
    }

    /// The platform no longer sends us this caller's sound.
    pub(super) fn sound_ends(&mut self, call: CallId) {
        let end = HandoffEnd::HungUp(Cause::NORMAL_CLEARING);
        if self.phones.end_handoff(LegId::caller(call), end) {
            self.settle();
        }
    }

    /// One agent has one telephone, and a call at most one party at one of ours.
    fn check_phones(&self) {
        let mut agents: Vec<AgentId> = self.phones.up.values().filter_map(|p| p.agent).collect();
        let mut calls: Vec<CallId> = self.phones.up.keys().map(|leg| leg.call).collect();
        for (what, is_twice) in [("agent", twice(&mut agents)), ("call", twice(&mut calls))] {
            // One that was just told to end may still be there for this millisecond.
            let is_ending = self.plans.range(..=(self.now, u64::MAX)).next().is_some();
            assert!(
                !is_twice || is_ending,
                "two telephones ring for one {what}: {:?}",
                self.phones.up
            );
        }
    }

    fn phone_rings(&mut self, leg: LegId) {
        self.plan(Duration::from_millis(60), Deed::Phone(leg, PhoneDeed::Rings));
        let (after, deed) = match self.people.below(10) {
            _ if self.manners.is_steady => (4_000, PhoneDeed::Answers),
            0..7 => (self.people.between(500, 12_000), PhoneDeed::Answers),
            7 => (self.people.between(100, 3_000), PhoneDeed::Fails(Cause::USER_BUSY)),
            8 => (self.people.between(1_000, 9_000), PhoneDeed::Fails(Cause::CALL_REJECTED)),
            _ => return, // it rings out
        };
        self.plan(Duration::from_millis(after), Deed::Phone(leg, deed));
    }

    fn phone(&mut self, leg: LegId, deed: PhoneDeed) {
        if leg.is_caller() {
            // Our end of the caller's sound got the order to end.
            return self.handoff_over(leg.call, HandoffEnd::HungUp(Cause::NORMAL_CLEARING));
        }
        let Some(phone) = self.phones.up.get_mut(&leg) else { return };
        match deed {
            PhoneDeed::Rings if phone.answered_at.is_none() => {
                self.phones.tell(Event::Ringing { leg });
            }
            PhoneDeed::Rings => {}
            PhoneDeed::Fails(cause) => {
                self.phones.up.remove(&leg);
                self.phones.tell(Event::DialFailed { leg, cause });
            }
            PhoneDeed::Answers => {
                phone.answered_at = Some(self.now);
                self.phones.tell(Event::Answered { leg });
                self.plan_talk(leg);
            }
            PhoneDeed::Holds => self.phones.tell(Event::Held { leg }),
            PhoneDeed::Resumes => self.phones.tell(Event::Resumed { leg }),
            PhoneDeed::HangsUp => self.phone_over(leg, Cause::NORMAL_CLEARING),
            PhoneDeed::Ends(cause) => self.phone_over(leg, cause),
        }
    }

    fn plan_talk(&mut self, leg: LegId) {
        let talk = self.talk();
        if self.manners.is_steady || self.people.chance(0.3) {
            self.plan(talk / 4, Deed::Phone(leg, PhoneDeed::Holds));
            self.plan(talk / 2, Deed::Phone(leg, PhoneDeed::Resumes));
        }
        self.plan(talk, Deed::Phone(leg, PhoneDeed::HangsUp));
    }

    pub(super) fn talk(&mut self) -> Duration {
        match self.manners.is_steady {
            true => self.manners.talk,
            false => self.people.ms(200, 90_000),
        }
    }

    /// As the server's telephones do: a caller whose sound is here goes back.
    fn phone_over(&mut self, leg: LegId, cause: Cause) {
        let phone = self.phones.up.remove(&leg);
        if let Some(from) = phone.and_then(|phone| phone.answered_at) {
            self.judge.talks.push(Talk { leg, from, to: self.now });
        }
        self.handoff_over(leg.call, HandoffEnd::Returned(Cause::NORMAL_CLEARING));
        self.phones.tell(Event::HungUp { leg, cause });
    }

    fn handoff_over(&mut self, call: CallId, end: HandoffEnd) {
        if !self.phones.end_handoff(LegId::caller(call), end) {
            return;
        }
        self.hand_over();
        if self.control.is_some() {
            return self.control_drops(call);
        }
        let line = self.lines.iter().position(|line| {
            let handoff = line.dialing.as_ref().and_then(|dialing| dialing.handoff);
            handoff.is_some_and(|(caller, _)| caller.call == call)
        });
        if let Some(line) = line {
            self.dial_over(line, None);
        }
    }
}

impl Turn for World {
    fn tell_center(&mut self, now: Timestamp, event: Option<Event>) {
        let Some(event) = event else { return self.center.handle_timeout(now) };
        self.judge.log(now, "event", &event);
        self.judge.event(&event);
        self.center.handle(now, event);
    }

    fn poll_command(&mut self) -> Option<Command> {
        self.center.poll_command()
    }

    /// What no front takes is about a record, and was judged.
    fn carry_out(&mut self, now: Timestamp, command: Command) {
        self.judge.log(now, "command", &command);
        self.judge.command(&command);
        let _ = exchange::carry_out(self.fronts(), now, command);
        self.hand_over();
    }

    fn poll_event(&mut self, _now: Timestamp) -> Option<Event> {
        self.hand_over();
        let event = exchange::poll_event(&mut self.fronts());
        self.said += usize::from(event.is_some());
        event
    }

    fn input_over(&mut self, now: Timestamp) {
        self.center.check(now);
    }
}

fn twice<T: Ord>(all: &mut [T]) -> bool {
    all.sort_unstable();
    all.windows(2).any(|pair| pair[0] == pair[1])
}
