//! An agent consults another agent, or a queue: they talk, all meet, and the call changes hands.

use serde_json::{Value, json};

use crate::calls::{connect, ms, talk};
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ, SUPPORT, TONES};
use crate::phone::{Dialog, Phone};
use crate::rig::{Plan, Rig, items};
use crate::sound::Codec;
use crate::talks::{ask, assert_times, live};

/// What Bob says.
const BOB_HZ: f64 = 2300.0;
const ALL: &[f64] = &[CALLER_HZ, AGENT_HZ, BOB_HZ];

/// Bob answers for a queue of his own.
pub(crate) const BOB: &str = r#"
[agents.bob]
skills = { billing = 5 }
password = "correct-horse-battery"
auto_login = true
auto_ready = true

[queues.billing]
wrap_up = "until_done"
"#;

const BILLING: &str = r#"
[queue.billing]
skills    = { billing = 1 }
timeout   = "closed"
no_agents = "closed"
full      = "closed"
"#;

/// A caller with µ-law talks to Alice with A-law; Bob, with µ-law, is ready.
struct Talk {
    rig: Rig,
    caller: Phone,
    alice: Phone,
    bob: Phone,
    a_leg: Dialog,
    b_leg: Dialog,
}

impl Talk {
    fn begin() -> Self {
        let plan = Plan::new(&format!("{ALICE}{BOB}"));
        let rig = plan.flow("support.toml", &format!("{SUPPORT}{BILLING}")).start();
        let (mut caller, mut alice, mut bob) = (rig.caller(), rig.agent("alice"), rig.agent("bob"));
        (caller.codecs, alice.codecs) = (vec![Codec::Ulaw], vec![Codec::Alaw]);
        bob.codecs = vec![Codec::Ulaw];
        let (a_leg, b_leg) = connect(&mut caller, &mut alice);
        talk(&caller, &alice);
        Self { rig, caller, alice, bob, a_leg, b_leg }
    }

    /// Alice asks; Bob's telephone rings, and he takes it.
    #[track_caller]
    fn consult(&mut self, whom: &Value) -> Dialog {
        ask(&self.rig, "consult", whom);
        let invite = self.bob.ring();
        self.caller.media.expect_sound_but(TONES, SOON);
        assert_eq!(stage(&self.rig), "ringing");
        let dialog = self.bob.answer(&invite);
        self.bob.media.say(Some(BOB_HZ));
        self.alice.media.expect_exactly(&[BOB_HZ], ALL, SOON);
        self.bob.media.expect_exactly(&[AGENT_HZ], ALL, SOON);
        assert_eq!(self.rig.expect_agent("bob", "on_own_call")["reachable"], true);
        let consult = &live(&self.rig)["consult"];
        assert_eq!((&consult["agent"], &consult["number"]), (&json!("bob"), &Value::Null));
        dialog
    }

    #[track_caller]
    fn meet(&self) {
        ask(&self.rig, "conference", &json!({}));
        self.caller.media.expect_exactly(&[AGENT_HZ, BOB_HZ], ALL, SOON);
        self.alice.media.expect_exactly(&[CALLER_HZ, BOB_HZ], ALL, SOON);
        self.bob.media.expect_exactly(&[CALLER_HZ, AGENT_HZ], ALL, SOON);
    }
}

#[track_caller]
fn stage(rig: &Rig) -> Value {
    live(rig)["consult"]["stage"].clone()
}

#[track_caller]
fn refused(rig: &Rig, whom: &Value, why: &str) {
    let (status, answer) = rig.post("/v1/agents/alice/consult", whom);
    assert_eq!((status, &answer["error"]), (409, &json!("refused")), "{answer:#}");
    assert_eq!(answer["message"], why);
}

#[test]
fn an_agent_is_consulted_meets_the_caller_and_gets_the_call() {
    let mut on = Talk::begin();
    refused(&on.rig, &json!({ "agent": "alice" }), "alice cannot consult themselves");
    refused(&on.rig, &json!({ "agent": "eve" }), "there is no agent `eve`");
    let why = "no flow has a queue `sales`; there are billing, tech";
    refused(&on.rig, &json!({ "queue": "sales" }), why);
    let why = "nobody but alice is there to answer for the queue `tech`";
    refused(&on.rig, &json!({ "queue": "tech" }), why);
    talk(&on.caller, &on.alice);

    on.consult(&json!({ "agent": "bob" }));
    on.meet();
    ask(&on.rig, "complete", &json!({}));
    on.alice.expect_bye();
    on.caller.media.expect_exactly(&[BOB_HZ], ALL, SOON);
    on.bob.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
    on.rig.expect_agent("alice", "after_call_work");
    on.rig.expect_agent("bob", "talking");
    // He is the agent of the call now.
    let (status, answer) = on.rig.post("/v1/agents/bob/hold", &json!({}));
    assert_eq!(status, 200, "{answer:#}");
    on.caller.media.expect_sound_but(TONES, SOON);
    on.rig.post("/v1/agents/bob/resume", &json!({}));
    on.caller.media.expect_exactly(&[BOB_HZ], ALL, SOON);
    on.caller.bye(&mut on.a_leg);
    on.bob.expect_bye();
    on.rig.expect_agent("bob", "after_call_work");
    for agent in ["alice", "bob"] {
        on.rig.post(&format!("/v1/agents/{agent}/wrap-up"), &json!({ "resolved": true }));
        on.rig.expect_agent(agent, "ready");
    }
    let record = on
        .rig
        .record_when(|record| items(&record["legs"]).iter().all(|leg| !leg["acw_ms"].is_null()));
    let (alice, bob) = (&record["legs"][0], &record["legs"][1]);
    assert_eq!((&alice["sent_to_agent"], &alice["consulted"]), (&json!("bob"), &json!(false)));
    assert_eq!((&bob["agent"], &bob["consulted"]), (&json!("bob"), &json!(true)));
    assert_eq!(ms(&bob["handed_over_at"]), ms(&alice["ended_at"]));
    items(&record["legs"]).iter().for_each(assert_times);
    on.caller.media.assert_one_stream();
    on.bob.media.assert_one_stream();
    let (_, metrics) = on.rig.get("/v1/metrics").expect("the server listens");
    let n = (&metrics["aht_call_s"]["n"], &metrics["aht_leg_s"]["n"]);
    assert_eq!(n, (&json!(1), &json!(2)), "{metrics:#}");
}

#[test]
fn a_consulted_agent_who_leaves_has_nothing_to_write_up() {
    let mut on = Talk::begin();
    let mut c_leg = on.consult(&json!({ "agent": "bob" }));
    on.meet();
    on.bob.bye(&mut c_leg);
    talk(&on.caller, &on.alice);
    on.rig.expect_agent("bob", "ready");
    on.alice.bye(&mut on.b_leg);
    on.caller.expect_bye();
    let record = on.rig.record();
    items(&record["legs"]).iter().for_each(assert_times);
    assert_eq!(record["legs"][1]["handed_over_at"], Value::Null, "{record:#}");
    assert_eq!(record["ended_by"], "agent", "{record:#}");
}

#[test]
fn a_queue_finds_a_ready_agent_who_meets_the_caller() {
    let mut on = Talk::begin();
    on.consult(&json!({ "queue": "billing" }));
    on.meet();
    on.alice.bye(&mut on.b_leg);
    on.caller.media.expect_exactly(&[BOB_HZ], ALL, SOON);
    on.bob.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
    on.rig.expect_agent("bob", "talking");
    on.caller.bye(&mut on.a_leg);
    on.bob.expect_bye();
    on.rig.expect_agent("bob", "after_call_work");
    let record = on.rig.record();
    let stays: Vec<_> = items(&record["queued"])
        .iter()
        .map(|stay| (stay["queue"].as_str(), stay["consulted"].as_bool(), stay["left"].as_str()))
        .collect();
    let expected = [
        (Some("tech"), Some(false), Some("answered")),
        (Some("billing"), Some(true), Some("answered")),
    ];
    assert_eq!(stays, expected, "{record:#}");
    assert_eq!(record["legs"][1]["queue"], "billing", "{record:#}");
}

#[test]
fn who_waits_for_a_queue_goes_back_to_the_caller() {
    let mut on = Talk::begin();
    // While a telephone rings.
    ask(&on.rig, "consult", &json!({ "queue": "billing" }));
    let invite = on.bob.ring();
    on.caller.media.expect_sound_but(TONES, SOON);
    ask(&on.rig, "resume", &json!({}));
    let cancel = on.bob.expect_request("CANCEL");
    on.bob.reply(&cancel, "200 OK");
    on.bob.reply(&invite, "487 Request Terminated");
    on.bob.expect_request("ACK");
    talk(&on.caller, &on.alice);
    on.rig.expect_agent("bob", "ready");

    // While no agent is ready.
    let (status, _) = on.rig.post("/v1/agents/bob/not-ready", &json!({ "reason": "lunch" }));
    assert_eq!(status, 200);
    ask(&on.rig, "consult", &json!({ "queue": "billing" }));
    assert_eq!(stage(&on.rig), "waiting");
    on.caller.media.expect_sound_but(TONES, SOON);
    on.alice.media.expect_sound_but(TONES, SOON);
    ask(&on.rig, "resume", &json!({}));
    talk(&on.caller, &on.alice);
    let (_, queue) = on.rig.get("/v1/queues/billing").expect("the server listens");
    assert_eq!(queue["waiting"], 0, "{queue:#}");
    on.caller.bye(&mut on.a_leg);
    on.alice.expect_bye();
    let record = on.rig.record();
    let left: Vec<_> = items(&record["queued"]).iter().map(|stay| &stay["left"]).collect();
    assert_eq!(left, ["answered", "withdrawn", "withdrawn"], "{record:#}");
    items(&record["legs"])[..1].iter().for_each(assert_times);
}
