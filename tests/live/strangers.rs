//! What strangers send must cost no other peer a call: forged sources, floods, and the log about
//! it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};

use crate::calls::{connect, reach_queue};
use crate::clock::SOON;
use crate::flows::{ALICE, ALICE_AND_BOB, MENU_HZ, PASSWORD};
use crate::line::Line;
use crate::phone::Phone;
use crate::rig::Plan;
use crate::wire::Message;

/// A trunk that is not this machine.
const ELSEWHERE: &str = "192.0.2.1";
/// A second address of this host, which is not `127.0.0.1`.
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Connections of one stranger, as the server's `sip/io/shares.rs` has it.
const PER_STRANGER_MAX: usize = 64;

/// REGISTERs in alice's name and from her address, on a nonce that the server never gave. Each is
/// answered.
fn forge(server: SocketAddr, from: IpAddr, count: u32) {
    let socket = UdpSocket::bind((from, 0)).expect("an address of this host");
    socket.set_read_timeout(Some(SOON)).expect("a positive time");
    let port = socket.local_addr().expect("bound").port();
    let nonce = "0".repeat(60);
    for n in 0..count {
        let register = format!(
            "REGISTER sip:{server} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {from}:{port};branch=z9hG4bKforged{n};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:alice@{server}>;tag=f{n}\r\n\
             To: <sip:alice@{server}>\r\nCall-ID: forged{n}\r\nCSeq: 1 REGISTER\r\n\
             Contact: <sip:alice@{from}:{port}>\r\n\
             Authorization: Digest username=\"alice\", realm=\"attendant\", nonce=\"{nonce}\", \
             uri=\"sip:{server}\", response=\"{}\", algorithm=SHA-256, cnonce=\"c\", qop=auth, \
             nc=00000001\r\nContent-Length: 0\r\n\r\n",
            "0".repeat(64)
        );
        socket.send_to(register.as_bytes(), server).expect("loopback takes it");
        let mut buffer = [0; 2048];
        let length = socket.recv(&mut buffer).expect("an answer: nobody is banned");
        let answer = Message::parse(&buffer[..length]).expect("a message");
        assert_eq!(answer.status(), Some(401));
        assert!(answer.header("WWW-Authenticate").ends_with(", stale=true"), "{answer}");
    }
}

#[test]
fn fault_02_forged_logins_make_no_agent_deaf_and_end_no_call() {
    let rig = Plan::new(ALICE_AND_BOB).trunk(&SECOND.to_string()).start();
    let mut caller = Phone::on(Line::udp_at(SECOND.into()), "+14155550111", rig.sip);
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    forge(rig.sip, localhost, 30); // before she has registered: she can all the same
    let mut alice = rig.agent("alice");
    let (_, mut talk) = connect(&mut caller, &mut alice);
    forge(rig.sip, localhost, 30);
    alice.bye(&mut talk);
    caller.expect_bye();
    rig.expect_no_calls();
    rig.expect_agent("alice", "ready");
    let mut dialog = reach_queue(&mut caller);
    let invite = alice.ring();
    alice.answer(&invite);
    caller.bye(&mut dialog);
    alice.expect_bye();
    assert!(!rig.said().contains("ignored for"), "{}", rig.said());
}

fn connect_from(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&to.into())?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

/// Sends a keep-alive; whether it is answered. `false`: the connection was closed.
fn is_held(stream: &mut TcpStream) -> bool {
    let mut pong = [0; 2];
    let answered = stream.write_all(b"\r\n\r\n").and_then(|()| stream.read_exact(&mut pong));
    match answered {
        Ok(()) => pong == *b"\r\n",
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("never answered"),
        Err(_) => false,
    }
}

#[test]
fn fault_04_a_burst_of_connections_is_answered_on_an_idle_server() {
    let rig = Plan::new(ALICE).start();
    let burst: Vec<_> =
        (0..200).map(|_| connect_from(Ipv4Addr::LOCALHOST, rig.sip).expect("backlog")).collect();
    for mut stream in burst {
        assert!(is_held(&mut stream));
    }
}

#[test]
fn fault_05_a_flood_of_connections_keeps_no_trunk_out_and_holds_nothing_for_long() {
    let rig = Plan::new(ALICE).start();
    let sources = || (1..=4).map(|n| Ipv4Addr::new(127, 0, 1, n));
    let mut held = Vec::new();
    for from in sources() {
        let mut streams: Vec<_> =
            (0..PER_STRANGER_MAX + 6).map(|_| connect_from(from, rig.sip).expect("room")).collect();
        streams.retain_mut(is_held);
        assert_eq!(streams.len(), PER_STRANGER_MAX, "{from}");
        held.extend(streams);
    }
    let mut trunk = Phone::on(Line::tcp(), "+14155550111", rig.sip);
    let mut dialog = trunk.call("1000");
    trunk.media.expect_tone(MENU_HZ, SOON);
    // No message ever came along these: keep-alives do not hold them.
    for stream in &mut held {
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(ended.is_ok() || ended.is_err_and(|e| e.kind() != io::ErrorKind::WouldBlock));
    }
    trunk.bye(&mut dialog);
    let warned = rig.said().matches("a SIP connection of a stranger is closed").count();
    assert_eq!(warned, sources().count(), "once for each source");
}

#[test]
fn fault_16_a_refusal_is_said_once_with_what_to_change() {
    let rig = Plan::new(ALICE).trunk(ELSEWHERE).start();
    for _ in 0..3 {
        let mut stranger = rig.caller();
        let dialog = stranger.invite("1000");
        let answer = stranger.expect_final("INVITE");
        assert_eq!(answer.status(), Some(401), "{answer}");
        stranger.ack_failure(&dialog, &answer);
        assert_eq!(Phone::new("alice", rig.sip).register("wrong-password"), 401);
        assert_eq!(Phone::new("mallory", rig.sip).register("wrong-password"), 401);
    }
    assert_eq!(Phone::new("alice", rig.sip).register(PASSWORD), 200, "three are not too many");
    rig.expect_agent("alice", "ready");
    let said = rig.said();
    for once in [
        "a call was refused (401): it comes from no trunk's address",
        "wrong password for the login \"alice\"",
        "no agent or trunk has the login \"mallory\"",
    ] {
        assert_eq!(said.matches(once).count(), 1, "{once}:\n{said}");
    }
    assert!(said.contains("[trunks.NAME]") && said.contains("127.0.0.1"), "{said}");
    let shown = said.lines().filter(|line| line.contains("INFO") || line.contains("WARN"));
    assert!(shown.into_iter().all(|line| !line.contains("+14155550111")), "{said}");
}

#[test]
fn fault_16_a_trunk_that_is_this_machine_is_whichever_addresses_it_has() {
    let config = format!("{ALICE}[trunks.here]\nthis_machine = true\n");
    let rig = Plan::new(&config).trunk(ELSEWHERE).start();
    let mut caller = rig.caller();
    let mut dialog = caller.call("1000");
    caller.bye(&mut dialog);
    let mut stranger = Phone::on(Line::udp_at(SECOND.into()), "+14155550112", rig.sip);
    stranger.invite("1000");
    let answer = stranger.expect_final("INVITE");
    assert_eq!(answer.status(), Some(401), "not an address of ours: {answer}");
}
