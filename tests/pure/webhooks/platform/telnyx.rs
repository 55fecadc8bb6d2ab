//! Telnyx's platform as a front of a scene, in virtual time.
//!
//! **Deliberately absent:** documents. What the platform knows of a call came in commands as they
//! go over the wire; what we know of it came in events as they do.

use std::collections::{BTreeMap, VecDeque};
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
use attendant::webhook::sign::from_base64;
use attendant::webhook::{
    self, Account, Commanded, Fields, Link, Links, Method, Provider, RenderContext, Request,
    RestAnswer, RestCommand, RestOrder, RestResult,
};
use attendant::words::{AgentRequest, Cause, Command, Digit, Event, From, Prompt, Target};
use serde_json::Value;

use super::{PIECE, SIP_HOST};
use crate::call_control::{self, Did, Line, Platform, Sound};

/// As in the configuration.
pub(in crate::webhooks) const NAME: &str = "telnyx";

pub(in crate::webhooks) fn provider() -> &'static dyn Provider {
    webhook::provider(NAME).expect("it is spoken")
}

/// Our legs there, before the first call.
pub(in crate::webhooks) fn legs(context: RenderContext, piece: Duration) -> Box<dyn Commanded> {
    provider().commanded().expect("each action is commanded")(context, piece)
}

pub(in crate::webhooks) struct Telnyx {
    front: ProviderFront,
    /// Every call is numbered by the scene.
    next_call: CallId,
    links: Links,
    platform: Platform,
    /// Those it dialed, by its name for them.
    parties: BTreeMap<String, LegId>,
    /// Callers who are at a telephone of ours, by the party that is.
    handed: BTreeMap<CallId, String>,
    pending: Option<Ticket>,
    notices: VecDeque<Notice>,
    /// Every event is sent twice.
    doubled: bool,
}

impl Telnyx {
    /// `agents`: where those are who are at no telephone of ours.
    pub(in crate::webhooks) fn new(
        doubled: bool,
        accept_key: Option<Digit>,
        agents: BTreeMap<AgentId, Callee>,
    ) -> Self {
        let links = Links::new("https://ivr.example.com", NAME, [9; 32]);
        let setup = ProviderSetup {
            has_rest: true,
            accept_key,
            whisper: "A call for you. Press 1.".to_owned(),
            whisper_language: "en".to_owned(),
            sip_host: Some(SIP_HOST.to_owned()),
            ..ProviderSetup::default()
        };
        let at_provider = |at| (NAME.to_owned(), at);
        let setup = ProviderCallsSetup {
            providers: [(NAME.to_owned(), setup)].into(),
            agents: agents.into_iter().map(|(id, at)| (id, at_provider(at))).collect(),
            piece: PIECE,
            pieces: 4,
            is_ours: false,
            key: [9; 32],
        };
        // A voice of each language that is called like it.
        let voices = ["en", "es", "de", "fr"].map(|it| (it.to_owned(), it.to_owned())).into();
        let context = RenderContext { links: links.clone(), voices };
        let of = links.clone();
        let lasts = move |sound: &Sound| ms(heard(&of, sound).1);
        Self {
            front: ProviderFront::new(setup, [(NAME, Way::Commands(legs(context, PIECE)))].into()),
            next_call: CallId(1),
            links,
            platform: Platform::new(lasts),
            parties: BTreeMap::new(),
            handed: BTreeMap::new(),
            pending: None,
            notices: VecDeque::new(),
            doubled,
        }
    }

    fn reference(call: CallId) -> String {
        format!("v3:call{:04}", call.0)
    }

    fn leg(&self, reference: &str) -> LegId {
        let caller = || reference.strip_prefix("v3:call")?.parse().ok().map(CallId);
        let known = self.parties.get(reference).copied();
        known.or_else(|| caller().map(LegId::caller)).expect("a leg of ours")
    }

    /// Carries what the platform does to us and to the scene.
    fn carry(&mut self, now: Timestamp) {
        while let Some(did) = self.platform.poll_did() {
            match did {
                Did::Event(event) => {
                    let fields = parsed(&self.links, &event);
                    for _ in 0..=usize::from(self.doubled) {
                        let next = &mut self.next_call;
                        let known =
                            self.front.handle_request(now, NAME, &Link::Voice, &fields, next);
                        assert!(matches!(known, WebhookResult::Known(_)));
                    }
                }
                Did::Plays { reference, sound } => {
                    let leg = self.leg(&reference);
                    let prompt = heard(&self.links, &sound).0;
                    self.notices.extend(leg.is_caller().then_some(Notice::Hears(leg, prompt)));
                }
                Did::Records(reference) => {
                    self.notices.push_back(Notice::IsRecorded(self.leg(&reference)));
                }
                Did::Dials(party) => self.dials(now, &party),
                Did::Bridges { caller, party } => {
                    let both = Notice::Talks(self.leg(&caller), self.leg(&party));
                    self.notices.push_back(both);
                }
                Did::Enters { .. } | Did::Leaves { .. } => {}
                Did::Ends { reference, cause } => {
                    let leg = self.leg(&reference);
                    let cause = match cause {
                        "call_rejected" => Cause::CALL_REJECTED,
                        _ => Cause::NORMAL_CLEARING,
                    };
                    self.notices.extend(leg.is_caller().then_some(Notice::HungUp(leg, cause)));
                }
            }
        }
    }

    /// Whose leg that is: as the mark says, or an agent's of ours, who answers at once.
    fn dials(&mut self, now: Timestamp, party: &str) {
        let line = &self.platform.lines[party];
        let mark = String::from_utf8(from_base64(&line.state).unwrap()).unwrap();
        let (path, query) = mark.split_once('?').unwrap();
        let ours = line.to.strip_prefix("sip:").and_then(|rest| rest.split_once('@'));
        let ours = ours.filter(|(_, host)| *host == SIP_HOST).map(|(user, _)| user);
        let address = ours.map(str::to_owned);
        let expected = address.and_then(|address| {
            self.front.handle_handoff(now, &Handoff::Arrived { arrival: 0, address });
            self.front.poll_handoff()
        });
        let leg = match self.links.read(path, query) {
            Some(Link::LegStatus { leg }) => leg,
            _ => match &expected {
                Some(Handoff::Expected { party, .. }) => *party,
                other => panic!("an agent of ours: {other:?}"),
            },
        };
        self.parties.insert(party.to_owned(), leg);
        if expected.is_some() {
            self.handed.insert(leg.call, party.to_owned());
            self.platform.answers(party);
        }
    }

    /// Does a command as it goes over the wire.
    fn obey(&mut self, now: Timestamp, leg: LegId, command: &RestCommand) {
        let account = Account { id: "con".to_owned(), ..Account::default() };
        let call = provider().rest(&account, command).expect("a command");
        let mut body: Value = serde_json::from_str(&call.body).unwrap();
        let RestCommand::Action { reference, id, name, .. } = command else { panic!("an action") };
        let path = call.url.strip_prefix("https://api.telnyx.com").expect("Telnyx");
        let addressed = call_control::addressed(path, &mut body);
        assert_eq!(addressed, (reference.clone(), (*name).to_owned()));
        assert_eq!(body["command_id"], id.as_str());
        let answer = match self.platform.command(now.as_millis(), reference, name, &body) {
            Ok(done) => RestAnswer { status: 200, body: done.to_string(), ..Default::default() },
            Err(refused) => RestAnswer {
                status: refused.status,
                body: refused.body().to_string(),
                ..RestAnswer::default()
            },
        };
        self.carry(now);
        if name.starts_with("gather") && !self.leg(reference).is_caller() {
            self.platform.press(now.as_millis(), reference, '1');
            self.carry(now);
        }
        let outcome = provider().outcome(&answer);
        let action = Some((reference.clone(), id.clone()));
        let result = RestResult { provider: NAME, leg, action, outcome };
        self.front.handle_rest_result(now, &result);
    }

    fn party_of(&self, leg: LegId) -> Option<String> {
        let mut parties = self.parties.iter();
        let found = parties.find(|(name, it)| **it == leg && self.platform.is_up(name));
        found.map(|(name, _)| name.clone())
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("short")
}

pub(in crate::webhooks) fn parsed(links: &Links, event: &call_control::Event) -> Fields {
    let data = serde_json::json!({"event_type": event.kind, "id": "1", "payload": event.payload});
    let request = Request {
        method: Method::Post,
        url: links.url(&Link::Voice),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: serde_json::json!({ "data": data }).to_string().into_bytes(),
    };
    provider().parse(&Link::Voice, &request).unwrap()
}

/// What a sound is, and how long it is heard.
fn heard(links: &Links, sound: &Sound) -> (Prompt, Duration) {
    let url = match sound {
        Sound::Text { voice, text } => {
            let language = voice.as_str().into();
            let prompt = Prompt::Text { language, text: text.as_str().into() };
            return (prompt.clone(), length(&prompt));
        }
        Sound::File(url) => url,
    };
    let path = url.split_once("/webhooks/telnyx/").expect("an address of ours").1;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let Some(Link::Audio { name }) = links.read(path, query) else { panic!("{url}") };
    match name.split_once('/').expect("a kind and a name") {
        ("music", rest) => {
            let name = rest.rsplit_once('/').expect("a piece").0.into();
            (Prompt::Music { name }, PIECE)
        }
        ("file", path) => {
            let prompt = Prompt::File { path: path.into() };
            (prompt.clone(), length(&prompt))
        }
        other => panic!("{other:?}"),
    }
}

impl Callers for Telnyx {
    fn provider(&self) -> &str {
        NAME
    }

    fn calls(&mut self, now: Timestamp, call: CallId, from: &From, to: &str) {
        self.next_call = call;
        let from = from.number.as_deref().unwrap_or("anonymous");
        self.platform.call(&Self::reference(call), from, to);
        self.carry(now);
    }

    fn presses(&mut self, now: Timestamp, call: CallId, keys: &[Digit]) {
        for key in keys {
            self.platform.press(now.as_millis(), &Self::reference(call), key.as_char());
            self.carry(now);
        }
    }

    fn says(&mut self, now: Timestamp, call: CallId, length: Duration) -> bool {
        self.platform.says(now.as_millis(), &Self::reference(call), ms(length))
    }

    fn hangs_up(&mut self, now: Timestamp, call: CallId) {
        if self.handed.remove(&call).is_some() {
            let (leg, end) = (LegId::caller(call), HandoffEnd::HungUp(Cause::NORMAL_CLEARING));
            self.front.handle_handoff(now, &Handoff::Over { leg, end });
        }
        self.platform.hangs_up(now.as_millis(), &Self::reference(call));
        self.carry(now);
    }

    fn party(&mut self, now: Timestamp, leg: LegId, deed: PartyDeed) -> bool {
        let Some(party) = self.party_of(leg) else { return false };
        if self.handed.contains_key(&leg.call) {
            return false;
        }
        match deed {
            PartyDeed::Answer => self.platform.answers(&party),
            PartyDeed::Fail(Cause::USER_BUSY) => self.platform.fails(&party, "user_busy"),
            PartyDeed::Fail(Cause::CALL_REJECTED) => self.platform.fails(&party, "call_rejected"),
            PartyDeed::Fail(_) => self.platform.fails(&party, "no_answer"),
            PartyDeed::HangUp => self.platform.hangs_up(now.as_millis(), &party),
        }
        self.carry(now);
        true
    }

    fn settle(&mut self, now: Timestamp, center: &ContactCenter) -> bool {
        if let Some(ticket) = self.pending.take() {
            let ahead = center.look_ahead(now, ticket.call());
            self.front.answer(now, ticket, ahead);
            return true;
        }
        if let Some(result) = self.front.poll_request(now, &mut self.next_call) {
            if let WebhookResult::Pending(ticket) = result {
                self.pending = Some(ticket);
            }
            return true;
        }
        match self.front.poll_order() {
            Some(RestOrder::Send { provider: _, leg, command }) => {
                self.obey(now, leg, &command);
                true
            }
            Some(RestOrder::Came(leg)) => panic!("{leg} comes by itself"),
            None => self.front.pass_on(now),
        }
    }

    fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }
}

impl Front for Telnyx {
    fn carry_out(&mut self, now: Timestamp, command: Command) -> Option<Command> {
        self.front.carry_out(now, command)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.front.poll_event()
    }

    fn can(&self, leg: LegId, request: &AgentRequest) -> Result<(), FrontCannot> {
        self.front.can(leg, request)
    }

    fn can_supervise(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        self.front.can_supervise(leg, whom)
    }

    fn can_consult(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        self.front.can_consult(leg, whom)
    }

    fn handle_handoff(&mut self, now: Timestamp, handoff: &Handoff) -> bool {
        let party = match handoff {
            Handoff::Over { leg, .. } => self.handed.remove(&leg.call),
            _ => None,
        };
        let Some(party) = party else { return false };
        self.front.handle_handoff(now, handoff);
        if self.platform.is_up(&party) {
            self.platform.hangs_up(now.as_millis(), &party);
            self.carry(now);
        }
        true
    }

    fn poll_handoff(&mut self) -> Option<Handoff> {
        self.front.poll_handoff()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let lines = self.platform.lines.values();
        let ours = self.front.poll_timeout();
        let ours = ours.filter(|_| lines.clone().any(|line| !line.is_over));
        let due = lines.filter_map(Line::due).map(Timestamp::from_millis);
        ours.into_iter().chain(due).min()
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.front.handle_timeout(now);
        let is_due = |line: &Line| line.due().is_some_and(|due| due <= now.as_millis());
        let due = self.platform.lines.iter().filter(|(_, line)| is_due(line));
        let due: Vec<String> = due.map(|(name, _)| name.clone()).collect();
        for reference in due {
            self.platform.wake(now.as_millis(), &reference);
        }
        self.carry(now);
    }

    fn set_full(&mut self, is_full: bool) {
        self.front.set_full(is_full);
    }

    fn is_quiet(&self) -> bool {
        self.front.is_quiet()
    }
}
