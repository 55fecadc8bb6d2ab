//! Microseconds per SIP message: read, printed, answered, verified. `cargo bench --bench sip`.
//!
//! Each figure is the best of [`ROUNDS`] rounds, so that a busy machine shows as little as it can.

#![expect(clippy::print_stdout, reason = "the table is the product")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use attendant::id::{CallId, LegId};
use attendant::sip::digest::{Client, Login, Secret, Verdict, Verifier};
use attendant::sip::message::{Message, Method, Name, Request, Response, StatusCode, Uri};
use attendant::sip::sdp::{LocalMedia, Sdp, Session};
use attendant::sip::ua::{Trunk, UaSetup};
use attendant::sip::wire::{Framing, parse};
use attendant::sip::{Path, Received, Ua, UaEvent};
use attendant::time::Timestamp;
use attendant::words::{Codec, Direction};

const ROUNDS: u32 = 15;
/// Calls per round; fewer, and in one round, where a number is given, as for a count of
/// instructions (`.ci/ratchet`).
const CALLS: u32 = 20_000;

const SDP: &str = "v=0\r\no=- 3987933616 3987933616 IN IP4 198.51.100.7\r\ns=call\r\n\
    c=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 49170 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

fn main() {
    let invite = invite();
    let (rounds, calls) = work();
    println!("{} bytes of INVITE, best of {rounds} rounds of {calls}", invite.len());
    measure("parse, typed headers read", || typed(&invite));
    let Ok(Message::Request(request)) = parse(&invite, Framing::Datagram) else {
        panic!("the INVITE is sound");
    };
    measure("parse alone", || parse(&invite, Framing::Datagram).is_ok());
    for (what, hostile) in hostile() {
        measure_share(100, what, || parse(&hostile, Framing::Datagram).is_ok());
    }
    let mut out = Vec::with_capacity(2048);
    measure("print the INVITE", || {
        out.clear();
        request.write_to(&mut out);
        out.len()
    });
    measure("build and print a 200 with SDP", || {
        let ok = Response::to(&request, StatusCode::OK, Some("a6c85cf"))
            .with(Name::Contact, "<sip:ivr@192.0.2.5:5060>")
            .with_body("application/sdp", SDP);
        out.clear();
        ok.write_to(&mut out);
        out.len()
    });
    let local = local_media();
    measure("answer the SDP offer", || {
        let offer = Sdp::parse(SDP.as_bytes()).expect("the offer is sound");
        Session::new(4).answer(&offer, &local).is_ok()
    });
    verify();
    whole_calls();
}

fn local_media() -> LocalMedia {
    LocalMedia {
        address: [192, 0, 2, 5].into(),
        port: 10_000,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        telephone_event: Some(101),
        rtcp_mux: true,
        ptime_ms: 20,
        direction: Direction::SendRecv,
    }
}

/// A REGISTER with good credentials, and one with a wrong password.
fn verify() {
    let (now, source) = (Timestamp(1_800_000_000_000), [198, 51, 100, 7].into());
    let mut verifier = Verifier::new("ivr", [7; 32], false);
    let secret = Secret::new("ada", "ivr", "correct horse", false);
    let mut refused = Response::new(StatusCode::Unauthorized);
    let challenge = verifier.challenge(now, source, false, "ada", Some(&secret));
    refused.headers.push(Name::WwwAuthenticate, challenge);
    let uri = Uri::parse("sip:ivr.example").expect("a URI");
    let request = Request::new(Method::REGISTER, uri);
    let with = |password: &str| {
        let (user, password) = ("ada".to_owned(), password.to_owned());
        let login = Login { user, password, realm: None, md5: false };
        let answer = Client::new().answer(&refused, &request, &login, "c0ffee");
        let (name, value) = answer.expect("an answer to the challenge");
        request.clone().with(name, value)
    };
    let (good, bad) = (with("correct horse"), with("wrong"));
    measure("verify good credentials (then a replay)", || {
        let verdict = verifier.verify(now, source, &good, |_| Some(&secret));
        matches!(verdict, Verdict::Accepted { .. })
    });
    measure("verify a wrong password", || {
        let verdict = verifier.verify(now, source, &bad, |_| Some(&secret));
        matches!(verdict, Verdict::Accepted { .. })
    });
    measure("challenge", || verifier.challenge(now, source, false, "ada", Some(&secret)).len());
}

/// INVITE, 100, 200, ACK, BYE, 200 through the user agent, 2,000 calls a second, so that 64,000
/// finished calls are still remembered at any moment (timers J and L).
fn whole_calls() {
    let (local, remote) = (([192, 0, 2, 5], 5060).into(), ([198, 51, 100, 7], 5060).into());
    let path = Path::udp(local, remote);
    let trunk = Trunk {
        name: "peer".into(),
        networks: vec!["198.51.100.0/24".parse().expect("a network")],
        this_machine: false,
        trusted: false,
        uri: None,
        servers: Vec::new(),
        login: None,
        caller_id: None,
        channels_max: 100_000,
    };
    let listen = vec![(attendant::sip::Transport::Udp, local)];
    let setup = UaSetup { listen, trunks: vec![trunk], ..UaSetup::default() };
    let mut ua = Ua::new(setup, [3; 32]);
    let invite = String::from_utf8(invite()).expect("text");
    let (mut number, mut now_us) = (0_u64, 0_u64);
    let mut spent = Duration::ZERO;
    measure_times(5, "whole incoming call, with writing the peer's messages", || {
        number += 1;
        now_us += 500;
        let now = Timestamp(now_us / 1000);
        let unique = format!("{number:012x}");
        let invite = invite.replace("7f0c31d8-22", &unique).replace("9b7e55a2-4f8c", &unique);
        let invite = invite.replace("f1c9e0a7d64", &unique);
        let start = Instant::now();
        ua.handle_timeout(now);
        ua.receive(now, Received { path, bytes: invite.as_bytes() });
        let Some(UaEvent::Incoming { dialog, .. }) = ua.poll_event() else { panic!("no call") };
        let leg = LegId::caller(CallId(number));
        ua.bind(now, dialog, leg, local_media());
        ua.answer(now, leg);
        spent += start.elapsed();
        let answer = std::iter::from_fn(|| ua.poll_transmit()).last().expect("a 200");
        let answer = std::str::from_utf8(&answer.bytes).expect("text");
        let tag = answer.split("ivr.example>;tag=").nth(1).and_then(|rest| rest.get(..16));
        let (head, _) = invite.split_once("Allow:").expect("an Allow");
        let within = head.replace(
            "To: <sip:+14155550100@ivr.example>",
            &format!("To: <sip:+14155550100@ivr.example>;tag={}", tag.expect("a tag")),
        );
        let next = |method: &str, seq: &str, branch: &str| {
            let text = within.replace("INVITE", method).replace("CSeq: 21035", seq);
            text.replace("z9hG4bKPj2", branch) + "Content-Length: 0\r\n\r\n"
        };
        let (ack, bye) =
            (next("ACK", "CSeq: 21035", "z9hG4bKa"), next("BYE", "CSeq: 21036", "z9hG4bKb"));
        let start = Instant::now();
        ua.receive(now, Received { path, bytes: ack.as_bytes() });
        ua.receive(now, Received { path, bytes: bye.as_bytes() });
        while ua.poll_transmit().is_some() {}
        while ua.poll_event().is_some() {}
        spent += start.elapsed();
    });
    let calls = u32::try_from(number).unwrap_or(u32::MAX);
    println!(
        "{:>8.2} µs  of it in the user agent; {:?}",
        spent.as_secs_f64() * 1e6 / f64::from(calls),
        ua.counts()
    );
}

/// What a user agent asks of a new call.
fn typed(bytes: &[u8]) -> bool {
    let Ok(Message::Request(request)) = parse(bytes, Framing::Datagram) else {
        return false;
    };
    let headers = &request.headers;
    let via = headers.via().is_ok_and(|via| via.branch().is_some());
    let from = headers.from().is_ok_and(|from| from.tag().is_some());
    let to = headers.to().is_ok_and(|to| to.tag().is_none());
    let cseq = headers.cseq().is_ok_and(|cseq| cseq.method == request.method);
    let contact = headers.contact().is_ok();
    via && from && to && cseq && contact && headers.call_id().is_ok()
}

fn invite() -> Vec<u8> {
    let head = "INVITE sip:+14155550100@ivr.example:5060;user=phone SIP/2.0\r\n\
        Via: SIP/2.0/UDP 198.51.100.7:5060;rport;branch=z9hG4bKPj2f1c9e0a7d64\r\n\
        Max-Forwards: 70\r\n\
        From: \"Ada Lovelace\" <sip:+14155550123@peer.example>;tag=7f0c31d8-22\r\n\
        To: <sip:+14155550100@ivr.example>\r\n\
        Contact: <sip:+14155550123@198.51.100.7:5060;transport=udp>\r\n\
        Call-ID: 9b7e55a2-4f8c-4c1e-9d10-7a5e11d0c3f2@198.51.100.7\r\n\
        CSeq: 21035 INVITE\r\n\
        Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, PRACK, REFER, NOTIFY\r\n\
        Supported: replaces, 100rel, timer, norefersub\r\n\
        Session-Expires: 1800\r\nMin-SE: 90\r\n\
        P-Asserted-Identity: <sip:+14155550123@peer.example>\r\n\
        Accept: application/sdp\r\nUser-Agent: peer 1.0\r\nContent-Type: application/sdp\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{SDP}", SDP.len()).into_bytes()
}

/// The most work that one datagram can ask for, in the shapes we could think of.
fn hostile() -> [(&'static str, Vec<u8>); 4] {
    let with = |line: &str, times: usize| {
        let text = String::from_utf8(invite()).expect("text");
        let lines = line.repeat(times);
        text.replacen("Max-Forwards", &format!("{lines}Max-Forwards"), 1).into_bytes()
    };
    let params = ";p=1".repeat(2000);
    [
        ("64 KB: 180 headers of 340 bytes", with(&format!("X-A: {}\r\n", "a".repeat(334)), 180)),
        ("64 KB: Contact lists", with(&format!("m: {}<sip:a>\r\n", "<sip:a>,".repeat(900)), 8)),
        ("64 KB: Via parameters", with(&format!("v: SIP/2.0/UDP a{params}\r\n"), 7)),
        ("64 KB: folded lines", with(&format!("X-A: a\r\n{}", " b\r\n".repeat(2000)), 7)),
    ]
}

/// Rounds, and calls in each.
fn work() -> (u32, u32) {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    given.map_or((ROUNDS, CALLS), |given| (1, given))
}

fn measure<T>(what: &str, run: impl FnMut() -> T) {
    measure_n(work().1, what, run);
}

/// One call for each `share` of the others: each is that much dearer.
fn measure_share<T>(share: u32, what: &str, run: impl FnMut() -> T) {
    measure_n(work().1.div_ceil(share), what, run);
}

/// `times` as many calls as of the others.
fn measure_times<T>(times: u32, what: &str, run: impl FnMut() -> T) {
    measure_n(work().1 * times, what, run);
}

fn measure_n<T>(calls: u32, what: &str, mut run: impl FnMut() -> T) {
    let mut best = Duration::MAX;
    for _ in 0..work().0 {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(run());
        }
        best = best.min(start.elapsed());
    }
    println!("{:>8.2} µs  {what}", best.as_secs_f64() * 1e6 / f64::from(calls));
}
