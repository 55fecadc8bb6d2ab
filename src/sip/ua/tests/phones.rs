//! Registered phones: who may register, who may call, and several phones of one agent.

use super::dialing::{ANSWER, respond};
use super::*;
use crate::id::AgentId;
use crate::sip::digest::{Client, Login};
use crate::sip::message::{Method, Request, Response};
use crate::sip::wire::parse;
use crate::words::{From, Target, Via};

pub(super) const CYD: AgentId = AgentId(2);

pub(super) fn cyd() -> Login {
    Login { user: "cyd".into(), password: "battery staple".into(), realm: None, md5: false }
}

/// A REGISTER of the phone at `host`.
pub(super) fn register(seq: u32, host: &str, more: &str) -> String {
    format!(
        "REGISTER sip:192.0.2.1 SIP/2.0\n\
         Via: SIP/2.0/UDP {host};branch=z9hG4bK-register-{host}-{seq};rport\n\
         From: <sip:cyd@192.0.2.1>;tag=r\nTo: <sip:cyd@192.0.2.1>\n\
         Call-ID: reg-{host}\nCSeq: {seq} REGISTER\nContact: <sip:cyd@{host}>\n\
         {more}Content-Length: 0\n\n"
    )
}

pub(super) fn stranger(remote: &str) -> Rig {
    let mut rig = Rig::new();
    rig.path.remote = address(remote);
    rig
}

fn request_of(text: &str) -> Request {
    let bytes = text.replace('\n', "\r\n");
    match parse(bytes.as_bytes(), Framing::Datagram).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

fn response_of(text: &str) -> Response {
    match parse(text.as_bytes(), Framing::Datagram).unwrap() {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a request"),
    }
}

/// The Authorization line that answers a 401 to `text`.
pub(super) fn authorization(challenge: &str, text: &str, login: &Login) -> String {
    let (request, refused) = (request_of(text), response_of(challenge));
    let (name, value) = Client::new().answer(&refused, &request, login, "c0").unwrap();
    format!("{}: {value}\n", name.as_str())
}

pub(super) fn register_with_password(rig: &mut Rig, host: &str) {
    rig.path.remote = address(host);
    register_from(rig, host);
}

/// From where the rig's peer is, which may be behind a NAT.
fn register_from(rig: &mut Rig, host: &str) {
    rig.receive(&register(1, host, ""));
    let challenge = rig.only();
    assert_eq!(status(&challenge), "401");
    let with = authorization(&challenge, &register(2, host, ""), &cyd());
    rig.receive(&register(2, host, &with));
    let ok = rig.only();
    assert_eq!(status(&ok), "200", "{ok}");
    assert!(ok.contains(&format!("Contact: <sip:cyd@{host}>;expires=3600")), "{ok}");
    rig.receive(&register(2, host, &with));
    assert_eq!(rig.only(), ok, "a repeated REGISTER gets the same answer, not a new challenge");
}

pub(super) fn register_all(rig: &mut Rig, hosts: &[&str]) {
    for host in hosts {
        register_with_password(rig, host);
    }
}

#[test]
fn a_phone_registers_is_called_and_expires() {
    let mut rig = stranger("203.0.113.20:5060");
    register_with_password(&mut rig, "203.0.113.20:5060");
    assert_eq!(rig.events(), [UaEvent::Reachable { agent: CYD, reachable: true }]);
    let from = From::default();
    rig.ua.dial(rig.now, leg(1), &Target::Agent(CYD), &from, &local_media(10_000));
    let sent = rig.ua.poll_transmit().unwrap();
    assert_eq!(sent.path.remote, address("203.0.113.20:5060"));
    let invite = String::from_utf8(sent.bytes.to_vec()).unwrap();
    assert!(invite.starts_with("INVITE sip:cyd@203.0.113.20:5060 SIP/2.0"), "{invite}");
    assert!(header(&invite, "From").starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>"));
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.drain();
    rig.events();
    rig.wait(3_600_000);
    assert_eq!(rig.events(), [UaEvent::Reachable { agent: CYD, reachable: false }]);
    rig.assert_quiet();
}

#[test]
fn every_stranger_gets_the_same_answer() {
    let mut rig = stranger("203.0.113.66:5060");
    let invite = |user: &str| {
        invite()
            .replace("198.51.100.7:5060", "203.0.113.66:5060")
            .replace("+14155550123@carrier.example", &format!("{user}@192.0.2.1"))
    };
    let mut answer = |text: &str| {
        rig.receive(text);
        let answer = rig.only();
        let challenge = header(&answer, "WWW-Authenticate").to_owned();
        (status(&answer).to_owned(), challenge.contains("algorithm=SHA-256"))
    };
    assert_eq!(answer(&invite("cyd")), ("401".into(), true));
    assert_eq!(answer(&invite("nobody")), ("401".into(), true));
    let told =
        UaEvent::Refused { remote: address("203.0.113.66:5060").ip(), why: Refusal::UnknownCaller };
    assert_eq!(rig.events(), [told], "who may have a password is asked for it first");
    assert_eq!(rig.ua.counts(), Counts::default(), "nothing is kept for a stranger");
    rig.receive(&request("OPTIONS", 1, "", "", "").replace("198.51.100.7", "203.0.113.66"));
    assert_eq!(status(&rig.only()), "403");
}

#[test]
fn guessing_is_answered_with_silence() {
    let mut rig = stranger("203.0.113.66:5060");
    let mut answers = 0;
    for seq in 0..30 {
        rig.receive(&register(2 * seq + 1, "203.0.113.66:5060", ""));
        let Some((_, challenge)) = rig.sent.pop() else { break };
        let guess = Login { password: format!("guess{seq}"), ..cyd() };
        let again = register(2 * seq + 2, "203.0.113.66:5060", "");
        let with = authorization(&challenge, &again, &guess);
        rig.receive(&register(2 * seq + 2, "203.0.113.66:5060", &with));
        assert_eq!(status(&rig.only()), "401");
        answers += 1;
    }
    assert_eq!(answers, 10);
    let why = Refusal::Banned { left: Duration::from_secs(600) };
    let banned = UaEvent::Refused { remote: address("203.0.113.66:5060").ip(), why };
    assert_eq!(rig.events().last(), Some(&banned));
    assert_eq!(rig.ua.banned(rig.now).count(), 1);
    rig.path.remote = address("203.0.113.67:5060");
    rig.receive(&register(1, "203.0.113.67:5060", ""));
    assert_eq!(status(&rig.only()), "401", "the neighbor is served");
}

#[test]
fn an_agents_phone_calls_with_its_password() {
    let mut rig = stranger("203.0.113.20:5060");
    let text = |seq, more: &str| {
        request("INVITE", seq, "", more, "")
            .replace("198.51.100.7:5060", "203.0.113.20:5060")
            .replace("+14155550123@carrier.example", "cyd@192.0.2.1")
    };
    rig.receive(&text(1, ""));
    let challenge = rig.only();
    assert_eq!(status(&challenge), "401");
    rig.receive(&request_as("ACK", "INVITE", 1, "x", "", ""));
    let with = authorization(&challenge, &text(2, ""), &cyd());
    rig.receive(&text(2, &with));
    assert_eq!(status(&rig.only()), "100");
    let events = rig.events();
    let [UaEvent::Incoming { via, from, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((via, from.number.as_deref()), (&Via::Agent(CYD), Some("cyd")));
}

#[test]
fn the_first_of_several_phones_wins_and_the_others_stop_ringing() {
    let mut rig = stranger("203.0.113.20:5060");
    for host in ["203.0.113.20:5060", "203.0.113.21:5060", "203.0.113.22:5060"] {
        register_with_password(&mut rig, host);
    }
    rig.events();
    let from = From { number: Some("+14155550123".into()), name: None };
    rig.ua.dial(rig.now, leg(1), &Target::Agent(CYD), &from, &local_media(10_000));
    rig.drain();
    let invites: Vec<_> = rig.sent.drain(..).map(|(_, text)| text).collect();
    assert_eq!(invites.len(), 3);
    let answer = |invite: &str, code: &str, body: &str| {
        format!(
            "SIP/2.0 {code}\nVia: {}\nFrom: {}\nTo: {};tag=x\nCall-ID: {}\nCSeq: {}\n\
             Contact: <sip:cyd@203.0.113.20:5060>\nContent-Type: application/sdp\n\
             Content-Length: {}\n\n{body}",
            header(invite, "Via"),
            header(invite, "From"),
            header(invite, "To"),
            header(invite, "Call-ID"),
            header(invite, "CSeq"),
            body.len()
        )
    };
    rig.receive(&answer(&invites[0], "486 Busy Here", ""));
    rig.receive(&answer(&invites[1], "180 Ringing", ""));
    rig.receive(&answer(&invites[2], "180 Ringing", ""));
    assert_eq!(rig.events(), [UaEvent::Ringing { leg: leg(1) }], "one busy phone ends nothing");
    rig.sent.clear();
    let sdp = "v=0\r\no=- 1 1 IN IP4 203.0.113.22\r\ns=-\r\nc=IN IP4 203.0.113.22\r\nt=0 0\r\n\
        m=audio 7000 RTP/AVP 0\r\n";
    rig.receive(&answer(&invites[2], "200 OK", sdp));
    let sent: Vec<_> = rig.sent.drain(..).map(|(_, text)| text).collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
    let cancel = sent.iter().find(|text| text.starts_with("CANCEL")).unwrap();
    assert_eq!(header(cancel, "Call-ID"), header(&invites[1], "Call-ID"));
    assert!(cancel.contains("Reason: SIP;cause=200"), "{cancel}");
    let events = rig.events();
    assert!(matches!(events[..], [UaEvent::Media { .. }, UaEvent::Answered { .. }]), "{events:?}");
    // The other phone was answered in the same moment.
    rig.receive(&answer(&invites[1], "200 OK", sdp));
    let lines: Vec<_> = rig.lines().into_iter().map(|(_, line)| line).collect();
    assert!(lines[0].starts_with("ACK") && lines[1].starts_with("BYE"), "{lines:?}");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.wait(3_700_000);
    rig.assert_quiet();
}

#[test]
fn a_declined_call_stops_every_phone() {
    let mut rig = stranger("203.0.113.20:5060");
    for host in ["203.0.113.20:5060", "203.0.113.21:5060"] {
        register_with_password(&mut rig, host);
    }
    rig.events();
    let (from, target) = (From::default(), Target::Agent(CYD));
    rig.ua.dial(rig.now, leg(1), &target, &from, &local_media(10_000));
    rig.drain();
    let invite = rig.sent.remove(0).1;
    rig.sent.clear();
    rig.receive(&format!(
        "SIP/2.0 603 Decline\nVia: {}\nFrom: {}\nTo: {};tag=x\nCall-ID: {}\nCSeq: {}\n\n",
        header(&invite, "Via"),
        header(&invite, "From"),
        header(&invite, "To"),
        header(&invite, "Call-ID"),
        header(&invite, "CSeq"),
    ));
    assert_eq!(rig.events(), [UaEvent::Failed { leg: leg(1), cause: Cause::CALL_REJECTED }]);
    rig.wait(3_700_000);
    rig.assert_quiet();
}

#[test]
fn a_registration_needs_what_a_registration_needs() {
    let mut rig = stranger("203.0.113.20:5060");
    let host = "203.0.113.20:5060";
    let mut answer = |seq: u32, change: &dyn Fn(String) -> String| {
        rig.receive(&change(register(seq, host, "")));
        let challenge = rig.only();
        let again = change(register(seq + 1, host, ""));
        let with = authorization(&challenge, &again, &cyd());
        rig.receive(&again.replace("Content-Length", &format!("{with}Content-Length")));
        rig.only()
    };
    let brief = answer(1, &|text| text.replace("Contact:", "Expires: 10\nContact:"));
    assert_eq!((status(&brief), header(&brief, "Min-Expires")), ("423", "60"));
    let other = answer(3, &|text| text.replace("To: <sip:cyd@", "To: <sip:ann@"));
    assert_eq!(status(&other), "403");
    let star = answer(5, &|text| text.replace("<sip:cyd@203.0.113.20:5060>", "*"));
    assert_eq!(status(&star), "400");
    assert_eq!(rig.ua.bindings(CYD).count(), 0);
    assert_eq!(Method::REGISTER.as_str(), "REGISTER");
}

/// A phone behind a NAT names a private address in its answer: what counts beside that is where the
/// registration, and then the answer, came from.
#[test]
fn fault_03_the_leg_hears_where_the_signaling_comes_from() {
    let (nat, contact) = ("203.0.113.20:61234", "192.168.1.20:5060");
    let mut rig = stranger(nat);
    register_from(&mut rig, contact);
    let from = From::default();
    rig.ua.dial(rig.now, leg(1), &Target::Agent(CYD), &from, &local_media(10_000));
    let sent = rig.ua.poll_transmit().unwrap();
    assert_eq!(sent.path.remote, address(nat));
    let invite = String::from_utf8(sent.bytes.to_vec()).unwrap();
    rig.events();
    let private = ANSWER.replace("203.0.113.5", "192.168.1.20");
    rig.receive(&respond(&invite, "200 OK", "a", "Content-Type: application/sdp\n", &private));
    let events = rig.events();
    let [UaEvent::Media { media, signaling, trunk, .. }, UaEvent::Answered { .. }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(media.remote_rtp.ip(), address(contact).ip());
    assert_eq!((*signaling, *trunk), (address(nat).ip(), None));

    // Its NAT gives it another address, and it says so by a re-INVITE with the same description.
    let tag = header(&invite, "From").rsplit_once("tag=").unwrap().1.to_owned();
    rig.path.remote = address("203.0.113.99:5060");
    let again = request("INVITE", 1, &tag, "Content-Type: application/sdp\n", &private)
        .replace("tag=theirs", "tag=a")
        .replace("call-1@198.51.100.7", header(&invite, "Call-ID"));
    rig.receive(&again);
    let events = rig.events();
    let [UaEvent::Media { signaling, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*signaling, address("203.0.113.99:5060").ip());
}
