//! A client that guesses tokens is refused for a while.
//!
//! The table is a `DashMap`: every request is a task, any of them may find a wrong token, and none
//! may wait for another that is only looking. Each access is one short call on one shard; the
//! guards it takes end before the function does, so none is ever held across an `await`.
//!
//! **Invariant:** the table holds at most [`NETWORKS_MAX`] networks and one for each request in
//! work; it is never changed while it is walked.
//!
//! **Deliberately absent:** exceptions. Whose address counts is decided before
//! ([`Client`](crate::api::door::Client)). A valid token does not lift a ban: the answer would tell
//! a guesser that the guess was right. That a program on this machine gets in with it all the same
//! is the caller's doing: who is here already can read more than an answer tells.

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use dashmap::DashMap;
// The clock of the connections' own timers, which a test can stop; nothing here reads another.
use tokio::time::Instant;

use crate::api::seats::network;
use crate::api::throttle::Throttle;

/// This many wrong tokens …
const FAILURES_MAX: u32 = 10;
/// … within this time …
const WINDOW: Duration = Duration::from_secs(60);
/// … and the network gets no more answers for this long.
const BAN: Duration = Duration::from_secs(600);
/// Networks remembered at once. Past it a new one is not counted: its guesses are still refused.
const NETWORKS_MAX: usize = 10_000;
/// A full table is looked through for what can be forgotten no more often than this.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    /// When the first of these was.
    since: Instant,
    banned_until: Option<Instant>,
}

impl Failures {
    fn is_over(&self, now: Instant) -> bool {
        now >= self.banned_until.unwrap_or(self.since + WINDOW)
    }
}

#[derive(Debug, Default)]
pub(super) struct Limit {
    failures: DashMap<IpAddr, Failures>,
    swept_at: Mutex<Option<Instant>>,
    /// One for bans, one for a full table.
    throttles: [Mutex<Throttle>; 2],
}

impl Limit {
    /// How long this address is still banned.
    pub(super) fn banned(&self, ip: IpAddr, now: Instant) -> Option<Duration> {
        let until = self.failures.get(&network(ip))?.banned_until?;
        (now < until).then(|| until - now)
    }

    /// Counts a wrong token. `true`: with this one, the network is banned.
    pub(super) fn failed(&self, ip: IpAddr, now: Instant) -> bool {
        let network = network(ip);
        if !self.failures.contains_key(&network) && !self.has_room(now) {
            if let Some(unsaid) = self.due(1, now) {
                tracing::warn!(
                    unsaid,
                    "{NETWORKS_MAX} networks guess tokens: a further one is not counted"
                );
            }
            return false;
        }
        let fresh = Failures { count: 0, since: now, banned_until: None };
        let mut failures = self.failures.entry(network).or_insert(fresh);
        if failures.is_over(now) {
            *failures = fresh;
        }
        failures.count = failures.count.saturating_add(1);
        let banned = failures.count >= FAILURES_MAX && failures.banned_until.is_none();
        if banned {
            failures.banned_until = Some(now + BAN);
        }
        banned
    }

    /// Says in the log that a network was banned, now and then.
    pub(super) fn say(&self, ip: IpAddr, now: Instant) {
        if let Some(unsaid) = self.due(0, now) {
            tracing::warn!(
                client = %ip,
                unsaid,
                "too many wrong tokens: not answered for a while; if this is a proxy of yours, \
                 name it in api.trusted_proxies"
            );
        }
    }

    fn due(&self, throttle: usize, now: Instant) -> Option<u64> {
        let mut throttle = self.throttles.get(throttle)?.lock().ok()?;
        throttle.due(now)
    }

    /// Whether one more network can be remembered, forgetting what is over if need be.
    fn has_room(&self, now: Instant) -> bool {
        if self.failures.len() < NETWORKS_MAX {
            return true;
        }
        // A client that finds another at it goes on as if there were no room.
        let Ok(mut swept_at) = self.swept_at.try_lock() else { return false };
        if swept_at.is_some_and(|at| now < at + SWEEP_PAUSE) {
            return false;
        }
        *swept_at = Some(now);
        let over = self.failures.iter().filter(|entry| entry.is_over(now));
        let over: Vec<IpAddr> = over.map(|entry| *entry.key()).collect();
        for network in over {
            self.failures.remove_if(&network, |_, failures| failures.is_over(now));
        }
        self.failures.len() < NETWORKS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// A table in which `address` has failed `times` at `now`.
    fn failed(address: &str, times: u32, now: Instant) -> Limit {
        let limit = Limit::default();
        for _ in 0..times {
            limit.failed(ip(address), now);
        }
        limit
    }

    #[test]
    fn ten_wrong_tokens_in_a_minute_are_too_many() {
        let now = Instant::now();
        let limit = failed("192.0.2.1", FAILURES_MAX - 1, now);
        assert_eq!(limit.banned(ip("192.0.2.1"), now), None);
        assert!(limit.failed(ip("192.0.2.1"), now + WINDOW - SECOND));
        let banned_at = now + WINDOW - SECOND;
        assert_eq!(limit.banned(ip("192.0.2.1"), banned_at), Some(BAN));
        assert_eq!(limit.banned(ip("::ffff:192.0.2.1"), banned_at + BAN - SECOND), Some(SECOND));
        assert_eq!(limit.banned(ip("192.0.2.1"), banned_at + BAN), None);
        assert_eq!(limit.banned(ip("192.0.2.2"), banned_at), None);
        // Afterwards it counts from the beginning.
        assert!(!limit.failed(ip("192.0.2.1"), banned_at + BAN));
        assert_eq!(limit.banned(ip("192.0.2.1"), banned_at + BAN), None);
    }

    #[test]
    fn slow_mistakes_are_forgiven() {
        let now = Instant::now();
        let limit = failed("192.0.2.1", FAILURES_MAX - 1, now);
        assert!(!limit.failed(ip("192.0.2.1"), now + WINDOW));
    }

    #[test]
    fn loopback_is_an_address_like_any() {
        let now = Instant::now();
        let limit = failed("127.0.0.1", FAILURES_MAX, now);
        assert_eq!(limit.banned(ip("127.0.0.1"), now), Some(BAN));
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let now = Instant::now();
        let limit = Limit::default();
        for n in 1..=FAILURES_MAX {
            limit.failed(ip(&format!("2001:db8:0:1::{n:x}")), now);
        }
        assert_eq!(limit.banned(ip("2001:db8:0:1:ffff::9"), now), Some(BAN));
        assert_eq!(limit.banned(ip("2001:db8:0:2::1"), now), None);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_what_is_over() {
        let now = Instant::now();
        let limit = failed("192.0.2.1", FAILURES_MAX, now);
        for n in 0..NETWORKS_MAX as u32 + 50 {
            limit.failed(IpAddr::V4((0x0a00_0000 + n).into()), now);
        }
        assert_eq!(limit.failures.len(), NETWORKS_MAX);
        let later = now + WINDOW;
        limit.failed(ip("198.51.100.1"), later);
        assert_eq!(limit.failures.len(), 2, "the banned one and the new one");
        assert!(limit.banned(ip("192.0.2.1"), later).is_some());
    }
}
