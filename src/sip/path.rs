//! Where a message came from and where one goes: [`Path`].
//!
//! **Invariant:** a path with a connection belongs to TCP; nothing is ever sent along a path whose
//! far end is broadcast, multicast or unspecified ([`Path::may_be_sent_to`]).
//!
//! **Deliberately absent:** host names. The shell resolves them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// As written in a Via (RFC 3261 §20.42).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// Whether the transport retransmits by itself, so that transactions need not.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One TCP connection, never reused while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The way between one of our sockets and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    pub transport: Transport,
    /// Our end: the address of the listening socket.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The TCP connection to use. `None` over TCP: connect to `remote`.
    pub connection: Option<ConnectionId>,
}

impl Path {
    #[must_use]
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { transport: Transport::Udp, local, remote, connection: None }
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

/// One message as it came in. Over TCP it is framed already.
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
