//! The published torture messages through the whole user agent: what is answered, to whom.
//!
//! The messages are third-party data and not part of this package: they are read from the folder
//! named by `ATTENDANT_TORTURE`; where it is not set the test says so.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path as FilePath, PathBuf};

use attendant::id::{CallId, LegId};
use attendant::sip::sdp::LocalMedia;
use attendant::sip::ua::{Limits, Phone, PhoneAt, Trunk, UaSetup};
use attendant::sip::{ConnectionId, Path, Received, Transport, Ua, UaEvent};
use attendant::time::Timestamp;
use attendant::words::{Codec, Direction};

#[derive(serde::Deserialize)]
struct Expectations {
    policy_codes: Vec<u16>,
    items: BTreeMap<String, Expectation>,
}

#[derive(serde::Deserialize)]
struct Expectation {
    cls: String,
    prefer: Vec<u16>,
    warn: Vec<u16>,
    none: String,
    forbid: Vec<u16>,
    forbid_callid: Option<String>,
}

/// What a message led to.
#[derive(Debug)]
struct Outcome {
    /// The last response, provisional ones left out.
    status: Option<u16>,
    text: String,
    remotes: Vec<SocketAddr>,
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A peer we know sends `bytes`; a call is answered.
fn play(bytes: &[u8], transport: Transport) -> Outcome {
    let (local, remote) = (address("192.0.2.1:5060"), address("198.51.100.7:5060"));
    let mut ua = Ua::new(setup(local), [5; 32]);
    let connection = (transport == Transport::Tcp).then_some(ConnectionId(1));
    let path = Path { connection, ..Path::new(transport, local, remote) };
    let now = Timestamp(1000);
    ua.receive(now, Received { path, bytes });
    while let Some(event) = ua.poll_event() {
        if let UaEvent::Incoming { dialog, .. } = event {
            let leg = LegId::caller(CallId(1));
            ua.bind(now, dialog, leg, media());
            ua.answer(now, leg);
        }
    }
    let mut outcome = Outcome { status: None, text: String::new(), remotes: Vec::new() };
    while let Some(transmit) = ua.poll_transmit() {
        let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        outcome.status = status.filter(|status| *status >= 200).or(outcome.status);
        outcome.remotes.push(transmit.path.remote);
        outcome.text.push_str(&text);
    }
    outcome
}

fn setup(local: SocketAddr) -> UaSetup {
    let trunk = Trunk {
        name: "carrier".into(),
        networks: vec!["198.51.100.7".parse().expect("a network")],
        this_machine: false,
        trusted: false,
        uri: None,
        servers: Vec::new(),
        login: None,
        caller_id: None,
        channels_max: 100_000,
    };
    let at = PhoneAt::Registers { password: "battery staple".into(), md5: false };
    UaSetup {
        listen: vec![(Transport::Udp, local), (Transport::Tcp, local)],
        external_address: None,
        realm: "attendant.example".into(),
        trunks: vec![trunk],
        phones: vec![Phone { user: "cyd".into(), at }],
        limits: Limits::default(),
    }
}

fn media() -> LocalMedia {
    LocalMedia {
        address: address("192.0.2.1:0").ip(),
        port: 10_000,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        telephone_event: Some(101),
        rtcp_mux: false,
        ptime_ms: 20,
        direction: Direction::SendRecv,
    }
}

fn judge(all: &Expectations, wanted: &Expectation, outcome: &Outcome) -> Result<(), String> {
    if let Some(call_id) = &wanted.forbid_callid
        && outcome.text.contains(call_id.as_str())
    {
        return Err(format!("an answer to {call_id}"));
    }
    let Some(status) = outcome.status else {
        let silent = wanted.cls == "drop" || wanted.none != "fail";
        return if silent { Ok(()) } else { Err("silence".into()) };
    };
    let named = wanted.prefer.contains(&status) || wanted.warn.contains(&status);
    let policy = all.policy_codes.contains(&status);
    let fine = match wanted.cls.as_str() {
        _ if wanted.forbid.contains(&status) => false,
        "valid" => named || (policy && status != 400 && status != 500),
        "either" => named || status == 400 || policy,
        "reject" => named,
        _ => false,
    };
    if fine { Ok(()) } else { Err(format!("{status}, wanted {:?}", wanted.prefer)) }
}

#[test]
fn torture_messages_are_answered_as_their_rfcs_say() {
    let Some(folder) = std::env::var_os("ATTENDANT_TORTURE").map(PathBuf::from) else {
        println!("skipped: ATTENDANT_TORTURE names no folder");
        return;
    };
    let text = std::fs::read_to_string(folder.join("sip/expect.json")).unwrap();
    let all: Expectations = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    let mut preferred = 0;
    for (path, wanted) in &all.items {
        let bytes = std::fs::read(folder.join(path)).unwrap();
        let outcome = play(&bytes, Transport::Udp);
        if let Err(why) = judge(&all, wanted, &outcome) {
            wrong.push(format!("{path} ({}): {why}", wanted.cls));
        }
        assert_eq!(
            outcome.remotes.iter().find(|remote| remote.ip() != address("198.51.100.7:0").ip()),
            None,
            "{path}: an answer goes to where the message came from"
        );
        preferred += u32::from(outcome.status.is_some_and(|s| wanted.prefer.contains(&s)));
        explained(path, &outcome, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(all.items.len(), 61, "RFC 4475 and RFC 5118 whole");
    assert!(preferred >= 20, "the answer the RFC names, {preferred} times");
}

/// Refusals that must say what would be accepted.
fn explained(path: &str, outcome: &Outcome, wrong: &mut Vec<String>) {
    for (name, line) in [
        ("bext01", "Unsupported: nothingSupportsThis, nothingSupportsThisEither\r\n"),
        ("invut", "Accept: application/sdp, multipart/mixed\r\n"),
        ("regaut01", "WWW-Authenticate: Digest "),
        ("intmeth", "Allow: INVITE"),
    ] {
        if path.ends_with(&format!("{name}.dat")) && !outcome.text.contains(line) {
            wrong.push(format!("{path}: no {line:?} in {}", outcome.text));
        }
    }
}

/// Over TCP the same holds, and no message can break the user agent cut anywhere.
#[test]
fn torture_messages_cut_anywhere_break_nothing() {
    let Some(folder) = std::env::var_os("ATTENDANT_TORTURE").map(PathBuf::from) else {
        println!("skipped: ATTENDANT_TORTURE names no folder");
        return;
    };
    for name in ["rfc4475", "rfc5118"] {
        for file in std::fs::read_dir(folder.join("sip").join(name)).unwrap() {
            cut(&file.unwrap().path());
        }
    }
}

fn cut(file: &FilePath) {
    let bytes = std::fs::read(file).expect("a file of the folder");
    for end in (0..bytes.len()).step_by(23) {
        let outcome = play(&bytes[..end], Transport::Tcp);
        assert!(outcome.status.is_none_or(|s| s < 700), "{} cut at {end}", file.display());
    }
}
