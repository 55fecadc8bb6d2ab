//! What happens between the platform and us: delays, losses, doubles.
//!
//! **Invariant:** with the same seed the same faults, in the order in which they are asked for.

use std::time::Duration;

use attendant::sim::Random;
use attendant::time::Timestamp;

/// The platform waits this long for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    Fair,
    /// Late, doubled and out of order, and nothing is lost.
    Slow,
    /// And requests, answers and reports are lost as well.
    Hostile,
}

#[derive(Debug)]
pub(super) struct Wire {
    random: Random,
    weather: Weather,
    /// From here on it is fair.
    clears_at: Timestamp,
}

/// What becomes of one message: when copies of it arrive, the first first.
#[derive(Debug)]
pub(super) struct Fate {
    pub(super) arrivals: Vec<Duration>,
}

impl Wire {
    pub(super) fn new(random: Random, weather: Weather, clears_at: Timestamp) -> Self {
        Self { random, weather, clears_at }
    }

    fn now_is(&self, now: Timestamp) -> Weather {
        if now < self.clears_at { self.weather } else { Weather::Fair }
    }

    /// Whether it loses anything, ever.
    pub(super) fn may_lose(&self) -> bool {
        self.weather == Weather::Hostile
    }

    pub(super) fn is_fair(&self) -> bool {
        self.weather == Weather::Fair
    }

    pub(super) fn is_hostile(&self, now: Timestamp) -> bool {
        self.now_is(now) == Weather::Hostile
    }

    /// A request that the platform waits for, or its answer.
    pub(super) fn request(&mut self, now: Timestamp) -> Fate {
        let mut arrivals = vec![self.random.ms(20, 80)];
        let weather = self.now_is(now);
        if weather == Weather::Fair {
            return Fate { arrivals };
        }
        if self.random.chance(0.15) {
            arrivals[0] += self.random.ms(100, 3_000);
        }
        if self.random.chance(0.15) {
            let late = if self.random.chance(0.7) { 2_000 } else { 1_500_000 };
            arrivals.push(arrivals[0] + self.random.ms(0, late));
        }
        if weather == Weather::Hostile && self.random.chance(0.05) {
            arrivals.remove(0);
        }
        Fate { arrivals }
    }

    pub(super) fn answer(&mut self, now: Timestamp) -> Option<Duration> {
        let took = self.random.ms(5, 40);
        let lost = self.is_hostile(now) && self.random.chance(0.05);
        (!lost).then_some(took)
    }

    /// ProviderEvent that no line waits for.
    pub(super) fn report(&mut self, now: Timestamp) -> Fate {
        let weather = self.now_is(now);
        let mut arrivals = vec![self.random.ms(20, 150)];
        if weather == Weather::Fair {
            return Fate { arrivals };
        }
        if self.random.chance(0.3) {
            arrivals[0] += self.random.ms(100, 6_000);
        }
        if self.random.chance(0.15) {
            arrivals.push(self.random.ms(0, 900_000));
        }
        if weather == Weather::Hostile && self.random.chance(0.15) {
            arrivals.remove(0);
        }
        Fate { arrivals }
    }

    /// A REST command on its way, or its answer.
    pub(super) fn rest(&mut self, now: Timestamp) -> Duration {
        let slow = self.now_is(now) != Weather::Fair && self.random.chance(0.3);
        self.random.ms(50, if slow { 4_000 } else { 300 })
    }

    pub(super) fn loses_rest(&mut self, now: Timestamp) -> bool {
        self.is_hostile(now) && self.random.chance(0.15)
    }

    pub(super) fn is_silent_end(&mut self, now: Timestamp) -> bool {
        self.is_hostile(now) && self.random.chance(0.15)
    }
}
