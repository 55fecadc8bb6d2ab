//! Records in a real PostgreSQL that fails, hangs and comes back, while real calls come in.
//!
//! Without Debian's package these tests say so and do nothing; with `ATTENDANT_LIVE=1` they fail.

mod server;

use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::peers::have;
use crate::ports;
use crate::rig::{Plan, Process, Rig, items};

use server::{PASSWORD, TestServer, USER, no_server};

/// Answers, and says something until the caller hangs up.
const LISTEN: &str = r#"
[flow]
numbers = ["3000"]
start   = "listen"

[play.listen]
file = "menu.wav"
next = "bye"

[hangup.bye]
"#;

const DATABASE: &str = "calls";

fn plan(server: &TestServer, password: &str) -> Plan {
    let address = format!("\"postgres://{USER}@127.0.0.1:{}/{DATABASE}\"", server.port());
    Plan::new("")
        .flow("listen.toml", LISTEN)
        .set("server.database", &address)
        .set("server.database_password", &format!("\"{password}\""))
}

/// This many calls, five a second, each of which hangs up after 300 ms.
fn calls(rig: &Rig, count: u32) -> Process {
    let port = ports::one().port().to_string();
    let (count, target) = (count.to_string(), rig.sip.to_string());
    let child: Child = Command::new("sipp")
        .args(["-sn", "uac", "-s", "3000", "-m", &count, "-r", "5", "-d", "300", "-nostdin"])
        .args(["-i", "127.0.0.1", "-p", &port, &target])
        .current_dir(rig.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sipp starts");
    Process(child)
}

/// Every one of them was answered and ended as it should.
#[track_caller]
fn go_well(rig: &Rig, mut peer: Process) {
    let status = rig.eventually("sipp has ended", || peer.0.try_wait().expect("our child"));
    assert!(status.success(), "sipp: {status}; the server said:\n{}", rig.said());
}

/// All of these calls are in the database, once each, and in the order in which they ended.
#[track_caller]
fn expect_delivered(rig: &Rig, server: &TestServer, count: usize) {
    let mut there = 0;
    rig.eventually(&format!("{count} records are delivered"), || {
        there = server.sql(DATABASE, "SELECT count(*) FROM calls").parse().unwrap_or(0);
        (there >= count).then_some(())
    });
    assert_eq!(there, count);
    // Nothing was deleted or changed: rows stand in the order in which they came.
    let ends = server.sql(DATABASE, "SELECT ended_at FROM calls ORDER BY ctid");
    let ends: Vec<u64> = ends.lines().map(|line| line.parse().expect("a time")).collect();
    assert!(ends.is_sorted(), "{ends:?}");
}

fn readiness(rig: &Rig) -> (u16, String) {
    let url = format!("http://{}/readyz", rig.api);
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let mut answer = ureq::Agent::new_with_config(config).get(&url).call().expect("it answers");
    (answer.status().as_u16(), answer.body_mut().read_to_string().expect("a text"))
}

#[track_caller]
fn expect_degraded(rig: &Rig) {
    rig.eventually("it says so", || readiness(rig).1.contains("degraded").then_some(()));
    assert_eq!(readiness(rig).0, 200, "calls go on");
}

#[test]
fn calls_go_on_while_the_database_is_stopped_and_every_record_is_there_once_and_in_order() {
    if !have(&["sipp"]) {
        return;
    }
    let Some(server) = TestServer::start() else { return no_server() };
    server.make(DATABASE);
    let rig = plan(&server, PASSWORD).start();
    go_well(&rig, calls(&rig, 5));
    expect_delivered(&rig, &server, 5);
    // In the middle of calls.
    let peer = calls(&rig, 15);
    server.stop();
    go_well(&rig, peer);
    expect_degraded(&rig);
    let (status, answer) = rig.get("/v1/records").expect("an answer");
    assert_eq!((status, &answer["error"]), (503, &json!("database")), "{answer:#}");
    let peer = calls(&rig, 10);
    server.go_on();
    go_well(&rig, peer);
    expect_delivered(&rig, &server, 30);
    rig.eventually("it is ready", || (readiness(&rig).1 == "ready\n").then_some(()));
    let (status, answer) = rig.get("/v1/records?limit=500").expect("an answer");
    assert_eq!((status, items(&answer).len()), (200, 30), "{answer:#}");
    // And the commands read it.
    let output = rig.command(&["records", "--json", "--limit", "500"]).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 30, "{output:?}");
    let output = rig.command(&["report", "--last", "1h"]).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let copy = rig.path().join("copy");
    let copy = copy.to_str().expect("a plain path");
    let output = rig.command(&["backup", copy]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("pg_dump"), "{output:?}");
    assert!(!rig.said().contains(PASSWORD), "a password was logged");
}

#[test]
fn calls_go_on_while_the_database_hangs() {
    if !have(&["sipp"]) {
        return;
    }
    let Some(server) = TestServer::start() else { return no_server() };
    server.make(DATABASE);
    let rig = plan(&server, PASSWORD).start();
    let peer = calls(&rig, 40);
    expect_delivered_some(&rig, &server);
    let hanging = server.hang();
    go_well(&rig, peer);
    expect_degraded(&rig);
    drop(hanging);
    expect_delivered(&rig, &server, 40);
}

#[track_caller]
fn expect_delivered_some(rig: &Rig, server: &TestServer) {
    rig.eventually("some are delivered", || {
        let there = "SELECT 1 WHERE to_regclass('calls') IS NOT NULL";
        (server.sql(DATABASE, there) == "1").then_some(())
    });
    rig.eventually("some are delivered", || {
        (server.sql(DATABASE, "SELECT count(*) FROM calls") != "0").then_some(())
    });
}

/// A server that is killed while its records wait, and starts again while they still do.
#[test]
fn a_server_that_is_killed_while_the_database_is_away_delivers_after_its_start() {
    if !have(&["sipp"]) {
        return;
    }
    let Some(server) = TestServer::start() else { return no_server() };
    server.make(DATABASE);
    let mut rig = plan(&server, PASSWORD).start();
    go_well(&rig, calls(&rig, 5));
    expect_delivered(&rig, &server, 5);
    server.stop();
    go_well(&rig, calls(&rig, 10));
    rig.kill();
    rig.start();
    expect_degraded(&rig);
    go_well(&rig, calls(&rig, 10));
    server.go_on();
    expect_delivered(&rig, &server, 25);
}

/// What waiting does not mend fails the start, by name and without the password.
#[test]
fn a_wrong_password_and_a_missing_database_fail_the_start() {
    let Some(server) = TestServer::start() else { return no_server() };
    let start = |password: &str| {
        let rig = plan(&server, password).lay_out();
        let output = rig.command(&["serve"]).output().expect("it runs");
        assert!(!output.status.success(), "{output:?}");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    };
    let said = start(PASSWORD);
    assert!(said.contains("does not exist"), "{said}");
    server.make(DATABASE);
    let said = start("hunter2 hunter2");
    assert!(said.contains("server.database") && !said.contains("hunter2"), "{said}");
}
