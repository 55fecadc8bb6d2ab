//! Calls at a provider that only does what it is commanded: from the greeting to the record.

use attendant::webhook::document::Callee;
use serde_json::{Value, json};

use crate::flows::ALICE;
use crate::ports;
use crate::rig::Rig;
use crate::webhooks::calls::{VOICEMAIL, assert_handled, bring, ms, talk, wrap_up};
use crate::webhooks::control::{CALL, Control, Manner};
use crate::webhooks::{DAVE, dave_and_alice, flow, server};

/// A server, and Telnyx.
pub(super) struct Site {
    pub(super) rig: Rig,
    pub(super) control: Control,
}

impl Site {
    #[track_caller]
    pub(super) fn new(people: &str, manner: Manner) -> Self {
        Self::with(people, manner, &flow())
    }

    #[track_caller]
    pub(super) fn with(people: &str, manner: Manner, flow: &str) -> Self {
        let door = ports::one();
        let control = Control::start(door, manner);
        let rig = server("telnyx", door, &control.section(), people, flow);
        Self { rig, control }
    }

    /// From the greeting into the queue, with a wrong key on the way.
    #[track_caller]
    pub(super) fn reach_queue(&self) {
        let control = &self.control;
        control.call(CALL);
        control.hear(CALL, "greeting.wav");
        control.hear(CALL, "menu.wav");
        control.press(CALL, '9');
        control.hear(CALL, "wrong.wav");
        control.hear(CALL, "menu.wav");
        control.press(CALL, '1');
    }

    /// Dave's number rings, he listens and takes the call.
    #[track_caller]
    pub(super) fn dave_takes_it(&self) -> String {
        let (dave, to) = self.control.rings(CALL);
        assert_eq!(to, "+14155550199");
        self.control.answer(&dave);
        self.control.hear(&dave, "A call for you.");
        self.rig.expect_agent("dave", "reserved");
        self.control.press(&dave, '1');
        self.control.expect_bridged(CALL);
        self.rig.expect_agent("dave", "talking");
        dave
    }

    /// The caller's sound comes by SIP, as it was dialed.
    #[track_caller]
    pub(super) fn sip_address(&self) -> (String, Callee) {
        let (party, to) = self.control.rings(CALL);
        (party, Callee::Sip(to))
    }

    #[track_caller]
    pub(super) fn assert_handled(&self, ended_by: &str) -> Value {
        let record = assert_handled(&self.rig, "telnyx", ended_by);
        assert_eq!(record["legs"].as_array().map(Vec::len), Some(1), "{record:#}");
        assert_eq!(record["queued"].as_array().map(Vec::len), Some(1), "{record:#}");
        record
    }
}

/// Dave at his number; he is ready once a test says so.
pub(super) fn dave_is_away(site: &Site) {
    site.rig.expect_agent("dave", "ready");
    site.rig.post("/v1/agents/dave/not-ready", &json!({ "reason": "lunch" }));
    site.rig.expect_agent("dave", "not_ready");
}

#[test]
fn a_caller_waits_for_an_agent_at_a_number_who_takes_the_call_and_the_caller_hangs_up() {
    for manner in Manner::ALL {
        let site = Site::new(DAVE, manner);
        dave_is_away(&site);
        site.reach_queue();
        site.control.hear(CALL, "music/default/1");
        site.control.hear(CALL, "music/default/2");
        site.rig.post("/v1/agents/dave/ready", &json!({}));
        let dave = site.dave_takes_it();
        site.control.hang_up(CALL);
        site.control.expect_over(&dave);
        wrap_up(&site.rig, "dave");
        site.assert_handled("caller");
        site.rig.expect_no_calls();
    }
}

#[test]
fn an_agent_at_a_number_who_hangs_up_ends_the_call() {
    for manner in Manner::ALL {
        let site = Site::new(DAVE, manner);
        site.rig.expect_agent("dave", "ready");
        site.reach_queue();
        let dave = site.dave_takes_it();
        site.control.hang_up(&dave);
        site.control.expect_over(CALL);
        wrap_up(&site.rig, "dave");
        site.assert_handled("agent");
        site.rig.expect_no_calls();
        for name in ["answer", "dial", "bridge", "hangup"] {
            assert_eq!(site.control.commands(name).len(), 1, "{name}");
        }
    }
}

#[test]
fn a_caller_is_brought_to_the_agents_telephone_and_hangs_up() {
    for manner in Manner::ALL {
        let site = Site::new(ALICE, manner);
        let mut alice = site.rig.agent("alice");
        site.reach_queue();
        let invite = alice.ring();
        site.control.hear(CALL, "music/");
        alice.answer(&invite);
        let (party, dial) = site.sip_address();
        let (mut trunk, mut sound) = bring(&site.rig, &dial);
        site.control.answer(&party);
        site.control.expect_bridged(CALL);
        talk(&trunk, &alice);
        site.control.hang_up(CALL);
        trunk.bye(&mut sound);
        alice.expect_bye();
        wrap_up(&site.rig, "alice");
        site.assert_handled("caller");
        site.rig.expect_no_calls();
        trunk.media.assert_one_stream();
        alice.media.assert_one_stream();
    }
}

#[test]
fn an_agent_at_a_telephone_who_hangs_up_ends_the_call() {
    for manner in Manner::ALL {
        let site = Site::new(ALICE, manner);
        let mut alice = site.rig.agent("alice");
        site.reach_queue();
        let invite = alice.ring();
        let mut talks = alice.answer(&invite);
        let (party, dial) = site.sip_address();
        let (mut trunk, _) = bring(&site.rig, &dial);
        site.control.answer(&party);
        site.control.expect_bridged(CALL);
        talk(&trunk, &alice);
        alice.bye(&mut talks);
        trunk.expect_bye();
        site.control.hang_up(&party);
        site.control.expect_over(CALL);
        wrap_up(&site.rig, "alice");
        site.assert_handled("agent");
        site.rig.expect_no_calls();
    }
}

#[test]
fn a_caller_who_gives_up_frees_the_agent_who_is_rung() {
    for manner in Manner::ALL {
        let site = Site::new(DAVE, manner);
        site.rig.expect_agent("dave", "ready");
        site.reach_queue();
        let (dave, _) = site.control.rings(CALL);
        site.control.hang_up(CALL);
        site.control.expect_over(&dave);
        site.rig.expect_agent("dave", "ready");
        let record = site.rig.record();
        assert_eq!(record["outcome"], "abandoned", "{record:#}");
        assert_eq!(record["legs"][0]["outcome"], "withdrawn", "{record:#}");
    }
}

#[test]
fn a_number_that_is_busy_or_presses_no_key_passes_the_call_on() {
    let both = dave_and_alice();
    for (is_busy, outcome) in [(true, "busy"), (false, "no_answer")] {
        let site = Site::new(&both, Manner::Once);
        let mut alice = site.rig.agent("alice");
        site.rig.expect_agent("dave", "ready");
        site.reach_queue();
        let (dave, _) = site.control.rings(CALL);
        if is_busy {
            site.control.at(|platform, _| platform.fails(&dave, "user_busy"));
        } else {
            // A voicemail: it answers, listens twice, and presses nothing.
            site.control.answer(&dave);
            site.control.hear(&dave, "A call for you.");
            let heard = |name| site.control.commands(name).len();
            site.control.go_on(&dave, "the whisper is over", |state| {
                (!state.platform.is_up(&dave)).then_some(())
            });
            assert_eq!(heard("gather_using_speak"), 2, "whispers");
        }
        let invite = alice.ring();
        site.control.hear(CALL, "music/");
        let mut talks = alice.answer(&invite);
        let (party, dial) = site.sip_address();
        let (mut trunk, _) = bring(&site.rig, &dial);
        site.control.answer(&party);
        talk(&trunk, &alice);
        alice.bye(&mut talks);
        trunk.expect_bye();
        site.control.hang_up(&party);
        site.control.expect_over(CALL);
        wrap_up(&site.rig, "alice");
        let record = site.rig.record_when(|record| !record["resolved"].is_null());
        let legs = record["legs"].as_array().expect("legs");
        let outcomes: Vec<_> = legs.iter().map(|leg| leg["outcome"].clone()).collect();
        assert_eq!(outcomes, [json!(outcome), json!("accepted")], "{record:#}");
    }
}

#[test]
fn a_message_stands_in_the_record_whether_its_caller_waits_or_hangs_up() {
    for (hangs_up, ended) in [(false, "stopped"), (true, "hung_up")] {
        for manner in Manner::ALL {
            if hangs_up && manner == Manner::Crossed {
                continue; // a message that is there before its caller is gone was ended by silence
            }
            let site = Site::with(ALICE, manner, VOICEMAIL);
            let control = &site.control;
            control.call(CALL);
            control.hear(CALL, "greeting.wav");
            control.go_on(CALL, "a message is asked for", |state| {
                state.is_recording(CALL).then_some(())
            });
            assert!(control.at(|platform, now| platform.says(now, CALL, 7_000)));
            if hangs_up {
                control.at(|platform, now| platform.hangs_up(now + 7_000, CALL));
            } else {
                control.hear(CALL, "menu.wav");
                control.go_on(CALL, "it ends", |state| (!state.platform.is_up(CALL)).then_some(()));
            }
            let record = site.rig.record_when(|record| !record["recordings"][0].is_null());
            let recording = &record["recordings"][0];
            let [length, state, how] =
                ["length_ms", "state", "ended"].map(|name| recording[name].clone());
            assert_eq!(json!([length, state, how]), json!([7_000, "kept", ended]), "{record:#}");
            let url = format!("https://recordings.example.com/{CALL}");
            assert_eq!(recording["url"], url.as_str(), "{record:#}");
            assert_eq!(record["recordings"].as_array().map(Vec::len), Some(1), "{record:#}");
            assert!(ms(&record["ended_at"]) >= ms(&record["arrived_at"]), "{record:#}");
            site.rig.expect_no_calls();
        }
    }
}
