//! The source that a leg believes: the guard against RTP bleed and injection.
//!
//! ```text
//!              packet from the announced address
//!  Announced ───────────────────────────────────► Locked ◄─┐ old source silent for 2 s,
//!      │                                            ▲  └───┘ same SSRC from another port or
//!      └── a steady stream from another port, ──────┘        address that may be the source
//!          or from another address that may be
//!          the source, once
//! ```
//!
//! An address may be the source when the description names it, when the signaling comes from it, or
//! when the configuration says that a trunk's media comes from there ([`Origins`]). Its ports are
//! free: a NAT hands out others than the description names.
//!
//! **Invariant:** a packet from any other address changes nothing, and we never send there; one
//! source at most is believed; the announced address always wins over a learned one.
//!
//! **Deliberately absent:** SRTP, which would authenticate instead of learning; and taking sound
//! from somewhere else because the announced address is private or silent, which gave the call to
//! the first that sent.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::time::Timestamp;

/// Where a leg's media may come from beside the address that its description names. IPv4 in an IPv6
/// dress is IPv4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    /// Where the signaling comes from.
    pub signaling: Option<IpAddr>,
    /// What the configuration says of the leg's trunk: blocks of addresses, first to last.
    pub networks: Arc<[RangeInclusive<IpAddr>]>,
}

#[derive(Clone, Debug)]
pub struct Source {
    announced: SocketAddr,
    origins: Origins,
    locked: Option<Locked>,
    candidate: Option<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Locked {
    address: SocketAddr,
    ssrc: u32,
    heard_at: Timestamp,
    /// It was silent when the other side described its media again: we still send there, and a
    /// steady stream from elsewhere may take its place.
    is_open: bool,
}

/// A stream from another port or address than the announced one, while nothing else is believed.
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

impl Origins {
    fn allow(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.signaling.is_some_and(|signaling| signaling.to_canonical() == ip)
            || self.networks.iter().any(|network| network.contains(&ip))
    }
}

impl Source {
    #[must_use]
    pub fn new(announced: SocketAddr, origins: Origins) -> Self {
        Self { announced, origins, locked: None, candidate: None }
    }

    /// The other side described its media again (re-INVITE). What was learned is kept while it may
    /// be the source: a session refresh must neither open the leg to another sender nor turn a
    /// silent telephone's sound away.
    pub fn announce(&mut self, now: Timestamp, announced: SocketAddr, origins: Origins) {
        let moved = !is_same(announced, self.announced);
        (self.announced, self.origins) = (announced, origins);
        let kept = self.locked.filter(|locked| !moved && self.may_be(locked.address.ip()));
        self.locked = kept.map(|locked| {
            let is_open = locked.is_open || now.since(locked.heard_at) >= SILENT_AFTER;
            Locked { is_open, ..locked }
        });
        self.candidate.take_if(|_| moved || kept.is_none());
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
            && is_same(locked.address, from)
        {
            *locked = Locked { address: locked.address, ssrc, heard_at: now, is_open: false };
            return Verdict::Believed;
        }
        if is_same(from, self.announced) {
            return self.lock(now, from, ssrc);
        }
        if !self.may_be(from.ip()) {
            return Verdict::Foreign;
        }
        let moved = |l: &Locked| l.ssrc == ssrc && now.since(l.heard_at) >= SILENT_AFTER;
        match &self.locked {
            Some(locked) if moved(locked) => self.lock(now, from, ssrc),
            Some(locked) if !locked.is_open => Verdict::Foreign,
            Some(_) | None => self.learn(now, from, ssrc, sequence),
        }
    }

    /// Whether packets from this address are the other side's, whatever their port.
    fn may_be(&self, ip: IpAddr) -> bool {
        is_same_host(ip, self.announced.ip()) || self.origins.allow(ip)
    }

    fn lock(&mut self, now: Timestamp, address: SocketAddr, ssrc: u32) -> Verdict {
        self.locked = Some(Locked { address, ssrc, heard_at: now, is_open: false });
        self.candidate = None;
        Verdict::Believed
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

/// The same address and port; IPv4 in an IPv6 dress is IPv4.
fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && is_same_host(a.ip(), b.ip())
}

/// The same address, whatever the port.
#[must_use]
pub fn is_same_host(a: IpAddr, b: IpAddr) -> bool {
    a.to_canonical() == b.to_canonical()
}

/// A source silent this long may have moved (NAT rebinding).
const SILENT_AFTER: Duration = Duration::from_secs(2);
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

    fn origins(signaling: &str, networks: &[(&str, &str)]) -> Origins {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let networks = networks.iter().map(|(first, last)| ip(first)..=ip(last)).collect();
        Origins { signaling: Some(ip(signaling)), networks }
    }

    fn source(announced: &str, signaling: &str) -> Source {
        Source::new(at(announced), origins(signaling, &[]))
    }

    #[test]
    fn an_announced_address_that_speaks_is_the_only_source() {
        let mut source = source(PUBLIC, "8.8.8.8");
        assert_eq!(believed(&stream(&mut source, 0, STRANGER, 1, 10)), 0);
        assert_eq!(believed(&stream(&mut source, 300, PUBLIC, 2, 10)), 10);
        let late = stream(&mut source, 310, STRANGER, 1, 200);
        assert!(late.iter().all(|v| *v == Verdict::Foreign));
        assert_eq!(source.destination(), at(PUBLIC));
    }

    /// The five ways in which telephones and trunks are behind a NAT or a relay, with a stranger
    /// that begins first, never stops and sends twice as often.
    #[test]
    fn fault_03_a_stranger_never_locks_the_sound() {
        let relay = [("203.0.113.0", "203.0.113.255")];
        for (name, announced, origins, true_source) in [
            ("private SDP, media from signaling", PRIVATE, origins("8.8.4.4", &[]), NAT),
            ("true SDP, signaling elsewhere", PUBLIC, origins("8.8.4.4", &[]), PUBLIC),
            ("another port than announced", PUBLIC, origins("8.8.8.8", &[]), "8.8.8.8:61000"),
            ("a relay", PRIVATE, origins("8.8.4.4", &relay), "203.0.113.77:9000"),
            ("an IPv6 dress", PRIVATE, origins("8.8.4.4", &[]), "[::ffff:8.8.4.4]:61000"),
        ] {
            let mut source = Source::new(at(announced), origins);
            for n in 0..1_000_u16 {
                let now = Timestamp(u64::from(n) * 10);
                assert_eq!(source.judge(now, at(STRANGER), 1, n), Verdict::Foreign, "{name}");
                assert_eq!(source.destination(), at(announced), "{name}");
            }
            let mut heard = 0;
            for n in 0..200_u16 {
                let now = Timestamp(10_000 + u64::from(n) * 20);
                let verdict = source.judge(now, at(true_source), 7, n);
                heard += usize::from(verdict == Verdict::Believed);
                // The stranger has found out the SSRC, too.
                for again in [n, n.wrapping_add(1)] {
                    let verdict = source.judge(now, at(STRANGER), 7, again);
                    assert_eq!(verdict, Verdict::Foreign, "{name}");
                }
                assert_ne!(source.destination(), at(STRANGER), "{name}");
            }
            assert!(heard >= 197, "{name}: {heard}");
            assert_eq!(source.destination(), at(true_source), "{name}");
            // The fifth: its NAT gives it another port, and it is followed after some silence.
            let mut rebound = at(true_source);
            rebound.set_port(2_222);
            for n in 0..300_u16 {
                let now = Timestamp(14_000 + u64::from(n) * 20);
                source.judge(now, at(STRANGER), 7, n);
                source.judge(now, rebound, 7, 200 + n);
            }
            assert_eq!(source.destination(), rebound, "{name}");
        }
    }

    #[test]
    fn fault_03_silence_of_the_announced_address_opens_nothing() {
        for announced in [PUBLIC, PRIVATE] {
            let mut source = source(announced, "8.8.4.4");
            for minute in 0..10 {
                let verdicts = stream(&mut source, minute * 60_000, STRANGER, 1, 100);
                assert!(verdicts.iter().all(|v| *v == Verdict::Foreign), "{announced}");
            }
            assert_eq!(source.destination(), at(announced));
            // Nor does a source that was learned and is silent.
            stream(&mut source, 600_000, NAT, 7, 10);
            stream(&mut source, 700_000, STRANGER, 7, 100);
            source.announce(Timestamp(710_000), at(announced), origins("8.8.4.4", &[]));
            stream(&mut source, 710_000, STRANGER, 7, 100);
            assert_eq!(source.destination(), at(NAT), "and the refresh turned nothing away");
        }
    }

    #[test]
    fn a_private_address_is_learned_from_a_steady_stream() {
        let mut source = source(PRIVATE, "8.8.4.4");
        assert_eq!(source.destination(), at(PRIVATE));
        assert_eq!(believed(&stream(&mut source, 0, NAT, 1, 10)), 7, "three packets to learn");
        assert_eq!(source.destination(), at(NAT));
        let neighbour = "8.8.4.4:50000";
        assert_eq!(believed(&stream(&mut source, 200, neighbour, 9, 50)), 0, "behind one NAT");
    }

    #[test]
    fn a_burst_or_noise_is_not_learned() {
        let mut burst = source(PRIVATE, "8.8.4.4");
        for sequence in 0..100 {
            let verdict = burst.judge(Timestamp(1), at(NAT), 1, sequence);
            assert_ne!(verdict, Verdict::Believed);
        }
        let mut noise = source(PRIVATE, "8.8.4.4");
        for i in 0..100_u16 {
            let now = Timestamp(u64::from(i) * 20);
            assert_ne!(noise.judge(now, at(NAT), 1, i.wrapping_mul(977)), Verdict::Believed);
        }
    }

    #[test]
    fn the_announced_address_takes_the_leg_back() {
        let mut source = source(PRIVATE, "8.8.4.4");
        stream(&mut source, 0, NAT, 1, 10);
        assert_eq!(source.destination(), at(NAT));
        assert_eq!(believed(&stream(&mut source, 200, PRIVATE, 2, 5)), 5);
        assert_eq!(source.destination(), at(PRIVATE));
        assert_eq!(believed(&stream(&mut source, 300, NAT, 1, 50)), 0);
    }

    #[test]
    fn a_rebound_port_is_followed_after_silence_and_never_beside_a_live_source() {
        let mut source = source(PUBLIC, "8.8.8.8");
        stream(&mut source, 0, PUBLIC, 7, 50);
        let heard_last = 49 * 20;
        let moved = "8.8.8.8:5555";
        assert_eq!(source.judge(Timestamp(heard_last + 1_999), at(moved), 7, 1), Verdict::Foreign);
        for ssrc in [7, 8] {
            let verdict = source.judge(Timestamp(heard_last + 2_000), at(STRANGER), ssrc, 1);
            assert_eq!(verdict, Verdict::Foreign);
        }
        assert_eq!(source.judge(Timestamp(heard_last + 2_000), at(moved), 8, 1), Verdict::Foreign);
        assert_eq!(source.judge(Timestamp(heard_last + 2_000), at(moved), 7, 1), Verdict::Believed);
        assert_eq!(source.destination(), at(moved));
    }

    #[test]
    fn a_refresh_keeps_the_source_and_a_new_address_drops_it() {
        let known = || origins("8.8.4.4", &[]);
        let mut source = source(PRIVATE, "8.8.4.4");
        stream(&mut source, 0, NAT, 1, 10);
        source.announce(Timestamp(300), at(PRIVATE), known());
        assert_eq!(source.destination(), at(NAT));
        assert_eq!(believed(&stream(&mut source, 300, "8.8.4.4:50000", 9, 50)), 0, "it is alive");
        // After a refresh in a long silence it may come back as another stream.
        source.announce(Timestamp(60_000), at(PRIVATE), known());
        assert_eq!(source.destination(), at(NAT), "it still hears us");
        assert_eq!(believed(&stream(&mut source, 60_100, "8.8.4.4:50000", 9, 10)), 7);
        source.announce(Timestamp(61_000), at(PUBLIC), known());
        assert_eq!(source.destination(), at(PUBLIC));
        // An address was the source while it signaled; when it does so no longer, it is not.
        stream(&mut source, 61_000, NAT, 1, 10);
        assert_eq!(source.destination(), at(NAT));
        source.announce(Timestamp(61_300), at(PUBLIC), origins("9.9.9.1", &[]));
        assert_eq!(source.destination(), at(PUBLIC));
    }
}
