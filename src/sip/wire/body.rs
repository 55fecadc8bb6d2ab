//! The session description in a body, wherever it stands: alone, or beside other parts (RFC 5621).
//!
//! A gateway sends its ISUP message beside the description, an emergency call its location. What we
//! do not understand is passed over, unless it says that it must be understood.
//!
//! **Invariant:** what is found is a piece of the body, unchanged; at most [`PARTS_MAX`] parts of
//! one body are looked at, [`DEPTH_MAX`] deep, so that reading costs a few passes over it.
//!
//! **Deliberately absent:** the other parts' meaning, and transfer encodings: SIP carries bytes
//! (RFC 3261 §7.4.2), so an encoded description is one that we do not understand.

use std::borrow::Cow;

use crate::sip::wire::headers::Headers;
use crate::sip::wire::name::Name;
use crate::sip::wire::text::{Params, unquote};

/// Parts of one body past this many are not looked at.
const PARTS_MAX: usize = 16;
/// A multipart body deeper inside others than this is one that we do not understand.
const DEPTH_MAX: usize = 3;
/// A longer boundary is none (RFC 2046 §5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;
/// What we take in an INVITE, for Accept.
pub const ACCEPTED: &str = "application/sdp, multipart/mixed";

/// What a body says to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content<'a> {
    pub session: Option<&'a [u8]>,
    /// It holds something else that must be understood: 415 to a request.
    pub is_unsupported: bool,
}

/// Finds the description in the body of a message.
#[must_use]
pub fn content<'a>(headers: &Headers, body: &'a [u8]) -> Content<'a> {
    if body.is_empty() {
        return Content::default();
    }
    let owned = |name| headers.get(name).map(|value| Cow::Owned(value.to_owned()));
    let encoding = headers.get(Name::ContentEncoding);
    let head = Head {
        kind: owned(Name::ContentType),
        disposition: owned(Name::ContentDisposition),
        is_encoded: encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")),
    };
    // A body without a type is against RFC 3261 §20.15; what begins like a description is one.
    if head.kind.is_none() && body.starts_with(b"v=") {
        return Content { session: Some(body), is_unsupported: false };
    }
    Reader { parts_left: PARTS_MAX }.read(&head, body, 0)
}

/// What is said above a part.
#[derive(Default)]
struct Head<'a> {
    kind: Option<Cow<'a, str>>,
    disposition: Option<Cow<'a, str>>,
    is_encoded: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Handling {
    Required,
    Optional,
    Unsaid,
}

impl Head<'_> {
    /// `type/subtype`, and its parameters.
    fn kind(&self) -> (&str, Params<'_>) {
        divide(self.kind.as_deref().unwrap_or("text/plain"))
    }

    /// Whether a description here is that of the session (RFC 3261 §20.11), and not, for instance,
    /// of an early one (RFC 3959).
    fn is_of_session(&self) -> bool {
        let said = self.disposition.as_deref().map(|said| divide(said).0);
        said.is_none_or(|said| said.eq_ignore_ascii_case("session"))
    }

    fn handling(&self) -> Handling {
        let said = self.disposition.as_deref().and_then(|said| divide(said).1.get("handling"));
        match said.map(unquote) {
            Some(said) if said.eq_ignore_ascii_case("optional") => Handling::Optional,
            Some(said) if said.eq_ignore_ascii_case("required") => Handling::Required,
            Some(_) | None => Handling::Unsaid,
        }
    }

    /// What is not understood here. RFC 3261 takes silence for "required"; of a part beside a
    /// description silence does not mean that, and a refusal would lose calls.
    fn not_understood<'b>(&self, depth: usize) -> Content<'b> {
        let is_unsupported = match self.handling() {
            Handling::Required => true,
            Handling::Optional => false,
            Handling::Unsaid => depth == 0,
        };
        Content { session: None, is_unsupported }
    }
}

struct Reader {
    parts_left: usize,
}

impl Reader {
    fn read<'a>(&mut self, head: &Head<'_>, body: &'a [u8], depth: usize) -> Content<'a> {
        let (kind, params) = head.kind();
        if head.is_encoded {
            return head.not_understood(depth);
        }
        if kind.eq_ignore_ascii_case("application/sdp") && head.is_of_session() {
            return Content { session: Some(body), is_unsupported: false };
        }
        let multipart = kind
            .split_once('/')
            .filter(|(kind, _)| kind.eq_ignore_ascii_case("multipart") && depth < DEPTH_MAX);
        let boundary = params.get("boundary").map(unquote);
        let boundary = boundary.filter(|b| !b.is_empty() && b.len() <= BOUNDARY_BYTES_MAX);
        let (Some((_, shape)), Some(boundary)) = (multipart, boundary) else {
            return head.not_understood(depth);
        };
        let parts = parts(body, boundary.as_bytes());
        if parts.is_empty() {
            return head.not_understood(depth);
        }
        let found = match shape.eq_ignore_ascii_case("alternative") {
            true => self.best(&parts, depth),
            false => self.all(&parts, depth),
        };
        let is_optional = head.handling() == Handling::Optional;
        Content { is_unsupported: found.is_unsupported && !is_optional, ..found }
    }

    /// Each part says something of its own: the first description holds.
    fn all<'a>(&mut self, parts: &[&'a [u8]], depth: usize) -> Content<'a> {
        let mut all = Content::default();
        for part in parts {
            let found = self.part(part, depth);
            all.session = all.session.or(found.session);
            all.is_unsupported |= found.is_unsupported;
        }
        all
    }

    /// Each part says the same, the last in the best way (RFC 2046 §5.1.4): the last that we
    /// understand holds.
    fn best<'a>(&mut self, parts: &[&'a [u8]], depth: usize) -> Content<'a> {
        let found: Vec<_> = parts.iter().map(|part| self.part(part, depth)).collect();
        match found.iter().rev().find(|found| found.session.is_some()) {
            Some(best) => *best,
            None => Content {
                session: None,
                is_unsupported: found.iter().any(|found| found.is_unsupported),
            },
        }
    }

    fn part<'a>(&mut self, part: &'a [u8], depth: usize) -> Content<'a> {
        let Some(left) = self.parts_left.checked_sub(1) else { return Content::default() };
        self.parts_left = left;
        let (head, body) = open(part);
        self.read(&head, body, depth + 1)
    }
}

/// The pieces between the boundaries. What stands before the first and after the last is for
/// readers that know no multipart. A body that was cut short ends its last part.
fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut begins: Option<usize> = None;
    let mut at = 0;
    while at < body.len() && parts.len() < PARTS_MAX {
        let line = line(&body[at..]);
        let next = at + line.len();
        let rest = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        match rest.map(<[u8]>::trim_ascii_end) {
            Some(b"") => {
                parts.extend(begins.map(|from| without_break(&body[from..at])));
                begins = Some(next);
            }
            Some(b"--") => {
                parts.extend(begins.take().map(|from| without_break(&body[from..at])));
                break;
            }
            Some(_) | None => {}
        }
        at = next;
    }
    if let Some(from) = begins.filter(|_| parts.len() < PARTS_MAX) {
        parts.push(&body[from..]);
    }
    parts
}

/// Head and body of one part.
fn open(part: &[u8]) -> (Head<'_>, &[u8]) {
    let mut fields: Vec<String> = Vec::new();
    let mut at = 0;
    while at < part.len() {
        let line = line(&part[at..]);
        at += line.len();
        let text = String::from_utf8_lossy(line.trim_ascii_end());
        match fields.last_mut() {
            _ if text.is_empty() => break,
            Some(folded) if text.starts_with([' ', '\t']) => folded.push_str(&text),
            _ => fields.push(text.into_owned()),
        }
    }
    let mut head = Head::default();
    for field in fields {
        let Some((name, value)) = field.split_once(':') else { continue };
        let value = || Some(Cow::Owned(value.trim().to_owned()));
        let is = |written: &str| name.trim_ascii().eq_ignore_ascii_case(written);
        if is("Content-Type") || is("c") {
            head.kind = value();
        } else if is("Content-Disposition") {
            head.disposition = value();
        } else if is("Content-Encoding") || is("e") || is("Content-Transfer-Encoding") {
            let plain = ["identity", "7bit", "8bit", "binary"];
            let value = value().unwrap_or_default();
            head.is_encoded |= !plain.iter().any(|plain| value.eq_ignore_ascii_case(plain));
        }
    }
    (head, &part[at..])
}

/// The first line, with its end.
fn line(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
    &bytes[..end]
}

/// The line break before a boundary belongs to the boundary.
fn without_break(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn divide(value: &str) -> (&str, Params<'_>) {
    let (word, params) = value.split_once(';').unwrap_or((value, ""));
    (word.trim_ascii(), Params::trusted(params))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\nm=audio 4000 RTP/AVP 0\r\n";

    fn read<'a>(kind: &str, disposition: &str, body: &'a str) -> (Option<&'a str>, bool) {
        let mut headers = Headers::new();
        if !kind.is_empty() {
            headers.push(Name::ContentType, kind);
        }
        if !disposition.is_empty() {
            headers.push(Name::ContentDisposition, disposition);
        }
        let found = content(&headers, body.as_bytes());
        (found.session.map(|bytes| std::str::from_utf8(bytes).unwrap()), found.is_unsupported)
    }

    fn mixed(parts: &[(&str, &str)]) -> String {
        let mut body = "not for us\r\n".to_owned();
        for (head, content) in parts {
            body += &format!("--a=b c\r\n{head}\r\n\r\n{content}\r\n");
        }
        body + "--a=b c--\r\nnor this: --a=b c\r\n"
    }

    const MIXED: &str = "Multipart/Mixed; x=1; Boundary=\"a=b c\"";
    const ISUP: (&str, &str) = ("Content-Type: application/isup;version=itu-t92+", "\u{1}\u{2}");
    const PLAIN: (&str, &str) = ("content-type: application/SDP ; charset=x", SDP);

    #[test]
    fn fault_17_the_description_is_found_beside_other_parts() {
        let said = |word: &str| format!("{}\r\nContent-Disposition: signal {word}", ISUP.0);
        let (required, optional) = (said(";handling=required"), said("; Handling=optional"));
        let early = format!("{}\r\nContent-Disposition: early-session", PLAIN.0);
        let folded = "Content-Type:\r\n application/sdp\r\nContent-Transfer-Encoding: binary";
        let found = |parts: &[(&str, &str)]| {
            let body = mixed(parts);
            let (session, is_unsupported) = read(MIXED, "", &body);
            (session.map(str::to_owned), is_unsupported)
        };
        let sdp = Some(SDP.to_owned());
        assert_eq!(found(&[PLAIN]), (sdp.clone(), false));
        assert_eq!(found(&[ISUP, PLAIN]), (sdp.clone(), false));
        assert_eq!(found(&[PLAIN, (&optional, "x")]), (sdp.clone(), false));
        assert_eq!(found(&[PLAIN, (&required, "x")]), (sdp.clone(), true));
        assert_eq!(found(&[(&early, "v=1"), (folded, SDP)]), (sdp.clone(), false));
        assert_eq!(found(&[ISUP]), (None, false), "an offer is to come in the ACK");
        assert_eq!(found(&[("Content-Encoding: gzip\r\nc: application/sdp", "x")]), (None, false));
        assert_eq!(found(&[("", "v=0"), PLAIN]), (sdp, false), "a part without a type is text");
    }

    #[test]
    fn fault_17_alternatives_say_the_same_and_the_last_understood_holds() {
        let alternatives = |parts: &str| format!("--in\r\n{parts}--in--\r\n");
        let kind = ("Content-Type: multipart/alternative;boundary=in", "");
        let sdp = |more: &str| format!("Content-Type: application/sdp\r\n\r\nv=0 {more}\r\n");
        let last = "Content-Type: x/y\r\n\r\nz\r\n";
        let both = alternatives(&format!("{}--in\r\n{}--in\r\n{last}", sdp("1"), sdp("2")));
        let body = mixed(&[ISUP, (kind.0, &both)]);
        assert_eq!(read(MIXED, "", &body), (Some("v=0 2"), false));
        let body = mixed(&[(kind.0, "--other\r\n\r\nx")]);
        assert_eq!(read(MIXED, "", &body), (None, false));
    }

    #[test]
    fn what_stands_alone_must_be_a_description_or_say_that_it_is_not_needed() {
        assert_eq!(read("application/sdp", "", SDP), (Some(SDP), false));
        assert_eq!(read("application/sdp", "session;handling=required", SDP), (Some(SDP), false));
        assert_eq!(read("application/sdp", "early-session", SDP), (None, true));
        assert_eq!(read("", "", SDP), (Some(SDP), false), "a type forgotten");
        assert_eq!(read("text/plain", "", "hello"), (None, true));
        assert_eq!(read("text/plain", "render; handling=\"optional\"", "hello"), (None, false));
        assert_eq!(read("text/plain", "", ""), (None, false));
        for broken in ["", ";boundary=", ";boundary=q"] {
            let kind = format!("multipart/mixed{broken}");
            assert_eq!(read(&kind, "", "--x\r\n\r\nv=0\r\n--x--"), (None, true), "{broken}");
        }
        let cut = "--x\ncontent-type: application/sdp\n\nv=0\n";
        assert_eq!(read("multipart/mixed;boundary=x", "", cut), (Some("v=0\n"), false));
    }

    #[test]
    fn a_body_of_nothing_but_parts_is_bounded() {
        let many = mixed(&[("Content-Type: x/y", "1"); PARTS_MAX]);
        assert_eq!(read(MIXED, "", &many), (None, false));
        let mut late = vec![("Content-Type: x/y", "1"); PARTS_MAX];
        late.push(PLAIN);
        assert_eq!(read(MIXED, "", &mixed(&late)), (None, false), "the 17th part is not read");
        let mut deep = SDP.to_owned();
        for _ in 0..=DEPTH_MAX {
            deep = mixed(&[(&format!("Content-Type: {MIXED}"), &deep)]);
        }
        assert_eq!(read(MIXED, "", &deep), (None, false));
    }
}
