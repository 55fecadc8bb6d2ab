//! Start, stop and loss of the process (failure catalogue P1, P2, P8).

use std::fs;

use serde_json::json;

use crate::calls::connect;
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, ALICE_AND_BOB, CALLER_HZ, MENU_HZ, PASSWORD, SUPPORT};
use crate::rig::{Plan, Rig};

#[test]
fn a_drain_refuses_new_calls_and_lets_live_ones_go_on() {
    let mut rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    rig.signal("TERM");
    rig.eventually("readiness ends", || (rig.get("/readyz")?.0 == 503).then_some(()));
    let mut late = rig.caller();
    let dialog = late.invite("1000");
    let refused = late.expect_final("INVITE");
    late.ack_failure(&dialog, &refused);
    assert_eq!(refused.status(), Some(503), "{refused}");
    caller.media.say(Some(CALLER_HZ));
    alice.media.say(Some(AGENT_HZ));
    alice.media.expect_tone(CALLER_HZ, SOON);
    caller.media.expect_tone(AGENT_HZ, SOON);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    assert!(rig.exit().success());
}

#[test]
fn a_drain_ends_calls_at_its_limit() {
    let mut rig = Plan::new(ALICE).set("server.drain_timeout_s", "1").start();
    let mut caller = rig.caller();
    caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    rig.signal("TERM");
    caller.expect_bye();
    assert!(rig.exit().success());
    rig.start();
    let record = rig.record();
    assert_eq!(record["ended_by"], "operator", "{record:#}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut rig = Plan::new(ALICE).set("server.drain_timeout_s", "300").start();
    let mut caller = rig.caller();
    caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    rig.signal("TERM");
    rig.eventually("readiness ends", || (rig.get("/readyz")?.0 == 503).then_some(()));
    rig.signal("TERM");
    rig.exit();
}

#[test]
fn a_call_lost_with_the_process_is_in_the_records_once() {
    let mut rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let (mut dialog, _) = connect(&mut caller, &mut alice);
    caller.media.say(Some(CALLER_HZ));
    alice.media.expect_tone(CALLER_HZ, SOON);
    rig.kill();
    for _ in 0..2 {
        rig.start();
        let record = rig.record();
        assert_eq!(record["ended_by"], "server_lost", "{record:#}");
        assert_eq!(record["path"][0]["step"], "greeting");
        assert_eq!(record["queued"][0]["left"], "answered");
        rig.kill();
    }
    rig.start();
    let answer = caller.in_dialog("BYE", &mut dialog, "");
    assert_eq!(answer.status(), Some(481), "{answer}");
    // The next call gets a number of its own.
    let mut next = caller.call("1000");
    caller.bye(&mut next);
    let records = rig.records(2);
    assert_eq!(records.len(), 2);
    assert_ne!(records[0]["id"], records[1]["id"]);
}

#[test]
fn every_mistake_in_the_configuration_is_named_with_its_line() {
    let rig = Plan::new("[agents.alice]\nskils = { tech = 5 }\n[queues.tech]\nwrap_up = \"no\"\n")
        .lay_out();
    let output = rig
        .command(&["serve", "--config"])
        .arg(rig.config_file())
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    let config = fs::read_to_string(rig.config_file()).expect("our own file");
    for mistake in ["skils", "wrap_up"] {
        let line = config.lines().position(|line| line.starts_with(mistake)).expect("written") + 1;
        assert!(said.contains(&format!("attendant.toml:{line}")), "{mistake}, {line}: {said}");
    }
    assert!(said.contains("did you mean `skills`"), "{said}");
}

#[test]
fn a_flow_with_a_typo_does_not_start() {
    let broken = SUPPORT.replace("1 = \"tech\"", "1 = \"tehc\"").replace("1000", "1001");
    let rig = Plan::new(ALICE).flow("broken.toml", &broken).lay_out();
    let flows = rig.path().join("flows");
    let line = broken.lines().position(|line| line.contains("tehc")).expect("written") + 1;
    for arguments in [
        vec!["check", flows.to_str().expect("a plain path")],
        vec!["serve", "--config", rig.config_file().to_str().expect("a plain path")],
    ] {
        let output = rig.command(&arguments).output().expect("the binary starts");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!output.status.success(), "{arguments:?}: {said}");
        assert!(said.contains(&format!("broken.toml:{line}")), "{arguments:?}: {said}");
        assert!(said.contains("tech"), "no suggestion: {said}");
    }
}

#[test]
fn fault_33_serve_refuses_what_check_refuses_in_the_same_words() {
    let rig = Plan::new(ALICE).flow("a.toml", SUPPORT).lay_out();
    for file in ["greeting.wav", "wrong.wav"] {
        fs::write(rig.path().join("prompts").join(file), "<html>not found</html>").expect("ours");
    }
    let config = rig.config_file();
    let config = config.to_str().expect("a plain path");
    let told = |command: &str| {
        let output = rig.command(&[command, "--config", config]).output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = told("check");
    assert_eq!(code, Some(65), "{said}");
    for place in ["file = \"greeting.wav\"", "no_match  = [\"wrong.wav\"]"] {
        assert!(said.contains(place), "{place}: {said}");
    }
    assert_eq!(told("serve"), (code, said));
}

#[test]
fn fault_41_a_log_that_goes_to_a_file_has_no_codes_for_colors() {
    let mut rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    caller.call("1000");
    rig.eventually("a line of the log", || rig.said().contains("call arrived").then_some(()));
    assert!(!rig.said().contains('\u{1b}'), "{}", rig.said());
    rig.kill();
}

#[test]
fn the_health_check_of_a_container_tells_life_from_death() {
    let mut rig = Plan::new(ALICE).start();
    let health = |rig: &Rig| {
        let output = rig.command(&["health"]).output().expect("the binary starts");
        output.status.code()
    };
    assert_eq!(health(&rig), Some(0));
    rig.kill();
    assert_eq!(health(&rig), Some(1));
}

#[test]
fn records_outlive_a_restart() {
    let mut rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    let mut dialog = caller.call("1000");
    caller.bye(&mut dialog);
    let before = rig.record();
    rig.signal("TERM");
    assert!(rig.exit().success());
    rig.start();
    assert_eq!(rig.record(), before);
    assert_eq!(before["outcome"], json!("ivr_abandoned"), "{before:#}");
}

/// However the server ended, no agent has to log in again; one on a break stays on it, also when
/// the telephone, whose registration would make its agent ready, comes back.
#[test]
fn agents_stand_where_they_stood() {
    let mut rig = Plan::new(ALICE_AND_BOB).start();
    let (mut alice, mut bob) = (rig.agent("alice"), rig.agent("bob"));
    for kill in [true, false] {
        let (status, answer) =
            rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "lunch" }));
        assert!(status < 300, "{status} {answer}");
        rig.expect_agent("alice", "not_ready");
        if kill {
            rig.expect_kept("lunch");
            rig.kill();
        } else {
            rig.signal("TERM");
            assert!(rig.exit().success());
        }
        rig.start();
        rig.expect_agent("bob", "ready");
        assert_eq!(rig.expect_agent("alice", "not_ready")["reason"], "lunch");
        assert_eq!(alice.register(PASSWORD), 200);
        assert_eq!(bob.register(PASSWORD), 200);
        rig.eventually("both telephones are there", || {
            let there = |name| rig.agent_view(name).map(|agent| agent["reachable"] == true);
            (there("alice")? && there("bob")?).then_some(())
        });
        assert_eq!(rig.expect_agent("alice", "not_ready")["reason"], "lunch");
        rig.expect_agent("bob", "ready");
        let (status, _) = rig.post("/v1/agents/alice/ready", &json!({}));
        assert!(status < 300);
        rig.expect_agent("alice", "ready");
    }
}
