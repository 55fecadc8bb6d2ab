//! What the network and the provider do to requests: twice, out of order, old ones again, answers
//! that never arrive, and a server that is killed between two of them.

use serde_json::{Value, json};

use crate::flows::{ALICE, PASSWORD};
use crate::phone::Phone;
use crate::platform::{Dialing, ProviderEvent};
use crate::rig::items;
use crate::webhooks::calls::{assert_handled, bring, reach_queue, talk, wrap_up};
use crate::webhooks::carrier::{Delivery, Leg};
use crate::webhooks::kind::Kind;
use crate::webhooks::{Site, at_each_provider, flow};

at_each_provider! {
    a_second_delivery_is_answered_alike_and_changes_nothing,
    an_old_request_is_no_step_and_no_new_call,
    an_answer_that_is_lost_is_given_again,
    the_move_and_the_waiting_round_at_once_bring_the_caller_once,
    a_provider_that_takes_no_command_is_met_by_the_next_round,
    a_call_that_the_provider_knows_no_more_is_over,
    a_server_that_is_killed_finds_its_calls_where_they_were,
    a_caller_who_waits_while_the_server_is_killed_waits_on,
}

pub(super) fn calls(site: &Site) -> Vec<Value> {
    let (_, calls) = site.rig.get("/v1/calls").expect("the server listens");
    items(&calls).to_vec()
}

fn steps(site: &Site) -> Vec<Value> {
    let mut calls = calls(site);
    assert_eq!(calls.len(), 1, "{calls:#?}");
    calls.remove(0)["path"].as_array().cloned().unwrap_or_default()
}

/// A caller who waits, and Alice, who has just answered.
#[track_caller]
fn alice_answers(site: &Site, sid: &str) -> (Leg, Phone) {
    let mut alice = site.rig.agent("alice");
    let mut leg = site.carrier.call(sid);
    reach_queue(&mut leg);
    let invite = alice.ring();
    alice.answer(&invite);
    (leg, alice)
}

/// Caller and agent hear each other, the caller hangs up, and the record has one talk.
#[track_caller]
fn talk_and_end(site: &Site, leg: &mut Leg, dialing: &Dialing, alice: &mut Phone) {
    let (mut trunk, mut sound) = bring(&site.rig, &dialing.to);
    talk(&trunk, alice);
    trunk.bye(&mut sound);
    alice.expect_bye();
    leg.hang_up();
    wrap_up(&site.rig, "alice");
    let record = assert_handled(&site.rig, site.carrier.kind.name(), "caller");
    assert_eq!(record["legs"].as_array().map(Vec::len), Some(1), "{record:#}");
    assert_eq!(record["queued"].as_array().map(Vec::len), Some(1), "{record:#}");
}

fn a_second_delivery_is_answered_alike_and_changes_nothing(kind: Kind) {
    let site = Site::new(kind);
    let mut leg = site.carrier.call("CA21");
    leg.hear("menu.wav");
    let press = leg.press_unsent("9");
    let first = press.send(site.carrier.door);
    let path = steps(&site);
    for _ in 0..3 {
        assert_eq!(press.send(site.carrier.door), first);
    }
    // And at once, from four connections.
    let door = site.carrier.door;
    let together: Vec<_> = (0..4)
        .map(|_| {
            let press = press.clone();
            std::thread::spawn(move || press.send(door))
        })
        .collect();
    for answer in together {
        assert_eq!(answer.join().expect("no panics"), first);
    }
    assert_eq!(steps(&site), path, "pressed once");
    leg.take(&first);
    leg.hear("wrong.wav");
    leg.hang_up();
    site.rig.expect_no_calls();
    assert_eq!(site.rig.records(1).len(), 1);
}

fn an_old_request_is_no_step_and_no_new_call(kind: Kind) {
    let site = Site::new(kind);
    let mut leg = site.carrier.call("CA22");
    let voice = leg.last.clone().expect("asked");
    leg.hear("menu.wav");
    leg.press("9");
    let press = leg.last.clone().expect("asked");
    let url = format!("{}{}", crate::webhooks::carrier::PUBLIC_URL, press.path);
    let other = leg.prepare(&url, &ProviderEvent::Keys("1".to_owned(), None));
    leg.hear("wrong.wav");
    // The key once more, another one for the step that is over, and the first request of all.
    for old in [&press, &other, &voice] {
        assert!(matches!(old.send(site.carrier.door).status, 200 | 204));
    }
    assert_eq!(calls(&site).len(), 1);
    leg.hear("menu.wav");
    leg.hang_up();
    site.rig.expect_no_calls();
    let record = site.rig.record();
    assert_eq!(record["path"].as_array().map(Vec::len), Some(2), "{record:#}");
    // After the end, all of it once more: a captured request has no time in it at most of them.
    for old in [&voice, &press, &other] {
        assert!(matches!(old.send(site.carrier.door).status, 200 | 204));
    }
    assert_eq!(calls(&site).len(), 0);
    assert_eq!(site.rig.records(1), [record]);
}

fn an_answer_that_is_lost_is_given_again(kind: Kind) {
    let site = Site::new(kind);
    let mut alice = site.rig.agent("alice");
    let mut leg = site.carrier.leg("CA23");
    leg.delivery = Delivery::AnswerLost;
    leg.arrive();
    reach_queue(&mut leg);
    let invite = alice.ring();
    leg.hear("music/");
    alice.answer(&invite);
    // The answer to the move is lost, too: the caller is brought once.
    leg.come(&site.moved("CA23"));
    let dialing = leg.until_dial();
    talk_and_end(&site, &mut leg, &dialing, &mut alice);
}

fn the_move_and_the_waiting_round_at_once_bring_the_caller_once(kind: Kind) {
    let site = Site::new(kind);
    let (mut leg, mut alice) = alice_answers(&site, "CA24");
    let url = site.moved("CA24");
    // The round ends in the same moment, and comes first.
    let dialing = leg.until_dial();
    leg.come(&url);
    assert_eq!(leg.until_dial(), dialing);
    talk_and_end(&site, &mut leg, &dialing, &mut alice);
}

fn a_provider_that_takes_no_command_is_met_by_the_next_round(kind: Kind) {
    let site = Site::new(kind);
    site.rest.answer_with(401);
    let (mut leg, mut alice) = alice_answers(&site, "CA25");
    site.moved("CA25");
    let dialing = leg.until_dial();
    talk_and_end(&site, &mut leg, &dialing, &mut alice);
}

fn a_call_that_the_provider_knows_no_more_is_over(kind: Kind) {
    let site = Site::new(kind);
    site.rest.answer_with(404);
    let (_, mut alice) = alice_answers(&site, "CA26");
    site.moved("CA26");
    alice.expect_bye();
    site.rig.expect_no_calls();
    assert_eq!(site.rig.record()["ended_by"], "caller");
}

fn a_server_that_is_killed_finds_its_calls_where_they_were(kind: Kind) {
    let mut site = Site::new(kind);
    let mut alice = site.rig.agent("alice");
    let mut leg = site.carrier.call("CA27");
    leg.hear("menu.wav");
    site.rig.expect_kept("CA27");
    site.rig.kill();
    site.rig.start();
    assert_eq!(alice.register(PASSWORD), 200);
    site.rig.expect_agent("alice", "ready");
    // Before: in the menu. A wrong key there, and then the right one, as if nothing had been.
    leg.press("9");
    leg.hear("wrong.wav");
    leg.hear("menu.wav");
    leg.press("1");
    let invite = alice.ring();
    leg.hear("music/");
    alice.answer(&invite);
    leg.come(&site.moved("CA27"));
    let dialing = leg.until_dial();
    talk_and_end(&site, &mut leg, &dialing, &mut alice);
}

fn a_caller_who_waits_while_the_server_is_killed_waits_on(kind: Kind) {
    let mut site = Site::with(kind, false, ALICE, &flow());
    let mut alice = site.rig.agent("alice");
    site.rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "lunch" }));
    site.rig.expect_agent("alice", "not_ready");
    let mut leg = site.carrier.call("CA28");
    reach_queue(&mut leg);
    leg.hear("music/");
    site.rig.expect_kept("\"waits\":true");
    site.rig.kill();
    site.rig.start();
    leg.go_on(1);
    leg.hear("music/");
    assert_eq!(calls(&site).len(), 1);
    assert_eq!(alice.register(PASSWORD), 200);
    site.rig.post("/v1/agents/alice/ready", &json!({}));
    let invite = alice.ring();
    alice.answer(&invite);
    let dialing = leg.until_dial();
    talk_and_end(&site, &mut leg, &dialing, &mut alice);
}
