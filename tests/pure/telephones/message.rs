//! SIP as a telephone reads and writes it: as little as telephones need, and none of the server's
//! own code.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A request or a response.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Request line or status line.
    pub(super) start: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Message {
    /// `None` for what no telephone could read.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines
            .map(|line| line.split_once(':').map(|(name, value)| (name.trim(), value.trim())))
            .map(|header| header.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect::<Option<Vec<_>>>()?;
        let mut message = Self { start, headers, body: body.to_owned() };
        let length: usize = message.find("Content-Length")?.parse().ok()?;
        let needed = ["Via", "From", "To", "Call-ID", "CSeq"];
        // It is written anew.
        message.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Content-Length"));
        let is_whole = needed.iter().all(|name| message.find(name).is_some());
        (is_whole && length == message.body.len()).then_some(message)
    }

    /// The status, where this is a response.
    pub(super) fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method: of the request, or of the request that is answered.
    pub(super) fn method(&self) -> &str {
        match self.status() {
            Some(_) => self.header("CSeq").split(' ').next_back().unwrap_or_default(),
            None => self.start.split(' ').next().unwrap_or_default(),
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("no {name} in:\n{self}"))
    }

    /// The number in `CSeq`.
    #[track_caller]
    pub(super) fn sequence(&self) -> u32 {
        let number = self.header("CSeq").split(' ').next().unwrap_or_default();
        number.parse().expect("CSeq begins with a number")
    }

    /// What names the transaction, in the first Via.
    #[track_caller]
    pub(super) fn branch(&self) -> &str {
        parameter(self.header("Via"), "branch").expect("a Via has a branch")
    }

    /// The address in `Contact`.
    #[track_caller]
    pub(super) fn contact(&self) -> &str {
        let value = self.header("Contact");
        let inside = value.split_once('<').map_or(value, |(_, rest)| rest);
        inside.split_once('>').map_or(inside, |(inside, _)| inside)
    }

    /// Where the sender wants its sound. `None` without a description.
    pub(super) fn sound(&self) -> Option<SocketAddr> {
        let line = |prefix: &str| self.body.lines().find_map(|line| line.strip_prefix(prefix));
        let host: IpAddr = line("c=IN IP4 ")?.parse().ok()?;
        let port = line("m=audio ")?.split(' ').next()?.parse().ok()?;
        Some((host, port).into())
    }

    /// Of a response: what is said of a request is copied, and the called end names itself, but for
    /// an empty tag.
    pub(super) fn response(request: &Self, status: &str, tag: &str) -> Self {
        let copied = ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"];
        let is_copied =
            |(name, _): &&(String, String)| copied.iter().any(|it| name.eq_ignore_ascii_case(it));
        let mut headers: Vec<_> = request.headers.iter().filter(is_copied).cloned().collect();
        for (name, value) in &mut headers {
            let is_to = name.eq_ignore_ascii_case("To") && !tag.is_empty();
            if is_to && parameter(value, "tag").is_none() {
                value.push_str(&format!(";tag={tag}"));
            }
        }
        Self { start: format!("SIP/2.0 {status}"), headers, body: String::new() }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn with_body(self, kind: &str, body: String) -> Self {
        Self { body, ..self.with("Content-Type", kind) }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\r\n", self.start)?;
        for (name, value) in &self.headers {
            write!(f, "{name}: {value}\r\n")?;
        }
        write!(f, "Content-Length: {}\r\n\r\n{}", self.body.len(), self.body)
    }
}

/// A parameter such as `tag` or `branch`.
pub(super) fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let mut parts = value.split([';', ',', ' ']).filter_map(|part| part.trim().split_once('='));
    parts.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"'))
}

/// A description of µ-law and keys at this address: offer and answer are the same.
pub(super) fn sdp(sound: SocketAddr, version: u32, direction: &str) -> String {
    let (ip, port) = (sound.ip(), sound.port());
    format!(
        "v=0\r\no=- 4711 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na={direction}\r\n"
    )
}

#[test]
fn a_message_is_read_as_it_is_written_and_what_is_cut_off_is_not_read() {
    let text = "INVITE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb1\r\n\
                From: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\
                Contact: <sip:b@192.0.2.9:5>;x=y\r\nContent-Length: 0\r\n\r\n";
    let message = Message::parse(text.as_bytes()).expect("a message");
    assert_eq!((message.status(), message.method(), message.sequence()), (None, "INVITE", 7));
    assert_eq!((message.contact(), message.branch()), ("sip:b@192.0.2.9:5", "z9hG4bKb1"));
    assert_eq!(message.to_string(), text);
    let answer = Message::response(&message, "200 OK", "t");
    assert_eq!((answer.status(), answer.method()), (Some(200), "INVITE"));
    assert_eq!(answer.header("To"), "<sip:a@x>;tag=t");
    let sound: SocketAddr = "192.0.2.9:4000".parse().expect("an address");
    let answer = answer.with_body("application/sdp", sdp(sound, 1, "sendrecv"));
    assert_eq!(answer.sound(), Some(sound));
    let bytes = answer.to_string();
    assert!(Message::parse(&bytes.as_bytes()[..bytes.len() - 1]).is_none());
}
