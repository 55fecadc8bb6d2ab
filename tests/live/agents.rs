//! What agents' phones do wrong, and what the queue makes of it (failure catalogue Q1 to Q5).

use serde_json::{Value, json};

use crate::calls::{connect, reach_queue};
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, ALICE_AND_BOB, CALLER_HZ, CLOSED_HZ, PASSWORD, TONES};
use crate::phone::Phone;
use crate::rig::{Plan, Rig};

/// Alice is asked first and does not take the call; Bob does. Returns the record.
fn bob_instead(refuse: impl FnOnce(&Rig, &mut Phone)) -> (Rig, Value) {
    let rig = Plan::new(ALICE_AND_BOB).start();
    let (mut caller, mut alice, mut bob) = (rig.caller(), rig.agent("alice"), rig.agent("bob"));
    let mut dialog = reach_queue(&mut caller);
    refuse(&rig, &mut alice);
    let invite = bob.ring();
    bob.answer(&invite);
    caller.media.say(Some(CALLER_HZ));
    bob.media.say(Some(AGENT_HZ));
    bob.media.expect_tone(CALLER_HZ, SOON);
    caller.media.expect_tone(AGENT_HZ, SOON);
    caller.bye(&mut dialog);
    bob.expect_bye();
    let record = rig.record();
    assert_eq!(record["outcome"], "handled", "{record:#}");
    assert_eq!(
        record["queued"].as_array().map(Vec::len),
        Some(1),
        "the place was lost: {record:#}"
    );
    (rig, record)
}

fn outcomes(record: &Value) -> Vec<&str> {
    let legs = record["legs"].as_array().expect("legs");
    legs.iter().filter_map(|leg| leg["outcome"].as_str()).collect()
}

#[test]
fn a_busy_phone_passes_the_call_on() {
    let (rig, record) = bob_instead(|_, alice| {
        let invite = alice.expect_request("INVITE");
        alice.reply(&invite, "486 Busy Here");
        alice.expect_request("ACK");
    });
    assert_eq!(outcomes(&record), ["busy", "accepted"]);
    rig.expect_agent("alice", "ready");
}

#[test]
fn a_declined_call_goes_to_the_next() {
    let (rig, record) = bob_instead(|_, alice| {
        let invite = alice.ring();
        alice.reply(&invite, "603 Decline");
        alice.expect_request("ACK");
    });
    assert_eq!(outcomes(&record), ["rejected", "accepted"]);
    rig.expect_agent("alice", "ready");
}

#[test]
fn a_phone_that_rings_out_sets_its_agent_not_ready() {
    let (rig, record) = bob_instead(|_, alice| {
        let invite = alice.ring();
        let cancel = alice.expect_request("CANCEL");
        alice.reply(&cancel, "200 OK");
        alice.reply(&invite, "487 Request Terminated");
        alice.expect_request("ACK");
    });
    assert_eq!(outcomes(&record), ["no_answer", "accepted"]);
    let alice = rig.expect_agent("alice", "not_ready");
    assert!(alice.to_string().contains("no_answer"), "{alice}");
}

#[test]
fn a_redirect_is_not_followed() {
    let (_, record) = bob_instead(|_, alice| {
        let invite = alice.expect_request("INVITE");
        alice.reply(&invite, "302 Moved Temporarily");
        alice.expect_request("ACK");
    });
    assert_eq!(outcomes(&record).len(), 2, "{record:#}");
}

#[test]
fn an_unregistered_phone_is_not_rung() {
    let rig = Plan::new(ALICE_AND_BOB).start();
    let (mut caller, mut alice, mut bob) = (rig.caller(), rig.agent("alice"), rig.agent("bob"));
    assert_eq!(alice.register_for(PASSWORD, 0), 200);
    let (mut dialog, _) = connect(&mut caller, &mut bob);
    caller.bye(&mut dialog);
    bob.expect_bye();
    assert_eq!(outcomes(&rig.record()), ["accepted"]);
}

#[test]
fn with_nobody_there_the_flow_goes_on() {
    let rig = Plan::new(&ALICE.replace("auto_login = true\nauto_ready = true\n", "")).start();
    let mut caller = rig.caller();
    reach_queue(&mut caller);
    caller.media.expect_tone(CLOSED_HZ, SOON);
    caller.expect_bye();
    let record = rig.record();
    assert_eq!(record["outcome"], "overflowed", "{record:#}");
    assert_eq!(record["queued"][0]["left"], "no_agents");
}

#[test]
fn a_caller_who_leaves_while_the_phone_rings_frees_the_agent() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let mut dialog = reach_queue(&mut caller);
    let invite = alice.ring();
    caller.bye(&mut dialog);
    let cancel = alice.expect_request("CANCEL");
    alice.reply(&cancel, "200 OK");
    alice.reply(&invite, "487 Request Terminated");
    alice.expect_request("ACK");
    rig.expect_agent("alice", "ready");
    let record = rig.record();
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("abandoned"), &json!("caller")));
    assert_eq!(record["queued"][0]["left"], "abandoned");
    assert_eq!(outcomes(&record), ["withdrawn"]);
}

#[test]
fn a_second_caller_waits_with_music_until_the_agent_is_free() {
    let rig = Plan::new(&ALICE.replace("until_done", "off")).start();
    let (mut first, mut second, mut alice) = (rig.caller(), rig.caller(), rig.agent("alice"));
    let (mut first_leg, _) = connect(&mut first, &mut alice);
    let mut second_leg = reach_queue(&mut second);
    second.media.expect_sound_but(TONES, SOON);
    let (_, queues) = rig.get("/v1/queues").expect("the server listens");
    assert_eq!(crate::rig::items(&queues)[0]["waiting"], 1, "{queues:#}");
    first.bye(&mut first_leg);
    alice.expect_bye();
    let invite = alice.ring();
    alice.answer(&invite);
    second.media.say(Some(CALLER_HZ));
    alice.media.expect_tone(CALLER_HZ, SOON);
    second.bye(&mut second_leg);
    alice.expect_bye();
    assert_eq!(rig.records(2).len(), 2);
}

#[test]
fn an_agent_takes_a_break_and_comes_back() {
    let rig = Plan::new(ALICE).start();
    let mut alice = rig.agent("alice");
    let (status, answer) = rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "lunch" }));
    assert!(status < 300, "{status} {answer}");
    assert_eq!(rig.expect_agent("alice", "not_ready")["reason"], "lunch");
    let mut caller = rig.caller();
    let mut dialog = reach_queue(&mut caller);
    caller.media.expect_sound_but(TONES, SOON);
    let (status, answer) = rig.post("/v1/agents/alice/ready", &json!({}));
    assert!(status < 300, "{status} {answer}");
    let invite = alice.ring();
    alice.answer(&invite);
    caller.bye(&mut dialog);
    alice.expect_bye();
}

#[test]
fn feature_codes_work_from_the_agents_phone() {
    let rig = Plan::new(ALICE).start();
    let mut alice = rig.agent("alice");
    for (code, state) in [("*43", "not_ready"), ("*42", "ready"), ("*41", "logged_out")] {
        alice.call_with_password(code, PASSWORD);
        alice.expect_bye();
        rig.expect_agent("alice", state);
    }
}
