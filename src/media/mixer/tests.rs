//! The mixer in virtual time: who hears what, told apart by tones.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::ring::WAITING_MAX;
use super::*;
use crate::id::CallId;
use crate::media::g711::Law;
use crate::media::tone::{LEVEL, TONES_HZ, amplitude, sine, tones};

const fn leg(n: u16) -> LegId {
    LegId { call: CallId(1), n }
}

/// Legs that speak tones, each in packets of its own, and what each ear heard.
struct Room {
    mixer: Mixer,
    wires: Vec<Wire>,
    now: u64,
    /// Samples each leg has spoken so far.
    spoken: BTreeMap<LegId, usize>,
    heard: Vec<Vec<i16>>,
    level: f64,
}

impl Room {
    fn new(wires: Vec<(u16, Vec<u16>)>) -> Self {
        let mut room = Self {
            mixer: Mixer::new(Timestamp(1_000)),
            wires: Vec::new(),
            now: 1_000,
            spoken: BTreeMap::new(),
            heard: Vec::new(),
            level: LEVEL,
        };
        room.wire(wires);
        room
    }

    fn wire(&mut self, wires: Vec<(u16, Vec<u16>)>) {
        let wire = |(n, from): (u16, Vec<u16>)| Wire {
            to: Listener::Leg(leg(n)),
            from: from.into_iter().map(leg).collect(),
        };
        self.wires = wires.into_iter().map(wire).collect();
        assert_eq!(self.mixer.wire(&self.wires), 0);
        self.heard = vec![Vec::new(); self.wires.len()];
    }

    /// One packet of the leg's tone, decoded from its law.
    fn say(&mut self, n: u16, law: Law, len: usize) {
        let said = self.spoken.entry(leg(n)).or_default();
        let spoken = sine(TONES_HZ[usize::from(n)], self.level, *said..*said + len);
        let samples: Vec<i16> =
            spoken.iter().map(|&sample| law.decode(law.encode(sample))).collect();
        let heard = Heard { ssrc: u32::from(n), timestamp: *said as u32, samples: &samples };
        if let Some(slot) = self.mixer.slot(leg(n)) {
            self.mixer.push(slot, heard);
        }
        *said += len;
    }

    /// Mixes what is due after `ms`.
    fn pass(&mut self, ms: u64) {
        self.now += ms;
        while self.mixer.handle_timeout(Timestamp(self.now)).is_some() {
            for (ear, heard) in self.heard.iter_mut().enumerate() {
                let mut frame = [0; FRAME_SAMPLES];
                if self.mixer.frame(ear, &mut frame) {
                    heard.extend(frame);
                }
            }
        }
    }

    /// All of these speak for `length_ms`, in packets of 20 ms.
    fn talk(&mut self, legs: &[(u16, Law)], ms: u64) {
        for _ in 0..ms / 20 {
            for &(n, law) in legs {
                self.say(n, law, 160);
            }
            self.pass(20);
        }
    }

    /// Which tones the ear of this leg hears, in the last 100 ms of what it heard.
    fn tones(&self, n: u16) -> Vec<usize> {
        let ear = self.wires.iter().position(|wire| wire.to == Listener::Leg(leg(n))).unwrap();
        let heard = &self.heard[ear];
        heard.len().checked_sub(800).map_or_else(Vec::new, |last| tones(&heard[last..]))
    }
}

fn conference(legs: u16) -> Vec<(u16, Vec<u16>)> {
    (0..legs).map(|n| (n, (0..legs).filter(|other| *other != n).collect())).collect()
}

#[test]
fn each_hears_the_others_and_never_itself_whatever_their_laws() {
    let mut room = Room::new(conference(3));
    room.talk(&[(0, Law::Mu), (1, Law::A), (2, Law::Mu)], 400);
    assert_eq!([room.tones(0), room.tones(1), room.tones(2)], [[1, 2], [0, 2], [0, 1]]);
    for (ear, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        let last = &room.heard[ear][room.heard[ear].len() - 800..];
        for other in others {
            let loud = amplitude(last, TONES_HZ[other]);
            assert!((loud - LEVEL).abs() < LEVEL / 20.0, "{ear} hears {other} at {loud}");
        }
        let own = amplitude(last, TONES_HZ[ear]);
        assert!(own < LEVEL / 200.0, "{ear} hears itself at {own}");
    }
}

#[test]
fn all_who_hear_each_other_share_one_sum() {
    let mut wires = conference(16);
    wires.push((16, (0..16).collect()));
    let mut mixer = Mixer::new(Timestamp(0));
    let wire = |(n, from): (u16, Vec<u16>)| Wire {
        to: Listener::Leg(leg(n)),
        from: from.into_iter().map(leg).collect(),
    };
    mixer.wire(&wires.into_iter().map(wire).collect::<Vec<_>>());
    assert_eq!((mixer.ears.len(), mixer.sums.len()), (17, 1));
}

#[test]
fn one_voice_alone_is_heard_as_spoken() {
    let mut room = Room::new(conference(3));
    room.level = 30_000.0;
    room.talk(&[(1, Law::A)], 200);
    let spoken = sine(TONES_HZ[1], 30_000.0, 0..1_600);
    let spoken: Vec<i16> = spoken.iter().map(|&said| Law::A.decode(Law::A.encode(said))).collect();
    assert_eq!((&room.heard[0], &room.heard[2]), (&spoken, &spoken));
    assert!(room.heard[1].is_empty(), "nobody else says anything");
}

#[test]
fn three_loud_voices_are_cut_off_at_the_edge_and_never_wrap() {
    let mut room = Room::new(vec![(4, vec![0, 1, 2])]);
    room.level = 32_000.0;
    room.talk(&[(0, Law::Mu), (1, Law::Mu), (2, Law::Mu)], 400);
    let heard = &room.heard[0];
    let spoken = TONES_HZ[..3].iter().map(|&hz| sine(hz, 32_000.0, 0..heard.len()));
    let spoken: Vec<Vec<i16>> = spoken.collect();
    let mut cut_off = 0;
    for (at, &heard) in heard.iter().enumerate() {
        let sum: i32 = spoken.iter().map(|voice| i32::from(voice[at])).sum();
        let expected = i32::from(cut(sum));
        assert!((i32::from(heard) - expected).abs() < 2_500, "{heard} for {expected}");
        cut_off += usize::from(heard == i16::MAX || heard == i16::MIN);
    }
    assert!(cut_off > heard.len() / 10, "{cut_off}");
    assert_eq!(room.tones(4), [0, 1, 2]);
}

#[test]
fn a_silent_leg_delays_nobody_and_a_late_one_loses_no_more_than_what_was_late() {
    let mut room = Room::new(conference(3));
    for n in 0..50 {
        room.say(0, Law::Mu, 160);
        // Leg 1 never speaks; leg 2 sends 100 ms at once, when they are over.
        if n % 5 == 4 {
            for _ in 0..5 {
                room.say(2, Law::Mu, 160);
            }
        }
        room.pass(20);
    }
    assert_eq!(room.heard[1].len(), 50 * FRAME_SAMPLES, "a frame every 20 ms");
    let loud = amplitude(&room.heard[1][800..7_200], TONES_HZ[0]);
    assert!((loud - LEVEL).abs() < LEVEL / 50.0, "the punctual one is whole: {loud}");
    let late = &room.heard[0];
    let silent = late.iter().filter(|sample| **sample == 0).count();
    assert!(silent < late.len() / 2, "of the late one most is heard: {silent} of {}", late.len());
    let ring = &room.mixer.sources[2].as_ref().unwrap().ring;
    assert!(ring.waits() <= WAITING_MAX + FRAME_SAMPLES, "{}", ring.waits());
}

#[test]
fn a_leg_that_joins_or_leaves_between_two_frames_disturbs_nobody() {
    let mut room = Room::new(conference(2));
    room.talk(&[(0, Law::Mu), (1, Law::A)], 200);
    room.say(0, Law::Mu, 160);
    room.pass(7);
    let before = room.heard[1].clone();
    room.wire(conference(3));
    room.heard[1] = before;
    room.say(1, Law::A, 160);
    room.say(2, Law::Mu, 160);
    room.pass(13);
    room.talk(&[(0, Law::Mu), (1, Law::A), (2, Law::Mu)], 400);
    assert_eq!([room.tones(0), room.tones(1), room.tones(2)], [[1, 2], [0, 2], [0, 1]]);
    for _ in 0..2 {
        room.say(0, Law::Mu, 160);
        room.pass(9);
        let before = room.heard[1].clone();
        room.wire(conference(2));
        room.heard[1] = before;
        room.pass(11);
    }
    room.talk(&[(0, Law::Mu), (1, Law::A), (2, Law::Mu)], 200);
    assert_eq!([room.tones(0), room.tones(1)], [[1], [0]], "leg 2 is gone");
    let whole = room.heard[1].chunks(800).map(|part| amplitude(part, TONES_HZ[0]));
    assert!(whole.clone().all(|loud| loud > LEVEL * 0.9), "{:?}", whole.collect::<Vec<_>>());
}

#[test]
fn the_unequal_hear_what_they_are_wired_to() {
    // 2 whispers to 0; 1 hears 0 alone; 3 listens to all.
    let mut room = Room::new(vec![(0, vec![1, 2]), (2, vec![0, 1]), (3, vec![0, 1, 2])]);
    room.talk(&[(0, Law::Mu), (1, Law::A), (2, Law::A)], 400);
    assert_eq!(
        [room.tones(0), room.tones(2), room.tones(3)],
        [vec![1, 2], vec![0, 1], vec![0, 1, 2]]
    );
    // A leg is never its own source, whoever says so.
    room.wire(vec![(0, vec![0, 1, 2])]);
    room.talk(&[(0, Law::Mu), (1, Law::A), (2, Law::A)], 400);
    assert_eq!(room.tones(0), [1, 2]);
}

#[test]
fn whoever_stops_sending_is_waited_for_a_moment_and_then_not_sent_for() {
    let mut room = Room::new(conference(3));
    room.talk(&[(0, Law::Mu)], 100);
    for _ in 0..50 {
        room.pass(20);
    }
    let frames = room.heard[1].len() / FRAME_SAMPLES;
    assert_eq!(frames, 5 + usize::from(SILENT_MAX) - 1);
    assert!(room.heard[0].is_empty());
}

#[test]
fn a_thread_that_was_late_skips_instead_of_bursting() {
    let mut room = Room::new(conference(3));
    room.talk(&[(0, Law::Mu)], 100);
    room.say(0, Law::Mu, 160);
    room.pass(5_000);
    assert_eq!(room.heard[1].len() / FRAME_SAMPLES, 5 + 1, "one frame for five seconds");
    assert_eq!(room.mixer.poll_timeout(), Timestamp(room.now + 20));
}

#[test]
fn packets_of_any_length_make_frames() {
    for len in [80, 240, 320, 480, 960] {
        let mut room = Room::new(conference(3));
        let mut said = 0;
        for n in 0..400 {
            while said <= n * 80 {
                room.say(0, Law::Mu, len);
                said += len;
            }
            room.pass(10);
        }
        let late = &room.heard[1][8_000..];
        let loud = amplitude(late, TONES_HZ[0]);
        assert!((loud - LEVEL).abs() < LEVEL / 20.0, "{len}: {loud}");
    }
}

/// Leg 1 hears leg 0 all the time, and leg 0 speaks, with two packets waiting.
fn overheard() -> Room {
    let mut room = Room::new(vec![(1, vec![0, 2])]);
    room.say(0, Law::Mu, 160);
    room.say(0, Law::Mu, 160);
    room.talk(&[(0, Law::Mu)], 400);
    room
}

#[test]
fn whoever_hears_a_source_from_now_on_hears_nothing_that_came_of_it_before() {
    let mut room = overheard();
    let said = room.spoken[&leg(0)];
    // Another leg hears it, too; and whoever hears it already goes on without a gap.
    room.wire(vec![(1, vec![0, 2]), (2, vec![0, 1])]);
    room.talk(&[(0, Law::Mu)], 400);
    let whole = sine(TONES_HZ[0], LEVEL, 0..said + 3_200);
    let whole: Vec<i16> = whole.iter().map(|&said| Law::Mu.decode(Law::Mu.encode(said))).collect();
    assert_eq!(room.heard[0], whole[said - 320..said + 2_880]);
    // Two packets waited, and two frames might have repeated the last of them.
    assert_eq!(room.heard[1], whole[said + 320..said + 2_880]);
    // An ear that is wired again to what it heard hears all of it.
    room.wire(vec![(2, vec![0]), (1, vec![0, 2])]);
    room.talk(&[(0, Law::Mu)], 100);
    assert_eq!([room.heard[0].len(), room.heard[1].len()], [800; 2]);
}

#[test]
fn while_others_are_heard_a_source_is_kept_from_one_ear_and_not_from_another() {
    let mut room = overheard();
    // From now on 3 and 4 hear leg 0, too. They hear 2 at once, who begins to speak, and 3 hears 4.
    room.wire(vec![(1, vec![0, 2]), (3, vec![0, 2, 4]), (4, vec![0, 2, 3])]);
    for _ in 0..4 {
        room.say(0, Law::Mu, 160);
        room.say(2, Law::Mu, 160);
        room.say(4, Law::Mu, 160);
        room.pass(20);
    }
    let [two, four] = [2, 4].map(|n| -> Vec<i16> {
        let spoken = sine(TONES_HZ[n], LEVEL, 0..640);
        spoken.into_iter().map(|sample| Law::Mu.decode(Law::Mu.encode(sample))).collect()
    });
    let both: Vec<i16> = two.iter().zip(&four).map(|(two, four)| two + four).collect();
    assert_eq!(room.heard[1], both, "leg 0 is not heard yet");
    assert_eq!(room.heard[2], two, "nor by one who speaks");
    room.talk(&[(0, Law::Mu), (2, Law::Mu), (4, Law::Mu)], 200);
    assert_eq!(
        [room.tones(1), room.tones(3), room.tones(4)],
        [vec![0, 2], vec![0, 2, 4], vec![0, 2]]
    );
}

#[test]
fn a_recordings_side_begins_with_silence_and_so_do_whoever_come_to_it() {
    let mut mixer = Mixer::new(Timestamp(0));
    let side = |from: &[u16]| Wire {
        to: Listener::Channel(Channel::Left),
        from: from.iter().copied().map(leg).collect(),
    };
    let mut heard = Vec::new();
    for n in 1..=60_u32 {
        let from: Option<&[u16]> = match n {
            1 | 31 => Some(&[0]),
            21 => Some(&[]),
            46 => Some(&[0, 1]),
            _ => None,
        };
        if let Some(from) = from {
            assert_eq!(mixer.wire(&[side(from)]), 0);
        }
        for (of, level) in [(0, 100), (1, 10)] {
            if let Some(slot) = mixer.slot(leg(of)) {
                let samples = &[level; FRAME_SAMPLES];
                mixer.push(slot, Heard { ssrc: u32::from(of), timestamp: n * 160, samples });
            }
        }
        mixer.handle_timeout(Timestamp(u64::from(n) * 20)).unwrap();
        let mut frame = [0; FRAME_SAMPLES];
        heard.push(if mixer.frame(0, &mut frame) { frame[80] } else { 0 });
    }
    let runs: Vec<_> = heard.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
    assert_eq!(runs, [(0, 7), (100, 13), (0, 10 + 7), (100, 15 - 7 + 7), (110, 15 - 7)]);
}

#[test]
fn a_key_that_is_down_keeps_a_source_from_whoever_comes_until_it_is_up() {
    let mut room = overheard();
    room.wire(vec![(1, vec![0, 2]), (2, vec![0, 1])]);
    // The key is down for 300 ms; its tone may last on in what waits.
    for _ in 0..15 {
        room.mixer.keys_down(|of| of == leg(0));
        room.talk(&[(0, Law::Mu)], 20);
    }
    room.talk(&[(0, Law::Mu)], 400);
    assert_eq!(room.heard[0].len(), 35 * FRAME_SAMPLES, "whoever heard it before hears the key");
    assert_eq!(room.heard[1].len(), (20 - KEPT_FRAMES + 1) * FRAME_SAMPLES);
    // A key that goes down later is no secret.
    let before = room.heard[1].len();
    for _ in 0..10 {
        room.mixer.keys_down(|of| of == leg(0));
        room.talk(&[(0, Law::Mu)], 20);
    }
    assert_eq!(room.heard[1].len() - before, 10 * FRAME_SAMPLES);
}

#[test]
fn more_sources_than_fit_are_heard_by_nobody_and_counted() {
    let mut mixer = Mixer::new(Timestamp(0));
    let from: Vec<LegId> = (1..=40).map(leg).collect();
    assert_eq!(mixer.wire(&[Wire { to: Listener::Leg(leg(0)), from }]), 40 - SOURCES_MAX);
    assert!(mixer.slot(leg(32)).is_some() && mixer.slot(leg(33)).is_none());
}

/// A sender whose packets come with this much delay each, and the frames that are taken meanwhile.
/// Packet n speaks at (n + 1) times this level.
fn ring_of(arrivals: &[(u32, u64)], frames: u64, level: i16) -> Vec<Frame> {
    let mut ring = Ring::new();
    let mut arrivals: Vec<(u32, u64)> = arrivals.to_vec();
    arrivals.sort_by_key(|(_, at)| *at);
    let mut coming = arrivals.into_iter().peekable();
    (1..=frames)
        .map(|n| {
            while let Some((packet, _)) = coming.next_if(|(_, at)| *at <= n * 20) {
                let samples = [(packet as i16 + 1) * level; FRAME_SAMPLES];
                ring.push(Heard { ssrc: 1, timestamp: packet * 160, samples: &samples });
            }
            let mut frame = [0; FRAME_SAMPLES];
            ring.take(&mut frame);
            frame
        })
        .collect()
}

/// How loud each frame is in its middle.
fn levels(arrivals: &[(u32, u64)], frames: u64) -> Vec<f32> {
    let frames = ring_of(arrivals, frames, 1_000);
    frames.iter().map(|frame| f32::from(frame[80]) / 1_000.0).collect()
}

#[test]
fn a_lost_packet_is_the_one_before_once_more_and_softer_and_late_ones_are_dropped() {
    // One waits. The third is lost, the sixth overtaken by the seventh.
    let arrivals = [(0, 1), (1, 2), (3, 41), (4, 61), (6, 101), (5, 102), (7, 121)];
    assert_eq!(levels(&arrivals, 8), [1.0, 2.0, 2.0 * 0.75, 4.0, 5.0, 5.0 * 0.75, 7.0, 8.0]);
    // None waits: its place was taken when the packet did not come.
    let arrivals = [(0, 1), (1, 21), (3, 61), (4, 81)];
    assert_eq!(levels(&arrivals, 5), [1.0, 2.0, 2.0 * 0.75, 4.0, 5.0]);
}

#[test]
fn a_longer_gap_fades_to_silence_and_takes_as_long_as_what_was_lost() {
    // Three are lost; first with one that waits, then with none.
    for waits in [true, false] {
        let at = |n: u32| u64::from(n) * 20 + 1 - if waits && n > 0 { 20 } else { 0 };
        let arrivals = [0, 1, 5, 6].map(|n| (n, at(n)));
        let heard = levels(&arrivals, 7);
        assert_eq!(heard, [1.0, 2.0, 2.0 * 0.75, 2.0 * 0.25, 0.0, 6.0, 7.0], "waits: {waits}");
    }
    // From the first sample on it is no louder than the one before.
    let fading = ring_of(&[(0, 1)], 4, 1_000).concat();
    assert!(fading[160..480].is_sorted_by(|a, b| a >= b), "it fades evenly");
    assert_eq!((fading[160], fading[480..].iter().max()), (1_000, Some(&0)));
    // A leg that has not spoken yet has nothing to repeat.
    assert_eq!(levels(&[(0, 61)], 5), [0.0, 0.0, 0.0, 1.0, 0.75]);
}

#[test]
fn a_lost_packet_of_a_voice_is_hardly_a_gap() {
    let spoken = sine(TONES_HZ[0], LEVEL, 0..8_000);
    let mut ring = Ring::new();
    let mut heard = Vec::new();
    for (n, samples) in spoken.chunks(FRAME_SAMPLES).enumerate() {
        if n % 10 != 9 {
            ring.push(Heard { ssrc: 1, timestamp: (n * FRAME_SAMPLES) as u32, samples });
        }
        let mut frame = [0; FRAME_SAMPLES];
        ring.take(&mut frame);
        heard.extend(frame);
    }
    for lost in heard.chunks(FRAME_SAMPLES).skip(9).step_by(10) {
        let loud = amplitude(lost, TONES_HZ[0]);
        assert!((LEVEL * 0.6..LEVEL * 0.9).contains(&loud), "{loud}");
    }
}

#[test]
fn what_waited_for_nothing_is_dropped_where_it_is_quiet() {
    // Held up once by 60 ms, then on time for three seconds.
    let arrivals: Vec<(u32, u64)> = (0..200)
        .map(|n| (n, (u64::from(n) * 20 + 1).max(if n < 53 { 1_061 } else { 0 })))
        .collect();
    let frames = ring_of(&arrivals, 200, 1);
    let behind = |n: usize| n as i16 + 1 - frames[n][80];
    assert_eq!(behind(60), 3, "60 ms wait");
    assert_eq!(behind(199), 0, "nothing waits any more");
}

proptest! {
    /// Whatever is wired and whoever speaks: an ear hears exactly the sum of its set, cut off.
    #[test]
    fn an_ear_hears_the_sum_of_those_it_is_wired_to(
        from in proptest::collection::vec(0_u8..32, 5),
        spoken in proptest::collection::vec((0_u16..5, any::<i16>()), 0..12),
    ) {
        let wires: Vec<Wire> = (0..5_u16).zip(&from).map(|(n, set)| Wire {
            to: Listener::Leg(leg(n)),
            from: (0..5).filter(|other| set & 1 << other != 0).map(leg).collect(),
        }).collect();
        let mut mixer = Mixer::new(Timestamp(0));
        mixer.wire(&wires);
        let mut last = [None; 5];
        for &(n, level) in &spoken {
            // What a leg said before is dropped with its ring, so that one frame is compared.
            last[usize::from(n)] = Some(level);
        }
        for (n, level) in (0_u16..5).zip(last) {
            if let (Some(slot), Some(level)) = (mixer.slot(leg(n)), level) {
                mixer.push(slot, Heard { ssrc: 1, timestamp: 0, samples: &[level; FRAME_SAMPLES] });
            }
        }
        prop_assert_eq!(mixer.handle_timeout(Timestamp(20)), Some(Timestamp(20)));
        for (n, wire) in wires.iter().enumerate() {
            let others = wire.from.iter().filter(|other| **other != leg(n as u16));
            let levels: Vec<i32> =
                others.filter_map(|other| last[usize::from(other.n)]).map(i32::from).collect();
            let mut frame = [0; FRAME_SAMPLES];
            let is_heard = mixer.frame(n, &mut frame);
            prop_assert_eq!(is_heard, !levels.is_empty());
            if is_heard {
                prop_assert_eq!(frame, [cut(levels.iter().sum()); FRAME_SAMPLES]);
            }
        }
    }

    /// No order of packets makes a ring hold more than it may, or panics.
    #[test]
    fn what_waits_is_bounded(
        packets in proptest::collection::vec((any::<u32>(), 0_usize..1_600, any::<bool>()), 0..60),
    ) {
        let mut ring = Ring::new();
        let samples = [7; 1_600];
        for (timestamp, len, take) in packets {
            let before = ring.waits();
            ring.push(Heard { ssrc: timestamp % 2, timestamp, samples: &samples[..len] });
            // A packet that comes too late is dropped, and leaves what waits as it was.
            prop_assert!(ring.waits() <= (WAITING_MAX + len).max(before));
            if take {
                ring.take(&mut [0; FRAME_SAMPLES]);
            }
        }
    }
}
