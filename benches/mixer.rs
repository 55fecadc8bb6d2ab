//! What it costs to mix: nanoseconds per leg and frame, from the packet that comes to the one that
//! leaves, for one call of three legs, one of sixteen, and five hundred calls of three.
//!
//! **Invariant:** everything runs without a socket, in virtual time, and each leg hears the others
//! in each frame.
//!
//! **Deliberately absent:** what sockets cost; see the last lines of `media`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use attendant::id::{CallId, LegId, RecordingId};
use attendant::media::call_recorder::CallRecorder;
use attendant::media::format::{AudioFormat, FRAME_SAMPLES};
use attendant::media::mixer::{Listener, Mixer, Slot, Wire};
use attendant::media::rtp::{PACKET_LEN_MAX, Packet};
use attendant::media::session::{Limits, RemoteMedia, Session};
use attendant::media::source::Origins;
use attendant::time::Timestamp;
use attendant::words::{Codec, Direction};

/// Legs and frames in one measurement; fewer where a number is given, as for a count of
/// instructions (`valgrind --tool=callgrind`).
const WORK: u64 = 1_500_000;

fn main() {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let work = given.unwrap_or(WORK);
    mixed(work, 1, 3);
    mixed(work, 1, 16);
    mixed(work, 500, 3);
    passed(work, 500);
    recorded(work);
}

/// Some calls, in which every leg hears all others.
struct Calls(Vec<Call>);

struct Call {
    mixer: Mixer,
    legs: Vec<(Session, Slot)>,
}

impl Calls {
    fn new(calls: u64, legs: u16) -> Self {
        Self((0..calls).map(|call| Call::new(CallId(call), legs)).collect())
    }

    /// A packet of each leg comes.
    fn receive(&mut self, n: u32, datagram: &mut [u8; 172]) {
        stamp(datagram, n);
        for call in &mut self.0 {
            for (session, slot) in &mut call.legs {
                session.receive(now(n), phone(), datagram);
                call.mixer.push(*slot, session.heard().expect("it is mixed"));
            }
        }
    }

    fn mix(&mut self, n: u32) {
        for call in &mut self.0 {
            black_box(call.mixer.handle_timeout(now(n)));
        }
    }

    /// A packet for each leg leaves. How many did.
    fn send(&mut self, n: u32) -> u64 {
        let (mut frame, mut buffer) = ([0; FRAME_SAMPLES], [0; PACKET_LEN_MAX]);
        let mut sent = 0;
        for call in &mut self.0 {
            for (ear, (session, _)) in call.legs.iter_mut().enumerate() {
                if call.mixer.frame(ear, &mut frame) {
                    session.hear_mix(&frame);
                    let packet = black_box(session.mixed_packet(now(n), &mut buffer));
                    sent += u64::from(packet.is_some());
                }
            }
        }
        sent
    }
}

impl Call {
    fn new(call: CallId, legs: u16) -> Self {
        let ids: Vec<LegId> = (0..legs).map(|n| LegId { call, n }).collect();
        let others = |leg| ids.iter().copied().filter(|other| *other != leg).collect();
        let wires: Vec<Wire> =
            ids.iter().map(|&leg| Wire { to: Listener::Leg(leg), from: others(leg) }).collect();
        let mut mixer = Mixer::new(now(0));
        assert_eq!(mixer.wire(&wires), 0, "all of them fit");
        let leg = |id: &LegId| {
            let codec = if id.n.is_multiple_of(2) { Codec::Pcmu } else { Codec::Pcma };
            let mut session = session(codec);
            session.set_mixed(true);
            (session, mixer.slot(*id).expect("it is heard"))
        };
        let legs = ids.iter().map(leg).collect();
        Self { mixer, legs }
    }
}

fn mixed(work: u64, calls: u64, legs: u16) {
    let mut world = Calls::new(calls, legs);
    let mut datagram = datagram();
    let each = calls * u64::from(legs);
    let frames = (work / each) as u32;
    let (mut received, mut mixing, mut sending) = Default::default();
    let mut sent = 0;
    for n in 1..=frames {
        spend(&mut received, || world.receive(n, &mut datagram));
        spend(&mut mixing, || world.mix(n));
        spend(&mut sending, || sent += world.send(n));
    }
    assert_eq!(sent, each * u64::from(frames), "each leg hears the others in each frame");
    let name = format!("{calls} × {legs} legs, mixed");
    report(&name, &[received, mixing, sending], each * u64::from(frames));
}

/// As many pairs, in which packets are passed on.
fn passed(work: u64, calls: u64) {
    let pairs = (0..calls).map(|_| [session(Codec::Pcmu), session(Codec::Pcmu)]);
    let mut pairs: Vec<[Session; 2]> = pairs.collect();
    let mut datagram = datagram();
    let mut buffer = [0; PACKET_LEN_MAX];
    let frames = (work / (2 * calls)) as u32;
    let mut spent = Duration::ZERO;
    for n in 1..=frames {
        stamp(&mut datagram, n);
        spend(&mut spent, || {
            for [a, b] in &mut pairs {
                let mut pass = |from: &mut Session, to: &mut Session| {
                    let relayed = from.receive(now(n), phone(), &datagram).relayed;
                    black_box(to.relay(now(n), &relayed.expect("it is believed"), &mut buffer));
                };
                pass(a, b);
                pass(b, a);
            }
        });
    }
    report(&format!("{calls} × 2 legs, passed on"), &[spent], 2 * calls * u64::from(frames));
}

/// Both sides of a call, on their way to the disk.
fn recorded(work: u64) {
    let recording = RecordingId { call: CallId(1), n: 1 };
    let mut recorder = CallRecorder::new(now(0), recording);
    let frame = [1_000; FRAME_SAMPLES];
    let frames = (work / 2) as u32;
    let mut spent = Duration::ZERO;
    spend(&mut spent, || {
        for n in 1..=frames {
            recorder.hear(now(n), Some(&frame), Some(&frame));
            black_box(recorder.take_block());
        }
    });
    report("both sides, recorded", &[spent], u64::from(frames));
}

fn spend(total: &mut Duration, work: impl FnOnce()) {
    let started = Instant::now();
    work();
    *total += started.elapsed();
}

fn report(name: &str, parts: &[Duration], work: u64) {
    let ns = |spent: &Duration| spent.as_nanos() as f64 / work as f64;
    let total: f64 = parts.iter().map(ns).sum();
    print!("{name:<32}{total:>10.1} ns");
    if let [received, mixing, sending] = parts {
        let (received, mixing, sending) = (ns(received), ns(mixing), ns(sending));
        print!(" per leg and frame ({received:.0} in, {mixing:.0} mix, {sending:.0} out)");
    }
    println!();
}

fn session(codec: Codec) -> Session {
    let limits = Limits { silence: None, silence_on_hold: None, transmit_silence: false };
    let mut session = Session::new(7, limits);
    let remote = RemoteMedia {
        rtp: phone(),
        rtcp: None,
        rtcp_mux: false,
        format: AudioFormat::new(codec, 20),
        payload_type: codec.payload_type(),
        also: Some(Codec::Pcmu),
        telephone_event: Some(101),
        direction: Direction::SendRecv,
    };
    session.configure(now(0), remote, Origins::default());
    session
}

fn phone() -> SocketAddr {
    ([192, 0, 2, 1], 4_000).into()
}

fn now(packet: u32) -> Timestamp {
    Timestamp(1_000_000) + Duration::from_millis(u64::from(packet) * 20)
}

fn datagram() -> [u8; 172] {
    let payload = [0x55; 160];
    let header = Packet {
        marker: false,
        payload_type: 0,
        sequence: 0,
        timestamp: 0,
        ssrc: 9,
        payload: &payload,
    };
    let mut bytes = [0; 172];
    header.write(&mut bytes);
    bytes
}

fn stamp(datagram: &mut [u8; 172], n: u32) {
    datagram[2..4].copy_from_slice(&(n as u16).to_be_bytes());
    datagram[4..8].copy_from_slice(&n.wrapping_mul(160).to_be_bytes());
}
