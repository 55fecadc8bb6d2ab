//! Three at telephones of ours hear each other, whatever their laws, and whoever leaves, leaves.

use serde_json::json;

use crate::calls::{connect, ms, talk};
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ};
use crate::phone::Phone;
use crate::rig::{Plan, Rig};
use crate::sound::Codec;
use crate::talks::{CONSULTED, CONSULTED_HZ, ask, assert_times, consulted};

const ALL: &[f64] = &[CALLER_HZ, AGENT_HZ, CONSULTED_HZ];

/// Caller and agent with µ-law, whom she consults with A-law; all three in a conference.
struct Three {
    rig: Rig,
    caller: Phone,
    alice: Phone,
    consulted: Phone,
    a_leg: crate::phone::Dialog,
    b_leg: crate::phone::Dialog,
    c_leg: crate::phone::Dialog,
}

impl Three {
    fn meet() -> Self {
        let (mut consulted, trunk) = consulted();
        consulted.codecs = vec![Codec::Alaw];
        let rig = Plan::new(&format!("{ALICE}{trunk}")).start();
        consulted.turn_to(rig.sip);
        let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
        (caller.codecs, alice.codecs) = (vec![Codec::Ulaw], vec![Codec::Ulaw]);
        let (a_leg, b_leg) = connect(&mut caller, &mut alice);
        talk(&caller, &alice);
        ask(&rig, "consult", &json!({ "number": CONSULTED }));
        let invite = consulted.ring();
        let c_leg = consulted.answer(&invite);
        consulted.media.say(Some(CONSULTED_HZ));
        alice.media.expect_exactly(&[CONSULTED_HZ], ALL, SOON);
        ask(&rig, "conference", &json!({}));
        let three = Self { rig, caller, alice, consulted, a_leg, b_leg, c_leg };
        three.caller.media.expect_exactly(&[AGENT_HZ, CONSULTED_HZ], ALL, SOON);
        three.alice.media.expect_exactly(&[CALLER_HZ, CONSULTED_HZ], ALL, SOON);
        three.consulted.media.expect_exactly(&[CALLER_HZ, AGENT_HZ], ALL, SOON);
        three
    }
}

#[test]
fn all_three_hear_each_other_and_the_consulted_party_leaves() {
    let mut three = Three::meet();
    three.caller.media.say(None);
    three.consulted.media.expect_exactly(&[AGENT_HZ], ALL, SOON);
    three.caller.media.say(Some(CALLER_HZ));
    three.consulted.media.expect_exactly(&[CALLER_HZ, AGENT_HZ], ALL, SOON);
    three.consulted.bye(&mut three.c_leg);
    three.caller.media.expect_exactly(&[AGENT_HZ], ALL, SOON);
    three.alice.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
    three.caller.bye(&mut three.a_leg);
    three.alice.expect_bye();
    three.caller.media.assert_one_stream();
    three.alice.media.assert_one_stream();
    let record = three.rig.record();
    assert_times(&record["legs"][0]);
    assert_times(&record["legs"][1]);
}

#[test]
fn the_agent_leaves_a_conference_and_the_others_go_on() {
    let mut three = Three::meet();
    three.alice.bye(&mut three.b_leg);
    three.caller.media.expect_exactly(&[CONSULTED_HZ], ALL, SOON);
    three.consulted.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
    three.consulted.media.assert_one_stream();
    three.caller.bye(&mut three.a_leg);
    three.consulted.expect_bye();
    assert_eq!(three.rig.record()["outcome"], "handled");
}

#[test]
fn the_caller_leaves_a_conference_and_the_others_go_on() {
    let mut three = Three::meet();
    three.caller.bye(&mut three.a_leg);
    three.alice.media.expect_exactly(&[CONSULTED_HZ], ALL, SOON);
    three.consulted.media.expect_exactly(&[AGENT_HZ], ALL, SOON);
    three.consulted.bye(&mut three.c_leg);
    three.alice.expect_bye();
    three.rig.expect_no_calls();
    let record = three.rig.record();
    let left = ms(&record["caller_left_at"]);
    assert!(left < ms(&record["ended_at"]), "{record:#}");
    assert!(ms(&record["legs"][0]["ended_at"]) > left, "{record:#}");
    assert_times(&record["legs"][0]);
}
