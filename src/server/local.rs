//! Which of our addresses the other end can reach.
//!
//! **Invariant:** an answer for a remote address is asked of the routing table once and kept.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Remote addresses remembered; past it all are asked for again.
const REMEMBERED_MAX: usize = 4_096;
/// Any port: connecting a UDP socket sends nothing, it only looks up the route.
const DISCARD: u16 = 9;

#[derive(Debug)]
pub(super) struct LocalAddresses {
    /// From the configuration: what to announce whatever the route says (behind NAT).
    external: Option<IpAddr>,
    known: BTreeMap<IpAddr, IpAddr>,
}

impl LocalAddresses {
    pub(super) const fn new(external: Option<IpAddr>) -> Self {
        Self { external, known: BTreeMap::new() }
    }

    /// The address to bind towards `remote`, and the one to announce to it.
    pub(super) fn towards(&mut self, remote: IpAddr) -> (IpAddr, IpAddr) {
        let remote = remote.to_canonical();
        let ours = self.ours(remote);
        let external = self.external.filter(|ip| ip.is_ipv4() == ours.is_ipv4());
        (ours, external.filter(|_| !remote.is_loopback()).unwrap_or(ours))
    }

    fn ours(&mut self, remote: IpAddr) -> IpAddr {
        if let Some(&local) = self.known.get(&remote) {
            return local;
        }
        if self.known.len() >= REMEMBERED_MAX {
            self.known.clear();
        }
        let local = route(remote).unwrap_or(match remote {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
        self.known.insert(remote, local);
        local
    }
}

fn route(remote: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = match remote {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((remote, DISCARD)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
