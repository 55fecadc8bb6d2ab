//! A mix on its way out of a leg.

use super::*;
use crate::media::format::{FRAME_SAMPLES, Frame};
use crate::media::g711::Law;

const FRAME: Frame = [3_000; FRAME_SAMPLES];

impl Leg {
    /// Frames of a mix that lasts this long.
    fn mix(&mut self, ms: u64) {
        let mut buffer = [0; PACKET_LEN_MAX];
        for _ in 0..ms / 20 {
            self.pass(20);
            self.session.hear_mix(&FRAME);
            while let Some((to, len)) = self.session.mixed_packet(self.now(), &mut buffer) {
                self.sent.push((self.now, to, buffer[..len].to_vec()));
            }
        }
    }
}

#[test]
fn a_mix_leaves_in_packets_of_the_legs_own_length_and_law() {
    for (ptime_ms, packets) in [(10, 60), (20, 30), (30, 20), (40, 15), (60, 10)] {
        for law in [Law::Mu, Law::A] {
            let format = AudioFormat::new(law.codec(), ptime_ms);
            let mut leg = Leg::new(RemoteMedia { format, ..media(law.codec()) });
            leg.mix(600);
            assert_eq!(leg.sent.len(), packets, "{ptime_ms} ms");
            let len = usize::from(ptime_ms) * 8;
            for (n, (_, packet)) in leg.packets().into_iter().enumerate() {
                assert_eq!(packet.payload, vec![law.encode(3_000); len]);
                let first = leg.packets()[0].1.timestamp;
                assert_eq!(packet.timestamp.wrapping_sub(first), (n * len) as u32);
                assert_eq!(packet.marker, n == 0);
            }
            leg.assert_one_stream();
        }
    }
}

#[test]
fn a_mix_is_one_stream_with_what_plays_before_and_after_it() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.play(1, tone(300, 0x40));
    leg.pass(100);
    leg.mix(100);
    assert!(leg.packets().iter().all(|(_, p)| p.payload[0] == 0x40), "what plays silences it");
    leg.session.stop();
    leg.mix(200);
    assert_eq!(leg.packets().last().unwrap().1.payload[0], Law::Mu.encode(3_000));
    leg.play(2, tone(100, 0x50));
    leg.pass(300);
    assert_eq!(leg.facts.last().unwrap().1, Output::PromptDone(PlayId(2)));
    leg.assert_one_stream();
}

#[test]
fn nothing_is_mixed_for_who_holds_us_and_no_old_sound_comes_after() {
    let format = AudioFormat::new(Codec::Pcmu, 60);
    let mut leg = Leg::new(RemoteMedia { format, ..media(Codec::Pcmu) });
    leg.mix(40);
    let held = RemoteMedia { direction: Direction::Inactive, format, ..media(Codec::Pcmu) };
    leg.session.configure(leg.now(), held, Origins::default());
    leg.mix(200);
    assert!(leg.sent.is_empty());
    leg.session.configure(
        leg.now(),
        RemoteMedia { format, ..media(Codec::Pcmu) },
        Origins::default(),
    );
    leg.mix(40);
    assert!(leg.sent.is_empty(), "the 40 ms of before were dropped");
    leg.mix(20);
    assert_eq!(leg.sent.len(), 1);
}

#[test]
fn comfort_noise_and_keys_are_no_sound_for_a_mix_and_nothing_is_decoded_for_nobody() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    let heard = |leg: &Leg| leg.session.heard().map(|heard| heard.samples.to_vec());
    leg.hear(CALLER, 0, 1, &[0x33; 160]);
    assert_eq!(heard(&leg), None);
    leg.session.set_mixed(true);
    leg.hear(CALLER, 0, 2, &[0x33; 160]);
    assert_eq!(heard(&leg), Some(vec![Law::Mu.decode(0x33); 160]));
    leg.hear(CALLER, 13, 3, &[40]);
    assert_eq!(heard(&leg), None);
    assert_eq!(leg.hear(CALLER, 101, 4, &[5, 10, 0, 160]), "5");
    assert_eq!(heard(&leg), None);
    leg.hear(CALLER, 0, 5, &[0x33; 80]);
    assert_eq!(heard(&leg).unwrap().len(), 80);
    leg.session.set_mixed(false);
    assert_eq!(heard(&leg), None);
}
