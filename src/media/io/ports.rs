//! The UDP ports of the legs: pairs from a range, in random order.
//!
//! **Invariant:** a pair is leased to one leg at a time and comes back when the leg's sockets are
//! closed; the pair that was used last is given out last, so that late packets of an ended call
//! find no leg.
//!
//! **Deliberately absent:** waiting for a free pair. When all are leased the call is refused.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

pub(super) struct PortPool {
    /// Even ports that are free.
    free: Mutex<VecDeque<u16>>,
    range: RangeInclusive<u16>,
}

/// A leg's sockets. Dropping them gives the ports back, after they were closed.
pub(super) struct Sockets {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    _lease: Option<Lease>,
}

struct Lease {
    pool: Arc<PortPool>,
    port: u16,
}

/// No leg can be opened; a caller is to hear 503.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "all UDP ports from {first} to {last} are in use: end calls, or widen `media.port_min` and \
         `media.port_max`"
    )]
    PortsUsedUp { first: u16, last: u16 },
    #[error("no UDP socket on {address}: {source}")]
    Socket { address: IpAddr, source: io::Error },
}

impl PortPool {
    /// A range of `0..=0` lets the system choose ports (tests do).
    pub(super) fn new(range: RangeInclusive<u16>, mut seed: u64) -> Self {
        let first_even = u32::from(*range.start()).next_multiple_of(2);
        let last = u32::from(*range.end());
        let mut ports: Vec<u16> =
            (first_even..last).step_by(2).filter_map(|port| u16::try_from(port).ok()).collect();
        for i in (1..ports.len()).rev() {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ports.swap(i, ((seed >> 33) % (i as u64 + 1)) as usize);
        }
        Self { free: Mutex::new(ports.into()), range }
    }

    /// Binds the two sockets of a leg on `local`.
    pub(super) fn bind(self: &Arc<Self>, local: IpAddr) -> Result<Sockets, OpenError> {
        let failed = |source| OpenError::Socket { address: local, source };
        if *self.range.end() == 0 {
            let rtp = socket(local, 0).map_err(failed)?;
            let rtcp = socket(local, 0).map_err(failed)?;
            return Ok(Sockets { rtp, rtcp, _lease: None });
        }
        // A port that another program holds is skipped; each free one is tried once at most.
        let tries = self.free().len();
        for _ in 0..tries {
            let Some(port) = self.free().pop_front() else { break };
            let lease = Lease { pool: Arc::clone(self), port };
            match socket(local, port).and_then(|rtp| Ok((rtp, socket(local, port + 1)?))) {
                Ok((rtp, rtcp)) => return Ok(Sockets { rtp, rtcp, _lease: Some(lease) }),
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Err(OpenError::PortsUsedUp { first: *self.range.start(), last: *self.range.end() })
    }

    fn free(&self) -> std::sync::MutexGuard<'_, VecDeque<u16>> {
        // A list of numbers is whole even if a thread died while holding it.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.free().push_back(self.port);
    }
}

fn socket(local: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(local, port);
    let kind = Type::DGRAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::UDP))?;
    if local.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Marking and buffer size are wishes: without them sound still flows.
    let _ = match local {
        IpAddr::V4(_) => socket.set_tos_v4(EXPEDITED_FORWARDING),
        IpAddr::V6(_) => socket.set_tclass_v6(EXPEDITED_FORWARDING),
    };
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_LEN);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// DSCP 46 (RFC 3246), in its place in the byte.
const EXPEDITED_FORWARDING: u32 = 46 << 2;
/// The kernel doubles it and counts about 800 bytes a packet: some 80 packets, 1.6 s of speech.
const RECEIVE_BUFFER_LEN: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn ports_are_even_used_up_and_given_back() {
        let pool = Arc::new(PortPool::new(29_001..=29_008, 1));
        let mut legs = Vec::new();
        while let Ok(sockets) = pool.bind(LOCAL) {
            legs.push(sockets);
        }
        assert!((1..=3).contains(&legs.len()), "29002, 29004 and 29006 hold a pair each");
        for sockets in &legs {
            let port = sockets.rtp.local_addr().unwrap().port();
            assert_eq!(port % 2, 0);
            assert_eq!(sockets.rtcp.local_addr().unwrap().port(), port + 1);
        }
        assert!(matches!(
            pool.bind(LOCAL),
            Err(OpenError::PortsUsedUp { first: 29_001, last: 29_008 })
        ));
        let port = legs.remove(0).rtp.local_addr().unwrap().port();
        assert_eq!(pool.bind(LOCAL).unwrap().rtp.local_addr().unwrap().port(), port);
    }
}
