//! Where a message came from and where one goes: [`Path`].
//!
//! **Invariant:** a path with a connection belongs to TCP; nothing is ever sent along a path whose
//! far end is broadcast, multicast or unspecified ([`Path::may_be_sent_to`]). What differs between
//! transports is said by [`Transport`] alone: a further one is a variant, and the compiler names
//! the places.
//!
//! **Deliberately absent:** looking up host names, which the shell does; and the names themselves,
//! so that a path is copied with every message: see [`crate::sip::peer`].

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::sip::peer::PeerId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// In the order in which a host that names none is asked for them (RFC 3263 §4.1).
    pub const ALL: [Self; 2] = [Self::Udp, Self::Tcp];

    /// The one of this name in a Via or in a URI's `transport`; `None` for one that is not ours.
    #[must_use]
    pub fn named(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ours| ours.via_token().eq_ignore_ascii_case(token))
    }

    /// As written in a Via (RFC 3261 §20.42).
    #[must_use]
    pub const fn via_token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// The value of a URI's `transport`; UDP goes without saying (RFC 3261 §19.1.1).
    #[must_use]
    pub const fn uri_param(self) -> Option<&'static str> {
        match self {
            Self::Udp => None,
            Self::Tcp => Some("tcp"),
        }
    }

    /// Whether there are connections, and what is sent along them is framed (RFC 3261 §18.3) and
    /// retransmitted by the transport itself, so that transactions need not.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp => true,
        }
    }

    /// Whether the far end proves its name, and no host in between can read what is sent.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        match self {
            Self::Udp | Self::Tcp => false,
        }
    }

    /// The port of a URI or Via that names none (RFC 3261 §18.2.1, §19.1.2).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        if self.is_secure() { 5061 } else { 5060 }
    }

    /// What stands before a domain in the name of its SRV records (RFC 3263 §4.1).
    #[must_use]
    pub const fn service(self) -> &'static str {
        match self {
            Self::Udp => "_sip._udp",
            Self::Tcp => "_sip._tcp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via_token())
    }
}

/// One connection, never reused while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The way between one of our sockets and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    pub transport: Transport,
    /// Our end: the address of the listening socket.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The connection to use. `None` over a stream: connect to `remote`.
    pub connection: Option<ConnectionId>,
    /// Whom we mean to reach there, where the configuration names them: whose certificate a
    /// connection of ours has to show. `None` of whoever came to us, or is named by address.
    pub peer: Option<PeerId>,
}

impl Path {
    /// Without a connection as yet, to whoever is there.
    #[must_use]
    pub const fn new(transport: Transport, local: SocketAddr, remote: SocketAddr) -> Self {
        Self { transport, local, remote, connection: None, peer: None }
    }

    #[must_use]
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self::new(Transport::Udp, local, remote)
    }

    /// The same way along this connection.
    #[must_use]
    pub const fn along(self, connection: ConnectionId) -> Self {
        Self { connection: Some(connection), ..self }
    }

    /// The same way, to this peer alone.
    #[must_use]
    pub const fn to_peer(self, peer: Option<PeerId>) -> Self {
        Self { peer, ..self }
    }

    /// Whether a connection of ours along `self` serves what is to go along `other`: it leads to
    /// the same place, and where the far end proved its name, to the same peer (RFC 5922 §7.3).
    #[must_use]
    pub fn can_serve(&self, other: &Self) -> bool {
        let same_place = self.transport == other.transport && self.remote == other.remote;
        same_place && (!self.transport.is_secure() || self.peer == other.peer)
    }

    /// A destination taken from a message may be anything: never broadcast, multicast, the
    /// unspecified address or port 0 (RFC 4475 §3.3.9).
    #[must_use]
    pub fn may_be_sent_to(&self) -> bool {
        let ip = match self.remote.ip() {
            IpAddr::V6(ip) => ip.to_canonical(),
            ip @ IpAddr::V4(_) => ip,
        };
        let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        !(broadcast || ip.is_multicast() || ip.is_unspecified() || self.remote.port() == 0)
    }
}

/// One message as it came in. Over a stream it is framed already.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub path: Path,
    pub bytes: &'a [u8],
}

/// One message to send. The bytes are shared with the transaction that may retransmit them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    pub path: Path,
    pub bytes: Arc<[u8]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_to_everybody() {
        let local: SocketAddr = "127.0.0.1:5060".parse().unwrap();
        for (remote, allowed) in [
            ("192.0.2.1:5060", true),
            ("[2001:db8::1]:5060", true),
            ("255.255.255.255:5060", false),
            ("[::ffff:255.255.255.255]:5060", false),
            ("224.0.1.75:5060", false),
            ("[ff02::1]:5060", false),
            ("0.0.0.0:5060", false),
            ("192.0.2.1:0", false),
        ] {
            let path = Path::udp(local, remote.parse().unwrap());
            assert_eq!(path.may_be_sent_to(), allowed, "{remote}");
        }
    }
}
