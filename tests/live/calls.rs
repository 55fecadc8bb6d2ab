//! Calls from the greeting to the record: what is heard, what is written down, what is measured.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::SOON;
use crate::flows::{
    AGENT_HZ, ALICE, CALLER_HZ, GREETING_HZ, MENU_HZ, MENU_SECONDS, TONES, WRONG_KEY_HZ,
};
use crate::phone::{Dialog, Phone};
use crate::rig::{Plan, Rig};
use crate::sound::Codec;

/// The party that hangs up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Caller,
    Agent,
}

#[test]
fn a_call_the_caller_ends_is_heard_and_measured() {
    talk_and_measure(Ends::Caller);
}

#[test]
fn a_call_the_agent_ends_is_heard_and_measured() {
    talk_and_measure(Ends::Agent);
}

fn talk_and_measure(ends: Ends) {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let mut a_leg = caller.call("1000");
    caller.media.expect_tone(GREETING_HZ, SOON);
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.media.press('9');
    caller.media.expect_tone(WRONG_KEY_HZ, SOON);
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.media.press('1');
    let invite = alice.ring();
    caller.media.expect_sound_but(TONES, SOON);
    assert_eq!(rig.expect_agent("alice", "reserved")["name"], "alice");
    let mut b_leg = alice.answer(&invite);
    rig.expect_agent("alice", "talking");
    talk(&caller, &alice);

    match ends {
        Ends::Caller => {
            caller.bye(&mut a_leg);
            alice.expect_bye();
        }
        Ends::Agent => {
            alice.bye(&mut b_leg);
            caller.expect_bye();
        }
    }
    caller.media.assert_one_stream();
    alice.media.assert_one_stream();
    rig.expect_no_calls();
    rig.expect_agent("alice", "after_call_work");
    let (status, answer) = rig.post("/v1/agents/alice/wrap-up", &json!({ "resolved": true }));
    assert!(status < 300, "{status} {answer}");
    rig.expect_agent("alice", "ready");
    assert_record(&rig, ends);
}

/// Tone in is tone out, in both directions.
#[track_caller]
pub(crate) fn talk(caller: &Phone, agent: &Phone) {
    caller.media.say(Some(CALLER_HZ));
    agent.media.say(Some(AGENT_HZ));
    agent.media.expect_tone(CALLER_HZ, SOON);
    caller.media.expect_tone(AGENT_HZ, SOON);
}

/// Milliseconds: a number of them, or a moment as RFC 3339.
#[track_caller]
pub(crate) fn ms(value: &Value) -> u64 {
    let moment =
        |text: &str| text.parse::<jiff::Timestamp>().ok()?.as_millisecond().try_into().ok();
    let found = value.as_u64().or_else(|| value.as_str().and_then(moment));
    found.unwrap_or_else(|| panic!("{value} is no time"))
}

/// The record says what happened; each figure is the difference of two moments in it.
#[track_caller]
fn assert_record(rig: &Rig, ends: Ends) {
    let record = rig.record_when(|record| !record["resolved"].is_null());
    let steps: Vec<&str> = record["path"]
        .as_array()
        .expect("a path")
        .iter()
        .filter_map(|entry| entry["step"].as_str())
        .collect();
    assert_eq!(steps, ["greeting", "main", "tech"], "{record:#}");
    assert_eq!(record["outcome"], "handled");
    assert_eq!(record["ended_by"], if ends == Ends::Caller { "caller" } else { "agent" });
    assert_eq!(record["from"], "+14155550111");
    assert_eq!(record["to"], "1000");
    assert_eq!(record["via"], "trunk:rig");
    assert_eq!(record["intent"], "technical_help");

    let stay = &record["queued"][0];
    assert_eq!((&stay["queue"], &stay["left"]), (&json!("tech"), &json!("answered")));
    let leg = &record["legs"][0];
    assert_eq!((&leg["outcome"], &leg["agent"]), (&json!("accepted"), &json!("alice")));
    assert_eq!(ms(&leg["talk_ms"]), ms(&leg["ended_at"]) - ms(&leg["answered_at"]));
    assert_eq!(ms(&leg["hold_ms"]), 0);
    assert_eq!(stay["left_at"], leg["answered_at"]);
    assert_eq!(ms(&stay["wait_ms"]), ms(&stay["left_at"]) - ms(&stay["entered_at"]));
    assert!(ms(&record["ended_at"]).abs_diff(ms(&leg["ended_at"])) < 100, "{record:#}");

    assert_eq!(record["resolved"], true);
    let handle_ms = ms(&leg["talk_ms"]) + ms(&leg["acw_ms"]);
    let (status, metrics) = rig.get("/v1/metrics").expect("the server listens");
    assert_eq!(status, 200, "{metrics}");
    assert_figures(&metrics, handle_ms);
}

/// One call was handled, in `handle_ms`, and its agent called it solved.
#[track_caller]
fn assert_figures(metrics: &Value, handle_ms: u64) {
    for figure in ["aht_call_s", "aht_leg_s"] {
        let (value, n) = (&metrics[figure]["value"], &metrics[figure]["n"]);
        let value_ms = value.as_f64().map(|s| (s * 1000.0).round() as u64);
        assert_eq!((value_ms, n), (Some(handle_ms), &json!(1)), "{figure}: {metrics:#}");
    }
    for figure in ["fcr_agent", "fcr_repeat_any_reason", "fcr_repeat_same_intent"] {
        let (value, n) = (&metrics[figure]["value"], &metrics[figure]["n"]);
        assert_eq!((value.as_f64(), n), (Some(1.0), &json!(1)), "{figure}: {metrics:#}");
    }
}

#[test]
fn laws_are_translated_where_the_legs_differ() {
    for (a, b) in [(Codec::Ulaw, Codec::Alaw), (Codec::Alaw, Codec::Ulaw)] {
        let rig = Plan::new(ALICE).start();
        let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
        caller.codecs = vec![a];
        alice.codecs = vec![b];
        let (mut a_leg, _) = connect(&mut caller, &mut alice);
        talk(&caller, &alice);
        let types = |phone: &Phone| phone.media.expect_packet(SOON).payload_type;
        assert_eq!((types(&caller), types(&alice)), (a.payload_type(), b.payload_type()));
        caller.bye(&mut a_leg);
        alice.expect_bye();
    }
}

/// Calls, presses 1 over the greeting and the menu, and is answered.
#[track_caller]
pub(crate) fn connect(caller: &mut Phone, agent: &mut Phone) -> (Dialog, Dialog) {
    let a_leg = reach_queue(caller);
    let invite = agent.ring();
    let b_leg = agent.answer(&invite);
    (a_leg, b_leg)
}

/// Calls and presses 1 at the menu.
#[track_caller]
pub(crate) fn reach_queue(caller: &mut Phone) -> Dialog {
    let dialog = caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.media.press('1');
    dialog
}

#[test]
fn a_key_stops_the_prompt() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    let mut dialog = caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    let pressed = caller.media.press('9');
    let wrong = caller.media.expect_tone(WRONG_KEY_HZ, SOON);
    let heard = caller.media.heard();
    let menu_end = heard.iter().rev().find(|packet| packet.at < wrong).map(|packet| packet.at);
    let stopped = menu_end.unwrap_or(wrong).saturating_duration_since(pressed);
    let next = wrong.saturating_duration_since(pressed);
    println!("key to last packet of the prompt: {stopped:?}; to the next prompt: {next:?}");
    assert!(next < Duration::from_secs_f64(MENU_SECONDS / 4.0), "the prompt played on: {next:?}");
    caller.bye(&mut dialog);
}

#[test]
fn keys_pressed_ahead_reach_the_menu() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let mut dialog = caller.call("1000");
    caller.media.expect_tone(GREETING_HZ, SOON);
    caller.media.press('1');
    let invite = alice.ring();
    alice.answer(&invite);
    talk(&caller, &alice);
    caller.bye(&mut dialog);
    alice.expect_bye();
}

#[test]
fn who_is_put_on_hold_hears_music() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let (mut a_leg, mut b_leg) = connect(&mut caller, &mut alice);
    talk(&caller, &alice);
    let held = alice.reinvite(&mut b_leg, "sendonly");
    assert!(["recvonly", "inactive"].contains(&held.direction()), "{held}");
    caller.media.expect_sound_but(TONES, SOON);
    let back = alice.reinvite(&mut b_leg, "sendrecv");
    assert_eq!(back.direction(), "sendrecv");
    talk(&caller, &alice);
    caller.media.forget();
    caller.media.expect_tone(AGENT_HZ, SOON);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    let leg = &rig.record()["legs"][0];
    assert!(ms(&leg["hold_ms"]) > 0 && ms(&leg["talk_ms"]) > 0, "{leg:#}");
}

#[test]
fn strangers_hear_nothing_and_are_not_heard() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    talk(&caller, &alice);
    let server = caller.media.heard().last().expect("sound came").from;
    let stranger = Phone::new("mallory", rig.sip);
    stranger.media.aim(server, Codec::Ulaw);
    stranger.media.say(Some(3000.0));
    alice.media.forget();
    let stolen = stranger.media.listen(Duration::from_secs(1));
    assert!(stolen.is_empty(), "a stranger got {} packets", stolen.len());
    alice.media.expect_tone(CALLER_HZ, SOON);
    caller.media.expect_tone(AGENT_HZ, SOON);
    caller.bye(&mut a_leg);
    alice.expect_bye();
}

#[test]
fn fault_24_silence_is_sent_while_a_key_is_waited_for_and_from_who_is_mute() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let mut a_leg = caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.media.expect_silence(6, SOON);
    caller.media.press('1');
    let invite = alice.ring();
    alice.answer(&invite);
    // Neither of the two says anything.
    alice.media.expect_silence(6, SOON);
    caller.media.expect_silence(6, SOON);
    talk(&caller, &alice);
    caller.media.assert_one_stream();
    alice.media.assert_one_stream();
    caller.bye(&mut a_leg);
    alice.expect_bye();
}

/// A telephone that tells of each press in RTP and by INFO, at a menu that takes two wrong keys for
/// a reason to hang up.
#[test]
fn fault_21_a_key_in_rtp_and_by_info_is_one_key() {
    let flow = crate::flows::SUPPORT.replace("\"1000\"", "\"2000\"");
    let flow = flow.replace("tries_max = 3", "tries_max = 2");
    let rig = Plan::new(ALICE).flow("strict.toml", &flow).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let mut a_leg = caller.call("2000");
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.media.press('9');
    caller.press_by_info(&mut a_leg, '9');
    caller.media.expect_tone(WRONG_KEY_HZ, SOON);
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.press_by_info(&mut a_leg, '1');
    caller.media.press('1');
    let invite = alice.ring();
    alice.answer(&invite);
    talk(&caller, &alice);
    caller.bye(&mut a_leg);
    alice.expect_bye();
}

#[test]
fn a_caller_who_gives_up_at_the_menu_is_contained() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.media.press('2');
    caller.expect_bye();
    let record = rig.record();
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("contained"), &json!("flow")));
}
