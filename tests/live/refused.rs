//! Calls that we refuse: one record each, which says so.

use serde_json::json;

use crate::flows::ALICE;
use crate::phone::Phone;
use crate::rig::Plan;
use crate::wire::Message;

/// Calls with this offer in place of the phone's own; the final answer, acknowledged.
fn refused(caller: &mut Phone, offer: &str) -> Message {
    let dialog = caller.dialog("1000");
    let invite = caller.request("INVITE", &dialog, dialog.sequence, &dialog.branch, offer);
    caller.send(&invite);
    caller.send(&invite);
    let answer = caller.expect_final("INVITE");
    caller.ack_failure(&dialog, &answer);
    answer
}

#[test]
fn fault_15_a_call_without_a_codec_in_common_is_refused_and_recorded_as_that() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    for line in ["m=audio 4000 RTP/AVP 18", "m=audio 4000 RTP/SAVP 0"] {
        let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
        let answer = refused(&mut caller, &format!("{head}{line}\r\n"));
        assert_eq!(answer.status(), Some(488), "{answer}");
        assert!(answer.header("Warning").contains("audio only as"), "{answer}");
    }
    rig.expect_no_calls();
    let records = rig.records(2);
    assert_eq!(records.len(), 2, "one per call, repeated INVITEs or not");
    for record in records {
        let end = (&record["outcome"], &record["ended_by"], &record["cause_name"]);
        assert_eq!(end, (&json!("refused"), &json!("server"), &json!("incompatible")));
        assert_eq!(record["answered_at"], json!(null), "{record:#}");
        assert_eq!((&record["flow"], &record["legs"]), (&json!(null), &json!([])), "{record:#}");
    }
}

#[test]
fn fault_12_a_call_for_which_there_is_no_room_leaves_a_record() {
    let rig = Plan::new(ALICE).set("server.calls_max", "1").start();
    let mut first = rig.caller();
    let mut dialog = first.call("1000");
    let mut second = rig.caller();
    let refused = {
        let dialog = second.invite("1000");
        let answer = second.expect_final("INVITE");
        second.ack_failure(&dialog, &answer);
        answer
    };
    assert_eq!(refused.status(), Some(503), "{refused}");
    let record = rig.record();
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("refused"), &json!("server")));
    first.bye(&mut dialog);
    rig.expect_no_calls();
    assert_eq!(rig.records(2).len(), 2);
}

#[test]
fn fault_12_a_call_for_which_there_are_no_ports_leaves_a_record() {
    // Room for the sound of two legs.
    let sound = crate::ports::row(5);
    let rig = Plan::new(ALICE)
        .set("media.port_min", &sound.start().to_string())
        .set("media.port_max", &sound.end().to_string())
        .start();
    let mut callers = [rig.caller(), rig.caller()];
    let mut up = callers.each_mut().map(|caller| caller.call("1000"));
    let mut third = rig.caller();
    let dialog = third.invite("1000");
    let refused = third.expect_final("INVITE");
    third.ack_failure(&dialog, &refused);
    assert_eq!(refused.status(), Some(503), "{refused}");
    let record = rig.record();
    let end = (&record["outcome"], &record["ended_by"], &record["cause_name"]);
    assert_eq!(end, (&json!("refused"), &json!("server"), &json!("no_circuit")));
    for (caller, dialog) in callers.iter_mut().zip(&mut up) {
        caller.bye(dialog);
    }
    assert_eq!(rig.records(3).len(), 3);
}
