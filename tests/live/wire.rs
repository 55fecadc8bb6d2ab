//! SIP messages as text, read and written by hand: as little as these tests need, and none of the
//! server's own code.

use std::fmt;
use std::net::SocketAddr;

use crate::sound::Codec;

#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Request line or status line.
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Message {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        Some(Self { start, headers, body: body.to_owned() })
    }

    /// The status, when this is a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method: of the request, or of the request that is answered.
    pub(crate) fn method(&self) -> &str {
        match self.status() {
            Some(_) => self.header("CSeq").split(' ').next_back().unwrap_or_default(),
            None => self.start.split(' ').next().unwrap_or_default(),
        }
    }

    pub(crate) fn is_request(&self, method: &str) -> bool {
        self.status().is_none() && self.method() == method
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("no {name} in:\n{self}"))
    }

    /// The number in `CSeq`.
    pub(crate) fn sequence(&self) -> u32 {
        let number = self.header("CSeq").split(' ').next().unwrap_or_default();
        number.parse().expect("CSeq begins with a number")
    }

    /// The address in the angle brackets of `Contact`.
    pub(crate) fn contact(&self) -> &str {
        between_angles(self.header("Contact"))
    }

    /// The values of Record-Route, the one written last first.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &str> {
        self.values("Record-Route")
    }

    /// All values of a header, those with a comma between and those in lines of their own.
    pub(crate) fn values(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let lines = self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        lines.flat_map(|(_, value)| value.split(',')).map(str::trim)
    }

    /// Where the sender of this SDP wants its sound, and in which law.
    #[track_caller]
    pub(crate) fn sdp(&self) -> (SocketAddr, Codec) {
        let line = |prefix: &str| {
            let found = self.body.lines().find_map(|line| line.strip_prefix(prefix));
            found.unwrap_or_else(|| panic!("no {prefix} in:\n{self}"))
        };
        let host = line("c=IN IP4 ");
        let mut media = line("m=audio ").split(' ');
        let port = media.next().expect("a port");
        let codec = match media.nth(1).expect("a payload type") {
            "0" => Codec::Ulaw,
            "8" => Codec::Alaw,
            other => panic!("payload type {other} was not offered"),
        };
        (format!("{host}:{port}").parse().expect("an address"), codec)
    }

    /// `sendrecv`, `sendonly`, `recvonly` or `inactive`.
    pub(crate) fn direction(&self) -> &str {
        let known = ["sendonly", "recvonly", "inactive"];
        let lines = || self.body.lines().filter_map(|line| line.strip_prefix("a="));
        lines().find(|line| known.contains(line)).unwrap_or("sendrecv")
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\r\n", self.start)?;
        let others = |(name, _): &&(String, String)| !name.eq_ignore_ascii_case("Content-Length");
        for (name, value) in self.headers.iter().filter(others) {
            write!(f, "{name}: {value}\r\n")?;
        }
        write!(f, "Content-Length: {}\r\n\r\n{}", self.body.len(), self.body)
    }
}

pub(crate) fn between_angles(value: &str) -> &str {
    let inside = value.split_once('<').map_or(value, |(_, rest)| rest);
    inside.split_once('>').map_or(inside, |(inside, _)| inside)
}

/// A parameter such as `tag` or `nonce`, with or without quotes.
pub(crate) fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let parts = value.split([';', ',', ' ']);
    let found = parts.filter_map(|part| part.trim().split_once('=')).find(|(key, _)| *key == name);
    found.map(|(_, value)| value.trim_matches('"'))
}

/// An offer or answer of these laws, in this order of liking.
pub(crate) fn sdp(port: u16, version: u32, codecs: &[Codec], direction: &str) -> String {
    let types: Vec<String> = codecs.iter().map(|c| c.payload_type().to_string()).collect();
    let mut lines = vec![
        "v=0".to_owned(),
        format!("o=- 4711 {version} IN IP4 127.0.0.1"),
        "s=-".to_owned(),
        "c=IN IP4 127.0.0.1".to_owned(),
        "t=0 0".to_owned(),
        format!("m=audio {port} RTP/AVP {} 101", types.join(" ")),
    ];
    for codec in codecs {
        let name = if *codec == Codec::Ulaw { "PCMU" } else { "PCMA" };
        lines.push(format!("a=rtpmap:{} {name}/8000", codec.payload_type()));
    }
    lines.push("a=rtpmap:101 telephone-event/8000".to_owned());
    lines.push("a=fmtp:101 0-15".to_owned());
    lines.push(format!("a={direction}"));
    lines.join("\r\n") + "\r\n"
}

#[test]
fn a_message_is_read_as_written() {
    let text = "SIP/2.0 200 OK\r\nCSeq: 7 INVITE\r\nContact: <sip:a@127.0.0.1:5>;x=y\r\n\r\n";
    let message = Message::parse(text.as_bytes()).expect("a message");
    assert_eq!((message.status(), message.method(), message.sequence()), (Some(200), "INVITE", 7));
    assert_eq!(message.contact(), "sip:a@127.0.0.1:5");
    assert_eq!(parameter("Digest realm=\"a\", nonce=\"b\"", "nonce"), Some("b"));
}
