//! The server is killed the moment it has promised something, and started again; and what else
//! would end a process.
//!
//! **Invariant:** what was promised is kept: 0 calls without their record, nothing said twice.

use serde_json::{Value, json};

use crate::calls::connect;
use crate::clock::SOON;
use crate::flows::{ALICE, MENU_HZ, PASSWORD};
use crate::peers::have;
use crate::phone::{Dialog, Phone};
use crate::rig::{Plan, Rig};

/// How often each of these tests kills, if `ATTENDANT_KILLS` does not say.
const KILLS: usize = 5;

pub(crate) fn kills() -> usize {
    let asked = std::env::var("ATTENDANT_KILLS").ok();
    asked.map_or(KILLS, |count| count.parse().expect("ATTENDANT_KILLS is a number"))
}

/// A caller who has heard the 200 a moment ago, and nothing more.
#[track_caller]
fn answered(rig: &Rig) -> (Phone, Dialog) {
    let mut caller = rig.caller();
    let dialog = caller.invite("1000");
    assert_eq!(caller.expect_final("INVITE").status(), Some(200), "{}", caller.wire());
    (caller, dialog)
}

/// Kills it, starts it again, and finds one record per round, the last of them as it should be.
#[track_caller]
fn lose(rig: &mut Rig, round: usize) -> Value {
    rig.kill();
    rig.start();
    let mut records = rig.records_now();
    assert_eq!(records.len(), round, "after {round} kills");
    records.pop().expect("a record a round")
}

#[test]
fn fault_01_a_call_that_was_answered_has_its_record_after_a_kill() {
    let mut rig = Plan::new(ALICE).start();
    for round in 1..=kills() {
        let _caller = answered(&rig);
        let record = lose(&mut rig, round);
        assert_eq!(record["ended_by"], "server_lost", "{record:#}");
    }
}

#[test]
fn fault_01_a_call_whose_bye_was_answered_was_ended_by_its_caller() {
    let mut rig = Plan::new(ALICE).start();
    for round in 1..=kills() {
        let mut caller = rig.caller();
        let mut dialog = caller.call("1000");
        caller.bye(&mut dialog);
        let record = lose(&mut rig, round);
        assert_eq!(record["ended_by"], "caller", "{record:#}");
    }
}

#[test]
fn fault_01_a_call_that_was_offered_to_an_agent_says_so_after_a_kill() {
    let mut rig = Plan::new(ALICE).start();
    for round in 1..=kills() {
        let mut alice = rig.agent("alice");
        let mut caller = rig.caller();
        caller.call("1000");
        caller.media.expect_tone(MENU_HZ, SOON);
        caller.media.press('1');
        alice.expect_request("INVITE");
        let record = lose(&mut rig, round);
        assert_eq!(record["queued"][0]["queue"], "tech", "{record:#}");
        assert_eq!(record["legs"].as_array().map(Vec::len), Some(1), "{record:#}");
    }
}

#[test]
fn fault_01_what_the_interface_accepted_outlives_a_kill() {
    let mut rig = Plan::new(ALICE).start();
    for round in 1..=kills() {
        let mut alice = rig.agent("alice");
        let mut caller = rig.caller();
        let (mut dialog, _) = connect(&mut caller, &mut alice);
        caller.bye(&mut dialog);
        alice.expect_bye();
        rig.expect_agent("alice", "after_call_work");
        let (status, answer) = rig.post("/v1/agents/alice/wrap-up", &json!({ "resolved": true }));
        assert_eq!(status, 200, "{answer}");
        let record = lose(&mut rig, round);
        assert_eq!(record["resolved"], true, "{record:#}");
        let reason = format!("lunch {round}");
        let (status, answer) = rig.post("/v1/agents/alice/not-ready", &json!({ "reason": reason }));
        assert_eq!(status, 200, "{answer}");
        lose(&mut rig, round);
        assert_eq!(rig.expect_agent("alice", "not_ready")["reason"], *reason);
        let (status, answer) = rig.post("/v1/agents/alice/ready", &json!({}));
        assert_eq!(status, 200, "{answer}");
    }
}

#[test]
fn fault_10_the_past_is_not_told_as_news() {
    let mut rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    connect(&mut caller, &mut alice);
    rig.eventually("the log has it", || rig.said().contains("call arrived").then_some(()));
    rig.kill();
    rig.start();
    rig.record();
    let said = rig.said();
    for old in ["call arrived", "call answered", "call ended"] {
        assert!(!said.contains(old), "{old}: {said}");
    }
    assert_eq!(said.matches("recovered the journal of the run that crashed").count(), 1, "{said}");
    assert_eq!(alice.register(PASSWORD), 200);
    rig.caller().call("1000");
    rig.eventually("the log has what is new", || rig.said().contains("call arrived").then_some(()));
}

/// With a disk that takes no byte: live calls go on, no call is taken, and when there is room
/// again everything that was noted is there.
#[test]
fn fault_11_a_full_disk_is_said_and_forgotten_when_there_is_room() {
    if !have(&["prlimit"]) {
        return;
    }
    let mut rig = Plan::new(ALICE).start();
    let mut live = rig.caller();
    let mut dialog = live.call("1000");
    rig.limit_files("1");
    let ready = |rig: &Rig| rig.get("/readyz").map(|(status, _)| status == 200);
    rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "lunch" }));
    rig.eventually("readiness ends", || (!ready(&rig)?).then_some(()));
    let mut late = rig.caller();
    let refused = {
        let dialog = late.invite("1000");
        let refused = late.expect_final("INVITE");
        late.ack_failure(&dialog, &refused);
        refused
    };
    assert_eq!(refused.status(), Some(503), "{refused}");
    live.media.expect_tone(MENU_HZ, SOON);
    live.bye(&mut dialog);
    rig.limit_files("unlimited");
    rig.eventually("readiness comes back", || ready(&rig)?.then_some(()));
    assert!(rig.said().contains("the journal is written again"), "{}", rig.said());
    let _next = answered(&rig);
    rig.kill();
    rig.start();
    let records = rig.records_now();
    let ended: Vec<&Value> = records.iter().map(|record| &record["ended_by"]).collect();
    assert_eq!(ended, ["caller", "server_lost"], "{records:#?}");
    assert_eq!(rig.expect_agent("alice", "not_ready")["reason"], "lunch");
}

/// The disk takes nothing more, which nobody knows before a call comes, or a request.
#[test]
fn fault_01_nothing_is_promised_in_the_turn_whose_write_is_the_first_to_fail() {
    if !have(&["prlimit"]) {
        return;
    }
    let mut rig = Plan::new(ALICE).start();
    let mut alice = rig.agent("alice");
    rig.limit_files("1");
    let mut caller = rig.caller();
    let dialog = caller.invite("1000");
    let refused = caller.expect_final("INVITE");
    caller.ack_failure(&dialog, &refused);
    assert_eq!(refused.status(), Some(503), "{refused}");
    // What is asked for is done, and not confirmed.
    for _ in 0..2 {
        let reason = json!({ "reason": "lunch" });
        let (status, answer) = rig.post("/v1/agents/alice/not-ready", &reason);
        assert_eq!((status, &answer["error"]), (503, &json!("unwritten")), "{answer}");
        assert!(answer["message"].as_str().is_some_and(|it| it.contains("this is done")));
        rig.expect_agent("alice", "not_ready");
    }
    rig.kill();
    rig.start();
    assert_eq!(rig.records_now(), [] as [Value; 0], "no caller was promised that call");
    assert_eq!(alice.register(PASSWORD), 200);
    rig.expect_agent("alice", "ready");

    rig.limit_files("1");
    let (status, answer) = rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "tea" }));
    assert_eq!(status, 503, "{answer}");
    rig.limit_files("unlimited");
    rig.eventually("it is written", || (rig.get("/readyz")?.0 == 200).then_some(()));
    rig.kill();
    rig.start();
    assert_eq!(rig.expect_agent("alice", "not_ready")["reason"], "tea");
}

/// What was not written of a call is, with its refusal, when there is room again.
#[test]
fn fault_01_a_call_that_was_refused_for_a_full_disk_has_its_record_afterwards() {
    if !have(&["prlimit"]) {
        return;
    }
    let mut rig = Plan::new(ALICE).start();
    rig.limit_files("1");
    let mut caller = rig.caller();
    let dialog = caller.invite("1000");
    let refused = caller.expect_final("INVITE");
    caller.ack_failure(&dialog, &refused);
    assert_eq!(refused.status(), Some(503), "{refused}");
    rig.limit_files("unlimited");
    rig.eventually("it is written", || (rig.get("/readyz")?.0 == 200).then_some(()));
    let refused = |record: &Value| {
        let said = ["outcome", "ended_by", "answered_at"].map(|key| record[key].clone());
        assert_eq!(said, [json!("refused"), json!("server"), Value::Null], "{record:#}");
    };
    refused(&rig.record());
    let _next = answered(&rig);
    let record = lose(&mut rig, 2);
    assert_eq!(record["ended_by"], "server_lost", "{record:#}");
    refused(&rig.records_now()[0]);
}

#[test]
fn fault_13_signals_that_mean_nothing_end_nothing() {
    let mut rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    let mut dialog = caller.call("1000");
    for name in ["HUP", "USR1", "USR2", "ALRM", "PIPE", "XFSZ"] {
        rig.signal(name);
        if name != "PIPE" {
            let said = format!("SIG{name}: ");
            rig.eventually("it says so", || rig.said().contains(&said).then_some(()));
        }
    }
    caller.media.expect_tone(MENU_HZ, SOON);
    assert_eq!(rig.get("/readyz").map(|(status, _)| status), Some(200));
    rig.signal("QUIT");
    rig.eventually("readiness ends", || (rig.get("/readyz")?.0 == 503).then_some(()));
    caller.bye(&mut dialog);
    assert!(rig.exit().success(), "drained");
}

#[test]
fn fault_13_a_log_that_nobody_reads_ends_nothing() {
    let mut rig = Plan::new(ALICE).start();
    rig.start_unheard();
    let mut caller = rig.caller();
    let mut dialog = caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.bye(&mut dialog);
    assert_eq!(rig.record()["ended_by"], "caller");
}
