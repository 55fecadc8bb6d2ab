//! SIP messages: requests, responses, and how they are built and printed.
//!
//! `rsip` gives the vocabulary (methods, status codes, URIs on their way out); what
//! it cannot say (an unknown method, an IPv6 host, `tel:`) is said here. Reading is `wire`'s.
//!
//! **Invariant:** a printed message has one Content-Length, and it is right. Nothing here draws
//! tags, branches or Call-IDs: they are the caller's, from the seeded generator.
//!
//! **Deliberately absent:** `rsip`'s parser, its printing of bodies (they are bytes, not text) and
//! its `Default`s, which are random.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

pub use rsip::StatusCode;

pub use crate::sip::path::Transport;
pub use crate::sip::wire::{
    CSeq, Contacts, HeaderError, Headers, Host, Name, NameAddr, Params, Refresher, Scheme,
    SessionExpires, Uri, UriError, Via, name_addr, via,
};

/// A method, known or not: an unknown one is answered with 405 or 501, not dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    Known(rsip::Method),
    Other(Box<str>),
}

impl Method {
    pub const ACK: Self = Self::Known(rsip::Method::Ack);
    pub const BYE: Self = Self::Known(rsip::Method::Bye);
    pub const CANCEL: Self = Self::Known(rsip::Method::Cancel);
    pub const INFO: Self = Self::Known(rsip::Method::Info);
    pub const INVITE: Self = Self::Known(rsip::Method::Invite);
    pub const MESSAGE: Self = Self::Known(rsip::Method::Message);
    pub const NOTIFY: Self = Self::Known(rsip::Method::Notify);
    pub const OPTIONS: Self = Self::Known(rsip::Method::Options);
    pub const PRACK: Self = Self::Known(rsip::Method::PRack);
    pub const PUBLISH: Self = Self::Known(rsip::Method::Publish);
    pub const REFER: Self = Self::Known(rsip::Method::Refer);
    pub const REGISTER: Self = Self::Known(rsip::Method::Register);
    pub const SUBSCRIBE: Self = Self::Known(rsip::Method::Subscribe);
    pub const UPDATE: Self = Self::Known(rsip::Method::Update);

    const KNOWN: [(Self, &str); 14] = [
        (Self::INVITE, "INVITE"),
        (Self::ACK, "ACK"),
        (Self::BYE, "BYE"),
        (Self::CANCEL, "CANCEL"),
        (Self::REGISTER, "REGISTER"),
        (Self::OPTIONS, "OPTIONS"),
        (Self::INFO, "INFO"),
        (Self::UPDATE, "UPDATE"),
        (Self::PRACK, "PRACK"),
        (Self::MESSAGE, "MESSAGE"),
        (Self::NOTIFY, "NOTIFY"),
        (Self::PUBLISH, "PUBLISH"),
        (Self::REFER, "REFER"),
        (Self::SUBSCRIBE, "SUBSCRIBE"),
    ];

    /// A token; methods are case-sensitive (RFC 3261 §7.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((method, _)) = Self::KNOWN.iter().find(|(_, name)| *name == text) {
            return Some(method.clone());
        }
        crate::sip::wire::is_token(text).then(|| Self::Other(text.into()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(method) => match method {
                rsip::Method::Ack => "ACK",
                rsip::Method::Bye => "BYE",
                rsip::Method::Cancel => "CANCEL",
                rsip::Method::Info => "INFO",
                rsip::Method::Invite => "INVITE",
                rsip::Method::Message => "MESSAGE",
                rsip::Method::Notify => "NOTIFY",
                rsip::Method::Options => "OPTIONS",
                rsip::Method::PRack => "PRACK",
                rsip::Method::Publish => "PUBLISH",
                rsip::Method::Refer => "REFER",
                rsip::Method::Register => "REGISTER",
                rsip::Method::Subscribe => "SUBSCRIBE",
                rsip::Method::Update => "UPDATE",
            },
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Request(Request),
    Response(Response),
}

impl Message {
    #[must_use]
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Request {
    #[must_use]
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Headers::new(), body: Vec::new() }
    }

    /// Adds a header at the end.
    #[must_use]
    pub fn with(mut self, name: Name, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body and its Content-Type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.headers.set(Name::ContentType, content_type);
        self.body = body.into();
        self
    }

    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024 + self.body.len());
        self.write_to(&mut out);
        out
    }

    /// Appends the message to `out`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.uri.as_str().as_bytes());
        out.extend_from_slice(b" SIP/2.0\r\n");
        write_rest(out, &self.headers, &self.body);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: StatusCode,
    /// As received, or the usual phrase. For people only.
    pub reason: Cow<'static, str>,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Response {
    #[must_use]
    pub fn new(status: impl Into<StatusCode>) -> Self {
        let status = status.into();
        let reason = Cow::Borrowed(reason_phrase(status.code()));
        Self { status, reason, headers: Headers::new(), body: Vec::new() }
    }

    /// An answer to `request`: its Vias, From, To, Call-ID and CSeq, and the Record-Routes where
    /// the answer makes a dialog (RFC 3261 §8.2.6.2, §12.1.1). `to_tag` is added where To has
    /// none; a 100 goes without.
    #[must_use]
    pub fn to(request: &Request, status: impl Into<StatusCode>, to_tag: Option<&str>) -> Self {
        let mut response = Self::new(status);
        let from = &request.headers;
        let headers = &mut response.headers;
        headers.copy(from, Name::Via);
        headers.copy(from, Name::From);
        headers.copy(from, Name::To);
        headers.copy(from, Name::CallId);
        headers.copy(from, Name::CSeq);
        if (101..300).contains(&response.status.code()) {
            headers.copy(from, Name::RecordRoute);
        }
        if response.status == StatusCode::Trying {
            headers.copy(from, Name::Timestamp);
        }
        match to_tag {
            Some(tag) => response.with_to_tag(tag),
            None => response,
        }
    }

    #[must_use]
    pub fn code(&self) -> u16 {
        self.status.code()
    }

    /// Adds a header at the end.
    #[must_use]
    pub fn with(mut self, name: Name, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body and its Content-Type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.headers.set(Name::ContentType, content_type);
        self.body = body.into();
        self
    }

    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Adds a tag to To, where it has none and can be read.
    #[must_use]
    pub fn with_to_tag(mut self, tag: &str) -> Self {
        let untagged = self.headers.to().is_ok_and(|to| to.tag().is_none());
        if let Some(to) = self.headers.get(Name::To).filter(|_| untagged) {
            let tagged = format!("{to};tag={tag}");
            self.headers.set(Name::To, tagged);
        }
        self
    }

    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024 + self.body.len());
        self.write_to(&mut out);
        out
    }

    /// Appends the message to `out`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        // Writing to a `Vec` does not fail.
        let _ = write!(out, "SIP/2.0 {:03} ", self.status.code());
        // A reason from elsewhere must not end the line.
        out.extend(self.reason.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
        out.extend_from_slice(b"\r\n");
        write_rest(out, &self.headers, &self.body);
    }
}

/// `sip:user@host:port;transport=…`, by way of `rsip`'s types. UDP goes without saying.
///
/// The user may be any text: what a URI cannot hold is escaped.
#[must_use]
pub fn sip_uri(user: Option<&str>, address: SocketAddr, transport: Transport) -> Uri {
    let ip = address.ip().to_canonical();
    let host = match ip {
        IpAddr::V4(_) => rsip::Host::from(ip),
        IpAddr::V6(ip) => rsip::Host::Domain(format!("[{ip}]").into()),
    };
    build(user, rsip::HostWithPort::from((host, address.port())), transport)
}

/// As [`sip_uri`], for a host by name and its usual port, or the one given.
///
/// # Errors
/// `host` is not one.
pub fn sip_uri_named(
    user: Option<&str>,
    host: &str,
    port: Option<u16>,
    transport: Transport,
) -> Result<Uri, UriError> {
    let (host, _, None) = crate::sip::wire::parse_host(host)? else {
        return Err(UriError::Port);
    };
    let host = rsip::Host::Domain(host.into());
    Ok(build(user, rsip::HostWithPort::from((host, port)), transport))
}

fn build(user: Option<&str>, host_with_port: rsip::HostWithPort, transport: Transport) -> Uri {
    let user = user.filter(|user| !user.is_empty());
    let uri = rsip::Uri {
        scheme: Some(rsip::Scheme::Sip),
        auth: user.map(|user| rsip::Auth { user: escape_user(user), password: None }),
        host_with_port,
        params: Vec::new(),
        headers: Vec::new(),
    };
    let mut text = uri.to_string();
    if let Some(transport) = transport.uri_param() {
        text.extend([";transport=", transport]);
    }
    Uri::parse(&text).expect("an escaped user at a checked host is a URI")
}

/// Escapes what the user part may not hold, and cuts it where the URI would be too long.
fn escape_user(user: &str) -> String {
    const USER_BYTES_MAX: usize = 512;
    let mut out = String::with_capacity(user.len());
    for byte in user.bytes() {
        if out.len() >= USER_BYTES_MAX {
            break;
        }
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn write_rest(out: &mut Vec<u8>, headers: &Headers, body: &[u8]) {
    for (name, value) in headers.iter().filter(|(name, _)| *name != Name::ContentLength.as_str()) {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    // Writing to a `Vec` does not fail.
    let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
    out.extend_from_slice(body);
}

/// The usual phrase of a status (RFC 3261 §21); `rsip` prints the names of its variants instead.
#[must_use]
pub fn reason_phrase(code: u16) -> &'static str {
    match code {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        580 => "Precondition Failure",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        code if code < 200 => "Progress",
        code if code < 300 => "OK",
        code if code < 400 => "Redirected",
        code if code < 500 => "Request Failed",
        _ => "Failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An opinion other than our own parser's.
    #[test]
    fn what_we_print_rsip_reads_alike() {
        let here = "192.0.2.5:5062".parse().expect("an address");
        let uri = sip_uri(Some("a b"), here, Transport::Tcp);
        let request = Request::new(Method::INVITE, uri.clone())
            .with(Name::Via, via(Transport::Tcp, here, "z9hG4bK1"))
            .with(Name::From, name_addr(Some("Ada"), &uri, Some("t1")))
            .with(Name::CSeq, "7 INVITE")
            .with_body("application/sdp", "v=0\r\n");
        let read = rsip::Request::try_from(request.to_bytes()).expect("rsip reads our request");
        assert_eq!((read.method, &read.body), (rsip::Method::Invite, &request.body));
        assert_eq!(read.uri.user(), Some("a%20b"));
        assert_eq!(read.uri.transport(), Some(&rsip::Transport::Tcp));
        assert_eq!(read.uri.port(), Some(&rsip::Port::from(5062)));
        assert_eq!(read.headers.iter().count(), request.headers.len() + 1, "and Content-Length");

        let ringing = Response::to(&request, StatusCode::Ringing, None);
        let read = rsip::Response::try_from(ringing.to_bytes()).expect("rsip reads our response");
        assert_eq!(read.status_code, rsip::StatusCode::Ringing);
    }
}
