//! TCP: connections that end in mid-call, and requests too long for a datagram.

use super::dialing::{ANSWER, failed};
use super::*;
use crate::id::AgentId;
use crate::sip::path::ConnectionId;
use crate::words::{From, Target};

fn tcp(remote: &str, connection: u64) -> Path {
    let path = Path::new(Transport::Tcp, address(US), address(remote));
    path.along(ConnectionId(connection))
}

/// What to send: where, and the text.
fn out(rig: &mut Rig) -> Vec<(Path, String)> {
    let sent = std::iter::from_fn(|| rig.ua.poll_transmit());
    sent.map(|t| (t.path, String::from_utf8(t.bytes.to_vec()).unwrap())).collect()
}

/// The trunk calls over TCP from a port of its own; its Contact says where it listens.
fn called_by_tcp(contact: &str) -> (Rig, String) {
    let mut rig = Rig::new();
    rig.path = tcp("198.51.100.7:40000", 1);
    let by_tcp = |text: String| {
        text.replace("SIP/2.0/UDP", "SIP/2.0/TCP").replace("<sip:198.51.100.7:5060>", contact)
    };
    rig.receive(&by_tcp(invite()));
    let [UaEvent::Incoming { dialog, .. }] = rig.events()[..] else { panic!("no call") };
    rig.ua.bind(rig.now, dialog, leg(1), local_media(10_000));
    rig.ua.answer(rig.now, leg(1));
    rig.drain();
    let tag = our_tag(&rig.sent.pop().unwrap().1);
    rig.receive(&by_tcp(request_as("ACK", "ack", 1, &tag, "", "")));
    rig.forget();
    (rig, tag)
}

const CONTACT: &str = "<sip:198.51.100.7:5070;transport=tcp>";

#[test]
fn a_call_outlives_its_connection() {
    let (mut rig, _) = called_by_tcp(CONTACT);
    rig.ua.transport_failed(rig.now, rig.path);
    rig.drain();
    assert_eq!((rig.lines(), rig.events()), (vec![], vec![]), "the call goes on");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    let [(path, bye)] = &out(&mut rig)[..] else { panic!("one BYE") };
    assert!(bye.starts_with("BYE sip:198.51.100.7:5070;transport=tcp "), "{bye}");
    assert_eq!(*path, Path { connection: None, ..tcp("198.51.100.7:5070", 0) });
    rig.assert_quiet();
}

#[test]
fn a_request_that_was_under_way_is_sent_again() {
    let (mut rig, _) = called_by_tcp(CONTACT);
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    let first = out(&mut rig);
    assert_eq!(first[0].0, rig.path);
    rig.ua.transport_failed(rig.now, rig.path);
    let second = out(&mut rig);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].1, first[0].1, "the same request, should the first have arrived");
    assert_eq!(second[0].0, Path { connection: None, ..tcp("198.51.100.7:5070", 0) });
    // The new connection fails too: that is that.
    rig.ua.transport_failed(rig.now, tcp("198.51.100.7:5070", 2));
    assert_eq!(out(&mut rig), []);
    rig.assert_quiet();
}

#[test]
fn a_peer_that_connects_anew_is_answered_there() {
    // Behind a NAT: nothing but its own connection reaches it.
    let (mut rig, tag) = called_by_tcp("<sip:10.0.0.7:5060;transport=tcp>");
    rig.ua.transport_failed(rig.now, rig.path);
    rig.path = tcp("198.51.100.7:40001", 2);
    rig.receive(&request("INFO", 2, &tag, "", "").replace("/UDP", "/TCP"));
    assert_eq!(status(&rig.only()), "200");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    assert_eq!(out(&mut rig)[0].0, tcp("198.51.100.7:40001", 2));
    rig.assert_quiet();
}

/// A call of ours to a phone that registered with a TCP address, answered along our connection.
fn called_them_by_tcp() -> (Rig, Path) {
    let mut rig = Rig::new();
    let from = From { number: Some("100".into()), name: None };
    rig.ua.dial(rig.now, leg(1), &Target::Agent(AgentId(1)), &from, &local_media(10_000));
    let [(path, invite)] = &out(&mut rig)[..] else { panic!("one INVITE") };
    assert_eq!((path.transport, path.connection), (Transport::Tcp, None));
    let opened = Path { connection: Some(ConnectionId(1)), ..*path };
    rig.path = opened;
    rig.receive(&super::dialing::ok(invite, "b"));
    assert!(rig.only().starts_with("ACK "));
    rig.events();
    (rig, opened)
}

#[test]
fn a_request_along_a_connection_of_ours_is_sent_again_once() {
    let (mut rig, opened) = called_them_by_tcp();
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    let first = out(&mut rig);
    assert!(first[0].1.starts_with("BYE "), "{first:?}");
    assert_eq!(first[0].0, Path { connection: None, ..opened });
    // It was written into a connection that had ended.
    rig.ua.transport_failed(rig.now, opened);
    assert_eq!(out(&mut rig), first, "the same request, should the first have arrived");
    rig.ua.transport_failed(rig.now, Path { connection: Some(ConnectionId(2)), ..opened });
    assert_eq!(out(&mut rig), [], "nobody is there");
    rig.assert_quiet();
}

#[test]
fn a_request_that_was_answered_is_not_sent_again() {
    let (mut rig, opened) = called_them_by_tcp();
    rig.ua.transport_failed(rig.now, opened);
    assert_eq!(out(&mut rig), [], "nothing was under way");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    let [(_, bye)] = &out(&mut rig)[..] else { panic!("one BYE") };
    rig.receive(&super::dialing::respond(bye, "200 OK", "", "", ""));
    rig.ua.transport_failed(rig.now, Path { connection: Some(ConnectionId(2)), ..opened });
    assert_eq!(out(&mut rig), []);
    rig.assert_quiet();
}

/// A connection that is left from the call before may have ended before the INVITE came: a call
/// was refused for that, and its trunk rested for half a minute.
#[test]
fn an_invite_along_a_connection_that_had_ended_is_sent_again_once() {
    let mut rig = Rig::new();
    let from = From { number: Some("100".into()), name: None };
    let target = Target::Agent(AgentId(1));
    rig.ua.dial(rig.now, leg(1), &target, &from, &local_media(10_000));
    let first = out(&mut rig);
    assert!(first[0].1.starts_with("INVITE ") && first[0].0.transport == Transport::Tcp);
    let along = |n| Path { connection: Some(ConnectionId(n)), ..first[0].0 };
    rig.ua.connection_ended(rig.now, along(1));
    assert_eq!(out(&mut rig), first, "the same transaction, should the first have arrived");
    rig.drain();
    assert_eq!(rig.events(), []);
    rig.path = along(2);
    rig.receive(&super::dialing::respond(&first[0].1, "180 Ringing", "b", "", ""));
    assert_eq!(rig.events().len(), 1, "it rings");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    let [(_, cancel)] = &out(&mut rig)[..] else { panic!("one CANCEL") };
    rig.receive(&super::dialing::respond(cancel, "200 OK", "b", "", ""));
    rig.receive(&super::dialing::respond(&first[0].1, "487 Request Terminated", "b", "", ""));
    rig.forget();

    rig.ua.dial(rig.now, leg(2), &target, &from, &local_media(10_000));
    assert_eq!(out(&mut rig).len(), 1);
    rig.ua.connection_ended(rig.now, along(2));
    assert_eq!(out(&mut rig).len(), 1);
    rig.ua.connection_ended(rig.now, along(3));
    assert_eq!(out(&mut rig), [], "once");
    rig.drain();
    assert_eq!(rig.events().len(), 1, "the leg has failed");
    rig.assert_quiet();
}

/// Dials with a name that makes the INVITE longer than a datagram should be.
fn dial_long(rig: &mut Rig, target: &Target) -> Vec<(Path, String)> {
    let from = From { number: Some("100".into()), name: Some("x".repeat(700)) };
    rig.ua.dial(rig.now, leg(1), target, &from, &local_media(10_000));
    out(rig)
}

const ANN: Target = Target::Agent(AgentId(0));

#[test]
fn a_long_request_goes_by_tcp_and_where_there_is_none_by_udp() {
    let mut rig = Rig::new();
    let [(path, by_tcp)] = &dial_long(&mut rig, &ANN)[..] else { panic!("one INVITE") };
    assert!(by_tcp.len() > 1300 && by_tcp.contains("\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;"));
    assert_eq!(*path, Path { connection: None, ..tcp("203.0.113.5:6100", 0) });
    rig.ua.transport_failed(rig.now, *path);
    let [(path, by_udp)] = &out(&mut rig)[..] else { panic!("again by UDP") };
    assert_eq!(*path, Path::udp(address(US), address("203.0.113.5:6100")));
    assert_eq!(*by_udp, by_tcp.replace("/TCP", "/UDP"));
    rig.wait(600);
    assert_eq!(rig.lines().len(), 1, "sent again, as UDP wants it");
    assert_eq!(rig.events(), []);
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.forget();
    // It is not tried again for every call.
    assert_eq!(dial_long(&mut rig, &ANN)[0].0.transport, Transport::Udp);
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.wait(600_000);
    rig.forget();
    assert_eq!(dial_long(&mut rig, &ANN)[0].0.transport, Transport::Tcp);
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.assert_quiet();
}

#[test]
fn cancel_and_answer_follow_a_long_invite() {
    let mut rig = Rig::new();
    let [(path, invite)] = &dial_long(&mut rig, &ANN)[..] else { panic!("one INVITE") };
    let reply = |line: &str, body: &str| {
        super::dialing::respond(invite, line, "a", "Content-Type: application/sdp\n", body)
    };
    rig.path = Path { connection: Some(ConnectionId(3)), ..*path };
    rig.receive(&reply("180 Ringing", ""));
    // The connection has done its duty; that it ends is no reason to begin anew.
    rig.ua.transport_failed(rig.now, rig.path);
    assert_eq!(out(&mut rig), []);
    rig.ua.hang_up(rig.now, leg(1), Cause::NO_ANSWER);
    let [(to, cancel)] = &out(&mut rig)[..] else { panic!("one CANCEL") };
    assert!(cancel.starts_with("CANCEL ") && *to == *path, "{cancel}");
    assert_eq!(header(cancel, "Via"), header(invite, "Via"));
    rig.receive(&reply("200 OK", ANSWER));
    let lines: Vec<_> = rig.lines().into_iter().map(|(_, line)| line).collect();
    assert!(lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "), "{lines:?}");
    rig.assert_quiet();
}

#[test]
fn udp_it_is_where_udp_is_asked_for_or_all_there_is() {
    let udp_only = |change: &dyn Fn(&mut UaSetup)| {
        let mut setup = setup();
        change(&mut setup);
        let mut rig = Rig::with(setup);
        let sent = dial_long(&mut rig, &ANN);
        assert_eq!(sent[0].0.transport, Transport::Udp);
        rig.wait(32_000);
        assert_eq!(rig.events(), failed(Cause::TIMER_EXPIRED));
        rig.assert_quiet();
    };
    udp_only(&|setup| setup.listen.retain(|(transport, _)| *transport == Transport::Udp));
    let uri = "sip:ann@203.0.113.5:6100;transport=udp";
    udp_only(&|setup| setup.phones[0].at = PhoneAt::Fixed { uri: uri.into() });
}
