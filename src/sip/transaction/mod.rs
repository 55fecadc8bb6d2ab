//! Transactions (RFC 3261 §17 as amended by RFC 6026): retransmission and absorption.
//!
//! Each machine gets the time with its input and owns one deadline; the bytes it may have to send
//! again are shared, not copied. [`Server`] also repeats a 2xx until its ACK (§13.3.1.4), which the
//! RFC gives to the layer above, because the bytes and the clock are the same.
//!
//! **Invariant:** a transaction that has its final response ends within 64·T1 (and the quarter of a
//! second for which [`Table`] gathers such ends); one that has a
//! deadline always makes progress when it passes.
//!
//! **Deliberately absent:** parsing. A machine sees status codes, bytes and times.

mod client;
mod key;
mod server;
mod table;

use std::time::Duration;

use crate::time::Timestamp;

pub use client::{Client, ClientStep};
pub use key::{ClientKey, Secret, ServerKey};
pub use server::{Server, ServerStep};
pub use table::{Due, Machine, Table};

/// The round-trip estimate retransmission begins with.
pub const T1: Duration = Duration::from_millis(500);
/// The longest interval between retransmissions.
pub const T2: Duration = Duration::from_secs(4);
/// How long a message may stay in the network.
pub const T4: Duration = Duration::from_secs(5);
/// 64·T1: timers B, D, F, H, J, L and M.
pub const GIVE_UP: Duration = Duration::from_secs(32);
/// A ringing phone that never ends the transaction (RFC 3261 §16.6 timer C, as a caller uses it).
/// The center's ring time-out comes long before.
pub const RING_MAX: Duration = Duration::from_secs(300);

/// INVITE has a transaction of its own kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Invite,
    Other,
}

/// When to send again, and how long to wait after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Repeat {
    at: Timestamp,
    interval: Duration,
}

impl Repeat {
    fn start(now: Timestamp) -> Self {
        Self { at: now + T1, interval: T1 }
    }

    fn every_t2(now: Timestamp) -> Self {
        Self { at: now + T2, interval: T2 }
    }

    /// The interval doubles up to `cap`.
    fn next(self, now: Timestamp, cap: Duration) -> Self {
        let interval = (self.interval * 2).min(cap);
        Self { at: now + interval, interval }
    }
}

#[cfg(test)]
mod tests;
