//! What one leg hears of one other: each packet at once, in the stream of the leg that hears it.
//!
//! **Invariant:** speech of the leg's own law crosses byte for byte; losses, late packets and the
//! sender's packet time stay as they are. Of a key that was pressed before this leg heard the
//! other, nothing crosses, neither its events nor its tone: it may end a secret, or be a
//! supervisor's.
//!
//! **Deliberately absent:** a buffer. Two legs of unequal clocks stay in step, because nothing here
//! has a clock of its own (200 ppm over an hour would fill one by 0.7 s).

use std::net::SocketAddr;

use crate::media::format::{Passage, coding, passage};
use crate::media::outgoing::Size;
use crate::media::rtp::{HEADER_LEN, Packet};
use crate::media::session::{Buffer, Session};
use crate::time::Timestamp;
use crate::words::{Codec, Digit};

/// A packet on its way across a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relayed<'a> {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    /// The packet is of a key, or of the sound while one is down: which of those that were pressed.
    pub key: Option<u32>,
    pub content: Content<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    Audio(Codec, &'a [u8]),
    TelephoneEvent(&'a [u8]),
    /// Nothing the other leg can use (comfort noise, say), but it has a place in the sequence.
    Nothing,
}

impl Content<'_> {
    /// Whether it is of a key, and no other event of a telephone.
    pub(super) fn is_key(self) -> bool {
        match self {
            Self::TelephoneEvent(&[code, ..]) => Digit::from_event(code).is_some(),
            Self::TelephoneEvent([]) | Self::Audio(..) | Self::Nothing => false,
        }
    }

    /// Of the sender's clock. A key has none: it lies beside the speech.
    fn units(self) -> u32 {
        match self {
            Self::Audio(codec, payload) => coding(codec).units(payload),
            Self::TelephoneEvent(_) | Self::Nothing => 0,
        }
    }
}

impl Session {
    /// Whether packets of this leg are of use to the other one as they are, or through a table.
    #[must_use]
    pub fn passes_to(&self, other: &Self) -> bool {
        let (Some(from), Some(to)) = (&self.remote, &other.remote) else { return true };
        let sent = [Some(from.media.format.codec()), from.media.also];
        let taken = to.media.format.codec();
        sent.into_iter().flatten().all(|codec| passage(codec, taken) != Passage::Recoded)
    }

    /// Turns a packet of the leg this one is bridged to into a packet of this leg's stream.
    pub fn relay(
        &mut self,
        now: Timestamp,
        relayed: &Relayed<'_>,
        buffer: &mut Buffer,
    ) -> Option<(SocketAddr, usize)> {
        if !self.may_send() || self.playing.is_audible() {
            // What plays ends, and the rest of the key would be heard.
            self.pressed_before = relayed.key.unwrap_or(self.pressed_before);
            return None;
        }
        if relayed.key == Some(self.pressed_before) {
            self.outgoing.relay_without(relayed.ssrc, relayed.sequence);
            return None;
        }
        let remote = self.remote.as_ref()?;
        let media = &remote.media;
        let (payload_type, payload, table) = match (relayed.content, media.telephone_event) {
            (Content::Audio(codec, payload), _) => match passage(codec, media.format.codec()) {
                Passage::Copied => (media.payload_type, payload, None),
                Passage::Translated(table) => (media.payload_type, payload, Some(table)),
                Passage::Recoded => return None, // it is heard in a mix
            },
            (Content::TelephoneEvent(payload), Some(payload_type)) => (payload_type, payload, None),
            (Content::TelephoneEvent(_), None) | (Content::Nothing, _) => {
                self.outgoing.relay_without(relayed.ssrc, relayed.sequence);
                return None;
            }
        };
        let out = buffer.get_mut(HEADER_LEN..HEADER_LEN + payload.len())?;
        let size = Size { units: relayed.content.units(), octets: payload.len() as u32 };
        let Relayed { ssrc, sequence, timestamp, .. } = *relayed;
        let stamp = self.outgoing.relay(now, ssrc, sequence, timestamp, size)?;
        match table {
            None => out.copy_from_slice(payload),
            Some(table) => {
                for (to, &from) in out.iter_mut().zip(payload) {
                    *to = table[usize::from(from)];
                }
            }
        }
        let header = Packet {
            marker: relayed.marker || stamp.marker,
            payload_type,
            sequence: stamp.sequence,
            timestamp: stamp.timestamp,
            ssrc: self.outgoing.ssrc(),
            payload: &[],
        };
        buffer[..HEADER_LEN].copy_from_slice(&header.header());
        Some((remote.source.destination(), HEADER_LEN + payload.len()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::PlayId;
    use crate::media::format::AudioFormat;
    use crate::media::g711::Law;
    use crate::media::prompt::Sound;
    use crate::media::rtp::PACKET_LEN_MAX;
    use crate::media::session::{Limits, Output, RemoteMedia};
    use crate::media::source::Origins;
    use crate::words::Direction;

    /// Two legs, and what the second one's phone hears: arrival in ms, header and payload.
    struct Bridge {
        caller: Session,
        agent: Session,
        heard: Vec<(u64, Vec<u8>)>,
    }

    fn phone(n: u8) -> SocketAddr {
        ([8, 8, 8, n], 4_000).into()
    }

    fn leg(n: u8, codec: Codec, telephone_event: Option<u8>) -> Session {
        let mut session = Session::new(
            0x1111_1111_1111_1111 * u64::from(n),
            Limits { silence: None, silence_on_hold: None, transmit_silence: false },
        );
        let media = RemoteMedia {
            rtp: phone(n),
            rtcp: None,
            rtcp_mux: false,
            format: AudioFormat::new(codec, 20),
            payload_type: codec.payload_type(),
            also: None,
            telephone_event,
            direction: Direction::SendRecv,
        };
        session.configure(Timestamp(0), media, Origins::default());
        session
    }

    impl Bridge {
        fn new(caller: Codec, agent: Codec) -> Self {
            let (caller, agent) = (leg(1, caller, Some(101)), leg(2, agent, Some(96)));
            Self { caller, agent, heard: vec![] }
        }

        fn say(&mut self, now: u64, packet: &Packet<'_>) {
            let mut bytes = [0; PACKET_LEN_MAX];
            let len = packet.write(&mut bytes).unwrap();
            let received = self.caller.receive(Timestamp(now), phone(1), &bytes[..len]);
            let mut out = [0; PACKET_LEN_MAX];
            let relayed = received.relayed.unwrap();
            if let Some((to, len)) = self.agent.relay(Timestamp(now), &relayed, &mut out) {
                assert_eq!(to, phone(2));
                self.heard.push((now, out[..len].to_vec()));
            }
        }

        fn say_audio(&mut self, now: u64, sequence: u16, payload: &[u8]) {
            let timestamp = u32::from(sequence) * payload.len() as u32;
            let payload_type = 0;
            let packet =
                Packet { marker: false, payload_type, sequence, timestamp, ssrc: 5, payload };
            self.say(now, &packet);
        }

        fn play(&mut self, from: u64, until: u64, sound: Sound) {
            self.agent.play(Timestamp(from), PlayId(1), vec![sound.into()], false);
            for now in from..until {
                let mut out = [0; PACKET_LEN_MAX];
                let output = self.agent.handle_timeout(Timestamp(now), &mut out);
                let Some(Output::Rtp { len, .. }) = output else { continue };
                self.heard.push((now, out[..len].to_vec()));
            }
        }

        fn packets(&self) -> Vec<Packet<'_>> {
            self.heard.iter().map(|(_, bytes)| Packet::parse(bytes).unwrap()).collect()
        }
    }

    /// A second of 1004 Hz.
    fn tone() -> Vec<i16> {
        (0..8_000)
            .map(|n| {
                (8_000.0 * (std::f64::consts::TAU * 1_004.0 * f64::from(n) / 8_000.0).sin()) as i16
            })
            .collect()
    }

    #[test]
    fn tone_in_is_tone_out_in_every_pair_of_laws_and_packet_times() {
        for (from, to) in
            [(Law::Mu, Law::Mu), (Law::Mu, Law::A), (Law::A, Law::Mu), (Law::A, Law::A)]
        {
            for ptime_ms in [10, 20, 30, 60] {
                let mut bridge = Bridge::new(from.codec(), to.codec());
                let spoken: Vec<u8> = tone().iter().map(|&sample| from.encode(sample)).collect();
                for (n, payload) in spoken.chunks(ptime_ms * 8).enumerate() {
                    let packet = Packet {
                        marker: n == 0,
                        payload_type: from.codec().payload_type(),
                        sequence: n as u16,
                        timestamp: (n * ptime_ms * 8) as u32,
                        ssrc: 5,
                        payload,
                    };
                    bridge.say((n * ptime_ms) as u64, &packet);
                }
                let packets = bridge.packets();
                assert!(packets.iter().all(|p| p.payload_type == to.codec().payload_type()));
                let heard: Vec<u8> = packets.iter().flat_map(|p| p.payload).copied().collect();
                if from == to {
                    assert_eq!(heard, spoken, "byte for byte");
                }
                for (&code, sample) in heard.iter().zip(tone()) {
                    let off = (i32::from(to.decode(code)) - i32::from(sample)).abs();
                    assert!(off <= i32::from(sample.unsigned_abs()) / 12 + 24, "{from} {to} {off}");
                }
                assert_eq!(heard.len(), 8_000);
            }
        }
    }

    #[test]
    fn music_then_the_agent_then_music_is_one_stream_for_the_phone() {
        let mut bridge = Bridge::new(Codec::Pcmu, Codec::Pcma);
        bridge.play(0, 101, Sound::from_ulaw(vec![0x40; 800]));
        for n in 0..5 {
            bridge.say_audio(115 + u64::from(n) * 20, 9_000 + n, &[0x33; 160]);
        }
        bridge.play(210, 400, Sound::from_ulaw(vec![0x50; 480]));
        let packets = bridge.packets();
        assert_eq!(packets.len(), 5 + 5 + 3);
        for (pair, times) in packets.windows(2).zip(bridge.heard.windows(2)) {
            assert_eq!(pair[1].ssrc, pair[0].ssrc);
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            let moved = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            let passed = (times[1].0 - times[0].0) as u32 * 8;
            assert!(moved >= 160 && moved.abs_diff(passed) <= 160, "{moved} in {passed}");
        }
    }

    #[test]
    fn what_plays_on_a_leg_silences_the_bridge_to_it() {
        let mut bridge = Bridge::new(Codec::Pcmu, Codec::Pcmu);
        bridge.play(0, 10, Sound::from_ulaw(vec![0x40; 8_000]));
        let played = bridge.heard.len();
        bridge.say_audio(11, 1, &[0x33; 160]);
        assert_eq!(bridge.heard.len(), played);
        bridge.agent.stop();
        bridge.say_audio(31, 2, &[0x33; 160]);
        assert_eq!(bridge.heard.len(), played + 1);
    }

    #[test]
    fn losses_stay_losses_and_keys_cross_under_the_other_number() {
        let mut bridge = Bridge::new(Codec::Pcmu, Codec::Pcmu);
        for n in [1, 2, 5, 4, 6] {
            bridge.say_audio(u64::from(n) * 20, n, &[n as u8; 160]);
        }
        let key = Packet {
            marker: true,
            payload_type: 101,
            sequence: 7,
            timestamp: 7 * 160,
            ssrc: 5,
            payload: &[5, 10, 0, 160],
        };
        bridge.say(140, &key);
        let packets = bridge.packets();
        let first = packets[0].sequence;
        let places: Vec<u16> = packets.iter().map(|p| p.sequence.wrapping_sub(first)).collect();
        assert_eq!(places, [0, 1, 4, 3, 5, 6]);
        let key = packets.last().unwrap();
        assert_eq!((key.payload_type, key.marker, key.payload), (96, true, &[5, 10, 0, 160][..]));

        // A leg that cannot take keys does not see a gap where they were.
        bridge.agent = leg(2, Codec::Pcmu, None);
        bridge.heard.clear();
        bridge.say_audio(160, 8, &[1; 160]);
        bridge.say(180, &Packet { sequence: 9, ..key_packet() });
        bridge.say_audio(200, 10, &[1; 160]);
        let packets = bridge.packets();
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[1].sequence, packets[0].sequence.wrapping_add(1));
    }

    fn key_packet() -> Packet<'static> {
        Packet {
            marker: true,
            payload_type: 101,
            sequence: 0,
            timestamp: 1_440,
            ssrc: 5,
            payload: &[6, 10, 0, 160],
        }
    }

    /// µ-law of two tones at once, in packets of 20 ms: the key 1.
    fn tone_of_1() -> Vec<Vec<u8>> {
        let wave = |hz: f64, n: u32| (std::f64::consts::TAU * hz * f64::from(n) / 8_000.0).sin();
        let samples = (0..1_600).map(|n| 6_000.0 * (wave(697.0, n) + wave(1_209.0, n)));
        let coded: Vec<u8> = samples.map(|sample| Law::Mu.encode(sample as i16)).collect();
        coded.chunks(160).map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn the_tone_of_a_key_that_was_pressed_before_does_not_cross() {
        let mut bridge = Bridge::new(Codec::Pcmu, Codec::Pcmu);
        bridge.caller = leg(1, Codec::Pcmu, None);
        let tone = tone_of_1();
        for (n, payload) in (0..).zip(&tone[..4]) {
            bridge.say_audio(u64::from(n) * 20, n, payload);
        }
        assert_eq!((bridge.caller.pressed(), bridge.heard.len()), (1, 4), "it is heard before");
        bridge.agent.listen_to_another(bridge.caller.pressed());
        bridge.heard.clear();
        for (n, payload) in (4..).zip(&tone[4..]) {
            bridge.say_audio(u64::from(n) * 20, n, payload);
        }
        assert!(bridge.heard.is_empty(), "the rest of the tone");
        for n in 10..20 {
            bridge.say_audio(u64::from(n) * 20, n, &[0x33; 160]);
        }
        let spoken = bridge.packets().iter().filter(|packet| packet.payload == [0x33; 160]).count();
        assert_eq!(spoken, bridge.heard.len());
        assert!(spoken >= 8, "{spoken} of 10: it takes a moment to know that a tone is over");
        // The next key is heard.
        let before = bridge.heard.len();
        for (n, payload) in (20..).zip(&tone) {
            bridge.say_audio(u64::from(n) * 20, n, payload);
        }
        assert_eq!((bridge.caller.pressed(), bridge.heard.len() - before), (2, tone.len()));
    }

    #[test]
    fn after_a_key_by_info_whoever_comes_hears_the_leg_once_its_tone_must_be_over() {
        let mut bridge = Bridge::new(Codec::Pcmu, Codec::Pcmu);
        let key = Digit::new('1').unwrap();
        assert_eq!(bridge.caller.press(Timestamp(1_000), key), Some(key));
        bridge.agent.listen_to_another(bridge.caller.pressed());
        for n in 0..20 {
            bridge.say_audio(1_000 + u64::from(n) * 20, n, &[0x33; 160]);
        }
        let first = bridge.heard.first().unwrap().0;
        assert_eq!((first, bridge.heard.len()), (1_300, 5));
        // Another event of a telephone is no key.
        let flash = Packet { sequence: 20, payload: &[16, 10, 0, 160], ..key_packet() };
        bridge.say(1_400, &flash);
        assert_eq!(bridge.packets().last().unwrap().payload, flash.payload);
    }

    #[test]
    fn a_fast_clock_does_not_build_up_delay() {
        // 200 ppm for an hour: 36 more packets than our own clock would send.
        let mut bridge = Bridge::new(Codec::Pcmu, Codec::Pcmu);
        let packets = 180_036_u32;
        for n in 0..packets {
            let now = Duration::from_micros(u64::from(n) * 19_996).as_millis() as u64;
            bridge.heard.clear();
            let packet = Packet {
                marker: false,
                payload_type: 0,
                sequence: n as u16,
                timestamp: n * 160,
                ssrc: 5,
                payload: &[1; 160],
            };
            bridge.say(now, &packet);
            assert_eq!(bridge.heard.len(), 1, "each goes out as it comes");
        }
        assert_eq!(bridge.agent.stats().sent, u64::from(packets));
    }
}
