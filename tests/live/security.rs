//! Peers that the server does not serve (security defaults D1 to D5).

use std::time::Duration;

use crate::flows::{ALICE, PASSWORD};
use crate::phone::Phone;
use crate::rig::Plan;

/// A trunk that is not this machine: every caller of the test is a stranger.
const ELSEWHERE: &str = "192.0.2.1";

#[test]
fn a_stranger_cannot_call() {
    let rig = Plan::new(ALICE).trunk(ELSEWHERE).start();
    let mut stranger = rig.caller();
    let dialog = stranger.invite("1000");
    let answer = stranger.expect_final("INVITE");
    stranger.ack_failure(&dialog, &answer);
    assert!(matches!(answer.status(), Some(401 | 403)), "{answer}");
    assert!(!stranger.wire().contains(" 18"), "a stranger's call rang: {}", stranger.wire());
    rig.expect_no_calls();
}

#[test]
fn a_wrong_password_registers_nobody() {
    let rig = Plan::new(ALICE).start();
    let mut mallory = Phone::new("alice", rig.sip);
    assert!(matches!(mallory.register("wrong-password"), 401 | 403));
    let alice = rig.agent_view("alice").expect("alice is configured");
    assert_ne!(alice["state"], "ready", "{alice}");
    assert_eq!(mallory.register(PASSWORD), 200);
}

#[test]
fn an_unknown_user_is_answered_like_a_known_one() {
    let rig = Plan::new(ALICE).start();
    let statuses = ["alice", "nobody"].map(|name| Phone::new(name, rig.sip).register("wrong"));
    assert_eq!(statuses[0], statuses[1]);
}

#[test]
fn who_guesses_passwords_is_not_answered_any_more() {
    let rig = Plan::new(ALICE).trunk(ELSEWHERE).set("sip.ban_failures_max", "4").start();
    let mut mallory = Phone::new("alice", rig.sip);
    for _ in 0..4 {
        assert!(matches!(mallory.register("wrong-password"), 401 | 403));
    }
    mallory.send_request("OPTIONS", "1000");
    mallory.expect_none(Duration::from_secs(1), |message| {
        message.method() == "OPTIONS" && message.status() != Some(403)
    });
}

#[test]
fn an_empty_or_well_known_password_is_refused_at_start() {
    for weak in ["", "1234", "alice"] {
        let rig = Plan::new(&ALICE.replace(PASSWORD, weak)).lay_out();
        let output = rig
            .command(&["serve", "--config"])
            .arg(rig.config_file())
            .output()
            .expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{weak:?} was accepted");
        assert!(said.contains("attendant.toml:"), "no place: {said}");
        assert!(weak.is_empty() || !said.contains(&format!("\"{weak}\"")), "shown: {said}");
    }
}

#[test]
fn the_http_interface_wants_its_token() {
    let rig = Plan::new(ALICE).start();
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    for token in ["", "Bearer ", "Bearer wrong", "Basic YTpi"] {
        for path in ["/v1/agents", "/v1/calls", "/v1/records", "/v1/queues"] {
            let url = format!("http://{}{path}", rig.api);
            let answer = agent.get(url).header("Authorization", token).call().expect("answered");
            assert_eq!(answer.status().as_u16(), 401, "{path} with {token:?}");
        }
    }
}

#[test]
fn rubbish_on_the_wire_hurts_nobody() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    let long = format!("INVITE sip:1000@x SIP/2.0\r\nVia: {}\r\n\r\n", "x".repeat(60_000));
    let rubbish: [&[u8]; 5] =
        [b"", b"\r\n\r\n", b"\0\xff\0\xff", b"SIP/2.0 200\r\n\r\n", long.as_bytes()];
    for bytes in rubbish {
        caller.send_bytes(bytes);
    }
    let mut dialog = caller.call("1000");
    caller.bye(&mut dialog);
    rig.expect_no_calls();
}
