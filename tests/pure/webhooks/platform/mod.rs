//! A provider's platform, in virtual time: it asks us for documents and executes them.
//!
//! What is common to all of them is here: sounds take their time, keys are collected, somebody is
//! dialed, commands come by REST. A [`Tongue`] is how one of them reads documents and writes
//! requests.
//!
//! **Deliberately absent:** our own knowledge of what we meant. A document is read from its text.

mod line;
pub(in crate::webhooks) mod twiml;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use attendant::center::{Cause, Command, ContactCenter, Digit, Event, From, Prompt};
use attendant::id::{AgentId, CallId, LegId};
use attendant::sim::transcript::{Front, PartyDeed, Told};
use attendant::time::Timestamp;
use attendant::webhook::desk::{
    Ask, AskWhat, Desk, DeskSetup, Heard, ProviderSetup, Taken, Ticket,
};
use attendant::webhook::document::Callee;
use attendant::webhook::{Document, Link, Links, Paper, Provider, Reply, Request};

use line::Line;

/// What a document says, as the platform understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhooks) enum Instruction {
    Say { language: String, text: String },
    Play { url: String },
    Pause { ms: u64 },
    Gather(Gather),
    Redirect { url: String },
    Dial(Dialing),
    Record { silence: Duration, length_max: Duration, finish: Option<char>, url: String },
    HangUp,
    Reject,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhooks) struct Gather {
    pub sounds: Vec<Instruction>,
    pub keys_max: Option<usize>,
    pub finish: Option<char>,
    pub timeout: Duration,
    pub url: String,
    /// The platform comes back also without a key; else it goes on with what follows.
    pub is_asked_without_keys: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhooks) struct Dialing {
    pub to: Callee,
    pub timeout: Duration,
    /// What the callee's leg asks for when it answers.
    pub answered: Option<String>,
    pub told: Option<String>,
    pub url: String,
}

/// What happened, for the request about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhooks) enum News {
    Arrived,
    /// Nothing but: what now?
    GoOn,
    Keys(String, Option<char>),
    Dialed {
        failed: Option<Cause>,
        talked: Duration,
    },
    /// `is_gone`: by hanging up.
    Recorded {
        url: String,
        length: Duration,
        is_gone: bool,
    },
    Ended,
    PartyAnswered,
    PartyRings,
    PartyEnded(Cause),
}

/// Who a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::webhooks) struct Who {
    pub reference: String,
    pub from: Option<String>,
    pub to: String,
}

/// How one provider speaks.
pub(in crate::webhooks) trait Tongue {
    fn read(&self, reply: &Reply) -> Vec<Instruction>;
    fn request(&self, url: &str, who: &Who, news: &News) -> Request;
}

/// Where agents' telephones can be reached by SIP.
const SIP_HOST: &str = "sip.example.com";
const PIECE: Duration = Duration::from_secs(8);

pub(in crate::webhooks) struct Platform {
    provider: &'static dyn Provider,
    tongue: Box<dyn Tongue>,
    paper: Paper,
    links: Links,
    desk: Desk,
    lines: BTreeMap<CallId, Line>,
    /// Requests whose answers are not there yet.
    asked: VecDeque<Asking>,
    told: VecDeque<Told>,
}

/// Whose document an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    Caller(CallId),
    Party(LegId),
    /// News only: the answer does not matter.
    Nobody,
}

struct Asking {
    leg: Leg,
    ticket: Ticket,
}

impl Platform {
    /// `agents`: where those are who are at no telephone of ours.
    pub(in crate::webhooks) fn new(
        provider: &'static dyn Provider,
        tongue: Box<dyn Tongue>,
        has_rest: bool,
        agents: BTreeMap<AgentId, Callee>,
    ) -> Self {
        let name = provider.name().to_owned();
        let setup = ProviderSetup {
            has_rest,
            accept_key: Digit::new('1'),
            whisper: "A call for you. Press 1.".to_owned(),
            whisper_language: "en".to_owned(),
            caller_id: None,
            sip_host: Some(SIP_HOST.to_owned()),
        };
        let links = Links::new("https://ivr.example.com", provider.name(), [9; 32]);
        let desk = Desk::new(DeskSetup {
            providers: [(name.clone(), setup)].into(),
            agents: agents.into_iter().map(|(id, at)| (id, (name.clone(), at))).collect(),
            piece: PIECE,
            pieces: 4,
            is_ours: false,
            key: [9; 32],
        });
        let paper = Paper { links: links.clone(), voices: BTreeMap::new() };
        Self {
            provider,
            tongue,
            paper,
            links,
            desk,
            lines: BTreeMap::new(),
            asked: VecDeque::new(),
            told: VecDeque::new(),
        }
    }

    /// Sends a request, and takes the answer if it is there at once.
    fn post(&mut self, now: Timestamp, leg: Leg, url: &str, who: &Who, news: &News) {
        let request = self.tongue.request(url, who, news);
        let path = request.url.split_once("/webhooks/").expect("an address of ours").1;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.split_once('/').expect("a provider").1;
        let link = self.links.read(path, query).unwrap_or_else(|| panic!("not ours: {url}"));
        let fields = self.provider.parse(&link, &request).unwrap_or_else(|wrong| {
            panic!("{wrong}: {}\n{}", request.url, request.text());
        });
        // Every call is numbered by the scene, so the desk's own count is that of the line.
        let mut next = match leg {
            Leg::Caller(call) => call,
            Leg::Party(leg) => leg.call,
            Leg::Nobody => CallId(u64::MAX),
        };
        match self.desk.hear(now, self.provider.name(), &link, &fields, &mut next) {
            Heard::Known(document) => self.answered(now, leg, &document),
            Heard::Asked(ticket) => self.asked.push_back(Asking { leg, ticket }),
            Heard::Unknown => panic!("{} is unknown", request.url),
        }
    }

    fn answered(&mut self, now: Timestamp, leg: Leg, document: &Document) {
        let reply = self.provider.render(document, &self.paper);
        let instructions = self.tongue.read(&reply);
        match leg {
            Leg::Caller(call) => self.with_line(now, call, |line| line.load(instructions)),
            Leg::Party(leg) => self.party_answered(now, leg, &instructions),
            Leg::Nobody => {}
        }
    }

    /// Lets a line do something, and then what it wants of the platform.
    fn with_line(&mut self, now: Timestamp, call: CallId, act: impl FnOnce(&mut Line)) {
        let Some(mut line) = self.lines.remove(&call) else { return };
        act(&mut line);
        line.run(now);
        let wants: Vec<line::Want> = line.wants.drain(..).collect();
        let who = line.who.clone();
        self.lines.insert(call, line);
        for want in wants {
            self.want(now, call, &who, want);
        }
    }

    fn want(&mut self, now: Timestamp, call: CallId, who: &Who, want: line::Want) {
        let caller = LegId::caller(call);
        match want {
            line::Want::Hear(prompt) => self.told.push_back(Told::Hears(caller, prompt)),
            line::Want::Audio(url) => {
                let prompt = self.prompt_of(&url);
                self.told.push_back(Told::Hears(caller, prompt));
            }
            line::Want::Ask(url, news) => self.post(now, Leg::Caller(call), &url, who, &news),
            line::Want::Recording => self.told.push_back(Told::IsRecorded(caller)),
            line::Want::Ring(to) => self.ring(now, call, &to),
            line::Want::Over(cause) => {
                self.told.push_back(Told::HungUp(caller, cause));
                let url = self.links.url(&Link::Status { call });
                self.post(now, Leg::Nobody, &url, who, &News::Ended);
            }
        }
    }

    fn ring(&mut self, now: Timestamp, call: CallId, dialing: &Dialing) {
        match &dialing.to {
            Callee::Sip(uri) => {
                let user = uri.strip_prefix("sip:").and_then(|rest| rest.split_once('@'));
                let (user, host) = user.expect("a SIP address");
                assert_eq!(host, SIP_HOST);
                match self.desk.arm(user) {
                    Some((caller, party)) => {
                        self.told.push_back(Told::Talks(caller, party));
                        self.with_line(now, call, |line| line.is_bridged(now, Some(party)));
                    }
                    None => self.with_line(now, call, |line| {
                        line.dial_over(now, Some(Cause::UNALLOCATED_NUMBER));
                    }),
                }
            }
            Callee::Number(_) | Callee::Client(_) => {
                let Some(told) = &dialing.told else { return };
                let who = self.lines[&call].party();
                self.post(now, Leg::Nobody, told, &who, &News::PartyRings);
            }
        }
    }

    /// A party's document: a whisper is answered by the accept key; an empty one bridges.
    fn party_answered(&mut self, now: Timestamp, leg: LegId, instructions: &[Instruction]) {
        match instructions {
            [] => {
                self.told.push_back(Told::Talks(LegId::caller(leg.call), leg));
                self.with_line(now, leg.call, |line| line.is_bridged(now, Some(leg)));
            }
            [Instruction::Gather(gather), ..] => {
                let who = self.lines[&leg.call].party();
                let news = News::Keys("1".to_owned(), None);
                self.post(now, Leg::Party(leg), &gather.url.clone(), &who, &news);
            }
            _ => self.with_line(now, leg.call, |line| {
                line.dial_over(now, Some(Cause::NORMAL_CLEARING));
            }),
        }
    }

    fn prompt_of(&self, url: &str) -> Prompt {
        let path = url.split_once("/webhooks/").expect("an address of ours").1;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let link = self.links.read(path.split_once('/').expect("a provider").1, query);
        let Some(Link::Audio { name }) = link else { panic!("not a sound of ours: {url}") };
        match name.split_once('/').expect("a kind and a name") {
            ("music", rest) => {
                let name = rest.rsplit_once('/').expect("a piece").0;
                Prompt::Music { name: name.into() }
            }
            ("file", path) => Prompt::File { path: path.into() },
            other => panic!("{other:?}"),
        }
    }

    fn obey(&mut self, now: Timestamp, ask: Ask) {
        let is_up = self.lines.get(&ask.call).is_some_and(|line| !line.is_over);
        match ask.what {
            AskWhat::Watch { .. } => {}
            AskWhat::Move { to } if is_up => {
                let url = self.links.url(&to);
                let who = self.lines[&ask.call].who.clone();
                self.with_line(now, ask.call, Line::interrupt);
                self.post(now, Leg::Caller(ask.call), &url, &who, &News::GoOn);
            }
            AskWhat::End if is_up => {
                self.with_line(now, ask.call, |line| line.load(vec![Instruction::HangUp]));
            }
            AskWhat::Move { .. } | AskWhat::End => {
                self.desk.asked(now, ask.call, attendant::webhook::desk::Asked::Gone);
            }
        }
    }
}

impl Front for Platform {
    fn provider(&self) -> &str {
        self.provider.name()
    }

    fn calls(&mut self, now: Timestamp, call: CallId, from: &From, to: &str) {
        let who = Who {
            reference: format!("call{:04}", call.0),
            from: from.number.clone(),
            to: to.to_owned(),
        };
        self.lines.insert(call, Line::new(who.clone()));
        let url = self.links.url(&Link::Voice);
        self.post(now, Leg::Caller(call), &url, &who, &News::Arrived);
    }

    fn presses(&mut self, now: Timestamp, call: CallId, keys: &[Digit]) {
        for key in keys {
            self.with_line(now, call, |line| line.press(now, key.as_char()));
        }
    }

    fn says(&mut self, now: Timestamp, call: CallId, length: Duration) -> bool {
        let mut taken = false;
        self.with_line(now, call, |line| taken = line.says(now, length));
        taken
    }

    fn hangs_up(&mut self, now: Timestamp, call: CallId) {
        if self.desk.has_arm(call) {
            self.desk.arm_ended(now, call, false, Cause::NORMAL_CLEARING);
        }
        let Some(line) = self.lines.get_mut(&call) else { return };
        let (who, recorded) = (line.who.clone(), line.cut_message(now));
        line.is_over = true;
        if let Some((url, news)) = recorded {
            self.post(now, Leg::Nobody, &url, &who, &news);
        }
        let url = self.links.url(&Link::Status { call });
        self.post(now, Leg::Nobody, &url, &who, &News::Ended);
    }

    fn party(&mut self, now: Timestamp, leg: LegId, deed: PartyDeed) -> bool {
        let Some(line) = self.lines.get(&leg.call) else { return false };
        let by_us = |dialing: &&Dialing| !matches!(dialing.to, Callee::Sip(_));
        let Some(dialing) = line.dialing().filter(by_us).cloned() else { return false };
        let who = line.party();
        match deed {
            PartyDeed::Answer => match dialing.answered {
                Some(url) => {
                    self.post(now, Leg::Party(leg), &url, &who, &News::PartyAnswered);
                }
                None => self.party_answered(now, leg, &[]),
            },
            PartyDeed::Fail(cause) => {
                if let Some(told) = &dialing.told {
                    self.post(now, Leg::Nobody, told, &who, &News::PartyEnded(cause));
                }
                self.with_line(now, leg.call, |line| line.dial_over(now, Some(cause)));
            }
            PartyDeed::HangUp => {
                if let Some(told) = &dialing.told {
                    let ended = News::PartyEnded(Cause::NORMAL_CLEARING);
                    self.post(now, Leg::Nobody, told, &who, &ended);
                }
                self.with_line(now, leg.call, |line| line.dial_over(now, None));
            }
        }
        true
    }

    fn phone_ends(&mut self, now: Timestamp, leg: LegId) {
        if !leg.is_caller() && self.desk.has_arm(leg.call) {
            self.desk.arm_ended(now, leg.call, true, Cause::NORMAL_CLEARING);
            self.with_line(now, leg.call, |line| line.dial_over(now, None));
        }
    }

    fn command(&mut self, command: &Command) -> bool {
        self.desk.command(command) == Taken::Here
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.desk.poll_event()
    }

    fn settle(&mut self, now: Timestamp, center: &ContactCenter) -> bool {
        if let Some(Asking { leg, ticket }) = self.asked.pop_front() {
            let ahead = center.ahead(now, ticket.call());
            let document = self.desk.write(now, &ticket, ahead);
            self.answered(now, leg, &document);
            return true;
        }
        if let Some(ask) = self.desk.poll_ask() {
            self.obey(now, ask);
            return true;
        }
        false
    }

    fn poll_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let lines = self.lines.values().filter_map(Line::due);
        lines
            .chain(self.desk.poll_timeout().filter(|_| self.lines.values().any(|l| !l.is_over)))
            .min()
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.desk.handle_timeout(now);
        let due: Vec<CallId> = self
            .lines
            .iter()
            .filter(|(_, line)| line.due().is_some_and(|due| due <= now))
            .map(|(&call, _)| call)
            .collect();
        for call in due {
            self.with_line(now, call, |line| line.wake(now));
        }
    }
}
