//! Legs that hear each other, over sockets: each telephone speaks a tone of its own and measures
//! what it hears.
//!
//! Time is virtual: beside each telephone stands a witness, who hears it alone and at once. So it
//! is known that a packet has come before the next frame is mixed, and that frame is read before
//! anybody speaks again: nothing depends on how fast that goes.

use super::*;
use crate::media::tone::{LEVEL, TONES_HZ, amplitude, sine, tones};

/// A telephone that speaks the tone of its number, and who witnesses that.
pub(super) struct Speaker {
    phone: Phone,
    witness: Phone,
    /// Which tone it speaks.
    pub(super) tone: usize,
    said: usize,
    heard: Vec<i16>,
}

impl Speaker {
    fn new(world: &World, call: u64, n: u16, law: Law) -> Self {
        let (phone, witness) = (world.leg(call, n, law), world.leg(call, WITNESSES + n, law));
        world.engine.hear(witness.leg, vec![phone.leg]);
        Self { phone, witness, tone: usize::from(n), said: 0, heard: Vec::new() }
    }

    pub(super) fn leg(&self) -> LegId {
        self.phone.leg
    }

    /// Ends the witness's leg.
    pub(super) fn speak_alone(&self, world: &World) {
        world.engine.close(self.witness.leg);
    }

    /// One packet of its tone, which has come when this returns.
    pub(super) fn speak(&mut self) -> Vec<u8> {
        let law = self.phone.law;
        let samples = sine(TONES_HZ[self.tone], LEVEL, self.said..self.said + 160);
        let coded: Vec<u8> = samples.iter().map(|&sample| law.encode(sample)).collect();
        self.said += 160;
        self.phone.send(law.codec().payload_type(), &coded);
        assert_eq!(self.witness.hear().0, coded);
        coded
    }

    /// One packet of a key that went down at this time, and has come when this returns.
    fn key(&mut self, down_at: u32, payload: &[u8]) {
        self.phone.send_at(down_at, 101, payload);
        let (payload_type, heard, _) = self.witness.receive();
        assert_eq!((payload_type, &heard[..]), (101, payload));
    }

    fn hear(&mut self) -> Vec<u8> {
        let (coded, _) = self.phone.hear();
        self.heard.extend(coded.iter().map(|&code| self.phone.law.decode(code)));
        coded
    }

    /// The tones of the last 400 ms.
    pub(super) fn tones(&self) -> Vec<usize> {
        tones(&self.heard[self.heard.len() - 3_200..])
    }
}

/// For a second all speak, and each of these hears a mix.
pub(super) fn talk(world: &World, speakers: &mut [Speaker; 3], hearing: &[usize]) {
    for _ in 0..50 {
        for speaker in speakers.iter_mut() {
            speaker.speak();
        }
        world.pass(20);
        for &n in hearing {
            speakers[n].hear();
        }
    }
}

pub(super) fn three(world: &World, call: u64) -> [Speaker; 3] {
    let law = [Law::Mu, Law::A, Law::Mu];
    std::array::from_fn(|n| Speaker::new(world, call, n as u16, law[n]))
}

/// The leg of the first witness.
const WITNESSES: u16 = 10;

#[test]
fn three_legs_of_both_laws_hear_the_others_and_never_themselves() {
    let world = World::in_virtual_time();
    let mut legs = three(&world, 11);
    let ids: Vec<LegId> = legs.iter().map(Speaker::leg).collect();
    for leg in &ids {
        let others = ids.iter().copied().filter(|other| other != leg);
        world.engine.hear(*leg, others.collect());
    }
    talk(&world, &mut legs, &[0, 1, 2]);
    assert_eq!([legs[0].tones(), legs[1].tones(), legs[2].tones()], [[1, 2], [0, 2], [0, 1]]);
    for (n, leg) in legs.iter().enumerate() {
        let own = amplitude(&leg.heard[leg.heard.len() - 3_200..], TONES_HZ[n]);
        assert!(own < LEVEL / 50.0, "{n} hears itself at {own}");
    }
    // One leaves: the other two are a pair again, and hear each other byte for byte.
    world.engine.close(legs[2].leg());
    let translated = Law::Mu.table_to(Law::A).unwrap();
    for _ in 0..10 {
        let spoken = legs[0].speak();
        let spoken: Vec<u8> = spoken.iter().map(|&code| translated[usize::from(code)]).collect();
        assert_eq!(legs[1].hear(), spoken);
        world.pass(20);
    }
}

#[test]
fn a_whisper_reaches_one_and_not_the_other() {
    let world = World::in_virtual_time();
    let mut legs = three(&world, 12);
    let [agent, caller, supervisor] = [legs[0].leg(), legs[1].leg(), legs[2].leg()];
    world.engine.hear(agent, vec![caller, supervisor]);
    world.engine.hear(caller, vec![agent]);
    world.engine.hear(supervisor, vec![agent, caller]);
    talk(&world, &mut legs, &[0, 1, 2]);
    assert_eq!(
        [legs[0].tones(), legs[1].tones(), legs[2].tones()],
        [vec![1, 2], vec![0], vec![0, 1]]
    );
}

#[test]
fn a_listener_hears_both_and_they_hear_each_other_byte_for_byte() {
    let world = World::in_virtual_time();
    let mut legs = three(&world, 13);
    let [caller, agent, listener] = [legs[0].leg(), legs[1].leg(), legs[2].leg()];
    world.engine.hear(listener, vec![caller, agent]);
    world.engine.hear(caller, vec![agent]);
    world.engine.hear(agent, vec![caller]);
    let (to_a, to_mu) = (Law::Mu.table_to(Law::A).unwrap(), Law::A.table_to(Law::Mu).unwrap());
    let through = |table: &[u8; 256], spoken: Vec<u8>| -> Vec<u8> {
        spoken.into_iter().map(|code| table[usize::from(code)]).collect()
    };
    for _ in 0..50 {
        let [caller, agent, listener] = &mut legs;
        let (said, answered) = (caller.speak(), agent.speak());
        listener.speak();
        assert_eq!(agent.hear(), through(to_a, said));
        assert_eq!(caller.hear(), through(to_mu, answered));
        world.pass(20);
        listener.hear();
    }
    assert_eq!(legs[2].tones(), [0, 1]);
}

#[test]
fn in_a_mix_a_key_is_reported_and_heard_by_nobody() {
    let world = World::in_virtual_time();
    let mut legs = three(&world, 14);
    let [a, b, c] = [legs[0].leg(), legs[1].leg(), legs[2].leg()];
    world.engine.hear(b, vec![a, c]);
    world.engine.hear(c, vec![a, b]);
    for n in 0..20 {
        for leg in &mut legs[1..] {
            leg.speak();
        }
        match n {
            5..10 => legs[0].key(800, &[7, 10, 0, 160]),
            _ => drop(legs[0].speak()),
        }
        world.pass(20);
        // Hearing asserts that the packet is sound.
        legs[1].hear();
        legs[2].hear();
    }
    assert_eq!(world.fact(), Fact::Digit { leg: a, digit: Digit::new('7').unwrap() });
}

#[test]
fn it_does_not_matter_whether_a_leg_opens_before_or_after_it_should_be_heard() {
    let world = World::new();
    let (caller, agent) = (LegId { call: CallId(15), n: 0 }, LegId { call: CallId(15), n: 1 });
    world.engine.hear(caller, vec![agent]);
    world.engine.hear(agent, vec![caller]);
    let mut phone = world.leg(15, 0, Law::Mu);
    for _ in 0..2 {
        let mut other = world.leg(15, 1, Law::Mu);
        phone.send(0, &[0x33; 160]);
        assert_eq!(other.hear().0, [0x33; 160]);
        other.send(0, &[0x44; 160]);
        assert_eq!(phone.hear().0, [0x44; 160]);
        world.engine.close_and_tell(other.leg);
        assert!(matches!(world.fact(), Fact::Closed { leg, .. } if leg == agent));
    }
    // What was asked ends with the call.
    world.engine.close_and_tell(phone.leg);
    assert!(matches!(world.fact(), Fact::Closed { .. }));
    let mut again = [world.leg(15, 0, Law::Mu), world.leg(15, 1, Law::Mu)];
    again[0].send(0, &[0x33; 160]);
    again[0].send(101, &[1, 10, 0, 160]);
    assert!(matches!(world.fact(), Fact::Digit { .. }));
    let sound = Arc::new(Sound::from_ulaw(vec![0x40; 160]));
    world.engine.play(again[1].leg, PlayId(1), vec![sound], false);
    assert_eq!(again[1].hear().0, [0x40; 160], "nothing of the other leg came before");
}

#[test]
fn music_on_a_leg_silences_the_mix_until_it_is_asked_to_hear_again() {
    let world = World::in_virtual_time();
    let mut legs = three(&world, 16);
    let [a, b, c] = [legs[0].leg(), legs[1].leg(), legs[2].leg()];
    world.engine.hear(a, vec![b, c]);
    talk(&world, &mut legs, &[0]);
    assert_eq!(legs[0].tones(), [1, 2]);
    let music = Arc::new(Sound::from_samples(&sine(TONES_HZ[4], LEVEL, 0..800)));
    world.engine.play(a, PlayId(1), vec![music], true);
    talk(&world, &mut legs, &[0]);
    assert_eq!(legs[0].tones(), [4]);
    world.engine.hear(a, vec![b, c]);
    talk(&world, &mut legs, &[0]);
    assert_eq!(legs[0].tones(), [1, 2]);
}

/// The media report a key at its first packet, and who hears the leg because of it must not hear
/// the rest: it may be the last of a secret, or the one by which a supervisor takes a call over.
#[test]
fn whoever_is_let_hear_a_leg_by_its_key_hears_nothing_of_that_key() {
    let world = World::in_virtual_time();
    let mut legs = three(&world, 17);
    let [caller, eve] = [legs[0].leg(), legs[1].leg()];
    let one = Fact::Digit { leg: caller, digit: Digit::new('1').unwrap() };
    let heard_by_eve = |law: Law, spoken: Vec<u8>| -> Vec<u8> {
        let table = law.table_to(Law::A).unwrap();
        spoken.into_iter().map(|code| table[usize::from(code)]).collect()
    };
    for _ in 0..2 {
        legs[0].speak();
        let down_at = legs[0].phone.timestamp();
        legs[0].key(down_at, &[1, 10, 0, 160]);
        assert_eq!(world.fact(), one);
        world.engine.hear(eve, vec![caller]);
        // The rest of the key, and what is in the sound meanwhile, which the witness hears.
        legs[0].key(down_at, &[1, 10, 1, 64]);
        legs[0].speak();
        for _ in 0..3 {
            legs[0].key(down_at, &[1, 0x8A, 1, 224]);
        }
        let spoken = legs[0].speak();
        assert_eq!(legs[1].hear(), heard_by_eve(Law::Mu, spoken), "and nothing before it");
        // The next key is heard.
        let down_at = legs[0].phone.timestamp();
        for packet in [[2, 10, 0, 160], [2, 0x8A, 1, 64]] {
            legs[0].key(down_at, &packet);
            let (payload_type, heard, _) = legs[1].phone.receive();
            assert_eq!((payload_type, &heard[..]), (101, &packet[..]));
        }
        assert!(matches!(world.fact(), Fact::Digit { .. }));
        world.engine.hear(eve, Vec::new());
        world.pass(1_000);
    }
}
