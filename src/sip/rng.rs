//! Tags, branches and Call-IDs from one seed.
//!
//! **Invariant:** two machines with the same seed and inputs write the same bytes; without the seed
//! the next value cannot be guessed (ChaCha), so no stranger can forge a response to us blindly.
//!
//! **Deliberately absent:** the operating system's randomness. The shell draws the seed.

use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng};

#[derive(Clone)]
pub struct Rng(ChaCha12Rng);

impl Rng {
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// 64 bits: a tag, or what follows the magic cookie of a branch (RFC 3261 §19.3, §8.1.1.7).
    pub fn token(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 256 bits: a key of a keyed hash.
    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        self.0.fill_bytes(&mut key);
        key
    }

    /// A time in `[from, to)`, in whole units of 10 ms as RFC 3261 §14.1 asks.
    pub fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let steps = to.saturating_sub(from).as_millis() / 10;
        let steps = u64::try_from(steps).unwrap_or(u64::MAX).max(1);
        from + Duration::from_millis(10 * (self.0.next_u64() % steps))
    }
}
