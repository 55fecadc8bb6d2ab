//! What arrived of one incoming stream: lost, out of order, jitter (RFC 3550 A.1, A.3, A.8).
//!
//! **Invariant:** counts survive a new stream (another SSRC, or a sequence that starts over): a leg
//! has one history, however often its sender restarts.
//!
//! **Deliberately absent:** the probation of A.1. Which source to believe is decided by
//! [`crate::media::source`], before a packet gets here.

use std::time::Duration;

use crate::media::format::Clock;
use crate::time::Timestamp;

#[derive(Clone, Debug, Default)]
pub struct Reception {
    stream: Option<Stream>,
    /// Of streams that ended.
    lost_before: i64,
    received: u64,
    /// Of the time stamps.
    clock: Clock,
    jitter_max: u32,
}

/// One SSRC, from its first packet.
#[derive(Clone, Debug)]
struct Stream {
    ssrc: u32,
    first: u16,
    highest: u16,
    cycles: u32,
    received: u64,
    /// At the last report, for the share lost since then.
    expected_prior: u64,
    received_prior: u64,
    /// Arrival minus timestamp of the last audio packet, in units of the clock.
    transit: Option<u32>,
    /// Sixteen times the estimate, as A.8 keeps it.
    jitter_x16: u32,
}

/// What a receiver report says about the stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    pub lost: i32,
    pub highest: u32,
    /// In units of the clock.
    pub jitter: u32,
}

impl Reception {
    /// What comes from now on counts time so.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Counts one packet. `true` when it begins a new stream: whatever was known of the old one
    /// (order of keys, relay offsets) no longer holds.
    pub fn count(
        &mut self,
        now: Timestamp,
        ssrc: u32,
        sequence: u16,
        timestamp: Option<u32>,
    ) -> bool {
        self.received += 1;
        let restarted = match &mut self.stream {
            Some(stream) if stream.ssrc == ssrc => !stream.place(sequence),
            Some(_) | None => true,
        };
        if restarted {
            if let Some(old) = &self.stream {
                self.lost_before += old.lost();
            }
            self.stream = Some(Stream::begin(ssrc, sequence));
        }
        if let Some(stream) = &mut self.stream {
            stream.received += 1;
            if let Some(timestamp) = timestamp {
                stream.measure_jitter(now, timestamp, self.clock);
                self.jitter_max = self.jitter_max.max(stream.jitter_x16 >> 4);
            }
        }
        restarted
    }

    /// For a report that is about to be sent; the next one starts counting here.
    pub fn report(&mut self) -> Option<Quality> {
        let stream = self.stream.as_mut()?;
        let expected = stream.expected();
        let expected_since = expected - stream.expected_prior;
        let lost_since = expected_since.saturating_sub(stream.received - stream.received_prior);
        stream.expected_prior = expected;
        stream.received_prior = stream.received;
        let fraction = (lost_since << 8).checked_div(expected_since).unwrap_or(0);
        Some(Quality {
            ssrc: stream.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: stream.lost().clamp(-LOST_MAX, LOST_MAX) as i32,
            highest: stream.cycles + u32::from(stream.highest),
            jitter: stream.jitter_x16 >> 4,
        })
    }

    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Expected but never arrived; doubles do not make up for them below zero.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let now = self.stream.as_ref().map_or(0, Stream::lost);
        u64::try_from(self.lost_before + now).unwrap_or(0)
    }

    /// The worst estimate so far, in milliseconds.
    #[must_use]
    pub fn jitter_ms_max(&self) -> u32 {
        self.clock.time(self.jitter_max).as_millis() as u32
    }

    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|s| s.ssrc)
    }
}

impl Stream {
    fn begin(ssrc: u32, sequence: u16) -> Self {
        Self {
            ssrc,
            first: sequence,
            highest: sequence,
            cycles: 0,
            received: 0,
            expected_prior: 0,
            received_prior: 0,
            transit: None,
            jitter_x16: 0,
        }
    }

    /// `false` when the number is too far from the last to belong to the same count.
    fn place(&mut self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.highest);
        if ahead < DROPOUT_MAX {
            if sequence < self.highest {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.highest = sequence;
            return true;
        }
        // Late or doubled.
        ahead > u16::MAX - MISORDER_MAX
    }

    fn expected(&self) -> u64 {
        u64::from(self.cycles) + u64::from(self.highest) + 1 - u64::from(self.first)
    }

    fn lost(&self) -> i64 {
        self.expected() as i64 - self.received as i64
    }

    fn measure_jitter(&mut self, now: Timestamp, timestamp: u32, clock: Clock) {
        let arrival = clock.reading(now);
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let moved = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A jump of seconds is a new talk spurt's clock, not the network.
            if moved < clock.units(JUMP) {
                self.jitter_x16 = self.jitter_x16 + moved - ((self.jitter_x16 + 8) >> 4);
            }
        }
    }
}

/// A.1: further ahead than this is a restart, not loss.
const DROPOUT_MAX: u16 = 3_000;
/// A.1: further behind than this is a restart, not a late packet.
const MISORDER_MAX: u16 = 100;
/// The report's field has 24 bits, signed.
const LOST_MAX: i64 = 0x7F_FFFF;
const JUMP: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn count(reception: &mut Reception, sequences: impl IntoIterator<Item = u16>) {
        for sequence in sequences {
            let at = Timestamp(u64::from(sequence) * 20);
            reception.count(at, 7, sequence, Some(u32::from(sequence) * 160));
        }
    }

    #[test]
    fn loss_is_what_is_missing_and_late_packets_are_not() {
        let mut reception = Reception::default();
        count(&mut reception, [1, 2, 4, 3, 7, 8]);
        assert_eq!((reception.received(), reception.lost()), (6, 2));
        let quality = reception.report().unwrap();
        assert_eq!((quality.lost, quality.highest, quality.fraction_lost), (2, 8, 64));
        count(&mut reception, 9..=20);
        assert_eq!(reception.report().unwrap().fraction_lost, 0, "only since the last report");
    }

    #[test]
    fn the_sequence_wraps_and_a_new_stream_starts_over() {
        let mut reception = Reception::default();
        for sequence in 65_530..65_536_u32 + 10 {
            assert_eq!(reception.count(Timestamp(0), 7, sequence as u16, None), sequence == 65_530);
        }
        assert_eq!(reception.lost(), 0);
        assert_eq!(reception.report().unwrap().highest, 65_536 + 9);
        assert!(reception.count(Timestamp(0), 8, 500, None), "another SSRC");
        assert!(reception.count(Timestamp(0), 8, 20_000, None), "a jump");
        assert_eq!((reception.received(), reception.lost()), (18, 0));
    }

    #[test]
    fn steady_arrival_has_no_jitter_and_a_shaky_one_has() {
        let mut reception = Reception::default();
        count(&mut reception, 0..100);
        assert_eq!(reception.report().unwrap().jitter, 0);
        for sequence in 100..200_u16 {
            let shake = u64::from(sequence % 2) * 10;
            let at = Timestamp(u64::from(sequence) * 20 + shake);
            reception.count(at, 7, sequence, Some(u32::from(sequence) * 160));
        }
        assert!((60..=80).contains(&reception.report().unwrap().jitter));
        assert_eq!(reception.jitter_ms_max(), 9);
    }
}
