//! Keys sent as telephone-events (RFC 4733): one key press, one digit, whatever is lost or doubled.
//!
//! A digit is reported on the first packet of its event that arrives, so that a prompt stops while
//! the key is still down; nothing that follows about the same event can add a second one.
//!
//! **Invariant:** an event is known by its timestamp; an older timestamp never opens a new digit.
//!
//! **Deliberately absent:** how long a key was held, and sending: keys cross a bridge as they came.

use crate::center::Digit;

/// The state one stream of events needs. A new SSRC is a new stream: start from `default()`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receiver {
    last: Option<Event>,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    timestamp: u32,
    code: u8,
    ended: bool,
}

impl Receiver {
    /// Takes the RTP timestamp and payload of one packet of the negotiated payload type.
    pub fn receive(&mut self, timestamp: u32, payload: &[u8]) -> Option<Digit> {
        let &[code, flags, high, low, ..] = payload else {
            return None;
        };
        let digit = Digit::from_event(code)?;
        let ended = flags & END_BIT != 0;
        // §2.3.5: an event without duration is a state, and no key is one.
        if ended && u16::from_be_bytes([high, low]) == 0 {
            return None;
        }
        let event = Event { timestamp, code, ended };
        let Some(last) = &mut self.last else {
            self.last = Some(event);
            return Some(digit);
        };
        let ahead = timestamp.wrapping_sub(last.timestamp);
        if ahead == 0 {
            last.ended |= ended;
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
        let continues = ahead == SEGMENT && code == last.code && !last.ended;
        *last = event;
        if continues { None } else { Some(digit) }
    }
}

const END_BIT: u8 = 0x80;
/// §2.5.1.3: an event that outgrows the duration field goes on in a segment this much later.
const SEGMENT: u32 = 0xFFFF;
/// Timestamps from here on lie behind, modulo 2³².
const OLDER: u32 = 1 << 31;
/// How far behind (1/8000 s) a packet can be and still be a late one: 60 s.
const RESTART: u32 = 60 * 8_000;

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
        assert_eq!(receiver.receive(1_000, &packet(5, false, 160)), Digit::new('5'));
        assert_eq!(receiver.receive(1_000, &packet(5, false, 320)), None);
        assert_eq!(receiver.receive(1_000, &packet(5, true, 320)), None);
        assert_eq!(receiver.receive(2_000, &packet(5, false, 160)), Digit::new('5'));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_silence_the_keypad() {
        let mut receiver = Receiver::default();
        assert!(receiver.receive(50_000_000, &packet(1, false, 160)).is_some());
        assert_eq!(receiver.receive(49_999_000, &packet(2, false, 160)), None, "a late packet");
        assert_eq!(receiver.receive(1_000, &packet(2, false, 160)), Digit::new('2'));
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
                let digit = receiver.receive(packet.timestamp, packet.payload);
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
                    heard += u32::from(receiver.receive(key * 1_600, &payload).is_some());
                }
            }
            prop_assert_eq!(heard, 20);
        }

        #[test]
        fn no_payload_panics(
            stream in proptest::collection::vec(
                (any::<u32>(), proptest::collection::vec(any::<u8>(), 0..12)), 0..50)
        ) {
            let mut receiver = Receiver::default();
            for (timestamp, payload) in stream {
                receiver.receive(timestamp, &payload);
            }
        }
    }
}
