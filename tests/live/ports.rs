//! Ports for what is started here, each handed out once in this process.
//!
//! **Invariant:** none lies where the system takes the ports of outgoing connections from (32,768
//! and up, where Linux is left as it comes): a port that is free there now may be somebody's when
//! its server comes to bind it, or comes back after a restart.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 10_000;
const LAST: u16 = 32_767;
/// Where this process begins: two runs beside each other seldom meet, and then the probe decides.
const STARTS: u16 = 16;
const BETWEEN_STARTS: u16 = (LAST - FIRST) / STARTS;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// That many ports in a row, free for both UDP and TCP.
#[track_caller]
pub(crate) fn row(len: u16) -> RangeInclusive<u16> {
    let tries = (LAST - FIRST) / len;
    (0..tries)
        .map(|_| next(len))
        .find(|ports| ports.clone().all(|port| is_free(at(port))))
        .expect("free ports on this machine")
}

/// An address of this machine whose port is free for both UDP and TCP.
#[track_caller]
pub(crate) fn one() -> SocketAddr {
    at(*row(1).start())
}

/// The next of that many, around the end of the range.
fn next(len: u16) -> RangeInclusive<u16> {
    let start = (std::process::id() % u32::from(STARTS)) as u16 * BETWEEN_STARTS;
    let span = LAST - FIRST + 1 - len;
    let taken = TAKEN.fetch_add(len, Ordering::Relaxed);
    let from = FIRST + start.wrapping_add(taken) % span;
    from..=from + len - 1
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn is_free(address: SocketAddr) -> bool {
    UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
}
