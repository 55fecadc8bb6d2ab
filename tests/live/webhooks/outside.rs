//! Agents at outside numbers: whisper, accept key, and times told by the provider.

use serde_json::json;

use crate::flows::ALICE;
use crate::webhooks::calls::{assert_handled, ms, reach_queue, wrap_up};
use crate::webhooks::carrier::{Kind, Leg, News, unix_s};
use crate::webhooks::verbs::{Dial, To, Verb};
use crate::webhooks::{Site, flow};

const DAVE: &str = r#"
[agents.dave]
skills = { tech = 3 }
outside = { trunk = "twilio", number = "+14155550199" }
auto_login = true
auto_ready = true

[queues.tech]
wrap_up = "until_done"
ring_timeout_s = 30
"#;

/// The caller waits, and Dave is dialed.
#[track_caller]
fn dave_rings(site: &Site, sid: &str) -> (Leg, Dial) {
    site.rig.expect_agent("dave", "ready");
    let mut leg = reach_queue(site, sid);
    let dial = leg.until_dial();
    assert_eq!(dial.to, To::Number("+14155550199".to_owned()));
    (leg, dial)
}

#[test]
fn an_agent_outside_hears_the_whisper_and_takes_the_call() {
    let site = Site::with(Kind::Twilio, true, DAVE, &flow());
    let (mut leg, dial) = dave_rings(&site, "CA11");
    let mut dave = leg.child("CA12", "+14155550199");
    let told = dial.told.clone().expect("news is wanted");
    let state = |status, sequence| News::State { status, sequence, at_s: unix_s() };
    dave.tell(&told, &state("initiated", 0));
    dave.tell(&told, &state("ringing", 1));
    dave.ask(&dial.screen.clone().expect("a whisper"), &News::Arrived);
    dave.hear("A call for you.");
    // Answered, but not taken: nobody talks yet.
    dave.tell(&told, &state("in-progress", 2));
    site.rig.expect_agent("dave", "reserved");
    dave.press("1");
    assert_eq!(dave.verbs, [], "an empty document bridges");
    site.rig.expect_agent("dave", "talking");
    // A second delivery of the accept, and an older state, change nothing.
    let again = dave.last.clone().expect("asked");
    assert_eq!(again.send(site.carrier.door), again.send(site.carrier.door));
    dave.tell(&told, &state("ringing", 1));
    site.rig.expect_agent("dave", "talking");

    dave.tell(&told, &state("completed", 3));
    leg.ask(&dial.action, &News::Dialed { status: "completed", talked_s: 1 });
    leg.until_hangup();
    leg.tell_state("completed", 4);
    leg.tell_state("completed", 4);
    wrap_up(&site.rig, "dave");
    let record = assert_handled(&site.rig, Kind::Twilio, "agent");
    assert_eq!(record["legs"].as_array().map(Vec::len), Some(1), "{record:#}");
}

#[test]
fn an_end_before_the_answer_is_a_talk_of_no_length() {
    let site = Site::with(Kind::Twilio, true, DAVE, &flow());
    let (leg, dial) = dave_rings(&site, "CA13");
    let mut dave = leg.child("CA14", "+14155550199");
    dave.ask(&dial.screen.expect("a whisper"), &News::Arrived);
    dave.press("1");
    let talking = site.rig.expect_agent("dave", "talking");
    // The provider's clock says that it ended before it was answered, which cannot be.
    let told = dial.told.expect("news is wanted");
    let early = News::State { status: "completed", sequence: 9, at_s: unix_s() - 10 };
    dave.tell(&told, &early);
    leg.tell_state("completed", 10);
    wrap_up(&site.rig, "dave");
    let record = site.rig.record_when(|record| !record["resolved"].is_null());
    let taken = &record["legs"][0];
    assert_eq!(ms(&taken["talk_ms"]), ms(&taken["ended_at"]) - ms(&taken["answered_at"]));
    assert!(ms(&taken["ended_at"]) >= ms(&taken["answered_at"]), "{record:#} {talking}");
    assert_eq!(record["outcome"], "handled", "{record:#}");
}

#[test]
fn a_callee_who_does_not_press_the_key_does_not_get_the_call() {
    let site = Site::with(Kind::Twilio, true, DAVE, &flow());
    let (mut leg, dial) = dave_rings(&site, "CA15");
    // A voicemail: it answers, listens, and presses nothing.
    let mut machine = leg.child("CA16", "+14155550199");
    machine.ask(&dial.screen.expect("a whisper"), &News::Arrived);
    machine.until_hangup();
    let whispers = machine.heard.iter().filter(|said| said.contains("A call for you.")).count();
    assert!(whispers >= 2, "{:?}", machine.heard);
    leg.ask(&dial.action, &News::Dialed { status: "completed", talked_s: 9 });
    site.rig.expect_agent("dave", "not_ready");
    // Dave is there, and will not be asked again: the caller waits, until it is enough.
    leg.hear("music/");
    leg.tell_state("completed", 5);
    let record = site.rig.record();
    assert_eq!(record["legs"][0]["outcome"], "no_answer", "{record:#}");
    assert_eq!(record["legs"][0]["talk_ms"].as_u64().unwrap_or(0), 0, "{record:#}");
    assert_eq!(record["outcome"], "abandoned", "{record:#}");
}

#[test]
fn a_number_that_is_busy_passes_the_call_on() {
    let both = format!("{ALICE}{}", DAVE.split("[queues").next().unwrap_or_default())
        .replace("skills = { tech = 3 }", "skills = { tech = 9 }")
        .replace("[queues.tech]", "[queues.tech]\nstrategy = \"most_skilled\"");
    let site = Site::with(Kind::Twilio, true, &both, &flow());
    let mut alice = site.rig.agent("alice");
    let (mut leg, dial) = dave_rings(&site, "CA17");
    leg.ask(&dial.action, &News::Dialed { status: "busy", talked_s: 0 });
    let invite = alice.ring();
    leg.hear("music/");
    alice.answer(&invite);
    let url = site.moved("CA17");
    leg.ask(&url, &News::Arrived);
    let (mut trunk, mut sound) = crate::webhooks::calls::bring(&site.rig, &leg.until_dial());
    crate::webhooks::calls::talk(&trunk, &alice);
    trunk.bye(&mut sound);
    alice.expect_bye();
    wrap_up(&site.rig, "alice");
    let record = site.rig.record_when(|record| !record["resolved"].is_null());
    let legs = record["legs"].as_array().expect("legs");
    let outcomes: Vec<_> = legs.iter().map(|leg| leg["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("busy"), json!("accepted")], "{record:#}");
    assert!(!leg.verbs.contains(&Verb::Reject));
}
