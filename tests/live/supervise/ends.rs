//! Supervisors who leave, do not come or may not; and calls that end under them.

use serde_json::{Value, json};

use super::{EVE, Watched, from_eve, supervise, supervised};
use crate::flows::{ALICE, PASSWORD};
use crate::rig::{Plan, items};
use crate::talks::{assert_times, consulted};

#[test]
fn a_supervisor_leaves_and_the_two_go_on() {
    let mut watched = Watched::begin();
    let mut eves = watched.join("barge");
    watched.barge();
    watched.eve.bye(&mut eves);
    watched.expect_two();
    watched.join("whisper");
    watched.whisper();
    let (status, answer) = watched.rig.delete(&format!("/v1/calls/{}/supervise", watched.call));
    assert_eq!(status, 204, "{answer}");
    watched.eve.expect_bye();
    watched.expect_two();
    let (status, answer) = watched.rig.delete(&format!("/v1/calls/{}/supervise", watched.call));
    assert_eq!((status, &answer["error"]), (409, &json!("refused")), "{answer}");
    watched.rig.expect_agent("eve", "ready");
    watched.caller.bye(&mut watched.a_leg);
    watched.alice.expect_bye();
    let record = watched.rig.record();
    let modes: Vec<_> =
        items(&record["legs"])[1..].iter().map(|leg| &leg["modes"][0]["mode"]).collect();
    assert_eq!(modes, ["barge", "whisper"], "{record:#}");
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("caller")));
    assert_times(&record["legs"][0]);
}

#[test]
fn whoever_ends_the_call_ends_it_for_the_supervisor() {
    let mut watched = Watched::begin();
    watched.join("listen");
    watched.listen();
    watched.caller.bye(&mut watched.a_leg);
    watched.alice.expect_bye();
    watched.eve.expect_bye();
    watched.rig.expect_no_calls();
    watched.rig.expect_agent("eve", "ready");
    let record = watched.rig.record();
    supervised(&record, &["listen"]);
    assert_eq!(record["ended_by"], "caller");
    let (status, answer) = watched.supervise(&json!({ "mode": "barge" }));
    assert_eq!((status, &answer["error"]), (404, &json!("not_found")), "{answer}");
    let (status, answer) = watched.rig.delete(&format!("/v1/calls/{}/supervise", watched.call));
    assert_eq!((status, &answer["error"]), (404, &json!("not_found")), "{answer}");
}

#[test]
fn the_agent_hangs_up_and_the_supervisor_is_hung_up_too() {
    let mut watched = Watched::begin();
    watched.join("barge");
    watched.barge();
    watched.alice.bye(&mut watched.b_leg);
    watched.caller.expect_bye();
    watched.eve.expect_bye();
    watched.rig.expect_no_calls();
    // The talk ends before the flow does, and with it the mode that was asked for it.
    supervised(&watched.rig.record(), &["barge", "listen"]);
}

#[test]
fn a_supervisor_who_does_not_come_changes_nothing() {
    let mut watched = Watched::begin();
    for status in ["486 Busy Here", "603 Decline"] {
        assert_eq!(watched.supervise(&from_eve("barge")).0, 200);
        let invite = watched.eve.ring();
        watched.refused(
            &json!({ "mode": "listen" }),
            &format!("the supervisor of call-{} has not answered yet", watched.call),
        );
        watched.eve.reply(&invite, status);
        watched.eve.expect_request("ACK");
        watched.expect_two();
        watched.rig.expect_agent("eve", "ready");
    }
    // Eve is asked away while it rings.
    assert_eq!(watched.supervise(&from_eve("barge")).0, 200);
    let invite = watched.eve.ring();
    assert_eq!(watched.rig.delete(&format!("/v1/calls/{}/supervise", watched.call)).0, 204);
    let cancel = watched.eve.expect_request("CANCEL");
    watched.eve.reply(&cancel, "200 OK");
    watched.eve.reply(&invite, "487 Request Terminated");
    watched.expect_two();
    assert_eq!(watched.eve.register_for(PASSWORD, 0), 200);
    watched.rig.eventually("eve is gone", || {
        (watched.rig.agent_view("eve")?["reachable"] == false).then_some(())
    });
    watched.refused(&from_eve("listen"), "the telephone of eve is not registered");
    watched.expect_two();
    watched.caller.bye(&mut watched.a_leg);
    watched.alice.expect_bye();
    let record = watched.rig.record();
    let outcomes: Vec<_> = items(&record["legs"]).iter().map(|leg| &leg["outcome"]).collect();
    assert_eq!(outcomes, ["accepted", "busy", "rejected", "withdrawn"], "{record:#}");
    let modes = |leg: &Value| items(&leg["modes"]).len();
    assert!(items(&record["legs"]).iter().all(|leg| modes(leg) == 0), "{record:#}");
}

#[test]
fn what_cannot_be_supervised_is_refused_by_name() {
    let (bob, (_, trunk)) = (EVE.replace("eve", "bob"), consulted());
    let mut watched = Watched::with(Plan::new(&format!("{ALICE}{EVE}{bob}{trunk}")));
    let call = watched.call;
    let nobody = format!("call-{call} has no supervisor");
    watched.refused(&json!({ "mode": "listen" }), &nobody);
    let from = |from: Value| json!({ "mode": "listen", "from": from });
    let no_agent = "there is no agent `mallory`";
    watched.refused(&from(json!({ "agent": "mallory" })), no_agent);
    watched.refused(&from(json!({ "agent": "alice" })), "the telephone of alice is in use");
    let number = "+882139900000";
    let barred = format!("no trunk may dial {number}");
    watched.refused(&from(json!({ "number": number })), &barred);
    let own = "+14155550111";
    watched.refused(&from(json!({ "number": own })), &format!("{own} is the caller's own number"));
    watched.refused(&from(json!({ "number": "eve" })), "`eve` is not a telephone number");
    let (status, answer) = watched.supervise(&json!({ "mode": "shout" }));
    assert_eq!((status, &answer["error"]), (422, &json!("bad_body")), "{answer}");
    watched.rig.agent("bob");
    watched.join("listen");
    watched.listen();
    let two = format!("call-{call} has a supervisor already");
    watched.refused(&from(json!({ "agent": "bob" })), &two);
    assert_eq!(supervise(&watched.rig, 999, &from_eve("listen")).0, 404);
    watched.listen();
    watched.caller.bye(&mut watched.a_leg);
    watched.alice.expect_bye();
    watched.eve.expect_bye();
    supervised(&watched.rig.record(), &["listen"]);
}
