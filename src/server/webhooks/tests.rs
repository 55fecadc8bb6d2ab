//! A driver whose provider only does what it is commanded, turn by turn.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tokio::sync::oneshot;

use super::*;
use crate::config::{self, Sources};
use crate::front::Turn;
use crate::id::{AgentId, CallId, LegId};
use crate::server::start::{Started, open, start};
use crate::webhook::document::Document;
use crate::webhook::fields::{LegEvent, LegEventKind, LegState};
use crate::webhook::rest::{RestCommand, RestOrder, RestOutcome};
use crate::webhook::sign::from_base64;
use crate::webhook::{Fields, Link, Links, RenderContext, provider};
use crate::words::{AgentRequest, Cause, Digit, Event};

const PROVIDER: &str = "telnyx";
const CALL: &str = "v3:caller";
const CONFIG: &str = r#"
server.flows = "flows"
server.prompts = "prompts"
server.state = "state"
sip.listen = ["127.0.0.1:0"]
media.port_min = 36000
media.port_max = 36019
api.listen = "127.0.0.1:0"
api.operate_token = "9f86d081884c7d659a2feaa0c55ad015"
webhooks.public_url = "https://ivr.example.com"
webhooks.listen = "127.0.0.1:0"
[providers.telnyx]
secrets = ["FOpSQ/oNU56MHuCkRcDt6nQXxkhrUe8aD/be46FEDkA="]
account = "con"
token = "key"
rest_url = "http://127.0.0.1:1"
prefixes = ["+1415555"]
accept_key = ""
[agents.alice]
outside = { trunk = "telnyx", number = "+14155550199" }
skills = { tech = 5 }
"#;
const FLOW: &str = r#"
[flow]
numbers = ["*"]
start = "hello"
[say.hello]
text = "Hello."
next = "main"
[menu.main]
text = "Press one."
keys = { 1 = "tech" }
no_match = ["No."]
tries_max = 2
give_up = "bye"
[queue.tech]
skills = { tech = 1 }
no_agents = "bye"
timeout = "bye"
[hangup.bye]
"#;

struct World {
    driver: Driver,
    /// What the last command left to be sent with every event.
    mark: String,
    folder: tempfile::TempDir,
}

/// Runs `test` with a driver on a runtime, which its sockets need.
fn with_driver(test: impl FnOnce(&mut World)) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let folder = tempfile::tempdir().unwrap();
    for sub in ["flows", "prompts"] {
        std::fs::create_dir(folder.path().join(sub)).unwrap();
    }
    std::fs::write(folder.path().join("flows/hello.toml"), FLOW).unwrap();
    let file = folder.path().join("attendant.toml");
    std::fs::write(&file, CONFIG).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let sources = Sources { file: Some(file), ..Sources::default() };
    let soundless = config::soundless(&sources, &[], config::Keep::No);
    let soundless = soundless.unwrap_or_else(|problems| panic!("{problems}"));
    let Started { mut driver, threads: _threads } =
        start(open(soundless).unwrap(), sources).unwrap();
    // So that commands stay where they can be looked at.
    driver.rest = None;
    test(&mut World { driver, mark: String::new(), folder });
}

impl World {
    /// An event of the caller's leg, and the answer to it.
    fn told(&mut self, kind: LegEventKind, more: Fields) -> Option<Document> {
        self.told_of(CALL, kind, more)
    }

    fn told_of(&mut self, leg: &str, kind: LegEventKind, more: Fields) -> Option<Document> {
        let (reply, mut replied) = oneshot::channel();
        let webhook = self.webhook(leg, kind, more);
        self.driver.take_webhooks(WebhookBatch { webhooks: vec![webhook], reply });
        assert!(replied.try_recv().is_err(), "nothing is answered before it is written");
        self.driver.release();
        replied.try_recv().expect("answered in the same turn").remove(0)
    }

    fn webhook(&self, leg: &str, kind: LegEventKind, more: Fields) -> Webhook {
        let leg_event = Some(LegEvent { kind, mark: self.mark.clone() });
        let fields = Fields { reference: leg.to_owned(), leg_event, ..more };
        Webhook { provider: PROVIDER, link: Link::Voice, fields }
    }

    /// Everything that a killed process would leave beside its database.
    fn written(&self) -> String {
        let files = std::fs::read_dir(self.folder.path().join("state")).unwrap().flatten();
        let lines = files.filter(|file| file.path().extension().is_some_and(|it| it == "jsonl"));
        lines.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect()
    }

    fn arrives(&mut self) {
        let (from, to) = (Some("+14155550111".to_owned()), Some("+14155550100".to_owned()));
        let fields = Fields { from, to, state: Some(LegState::Initiated), ..Fields::default() };
        assert_eq!(self.told(LegEventKind::Arrived, fields), Some(Document::default()));
    }

    /// The next command, by its id, which is answered like this.
    fn commanded(&mut self, outcome: RestOutcome) -> Option<String> {
        let RestOrder::Send { leg, command, .. } =
            self.driver.exchange.fronts.providers.poll_order()?
        else {
            panic!("nothing here comes by itself")
        };
        let RestCommand::Action { reference, id, body, .. } = command else {
            panic!("an action: {command:?}")
        };
        if let Some(state) = body.get("client_state").and_then(serde_json::Value::as_str) {
            self.mark = String::from_utf8(from_base64(state).unwrap()).unwrap();
        }
        let action = Some((reference, id.clone()));
        self.driver.take_rest_result(&RestResult { provider: PROVIDER, leg, action, outcome });
        Some(id)
    }

    fn done(&mut self) -> Option<String> {
        self.commanded(RestOutcome::Done)
    }

    /// A caller calls and is answered.
    fn is_up(&mut self) {
        self.arrives();
        assert_eq!(self.done().as_deref(), Some("1.1.1.answer"));
        let state = Some(LegState::Answered);
        self.told(LegEventKind::Answered, Fields { state, ..Fields::default() });
    }
}

fn keys(text: &str) -> Fields {
    Fields { keys: Some(text.chars().filter_map(Digit::new).collect()), ..Fields::default() }
}

#[test]
fn an_event_becomes_commands_in_the_same_turn() {
    with_driver(|world| {
        world.is_up();
        assert_eq!(world.driver.center.calls_live(), 1);
        // Greeting and menu are one prompt, which a key interrupts.
        assert_eq!(world.done().as_deref(), Some("1.1.2.gather_using_speak"));
        assert_eq!(world.done(), None);
        world.told(LegEventKind::Collected, keys("9"));
        assert_eq!(world.done().as_deref(), Some("1.2.1.gather_using_speak"));
        // Told twice, it counts once.
        let mark = world.mark.clone();
        world.told(LegEventKind::Collected, keys(""));
        let next = world.done();
        let now = std::mem::replace(&mut world.mark, mark);
        world.told(LegEventKind::Collected, keys("1"));
        assert_eq!((next.as_deref(), world.done()), (Some("1.2.2.hangup"), None));
        world.mark = now;
    });
}

#[test]
fn fault_01_nothing_leaves_before_what_the_turn_noted_is_written() {
    with_driver(|world| {
        let (reply, mut replied) = oneshot::channel();
        let (from, to) = (Some("+14155550111".to_owned()), Some("+14155550100".to_owned()));
        let fields = Fields { from, to, state: Some(LegState::Initiated), ..Fields::default() };
        let webhook = world.webhook(CALL, LegEventKind::Arrived, fields);
        world.driver.take_webhooks(WebhookBatch { webhooks: vec![webhook], reply });
        let (api, mut told) = oneshot::channel();
        world.driver.take_request(crate::api::Request::EndCall {
            call: CallId(1),
            by: crate::words::Principal::admin("ann"),
            reply: api,
        });
        world.driver.deal(world.driver.clock.now());
        world.driver.tell_providers();
        assert!(!world.written().contains("call_arrived"));
        assert!(replied.try_recv().is_err() && told.try_recv().is_err());
        world.driver.release();
        assert!(replied.try_recv().is_ok() && told.try_recv().is_ok());
        let written = world.written();
        for noted in ["call_arrived", "end_call", "{\"session\":", "{\"leg\":"] {
            assert!(written.contains(noted), "{noted}: {written}");
        }
        assert!(world.done().is_some(), "and only then the command");
    });
}

/// What would answer a new call in the turn whose write fails does not leave, and no later turn
/// takes one.
#[cfg(target_os = "linux")]
#[test]
fn fault_01_the_first_call_after_a_write_that_failed_is_refused() {
    with_driver(|world| {
        world.driver.store.fill_disk();
        let (from, to) = (Some("+14155550111".to_owned()), Some("+14155550100".to_owned()));
        let fields = Fields { from, to, state: Some(LegState::Initiated), ..Fields::default() };
        let webhook = world.webhook(CALL, LegEventKind::Arrived, fields);
        let (reply, mut replied) = oneshot::channel();
        world.driver.take_webhooks(WebhookBatch { webhooks: vec![webhook], reply });
        world.driver.deal(world.driver.clock.now());
        assert!(world.driver.exchange.calls.arrivals.is_recording, "it is not known yet");
        world.driver.release();
        assert!(replied.try_recv().is_ok());
        // Before anything is heard, which is when a call is taken or refused.
        assert!(
            !world.driver.exchange.calls.arrivals.is_recording
                && !world.driver.store.is_accepting()
        );
        // Its leg is refused: nothing was commanded before.
        assert_eq!(world.driver.center.calls_live(), 0);
        assert_eq!((world.done().as_deref(), world.done()), (Some("1.1.2.reject"), None));
    });
}

#[test]
fn what_became_of_a_command_is_driven_on() {
    with_driver(|world| {
        world.is_up();
        let refused = RestOutcome::Refused("422".to_owned());
        // Nothing could be asked: that is no key, and the next try.
        assert_eq!(world.commanded(refused).as_deref(), Some("1.1.2.gather_using_speak"));
        assert_eq!(world.done().as_deref(), Some("1.2.1.gather_using_speak"));
        // One that is under way no more changes nothing.
        let action = Some((CALL.to_owned(), "1.1.2.gather_using_speak".to_owned()));
        let leg = LegId::caller(CallId(1));
        let outcome = RestOutcome::Gone;
        world.driver.take_rest_result(&RestResult { provider: PROVIDER, leg, action, outcome });
        assert_eq!(world.driver.center.calls_live(), 1);
        // The caller is gone by the word of the next.
        world.told(LegEventKind::Collected, keys("9"));
        assert_eq!(world.commanded(RestOutcome::Gone).as_deref(), Some("1.2.2.hangup"));
        world.driver.deal(world.driver.clock.now());
        assert_eq!(world.driver.center.calls_live(), 0);
    });
}

#[test]
fn an_event_that_is_lost_is_not_waited_for_for_ever() {
    with_driver(|world| {
        world.is_up();
        assert_eq!(world.done().as_deref(), Some("1.1.2.gather_using_speak"));
        let legs = world.driver.exchange.fronts.providers.legs(PROVIDER);
        let due = legs.poll_timeout().expect("a deadline");
        let now = world.driver.clock.now();
        assert!(due > now && due < now + Duration::from_secs(40), "{}", due.since(now).as_secs());
        world.driver.wake_fronts(now);
        assert_eq!(world.done(), None, "it is not due yet");
        world.driver.wake_fronts(due);
        assert_eq!(world.done().as_deref(), Some("1.2.1.gather_using_speak"));
    });
}

#[test]
fn what_the_center_asks_for_is_done_in_the_same_turn() {
    with_driver(|world| {
        world.is_up();
        assert!(world.done().is_some());
        let call = CallId(1);
        world.driver.input(world.driver.clock.now(), Some(Event::EndCall { call, by: None }));
        world.driver.tell_providers();
        assert_eq!(world.done().as_deref(), Some("1.1.3.hangup"));
        world.told(
            LegEventKind::Ended,
            Fields { state: Some(LegState::Ended(Cause::NORMAL_CLEARING)), ..Fields::default() },
        );
        world.driver.deal(world.driver.clock.now());
        assert_eq!(world.driver.center.calls_live(), 0);
        assert_eq!(world.done(), None);
    });
}

#[test]
fn a_hold_that_cannot_be_is_known_to_the_center_in_the_same_turn() {
    with_driver(|world| {
        let agent = AgentId(0);
        for event in [
            Event::PhoneReachable { agent, reachable: true },
            Event::AgentAsked { agent, ask: AgentRequest::LogIn, by: None },
            Event::AgentAsked { agent, ask: AgentRequest::Ready, by: None },
        ] {
            world.driver.input(world.driver.clock.now(), Some(event));
        }
        world.is_up();
        assert!(world.done().is_some());
        world.told(LegEventKind::Collected, keys("1"));
        world.driver.turn();
        assert_eq!(world.done().as_deref(), Some("1.2.1.dial"));
        let answered = Fields { state: Some(LegState::Answered), ..Fields::default() };
        world.told_of("v3:alice", LegEventKind::Answered, answered);
        assert_eq!(world.done().as_deref(), Some("1.2.2.bridge"));
        let is_held =
            |world: &World| world.driver.center.snapshot(world.driver.clock.now()).calls[0].on_hold;
        // No call knows that leg any more.
        let links = Links::new("https://ivr.example.com", PROVIDER, [0; 32]);
        let context = RenderContext { links, voices: BTreeMap::new() };
        let make = provider(PROVIDER).and_then(|it| it.commanded()).expect("it is commanded");
        *world.driver.exchange.fronts.providers.legs(PROVIDER) =
            make(context, Duration::from_secs(8));
        let ask = AgentRequest::Hold;
        world
            .driver
            .input(world.driver.clock.now(), Some(Event::AgentAsked { agent, ask, by: None }));
        assert!(is_held(world));
        world.driver.turn();
        assert!(!is_held(world));
    });
}

#[test]
fn fault_04_what_is_left_after_the_last_round_is_taken_up_at_once() {
    with_driver(|world| {
        let driver = &mut world.driver;
        for n in 0..=ROUNDS_MAX as u64 {
            let leg = LegId::caller(CallId(1_000_000 + n)); // of no call: nothing follows from it
            driver.exchange.fronts.sip.events.push_back(Event::Ringing { leg });
        }
        driver.turn();
        assert_eq!(driver.exchange.fronts.sip.events.len(), 1, "others have their turn");
        assert!(driver.is_due(), "and the timer goes off at once");
        driver.take_timeouts();
        driver.turn();
        assert!(driver.exchange.fronts.sip.events.is_empty() && !driver.is_due());
    });
}
