//! Legs that are commanded, event by event.

mod conference;
mod parties;
mod restart;

use std::collections::BTreeMap;
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::commanded::{Commanded, LegSaving};
use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::fields::{DialResult, Fields, LegState};
use crate::webhook::link::{Link, Links};
use crate::webhook::provider::{Keys, Provider, Refusal};
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::{Method, Request};
use crate::webhook::rest::{Account, RestAnswer, RestCommand, RestOutcome};
use crate::webhook::sign::{base64, from_base64, sha256};
use crate::webhook::telnyx::{Legs, Telnyx};
use crate::words::{Cause, Digit, Listen};

const CALL: CallId = CallId(41);
const CALLER: &str = "v3:caller";
const PARTY: &str = "v3:party";
const LEG: LegId = LegId { call: CALL, n: 1 };

struct World {
    legs: Legs,
    now: Timestamp,
    /// What the last command of each leg left.
    states: BTreeMap<String, String>,
    sent: Vec<(String, String, Value)>,
}

fn links() -> Links {
    Links::new("https://ivr.example.com", "telnyx", [7; 32])
}

fn event(kind: &str, reference: &str, state: &str, more: &Value) -> Request {
    let mut payload = json!({"call_control_id": reference, "client_state": state});
    for (name, value) in more.as_object().unwrap() {
        payload[name] = value.clone();
    }
    let body = json!({"data": {"event_type": kind, "payload": payload}});
    Request {
        method: Method::Post,
        url: "https://ivr.example.com/webhooks/telnyx/voice".to_owned(),
        headers: vec![],
        body: body.to_string().into_bytes(),
    }
}

fn parsed(kind: &str, reference: &str, state: &str, more: &Value) -> Fields {
    Telnyx.parse(&Link::Voice, &event(kind, reference, state, more)).unwrap()
}

const fn step(n: u32) -> Link {
    Link::Step { call: CALL, n }
}

impl World {
    fn new() -> Self {
        let voices = BTreeMap::from([("en".to_owned(), "Polly.Amy".to_owned())]);
        Self {
            legs: Legs::new(RenderContext { links: links(), voices }, Duration::from_secs(8)),
            now: Timestamp(1_700_000_000_000),
            states: BTreeMap::new(),
            sent: Vec::new(),
        }
    }

    /// A call that arrived and was answered, and is at `step(2)`.
    fn up(document: Vec<Action>) -> Self {
        let mut world = Self::new();
        world.tell("call.initiated", CALLER, &json!({"direction": "incoming"}));
        assert_eq!(world.comes().map(|(link, _)| link), Some(Link::Voice));
        world.answer(CALLER, &Link::Voice, vec![Action::Goto(step(1))]);
        assert_eq!(world.names(), ["answer"]);
        world.tell("call.answered", CALLER, &json!({}));
        assert_eq!(world.comes().map(|(link, _)| link), Some(step(1)));
        world.answer(CALLER, &step(1), document);
        world
    }

    fn tell(&mut self, kind: &str, reference: &str, more: &Value) {
        let state = self.states.get(reference).cloned().unwrap_or_default();
        self.tell_of(kind, reference, &state, more);
    }

    fn tell_of(&mut self, kind: &str, reference: &str, state: &str, more: &Value) {
        self.legs.handle_event(self.now, &parsed(kind, reference, state, more));
    }

    fn comes(&mut self) -> Option<(Link, Fields)> {
        self.legs.poll_request()
    }

    /// Told as Telnyx does: without the leg's name.
    fn saved(&mut self) {
        let state = self.states.get(CALLER).cloned().unwrap_or_default();
        self.tell_of("call.recording.saved", "leg-id", &state, &saved());
    }

    fn answer(&mut self, reference: &str, link: &Link, actions: Vec<Action>) {
        self.legs.execute(self.now, reference, link, Some(&Document { actions }));
    }

    /// Sends all that waits, and says what it is.
    fn names(&mut self) -> Vec<&'static str> {
        self.sends(&RestOutcome::Done)
    }

    fn sends(&mut self, outcome: &RestOutcome) -> Vec<&'static str> {
        let mut names = Vec::new();
        while let Some(name) = self.sends_next(outcome) {
            names.push(name);
        }
        names
    }

    /// The next command.
    fn next_is(&mut self, outcome: &RestOutcome) -> &'static str {
        self.sends_next(outcome).expect("a command")
    }

    fn sends_next(&mut self, outcome: &RestOutcome) -> Option<&'static str> {
        let order = self.legs.poll_order()?;
        let RestCommand::Action { reference, id, name, body } = order.command else {
            panic!("{:?}", order.command)
        };
        if let Some(state) = body.get("client_state").and_then(Value::as_str) {
            let whose = if name == "dial" { PARTY } else { reference.as_str() };
            self.states.insert(whose.to_owned(), state.to_owned());
        }
        let again = self.sent.iter().any(|(leg, known, _)| (leg, known) == (&reference, &id));
        assert!(!again, "{id} is used twice");
        self.sent.push((reference.clone(), id.clone(), Value::Object(body)));
        self.legs.handle_rest_result(self.now, &reference, &id, outcome);
        Some(name)
    }

    fn last(&self) -> &Value {
        &self.sent.last().expect("something was sent").2
    }

    /// What was written down, taken up by a server that begins now.
    fn restarted(&mut self, goes_on: bool) -> Self {
        let mut saved = BTreeMap::new();
        while let Some(saving) = self.legs.poll_saving() {
            match saving {
                LegSaving::Keep(name, text) => saved.insert(name, text),
                LegSaving::Forget(name) => saved.remove(&name),
            };
        }
        let mut after = Self::new();
        after.now = self.now;
        after.states.clone_from(&self.states);
        assert_eq!(after.legs.restore(self.now, &saved, &|_| goes_on), [""; 0]);
        after
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.legs.handle_timeout(self.now);
    }
}

fn say(text: &str) -> Sound {
    Sound::Say { language: "en-US".into(), text: text.into() }
}

fn play(name: &str) -> Sound {
    Sound::Play { link: Link::Audio { name: name.to_owned() } }
}

fn gather(sounds: Vec<Sound>, barge_in: bool) -> Action {
    let listen = Listen {
        keys_max: 4,
        finish: Digit::new('#'),
        timeout: Duration::from_secs(5),
        inter_digit: Duration::from_secs(2),
        barge_in,
        secret: false,
    };
    Action::Gather { sounds, listen, next: step(2) }
}

fn dial(answered: bool) -> Action {
    Action::Dial(Box::new(Dial {
        to: Callee::Number("+14155550123".to_owned()),
        caller_id: Some("+14155550100".to_owned()),
        ring_timeout: Duration::from_secs(20),
        time_limit: Duration::from_secs(7_200),
        answered: answered.then_some(Link::Leg { leg: LEG, n: 0 }),
        accept_key: None,
        told: Some(Link::LegStatus { leg: LEG }),
        next: step(2),
    }))
}

fn pressed(keys: &str) -> Option<Vec<Digit>> {
    Some(keys.chars().map(|key| Digit::new(key).unwrap()).collect())
}

#[test]
fn sounds_come_one_after_another_and_then_the_next_step() {
    let pause = Sound::Pause { ms: 1_500 };
    let sounds = [say("Hello."), pause, play("tone.wav")];
    let mut document: Vec<Action> = sounds.into_iter().map(Action::Sound).collect();
    document.push(Action::Goto(step(2)));
    let mut world = World::up(document);
    assert_eq!(world.names(), ["speak"]);
    assert_eq!(
        (&world.last()["payload"], &world.last()["voice"]),
        (&"Hello.".into(), &"Polly.Amy".into())
    );
    let spoken = world.states[CALLER].clone();
    world.tell("call.speak.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!((world.names(), world.comes()), (vec![], None));
    world.pass(1_499);
    assert_eq!(world.names(), [""; 0]);
    world.pass(1);
    assert_eq!(world.names(), ["playback_start"]);
    // The end of the speech once more, and late.
    world.tell_of("call.speak.ended", CALLER, &spoken, &json!({"status": "completed"}));
    assert_eq!((world.names(), world.comes()), (vec![], None));
    world.tell("call.playback.ended", CALLER, &json!({"status": "completed"}));
    let (link, fields) = world.comes().unwrap();
    assert_eq!((link, fields.keys, fields.reference.as_str()), (step(2), None, CALLER));
    world.tell("call.playback.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!(world.comes(), None);
}

#[test]
fn an_event_names_its_link_by_itself() {
    let mut world = World::up(vec![gather(vec![say("Your number?")], true)]);
    assert_eq!(world.names(), ["gather_using_speak"]);
    let mark = String::from_utf8(from_base64(&world.states[CALLER]).unwrap()).unwrap();
    let (path, query) = mark.split_once('?').unwrap();
    assert_eq!(links().read(path, query), Some(step(2)));
    // So that after a restart the call goes on with it.
    let mut after = World::new();
    after.states.clone_from(&world.states);
    after.tell("call.gather.ended", CALLER, &json!({"status": "valid", "digits": "12"}));
    let (link, fields) = after.comes().unwrap();
    assert_eq!((link, fields.keys), (step(2), pressed("12")));
    // A mark that is none of ours does nothing.
    let forged = base64(mark.replace("n=2", "n=3").as_bytes());
    let mut forge = World::new();
    forge.tell_of("call.gather.ended", CALLER, &forged, &json!({"digits": "1"}));
    assert_eq!(forge.comes(), None);
}

#[test]
fn keys_interrupt_every_piece_of_a_prompt() {
    let sounds = vec![say("Your"), say("number?"), play("tone.wav"), Sound::Pause { ms: 300 }];
    let mut world = World::up(vec![gather(sounds, true)]);
    assert_eq!(world.names(), ["gather_using_speak"]);
    assert_eq!(world.last()["payload"], "Your number?");
    let asked = ["maximum_digits", "inter_digit_timeout_millis", "maximum_tries"];
    assert_eq!(asked.map(|name| world.last()[name].as_u64()), [Some(4), Some(2_000), Some(1)]);
    assert_eq!(world.last()["terminating_digit"], "#");
    world.tell("call.gather.ended", CALLER, &json!({"status": "timeout", "digits": ""}));
    assert_eq!(world.names(), ["gather_using_audio"]);
    // The sound of it ends; the keys have their time yet.
    world.tell("call.playback.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!(world.names(), [""; 0]);
    world.tell("call.gather.ended", CALLER, &json!({"status": "valid", "digits": "77"}));
    let (link, fields) = world.comes().unwrap();
    assert_eq!((link, fields.keys, world.names()), (step(2), pressed("77"), vec![]));
}

#[test]
fn no_key_at_the_end_is_told_as_none() {
    let mut world = World::up(vec![gather(vec![say("Your number?")], false)]);
    assert_eq!(world.names(), ["speak"]);
    world.tell("call.speak.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!(world.names(), ["gather"]);
    assert_eq!(world.last()["initial_timeout_millis"], 5_000);
    world.tell("call.gather.ended", CALLER, &json!({"status": "timeout", "digits": ""}));
    let (link, fields) = world.comes().unwrap();
    assert_eq!((link, fields.keys), (step(2), Some(vec![])));
}

#[test]
fn a_move_stops_what_is_heard_and_its_end_counts_no_more() {
    let mut world = World::up(vec![gather(vec![play("music/default/1")], true)]);
    assert_eq!(world.names(), ["gather_using_audio"]);
    let old = world.states[CALLER].clone();
    world.legs.move_to(world.now, CALLER, &step(2));
    assert_eq!(world.comes().map(|(link, _)| link), Some(step(2)));
    let actions = vec![Action::Sound(say("An agent.")), Action::Goto(step(3))];
    world.answer(CALLER, &step(2), actions);
    assert_eq!(world.names(), ["gather_stop", "playback_stop", "speak"]);
    let cancelled = json!({"status": "cancelled", "digits": "1"});
    world.tell_of("call.gather.ended", CALLER, &old, &cancelled);
    assert_eq!((world.names(), world.comes()), (vec![], None));
    world.tell("call.speak.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!(world.comes().map(|(link, _)| link), Some(step(3)));
}

#[test]
fn a_move_ends_a_pause_and_the_ringing_of_a_party() {
    let pause = Action::Sound(Sound::Pause { ms: 1_000 });
    let mut world = World::up(vec![pause, Action::Goto(step(2))]);
    world.legs.move_to(world.now, CALLER, &step(2));
    assert!(world.comes().is_some());
    let Action::Dial(mut to) = dial(true) else { unreachable!() };
    to.next = step(3);
    world.answer(CALLER, &step(2), vec![Action::Dial(to)]);
    assert_eq!(world.names(), ["dial"]);
    world.pass(1_000);
    assert_eq!(world.comes(), None);
    world.legs.move_to(world.now, CALLER, &step(3));
    assert_eq!(world.comes().map(|(link, _)| link), Some(step(3)));
    // The party's first event comes late: it is no longer wanted.
    world.tell("call.initiated", PARTY, &json!({"direction": "outgoing"}));
    assert_eq!(world.names(), ["hangup"]);
}

fn record() -> Action {
    Action::Record {
        length_max: Duration::from_secs(120),
        silence: Duration::from_secs(4),
        finish: Digit::new('#'),
        beep: true,
        next: step(2),
        told: Link::Recording { call: CALL, n: 1 },
    }
}

fn saved() -> Value {
    json!({
        "recording_urls": {"wav": "https://recordings.example.com/1"},
        "recording_started_at": "2026-11-22T10:00:00Z",
        "recording_ended_at": "2026-11-22T10:00:07.5Z",
    })
}

#[test]
fn a_message_ends_with_its_key_and_is_told_once() {
    let mut world = World::up(vec![record()]);
    assert_eq!(world.names(), ["record_start"]);
    world.tell("call.dtmf.received", CALLER, &json!({"digit": "5"}));
    assert_eq!(world.names(), [""; 0]);
    world.tell("call.dtmf.received", CALLER, &json!({"digit": "#"}));
    assert_eq!(world.names(), ["record_stop"]);
    world.saved();
    let (link, fields) = world.comes().unwrap();
    let made = fields.recorded.unwrap();
    assert_eq!((link, made.length), (step(2), Some(Duration::from_millis(7_500))));
    assert_eq!(made.url.as_deref(), Some("https://recordings.example.com/1"));
    world.saved();
    assert_eq!(world.comes(), None, "once is enough");
    // After a restart the mark says whose it is, and where the call goes on.
    let mut after = World::new();
    after.states.clone_from(&world.states);
    after.saved();
    let (link, fields) = after.comes().unwrap();
    assert_eq!((link, fields.reference.as_str()), (step(2), CALLER));
    assert!(fields.recorded.is_some() && after.comes().is_none());
}

#[test]
fn a_message_of_a_caller_who_is_gone_is_told_where_it_belongs() {
    let mut world = World::up(vec![record()]);
    assert_eq!(world.names(), ["record_start"]);
    world.tell("call.hangup", CALLER, &json!({"hangup_cause": "normal_clearing"}));
    assert_eq!(world.comes(), None, "the message comes first");
    world.pass(3_000);
    world.saved();
    let (link, fields) = world.comes().unwrap();
    assert_eq!(link, Link::Recording { call: CALL, n: 1 });
    assert!(fields.recorded.is_some());
    let (link, fields) = world.comes().unwrap();
    assert_eq!((link, fields.at), (Link::Events, Some(Timestamp(world.now.0 - 3_000))));
    world.pass(60_000);
    assert_eq!(world.comes(), None);
}

#[test]
fn a_message_that_never_comes_does_not_keep_the_call() {
    let mut world = World::up(vec![record()]);
    world.tell("call.hangup", CALLER, &json!({"hangup_cause": "normal_clearing"}));
    world.pass(14_999);
    assert_eq!(world.comes(), None);
    world.pass(1);
    assert_eq!(world.comes().map(|(link, _)| link), Some(Link::Events));
    world.saved();
    assert_eq!(world.comes(), None, "its mark was never given: the command was not sent yet");
}

#[test]
fn a_refused_call_is_rejected_unanswered_and_a_repeat_is_not_dealt_with() {
    let mut world = World::new();
    for _ in 0..2 {
        world.tell("call.initiated", CALLER, &json!({"direction": "incoming"}));
    }
    assert!(world.comes().is_some() && world.comes().is_none());
    world.answer(CALLER, &Link::Voice, vec![Action::Reject { cause: Cause::USER_BUSY }]);
    assert_eq!(world.names(), ["reject"]);
    assert_eq!(world.last()["cause"], "USER_BUSY");
}

#[test]
fn what_cannot_be_done_is_over_and_a_call_that_is_gone_is_told_so() {
    let mut world = World::up(vec![Action::Sound(say("Hello.")), gather(vec![], true)]);
    let refused = RestOutcome::Refused("422 no such voice".to_owned());
    assert_eq!(world.sends(&refused), ["speak", "gather"]);
    let (link, fields) = world.comes().unwrap();
    assert_eq!((link, fields.keys), (step(2), Some(vec![])));
    world.answer(CALLER, &step(2), vec![Action::HangUp { cause: Cause::NORMAL_CLEARING }]);
    assert_eq!(world.sends(&RestOutcome::Gone), ["hangup"]);
    assert_eq!(world.comes().map(|(link, _)| link), Some(Link::Events));
    world.tell("call.hangup", CALLER, &json!({"hangup_cause": "normal_clearing"}));
    assert_eq!(world.comes(), None);
}

#[test]
fn a_leg_with_which_nothing_can_be_done_is_hung_up() {
    let hello = || Action::Sound(say("Hello."));
    let mut world = World::up((0..20).map(|_| hello()).collect());
    let refused = RestOutcome::Refused("401".to_owned());
    let names = world.sends(&refused);
    assert_eq!((names.len(), names.last()), (11, Some(&"hangup")));
}

#[test]
fn commands_to_a_leg_keep_their_order() {
    let mut world = World::up(vec![Action::Sound(say("Hello.")), Action::Goto(step(2))]);
    let first = world.legs.poll_order().unwrap();
    world.legs.move_to(world.now, CALLER, &step(2));
    world.answer(CALLER, &step(2), vec![Action::Sound(say("Bye.")), Action::Goto(step(3))]);
    assert_eq!(world.legs.poll_order(), None, "the first is under way");
    let RestCommand::Action { id, .. } = first.command else { panic!("an action") };
    world.legs.handle_rest_result(world.now, CALLER, &id, &RestOutcome::Done);
    assert_eq!(world.names(), ["playback_stop", "speak"]);
}

#[test]
fn a_command_as_it_goes_over_the_wire() {
    let account = Account { id: "9".to_owned(), secret: "KEY".to_owned(), ..Account::default() };
    let of = |name| RestCommand::Action {
        reference: CALLER.to_owned(),
        id: "41.1.1.x".to_owned(),
        name,
        body: serde_json::Map::new(),
    };
    let call = Telnyx.rest(&account, &of("speak")).unwrap();
    assert_eq!(call.url, "https://api.telnyx.com/v2/calls/v3%3Acaller/actions/speak");
    assert_eq!(
        (call.authorization, call.body.as_str()),
        (account.bearer(), "{\"command_id\":\"41.1.1.x\"}")
    );
    let call = Telnyx.rest(&account, &of("dial")).unwrap();
    assert_eq!(call.url, "https://api.telnyx.com/v2/calls");
    assert!(call.body.contains("\"connection_id\":\"9\""), "{}", call.body);
    let gone = RestAnswer {
        status: 422,
        body: "{\"errors\":[{\"code\":\"90018\"}]}".to_owned(),
        ..RestAnswer::default()
    };
    assert_eq!(Telnyx.outcome(&gone), RestOutcome::Gone);
    let conference_gone = RestAnswer { body: gone.body.replace("90018", "90019"), ..gone.clone() };
    assert_eq!(Telnyx.outcome(&conference_gone), RestOutcome::Gone);
    let other = RestAnswer { body: String::new(), ..gone };
    assert_eq!(Telnyx.outcome(&other), RestOutcome::Refused("422".to_owned()));
}

#[test]
fn whose_an_event_is_is_judged_as_at_texml() {
    let key = SigningKey::from_bytes(&sha256(b"emulate telnyx test key"));
    let mut request = event("call.answered", CALLER, "", &json!({}));
    let signature = key.sign(&[b"1700000000|", request.body.as_slice()].concat());
    let header = |name: &str, value: String| (name.to_owned(), value);
    request.headers = vec![
        header("telnyx-signature-ed25519", base64(&signature.to_bytes())),
        header("telnyx-timestamp", "1700000000".to_owned()),
    ];
    let public = base64(key.verifying_key().as_bytes());
    let keys = Keys { secrets: vec![public], window_s: 300, ..Keys::default() };
    let now = Timestamp(1_700_000_000_000);
    assert!(Telnyx.verify(&keys, &request, now).is_ok());
    request.body.push(b' ');
    assert_eq!(Telnyx.verify(&keys, &request, now), Err(Refusal::Signature));
}
