//! URIs: `sip:`, `sips:` and `tel:` understood, every other scheme kept as it came.
//!
//! **Invariant:** a [`Uri`] prints as it was read; its parts are spans of that text.
//!
//! **Deliberately absent:** name look-up. A host is a name or an address.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::sip::wire::URI_BYTES_MAX;
use crate::sip::wire::text::{Params, cut_at, find_byte};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    /// Anything else: opaque, answered with 416 where it is the Request-URI.
    Other,
}

/// Where a URI or a Via points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    Name(&'a str),
    Ip(IpAddr),
}

impl Host<'_> {
    #[must_use]
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(ip),
            Self::Name(_) => None,
        }
    }
}

/// Brackets around IPv6, as URIs and Vias want them.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    #[error("empty")]
    Empty,
    #[error("longer than 2048 bytes")]
    TooLong,
    #[error("no scheme")]
    NoScheme,
    #[error("a character that no URI may hold")]
    Character,
    #[error("a broken %-escape")]
    Escape,
    #[error("no user before `@`, or a second `@`")]
    User,
    #[error("host is neither a name nor an address")]
    Host,
    #[error("port is not a number up to 65535")]
    Port,
    #[error("a broken parameter")]
    Params,
    #[error("a telephone number without digits")]
    Number,
}

/// A URI as it was written, with its parts.
#[derive(Clone, Debug)]
pub struct Uri {
    text: Box<str>,
    scheme: Scheme,
    user: Option<Span>,
    host: Span,
    ip: Option<IpAddr>,
    port: Option<u16>,
    params: Span,
    headers: Span,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    from: u16,
    to: u16,
}

impl Uri {
    /// # Errors
    /// What is wrong with it. RFC 3261 §19.1, RFC 3966.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.is_empty() {
            return Err(UriError::Empty);
        }
        if text.len() > URI_BYTES_MAX {
            return Err(UriError::TooLong);
        }
        if text.bytes().any(|byte| byte <= b' ' || matches!(byte, b'<' | b'>' | b'"' | 0x7f)) {
            return Err(UriError::Character);
        }
        let colon = find_byte(text, b':').ok_or(UriError::NoScheme)?;
        let scheme = parse_scheme(&text[..colon])?;
        let mut uri = Self {
            text: text.into(),
            scheme,
            user: None,
            host: Span::default(),
            ip: None,
            port: None,
            params: Span::default(),
            headers: Span::default(),
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => uri.read_sip(text, colon + 1)?,
            Scheme::Tel => uri.read_tel(text, colon + 1)?,
            Scheme::Other => {}
        }
        Ok(uri)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// As written; the number of a `tel:` URI. `None` where there is none.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.map(|span| self.slice(span))
    }

    /// The user (without a password, without `;` parameters) or number, unescaped. An escape that
    /// is not UTF-8 is left as written; `%00` is a character like any other.
    #[must_use]
    pub fn user_decoded(&self) -> Option<Cow<'_, str>> {
        let user = self.user()?;
        let user = user.split_once(':').map_or(user, |(user, _)| user);
        Some(decode(user))
    }

    /// The host; an empty name where the scheme has none.
    #[must_use]
    pub fn host(&self) -> Host<'_> {
        self.ip.map_or(Host::Name(self.slice(self.host)), Host::Ip)
    }

    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::trusted(self.slice(self.params))
    }

    /// A parameter's value as written; `Some("")` where it has none.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params().get(name)
    }

    /// What follows `?`, as written. Never to become headers of a request by itself.
    #[must_use]
    pub fn headers(&self) -> &str {
        self.slice(self.headers)
    }

    /// Without what follows `?`.
    #[must_use]
    pub fn without_headers(&self) -> Self {
        if self.headers().is_empty() {
            return self.clone();
        }
        let end = usize::from(self.headers.from) - 1;
        Self { text: self.text[..end].into(), headers: Span::default(), ..self.clone() }
    }

    /// Whether both name the same resource: RFC 3261 §19.1.4, without the header part.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        if matches!(self.scheme, Scheme::Other) || matches!(other.scheme, Scheme::Other) {
            return self.text == other.text;
        }
        self.scheme == other.scheme
            && self.user().map(decode) == other.user().map(decode)
            && same_host(self.host(), other.host())
            && self.port == other.port
            && self.params_match(other)
            && other.params_match(self)
    }

    fn params_match(&self, other: &Self) -> bool {
        self.params().iter().all(|(name, value)| match other.param(name) {
            Some(there) => there.eq_ignore_ascii_case(value.unwrap_or("")),
            None => !["transport", "user", "ttl", "method", "maddr"]
                .iter()
                .any(|strict| strict.eq_ignore_ascii_case(name)),
        })
    }

    fn read_sip(&mut self, text: &str, start: usize) -> Result<(), UriError> {
        let mut host_start = start;
        if let Some(at) = find_byte(&text[start..], b'@') {
            let user = &text[start..start + at];
            let second = find_byte(&text[start + at + 1..], b'@');
            if user.is_empty() || user.starts_with(':') || second.is_some() {
                return Err(UriError::User);
            }
            check_escapes(user)?;
            self.user = Some(Span::new(start, start + at));
            host_start = start + at + 1;
        }
        let rest = &text[host_start..];
        let (rest, headers) = match cut_at(rest, b'?') {
            Some((_, "")) => return Err(UriError::Params),
            Some(parts) => parts,
            None => (rest, ""),
        };
        let (host_port, params) = cut_at(rest, b';').unwrap_or((rest, ""));
        let (host, ip, port) = parse_host(host_port)?;
        self.host = Span::new(host_start, host_start + host.len());
        self.ip = ip;
        self.port = port;
        let params_start = host_start + host_port.len() + 1;
        if rest.len() > host_port.len() {
            check_params(params)?;
            self.params = Span::new(params_start, params_start + params.len());
        }
        self.headers = Span::new(text.len() - headers.len(), text.len());
        Ok(())
    }

    fn read_tel(&mut self, text: &str, start: usize) -> Result<(), UriError> {
        let rest = &text[start..];
        let (number, params) = rest.split_once(';').unwrap_or((rest, ""));
        let dialable = |c: char| c.is_ascii_hexdigit() || "+*#-.()".contains(c);
        if !number.chars().all(dialable) || !number.contains(|c: char| c.is_ascii_hexdigit()) {
            return Err(UriError::Number);
        }
        self.user = Some(Span::new(start, start + number.len()));
        if rest.len() > number.len() {
            check_params(params)?;
            self.params = Span::new(start + number.len() + 1, text.len());
        }
        Ok(())
    }

    fn slice(&self, span: Span) -> &str {
        &self.text[usize::from(span.from)..usize::from(span.to)]
    }
}

impl Span {
    fn new(from: usize, to: usize) -> Self {
        const { assert!(URI_BYTES_MAX <= u16::MAX as usize, "a span holds any offset in a URI") };
        #[expect(clippy::cast_possible_truncation, reason = "a URI is at most URI_BYTES_MAX long")]
        Self { from: from as u16, to: to as u16 }
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri {}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`: the host as written, its address, its port.
///
/// # Errors
/// [`UriError::Host`] or [`UriError::Port`].
pub fn parse_host(text: &str) -> Result<(&str, Option<IpAddr>, Option<u16>), UriError> {
    let (host, rest, ip) = if text.starts_with('[') {
        let end = text.find(']').ok_or(UriError::Host)? + 1;
        let ip = parse_v6(&text[1..end - 1]).ok_or(UriError::Host)?;
        (&text[..end], &text[end..], Some(IpAddr::V6(ip)))
    } else {
        let end = find_byte(text, b':').unwrap_or(text.len());
        let host = &text[..end];
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if host.is_empty() || host.len() > 255 || !host.bytes().all(named) {
            return Err(UriError::Host);
        }
        (host, &text[end..], host.parse().ok().map(IpAddr::V4))
    };
    let Some(port) = rest.strip_prefix(':') else {
        return if rest.is_empty() { Ok((host, ip, None)) } else { Err(UriError::Host) };
    };
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { port.parse().ok() } else { None };
    Ok((host, ip, Some(port.ok_or(UriError::Port)?)))
}

/// RFC 5118 §4.10: senders built on the old grammar write three colons before an IPv4 part.
pub(super) fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| text.replacen(":::", "::", 1).parse().ok())
}

fn parse_scheme(text: &str) -> Result<Scheme, UriError> {
    let known = [("sip", Scheme::Sip), ("sips", Scheme::Sips), ("tel", Scheme::Tel)];
    if let Some((_, scheme)) = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Ok(*scheme);
    }
    let mut bytes = text.bytes();
    let sound = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if sound { Ok(Scheme::Other) } else { Err(UriError::NoScheme) }
}

fn check_params(params: &str) -> Result<(), UriError> {
    for param in params.split(';') {
        if param.is_empty() || param.starts_with('=') {
            return Err(UriError::Params);
        }
    }
    check_escapes(params)
}

fn check_escapes(text: &str) -> Result<(), UriError> {
    for (index, _) in text.bytes().enumerate().filter(|(_, byte)| *byte == b'%') {
        let code = text.as_bytes().get(index + 1..index + 3).ok_or(UriError::Escape)?;
        if !code.iter().all(u8::is_ascii_hexdigit) {
            return Err(UriError::Escape);
        }
    }
    Ok(())
}

fn same_host(a: Host<'_>, b: Host<'_>) -> bool {
    match (a, b) {
        (Host::Ip(a), Host::Ip(b)) => a == b,
        (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
        (Host::Ip(_), Host::Name(_)) | (Host::Name(_), Host::Ip(_)) => false,
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|hex| char::from(hex).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Cow::Borrowed(text);
        };
        out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
    }
    String::from_utf8(out).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn parts_of_a_sip_uri() {
        let u = uri("SIP:alice;day=tue:pw@[2001:db8::10]:5070;transport=tcp;lr?a=b");
        assert_eq!(u.scheme(), Scheme::Sip);
        assert_eq!(u.user(), Some("alice;day=tue:pw"));
        assert_eq!(u.user_decoded().as_deref(), Some("alice;day=tue"));
        assert_eq!(u.host().to_string(), "[2001:db8::10]");
        assert_eq!(u.port(), Some(5070));
        assert_eq!(u.param("TRANSPORT"), Some("tcp"));
        assert_eq!(u.param("lr"), Some(""));
        assert_eq!(u.headers(), "a=b");
    }

    #[test]
    fn parts_of_other_uris() {
        let u = uri("tel:+1-415-555-0100;phone-context=x");
        assert_eq!((u.user(), u.param("phone-context")), (Some("+1-415-555-0100"), Some("x")));
        assert_eq!(uri("soap.beep://192.0.2.103:3002").scheme(), Scheme::Other);
        assert_eq!(uri("sip:example.com").user(), None);
        assert_eq!(uri("sip:%61li%00ce@h").user_decoded().as_deref(), Some("ali\0ce"));
        assert_eq!(uri("sip:a%ff@h").user_decoded().as_deref(), Some("a%ff"));
        assert_eq!(
            uri("sip:u@[2001:db8:::192.0.2.1]").host().ip(),
            "2001:db8::c000:201".parse().ok()
        );
    }

    #[test]
    fn what_is_refused() {
        for (text, error) in [
            ("", UriError::Empty),
            ("example.com", UriError::NoScheme),
            ("sip:2001:db8::10", UriError::Port),
            ("sip:a@b@c", UriError::User),
            ("sip:@b", UriError::User),
            ("sip:a b@c", UriError::Character),
            ("sip:a%4@c", UriError::Escape),
            ("sip:a@h:65536", UriError::Port),
            ("sip:a@h:", UriError::Port),
            ("sip:a@[::1", UriError::Host),
            ("sip:a@[::g]", UriError::Host),
            ("sip:a@h;;x", UriError::Params),
            ("sip:", UriError::Host),
            ("tel:", UriError::Number),
            ("tel:hello", UriError::Number),
        ] {
            assert_eq!(Uri::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn comparison_follows_the_rfc() {
        assert!(uri("sip:%61lice@Example.com").same_as(&uri("sip:alice@example.COM")));
        assert!(uri("sip:a@h;x=1").same_as(&uri("sip:a@h")));
        assert!(!uri("sip:a@h;transport=tcp").same_as(&uri("sip:a@h")));
        assert!(!uri("sip:a@h").same_as(&uri("sip:a@h:5060")));
        assert!(!uri("sip:A@h").same_as(&uri("sip:a@h")));
        assert!(!uri("sip:a@h;x=1").same_as(&uri("sip:a@h;x=2")));
    }
}
