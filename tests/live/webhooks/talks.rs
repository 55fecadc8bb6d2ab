//! A provider's caller, whose agent at a telephone of ours consults a party by a trunk of ours, or
//! is supervised; and one whose call no supervisor can join.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ, TONES};
use crate::phone::Phone;
use crate::rig::Rig;
use crate::supervise::{EVE, EVE_HZ, supervised};
use crate::talks::{CONSULTED, CONSULTED_HZ, ask, assert_times, consulted, live};
use crate::webhooks::calls::{bring, reach_queue, talk, wrap_up};
use crate::webhooks::commanded::Site as Commanded;
use crate::webhooks::control::{CALL, Manner};
use crate::webhooks::kind::Kind;
use crate::webhooks::{DAVE, Site, at_each_provider, flow};

const ALL: &[f64] = &[CALLER_HZ, AGENT_HZ, EVE_HZ];

at_each_provider! {
    a_providers_caller_is_supervised_while_an_agent_of_ours_has_their_sound,
    a_supervisor_takes_a_providers_caller_over,
}

/// Alice has the caller on hold and talks to the consulted party; then the one or the other leaves.
#[test]
fn the_callers_sound_stays_with_us_while_anybody_is_there() {
    let (mut consulted, trunk) = consulted();
    let site = Site::with(Kind::Twilio, true, &format!("{ALICE}{trunk}"), &flow());
    let rig = &site.rig;
    consulted.turn_to(rig.sip);
    let mut alice = rig.agent("alice");
    let mut leg = site.carrier.call("CA21");
    reach_queue(&mut leg);
    let invite = alice.ring();
    leg.hear("music/");
    alice.answer(&invite);
    leg.come(&site.moved("CA21"));
    let (mut caller, mut sound) = bring(rig, &leg.until_dial().to);
    rig.expect_agent("alice", "talking");
    talk(&caller, &alice);

    ask(rig, "hold", &json!({}));
    caller.media.expect_sound_but(TONES, SOON);
    ask(rig, "resume", &json!({}));
    talk(&caller, &alice);

    // A consulted party who leaves takes no leg along.
    let consult = json!({ "number": CONSULTED, "trunk": "away" });
    ask(rig, "consult", &consult);
    let invite = consulted.ring();
    let mut c_leg = consulted.answer(&invite);
    caller.media.expect_sound_but(TONES, SOON);
    consulted.bye(&mut c_leg);
    talk(&caller, &alice);

    // Nor does an agent.
    ask(rig, "consult", &consult);
    let invite = consulted.ring();
    consulted.answer(&invite);
    ask(rig, "complete", &json!({}));
    alice.expect_bye();
    consulted.media.say(Some(CONSULTED_HZ));
    caller.media.expect_tone(CONSULTED_HZ, SOON);
    consulted.media.expect_tone(CALLER_HZ, SOON);
    caller.bye(&mut sound);
    consulted.expect_bye();
    leg.hang_up();
    wrap_up(rig, "alice");
    let record = rig.record_when(|record| !record["resolved"].is_null());
    let legs = record["legs"].as_array().expect("legs");
    assert_eq!(legs.len(), 3, "{record:#}");
    legs.iter().for_each(assert_times);
    rig.expect_no_calls();
}

/// No supervisor can join: the sound is at the provider. No telephone rings for it.
#[track_caller]
fn expect_no_hearing(rig: &Rig, eve: &mut Phone) {
    let (status, why) = supervise(rig, &json!({ "agent": "eve" }));
    assert_eq!((status, &why["error"]), (409, &json!("refused")), "{why}");
    let message = why["message"].as_str().expect("a sentence");
    assert!(message.contains("a telephony provider carries this call"), "{message}");
    eve.expect_none(Duration::ZERO, |message| message.is_request("INVITE"));
}

/// Eve joins the one call, whose caller talks to Alice, and goes through the modes.
#[track_caller]
fn each_mode_is_heard(rig: &Rig, caller: &Phone, alice: &Phone, eve: &mut Phone) {
    // A telephone that the provider would ring cannot have the sound that is here.
    let (status, why) = supervise(rig, &json!({ "number": CONSULTED }));
    assert_eq!(status, 409, "{why}");
    let message = why["message"].as_str().expect("a sentence");
    assert!(message.contains("`trunk` must be one of ours"), "{message}");
    let (status, view) = supervise(rig, &json!({ "agent": "eve" }));
    assert_eq!(status, 200, "{view:#}");
    let invite = eve.ring();
    eve.answer(&invite);
    eve.media.say(Some(EVE_HZ));
    let expect = |of_caller: &[f64], of_alice: &[f64]| {
        caller.media.expect_exactly(of_caller, ALL, SOON);
        alice.media.expect_exactly(of_alice, ALL, SOON);
        eve.media.expect_exactly(&[CALLER_HZ, AGENT_HZ], ALL, SOON);
    };
    expect(&[AGENT_HZ], &[CALLER_HZ]);
    for (mode, of_caller, of_alice) in [
        ("whisper", &[AGENT_HZ][..], &[CALLER_HZ, EVE_HZ][..]),
        ("barge", &[AGENT_HZ, EVE_HZ], &[CALLER_HZ, EVE_HZ]),
        ("listen", &[AGENT_HZ], &[CALLER_HZ]),
    ] {
        change_mode(rig, mode);
        expect(of_caller, of_alice);
    }
}

#[track_caller]
fn change_mode(rig: &Rig, mode: &str) {
    let path = format!("/v1/calls/{}/supervise", live(rig)["id"]);
    let (status, view) = rig.post(&path, &json!({ "mode": mode }));
    assert_eq!(status, 200, "{view:#}");
}

/// Alice is hung up, and the caller, whose sound stays here, talks to Eve.
#[track_caller]
fn eve_takes_over(rig: &Rig, caller: &Phone, alice: &mut Phone, eve: &Phone) {
    change_mode(rig, "take_over");
    alice.expect_bye();
    caller.media.expect_exactly(&[EVE_HZ], ALL, SOON);
    eve.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
}

/// The record of a call that Eve took over from Alice.
#[track_caller]
fn assert_taken_over(rig: &Rig, ended_by: &str) {
    rig.expect_agent("eve", "ready");
    wrap_up(rig, "alice");
    let record = rig.record_when(|record| record["resolved"] == true);
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!(ended_by)));
    let leg = supervised(&record, &["listen", "whisper", "barge", "listen", "take_over"]);
    assert_eq!((&leg["agent"], &leg["outcome"]), (&json!("eve"), &json!("accepted")));
    rig.expect_no_calls();
}

fn a_providers_caller_is_supervised_while_an_agent_of_ours_has_their_sound(kind: Kind) {
    let site = Site::with(kind, true, &format!("{ALICE}{EVE}"), &flow());
    let rig = &site.rig;
    let (mut alice, mut eve) = (rig.agent("alice"), rig.agent("eve"));
    let mut leg = site.carrier.call("CA23");
    reach_queue(&mut leg);
    let invite = alice.ring();
    leg.hear("music/");
    expect_no_hearing(rig, &mut eve);
    let mut talks = alice.answer(&invite);
    leg.come(&site.moved("CA23"));
    let (mut caller, _) = bring(rig, &leg.until_dial().to);
    rig.expect_agent("alice", "talking");
    talk(&caller, &alice);
    each_mode_is_heard(rig, &caller, &alice, &mut eve);

    // With the talk it ends: the caller is the provider's again.
    alice.bye(&mut talks);
    eve.expect_bye();
    caller.expect_bye();
    leg.back(None, Duration::from_secs(1));
    leg.until_hangup();
    rig.expect_agent("eve", "ready");
    wrap_up(rig, "alice");
    let record = rig.record_when(|record| !record["resolved"].is_null());
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("agent")));
    rig.expect_no_calls();
}

fn a_supervisor_takes_a_providers_caller_over(kind: Kind) {
    let site = Site::with(kind, true, &format!("{ALICE}{EVE}"), &flow());
    let rig = &site.rig;
    let (mut alice, mut eve) = (rig.agent("alice"), rig.agent("eve"));
    let mut leg = site.carrier.call("CA24");
    reach_queue(&mut leg);
    let invite = alice.ring();
    leg.hear("music/");
    alice.answer(&invite);
    leg.come(&site.moved("CA24"));
    let (mut caller, mut sound) = bring(rig, &leg.until_dial().to);
    talk(&caller, &alice);
    each_mode_is_heard(rig, &caller, &alice, &mut eve);
    eve_takes_over(rig, &caller, &mut alice, &eve);
    caller.media.assert_one_stream();
    eve.media.assert_one_stream();
    caller.bye(&mut sound);
    eve.expect_bye();
    leg.hang_up();
    assert_taken_over(rig, "caller");
}

#[test]
fn at_a_commanded_provider_it_is_the_same() {
    for manner in Manner::ALL {
        let site = Commanded::new(&format!("{ALICE}{EVE}"), manner);
        let rig = &site.rig;
        let (mut alice, mut eve) = (rig.agent("alice"), rig.agent("eve"));
        site.reach_queue();
        let invite = alice.ring();
        site.control.hear(CALL, "music/");
        expect_no_hearing(rig, &mut eve);
        alice.answer(&invite);
        let (party, dial) = site.sip_address();
        let (mut caller, mut sound) = bring(rig, &dial);
        site.control.answer(&party);
        site.control.expect_bridged(CALL);
        talk(&caller, &alice);
        each_mode_is_heard(rig, &caller, &alice, &mut eve);
        eve_takes_over(rig, &caller, &mut alice, &eve);
        site.control.hang_up(CALL);
        caller.bye(&mut sound);
        eve.expect_bye();
        assert_taken_over(rig, "caller");
    }
}

/// Dave's number is the provider's, and the sound of both stays there.
#[test]
fn a_call_whose_agent_is_at_the_provider_cannot_be_supervised() {
    let site = Commanded::new(&format!("{DAVE}{EVE}"), Manner::Once);
    let mut eve = site.rig.agent("eve");
    site.rig.expect_agent("dave", "ready");
    site.reach_queue();
    site.dave_takes_it();
    expect_no_hearing(&site.rig, &mut eve);
    site.control.hang_up(CALL);
    wrap_up(&site.rig, "dave");
    site.rig.expect_no_calls();
}

/// A supervisor listens to the one call from this telephone.
fn supervise(rig: &Rig, from: &Value) -> (u16, Value) {
    let path = format!("/v1/calls/{}/supervise", live(rig)["id"]);
    rig.post(&path, &json!({ "mode": "listen", "from": from }))
}

#[test]
fn a_providers_call_whose_sound_is_there_cannot_be_supervised() {
    let site = Site::with(Kind::Twilio, true, &format!("{ALICE}{EVE}"), &flow());
    let mut eve = site.rig.agent("eve");
    let mut leg = site.carrier.call("CA22");
    reach_queue(&mut leg);
    expect_no_hearing(&site.rig, &mut eve);
    leg.hang_up();
    site.rig.expect_no_calls();
}
