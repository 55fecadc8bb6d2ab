//! Supervisors of callers who are in the flow, wait, or are sent on; and the queue meanwhile.

use std::time::Duration;

use serde_json::json;

use super::{ALL, EVE, EVE_HZ, Watched, expect_mode, join, supervise, supervised};
use crate::calls::{ms, reach_queue};
use crate::clock::SOON;
use crate::flows::{ALICE, CALLER_HZ, MENU_HZ};
use crate::rig::Plan;
use crate::talks::{ask, live};

/// A number is asked for between two menus.
const SECRET: &str = r#"
[flow]
numbers = ["2000"]
start   = "before"

[menu.before]
text    = "menu.wav"
keys    = { 1 = "pin" }
give_up = "bye"

[collect.pin]
text       = "menu.wav"
digits_min = 4
digits_max = 4
timeout_s  = 30
inter_digit_s = 30
secret     = true
into       = "pin"
next       = "after"
give_up    = "bye"

[menu.after]
text    = "menu.wav"
keys    = { 1 = "bye" }
give_up = "bye"

[hangup.bye]
"#;

#[test]
fn a_caller_in_the_flow_is_heard_but_for_secret_keys() {
    type_a_secret(false);
}

#[test]
fn and_but_for_secret_keys_that_are_tones() {
    type_a_secret(true);
}

fn type_a_secret(as_tones: bool) {
    let rig = Plan::new(&format!("{ALICE}{EVE}")).flow("secret.toml", SECRET).start();
    let (mut caller, mut eve) = (rig.caller(), rig.agent("eve"));
    if as_tones {
        caller.press_tones();
    }
    let mut a_leg = caller.call("2000");
    caller.media.say(Some(CALLER_HZ));
    caller.media.expect_tone(MENU_HZ, SOON);
    let call = ms(&live(&rig)["id"]);
    let mut eves = join(&rig, call, &mut eve, "listen");
    // Not the prompt.
    eve.media.expect_exactly(&[CALLER_HZ], &[CALLER_HZ, MENU_HZ], SOON);
    let (status, why) = supervise(&rig, call, &json!({ "mode": "take_over" }));
    assert_eq!((status, &why["error"]), (409, &json!("refused")), "{why}");

    caller.media.press('1');
    eve.media.expect_silence(2, SOON);
    eve.media.forget();
    for key in ['4', '7', '1'] {
        caller.media.press(key);
    }
    eve.media.expect_silence(2, SOON);
    // The last one ends the secret while it is down.
    caller.media.press('1');
    eve.media.expect_tone(CALLER_HZ, SOON);
    eve.media.assert_no_key();
    eve.media.assert_one_stream();
    caller.media.expect_exactly(&[MENU_HZ], &[MENU_HZ, EVE_HZ], SOON);
    eve.bye(&mut eves);
    caller.bye(&mut a_leg);
    let record = rig.record();
    supervised(&record, &["listen"]);
    assert_eq!(record["outcome"], "contained", "{record:#}");
}

#[test]
fn a_waiting_caller_is_heard_and_taken_over() {
    let rig = Plan::new(&format!("{ALICE}{EVE}")).start();
    let (mut caller, mut eve) = (rig.caller(), rig.agent("eve"));
    let mut alice = rig.agent("alice");
    let (status, answer) = rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "lunch" }));
    assert_eq!(status, 200, "{answer}");
    let mut a_leg = reach_queue(&mut caller);
    caller.media.say(Some(CALLER_HZ));
    caller.media.expect_sound_but(ALL, SOON);
    let call = ms(&live(&rig)["id"]);
    join(&rig, call, &mut eve, "listen");
    eve.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
    assert_eq!(live(&rig)["state"], "waiting");
    caller.media.forget();
    caller.media.expect_sound_but(ALL, SOON);
    eve.media.press('4');
    caller.media.expect_exactly(&[EVE_HZ], ALL, SOON);
    eve.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
    assert_eq!(live(&rig)["state"], "talking");
    caller.media.assert_no_key();
    caller.media.assert_one_stream();
    caller.bye(&mut a_leg);
    eve.expect_bye();
    supervised(&rig.record(), &["listen", "take_over"]);
    alice.expect_none(Duration::ZERO, |message| message.is_request("INVITE"));
}

#[test]
fn the_agent_sends_the_caller_on_and_the_supervisor_stays() {
    let mut watched = Watched::begin();
    watched.join("listen");
    watched.listen();
    ask(&watched.rig, "transfer", &json!({ "step": "main" }));
    watched.alice.expect_bye();
    watched.eve.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
    watched.caller.media.expect_tone(MENU_HZ, SOON);
    expect_mode(&watched.rig, "listen");
    watched.caller.media.press('2');
    watched.caller.expect_bye();
    watched.eve.expect_bye();
    supervised(&watched.rig.record(), &["listen"]);
}

#[test]
fn a_supervisor_is_offered_no_call_of_a_queue_meanwhile() {
    let eve = EVE.replace("watching", "tech");
    let alice = ALICE.replace("wrap_up", "strategy = \"most_skilled\"\nwrap_up");
    let mut watched = Watched::with(Plan::new(&format!("{alice}{eve}")));
    let mut eves = watched.join("listen");
    watched.listen();
    let mut second = watched.rig.caller();
    let mut c_leg = reach_queue(&mut second);
    watched.rig.eventually("the caller waits", || {
        let (_, queue) = watched.rig.get("/v1/queues/tech")?;
        (queue["waiting"] == 1).then_some(())
    });
    watched.rig.expect_agent("eve", "on_own_call");
    let there = || watched.rig.get(&format!("/v1/calls/{}", watched.call)).expect("it listens").1;
    assert_eq!(there()["live"]["supervisor"]["agent"], "eve");
    // She is done, and has the caller at once.
    watched.eve.bye(&mut eves);
    let invite = watched.eve.ring();
    watched.eve.answer(&invite);
    second.bye(&mut c_leg);
    watched.eve.expect_bye();
    watched.caller.bye(&mut watched.a_leg);
    watched.alice.expect_bye();
    watched.rig.records(2);
}
