//! Ports for what is started here, each handed out once in this process.
//!
//! They come in blocks. The run that holds a block listens at its first port, so that of two runs
//! beside each other none takes what the other gave to a server that has yet to bind it.
//!
//! **Invariant:** none lies where the system takes the ports of outgoing connections from (32,768
//! and up, where Linux is left as it comes): a port that is free there now may be another process's
//! when its server comes to bind it, or comes back after a restart. A whole run needs fewer than
//! half of what there is; past the end its oldest blocks are used again.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

const FIRST: u16 = 10_000;
const LAST: u16 = 32_767;
const BLOCK: u16 = 128;
const BLOCKS: u16 = (LAST - FIRST + 1) / BLOCK;

static OURS: Mutex<Blocks> = Mutex::new(Blocks { held: VecDeque::new(), used: BLOCK });

/// What this process holds, the block in use last.
struct Blocks {
    held: VecDeque<TcpListener>,
    /// Ports of the last one that were handed out, with the one that is listened at.
    used: u16,
}

impl Blocks {
    /// Another block: one that nobody holds, or our oldest.
    fn turn(&mut self) {
        let start = (std::process::id() % u32::from(BLOCKS)) as u16;
        let free = (0..BLOCKS).find_map(|n| {
            let first = FIRST + (start + n) % BLOCKS * BLOCK;
            TcpListener::bind(at(first)).ok()
        });
        let next = free.or_else(|| self.held.pop_front());
        self.held.push_back(next.expect("a block of free ports on this machine"));
        self.used = 1;
    }

    fn next(&mut self, len: u16) -> RangeInclusive<u16> {
        if self.used + len > BLOCK {
            self.turn();
        }
        let guard = self.held.back().expect("the block in use").local_addr().expect("bound");
        let from = guard.port() + self.used;
        self.used += len;
        from..=from + len - 1
    }
}

/// That many ports in a row, fewer than a block, free for both UDP and TCP.
#[track_caller]
pub(crate) fn row(len: u16) -> RangeInclusive<u16> {
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    let tries = (LAST - FIRST) / len;
    (0..tries)
        .map(|_| ours.next(len))
        .find(|ports| ports.clone().all(|port| is_free(at(port))))
        .expect("free ports on this machine")
}

/// An address of this machine whose port is free for both UDP and TCP.
#[track_caller]
pub(crate) fn one() -> SocketAddr {
    at(*row(1).start())
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn is_free(address: SocketAddr) -> bool {
    UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
}
