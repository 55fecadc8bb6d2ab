//! The retransmission schedules of RFC 3261 §17, read off in virtual time.

use std::sync::Arc;

use super::*;
use crate::sip::path::{Path, Transport};

fn path(transport: Transport) -> Path {
    let address = "192.0.2.1:5060".parse().unwrap();
    Path::new(transport, address, address)
}

fn deadline(machine: &impl Machine) -> Option<Timestamp> {
    machine.repeat_at().into_iter().chain(machine.end_at()).min()
}

fn bytes(text: &str) -> Arc<[u8]> {
    Arc::from(text.as_bytes())
}

/// The times at which a client sends its request again, and when it gives up.
fn client_schedule(mut client: Client) -> (Vec<u64>, u64) {
    let mut sent = Vec::new();
    loop {
        let now = deadline(&client).expect("an open transaction has a deadline");
        match client.handle_timeout(now) {
            ClientStep::Send(_) => sent.push(now.as_millis()),
            ClientStep::TimedOut | ClientStep::Gone => return (sent, now.as_millis()),
            step => panic!("{step:?} at {now}"),
        }
    }
}

#[test]
fn an_invite_is_repeated_at_doubling_intervals_for_32_s() {
    let client = Client::new(Timestamp(0), Kind::Invite, path(Transport::Udp), bytes("INVITE"));
    let (sent, end) = client_schedule(client);
    assert_eq!(sent, [500, 1500, 3500, 7500, 15_500, 31_500]);
    assert_eq!(end, 32_000);
}

#[test]
fn another_request_is_repeated_at_intervals_up_to_t2() {
    let client = Client::new(Timestamp(0), Kind::Other, path(Transport::Udp), bytes("BYE"));
    let (sent, end) = client_schedule(client);
    assert_eq!(sent, [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert_eq!(end, 32_000);
}

#[test]
fn nothing_is_repeated_over_tcp() {
    let client = Client::new(Timestamp(0), Kind::Invite, path(Transport::Tcp), bytes("INVITE"));
    assert_eq!(client_schedule(client), (vec![], 32_000));
}

#[test]
fn a_failed_invite_is_acknowledged_each_time_and_passed_on_once() {
    let mut client = Client::new(Timestamp(0), Kind::Invite, path(Transport::Udp), bytes("INVITE"));
    assert_eq!(client.response(Timestamp(10), 180), ClientStep::Pass);
    assert_eq!(client.response(Timestamp(20), 486), ClientStep::PassAndAcknowledge);
    client.acknowledge(bytes("ACK"));
    assert_eq!(client.response(Timestamp(520), 486), ClientStep::Send(bytes("ACK")));
    assert_eq!(client.response(Timestamp(530), 200), ClientStep::Wait);
    assert_eq!(deadline(&client), Some(Timestamp(32_020)));
    assert_eq!(client.handle_timeout(Timestamp(32_020)), ClientStep::Gone);
}

#[test]
fn every_2xx_is_passed_on_until_timer_m() {
    let mut client = Client::new(Timestamp(0), Kind::Invite, path(Transport::Udp), bytes("INVITE"));
    assert_eq!(client.response(Timestamp(10), 200), ClientStep::Pass);
    assert_eq!(client.response(Timestamp(20), 200), ClientStep::Pass);
    assert_eq!(client.response(Timestamp(30), 486), ClientStep::Wait);
    assert_eq!(client.handle_timeout(Timestamp(32_010)), ClientStep::Gone);
}

#[test]
fn a_cancelled_invite_is_awaited_for_32_s_more() {
    let mut client = Client::new(Timestamp(0), Kind::Invite, path(Transport::Udp), bytes("INVITE"));
    client.response(Timestamp(100), 180);
    assert_eq!(deadline(&client), Some(Timestamp(100) + RING_MAX));
    client.cancelled(Timestamp(5000));
    assert_eq!(client.handle_timeout(Timestamp(37_000)), ClientStep::TimedOut);
}

/// The times at which a server sends its response again, and how it ends.
fn server_schedule(mut server: Server) -> (Vec<u64>, u64, ServerStep) {
    let mut sent = Vec::new();
    loop {
        let now = deadline(&server).expect("a completed transaction has a deadline");
        match server.handle_timeout(now) {
            ServerStep::Send(_) => sent.push(now.as_millis()),
            ServerStep::Wait => panic!("a deadline passed and nothing happened at {now}"),
            step => return (sent, now.as_millis(), step),
        }
    }
}

#[test]
fn a_2xx_is_repeated_for_32_s_and_then_the_call_is_given_up() {
    let mut server = Server::new(Kind::Invite, path(Transport::Udp));
    assert!(server.respond(Timestamp(0), 100, &bytes("100")));
    assert_eq!(deadline(&server), None, "the flow decides how long it rings");
    assert!(server.respond(Timestamp(0), 200, &bytes("200")));
    assert!(!server.respond(Timestamp(0), 487, &bytes("487")), "one final response");
    let (sent, end, step) = server_schedule(server);
    assert_eq!(sent, [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert_eq!((end, step), (32_000, ServerStep::NotAcknowledged));
}

#[test]
fn an_acknowledged_2xx_is_silent_until_timer_l() {
    let mut server = Server::new(Kind::Invite, path(Transport::Udp));
    server.respond(Timestamp(0), 200, &bytes("200"));
    assert_eq!(server.retransmitted(), Some(bytes("200")));
    server.acknowledged_success();
    assert_eq!(server.retransmitted(), None);
    assert_eq!(server_schedule(server), (vec![], 32_000, ServerStep::Gone));
}

/// Its 2xx may have been lost on the way to a peer who hung up meanwhile.
#[test]
fn a_2xx_whose_peer_left_is_sent_for_the_same_request_alone_until_timer_l() {
    let mut server = Server::new(Kind::Invite, path(Transport::Udp));
    server.respond(Timestamp(0), 200, &bytes("200"));
    server.left();
    assert_eq!(server.retransmitted(), Some(bytes("200")));
    assert_eq!(server_schedule(server), (vec![], 32_000, ServerStep::Gone));
}

#[test]
fn a_failure_is_repeated_until_its_ack_and_then_absorbed_for_t4() {
    let mut server = Server::new(Kind::Invite, path(Transport::Udp));
    server.respond(Timestamp(0), 486, &bytes("486"));
    assert_eq!(server.handle_timeout(Timestamp(500)), ServerStep::Send(bytes("486")));
    server.acknowledged_failure(Timestamp(600));
    assert_eq!(server_schedule(server), (vec![], 5600, ServerStep::Gone));
}

#[test]
fn other_requests_are_answered_alike_for_32_s_over_udp_and_forgotten_over_tcp() {
    let mut server = Server::new(Kind::Other, path(Transport::Udp));
    assert_eq!(server.retransmitted(), None);
    server.respond(Timestamp(7), 200, &bytes("200"));
    assert_eq!(server.retransmitted(), Some(bytes("200")));
    assert_eq!(server_schedule(server), (vec![], 32_007, ServerStep::Gone));

    let mut server = Server::new(Kind::Other, path(Transport::Tcp));
    server.respond(Timestamp(7), 200, &bytes("200"));
    assert_eq!(server_schedule(server), (vec![], 7, ServerStep::Gone));
}

#[test]
fn ends_that_are_close_are_one_wake_up() {
    let mut table: Table<u32, Server, ()> = Table::new(3);
    for (key, at) in [(1, Timestamp(10)), (2, Timestamp(240)), (3, Timestamp(260))] {
        let mut server = Server::new(Kind::Other, path(Transport::Udp));
        assert!(server.respond(at, 200, &bytes("200")));
        table.insert(at, key, server, ());
    }
    assert_eq!(table.deadline(), Some(Timestamp(32_250)));
    let gone = std::iter::from_fn(|| table.pop_due(Timestamp(32_250))).count();
    assert_eq!((gone, table.deadline()), (2, Some(Timestamp(32_500))));
}
