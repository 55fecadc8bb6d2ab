//! The beat at which a thread with many legs works.
//!
//! Slots begin at multiples of [`SLOT_US`] on the thread's clock, not some time after the last one
//! ended. A packet that comes every 20 ms then falls into every fourth slot, and leaves as evenly
//! as it came; only where it comes just as a slot begins, its jitter can move it by one.
//!
//! **Invariant:** a slot is not waited for once it has begun.
//!
//! **Deliberately absent:** the clock, and making up for slots that were missed.

use std::time::Duration;

#[derive(Default)]
pub(super) struct Slots {
    /// When the next one begins, in microseconds of the clock. The first begins with the clock.
    next_us: u64,
}

impl Slots {
    /// How long to pause before the next one; `None` when it has begun.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        let left = self.next_us.saturating_sub(micros(now));
        (left > 0).then(|| Duration::from_micros(left))
    }

    /// The slot of `now` is served; the next is the one after it.
    pub(super) fn serve(&mut self, now: Duration) {
        self.next_us = (micros(now) / SLOT_US + 1) * SLOT_US;
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

/// How long packets are gathered, in microseconds. Each leg brings one in 20 ms, of which this is a
/// whole part, and speech is late by half of it: 2 ms would be late by less, and cost a sixth more.
const SLOT_US: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    const fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn slots_begin_at_multiples_whatever_the_work_took() {
        let mut slots = Slots::default();
        assert_eq!(slots.left(us(0)), None, "the first has begun");
        slots.serve(us(10_070)); // woken a little late
        assert_eq!(slots.left(us(10_071)), Some(us(4_929)));
        assert_eq!(slots.left(us(14_999)), Some(us(1)));
        slots.serve(us(15_000));
        assert_eq!(slots.left(us(15_000)), Some(us(5_000)));
    }

    #[test]
    fn who_is_late_does_not_pause_and_finds_the_beat_again() {
        let mut slots = Slots::default();
        slots.serve(us(10_000));
        assert_eq!(slots.left(us(15_000)), None);
        assert_eq!(slots.left(us(31_234)), None, "four slots late");
        slots.serve(us(31_234));
        assert_eq!(slots.left(us(31_500)), Some(us(3_500)), "once, not four times");
    }

    #[test]
    fn who_is_woken_early_pauses_again() {
        let mut slots = Slots::default();
        slots.serve(us(10_000));
        slots.serve(us(14_990)); // a signal
        assert_eq!(slots.left(us(14_990)), Some(us(10)));
    }
}
