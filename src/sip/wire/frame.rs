//! Messages out of a byte stream, by Content-Length.
//!
//! **Invariant:** between two reads at most [`MESSAGE_BYTES_MAX`] bytes wait here; what would need
//! more ends the stream ([`Frame::Broken`]), as no later byte could be trusted to begin a message.
//!
//! **Deliberately absent:** time. How long a connection may take over a message is for its owner
//! to say.

use crate::sip::wire::MESSAGE_BYTES_MAX;
use crate::sip::wire::name::Name;
use crate::sip::wire::text::parse_u32;

/// Collects bytes and yields whole messages.
#[derive(Debug, Default)]
pub struct Framer {
    bytes: Vec<u8>,
    /// Where the next message begins; what is before it was yielded already.
    start: usize,
    /// How far behind `start` the end of the headers was looked for.
    searched: usize,
    /// The length of the message at `start`, once its headers are there.
    whole: Option<usize>,
    broken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message, for [`parse`](crate::sip::wire::parse()).
    Message(Vec<u8>),
    /// A keep-alive (CRLF CRLF, RFC 5626 §3.5.1): answer with one CRLF.
    Ping,
    /// What came cannot be divided into messages. The head, if there is one: parse it for an
    /// answer, send that, and close. Nothing follows.
    Broken(Vec<u8>),
}

impl Framer {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what was read; then ask [`Self::next_frame`] until it has no more.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken {
            return;
        }
        // Moved once a read, not once a frame: a read full of tiny frames stays cheap.
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that wait for the rest of their message.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub fn next_frame(&mut self) -> Option<Frame> {
        if self.broken {
            return None;
        }
        if let Some(ping) = self.skip_empty_lines() {
            return Some(ping);
        }
        let whole = match self.whole {
            Some(whole) => whole,
            None => match self.measure()? {
                Ok(whole) => whole,
                Err(broken) => return Some(broken),
            },
        };
        self.whole = Some(whole);
        let message = self.rest().get(..whole)?.to_vec();
        self.start += whole;
        self.searched = 0;
        self.whole = None;
        Some(Frame::Message(message))
    }

    /// CRLFs between messages: two or more are one ping, one is a pong (or a slip).
    fn skip_empty_lines(&mut self) -> Option<Frame> {
        let pairs = self.rest().chunks(2).take_while(|pair| pair == b"\r\n").count();
        let more_may_come = self.waiting() <= 2 * pairs + 1;
        if pairs == 1 && more_may_come {
            return None;
        }
        self.start += 2 * pairs;
        (pairs > 1).then_some(Frame::Ping)
    }

    /// How long the message at the front is; `None` while its headers are not all there.
    fn measure(&mut self) -> Option<Result<usize, Frame>> {
        let Some(head) = self.head_end() else {
            return (self.waiting() > MESSAGE_BYTES_MAX).then(|| Err(self.broken()));
        };
        let length = content_length(&self.rest()[..head]);
        let whole = length.map_or(usize::MAX, |length| head.saturating_add(length));
        if whole > MESSAGE_BYTES_MAX {
            self.bytes.truncate(self.start + head);
            return Some(Err(self.broken()));
        }
        Some(Ok(whole))
    }

    fn head_end(&mut self) -> Option<usize> {
        let from = self.searched.saturating_sub(3).min(self.waiting());
        let found = self.rest()[from..].windows(4).position(|four| four == b"\r\n\r\n");
        self.searched = self.waiting();
        found.map(|at| from + at + 4)
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn broken(&mut self) -> Frame {
        self.broken = true;
        let head = self.bytes.split_off(self.start);
        self.bytes.clear();
        self.start = 0;
        Frame::Broken(head)
    }
}

/// `None` where there is none, more than one, or one that is no number.
fn content_length(head: &[u8]) -> Option<usize> {
    let mut found = None;
    let mut lines = head.split(|byte| *byte == b'\n').skip(1).peekable();
    while let Some(line) = lines.next() {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = std::str::from_utf8(line[..colon].trim_ascii_end()).unwrap_or("");
        if Name::parse(name) != Some(Name::ContentLength) {
            continue;
        }
        let mut value = line[colon + 1..].to_vec();
        while let Some(next) =
            lines.next_if(|next| next.starts_with(b" ") || next.starts_with(b"\t"))
        {
            value.extend_from_slice(next);
        }
        let value = std::str::from_utf8(value.trim_ascii()).ok().and_then(parse_u32)?;
        if found.replace(usize::try_from(value).ok()?).is_some() {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framer: &mut Framer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.next_frame()).collect()
    }

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let one = b"OPTIONS sip:a SIP/2.0\r\nl : 4\r\n\r\nbody".to_vec();
        let two = b"OPTIONS sip:b SIP/2.0\r\nContent-Length:\r\n 0\r\n\r\n".to_vec();
        let stream = [one.clone(), b"\r\n\r\n".to_vec(), two.clone()].concat();
        let want = [Frame::Message(one), Frame::Ping, Frame::Message(two)];
        for cut in 1..stream.len() {
            let mut framer = Framer::new();
            let mut got = Vec::new();
            for piece in stream.chunks(cut) {
                framer.push(piece);
                got.extend(frames(&mut framer));
            }
            assert_eq!(got, want, "cut into pieces of {cut}");
            assert_eq!(framer.waiting(), 0);
        }
    }

    #[test]
    fn what_cannot_be_framed_ends_the_stream() {
        for head in ["", "Content-Length: -1\r\n", "l: 1\r\nl: 1\r\n", "l: 4294967295\r\n"] {
            let mut framer = Framer::new();
            let message = format!("OPTIONS sip:a SIP/2.0\r\n{head}\r\nmore");
            framer.push(message.as_bytes());
            assert!(matches!(framer.next_frame(), Some(Frame::Broken(_))), "{head:?}");
            framer.push(b"OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n");
            assert_eq!(framer.next_frame(), None);
            assert_eq!(framer.waiting(), 0);
        }
    }

    #[test]
    fn a_head_without_end_is_bounded() {
        let mut framer = Framer::new();
        framer.push(&vec![b'a'; MESSAGE_BYTES_MAX]);
        assert_eq!(framer.next_frame(), None);
        framer.push(b"a");
        assert!(matches!(framer.next_frame(), Some(Frame::Broken(_))));
    }

    #[test]
    fn a_lone_pong_is_no_ping() {
        let mut framer = Framer::new();
        framer.push(b"\r\nOPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n");
        assert!(matches!(&frames(&mut framer)[..], [Frame::Message(_)]));
        framer.push(&b"\r\n".repeat(9));
        assert_eq!(frames(&mut framer), [Frame::Ping], "a flood of pings gets one pong");
        framer.push(b"\r");
        assert_eq!(frames(&mut framer), []);
        framer.push(b"\n");
        assert_eq!(frames(&mut framer), []);
        framer.push(b"\r\n");
        assert_eq!(frames(&mut framer), [Frame::Ping]);
    }
}
