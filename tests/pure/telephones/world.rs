//! A contact center behind its real front of telephones, in virtual time: what happens when.
//!
//! **Invariant:** one deed at a time, by time and then by the order in which it was planned; after
//! each, the center's own check and the [`Judge`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use attendant::center::ContactCenter;
use attendant::front::{Arrivals, Front, Turn};
use attendant::id::{AgentId, CallId};
use attendant::sim::Random;
use attendant::sip::{Path, Received};
use attendant::sip_front::SipFront;
use attendant::time::Timestamp;
use attendant::words::{AgentRequest, Command, Digit, Event, SupervisorRequest};

use super::SERVER;
use super::judge::Judge;
use super::network::{Network, print_of};
use super::people::Act;
use super::phone::{CallNo, Phone};
use super::plane::Plane;

/// No seed has more; one that has goes round for ever.
const DEEDS_MAX: usize = 200_000;

/// By its position among the telephones.
pub(super) type PhoneId = usize;

#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// A datagram arrives.
    AtServer(PhoneId, Arc<[u8]>),
    AtPhone(PhoneId, Arc<[u8]>),
    /// A key arrives in the sound.
    Key {
        port: u16,
        phone: PhoneId,
        call: CallNo,
        digit: Digit,
    },
    /// A caller calls this number, with an offer or without.
    Dials(PhoneId, &'static str, bool),
    Person(PhoneId, CallNo, Act),
    /// The server must have ended the ringing of this telephone by now.
    StillRings(PhoneId, CallNo),
    Dies(PhoneId),
    Reboots(PhoneId),
    Agent(AgentId, AgentRequest),
    Supervisor(SupervisorRequest),
    EndCall(CallId),
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) center: ContactCenter,
    pub(super) front: SipFront<Plane>,
    pub(super) arrivals: Arrivals,
    pub(super) phones: Vec<Phone>,
    /// Which telephones are agents' own, in the order of the agents; then callers'.
    pub(super) agents: usize,
    pub(super) callers: Vec<PhoneId>,
    pub(super) network: Network,
    pub(super) people: Random,
    pub(super) judge: Judge,
    pub(super) calls_max: usize,
    plans: BTreeMap<(Timestamp, u64), Deed>,
    planned: u64,
}

impl World {
    pub(super) fn new(
        now: Timestamp,
        center: ContactCenter,
        front: SipFront<Plane>,
        network: Network,
        people: Random,
    ) -> Self {
        Self {
            now,
            center,
            front,
            arrivals: Arrivals::new(CallId(1)),
            phones: Vec::new(),
            agents: 0,
            callers: Vec::new(),
            network,
            people,
            judge: Judge::default(),
            calls_max: usize::MAX,
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
            let plane = self.front.plane.poll_timeout();
            let phones = self.phones.iter().filter_map(Phone::poll_timeout).min();
            let all = [deed, front, center, plane, phones].into_iter().flatten();
            let Some(now) = all.min() else { return };
            self.now = self.now.max(now);
            self.front.plane.now = self.now;
            let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
            if is_due(front) {
                self.front.handle_timeout(self.now);
            } else if is_due(center) {
                self.input(self.now, None);
            } else if is_due(plane) {
                self.front.plane.handle_timeout();
                while let Some(fact) = self.front.plane.poll_fact() {
                    self.front.media_fact(self.now, fact);
                }
            } else if is_due(phones) {
                self.phones.iter_mut().for_each(|phone| phone.handle_timeout(now));
            } else if let Some((_, deed)) = self.plans.pop_first() {
                self.does(deed);
            }
            self.settle();
        }
        panic!("it never comes to rest");
    }

    fn does(&mut self, deed: Deed) {
        match deed {
            Deed::AtServer(phone, bytes) => {
                self.judge.datagram(self.now, "arrives", &bytes);
                let path = Path::udp(SERVER, self.phones[phone].at);
                self.front.ua.receive(self.now, Received { path, bytes: &bytes });
            }
            Deed::AtPhone(phone, _) if self.phones[phone].is_dead => {}
            Deed::AtPhone(phone, bytes) => self.phones[phone].receive(self.now, &bytes),
            Deed::Key { port, phone, call, digit } => {
                let sound = self.phones[phone].calls.get(&call).map(|call| call.sound);
                if let Some(from) = sound {
                    self.front.plane.key(port, from, digit);
                }
            }
            Deed::Dials(phone, to, offers) => self.dials(phone, to, offers),
            Deed::Person(phone, call, act) => self.acts(phone, call, act),
            Deed::StillRings(phone, call) => {
                let rings = self.phones[phone].calls.get(&call).is_some_and(|it| it.is_ringing());
                assert!(!rings, "{} rings for ever", self.phones[phone].user);
            }
            Deed::Dies(phone) => {
                self.judge.log(self.now, "dies", &phone);
                self.phones[phone].dies();
            }
            Deed::Reboots(phone) => self.phones[phone].is_dead = false,
            Deed::Agent(agent, ask) => self.agent_asks(agent, ask),
            Deed::Supervisor(ask) => self.supervisor_asks(ask),
            Deed::EndCall(call) => {
                if self.center.is_live(call) {
                    self.tell(Event::EndCall { call, by: None });
                }
            }
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.input(self.now, Some(event));
    }

    /// One turn, as the server takes it; then everything leaves that there is to say.
    fn settle(&mut self) {
        let now = self.now;
        assert!(self.rounds(now, DEEDS_MAX), "it never comes to rest");
        self.judge.settled(&self.center, &self.front);
        while let Some(transmit) = self.front.ua.poll_transmit() {
            let to = self.phones.iter().position(|phone| phone.at == transmit.path.remote);
            let Some(to) = to else { panic!("nobody is at {}", transmit.path.remote) };
            self.judge.datagram(now, "sent", &transmit.bytes);
            for after in self.network.fate(now, print_of(&transmit.bytes, to)) {
                self.plan(after, Deed::AtPhone(to, Arc::clone(&transmit.bytes)));
            }
        }
        for phone in 0..self.phones.len() {
            while let Some(text) = self.phones[phone].outbox.pop_front() {
                let bytes: Arc<[u8]> = text.into_bytes().into();
                for after in self.network.fate(now, print_of(&bytes, usize::MAX)) {
                    self.plan(after, Deed::AtServer(phone, Arc::clone(&bytes)));
                }
            }
            while let Some(news) = self.phones[phone].news.pop_front() {
                self.hears(phone, news);
            }
            let faults = &self.phones[phone].faults;
            assert!(faults.is_empty(), "{faults:?}");
        }
        let sending: BTreeSet<_> = self.phones.iter().flat_map(Phone::sounds).collect();
        self.front.plane.set_sending(sending);
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

    /// What the front gives back is about a record, and was judged.
    fn carry_out(&mut self, now: Timestamp, command: Command) {
        self.judge.log(now, "command", &command);
        self.judge.command(&command);
        let _ = self.front.carry_out(now, command);
    }

    fn poll_event(&mut self, now: Timestamp) -> Option<Event> {
        let Self { front, center, arrivals, calls_max, .. } = self;
        front.set_full(center.calls_live() >= *calls_max);
        let knows = |to: &str, via: &_| center.knows_number(to, via);
        while front.hear_user_agent(now, &knows, arrivals) {}
        front.poll_event()
    }

    fn input_over(&mut self, now: Timestamp) {
        self.center.check(now);
    }
}
