//! What the network and the provider do to requests: twice, out of order, old ones again, answers
//! that never arrive, and a server that is killed between two of them.

use serde_json::{Value, json};

use crate::flows::{ALICE, PASSWORD};
use crate::rig::items;
use crate::webhooks::calls::{assert_handled, bring, reach_queue, talk, wrap_up};
use crate::webhooks::carrier::{Kind, News};
use crate::webhooks::{Site, flow};

fn calls(site: &Site) -> Vec<Value> {
    let (_, calls) = site.rig.get("/v1/calls").expect("the server listens");
    items(&calls).to_vec()
}

fn steps(site: &Site) -> Vec<Value> {
    let mut calls = calls(site);
    assert_eq!(calls.len(), 1, "{calls:#?}");
    calls.remove(0)["path"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_second_delivery_is_answered_alike_and_changes_nothing() {
    for kind in Kind::ALL {
        let site = Site::new(kind);
        let mut leg = site.carrier.call("CA21");
        leg.hear("menu.wav");
        let action = leg.gather();
        let press = leg.prepare(&action, &News::Keys("9"));
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
        leg.tell_state("completed", 2);
        site.rig.expect_no_calls();
        assert_eq!(site.rig.records(1).len(), 1);
    }
}

#[test]
fn an_old_request_is_no_step_and_no_new_call() {
    for kind in Kind::ALL {
        let site = Site::new(kind);
        let mut leg = site.carrier.call("CA22");
        let voice = leg.last.clone().expect("asked");
        leg.hear("menu.wav");
        let action = leg.gather();
        let press = leg.prepare(&action, &News::Keys("1"));
        leg.press("9");
        leg.hear("wrong.wav");
        // Another key for the step that is over, and the first request of all.
        press.send(site.carrier.door);
        voice.send(site.carrier.door);
        assert_eq!(calls(&site).len(), 1);
        leg.hear("menu.wav");
        leg.tell_state("completed", 2);
        site.rig.expect_no_calls();
        let record = site.rig.record();
        assert_eq!(record["path"].as_array().map(Vec::len), Some(2), "{record:#}");
        // After the end, all of it once more: a captured request has no time in it at Twilio.
        voice.send(site.carrier.door);
        press.send(site.carrier.door);
        assert_eq!(calls(&site).len(), 0);
        assert_eq!(site.rig.records(1).len(), 1);
    }
}

#[test]
fn an_answer_that_is_lost_is_given_again() {
    for kind in Kind::ALL {
        let site = Site::new(kind);
        let mut alice = site.rig.agent("alice");
        let mut leg = site.carrier.call("CA23");
        leg.hear("menu.wav");
        let action = leg.gather();
        let press = leg.prepare(&action, &News::Keys("1"));
        press.send_and_cut(site.carrier.door);
        let invite = alice.ring();
        let again = press.send(site.carrier.door);
        leg.take(&again);
        leg.hear("music/");
        alice.answer(&invite);
        // The answer to the move is lost, too: the caller is brought once.
        let url = site.moved("CA23");
        leg.prepare(&url, &News::Arrived).send_and_cut(site.carrier.door);
        let dial = {
            leg.ask(&url, &News::Arrived);
            leg.until_dial()
        };
        let (mut trunk, mut sound) = bring(&site.rig, &dial);
        talk(&trunk, &alice);
        trunk.bye(&mut sound);
        alice.expect_bye();
        wrap_up(&site.rig, "alice");
        assert_handled_after_one_key(&site, kind);
    }
}

#[track_caller]
fn assert_handled_after_one_key(site: &Site, kind: Kind) {
    let record = assert_handled(&site.rig, kind, "caller");
    assert_eq!(record["legs"].as_array().map(Vec::len), Some(1), "{record:#}");
    assert_eq!(record["queued"].as_array().map(Vec::len), Some(1), "{record:#}");
}

#[test]
fn the_move_and_the_waiting_round_at_once_bring_the_caller_once() {
    for kind in Kind::ALL {
        let site = Site::new(kind);
        let mut alice = site.rig.agent("alice");
        let mut leg = reach_queue(&site, "CA24");
        let invite = alice.ring();
        alice.answer(&invite);
        let url = site.moved("CA24");
        // The round ends in the same moment, and comes first.
        let dial = leg.until_dial();
        let late = leg.prepare(&url, &News::Arrived).send(site.carrier.door);
        leg.take(&late);
        assert_eq!(leg.until_dial(), dial);
        let (mut trunk, mut sound) = bring(&site.rig, &dial);
        talk(&trunk, &alice);
        trunk.bye(&mut sound);
        alice.expect_bye();
        wrap_up(&site.rig, "alice");
        assert_handled_after_one_key(&site, kind);
    }
}

#[test]
fn a_provider_that_takes_no_command_is_met_by_the_next_round() {
    for kind in Kind::ALL {
        let site = Site::new(kind);
        site.rest.answer_with(401);
        let mut alice = site.rig.agent("alice");
        let mut leg = reach_queue(&site, "CA25");
        let invite = alice.ring();
        alice.answer(&invite);
        site.moved("CA25");
        let (mut trunk, mut sound) = bring(&site.rig, &leg.until_dial());
        talk(&trunk, &alice);
        trunk.bye(&mut sound);
        alice.expect_bye();
        wrap_up(&site.rig, "alice");
        assert_handled_after_one_key(&site, kind);
    }
}

#[test]
fn a_call_that_the_provider_knows_no_more_is_over() {
    let site = Site::new(Kind::Twilio);
    let mut alice = site.rig.agent("alice");
    reach_queue(&site, "CA26");
    site.rest.answer_with(404);
    let invite = alice.ring();
    alice.answer(&invite);
    site.moved("CA26");
    alice.expect_bye();
    site.rig.expect_no_calls();
    assert_eq!(site.rig.record()["ended_by"], "caller");
}

#[test]
fn a_server_that_is_killed_finds_its_calls_where_they_were() {
    for kind in Kind::ALL {
        let mut site = Site::with(kind, true, ALICE, &flow());
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
        let url = site.moved("CA27");
        leg.ask(&url, &News::Arrived);
        let (mut trunk, mut sound) = bring(&site.rig, &leg.until_dial());
        talk(&trunk, &alice);
        trunk.bye(&mut sound);
        alice.expect_bye();
        wrap_up(&site.rig, "alice");
        assert_handled_after_one_key(&site, kind);
    }
}

#[test]
fn a_caller_who_waits_while_the_server_is_killed_waits_on() {
    let mut site = Site::with(Kind::Twilio, false, ALICE, &flow());
    let mut alice = site.rig.agent("alice");
    site.rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "lunch" }));
    site.rig.expect_agent("alice", "not_ready");
    let mut leg = reach_queue(&site, "CA28");
    leg.hear("music/");
    site.rig.expect_kept("\"waits\":true");
    site.rig.kill();
    site.rig.start();
    leg.go_on();
    leg.hear("music/");
    assert_eq!(calls(&site).len(), 1);
    assert_eq!(alice.register(PASSWORD), 200);
    site.rig.post("/v1/agents/alice/ready", &json!({}));
    let invite = alice.ring();
    alice.answer(&invite);
    let (mut trunk, mut sound) = bring(&site.rig, &leg.until_dial());
    talk(&trunk, &alice);
    trunk.bye(&mut sound);
    alice.expect_bye();
    wrap_up(&site.rig, "alice");
    assert_handled_after_one_key(&site, Kind::Twilio);
}
