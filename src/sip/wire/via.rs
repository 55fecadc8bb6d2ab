//! Via: where an answer goes, and the branch that names the transaction.
//!
//! **Invariant:** an answer goes to where the request came from (RFC 3581), never to a host that
//! a Via merely claims: `received` is ours, and one from the sender is thrown away.
//!
//! **Deliberately absent:** `maddr`, and looking up host names.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::sip::path::Transport;
use crate::sip::wire::HeaderError;
use crate::sip::wire::TOKEN_BYTES_MAX;
use crate::sip::wire::text::{Params, cut_at, find_byte, is_token, parse_u32};
use crate::sip::wire::uri::{Host, parse_host, parse_v6};

/// What a branch of RFC 3261 begins with (§8.1.1.7).
const MAGIC: &str = "z9hG4bK";

/// One Via entry, borrowed from its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    transport: &'a str,
    sent_by: &'a str,
    host: Host<'a>,
    port: Option<u16>,
    params: Params<'a>,
    /// Asked for often, so it is looked for once.
    branch: Option<&'a str>,
}

impl<'a> Via<'a> {
    /// One entry of the comma list.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &'a str) -> Result<Self, HeaderError> {
        Self::read(text.trim_ascii()).map_err(|why| HeaderError { header: "Via", why })
    }

    fn read(text: &'a str) -> Result<Self, &'static str> {
        let (protocol, rest) = cut_at(text, b'/').ok_or("no protocol")?;
        let (version, rest) = cut_at(rest, b'/').ok_or("no version")?;
        if !protocol.trim_ascii().eq_ignore_ascii_case("SIP") || version.trim_ascii() != "2.0" {
            return Err("protocol is not SIP/2.0");
        }
        let rest = rest.trim_ascii_start();
        let end = rest.bytes().position(is_space).ok_or("no host")?;
        let (transport, rest) = (&rest[..end], rest[end..].trim_ascii_start());
        if !is_token(transport) {
            return Err("transport is not a token");
        }
        let semicolon = find_byte(rest, b';').unwrap_or(rest.len());
        let sent_by = rest[..semicolon].trim_ascii_end();
        let params = Params::parse(&rest[semicolon..])?;
        let (host, port) = parse_sent_by(sent_by)?;
        let branch = params.get("branch");
        let via = Self { transport, sent_by, host, port, params, branch };
        match branch {
            Some(branch) if branch.len() > TOKEN_BYTES_MAX => Err("branch is over 1024 bytes"),
            Some("") => Err("branch is empty"),
            Some(branch) if branch.eq_ignore_ascii_case(MAGIC) => Err("branch names nothing"),
            Some(_) | None => Ok(via),
        }
    }

    /// `None` for one that is not ours (RFC 3261 §18.2.1: an unknown one is not an error).
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        Transport::named(self.transport)
    }

    #[must_use]
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// `host` or `host:port` as written: part of the name of a transaction (RFC 3261 §17.2.3).
    #[must_use]
    pub fn sent_by(&self) -> &'a str {
        self.sent_by
    }

    #[must_use]
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    #[must_use]
    pub fn branch(&self) -> Option<&'a str> {
        self.branch
    }

    /// A branch that is unique by itself; without it a transaction is named as RFC 2543 did.
    #[must_use]
    pub fn has_magic_branch(&self) -> bool {
        let magic =
            |branch: &str| branch.get(..MAGIC.len()).is_some_and(|b| b.eq_ignore_ascii_case(MAGIC));
        self.branch().is_some_and(magic)
    }

    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        bare.parse().ok().or_else(|| parse_v6(bare).map(IpAddr::V6))
    }

    /// `Some(None)` where the sender asks for it, `Some(Some(port))` where it was filled in.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        let text = self.params.get("rport")?;
        Some(parse_u32(text).and_then(|port| u16::try_from(port).ok()))
    }

    /// Where an answer over UDP goes: RFC 3261 §18.2.2, RFC 3581 §4. `None` for a host name that
    /// nothing resolved. `maddr` is not followed: a sender may not aim our answers.
    #[must_use]
    pub fn reply_to(&self) -> Option<SocketAddr> {
        let ip = self.received().or(self.host.ip())?;
        let default = self.transport().unwrap_or(Transport::Udp).default_port();
        let port = self.rport().flatten().or(self.port).unwrap_or(default);
        Some(SocketAddr::new(ip, port))
    }

    /// The entry as it goes on once `source` is known: `received` where it says something new, and
    /// `rport` where it was asked for. `None` where nothing changes.
    pub(super) fn stamped(&self, source: SocketAddr) -> Option<String> {
        let ip = source.ip().to_canonical();
        let asked = self.params.has("rport");
        if !asked && self.host.ip() == Some(ip) && !self.params.has("received") {
            return None;
        }
        let mut out = String::with_capacity(self.params.as_str().len() + 96);
        out.extend(["SIP/2.0/", self.transport, " ", self.sent_by]);
        for (name, value) in self.params.iter() {
            if ["received", "rport"].iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
                continue;
            }
            out.extend([";", name]);
            out.extend(value.into_iter().flat_map(|value| ["=", value]));
        }
        // Writing to a `String` does not fail.
        let _ = if asked {
            write!(out, ";received={ip};rport={}", source.port())
        } else if self.host.ip() != Some(ip) {
            write!(out, ";received={ip}")
        } else {
            Ok(())
        };
        Some(out)
    }
}

/// The value of our own Via, asking for `rport`.
#[must_use]
pub fn via(transport: Transport, sent_by: SocketAddr, branch: &str) -> String {
    format!("SIP/2.0/{transport} {sent_by};branch={branch};rport")
}

/// Spaces are allowed around the colon (RFC 4475 §3.1.1.1).
fn parse_sent_by(text: &str) -> Result<(Host<'_>, Option<u16>), &'static str> {
    // Nearly none has one, and then it is a host like any other.
    let colon = if text.bytes().any(is_space) { text.rsplit_once(':') } else { None };
    let (spaced, port) = match colon {
        Some((host, port)) if host.ends_with([' ', '\t']) => {
            (host.trim_ascii_end(), Some(port.trim_ascii_start()))
        }
        Some((host, port)) if port.starts_with([' ', '\t']) => {
            (host, Some(port.trim_ascii_start()))
        }
        Some(_) | None => (text, None),
    };
    let (host, ip, written) = parse_host(spaced).map_err(|_| "not a host")?;
    let spaced_port = match port {
        Some(port) => {
            Some(parse_u32(port).and_then(|p| u16::try_from(p).ok()).ok_or("not a port")?)
        }
        None => None,
    };
    Ok((ip.map_or(Host::Name(host), Host::Ip), written.or(spaced_port)))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Via<'_> {
        Via::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_shape_of_a_via() {
        let v =
            parse("SIP  / 2.0  / TCP     spindle.example.com : 5061  ; branch  =   z9hG4bK9ikj8");
        assert_eq!(v.transport(), Some(Transport::Tcp));
        assert_eq!((v.host(), v.port()), (Host::Name("spindle.example.com"), Some(5061)));
        assert_eq!(v.branch(), Some("z9hG4bK9ikj8"));
        let v = parse("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3");
        assert_eq!(v.reply_to(), "[2001:db8::9:255]:5060".parse().ok());
        let v = parse("SIP/2.0/UNKNOWN t4.example.com;branch=390skdjuw");
        assert_eq!((v.transport(), v.has_magic_branch(), v.reply_to()), (None, false, None));
    }

    #[test]
    fn broken_vias_are_named() {
        for text in [
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/2.0/UDP 192.0.2.15;branch=z9hG4bK",
            "SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP 2001:db8::1",
            "SIP/2.0/UDP h:99999",
            "HTTP/1.1 h",
            "",
        ] {
            assert!(Via::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_source_is_written_over_what_the_sender_claims() {
        let source: SocketAddr = "198.51.100.7:4000".parse().unwrap();
        let v = parse("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKa;received=203.0.113.9");
        let stamped = v.stamped(source).unwrap();
        assert_eq!(
            stamped,
            "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa;received=198.51.100.7;rport=4000"
        );
        assert_eq!(parse(&stamped).reply_to(), Some(source));
        let v = parse("SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKa");
        assert_eq!(v.stamped(source), None);
        let v = parse("SIP/2.0/UDP 198.51.100.7;received=203.0.113.9;branch=z9hG4bKa");
        let unclaimed = "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKa";
        assert_eq!(v.stamped(source).as_deref(), Some(unclaimed));
    }
}
