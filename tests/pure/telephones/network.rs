//! The network between the telephones and us: datagrams are late, lost, doubled and overtake each
//! other.
//!
//! **Invariant:** with the same seed the same fates, in the order in which they are asked for; and
//! of one message at most [`LOST_MAX`] copies are lost, so whoever sends it again as RFC 3261 says
//! reaches the other end, and whoever does not is found out.

use std::collections::BTreeMap;
use std::time::Duration;

use attendant::sim::Random;
use attendant::time::Timestamp;

/// Copies of one message that are lost.
pub(super) const LOST_MAX: u8 = 2;
/// A copy that is sent this long after the first is lost: whoever sends it gives up after 32 s
/// (64·T1), so an answer could come when nothing waits for it.
const OLD: Duration = Duration::from_secs(28);
/// The longest way. Less than the 5 s that RFC 3261 takes for the longest life of a message (T4).
const LATE_MS_MAX: u64 = 3_500;

#[derive(Debug)]
pub(super) struct Network {
    random: Random,
    loses: f64,
    delays: f64,
    doubles: f64,
    /// Copies lost so far, by what was sent where.
    lost: BTreeMap<u64, u8>,
    first_at: BTreeMap<u64, Timestamp>,
    pub(super) lost_in_all: usize,
    pub(super) doubled: usize,
}

impl Network {
    pub(super) fn new(mut random: Random) -> Self {
        let is_fair = random.chance(0.2);
        let mut often = |most: f64| if is_fair { 0.0 } else { random.unit() * most };
        let (loses, delays, doubles) = (often(0.3), often(0.2), often(0.2));
        let (lost, first_at) = (BTreeMap::new(), BTreeMap::new());
        Self { random, loses, delays, doubles, lost, first_at, lost_in_all: 0, doubled: 0 }
    }

    /// When the copies of this message arrive; the first need not be the first to arrive.
    pub(super) fn fate(&mut self, now: Timestamp, message: u64) -> Vec<Duration> {
        if now.since(*self.first_at.entry(message).or_insert(now)) > OLD {
            return Vec::new();
        }
        let lost = self.lost.entry(message).or_default();
        if *lost < LOST_MAX && self.random.chance(self.loses) {
            *lost += 1;
            self.lost_in_all += 1;
            return Vec::new();
        }
        let mut arrivals = vec![self.delay()];
        if self.random.chance(self.doubles) {
            self.doubled += 1;
            arrivals.push(self.delay());
        }
        arrivals
    }

    fn delay(&mut self) -> Duration {
        let slow = self.random.chance(self.delays);
        self.random.ms(1, if slow { LATE_MS_MAX } else { 60 })
    }
}

/// What tells one message from another, wherever it is sent.
pub(super) fn print_of(bytes: &[u8], to: usize) -> u64 {
    let seed = 0xcbf2_9ce4_8422_2325 ^ to as u64;
    bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
