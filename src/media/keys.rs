//! Presses of keys, whichever ways they come along: one press is one digit.
//!
//! A telephone or a gateway may tell of one press as telephone-event, by SIP INFO and as a tone in
//! the speech, in any order. Each way counts presses right by itself, so a press is known by its
//! key and by the ways it came along: the first one reports it, the same key along another way is
//! the same press, and the same key along the same way is the next one. So `11` is two keys,
//! however fast and along however many ways.
//!
//! **Invariant:** a way that delivers `n` presses of a key adds `n` digits at most, and two ways
//! that deliver the same presses add no more than one of them alone.
//!
//! **Deliberately absent:** how a press is recognized: [`crate::media::dtmf`],
//! [`crate::media::goertzel`], and the user agent for INFO.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;
use crate::words::Digit;

/// How a press came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Telephone-events in RTP.
    Event,
    /// SIP INFO.
    Info,
    /// Tones in the speech.
    Tone,
}

#[derive(Clone, Debug, Default)]
pub struct Presses {
    /// Those that another way may still tell of, the oldest first.
    recent: VecDeque<Press>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    digit: Digit,
    /// One bit for each way it came along.
    ways: u8,
    /// When it was heard of last: while a key is down, it is.
    heard_at: Timestamp,
}

impl Presses {
    /// A press came along one of the ways. `None` when it is known from another one.
    pub fn press(&mut self, now: Timestamp, way: Way, digit: Digit) -> Option<Digit> {
        self.recent.retain(|press| press.is_recent(now));
        let same = |press: &&mut Press| press.digit == digit && !press.came(way);
        if let Some(press) = self.recent.iter_mut().find(same) {
            press.ways |= way.bit();
            press.heard_at = now;
            return None;
        }
        if self.recent.len() == PRESSES_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Press { digit, ways: way.bit(), heard_at: now });
        Some(digit)
    }

    /// The key that was pressed last along this way is still down.
    pub fn is_down(&mut self, now: Timestamp, way: Way) {
        let last = self.recent.iter_mut().rev().find(|press| press.came(way));
        if let Some(press) = last.filter(|press| press.is_recent(now)) {
            press.heard_at = now;
        }
    }
}

impl Press {
    fn came(&self, way: Way) -> bool {
        self.ways & way.bit() != 0
    }

    fn is_recent(&self, now: Timestamp) -> bool {
        now.since(self.heard_at) < SAME_PRESS
    }
}

impl Way {
    const fn bit(self) -> u8 {
        match self {
            Self::Event => 1,
            Self::Info => 2,
            Self::Tone => 4,
        }
    }
}

/// How long after its key came up a press may still arrive along another way: an INFO that was lost
/// twice is sent again after half a second and one and a half.
const SAME_PRESS: Duration = Duration::from_secs(2);
/// Presses remembered. No caller presses more within [`SAME_PRESS`]; past it the oldest is
/// forgotten, and would count again if another way reported it yet.
const PRESSES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Way::{Event, Info, Tone};

    fn heard(ways: &[(u64, Way, char)]) -> String {
        let mut presses = Presses::default();
        let digits = ways.iter().filter_map(|&(at, way, key)| {
            presses.press(Timestamp(1_000_000 + at), way, Digit::new(key).unwrap())
        });
        digits.map(Digit::as_char).collect()
    }

    #[test]
    fn fault_21_one_press_along_two_ways_is_one_digit() {
        assert_eq!(heard(&[(0, Event, '5'), (90, Info, '5')]), "5");
        assert_eq!(heard(&[(0, Info, '5'), (20, Event, '5')]), "5");
        assert_eq!(heard(&[(0, Tone, '5'), (120, Info, '5')]), "5");
        assert_eq!(heard(&[(0, Event, '5'), (20, Tone, '5'), (1_900, Info, '5')]), "5");
        assert_eq!(heard(&[(0, Event, '5'), (2_000, Info, '5')]), "55", "far apart");
    }

    #[test]
    fn fault_21_two_fast_presses_are_two_along_any_ways() {
        let twice = |way| [(0, way, '1'), (80, way, '1')];
        for way in [Event, Info, Tone] {
            assert_eq!(heard(&twice(way)), "11");
        }
        for order in [[Event, Info, Event, Info], [Event, Event, Info, Info]] {
            let ways: Vec<_> = (0..).zip(order).map(|(n, way)| (n * 40, way, '1')).collect();
            assert_eq!(heard(&ways), "11", "{order:?}");
        }
        let mixed = [(0, Event, '1'), (50, Event, '2'), (60, Info, '1'), (100, Event, '1')];
        assert_eq!(heard(&mixed), "121");
        // The second one's events were lost: its INFO is no echo of the first.
        assert_eq!(heard(&[(0, Event, '1'), (50, Info, '1'), (400, Info, '1')]), "11");
    }

    #[test]
    fn fault_21_a_key_that_is_held_is_one_press_however_late_the_other_way_is() {
        let (mut presses, five) = (Presses::default(), Digit::new('5').unwrap());
        assert_eq!(presses.press(Timestamp(0), Event, five), Some(five));
        for n in 1..500 {
            presses.is_down(Timestamp(n * 20), Event);
        }
        assert_eq!(presses.press(Timestamp(10_100), Info, five), None);
        presses.is_down(Timestamp(20_000), Event);
        assert_eq!(presses.press(Timestamp(20_001), Info, five), Some(five), "long after");
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut presses = Presses::default();
        for n in 0..10_000 {
            let digit = Digit::new(char::from(b'0' + (n % 10) as u8)).unwrap();
            assert_eq!(presses.press(Timestamp(5), Info, digit), Some(digit));
        }
        assert_eq!(presses.recent.len(), PRESSES_MAX);
    }

    proptest! {
        /// Every key along two ways, each in order, the second up to a second later.
        #[test]
        fn two_ways_say_what_one_says(
            keys in proptest::collection::vec((0..3_u8, 60..400_u64), 1..12),
            late in 0..1_000_u64,
        ) {
            let mut told = Vec::new();
            let (mut at, mut expected) = (0, String::new());
            for (key, pause) in keys {
                at += pause;
                let key = char::from(b'0' + key);
                expected.push(key);
                told.extend([(at, Event, key), (at + late, Info, key)]);
            }
            told.sort_by_key(|(at, ..)| *at);
            prop_assert_eq!(heard(&told), expected);
        }
    }
}
