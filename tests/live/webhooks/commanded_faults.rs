//! What the network does to webhooks and commands, at a provider that only does what it is
//! commanded; and who is not let in.

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use crate::call_control::Event;
use crate::flows::ALICE;
use crate::rig::items;
use crate::webhooks::DAVE;
use crate::webhooks::calls::wrap_up;
use crate::webhooks::carrier::{CALLER, NUMBER};
use crate::webhooks::commanded::{Site, dave_is_away};
use crate::webhooks::control::{CALL, Fault, Manner, body, signed, webhook};
use crate::webhooks::http::Sent;
use crate::webhooks::sign::unix_s;

fn calls(site: &Site) -> Vec<Value> {
    let (_, calls) = site.rig.get("/v1/calls").expect("the server listens");
    items(&calls).to_vec()
}

fn arrives(reference: &str) -> Event {
    let payload = json!({
        "call_control_id": reference, "direction": "incoming", "from": CALLER, "to": NUMBER,
    });
    Event { kind: "call.initiated", payload }
}

#[test]
fn old_events_told_again_change_nothing() {
    let site = Site::new(DAVE, Manner::Once);
    dave_is_away(&site);
    let again = || site.control.told().iter().rev().for_each(|event| site.control.tell(event));
    site.reach_queue();
    site.control.hear(CALL, "music/default/1");
    again();
    site.control.hear(CALL, "music/default/2");
    site.rig.post("/v1/agents/dave/ready", &json!({}));
    let dave = site.dave_takes_it();
    let before = calls(&site);
    again();
    assert_eq!(calls(&site), before);
    site.rig.expect_agent("dave", "talking");
    site.control.hang_up(&dave);
    site.control.expect_over(CALL);
    again();
    wrap_up(&site.rig, "dave");
    site.assert_handled("agent");
    again();
    site.rig.expect_no_calls();
    assert_eq!(site.rig.records(1).len(), 1);
    for name in ["answer", "dial", "bridge", "hangup"] {
        assert_eq!(site.control.commands(name).len(), 1, "{name}");
    }
}

#[test]
fn a_command_that_fails_is_sent_again_under_its_name_and_done_once() {
    for is_done in [false, true] {
        let site = Site::new(DAVE, Manner::Once);
        dave_is_away(&site);
        let all = ["answer", "playback_start", "gather_using_audio", "dial", "bridge", "hangup"];
        for name in all {
            site.control.fault(Fault { name, status: 503, is_done });
        }
        site.reach_queue();
        site.control.hear(CALL, "music/");
        site.rig.post("/v1/agents/dave/ready", &json!({}));
        let dave = site.dave_takes_it();
        site.control.hang_up(&dave);
        site.control.expect_over(CALL);
        wrap_up(&site.rig, "dave");
        site.assert_handled("agent");
        for name in all {
            let [first, second] = site.control.until(&format!("{name} is sent again"), |state| {
                let mut sent = state.commands.iter().filter(|it| it.name == name).cloned();
                Some([sent.next()?, sent.next()?])
            });
            assert_eq!((first.status, second.status), (503, 200), "{name}");
            assert_eq!((&first.id, &first.body), (&second.id, &second.body), "{name}");
            assert_eq!(first.reference, second.reference, "{name}");
        }
    }
}

#[test]
fn a_command_that_is_refused_is_left_out_and_the_call_goes_on() {
    let site = Site::new(DAVE, Manner::Once);
    site.rig.expect_agent("dave", "ready");
    for name in ["playback_start", "gather_using_audio"] {
        site.control.fault(Fault { name, status: 400, is_done: false });
    }
    // The greeting is not heard, and in the menu no caller is there to press a key.
    site.control.call(CALL);
    site.control.hear(CALL, "menu.wav");
    assert_eq!(site.control.commands("gather_using_audio").len(), 2);
    site.control.press(CALL, '1');
    let dave = site.dave_takes_it();
    site.control.hang_up(&dave);
    site.control.expect_over(CALL);
    wrap_up(&site.rig, "dave");
    let record = site.rig.record_when(|record| !record["resolved"].is_null());
    assert_eq!(record["outcome"], "handled", "{record:#}");
}

/// No request reports the end of the call.
fn leaves(site: &Site, is_known: bool) {
    site.control.at(|platform, _| match is_known {
        true => platform.lines.get_mut(CALL).expect("a call").is_over = true,
        false => drop(platform.lines.remove(CALL)),
    });
}

#[test]
fn a_caller_whom_the_provider_knows_no_more_is_gone_and_the_agent_is_freed() {
    for is_known in [true, false] {
        // A command says so: 422, or 404.
        let site = Site::new(ALICE, Manner::Once);
        let mut alice = site.rig.agent("alice");
        site.reach_queue();
        let invite = alice.ring();
        site.control.hear(CALL, "music/");
        leaves(&site, is_known);
        alice.answer(&invite);
        alice.expect_bye();
        site.rig.expect_no_calls();
        let record = site.rig.record();
        assert_eq!(record["ended_by"], "caller", "{record:#}");
        let last = site.control.commands("playback_stop").pop().expect("stopped");
        assert_eq!(last.status, if is_known { 422 } else { 404 });

        let site = Site::new(DAVE, Manner::Once);
        dave_is_away(&site);
        site.reach_queue();
        site.control.hear(CALL, "music/");
        leaves(&site, is_known);
        site.rig.post("/v1/agents/dave/ready", &json!({}));
        site.rig.expect_no_calls();
        let record = site.rig.record();
        assert_eq!(record["outcome"], "abandoned", "{record:#}");
        assert_eq!(record["ended_by"], "caller", "{record:#}");
        site.rig.expect_agent("dave", "ready");
    }
}

/// The answer is this status, says something to whoever set it up, and nothing happened.
#[track_caller]
fn assert_refused(site: &Site, request: &Sent, status: u16) {
    let before = calls(site);
    let answer = request.send(site.control.door());
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(!answer.body.trim().is_empty(), "a reason");
    assert_eq!(calls(site), before);
}

#[test]
fn what_telnyx_did_not_sign_and_what_is_no_event_changes_nothing() {
    let site = Site::new(ALICE, Manner::Once);
    let (key, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let event = body(&arrives("v3:forged"));
    let good = signed(&key, unix_s(), &event);
    let mut unsigned = good.clone();
    unsigned.headers.truncate(2);
    assert_refused(&site, &unsigned, 403);
    let mut undated = good.clone();
    undated.headers.remove(1);
    assert_refused(&site, &undated, 403);
    assert_refused(&site, &signed(&other, unix_s(), &event), 403);
    for at_s in [unix_s() - 320, unix_s() + 320] {
        assert_refused(&site, &signed(&key, at_s, &event), 403);
    }
    let mut changed = good.clone();
    changed.body = event.replace("5550111", "5550112").into();
    assert_refused(&site, &changed, 403);
    let mut double = good.clone();
    double.headers.push(double.headers[2].clone());
    assert_refused(&site, &double, 403);
    for garbage in ["", "{", "[]", "{\"data\": 7}", "{\"data\": {\"payload\": {}}}", "\u{0}"] {
        assert_refused(&site, &signed(&key, unix_s(), garbage), 400);
    }
    let long = format!("{}{}", " ".repeat(70_000), event);
    assert_refused(&site, &signed(&key, unix_s(), &long), 413);
    // ProviderEvent of unknown calls, some with a mark that is none of ours.
    for kind in ["call.answered", "call.speak.ended", "call.gather.ended", "call.bridged", "x"] {
        let payload = json!({
            "call_control_id": "v3:nobody", "digits": "1",
            "client_state": "c3RlcD9jPTEmbj0xJms9MDAwMA==",
        });
        let answer = webhook(&Event { kind, payload }).send(site.control.door());
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{kind}");
    }
    assert_eq!(calls(&site).len(), 0);
    site.control.call(CALL);
    site.control.hear(CALL, "greeting.wav");
    assert_eq!(calls(&site).len(), 1);
}
