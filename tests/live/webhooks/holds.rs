//! Agents whom the provider dialed put the caller on hold, consult a party, and hand over: by the
//! provider's means.

use std::time::Duration;

use attendant::webhook::document::Callee;
use serde_json::{Value, json};

use crate::platform::ProviderEvent;
use crate::webhooks::calls::{ms, reach_queue, wrap_up};
use crate::webhooks::carrier::Leg;
use crate::webhooks::kind::Kind;
use crate::webhooks::outside::{dave_rings, site_with};
use crate::webhooks::{DAVE, Site, at_each_provider, flow};

at_each_provider! {
    a_caller_is_held_and_comes_back,
    somebody_is_consulted_and_takes_the_caller_over,
}

const TALK: Duration = Duration::from_secs(1);

/// The caller talks to Dave, whom the provider dialed.
#[track_caller]
fn talking(kind: Kind, sid: &str) -> (Site, Leg, Leg) {
    let site = site_with(kind, DAVE);
    site.rig.expect_agent("dave", "ready");
    let mut leg = site.carrier.call(sid);
    reach_queue(&mut leg);
    let mut dave = dave_rings(&mut leg);
    dave.answer();
    dave.press("1");
    leg.talk_to(&mut dave);
    site.rig.expect_agent("dave", "talking");
    (site, leg, dave)
}

#[track_caller]
fn ask(site: &Site, what: &str, body: &Value) {
    let (status, answer) = site.rig.post(&format!("/v1/agents/dave/{what}"), body);
    assert_eq!(status, 200, "{answer}");
}

/// Dave is brought to a conference, and the caller to the music.
#[track_caller]
fn splits(site: &Site, leg: &mut Leg, dave: &mut Leg) {
    let kind = site.carrier.kind;
    let (to, caller_to) = kind.split(&site.rest, leg.sid(), dave.sid());
    dave.come(&to);
    match caller_to {
        Some(to) => leg.come(&to),
        None => {
            // The caller is back by itself, and by a command as well.
            let to = site.moved(leg.sid());
            leg.back(None, TALK);
            leg.come(&to);
        }
    }
    leg.hear("music/");
}

/// jambonz tells of a party only where it tells of all calls.
#[track_caller]
fn leaves(kind: Kind, party: &mut Leg) {
    party.leave(TALK);
    if kind == Kind::Jambonz {
        party.tell_state(&ProviderEvent::Ended);
    }
}

fn a_caller_is_held_and_comes_back(kind: Kind) {
    let (site, mut leg, mut dave) = talking(kind, "CA61");
    ask(&site, "hold", &json!({}));
    splits(&site, &mut leg, &mut dave);
    let conference = dave.enters_conference();
    ask(&site, "resume", &json!({}));
    leg.come(&site.moved("CA61"));
    assert_eq!(leg.enters_conference(), conference);
    // Once more: Dave stays where he is.
    ask(&site, "hold", &json!({}));
    leg.come(&site.moved("CA61"));
    leg.hear("music/");
    ask(&site, "resume", &json!({}));
    leg.come(&site.moved("CA61"));
    assert_eq!(
        (leg.enters_conference(), dave.enters_conference()),
        (conference.clone(), conference)
    );
    leaves(kind, &mut dave);
    kind.ended(&site.rest, "CA61");
    leg.hang_up();
    wrap_up(&site.rig, "dave");
    let record = site.rig.record_when(|record| !record["resolved"].is_null());
    let taken = &record["legs"][0];
    let (talk, hold) = (ms(&taken["talk_ms"]), ms(&taken["hold_ms"]));
    assert!(hold > 0, "{record:#}");
    assert_eq!(talk + hold, ms(&taken["ended_at"]) - ms(&taken["answered_at"]), "{record:#}");
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("agent")));
    let (_, metrics) = site.rig.get("/v1/metrics").expect("the server listens");
    let aht = metrics["aht_leg_s"]["value"].as_f64().map(|s| (s * 1000.0).round() as u64);
    assert_eq!(aht, Some(talk + hold + ms(&taken["acw_ms"])), "{metrics:#}");
    site.rig.expect_no_calls();
}

fn somebody_is_consulted_and_takes_the_caller_over(kind: Kind) {
    let (site, mut leg, mut dave) = talking(kind, "CA62");
    ask(&site, "consult", &json!({ "number": "+14155550188" }));
    splits(&site, &mut leg, &mut dave);
    assert_eq!(dave.until_dial().to, Callee::Number("+14155550188".to_owned()));
    let mut consulted = dave.party();
    consulted.answer();
    consulted.hear("A call for you.");
    consulted.press("1");
    dave.talk_to(&mut consulted);
    ask(&site, "complete", &json!({}));
    let legs = (dave.sid(), consulted.sid());
    let ((to, dave_to), caller_to) = kind.split_and_moved(&site.rest, legs, leg.sid());
    consulted.come(&to);
    match dave_to {
        Some(to) => dave.come(&to),
        None => dave.back(None, TALK),
    }
    leg.come(&caller_to);
    assert_eq!(leg.enters_conference(), consulted.enters_conference());
    wrap_up(&site.rig, "dave");
    leaves(kind, &mut consulted);
    kind.ended(&site.rest, "CA62");
    leg.hang_up();
    let record = site.rig.record();
    let legs = record["legs"].as_array().expect("legs");
    assert_eq!(legs.len(), 2, "{record:#}");
    assert_eq!(legs[0]["sent_to_number"], "+14155550188", "{record:#}");
    assert_eq!(legs[1]["consulted"], true, "{record:#}");
    assert_eq!(record["outcome"], "handled", "{record:#}");
    site.rig.expect_no_calls();
}

#[test]
fn what_the_provider_cannot_do_is_refused_with_the_reason() {
    let site = Site::with(Kind::Twilio, false, &DAVE.replace("PROVIDER", "twilio"), &flow());
    site.rig.expect_agent("dave", "ready");
    let mut leg = site.carrier.call("CA63");
    reach_queue(&mut leg);
    let mut dave = dave_rings(&mut leg);
    dave.answer();
    dave.press("1");
    leg.talk_to(&mut dave);
    site.rig.expect_agent("dave", "talking");
    let (status, answer) = site.rig.post("/v1/agents/dave/hold", &json!({}));
    assert_eq!(status, 409, "{answer}");
    assert!(answer.to_string().contains("`account` and `token`"), "{answer}");
    leg.hang_up();
    site.rig.record();
}
