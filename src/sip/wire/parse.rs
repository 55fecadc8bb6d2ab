//! One message out of bytes.
//!
//! The reader goes on after a fault, to keep what an answer needs; the first fault is the one that
//! is reported.
//!
//! **Invariant:** a message that is returned has readable Via, From, To, Call-ID and CSeq, and a
//! request's CSeq names its method.
//!
//! **Deliberately absent:** judging what is well-formed but not for us: methods, extensions,
//! bodies.

use std::borrow::Cow;

use crate::sip::message::{Message, Method, Request, Response, StatusCode};
use crate::sip::wire::error::{Fault, Rejected};
use crate::sip::wire::headers::Headers;
use crate::sip::wire::name::Name;
use crate::sip::wire::text::{is_token, parse_u32};
use crate::sip::wire::uri::{Scheme, Uri, UriError};
use crate::sip::wire::{HEADER_BYTES_MAX, HEADERS_MAX, HeaderError};
use crate::sip::wire::{MESSAGE_BYTES_MAX, METHOD_BYTES_MAX};

/// What decides where the body ends (RFC 3261 §18.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The datagram, or an earlier Content-Length.
    Datagram,
    /// Content-Length alone; the bytes are one [`Frame`](crate::sip::wire::Frame).
    Stream,
}

/// Header fields that may be there only once.
const ONCE: &[Name] = &[
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::MaxForwards,
    Name::ContentLength,
    Name::ContentType,
    Name::Expires,
];

/// Reads one message.
///
/// # Errors
/// The first fault, and the answer to send, if any may be sent.
pub fn parse(bytes: &[u8], framing: Framing) -> Result<Message, Rejected> {
    let bytes = skip_empty_lines(bytes);
    let mut reader = Reader { rest: bytes, fault: None };
    if bytes.len() > MESSAGE_BYTES_MAX {
        reader.fault(Fault::TooLarge);
    }
    let start = reader.start_line();
    let Some(start) = start else {
        return Err(Rejected { fault: reader.fault.unwrap_or(Fault::NotSip), answer: None });
    };
    let (mut headers, seen) = reader.headers();
    let body = reader.body(&headers, framing);
    // It has done its work; printing counts anew.
    headers.remove(Name::ContentLength);
    if let Err(fault) = check(&start, &headers, &seen) {
        reader.fault(fault);
    }
    match (start, reader.fault) {
        (Start::Request { method, uri: Some(uri) }, None) => {
            Ok(Message::Request(Request { method, uri, headers, body }))
        }
        (Start::Response { status, reason }, None) => {
            Ok(Message::Response(Response { status, reason, headers, body }))
        }
        (Start::Response { .. }, Some(fault)) => Err(Rejected { fault, answer: None }),
        (Start::Request { method, .. }, fault) => {
            let fault = fault.unwrap_or(Fault::NotSip);
            let answer = answer(&method, &fault, &headers).map(Box::new);
            Err(Rejected { fault, answer })
        }
    }
}

enum Start {
    Request {
        method: Method,
        /// None where a fault says what is wrong with it.
        uri: Option<Uri>,
    },
    Response {
        status: StatusCode,
        reason: Cow<'static, str>,
    },
}

struct Reader<'a> {
    rest: &'a [u8],
    fault: Option<Fault>,
}

/// How often each known header was seen.
type Seen = [u8; Name::COUNT];

impl<'a> Reader<'a> {
    fn fault(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// The next line without its end; `None` at the end of the bytes.
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest);
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &self.rest[self.rest.len()..]),
        };
        self.rest = rest;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// `None` where it is not SIP at all, or a response that says nothing.
    fn start_line(&mut self) -> Option<Start> {
        let line = text(self.line()?);
        if line.get(..4).is_some_and(|four| four.eq_ignore_ascii_case("SIP/")) {
            return status_line(&line);
        }
        let trimmed = line.trim_end();
        let (before, version) = trimmed.rsplit_once(' ')?;
        if !version.get(..4).is_some_and(|four| four.eq_ignore_ascii_case("SIP/")) {
            return None;
        }
        let (method, uri) = before.split_once(' ').unwrap_or((before, ""));
        if method.len() > METHOD_BYTES_MAX {
            self.fault(Fault::StartLine("method is over 128 bytes"));
        }
        let Some(method) = Method::parse(method) else {
            self.fault(Fault::StartLine("method is not a token"));
            return Some(Start::Request { method: Method::INVITE, uri: None });
        };
        if !version.eq_ignore_ascii_case("SIP/2.0") {
            self.fault(Fault::Version);
        }
        if trimmed.len() != line.len() || uri.starts_with(' ') || uri.ends_with(' ') {
            self.fault(Fault::StartLine("more than one space between its parts"));
        }
        let uri = match request_uri(uri.trim()) {
            Ok(uri) => Some(uri),
            Err(fault) => {
                self.fault(fault);
                None
            }
        };
        Some(Start::Request { method, uri })
    }

    fn headers(&mut self) -> (Headers, Seen) {
        let mut headers = Headers::with_capacity(16);
        let mut seen = [0; Name::COUNT];
        loop {
            let Some(first) = self.line() else {
                self.fault(Fault::NoEnd);
                break;
            };
            if first.is_empty() {
                break;
            }
            let line = self.unfold(first);
            if line.len() > HEADER_BYTES_MAX {
                self.fault(Fault::HeaderTooLong);
                continue;
            }
            if headers.len() == HEADERS_MAX {
                self.fault(Fault::TooManyHeaders);
                continue;
            }
            if let Err(fault) = field(&line, &mut headers, &mut seen) {
                self.fault(fault);
            }
        }
        (headers, seen)
    }

    /// Joins the lines that begin with a space to the one before them (RFC 3261 §7.3.1).
    fn unfold(&mut self, first: &'a [u8]) -> Cow<'a, [u8]> {
        let mut line = Cow::Borrowed(first);
        while matches!(self.rest.first(), Some(b' ' | b'\t')) {
            let Some(next) = self.line() else { break };
            let joined = line.to_mut();
            // Past the bound nothing is kept; the length alone is reported.
            if joined.len() <= HEADER_BYTES_MAX {
                joined.push(b' ');
                joined.extend_from_slice(next.trim_ascii());
            }
        }
        line
    }

    fn body(&mut self, headers: &Headers, framing: Framing) -> Vec<u8> {
        let rest = self.rest;
        let Some(text) = headers.get(Name::ContentLength) else {
            if framing == Framing::Stream {
                self.fault(Fault::Missing("Content-Length"));
            }
            return rest.to_vec();
        };
        let length = parse_u32(text).and_then(|length| usize::try_from(length).ok());
        match length {
            Some(length) if length <= rest.len() => rest[..length].to_vec(),
            Some(_) => {
                self.fault(Fault::BodyCut);
                Vec::new()
            }
            None => {
                let why = "not a number up to 4294967295";
                self.fault(Fault::Header(HeaderError { header: "Content-Length", why }));
                Vec::new()
            }
        }
    }
}

fn skip_empty_lines(mut bytes: &[u8]) -> &[u8] {
    while let Some(b'\r' | b'\n') = bytes.first() {
        bytes = &bytes[1..];
    }
    bytes
}

fn status_line(line: &str) -> Option<Start> {
    let (version, rest) = line.split_once(' ')?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let code: u16 = parse_u32(code)?.try_into().ok()?;
    if !version.eq_ignore_ascii_case("SIP/2.0") || !(100..700).contains(&code) {
        return None;
    }
    Some(Start::Response { status: code.into(), reason: Cow::Owned(reason.trim().to_owned()) })
}

fn request_uri(text: &str) -> Result<Uri, Fault> {
    let uri = Uri::parse(text).map_err(|error| match error == UriError::TooLong {
        true => Fault::UriTooLong,
        false => Fault::Uri(error),
    })?;
    if uri.scheme() == Scheme::Other {
        return Err(Fault::Scheme);
    }
    if !uri.headers().is_empty() {
        return Err(Fault::StartLine("headers in the Request-URI"));
    }
    Ok(uri)
}

fn field(line: &[u8], headers: &mut Headers, seen: &mut Seen) -> Result<(), Fault> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Fault::NoColon)?;
    // Spaces before the colon are allowed; anything else that is no token would let two readers
    // see two different names.
    let name =
        std::str::from_utf8(line[..colon].trim_ascii_end()).map_err(|_| Fault::HeaderName)?;
    if !is_token(name) {
        return Err(Fault::HeaderName);
    }
    let value = line[colon + 1..].trim_ascii();
    if has_control(value) {
        return Err(Fault::Control);
    }
    let known = Name::parse(name);
    if let Some(known) = known {
        seen[known as usize] = seen[known as usize].saturating_add(1);
    }
    headers.push_parsed(known.ok_or(name), text(value).into_owned());
    Ok(())
}

/// A control character that is not escaped in a quoted string (RFC 3261 §25.1).
fn has_control(value: &[u8]) -> bool {
    let control = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    // Most values have none at all; this loop has no branch, so it runs many bytes at a time.
    if !value.iter().fold(false, |found, byte| found | control(*byte)) {
        return false;
    }
    let mut escaped = false;
    value.iter().any(|byte| {
        let line_end = matches!(byte, b'\r' | b'\n');
        let found = control(*byte) && (!escaped || line_end);
        escaped = *byte == b'\\' && !escaped;
        found
    })
}

/// UTF-8, or Latin-1 where it is not: an old phone's umlaut is no reason to refuse a call.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(
        |_| Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Cow::Borrowed,
    )
}

fn check(start: &Start, headers: &Headers, seen: &Seen) -> Result<(), Fault> {
    for name in ONCE {
        if seen[*name as usize] > 1 {
            return Err(Fault::Repeated(name.as_str()));
        }
    }
    for name in [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq] {
        if seen[name as usize] == 0 {
            return Err(Fault::Missing(name.as_str()));
        }
    }
    headers.via()?;
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    let cseq = headers.cseq()?;
    headers.max_forwards()?;
    headers.expires()?;
    match start {
        Start::Request { method, .. } if cseq.method != *method => Err(Fault::MethodMismatch),
        Start::Request { .. } => {
            headers.contacts()?;
            Ok(())
        }
        Start::Response { .. } => Ok(()),
    }
}

/// Nothing is sent for an ACK, nor where no Via says that this was a request.
fn answer(method: &Method, fault: &Fault, headers: &Headers) -> Option<Response> {
    if *method == Method::ACK || !headers.has(Name::Via) {
        return None;
    }
    let mut answer = Response::new(fault.status()).with_reason(fault.to_string());
    answer.headers.copy(headers, Name::Via);
    for name in [Name::From, Name::To, Name::CallId, Name::CSeq] {
        if let Some(value) = headers.get(name) {
            answer.headers.push(name, value);
        }
    }
    Some(answer)
}
