//! Whose packets a leg believes: the guard against RTP bleed and injection.
//!
//! ```text
//!              packet from the announced address
//!  Announced ───────────────────────────────────► Locked ◄─┐ old source silent for 2 s,
//!      │                                            ▲  └───┘ same SSRC from a new address
//!      └── a steady stream from elsewhere, once ────┘
//!          (announced address private, or silent)
//! ```
//!
//! **Invariant:** at any time one source at most is believed, and we send to it or to the announced
//! address, never to anybody else; the announced address always wins over a learned one.
//!
//! **Deliberately absent:** SRTP, which would authenticate instead of learning.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::time::Timestamp;

#[derive(Clone, Debug)]
pub struct Source {
    announced: SocketAddr,
    since: Timestamp,
    locked: Option<Locked>,
    candidate: Option<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Locked {
    address: SocketAddr,
    ssrc: u32,
    heard_at: Timestamp,
}

/// Somebody else's stream while nothing has come from the announced address.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    address: SocketAddr,
    ssrc: u32,
    sequence: u16,
    since: Timestamp,
    packets: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// From the leg's source: use it.
    Believed,
    /// May become the source; do not use it yet.
    Learning,
    /// From a stranger: count it and forget it.
    Foreign,
}

impl Source {
    #[must_use]
    pub fn new(now: Timestamp, announced: SocketAddr) -> Self {
        Self { announced, since: now, locked: None, candidate: None }
    }

    /// The other side described its media again (re-INVITE). What was learned is kept while it is
    /// alive: a session refresh must not open the leg to whoever sends first.
    pub fn announce(&mut self, now: Timestamp, announced: SocketAddr) {
        let alive = self.locked.is_some_and(|l| now.since(l.heard_at) < SILENT_AFTER);
        if announced != self.announced || !alive {
            *self = Self::new(now, announced);
        }
    }

    /// Where to send.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        self.locked.map_or(self.announced, |l| l.address)
    }

    #[must_use]
    pub fn announced(&self) -> SocketAddr {
        self.announced
    }

    pub fn judge(&mut self, now: Timestamp, from: SocketAddr, ssrc: u32, sequence: u16) -> Verdict {
        if let Some(locked) = &mut self.locked
            && locked.address == from
        {
            locked.ssrc = ssrc;
            locked.heard_at = now;
            return Verdict::Believed;
        }
        let moved = |l: &Locked| l.ssrc == ssrc && now.since(l.heard_at) >= SILENT_AFTER;
        if from == self.announced || self.locked.as_ref().is_some_and(moved) {
            return self.lock(now, from, ssrc);
        }
        if self.locked.is_some() || !self.may_learn(now) {
            return Verdict::Foreign;
        }
        self.learn(now, from, ssrc, sequence)
    }

    fn lock(&mut self, now: Timestamp, address: SocketAddr, ssrc: u32) -> Verdict {
        self.locked = Some(Locked { address, ssrc, heard_at: now });
        self.candidate = None;
        Verdict::Believed
    }

    /// A private address cannot be where the packets come from when there is a NAT between; a
    /// public one is given time to speak for itself.
    fn may_learn(&self, now: Timestamp) -> bool {
        !is_public(self.announced.ip()) || now.since(self.since) >= PUBLIC_SILENT_AFTER
    }

    /// Consecutive packets at the pace of speech: a burst of guesses does not pass.
    fn learn(&mut self, now: Timestamp, from: SocketAddr, ssrc: u32, sequence: u16) -> Verdict {
        match &mut self.candidate {
            Some(c) if c.address == from && c.ssrc == ssrc => {
                let ahead = sequence.wrapping_sub(c.sequence);
                if !(1..=LEARN_GAP_MAX).contains(&ahead) {
                    self.candidate = None;
                    return Verdict::Learning;
                }
                c.sequence = sequence;
                c.packets = c.packets.saturating_add(1);
                if c.packets >= LEARN_PACKETS && now.since(c.since) >= LEARN_SPAN {
                    return self.lock(now, from, ssrc);
                }
                Verdict::Learning
            }
            // First come: a second stranger cannot push the first one out while it goes on.
            Some(c) if now.since(c.since) < CANDIDATE_AGE_MAX => Verdict::Foreign,
            Some(_) | None => {
                let candidate = Candidate { address: from, ssrc, sequence, since: now, packets: 1 };
                self.candidate = Some(candidate);
                Verdict::Learning
            }
        }
    }
}

/// Whether an address can be reached from anywhere, so that media from it needs no guessing.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let carrier_grade_nat = a == 100 && b & 0xC0 == 64;
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_documentation()
                || carrier_grade_nat)
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(mapped) => is_public(IpAddr::V4(mapped)),
            None => {
                !(ip.is_loopback()
                    || ip.is_unspecified()
                    || ip.is_unique_local()
                    || ip.is_unicast_link_local())
            }
        },
    }
}

/// A source silent this long may have moved (NAT rebinding).
const SILENT_AFTER: Duration = Duration::from_secs(2);
/// How long a public address may be silent before another source can be learned.
const PUBLIC_SILENT_AFTER: Duration = Duration::from_secs(1);
/// Packets in sequence that make a candidate the source …
const LEARN_PACKETS: u8 = 4;
/// … not faster than speech comes (three packet times of 20 ms, less some jitter).
const LEARN_SPAN: Duration = Duration::from_millis(45);
/// One packet lost on the way does not start the count again.
const LEARN_GAP_MAX: u16 = 3;
/// A candidate that has not made it by now gives way to another.
const CANDIDATE_AGE_MAX: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "8.8.8.8:4000";
    const PRIVATE: &str = "192.168.1.9:4000";
    const NAT: &str = "8.8.4.4:61000";
    const STRANGER: &str = "9.9.9.9:666";

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    /// Feeds 20 ms packets from `from`; the verdicts of all.
    fn stream(source: &mut Source, start: u64, from: &str, ssrc: u32, n: u16) -> Vec<Verdict> {
        (0..n)
            .map(|i| {
                let now = Timestamp(start + u64::from(i) * 20);
                source.judge(now, at(from), ssrc, 100 + i)
            })
            .collect()
    }

    fn believed(verdicts: &[Verdict]) -> usize {
        verdicts.iter().filter(|v| **v == Verdict::Believed).count()
    }

    #[test]
    fn a_public_address_that_speaks_is_the_only_source() {
        let mut source = Source::new(Timestamp(0), at(PUBLIC));
        assert_eq!(believed(&stream(&mut source, 0, STRANGER, 1, 10)), 0);
        assert_eq!(believed(&stream(&mut source, 300, PUBLIC, 2, 10)), 10);
        let late = stream(&mut source, 310, STRANGER, 1, 200);
        assert!(late[..90].iter().all(|v| *v == Verdict::Foreign));
        assert_eq!(believed(&late), 0, "another SSRC does not move the source");
        assert_eq!(source.destination(), at(PUBLIC));
    }

    #[test]
    fn a_private_address_is_learned_from_a_steady_stream() {
        let mut source = Source::new(Timestamp(0), at(PRIVATE));
        assert_eq!(source.destination(), at(PRIVATE));
        assert_eq!(believed(&stream(&mut source, 0, NAT, 1, 10)), 7, "three packets to learn");
        assert_eq!(source.destination(), at(NAT));
        assert_eq!(believed(&stream(&mut source, 200, STRANGER, 9, 50)), 0);
    }

    #[test]
    fn a_burst_or_noise_is_not_learned() {
        let mut source = Source::new(Timestamp(0), at(PRIVATE));
        for sequence in 0..100 {
            let verdict = source.judge(Timestamp(1), at(STRANGER), 1, sequence);
            assert_ne!(verdict, Verdict::Believed);
        }
        let mut source = Source::new(Timestamp(0), at(PRIVATE));
        for i in 0..100_u16 {
            let now = Timestamp(u64::from(i) * 20);
            assert_ne!(source.judge(now, at(STRANGER), 1, i.wrapping_mul(977)), Verdict::Believed);
        }
    }

    #[test]
    fn the_announced_address_takes_the_leg_back() {
        let mut source = Source::new(Timestamp(0), at(PRIVATE));
        stream(&mut source, 0, STRANGER, 1, 10);
        assert_eq!(source.destination(), at(STRANGER));
        assert_eq!(believed(&stream(&mut source, 200, PRIVATE, 2, 5)), 5);
        assert_eq!(source.destination(), at(PRIVATE));
        assert_eq!(believed(&stream(&mut source, 300, STRANGER, 1, 50)), 0);
    }

    #[test]
    fn a_rebound_port_is_followed_after_silence_and_never_beside_a_live_source() {
        let mut source = Source::new(Timestamp(0), at(PUBLIC));
        stream(&mut source, 0, PUBLIC, 7, 50);
        let heard_last = 49 * 20;
        let moved = "8.8.8.8:5555";
        assert_eq!(source.judge(Timestamp(heard_last + 1_999), at(moved), 7, 1), Verdict::Foreign);
        assert_eq!(
            source.judge(Timestamp(heard_last + 2_000), at(STRANGER), 8, 1),
            Verdict::Foreign
        );
        assert_eq!(source.judge(Timestamp(heard_last + 2_000), at(moved), 7, 1), Verdict::Believed);
        assert_eq!(source.destination(), at(moved));
    }

    #[test]
    fn a_refresh_keeps_a_live_source_and_a_new_address_drops_it() {
        let mut source = Source::new(Timestamp(0), at(PRIVATE));
        stream(&mut source, 0, NAT, 1, 10);
        source.announce(Timestamp(300), at(PRIVATE));
        assert_eq!(source.destination(), at(NAT));
        source.announce(Timestamp(300), at(PUBLIC));
        assert_eq!(source.destination(), at(PUBLIC));
    }

    #[test]
    fn public_means_reachable_from_anywhere() {
        for ip in ["8.8.8.8", "2001:4860::1", "100.128.0.1"] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["10.0.0.1", "100.64.0.1", "127.0.0.1", "fd00::1", "::ffff:10.0.0.1", "0.0.0.0"] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }
}
