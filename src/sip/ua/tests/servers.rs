//! A trunk whose host has several servers: the next one takes the call (RFC 3263 §4.3).

use super::dialing::{ANSWER, dial, failed, respond};
use super::*;
use crate::sip::locate::Server;
use crate::words::Target;

fn server(priority: u16, addresses: &[&str]) -> Server {
    let addresses = addresses.iter().map(|text| address(text)).collect();
    Server { transport: Transport::Udp, priority, weight: 0, addresses }
}

/// A trunk by name, and one by address that the center allows after it.
fn desk(channels_max: usize, servers: &[Server]) -> Desk {
    let mut setup = setup();
    let trunk = |name: &str, uri: &str| Trunk {
        name: name.into(),
        networks: vec![],
        this_machine: false,
        trusted: false,
        uri: Some(uri.into()),
        servers: Vec::new(),
        login: None,
        caller_id: None,
        channels_max,
    };
    setup.trunks = vec![trunk("named", "sip:sip.Acme.example"), trunk("other", "sip:198.51.100.9")];
    setup.listen.push((Transport::Udp, address("[2001:db8::5]:5060")));
    let mut desk = Desk::with(setup);
    desk.ua.set_trunk_servers("named", servers);
    desk
}

fn two(channels_max: usize) -> Desk {
    let servers = ["198.51.100.7:5070", "198.51.100.8:5080"].map(|at| server(1, &[at]));
    let [first, second] = servers;
    desk(channels_max, &[first, Server { priority: 2, ..second }])
}

fn target(others: &[&str]) -> Target {
    let others = others.iter().map(|other| (*other).to_owned()).collect();
    Target::Trunk { trunk: "named".into(), number: "+14155550177".into(), others }
}

/// What is to be sent: where, and the text.
fn out(desk: &mut Desk) -> Vec<(Path, String)> {
    let sent = std::iter::from_fn(|| desk.ua.poll_transmit());
    let sent = sent.map(|t| (t.path, String::from_utf8(t.bytes.to_vec()).unwrap())).collect();
    desk.drain();
    sent
}

/// What is sent when this response comes in.
fn answer(desk: &mut Desk, response: &str) -> Vec<(Path, String)> {
    desk.ua.receive(desk.now, Received { path: desk.path, bytes: response.as_bytes() });
    out(desk)
}

/// What is sent within this time.
fn wait(desk: &mut Desk, ms: u64) -> Vec<(Path, String)> {
    let until = Timestamp(desk.now.as_millis() + ms);
    let mut sent = Vec::new();
    while let Some((at, _)) = desk.ua.poll_timeout().filter(|(at, _)| *at <= until) {
        desk.now = at;
        desk.ua.handle_timeout(at);
        sent.extend(out(desk));
    }
    desk.now = until;
    sent
}

/// The INVITE among these, and where it goes.
fn invite_in(sent: Vec<(Path, String)>) -> (SocketAddr, String) {
    let mut invites = sent.into_iter().filter(|(_, text)| text.starts_with("INVITE "));
    let (path, text) = invites.next().expect("an INVITE");
    assert_eq!(invites.next(), None);
    (path.remote, text)
}

/// Dials; the INVITE, and where it goes.
fn first_try(desk: &mut Desk, others: &[&str]) -> (Path, String) {
    let (now, from) = (desk.now, Default::default());
    desk.ua.dial(now, leg(1), &target(others), &from, &local_media(1));
    let mut sent = out(desk);
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0)
}

fn hang_up(desk: &mut Desk) {
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.wait(0);
    desk.forget();
}

#[test]
fn a_503_and_silence_send_the_call_to_the_next_server_of_the_same_trunk() {
    for silent in [false, true] {
        let mut desk = two(2);
        let (path, invite) = first_try(&mut desk, &["other"]);
        assert_eq!(path.remote, address("198.51.100.7:5070"));
        assert!(invite.starts_with("INVITE sip:+14155550177@sip.Acme.example "), "{invite}");
        let sent = if silent {
            wait(&mut desk, 5999);
            wait(&mut desk, 1)
        } else {
            answer(&mut desk, &respond(&invite, "503 Full", "x", "", ""))
        };
        let (to, second) = invite_in(sent);
        assert_eq!(to, address("198.51.100.8:5080"), "{second}");
        assert!(second.starts_with("INVITE sip:+14155550177@sip.Acme.example "), "{second}");
        assert_eq!(desk.events(), [], "for the center it is the same trunk");
        let sdp = "Content-Type: application/sdp\n";
        desk.receive(&respond(&second, "200 OK", "b", sdp, ANSWER));
        assert_eq!(desk.events().last(), Some(&UaEvent::Answered { leg: leg(1) }));
        hang_up(&mut desk);
        // The first one rests, the trunk does not.
        assert_eq!(first_try(&mut desk, &["other"]).0.remote, address("198.51.100.8:5080"));
        hang_up(&mut desk);
        desk.wait(30_000);
        desk.forget();
        assert_eq!(first_try(&mut desk, &["other"]).0.remote, address("198.51.100.7:5070"));
    }
}

#[test]
fn after_the_last_server_of_a_trunk_comes_the_next_trunk() {
    let mut desk = two(2);
    let (_, mut invite) = first_try(&mut desk, &["other"]);
    for (to, rerouted) in [("198.51.100.8:5080", false), ("198.51.100.9:5060", true)] {
        let full = respond(&invite, "503 Full", "x", "Retry-After: 60\n", "");
        let (sent_to, next) = invite_in(answer(&mut desk, &full));
        assert_eq!(sent_to, address(to));
        let told = UaEvent::Rerouted { leg: leg(1), trunk: "other".into() };
        assert_eq!(desk.events(), Vec::from_iter(rerouted.then_some(told)));
        invite = next;
    }
    desk.receive(&respond(&invite, "503 Full", "x", "", ""));
    assert_eq!(desk.events(), failed(Cause::CONGESTION), "each was tried once");
    // Both servers asked to be left alone.
    desk.forget();
    assert_eq!(dial(&mut desk, &target(&[])), [""; 0]);
    assert_eq!(desk.events(), failed(Cause::CONGESTION));
    desk.wait(60_000);
    assert_eq!(first_try(&mut desk, &[]).0.remote, address("198.51.100.7:5070"));
}

#[test]
fn a_server_that_was_given_up_on_keeps_no_channel_from_the_next() {
    let mut desk = two(1);
    first_try(&mut desk, &[]);
    wait(&mut desk, 5999);
    assert_eq!(invite_in(wait(&mut desk, 1)).0, address("198.51.100.8:5080"));
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.wait(64_000);
    desk.events();
    desk.assert_quiet();
}

#[test]
fn a_refusal_of_the_person_is_the_same_at_every_server() {
    let mut desk = two(2);
    let (_, invite) = first_try(&mut desk, &["other"]);
    desk.receive(&respond(&invite, "486 Busy Here", "x", "", ""));
    assert!(desk.only().starts_with("ACK "));
    assert_eq!(desk.events(), failed(Cause::USER_BUSY));
    desk.assert_quiet();
}

#[test]
fn a_connection_that_cannot_be_made_is_the_next_servers_turn() {
    let tcp = |server: Server| Server { transport: Transport::Tcp, ..server };
    let mut desk =
        desk(2, &[tcp(server(1, &["198.51.100.7:5070"])), server(2, &["198.51.100.8:1"])]);
    let (path, invite) = first_try(&mut desk, &[]);
    assert_eq!((path.transport, path.remote), (Transport::Tcp, address("198.51.100.7:5070")));
    assert!(invite.contains(";transport=tcp>"), "our Contact: {invite}");
    desk.ua.transport_failed(desk.now, path);
    let sent = out(&mut desk);
    assert_eq!(sent[0].0.remote, address("198.51.100.8:1"), "{sent:?}");
    assert_eq!(desk.events(), []);
}

#[test]
fn all_addresses_of_a_server_are_tried_and_those_of_the_sounds_ip_version_first() {
    let mut desk =
        desk(2, &[server(1, &["[2001:db8::7]:5060", "198.51.100.7:5060", "198.51.100.8:5060"])]);
    let (path, mut invite) = first_try(&mut desk, &[]);
    let mut tried = vec![path.remote];
    for _ in 0..2 {
        let full = respond(&invite, "503 Full", "x", "", "");
        let (to, next) = invite_in(answer(&mut desk, &full));
        tried.push(to);
        invite = next;
    }
    let expected = ["198.51.100.7:5060", "198.51.100.8:5060", "[2001:db8::7]:5060"];
    assert_eq!(tried, expected.map(address));
}

#[test]
fn calls_are_spread_over_servers_of_one_priority_as_the_seed_draws() {
    let weighted = |at: &str| Server { weight: 10, ..server(1, &[at]) };
    let servers = ["198.51.100.7:5060", "198.51.100.8:5060"].map(weighted);
    let firsts = || {
        let mut desk = desk(2, &servers);
        let mut firsts = Vec::new();
        for _ in 0..20 {
            firsts.push(first_try(&mut desk, &[]).0.remote);
            hang_up(&mut desk);
            desk.wait(64_000);
            desk.events();
            desk.forget();
        }
        firsts
    };
    let drawn = firsts();
    assert_eq!(drawn, firsts(), "the same seed");
    for server in &servers {
        assert!(drawn.contains(&server.addresses[0]), "{drawn:?}");
    }
}

#[test]
fn a_path_to_a_trunk_knows_its_name_and_every_server_is_known() {
    let mut desk = two(2);
    let (path, _) = first_try(&mut desk, &[]);
    let name = |desk: &Desk, path: Path| {
        path.peer.and_then(|peer| desk.ua.peer_names().name(peer)).map(ToString::to_string)
    };
    assert_eq!(name(&desk, path).as_deref(), Some("sip.acme.example"));
    hang_up(&mut desk);
    let numeric = Target::Trunk { trunk: "other".into(), number: "+1".into(), others: vec![] };
    let (now, from) = (desk.now, Default::default());
    desk.ua.dial(now, leg(2), &numeric, &from, &local_media(1));
    assert_eq!(out(&mut desk)[0].0.peer, None, "an address has no name to verify");
    for (from, known) in
        [("198.51.100.7:1", true), ("198.51.100.8:1", true), ("203.0.113.99:1", false)]
    {
        assert_eq!(desk.ua.is_known(Path::udp(address(US), address(from))), known, "{from}");
    }
}
