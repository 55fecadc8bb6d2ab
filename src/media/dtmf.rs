//! Keys sent as telephone-events (RFC 4733): one key press, one digit, whatever is lost or doubled.
//!
//! A digit is reported on the first packet of its event that arrives, so that a prompt stops while
//! the key is still down; nothing that follows about the same event can add a second one.
//!
//! **Invariant:** an event is known by its timestamp; an older timestamp never opens a new digit,
//! nor does a later one of the same key that leaves no pause.
//!
//! **Deliberately absent:** how long a key was held, and sending: keys cross a bridge as they came.

use std::time::Duration;

use crate::media::format::Clock;
use crate::words::Digit;

/// The state one stream of events needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receiver {
    last: Option<Event>,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    timestamp: u32,
    code: u8,
    ended: bool,
    /// The key was down until then at least.
    until: u32,
    /// The stream began anew since: the order of its timestamps says nothing.
    is_past: bool,
}

impl Receiver {
    /// Whether the last key is up, as far as the peer has said.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.last.is_none_or(|last| last.ended)
    }

    /// The stream that carries the events began anew. One that still goes on is no other key:
    /// some senders count events and speech as two streams.
    pub fn restart(&mut self) {
        if let Some(last) = &mut self.last {
            last.is_past = true;
        }
    }

    /// Takes the RTP timestamp, marker and payload of one packet of the negotiated payload type.
    pub fn receive(&mut self, timestamp: u32, marker: bool, payload: &[u8]) -> Option<Digit> {
        let &[code, flags, high, low, ..] = payload else {
            return None;
        };
        let digit = Digit::from_event(code)?;
        let ended = flags & END_BIT != 0;
        let duration = u32::from(u16::from_be_bytes([high, low]));
        // §2.3.5: an event without duration is a state, and no key is one.
        if ended && duration == 0 {
            return None;
        }
        let until = timestamp.wrapping_add(duration);
        let event = Event { timestamp, code, ended, until, is_past: false };
        let Some(last) = &mut self.last else {
            self.last = Some(event);
            return Some(digit);
        };
        let ahead = timestamp.wrapping_sub(last.timestamp);
        if last.is_past {
            let is_same = ahead == 0 && code == last.code;
            *last = event;
            return (!is_same).then_some(digit);
        }
        if ahead == 0 {
            last.ended |= ended;
            last.until = later(last.until, until);
            return None;
        }
        if (OLDER..=u32::MAX - RESTART).contains(&ahead) {
            // Far behind: the sender's clock jumped; no network delays a packet that long.
            *last = event;
            return Some(digit);
        }
        if ahead >= OLDER {
            return None;
        }
        let is_segment = ahead == SEGMENT && code == last.code && !last.ended;
        let goes_on = last.goes_on_with(&event, marker);
        let reached = later(last.until, timestamp);
        *last = event;
        if goes_on && !is_segment {
            // What it says of its length is counted from where the key went down.
            last.until = reached;
        }
        if is_segment || goes_on { None } else { Some(digit) }
    }
}

impl Event {
    /// Whether a later timestamp is of the same press, from a sender that stamps packets of one
    /// event anew, those of its end above all. A new press of the same key comes after a pause, and
    /// says by its marker that it begins; its end has no marker, unless it is all there is.
    fn goes_on_with(&self, next: &Self, marker: bool) -> bool {
        let begins = marker && !next.ended;
        let pause = next.timestamp.wrapping_sub(self.until);
        next.code == self.code && !begins && !(PAUSE_MIN..OLDER).contains(&pause)
    }
}

/// Of two timestamps that are near each other.
fn later(a: u32, b: u32) -> u32 {
    if b.wrapping_sub(a) < OLDER { b } else { a }
}

const END_BIT: u8 = 0x80;
/// §2.5.1.3: an event that outgrows the duration field goes on in a segment this much later.
const SEGMENT: u32 = 0xFFFF;
/// Timestamps from here on lie behind, modulo 2³².
const OLDER: u32 = 1 << 31;
/// How far behind a packet can be and still be a late one.
const RESTART: u32 = CLOCK.units(Duration::from_secs(60));
/// No shorter pause parts two presses (ITU-T Q.24).
const PAUSE_MIN: u32 = CLOCK.units(Duration::from_millis(40));
/// Of telephone-event/8000, which is what SDP negotiates.
const CLOCK: Clock = Clock::LINEAR;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::rtp::Packet;
    use crate::media::torture;

    fn packet(digit: u8, end: bool, duration: u16) -> [u8; 4] {
        let [high, low] = duration.to_be_bytes();
        [digit, 10 | if end { END_BIT } else { 0 }, high, low]
    }

    #[test]
    fn a_key_is_reported_at_its_first_packet_and_once() {
        let mut receiver = Receiver::default();
        assert_eq!(receiver.receive(1_000, false, &packet(5, false, 160)), Digit::new('5'));
        assert_eq!(receiver.receive(1_000, false, &packet(5, false, 320)), None);
        assert_eq!(receiver.receive(1_000, false, &packet(5, true, 320)), None);
        assert_eq!(receiver.receive(2_000, true, &packet(5, false, 160)), Digit::new('5'));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_silence_the_keypad() {
        let mut receiver = Receiver::default();
        assert!(receiver.receive(50_000_000, true, &packet(1, false, 160)).is_some());
        assert_eq!(
            receiver.receive(49_999_000, true, &packet(2, false, 160)),
            None,
            "a late packet"
        );
        assert_eq!(receiver.receive(1_000, true, &packet(2, false, 160)), Digit::new('2'));
    }

    /// One press as a sender writes it: timestamp, marker, end, duration.
    type Written = (u32, bool, bool, u16);

    fn digits_in(packets: &[Written]) -> usize {
        let mut receiver = Receiver::default();
        let heard = |&(at, marker, end, duration): &Written| {
            receiver.receive(at, marker, &packet(5, end, duration))
        };
        packets.iter().filter_map(heard).count()
    }

    #[test]
    fn fault_21_ends_that_are_stamped_anew_are_one_key() {
        let begun = [(1_000, true, false, 160), (1_000, false, false, 320)];
        let ends: [(&str, [Written; 3]); 5] = [
            ("as they should be", [(1_000, false, true, 480); 3]),
            ("at the end", [(1_480, false, true, 480); 3]),
            ("each", [480, 640, 800].map(|later| (1_000 + later, false, true, 480))),
            ("each, growing", [480, 640, 800].map(|n| (1_000 + n, false, true, n as u16))),
            ("each, with a marker", [480, 640, 800].map(|n| (1_000 + n, true, true, 480))),
        ];
        for (name, ends) in ends {
            let press: Vec<_> = begun.into_iter().chain(ends).collect();
            assert_eq!(digits_in(&press), 1, "{name}");
            assert_eq!(digits_in(&press[2..]), 1, "{name}: its beginning is lost");
            let pressed_again = press.iter().map(|&(at, m, e, d)| (at + 480 + 320 + 400, m, e, d));
            let twice: Vec<_> = press.iter().copied().chain(pressed_again).collect();
            assert_eq!(digits_in(&twice), 2, "{name}: pressed again after 50 ms");
        }
        let updates: Vec<_> = (0..12).map(|n| (1_000 + n * 160, n == 0, n > 8, 160)).collect();
        assert_eq!(digits_in(&updates), 1, "every packet has a timestamp of its own");
        let only_ends: Vec<_> =
            [1_000, 1_800].into_iter().flat_map(|at| [(at, true, true, 400); 3]).collect();
        assert_eq!(digits_in(&only_ends), 2, "two short keys that are nothing but their ends");
    }

    #[test]
    fn fault_21_speech_of_another_stream_between_makes_no_second_key() {
        let mut receiver = Receiver::default();
        let five = packet(5, false, 160);
        assert!(receiver.receive(1_000, true, &five).is_some());
        for _ in 0..5 {
            receiver.restart();
            assert_eq!(receiver.receive(1_000, false, &five), None);
        }
        receiver.restart();
        assert!(receiver.receive(40, true, &five).is_some(), "it began anew");
    }

    #[test]
    fn published_streams_give_the_published_digits() {
        let Some(vectors) = torture::json("vectors/dtmf_rfc4733.json") else { return };
        let mut streams = 0;
        for case in vectors["cases"].as_array().unwrap() {
            let Some(packets) = case["packets"].as_array() else { continue };
            let digits = digits_of(packets.iter().map(|p| p.as_str().unwrap()));
            let allowed: Vec<&str> = match case["either"].as_array() {
                Some(either) => either.iter().map(|d| d.as_str().unwrap()).collect(),
                None => vec![case["digits"].as_str().unwrap()],
            };
            assert!(allowed.contains(&digits.as_str()), "{}: {digits:?}", case["name"]);
            streams += 1;
        }
        assert!(streams >= 30, "only {streams} streams were read");
    }

    fn digits_of<'a>(packets: impl Iterator<Item = &'a str>) -> String {
        let mut receiver = Receiver::default();
        let mut ssrc = None;
        let mut digits = String::new();
        for hex in packets {
            let Some(bytes) = from_hex(hex) else { continue };
            let Ok(packet) = Packet::parse(&bytes) else { continue };
            if ssrc.replace(packet.ssrc).is_some_and(|old| old != packet.ssrc) {
                receiver = Receiver::default();
            }
            if packet.payload_type == 101 {
                let digit = receiver.receive(packet.timestamp, packet.marker, packet.payload);
                digits.extend(digit.map(Digit::as_char));
            }
        }
        digits
    }

    /// `None` for a packet that a case names instead of spelling it out ("lost").
    fn from_hex(hex: &str) -> Option<Vec<u8>> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok()).collect()
    }

    proptest! {
        #[test]
        fn a_tenth_of_all_packets_lost_loses_no_digit(seed in any::<u64>()) {
            let mut receiver = Receiver::default();
            let mut chance = seed;
            let mut heard = 0;
            for key in 0..20_u32 {
                for step in 1..=8_u16 {
                    chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    // One packet in ten is lost, but never all eight of one key.
                    if (chance >> 33) % 10 == 0 && step != 4 {
                        continue;
                    }
                    let payload = packet((key % 10) as u8, step > 5, step.min(5) * 160);
                    let digit = receiver.receive(key * 1_600, step == 1, &payload);
                    heard += u32::from(digit.is_some());
                }
            }
            prop_assert_eq!(heard, 20);
        }

        #[test]
        fn no_payload_panics(
            stream in proptest::collection::vec(
                (any::<u32>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 0..12)),
                0..50,
            )
        ) {
            let mut receiver = Receiver::default();
            for (timestamp, marker, payload) in stream {
                receiver.receive(timestamp, marker, &payload);
            }
        }
    }
}
