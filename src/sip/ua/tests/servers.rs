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
fn rig(channels_max: usize, servers: &[Server]) -> Rig {
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
    let mut rig = Rig::with(setup);
    rig.ua.set_trunk_servers("named", servers);
    rig
}

fn two(channels_max: usize) -> Rig {
    let servers = ["198.51.100.7:5070", "198.51.100.8:5080"].map(|at| server(1, &[at]));
    let [first, second] = servers;
    rig(channels_max, &[first, Server { priority: 2, ..second }])
}

fn target(others: &[&str]) -> Target {
    let others = others.iter().map(|other| (*other).to_owned()).collect();
    Target::Trunk { trunk: "named".into(), number: "+14155550177".into(), others }
}

/// What the user agent wants to send: where, and the text.
fn out(rig: &mut Rig) -> Vec<(Path, String)> {
    let sent = std::iter::from_fn(|| rig.ua.poll_transmit());
    let sent = sent.map(|t| (t.path, String::from_utf8(t.bytes.to_vec()).unwrap())).collect();
    rig.drain();
    sent
}

/// What is sent when this response comes in.
fn answer(rig: &mut Rig, response: &str) -> Vec<(Path, String)> {
    rig.ua.receive(rig.now, Received { path: rig.path, bytes: response.as_bytes() });
    out(rig)
}

/// What is sent within this time.
fn wait(rig: &mut Rig, ms: u64) -> Vec<(Path, String)> {
    let until = Timestamp(rig.now.as_millis() + ms);
    let mut sent = Vec::new();
    while let Some((at, _)) = rig.ua.poll_timeout().filter(|(at, _)| *at <= until) {
        rig.now = at;
        rig.ua.handle_timeout(at);
        sent.extend(out(rig));
    }
    rig.now = until;
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
fn first_try(rig: &mut Rig, others: &[&str]) -> (Path, String) {
    let (now, from) = (rig.now, Default::default());
    rig.ua.dial(now, leg(1), &target(others), &from, &local_media(1));
    let mut sent = out(rig);
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0)
}

fn hang_up(rig: &mut Rig) {
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.wait(0);
    rig.forget();
}

#[test]
fn a_503_and_silence_send_the_call_to_the_next_server_of_the_same_trunk() {
    for silent in [false, true] {
        let mut rig = two(2);
        let (path, invite) = first_try(&mut rig, &["other"]);
        assert_eq!(path.remote, address("198.51.100.7:5070"));
        assert!(invite.starts_with("INVITE sip:+14155550177@sip.Acme.example "), "{invite}");
        let sent = if silent {
            wait(&mut rig, 5999);
            wait(&mut rig, 1)
        } else {
            answer(&mut rig, &respond(&invite, "503 Full", "x", "", ""))
        };
        let (to, second) = invite_in(sent);
        assert_eq!(to, address("198.51.100.8:5080"), "{second}");
        assert!(second.starts_with("INVITE sip:+14155550177@sip.Acme.example "), "{second}");
        assert_eq!(rig.events(), [], "for the center it is the same trunk");
        let sdp = "Content-Type: application/sdp\n";
        rig.receive(&respond(&second, "200 OK", "b", sdp, ANSWER));
        assert_eq!(rig.events().last(), Some(&UaEvent::Answered { leg: leg(1) }));
        hang_up(&mut rig);
        // The first one rests, the trunk does not.
        assert_eq!(first_try(&mut rig, &["other"]).0.remote, address("198.51.100.8:5080"));
        hang_up(&mut rig);
        rig.wait(30_000);
        rig.forget();
        assert_eq!(first_try(&mut rig, &["other"]).0.remote, address("198.51.100.7:5070"));
    }
}

#[test]
fn after_the_last_server_of_a_trunk_comes_the_next_trunk() {
    let mut rig = two(2);
    let (_, mut invite) = first_try(&mut rig, &["other"]);
    for (to, rerouted) in [("198.51.100.8:5080", false), ("198.51.100.9:5060", true)] {
        let full = respond(&invite, "503 Full", "x", "Retry-After: 60\n", "");
        let (sent_to, next) = invite_in(answer(&mut rig, &full));
        assert_eq!(sent_to, address(to));
        let told = UaEvent::Rerouted { leg: leg(1), trunk: "other".into() };
        assert_eq!(rig.events(), Vec::from_iter(rerouted.then_some(told)));
        invite = next;
    }
    rig.receive(&respond(&invite, "503 Full", "x", "", ""));
    assert_eq!(rig.events(), failed(Cause::CONGESTION), "each was tried once");
    // Both servers asked to be left alone.
    rig.forget();
    assert_eq!(dial(&mut rig, &target(&[])), [""; 0]);
    assert_eq!(rig.events(), failed(Cause::CONGESTION));
    rig.wait(60_000);
    assert_eq!(first_try(&mut rig, &[]).0.remote, address("198.51.100.7:5070"));
}

#[test]
fn a_server_that_was_given_up_on_keeps_no_channel_from_the_next() {
    let mut rig = two(1);
    first_try(&mut rig, &[]);
    wait(&mut rig, 5999);
    assert_eq!(invite_in(wait(&mut rig, 1)).0, address("198.51.100.8:5080"));
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.wait(64_000);
    rig.events();
    rig.assert_quiet();
}

#[test]
fn a_refusal_of_the_person_is_the_same_at_every_server() {
    let mut rig = two(2);
    let (_, invite) = first_try(&mut rig, &["other"]);
    rig.receive(&respond(&invite, "486 Busy Here", "x", "", ""));
    assert!(rig.only().starts_with("ACK "));
    assert_eq!(rig.events(), failed(Cause::USER_BUSY));
    rig.assert_quiet();
}

#[test]
fn a_connection_that_cannot_be_made_is_the_next_servers_turn() {
    let tcp = |server: Server| Server { transport: Transport::Tcp, ..server };
    let mut rig = rig(2, &[tcp(server(1, &["198.51.100.7:5070"])), server(2, &["198.51.100.8:1"])]);
    let (path, invite) = first_try(&mut rig, &[]);
    assert_eq!((path.transport, path.remote), (Transport::Tcp, address("198.51.100.7:5070")));
    assert!(invite.contains(";transport=tcp>"), "our Contact: {invite}");
    rig.ua.transport_failed(rig.now, path);
    let sent = out(&mut rig);
    assert_eq!(sent[0].0.remote, address("198.51.100.8:1"), "{sent:?}");
    assert_eq!(rig.events(), []);
}

#[test]
fn all_addresses_of_a_server_are_tried_and_those_of_the_sounds_ip_version_first() {
    let mut rig =
        rig(2, &[server(1, &["[2001:db8::7]:5060", "198.51.100.7:5060", "198.51.100.8:5060"])]);
    let (path, mut invite) = first_try(&mut rig, &[]);
    let mut tried = vec![path.remote];
    for _ in 0..2 {
        let full = respond(&invite, "503 Full", "x", "", "");
        let (to, next) = invite_in(answer(&mut rig, &full));
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
        let mut rig = rig(2, &servers);
        let mut firsts = Vec::new();
        for _ in 0..20 {
            firsts.push(first_try(&mut rig, &[]).0.remote);
            hang_up(&mut rig);
            rig.wait(64_000);
            rig.events();
            rig.forget();
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
    let mut rig = two(2);
    let (path, _) = first_try(&mut rig, &[]);
    let name = |rig: &Rig, path: Path| {
        path.peer.and_then(|peer| rig.ua.peer_names().name(peer)).map(ToString::to_string)
    };
    assert_eq!(name(&rig, path).as_deref(), Some("sip.acme.example"));
    hang_up(&mut rig);
    let numeric = Target::Trunk { trunk: "other".into(), number: "+1".into(), others: vec![] };
    let (now, from) = (rig.now, Default::default());
    rig.ua.dial(now, leg(2), &numeric, &from, &local_media(1));
    assert_eq!(out(&mut rig)[0].0.peer, None, "an address has no name to verify");
    for (from, known) in
        [("198.51.100.7:1", true), ("198.51.100.8:1", true), ("203.0.113.99:1", false)]
    {
        assert_eq!(rig.ua.is_known(Path::udp(address(US), address(from))), known, "{from}");
    }
}
