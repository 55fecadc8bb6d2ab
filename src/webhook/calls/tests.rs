//! Calls at a provider, through [`ProviderCalls`] and a contact center, one request at a time.
//!
//! The provider here takes documents as they are; how they are written is the providers' matter.

mod conference;
mod consult;
mod ends;
mod late;
mod lost;
mod races;
mod refusal;
mod saved;
mod states;

use std::sync::Arc;
use std::time::Duration;

use crate::acd::{self, WrapUp};
use crate::center::setup::{Agent, Queue, Trunk};
use crate::center::{ContactCenter, Setup};
use crate::flow::{self, Known};
use crate::front::{Front, Turn};
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::calls::{
    CannotSplit, Control, ControlCommand, ProviderCalls, ProviderCallsSetup, ProviderSetup, Saving,
    WebhookResult,
};
use crate::webhook::document::{Action, Callee, Document, Sound};
use crate::webhook::fields::{DialResult, Fields, LegState, Recorded};
use crate::webhook::link::Link;
use crate::webhook::provider_info::SplitSupport;
use crate::webhook::rest::RestOutcome;
use crate::words::{AgentRequest, CallOutcome, CallRecord, Cause, Command, Digit, EndedBy, Event};

const FLOW: &str = r##"
[flow]
numbers = ["*"]
start = "hello"

[say.hello]
text = "Welcome."
next = "main"

[menu.main]
text = "Press 1 to wait, 2 to leave the building, 3 for your number, 4 to leave a message."
keys = { 1 = "help", 2 = "outside", 3 = "number", 4 = "voicemail" }
no_input = ["I hear nothing."]
give_up = "bye"

[collect.number]
text = "Your number?"
digits_max = 4
into = "number"
secret = true
next = "main"
give_up = "bye"

[queue.help]
skills = { tech = 1 }
exit_key = "#"
exit = "main"
next = "main"

[transfer.outside]
to = "+14155550199"
next = "bye"

[record.voicemail]
text = "Speak."
next = "bye"

[hangup.bye]
text = "Bye."
"##;

const CALL: CallId = CallId(1);
const CALLER: LegId = LegId::caller(CALL);
const PARTY: LegId = LegId { call: CALL, n: 1 };
/// Nothing here goes on for longer.
const EVENTS_MAX: usize = 1_000;

struct World {
    center: ContactCenter,
    calls: ProviderCalls,
    now: Timestamp,
    next_call: CallId,
    records: Vec<CallRecord>,
    by_sip: Vec<Command>,
    control: Vec<ControlCommand>,
    events: Vec<Event>,
}

impl World {
    /// `agent`: where the one agent is; `None` is a telephone of ours.
    fn new(agent: Option<Callee>, has_rest: bool) -> Self {
        let flow = flow::parse("test.toml", FLOW, &Known::anything())
            .unwrap_or_else(|wrong| panic!("{}", flow::explain(&wrong)));
        let ann = Agent {
            name: "ann".to_owned(),
            display_name: None,
            team: None,
            skills: vec![("tech".to_owned(), 5)],
            auto_login: true,
            auto_ready: true,
        };
        let mut queue = Queue::named("help");
        queue.acd = acd::QueueSetup {
            ring_timeout: Duration::from_secs(15),
            wrap_up: WrapUp::Timed(Duration::from_secs(10)),
            ..acd::QueueSetup::default()
        };
        let trunk = Trunk { prefixes: vec!["+1415".to_owned()] };
        let center = ContactCenter::new(Setup {
            flows: vec![Arc::new(flow)],
            agents: vec![ann],
            queues: vec![queue],
            providers: [("acme".to_owned(), trunk)].into(),
            ..Setup::default()
        });
        let provider = ProviderSetup {
            has_rest,
            accept_key: Digit::new('1'),
            whisper: "A call. Press 1.".to_owned(),
            whisper_language: "en".to_owned(),
            caller_id: None,
            ends_parties: false,
            split: SplitSupport::Party,
            only_numbers_ask: false,
            waits_for_key: false,
            sip_host: Some("pbx.example.com".to_owned()),
        };
        let calls = ProviderCalls::new(ProviderCallsSetup {
            providers: [("acme".to_owned(), provider)].into(),
            agents: agent.map(|at| (AgentId(0), ("acme".to_owned(), at))).into_iter().collect(),
            piece: Duration::from_secs(8),
            pieces: 4,
            is_ours: false,
            key: [3; 32],
        });
        let mut world = Self {
            center,
            calls,
            now: Timestamp(1_000_000),
            next_call: CALL,
            records: Vec::new(),
            by_sip: Vec::new(),
            control: Vec::new(),
            events: Vec::new(),
        };
        world.tell(Event::PhoneReachable { agent: AgentId(0), reachable: true });
        world.tell(Event::AgentAsked {
            agent: AgentId(0),
            ask: AgentRequest::NotReady { reason: "not yet".to_owned() },
            by: None,
        });
        world
    }

    fn ready(&mut self) {
        self.tell(Event::AgentAsked { agent: AgentId(0), ask: AgentRequest::Ready, by: None });
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.calls.handle_timeout(self.now);
        if self.center.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
            self.input(self.now, None);
        }
        self.settle();
    }

    fn tell(&mut self, event: Event) {
        self.input(self.now, Some(event));
        self.settle();
    }

    fn settle(&mut self) {
        assert!(self.rounds(self.now, EVENTS_MAX), "it never comes to rest");
        while let Some(command) = self.calls.poll_control() {
            self.control.push(command);
        }
    }

    fn post(&mut self, link: &Link, fields: Fields) -> Document {
        let reference = Some(fields.reference.clone()).filter(|named| !named.is_empty());
        let reference = reference.unwrap_or_else(|| "CA1".to_owned());
        let fields = Fields { reference, ..fields };
        let next = &mut self.next_call;
        match self.calls.handle_request(self.now, "acme", link, &fields, next) {
            WebhookResult::Known(document) => {
                self.settle();
                document
            }
            WebhookResult::Unknown => panic!("{link:?} is unknown"),
            WebhookResult::Pending(ticket) => {
                self.settle();
                let look_ahead = self.center.look_ahead(self.now, CALL);
                let document = self.calls.write(self.now, &ticket, look_ahead);
                self.settle();
                document
            }
        }
    }

    fn call(&mut self) -> Document {
        let fields = Fields {
            from: Some("+14155550123".to_owned()),
            to: Some("+14155550100".to_owned()),
            ..Fields::default()
        };
        self.post(&Link::Voice, fields)
    }

    fn step(&mut self, n: u32, fields: Fields) -> Document {
        self.post(&Link::Step { call: CALL, n }, fields)
    }

    fn keys(&mut self, n: u32, keys: &str) -> Document {
        self.step(n, pressed(keys))
    }

    /// In the queue, after the second document.
    fn waiting(agent: Option<Callee>, has_rest: bool) -> Self {
        let mut world = Self::new(agent, has_rest);
        world.call();
        world.keys(1, "1");
        world.control.clear();
        world
    }

    /// The calls are gone, but for what is on the disk.
    fn restart(&mut self) {
        let mut saved = None;
        while let Some(saving) = self.calls.poll_saving() {
            if let Saving::Keep(CALL, text) = saving {
                saved = Some(text);
            }
        }
        let setup = std::mem::take(&mut self.calls.setup);
        self.calls = ProviderCalls::new(setup);
        assert!(self.calls.restore(self.now, CALL, &saved.expect("something has changed"), true));
        assert!(!self.calls.restore(self.now, CALL, "{}", true));
    }

    fn moves(&self) -> Vec<u32> {
        let moved = self.control.iter().filter_map(|it| match it.what {
            Control::Move { to: Link::Step { n, .. } } => Some(n),
            _ => None,
        });
        moved.collect()
    }

    fn record(&self) -> &CallRecord {
        let [record] = &self.records[..] else { panic!("{:#?}", self.records) };
        record
    }
}

impl Turn for World {
    fn tell_center(&mut self, now: Timestamp, event: Option<Event>) {
        let Some(event) = event else { return self.center.handle_timeout(now) };
        self.events.push(event.clone());
        self.center.handle(now, event);
    }

    fn poll_command(&mut self) -> Option<Command> {
        self.center.poll_command()
    }

    fn carry_out(&mut self, now: Timestamp, command: Command) {
        match self.calls.carry_out(now, command) {
            Some(Command::CloseRecord { record }) => self.records.push(*record),
            other => self.by_sip.extend(other),
        }
    }

    fn poll_event(&mut self, _now: Timestamp) -> Option<Event> {
        self.calls.poll_event()
    }

    fn input_over(&mut self, now: Timestamp) {
        self.center.check(now);
    }
}

fn pressed(keys: &str) -> Fields {
    Fields { keys: Some(keys.chars().filter_map(Digit::new).collect()), ..Fields::default() }
}

fn ended(cause: Cause) -> Fields {
    Fields { state: Some(LegState::Ended(cause)), ..Fields::default() }
}

fn dialed(failed: Option<Cause>, talked_s: Option<u64>) -> Fields {
    let dial = DialResult { failed, talked: talked_s.map(Duration::from_secs) };
    Fields { dial: Some(dial), ..Fields::default() }
}

fn number() -> Option<Callee> {
    Some(Callee::Number("+14155550177".to_owned()))
}

/// One line for each action.
fn told(document: &Document) -> Vec<String> {
    let sound = |sound: &Sound| match sound {
        Sound::Say { text, .. } => format!("{text:?}"),
        Sound::Play { link: Link::Audio { name } } => name.clone(),
        Sound::Play { link } => format!("{link:?}"),
        Sound::Pause { ms } => format!("pause {ms}"),
    };
    let step = |link: &Link| match link {
        Link::Step { n, .. } => format!("→ {n}"),
        Link::Leg { n, .. } => format!("→ leg {n}"),
        other => format!("→ {other:?}"),
    };
    let action = |action: &Action| match action {
        Action::Sound(one) => sound(one),
        Action::Gather { sounds, listen, next } => {
            let said: Vec<String> = sounds.iter().map(sound).collect();
            let secret = if listen.secret { " secret" } else { "" };
            let keys = listen.keys_max;
            format!("[{}] {keys} keys{secret} {}", said.join(" "), step(next))
        }
        Action::Record { next, .. } => format!("record {}", step(next)),
        Action::Dial(dial) => format!("dial {:?} {}", dial.to, step(&dial.next)),
        Action::Conference { next, .. } => format!("conference {}", step(next)),
        Action::Goto(next) => step(next),
        Action::HangUp { cause } => format!("hang up {}", cause.name()),
        Action::Reject { cause } => format!("reject {}", cause.name()),
    };
    document.actions.iter().map(action).collect()
}

const MENU: &str = "\"Press 1 to wait, 2 to leave the building, 3 for your number, 4 to leave a \
                    message.\"";

#[test]
fn what_is_said_and_what_is_asked_come_in_one_document() {
    let mut world = World::new(None, false);
    assert_eq!(told(&world.call()), [format!("[\"Welcome.\" {MENU}] 1 keys → 1")]);
    // Nothing was pressed: both were heard.
    world.pass(9);
    let again = world.keys(1, "");
    assert_eq!(told(&again), [format!("[\"I hear nothing.\" {MENU}] 1 keys → 2")]);
    assert_eq!(told(&world.keys(2, "1")), ["[music/default/1] 1 keys → 3"]);
}

#[test]
fn a_second_delivery_gets_the_same_answer_and_changes_nothing() {
    let mut world = World::new(None, false);
    let first = world.call();
    assert_eq!(world.call(), first);
    let second = world.keys(1, "3");
    let events = world.events.clone();
    assert_eq!(world.keys(1, "3"), second);
    assert_eq!(world.keys(1, "2"), second, "whatever it says");
    assert_eq!(world.call(), first);
    assert_eq!(world.events, events);
    assert_eq!(world.next_call, CallId(2));
}

#[test]
fn a_secret_is_asked_for_as_one() {
    let mut world = World::new(None, false);
    world.call();
    assert_eq!(told(&world.keys(1, "3")), ["[\"Your number?\"] 5 keys secret → 2"]);
    assert!(told(&world.keys(2, "4711"))[0].starts_with("[\"Press 1"));
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    assert!(!format!("{:?}", world.record()).contains("4711"));
}

#[test]
fn the_music_goes_on_from_piece_to_piece() {
    let mut world = World::waiting(None, false);
    assert_eq!(told(&world.keys(2, "")), ["[music/default/2] 1 keys → 3"]);
    assert_eq!(told(&world.keys(3, "")), ["[music/default/3] 1 keys → 4"]);
    assert_eq!(told(&world.keys(4, "")), ["[music/default/0] 1 keys → 5"]);
    world.pass(3);
    assert!(told(&world.keys(5, "#"))[0].starts_with("[\"Press 1"));
}

#[test]
fn an_agent_outside_accepts_and_the_talk_is_exact() {
    let mut world = World::waiting(number(), false);
    world.ready();
    world.pass(3);
    assert_eq!(told(&world.keys(2, "")), ["dial Number(\"+14155550177\") → 3"]);
    world.pass(4);
    let leg = |n| Link::Leg { leg: PARTY, n };
    let whisper = world.post(&leg(0), Fields::default());
    assert_eq!(told(&whisper), ["[\"A call. Press 1.\"] 1 keys → leg 1"]);
    assert_eq!(told(&world.post(&leg(1), pressed(""))), ["[\"A call. Press 1.\"] 1 keys → leg 2"]);
    assert_eq!(world.post(&leg(2), pressed("1")), Document::default(), "bridge");
    world.pass(60);
    assert!(told(&world.step(3, dialed(None, Some(60))))[0].starts_with("[\"Press 1"));
    world.post(&Link::LegStatus { leg: PARTY }, ended(Cause::NORMAL_CLEARING));
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    let record = world.record();
    assert_eq!((record.outcome, record.legs[0].talk_ms), (CallOutcome::Handled, 60_000));
    assert_eq!(record.ended_by, EndedBy::Caller);
}

#[test]
fn an_agent_accepts_at_a_provider_that_waits_for_the_key_itself() {
    let mut world = World::waiting(number(), false);
    world.ready();
    world.keys(2, "");
    world.post(&Link::Leg { leg: PARTY, n: 0 }, Fields::default());
    let status = Link::LegStatus { leg: PARTY };
    let state = Some(LegState::Answered);
    world.post(&status, Fields { state, ..Fields::default() });
    world.pass(4);
    world.post(&status, Fields { state, ..pressed("1") });
    world.post(&status, Fields { state, ..pressed("1") });
    world.pass(60);
    world.post(&status, ended(Cause::NORMAL_CLEARING));
    world.step(3, dialed(None, None));
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    let record = world.record();
    assert_eq!((record.outcome, record.legs[0].talk_ms), (CallOutcome::Handled, 60_000));
}

#[test]
fn a_voicemail_presses_no_key_and_the_caller_keeps_the_place() {
    let mut world = World::waiting(number(), false);
    world.ready();
    world.keys(2, "");
    let leg = |n| Link::Leg { leg: PARTY, n };
    world.post(&leg(0), Fields::default());
    world.post(&leg(1), pressed(""));
    assert_eq!(told(&world.post(&leg(2), pressed(""))), ["hang up normal_clearing"]);
    let back = world.step(3, dialed(None, Some(12)));
    assert_eq!(told(&back), ["[music/default/2] 1 keys → 4"]);
    assert_eq!(world.center.snapshot(world.now).calls.len(), 1);
}

#[test]
fn busy_comes_once_whether_as_status_or_as_result() {
    for status_first in [true, false] {
        let mut world = World::waiting(number(), false);
        world.ready();
        world.keys(2, "");
        let status = |world: &mut World| {
            world.post(&Link::LegStatus { leg: PARTY }, ended(Cause::USER_BUSY));
        };
        if status_first {
            status(&mut world);
        }
        world.step(3, dialed(Some(Cause::USER_BUSY), None));
        status(&mut world);
        let failed = |event: &&Event| matches!(event, Event::DialFailed { .. });
        assert_eq!(world.events.iter().filter(failed).count(), 1);
    }
}

#[test]
fn a_talk_of_which_only_the_result_was_told_has_its_length() {
    let mut world = World::waiting(number(), false);
    world.ready();
    world.keys(2, "");
    world.pass(100);
    // The agent's own requests were lost; the phone of the center's ring time is over, too.
    let mut lucky = World::waiting(number(), false);
    lucky.ready();
    lucky.keys(2, "");
    lucky.now = lucky.now + Duration::from_secs(14);
    let back = lucky.step(3, dialed(None, Some(10)));
    assert!(told(&back)[0].starts_with("[\"Press 1"), "{back:?}");
    lucky.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    assert_eq!(lucky.record().legs[0].talk_ms, 10_000);
}

#[test]
fn a_caller_who_is_gone_when_moved_frees_the_agent() {
    let mut world = World::waiting(number(), true);
    world.ready();
    world.calls.handle_rest_outcome(world.now, CALLER, &RestOutcome::Gone);
    world.settle();
    assert!(world.records.is_empty(), "the account may be wrong, and the caller there");
    world.pass(13);
    assert_eq!(world.record().outcome, CallOutcome::Abandoned);
    world.calls.handle_rest_outcome(world.now, CALLER, &RestOutcome::Gone);
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    assert_eq!(world.records.len(), 1);
    let document = world.step(2, Fields::default());
    assert_eq!(told(&document), ["hang up normal_clearing"]);
}

#[test]
fn a_move_that_failed_is_tried_again_by_the_next_change_and_the_loop_brings_it() {
    let mut world = World::waiting(number(), true);
    world.ready();
    world.calls.handle_rest_outcome(world.now, CALLER, &RestOutcome::Busy(None));
    assert_eq!(told(&world.keys(2, "")), ["dial Number(\"+14155550177\") → 3"]);
}

#[test]
fn an_agent_at_our_telephone_gets_the_sound_by_sip() {
    let mut world = World::waiting(None, true);
    world.ready();
    let [Command::Dial { leg: PARTY, .. }] = world.by_sip[..] else { panic!("{:?}", world.by_sip) };
    assert_eq!(told(&world.keys(2, "")), ["[music/default/2] 1 keys → 3"], "still waiting");
    world.tell(Event::Answered { leg: PARTY });
    assert_eq!(world.moves(), [4]);
    let document = world.step(4, Fields::default());
    let [Action::Dial(dial)] = &document.actions[..] else { panic!("{document:?}") };
    let Callee::Sip(uri) = &dial.to else { panic!("{dial:?}") };
    let user = uri.strip_prefix("sip:").unwrap().strip_suffix("@pbx.example.com").unwrap();
    assert_eq!(
        world.calls.handoff_arrived("handoff-1-4-0000000000000000"),
        None,
        "not signed by us"
    );
    assert_eq!(world.calls.handoff_arrived(user), Some((CALLER, PARTY)));
    assert_eq!(world.calls.handoff_arrived(user), None, "once");
    world.pass(30);
    // The agent hangs up; we take our end down, and the provider comes back with the caller.
    world.calls.handoff_ended(world.now, CALL, true, Cause::NORMAL_CLEARING);
    world.tell(Event::HungUp { leg: PARTY, cause: Cause::NORMAL_CLEARING });
    assert!(told(&world.step(5, dialed(None, Some(30))))[0].starts_with("[\"Press 1"));
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    assert_eq!(world.record().legs[0].talk_ms, 30_000);
}

#[test]
fn a_caller_who_hangs_up_at_the_agents_telephone_ends_the_call() {
    let mut world = World::waiting(None, false);
    world.ready();
    world.tell(Event::Answered { leg: PARTY });
    let document = world.keys(2, "");
    let [Action::Dial(dial)] = &document.actions[..] else { panic!("{document:?}") };
    let Callee::Sip(uri) = &dial.to else { panic!("{dial:?}") };
    let user = uri.trim_start_matches("sip:").split('@').next().unwrap();
    world.calls.handoff_arrived(user).unwrap();
    world.calls.handoff_ended(world.now, CALL, false, Cause::NORMAL_CLEARING);
    world.settle();
    assert_eq!(world.record().outcome, CallOutcome::Handled);
    let hung_up = |c: &Command| matches!(c, Command::HangUp { leg, .. } if *leg == PARTY);
    assert!(world.by_sip.iter().any(hung_up));
}

#[test]
fn a_transfer_is_dialed_by_the_provider() {
    let mut world = World::new(None, false);
    world.call();
    assert_eq!(told(&world.keys(1, "2")), ["dial Number(\"+14155550199\") → 2"]);
    world.post(&Link::Leg { leg: PARTY, n: 0 }, Fields::default());
    world.post(&Link::Leg { leg: PARTY, n: 1 }, pressed("1"));
    world.pass(20);
    let bye = world.step(2, dialed(None, Some(20)));
    assert_eq!(told(&bye), ["\"Bye.\"", "→ 3"]);
    world.pass(1);
    assert_eq!(told(&world.step(3, Fields::default())), ["hang up normal_clearing"]);
    assert_eq!(world.record().outcome, CallOutcome::Transferred);
}

#[test]
fn a_call_whose_end_never_comes_is_closed_and_marked() {
    let mut world = World::waiting(None, false);
    world.pass(300);
    assert_eq!(world.record().cause, Cause::TIMER_EXPIRED);
    assert_eq!(world.calls.calls_live(), 0);
}

#[test]
fn a_refused_call_is_refused_unanswered() {
    let mut world = World::new(None, false);
    world.tell(Event::Drain { until: world.now + Duration::from_secs(60) });
    assert_eq!(told(&world.call()), ["reject congestion"]);
}
