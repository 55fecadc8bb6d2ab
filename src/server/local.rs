//! Which addresses this machine has, and which of them the other end can reach.
//!
//! **Invariant:** an answer for a remote address is asked of the routing table once and kept for as
//! long as it holds; the list of our own addresses is read once in [`READ_EVERY`] at most, however
//! many strangers are compared with it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::time::Timestamp;

/// Remote addresses remembered; past it all are asked for again.
const REMEMBERED_MAX: usize = 4_096;
/// Any port: connecting a UDP socket sends nothing, it only looks up the route.
const DISCARD: u16 = 9;

/// An address this machine gained may be a stranger's to us for this long.
const READ_EVERY: Duration = Duration::from_secs(1);

/// The addresses of this machine, which come and go with its networks.
pub(super) struct OwnAddresses {
    read: Box<dyn FnMut() -> Vec<IpAddr> + Send>,
    read_at: Option<Timestamp>,
}

impl OwnAddresses {
    fn of_this_machine() -> Self {
        Self::new(Box::new(|| {
            let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
            interfaces.iter().map(if_addrs::Interface::ip).collect()
        }))
    }

    fn new(read: Box<dyn FnMut() -> Vec<IpAddr> + Send>) -> Self {
        Self { read, read_at: None }
    }

    /// All of them, where it is time to look again.
    pub(super) fn fresh(&mut self, now: Timestamp) -> Option<Vec<IpAddr>> {
        if self.read_at.is_some_and(|at| now.since(at) < READ_EVERY) {
            return None;
        }
        self.read_at = Some(now);
        Some((self.read)())
    }
}

pub(super) struct LocalAddresses {
    pub(super) own: OwnAddresses,
    /// From the configuration: what to announce whatever the route says (behind NAT).
    external: Option<IpAddr>,
    known: BTreeMap<IpAddr, IpAddr>,
}

impl LocalAddresses {
    pub(super) fn new(external: Option<IpAddr>) -> Self {
        Self { own: OwnAddresses::of_this_machine(), external, known: BTreeMap::new() }
    }

    /// The address to bind towards `remote`, and the one to announce to it.
    pub(super) fn towards(&mut self, remote: IpAddr) -> (IpAddr, IpAddr) {
        let remote = remote.to_canonical();
        let ours = self.ours(remote);
        let external = self.external.filter(|ip| ip.is_ipv4() == ours.is_ipv4());
        (ours, external.filter(|_| !remote.is_loopback()).unwrap_or(ours))
    }

    /// What was known of the way to `remote` does not hold: the address is not ours any more.
    pub(super) fn forget(&mut self, remote: IpAddr) {
        self.known.remove(&remote.to_canonical());
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn fault_16_our_addresses_are_read_again_and_strangers_cost_no_more_than_one_look_a_second() {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        let mut own = OwnAddresses::new(Box::new(move || {
            let n = counted.fetch_add(1, Ordering::Relaxed);
            vec![IpAddr::from([192, 0, 2, n as u8])]
        }));
        let at = |ms: u64| Timestamp(1_000_000 + ms);
        assert_eq!(own.fresh(at(0)), Some(vec![IpAddr::from([192, 0, 2, 0])]));
        assert!((1..1000).all(|ms| own.fresh(at(ms)).is_none()));
        assert_eq!(own.fresh(at(1000)), Some(vec![IpAddr::from([192, 0, 2, 1])]));
        assert_eq!(reads.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_way_that_does_not_hold_is_asked_for_again() {
        let mut local = LocalAddresses::new(None);
        let (here, gone) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 1]));
        local.known.insert(here, gone);
        assert_eq!(local.towards(here), (gone, gone));
        local.forget(here);
        assert_eq!(local.towards(here), (here, here));
    }
}
