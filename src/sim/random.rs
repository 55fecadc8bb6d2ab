//! Seeded chance, and the few distributions people follow.
//!
//! **Invariant:** the same seed gives the same draws on every machine: integers come straight from
//! the generator, and the rest is plain arithmetic on them.
//!
//! **Deliberately absent:** the operating system's randomness.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::Serialize;

/// No draw is longer than this; it keeps a heavy tail from outliving the simulation.
const DRAW_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// One stream of draws.
#[derive(Clone, Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A stream of its own, so that one part of the world can draw more without shifting another.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::new(self.0.next_u64())
    }

    /// Even in `[0, 1)`, with 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Even in `0..n`; 0 where `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // The bias of a multiplied 64-bit draw is under n / 2^64.
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Even in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.below(of.len() as u64)).ok()?)
    }

    /// Even between two lengths of time.
    pub fn ms(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    pub fn draw(&mut self, spread: Spread) -> Duration {
        match spread {
            Spread::Fixed { s } => seconds(s),
            Spread::Exponential { mean_s } => seconds(-mean_s * (1.0 - self.unit()).ln()),
            Spread::LogNormal { mean_s, cv } => {
                let variance = cv.mul_add(cv, 1.0).ln();
                let mu = mean_s.ln() - variance / 2.0;
                seconds(self.normal().mul_add(variance.sqrt(), mu).exp())
            }
            Spread::Never => DRAW_MAX,
        }
    }

    /// Standard normal, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// How lengths of time spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    Fixed {
        s: f64,
    },
    /// Memoryless: patience, and what Erlang's formulas suppose of everything.
    Exponential {
        mean_s: f64,
    },
    /// Talk times as they are measured: many short, a few long. `cv` = deviation ÷ mean.
    LogNormal {
        mean_s: f64,
        cv: f64,
    },
    /// Longer than any simulation.
    Never,
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed { s } => write!(f, "{s} s"),
            Self::Exponential { mean_s } => write!(f, "{mean_s} s (exponential)"),
            Self::LogNormal { mean_s, cv } => write!(f, "{mean_s} s (log-normal, cv {cv})"),
            Self::Never => f.write_str("without end"),
        }
    }
}

fn seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s).unwrap_or(DRAW_MAX).min(DRAW_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_mean(spread: Spread, expected_s: f64) {
        let mut random = Random::new(1);
        let n = 20_000;
        let total: f64 = (0..n).map(|_| random.draw(spread).as_secs_f64()).sum();
        let mean = total / f64::from(n);
        assert!((mean / expected_s - 1.0).abs() < 0.05, "{spread:?}: mean {mean}");
    }

    #[test]
    fn spreads_have_the_mean_they_say() {
        check_mean(Spread::Fixed { s: 3.0 }, 3.0);
        check_mean(Spread::Exponential { mean_s: 120.0 }, 120.0);
        check_mean(Spread::LogNormal { mean_s: 240.0, cv: 0.8 }, 240.0);
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let draws = |seed| {
            let mut random = Random::new(seed);
            (0..8).map(|_| random.between(1, 6)).collect::<Vec<_>>()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        assert!(draws(7).iter().all(|die| (1..=6).contains(die)));
    }

    #[test]
    fn a_fork_does_not_depend_on_what_the_trunk_draws_later() {
        let (mut a, mut b) = (Random::new(3), Random::new(3));
        let (mut fork_a, mut fork_b) = (a.fork(), b.fork());
        let _ = a.unit();
        assert_eq!(fork_a.below(1_000_000), fork_b.below(1_000_000));
    }
}
