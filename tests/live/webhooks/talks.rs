//! A provider's caller, whose agent at a telephone of ours consults somebody by a trunk of ours;
//! and whom nobody can supervise.

use std::time::Duration;

use serde_json::json;

use crate::clock::SOON;
use crate::flows::{ALICE, CALLER_HZ, TONES};
use crate::talks::{CONSULTED, CONSULTED_HZ, ask, assert_times, consulted, live};
use crate::webhooks::calls::{bring, reach_queue, talk, wrap_up};
use crate::webhooks::kind::Kind;
use crate::webhooks::{Site, flow};

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

    // A consulted party who leaves takes nobody along.
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

#[test]
fn a_providers_call_cannot_be_supervised() {
    let eve = "\n[agents.eve]\nskills = { watching = 1 }\npassword = \"correct-horse-battery\"\n\
               auto_login = true\nauto_ready = true\n";
    let site = Site::with(Kind::Twilio, true, &format!("{ALICE}{eve}"), &flow());
    let mut eve = site.rig.agent("eve");
    let mut leg = site.carrier.call("CA22");
    reach_queue(&mut leg);
    let call = &live(&site.rig)["id"];
    let listen = json!({ "mode": "listen", "from": { "agent": "eve" } });
    let (status, why) = site.rig.post(&format!("/v1/calls/{call}/supervise"), &listen);
    assert_eq!((status, &why["error"]), (409, &json!("refused")), "{why}");
    let message = why["message"].as_str().expect("a sentence");
    assert!(message.contains("a telephony provider carries this call"), "{message}");
    eve.expect_none(Duration::ZERO, |message| message.is_request("INVITE"));
    leg.hang_up();
    site.rig.expect_no_calls();
}
