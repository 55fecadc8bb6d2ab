//! Agents whom Telnyx dialed, commanded action by action: hold, consult, hand over, three at once.

use serde_json::{Value, json};

use crate::rig::items;
use crate::webhooks::DAVE;
use crate::webhooks::calls::{ms, wrap_up};
use crate::webhooks::commanded::Site;
use crate::webhooks::control::{CALL, Fault, Manner};

const CONSULTED: &str = "+14155550188";

/// The caller talks to Dave.
#[track_caller]
fn talking(manner: Manner) -> (Site, String) {
    let site = Site::new(DAVE, manner);
    site.rig.expect_agent("dave", "ready");
    site.reach_queue();
    let dave = site.dave_takes_it();
    (site, dave)
}

#[track_caller]
fn ask(site: &Site, what: &str, body: &Value) {
    let (status, answer) = site.rig.post(&format!("/v1/agents/dave/{what}"), body);
    assert_eq!(status, 200, "{answer}");
}

/// The consulted party is called for Dave, and takes it.
#[track_caller]
fn consults(site: &Site, dave: &str) -> String {
    ask(site, "consult", &json!({ "number": CONSULTED }));
    let (consulted, to) = site.control.rings(dave);
    assert_eq!(to, CONSULTED);
    site.control.expect_held(CALL);
    site.control.answer(&consulted);
    site.control.hear(&consulted, "A call for you.");
    site.control.press(&consulted, '1');
    site.control.expect_conference(&[dave, &consulted]);
    site.control.expect_held(CALL);
    consulted
}

/// The caller talks to the consulted party, without Dave, until `by` hangs up. The call's record.
#[track_caller]
fn consulted_takes_over(site: &Site, consulted: &str, by: &str) -> Value {
    site.control.expect_conference(&[CALL, consulted]);
    wrap_up(&site.rig, "dave");
    site.control.hang_up(by);
    site.control.expect_over(if by == CALL { consulted } else { CALL });
    let record = site.rig.record();
    assert_eq!(items(&record["legs"]).len(), 2, "{record:#}");
    assert_eq!(record["outcome"], "handled", "{record:#}");
    record
}

#[track_caller]
fn assert_times(record: &Value, leg: &Value) {
    let times = ms(&leg["talk_ms"]) + ms(&leg["hold_ms"]);
    assert_eq!(times, ms(&leg["ended_at"]) - ms(&leg["answered_at"]), "{record:#}");
}

#[test]
fn a_caller_is_held_and_comes_back_as_often_as_asked() {
    for manner in Manner::ALL {
        let (site, dave) = talking(manner);
        for _ in 0..2 {
            ask(&site, "hold", &json!({}));
            site.control.expect_held(CALL);
            site.control.expect_conference(&[&dave]);
            // Piece after piece.
            site.control.hear(CALL, "music/default/1");
            site.control.hear(CALL, "music/default/2");
            ask(&site, "resume", &json!({}));
            site.control.expect_conference(&[CALL, &dave]);
        }
        site.control.hang_up(&dave);
        site.control.expect_over(CALL);
        wrap_up(&site.rig, "dave");
        let record = site.rig.record_when(|record| !record["resolved"].is_null());
        let leg = &record["legs"][0];
        assert!(ms(&leg["hold_ms"]) > 0, "{record:#}");
        assert_times(&record, leg);
        assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("agent")));
        let (_, metrics) = site.rig.get("/v1/metrics").expect("the server listens");
        let aht = metrics["aht_leg_s"]["value"].as_f64().map(|s| (s * 1000.0).round() as u64);
        let all = ["talk_ms", "hold_ms", "acw_ms"].map(|name| ms(&leg[name]));
        assert_eq!(aht, Some(all.iter().sum()), "{metrics:#}");
        site.rig.expect_no_calls();
        for (name, times) in [("bridge", 1), ("conference", 1), ("join", 2), ("leave", 1)] {
            assert_eq!(site.control.commands(name).len(), times, "{name}");
        }
    }
}

#[test]
fn whoever_leaves_during_a_hold_takes_nobody_along_into_silence() {
    for manner in Manner::ALL {
        for caller_leaves in [true, false] {
            let (site, dave) = talking(manner);
            ask(&site, "hold", &json!({}));
            site.control.expect_held(CALL);
            let (first, other) = if caller_leaves { (CALL, &*dave) } else { (&*dave, CALL) };
            site.control.hang_up(first);
            site.control.expect_over(other);
            wrap_up(&site.rig, "dave");
            let record = site.rig.record_when(|record| !record["resolved"].is_null());
            let by = if caller_leaves { "caller" } else { "agent" };
            assert_eq!(record["ended_by"], by, "{record:#}");
            assert_times(&record, &record["legs"][0]);
            site.rig.expect_no_calls();
        }
    }
}

#[test]
fn somebody_is_consulted_and_takes_the_caller_over() {
    for manner in Manner::ALL {
        let (site, dave) = talking(manner);
        let consulted = consults(&site, &dave);
        ask(&site, "complete", &json!({}));
        site.control.expect_over(&dave);
        let record = consulted_takes_over(&site, &consulted, &consulted);
        assert_eq!(record["legs"][0]["sent_to_number"], CONSULTED, "{record:#}");
        assert_eq!(record["legs"][1]["consulted"], true, "{record:#}");
        items(&record["legs"]).iter().for_each(|leg| assert_times(&record, leg));
        site.rig.expect_no_calls();
    }
}

#[test]
fn an_agent_who_hangs_up_while_consulting_hands_the_caller_over() {
    for manner in Manner::ALL {
        let (site, dave) = talking(manner);
        let consulted = consults(&site, &dave);
        site.control.hang_up(&dave);
        let record = consulted_takes_over(&site, &consulted, CALL);
        assert_eq!(record["legs"][0]["sent_to_number"], CONSULTED, "{record:#}");
        assert_eq!(record["ended_by"], "caller", "{record:#}");
        items(&record["legs"]).iter().for_each(|leg| assert_times(&record, leg));
        site.rig.expect_no_calls();
    }
}

#[test]
fn a_consulted_party_who_leaves_or_does_not_come_gives_the_caller_back() {
    for is_busy in [true, false] {
        let (site, dave) = talking(Manner::Once);
        if is_busy {
            ask(&site, "consult", &json!({ "number": CONSULTED }));
            let (consulted, _) = site.control.rings(&dave);
            site.control.expect_held(CALL);
            site.control.at(|platform, _| platform.fails(&consulted, "user_busy"));
        } else {
            let consulted = consults(&site, &dave);
            site.control.hang_up(&consulted);
        }
        site.control.expect_conference(&[CALL, &dave]);
        site.control.hang_up(CALL);
        site.control.expect_over(&dave);
        wrap_up(&site.rig, "dave");
        let record = site.rig.record_when(|record| !record["resolved"].is_null());
        assert_eq!(record["ended_by"], "caller", "{record:#}");
        site.rig.expect_no_calls();
    }
}

#[test]
fn three_talk_until_one_is_left() {
    for manner in Manner::ALL {
        let (site, dave) = talking(manner);
        let consulted = consults(&site, &dave);
        ask(&site, "conference", &json!({}));
        site.control.expect_conference(&[CALL, &dave, &consulted]);
        site.control.hang_up(&dave);
        consulted_takes_over(&site, &consulted, CALL);
        site.rig.expect_no_calls();
    }
}

#[test]
fn commands_about_conferences_that_fail_are_sent_again_under_their_name_and_done_once() {
    for is_done in [false, true] {
        let (site, dave) = talking(Manner::Once);
        let all = ["conference", "join", "leave"];
        for name in all {
            site.control.fault(Fault { name, status: 503, is_done });
        }
        for _ in 0..2 {
            ask(&site, "hold", &json!({}));
            site.control.expect_held(CALL);
            ask(&site, "resume", &json!({}));
            site.control.expect_conference(&[CALL, &dave]);
        }
        site.control.hang_up(CALL);
        site.control.expect_over(&dave);
        wrap_up(&site.rig, "dave");
        site.rig.expect_no_calls();
        for name in all {
            let sent = site.control.commands(name);
            assert_eq!((sent[0].status, sent[1].status), (503, 200), "{name}");
            assert_eq!((&sent[0].id, &sent[0].body), (&sent[1].id, &sent[1].body), "{name}");
        }
    }
}

#[test]
fn who_cannot_be_put_on_hold_talks_on_and_what_cannot_be_had_is_refused() {
    let (site, dave) = talking(Manner::Once);
    for name in ["conference", "join"].repeat(3) {
        site.control.fault(Fault { name, status: 400, is_done: false });
    }
    ask(&site, "hold", &json!({}));
    site.control.until("it is given up", |state| {
        let tried = |name| state.commands.iter().filter(|it| it.name == name).count();
        (tried("conference") == 3 && tried("join") == 3).then_some(())
    });
    site.control.expect_bridged(CALL);
    site.rig.eventually("nobody is on hold", || {
        let (_, calls) = site.rig.get("/v1/calls")?;
        (items(&calls)[0]["on_hold"] == false).then_some(())
    });
    // An agent whom Telnyx dialed cannot consult by another trunk.
    let body = json!({ "number": CONSULTED, "trunk": "nobody" });
    let (status, answer) = site.rig.post("/v1/agents/dave/consult", &body);
    assert!(status >= 400, "{answer}");
    // Nothing to hand over, and no party to meet.
    for what in ["complete", "conference"] {
        let (status, answer) = site.rig.post(&format!("/v1/agents/dave/{what}"), &json!({}));
        assert_eq!(status, 409, "{answer}");
    }
    ask(&site, "hold", &json!({}));
    site.control.expect_held(CALL);
    ask(&site, "resume", &json!({}));
    site.control.expect_conference(&[CALL, &dave]);
    site.control.hang_up(&dave);
    site.control.expect_over(CALL);
    wrap_up(&site.rig, "dave");
    site.rig.expect_no_calls();
}

#[test]
fn a_conference_that_telnyx_ends_is_entered_again() {
    let (site, dave) = talking(Manner::Once);
    ask(&site, "hold", &json!({}));
    site.control.expect_held(CALL);
    ask(&site, "resume", &json!({}));
    site.control.expect_conference(&[CALL, &dave]);
    site.control.at(|platform, _| {
        let conference = platform.lines[CALL].conference.clone().expect("it was there");
        platform.ends_conference(&conference);
        assert!(platform.lines[CALL].is_alone());
    });
    site.control.expect_conference(&[CALL, &dave]);
    site.control.hang_up(CALL);
    site.control.expect_over(&dave);
    wrap_up(&site.rig, "dave");
    site.rig.expect_no_calls();
}

#[test]
fn an_agent_on_the_way_out_of_a_talk_is_split_after_the_server_was_killed() {
    for is_done in [true, false] {
        let (mut site, dave) = talking(Manner::Once);
        site.control.fault(Fault { name: "conference", status: 503, is_done });
        ask(&site, "hold", &json!({}));
        let first = site.control.until("a conference is asked for", |state| {
            state.commands.iter().find(|it| it.name == "conference").map(|it| it.id.clone())
        });
        site.rig.expect_kept(&format!("\"under_way\":{{\"id\":\"{first}\""));
        site.rig.kill();
        site.rig.start();
        site.control.expect_conference(&[&dave]);
        site.control.expect_held(CALL);
        ask(&site, "resume", &json!({}));
        site.control.expect_conference(&[CALL, &dave]);
        site.control.hang_up(CALL);
        site.control.expect_over(&dave);
        wrap_up(&site.rig, "dave");
        site.rig.expect_no_calls();
        let all = site.control.commands("conference");
        assert!(all.len() >= 2 && all.iter().all(|it| it.id == first), "{is_done}: {all:?}");
    }
}

#[test]
fn a_hold_outlives_the_server() {
    let (mut site, dave) = talking(Manner::Once);
    ask(&site, "hold", &json!({}));
    site.control.expect_held(CALL);
    site.control.hear(CALL, "music/default/2");
    site.rig.expect_kept("music%2Fdefault%2F2");
    site.rig.kill();
    site.rig.start();
    site.control.hear(CALL, "music/default/3");
    site.control.expect_conference(&[&dave]);
    ask(&site, "resume", &json!({}));
    site.control.expect_conference(&[CALL, &dave]);
    site.rig.expect_kept("join");
    site.rig.kill();
    site.rig.start();
    site.rig.expect_agent("dave", "talking");
    site.control.hang_up(&dave);
    site.control.expect_over(CALL);
    wrap_up(&site.rig, "dave");
    let record = site.rig.record_when(|record| !record["resolved"].is_null());
    assert!(ms(&record["legs"][0]["hold_ms"]) > 0, "{record:#}");
    assert_times(&record, &record["legs"][0]);
    site.rig.expect_no_calls();
}
