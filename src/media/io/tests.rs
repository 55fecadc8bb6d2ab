//! The engine over real sockets on loopback: few packets, no sleeping. Where frames are counted,
//! time is virtual: it goes on when everything of the moment before is done, however slow the
//! machine is.

mod hearing;
mod keys;
mod recording;

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::id::CallId;
use crate::media::format::AudioFormat;
use crate::media::g711::Law;
use crate::media::rtp::Packet;
use crate::words::{Direction, RecordingEnd, RecordingFault};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(10);
const BEGAN: Timestamp = Timestamp(1_000_000);

struct World {
    engine: Arc<MediaEngine>,
    facts: Receiver<Fact>,
    folder: tempfile::TempDir,
    /// In virtual time.
    clock: Option<Arc<AtomicU64>>,
}

impl World {
    fn new() -> Self {
        Self::begin(None)
    }

    /// Time stands still, but for [`World::pass`].
    fn in_virtual_time() -> Self {
        Self::begin(Some(Arc::new(AtomicU64::new(BEGAN.0))))
    }

    fn begin(clock: Option<Arc<AtomicU64>>) -> Self {
        let (sender, facts) = channel();
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { silence: None, silence_on_hold: None, transmit_silence: false };
        let recordings = Some(folder.path().to_path_buf());
        let config = MediaConfig { threads: 2, ports: 0..=0, limits, recordings };
        let facts_in: Facts = Arc::new(move |fact| {
            let _ = sender.send(fact);
        });
        let engine = match &clock {
            None => MediaEngine::start(&config, BEGAN, &facts_in).unwrap(),
            Some(clock) => {
                let clock = Clock::Set(Arc::clone(clock));
                MediaEngine::start_by(&config, &clock, &facts_in).unwrap()
            }
        };
        Self { engine: Arc::new(engine), facts, folder, clock }
    }

    fn pass(&self, ms: u64) {
        self.clock.as_ref().unwrap().fetch_add(ms, Ordering::SeqCst);
        for thread in &self.engine.threads {
            thread.wake();
        }
    }

    fn fact(&self) -> Fact {
        self.facts.recv_timeout(PATIENCE).unwrap()
    }

    /// These two hear each other, and no other leg.
    fn bridge(&self, a: &Phone, b: &Phone) {
        self.engine.hear(a.leg, vec![b.leg]);
        self.engine.hear(b.leg, vec![a.leg]);
    }

    fn unbridge(&self, a: &Phone, b: &Phone) {
        self.engine.hear(a.leg, Vec::new());
        self.engine.hear(b.leg, Vec::new());
    }

    /// Opens a leg towards a phone of ours.
    fn leg(&self, call: u64, n: u16, law: Law) -> Phone {
        let leg = LegId { call: CallId(call), n };
        let local = self.engine.open(leg, LOCAL).unwrap();
        let rtp = UdpSocket::bind((LOCAL, 0)).unwrap();
        let rtcp = UdpSocket::bind((LOCAL, 0)).unwrap();
        rtp.set_read_timeout(Some(PATIENCE)).unwrap();
        rtcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let remote = RemoteMedia {
            rtp: rtp.local_addr().unwrap(),
            rtcp: Some(rtcp.local_addr().unwrap()),
            rtcp_mux: false,
            format: AudioFormat::new(law.codec(), 20),
            payload_type: law.codec().payload_type(),
            also: None,
            telephone_event: Some(101),
            direction: Direction::SendRecv,
        };
        self.engine.configure(leg, remote, Origins::default());
        Phone { leg, local, rtp, rtcp, law, sequence: 0 }
    }
}

struct Phone {
    leg: LegId,
    local: LocalMedia,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    law: Law,
    sequence: u16,
}

impl Phone {
    fn send(&mut self, payload_type: u8, payload: &[u8]) {
        self.send_at(self.timestamp(), payload_type, payload);
    }

    /// Of the next packet.
    fn timestamp(&self) -> u32 {
        u32::from(self.sequence) * 160
    }

    fn send_at(&mut self, timestamp: u32, payload_type: u8, payload: &[u8]) {
        let packet = Packet {
            marker: false,
            payload_type,
            sequence: self.sequence,
            timestamp,
            ssrc: 5,
            payload,
        };
        self.sequence += 1;
        let mut bytes = [0; 200];
        let len = packet.write(&mut bytes).unwrap();
        self.rtp.send_to(&bytes[..len], self.local.rtp).unwrap();
    }

    /// The next packet's payload, which is sound, and its sequence number.
    fn hear(&self) -> (Vec<u8>, u16) {
        let (payload_type, payload, sequence) = self.receive();
        assert_eq!(payload_type, self.law.codec().payload_type());
        (payload, sequence)
    }

    /// The next packet's payload type, payload and sequence number.
    fn receive(&self) -> (u8, Vec<u8>, u16) {
        let mut bytes = [0; 2_000];
        let (len, from) = self.rtp.recv_from(&mut bytes).unwrap();
        assert_eq!(from, self.local.rtp);
        let packet = Packet::parse(&bytes[..len]).unwrap();
        (packet.payload_type, packet.payload.to_vec(), packet.sequence)
    }
}

#[test]
fn a_prompt_a_key_another_prompt_and_the_end() {
    let world = World::new();
    let mut phone = world.leg(1, 0, Law::Mu);
    let first = Arc::new(Sound::from_ulaw(vec![0x40; 160_000]));
    world.engine.play(phone.leg, PlayId(1), vec![first], true);
    let (payload, sequence) = phone.hear();
    assert_eq!((payload.len(), payload[0]), (160, 0x40));
    phone.send(101, &[5, 10, 0, 160]);
    assert_eq!(world.fact(), Fact::Digit { leg: phone.leg, digit: Digit::new('5').unwrap() });
    let second = Arc::new(Sound::from_ulaw(vec![0x50; 320]));
    world.engine.play(phone.leg, PlayId(2), vec![second], false);
    assert_eq!(world.fact(), Fact::PromptDone { leg: phone.leg, play: PlayId(2) });
    let mut heard = phone.hear();
    while heard.0[0] == 0x40 {
        heard = phone.hear();
    }
    assert_eq!(heard.0, [0x50; 160]);
    assert!(heard.1 > sequence);
    world.engine.close_and_tell(phone.leg);
    let Fact::Closed { leg, stats } = world.fact() else { panic!("no farewell") };
    assert_eq!((leg, stats.received, stats.lost, stats.unsent), (phone.leg, 1, 0, 0));
    let mut report = [0; 200];
    let (len, from) = phone.rtcp.recv_from(&mut report).unwrap();
    assert_eq!(from, phone.local.rtcp);
    assert!(crate::media::rtcp::compound(&report[..len]).is_ok());
}

#[test]
fn two_legs_hear_each_other_until_they_are_parted() {
    let world = World::new();
    let mut caller = world.leg(7, 0, Law::Mu);
    let mut agent = world.leg(7, 1, Law::A);
    world.bridge(&caller, &agent);
    let code = Law::Mu.encode(5_000);
    // The thread has taken the orders once it has answered for the leg.
    caller.send(101, &[1, 10, 0, 160]);
    world.fact();
    caller.send(0, &[code; 160]);
    let mut bytes = [0; 2_000];
    let (len, _) = agent.rtp.recv_from(&mut bytes).unwrap();
    assert_eq!(Packet::parse(&bytes[..len]).unwrap().payload, [1, 10, 0, 160], "the key crossed");
    assert_eq!(agent.hear().0, [Law::A.encode(5_000); 160]);
    agent.send(8, &[Law::A.encode(-300); 160]);
    assert_eq!(caller.hear().0[0], Law::Mu.encode(Law::A.decode(Law::A.encode(-300))));

    world.unbridge(&caller, &agent);
    let sound = Arc::new(Sound::from_ulaw(vec![0x40; 160]));
    world.engine.play(agent.leg, PlayId(3), vec![sound], false);
    caller.send(0, &[0x11; 160]);
    assert_eq!(world.fact(), Fact::PromptDone { leg: agent.leg, play: PlayId(3) });
    assert_ne!(agent.hear().0[0], 0x11, "the bridge is gone");
}

#[test]
fn a_stranger_is_heard_by_nobody() {
    let world = World::new();
    let mut caller = world.leg(3, 0, Law::Mu);
    caller.send(0, &[0x30; 160]);
    caller.send(101, &[1, 10, 0, 160]);
    world.fact();
    let stranger = UdpSocket::bind((LOCAL, 0)).unwrap();
    stranger.send_to(&[0x80; 172], caller.local.rtp).unwrap();
    stranger.send_to(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9], caller.local.rtp).unwrap();
    caller.send(101, &[2, 10, 0, 160]);
    world.fact();
    world.engine.close_and_tell(caller.leg);
    let Fact::Closed { stats, .. } = world.fact() else { panic!("no farewell") };
    assert_eq!((stats.received, stats.foreign, stats.refused), (3, 2, 0));
}

#[test]
fn a_hundred_legs_are_served_in_slots() {
    let world = World::new();
    let sound = Arc::new(Sound::from_ulaw(vec![0x40; 480]));
    let phones: Vec<Phone> = (0..100).map(|call| world.leg(call, 0, Law::Mu)).collect();
    for phone in &phones {
        world.engine.play(phone.leg, PlayId(1), vec![Arc::clone(&sound)], false);
    }
    let mut done: Vec<LegId> = (0..100)
        .map(|_| match world.fact() {
            Fact::PromptDone { leg, play: PlayId(1) } => leg,
            other => panic!("{other:?}"),
        })
        .collect();
    done.sort_unstable();
    done.dedup();
    assert_eq!(done.len(), 100);
    for phone in &phones {
        let heard: Vec<u16> = (0..3).map(|_| phone.hear().1).collect();
        assert_eq!(heard[2].wrapping_sub(heard[0]), 2);
    }
    // Few are served as they come again.
    for phone in &phones[1..] {
        world.engine.close_and_tell(phone.leg);
        assert!(matches!(world.fact(), Fact::Closed { .. }));
    }
    world.engine.play(phones[0].leg, PlayId(2), vec![sound], false);
    assert_eq!(world.fact(), Fact::PromptDone { leg: phones[0].leg, play: PlayId(2) });
}

#[test]
fn dropping_the_engine_ends_every_leg() {
    let world = World::new();
    let phone = world.leg(1, 0, Law::Mu);
    let World { engine, facts, folder: _folder, .. } = world;
    drop(engine);
    assert!(matches!(facts.recv(), Ok(Fact::Closed { leg, .. }) if leg == phone.leg));
    assert!(facts.recv().is_err(), "no thread is left to say anything");
}

#[test]
fn only_who_asks_is_told_of_an_end() {
    let world = World::new();
    let (quiet, told) = (world.leg(1, 0, Law::Mu), world.leg(1, 1, Law::Mu));
    world.engine.close(quiet.leg);
    world.engine.close_and_tell(told.leg);
    assert!(matches!(world.fact(), Fact::Closed { leg, .. } if leg == told.leg));
}

#[test]
fn a_message_is_recorded_after_the_tone_and_kept_when_the_leg_ends() {
    let world = World::in_virtual_time();
    let mut phone = world.leg(4, 0, Law::A);
    let recording = RecordingId { call: phone.leg.call, n: 1 };
    let spec = RecordingSpec {
        recording,
        length_max: PATIENCE,
        length_min: Duration::ZERO,
        silence: PATIENCE,
    };
    world.engine.record(phone.leg, spec, true);
    let mut tone = phone.hear().0;
    for _ in 1..20 {
        world.pass(20);
        tone.extend(phone.hear().0);
    }
    let loud = tone.iter().filter(|code| phone.law.decode(**code).abs() > 3_000).count();
    assert!(loud > tone.len() / 2, "a tone is heard");
    // What is played after the tone tells when the message must have begun.
    world.pass(20);
    world.engine.play(phone.leg, PlayId(1), vec![Arc::new(Sound::silence(20))], false);
    phone.hear();
    world.pass(20);
    assert_eq!(world.fact(), Fact::PromptDone { leg: phone.leg, play: PlayId(1) });
    let word = [phone.law.encode(9_000); 160];
    for _ in 0..30 {
        phone.send(phone.law.codec().payload_type(), &word);
    }
    // The key comes after the words, on the same socket.
    phone.send(101, &[5, 10, 0, 160]);
    assert!(matches!(world.fact(), Fact::Digit { .. }));
    world.engine.close_and_tell(phone.leg);
    let Fact::Recorded { leg, finished } = world.fact() else { panic!("no recording") };
    assert_eq!(
        (leg, finished.recording, finished.ended),
        (phone.leg, recording, RecordingEnd::HungUp)
    );
    assert!(matches!(world.fact(), Fact::Closed { .. }));
    let unable = RecordingSpec { recording: RecordingId { n: 2, ..recording }, ..spec };
    world.engine.record(phone.leg, unable, false);
    let why = RecordingFault::Unable;
    assert_eq!(world.fact(), Fact::RecordFailed { recording: unable.recording, why });
    let World { engine, folder, .. } = world;
    drop(engine); // waits for the disk
    let file = std::fs::read(file_of(folder.path(), recording)).unwrap();
    let sound = crate::media::wav::read(&file).unwrap().samples;
    assert_eq!(sound.len() as u64, finished.samples);
    let said = sound.iter().filter(|sample| (8_500..9_500).contains(*sample)).count();
    assert!(said > sound.len() / 2, "{said} of {} samples", sound.len());
}

#[test]
fn orders_of_a_batch_wait_until_it_ends() {
    let world = World::new();
    let batch = world.engine.batch_orders();
    let phone = world.leg(1, 0, Law::Mu);
    world.engine.close_and_tell(phone.leg);
    let thread = &world.engine.threads[1];
    assert!(thread.due.load(Ordering::SeqCst) && !thread.woken.load(Ordering::SeqCst));
    drop(batch);
    assert!(!thread.due.load(Ordering::SeqCst));
    assert!(matches!(world.fact(), Fact::Closed { leg, .. } if leg == phone.leg));
}

#[test]
fn more_orders_than_fit_are_carried_out_within_a_batch() {
    let world = World::new();
    let batch = world.engine.batch_orders();
    let phone = world.leg(1, 0, Law::Mu);
    for _ in 0..2 * ORDERS_MAX {
        world.engine.stop_play(phone.leg);
    }
    world.engine.close_and_tell(phone.leg);
    drop(batch);
    assert!(matches!(world.fact(), Fact::Closed { leg, .. } if leg == phone.leg));
}
