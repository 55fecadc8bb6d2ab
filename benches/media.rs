//! What sound costs: nanoseconds a packet in the machines, a call-second on real sockets, and how
//! much faster than speech the embedded voice is.
//!
//! **Invariant:** everything but the last section runs without a socket, in virtual time.
//!
//! **Deliberately absent:** a peer's cost. The engine section counts the CPU time of the media
//! thread alone, but the sender of a datagram on loopback also pays for its delivery.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attendant::id::PlayId;
use attendant::media::dtmf;
use attendant::media::format::AudioFormat;
use attendant::media::g711::Law;
use attendant::media::goertzel::Detector;
use attendant::media::music;
use attendant::media::prompt::Sound;
use attendant::media::rtp::{PACKET_LEN_MAX, Packet};
use attendant::media::session::{Limits, Output, RemoteMedia, Session};
use attendant::media::source::Origins;
use attendant::media::tts::{Flite, Voice};
use attendant::time::Timestamp;
use attendant::words::{Codec, Direction};

const PACKETS: u32 = 1_000_000;

fn main() {
    received();
    sent();
    relayed("relayed, same law", Codec::Pcmu);
    relayed("relayed, µ-law to A-law", Codec::Pcma);
    keys();
    tones();
    voice();
    once("hold music, made once", || {
        black_box(music::hold_music());
    });
    println!("{:<32}{:>10} bytes", "a leg's session", size_of::<Session>());
    #[cfg(feature = "server")]
    engine::run();
}

fn received() {
    let mut session = session(Codec::Pcmu);
    let mut datagram = datagram();
    per_packet("received", |n| {
        stamp(&mut datagram, n);
        black_box(session.receive(now(n), phone(), &datagram));
    });
}

fn sent() {
    let mut session = session(Codec::Pcmu);
    let sound = Arc::new(Sound::from_ulaw(vec![0x40; 80_000]));
    session.play(now(0), PlayId(1), vec![sound], true);
    let mut buffer = [0; PACKET_LEN_MAX];
    let mut sent = 0;
    per_packet("sent (frame, header, deadline)", |n| {
        while let Some(output) = session.handle_timeout(now(n), &mut buffer) {
            sent += u32::from(matches!(output, Output::Rtp { .. }));
        }
        black_box(session.poll_timeout());
    });
    assert!(sent >= PACKETS, "{sent} packets were sent");
}

fn relayed(name: &str, to: Codec) {
    let mut caller = session(Codec::Pcmu);
    let mut agent = session(to);
    let mut datagram = datagram();
    let mut buffer = [0; PACKET_LEN_MAX];
    per_packet(name, |n| {
        stamp(&mut datagram, n);
        let received = caller.receive(now(n), phone(), &datagram);
        let relayed = received.relayed.expect("the phone is believed");
        black_box(agent.relay(now(n), &relayed, &mut buffer));
    });
}

fn keys() {
    let mut receiver = dtmf::Receiver::default();
    per_packet("telephone-event", |n| {
        black_box(receiver.receive(n / 8 * 1_600, n % 8 == 0, &[5, 10, 0, 160]));
    });
}

fn tones() {
    let mut detector = Detector::default();
    let music = music::hold_music();
    let linear: Vec<i16> = music.bytes(Law::Mu).iter().map(|&code| Law::Mu.decode(code)).collect();
    let frames: Vec<&[i16]> = linear.chunks_exact(160).collect();
    per_packet("in-band tones (Goertzel)", |n| {
        black_box(detector.hear(frames[n as usize % frames.len()]));
    });
}

fn voice() {
    let voice = Flite::default();
    once("voice, first word", || {
        black_box(voice.render("One.").expect("it is embedded"));
    });
    let text = "You are number three in line. The expected wait is about four minutes.";
    let started = Instant::now();
    let pcm = voice.render(text).expect("it is embedded");
    let spent = started.elapsed();
    let seconds = pcm.samples.len() as f64 / f64::from(pcm.rate_hz);
    let factor = seconds / spent.as_secs_f64();
    println!("{:<32}{factor:>10.0} × real time ({seconds:.1} s in {spent:.1?})", "voice");
}

fn per_packet(name: &str, mut work: impl FnMut(u32)) {
    let started = Instant::now();
    for n in 0..PACKETS {
        work(n);
    }
    let ns = started.elapsed().as_nanos() as f64 / f64::from(PACKETS);
    println!("{name:<32}{ns:>10.1} ns");
}

fn once(name: &str, work: impl FnOnce()) {
    let started = Instant::now();
    work();
    println!("{name:<32}{:>10.2} ms", started.elapsed().as_secs_f64() * 1_000.0);
}

fn session(codec: Codec) -> Session {
    let mut session =
        Session::new(7, Limits { silence: None, silence_on_hold: None, transmit_silence: false });
    session.configure(now(0), remote(phone(), codec), Origins::default());
    session
}

fn remote(rtp: SocketAddr, codec: Codec) -> RemoteMedia {
    RemoteMedia {
        rtp,
        rtcp: None,
        rtcp_mux: false,
        format: AudioFormat::new(codec, 20),
        payload_type: codec.payload_type(),
        also: None,
        telephone_event: Some(101),
        direction: Direction::SendRecv,
    }
}

fn phone() -> SocketAddr {
    ([192, 0, 2, 1], 4_000).into()
}

fn now(packet: u32) -> Timestamp {
    Timestamp(1_000_000) + Duration::from_millis(u64::from(packet) * 20)
}

fn datagram() -> [u8; 172] {
    let payload = [0x55; 160];
    let packet = Packet {
        marker: false,
        payload_type: 0,
        sequence: 0,
        timestamp: 0,
        ssrc: 9,
        payload: &payload,
    };
    let mut bytes = [0; 172];
    packet.write(&mut bytes);
    bytes
}

fn stamp(datagram: &mut [u8; 172], n: u32) {
    datagram[2..4].copy_from_slice(&(n as u16).to_be_bytes());
    datagram[4..8].copy_from_slice(&n.wrapping_mul(160).to_be_bytes());
}

#[cfg(feature = "server")]
mod engine {
    //! The threads and sockets, with phones that send and discard.

    use std::net::{IpAddr, Ipv4Addr, UdpSocket};
    use std::sync::mpsc::channel;

    use attendant::id::{CallId, LegId};
    use attendant::media::fact::Fact;
    use attendant::media::io::{Facts, LocalMedia, MediaConfig, MediaEngine};

    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ROUNDS: u32 = 250;

    pub(super) fn run() {
        for calls in [100, 500, 1_500] {
            play(calls);
        }
        bridge(250);
        conference(500);
    }

    /// Calls that hear a prompt and talk over it, for five seconds.
    fn play(calls: u64) {
        let world = World::new();
        let sound = Arc::new(music::hold_music());
        let legs: Vec<_> = (0..calls).map(|call| world.leg(call, 0)).collect();
        for (leg, _) in &legs {
            world.engine.play(*leg, PlayId(1), vec![Arc::clone(&sound)], true);
        }
        let seconds = world.talk(&legs);
        let stats = world.end(&legs);
        report("calls with a prompt", calls, seconds, stats);
    }

    fn bridge(calls: u64) {
        let world = World::new();
        let mut legs = Vec::new();
        for call in 0..calls {
            let (caller, agent) = (world.leg(call, 0), world.leg(call, 1));
            world.engine.hear(caller.0, vec![agent.0]);
            world.engine.hear(agent.0, vec![caller.0]);
            legs.extend([caller, agent]);
        }
        let seconds = world.talk(&legs);
        let stats = world.end(&legs);
        report("bridged calls", calls, seconds, stats);
    }

    /// Calls of three legs that hear each other, mixed.
    fn conference(calls: u64) {
        let world = World::new();
        let mut legs = Vec::new();
        for call in 0..calls {
            let three = [0, 1, 2].map(|n| world.leg(call, n));
            for (leg, _) in three {
                let others = three.iter().map(|(other, _)| *other).filter(|other| *other != leg);
                world.engine.hear(leg, others.collect());
            }
            legs.extend(three);
        }
        let seconds = world.talk(&legs);
        let stats = world.end(&legs);
        report("calls of three, mixed", calls, seconds, stats);
    }

    fn report(
        name: &str,
        calls: u64,
        seconds: f64,
        (cpu, received, sent, gaps): (f64, u64, u64, u64),
    ) {
        let each = cpu * 1_000.0 / (calls as f64 * seconds);
        let per_packet = cpu * 1e6 / (received + sent) as f64;
        println!(
            "{:<32}{each:>10.3} CPU-ms a call-second, {per_packet:.2} µs a packet; \
             {received} received, {sent} sent, {gaps} gaps",
            format!("{calls} {name}")
        );
    }

    struct World {
        engine: MediaEngine,
        facts: std::sync::mpsc::Receiver<Fact>,
        phone: UdpSocket,
    }

    impl World {
        fn new() -> Self {
            let (sender, facts) = channel();
            let facts_in: Facts = Arc::new(move |fact| {
                let _ = sender.send(fact);
            });
            let limits = Limits { silence: None, silence_on_hold: None, transmit_silence: false };
            let config = MediaConfig { threads: 1, ports: 0..=0, limits, recordings: None };
            let engine = MediaEngine::start(&config, Timestamp(1_000_000), &facts_in)
                .expect("the system has a thread");
            // One phone for all; what comes back overflows its buffer and is dropped there.
            let phone = UdpSocket::bind((LOCAL, 0)).expect("a port is free");
            Self { engine, facts, phone }
        }

        fn leg(&self, call: u64, n: u16) -> (LegId, LocalMedia) {
            let leg = LegId { call: CallId(call), n };
            let local = self.engine.open(leg, LOCAL).expect("a port is free");
            let phone = self.phone.local_addr().expect("it is bound");
            self.engine.configure(leg, remote(phone, Codec::Pcmu), Origins::default());
            (leg, local)
        }

        /// Sends a packet to each leg every 20 ms, spread over the time.
        fn talk(&self, legs: &[(LegId, LocalMedia)]) -> f64 {
            let started = Instant::now();
            let mut datagram = datagram();
            for slot in 0..ROUNDS * 20 {
                let due = started + Duration::from_millis(u64::from(slot));
                // Nobody unparks this thread: it is a wait with a deadline.
                while Instant::now() < due {
                    std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
                }
                stamp(&mut datagram, slot / 20);
                for (_, local) in legs.iter().skip(slot as usize % 20).step_by(20) {
                    let _ = self.phone.send_to(&datagram, local.rtp);
                }
            }
            started.elapsed().as_secs_f64()
        }

        /// CPU seconds of the media thread, packets received and sent, gaps.
        fn end(&self, legs: &[(LegId, LocalMedia)]) -> (f64, u64, u64, u64) {
            let cpu = media_thread_cpu();
            let mut totals = (cpu, 0, 0, 0);
            for (leg, _) in legs {
                self.engine.close_and_tell(*leg);
            }
            for _ in legs {
                if let Ok(Fact::Closed { stats, .. }) = self.facts.recv() {
                    totals.1 += stats.received;
                    totals.2 += stats.sent;
                    totals.3 += stats.gaps;
                }
            }
            totals
        }
    }

    /// From the kernel's accounting of this process's only media thread, in ticks of 10 ms.
    fn media_thread_cpu() -> f64 {
        let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return f64::NAN };
        for task in tasks.flatten() {
            let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
            if stat.contains("(media-0)") {
                let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split(' ').collect();
                let ticks: f64 = fields[12..14].iter().filter_map(|t| t.parse::<f64>().ok()).sum();
                return ticks / 100.0;
            }
        }
        f64::NAN
    }
}
