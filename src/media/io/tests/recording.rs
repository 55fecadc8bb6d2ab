//! Both sides of a call on the disk, over sockets; read back as another program reads a file.

use super::hearing::{Speaker, talk, three};
use super::*;
use crate::media::tone::{LEVEL, TONES_HZ, amplitude, tones};

/// Left and right.
fn read(path: &std::path::Path) -> [Vec<i16>; 2] {
    let mut reader = hound::WavReader::open(path).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8_000, 16));
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    [0, 1].map(|side| samples.iter().copied().skip(side).step_by(2).collect())
}

/// The caller and an agent hear each other, and a third leg hears both: it sets the pace.
fn begin(world: &World, call: u64) -> ([Speaker; 3], RecordingId) {
    let legs = three(world, call);
    let [caller, agent, third] = [legs[0].leg(), legs[1].leg(), legs[2].leg()];
    world.engine.hear(caller, vec![agent]);
    world.engine.hear(agent, vec![caller]);
    world.engine.hear(third, vec![caller, agent]);
    (legs, RecordingId { call: CallId(call), n: 1 })
}

/// A recorder that hears these.
pub(super) fn record(world: &World, recording: RecordingId, left: LegId, from: &[LegId]) {
    world.engine.record_call(LegId::recorder(recording), recording, left);
    hear(world, recording, from);
}

fn hear(world: &World, recording: RecordingId, from: &[LegId]) {
    world.engine.hear(LegId::recorder(recording), from.to_vec());
}

#[test]
fn the_caller_is_on_the_left_and_everybody_else_on_the_right() {
    let world = World::in_virtual_time();
    let (mut legs, recording) = begin(&world, 21);
    let [caller, agent, third] = [legs[0].leg(), legs[1].leg(), legs[2].leg()];
    record(&world, recording, caller, &[caller, agent]);
    talk(&world, &mut legs, &[2]);
    // Another agent comes to the right side.
    hear(&world, recording, &[caller, agent, third]);
    talk(&world, &mut legs, &[2]);
    for leg in &legs {
        leg.speak_alone(&world);
    }
    world.engine.close(agent);
    world.engine.close(third);
    world.engine.close_and_tell(caller);
    let Fact::Recorded { leg, finished } = world.fact() else { panic!("no recording") };
    assert_eq!(
        (leg, finished.recording, finished.ended),
        (LegId::recorder(recording), recording, RecordingEnd::HungUp)
    );
    assert!(matches!(world.fact(), Fact::Closed { .. }), "the recording was said before");
    let World { engine, folder, .. } = world;
    drop(engine); // waits for the disk
    let [left, right] = read(&file_of(folder.path(), recording));
    assert_eq!((left.len(), right.len()), (finished.samples as usize, left.len()));
    assert_eq!(finished.length_ms(), 2_000);
    let (first, second) = (left.len() / 4, left.len() * 5 / 8);
    let part = |side: &[i16], at: usize| tones(&side[at..at + 2_400]);
    assert_eq!([part(&left, first), part(&right, first)], [[0], [1]]);
    assert_eq!((part(&left, second), part(&right, second)), (vec![0], vec![1, 2]));
    assert!(amplitude(&left[first..], TONES_HZ[1]) < LEVEL / 50.0, "the agent is on the left");
    assert!(amplitude(&right[first..], TONES_HZ[0]) < LEVEL / 50.0, "the caller is on the right");
}

/// Both sides, once the recording was stopped.
pub(super) fn stop(world: World, recording: RecordingId) -> [Vec<i16>; 2] {
    world.engine.stop_record(LegId::recorder(recording));
    let Fact::Recorded { finished, .. } = world.fact() else { panic!("no recording") };
    assert_eq!((finished.recording, finished.ended), (recording, RecordingEnd::Stopped));
    let World { engine, folder, .. } = world;
    drop(engine); // waits for the disk
    read(&file_of(folder.path(), recording))
}

#[test]
fn during_a_pause_there_is_silence_of_the_same_length() {
    let world = World::in_virtual_time();
    let (mut legs, recording) = begin(&world, 22);
    let (caller, both) = (legs[0].leg(), [legs[0].leg(), legs[1].leg()]);
    record(&world, recording, caller, &both);
    talk(&world, &mut legs, &[2]);
    hear(&world, recording, &[]);
    talk(&world, &mut legs, &[2]);
    hear(&world, recording, &both);
    talk(&world, &mut legs, &[2]);
    let [left, right] = stop(world, recording);
    assert_eq!((left.len(), right.len()), (24_000, 24_000));
    for (side, tone) in [(&left, 0), (&right, 1)] {
        assert_eq!(tones(&side[4_000..8_000]), [tone]);
        // The leg that begins is silent for 140 ms, so that nothing of before is heard.
        for silent in [0..1_120, 8_000..16_000 + 1_120] {
            assert!(side[silent].iter().all(|sample| *sample == 0), "the pause is heard");
        }
        assert_eq!(tones(&side[16_000 + 1_120..16_000 + 1_920]), [tone], "and then all of it");
    }
}

/// Another leg hears the caller all the time, so that the caller's sound waits in the mixer when
/// a secret begins and when it ends.
#[test]
fn nothing_said_within_a_secret_is_in_the_recording_however_late_it_is_mixed() {
    let world = World::in_virtual_time();
    let (mut legs, recording) = begin(&world, 25);
    let (caller, agent) = (legs[0].leg(), legs[1].leg());
    record(&world, recording, caller, &[caller, agent]);
    // Three packets come at once, and from then on two of them wait.
    legs[0].speak();
    legs[0].speak();
    talk(&world, &mut legs, &[2]);
    hear(&world, recording, &[agent]);
    legs[0].tone = 3;
    talk(&world, &mut legs, &[2]);
    hear(&world, recording, &[caller, agent]);
    legs[0].tone = 0;
    talk(&world, &mut legs, &[2]);
    assert_eq!(legs[2].tones(), [0, 1]);
    let [left, right] = stop(world, recording);
    assert!(left[8_000..16_000 + 1_120].iter().all(|sample| *sample == 0));
    for side in [&left, &right] {
        for (n, part) in side.chunks(160).enumerate() {
            let secret = amplitude(part, TONES_HZ[3]);
            assert!(secret < LEVEL / 5.0, "at {} ms the secret is heard at {secret}", n * 20);
        }
    }
    assert_eq!(tones(&left[16_000 + 1_120..16_000 + 1_920]), [0]);
    for part in right[1_120..].chunks_exact(800) {
        assert_eq!(tones(part), [1], "the agent is heard all the time");
    }
}

#[test]
fn late_orders_for_a_recording_that_is_over_change_nothing() {
    let world = World::in_virtual_time();
    let (mut legs, recording) = begin(&world, 26);
    let caller = legs[0].leg();
    record(&world, recording, caller, &[caller, legs[1].leg()]);
    talk(&world, &mut legs, &[2]);
    world.engine.stop_record(LegId::recorder(recording));
    hear(&world, recording, &[caller]);
    record(&world, recording, caller, &[caller]);
    world.engine.stop_record(LegId::recorder(recording));
    assert!(matches!(world.fact(), Fact::Recorded { .. }));
    world.engine.close_and_tell(legs[0].leg());
    assert!(matches!(world.fact(), Fact::Closed { .. }), "it is said once");
}

#[test]
fn a_recording_without_legs_fails_and_the_next_one_ends_the_one_before() {
    let world = World::in_virtual_time();
    let first = RecordingId { call: CallId(23), n: 1 };
    let second = RecordingId { n: 2, ..first };
    let caller = LegId::caller(first.call);
    record(&world, first, caller, &[caller]);
    let why = RecordingFault::Unable;
    assert_eq!(world.fact(), Fact::RecordFailed { recording: first, why });
    let phone = world.leg(23, 0, Law::Mu);
    record(&world, first, phone.leg, &[phone.leg]);
    record(&world, second, phone.leg, &[phone.leg]);
    let Fact::Recorded { finished, .. } = world.fact() else { panic!("no recording") };
    assert_eq!((finished.recording, finished.ended), (first, RecordingEnd::Stopped));
    drop(world.engine);
    let Ok(Fact::Recorded { finished, .. }) = world.facts.recv() else { panic!("no recording") };
    assert_eq!((finished.recording, finished.ended), (second, RecordingEnd::HungUp));
}

/// What is on the disk at any moment is what a killed process leaves.
#[test]
fn a_call_whose_process_is_killed_leaves_both_sides_to_be_played() {
    let world = World::in_virtual_time();
    let (mut legs, recording) = begin(&world, 24);
    record(&world, recording, legs[0].leg(), &[legs[0].leg(), legs[1].leg()]);
    talk(&world, &mut legs, &[2]);
    let whole = file_of(world.folder.path(), recording);
    let part = whole.with_extension("wav.part");
    // After the sound its head is written, and then there is nothing to write.
    let seconds = || hound::WavReader::open(&part).map_or(0, |file| file.duration() / 8_000);
    while seconds() == 0 {
        std::thread::yield_now();
    }
    let left_behind = tempfile::tempdir().unwrap();
    let copy = file_of(left_behind.path(), recording).with_extension("wav.part");
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    let mut bytes = std::fs::read(&part).unwrap();
    std::fs::write(&copy, &bytes).unwrap();
    let [left, right] = read(&copy);
    assert_eq!((left.len(), right.len()), (8_000, 8_000), "a whole second is playable");
    // The kill came in the middle of the next block, and of a sample of both sides.
    bytes.extend([1; 1_603]);
    std::fs::write(&copy, &bytes).unwrap();
    let length_ms = left.len() as u64 / 8 + 50;
    let kind = crate::words::RecordingKind::Call;
    let repaired = Repaired { recording, kind, length_ms };
    assert_eq!(repair(left_behind.path()).unwrap(), [repaired]);
    let [left, right] = read(&file_of(left_behind.path(), recording));
    assert_eq!((left.len() as u64, right.len()), (length_ms * 8, left.len()));
    assert_eq!((tones(&left[4_000..8_000]), tones(&right[4_000..8_000])), (vec![0], vec![1]));
}
