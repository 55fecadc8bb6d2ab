//! Which clients may have a connection open, and which connection is closed to make room.
//!
//! A client that brings no whole request cannot keep others out: a connection that waits for its
//! client is closed for a newcomer, of the network that has the most of them, the oldest first. One
//! with a request in work is never closed for another's sake; those are bounded by each network's
//! share. One whose answer goes on without an end, to a listener, counts as in work as well. A
//! connection on which one request was verified (by a provider's signature, or a token) is
//! known:
//! it counts against no share, and is closed for a newcomer only where no stranger's can be.
//!
//! **Invariant:** strangers of one network hold at most [`SHARE_MAX`] connections; they and those
//! who are known together at most [`OUTSIDERS_MAX`]; the rest up to [`CONNECTIONS_MAX`] is for this
//! machine and trusted proxies, who have no share, because everybody behind a proxy comes from its
//! address.
//!
//! **Deliberately absent:** sockets and a clock, so that a test needs neither.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// Open connections of one port; for one more, another is closed, or this one.
pub(super) const CONNECTIONS_MAX: usize = 1_024;
/// Of these, outsiders never have the last.
const KEPT_ROOM: usize = 256;
const OUTSIDERS_MAX: usize = CONNECTIONS_MAX - KEPT_ROOM;
/// What one IPv4 address, or one /64 of IPv6, may have open on which nothing was verified yet.
pub(super) const SHARE_MAX: usize = 64;
/// An answer may still be on its way this long after a piece of it was taken. It holds no place in
/// a share: for its own network, such a connection is closed where none has waited longer.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// The first bits that IPv6 addresses of one customer share.
const IPV6_PREFIX: u128 = !0 << 64;

/// What is counted as one: an IPv4 address, or the /64 of an IPv6 address.
pub(super) fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) & IPV6_PREFIX)),
    }
}

#[derive(Debug, Default)]
pub(super) struct Seats {
    /// By number: a smaller one is older.
    taken: BTreeMap<u64, Seat>,
    next: u64,
}

#[derive(Debug)]
struct Seat {
    network: IpAddr,
    holder: Holder,
    /// Since when the connection waits for its client; `None` with a request in work.
    waits_since: Option<Instant>,
    /// Its answer goes on: a piece that was taken is not the last.
    is_streaming: bool,
    /// Wakes the connection, which closes then.
    leave: Arc<AtomicBool>,
    wake: Option<oneshot::Sender<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// Nothing was verified on it yet.
    Stranger,
    /// A request on it was verified.
    Known,
    /// This machine's, or a trusted proxy's.
    Kept,
}

/// What a connection needs of its seat.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) number: u64,
    /// Resolves when the connection is to close.
    pub(super) leave: oneshot::Receiver<()>,
    /// Whether it is to close.
    pub(super) must_leave: Arc<AtomicBool>,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSeat {
    /// The network has its share, all with requests in work that are not verified.
    Share,
    /// Everything is taken, all with requests in work.
    Full,
}

impl Seats {
    /// A seat for a connection from `ip`, which is `kept` where it is this machine's or a trusted
    /// proxy's.
    pub(super) fn take(&mut self, ip: IpAddr, kept: bool, now: Instant) -> Result<Ticket, NoSeat> {
        let network = network(ip);
        let in_share = |seat: &Seat| seat.is(Holder::Stranger) && seat.network == network;
        let outsiders = self.taken.values().filter(|seat| !seat.is(Holder::Kept));
        let share = outsiders.clone().filter(|seat| in_share(seat)).count();
        let has_no_room = !kept && outsiders.count() >= OUTSIDERS_MAX;
        if !kept && share >= SHARE_MAX {
            let oldest = self.oldest(now + ANSWER_GRACE, in_share);
            self.close(oldest.ok_or(NoSeat::Share)?);
        } else if has_no_room || self.taken.len() >= CONNECTIONS_MAX {
            let crowd = match kept {
                true => self.crowd(now, |_| true),
                false => self
                    .crowd(now, |seat| seat.is(Holder::Stranger))
                    .or_else(|| self.crowd(now, |seat| seat.is(Holder::Known))),
            };
            self.close(crowd.ok_or(NoSeat::Full)?);
        }
        let (wake, leave) = oneshot::channel();
        let must_leave = Arc::new(AtomicBool::new(false));
        let number = self.next;
        self.next += 1;
        let seat = Seat {
            network,
            holder: if kept { Holder::Kept } else { Holder::Stranger },
            waits_since: Some(now),
            is_streaming: false,
            leave: Arc::clone(&must_leave),
            wake: Some(wake),
        };
        self.taken.insert(number, seat);
        Ok(Ticket { number, leave, must_leave })
    }

    /// A request on this connection was verified.
    pub(super) fn became_known(&mut self, number: u64) {
        let seat = self.taken.get_mut(&number).filter(|seat| seat.is(Holder::Stranger));
        if let Some(seat) = seat {
            seat.holder = Holder::Known;
        }
    }

    /// The connection waits for its client from now on.
    pub(super) fn waits(&mut self, number: u64, now: Instant) {
        self.set(number, Some(now));
    }

    /// A whole request head came.
    pub(super) fn works(&mut self, number: u64) {
        self.set(number, None);
    }

    /// A piece of an answer was taken: it was the last, or the next comes soon.
    pub(super) fn answered(&mut self, number: u64, now: Instant) {
        self.set(number, Some(now + ANSWER_GRACE));
    }

    fn set(&mut self, number: u64, waits_since: Option<Instant>) {
        if let Some(seat) = self.taken.get_mut(&number) {
            seat.waits_since = waits_since.filter(|_| !seat.is_streaming);
        }
    }

    /// The answer on this connection goes on without an end, or is over.
    pub(super) fn streams(&mut self, number: u64, is_streaming: bool) {
        if let Some(seat) = self.taken.get_mut(&number) {
            seat.is_streaming = is_streaming;
        }
    }

    /// The connection is closed. Harmless where its seat is another's already.
    pub(super) fn left(&mut self, number: u64) {
        self.taken.remove(&number);
    }

    /// Of those that wait, the one that waits longest.
    fn oldest(&self, now: Instant, of: impl Fn(&Seat) -> bool) -> Option<u64> {
        let waiting = self.taken.iter().filter(|(_, seat)| seat.is_waiting(now) && of(seat));
        waiting.min_by_key(|(number, seat)| (seat.waits_since, **number)).map(|(n, _)| *n)
    }

    /// The one that waits longest, of the network with the most that wait.
    fn crowd(&self, now: Instant, of: impl Fn(&Seat) -> bool) -> Option<u64> {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        let waiting = self.taken.values().filter(|seat| seat.is_waiting(now) && of(seat));
        for seat in waiting {
            *counts.entry(seat.network).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        let has_most = |seat: &Seat| counts.get(&seat.network) == Some(&most);
        self.oldest(now, |seat| of(seat) && has_most(seat))
    }

    /// Makes a connection close.
    pub(super) fn close(&mut self, number: u64) {
        let Some(mut seat) = self.taken.remove(&number) else { return };
        seat.leave.store(true, Ordering::Release);
        if let Some(wake) = seat.wake.take() {
            let _ = wake.send(());
        }
    }
}

impl Seat {
    fn is(&self, holder: Holder) -> bool {
        self.holder == holder
    }

    fn is_waiting(&self, now: Instant) -> bool {
        self.waits_since.is_some_and(|since| since <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(n: usize) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + u32::try_from(n).unwrap()).into())
    }

    fn left(ticket: &Ticket) -> bool {
        ticket.must_leave.load(Ordering::Acquire)
    }

    #[test]
    fn fault_05_half_written_requests_of_one_address_shut_nobody_out() {
        let (now, mut seats) = (Instant::now(), Seats::default());
        let held: Vec<Ticket> =
            (0..2_000).map(|_| seats.take(v4(1), false, now).unwrap()).collect();
        let open = held.iter().filter(|ticket| !left(ticket)).count();
        assert_eq!((open, seats.taken.len()), (SHARE_MAX, SHARE_MAX));
        // The oldest made room.
        assert!(held[..2_000 - SHARE_MAX].iter().all(left));
        for other in [v4(2), "2001:db8::1".parse().unwrap(), v4(1)] {
            assert!(seats.take(other, false, now).is_ok(), "{other}");
        }
    }

    #[test]
    fn fault_05_a_crowd_of_addresses_shuts_nobody_out() {
        let (now, mut seats) = (Instant::now(), Seats::default());
        let friend = seats.take(v4(9_999), false, now).unwrap();
        // Sixty-four each from many addresses, and then one each from many more.
        let crowd: Vec<Ticket> =
            (0..SHARE_MAX * 40).map(|n| seats.take(v4(n % 40), false, now).unwrap()).collect();
        assert_eq!(seats.taken.len(), OUTSIDERS_MAX);
        assert!(!left(&friend), "the networks with the most make room");
        assert!(crowd.iter().filter(|ticket| left(ticket)).count() > 0);
        seats.works(friend.number);
        for n in 0..5_000 {
            assert!(seats.take(v4(100_000 + n), false, now).is_ok());
        }
        assert_eq!(seats.taken.len(), OUTSIDERS_MAX);
        assert!(!left(&friend), "it has a request in work");
        // This machine and the proxies have the rest.
        for _ in 0..KEPT_ROOM {
            seats.take("127.0.0.1".parse().unwrap(), true, now).unwrap();
        }
        assert_eq!(seats.taken.len(), CONNECTIONS_MAX);
    }

    #[test]
    fn a_listener_is_not_closed_between_two_pieces_and_is_like_others_after_the_last() {
        let (now, mut seats) = (Instant::now(), Seats::default());
        let listener = seats.take(v4(1), false, now).unwrap();
        seats.works(listener.number);
        seats.streams(listener.number, true);
        seats.answered(listener.number, now);
        let later = now + ANSWER_GRACE * 2;
        let newcomers = |seats: &mut Seats| {
            (0..SHARE_MAX).map(|_| seats.take(v4(1), false, later).unwrap()).collect::<Vec<_>>()
        };
        let kept = newcomers(&mut seats);
        assert!(!left(&listener) && kept.iter().any(left));
        seats.streams(listener.number, false);
        seats.answered(listener.number, now);
        let _kept = newcomers(&mut seats);
        assert!(left(&listener));
    }

    #[test]
    fn fault_05_requests_in_work_are_not_closed_but_have_a_share() {
        let (now, mut seats) = (Instant::now(), Seats::default());
        let mut work = |ip: IpAddr, kept: bool| -> Result<Ticket, NoSeat> {
            let ticket = seats.take(ip, kept, now)?;
            seats.works(ticket.number);
            Ok(ticket)
        };
        let six = |n: usize| format!("2001:db8::{n:x}").parse::<IpAddr>().unwrap();
        for n in 0..SHARE_MAX {
            assert!(work(six(n), false).is_ok());
        }
        assert_eq!(work(six(SHARE_MAX), false).err(), Some(NoSeat::Share), "one /64");
        assert!(work("2001:db8:0:1::1".parse().unwrap(), false).is_ok(), "another /64");
        // A proxy stands for everybody: it has no share.
        for _ in 0..CONNECTIONS_MAX - SHARE_MAX - 1 {
            assert!(work(v4(1), true).is_ok());
        }
        assert_eq!(work(v4(1), true).err(), Some(NoSeat::Full));
    }

    #[test]
    fn fault_05_what_was_verified_counts_against_no_share_and_goes_after_strangers() {
        let (now, mut seats) = (Instant::now(), Seats::default());
        // A proxy on another machine that is not named as one, with verified requests in work.
        let mut known = Vec::new();
        for _ in 0..OUTSIDERS_MAX - SHARE_MAX {
            let ticket = seats.take(v4(1), false, now).unwrap();
            seats.works(ticket.number);
            seats.became_known(ticket.number);
            known.push(ticket);
        }
        // Beside them, its share is there, and bounded, for what was not verified.
        for _ in 0..SHARE_MAX {
            let number = seats.take(v4(1), false, now).unwrap().number;
            seats.works(number);
        }
        assert_eq!(seats.take(v4(1), false, now).err(), Some(NoSeat::Share));
        assert_eq!(seats.take(v4(2), false, now).err(), Some(NoSeat::Full), "all is in work");
        // Known connections that rest make way where no stranger's does, and no others do.
        seats.waits(known[0].number, now);
        let stranger = seats.take(v4(2), false, now).unwrap();
        assert!(left(&known[0]) && !left(&stranger));
        for ticket in &known[1..] {
            seats.waits(ticket.number, now);
        }
        let more: Vec<_> = (3..50).map(|n| seats.take(v4(n), false, now).unwrap()).collect();
        assert!(left(&stranger) && more[..46].iter().all(left) && !left(&more[46]));
        assert!(!known[1..].iter().any(left));
        assert_eq!(seats.taken.len(), OUTSIDERS_MAX, "room is kept for this machine");
        // Whose seat is kept already stays that, and one that left is free.
        let own = seats.take(v4(9), true, now).unwrap();
        seats.became_known(own.number);
        seats.became_known(known[0].number);
        assert_eq!(seats.taken.values().filter(|seat| seat.is(Holder::Kept)).count(), 1);
    }

    #[test]
    fn fault_05_an_answer_on_its_way_goes_last_but_keeps_nobody_of_its_network_out() {
        let (now, mut seats) = (Instant::now(), Seats::default());
        let first = seats.take(v4(1), false, now).unwrap();
        seats.works(first.number);
        let idle = seats.take(v4(1), false, now).unwrap();
        for _ in 2..SHARE_MAX {
            let other = seats.take(v4(1), false, now).unwrap();
            seats.works(other.number);
        }
        seats.answered(first.number, now);
        let newcomer = seats.take(v4(1), false, now).unwrap();
        assert!(left(&idle) && !left(&first));
        seats.works(newcomer.number);
        assert!(seats.take(v4(1), false, now).is_ok());
        assert!(left(&first));
        // What comes late of a seat that was given away changes nothing.
        seats.waits(first.number, now);
        seats.left(first.number);
        assert_eq!(seats.taken.len(), SHARE_MAX);
    }
}
