//! Supervision, recording and conferences with telephones written by others in them.
//!
//! What baresip heard is read from what it wrote down; rsipstack's telephone says what it hears;
//! sipp says only that its call went well.
//!
//! **Invariant:** every party has a tone of its own, so each test can tell whom anybody hears.
//!
//! **Deliberately absent:** each mode, key and refusal; scripted telephones go through those.

use std::time::Duration;

use serde_json::{Value, json};

use crate::calls::{connect, ms, reach_queue};
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ};
use crate::peers::{AGENT, Baresip, alice_with_md5, baresip_at_number, baresip_with, have, sipp};
use crate::phone::{Dialog, Phone};
use crate::ports;
use crate::recording::{expect_stage, kept};
use crate::rig::{Plan, Rig, items};
use crate::rsipstack::{Softphone, binary};
use crate::supervise::{EVE, EVE_HZ, expect_mode, join, supervise, supervised};
use crate::talks::{CONSULTED, CONSULTED_HZ, ask, assert_times, live};

/// Of a call with a supervisor.
const ALL: &[f64] = &[CALLER_HZ, AGENT_HZ, EVE_HZ];
/// What Alice says where a baresip has the tone of agents.
const ALICE_HZ: f64 = 1000.0;
/// How long each stretch of a call lasts that a telephone is to write down.
const WHILE: Duration = Duration::from_millis(1_500);
/// How far the length of a recording may be from that of the talk.
const TOLERANCE_MS: u64 = 300;

/// Bob's telephone knows no SHA-256.
const BOB: &str = r#"
[agents.bob]
skills = { billing = 5 }
password = "correct-horse-battery"
md5 = true
auto_login = true
auto_ready = true

[queues.billing]
wrap_up = "until_done"
"#;

/// Where sipp's agent hangs up, it waits to be hung up.
const HUNG_UP: &str = r#"<recv request="BYE"/>
  <send><![CDATA[

      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

  ]]></send>
  <Reference variables="from,to"/>
</scenario>
"#;

/// At least a second of exactly these tones is in what baresip writes down when its call ends.
#[track_caller]
fn expect_heard(rig: &Rig, agent: &Baresip, tones_hz: &[f64]) {
    let heard_s = rig.eventually(&format!("baresip has heard {tones_hz:?}"), || {
        Some(agent.heard_all_s(tones_hz)).filter(|heard_s| *heard_s >= 1.0)
    });
    println!("baresip heard {tones_hz:?} for {heard_s:.1} s");
}

#[test]
fn a_supervisor_joins_a_recorded_call_of_an_agent_at_baresip() {
    if !have(&["baresip"]) {
        return;
    }
    let agents = format!("{}recording = \"always\"\n{EVE}", alice_with_md5());
    let rig = Plan::new(&agents).start();
    let alice = baresip_with(&rig, "alice", "");
    let (mut caller, mut eve) = (rig.caller(), rig.agent("eve"));
    let mut a_leg = reach_queue(&mut caller);
    caller.media.say(Some(CALLER_HZ));
    caller.media.expect_tone(AGENT_HZ, SOON);
    rig.expect_agent("alice", "talking");
    expect_stage(&rig, &json!("on"));
    listen_and_barge(&rig, &caller, &mut eve);
    caller.bye(&mut a_leg);
    eve.expect_bye();
    rig.expect_agent("alice", "after_call_work");
    caller.media.assert_one_stream();
    eve.media.assert_one_stream();
    expect_heard(&rig, &alice, &[CALLER_HZ]);
    expect_heard(&rig, &alice, &[CALLER_HZ, EVE_HZ]);
    assert_recorded(&rig);
}

/// Eve hears both and is heard by neither, then by both.
#[track_caller]
fn listen_and_barge(rig: &Rig, caller: &Phone, eve: &mut Phone) {
    let call = ms(&live(rig)["id"]);
    join(rig, call, eve, "listen");
    eve.media.expect_exactly(&[CALLER_HZ, AGENT_HZ], ALL, SOON);
    caller.media.listen(WHILE);
    caller.media.expect_exactly(&[AGENT_HZ], ALL, SOON);
    let (status, view) = supervise(rig, call, &json!({ "mode": "barge" }));
    assert_eq!(status, 200, "{view:#}");
    expect_mode(rig, "barge");
    caller.media.expect_exactly(&[AGENT_HZ, EVE_HZ], ALL, SOON);
    eve.media.expect_exactly(&[CALLER_HZ, AGENT_HZ], ALL, SOON);
    caller.media.listen(WHILE);
    // What the caller heard was she.
    eve.media.say(None);
    caller.media.expect_exactly(&[AGENT_HZ], ALL, SOON);
}

/// The one record has the supervisor, and a file of both sides as long as they talked.
#[track_caller]
fn assert_recorded(rig: &Rig) {
    let (recording, [left, right]) = kept(rig);
    assert!(left.contains('C'), "{left}");
    assert!(!left.contains(['A', '?']), "more than the caller is in the left channel: {left}");
    assert!(right.contains('A'), "the agent is not in the right channel: {right}");
    let record = rig.record();
    supervised(&record, &["listen", "barge"]);
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("caller")));
    let agent = &record["legs"][0];
    assert_eq!((&agent["agent"], &agent["outcome"]), (&json!("alice"), &json!("accepted")));
    let (length_ms, talk_ms) = (ms(&recording["length_ms"]), ms(&agent["talk_ms"]));
    println!("recorded {length_ms} ms of {talk_ms} ms: {left} {right}");
    assert!(length_ms.abs_diff(talk_ms) < TOLERANCE_MS, "{record:#}");
}

/// A scripted caller talks to a scripted Alice, who says this.
#[track_caller]
fn talk_to_alice(rig: &Rig, alice_hz: f64) -> (Phone, Phone, Dialog) {
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let (a_leg, _) = connect(&mut caller, &mut alice);
    caller.media.say(Some(CALLER_HZ));
    alice.media.say(Some(alice_hz));
    caller.media.expect_tone(alice_hz, SOON);
    alice.media.expect_tone(CALLER_HZ, SOON);
    (caller, alice, a_leg)
}

/// Alice and whom she consults hear each other, then all meet. What they say, in this order.
#[track_caller]
fn meet(rig: &Rig, caller: &Phone, alice: &Phone, [alice_hz, other_hz]: [f64; 2]) {
    let all = [CALLER_HZ, alice_hz, other_hz];
    alice.media.expect_exactly(&[other_hz], &all, SOON);
    alice.media.listen(WHILE);
    ask(rig, "conference", &json!({}));
    caller.media.expect_exactly(&[alice_hz, other_hz], &all, SOON);
    alice.media.expect_exactly(&[CALLER_HZ, other_hz], &all, SOON);
    caller.media.listen(WHILE);
}

/// Alice leaves the two to each other.
#[track_caller]
fn leave(rig: &Rig, caller: &Phone, alice: &mut Phone, [alice_hz, other_hz]: [f64; 2]) {
    ask(rig, "complete", &json!({}));
    alice.expect_bye();
    caller.media.expect_exactly(&[other_hz], &[CALLER_HZ, alice_hz, other_hz], SOON);
    rig.expect_agent("alice", "after_call_work");
    caller.media.listen(WHILE);
}

/// What leads to a telephone at this port.
fn trunk_to(port: u16) -> String {
    format!("[trunks.away]\nuri = \"sip:127.0.0.1:{port}\"\nprefixes = [\"+1415555\"]\n")
}

/// Alice's leg, and that of whom she consulted, who had the caller after her.
#[track_caller]
fn handed_over(record: &Value) -> [&Value; 2] {
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("caller")));
    let [alice, other] = items(&record["legs"]) else { panic!("not two legs: {record:#}") };
    assert_eq!((&alice["agent"], &alice["consulted"]), (&json!("alice"), &json!(false)));
    assert_eq!((&other["consulted"], &other["outcome"]), (&json!(true), &json!("accepted")));
    assert!(ms(&other["ended_at"]) > ms(&alice["ended_at"]), "{record:#}");
    [alice, other].map(|leg| {
        assert_times(leg);
        leg
    })
}

#[test]
fn an_agent_consults_baresip_meets_all_and_leaves() {
    if !have(&["baresip"]) {
        return;
    }
    let rig = Plan::new(&format!("{ALICE}{BOB}")).start();
    let bob = baresip_with(&rig, "bob", "");
    let (mut caller, mut alice, mut a_leg) = talk_to_alice(&rig, ALICE_HZ);
    ask(&rig, "consult", &json!({ "agent": "bob" }));
    meet(&rig, &caller, &alice, [ALICE_HZ, AGENT_HZ]);
    leave(&rig, &caller, &mut alice, [ALICE_HZ, AGENT_HZ]);
    rig.expect_agent("bob", "talking");
    caller.bye(&mut a_leg);
    rig.expect_agent("bob", "after_call_work");
    caller.media.assert_one_stream();
    alice.media.assert_one_stream();
    expect_heard(&rig, &bob, &[ALICE_HZ]);
    expect_heard(&rig, &bob, &[CALLER_HZ, ALICE_HZ]);
    expect_heard(&rig, &bob, &[CALLER_HZ]);
    let record = rig.record();
    let [alice, bob] = handed_over(&record);
    assert_eq!((&alice["sent_to_agent"], &bob["agent"]), (&json!("bob"), &json!("bob")));
    assert_eq!(ms(&bob["handed_over_at"]), ms(&alice["ended_at"]), "{record:#}");
}

#[test]
fn an_agent_consults_sipp_at_a_number_meets_all_and_leaves() {
    if !have(&["sipp"]) {
        return;
    }
    let port = ports::one().port();
    let rig = Plan::new(&format!("{ALICE}{}", trunk_to(port))).start();
    let (scenario, _) = AGENT.split_once("<pause milliseconds=\"2000\"/>").expect("it talks");
    let (mut party, _folder) = sipp(&format!("{scenario}{HUNG_UP}"), CONSULTED_HZ, port, &[]);
    let (mut caller, mut alice, mut a_leg) = talk_to_alice(&rig, AGENT_HZ);
    ask(&rig, "consult", &json!({ "number": CONSULTED }));
    meet(&rig, &caller, &alice, [AGENT_HZ, CONSULTED_HZ]);
    leave(&rig, &caller, &mut alice, [AGENT_HZ, CONSULTED_HZ]);
    caller.bye(&mut a_leg);
    party.done(&rig);
    caller.media.assert_one_stream();
    alice.media.assert_one_stream();
    let record = rig.record();
    let [alice, party] = handed_over(&record);
    assert_eq!(
        (&alice["sent_to_number"], &party["number"]),
        (&json!(CONSULTED), &json!(CONSULTED))
    );
    assert_eq!(party["trunk"], "away");
}

#[test]
fn a_supervisor_at_rsipstack_listens_and_joins_by_a_key() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(&format!("{ALICE}{EVE}")).start();
    let mut eve = Softphone::agent(&binary, &rig, "eve", &["tcp"]);
    let (mut caller, mut alice, mut a_leg) = talk_to_alice(&rig, AGENT_HZ);
    let body = json!({ "mode": "listen", "from": { "agent": "eve" } });
    let (status, view) = supervise(&rig, ms(&live(&rig)["id"]), &body);
    assert_eq!(status, 200, "{view:#}");
    eve.answer();
    expect_mode(&rig, "listen");
    // One after the other: it knows a tone that is alone.
    alice.media.say(None);
    eve.say_and_hear(EVE_HZ, CALLER_HZ);
    alice.media.say(Some(AGENT_HZ));
    caller.media.say(None);
    eve.hear(AGENT_HZ);
    caller.media.say(Some(CALLER_HZ));
    caller.media.expect_exactly(&[AGENT_HZ], ALL, SOON);
    alice.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
    eve.tell("press 3");
    eve.expect("pressed 3");
    expect_mode(&rig, "barge");
    caller.media.expect_exactly(&[AGENT_HZ, EVE_HZ], ALL, SOON);
    alice.media.expect_exactly(&[CALLER_HZ, EVE_HZ], ALL, SOON);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    eve.expect("ended UacBye");
    for phone in [&caller, &alice] {
        phone.media.assert_one_stream();
        phone.media.assert_no_key();
    }
    supervised(&rig.record(), &["listen", "barge"]);
}

/// The supervisor at this telephone is wanted in the one call.
#[track_caller]
fn supervise_from(rig: &Rig, mode: &str, from: &Value) {
    let (status, view) =
        supervise(rig, ms(&live(rig)["id"]), &json!({ "mode": mode, "from": from }));
    assert_eq!(status, 200, "{view:#}");
}

/// Alice alone hears who whispers, and by a change of mode neither does.
#[track_caller]
fn expect_whisper(caller: &Phone, alice: &Phone, [alice_hz, supervisor_hz]: [f64; 2]) {
    let all = [CALLER_HZ, alice_hz, supervisor_hz];
    alice.media.expect_exactly(&[CALLER_HZ, supervisor_hz], &all, SOON);
    caller.media.expect_exactly(&[alice_hz], &all, SOON);
    caller.media.forget();
    caller.media.listen(WHILE);
    caller.media.expect_exactly(&[alice_hz], &all, SOON);
}

/// Alice is hung up, and the caller talks to the supervisor.
#[track_caller]
fn expect_taken_over(rig: &Rig, caller: &Phone, alice: &mut Phone, tones_hz: [f64; 2]) {
    let [alice_hz, supervisor_hz] = tones_hz;
    alice.expect_bye();
    caller.media.expect_exactly(&[supervisor_hz], &[alice_hz, supervisor_hz], SOON);
    rig.expect_agent("alice", "after_call_work");
    assert_eq!(live(rig)["supervisor"], Value::Null);
    caller.media.listen(WHILE);
}

#[test]
fn a_supervisor_at_rsipstack_whispers_and_takes_over_by_a_key() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(&format!("{ALICE}{EVE}")).start();
    let mut eve = Softphone::agent(&binary, &rig, "eve", &["udp"]);
    let (mut caller, mut alice, mut a_leg) = talk_to_alice(&rig, AGENT_HZ);
    supervise_from(&rig, "whisper", &json!({ "agent": "eve" }));
    eve.answer();
    expect_mode(&rig, "whisper");
    eve.tell(&format!("say {EVE_HZ}"));
    eve.hear_all(&[CALLER_HZ, AGENT_HZ]);
    expect_whisper(&caller, &alice, [AGENT_HZ, EVE_HZ]);
    eve.tell("press 4");
    eve.expect("pressed 4");
    expect_taken_over(&rig, &caller, &mut alice, [AGENT_HZ, EVE_HZ]);
    eve.hear(CALLER_HZ);
    caller.bye(&mut a_leg);
    eve.expect("ended UacBye");
    for phone in [&caller, &alice] {
        phone.media.assert_one_stream();
        phone.media.assert_no_key();
    }
    let record = rig.record();
    let leg = supervised(&record, &["whisper", "take_over"]);
    assert_eq!((&leg["agent"], &record["outcome"]), (&json!("eve"), &json!("handled")));
}

#[test]
fn a_supervisor_at_baresip_behind_a_trunk_whispers_and_takes_over() {
    if !have(&["baresip"]) {
        return;
    }
    let port = *ports::row(2).start();
    let rig = Plan::new(&format!("{ALICE}{}", trunk_to(port))).start();
    let boss = baresip_at_number(CONSULTED, port, ";audio_codecs=pcma");
    let (mut caller, mut alice, mut a_leg) = talk_to_alice(&rig, ALICE_HZ);
    supervise_from(&rig, "whisper", &json!({ "number": CONSULTED }));
    expect_mode(&rig, "whisper");
    expect_whisper(&caller, &alice, [ALICE_HZ, AGENT_HZ]);
    let (status, view) = supervise(&rig, ms(&live(&rig)["id"]), &json!({ "mode": "take_over" }));
    assert_eq!(status, 200, "{view:#}");
    expect_taken_over(&rig, &caller, &mut alice, [ALICE_HZ, AGENT_HZ]);
    caller.bye(&mut a_leg);
    rig.expect_no_calls();
    caller.media.assert_one_stream();
    alice.media.assert_one_stream();
    expect_heard(&rig, &boss, &[CALLER_HZ, ALICE_HZ]);
    expect_heard(&rig, &boss, &[CALLER_HZ]);
    let record = rig.record();
    let leg = supervised(&record, &["whisper", "take_over"]);
    assert_eq!((&leg["trunk"], &leg["number"]), (&json!("away"), &json!(CONSULTED)));
    assert_eq!(record["outcome"], "handled", "{record:#}");
}

/// Bob, whom Alice consulted first, is at a baresip with A-law; Eve, the fourth, at rsipstack.
#[test]
fn a_fourth_at_rsipstack_comes_and_goes_where_three_have_met() {
    let Some(binary) = binary() else { return };
    if !have(&["baresip"]) {
        return;
    }
    let rig = Plan::new(&format!("{ALICE}{BOB}{EVE}")).start();
    let bob = baresip_with(&rig, "bob", ";audio_codecs=pcma");
    let mut eve = Softphone::agent(&binary, &rig, "eve", &["tcp"]);
    let (mut caller, mut alice, mut a_leg) = talk_to_alice(&rig, ALICE_HZ);
    ask(&rig, "consult", &json!({ "agent": "bob" }));
    meet(&rig, &caller, &alice, [ALICE_HZ, AGENT_HZ]);

    ask(&rig, "consult", &json!({ "agent": "eve" }));
    eve.answer();
    eve.say_and_hear(EVE_HZ, ALICE_HZ);
    let all = [CALLER_HZ, ALICE_HZ, AGENT_HZ, EVE_HZ];
    alice.media.expect_exactly(&[EVE_HZ], &all, SOON);
    caller.media.expect_exactly(&[AGENT_HZ], &all, SOON);
    ask(&rig, "conference", &json!({}));
    caller.media.expect_exactly(&[ALICE_HZ, AGENT_HZ, EVE_HZ], &all, SOON);
    alice.media.expect_exactly(&[CALLER_HZ, AGENT_HZ, EVE_HZ], &all, SOON);
    caller.media.listen(WHILE);
    eve.hear_all(&[CALLER_HZ, ALICE_HZ, AGENT_HZ]);
    eve.tell("hangup");
    eve.expect("ended UasBye");
    caller.media.expect_exactly(&[ALICE_HZ, AGENT_HZ], &all, SOON);
    alice.media.expect_exactly(&[CALLER_HZ, AGENT_HZ], &all, SOON);
    caller.media.listen(WHILE);
    // Alice goes back to the caller, without Bob.
    ask(&rig, "resume", &json!({}));
    caller.media.expect_exactly(&[ALICE_HZ], &all, SOON);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    caller.media.assert_one_stream();
    alice.media.assert_one_stream();
    expect_heard(&rig, &bob, &[CALLER_HZ, ALICE_HZ, EVE_HZ]);
    expect_heard(&rig, &bob, &[CALLER_HZ, ALICE_HZ]);
    let record = rig.record();
    let whom: Vec<_> = items(&record["legs"]).iter().map(|leg| leg["agent"].clone()).collect();
    assert_eq!(json!(whom), json!(["alice", "bob", "eve"]), "{record:#}");
    items(&record["legs"]).iter().for_each(assert_times);
}

#[test]
fn an_agent_consults_rsipstack_meets_all_and_leaves() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(&format!("{ALICE}{BOB}")).start();
    let mut bob = Softphone::agent(&binary, &rig, "bob", &["udp", "as-it-is"]);
    let (mut caller, mut alice, mut a_leg) = talk_to_alice(&rig, AGENT_HZ);
    ask(&rig, "consult", &json!({ "agent": "bob" }));
    bob.answer();
    bob.say_and_hear(CONSULTED_HZ, AGENT_HZ);
    meet(&rig, &caller, &alice, [AGENT_HZ, CONSULTED_HZ]);
    // One after the other: it knows a tone that is alone.
    alice.media.say(None);
    bob.hear(CALLER_HZ);
    alice.media.say(Some(AGENT_HZ));
    caller.media.say(None);
    bob.hear(AGENT_HZ);
    caller.media.say(Some(CALLER_HZ));
    leave(&rig, &caller, &mut alice, [AGENT_HZ, CONSULTED_HZ]);
    bob.hear(CALLER_HZ);
    caller.bye(&mut a_leg);
    bob.expect("ended UacBye");
    rig.expect_agent("bob", "after_call_work");
    caller.media.assert_one_stream();
    let record = rig.record();
    let [alice, bob] = handed_over(&record);
    assert_eq!((&alice["sent_to_agent"], &bob["agent"]), (&json!("bob"), &json!("bob")));
    assert_eq!(ms(&bob["handed_over_at"]), ms(&alice["ended_at"]), "{record:#}");
}
