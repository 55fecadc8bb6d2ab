//! What a leg sends while nothing plays.

use super::*;
use crate::id::{CallId, RecordingId};
use crate::media::recorder::RecordingSpec;

/// A leg that sends silence.
fn sending_silence(remote: RemoteMedia) -> Leg {
    let minute = Some(Duration::from_secs(60));
    let limits = Limits { silence: minute, silence_on_hold: minute, transmit_silence: true };
    Leg::with(remote, limits)
}

/// The longest time between two packets, from `since` on, in milliseconds.
fn longest_gap(leg: &Leg, since: u64) -> u64 {
    let times = leg.sent.iter().map(|(now, ..)| *now).filter(|now| *now > since);
    let times: Vec<u64> = [since].into_iter().chain(times).chain([leg.now]).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}

#[test]
fn fault_24_while_nothing_plays_silence_is_sent() {
    for law in [Law::Mu, Law::A] {
        let codec = law.codec();
        for ptime_ms in [10, 20, 60] {
            let format = AudioFormat::new(codec, ptime_ms);
            let mut leg = sending_silence(RemoteMedia { format, ..media(codec) });
            leg.pass(3_000);
            leg.play(1, tone(1_000, 0x40));
            leg.pass(1_000);
            let prompt = usize::from(1_000 / u16::from(ptime_ms)) + usize::from(ptime_ms == 60);
            leg.pass(12_000);
            leg.session.record(leg.now(), spec(), Some(tone(200, 0x40)));
            leg.pass(8_000);
            assert!(longest_gap(&leg, 1_000_000) <= 520, "{}", longest_gap(&leg, 1_000_000));
            let silence = |packet: &Packet<'_>| packet.payload.iter().all(|b| *b == law.silence());
            let silent = leg.packets().into_iter().filter(|(_, p)| silence(p)).count();
            assert!((40..=50).contains(&silent), "{silent}, two a second");
            assert!(leg.sent.len() - silent >= prompt);
            let quiet = leg.packets().into_iter().filter(|(_, p)| silence(p));
            assert!(quiet.clone().all(|(_, p)| p.payload_type == codec.payload_type()));
            leg.assert_one_stream();
        }
    }
}

fn spec() -> RecordingSpec {
    let long = Duration::from_secs(60);
    let recording = RecordingId { call: CallId(1), n: 1 };
    RecordingSpec { recording, length_max: long, length_min: long, silence: long }
}

#[test]
fn fault_24_a_prompt_begins_at_once_and_an_answer_that_is_hung_up_costs_nothing() {
    let mut leg = sending_silence(media(Codec::Pcmu));
    leg.pass(400);
    assert!(leg.sent.is_empty(), "nothing goes out before a prompt had its chance");
    leg.pass(1_000);
    let before = leg.now;
    leg.play(1, tone(100, 0x40));
    assert_eq!(leg.sent.last().unwrap().0, before, "it does not wait for the silence");
    leg.pass(100);
    leg.assert_one_stream();
}

#[test]
fn fault_24_a_bridge_whose_other_side_is_mute_is_no_dead_line() {
    let mut leg = sending_silence(media(Codec::Pcmu));
    let mut buffer = [0; PACKET_LEN_MAX];
    let spoken = [0x33; 160];
    // The other side speaks, is mute for ten seconds and goes on as it counted.
    for n in 0..1_000_u32 {
        if !(200..700).contains(&n) {
            let relayed = Relayed {
                ssrc: 5,
                sequence: if n < 200 { n as u16 } else { (n - 500) as u16 },
                timestamp: n * 160,
                marker: n == 700,
                key: None,
                content: Content::Audio(Codec::Pcmu, &spoken),
            };
            let now = leg.now();
            let (to, len) = leg.session.relay(now, &relayed, &mut buffer).unwrap();
            leg.sent.push((leg.now, to, buffer[..len].to_vec()));
        }
        leg.pass(20);
    }
    assert!(longest_gap(&leg, 1_000_000) <= 500, "{}", longest_gap(&leg, 1_000_000));
    let spoken = leg.packets().into_iter().filter(|(_, p)| p.payload[0] == 0x33).count();
    assert_eq!(spoken, 500, "all that was said is heard");
    leg.assert_one_stream();
}

#[test]
fn fault_24_nothing_is_sent_to_who_holds_us_or_never_answers() {
    let held = RemoteMedia { direction: Direction::Inactive, ..media(Codec::Pcmu) };
    let mut leg = sending_silence(held);
    leg.pass(10_000);
    assert!(leg.sent.is_empty());
    let mut leg = sending_silence(media(Codec::Pcmu));
    leg.pass(200_000);
    assert_eq!(leg.sent.last().unwrap().0, 1_060_000);
}
