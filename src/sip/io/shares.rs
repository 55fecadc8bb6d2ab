//! Shares of the TCP connections: [`Shares`].
//!
//! A stranger is a peer at an address that nothing is known of. Known peers: trunks,
//! telephones that are registered, this host itself, and whomever we connected to.
//!
//! **Invariant:** however many strangers connect, from however many addresses, whoever is known
//! finds room for [`CONNECTIONS_MAX`] − [`STRANGERS_MAX`] connections at least; no source (an IPv4
//! address, an IPv6 /64) has more than its share; and among strangers one that comes goes before
//! the one that has been there longest without a message.
//!
//! **Deliberately absent:** sockets, and who is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::sip::acl::source;
use crate::sip::path::ConnectionId;

/// Connections in all.
pub(super) const CONNECTIONS_MAX: usize = 4096;
/// Those of strangers together.
pub(super) const STRANGERS_MAX: usize = 3072;
/// Those of one stranger.
pub(super) const PER_STRANGER_MAX: usize = 64;
/// Those of one source that is known.
pub(super) const PER_KNOWN_MAX: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Shares {
    holders: BTreeMap<ConnectionId, Holder>,
    /// Strangers' connections, those without a message first, the oldest of them first.
    strangers: BTreeSet<(bool, ConnectionId)>,
    by_source: BTreeMap<IpAddr, Count>,
}

#[derive(Debug)]
struct Holder {
    source: IpAddr,
    trust: Trust,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Stranger { spoke: bool },
    Known,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: usize,
    strangers: usize,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Source(usize),
    All,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(most) => write!(f, "{most} connections of one source are open"),
            Self::All => f.write_str("as many connections are open as there may be"),
        }
    }
}

impl Shares {
    pub(super) fn len(&self) -> usize {
        self.holders.len()
    }

    /// Whether there is room for one more from `ip`; where there is a name in it, in place of that
    /// one.
    pub(super) fn room(&self, ip: IpAddr, known: bool) -> Result<Option<ConnectionId>, Full> {
        let count = self.by_source.get(&source(ip)).copied().unwrap_or_default();
        let (held, most) = match known {
            true => (count.all, PER_KNOWN_MAX),
            false => (count.strangers, PER_STRANGER_MAX),
        };
        if held >= most {
            return Err(Full::Source(most));
        }
        self.room_in_all(known)
    }

    /// As [`Self::room`], for a connection that we open.
    pub(super) fn room_in_all(&self, known: bool) -> Result<Option<ConnectionId>, Full> {
        let free = self.len() < CONNECTIONS_MAX;
        if free && (known || self.strangers.len() < STRANGERS_MAX) {
            return Ok(None);
        }
        let first = self.strangers.first().map(|(_, id)| *id);
        first.map(Some).ok_or(Full::All)
    }

    pub(super) fn take(&mut self, id: ConnectionId, ip: IpAddr, known: bool) {
        let source = source(ip);
        let count = self.by_source.entry(source).or_default();
        count.all += 1;
        let trust = match known {
            true => Trust::Known,
            false => Trust::Stranger { spoke: false },
        };
        if !known {
            count.strangers += 1;
            self.strangers.insert((false, id));
        }
        self.holders.insert(id, Holder { source, trust });
    }

    /// A whole message came along this connection. Whether its holder is a stranger still.
    pub(super) fn spoke(&mut self, id: ConnectionId) -> bool {
        let Some(Holder { trust: Trust::Stranger { spoke }, .. }) = self.holders.get_mut(&id)
        else {
            return false;
        };
        if !std::mem::replace(spoke, true) {
            self.strangers.remove(&(false, id));
            self.strangers.insert((true, id));
        }
        true
    }

    /// It was a stranger's, and is a known peer's now.
    pub(super) fn became_known(&mut self, id: ConnectionId) {
        let Some(holder) = self.holders.get_mut(&id) else { return };
        let Trust::Stranger { spoke } = holder.trust else { return };
        holder.trust = Trust::Known;
        self.strangers.remove(&(spoke, id));
        if let Some(count) = self.by_source.get_mut(&holder.source) {
            count.strangers -= 1;
        }
    }

    pub(super) fn release(&mut self, id: ConnectionId) {
        self.became_known(id);
        let Some(Holder { source, .. }) = self.holders.remove(&id) else { return };
        let Some(count) = self.by_source.get_mut(&source) else { return };
        count.all -= 1;
        if count.all == 0 {
            self.by_source.remove(&source);
        }
    }
}

/// Whether this is the host itself, as a proxy beside us connects. The other addresses of
/// 127.0.0.0/8 are whoever says so.
pub(super) fn is_this_host(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip == IpAddr::V4(Ipv4Addr::LOCALHOST) || ip == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Takes one where there is room; whether there was, and who had to go.
    fn connect(
        shares: &mut Shares,
        id: u64,
        from: IpAddr,
        known: bool,
    ) -> Result<Option<u64>, Full> {
        let gone = shares.room(from, known)?;
        if let Some(gone) = gone {
            shares.release(gone);
        }
        shares.take(ConnectionId(id), from, known);
        Ok(gone.map(|id| id.0))
    }

    #[test]
    fn fault_05_a_flood_of_strangers_leaves_room_for_whoever_is_known() {
        let mut shares = Shares::default();
        for n in 0..20_000_u32 {
            // From 16 addresses, from a /48 full of /64s, and from everywhere.
            let from = match n % 3 {
                0 => IpAddr::V4((0x0a00_0000 + n % 16).into()),
                1 => IpAddr::V6(((0x2001_0db8_u128 << 96) | (u128::from(n) << 64)).into()),
                _ => IpAddr::V4((0x0b00_0000 + n).into()),
            };
            let _ = connect(&mut shares, n.into(), from, false);
        }
        assert_eq!(shares.len(), STRANGERS_MAX);
        for n in 0..PER_KNOWN_MAX as u64 {
            assert_eq!(connect(&mut shares, 100_000 + n, ip("198.51.100.7"), true), Ok(None));
        }
        let more = connect(&mut shares, 200_000, ip("198.51.100.7"), true);
        assert_eq!(more, Err(Full::Source(PER_KNOWN_MAX)));
        // Where strangers are in the way of whoever is known, they go.
        for n in 0..CONNECTIONS_MAX as u64 {
            let from = IpAddr::V4((0x0c00_0000 + n as u32).into());
            assert!(connect(&mut shares, 300_000 + n, from, true).is_ok() || n >= 3840);
        }
        assert_eq!((shares.len(), shares.strangers.len()), (CONNECTIONS_MAX, 0));
        assert_eq!(shares.room(ip("192.0.2.1"), true), Err(Full::All));
        let all: Vec<_> = shares.holders.keys().copied().collect();
        all.into_iter().for_each(|id| shares.release(id));
        assert!(shares.by_source.is_empty() && shares.strangers.is_empty());
    }

    #[test]
    fn fault_05_one_source_has_its_share_and_a_slash_64_is_one_source() {
        let mut shares = Shares::default();
        let neighbors = (0..).map(|n: u64| (n, ip(&format!("2001:db8:0:1::{n:x}"))));
        let taken = neighbors.map(|(n, from)| connect(&mut shares, n, from, false));
        let taken: Vec<_> = taken.take(PER_STRANGER_MAX + 1).collect();
        assert!(taken[..PER_STRANGER_MAX].iter().all(Result::is_ok));
        assert_eq!(taken[PER_STRANGER_MAX], Err(Full::Source(PER_STRANGER_MAX)));
        assert_eq!(connect(&mut shares, 1000, ip("2001:db8:0:2::1"), false), Ok(None));
        // A telephone there registers: then its household has room.
        shares.became_known(ConnectionId(0));
        assert_eq!(connect(&mut shares, 1001, ip("2001:db8:0:1::ffff"), true), Ok(None));
        shares.release(ConnectionId(0));
        assert_eq!(connect(&mut shares, 1002, ip("2001:db8:0:1::ffff"), false), Ok(None));
    }

    #[test]
    fn fault_05_the_oldest_silent_stranger_makes_way_for_the_next_one() {
        let mut shares = Shares::default();
        let from = |n: u64| IpAddr::V4((0x0a00_0000 + n as u32).into());
        for n in 0..STRANGERS_MAX as u64 {
            assert_eq!(connect(&mut shares, n, from(n), false), Ok(None));
        }
        assert!(shares.spoke(ConnectionId(0)) && shares.spoke(ConnectionId(0)));
        assert_eq!(connect(&mut shares, 10_000, from(10_000), false), Ok(Some(1)));
        assert_eq!(connect(&mut shares, 10_001, from(10_001), false), Ok(Some(2)));
        shares.became_known(ConnectionId(3));
        assert!(!shares.spoke(ConnectionId(3)));
        assert_eq!(connect(&mut shares, 10_002, from(10_002), false), Ok(None));
    }

    #[test]
    fn this_host_is_one_address_of_each_family() {
        for (address, is_ours) in
            [("127.0.0.1", true), ("::1", true), ("::ffff:127.0.0.1", true), ("127.0.0.2", false)]
        {
            assert_eq!(is_this_host(ip(address)), is_ours, "{address}");
        }
    }
}
