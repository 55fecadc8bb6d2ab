//! A supervisor listens, whispers, barges in and takes over: who hears whom, measured at each leg.

mod elsewhere;
mod ends;
mod keys;
mod modes;
mod recorded;

use serde_json::{Value, json};

use crate::calls::{connect, ms, talk};
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ};
use crate::phone::{Dialog, Phone};
use crate::rig::{Plan, Rig, items};
use crate::sound::Codec;
use crate::talks::live;

/// What a supervisor says.
pub(crate) const EVE_HZ: f64 = 2300.0;
const ALL: &[f64] = &[CALLER_HZ, AGENT_HZ, EVE_HZ];

/// Serves no queue of these tests.
pub(crate) const EVE: &str = r#"
[agents.eve]
skills = { watching = 1 }
password = "correct-horse-battery"
auto_login = true
auto_ready = true
"#;

fn from_eve(mode: &str) -> Value {
    json!({ "mode": mode, "from": { "agent": "eve" } })
}

/// A caller with µ-law talks to Alice with A-law; Eve is registered.
struct Watched {
    rig: Rig,
    caller: Phone,
    alice: Phone,
    eve: Phone,
    a_leg: Dialog,
    b_leg: Dialog,
    call: u64,
}

impl Watched {
    fn begin() -> Self {
        Self::with(Plan::new(&format!("{ALICE}{EVE}")))
    }

    fn with(plan: Plan) -> Self {
        let rig = plan.start();
        let (mut caller, mut alice, mut eve) = (rig.caller(), rig.agent("alice"), rig.agent("eve"));
        (caller.codecs, alice.codecs) = (vec![Codec::Ulaw], vec![Codec::Alaw]);
        eve.codecs = vec![Codec::Ulaw];
        let (a_leg, b_leg) = connect(&mut caller, &mut alice);
        talk(&caller, &alice);
        let call = ms(&live(&rig)["id"]);
        Self { rig, caller, alice, eve, a_leg, b_leg, call }
    }

    fn supervise(&self, body: &Value) -> (u16, Value) {
        supervise(&self.rig, self.call, body)
    }

    #[track_caller]
    fn refused(&self, body: &Value, why: &str) {
        let (status, answer) = self.supervise(body);
        assert_eq!((status, &answer["error"]), (409, &json!("refused")), "{answer:#}");
        assert_eq!(answer["message"], why);
    }

    /// Eve is asked for, and answers.
    #[track_caller]
    fn join(&mut self, mode: &str) -> Dialog {
        join(&self.rig, self.call, &mut self.eve, mode)
    }

    #[track_caller]
    fn mode(&self, mode: &str) {
        let (status, call) = self.supervise(&json!({ "mode": mode }));
        assert_eq!(status, 200, "{call:#}");
        assert_eq!(call["supervisor"]["mode"], mode, "{call:#}");
    }

    /// What each hears of the other two, from now on.
    #[track_caller]
    fn expect(&self, caller: &[f64], alice: &[f64], eve: &[f64]) {
        let all = [(&self.caller, caller), (&self.alice, alice), (&self.eve, eve)];
        // First all has come about; then whoever is heard too much is heard still.
        for (phone, tones) in all {
            phone.media.expect_exactly(tones, ALL, SOON);
        }
        for (phone, tones) in all {
            phone.media.forget();
            phone.media.expect_exactly(tones, ALL, SOON);
        }
    }

    fn listen(&self) {
        self.expect(&[AGENT_HZ], &[CALLER_HZ], &[CALLER_HZ, AGENT_HZ]);
    }

    fn whisper(&self) {
        self.expect(&[AGENT_HZ], &[CALLER_HZ, EVE_HZ], &[CALLER_HZ, AGENT_HZ]);
    }

    fn barge(&self) {
        self.expect(&[AGENT_HZ, EVE_HZ], &[CALLER_HZ, EVE_HZ], &[CALLER_HZ, AGENT_HZ]);
    }

    /// Caller and agent, and no other leg.
    #[track_caller]
    fn expect_two(&self) {
        for (phone, hz) in [(&self.caller, AGENT_HZ), (&self.alice, CALLER_HZ)] {
            phone.media.expect_exactly(&[hz], ALL, SOON);
        }
        self.rig.eventually("nobody supervises", || {
            (live(&self.rig)["supervisor"] == Value::Null).then_some(())
        });
    }

    /// Alice is hung up, and Eve goes on with the caller, who hangs up.
    #[track_caller]
    fn taken_over(mut self) -> Value {
        self.alice.expect_bye();
        let (eve, caller) = (&self.eve.media, &self.caller.media);
        caller.expect_exactly(&[EVE_HZ], ALL, SOON);
        eve.expect_exactly(&[CALLER_HZ], ALL, SOON);
        self.rig.expect_agent("alice", "after_call_work");
        assert_eq!(live(&self.rig)["supervisor"], Value::Null);
        self.caller.bye(&mut self.a_leg);
        self.eve.expect_bye();
        self.caller.media.assert_no_key();
        self.caller.media.assert_one_stream();
        self.eve.media.assert_one_stream();
        self.rig.expect_no_calls();
        self.rig.expect_agent("eve", "ready");
        let record = self.rig.record();
        assert_eq!(record["outcome"], "handled", "{record:#}");
        record
    }
}

pub(crate) fn supervise(rig: &Rig, call: u64, body: &Value) -> (u16, Value) {
    rig.post(&format!("/v1/calls/{call}/supervise"), body)
}

/// This agent is asked for, and answers.
#[track_caller]
pub(crate) fn join(rig: &Rig, call: u64, eve: &mut Phone, mode: &str) -> Dialog {
    let body = json!({ "mode": mode, "from": { "agent": eve.name } });
    let (status, view) = supervise(rig, call, &body);
    assert_eq!(status, 200, "{view:#}");
    let there = &view["supervisor"];
    assert_eq!((&there["agent"], &there["mode"]), (&json!(eve.name), &json!(mode)), "{view:#}");
    assert_eq!(there["since"], Value::Null, "{view:#}");
    let invite = eve.ring();
    let dialog = eve.answer(&invite);
    eve.media.say(Some(EVE_HZ));
    expect_mode(rig, mode);
    dialog
}

/// The one call is supervised in this mode.
#[track_caller]
pub(crate) fn expect_mode(rig: &Rig, mode: &str) {
    rig.eventually(&format!("it is {mode}"), || {
        let there = &live(rig)["supervisor"];
        (there["mode"] == mode && there["since"].is_string()).then_some(())
    });
}

/// The supervisor's leg in a record, in these modes one after the other.
#[track_caller]
pub(crate) fn supervised<'a>(record: &'a Value, modes: &[&str]) -> &'a Value {
    let mut legs = items(&record["legs"]).iter().filter(|leg| leg["role"] == "supervisor");
    let leg = legs.next().unwrap_or_else(|| panic!("no supervisor: {record:#}"));
    assert!(legs.next().is_none(), "{record:#}");
    let entries = items(&leg["modes"]);
    assert_eq!(entries.iter().map(|entry| &entry["mode"]).collect::<Vec<_>>(), modes, "{leg:#}");
    let mut moments = vec![ms(&leg["dialed_at"])];
    moments.extend(entries.iter().map(|entry| ms(&entry["at"])));
    moments.push(ms(&leg["ended_at"]));
    assert!(moments.is_sorted(), "{leg:#}");
    leg
}
