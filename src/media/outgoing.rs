//! The one stream a leg sends: sequence, timestamp and SSRC, continuous from prompt to music to
//! bridge and back.
//!
//! **Invariant:** sequence numbers are handed out once, and time in the stream never runs back, so
//! the far end sees one sender, however often what it hears changes.
//!
//! **Deliberately absent:** pacing (who sends when is [`crate::media::session`]'s), payloads.

use std::time::Duration;

use crate::media::format::Clock;
use crate::media::rtcp::{self, SenderInfo};
use crate::time::Timestamp;

#[derive(Clone, Debug)]
pub struct Outgoing {
    ssrc: u32,
    /// Of the next packet.
    sequence: u16,
    /// Of the last packet, or the first to come.
    timestamp: u32,
    /// Of the time stamps.
    clock: Clock,
    /// When the last packet was due, and the units of the clock in it.
    last: Option<(Timestamp, u32)>,
    packets: u32,
    octets: u32,
    reported_packets: u32,
    /// How another leg's stream maps onto this one, while it is relayed.
    relay: Option<Relay>,
}

/// The offsets between an incoming stream and the one it is relayed into.
#[derive(Clone, Copy, Debug)]
struct Relay {
    ssrc: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
    /// The furthest incoming sequence number, and how far it is from the first one relayed.
    highest: u16,
    span: u32,
    highest_timestamp: u32,
}

/// How much is in a packet: units of the stream's clock, and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub units: u32,
    pub octets: u32,
}

/// What a packet of this stream is stamped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub sequence: u16,
    pub timestamp: u32,
    /// Begins a talk spurt.
    pub marker: bool,
}

impl Outgoing {
    /// Begins a stream at random numbers (RFC 3550 §5.1), all drawn from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            ssrc: seed as u32,
            sequence: (seed >> 32) as u16,
            timestamp: (seed >> 24) as u32,
            clock: Clock::LINEAR,
            last: None,
            packets: 0,
            octets: 0,
            reported_packets: 0,
            relay: None,
        }
    }

    /// What is sent from now on counts time so.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    #[must_use]
    pub fn packets(&self) -> u32 {
        self.packets
    }

    #[must_use]
    pub fn last_at(&self) -> Option<Timestamp> {
        self.last.map(|(at, _)| at)
    }

    /// The first moment the next packet of our own may go without crowding the last one.
    #[must_use]
    pub fn earliest(&self, now: Timestamp) -> Timestamp {
        self.last.map_or(now, |(at, units)| now.max(at + self.clock.time(units)))
    }

    /// Stamps a packet of our own that is due at `due`.
    pub fn stamp(&mut self, due: Timestamp, size: Size) -> Stamp {
        self.relay = None;
        let stamp = Stamp {
            sequence: self.sequence,
            timestamp: self.timestamp_at(due),
            marker: self.is_gap(due),
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.sent(due, stamp.timestamp, size);
        stamp
    }

    /// Stamps a packet of another leg's stream: losses stay gaps, and late packets late. `None`
    /// for one that was sent before the relaying began.
    #[inline] // once per packet that is passed on
    pub fn relay(
        &mut self,
        now: Timestamp,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        size: Size,
    ) -> Option<Stamp> {
        let mut marker = false;
        let clock = self.clock;
        let relay = match self.relay {
            Some(relay) if relay.goes_on_with(ssrc, sequence, timestamp, clock) => relay,
            Some(_) | None => {
                marker = self.is_gap(now);
                Relay {
                    ssrc,
                    sequence_offset: self.sequence.wrapping_sub(sequence),
                    timestamp_offset: self.timestamp_at(now).wrapping_sub(timestamp),
                    highest: sequence,
                    span: 0,
                    highest_timestamp: timestamp,
                }
            }
        };
        let relay = self.relay.insert(relay);
        let out_sequence = sequence.wrapping_add(relay.sequence_offset);
        let out_timestamp = timestamp.wrapping_add(relay.timestamp_offset);
        let behind = relay.highest.wrapping_sub(sequence);
        if behind != 0 && behind <= LATE_MAX {
            // A late packet from before the first one would carry a number already used.
            let stamp = (u32::from(behind) <= relay.span).then_some(Stamp {
                sequence: out_sequence,
                timestamp: out_timestamp,
                marker: false,
            });
            self.count(size);
            return stamp;
        }
        relay.span = relay.span.saturating_add(u32::from(sequence.wrapping_sub(relay.highest)));
        relay.highest = sequence;
        relay.highest_timestamp = timestamp;
        self.sequence = out_sequence.wrapping_add(1);
        self.sent(now, out_timestamp, size);
        Some(Stamp { sequence: out_sequence, timestamp: out_timestamp, marker })
    }

    /// Another leg is relayed from now on. It may count as the one before did, and use its SSRC.
    pub fn restart_relay(&mut self) {
        self.relay = None;
    }

    /// A packet of the relayed stream is not for this leg (a key it cannot take): the numbers close
    /// up, so that the far end does not see a loss.
    pub fn relay_without(&mut self, ssrc: u32, sequence: u16) {
        if let Some(relay) = &mut self.relay
            && relay.ssrc == ssrc
            && sequence == relay.highest.wrapping_add(1)
        {
            relay.sequence_offset = relay.sequence_offset.wrapping_sub(1);
            relay.highest = sequence;
        }
    }

    /// For a sender report; `None` when nothing was sent since the last one.
    pub fn report(&mut self, now: Timestamp) -> Option<SenderInfo> {
        if self.reported_packets == self.packets {
            return None;
        }
        self.reported_packets = self.packets;
        let (last_at, _) = self.last?;
        Some(SenderInfo {
            ntp: rtcp::ntp(now),
            timestamp: self.timestamp.wrapping_add(self.clock.units(now.since(last_at))),
            packets: self.packets,
            octets: self.octets,
        })
    }

    fn sent(&mut self, at: Timestamp, timestamp: u32, size: Size) {
        self.timestamp = timestamp;
        self.last = Some((at, size.units));
        self.count(size);
    }

    fn count(&mut self, size: Size) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(size.octets);
    }

    /// The stream's clock follows ours, and never goes back into what was sent.
    fn timestamp_at(&self, at: Timestamp) -> u32 {
        match self.last {
            None => self.timestamp,
            Some((last_at, in_packet)) => {
                let passed = self.clock.units(at.since(last_at));
                self.timestamp.wrapping_add(passed.max(in_packet))
            }
        }
    }

    fn is_gap(&self, at: Timestamp) -> bool {
        self.last
            .is_none_or(|(last_at, units)| at.since(last_at) > self.clock.time(units) + SPURT_GAP)
    }
}

impl Relay {
    fn goes_on_with(&self, ssrc: u32, sequence: u16, timestamp: u32, clock: Clock) -> bool {
        let ahead = sequence.wrapping_sub(self.highest);
        let moved = timestamp.wrapping_sub(self.highest_timestamp) as i32;
        self.ssrc == ssrc
            && (ahead <= DROPOUT_MAX || ahead > u16::MAX - LATE_MAX)
            && moved.unsigned_abs() <= clock.units(TIMESTAMP_JUMP_MAX)
    }
}

/// A relayed packet this far behind is late; further behind, the sender began again.
const LATE_MAX: u16 = 100;
/// A relayed packet this far ahead follows losses; further ahead, the sender began again.
const DROPOUT_MAX: u16 = 3_000;
/// No silence of a sender that goes on counting is longer without a restart of its clock.
const TIMESTAMP_JUMP_MAX: Duration = Duration::from_secs(60);
/// A pause longer than this begins a talk spurt.
const SPURT_GAP: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing() -> Outgoing {
        Outgoing::new(0)
    }

    fn size(samples: u32) -> Size {
        Size { units: samples, octets: samples }
    }

    fn numbers(stamp: Stamp) -> (u16, u32) {
        (stamp.sequence, stamp.timestamp)
    }

    #[test]
    fn prompt_to_bridge_to_prompt_is_one_stream() {
        let mut out = outgoing();
        let first = out.stamp(Timestamp(0), size(160));
        assert_eq!((numbers(first), first.marker), ((0, 0), true));
        assert_eq!(numbers(out.stamp(Timestamp(20), size(160))), (1, 160));
        // Bridged 15 ms later; the other leg's stream counts from elsewhere.
        let relayed = out.relay(Timestamp(35), 9, 500, 70_000, size(160)).unwrap();
        assert_eq!((numbers(relayed), relayed.marker), ((2, 320), false));
        assert_eq!(numbers(out.relay(Timestamp(55), 9, 501, 70_160, size(160)).unwrap()), (3, 480));
        // And back to a prompt, after a second of nothing.
        let back = out.stamp(Timestamp(1_055), size(160));
        assert_eq!((numbers(back), back.marker), ((4, 8_480), true));
        assert_eq!(out.packets(), 5);
    }

    #[test]
    fn losses_and_reordering_cross_the_bridge() {
        let mut out = outgoing();
        let mut relay = |sequence: u16, at| {
            let timestamp = u32::from(sequence) * 160;
            out.relay(Timestamp(at), 9, sequence, timestamp, size(160)).map(numbers)
        };
        assert_eq!(relay(10, 0), Some((0, 0)));
        assert_eq!(relay(9, 1), None, "sent before the bridge");
        assert_eq!(relay(13, 60), Some((3, 480)));
        assert_eq!(relay(12, 61), Some((2, 320)));
        assert_eq!(relay(14, 80), Some((4, 640)));
    }

    #[test]
    fn a_new_sender_joins_where_the_old_one_left() {
        let mut out = outgoing();
        out.relay(Timestamp(0), 9, 10, 1_000, size(160));
        out.relay(Timestamp(20), 9, 11, 1_160, size(160));
        let other = out.relay(Timestamp(40), 8, 60_000, 5, size(160)).unwrap();
        assert_eq!(numbers(other), (2, 320));
        let restarted = out.relay(Timestamp(60), 8, 100, 9_999_999, size(240)).unwrap();
        assert_eq!(numbers(restarted), (3, 480));
    }

    #[test]
    fn another_leg_with_the_same_numbers_is_another_sender() {
        let mut out = outgoing();
        out.relay(Timestamp(0), 9, 10, 1_000, size(160));
        out.restart_relay();
        let other = out.relay(Timestamp(20), 9, 17, 2_120, size(160)).unwrap();
        assert_eq!(numbers(other), (1, 160));
    }

    #[test]
    fn the_sequence_wraps_in_both_streams() {
        let mut out = outgoing();
        for i in 0..70_000_u32 {
            let now = Timestamp(u64::from(i) * 20);
            let sequence = (i + 65_000) as u16;
            let stamp = out.relay(now, 9, sequence, i.wrapping_mul(160), size(160)).unwrap();
            assert_eq!(stamp.sequence, i as u16);
        }
    }

    #[test]
    fn what_a_leg_cannot_take_leaves_no_gap() {
        let mut out = outgoing();
        out.relay(Timestamp(0), 9, 10, 0, size(160));
        out.relay_without(9, 11);
        out.relay_without(9, 12);
        assert_eq!(numbers(out.relay(Timestamp(60), 9, 13, 480, size(160)).unwrap()), (1, 480));
    }

    #[test]
    fn own_packets_keep_their_distance() {
        let mut out = outgoing();
        assert_eq!(out.earliest(Timestamp(5)), Timestamp(5));
        out.stamp(Timestamp(5), size(160));
        assert_eq!(out.earliest(Timestamp(6)), Timestamp(25));
        assert_eq!(out.earliest(Timestamp(90)), Timestamp(90));
    }

    #[test]
    fn a_report_tells_the_time_of_the_stream() {
        let mut out = outgoing();
        assert_eq!(out.report(Timestamp(0)), None);
        out.stamp(Timestamp(0), size(160));
        let info = out.report(Timestamp(10)).unwrap();
        assert_eq!((info.timestamp, info.packets, info.octets), (80, 1, 160));
        assert_eq!(out.report(Timestamp(20)), None, "nothing new was sent");
    }
}
