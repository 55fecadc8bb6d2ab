//! A key that is down while others begin to hear its leg, over sockets: one by one, in a mix, and
//! in a recording.
//!
//! Time is virtual. Beside whoever speaks stands a witness, who hears that leg alone and at once.

use super::recording::{record, stop};
use super::*;
use crate::media::tone::{LEVEL, TONES_HZ, amplitude, sine, tones};
use crate::words::Codec;

/// A telephone that speaks, presses keys, and is witnessed.
struct Speaker {
    phone: Phone,
    witness: Phone,
    hz: u32,
    said: usize,
}

impl Speaker {
    fn new(world: &World, call: u64, n: u16, hz: u32) -> Self {
        let (phone, witness) = (world.leg(call, n, Law::Mu), world.leg(call, 10 + n, Law::Mu));
        world.engine.hear(witness.leg, vec![phone.leg]);
        Self { phone, witness, hz, said: 0 }
    }

    /// The other side takes no telephone-events from now on: keys are tones.
    fn press_tones(&self, world: &World) {
        let remote = RemoteMedia {
            rtp: self.phone.rtp.local_addr().unwrap(),
            rtcp: None,
            rtcp_mux: false,
            format: AudioFormat::new(Codec::Pcmu, 20),
            payload_type: 0,
            also: None,
            telephone_event: None,
            direction: Direction::SendRecv,
        };
        world.engine.configure(self.phone.leg, remote, Origins::default());
    }

    fn speak(&mut self) {
        let samples = sine(self.hz, LEVEL, self.said..self.said + 160);
        self.say(&samples);
    }

    /// A frame of the key's tones.
    fn sound_key(&mut self) {
        let samples = self.said..self.said + 160;
        let [row, column] = KEY_HZ.map(|hz| sine(hz, LEVEL, samples.clone()));
        let both: Vec<i16> = row.iter().zip(&column).map(|(row, column)| row + column).collect();
        self.say(&both);
    }

    /// A frame of sound, which has come when this returns.
    fn say(&mut self, samples: &[i16]) {
        let coded: Vec<u8> = samples.iter().map(|&sample| Law::Mu.encode(sample)).collect();
        self.said += samples.len();
        self.phone.send(0, &coded);
        assert_eq!(self.witness.hear().0, coded);
    }
}

impl Phone {
    /// All that came and was not read yet is sound; its samples.
    fn all_heard(&self) -> Vec<i16> {
        self.rtp.set_nonblocking(true).unwrap();
        let mut heard = Vec::new();
        let mut bytes = [0; 2_000];
        while let Ok((len, _)) = self.rtp.recv_from(&mut bytes) {
            let packet = Packet::parse(&bytes[..len]).unwrap();
            assert_eq!(packet.payload_type, self.law.codec().payload_type(), "a key is heard");
            heard.extend(packet.payload.iter().map(|&code| self.law.decode(code)));
        }
        heard
    }
}

/// Of the key 4.
const KEY_HZ: [u32; 2] = [770, 1_209];

#[track_caller]
fn assert_no_key(heard: &[i16]) {
    for (n, frame) in heard.chunks_exact(160).enumerate() {
        let key = KEY_HZ.map(|hz| amplitude(frame, hz));
        assert!(key[0].min(key[1]) < LEVEL / 5.0, "a key is heard at {} ms: {key:?}", n * 20);
    }
}

#[test]
fn the_tone_of_a_key_is_heard_by_nobody_who_comes_while_it_is_down() {
    let world = World::in_virtual_time();
    let mut caller = Speaker::new(&world, 31, 0, TONES_HZ[0]);
    let mut agent = Speaker::new(&world, 31, 1, TONES_HZ[1]);
    caller.press_tones(&world);
    let (alone, both) = (world.leg(31, 2, Law::Mu), world.leg(31, 3, Law::Mu));
    let recording = RecordingId { call: CallId(31), n: 1 };
    for _ in 0..10 {
        caller.speak();
        world.pass(20);
    }
    for _ in 0..3 {
        caller.sound_key();
        world.pass(20);
    }
    let key = Fact::Digit { leg: caller.phone.leg, digit: Digit::new('4').unwrap() };
    assert_eq!(world.fact(), key);
    world.engine.hear(alone.leg, vec![caller.phone.leg]);
    world.engine.hear(both.leg, vec![caller.phone.leg, agent.phone.leg]);
    record(&world, recording, caller.phone.leg, &[caller.phone.leg, agent.phone.leg]);
    for n in 0..50 {
        match n < 10 {
            true => caller.sound_key(),
            false => caller.speak(),
        }
        agent.speak();
        world.pass(20);
    }
    let [left, right] = stop(world, recording);
    let (alone, both) = (alone.all_heard(), both.all_heard());
    for heard in [&alone, &both, &left] {
        assert_no_key(heard);
        assert!(tones(&heard[heard.len() - 1_600..]).contains(&0), "and then the caller is heard");
    }
    assert!((35 * 160..=40 * 160).contains(&alone.len()), "{} ms", alone.len() / 8);
    for heard in [&both[..], &right[1_120..]] {
        let agent = heard.chunks_exact(800).filter(|part| tones(part).contains(&1)).count();
        assert_eq!(agent, heard.len() / 800, "nobody else is silent");
    }
}

/// In a mix no event is heard. Whoever is left with one leg in the middle of one gets no rest of
/// it.
#[test]
fn whoever_hears_one_leg_after_a_mix_gets_no_rest_of_its_key() {
    let world = World::in_virtual_time();
    let mut agent = Speaker::new(&world, 32, 1, TONES_HZ[1]);
    let mut consulted = Speaker::new(&world, 32, 2, TONES_HZ[2]);
    let caller = world.leg(32, 0, Law::Mu);
    world.engine.hear(caller.leg, vec![agent.phone.leg, consulted.phone.leg]);
    for _ in 0..10 {
        agent.speak();
        consulted.speak();
        world.pass(20);
    }
    let down_at = agent.phone.timestamp();
    let mut key = |packet: [u8; 4]| {
        agent.phone.send_at(down_at, 101, &packet);
        assert_eq!(agent.witness.receive().1, packet);
    };
    key([9, 10, 0, 160]);
    assert!(matches!(world.fact(), Fact::Digit { .. }));
    world.engine.close_and_tell(consulted.phone.leg);
    assert!(matches!(world.fact(), Fact::Closed { .. }));
    key([9, 10, 1, 64]);
    for _ in 0..3 {
        key([9, 0x8A, 1, 224]);
    }
    for _ in 0..10 {
        agent.speak();
        world.pass(20);
    }
    let heard = caller.all_heard();
    assert_eq!(heard.len(), 20 * 160);
    assert_eq!(tones(&heard[heard.len() - 1_600..]), [1]);
}
