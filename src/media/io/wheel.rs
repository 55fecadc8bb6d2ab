//! Deadlines of thousands of legs at a resolution of one millisecond.
//!
//! **Invariant:** an entry comes up at its millisecond or later, never earlier; entries further out
//! than [`HORIZON_MS`] come up there, and their owner sets them again.
//!
//! **Deliberately absent:** cancelling. An entry that no longer matters wakes its owner for
//! nothing, which costs less than finding it.

use crate::time::Timestamp;

/// Slots, and the furthest deadline. A power of two, above the sessions' housekeeping of 1 s.
pub(super) const HORIZON_MS: u64 = 1_024;

pub(super) struct Wheel {
    /// Each entry with the time it was set for: a slot that was passed over without a look may hold
    /// entries of several rounds.
    slots: Vec<Vec<(Timestamp, u32)>>,
    /// One bit a slot that holds something.
    occupied: [u64; (HORIZON_MS / 64) as usize],
    /// The next millisecond to come up.
    at: u64,
}

impl Wheel {
    pub(super) fn new(now: Timestamp) -> Self {
        let slots = (0..HORIZON_MS).map(|_| Vec::new()).collect();
        Self { slots, occupied: [0; (HORIZON_MS / 64) as usize], at: now.as_millis() }
    }

    /// Returns when the entry will come up.
    pub(super) fn set(&mut self, key: u32, at: Timestamp) -> Timestamp {
        let at = Timestamp(at.as_millis().clamp(self.at, self.at + HORIZON_MS - 1));
        let slot = (at.as_millis() % HORIZON_MS) as usize;
        self.slots[slot].push((at, key));
        self.occupied[slot / 64] |= 1 << (slot % 64);
        at
    }

    /// Moves what is due at `now` into `due`, slot by slot, with the time it was set for.
    pub(super) fn pop(&mut self, now: Timestamp, due: &mut Vec<(Timestamp, u32)>) {
        let until = now.as_millis() + 1;
        // A wheel that was not turned for a whole round holds nothing but overdue entries.
        let from = self.at.max(until.saturating_sub(HORIZON_MS));
        for at in from..until {
            let slot = (at % HORIZON_MS) as usize;
            if self.occupied[slot / 64] & 1 << (slot % 64) != 0 {
                self.occupied[slot / 64] &= !(1 << (slot % 64));
                due.append(&mut self.slots[slot]);
            }
        }
        self.at = self.at.max(until);
    }

    /// When the next entry comes up.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let start = self.at % HORIZON_MS;
        // Word by word around the wheel, the first one again at the end for its lower bits.
        for step in 0..=self.occupied.len() as u64 {
            let word = (start / 64 + step) % self.occupied.len() as u64;
            let mut bits = self.occupied[word as usize];
            if step == 0 {
                bits &= u64::MAX << (start % 64);
            }
            if bits != 0 {
                let slot = word * 64 + u64::from(bits.trailing_zeros());
                return Some(Timestamp(self.at + (slot + HORIZON_MS - start) % HORIZON_MS));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pop(wheel: &mut Wheel, now: u64) -> Vec<(u64, u32)> {
        let mut due = Vec::new();
        wheel.pop(Timestamp(now), &mut due);
        due.into_iter().map(|(at, key)| (at.0, key)).collect()
    }

    #[test]
    fn entries_come_up_in_order_at_their_millisecond() {
        let mut wheel = Wheel::new(Timestamp(1_000));
        assert_eq!(wheel.next(), None);
        for (key, at) in [(1, 1_020), (2, 1_005), (3, 1_020), (4, 900)] {
            wheel.set(key, Timestamp(at));
        }
        assert_eq!(wheel.next(), Some(Timestamp(1_000)), "overdue: now");
        assert_eq!(pop(&mut wheel, 1_004), [(1_000, 4)]);
        assert_eq!(wheel.next(), Some(Timestamp(1_005)));
        assert_eq!(pop(&mut wheel, 1_019), [(1_005, 2)]);
        assert_eq!(pop(&mut wheel, 1_020), [(1_020, 1), (1_020, 3)]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn far_deadlines_come_up_at_the_horizon_and_stalls_lose_none() {
        let mut wheel = Wheel::new(Timestamp(7));
        assert_eq!(wheel.set(1, Timestamp(50_000)), Timestamp(7 + HORIZON_MS - 1));
        assert_eq!(wheel.next(), Some(Timestamp(7 + HORIZON_MS - 1)));
        wheel.set(2, Timestamp(8));
        assert_eq!(pop(&mut wheel, 90_000).len(), 2);
        assert_eq!(wheel.set(3, Timestamp(5)), Timestamp(90_001));
        assert_eq!(pop(&mut wheel, 90_001), [(90_001, 3)]);
    }

    /// A thread that slept without a deadline sets entries before it turns the wheel again.
    #[test]
    fn an_entry_set_on_a_wheel_that_stood_still_comes_up_as_set() {
        for asleep in [1, 500, HORIZON_MS, 3 * HORIZON_MS + 17] {
            let mut wheel = Wheel::new(Timestamp(1_000));
            let now = 1_000 + asleep;
            let armed = wheel.set(1, Timestamp(now + 20));
            let mut due = Vec::new();
            wheel.pop(Timestamp(now + 20), &mut due);
            assert_eq!(due, [(armed, 1)], "after {asleep} ms");
        }
    }

    #[test]
    fn next_is_right_from_every_position() {
        for start in 0..2 * HORIZON_MS {
            for ahead in [0, 1, 63, 64, 500, HORIZON_MS - 1] {
                let mut wheel = Wheel::new(Timestamp(start));
                wheel.set(1, Timestamp(start + ahead));
                assert_eq!(wheel.next(), Some(Timestamp(start + ahead)));
            }
        }
    }
}
