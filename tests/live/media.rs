//! The sound half of a scripted telephone: sends a tone and keys, keeps every packet it hears.
//!
//! **Invariant:** one thread owns the socket; it sends a frame every 20 ms while there is something
//! to say, and blocks in `recv` in between.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::{left, now};
use crate::sound::{Codec, FRAME, has_key_tone, key_tone, level, purity, tone};

const FRAME_TIME: Duration = Duration::from_millis(20);
pub(crate) const KEY_PAYLOAD: u8 = 101;
/// Updates of one key press before its end, 20 ms each.
const KEY_UPDATES: u16 = 5;
/// Frames of silence after a key that is a tone: a key that follows sooner might be the same.
const KEY_PAUSE: u16 = 3;
/// Share of the energy that makes a tone.
const PURE: f64 = 0.8;
/// Below this, silence.
const QUIET: f64 = 60.0;
/// Packets a judgment is made from: 100 ms.
const WINDOW: usize = 5;

/// One RTP packet as it came.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub at: Instant,
    pub from: SocketAddr,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload_type: u8,
    pub payload: Vec<u8>,
}

impl Packet {
    fn parse(at: Instant, from: SocketAddr, bytes: &[u8]) -> Option<Self> {
        let (head, payload) = bytes.split_at_checked(12)?;
        (head[0] >> 6 == 2).then(|| Self {
            at,
            from,
            sequence: u16::from_be_bytes([head[2], head[3]]),
            timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            ssrc: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
            payload_type: head[1] & 0x7f,
            payload: payload.to_vec(),
        })
    }

    fn samples(&self) -> Vec<i16> {
        let codec = if self.payload_type == 8 { Codec::Alaw } else { Codec::Ulaw };
        self.payload.iter().map(|&code| codec.decode(code)).collect()
    }
}

#[derive(Default)]
struct State {
    target: Option<SocketAddr>,
    tone_hz: Option<f64>,
    law_a: bool,
    keys: VecDeque<u8>,
    has_tone_keys: bool,
    /// When the first packet of the last key went out, and how many keys were sent.
    key_begun: Option<Instant>,
    keys_sent: usize,
    heard: Vec<Packet>,
    stop: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

pub(crate) struct Media {
    shared: Arc<Shared>,
    pub port: u16,
    thread: Option<JoinHandle<()>>,
}

impl Media {
    /// At this port; 0 is any.
    pub(crate) fn at(port: u16) -> Self {
        Self::on((Ipv4Addr::LOCALHOST, port).into())
    }

    pub(crate) fn on(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).expect("our own port");
        let port = socket.local_addr().expect("bound").port();
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || Sender::new(&socket).run(&shared)
        });
        Self { shared, port, thread: Some(thread) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().expect("the media thread lives")
    }

    /// Where to send, and in which law: what the answer to our SDP said.
    pub(crate) fn aim(&self, target: SocketAddr, codec: Codec) {
        let mut state = self.state();
        state.target = Some(target);
        state.law_a = codec == Codec::Alaw;
    }

    /// Sends a tone from now on; `None` sends nothing.
    pub(crate) fn say(&self, tone_hz: Option<f64>) {
        self.state().tone_hz = tone_hz;
    }

    /// Keys are tones in the sound from now on.
    pub(crate) fn press_tones(&self) {
        self.state().has_tone_keys = true;
    }

    /// Presses a key for 100 ms (RFC 4733, or a tone) and returns when its first packet was sent.
    pub(crate) fn press(&self, key: char) -> Instant {
        let code = "0123456789*#ABCD".find(key).expect("a telephone key");
        let wanted = {
            let mut state = self.state();
            state.keys.push_back(code as u8);
            state.keys_sent + state.keys.len()
        };
        self.wait(Duration::from_secs(5), |state| {
            (state.keys_sent >= wanted).then_some(state.key_begun).flatten()
        })
        .expect("a key press takes 100 ms")
    }

    /// Forgets what was heard so far.
    pub(crate) fn forget(&self) {
        self.state().heard.clear();
    }

    pub(crate) fn heard(&self) -> Vec<Packet> {
        self.state().heard.clone()
    }

    /// Waits until the last 100 ms were this tone; says when they began.
    #[track_caller]
    pub(crate) fn expect_tone(&self, hz: f64, within: Duration) -> Instant {
        let found = self.hears(hz, within);
        found.unwrap_or_else(|| panic!("no tone of {hz} Hz: {}", self.describe()))
    }

    /// As [`Self::expect_tone`]; `None` when the tone did not come.
    pub(crate) fn hears(&self, hz: f64, within: Duration) -> Option<Instant> {
        self.hears_all(&[hz], within)
    }

    /// As [`Self::hears`], for several tones together, each at least a fifth as strong as one alone
    /// would be, and nothing beside them.
    pub(crate) fn hears_all(&self, tones_hz: &[f64], within: Duration) -> Option<Instant> {
        self.wait(within, |state| {
            let window = window(&state.heard)?;
            let sound = samples(window);
            let is_pure = tones_hz.iter().map(|hz| purity(&sound, *hz)).sum::<f64>() > PURE;
            let are_there = tones_hz.iter().all(|hz| is_heard(&sound, *hz));
            (is_pure && are_there).then_some(window[0].at)
        })
    }

    /// Waits until the last 100 ms were exactly these of the tones `of`, each at least a fifth as
    /// strong as one alone would be.
    #[track_caller]
    pub(crate) fn expect_exactly(&self, tones_hz: &[f64], of: &[f64], within: Duration) {
        let found = self.wait(within, |state| {
            let sound = samples(window(&state.heard)?);
            of.iter().all(|hz| is_heard(&sound, *hz) == tones_hz.contains(hz)).then_some(())
        });
        found.unwrap_or_else(|| panic!("not {tones_hz:?} alone: {}", self.describe()));
    }

    /// Waits until something is heard that is none of these tones: music, speech.
    #[track_caller]
    pub(crate) fn expect_sound_but(&self, tones_hz: &[f64], within: Duration) -> Instant {
        let found = self.wait(within, |state| {
            let window = window(&state.heard)?;
            let sound = samples(window);
            let other = tones_hz.iter().all(|&hz| purity(&sound, hz) < 0.3);
            (level(&sound) > QUIET && other).then_some(window[0].at)
        });
        found.unwrap_or_else(|| panic!("no other sound: {}", self.describe()))
    }

    /// Waits until this number of packets in a row were silence.
    #[track_caller]
    pub(crate) fn expect_silence(&self, packets: usize, within: Duration) {
        let found = self.wait(within, |state| {
            let from = state.heard.len().checked_sub(packets)?;
            // The nearest to zero that A-law has is 8.
            let is_silent = |packet: &Packet| level(&packet.samples()) < 10.0;
            state.heard[from..].iter().all(is_silent).then_some(())
        });
        found.unwrap_or_else(|| panic!("no {packets} packets of silence: {}", self.describe()));
    }

    /// Waits until a packet came.
    #[track_caller]
    pub(crate) fn expect_packet(&self, within: Duration) -> Packet {
        let found = self.wait(within, |state| state.heard.last().cloned());
        found.unwrap_or_else(|| panic!("no packet at all"))
    }

    /// Listens for this long and returns what came: for asserting silence.
    pub(crate) fn listen(&self, time: Duration) -> Vec<Packet> {
        let before = self.state().heard.len();
        let _ = self.wait(time, |_| None::<()>);
        // They stay in the log: without them the stream would have a hole.
        self.state().heard.get(before..).unwrap_or_default().to_vec()
    }

    /// Asserts that all that was heard is one stream: one source and SSRC, no hole, no step back.
    #[track_caller]
    pub(crate) fn assert_one_stream(&self) {
        let heard = self.heard();
        for pair in heard.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            assert_eq!((a.ssrc, a.from), (b.ssrc, b.from), "the stream changed its source");
            assert_eq!(b.sequence, a.sequence.wrapping_add(1), "a packet is missing or doubled");
            let step = b.timestamp.wrapping_sub(a.timestamp);
            assert!(step >= FRAME as u32 && step < 1 << 31, "timestamp steps by {step}");
        }
    }

    /// Asserts that no key is in what was heard, neither as an event nor as a tone.
    #[track_caller]
    pub(crate) fn assert_no_key(&self) {
        let heard = self.heard();
        let events = heard.iter().filter(|packet| packet.payload_type == KEY_PAYLOAD).count();
        assert_eq!(events, 0, "packets of a key were heard");
        assert!(!has_key_tone(&samples(&heard)), "the tone of a key was heard");
    }

    fn describe(&self) -> String {
        let state = self.state();
        let Some(window) = window(&state.heard) else {
            return format!("{} packets heard in all", state.heard.len());
        };
        let sound = samples(window);
        let strongest = (1..=35)
            .map(|n| f64::from(n) * 100.0)
            .max_by(|a, b| purity(&sound, *a).total_cmp(&purity(&sound, *b)));
        format!(
            "{} packets heard; the last 100 ms have level {:.0}, strongest near {strongest:?} Hz",
            state.heard.len(),
            level(&sound)
        )
    }

    fn wait<T>(&self, within: Duration, mut ready: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let deadline = now() + within;
        let mut state = self.state();
        loop {
            if let Some(found) = ready(&state) {
                return Some(found);
            }
            let left = left(deadline)?;
            state = self.shared.changed.wait_timeout(state, left).expect("the thread lives").0;
        }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.stop = true;
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn window(heard: &[Packet]) -> Option<&[Packet]> {
    heard.len().checked_sub(WINDOW).map(|from| &heard[from..])
}

/// Whether this tone is in a sound, at least a fifth as strong as it would be alone.
fn is_heard(sound: &[i16], hz: f64) -> bool {
    purity(sound, hz).sqrt() * level(sound) > level(&tone(hz, 0, FRAME)) / 5.0
}

fn samples(packets: &[Packet]) -> Vec<i16> {
    packets.iter().flat_map(Packet::samples).collect()
}

/// The thread's side: one outgoing stream.
struct Sender<'a> {
    socket: &'a UdpSocket,
    sequence: u16,
    timestamp: u32,
    /// The key being sent: its code, frames of it so far and the time stamp it began with.
    key: Option<(u8, u16, u32)>,
    phase: usize,
}

impl<'a> Sender<'a> {
    fn new(socket: &'a UdpSocket) -> Self {
        Self { socket, sequence: 1000, timestamp: 50_000, key: None, phase: 0 }
    }

    fn run(mut self, shared: &Shared) {
        let mut next_frame = now() + FRAME_TIME;
        let mut buffer = [0; 2048];
        loop {
            let Some(left) = left(next_frame) else {
                next_frame += FRAME_TIME;
                let mut state = shared.state.lock().expect("the test lives");
                if state.stop {
                    return;
                }
                self.frame(&mut state);
                shared.changed.notify_all();
                continue;
            };
            self.socket.set_read_timeout(Some(left)).expect("a positive time");
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { continue };
            if let Some(packet) = Packet::parse(now(), from, &buffer[..length]) {
                shared.state.lock().expect("the test lives").heard.push(packet);
                shared.changed.notify_all();
            }
        }
    }

    fn frame(&mut self, state: &mut State) {
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        let Some(target) = state.target else { return };
        if self.key.is_none() {
            self.key = state.keys.pop_front().map(|code| (code, 0, self.timestamp));
            if self.key.is_some() {
                state.key_begun = Some(now());
            }
        }
        if let Some((code, updates, began)) = self.key {
            let key = (code, updates + 1, began);
            match state.has_tone_keys {
                true => self.tone_key_frame(state, target, key),
                false => self.key_frame(state, target, key),
            }
        } else if let Some(hz) = state.tone_hz {
            let sound = tone(hz, self.phase, FRAME);
            self.phase += FRAME;
            self.send_sound(state, target, &sound);
        }
    }

    fn send_sound(&mut self, state: &State, target: SocketAddr, sound: &[i16]) {
        let codec = if state.law_a { Codec::Alaw } else { Codec::Ulaw };
        let payload: Vec<u8> = sound.iter().map(|&sample| codec.encode(sample)).collect();
        self.send(target, codec.payload_type(), self.timestamp, &payload);
    }

    fn tone_key_frame(&mut self, state: &mut State, target: SocketAddr, key: (u8, u16, u32)) {
        let (code, frames, _) = key;
        let sound = match frames <= KEY_UPDATES {
            true => key_tone(code, usize::from(frames - 1) * FRAME, FRAME),
            false => vec![0; FRAME],
        };
        self.send_sound(state, target, &sound);
        self.key = Some(key);
        if frames == KEY_UPDATES + KEY_PAUSE {
            self.key = None;
            state.keys_sent += 1;
        }
    }

    fn key_frame(&mut self, state: &mut State, target: SocketAddr, key: (u8, u16, u32)) {
        let (code, updates, began) = key;
        let ended = updates > KEY_UPDATES;
        let duration = (updates.min(KEY_UPDATES) * FRAME as u16).to_be_bytes();
        let end_and_volume = if ended { 0x8a } else { 0x0a };
        // The end is sent three times, as RFC 4733 §2.5.1.4 asks.
        for _ in 0..if ended { 3 } else { 1 } {
            self.send(
                target,
                KEY_PAYLOAD,
                began,
                &[code, end_and_volume, duration[0], duration[1]],
            );
        }
        self.key = Some(key);
        if ended {
            self.key = None;
            state.keys_sent += 1;
        }
    }

    fn send(&mut self, target: SocketAddr, payload_type: u8, timestamp: u32, payload: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![0x80, payload_type];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(0x5151_0001_u32.to_be_bytes());
        packet.extend(payload);
        // A peer that has hung up answers with "port unreachable": no error of ours.
        let _ = self.socket.send_to(&packet, target);
    }
}
