//! Who hears whom, over sockets: each telephone speaks a tone of its own and measures what it
//! hears.
//!
//! The mixer's frames set the pace: after each packet sent, one is read.

use super::*;
use crate::media::tone::{LEVEL, TONES_HZ, amplitude, sine, tones};

/// A telephone that speaks the tone of its number.
pub(super) struct Speaker {
    phone: Phone,
    said: usize,
    heard: Vec<i16>,
}

impl Speaker {
    fn new(world: &World, call: u64, n: u16, law: Law) -> Self {
        Self { phone: world.leg(call, n, law), said: 0, heard: Vec::new() }
    }

    pub(super) fn leg(&self) -> LegId {
        self.phone.leg
    }

    /// One packet of its tone.
    fn speak(&mut self) -> Vec<u8> {
        let tone = TONES_HZ[usize::from(self.phone.leg.n)];
        let law = self.phone.law;
        let samples = sine(tone, LEVEL, self.said..self.said + 160);
        let coded: Vec<u8> = samples.iter().map(|&sample| law.encode(sample)).collect();
        self.said += 160;
        self.phone.send(law.codec().payload_type(), &coded);
        coded
    }

    fn hear(&mut self) -> (Vec<u8>, u16) {
        let (coded, sequence) = self.phone.hear();
        self.heard.extend(coded.iter().map(|&code| self.phone.law.decode(code)));
        (coded, sequence)
    }

    /// The tones of the last 400 ms.
    fn tones(&self) -> Vec<usize> {
        tones(&self.heard[self.heard.len() - 3_200..])
    }
}

/// All speak, and each of these reads one packet, 50 times.
pub(super) fn talk(speakers: &mut [Speaker; 3], hearing: &[usize]) {
    for _ in 0..50 {
        for speaker in speakers.iter_mut() {
            speaker.speak();
        }
        for &n in hearing {
            speakers[n].hear();
        }
    }
}

pub(super) fn three(world: &World, call: u64) -> [Speaker; 3] {
    let law = [Law::Mu, Law::A, Law::Mu];
    std::array::from_fn(|n| Speaker::new(world, call, n as u16, law[n]))
}

#[test]
fn three_legs_of_both_laws_hear_the_others_and_never_themselves() {
    let world = World::new();
    let mut legs = three(&world, 11);
    let ids: Vec<LegId> = legs.iter().map(Speaker::leg).collect();
    for leg in &ids {
        let others = ids.iter().copied().filter(|other| other != leg);
        world.engine.hear(*leg, others.collect());
    }
    talk(&mut legs, &[0, 1, 2]);
    assert_eq!([legs[0].tones(), legs[1].tones(), legs[2].tones()], [[1, 2], [0, 2], [0, 1]]);
    for (n, leg) in legs.iter().enumerate() {
        let own = amplitude(&leg.heard[leg.heard.len() - 3_200..], TONES_HZ[n]);
        assert!(own < LEVEL / 50.0, "{n} hears itself at {own}");
    }
    // One leaves: the other two are a pair again, and hear each other byte for byte.
    world.engine.close(legs[2].leg());
    let translated = Law::Mu.table_to(Law::A).unwrap();
    let heard_as_spoken = (0..100).any(|_| {
        let spoken: Vec<u8> =
            legs[0].speak().iter().map(|&code| translated[usize::from(code)]).collect();
        legs[1].hear().0 == spoken
    });
    assert!(heard_as_spoken);
}

#[test]
fn a_whisper_reaches_one_and_not_the_other() {
    let world = World::new();
    let mut legs = three(&world, 12);
    let [agent, caller, supervisor] = [legs[0].leg(), legs[1].leg(), legs[2].leg()];
    world.engine.hear(agent, vec![caller, supervisor]);
    world.engine.hear(caller, vec![agent]);
    world.engine.hear(supervisor, vec![agent, caller]);
    talk(&mut legs, &[0, 1, 2]);
    assert_eq!(
        [legs[0].tones(), legs[1].tones(), legs[2].tones()],
        [vec![1, 2], vec![0], vec![0, 1]]
    );
}

#[test]
fn a_listener_hears_both_and_they_hear_each_other_byte_for_byte() {
    let world = World::new();
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
        assert_eq!(agent.hear().0, through(to_a, said));
        assert_eq!(caller.hear().0, through(to_mu, answered));
        listener.hear();
    }
    assert_eq!(legs[2].tones(), [0, 1]);
}

#[test]
fn in_a_mix_a_key_is_reported_and_heard_by_nobody() {
    let world = World::new();
    let mut legs = three(&world, 14);
    let [a, b, c] = [legs[0].leg(), legs[1].leg(), legs[2].leg()];
    world.engine.hear(b, vec![a, c]);
    world.engine.hear(c, vec![a, b]);
    for n in 0..20 {
        for leg in &mut legs[1..] {
            leg.speak();
        }
        match n {
            5..10 => legs[0].phone.send(101, &[7, 10, 0, 160]),
            _ => drop(legs[0].speak()),
        }
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
    let world = World::new();
    let mut legs = three(&world, 16);
    let [a, b, c] = [legs[0].leg(), legs[1].leg(), legs[2].leg()];
    world.engine.hear(a, vec![b, c]);
    talk(&mut legs, &[0]);
    assert_eq!(legs[0].tones(), [1, 2]);
    let music = Arc::new(Sound::from_samples(&sine(TONES_HZ[4], LEVEL, 0..800)));
    world.engine.play(a, PlayId(1), vec![music], true);
    talk(&mut legs, &[0]);
    assert_eq!(legs[0].tones(), [4]);
    world.engine.hear(a, vec![b, c]);
    talk(&mut legs, &[0]);
    assert_eq!(legs[0].tones(), [1, 2]);
}
