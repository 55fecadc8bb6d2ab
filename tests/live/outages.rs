//! What carries a call breaks: a TCP connection is cut in mid-call, a trunk does not take calls.

use std::time::Duration;

use serde_json::{Value, json};

use crate::calls::{connect, talk};
use crate::clock::SOON;
use crate::flows::ALICE;
use crate::line::Line;
use crate::phone::{Dialog, Phone};
use crate::rig::{Plan, Rig};
use crate::wire::Message;

/// A telephone over TCP.
fn over_tcp(rig: &Rig, name: &str) -> Phone {
    Phone::on(Line::tcp(), name, rig.sip)
}

fn alice_over_tcp(rig: &Rig) -> Phone {
    let mut alice = over_tcp(rig, "alice");
    assert_eq!(alice.register(crate::flows::PASSWORD), 200, "{}", alice.wire());
    rig.expect_agent("alice", "ready");
    alice
}

/// One call was handled and is written down once, and the agent is free for notes.
#[track_caller]
fn assert_handled(rig: &Rig, ended_by: &str) {
    rig.expect_no_calls();
    let record = rig.record();
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!(ended_by)));
    let legs = record["legs"].as_array().expect("legs");
    assert_eq!(legs.len(), 1, "{record:#}");
    assert_eq!(legs[0]["outcome"], "accepted", "{record:#}");
}

/// Two talk, one of them over TCP; that connection is cut, and they talk on.
#[track_caller]
fn talk_through_a_cut(caller: &mut Phone, alice: &mut Phone) -> (Dialog, Dialog) {
    let legs = connect(caller, alice);
    talk(caller, alice);
    let phones = [&*caller, &*alice];
    let line = phones.map(|phone| &phone.line).into_iter().find(|line| line.transport() == "TCP");
    let line = line.expect("one is on TCP");
    assert_eq!(line.taken(), 0, "the peer's own connection is enough");
    line.cut();
    for phone in phones {
        phone.media.forget();
    }
    talk(caller, alice);
    legs
}

#[test]
fn a_caller_whose_connection_was_cut_is_told_of_the_end_over_a_new_one() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (over_tcp(&rig, "+14155550111"), rig.agent("alice"));
    let (_, mut b_leg) = talk_through_a_cut(&mut caller, &mut alice);
    alice.bye(&mut b_leg);
    caller.expect_bye();
    assert_eq!(caller.line.taken(), 1, "the server opened a connection to the Contact");
    assert_handled(&rig, "agent");
    rig.expect_agent("alice", "after_call_work");
}

#[test]
fn a_caller_whose_connection_was_cut_hangs_up_over_a_new_one() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (over_tcp(&rig, "+14155550111"), rig.agent("alice"));
    let (mut a_leg, _) = talk_through_a_cut(&mut caller, &mut alice);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    assert_eq!(caller.line.taken(), 0);
    assert_handled(&rig, "caller");
    rig.expect_agent("alice", "after_call_work");
}

#[test]
fn an_agent_whose_connection_was_cut_is_told_of_the_end_over_a_new_one() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), alice_over_tcp(&rig));
    let (mut a_leg, _) = talk_through_a_cut(&mut caller, &mut alice);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    assert_eq!(alice.line.taken(), 1, "the server opened a connection to the Contact");
    assert_handled(&rig, "caller");
}

#[test]
fn an_agent_whose_connection_was_cut_hangs_up_over_a_new_one() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), alice_over_tcp(&rig));
    let (_, mut b_leg) = talk_through_a_cut(&mut caller, &mut alice);
    alice.bye(&mut b_leg);
    caller.expect_bye();
    assert_handled(&rig, "agent");
    // The phone registers again, as phones do, and takes the next call.
    assert_eq!(alice.register(crate::flows::PASSWORD), 200);
    let (status, answer) = rig.post("/v1/agents/alice/wrap-up", &json!({ "resolved": true }));
    assert!(status < 300, "{status} {answer}");
    rig.expect_agent("alice", "ready");
    alice.forget();
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    assert_eq!(rig.records(2).len(), 2);
}

// ---- trunks ----

pub(crate) const OUT: &str = r#"
[flow]
numbers = ["2000"]
start   = "out"

[transfer.out]
to             = "+14155550123"
ring_timeout_s = 60
next           = "bye"
failed         = "closed"

[play.closed]
file = "closed.wav"
next = "bye"

[hangup.bye]
"#;

/// A server with these trunks for the number of the flow. It tries them in the order of their
/// names, however its file is written.
fn with_trunks<const N: usize>(lines: [(&str, Line); N]) -> (Rig, [Phone; N]) {
    let nobody = ([127, 0, 0, 1], 9).into();
    let mut trunks = lines.map(|(name, line)| Phone::on(line, name, nobody));
    let section = |trunk: &Phone| {
        let (name, uri) = (&trunk.name, trunk.uri().replace(&format!("{}@", trunk.name), ""));
        format!("[trunks.{name}]\nuri = \"{uri}\"\nprefixes = [\"+1415555\"]\n")
    };
    let sections: String = trunks.iter().rev().map(section).collect();
    let rig = Plan::new(&(sections + ALICE)).flow("out.toml", OUT).start();
    for trunk in &mut trunks {
        trunk.server = rig.sip;
    }
    (rig, trunks)
}

fn two_trunks() -> (Rig, [Phone; 2]) {
    with_trunks([("first", Line::udp()), ("second", Line::udp())])
}

/// The call is taken by this trunk, two talk, and the caller hangs up.
#[track_caller]
pub(crate) fn carried(caller: &mut Phone, a_leg: &mut Dialog, trunk: &mut Phone) {
    let invite = trunk.ring();
    assert!(invite.start.starts_with("INVITE sip:+14155550123@"), "{invite}");
    trunk.answer(&invite);
    talk(caller, trunk);
    caller.bye(a_leg);
    trunk.expect_bye();
    trunk.forget();
    caller.media.say(None);
    trunk.media.say(None);
}

#[track_caller]
pub(crate) fn assert_transferred(record: &Value, trunk: &str) {
    assert_eq!(record["outcome"], "transferred", "{record:#}");
    let legs = record["legs"].as_array().expect("legs");
    assert_eq!(legs.len(), 1, "one leg, whichever trunk it took: {record:#}");
    assert_eq!(legs[0]["trunk"], trunk, "{record:#}");
}

fn is_invite(message: &Message) -> bool {
    message.is_request("INVITE")
}

#[test]
fn a_trunk_that_asks_to_be_left_alone_rests_and_the_next_one_carries_the_calls() {
    let (rig, [mut first, mut second]) = two_trunks();
    let mut caller = rig.caller();
    let mut a_leg = caller.call("2000");
    let invite = first.expect_request("INVITE");
    first.reply_with(&invite, "503 Service Unavailable", &[("Retry-After", "60")]);
    first.expect_request("ACK");
    first.forget();
    carried(&mut caller, &mut a_leg, &mut second);
    rig.expect_no_calls();

    let mut a_leg = caller.call("2000");
    carried(&mut caller, &mut a_leg, &mut second);
    first.expect_none(Duration::from_millis(100), is_invite);
    rig.expect_no_calls();
    for record in rig.records(2) {
        assert_transferred(&record, "second");
    }
}

#[test]
fn a_trunk_that_says_nothing_is_passed_over_and_too_late_when_it_does() {
    let (rig, [mut first, mut second]) = two_trunks();
    let mut caller = rig.caller();
    let mut a_leg = caller.call("2000");
    let invite = first.expect_request("INVITE");
    let taken = second.ring();
    // Now it rings after all: it is not wanted any more.
    first.reply(&invite, "180 Ringing");
    let cancel = first.expect_request("CANCEL");
    assert_eq!(cancel.header("Call-ID"), invite.header("Call-ID"));
    first.reply(&cancel, "200 OK");
    first.reply(&invite, "487 Request Terminated");
    first.receive(SOON, |message| message.is_request("ACK")).expect("the ACK of the 487");
    second.answer(&taken);
    talk(&caller, &second);
    caller.bye(&mut a_leg);
    second.expect_bye();
    rig.expect_no_calls();

    first.forget();
    second.forget();
    let mut a_leg = caller.call("2000");
    carried(&mut caller, &mut a_leg, &mut second);
    first.expect_none(Duration::from_millis(100), is_invite);
    rig.expect_no_calls();
    for record in rig.records(2) {
        assert_transferred(&record, "second");
    }
}

#[test]
fn a_trunk_called_over_tcp_whose_connection_was_cut_ends_calls_over_new_ones() {
    let (rig, [mut trunk]) = with_trunks([("only", Line::tcp())]);
    let mut caller = rig.caller();
    for (count, is_theirs) in [(1, false), (2, true)] {
        let mut a_leg = caller.call("2000");
        let invite = trunk.ring();
        let mut b_leg = trunk.answer(&invite);
        talk(&caller, &trunk);
        assert_eq!(trunk.line.taken(), 2 * count - 1, "the server has connected for the INVITE");
        trunk.line.cut();
        if is_theirs {
            trunk.bye(&mut b_leg);
            caller.expect_bye();
        } else {
            caller.bye(&mut a_leg);
            trunk.expect_bye();
            assert_eq!(trunk.line.taken(), 2, "and again for the BYE");
            // So that the next call needs another one.
            trunk.line.cut();
        }
        rig.expect_no_calls();
        caller.forget();
        trunk.forget();
        caller.media.say(None);
        trunk.media.say(None);
    }
    for record in rig.records(2) {
        assert_transferred(&record, "only");
    }
}
