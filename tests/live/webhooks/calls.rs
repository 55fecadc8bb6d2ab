//! Calls from the greeting to the record, as calls by SIP are: what is heard, what is written down,
//! what is measured.

use std::time::Duration;

use attendant::webhook::document::Callee;
use serde_json::{Value, json};

use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ};
use crate::phone::{Dialog, Phone};
use crate::platform::ProviderEvent;
use crate::rig::Rig;
use crate::webhooks::carrier::{CALLER, Leg, NUMBER};
use crate::webhooks::kind::Kind;
use crate::webhooks::{Site, at_each_provider, flow};

at_each_provider! {
    a_waiting_caller_is_moved_to_the_agents_telephone_and_hangs_up,
    an_agent_who_hangs_up_ends_the_call_at_the_provider,
    a_caller_who_gives_up_frees_the_agent,
    a_message_is_left_at_the_provider_and_stands_in_the_record,
}

/// The provider calls the SIP address it was given, and the caller's sound is there.
#[track_caller]
pub(super) fn bring(rig: &Rig, to: &Callee) -> (Phone, Dialog) {
    let Callee::Sip(uri) = to else { panic!("no SIP address: {to:?}") };
    let user = uri.strip_prefix("sip:").and_then(|uri| uri.strip_suffix("@sip.example.com"));
    let mut trunk = Phone::new("provider", rig.sip);
    let dialog = trunk.call(user.unwrap_or_else(|| panic!("not our address: {uri}")));
    (trunk, dialog)
}

/// Tone in is tone out, in both directions.
#[track_caller]
pub(super) fn talk(caller: &Phone, agent: &Phone) {
    caller.media.say(Some(CALLER_HZ));
    agent.media.say(Some(AGENT_HZ));
    agent.media.expect_tone(CALLER_HZ, SOON);
    caller.media.expect_tone(AGENT_HZ, SOON);
}

/// From the greeting into the queue, with a wrong key on the way.
#[track_caller]
pub(super) fn reach_queue(leg: &mut Leg) {
    leg.hear("greeting.wav");
    leg.hear("menu.wav");
    leg.press("9");
    leg.hear("wrong.wav");
    leg.hear("menu.wav");
    leg.press("1");
}

/// The record of a call that an agent took; each figure is the difference of two moments in it.
#[track_caller]
pub(super) fn assert_handled(rig: &Rig, provider: &str, ended_by: &str) -> Value {
    let record = rig.record_when(|record| !record["resolved"].is_null());
    let steps: Vec<&str> = record["path"]
        .as_array()
        .expect("a path")
        .iter()
        .filter_map(|entry| entry["step"].as_str())
        .collect();
    assert_eq!(steps, ["greeting", "main", "tech"], "{record:#}");
    assert_eq!(record["outcome"], "handled", "{record:#}");
    assert_eq!(record["ended_by"], ended_by, "{record:#}");
    assert_eq!((&record["from"], &record["to"]), (&json!(CALLER), &json!(NUMBER)));
    assert_eq!(record["via"], format!("provider:{provider}"), "{record:#}");
    let (stay, leg) = (&record["queued"][0], &record["legs"][0]);
    assert_eq!((&stay["queue"], &stay["left"]), (&json!("tech"), &json!("answered")));
    assert_eq!(leg["outcome"], "accepted", "{record:#}");
    assert_eq!(ms(&leg["talk_ms"]), ms(&leg["ended_at"]) - ms(&leg["answered_at"]));
    assert_eq!(stay["left_at"], leg["answered_at"]);
    assert_eq!(ms(&stay["wait_ms"]), ms(&stay["left_at"]) - ms(&stay["entered_at"]));
    let handle_ms = ms(&leg["talk_ms"]) + ms(&leg["hold_ms"]) + ms(&leg["acw_ms"]);
    let (_, metrics) = rig.get("/v1/metrics").expect("the server listens");
    for figure in ["aht_call_s", "aht_leg_s"] {
        let is_ms = metrics[figure]["value"].as_f64().map(|s| (s * 1000.0).round() as u64);
        assert_eq!((is_ms, &metrics[figure]["n"]), (Some(handle_ms), &json!(1)), "{metrics:#}");
    }
    assert_eq!(
        (&metrics["fcr_agent"]["value"], &metrics["fcr_agent"]["n"]),
        (&json!(1.0), &json!(1))
    );
    record
}

#[track_caller]
pub(super) fn ms(value: &Value) -> u64 {
    let moment =
        |text: &str| text.parse::<jiff::Timestamp>().ok()?.as_millisecond().try_into().ok();
    let found = value.as_u64().or_else(|| value.as_str().and_then(moment));
    found.unwrap_or_else(|| panic!("{value} is no time"))
}

#[track_caller]
pub(super) fn wrap_up(rig: &Rig, agent: &str) {
    rig.expect_agent(agent, "after_call_work");
    let path = format!("/v1/agents/{agent}/wrap-up");
    let (status, answer) = rig.post(&path, &json!({ "resolved": true }));
    assert!(status < 300, "{status} {answer}");
    rig.expect_agent(agent, "ready");
}

fn a_waiting_caller_is_moved_to_the_agents_telephone_and_hangs_up(kind: Kind) {
    let site = Site::new(kind);
    let mut alice = site.rig.agent("alice");
    let mut leg = site.carrier.call("CA01");
    reach_queue(&mut leg);
    let invite = alice.ring();
    leg.hear("music/");
    alice.answer(&invite);
    leg.come(&site.moved("CA01"));
    let (mut trunk, mut sound) = bring(&site.rig, &leg.until_dial().to);
    site.rig.expect_agent("alice", "talking");
    talk(&trunk, &alice);

    trunk.bye(&mut sound);
    alice.expect_bye();
    leg.hang_up();
    // The provider reports its end twice, and after an older state.
    leg.tell_state(&ProviderEvent::Arrived);
    leg.tell_state(&ProviderEvent::Ended);
    wrap_up(&site.rig, "alice");
    assert_handled(&site.rig, kind.name(), "caller");
    site.rig.expect_no_calls();
    trunk.media.assert_one_stream();
    alice.media.assert_one_stream();
}

fn an_agent_who_hangs_up_ends_the_call_at_the_provider(kind: Kind) {
    // Without credentials: the next round of the waiting music brings the caller.
    let site = Site::with(kind, false, ALICE, &flow());
    let mut alice = site.rig.agent("alice");
    let mut leg = site.carrier.call("CA02");
    reach_queue(&mut leg);
    let invite = alice.ring();
    let mut talk_leg = alice.answer(&invite);
    let (mut trunk, _) = bring(&site.rig, &leg.until_dial().to);
    talk(&trunk, &alice);

    alice.bye(&mut talk_leg);
    trunk.expect_bye();
    leg.back(None, Duration::from_secs(1));
    leg.until_hangup();
    wrap_up(&site.rig, "alice");
    assert_handled(&site.rig, kind.name(), "agent");
    site.rig.expect_no_calls();
}

fn a_caller_who_gives_up_frees_the_agent(kind: Kind) {
    let site = Site::new(kind);
    let mut alice = site.rig.agent("alice");
    let mut leg = site.carrier.call("CA03");
    reach_queue(&mut leg);
    let invite = alice.ring();
    leg.hang_up();
    let cancel = alice.expect_request("CANCEL");
    alice.reply(&cancel, "200 OK");
    alice.reply(&invite, "487 Request Terminated");
    alice.expect_request("ACK");
    site.rig.expect_agent("alice", "ready");
    let record = site.rig.record();
    assert_eq!(record["outcome"], "abandoned", "{record:#}");
    assert_eq!(record["legs"][0]["outcome"], "withdrawn", "{record:#}");
}

pub(super) const VOICEMAIL: &str = r#"
[flow]
numbers   = ["+14155550100"]
start     = "voicemail"
on_hangup = "end"

[record.voicemail]
text         = "greeting.wav"
length_s_max = 60
silence_s    = 2
into         = "message"
next         = "thanks"
empty        = "nothing"
failed       = "nothing"

[play.thanks]
file = "menu.wav"
next = "end"
[play.nothing]
file = "closed.wav"
next = "end"
[hangup.end]
"#;

fn a_message_is_left_at_the_provider_and_stands_in_the_record(kind: Kind) {
    let site = Site::with(kind, true, ALICE, VOICEMAIL);
    let mut leg = site.carrier.call("CA04");
    leg.hear("greeting.wav");
    if kind == Kind::Jambonz {
        // It records no messages, and the flow says what comes then.
        leg.hear("closed.wav");
        leg.until_hangup();
        return;
    }
    leg.until_recording();
    leg.say(Duration::from_secs(7));
    leg.hear("menu.wav");
    leg.until_hangup();
    let is_kept = |record: &Value| record["recordings"][0]["url"].is_string();
    let record = site.rig.record_when(is_kept);
    let recording = &record["recordings"][0];
    assert_eq!(recording["url"], "https://recordings.example.com/CA04", "{record:#}");
    assert_eq!(recording["length_ms"], 7_000, "{record:#}");
    assert_eq!(recording["state"], "kept", "{record:#}");
    assert_eq!(record["recordings"].as_array().map(Vec::len), Some(1), "{record:#}");
}
