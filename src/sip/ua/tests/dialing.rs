//! Calls we make: each row of the failure catalogue that a phone can cause.

use super::calls::lost;
use super::*;
use crate::id::AgentId;
use crate::words::{From, Target};

pub(super) const ANSWER: &str = "v=0\r\no=- 9 9 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\n\
    t=0 0\r\nm=audio 7000 RTP/AVP 0\r\n";

pub(super) fn caller() -> From {
    From { number: Some("c000123".into()), name: None }
}

pub(super) fn dial(rig: &mut Rig, target: &Target) -> Vec<String> {
    rig.ua.dial(rig.now, leg(1), target, &caller(), &local_media(10_000));
    rig.drain();
    rig.sent.drain(..).map(|(_, text)| text).collect()
}

pub(super) fn dial_ann(rig: &mut Rig) -> String {
    let mut sent = dial(rig, &Target::Agent(AgentId(0)));
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

/// The far end's response to a request of ours.
pub(super) fn respond(request: &str, code: &str, tag: &str, more: &str, body: &str) -> String {
    let to = header(request, "To");
    let to = if tag.is_empty() { to.to_owned() } else { format!("{to};tag={tag}") };
    format!(
        "SIP/2.0 {code}\nVia: {}\nFrom: {}\nTo: {to}\nCall-ID: {}\nCSeq: {}\n\
         Contact: <sip:ann@203.0.113.5:6100>\n{more}Content-Length: {}\n\n{body}",
        header(request, "Via"),
        header(request, "From"),
        header(request, "Call-ID"),
        header(request, "CSeq"),
        body.len(),
    )
}

pub(super) fn ok(request: &str, tag: &str) -> String {
    respond(request, "200 OK", tag, "Content-Type: application/sdp\n", ANSWER)
}

pub(super) fn failed(cause: Cause) -> Vec<UaEvent> {
    vec![UaEvent::Failed { leg: leg(1), cause }]
}

#[test]
fn an_agent_rings_answers_and_hangs_up() {
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    assert!(invite.starts_with("INVITE sip:ann@203.0.113.5:6100 SIP/2.0\r\n"), "{invite}");
    assert!(header(&invite, "From").starts_with("<sip:c000123@192.0.2.1:5060>;tag="));
    assert!(invite.contains("m=audio 10000 RTP/AVP 0 8 101"), "{invite}");
    rig.receive(&respond(&invite, "100 Trying", "", "", ""));
    rig.receive(&respond(&invite, "180 Ringing", "a", "", ""));
    rig.receive(&respond(&invite, "180 Ringing", "a", "", ""));
    assert_eq!(rig.events(), [UaEvent::Ringing { leg: leg(1) }]);
    rig.receive(&ok(&invite, "a"));
    let ack = rig.only();
    assert!(ack.starts_with("ACK sip:ann@203.0.113.5:6100 SIP/2.0\r\n"), "{ack}");
    assert_eq!(header(&ack, "CSeq"), "1 ACK");
    assert_ne!(header(&ack, "Via"), header(&invite, "Via"), "an ACK to a 2xx has its own branch");
    let events = rig.events();
    let [UaEvent::Media { media, .. }, UaEvent::Answered { .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(media.remote_rtp, address("203.0.113.5:7000"));
    rig.receive(&ok(&invite, "a"));
    assert_eq!(rig.only(), ack, "the same ACK to the same 2xx");
    let tag = header(&invite, "From").rsplit_once("tag=").unwrap().1.to_owned();
    let bye = request("BYE", 1, &tag, "", "")
        .replace("tag=theirs", "tag=a")
        .replace("call-1@198.51.100.7", header(&invite, "Call-ID"));
    rig.receive(&bye);
    assert_eq!(status(&rig.only()), "200");
    assert_eq!(rig.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING }]);
    rig.assert_quiet();
}

#[test]
fn what_a_phone_refuses_with_is_told_once() {
    for (line, cause) in [
        ("486 Busy Here", Cause::USER_BUSY),
        ("600 Busy Everywhere", Cause::USER_BUSY),
        ("603 Decline", Cause::CALL_REJECTED),
        ("480 Away", Cause::NO_USER_RESPONDING),
        ("404 Not Found", Cause::UNALLOCATED_NUMBER),
        ("302 Elsewhere", Cause::CALL_REJECTED),
        ("401 Unauthorized", Cause::CALL_REJECTED),
        ("503 Busy", Cause::CONGESTION),
    ] {
        let mut rig = Rig::new();
        let invite = dial_ann(&mut rig);
        let contact = "Contact: <sip:+19005550100@203.0.113.99>\n";
        rig.receive(&respond(&invite, line, "a", contact, ""));
        let ack = rig.only();
        assert!(ack.starts_with("ACK sip:ann@203.0.113.5:6100"), "{line}: nobody else is called");
        assert_eq!(header(&ack, "Via"), header(&invite, "Via"));
        assert!(header(&ack, "To").ends_with(";tag=a"));
        assert_eq!(rig.events(), failed(cause), "{line}");
        rig.receive(&respond(&invite, line, "a", contact, ""));
        assert_eq!(rig.only(), ack);
        assert_eq!(rig.events(), []);
        rig.assert_quiet();
    }
}

#[test]
fn fault_22_a_phone_that_says_nothing_is_a_fault_of_the_device_within_4_s() {
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.wait(3_999);
    assert_eq!((rig.lines().len(), rig.events()), (3, vec![]));
    rig.wait(1);
    assert_eq!(rig.events(), failed(Cause::TIMER_EXPIRED));
    // Should it wake up, it learns that the call is not wanted any more.
    rig.receive(&respond(&invite, "180 Ringing", "a", "", ""));
    assert!(rig.only().starts_with("CANCEL "));
    rig.receive(&respond(&invite, "487 Request Terminated", "a", "", ""));
    assert_eq!(rig.events(), []);
    rig.sent.clear();
    rig.assert_quiet();
    // One that says anything at all may ring for as long as the caller likes.
    let invite = dial_ann(&mut rig);
    rig.wait(3_999);
    rig.receive(&respond(&invite, "100 Trying", "", "", ""));
    rig.wait(60_000);
    assert_eq!(rig.events(), []);
    rig.ua.hang_up(rig.now, leg(1), Cause::NO_ANSWER);
    rig.assert_quiet();
}

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.ua.hang_up(rig.now, leg(1), Cause::NO_ANSWER);
    rig.drain();
    assert_eq!(rig.lines(), []);
    assert_eq!(rig.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NO_ANSWER }]);
    rig.receive(&respond(&invite, "180 Ringing", "a", "", ""));
    let cancel = rig.only();
    assert!(cancel.starts_with("CANCEL sip:ann@203.0.113.5:6100"), "{cancel}");
    assert_eq!(header(&cancel, "Via"), header(&invite, "Via"));
    assert_eq!(header(&cancel, "CSeq"), "1 CANCEL");
    rig.receive(&respond(&cancel, "200 OK", "a", "", ""));
    rig.receive(&respond(&invite, "487 Request Terminated", "a", "", ""));
    assert!(rig.only().starts_with("ACK "));
    assert_eq!(rig.events(), []);
    rig.assert_quiet();
}

#[test]
fn an_answer_that_crosses_our_cancel_is_hung_up() {
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&respond(&invite, "180 Ringing", "a", "", ""));
    rig.ua.hang_up(rig.now, leg(1), Cause::NO_ANSWER);
    rig.drain();
    rig.events();
    rig.sent.clear();
    rig.receive(&ok(&invite, "a"));
    let lines: Vec<_> = rig.lines().into_iter().map(|(_, line)| line).collect();
    assert!(lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "), "{lines:?}");
    assert_eq!(rig.events(), []);
    rig.assert_quiet();
}

#[test]
fn a_phone_that_rings_for_ever_after_our_cancel_is_forgotten() {
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&respond(&invite, "180 Ringing", "a", "", ""));
    rig.ua.hang_up(rig.now, leg(1), Cause::NO_ANSWER);
    rig.drain();
    rig.assert_quiet();
}

#[test]
fn a_second_answer_of_a_forked_call_is_hung_up() {
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&ok(&invite, "a"));
    rig.sent.clear();
    rig.receive(&ok(&invite, "b"));
    let [(_, ack), (_, bye)] = &rig.sent[..] else { panic!("{:?}", rig.sent) };
    assert!(ack.starts_with("ACK ") && header(ack, "To").ends_with(";tag=b"));
    assert!(bye.starts_with("BYE ") && header(bye, "To").ends_with(";tag=b"));
    let ack = ack.clone();
    rig.sent.clear();
    rig.receive(&ok(&invite, "b"));
    assert_eq!(rig.only(), ack);
    assert_eq!(rig.events().len(), 2, "media and answered, once");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.assert_quiet();
}

#[test]
fn an_answer_without_usable_media_is_hung_up_and_failed() {
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    let body = ANSWER.replace("AVP 0", "AVP 18");
    rig.receive(&respond(&invite, "200 OK", "a", "Content-Type: application/sdp\n", &body));
    let lines: Vec<_> = rig.lines().into_iter().map(|(_, line)| line).collect();
    assert!(lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "), "{lines:?}");
    assert_eq!(rig.events(), failed(Cause::INCOMPATIBLE));
    rig.assert_quiet();
}

#[test]
fn an_agent_without_a_phone_fails_at_once() {
    let mut rig = Rig::new();
    for agent in [2, 99] {
        assert_eq!(dial(&mut rig, &Target::Agent(AgentId(agent))).len(), 0);
        assert_eq!(rig.events(), failed(Cause::SUBSCRIBER_ABSENT));
    }
    rig.assert_quiet();
}

#[test]
fn a_tcp_phone_that_cannot_be_reached_fails_at_once() {
    let mut rig = Rig::new();
    rig.ua.dial(rig.now, leg(1), &Target::Agent(AgentId(1)), &caller(), &local_media(1));
    let sent = rig.ua.poll_transmit().unwrap();
    assert_eq!(sent.path.transport, Transport::Tcp);
    assert_eq!(sent.path.remote, address("203.0.113.6:6100"));
    let connection = Some(crate::sip::path::ConnectionId(1));
    rig.ua.transport_failed(rig.now, Path { connection, ..sent.path });
    rig.drain();
    assert_eq!(rig.events(), failed(Cause::CONGESTION));
    rig.assert_quiet();
}

/// Our re-INVITE on an answered call.
fn our_reinvite(rig: &mut Rig) -> (String, String) {
    let invite = dial_ann(rig);
    rig.receive(&ok(&invite, "a"));
    rig.sent.clear();
    rig.events();
    rig.ua.hold(rig.now, leg(1), true);
    rig.drain();
    (invite, rig.only())
}

#[test]
fn reinvites_that_meet_are_both_refused_and_ours_is_tried_again() {
    let mut rig = Rig::new();
    let (invite, reinvite) = our_reinvite(&mut rig);
    assert!(reinvite.contains("a=sendonly"), "{reinvite}");
    let tag = header(&invite, "From").rsplit_once("tag=").unwrap().1.to_owned();
    let theirs = request("INVITE", 7, &tag, "Content-Type: application/sdp\n", OFFER)
        .replace("tag=theirs", "tag=a")
        .replace("call-1@198.51.100.7", header(&invite, "Call-ID"));
    rig.receive(&theirs);
    assert_eq!(status(&rig.only()), "491");
    rig.receive(&request_as("ACK", "INVITE", 7, &tag, "", ""));
    rig.receive(&respond(&reinvite, "491 Request Pending", "", "", ""));
    assert!(rig.only().starts_with("ACK "));
    rig.wait(2099);
    assert_eq!(rig.lines(), [], "the owner of the Call-ID waits 2.1 to 4 s");
    rig.wait(1901);
    let again = rig.sent.remove(0).1;
    assert_eq!(header(&again, "CSeq"), "3 INVITE");
    let answer = ANSWER.to_owned() + "a=recvonly\r\n";
    let sdp = "Content-Type: application/sdp\n";
    rig.receive(&respond(&again, "200 OK", "", sdp, &answer));
    let events = rig.events();
    let [UaEvent::Media { media, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(media.direction, Direction::SendOnly);
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.assert_quiet();
}

#[test]
fn a_reinvite_that_finds_no_dialog_ends_the_call_and_a_refused_one_does_not() {
    let mut rig = Rig::new();
    let (_, reinvite) = our_reinvite(&mut rig);
    rig.receive(&respond(&reinvite, "481 Gone", "", "", ""));
    assert_eq!(rig.events(), [lost(Cause::TIMER_EXPIRED, Loss::Silent)]);
    rig.assert_quiet();
    let mut rig = Rig::new();
    let (_, reinvite) = our_reinvite(&mut rig);
    rig.receive(&respond(&reinvite, "488 Not Acceptable Here", "", "", ""));
    assert_eq!(rig.events(), []);
    assert_eq!(rig.ua.counts().legs, 1);
}
