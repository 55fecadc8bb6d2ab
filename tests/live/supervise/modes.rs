//! What each leg hears in each mode, changed over HTTP and by keys.

use serde_json::json;

use super::{EVE, EVE_HZ, Watched, expect_mode, from_eve, supervised};
use crate::calls::ms;
use crate::flows::ALICE;
use crate::rig::Plan;
use crate::sound::Codec;
use crate::talks::{CONSULTED, assert_times, consulted};

#[test]
fn each_mode_is_heard_by_whom_it_says_and_by_nobody_else() {
    let mut watched = Watched::begin();
    watched.join("listen");
    watched.listen();
    watched.rig.expect_agent("eve", "on_own_call");
    watched.mode("whisper");
    watched.whisper();
    watched.mode("barge");
    watched.barge();
    watched.mode("whisper");
    watched.whisper();
    watched.mode("listen");
    watched.listen();
    // What is so already is no change.
    assert_eq!(watched.supervise(&from_eve("listen")).0, 200);
    assert_eq!(watched.supervise(&from_eve("barge")).0, 200);
    watched.barge();
    let (status, view) = watched.supervise(&json!({ "mode": "take_over" }));
    assert_eq!(status, 200, "{view:#}");
    let record = watched.taken_over();
    let modes = ["listen", "whisper", "barge", "whisper", "listen", "barge", "take_over"];
    let eve = supervised(&record, &modes);
    assert_eq!((&eve["agent"], &eve["outcome"]), (&json!("eve"), &json!("accepted")));
    assert!(ms(&eve["talk_ms"]) > 0, "{eve:#}");
    let alice = &record["legs"][0];
    assert_times(alice);
    assert!(ms(&alice["ended_at"]) < ms(&eve["ended_at"]), "{record:#}");
    assert!(alice.get("role").is_none() && alice.get("modes").is_none(), "{alice:#}");
}

#[test]
fn keys_of_the_supervisors_telephone_change_the_mode() {
    change_modes_by_keys(false);
}

#[test]
fn so_do_keys_that_are_tones() {
    change_modes_by_keys(true);
}

fn change_modes_by_keys(as_tones: bool) {
    let mut watched = Watched::begin();
    watched.eve.codecs = vec![Codec::Alaw];
    if as_tones {
        watched.eve.press_tones();
    }
    let mut eves = watched.join("listen");
    watched.listen();
    watched.eve.media.press('2');
    expect_mode(&watched.rig, "whisper");
    watched.whisper();
    watched.eve.press_by_info(&mut eves, '3');
    expect_mode(&watched.rig, "barge");
    watched.barge();
    watched.eve.media.press('1');
    expect_mode(&watched.rig, "listen");
    watched.listen();
    // Another key is none.
    watched.eve.media.press('9');
    watched.eve.media.press('4');
    let record = watched.taken_over();
    supervised(&record, &["listen", "whisper", "barge", "listen", "take_over"]);
}

#[test]
fn a_supervisor_may_be_at_a_number() {
    let (mut boss, trunk) = consulted();
    boss.codecs = vec![Codec::Alaw];
    let mut watched = Watched::with(Plan::new(&format!("{ALICE}{EVE}{trunk}")));
    boss.turn_to(watched.rig.sip);
    let from = json!({ "number": CONSULTED, "trunk": "away" });
    let (status, view) = watched.supervise(&json!({ "mode": "whisper", "from": from }));
    assert_eq!((status, &view["supervisor"]["number"]), (200, &json!(CONSULTED)), "{view:#}");
    std::mem::swap(&mut watched.eve, &mut boss);
    let invite = watched.eve.ring();
    watched.eve.answer(&invite);
    watched.eve.media.say(Some(EVE_HZ));
    expect_mode(&watched.rig, "whisper");
    watched.whisper();
    watched.eve.media.press('1');
    expect_mode(&watched.rig, "listen");
    watched.listen();
    watched.caller.bye(&mut watched.a_leg);
    watched.alice.expect_bye();
    watched.eve.expect_bye();
    let record = watched.rig.record();
    let leg = supervised(&record, &["whisper", "listen"]);
    assert_eq!((&leg["trunk"], &leg["number"]), (&json!("away"), &json!(CONSULTED)));
}
