//! What happens to events and commands on their way.
//!
//! The signaling layers deliver everything in the end (they send again until it is acknowledged),
//! so "lost" here means very late. What they cannot prevent is modeled: messages that cross, events
//! of the media that overtake those of the signaling, the same event twice.
//!
//! **Invariant:** commands to one leg never overtake one another: the layer that carries them out
//! gets them from one queue.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{AgentId, LegId};
use crate::sim::random::Random;
use crate::sim::swarm::Swarm;
use crate::time::Timestamp;

/// Lanes that are remembered before the first are forgotten.
const LANES: usize = 64;

/// What keeps its order, unless the wire is faulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Commands to the far end of a leg.
    Out(LegId),
    /// Signaling events of a leg.
    In(LegId),
    /// Keys and ends of prompts: another socket, another order.
    Media(LegId),
    Agent(AgentId),
}

/// When something arrives, and when it arrives again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub at: Timestamp,
    pub again: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct Wire {
    random: Random,
    /// The usual delay, least and most, in milliseconds.
    usual_ms: (u64, u64),
    /// When the last thing on each lane arrives, as long as that may be ahead.
    last: BTreeMap<Lane, Timestamp>,
    /// How many there are when those that have arrived are next forgotten.
    many: usize,
}

impl Wire {
    #[must_use]
    pub fn new(random: Random, usual_ms: (u64, u64)) -> Self {
        Self { random, usual_ms, last: BTreeMap::new(), many: LANES }
    }

    pub fn send(&mut self, now: Timestamp, lane: Lane, swarm: &Swarm) -> Delivery {
        let (low, high) = self.usual_ms;
        let mut at = now + self.random.ms(low, high);
        if self.random.chance(swarm.late) {
            at = at + self.random.ms(100, 4_000);
        }
        if self.random.chance(swarm.lost) {
            at = at + self.random.ms(4_000, 40_000);
        }
        let strays = !matches!(lane, Lane::Out(_)) && self.random.chance(swarm.reordered);
        if strays {
            at = at + self.random.ms(0, 1_500);
        } else {
            let last = self.last.entry(lane).or_insert(at);
            at = at.max(*last);
            *last = at;
            if self.last.len() > self.many {
                self.last.retain(|_, last| *last >= now);
                self.many = LANES.max(2 * self.last.len());
            }
        }
        let again = self.random.chance(swarm.doubled).then(|| at + self.again_after());
        Delivery { at, again }
    }

    /// Often in the same millisecond, sometimes when all is over.
    fn again_after(&mut self) -> Duration {
        if self.random.chance(0.3) { Duration::ZERO } else { self.random.ms(1, 30_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CallId;

    fn arrivals(lane: Lane, swarm: &Swarm) -> Vec<Timestamp> {
        let mut wire = Wire::new(Random::new(5), (1, 30));
        (0..200).map(|ms| wire.send(Timestamp(ms), lane, swarm).at).collect()
    }

    #[test]
    fn order_is_kept_unless_the_wire_is_faulty() {
        let leg = LegId::caller(CallId(1));
        let faulty = Swarm { reordered: 0.5, late: 0.3, ..Swarm::calm() };
        assert!(arrivals(Lane::In(leg), &Swarm::calm()).is_sorted());
        assert!(arrivals(Lane::Out(leg), &faulty).is_sorted());
        assert!(!arrivals(Lane::In(leg), &faulty).is_sorted());
    }
}
