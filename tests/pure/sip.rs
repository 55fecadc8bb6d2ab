//! SIP on the wire: published torture messages, whatever a generator thinks of, and what we print.
//!
//! The torture messages are third-party data and not part of this package: the tests read them
//! from the folder named by `ATTENDANT_TORTURE` and say so where it is not set.

use std::collections::BTreeMap;
use std::path::PathBuf;

use attendant::sip::digest::{Algorithm, Qop, Question, Secret, Verifier, response};
use attendant::sip::message::{
    Host, Message, Method, Name, Request, Response, Scheme, StatusCode, Transport, Uri, name_addr,
    sip_uri, sip_uri_named, via,
};
use attendant::sip::sdp::Sdp;
use attendant::sip::wire::{Frame, Framer, Framing, NameAddr, Rejected, parse};
use attendant::time::Timestamp;
use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const INVITE: &str = "INVITE sip:+14155550100@ivr.example;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK74bf9;rport\r\n\
    Max-Forwards: 70\r\n\
    From: \"Ada, L.\" <sip:+14155550123@peer.example>;tag=9fxced76sl\r\n\
    To: <sip:+14155550100@ivr.example>\r\n\
    Call-ID: 3848276298220188511@peer.example\r\n\
    CSeq: 2 INVITE\r\n\
    Contact: <sip:198.51.100.7:5060;transport=udp>\r\n\
    Record-Route: <sip:edge.example;lr>\r\n\
    X-Account: 7\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 3\r\n\r\nv=0";

fn datagram(bytes: &[u8]) -> Result<Message, Rejected> {
    parse(bytes, Framing::Datagram)
}

fn request(text: &str) -> Request {
    match datagram(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}\n{text}"),
    }
}

/// What would be sent back: the status, or none.
fn refused(text: &str) -> Option<u16> {
    let rejected = datagram(text.as_bytes()).expect_err(text);
    rejected.answer.map(|answer| answer.code())
}

// ---- published messages ----

fn torture() -> Option<PathBuf> {
    std::env::var_os("ATTENDANT_TORTURE").map(PathBuf::from)
}

const SKIPPED: &str = "skipped: ATTENDANT_TORTURE names no folder";

#[derive(serde::Deserialize)]
struct Expectations {
    items: BTreeMap<String, Expectation>,
}

#[derive(serde::Deserialize)]
struct Expectation {
    cls: String,
    prefer: Vec<u16>,
}

/// Well-formed, so that it is the user agent that refuses them: no extension, no body type, no
/// login, no registration of an ISBN.
const FOR_THE_UA: &[&str] = &["bext01", "invut", "regaut01", "sdp01", "unksm2"];

#[test]
fn torture_messages_get_what_their_rfcs_say() {
    let Some(folder) = torture() else {
        println!("{SKIPPED}");
        return;
    };
    let text = std::fs::read_to_string(folder.join("sip/expect.json")).unwrap();
    let expectations: Expectations = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for (path, expectation) in &expectations.items {
        let bytes = std::fs::read(folder.join(path)).unwrap();
        let outcome = datagram(&bytes);
        if let Err(why) = judge(path, expectation, &outcome) {
            wrong.push(format!("{path} ({}): {why}: {outcome:?}", expectation.cls));
        }
        if let Ok(message) = outcome {
            assert_eq!(datagram(&message.to_bytes()), Ok(message), "{path} printed");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(expectations.items.len(), 61, "RFC 4475 and RFC 5118 whole");
}

fn judge(
    path: &str,
    expectation: &Expectation,
    outcome: &Result<Message, Rejected>,
) -> Result<(), String> {
    let answer = match outcome {
        Ok(_) => None,
        Err(rejected) => rejected.answer.as_ref().map(|answer| answer.code()),
    };
    let fine = match (expectation.cls.as_str(), outcome) {
        ("valid", Ok(Message::Request(_))) | ("either", Ok(Message::Request(_))) => true,
        ("reject", Ok(Message::Request(_))) => FOR_THE_UA.iter().any(|name| path.contains(name)),
        ("reject" | "either", Err(_)) => answer.is_some_and(|c| expectation.prefer.contains(&c)),
        ("drop", Ok(Message::Response(_))) => true,
        ("drop", Err(_)) => answer.is_none(),
        _ => false,
    };
    if fine { Ok(()) } else { Err(format!("wanted {:?}", expectation.prefer)) }
}

#[derive(serde::Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(serde::Deserialize)]
struct Vector {
    source: String,
    alg: String,
    u: String,
    r: String,
    p: String,
    method: String,
    uri: String,
    nonce: String,
    nc: Option<String>,
    cnonce: Option<String>,
    qop: Option<String>,
    response: String,
}

#[test]
fn published_digests_come_out_alike() {
    let Some(folder) = torture() else {
        println!("{SKIPPED}");
        return;
    };
    let text = std::fs::read_to_string(folder.join("vectors/digest.json")).unwrap();
    let vectors: Vectors = serde_json::from_str(&text).unwrap();
    assert!(!vectors.vectors.is_empty());
    for v in &vectors.vectors {
        let algorithm = Algorithm::parse(Some(&v.alg)).unwrap();
        let qop = v.qop.as_deref().map(|qop| {
            let qop = if qop == "auth" { Qop::Auth } else { Qop::AuthInt };
            (qop, v.nc.as_deref().unwrap(), v.cnonce.as_deref().unwrap())
        });
        let (method, uri, nonce) = (v.method.as_str(), v.uri.as_str(), v.nonce.as_str());
        let question = Question { method, uri, nonce, qop, body: b"" };
        let ha1 = algorithm.ha1(&v.u, &v.r, &v.p);
        assert_eq!(response(algorithm, &ha1, &question), v.response, "{} {}", v.source, v.alg);
    }
}

// ---- what arrives in the field ----

#[test]
fn old_spellings_are_read() {
    let r = request(
        "\r\nOPTIONS sip:u@[2001:db8::1]:5070;lr SIP/2.0\r\n\
         t :\r\n sip:u@h ;\r\n\ttag = 1\r\n\
         f: M\u{fc}ller <tel:+14155550123>;tag=2\r\n\
         v:  SIP  / 2.0\r\n  /TCP  [2001:db8::9:1] ;branch=  z9hG4bKa  ,\r\n SIP/2.0/UDP b\r\n\
         i: x@y\r\nCSEQ: 0009\r\n  OPTIONS\r\nmax-forwards: 0068\r\n\
         m: \"a, \\\"b\\\"\" <sip:1@h>;+sip.instance=\"<urn:uuid:0>\", <sip:2@h;x>;q=0.5\r\n\
         NewFangled: a\r\n b\r\nk: timer , , 100rel\r\nl: 0\r\n\r\n",
    );
    assert_eq!(r.uri.host(), Host::Ip("2001:db8::1".parse().unwrap()));
    assert_eq!(r.headers.to().unwrap().tag(), Some("1"));
    let from = r.headers.from().unwrap();
    assert_eq!(from.display().as_deref(), Some("Müller"));
    assert_eq!((from.uri().scheme(), from.uri().user()), (Scheme::Tel, Some("+14155550123")));
    let top = r.headers.via().unwrap();
    assert_eq!((top.transport(), top.branch()), (Some(Transport::Tcp), Some("z9hG4bKa")));
    assert_eq!(r.headers.list(Name::Via).count(), 2);
    assert_eq!(r.headers.cseq().unwrap().number, 9);
    assert_eq!(r.headers.max_forwards(), Ok(Some(68)));
    assert_eq!(r.headers.header("newfangled"), Some("a b"));
    assert_eq!(r.headers.supported().collect::<Vec<_>>(), ["timer", "100rel"]);
    let contact = r.headers.contact().unwrap();
    assert_eq!(contact.display().as_deref(), Some("a, \"b\""));
}

#[test]
fn bytes_that_are_not_utf8_are_read_as_latin_1() {
    let bytes = INVITE.replace("Ada, L.", "J\u{1}rg").into_bytes();
    let bytes: Vec<u8> = bytes.into_iter().map(|b| if b == 1 { 0xf6 } else { b }).collect();
    let Ok(Message::Request(r)) = datagram(&bytes) else { panic!("refused") };
    assert_eq!(r.headers.from().unwrap().display().as_deref(), Some("Jörg"));
}

#[test]
fn faults_are_named_and_answered() {
    let say = |from: &str, to: &str| {
        let text = INVITE.replacen(from, to, 1);
        assert_ne!(text, INVITE, "{from}");
        let rejected = datagram(text.as_bytes()).expect_err(to);
        let answer = rejected.answer.expect(to);
        (answer.code(), answer.reason.into_owned())
    };
    let bad = |why: &str| (400, why.to_owned());
    assert_eq!(say("SIP/2.0\r\n", "SIP/7.0\r\n"), (505, "SIP version is not 2.0".into()));
    assert_eq!(say("INVITE sip:", "INVITE soap:").0, 416);
    assert_eq!(say("ivr.example;", &format!("{}.example;", "x".repeat(2100))).0, 414);
    assert_eq!(say("Call-ID:", "X-Call-ID:"), bad("Call-ID is missing"));
    assert_eq!(say("X-Account", "To"), bad("To is there twice"));
    assert_eq!(say("2 INVITE", "2 BYE"), bad("CSeq method is not the method of the request"));
    assert_eq!(say("2 INVITE", "4294967296 INVITE"), bad("CSeq: not a number up to 4294967295"));
    assert_eq!(say("Forwards: 70", "Forwards: 256"), bad("Max-Forwards: not a number up to 255"));
    assert_eq!(say("Length: 3", "Length: 4"), bad("Content-Length is greater than the body"));
    assert_eq!(say("\"Ada, L.\"", "\"Ada, L."), bad("From: a quote is not closed"));
    let name = bad("a header name holds a character that no name may have");
    assert_eq!(say("X-Account", "X Account"), name);
    assert_eq!(say("X-Account", "To\u{1}"), name);
    assert_eq!(say("X-Account", "Tö"), name);
    assert_eq!(say("X-Account:", "X-Account"), bad("a header has no colon"));
    assert_eq!(say(" 7\r\n", " \u{7}\r\n"), bad("a header holds a control character"));
    assert_eq!(say(" 7\r\n", " a\rVia: b\r\n"), bad("a header holds a control character"));
    assert_eq!(say(" 7\r\n", &format!(" {}\r\n", "7".repeat(8192))).0, 400);
    assert_eq!(say("X-Account: 7\r\n", &"X-Account: 7\r\n".repeat(200)).1, "more than 200 headers");
    assert_eq!(say("9fxced76sl", &"f".repeat(1025)).0, 400);
    assert_eq!(say("Contact: ", "Contact: *,"), bad("Contact: `*` is not alone"));
}

#[test]
fn an_answer_to_a_broken_request_names_its_transaction() {
    let text = INVITE.replace("CSeq: 2 INVITE", "CSeq: x INVITE");
    let answer = datagram(text.as_bytes()).unwrap_err().answer.unwrap();
    expect![[r#"
        SIP/2.0 400 CSeq: not a number up to 4294967295
        Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK74bf9;rport
        From: "Ada, L." <sip:+14155550123@peer.example>;tag=9fxced76sl
        To: <sip:+14155550100@ivr.example>
        Call-ID: 3848276298220188511@peer.example
        CSeq: x INVITE
        Content-Length: 0

    "#]]
    .assert_eq(&printed(&answer.to_bytes()));
}

#[test]
fn some_things_are_never_answered() {
    assert_eq!(refused(&INVITE.replace("INVITE", "ACK").replace("Call-ID", "X")), None);
    assert_eq!(refused(&INVITE.replace("Via", "X-Via")), None);
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), None);
    assert_eq!(refused("SIP/2.0 4294967301 no\r\nVia: SIP/2.0/UDP a\r\n\r\n"), None);
    assert_eq!(refused("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\n\r\n"), None);
    assert_eq!(refused(""), None);
    assert_eq!(refused("\r\n\r\n"), None);
}

#[test]
fn the_body_ends_where_the_length_says() {
    let r = request(&INVITE.replace("\r\n\r\nv=0", "\r\n\r\nv=0 and more"));
    assert_eq!(r.body, b"v=0");
    let r = request(&INVITE.replace("Content-Length: 3\r\n", ""));
    assert_eq!(r.body, b"v=0", "over UDP it may be left out");
    let without = INVITE.replace("Content-Length: 3\r\n", "");
    let rejected = parse(without.as_bytes(), Framing::Stream).unwrap_err();
    assert_eq!(rejected.to_string(), "Content-Length is missing");
    let mut binary = request(INVITE);
    binary.body = (0..=255).collect();
    let Ok(Message::Request(read)) = datagram(&binary.to_bytes()) else { panic!("refused") };
    assert_eq!(read.body, binary.body);
}

// ---- what we print ----

fn printed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

#[test]
fn a_request_as_it_is_sent() {
    let here = "[2001:db8::5]:5060".parse().unwrap();
    let uri = sip_uri(Some("ada lovelace"), here, Transport::Tcp);
    let request = Request::new(Method::INVITE, uri.clone())
        .with(Name::Via, via(Transport::Tcp, here, "z9hG4bKfeed"))
        .with(Name::MaxForwards, "70")
        .with(Name::From, name_addr(Some("O\"Hara\r\nX: y"), &uri, Some("1c")))
        .with(Name::ContentLength, "999")
        .with_body("application/sdp", "v=0\r\n");
    expect![[r#"
        INVITE sip:ada%20lovelace@[2001:db8::5]:5060;transport=tcp SIP/2.0
        Via: SIP/2.0/TCP [2001:db8::5]:5060;branch=z9hG4bKfeed;rport
        Max-Forwards: 70
        From: "O\"Hara  X: y" <sip:ada%20lovelace@[2001:db8::5]:5060;transport=tcp>;tag=1c
        Content-Type: application/sdp
        Content-Length: 5

        v=0
    "#]]
    .assert_eq(&printed(&request.to_bytes()));
    let named = sip_uri_named(Some("+14155550100"), "trunk.example", Some(5080), Transport::Udp);
    assert_eq!(named.unwrap().as_str(), "sip:+14155550100@trunk.example:5080");
    assert!(sip_uri_named(None, "not a host", None, Transport::Udp).is_err());
}

#[test]
fn a_response_as_it_is_sent() {
    let mut request = request(INVITE);
    request.headers.stamp_via("203.0.113.9:40000".parse().unwrap());
    let ringing = Response::to(&request, StatusCode::Ringing, Some("t1"));
    expect![[r#"
        SIP/2.0 180 Ringing
        Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK74bf9;received=203.0.113.9;rport=40000
        From: "Ada, L." <sip:+14155550123@peer.example>;tag=9fxced76sl
        To: <sip:+14155550100@ivr.example>;tag=t1
        Call-ID: 3848276298220188511@peer.example
        CSeq: 2 INVITE
        Record-Route: <sip:edge.example;lr>
        Content-Length: 0

    "#]]
    .assert_eq(&printed(&ringing.to_bytes()));
    let again = ringing.with_to_tag("t2");
    assert_eq!(again.headers.to().unwrap().tag(), Some("t1"), "a tag is given once");
    let odd = Response::new(StatusCode::Other(499, String::new())).with_reason("a\r\nVia: b");
    assert!(printed(&odd.to_bytes()).starts_with("SIP/2.0 499 a  Via: b\n"));
}

#[test]
fn a_challenge_as_it_is_sent() {
    let mut verifier = Verifier::new("ivr", [1; 32], true);
    let (now, source) = (Timestamp(1_800_000_000_000), [192, 0, 2, 1].into());
    let old = Secret::new("old", "ivr", "x", true);
    let strong = Secret::new("ada", "ivr", "x", false);
    let mut ask = |user, secret| {
        let challenge = verifier.challenge(now, source, true, user, Some(secret));
        let nonce = challenge.split('"').nth(3).unwrap().to_owned();
        (challenge.replace(&nonce, "…"), nonce)
    };
    let ((first, nonce), (second, _)) = (ask("ada", &strong), ask("old", &old));
    expect![[r#"
        Digest realm="ivr", nonce="…", qop="auth", algorithm=SHA-256, stale=true
        Digest realm="ivr", nonce="…", qop="auth", algorithm=MD5, stale=true"#]]
    .assert_eq(&format!("{first}\n{second}"));
    assert_eq!(nonce.len(), 60);
}

// ---- whatever a generator thinks of ----

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(3261),
        ..ProptestConfig::default()
    }
}

/// What may happen to a message on its way through a broken or a hostile peer.
#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, u8),
    Cut(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = 0..4096_usize;
    let bytes = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\r\n ".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"<".to_vec()),
        Just(b";,".to_vec()),
        Just(b"%0".to_vec()),
        Just("é".as_bytes().to_vec()),
        Just(b"[::1".to_vec()),
        prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        (at.clone(), 1..80_usize).prop_map(|(at, len)| Damage::Cut(at, len)),
        (at.clone(), bytes).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (at, 1..80_usize).prop_map(|(at, len)| Damage::Repeat(at, len)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let size = bytes.len().max(1);
        let span = |at: usize, len: usize| (at % size, (at % size + len).min(bytes.len()));
        match damage {
            Damage::Flip(at, byte) => {
                if let Some(old) = bytes.get_mut(at % size) {
                    *old = *byte;
                }
            }
            Damage::Cut(at, len) => {
                let (from, to) = span(*at, *len);
                bytes.drain(from..to);
            }
            Damage::Insert(at, new) => {
                let (from, _) = span(*at, 0);
                bytes.splice(from..from, new.iter().copied());
            }
            Damage::Repeat(at, len) => {
                let (from, to) = span(*at, *len);
                let piece = bytes[from..to].to_vec();
                bytes.splice(from..from, piece);
            }
        }
    }
    bytes
}

/// Looks at everything a message offers, and prints it: none of it may panic, and what was
/// printed reads the same.
fn look_at(bytes: &[u8]) -> Result<(), TestCaseError> {
    let message = match datagram(bytes) {
        Ok(message) => message,
        Err(rejected) => {
            if let Some(answer) = rejected.answer {
                prop_assert!(answer.to_bytes().starts_with(b"SIP/2.0 "));
            }
            return Ok(());
        }
    };
    let mut again = message.clone();
    if let Message::Request(request) = &mut again {
        request.headers.stamp_via(([203, 0, 113, 9], 40_000).into());
        let top = request.headers.via();
        prop_assert!(top.is_ok_and(|via| via.reply_to().is_some()), "a stamped Via leads back");
        let _ = Response::to(request, 200, Some("t")).to_bytes();
        let _ = (request.headers.contacts(), request.headers.routes(), request.uri.user_decoded());
        let _ = Sdp::parse(&request.body);
    }
    again.headers().require().for_each(drop);
    prop_assert_eq!(datagram(&message.to_bytes()), Ok(message));
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_damage_panics(damages in prop::collection::vec(damage(), 1..8)) {
        look_at(&damaged(INVITE.as_bytes().to_vec(), &damages))?;
    }

    #[test]
    fn no_noise_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        look_at(&bytes)?;
        let _ = Sdp::parse(&bytes);
        let mut framer = Framer::new();
        framer.push(&bytes);
        while framer.next_frame().is_some() {}
        prop_assert!(framer.waiting() <= bytes.len());
    }

    #[test]
    fn what_is_printed_reads_the_same(
        user in "[a-z0-9+ %;@é]{0,12}",
        display in any::<String>(),
        subject in "[^\\x00-\\x08\\x0a-\\x1f\\x7f]{0,40}",
        body in prop::collection::vec(any::<u8>(), 0..200),
        cseq in any::<u32>(),
    ) {
        let here = "192.0.2.5:5060".parse().unwrap();
        let uri = sip_uri(Some(&user), here, Transport::Udp);
        if !user.is_empty() {
            let decoded = uri.user_decoded();
            prop_assert_eq!(decoded.as_deref(), Some(user.as_str()));
        }
        let request = Request::new(Method::INFO, uri.clone())
            .with(Name::Via, via(Transport::Udp, here, "z9hG4bKa"))
            .with(Name::From, name_addr(Some(&display), &uri, Some("f")))
            .with(Name::To, name_addr(None, &uri, None))
            .with(Name::CallId, "c")
            .with(Name::CSeq, format!("{cseq} INFO"))
            .with(Name::Subject, subject.trim())
            .with_body("application/x", body);
        let Ok(Message::Request(read)) = datagram(&request.to_bytes()) else {
            return Err(TestCaseError::fail("refused"));
        };
        let shown: String = display.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let from = read.headers.from().unwrap();
        let got = from.display().unwrap_or_default();
        prop_assert_eq!(got.trim(), shown.trim());
        prop_assert_eq!(&read.body, &request.body);
        prop_assert_eq!(read.headers.get(Name::Subject), Some(subject.trim()));
        prop_assert_eq!(datagram(&read.to_bytes()), Ok(Message::Request(read)));
    }

    #[test]
    fn a_stream_is_cut_into_the_same_messages(cuts in prop::collection::vec(1..300_usize, 1..40)) {
        let stream = INVITE.repeat(3);
        let (mut framer, mut got, mut rest) = (Framer::new(), 0, stream.as_bytes());
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            framer.push(now);
            rest = later;
            while let Some(frame) = framer.next_frame() {
                prop_assert_eq!(frame, Frame::Message(INVITE.as_bytes().to_vec()));
                got += 1;
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(got, 3);
    }

    #[test]
    fn addresses_and_uris_never_panic(text in "[ \"<>;:,@%?=sip.tel0-9a\\\\é\\[\\]]{0,60}") {
        if let Ok(uri) = Uri::parse(&text) {
            prop_assert_eq!(uri.as_str(), text.as_str());
            prop_assert!(uri.same_as(&uri));
            let _ = (uri.user_decoded(), uri.host(), uri.without_headers());
        }
        if let Ok(address) = NameAddr::parse("To", &text) {
            let _ = (address.display(), address.q(), address.expires(), address.params().get("a"));
        }
    }
}

#[test]
fn damaged_torture_messages_do_not_panic() {
    let Some(folder) = torture() else {
        println!("{SKIPPED}");
        return;
    };
    let mut runner = proptest::test_runner::TestRunner::new(config());
    let mut read = 0;
    for part in ["sip/rfc4475", "sip/rfc5118"] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let damages = prop::collection::vec(damage(), 0..6);
            let result = runner.run(&damages, |damages| look_at(&damaged(bytes.clone(), &damages)));
            result.unwrap();
            read += 1;
        }
    }
    assert!(read > 60);
}
