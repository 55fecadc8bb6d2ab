//! Values that come with one request only, remembered while its signature is young.
//!
//! **Invariant:** at most [`SEEN_MAX`] are kept; with one more the oldest is forgotten, which is
//! reported. The step number and our own signature in each address still hold then.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Timestamp;
use crate::webhook::request::Request;
use crate::webhook::sign::sha256;

/// All providers together. At 300 requests a second and a window of 300 s none is forgotten.
pub(super) const SEEN_MAX: usize = 100_000;

#[derive(Default)]
pub(super) struct Replays {
    /// A digest of what is unique, to the time it may be forgotten and what it came with.
    seen: BTreeMap<[u8; 32], (Timestamp, [u8; 32])>,
    by_time: BTreeSet<(Timestamp, [u8; 32])>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    First,
    /// The same, but one that was still young had to be forgotten.
    FirstButFull,
    /// With the same address and body: a second delivery.
    Again,
    /// With another address or body: a copy.
    Elsewhere,
}

impl Replays {
    pub(super) fn see(
        &mut self,
        now: Timestamp,
        window_s: u64,
        provider: &str,
        once: &str,
        request: &Request,
    ) -> Seen {
        self.forget(now);
        let key = digest(&[provider.as_bytes(), once.as_bytes()]);
        let with = digest(&[request.url.as_bytes(), &request.body]);
        if let Some((_, before)) = self.seen.get(&key) {
            return if *before == with { Seen::Again } else { Seen::Elsewhere };
        }
        // A signed time may be ahead of ours by the window, and is good for another one after it.
        let until = now + std::time::Duration::from_secs(window_s.saturating_mul(2));
        let is_full = self.seen.len() >= SEEN_MAX;
        if is_full && let Some((_, oldest)) = self.by_time.pop_first() {
            self.seen.remove(&oldest);
        }
        self.seen.insert(key, (until, with));
        self.by_time.insert((until, key));
        if is_full { Seen::FirstButFull } else { Seen::First }
    }

    fn forget(&mut self, now: Timestamp) {
        // Bounded: each turn forgets one.
        while let Some((_, key)) = self.by_time.first().filter(|(until, _)| *until <= now).copied()
        {
            self.by_time.pop_first();
            self.seen.remove(&key);
        }
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut all = Vec::new();
    for part in parts {
        all.extend_from_slice(&(part.len() as u64).to_be_bytes());
        all.extend_from_slice(part);
    }
    sha256(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::request::Method;

    fn request(url: &str) -> Request {
        Request { method: Method::Post, url: url.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    #[test]
    fn one_signature_is_for_one_request_within_the_window() {
        let mut replays = Replays::default();
        let (a, b) = (request("https://a"), request("https://b"));
        let mut at = |s: u64, once: &str, request: &Request| {
            replays.see(Timestamp(s * 1_000), 300, "vonage", once, request)
        };
        assert_eq!(at(0, "one", &a), Seen::First);
        assert_eq!(at(1, "one", &a), Seen::Again);
        assert_eq!(at(2, "one", &b), Seen::Elsewhere);
        assert_eq!(at(2, "two", &b), Seen::First);
        assert_eq!(at(599, "one", &b), Seen::Elsewhere);
        assert_eq!(at(600, "one", &b), Seen::First);
    }

    #[test]
    fn a_flood_forgets_the_oldest_and_says_so() {
        let mut replays = Replays::default();
        let request = request("https://a");
        let mut see =
            |n: usize| replays.see(Timestamp(n as u64), 300, "p", &n.to_string(), &request);
        assert!((0..SEEN_MAX).all(|n| see(n) == Seen::First));
        assert_eq!(see(SEEN_MAX), Seen::FirstButFull);
        assert_eq!(see(1), Seen::Again);
        assert_eq!(see(0), Seen::FirstButFull);
        assert_eq!(replays.seen.len(), SEEN_MAX);
        assert_eq!(replays.by_time.len(), SEEN_MAX);
    }
}
