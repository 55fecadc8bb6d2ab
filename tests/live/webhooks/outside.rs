//! Agents at outside numbers: whisper, accept key, and times told by the provider.

use std::time::Duration;

use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::words::Cause;
use serde_json::json;

use crate::platform::ProviderEvent;
use crate::webhooks::calls::{assert_handled, bring, ms, reach_queue, talk, wrap_up};
use crate::webhooks::carrier::{Delivery, Leg};
use crate::webhooks::kind::Kind;
use crate::webhooks::sign::wall_clock;
use crate::webhooks::{DAVE, Site, at_each_provider, dave_and_alice, flow};

at_each_provider! {
    an_agent_outside_hears_the_whisper_and_takes_the_call,
    whatever_is_delivered_twice_counts_once,
    every_answer_may_be_lost_once,
    news_that_comes_late_and_out_of_order_changes_nothing,
    the_ends_of_both_legs_come_in_any_order,
    a_callee_who_does_not_press_the_key_does_not_get_the_call,
    a_number_that_is_busy_passes_the_call_on,
}

const TALK: Duration = Duration::from_secs(1);

pub(super) fn site_with(kind: Kind, people: &str) -> Site {
    Site::with(kind, true, people, &flow())
}

/// The caller waits, and Dave is dialed.
#[track_caller]
pub(super) fn dave_rings(leg: &mut Leg) -> Leg {
    let dialing = leg.until_dial();
    assert_eq!(dialing.to, Callee::Number("+14155550199".to_owned()));
    leg.party()
}

/// Greeting, wrong key, right key, whisper, accept key, talk, and the agent hangs up.
#[track_caller]
fn story(kind: Kind, sid: &str, delivery: Delivery) {
    let site = site_with(kind, DAVE);
    site.rig.expect_agent("dave", "ready");
    let mut leg = site.carrier.leg(sid);
    leg.delivery = delivery;
    leg.arrive();
    reach_queue(&mut leg);
    let mut dave = dave_rings(&mut leg);
    dave.answer();
    dave.hear("A call for you.");
    // Answered, but not taken: no talk yet.
    site.rig.expect_agent("dave", "reserved");
    dave.press("1");
    leg.talk_to(&mut dave);
    site.rig.expect_agent("dave", "talking");
    dave.leave(TALK);
    leg.back(None, TALK);
    leg.until_hangup();
    wrap_up(&site.rig, "dave");
    let record = assert_handled(&site.rig, kind.name(), "agent");
    assert_eq!(record["legs"].as_array().map(Vec::len), Some(1), "{record:#}");
    site.rig.expect_no_calls();
}

fn an_agent_outside_hears_the_whisper_and_takes_the_call(kind: Kind) {
    story(kind, "CA11", Delivery::Once);
}

fn whatever_is_delivered_twice_counts_once(kind: Kind) {
    story(kind, "CA12", Delivery::Twice);
}

fn every_answer_may_be_lost_once(kind: Kind) {
    story(kind, "CA13", Delivery::AnswerLost);
}

fn news_that_comes_late_and_out_of_order_changes_nothing(kind: Kind) {
    let site = site_with(kind, DAVE);
    site.rig.expect_agent("dave", "ready");
    let mut leg = site.carrier.call("CA14");
    leg.held = Some(Vec::new());
    reach_queue(&mut leg);
    let mut dave = dave_rings(&mut leg);
    dave.answer();
    dave.hear("A call for you.");
    dave.press("1");
    leg.talk_to(&mut dave);
    dave.leave(TALK);
    leg.back(None, TALK);
    leg.until_hangup();
    wrap_up(&site.rig, "dave");
    let before = assert_handled(&site.rig, kind.name(), "agent");
    // Now everything that was kept back: the last first, and each of it twice.
    let held = [leg.held.take(), dave.held.take()].into_iter().flatten().flatten();
    let held: Vec<_> = held.collect();
    assert!(!held.is_empty());
    for event in held.iter().rev().chain(&held) {
        assert!(matches!(event.send(site.carrier.door).status, 200 | 204), "{event:?}");
    }
    site.rig.expect_agent("dave", "ready");
    assert_eq!(assert_handled(&site.rig, kind.name(), "agent"), before);
    site.rig.expect_no_calls();
}

/// The caller hangs up, which ends the agent's leg in the same moment.
fn the_ends_of_both_legs_come_in_any_order(kind: Kind) {
    for is_callers_first in [true, false] {
        let site = site_with(kind, DAVE);
        site.rig.expect_agent("dave", "ready");
        let mut leg = site.carrier.call("CA18");
        reach_queue(&mut leg);
        let mut dave = dave_rings(&mut leg);
        dave.answer();
        dave.press("1");
        leg.talk_to(&mut dave);
        site.rig.expect_agent("dave", "talking");
        (leg.held, dave.held) = (Some(Vec::new()), Some(Vec::new()));
        leg.hang_up();
        dave.leave(TALK);
        let mut ends: Vec<_> = [leg.held, dave.held].into_iter().flatten().flatten().collect();
        if !is_callers_first {
            ends.reverse();
        }
        for event in ends.iter().chain(&ends) {
            assert!(matches!(event.send(site.carrier.door).status, 200 | 204), "{event:?}");
        }
        wrap_up(&site.rig, "dave");
        // The leg whose end is reported first has ended it; jambonz reports the caller's only.
        let is_callers = is_callers_first || kind == Kind::Jambonz;
        let ended_by = if is_callers { "caller" } else { "agent" };
        assert_handled(&site.rig, kind.name(), ended_by);
        site.rig.expect_no_calls();
    }
}

#[test]
fn an_end_before_the_answer_is_a_talk_of_no_length() {
    let site = site_with(Kind::Twilio, DAVE);
    let mut leg = site.carrier.call("CA15");
    reach_queue(&mut leg);
    let dialing = leg.until_dial();
    let mut dave = leg.party();
    dave.answer();
    dave.press("1");
    leg.talk_to(&mut dave);
    let talking = site.rig.expect_agent("dave", "talking");
    // The provider's clock says that it ended before it was answered, which cannot be.
    let told = dialing.told.expect("reports are wanted");
    let event = ProviderEvent::PartyEnded(Cause::NORMAL_CLEARING, Duration::ZERO);
    let early = Timestamp::from_millis(wall_clock().as_millis() - 10_000);
    let answer = dave.prepare_at(&told, &event, early).send(site.carrier.door);
    assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    leg.hang_up();
    wrap_up(&site.rig, "dave");
    let record = site.rig.record_when(|record| !record["resolved"].is_null());
    let taken = &record["legs"][0];
    assert_eq!(ms(&taken["talk_ms"]), ms(&taken["ended_at"]) - ms(&taken["answered_at"]));
    assert!(ms(&taken["ended_at"]) >= ms(&taken["answered_at"]), "{record:#} {talking}");
    assert_eq!(record["outcome"], "handled", "{record:#}");
}

fn a_callee_who_does_not_press_the_key_does_not_get_the_call(kind: Kind) {
    let site = site_with(kind, DAVE);
    let mut leg = site.carrier.call("CA16");
    reach_queue(&mut leg);
    // A voicemail: it answers, listens, and presses nothing.
    let mut machine = dave_rings(&mut leg);
    machine.answer();
    machine.hear("A call for you.");
    if kind != Kind::Plivo {
        machine.hear("A call for you.");
    }
    let cause = match kind {
        // Its documents have no word for it.
        Kind::Vonage => {
            machine.go_on(1);
            kind.ended(&site.rest, machine.sid());
            machine.fail(Cause::NORMAL_CLEARING);
            Cause::NORMAL_CLEARING
        }
        _ => machine.until_hangup(),
    };
    leg.back(Some(cause), Duration::ZERO);
    site.rig.expect_agent("dave", "not_ready");
    // Dave is there, and will not be asked again: the caller waits, until it is enough.
    leg.hear("music/");
    leg.hang_up();
    let record = site.rig.record();
    assert_eq!(record["legs"][0]["outcome"], "no_answer", "{record:#}");
    assert_eq!(record["legs"][0]["talk_ms"].as_u64().unwrap_or(0), 0, "{record:#}");
    assert_eq!(record["outcome"], "abandoned", "{record:#}");
}

fn a_number_that_is_busy_passes_the_call_on(kind: Kind) {
    let site = site_with(kind, &dave_and_alice());
    let mut alice = site.rig.agent("alice");
    let mut leg = site.carrier.call("CA17");
    reach_queue(&mut leg);
    let mut dave = dave_rings(&mut leg);
    dave.fail(Cause::USER_BUSY);
    leg.back(Some(Cause::USER_BUSY), Duration::ZERO);
    let invite = alice.ring();
    leg.hear("music/");
    alice.answer(&invite);
    leg.come(&site.moved("CA17"));
    let (mut trunk, mut sound) = bring(&site.rig, &leg.until_dial().to);
    talk(&trunk, &alice);
    trunk.bye(&mut sound);
    alice.expect_bye();
    wrap_up(&site.rig, "alice");
    let record = site.rig.record_when(|record| !record["resolved"].is_null());
    let legs = record["legs"].as_array().expect("legs");
    let outcomes: Vec<_> = legs.iter().map(|leg| leg["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("busy"), json!("accepted")], "{record:#}");
}
