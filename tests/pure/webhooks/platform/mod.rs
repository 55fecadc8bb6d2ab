//! A provider's platform, in virtual time: it asks us for documents and executes them.
//!
//! What executes and speaks is in [`platform`]; here it is joined to [`ProviderFront`] in the same
//! process, and to the people of a transcript.
//!
//! **Deliberately absent:** our own knowledge of what we meant. A document is read from its text.

mod party;
pub(in crate::webhooks) mod telnyx;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use attendant::center::ContactCenter;
use attendant::front::{Front, FrontCannot, Handoff, HandoffEnd};
use attendant::id::{AgentId, CallId, LegId};
use attendant::sim::transcript::{Callers, Notice, PartyDeed};
use attendant::sim::world::length;
use attendant::time::Timestamp;
use attendant::webhook::calls::{ProviderCallsSetup, ProviderSetup};
use attendant::webhook::document::Callee;
use attendant::webhook::front::{ProviderFront, Ticket, Way, WebhookResult};
use attendant::webhook::{
    Document, Link, Links, Method, Provider, RenderContext, Request, RestCommand, RestOrder,
    RestOutcome, RestResult,
};
use attendant::words::{AgentRequest, Cause, Command, Digit, Event, From, Prompt, Target};

use crate::platform::{
    Answer, Instruction, Line, ProviderEvent, ProviderRequest, Tongue, Want, Who, tongue,
};
use party::is_handed_off;

/// Where agents' telephones can be reached by SIP.
const SIP_HOST: &str = "sip.example.com";
/// How long one piece of waiting music is.
pub(in crate::webhooks) const PIECE: Duration = Duration::from_secs(8);

pub(in crate::webhooks) struct Platform {
    provider: &'static dyn Provider,
    tongue: &'static dyn Tongue,
    context: RenderContext,
    links: Links,
    front: ProviderFront,
    /// Callers who are at a telephone of ours.
    handed: BTreeSet<CallId>,
    lines: BTreeMap<CallId, Line>,
    /// The party that answered for them.
    parties: BTreeMap<LegId, Line>,
    /// Requests whose answers are not there yet.
    asked: VecDeque<Asking>,
    notices: VecDeque<Notice>,
}

/// Whose document an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    Caller(CallId),
    Party(LegId),
    /// ProviderEvent only: the answer does not matter.
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
        has_rest: bool,
        accept_key: Option<Digit>,
        agents: BTreeMap<AgentId, Callee>,
    ) -> Self {
        let name = provider.name().to_owned();
        let setup = ProviderSetup {
            has_rest,
            accept_key,
            whisper: "A call for you. Press 1.".to_owned(),
            whisper_language: "en".to_owned(),
            caller_id: None,
            ends_parties: !provider.info().refuses_parties,
            split: provider.info().split,
            only_numbers_ask: provider.info().only_numbers_ask,
            waits_for_key: provider.info().waits_for_key,
            sip_host: Some(SIP_HOST.to_owned()),
        };
        let links = Links::new("https://ivr.example.com", provider.name(), [9; 32]);
        let links = match provider.info().comes_with_access {
            true => links.with_access("ivr:its-password"),
            false => links,
        };
        let setup = ProviderCallsSetup {
            providers: [(name.clone(), setup)].into(),
            agents: agents.into_iter().map(|(id, at)| (id, (name.clone(), at))).collect(),
            piece: PIECE,
            pieces: 4,
            is_ours: false,
            key: [9; 32],
        };
        let ways = [(provider.name(), Way::Documents(links.clone()))].into();
        let context = RenderContext { links: links.clone(), voices: BTreeMap::new() };
        Self {
            provider,
            tongue: tongue(provider.name()),
            context,
            links,
            front: ProviderFront::new(setup, ways),
            handed: BTreeSet::new(),
            lines: BTreeMap::new(),
            parties: BTreeMap::new(),
            asked: VecDeque::new(),
            notices: VecDeque::new(),
        }
    }

    /// Sends a request, and takes the answer if it is there at once.
    fn post(&mut self, now: Timestamp, leg: Leg, url: &str, who: &Who, event: &ProviderEvent) {
        let Some(asked) = self.tongue.request(url, who, event, None) else { return };
        let request = request(asked);
        let path = request.url.split_once("/webhooks/").expect("an address of ours").1;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.split_once('/').expect("a provider").1;
        let link = self.links.read(path, query).unwrap_or_else(|| panic!("not ours: {url}"));
        let fields = self.provider.parse(&link, &request).unwrap_or_else(|wrong| {
            panic!("{wrong}: {}\n{}", request.url, request.text());
        });
        // Every call is numbered by the scene, so our own count is that of the line.
        let mut next = match leg {
            Leg::Caller(call) => call,
            Leg::Party(leg) => leg.call,
            Leg::Nobody => CallId(u64::MAX),
        };
        match self.front.handle_request(now, self.provider.name(), &link, &fields, &mut next) {
            WebhookResult::Known(document) => self.answered(now, leg, &document),
            WebhookResult::Pending(ticket) => self.asked.push_back(Asking { leg, ticket }),
            WebhookResult::Unknown => panic!("{} is unknown", request.url),
        }
    }

    fn answered(&mut self, now: Timestamp, leg: Leg, document: &Document) {
        let reply = self.provider.render(document, &self.context);
        let instructions = self.tongue.read(&Answer {
            status: reply.status,
            content_type: reply.content_type.to_owned(),
            body: reply.body,
        });
        match leg {
            Leg::Caller(call) => self.with_line(now, call, |line| line.load(instructions)),
            Leg::Party(leg) => self.with_party(now, leg, |line| line.load(instructions)),
            Leg::Nobody => {}
        }
    }

    /// Lets a line do something, and then what it wants of the platform.
    fn with_line(&mut self, now: Timestamp, call: CallId, act: impl FnOnce(&mut Line)) {
        let Some(mut line) = self.lines.remove(&call) else { return };
        act(&mut line);
        line.run(now);
        let wants: Vec<Want> = line.wants.drain(..).collect();
        let who = line.who.clone();
        self.lines.insert(call, line);
        for want in wants {
            self.want(now, call, &who, want);
        }
    }

    fn want(&mut self, now: Timestamp, call: CallId, who: &Who, want: Want) {
        let caller = LegId::caller(call);
        match want {
            Want::Hear(sound) => {
                let prompt = self.prompt_of(&sound);
                self.notices.push_back(Notice::Hears(caller, prompt));
            }
            Want::Ask(url, event) => self.post(now, Leg::Caller(call), &url, who, &event),
            Want::Tell(who, url, event) => self.post(now, Leg::Nobody, &url, &who, &event),
            Want::Recording => self.notices.push_back(Notice::IsRecorded(caller)),
            Want::Ring => self.ring(now, call),
            Want::Bridged => panic!("nobody dialed {call}"),
            Want::Over(cause) => {
                self.notices.push_back(Notice::HungUp(caller, cause));
                self.tell_of_end(now, call, who);
            }
        }
    }

    fn tell_of_end(&mut self, now: Timestamp, call: CallId, who: &Who) {
        // Those that take an address for it by REST got one when the call arrived.
        let is_told = matches!(self.provider.name(), "signalwire" | "texml" | "twilio");
        let link = if is_told { Link::Status { call } } else { Link::Events };
        let url = self.links.url(&link);
        self.post(now, Leg::Nobody, &url, who, &ProviderEvent::Ended);
    }

    fn prompt_of(&self, sound: &Instruction) -> Prompt {
        let url = match sound {
            Instruction::Say { language, text } => return prompt(language, text),
            Instruction::Play { url } => url,
            other => panic!("{other:?} is nothing to hear"),
        };
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

    fn obey(&mut self, now: Timestamp, leg: LegId, command: &RestCommand) {
        let call = leg.call;
        let is_up = self.lines.get(&call).is_some_and(|line| !line.is_over);
        match command {
            RestCommand::Watch { .. } => {}
            RestCommand::Split { .. } | RestCommand::Action { .. } => {
                panic!("nobody outside holds in these stories")
            }
            RestCommand::End { reference, .. } if is_up && !leg.is_caller() => {
                self.with_party(now, leg, |party| {
                    assert_eq!(*reference, party.who.reference);
                    party.fails(Cause::NORMAL_CLEARING);
                });
            }
            RestCommand::Move { url, .. } if is_up => {
                let who = self.lines[&call].who.clone();
                self.with_line(now, call, Line::interrupt);
                self.post(now, Leg::Caller(call), url, &who, &ProviderEvent::Moved);
            }
            RestCommand::End { .. } if is_up => {
                self.with_line(now, call, |line| line.load(vec![Instruction::HangUp]));
            }
            RestCommand::Move { .. } | RestCommand::End { .. } => {
                let (provider, outcome) = (self.provider.name(), RestOutcome::Gone);
                let result = RestResult { provider, leg, action: None, outcome };
                self.front.handle_rest_result(now, &result);
            }
        }
    }
}

impl Callers for Platform {
    fn provider(&self) -> &str {
        self.provider.name()
    }

    fn calls(&mut self, now: Timestamp, call: CallId, from: &From, to: &str) {
        let who = Who {
            reference: format!("call{:04}", call.0),
            parent: None,
            from: from.number.clone(),
            to: to.to_owned(),
        };
        self.lines.insert(call, Line::new(who.clone(), lasts));
        let url = self.links.url(&Link::Voice);
        self.post(now, Leg::Caller(call), &url, &who, &ProviderEvent::Arrived);
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
        if self.handed.remove(&call) {
            let (leg, end) = (LegId::caller(call), HandoffEnd::HungUp(Cause::NORMAL_CLEARING));
            self.front.handle_handoff(now, &Handoff::Over { leg, end });
        }
        let Some(line) = self.lines.get_mut(&call) else { return };
        let who = line.who.clone();
        line.cut(now);
        let wants: Vec<Want> = line.wants.drain(..).collect();
        for want in wants {
            self.want(now, call, &who, want);
        }
        self.tell_of_end(now, call, &who);
    }

    fn party(&mut self, now: Timestamp, leg: LegId, deed: PartyDeed) -> bool {
        let Some(line) = self.lines.get(&leg.call) else { return false };
        if line.dialing().is_none_or(|dialing| is_handed_off(&dialing.to)) {
            return false;
        }
        let talked = line.talked(now);
        self.with_party(now, leg, |party| match deed {
            PartyDeed::Answer => party.answers(),
            PartyDeed::Fail(cause) => party.fails(cause),
            PartyDeed::HangUp => party.leaves(talked),
        });
        if deed == PartyDeed::HangUp {
            self.with_line(now, leg.call, |line| line.dial_over(now, None));
        }
        true
    }

    fn settle(&mut self, now: Timestamp, center: &ContactCenter) -> bool {
        if let Some(Asking { leg, ticket }) = self.asked.pop_front() {
            let ahead = center.look_ahead(now, ticket.call());
            let document = self.front.answer(now, ticket, ahead);
            self.answered(now, leg, &document);
            return true;
        }
        match self.front.poll_order() {
            Some(RestOrder::Send { leg, command, .. }) => {
                self.obey(now, leg, &command);
                true
            }
            Some(RestOrder::Came(_)) => true,
            None => self.front.pass_on(now),
        }
    }

    fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }
}

impl Front for Platform {
    fn carry_out(&mut self, now: Timestamp, command: Command) -> Option<Command> {
        self.front.carry_out(now, command)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.front.poll_event()
    }

    fn can(&self, leg: LegId, request: &AgentRequest) -> Result<(), FrontCannot> {
        self.front.can(leg, request)
    }

    fn can_consult(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        self.front.can_consult(leg, whom)
    }

    fn can_supervise(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        self.front.can_supervise(leg, whom)
    }

    fn handle_handoff(&mut self, now: Timestamp, handoff: &Handoff) -> bool {
        let call = match handoff {
            Handoff::Over { leg, .. } => self.handed.take(&leg.call),
            _ => None,
        };
        let is_known = self.front.handle_handoff(now, handoff);
        if let Some(call) = call {
            self.with_line(now, call, |line| line.dial_over(now, None));
        }
        is_known
    }

    fn poll_handoff(&mut self) -> Option<Handoff> {
        self.front.poll_handoff()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let lines = self.lines.values().filter_map(Line::due);
        lines
            .chain(self.front.poll_timeout().filter(|_| self.lines.values().any(|l| !l.is_over)))
            .min()
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.front.handle_timeout(now);
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

    fn set_full(&mut self, is_full: bool) {
        self.front.set_full(is_full);
    }

    fn is_quiet(&self) -> bool {
        self.front.is_quiet()
    }
}

/// As it comes to the door.
fn request(asked: ProviderRequest) -> Request {
    let kind = ("content-type".to_owned(), asked.content_type.to_owned());
    Request {
        method: if asked.is_get { Method::Get } else { Method::Post },
        url: asked.url,
        headers: vec![kind],
        body: asked.body.into_bytes(),
    }
}

/// Platforms want a country; flows mostly say a language.
fn prompt(language: &str, text: &str) -> Prompt {
    let language = language.split('-').next().unwrap_or(language);
    Prompt::Text { language: language.into(), text: text.into() }
}

/// How long a sound is heard.
fn lasts(sound: &Instruction) -> Duration {
    match sound {
        Instruction::Say { language, text } => length(&prompt(language, text)),
        Instruction::Play { url } if url.contains("/music/") || url.contains("music%2F") => PIECE,
        Instruction::Play { .. } => length(&Prompt::File { path: "".into() }),
        Instruction::Pause { ms } => Duration::from_millis(*ms),
        other => panic!("{other:?} is no sound"),
    }
}
