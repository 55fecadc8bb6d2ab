//! Outbound calls: a customer's telephone is dialed over HTTP, and led to an agent.

use serde_json::{Value, json};

use crate::calls::{ms, talk};
use crate::clock::SOON;
use crate::flows::{ALICE, GREETING_HZ, MENU_HZ};
use crate::kills::kills;
use crate::peers::{baresip_at_number, have};
use crate::phone::Phone;
use crate::rig::{Plan, Rig};
use crate::talks::{CONSULTED, consulted, live};

/// A server, and the telephone of a customer whom a trunk may dial.
fn with_customer() -> (Rig, Phone) {
    let (mut customer, trunk) = consulted();
    let rig = Plan::new(&format!("{ALICE}{trunk}")).set("server.outbound_calls_max", "10").start();
    customer.turn_to(rig.sip);
    (rig, customer)
}

#[track_caller]
fn dial(rig: &Rig, ask: &Value) -> u64 {
    let (status, made) = rig.post("/v1/calls", ask);
    assert_eq!((status, &made["is_repeat"]), (201, &json!(false)), "{made:#}");
    assert_eq!(made["live"]["state"], "dialing", "{made:#}");
    ms(&made["id"])
}

#[test]
fn a_customer_is_dialed_hears_the_flow_and_talks_to_an_agent() {
    let (rig, mut customer) = with_customer();
    let mut alice = rig.agent("alice");
    let call = dial(&rig, &json!({ "to": "415 555 0177", "flow": "support" }));
    let invite = customer.ring();
    assert!(invite.start.starts_with(&format!("INVITE sip:{CONSULTED}@")), "{invite}");
    let again = rig.post("/v1/calls", &json!({ "to": CONSULTED, "flow": "support" }));
    assert_eq!((again.0, &again.1["error"]), (409, &json!("refused")), "{:#}", again.1);
    let mut c_leg = customer.answer(&invite);
    customer.media.expect_tone(GREETING_HZ, SOON);
    customer.media.expect_tone(MENU_HZ, SOON);
    let view = live(&rig);
    assert_eq!((&view["direction"], &view["asked_by"]), (&json!("outbound"), &json!("operator")));
    customer.media.press('1');
    let invite = alice.ring();
    assert!(invite.header("From").contains(CONSULTED), "{invite}");
    alice.answer(&invite);
    talk(&customer, &alice);
    customer.bye(&mut c_leg);
    alice.expect_bye();
    customer.media.assert_one_stream();
    let record = rig.record();
    assert_eq!(ms(&record["id"]), call);
    assert_eq!((&record["outcome"], &record["via"]), (&json!("handled"), &json!("outbound:away")));
    assert_eq!(
        (&record["direction"], &record["asked_by"]),
        (&json!("outbound"), &json!("operator"))
    );
    let (_, metrics) = rig.get("/v1/metrics").expect("the server listens");
    let counts = (&metrics["calls"], &metrics["outbound_calls"], &metrics["offered"]);
    assert_eq!(counts, (&json!(0), &json!(1), &json!(0)), "{metrics:#}");
}

#[test]
fn a_customer_who_does_not_answer_is_not_reached() {
    let (rig, mut customer) = with_customer();
    for (round, status) in ["486 Busy Here", "603 Decline", "404 Not Found"].into_iter().enumerate()
    {
        dial(&rig, &json!({ "to": CONSULTED, "queue": "tech" }));
        let invite = customer.ring();
        customer.reply(&invite, status);
        customer.expect_request("ACK");
        let records = rig.records(round + 1);
        assert_eq!(records[round]["outcome"], "not_reached", "{status}");
    }
    dial(&rig, &json!({ "to": CONSULTED, "queue": "tech", "ring_s": 5 }));
    let invite = customer.ring();
    let cancel = customer.expect_request("CANCEL");
    customer.reply(&cancel, "200 OK");
    customer.reply(&invite, "487 Request Terminated");
    customer.expect_request("ACK");
    let record = rig.records(4).pop().expect("four");
    assert_eq!(
        (&record["outcome"], &record["cause_name"]),
        (&json!("not_reached"), &json!("no_answer"))
    );
    // Whoever asked thinks better of it.
    let call = dial(&rig, &json!({ "to": CONSULTED, "queue": "tech" }));
    let invite = customer.ring();
    assert_eq!(rig.delete(&format!("/v1/calls/{call}")).0, 204);
    let cancel = customer.expect_request("CANCEL");
    customer.reply(&cancel, "200 OK");
    customer.reply(&invite, "487 Request Terminated");
    customer.expect_request("ACK");
    rig.records(5);
}

#[test]
fn fault_01_a_call_that_was_promised_is_dialed_once_whatever_is_killed() {
    let (mut rig, mut customer) = with_customer();
    let ask = json!({ "to": CONSULTED, "queue": "tech" });
    for round in 1..=kills() {
        let key = format!("order {round}");
        let (status, made) = rig.post_with_key("/v1/calls", &ask, &key);
        assert_eq!(status, 201, "{made:#}");
        let invite = customer.ring();
        rig.kill();
        rig.start();
        let (status, again) = rig.post_with_key("/v1/calls", &ask, &key);
        assert_eq!((status, &again["id"]), (200, &made["id"]), "{again:#}");
        assert_eq!((&again["is_repeat"], &again["live"]), (&json!(true), &Value::Null));
        let first = invite.header("Call-ID").to_owned();
        customer.expect_none(std::time::Duration::from_millis(100), |message| {
            message.is_request("INVITE") && message.header("Call-ID") != first
        });
        customer.forget();
        let record = rig.records(round).pop().expect("a record a round");
        assert_eq!(
            (&record["outcome"], &record["ended_by"]),
            (&json!("not_reached"), &json!("server_lost"))
        );
    }
}

#[test]
fn a_customer_at_baresip_is_dialed_and_talks_to_an_agent() {
    if !have(&["baresip"]) {
        return;
    }
    let port = *crate::ports::row(2).start();
    let trunk =
        format!("\n[trunks.away]\nuri = \"sip:127.0.0.1:{port}\"\nprefixes = [\"+1415555\"]\n");
    let rig = Plan::new(&format!("{ALICE}{trunk}")).set("server.outbound_calls_max", "10").start();
    let mut alice = rig.agent("alice");
    let _customer = baresip_at_number(CONSULTED, port, "");
    dial(&rig, &json!({ "to": CONSULTED, "queue": "tech" }));
    let invite = alice.ring();
    let mut b_leg = alice.answer(&invite);
    alice.media.expect_tone(crate::flows::AGENT_HZ, SOON);
    alice.bye(&mut b_leg);
    let record = rig.record();
    assert_eq!(record["outcome"], "handled", "{record:#}");
}
