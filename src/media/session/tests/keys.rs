//! A key that is down while a leg begins to hear its leg, or while a recording of it begins.

use super::*;
use crate::id::{CallId, RecordingId};
use crate::media::recorder::RecordingSpec;
use crate::words::RecordingEnd;

/// A packet as its sender stamps it: payload type, time stamp, marker, payload.
type Sent<'a> = (u8, u32, bool, &'a [u8]);

/// The leg that presses keys, and the one that hears it alone.
struct Pair {
    source: Leg,
    listener: Leg,
    sequence: u16,
    /// Of the next frame of sound: its time stamp, and its first sample.
    timestamp: u32,
    said: usize,
}

impl Pair {
    fn new() -> Self {
        Self::of(media(Codec::Pcmu))
    }

    /// Keys of the source are tones.
    fn with_tones() -> Self {
        Self::of(RemoteMedia { telephone_event: None, ..media(Codec::Pcmu) })
    }

    fn of(source: RemoteMedia) -> Self {
        let (source, listener) = (Leg::new(source), Leg::new(media(Codec::Pcmu)));
        Self { source, listener, sequence: 100, timestamp: 0, said: 0 }
    }

    /// The listener hears the source from now on.
    fn listen(&mut self) {
        self.listener.session.listen_to_another(self.source.session.pressed());
    }

    /// Whether the listener hears this packet.
    fn send(&mut self, (payload_type, timestamp, marker, payload): Sent<'_>) -> bool {
        self.sequence += 1;
        let sequence = self.sequence;
        let packet = Packet { marker, payload_type, sequence, timestamp, ssrc: 9, payload };
        let (mut bytes, mut buffer) = ([0; PACKET_LEN_MAX], [0; PACKET_LEN_MAX]);
        let len = packet.write(&mut bytes).unwrap();
        let now = self.source.now();
        let relayed = self.source.session.receive(now, at(CALLER), &bytes[..len]).relayed.unwrap();
        let Some((to, len)) = self.listener.session.relay(now, &relayed, &mut buffer) else {
            return false;
        };
        let heard = Packet::parse(&buffer[..len]).unwrap();
        assert_eq!((heard.payload_type, heard.payload), (payload_type, payload));
        self.listener.sent.push((now.0, to, buffer[..len].to_vec()));
        true
    }

    fn pass(&mut self, ms: u64) {
        self.source.now += ms;
        self.listener.pass(ms);
    }

    /// Packets of a key, 20 ms apart. How many of them the listener hears.
    fn press(&mut self, packets: &[Sent<'_>]) -> usize {
        let mut heard = 0;
        for packet in packets {
            heard += usize::from(self.send(*packet));
            self.pass(20);
            self.timestamp = packet.1 + 480;
        }
        heard
    }

    /// Frames of sound. Which of them the listener hears.
    fn say(&mut self, frames: usize, sample: fn(usize) -> i16) -> Vec<usize> {
        let heard = (0..frames).filter(|_| {
            let samples = self.said..self.said + 160;
            let payload: Vec<u8> = samples.map(|at| Law::Mu.encode(sample(at))).collect();
            self.said += 160;
            self.timestamp += 160;
            let is_heard = self.send((0, self.timestamp, false, &payload));
            self.pass(20);
            is_heard
        });
        heard.collect()
    }

    /// The tones of a key, until the media report it.
    fn press_tone(&mut self) {
        let before = self.source.session.pressed();
        for _ in 0..5 {
            self.say(1, key);
            if self.source.session.pressed() != before {
                return;
            }
        }
        panic!("no key was reported");
    }

    /// What was heard is without a gap.
    fn assert_numbered(&self) {
        for pair in self.listener.packets().windows(2) {
            assert_eq!(pair[1].1.sequence, pair[0].1.sequence.wrapping_add(1));
        }
    }
}

/// The key 4.
fn key(at: usize) -> i16 {
    let wave = |hz: f64| (std::f64::consts::TAU * hz * at as f64 / 8_000.0).sin();
    (6_000.0 * (wave(770.0) + wave(1_209.0))) as i16
}

fn speech(at: usize) -> i16 {
    if at % 20 < 10 { 4_000 } else { -4_000 }
}

const fn event(ends: bool, duration: u16) -> [u8; 4] {
    let [high, low] = duration.to_be_bytes();
    [5, if ends { 0x8A } else { 10 }, high, low]
}

const UPDATE: [u8; 4] = event(false, 160);
const END: [u8; 4] = event(true, 480);

#[test]
fn the_rest_of_an_event_is_not_passed_on_to_who_comes_however_it_is_stamped() {
    let later = event(false, 320);
    let update = (101, 1_000, false, &later[..]);
    let end = |later: u32| (101, 1_000 + later, false, &END[..]);
    let longer = [480, 640, 800].map(|duration| event(true, duration));
    let growing = |n: usize| (101, 1_480 + n as u32 * 160, false, &longer[n][..]);
    let rests: [(&str, Vec<Sent<'_>>); 5] = [
        ("as it should be", vec![update, end(0), end(0), end(0)]),
        ("stamped at the end", vec![update, end(480), end(480), end(480)]),
        ("each stamped anew", vec![update, end(480), end(640), end(800)]),
        ("growing", vec![update, growing(0), growing(1), growing(2)]),
        ("only its end", vec![end(0)]),
    ];
    for (name, rest) in rests {
        let mut pair = Pair::new();
        assert_eq!(pair.say(10, speech).len(), 10, "{name}");
        assert_eq!(pair.press(&[(101, 1_000, true, &UPDATE)]), 1, "{name}: heard before");
        pair.listen();
        assert_eq!(pair.press(&rest), 0, "{name}");
        assert_eq!(pair.say(10, speech).len(), 10, "{name}: what is said after the key");
        // The same key again is another press.
        let again = [(101, 9_000, true, &UPDATE[..]), (101, 9_000, false, &END)];
        assert_eq!(pair.press(&again), 2, "{name}");
        pair.assert_numbered();
    }
}

#[test]
fn an_event_without_an_end_is_over_when_nothing_more_is_told_of_it() {
    let mut pair = Pair::new();
    pair.press(&[(101, 1_000, true, &UPDATE)]);
    pair.listen();
    assert_eq!(pair.say(20, speech).first(), Some(&9), "200 ms after what was reported last");
}

#[test]
fn a_key_that_is_held_down_is_heard_after_a_while_as_sound_and_never_as_an_event() {
    let mut pair = Pair::with_tones();
    pair.press_tone();
    pair.listen();
    // The first of these comes 20 ms after its report.
    let heard = pair.say(100, key);
    assert_eq!((heard.first(), heard.len()), (Some(&42), 100 - 42), "850 ms after its report");

    let mut pair = Pair::new();
    pair.press(&[(101, 1_000, true, &UPDATE)]);
    pair.listen();
    let mut sound = 0;
    for n in 1..100 {
        assert!(!pair.send((101, 1_000, false, &event(false, n * 160))));
        sound += pair.say(1, key).len();
    }
    assert_eq!(sound, 100 - 43);
    pair.assert_numbered();
}

#[test]
fn who_hears_a_leg_before_its_key_goes_down_hears_all_of_it() {
    let mut pair = Pair::with_tones();
    pair.listen();
    assert_eq!(pair.say(20, key).len(), 20);
    let mut pair = Pair::new();
    pair.listen();
    let press = [(101, 1_000, true, &UPDATE[..]), (101, 1_000, false, &END)];
    assert_eq!(pair.press(&press), 2);
}

#[test]
fn one_press_that_is_told_twice_is_one_for_who_comes_between() {
    let mut pair = Pair::new();
    let now = pair.source.now();
    assert!(pair.source.session.press(now, Digit::new('5').unwrap()).is_some());
    pair.listen();
    let late = [(101, 1_000, true, &UPDATE[..]), (101, 1_000, false, &END)];
    assert_eq!(pair.press(&late), 0, "the events of a key that came by INFO");
    assert_eq!(pair.press(&[(101, 9_000, true, &UPDATE)]), 1);
}

#[test]
fn a_prompt_that_ends_while_a_key_is_down_is_followed_by_nothing_of_the_key() {
    let mut pair = Pair::new();
    pair.listener.play(1, tone(100, 0x40));
    let mut packets = vec![(101, 1_000, true, &UPDATE[..])];
    packets.extend([(101, 1_000, false, &UPDATE[..]); 10]);
    packets.extend([(101, 1_000, false, &END[..]); 3]);
    assert_eq!(pair.press(&packets), 0);
    assert!(matches!(pair.listener.facts[..], [(_, Output::PromptDone(_))]));
    assert_eq!(pair.say(5, speech).len(), 5);
    assert_eq!(pair.press(&[(101, 9_000, true, &UPDATE)]), 1);
    pair.assert_numbered();
}

#[test]
fn a_message_that_begins_while_a_key_is_down_has_nothing_of_the_key() {
    let mut pair = Pair::with_tones();
    pair.press_tone();
    let recording = RecordingId { call: CallId(1), n: 1 };
    let (long, none) = (Duration::from_secs(60), Duration::ZERO);
    let spec = RecordingSpec { recording, length_max: long, length_min: none, silence: long };
    let (now, said) = (pair.source.now(), pair.said);
    pair.source.session.record(now, spec, None);
    pair.say(10, key);
    pair.say(20, speech);
    // A key that goes down later is part of the message.
    pair.say(10, key);
    let now = pair.source.now();
    let (_, kept) = pair.source.session.stop_record(now, RecordingEnd::Stopped).unwrap();
    assert_eq!(kept.len(), 40 * 160);
    let first = kept.iter().position(|sample| *sample != 0).unwrap();
    assert!((10 * 160..=15 * 160).contains(&first), "{} ms", first / 8);
    for (at, kept) in kept.into_iter().enumerate().skip(first) {
        let sample = if at < 30 * 160 { speech } else { key }(said + at);
        assert_eq!(kept, Law::Mu.decode(Law::Mu.encode(sample)));
    }
}
