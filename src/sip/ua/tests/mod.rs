//! The user agent as its peers see it: scripted ([`Rig`]) and against another one ([`Pair`]).
//!
//! **Invariant:** every test plays in virtual time from a seed.

mod bans;
mod calls;
mod challenges;
mod connections;
mod descriptions;
mod dialing;
mod failover;
mod forks;
mod limits;
mod pair;
mod phones;
mod servers;
mod sessions;

use std::net::SocketAddr;

use super::*;
use crate::id::CallId;
use crate::sip::digest::Login;
use crate::sip::path::Transport;
use crate::sip::sdp::{LocalMedia, NotAcceptable};
use crate::sip::wire::ACCEPTED;
use crate::words::{Cause, Codec, Direction};

pub(super) const US: &str = "192.0.2.1:5060";
pub(super) const TRUNK: &str = "198.51.100.7:5060";

/// What a server at `US` is set up with: one trunk, two agents at fixed addresses.
pub(super) fn setup() -> UaSetup {
    UaSetup {
        listen: vec![(Transport::Udp, address(US)), (Transport::Tcp, address(US))],
        external_address: None,
        realm: "attendant.example".into(),
        trunks: vec![Trunk {
            name: "carrier".into(),
            networks: vec!["198.51.100.0/24".parse().unwrap()],
            this_machine: false,
            trusted: false,
            uri: Some(format!("sip:{TRUNK}")),
            servers: Vec::new(),
            login: Some(Login {
                user: "acme".into(),
                password: "correct horse".into(),
                realm: None,
                md5: false,
            }),
            caller_id: None,
            channels_max: 100,
        }],
        phones: vec![
            fixed("ann", "sip:ann@203.0.113.5:6100"),
            fixed("bob", "sip:bob@203.0.113.6:6100;transport=tcp"),
            Phone {
                user: "cyd".into(),
                at: PhoneAt::Registers { password: "battery staple".into(), md5: false },
            },
        ],
        limits: Limits::default(),
    }
}

fn fixed(user: &str, uri: &str) -> Phone {
    Phone { user: user.into(), at: PhoneAt::Fixed { uri: uri.into() } }
}

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn local_media(port: u16) -> LocalMedia {
    LocalMedia {
        address: address(US).ip(),
        port,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        telephone_event: Some(101),
        rtcp_mux: false,
        ptime_ms: 20,
        direction: Direction::SendRecv,
    }
}

pub(super) fn leg(call: u64) -> LegId {
    LegId::caller(CallId(call))
}

/// One user agent, a peer played by the test, and a clock.
pub(super) struct Rig {
    pub(super) ua: Ua,
    pub(super) now: Timestamp,
    pub(super) path: Path,
    pub(super) sent: Vec<(u64, String)>,
    pub(super) events: Vec<UaEvent>,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(setup())
    }

    pub(super) fn with(setup: UaSetup) -> Self {
        let mut ua = Ua::new(setup, [7; 32]);
        while ua.poll_event().is_some() {}
        Self {
            ua,
            now: Timestamp(0),
            path: Path::udp(address(US), address(TRUNK)),
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The peer sends this; lines may end in LF.
    pub(super) fn receive(&mut self, text: &str) {
        self.hear(text);
        self.drain();
    }

    /// As [`Self::receive`], with what follows from it still inside.
    pub(super) fn hear(&mut self, text: &str) {
        let bytes = text.replace("\r\n", "\n").replace('\n', "\r\n");
        self.ua.receive(self.now, Received { path: self.path, bytes: bytes.as_bytes() });
    }

    /// Takes no notice of anything up to here.
    pub(super) fn forget(&mut self) {
        self.drain();
        self.sent.clear();
        self.events.clear();
    }

    pub(super) fn drain(&mut self) {
        while let Some(transmit) = self.ua.poll_transmit() {
            let text = String::from_utf8(transmit.bytes.to_vec()).unwrap();
            self.sent.push((self.now.as_millis(), text));
        }
        self.events.extend(std::iter::from_fn(|| self.ua.poll_event()));
    }

    /// Moves the clock by `ms`, firing what is due on the way.
    pub(super) fn wait(&mut self, ms: u64) {
        let until = Timestamp(self.now.as_millis() + ms);
        while let Some((at, _)) = self.ua.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = at;
            self.ua.handle_timeout(at);
            self.drain();
        }
        self.now = until;
    }

    /// What was sent since the last look: `(ms, first line)`.
    pub(super) fn lines(&mut self) -> Vec<(u64, String)> {
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        self.sent.drain(..).map(|(at, text)| (at, first(&text))).collect()
    }

    /// The one message sent since the last look.
    pub(super) fn only(&mut self) -> String {
        assert_eq!(self.sent.len(), 1, "{:#?}", self.sent);
        self.sent.remove(0).1
    }

    pub(super) fn events(&mut self) -> Vec<UaEvent> {
        std::mem::take(&mut self.events)
    }

    /// 64·T1 and more after the last message, nothing is left.
    pub(super) fn assert_quiet(&mut self) {
        self.wait(100_000);
        self.sent.clear();
        assert_eq!(self.ua.counts(), Counts::default());
        assert_eq!(self.ua.poll_timeout(), None);
    }
}

/// The first value of a header in a printed message.
pub(super) fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let value = message.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        (found == name).then_some(value)
    });
    value.unwrap_or_else(|| panic!("no {name} in\n{message}"))
}

pub(super) fn status(message: &str) -> &str {
    message.split(' ').nth(1).unwrap_or_default()
}

pub(super) const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\n\
    c=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n\
    a=rtpmap:101 telephone-event/8000\r\n";

/// A request of the peer. `more` are further header lines, each with its line end.
pub(super) fn request(method: &str, seq: u32, to_tag: &str, more: &str, body: &str) -> String {
    request_as(method, method, seq, to_tag, more, body)
}

/// As [`request`] with the branch of another method: CANCEL and ACK share their INVITE's.
pub(super) fn request_as(
    method: &str,
    branch: &str,
    seq: u32,
    to_tag: &str,
    more: &str,
    body: &str,
) -> String {
    let to = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    let length = body.replace("\r\n", "\n").replace('\n', "\r\n").len();
    format!(
        "{method} sip:+14155550100@192.0.2.1 SIP/2.0\n\
         Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-{branch}-{seq};rport\n\
         Max-Forwards: 70\n\
         From: \"Ann\" <sip:+14155550123@carrier.example>;tag=theirs\n\
         To: <sip:+14155550100@192.0.2.1>{to}\n\
         Call-ID: call-1@198.51.100.7\n\
         CSeq: {seq} {method}\n\
         Contact: <sip:198.51.100.7:5060>\n\
         {more}Content-Length: {length}\n\n{body}"
    )
}

pub(super) fn invite() -> String {
    request("INVITE", 1, "", "Content-Type: application/sdp\n", OFFER)
}

/// The tag we gave ourselves in a response.
pub(super) fn our_tag(response: &str) -> String {
    header(response, "To").rsplit_once(";tag=").unwrap().1.to_owned()
}
