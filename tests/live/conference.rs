//! Three, and four, at telephones of ours hear each other, whatever their laws, and whoever leaves,
//! leaves.

use serde_json::json;

use crate::calls::{connect, ms, talk};
use crate::clock::SOON;
use crate::consult::BOB;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ};
use crate::phone::{Dialog, Phone};
use crate::rig::{Plan, Rig, items};
use crate::sound::Codec;
use crate::talks::{CONSULTED, CONSULTED_HZ, ask, assert_times, consulted};

/// What the fourth says.
const BOB_HZ: f64 = 2700.0;
const ALL: &[f64] = &[CALLER_HZ, AGENT_HZ, CONSULTED_HZ, BOB_HZ];

/// Caller and agent with µ-law, whom she consults with A-law; all three in a conference.
struct Three {
    rig: Rig,
    caller: Phone,
    alice: Phone,
    consulted: Phone,
    a_leg: Dialog,
    b_leg: Dialog,
    c_leg: Dialog,
}

impl Three {
    #[track_caller]
    fn meet() -> Self {
        Self::meet_of("")
    }

    /// Beside these agents.
    #[track_caller]
    fn meet_of(agents: &str) -> Self {
        let (mut consulted, trunk) = consulted();
        consulted.codecs = vec![Codec::Alaw];
        let rig = Plan::new(&format!("{ALICE}{agents}{trunk}")).start();
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
        three.expect_three();
        three
    }

    #[track_caller]
    fn expect_three(&self) {
        self.caller.media.expect_exactly(&[AGENT_HZ, CONSULTED_HZ], ALL, SOON);
        self.alice.media.expect_exactly(&[CALLER_HZ, CONSULTED_HZ], ALL, SOON);
        self.consulted.media.expect_exactly(&[CALLER_HZ, AGENT_HZ], ALL, SOON);
    }

    /// Alice asks Bob, who answers; the others are together meanwhile. Then he meets them all.
    #[track_caller]
    fn a_fourth_comes(&self, bob: &mut Phone) -> Dialog {
        ask(&self.rig, "consult", &json!({ "agent": "bob" }));
        let invite = bob.ring();
        let d_leg = bob.answer(&invite);
        bob.media.say(Some(BOB_HZ));
        bob.media.expect_exactly(&[AGENT_HZ], ALL, SOON);
        self.alice.media.expect_exactly(&[BOB_HZ], ALL, SOON);
        self.caller.media.expect_exactly(&[CONSULTED_HZ], ALL, SOON);
        self.consulted.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
        ask(&self.rig, "conference", &json!({}));
        bob.media.expect_exactly(&[CALLER_HZ, AGENT_HZ, CONSULTED_HZ], ALL, SOON);
        self.alice.media.expect_exactly(&[CALLER_HZ, CONSULTED_HZ, BOB_HZ], ALL, SOON);
        self.caller.media.expect_exactly(&[AGENT_HZ, CONSULTED_HZ, BOB_HZ], ALL, SOON);
        self.consulted.media.expect_exactly(&[CALLER_HZ, AGENT_HZ, BOB_HZ], ALL, SOON);
        d_leg
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

#[test]
fn a_fourth_comes_and_goes_and_each_hears_the_three_others() {
    let mut three = Three::meet_of(BOB);
    let mut bob = three.rig.agent("bob");
    bob.codecs = vec![Codec::Ulaw];
    let mut d_leg = three.a_fourth_comes(&mut bob);
    bob.bye(&mut d_leg);
    three.expect_three();
    bob.media.assert_one_stream();
    three.rig.expect_agent("bob", "ready");

    // Again, and now another leaves.
    bob.media.forget();
    bob.codecs = vec![Codec::Alaw];
    let mut d_leg = three.a_fourth_comes(&mut bob);
    three.consulted.bye(&mut three.c_leg);
    three.caller.media.expect_exactly(&[AGENT_HZ, BOB_HZ], ALL, SOON);
    three.alice.media.expect_exactly(&[CALLER_HZ, BOB_HZ], ALL, SOON);
    bob.media.expect_exactly(&[CALLER_HZ, AGENT_HZ], ALL, SOON);
    three.caller.bye(&mut three.a_leg);
    three.alice.media.expect_exactly(&[BOB_HZ], ALL, SOON);
    bob.media.expect_exactly(&[AGENT_HZ], ALL, SOON);
    bob.bye(&mut d_leg);
    three.alice.expect_bye();
    for phone in [&three.caller, &three.alice, &three.consulted, &bob] {
        phone.media.assert_one_stream();
    }
    three.rig.expect_no_calls();
    let record = three.rig.record();
    let legs = items(&record["legs"]);
    let whom: Vec<_> = legs.iter().map(|leg| (&leg["agent"], &leg["number"])).collect();
    let (alice, bob, number) = (json!("alice"), json!("bob"), json!(CONSULTED));
    let none = json!(null);
    assert_eq!(
        whom,
        [(&alice, &none), (&none, &number), (&bob, &none), (&bob, &none)],
        "{record:#}"
    );
    legs.iter().for_each(assert_times);
}
