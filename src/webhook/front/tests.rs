//! Providers of both kinds, two of them commanded, through one front and a contact center.

mod saved;
mod together;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::acd::{self, WrapUp};
use crate::center::setup::{Agent, Queue, Trunk};
use crate::center::snapshot::CallState;
use crate::center::{ContactCenter, Setup};
use crate::flow::{self, Known};
use crate::front::{Front, Turn};
use crate::id::{AgentId, LegId};
use crate::webhook::calls::ProviderSetup;
use crate::webhook::document::{Action, Callee};
use crate::webhook::fields::{LegEvent, LegEventKind, LegState};
use crate::webhook::provider;
use crate::webhook::render_context::RenderContext;
use crate::webhook::sign::from_base64;
use crate::words::{AgentRequest, CallRecord, Cause, Command, Digit, Event};

const FLOW: &str = r#"
[flow]
numbers = ["*"]
start = "main"
[menu.main]
text = "One or two."
keys = { 1 = "tech", 2 = "billing" }
give_up = "bye"
[queue.tech]
skills = { tech = 1 }
next = "bye"
[queue.billing]
skills = { billing = 1 }
next = "bye"
[hangup.bye]
"#;

/// Two that are commanded, by the machine of the one that there is,
const ONE: &str = "telnyx";
const TWO: &str = "acme";
/// and one that asks for documents.
const DOCUMENTS: &str = "twilio";
/// At each of them a caller's leg has this name, and an agent's that.
const CALLER: &str = "v3:caller";
const AGENT: &str = "v3:agent";
/// The agents who serve `tech` at [`ONE`], and `billing` at [`TWO`].
const ANN: AgentId = AgentId(0);
const BOB: AgentId = AgentId(1);

struct World {
    center: ContactCenter,
    front: ProviderFront,
    now: Timestamp,
    next_call: CallId,
    orders: VecDeque<RestOrder>,
    /// What the last command left to be sent with every event of a leg at a provider.
    marks: BTreeMap<(&'static str, String), String>,
    /// What is on the disk.
    calls: BTreeMap<CallId, String>,
    legs: BTreeMap<String, String>,
    records: Vec<CallRecord>,
}

fn links(provider: &'static str) -> Links {
    Links::new("https://ivr.example.com", provider, [7; 32])
}

fn commanded(name: &'static str) -> Way {
    let make = provider(ONE).and_then(|it| it.commanded()).expect("it is commanded");
    let voices = BTreeMap::from([("en".to_owned(), "en".to_owned())]);
    Way::Commands(make(RenderContext { links: links(name), voices }, Duration::from_secs(8)))
}

fn all_ways() -> BTreeMap<&'static str, Way> {
    let documents = (DOCUMENTS, Way::Documents(links(DOCUMENTS)));
    [(ONE, commanded(ONE)), (TWO, commanded(TWO)), documents].into()
}

fn setup() -> ProviderCallsSetup {
    let provider = ProviderSetup {
        has_rest: true,
        split: crate::webhook::provider_info::SplitSupport::Both,
        ..ProviderSetup::default()
    };
    let number = |n: u32| Callee::Number(format!("+1415555017{n}"));
    ProviderCallsSetup {
        providers: [ONE, TWO, DOCUMENTS].map(|name| (name.to_owned(), provider.clone())).into(),
        agents: [(ANN, (ONE.to_owned(), number(1))), (BOB, (TWO.to_owned(), number(2)))].into(),
        piece: Duration::from_secs(8),
        pieces: 4,
        is_ours: false,
        key: [3; 32],
    }
}

fn center() -> ContactCenter {
    let flow = flow::parse("test.toml", FLOW, &Known::anything())
        .unwrap_or_else(|wrong| panic!("{}", flow::explain(&wrong)));
    let agent = |(name, skill): (&str, &str)| Agent {
        name: name.to_owned(),
        display_name: None,
        team: None,
        skills: vec![(skill.to_owned(), 5)],
        auto_login: true,
        auto_ready: true,
    };
    let queue = |name| {
        let mut queue = Queue::named(name);
        queue.acd = acd::QueueSetup {
            wrap_up: WrapUp::Timed(Duration::from_secs(10)),
            ..acd::QueueSetup::default()
        };
        queue
    };
    let trunk = || Trunk { prefixes: vec!["+1415".to_owned()] };
    ContactCenter::new(Setup {
        flows: vec![Arc::new(flow)],
        agents: [("ann", "tech"), ("bob", "billing")].map(agent).into(),
        queues: ["billing", "tech"].map(queue).into(),
        providers: [ONE, TWO, DOCUMENTS].map(|name| (name.to_owned(), trunk())).into(),
        ..Setup::default()
    })
}

impl Turn for World {
    fn tell_center(&mut self, now: Timestamp, event: Option<Event>) {
        match event {
            Some(event) => self.center.handle(now, event),
            None => self.center.handle_timeout(now),
        }
    }

    fn poll_command(&mut self) -> Option<Command> {
        self.center.poll_command()
    }

    fn carry_out(&mut self, now: Timestamp, command: Command) {
        if let Some(Command::CloseRecord { record }) = self.front.carry_out(now, command) {
            self.records.push(*record);
        }
    }

    fn poll_event(&mut self, _now: Timestamp) -> Option<Event> {
        self.front.poll_event()
    }

    fn input_over(&mut self, now: Timestamp) {
        self.center.check(now);
    }
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            center: center(),
            front: ProviderFront::new(setup(), all_ways()),
            now: Timestamp(1_700_000_000_000),
            next_call: CallId(1),
            orders: VecDeque::new(),
            marks: BTreeMap::new(),
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            records: Vec::new(),
        };
        for agent in [ANN, BOB] {
            world.tell(Event::PhoneReachable { agent, reachable: true });
        }
        world
    }

    fn tell(&mut self, event: Event) {
        self.input(self.now, Some(event));
        self.turn();
    }

    fn deal(&mut self) {
        assert!(self.rounds(self.now, 1_000), "it never comes to rest");
    }

    fn answer(&mut self, result: WebhookResult) -> Option<Document> {
        match result {
            WebhookResult::Known(document) => Some(document),
            WebhookResult::Unknown => None,
            WebhookResult::Pending(ticket) => {
                self.deal();
                let ahead = self.center.look_ahead(self.now, ticket.call());
                Some(self.front.answer(self.now, ticket, ahead))
            }
        }
    }

    fn answer_legs(&mut self) {
        while let Some(result) = self.front.poll_request(self.now, &mut self.next_call) {
            self.answer(result);
        }
    }

    fn turn(&mut self) {
        self.deal();
        self.answer_legs();
        while self.front.pass_on(self.now) {
            self.answer_legs();
        }
        while let Some(saving) = self.front.poll_saving() {
            match saving {
                Saving::KeepCall(call, text) => drop(self.calls.insert(call, text)),
                Saving::ForgetCall(call) => drop(self.calls.remove(&call)),
                Saving::KeepLeg(name, text) => drop(self.legs.insert(name, text)),
                Saving::ForgetLeg(name) => drop(self.legs.remove(&name)),
            }
        }
        while let Some(order) = self.front.poll_order() {
            self.orders.push_back(order);
        }
    }

    fn request(&mut self, at: &'static str, link: &Link, fields: &Fields) -> Option<Document> {
        let next = &mut self.next_call;
        let result = self.front.handle_request(self.now, at, link, fields, next);
        let document = self.answer(result);
        self.answer_legs();
        self.turn();
        document
    }

    /// An event of a commanded leg.
    fn event(&mut self, at: &'static str, leg: &str, kind: LegEventKind, more: Fields) {
        let mark = self.marks.get(&(at, leg.to_owned())).cloned().unwrap_or_default();
        let leg_event = Some(LegEvent { kind, mark });
        let fields = Fields { reference: leg.to_owned(), leg_event, ..more };
        assert_eq!(self.request(at, &Link::Voice, &fields), Some(Document::default()));
    }

    fn calls(&mut self, at: &'static str) {
        self.event(at, CALLER, LegEventKind::Arrived, arrival());
    }

    fn is_answered(&mut self, at: &'static str, leg: &str) {
        let state = Some(LegState::Answered);
        self.event(at, leg, LegEventKind::Answered, Fields { state, ..Fields::default() });
    }

    fn presses(&mut self, at: &'static str, key: char) {
        let keys = Some(Digit::new(key).into_iter().collect());
        self.event(at, CALLER, LegEventKind::Collected, Fields { keys, ..Fields::default() });
    }

    fn hangs_up(&mut self, at: &'static str, leg: &str) {
        let state = Some(LegState::Ended(Cause::NORMAL_CLEARING));
        self.event(at, leg, LegEventKind::Ended, Fields { state, ..Fields::default() });
    }

    /// Sends the commands that wait, and says where and what they were. All are done.
    fn sent(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(order) = self.orders.pop_front() {
            let RestOrder::Send { provider, leg, command } = order else { panic!("{order:?}") };
            let RestCommand::Action { reference, id, name, body } = command else {
                sent.push(format!("{provider} {command:?}"));
                continue;
            };
            if let Some(state) = body.get("client_state").and_then(Value::as_str) {
                let whose = if name == "dial" { AGENT } else { reference.as_str() };
                let mark = String::from_utf8(from_base64(state).unwrap()).unwrap();
                self.marks.insert((provider, whose.to_owned()), mark);
            }
            sent.push(format!("{provider} {id}"));
            self.is_done(provider, leg, (reference, id), RestOutcome::Done);
        }
        sent
    }

    fn is_done(
        &mut self,
        provider: &'static str,
        leg: LegId,
        action: (String, String),
        outcome: RestOutcome,
    ) {
        let result = RestResult { provider, leg, action: Some(action), outcome };
        self.front.handle_rest_result(self.now, &result);
        self.answer_legs();
        self.turn();
    }

    fn state(&self, call: u64) -> Option<CallState> {
        self.center.call(CallId(call)).map(|call| call.state)
    }

    /// A caller at each commanded provider is in the menu.
    fn in_menus() -> Self {
        let mut world = Self::new();
        for at in [ONE, TWO] {
            world.calls(at);
        }
        assert_eq!(sorted(world.sent()), ["acme 2.1.1.answer", "telnyx 1.1.1.answer"]);
        for at in [ONE, TWO] {
            world.is_answered(at, CALLER);
        }
        let gathers = ["acme 2.1.2.gather_using_speak", "telnyx 1.1.2.gather_using_speak"];
        assert_eq!(sorted(world.sent()), gathers);
        world
    }
}

fn arrival() -> Fields {
    let (from, to) = (Some("+14155550111".to_owned()), Some("+14155550100".to_owned()));
    Fields { from, to, state: Some(LegState::Initiated), ..Fields::default() }
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}
