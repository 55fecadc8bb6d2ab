//! What an agent does with a call over HTTP: hold, send on, consult, hand over.

use serde_json::{Value, json};

use crate::calls::{connect, ms, reach_queue, talk};
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ, SUPPORT, TONES};
use crate::phone::Phone;
use crate::rig::{Plan, Rig, items};

/// What an outside party says.
pub(crate) const CONSULTED_HZ: f64 = 2300.0;
pub(crate) const CONSULTED: &str = "+14155550177";

/// An outside party, and the trunk that leads there.
pub(crate) fn consulted() -> (Phone, String) {
    let consulted = Phone::new(CONSULTED, ([127, 0, 0, 1], 9).into());
    let uri = format!("uri = \"sip:{}\"", consulted.address());
    (consulted, format!("\n[trunks.away]\n{uri}\nprefixes = [\"+1415555\"]\n"))
}

/// Alice, and an outside party whom a trunk may dial.
fn with_consulted() -> (Rig, Phone) {
    let (mut consulted, trunk) = consulted();
    let rig = Plan::new(&format!("{ALICE}{trunk}")).start();
    consulted.turn_to(rig.sip);
    (rig, consulted)
}

#[track_caller]
pub(crate) fn ask(rig: &Rig, what: &str, body: &Value) -> Value {
    let (status, answer) = rig.post(&format!("/v1/agents/alice/{what}"), body);
    assert_eq!(status, 200, "{what}: {answer:#}");
    answer
}

#[track_caller]
fn refused(rig: &Rig, what: &str, body: &Value, why: &str) {
    let (status, answer) = rig.post(&format!("/v1/agents/alice/{what}"), body);
    assert_eq!((status, &answer["error"]), (409, &json!("refused")), "{what}: {answer:#}");
    assert_eq!(answer["message"], why);
}

/// The one call there is.
#[track_caller]
pub(crate) fn live(rig: &Rig) -> Value {
    let (status, calls) = rig.get("/v1/calls").expect("the server listens");
    assert_eq!((status, items(&calls).len()), (200, 1), "{calls:#}");
    items(&calls)[0].clone()
}

/// Talk and hold are what lies between a leg's answer and its end.
#[track_caller]
pub(crate) fn assert_times(leg: &Value) {
    let up = ms(&leg["ended_at"]) - ms(&leg["answered_at"]);
    assert_eq!(ms(&leg["talk_ms"]) + ms(&leg["hold_ms"]), up, "{leg:#}");
}

#[test]
fn a_caller_is_held_then_handed_over_to_whom_the_agent_consulted() {
    let (rig, mut consulted) = with_consulted();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    refused(&rig, "hold", &json!({}), "alice is in no talk");
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    talk(&caller, &alice);

    ask(&rig, "hold", &json!({}));
    caller.media.expect_sound_but(TONES, SOON);
    assert_eq!(live(&rig)["on_hold"], true);
    ask(&rig, "resume", &json!({}));
    talk(&caller, &alice);
    assert_eq!(live(&rig)["on_hold"], false);

    let barred = json!({ "number": "+882139900000" });
    refused(&rig, "consult", &barred, "no trunk may dial +882139900000");
    ask(&rig, "consult", &json!({ "number": CONSULTED }));
    let invite = consulted.ring();
    caller.media.expect_sound_but(TONES, SOON);
    refused(&rig, "complete", &json!({}), "whom alice consults has not answered yet");
    consulted.answer(&invite);
    consulted.media.say(Some(CONSULTED_HZ));
    alice.media.expect_tone(CONSULTED_HZ, SOON);
    consulted.media.expect_tone(AGENT_HZ, SOON);
    caller.media.expect_sound_but(TONES, SOON);
    let consult = &live(&rig)["consult"];
    assert_eq!((&consult["number"], &consult["stage"]), (&json!(CONSULTED), &json!("talking")));
    let alice_now = ask(&rig, "complete", &json!({}));
    assert_eq!(alice_now["state"], "after_call_work", "{alice_now:#}");
    alice.expect_bye();
    caller.media.expect_tone(CONSULTED_HZ, SOON);
    consulted.media.expect_tone(CALLER_HZ, SOON);
    caller.bye(&mut a_leg);
    consulted.expect_bye();
    caller.media.assert_one_stream();
    consulted.media.assert_one_stream();
    rig.expect_no_calls();

    ask(&rig, "wrap-up", &json!({ "resolved": true }));
    let record = rig.record_when(|record| !record["resolved"].is_null());
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("caller")));
    let (agent, outside) = (&record["legs"][0], &record["legs"][1]);
    assert_eq!((&agent["agent"], &agent["sent_to_number"]), (&json!("alice"), &json!(CONSULTED)));
    assert!(ms(&agent["hold_ms"]) > 0 && ms(&agent["talk_ms"]) > 0, "{agent:#}");
    let expected = (&json!("away"), &json!(CONSULTED), &json!(true), &json!("accepted"));
    let is = (&outside["trunk"], &outside["number"], &outside["consulted"], &outside["outcome"]);
    assert_eq!(is, expected);
    assert_eq!(ms(&outside["hold_ms"]), 0);
    assert_times(agent);
    assert_times(outside);
    assert!(ms(&outside["ended_at"]) > ms(&agent["ended_at"]), "{record:#}");

    let handle_ms = ms(&agent["talk_ms"]) + ms(&agent["hold_ms"]) + ms(&agent["acw_ms"]);
    let (_, metrics) = rig.get("/v1/metrics").expect("the server listens");
    for figure in ["aht_call_s", "aht_leg_s"] {
        let value = metrics[figure]["value"].as_f64().map(|s| (s * 1000.0).round() as u64);
        assert_eq!((value, &metrics[figure]["n"]), (Some(handle_ms), &json!(1)), "{metrics:#}");
    }
}

#[test]
fn a_consulted_party_who_declines_leaves_the_agent_with_the_caller() {
    let (rig, mut consulted) = with_consulted();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    ask(&rig, "consult", &json!({ "number": CONSULTED, "trunk": "away" }));
    let invite = consulted.ring();
    caller.media.expect_sound_but(TONES, SOON);
    consulted.reply(&invite, "603 Decline");
    consulted.expect_request("ACK");
    talk(&caller, &alice);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    let record = rig.record();
    assert_eq!(record["legs"].as_array().map(Vec::len), Some(2), "{record:#}");
    assert_times(&record["legs"][0]);
}

#[test]
fn an_agent_who_hangs_up_leaves_the_caller_with_the_consulted_party() {
    let (rig, mut consulted) = with_consulted();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let (_, mut b_leg) = connect(&mut caller, &mut alice);
    ask(&rig, "consult", &json!({ "number": CONSULTED }));
    let invite = consulted.ring();
    let mut c_leg = consulted.answer(&invite);
    talk(&consulted, &alice);
    alice.bye(&mut b_leg);
    talk(&caller, &consulted);
    rig.expect_agent("alice", "after_call_work");
    consulted.bye(&mut c_leg);
    caller.expect_bye();
    let record = rig.record();
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("party")));
    items(&record["legs"]).iter().for_each(assert_times);
}

#[test]
fn a_caller_is_sent_on_to_another_queue() {
    let queue = "\n[queue.billing]\nskills = { billing = 1 }\nwait = \"music\"\ntimeout = \"closed\"\n\
                 no_agents = \"closed\"\nfull = \"closed\"\n";
    let bob = "\n[agents.bob]\nskills = { billing = 5 }\npassword = \"correct-horse-battery\"\n\
               auto_login = true\nauto_ready = true\n[queues.billing]\nwrap_up = \"off\"\n";
    let plan = Plan::new(&format!("{ALICE}{bob}"));
    let rig = plan.flow("support.toml", &format!("{SUPPORT}{queue}")).start();
    let (mut caller, mut alice, mut bob) = (rig.caller(), rig.agent("alice"), rig.agent("bob"));
    let mut a_leg = reach_queue(&mut caller);
    let invite = alice.ring();
    alice.answer(&invite);
    talk(&caller, &alice);

    let why = "the flow `support` has no step `sales`; it has greeting, main, tech, closed, bye, \
               billing";
    refused(&rig, "transfer", &json!({ "step": "sales" }), why);
    talk(&caller, &alice);
    ask(&rig, "transfer", &json!({ "step": "billing", "vars": { "reason": "refund" } }));
    alice.expect_bye();
    caller.media.expect_sound_but(TONES, SOON);
    let invite = bob.ring();
    bob.answer(&invite);
    talk(&caller, &bob);
    caller.bye(&mut a_leg);
    bob.expect_bye();
    caller.media.assert_one_stream();

    let record = rig.record();
    assert_eq!(record["outcome"], "handled", "{record:#}");
    let path: Vec<_> =
        record["path"].as_array().expect("a path").iter().map(|entry| &entry["step"]).collect();
    assert_eq!(path, ["greeting", "main", "tech", "billing"]);
    assert_eq!(record["vars"]["reason"], "refund");
    let queues: Vec<_> = ["tech", "billing"].into_iter().zip(items(&record["queued"])).collect();
    assert!(queues.iter().all(|(name, stay)| stay["queue"] == *name && stay["left"] == "answered"));
    let (first, second) = (&record["legs"][0], &record["legs"][1]);
    assert_eq!((&first["agent"], &first["sent_to_step"]), (&json!("alice"), &json!("billing")));
    assert_eq!((&second["agent"], &second["sent_to_step"]), (&json!("bob"), &Value::Null));
    assert_times(first);
    assert_times(second);
    rig.expect_agent("alice", "after_call_work");
    rig.expect_agent("bob", "ready");
}
