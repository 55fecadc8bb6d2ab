//! A server that is killed, at a provider that goes on with the last command.

use std::collections::BTreeSet;

use serde_json::json;

use crate::flows::{ALICE, PASSWORD};
use crate::webhooks::DAVE;
use crate::webhooks::calls::{bring, talk, wrap_up};
use crate::webhooks::commanded::{Site, dave_is_away};
use crate::webhooks::control::{CALL, Fault, Manner};

/// So a leg is written down that waits for the last keys of a document.
const IN_MENU: &str = "\"doing\":{\"Keys\":{\"is_last\":true}}";

/// Names of commands whose sound is this file. One that was repeated is one.
fn played(site: &Site, file: &str) -> Vec<String> {
    let all = commanded(site, file);
    all.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

fn commanded(site: &Site, file: &str) -> Vec<String> {
    let mut all = site.control.commands("gather_using_audio");
    all.retain(|it| it.body["audio_url"].as_str().is_some_and(|url| url.contains(file)));
    all.into_iter().map(|it| it.id).collect()
}

#[test]
fn a_prompt_that_plays_while_the_server_is_killed_is_heard_once() {
    for manner in Manner::ALL {
        let mut site = Site::new(DAVE, manner);
        dave_is_away(&site);
        site.control.call(CALL);
        site.control.hear(CALL, "menu.wav");
        site.rig.expect_kept(IN_MENU);
        site.rig.kill();
        site.rig.start();
        site.control.press(CALL, '9');
        site.control.hear(CALL, "wrong.wav");
        assert_eq!(played(&site, "greeting.wav").len(), 1);
        let menus = played(&site, "menu.wav");
        assert_eq!(menus.len(), 1, "{manner:?}: {menus:?}");
        site.control.hear(CALL, "menu.wav");
        site.control.press(CALL, '1');
        site.control.hear(CALL, "music/");
        site.rig.post("/v1/agents/dave/ready", &json!({}));
        let dave = site.dave_takes_it();
        site.control.hang_up(&dave);
        site.control.expect_over(CALL);
        wrap_up(&site.rig, "dave");
        site.assert_handled("agent");
    }
}

#[test]
fn what_a_document_had_left_when_the_server_was_killed_is_heard_after_it() {
    let mut site = Site::new(DAVE, Manner::Once);
    dave_is_away(&site);
    site.control.call(CALL);
    site.control.hear(CALL, "greeting.wav");
    let greeting = played(&site, "greeting.wav").remove(0);
    site.rig.expect_kept(&format!("\"command\":\"{greeting}\""));
    site.rig.kill();
    // The greeting ends while no server is there; the provider repeats the report later.
    site.control.end_sound(CALL);
    site.rig.start();
    site.control.tell_again();
    site.control.hear(CALL, "menu.wav");
    assert_eq!(played(&site, "greeting.wav").len(), 1);
    site.control.press(CALL, '9');
    site.control.hear(CALL, "wrong.wav");
    site.control.hear(CALL, "menu.wav");
    site.control.press(CALL, '1');
    site.rig.post("/v1/agents/dave/ready", &json!({}));
    let dave = site.dave_takes_it();
    site.control.hang_up(CALL);
    site.control.expect_over(&dave);
    wrap_up(&site.rig, "dave");
    site.assert_handled("caller");
}

#[test]
fn a_command_that_was_not_confirmed_is_sent_again_under_its_name() {
    let mut site = Site::new(DAVE, Manner::Once);
    dave_is_away(&site);
    site.control.fault(Fault { name: "gather_using_audio", status: 503, is_done: false });
    site.control.call(CALL);
    let first = site.control.until("the greeting is commanded", |state| {
        let mut all = state.commands.iter().filter(|it| it.name == "gather_using_audio");
        all.next().map(|it| it.id.clone())
    });
    site.rig.expect_kept(&format!("\"under_way\":{{\"id\":\"{first}\""));
    site.rig.kill();
    site.rig.start();
    site.control.hear(CALL, "greeting.wav");
    site.control.hear(CALL, "menu.wav");
    let all = commanded(&site, "greeting.wav");
    assert!(all.len() >= 2 && all.iter().all(|id| *id == first), "{all:?}");
    site.control.hang_up(CALL);
    site.rig.expect_no_calls();
}

#[test]
fn a_caller_who_waits_while_the_server_is_killed_waits_on_and_talks_over_the_next_kill() {
    let mut site = Site::new(DAVE, Manner::Once);
    dave_is_away(&site);
    site.reach_queue();
    site.control.hear(CALL, "music/default/1");
    site.rig.expect_kept("music%2Fdefault%2F1");
    site.rig.kill();
    site.rig.start();
    site.control.hear(CALL, "music/default/2");
    site.rig.expect_agent("dave", "not_ready");
    site.rig.post("/v1/agents/dave/ready", &json!({}));
    let dave = site.dave_takes_it();
    let bridge = site.control.commands("bridge").remove(0).id;
    site.rig.expect_kept(&format!("\"command\":\"{bridge}\""));
    site.rig.kill();
    site.rig.start();
    site.rig.expect_agent("dave", "talking");
    site.control.hang_up(&dave);
    site.control.expect_over(CALL);
    wrap_up(&site.rig, "dave");
    site.assert_handled("agent");
    for name in ["answer", "dial", "bridge"] {
        assert_eq!(site.control.commands(name).len(), 1, "{name}");
    }
}

#[test]
fn who_leaves_while_no_server_is_there_is_asked_after() {
    let mut site = Site::new(DAVE, Manner::Once);
    dave_is_away(&site);
    site.reach_queue();
    site.control.hear(CALL, "music/default/1");
    site.rig.expect_kept("music%2Fdefault%2F1");
    site.rig.kill();
    site.control.hang_up(CALL);
    site.control.forget();
    site.rig.start();
    site.rig.expect_no_calls();
    let record = site.rig.record();
    assert_eq!(record["outcome"], "abandoned", "{record:#}");
    assert_eq!(record["ended_by"], "caller", "{record:#}");
}

#[test]
fn a_caller_at_a_telephone_of_ours_is_taken_back_after_the_kill() {
    let mut site = Site::new(ALICE, Manner::Once);
    let mut alice = site.rig.agent("alice");
    site.reach_queue();
    let invite = alice.ring();
    site.control.hear(CALL, "music/");
    alice.answer(&invite);
    let (party, dial) = site.sip_address();
    let (trunk, _) = bring(&site.rig, &dial);
    site.control.answer(&party);
    site.control.expect_bridged(CALL);
    talk(&trunk, &alice);
    let bridge = site.control.commands("bridge").remove(0).id;
    site.rig.expect_kept(&format!("\"command\":\"{bridge}\""));
    site.rig.kill();
    drop(trunk);
    site.rig.start();
    assert_eq!(alice.register(PASSWORD), 200);
    // The telephone's leg was lost with the server: its other end is hung up, and the flow goes on.
    site.control.expect_over(&party);
    site.control.expect_over(CALL);
    wrap_up(&site.rig, "alice");
    site.assert_handled("agent");
}
