//! Calls from the greeting to the record, as calls by SIP are: what is heard, what is written down,
//! what is measured.

use serde_json::{Value, json};

use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ};
use crate::phone::{Dialog, Phone};
use crate::rig::Rig;
use crate::webhooks::carrier::{CALLER, Kind, Leg, NUMBER, News};
use crate::webhooks::verbs::{Dial, To, Verb};
use crate::webhooks::{Site, flow};

/// The provider calls the SIP address it was given, and the caller's sound is there.
#[track_caller]
pub(super) fn bring(rig: &Rig, dial: &Dial) -> (Phone, Dialog) {
    let To::Sip(uri) = &dial.to else { panic!("no SIP address: {dial:?}") };
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
pub(super) fn reach_queue(site: &Site, sid: &str) -> Leg {
    let mut leg = site.carrier.call(sid);
    leg.hear("greeting.wav");
    leg.hear("menu.wav");
    leg.press("9");
    leg.hear("wrong.wav");
    leg.hear("menu.wav");
    leg.press("1");
    leg
}

/// The record of a call that Alice took; each figure is the difference of two moments in it.
#[track_caller]
pub(super) fn assert_handled(rig: &Rig, kind: Kind, ended_by: &str) -> Value {
    assert_handled_via(rig, kind.name(), ended_by)
}

#[track_caller]
pub(super) fn assert_handled_via(rig: &Rig, provider: &str, ended_by: &str) -> Value {
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

#[test]
fn a_waiting_caller_is_moved_to_the_agents_telephone_and_hangs_up() {
    for kind in Kind::ALL {
        let site = Site::new(kind);
        let mut alice = site.rig.agent("alice");
        let mut leg = reach_queue(&site, "CA01");
        let invite = alice.ring();
        leg.hear("music/");
        alice.answer(&invite);
        let url = site.moved("CA01");
        leg.ask(&url, &News::Arrived);
        let (mut trunk, mut sound) = bring(&site.rig, &leg.until_dial());
        site.rig.expect_agent("alice", "talking");
        talk(&trunk, &alice);

        trunk.bye(&mut sound);
        alice.expect_bye();
        // The end of it is told late, twice, and after an older state.
        leg.tell_state("completed", 3);
        leg.tell_state("in-progress", 1);
        leg.tell_state("completed", 3);
        wrap_up(&site.rig, "alice");
        assert_handled(&site.rig, kind, "caller");
        site.rig.expect_no_calls();
        trunk.media.assert_one_stream();
        alice.media.assert_one_stream();
    }
}

#[test]
fn an_agent_who_hangs_up_ends_the_call_at_the_provider() {
    for kind in Kind::ALL {
        // Without credentials: the next round of the waiting music brings the caller.
        let site = Site::with(kind, false, ALICE, &flow());
        let mut alice = site.rig.agent("alice");
        let mut leg = reach_queue(&site, "CA02");
        let invite = alice.ring();
        let mut talk_leg = alice.answer(&invite);
        let dial = leg.until_dial();
        let (mut trunk, _) = bring(&site.rig, &dial);
        talk(&trunk, &alice);

        alice.bye(&mut talk_leg);
        trunk.expect_bye();
        leg.ask(&dial.action, &News::Dialed { status: "completed", talked_s: 1 });
        leg.until_hangup();
        leg.tell_state("completed", 2);
        wrap_up(&site.rig, "alice");
        assert_handled(&site.rig, kind, "agent");
        site.rig.expect_no_calls();
    }
}

#[test]
fn a_caller_who_gives_up_frees_the_agent() {
    for kind in Kind::ALL {
        let site = Site::new(kind);
        let mut alice = site.rig.agent("alice");
        let leg = reach_queue(&site, "CA03");
        let invite = alice.ring();
        leg.tell_state("completed", 2);
        let cancel = alice.expect_request("CANCEL");
        alice.reply(&cancel, "200 OK");
        alice.reply(&invite, "487 Request Terminated");
        alice.expect_request("ACK");
        site.rig.expect_agent("alice", "ready");
        let record = site.rig.record();
        assert_eq!(record["outcome"], "abandoned", "{record:#}");
        assert_eq!(record["legs"][0]["outcome"], "withdrawn", "{record:#}");
    }
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

[play.thanks]
file = "menu.wav"
next = "end"
[play.nothing]
file = "closed.wav"
next = "end"
[hangup.end]
"#;

#[test]
fn a_message_is_left_at_the_provider_and_stands_in_the_record() {
    let site = Site::with(Kind::Twilio, true, ALICE, VOICEMAIL);
    let mut leg = site.carrier.call("CA04");
    let (action, told) = leg.until("a message is asked for", |verb| match verb {
        Verb::Record { action, told, length_max_s: 60 } => Some((action.clone(), told.clone())),
        _ => None,
    });
    assert!(leg.heard.iter().any(|sound| sound.contains("greeting.wav")), "{:?}", leg.heard);
    let told = told.expect("news is wanted");
    let url = "https://api.twilio.example/recordings/RE0001";
    let message = News::Recorded { url, length_s: 7 };
    leg.ask(&action, &message);
    leg.hear("menu.wav");
    leg.until_hangup();
    leg.tell_state("completed", 2);
    // The provider says where it is once more, twice.
    leg.tell(&told, &message);
    leg.tell(&told, &message);
    let record = site.rig.record_when(|record| record["recordings"][0]["url"] == url);
    let recording = &record["recordings"][0];
    assert_eq!(recording["length_ms"], 7_000, "{record:#}");
    assert_eq!(recording["state"], "kept", "{record:#}");
    assert_eq!(record["recordings"].as_array().map(Vec::len), Some(1), "{record:#}");
}
