//! Telnyx's platform, in virtual time: it tells events and does what it is commanded.
//!
//! **Deliberately absent:** documents. What it knows of a call came in commands as they go over the
//! wire; what we know of it came in events as they do.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use attendant::center::{Cause, Command, ContactCenter, Digit, Event, From, Prompt};
use attendant::id::{CallId, LegId};
use attendant::sim::transcript::{Front, PartyDeed, Told};
use attendant::sim::world::length;
use attendant::time::Timestamp;
use attendant::webhook::desk::{AskWhat, Desk, DeskSetup, Heard, ProviderSetup, Taken, Ticket};
use attendant::webhook::sign::from_base64;
use attendant::webhook::telnyx::{self, Legs, Order};
use attendant::webhook::{
    Account, Link, Links, Method, Paper, Provider, Request, RestCommand, RestOutcome,
};
use serde_json::{Value, json};

use super::{PIECE, SIP_HOST};

pub(in crate::webhooks) struct Telnyx {
    desk: Desk,
    legs: Legs,
    links: Links,
    lines: BTreeMap<String, Line>,
    pending: Option<(String, Ticket, Link)>,
    told: VecDeque<Told>,
    /// Every event is told twice.
    doubled: bool,
}

struct Line {
    leg: LegId,
    from: String,
    to: String,
    /// What the last command left to be sent with every event.
    state: String,
    is_over: bool,
    doing: Doing,
    /// The other leg, for a party: whose it is.
    of: Option<String>,
    is_bridged: bool,
}

enum Doing {
    Nothing,
    Rings {
        until: Timestamp,
    },
    Sounds {
        until: Timestamp,
        event: &'static str,
    },
    /// `words`: sentences that were not said yet.
    Gathers {
        until: Timestamp,
        asked: Value,
        keys: String,
        words: VecDeque<String>,
        is_sounding: bool,
    },
    Records {
        until: Timestamp,
        silence: Duration,
        began: Timestamp,
        spoken: Duration,
    },
}

impl Telnyx {
    pub(in crate::webhooks) fn new(doubled: bool) -> Self {
        let links = Links::new("https://ivr.example.com", telnyx::NAME, [9; 32]);
        let setup = ProviderSetup {
            has_rest: true,
            accept_key: Digit::new('1'),
            whisper: "A call for you. Press 1.".to_owned(),
            whisper_language: "en".to_owned(),
            sip_host: Some(SIP_HOST.to_owned()),
            ..ProviderSetup::default()
        };
        let desk = Desk::new(DeskSetup {
            providers: [(telnyx::NAME.to_owned(), setup)].into(),
            agents: BTreeMap::new(),
            piece: PIECE,
            pieces: 4,
            is_ours: false,
            key: [9; 32],
        });
        // A voice of each language that is called like it.
        let voices = ["en", "es", "de", "fr"].map(|it| (it.to_owned(), it.to_owned())).into();
        let paper = Paper { links: links.clone(), voices };
        Self {
            desk,
            legs: Legs::new(paper),
            links,
            lines: BTreeMap::new(),
            pending: None,
            told: VecDeque::new(),
            doubled,
        }
    }

    fn post(&mut self, now: Timestamp, reference: &str, kind: &str, more: &Value) {
        let line = &self.lines[reference];
        let mut payload = json!({
            "call_control_id": reference,
            "call_leg_id": format!("leg of {reference}"),
            "client_state": line.state,
            "from": line.from,
            "to": line.to,
        });
        if kind == "call.recording.saved" {
            payload.as_object_mut().unwrap().remove("call_control_id");
        }
        for (name, value) in more.as_object().unwrap() {
            payload[name] = value.clone();
        }
        let body = json!({"data": {"event_type": kind, "id": "1", "payload": payload}});
        let request = Request {
            method: Method::Post,
            url: self.links.url(&Link::Voice),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        };
        let fields = telnyx::Telnyx.parse(&Link::Voice, &request).unwrap();
        for _ in 0..=usize::from(self.doubled) {
            self.legs.hear(now, &fields);
        }
    }

    fn reference(call: CallId) -> String {
        format!("v3:call{:04}", call.0)
    }

    fn line(&mut self, reference: &str) -> &mut Line {
        self.lines.get_mut(reference).expect("a line of that name")
    }

    fn sound(&mut self, now: Timestamp, reference: &str, body: &Value) -> Timestamp {
        let text = |name: &str| body[name].as_str();
        let (prompt, lasts) = match (text("payload"), text("audio_url")) {
            (Some(said), _) => {
                let language = text("voice").expect("a voice").into();
                let prompt = Prompt::Text { language, text: said.into() };
                (prompt.clone(), length(&prompt))
            }
            (None, Some(url)) => self.file(url),
            (None, None) => return now,
        };
        let leg = self.lines[reference].leg;
        if leg.is_caller() {
            self.told.push_back(Told::Hears(leg, prompt));
        }
        now + lasts
    }

    fn file(&self, url: &str) -> (Prompt, Duration) {
        let path = url.split_once("/webhooks/telnyx/").expect("an address of ours").1;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let Some(Link::Audio { name }) = self.links.read(path, query) else { panic!("{url}") };
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

    /// Does a command as it goes over the wire.
    fn obey(&mut self, now: Timestamp, order: &Order) {
        let account = Account { id: "con".to_owned(), ..Account::default() };
        let call = telnyx::Telnyx.rest(&account, &order.command).expect("a command");
        let body: Value = serde_json::from_str(&call.body).unwrap();
        let RestCommand::Action { reference, id, .. } = &order.command else { panic!("an action") };
        assert_eq!(body["command_id"], id.as_str());
        let name = call.url.rsplit('/').next().unwrap().to_owned();
        let outcome = match self.lines.get_mut(reference) {
            Some(line) if !line.is_over => {
                if let Some(state) = body["client_state"].as_str().filter(|_| name != "calls") {
                    line.state = state.to_owned();
                }
                self.act(now, reference, &name, &body);
                RestOutcome::Done
            }
            _ => RestOutcome::Gone,
        };
        self.legs.told(now, reference, id, &outcome);
    }

    fn act(&mut self, now: Timestamp, reference: &str, name: &str, body: &Value) {
        match name {
            "answer" => self.post(now, reference, "call.answered", &json!({})),
            "speak" | "playback_start" => {
                let until = self.sound(now, reference, body);
                let event = match name {
                    "speak" => "call.speak.ended",
                    _ => "call.playback.ended",
                };
                self.line(reference).doing = Doing::Sounds { until, event };
            }
            "gather" | "gather_using_speak" | "gather_using_audio" => {
                self.gather(now, reference, body);
            }
            "playback_stop" => {
                if let Doing::Sounds { event, .. } = self.line(reference).doing {
                    self.line(reference).doing = Doing::Nothing;
                    self.post(now, reference, event, &json!({"status": "cancelled"}));
                }
            }
            "gather_stop" => self.gathered(now, reference, "cancelled"),
            "record_start" => {
                let seconds = |name: &str| Duration::from_secs(body[name].as_u64().unwrap());
                let (silence, most) = (seconds("timeout_secs"), seconds("max_length"));
                let (until, spoken) = (now + most, Duration::ZERO);
                self.line(reference).doing = Doing::Records { until, silence, began: now, spoken };
                let leg = self.line(reference).leg;
                self.told.push_back(Told::IsRecorded(leg));
            }
            "record_stop" => self.saved(now, reference),
            "calls" => self.dial(now, reference, body),
            "bridge" => {
                assert_eq!(body["park_after_unbridge"], "self");
                let party = body["call_control_id"].as_str().unwrap().to_owned();
                self.line(reference).is_bridged = true;
                self.line(&party).is_bridged = true;
                let (caller, leg) = (self.lines[reference].leg, self.lines[&party].leg);
                self.told.push_back(Told::Talks(caller, leg));
                self.post(now, &party, "call.bridged", &json!({}));
                self.post(now, reference, "call.bridged", &json!({}));
            }
            "hangup" => self.ends(now, reference, "normal_clearing", true),
            "reject" => self.ends(now, reference, "call_rejected", true),
            other => panic!("no action: {other}"),
        }
    }

    fn gather(&mut self, now: Timestamp, reference: &str, body: &Value) {
        let is_party = !self.lines[reference].leg.is_caller();
        let text = body["payload"].as_str().unwrap_or_default();
        let mut words: VecDeque<String> =
            text.split_inclusive(". ").map(|said| said.trim().to_owned()).collect();
        let mut first = body.clone();
        if let Some(said) = words.pop_front() {
            first["payload"] = said.into();
        }
        let heard = self.sound(now, reference, &first);
        let until = match body["initial_timeout_millis"].as_u64() {
            Some(ms) => now + Duration::from_millis(ms),
            None => heard,
        };
        let is_sounding = body["initial_timeout_millis"].is_null();
        let asked = body.clone();
        let keys = String::new();
        self.line(reference).doing = Doing::Gathers { until, asked, keys, words, is_sounding };
        if is_party {
            self.press(now, reference, '1');
        }
    }

    fn gathered(&mut self, now: Timestamp, reference: &str, status: &str) {
        let line = self.line(reference);
        let Doing::Gathers { keys, .. } = &line.doing else { return };
        let keys = keys.clone();
        line.doing = Doing::Nothing;
        self.post(now, reference, "call.gather.ended", &json!({"digits": keys, "status": status}));
    }

    fn press(&mut self, now: Timestamp, reference: &str, key: char) {
        self.post(now, reference, "call.dtmf.received", &json!({"digit": key.to_string()}));
        let Doing::Gathers { until, asked, keys, is_sounding, .. } =
            &mut self.line(reference).doing
        else {
            return;
        };
        *is_sounding = false;
        let ms = asked["inter_digit_timeout_millis"].as_u64().unwrap();
        *until = now + Duration::from_millis(ms);
        let is_end = asked["terminating_digit"] == key.to_string();
        if !is_end {
            keys.push(key);
        }
        let is_full = keys.len() as u64 == asked["maximum_digits"].as_u64().unwrap();
        if is_end || is_full {
            self.gathered(now, reference, "valid");
        }
    }

    fn saved(&mut self, now: Timestamp, reference: &str) {
        let line = self.line(reference);
        let Doing::Records { began, spoken, .. } = line.doing else { return };
        line.doing = Doing::Nothing;
        let time = |at: Timestamp| {
            jiff::Timestamp::from_millisecond(at.as_millis() as i64).unwrap().to_string()
        };
        let ended = began + spoken.min(now.since(began));
        let more = json!({
            "recording_urls": {"wav": format!("https://recordings.example.com/{reference}")},
            "recording_started_at": time(began),
            "recording_ended_at": time(ended),
        });
        self.post(now, reference, "call.recording.saved", &more);
    }

    fn dial(&mut self, now: Timestamp, reference: &str, body: &Value) {
        assert_eq!((&body["connection_id"], &body["link_to"]), (&"con".into(), &reference.into()));
        let to = body["to"].as_str().unwrap();
        let state = body["client_state"].as_str().unwrap();
        let mark = String::from_utf8(from_base64(state).unwrap()).unwrap();
        let (path, query) = mark.split_once('?').unwrap();
        let ours = to.strip_prefix("sip:").and_then(|rest| rest.split_once('@'));
        let ours = ours.filter(|(_, host)| *host == SIP_HOST).map(|(user, _)| user);
        let arm = ours.and_then(|user| self.desk.arm(user));
        let leg = match self.links.read(path, query) {
            Some(Link::LegStatus { leg }) => leg,
            _ => arm.expect("an agent of ours").1,
        };
        let party = format!("{reference}-{}", self.lines.len());
        let timeout = Duration::from_secs(body["timeout_secs"].as_u64().unwrap());
        let line = Line {
            leg,
            from: self.lines[reference].from.clone(),
            to: to.to_owned(),
            state: state.to_owned(),
            is_over: false,
            doing: Doing::Rings { until: now + timeout },
            of: Some(reference.to_owned()),
            is_bridged: false,
        };
        self.lines.insert(party.clone(), line);
        self.post(now, &party, "call.initiated", &json!({"direction": "outgoing"}));
        if arm.is_some() {
            self.line(&party).doing = Doing::Nothing;
            self.post(now, &party, "call.answered", &json!({}));
        }
    }

    /// A leg ends; the other one is parked if it is a caller's, and ends with it if not.
    fn ends(&mut self, now: Timestamp, reference: &str, cause: &str, by_us: bool) {
        let line = self.line(reference);
        if std::mem::replace(&mut line.is_over, true) {
            return;
        }
        let (leg, was_bridged) = (line.leg, line.is_bridged);
        if by_us && leg.is_caller() {
            let cause = if cause == "call_rejected" {
                Cause::CALL_REJECTED
            } else {
                Cause::NORMAL_CLEARING
            };
            self.told.push_back(Told::HungUp(leg, cause));
        }
        self.post(now, reference, "call.hangup", &json!({"hangup_cause": cause}));
        let is_of = |line: &Line| line.of.as_deref() == Some(reference) && line.is_bridged;
        let party = self.lines.iter().find(|(_, line)| is_of(line) && !line.is_over);
        if let Some((party, _)) = party.filter(|_| was_bridged && leg.is_caller()) {
            let party = party.clone();
            self.ends(now, &party, "normal_clearing", false);
        }
    }

    fn party_of(&self, leg: LegId) -> Option<String> {
        let is_it = |line: &Line| line.leg == leg && !line.is_over;
        self.lines.iter().find(|(_, line)| is_it(line)).map(|(name, _)| name.clone())
    }

    fn wake(&mut self, now: Timestamp, reference: &str) {
        match &mut self.line(reference).doing {
            Doing::Sounds { event, .. } => {
                let event = *event;
                self.line(reference).doing = Doing::Nothing;
                self.post(now, reference, event, &json!({"status": "completed"}));
            }
            Doing::Gathers { asked, words, is_sounding: true, .. } if !words.is_empty() => {
                let mut more = asked.clone();
                more["payload"] = words.pop_front().expect("not empty").into();
                let heard = self.sound(now, reference, &more);
                if let Doing::Gathers { until, .. } = &mut self.line(reference).doing {
                    *until = heard;
                }
            }
            Doing::Gathers { until, asked, is_sounding: is_sounding @ true, .. } => {
                *is_sounding = false;
                let ms = asked["timeout_millis"].as_u64().expect("a time-out");
                *until = now + Duration::from_millis(ms);
            }
            Doing::Gathers { .. } => self.gathered(now, reference, "timeout"),
            Doing::Records { .. } => self.saved(now, reference),
            Doing::Rings { .. } => self.ends(now, reference, "timeout", false),
            Doing::Nothing => {}
        }
    }
}

impl Line {
    fn due(&self) -> Option<Timestamp> {
        match &self.doing {
            _ if self.is_over => None,
            Doing::Nothing => None,
            Doing::Rings { until }
            | Doing::Sounds { until, .. }
            | Doing::Gathers { until, .. }
            | Doing::Records { until, .. } => Some(*until),
        }
    }
}

impl Front for Telnyx {
    fn provider(&self) -> &str {
        telnyx::NAME
    }

    fn calls(&mut self, now: Timestamp, call: CallId, from: &From, to: &str) {
        let reference = Self::reference(call);
        let line = Line {
            leg: LegId::caller(call),
            from: from.number.clone().unwrap_or_else(|| "anonymous".to_owned()),
            to: to.to_owned(),
            state: String::new(),
            is_over: false,
            doing: Doing::Nothing,
            of: None,
            is_bridged: false,
        };
        self.lines.insert(reference.clone(), line);
        self.post(now, &reference, "call.initiated", &json!({"direction": "incoming"}));
    }

    fn presses(&mut self, now: Timestamp, call: CallId, keys: &[Digit]) {
        for key in keys {
            self.press(now, &Self::reference(call), key.as_char());
        }
    }

    fn says(&mut self, now: Timestamp, call: CallId, length: Duration) -> bool {
        let doing = &mut self.line(&Self::reference(call)).doing;
        let Doing::Records { until, silence, began, spoken } = doing else { return false };
        *spoken = now.since(*began) + length;
        *until = now + length + *silence;
        true
    }

    fn hangs_up(&mut self, now: Timestamp, call: CallId) {
        if self.desk.has_arm(call) {
            self.desk.arm_ended(now, call, false, Cause::NORMAL_CLEARING);
        }
        let reference = Self::reference(call);
        self.ends(now, &reference, "normal_clearing", false);
        self.saved(now, &reference);
    }

    fn party(&mut self, now: Timestamp, leg: LegId, deed: PartyDeed) -> bool {
        let Some(party) = self.party_of(leg) else { return false };
        if self.desk.has_arm(leg.call) {
            return false;
        }
        match deed {
            PartyDeed::Answer => {
                self.line(&party).doing = Doing::Nothing;
                self.post(now, &party, "call.answered", &json!({}));
            }
            PartyDeed::Fail(Cause::USER_BUSY) => self.ends(now, &party, "user_busy", false),
            PartyDeed::Fail(Cause::CALL_REJECTED) => {
                self.ends(now, &party, "call_rejected", false);
            }
            PartyDeed::Fail(_) => self.ends(now, &party, "no_answer", false),
            PartyDeed::HangUp => self.ends(now, &party, "normal_clearing", false),
        }
        true
    }

    fn phone_ends(&mut self, now: Timestamp, leg: LegId) {
        if leg.is_caller() || !self.desk.has_arm(leg.call) {
            return;
        }
        self.desk.arm_ended(now, leg.call, true, Cause::NORMAL_CLEARING);
        if let Some(party) = self.party_of(leg) {
            self.ends(now, &party, "normal_clearing", false);
        }
    }

    fn command(&mut self, command: &Command) -> bool {
        self.desk.command(command) == Taken::Here
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.desk.poll_event()
    }

    fn settle(&mut self, now: Timestamp, center: &ContactCenter) -> bool {
        if let Some((reference, ticket, link)) = self.pending.take() {
            let ahead = center.ahead(now, ticket.call());
            let document = self.desk.write(now, &ticket, ahead);
            self.legs.answer(now, &reference, &link, Some(&document));
            return true;
        }
        if let Some((link, fields)) = self.legs.poll_coming() {
            let reference = fields.reference.clone();
            let line = self.lines.get(&reference);
            let mut next = line.map_or(CallId(u64::MAX), |line| line.leg.call);
            match self.desk.hear(now, telnyx::NAME, &link, &fields, &mut next) {
                Heard::Known(known) => self.legs.answer(now, &reference, &link, Some(&known)),
                Heard::Asked(ticket) => self.pending = Some((reference, ticket, link)),
                Heard::Unknown => self.legs.answer(now, &reference, &link, None),
            }
            return true;
        }
        if let Some(order) = self.legs.poll_order() {
            self.obey(now, &order);
            return true;
        }
        let Some(ask) = self.desk.poll_ask() else { return false };
        match ask.what {
            AskWhat::Move { to } => self.legs.moved(now, &ask.reference, &to),
            AskWhat::End => self.legs.end(&ask.reference),
            AskWhat::Watch { .. } | AskWhat::Came => {}
        }
        true
    }

    fn poll_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let is_up = self.lines.values().any(|line| !line.is_over);
        let ours = self.desk.poll_timeout().into_iter().chain(self.legs.poll_timeout());
        let lines = self.lines.values().filter_map(Line::due);
        lines.chain(ours.filter(|_| is_up)).min()
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.desk.handle_timeout(now);
        self.legs.handle_timeout(now);
        let due = |line: &Line| line.due().is_some_and(|due| due <= now);
        let due: Vec<String> =
            self.lines.iter().filter(|(_, line)| due(line)).map(|(name, _)| name.clone()).collect();
        for reference in due {
            self.wake(now, &reference);
        }
    }
}
