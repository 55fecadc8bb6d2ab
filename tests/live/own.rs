//! Agents who use their telephones for themselves: codes, flows, colleagues, outside.

use serde_json::{Value, json};

use crate::calls::{reach_queue, talk};
use crate::clock::SOON;
use crate::flows::{ALICE, ALICE_AND_BOB, CALLER_HZ, MENU_HZ, PASSWORD};
use crate::phone::{Dialog, Phone};
use crate::rig::{Plan, Rig};
use crate::talks::{CONSULTED, consulted};
use crate::wire::Message;

/// Waits for the refusal of this call, and acknowledges it.
#[track_caller]
fn refused(phone: &mut Phone, dialog: &Dialog) -> Option<u16> {
    let answer = phone.final_of("INVITE", dialog);
    phone.ack_failure(dialog, &answer);
    answer.status()
}

#[track_caller]
fn hears_it_ring(phone: &mut Phone) {
    let ringing = phone.receive(SOON, |message| message.status() == Some(180));
    assert!(ringing.is_some(), "no 180; the wire:\n{}", phone.wire());
}

/// Agents' calls are in no figure, and counted as theirs.
#[track_caller]
fn assert_counted(rig: &Rig, own: u64) {
    let (status, metrics) = rig.get("/v1/metrics").expect("the server listens");
    assert_eq!(status, 200, "{metrics}");
    let counts = (&metrics["calls"], &metrics["agent_calls"], &metrics["handled_calls"]);
    assert_eq!(counts, (&json!(0), &json!(own), &json!(0)), "{metrics:#}");
    let (_, Value::String(counters)) = rig.get("/metrics").expect("the server listens") else {
        panic!("/metrics is text");
    };
    let total = format!("attendant_agent_calls_total {own}\n");
    assert!(counters.contains(&total), "{counters}");
    let mut outcomes = counters.lines().filter(|line| line.starts_with("attendant_calls_total"));
    assert!(outcomes.all(|line| line.ends_with(" 0")), "{counters}");
}

/// The fault: the offer came while the confirmation was played, the phone said busy, and the caller
/// waited on beside a ready agent.
#[test]
fn fault_26_ready_from_a_one_line_phone_brings_the_waiting_caller_at_once() {
    let rig = Plan::new(ALICE).start();
    let mut alice = rig.agent("alice");
    let (status, answer) = rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "lunch" }));
    assert!(status < 300, "{status} {answer}");
    let mut caller = rig.caller();
    let mut a_leg = reach_queue(&mut caller);
    rig.eventually("the caller waits", || {
        let (_, queue) = rig.get("/v1/queues/tech")?;
        (queue["waiting"] == 1).then_some(())
    });
    alice.call_with_password("*42", PASSWORD);
    let busy = rig.expect_agent("alice", "on_own_call");
    assert_eq!(busy["own_call"], busy["call"], "{busy:#}");
    // One line: an INVITE before the BYE would find it in use.
    let first = alice.receive(SOON, |m| m.is_request("INVITE") || m.is_request("BYE"));
    let bye = first.expect("the confirmation ends");
    assert!(bye.is_request("BYE"), "{bye}");
    alice.reply(&bye, "200 OK");
    let invite = alice.ring();
    alice.answer(&invite);
    talk(&caller, &alice);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    let records = rig.records(2);
    let offers: Vec<_> = records.iter().filter_map(|record| record["legs"].as_array()).collect();
    assert_eq!(offers.iter().map(|legs| legs.len()).sum::<usize>(), 1, "{records:#?}");
}

#[test]
fn fault_26_agents_call_each_other_and_are_offered_nothing_meanwhile() {
    let patient = ALICE_AND_BOB.replace("ring_timeout_s = 3", "ring_timeout_s = 60");
    let rig = Plan::new(&patient).start();
    let (mut alice, mut bob) = (rig.agent("alice"), rig.agent("bob"));
    let mut a_leg = alice.invite_with_password("bob", PASSWORD);
    let invite = bob.ring();
    assert!(invite.header("From").contains("sip:alice@"), "{invite}");
    hears_it_ring(&mut alice);
    rig.expect_agent("alice", "on_own_call");
    rig.expect_agent("bob", "on_own_call");
    let mut b_leg = bob.answer(&invite);
    alice.answered(&mut a_leg);
    alice.ack(&a_leg);
    talk(&alice, &bob);

    // A caller waits for them, and is with one of them in the moment they are done.
    let mut caller = rig.caller();
    let mut c_leg = reach_queue(&mut caller);
    rig.eventually("the caller waits", || {
        let (_, queue) = rig.get("/v1/queues/tech")?;
        (queue["waiting"] == 1).then_some(())
    });
    bob.bye(&mut b_leg);
    alice.expect_bye();
    let invite = alice.ring();
    rig.expect_agent("bob", "ready");
    // Alice's telephone rings: for a colleague it is busy.
    let busy = bob.invite_with_password("alice", PASSWORD);
    assert_eq!(refused(&mut bob, &busy), Some(486));
    caller.bye(&mut c_leg);
    let cancel = alice.expect_request("CANCEL");
    alice.reply(&cancel, "200 OK");
    alice.reply(&invite, "487 Request Terminated");
    rig.expect_no_calls();
    let own = &rig.records(3)[0];
    assert_eq!((&own["kind"], &own["via"]), (&json!("agent"), &json!("agent:alice")), "{own:#}");
    assert_eq!((&own["ended_by"], &own["legs"][0]["agent"]), (&json!("agent"), &json!("bob")));
    assert!(own["legs"][0]["talk_ms"].as_u64() > Some(0), "{own:#}");
}

#[test]
fn fault_26_what_keeps_a_colleague_from_answering_is_passed_on() {
    let rig = Plan::new(ALICE_AND_BOB).start();
    let (mut alice, mut bob) = (rig.agent("alice"), rig.agent("bob"));
    for (status, code) in [("486 Busy Here", 486), ("480 Not Here", 480), ("603 Decline", 603)] {
        let call = alice.invite_with_password("bob", PASSWORD);
        let invite = bob.ring();
        bob.reply(&invite, status);
        bob.expect_request("ACK");
        assert_eq!(refused(&mut alice, &call), Some(code), "{status}");
        rig.expect_agent("bob", "ready");
    }
    // Alice gives up while it rings.
    let call = alice.invite_with_password("bob", PASSWORD);
    let invite = bob.ring();
    hears_it_ring(&mut alice);
    alice.cancel(&call);
    let cancel = bob.expect_request("CANCEL");
    bob.reply(&cancel, "200 OK");
    bob.reply(&invite, "487 Request Terminated");
    bob.expect_request("ACK");
    assert_eq!(refused(&mut alice, &call), Some(487));
    rig.expect_agent("alice", "ready");
    assert_eq!(bob.register_for(PASSWORD, 0), 200);
    let call = alice.invite_with_password("bob", PASSWORD);
    assert_eq!(refused(&mut alice, &call), Some(480));
    let call = alice.invite_with_password("nobody", PASSWORD);
    assert_eq!(refused(&mut alice, &call), Some(404));
    assert!(rig.said().contains("an agent's call is refused"), "{}", rig.said());
    rig.records(6);
    assert_counted(&rig, 6);
}

#[test]
fn fault_26_agents_call_outside_where_a_trunk_allows_it_and_into_flows() {
    let (mut other, trunk) = consulted();
    let trunk = format!("{trunk}caller_id = \"+14155550100\"\n");
    let rig = Plan::new(&format!("{ALICE}{trunk}")).start();
    other.turn_to(rig.sip);
    let mut alice = rig.agent("alice");
    let mut a_leg = alice.invite_with_password("4155550177", PASSWORD);
    let invite = other.ring();
    assert!(invite.start.starts_with(&format!("INVITE sip:{CONSULTED}@")), "{invite}");
    assert!(invite.header("From").contains("sip:+14155550100@"), "{invite}");
    other.answer(&invite);
    alice.answered(&mut a_leg);
    alice.ack(&a_leg);
    talk(&alice, &other);
    rig.expect_agent("alice", "on_own_call");
    alice.bye(&mut a_leg);
    other.expect_bye();
    rig.expect_agent("alice", "ready");
    let barred = alice.invite_with_password("+882139900000", PASSWORD);
    assert_eq!(refused(&mut alice, &barred), Some(403));

    let mut a_leg = alice.call_with_password("1000", PASSWORD);
    alice.media.say(Some(CALLER_HZ));
    alice.media.expect_tone(MENU_HZ, SOON);
    alice.media.press('1');
    rig.eventually("alice waits in the queue she serves", || {
        let (_, queue) = rig.get("/v1/queues/tech")?;
        (queue["waiting"] == 1).then_some(())
    });
    rig.expect_agent("alice", "on_own_call");
    alice.bye(&mut a_leg);
    rig.expect_agent("alice", "ready");
    alice.expect_none(std::time::Duration::ZERO, |message: &Message| message.is_request("INVITE"));
    rig.records(3);
    assert_counted(&rig, 3);

    // A caller who comes through the trunk calls neither outside nor an agent.
    let mut caller = rig.caller();
    for to in ["4155550177", "alice"] {
        let call = caller.invite(to);
        assert_eq!(refused(&mut caller, &call), Some(404), "{to}");
    }
}
