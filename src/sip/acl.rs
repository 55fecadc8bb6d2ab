//! Peers that may talk to us: trunks by address, and bans for those that guess.
//!
//! Anybody can write anybody's address on a datagram. So what counts here is a failure that only
//! the address itself can have had: a wrong answer to a question that was sent there
//! (`digest::Doubt::Wrong`).
//!
//! **Invariant:** a trunk's address is never banned; the table of failures holds at most
//! [`ADDRESSES_MAX`] entries, whatever arrives.
//!
//! **Deliberately absent:** firewall rules: a ban is silence from us, nothing more; and what
//! passes one, which `ua::known` decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use crate::time::Timestamp;

/// What leads to a ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BanRule {
    /// This many failures …
    pub failures_max: u32,
    /// … within this time …
    pub window: Duration,
    /// … and the address is not answered for this long.
    pub length: Duration,
}

impl Default for BanRule {
    fn default() -> Self {
        let (window, length) = (Duration::from_secs(60), Duration::from_secs(600));
        Self { failures_max: 10, window, length }
    }
}

/// Addresses remembered at once; past it the one that would be forgotten next is forgotten now.
pub const ADDRESSES_MAX: usize = 10_000;

/// An address, or all addresses with the same first bits: `192.0.2.0/24`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address or a network such as 192.0.2.0/24")]
pub struct NetworkError(String);

impl Network {
    /// All addresses that share the first `bits` of `ip`; `None` for more bits than it has.
    #[must_use]
    pub fn new(ip: IpAddr, bits: u8) -> Option<Self> {
        let size = if ip.is_ipv4() { 32 } else { 128 };
        (bits <= size).then(|| Self { first: mask(ip, bits), bits })
    }

    /// IPv4 in an IPv6 dress (`::ffff:192.0.2.1`) is IPv4.
    #[must_use]
    pub fn contains(self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.first.is_ipv4() && mask(ip, self.bits) == self.first
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let fault = || NetworkError(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let written: IpAddr = address.trim().parse().map_err(|_| fault())?;
        let ip = written.to_canonical();
        let size = if ip.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            // `::ffff:192.0.2.0/120` counts the 96 bits of the dress.
            Some(bits) if ip != written => bits.parse::<u8>().ok().and_then(|b| b.checked_sub(96)),
            Some(bits) => bits.parse().ok(),
            None => Some(size),
        };
        bits.and_then(|bits| Self::new(ip, bits)).ok_or_else(fault)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// Which trunk an address belongs to: the one with the narrowest network that holds it.
#[derive(Clone, Debug, Default)]
pub struct Trunks<T> {
    networks: Vec<(Network, T)>,
}

impl<T> Trunks<T> {
    /// Of two equal networks the first one wins.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = (Network, T)>) -> Self {
        let mut networks: Vec<_> = networks.into_iter().collect();
        networks.sort_by_key(|(network, _)| std::cmp::Reverse(network.bits));
        Self { networks }
    }

    #[must_use]
    pub fn find(&self, ip: IpAddr) -> Option<&T> {
        self.networks.iter().find(|(network, _)| network.contains(ip)).map(|(_, trunk)| trunk)
    }
}

/// Failed attempts per address, and who is banned for them.
#[derive(Debug, Default)]
pub struct Bans {
    rule: BanRule,
    by_address: BTreeMap<IpAddr, Failures>,
    /// The same entries by when they can be forgotten.
    by_time: BTreeSet<(Timestamp, IpAddr)>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    since: Timestamp,
    count: u32,
    banned: bool,
    /// The end of the ban, or of the window that began with the last failure.
    until: Timestamp,
}

impl Bans {
    #[must_use]
    pub fn new(rule: BanRule) -> Self {
        Self { rule, ..Self::default() }
    }

    /// Counts a wrong answer to a challenge that this address was given. True when this one led to
    /// a ban. Not to be called for trunks, nor for what anybody can send in this address's name.
    pub fn failed(&mut self, now: Timestamp, ip: IpAddr) -> bool {
        let key = source(ip);
        self.forget(now);
        let fresh = Failures { since: now, count: 0, banned: false, until: now };
        let mut failures = self.take(key).unwrap_or(fresh);
        if now.since(failures.since) >= self.rule.window && !failures.banned {
            failures = fresh;
        }
        failures.count = failures.count.saturating_add(1);
        let leads_to_ban = failures.count >= self.rule.failures_max && !failures.banned;
        if leads_to_ban {
            failures.banned = true;
            failures.until = now + self.rule.length;
        } else if !failures.banned {
            failures.until = now + self.rule.window;
        }
        self.by_address.insert(key, failures);
        self.by_time.insert((failures.until, key));
        leads_to_ban
    }

    /// Whether to say nothing to this address.
    #[must_use]
    pub fn is_banned(&self, now: Timestamp, ip: IpAddr) -> bool {
        self.until(now, ip).is_some()
    }

    /// Until when to say nothing to this address.
    #[must_use]
    pub fn until(&self, now: Timestamp, ip: IpAddr) -> Option<Timestamp> {
        let failures = self.by_address.get(&source(ip))?;
        failures.is_ban(now).then_some(failures.until)
    }

    /// Banned addresses, and until when. An IPv6 address stands for its /64.
    pub fn banned(&self, now: Timestamp) -> impl Iterator<Item = (IpAddr, Timestamp)> {
        let banned = self.by_address.iter().filter(move |(_, failures)| failures.is_ban(now));
        banned.map(|(ip, failures)| (*ip, failures.until))
    }

    /// Lifts a ban. False when there was none.
    pub fn pardon(&mut self, ip: IpAddr) -> bool {
        self.take(source(ip)).is_some_and(|failures| failures.banned)
    }

    fn take(&mut self, key: IpAddr) -> Option<Failures> {
        let failures = self.by_address.remove(&key)?;
        self.by_time.remove(&(failures.until, key));
        Some(failures)
    }

    /// Drops what has run out, and the oldest where there is no room.
    fn forget(&mut self, now: Timestamp) {
        while let Some(&(until, key)) = self.by_time.first() {
            if now < until && self.by_address.len() < ADDRESSES_MAX {
                return;
            }
            self.take(key);
        }
    }
}

impl Failures {
    fn is_ban(&self, now: Timestamp) -> bool {
        self.banned && now < self.until
    }
}

/// What counts as one peer: an IPv4 address, or the /64 that one IPv6 customer has.
#[must_use]
pub fn source(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        ip @ IpAddr::V4(_) => ip,
        ip @ IpAddr::V6(_) => mask(ip, 64),
    }
}

fn mask(ip: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            IpAddr::V4((ip.to_bits() & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn after(s: u64) -> Timestamp {
        NOW + Duration::from_secs(s)
    }

    #[test]
    fn networks_hold_their_addresses() {
        for (network, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.77/24", "::ffff:192.0.2.1", "2001:db8::1"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.9"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(ip(inside)), "{network} {inside}");
            assert!(!network.contains(ip(outside)), "{network} {outside}");
        }
        for bad in ["", "192.0.2.0/33", "192.0.2.0/", "192.0.2", "::/129", "a/8", "192.0.2.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_narrowest_trunk_wins() {
        let network = |text: &str| text.parse::<Network>().unwrap();
        let trunks =
            Trunks::new([(network("192.0.2.0/24"), "wide"), (network("192.0.2.9"), "one")]);
        assert_eq!(trunks.find(ip("192.0.2.9")), Some(&"one"));
        assert_eq!(trunks.find(ip("192.0.2.8")), Some(&"wide"));
        assert_eq!(trunks.find(ip("198.51.100.1")), None);
    }

    #[test]
    fn ten_failures_in_a_minute_are_a_ban_of_ten_minutes() {
        let (mut bans, eve) = (Bans::new(BanRule::default()), ip("203.0.113.66"));
        let led: Vec<_> = (0..10).map(|n| bans.failed(after(n * 6), eve)).collect();
        assert_eq!(led.iter().filter(|banned| **banned).count(), 1);
        assert!(bans.is_banned(after(54), eve) && !bans.is_banned(after(54), ip("203.0.113.67")));
        assert_eq!(bans.banned(after(60)).collect::<Vec<_>>(), [(eve, after(654))]);
        assert!(bans.is_banned(after(653), eve) && !bans.is_banned(after(654), eve));
        assert!(!bans.failed(after(700), eve), "counting starts anew after the ban");
        assert_eq!(bans.banned(after(700)).count(), 0);
    }

    #[test]
    fn slow_failures_are_forgiven_and_a_ban_can_be_lifted() {
        let (mut bans, slow) = (Bans::new(BanRule::default()), ip("203.0.113.5"));
        assert!((0..100).all(|n| !bans.failed(after(n * 7), slow)));
        let eve = ip("2001:db8:0:1::5");
        for n in 0..10 {
            bans.failed(after(1000 + n), ip(&format!("2001:db8:0:1::{n}")));
        }
        assert!(bans.is_banned(after(1010), eve), "a /64 is one address");
        assert!(!bans.is_banned(after(1010), ip("2001:db8:0:2::5")));
        assert!(bans.pardon(eve) && !bans.pardon(eve));
        assert!(!bans.is_banned(after(1010), eve));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut bans = Bans::new(BanRule::default());
        for n in 0..30_000_u32 {
            bans.failed(NOW, IpAddr::V4(n.into()));
        }
        assert_eq!(bans.by_address.len(), ADDRESSES_MAX);
        assert_eq!(bans.by_time.len(), ADDRESSES_MAX);
        bans.failed(after(60), ip("192.0.2.1"));
        assert_eq!(bans.by_address.len(), 1);
    }
}
