//! A leg's media in virtual time, through its door.

mod keys;
mod mixing;
mod silence;

use std::sync::Arc;

use super::*;
use crate::media::g711::Law;
use crate::media::prompt::Sound;
use crate::media::rtcp::{Rtcp, compound};
use crate::words::Direction;

const CALLER: &str = "8.8.8.8:4000";
const STRANGER: &str = "9.9.9.9:666";

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn media(codec: Codec) -> RemoteMedia {
    RemoteMedia {
        rtp: at(CALLER),
        rtcp: None,
        rtcp_mux: false,
        format: AudioFormat::new(codec, 20),
        payload_type: codec.payload_type(),
        also: None,
        telephone_event: Some(101),
        direction: Direction::SendRecv,
    }
}

/// A session, its clock, and everything it ever sent.
struct Leg {
    session: Session,
    now: u64,
    sent: Vec<(u64, SocketAddr, Vec<u8>)>,
    reports: Vec<Vec<u8>>,
    reported_to: Vec<IpAddr>,
    facts: Vec<(u64, Output)>,
}

impl Leg {
    fn new(remote: RemoteMedia) -> Self {
        let limits = Limits {
            silence: Some(Duration::from_secs(30)),
            silence_on_hold: Some(Duration::from_secs(300)),
            transmit_silence: false,
        };
        Self::with(remote, limits)
    }

    fn with(remote: RemoteMedia, limits: Limits) -> Self {
        let mut session = Session::new(0x1234_5678_9ABC_DEF0, limits);
        session.configure(Timestamp(1_000_000), remote, Origins::default());
        Self {
            session,
            now: 1_000_000,
            sent: vec![],
            reports: vec![],
            reported_to: vec![],
            facts: vec![],
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.now)
    }

    /// Lets `ms` pass, waking the session when it asks.
    fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        self.drain();
        while let Some(deadline) = self.session.poll_timeout().filter(|at| at.0 <= until) {
            assert!(deadline.0 >= self.now, "a deadline lies behind after a drain");
            self.now = deadline.0;
            self.drain();
        }
        self.now = until;
    }

    fn drain(&mut self) {
        let mut buffer = [0; PACKET_LEN_MAX];
        for _ in 0..100 {
            match self.session.handle_timeout(Timestamp(self.now), &mut buffer) {
                None => return,
                Some(Output::Rtp { to, len }) => {
                    self.sent.push((self.now, to, buffer[..len].to_vec()));
                }
                Some(Output::Rtcp { to, len }) => {
                    self.reports.push(buffer[..len].to_vec());
                    self.reported_to.push(to.ip());
                }
                Some(fact) => self.facts.push((self.now, fact)),
            }
        }
        panic!("a drain does not end");
    }

    fn play(&mut self, play: u32, sound: Arc<Sound>) {
        let now = self.now();
        self.session.play(now, PlayId(play), vec![sound], false);
        self.drain();
    }

    fn hear(&mut self, from: &str, payload_type: u8, sequence: u16, payload: &[u8]) -> String {
        let packet = Packet {
            marker: false,
            payload_type,
            sequence,
            timestamp: if payload_type == 101 { 77 } else { u32::from(sequence) * 160 },
            ssrc: 9,
            payload,
        };
        let mut bytes = [0; PACKET_LEN_MAX];
        let len = packet.write(&mut bytes).unwrap();
        let now = self.now();
        let received = self.session.receive(now, at(from), &bytes[..len]);
        received.digit.map(|digit| digit.as_char().to_string()).unwrap_or_default()
    }

    fn packets(&self) -> Vec<(u64, Packet<'_>)> {
        self.sent.iter().map(|(now, _, bytes)| (*now, Packet::parse(bytes).unwrap())).collect()
    }

    /// Sequence by one, one SSRC, timestamps never back and 8 a millisecond.
    fn assert_one_stream(&self) {
        let packets = self.packets();
        for pair in packets.windows(2) {
            let ((before, a), (after, b)) = (pair[0], pair[1]);
            assert_eq!(a.ssrc, b.ssrc);
            assert_eq!(b.sequence, a.sequence.wrapping_add(1));
            let moved = u64::from(b.timestamp.wrapping_sub(a.timestamp));
            assert!(moved >= a.payload.len() as u64, "time stands still in the stream");
            assert!(moved.abs_diff((after - before) * 8) <= 160, "{moved} in {before}..{after}");
        }
    }
}

fn tone(ms: usize, code: u8) -> Arc<Sound> {
    Arc::new(Sound::from_ulaw(vec![code; ms * 8]))
}

#[test]
fn a_prompt_goes_out_at_once_on_time_and_says_when_it_was_heard() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.pass(7);
    leg.play(1, tone(100, 0x40));
    assert_eq!(leg.sent.len(), 1, "the first frame does not wait for a slot");
    leg.pass(500);
    let times: Vec<u64> = leg.sent.iter().map(|(now, ..)| now - 1_000_007).collect();
    assert_eq!(times, [0, 20, 40, 60, 80]);
    assert_eq!(leg.facts, [(1_000_107, Output::PromptDone(PlayId(1)))]);
    leg.assert_one_stream();
    assert!(leg.packets()[0].1.marker && !leg.packets()[1].1.marker);
}

#[test]
fn a_key_stops_the_prompt_and_the_next_one_follows_within_a_frame() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.play(1, tone(10_000, 0x40));
    leg.pass(2_005);
    assert_eq!(leg.hear(CALLER, 101, 1, &[5, 10, 0, 160]), "5");
    leg.session.stop();
    leg.pass(3);
    leg.play(2, tone(100, 0x50));
    let last_before = leg.sent.last().unwrap().0;
    leg.pass(300);
    let packets = leg.packets();
    let first = packets.iter().find(|(_, packet)| packet.payload[0] == 0x50).unwrap();
    assert!(first.0 - last_before <= 20, "{} ms after the last frame", first.0 - last_before);
    assert!(!first.1.marker, "the stream had no pause");
    leg.assert_one_stream();
    assert_eq!(leg.facts.last().unwrap().1, Output::PromptDone(PlayId(2)));
    assert_eq!(leg.facts.len(), 1, "the stopped prompt is not reported");
}

#[test]
fn a_stranger_gets_nothing_and_changes_nothing() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.hear(CALLER, 0, 1, &[0xFF; 160]);
    leg.play(1, tone(2_000, 0x40));
    for i in 0..100 {
        assert_eq!(leg.hear(STRANGER, 101, 500 + i, &[7, 0x8A, 1, 0]), "");
        leg.hear(CALLER, 0, 2 + i, &[0xFF; 160]);
        leg.pass(20);
    }
    assert!(leg.sent.iter().all(|(_, to, _)| *to == at(CALLER)));
    assert_eq!(leg.session.stats().foreign, 100);
    assert_eq!(leg.session.stats().lost, 0);
}

/// Behind a NAT: the description names a private address, the sound comes from where the signaling
/// does. A stranger reports and sends first, and without end.
#[test]
fn fault_03_no_packet_reaches_a_stranger_and_none_of_its_reports_counts() {
    let nat = "8.8.4.4:61000";
    let described = RemoteMedia { rtp: at("192.168.1.9:4000"), ..media(Codec::Pcmu) };
    let mut leg = Leg::new(described);
    let origins = Origins { signaling: Some(at(nat).ip()), ..Origins::default() };
    leg.session.configure(leg.now(), described, origins);
    leg.play(1, tone(20_000, 0x40));
    let mut heard = 0;
    for n in 0..500 {
        for again in [2 * n, 2 * n + 1] {
            assert_eq!(leg.hear(STRANGER, 101, again, &[7, 0x8A, 1, 0]), "");
        }
        let block = rtcp_block(&leg.session, 999);
        leg.session.receive_rtcp(leg.now(), at("9.9.9.9:667"), &block);
        if n >= 50 {
            leg.hear(nat, 0, n, &[0xFF; 160]);
            heard += 1;
        }
        leg.pass(20);
    }
    let stats = leg.session.stats();
    assert_eq!((stats.foreign, stats.remote_lost), (1_500, None));
    assert_eq!(stats.received, heard - 3, "three packets to learn");
    let late = leg.sent.iter().filter(|(now, ..)| *now > 1_001_100);
    assert!(late.clone().count() > 400 && late.clone().all(|(_, to, _)| *to == at(nat)));
    assert!(leg.sent.iter().all(|(_, to, _)| to.ip() != at(STRANGER).ip()));
    assert!(leg.reported_to.iter().all(|to| *to != at(STRANGER).ip()));
    assert_eq!(leg.reported_to.last(), Some(&at(nat).ip()));
}

#[test]
fn fault_03_sound_that_is_thrown_away_is_said_with_its_address() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    for n in 0..300 {
        leg.hear(STRANGER, 0, n, &[0xFF; 160]);
        leg.pass(20);
    }
    let elsewhere = Some(at(STRANGER).ip());
    assert_eq!(leg.facts, [(1_005_000, Output::NoInboundRtp { elsewhere })]);
}

#[test]
fn a_codec_is_followed_where_negotiated_and_refused_where_not() {
    let mut both = media(Codec::Pcmu);
    both.also = Some(Codec::Pcma);
    let mut leg = Leg::new(both);
    leg.hear(CALLER, 8, 1, &[0xD5; 160]);
    leg.hear(CALLER, 13, 2, &[0]);
    assert_eq!((leg.session.stats().received, leg.session.stats().refused), (2, 0));
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.hear(CALLER, 8, 1, &[0xD5; 160]);
    assert_eq!((leg.session.stats().received, leg.session.stats().refused), (0, 1));
}

#[test]
fn hold_pauses_the_prompt_and_resume_goes_on() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.play(1, tone(200, 0x40));
    leg.pass(50);
    let sent = leg.sent.len();
    let held = RemoteMedia { direction: Direction::Inactive, ..media(Codec::Pcmu) };
    leg.session.configure(Timestamp(leg.now), held, Origins::default());
    leg.pass(5_000);
    assert_eq!(leg.sent.len(), sent, "nothing is sent to who holds us");
    leg.session.configure(Timestamp(leg.now), media(Codec::Pcmu), Origins::default());
    leg.pass(500);
    assert_eq!(leg.sent.len(), 10);
    assert_eq!(leg.facts.last().unwrap().1, Output::PromptDone(PlayId(1)));
    leg.assert_one_stream();
}

#[test]
fn a_silent_caller_is_noticed_and_not_sent_to_forever() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.play(1, tone(120_000, 0x40));
    leg.pass(60_000);
    assert_eq!(
        leg.facts,
        [(1_005_000, Output::NoInboundRtp { elsewhere: None }), (1_030_000, Output::Inactive),]
    );
    assert_eq!(leg.sent.last().unwrap().0, 1_030_000);
    leg.hear(CALLER, 0, 1, &[0xFF; 160]);
    leg.pass(1_000);
    assert_eq!(leg.sent.last().unwrap().0, 1_061_000, "the caller is back, the prompt goes on");
    leg.assert_one_stream();
}

#[test]
fn an_idle_leg_keeps_its_mapping_open() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    for i in 0..25 {
        leg.hear(CALLER, 0, i, &[0xFF; 160]);
        leg.pass(1_000);
    }
    assert_eq!(leg.sent.len(), 2);
    assert!(leg.packets().iter().all(|(_, p)| p.payload == [0xFF; 160] && p.marker));
}

#[test]
fn a_starved_thread_skips_instead_of_bursting() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.play(1, tone(1_000, 0x40));
    leg.now += 90;
    leg.drain();
    assert_eq!(leg.sent.len(), 5, "90 ms late: caught up");
    leg.now += 5_000;
    leg.drain();
    assert_eq!(leg.sent.len(), 6, "five seconds late: skipped");
    assert_eq!(leg.session.stats().gaps, 1);
    leg.pass(2_000);
    assert_eq!(leg.sent.len(), 50);
}

#[test]
fn reports_go_out_and_come_in() {
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.play(1, tone(30_000, 0x40));
    for i in (0..800).filter(|i| i % 10 != 3) {
        leg.hear(CALLER, 0, i, &[0xFF; 160]);
        leg.pass(18);
    }
    assert!((2..=3).contains(&leg.reports.len()), "{}", leg.reports.len());
    let packets = compound(leg.reports.last().unwrap()).unwrap();
    let Rtcp::SenderReport { blocks, .. } = &packets[0] else { panic!("{packets:?}") };
    let quality = blocks.about(9).unwrap().quality;
    assert!((20..=30).contains(&quality.fraction_lost), "a tenth: {}", quality.fraction_lost);
    assert!(quality.lost > 10);

    // The caller reports a loss of ours; a stranger reports more.
    let block = rtcp_block(&leg.session, 3);
    leg.session.receive_rtcp(Timestamp(leg.now), at("8.8.8.8:4001"), &block);
    let block = rtcp_block(&leg.session, 999);
    leg.session.receive_rtcp(Timestamp(leg.now), at("9.9.9.9:4001"), &block);
    leg.session.receive_rtcp(Timestamp(leg.now), at("8.8.8.8:4001"), &[0x80, 201, 0, 0]);
    let stats = leg.session.stats();
    assert_eq!((stats.remote_lost, stats.foreign, stats.refused), (Some(3), 1, 1));

    let mut buffer = [0; PACKET_LEN_MAX];
    let (to, len) = leg.session.close(Timestamp(leg.now), &mut buffer).unwrap();
    assert_eq!(to, at("8.8.8.8:4001"));
    assert_eq!(compound(&buffer[..len]).unwrap().last(), Some(&Rtcp::Bye { sources: 1 }));
}

/// A receiver report about the session's stream.
fn rtcp_block(session: &Session, lost: i32) -> Vec<u8> {
    let quality = crate::media::reception::Quality {
        ssrc: session.outgoing.ssrc(),
        fraction_lost: 0,
        lost,
        highest: 0,
        jitter: 0,
    };
    let report = crate::media::rtcp::Report {
        ssrc: 9,
        sender: None,
        block: Some(crate::media::rtcp::Block { quality, last_report: 0, delay: 0 }),
        cname: *b"0123456789abcdef",
        bye: false,
    };
    let mut out = [0; crate::media::rtcp::REPORT_LEN_MAX];
    let len = report.write(&mut out);
    out[..len].to_vec()
}

#[test]
fn a_prompt_that_is_still_being_made_leaves_no_silence() {
    let waiting = tone(20, 0x11);
    let patience = Duration::from_millis(800);
    let mut leg = Leg::new(media(Codec::Pcmu));
    leg.play(1, tone(10_000, 0x40));
    leg.pass(100);
    leg.session.await_sound(Timestamp(leg.now), PlayId(2), Arc::clone(&waiting), patience);
    let sent = leg.sent.len();
    leg.pass(790);
    assert_eq!(leg.sent.len(), sent, "the old prompt stops");
    leg.pass(500);
    assert_eq!(leg.packets().last().unwrap().1.payload[0], 0x11);
    let now = leg.now();
    leg.session.play_awaited(now, PlayId(1), vec![tone(60, 0x22)], false);
    assert!(!leg.session.fail_awaited(PlayId(1)), "an older play is over");
    leg.session.play_awaited(now, PlayId(2), vec![tone(60, 0x33)], false);
    leg.pass(200);
    assert_eq!(leg.packets().last().unwrap().1.payload[0], 0x33);
    assert_eq!(leg.facts.last().unwrap().1, Output::PromptDone(PlayId(2)));
    leg.assert_one_stream();

    // Music goes on until the announcement is there, and stops when it fails for good.
    let now = leg.now();
    leg.session.play(now, PlayId(3), vec![tone(100, 0x40)], true);
    leg.session.await_sound(now, PlayId(4), waiting, patience);
    leg.pass(2_000);
    assert_eq!(leg.packets().last().unwrap().1.payload[0], 0x40);
    assert!(leg.session.fail_awaited(PlayId(4)));
    leg.session.stop();
    leg.session.play_awaited(Timestamp(leg.now), PlayId(4), vec![tone(60, 0x33)], false);
    let sent = leg.sent.len();
    leg.pass(500);
    assert_eq!(leg.sent.len(), sent);
}

#[test]
fn packet_times_other_than_twenty_are_honored() {
    for (ptime_ms, frames) in [(10, 30), (30, 10), (60, 5), (200, 5)] {
        let format = AudioFormat::new(Codec::Pcma, ptime_ms);
        let mut leg = Leg::new(RemoteMedia { format, ..media(Codec::Pcma) });
        leg.play(1, tone(300, 0x40));
        leg.pass(1_000);
        assert_eq!(leg.sent.len(), frames);
        leg.assert_one_stream();
    }
}

#[test]
fn nothing_is_sent_to_no_host_or_to_many() {
    for rtp in ["0.0.0.0:4000", "239.1.2.3:4000", "255.255.255.255:4000", "8.8.8.8:0", "[::]:9"] {
        let mut leg = Leg::new(RemoteMedia { rtp: at(rtp), ..media(Codec::Pcmu) });
        leg.play(1, tone(100, 0x40));
        leg.pass(1_000);
        assert!(leg.sent.is_empty(), "{rtp}");
    }
}

/// A 5, for 100 ms.
fn tones() -> Vec<u8> {
    (0..800)
        .map(|n| {
            let angle = std::f32::consts::TAU * n as f32 / 8_000.0;
            Law::Mu.encode((6_000.0 * ((angle * 770.0).sin() + (angle * 1336.0).sin())) as i16)
        })
        .collect()
}

#[test]
fn keys_are_heard_as_tones_only_where_events_were_not_negotiated() {
    for (telephone_event, expected) in [(None, "5"), (Some(101), "")] {
        let mut leg = Leg::new(RemoteMedia { telephone_event, ..media(Codec::Pcmu) });
        let mut heard = String::new();
        for (sequence, payload) in tones().chunks(160).enumerate() {
            heard += &leg.hear(CALLER, 0, sequence as u16, payload);
        }
        assert_eq!(heard, expected);
    }
}

#[test]
fn fault_21_a_press_in_the_sound_and_by_info_is_one_key() {
    let five = Digit::new('5').unwrap();
    let mut leg = Leg::new(media(Codec::Pcmu));
    assert_eq!(leg.hear(CALLER, 101, 1, &[5, 10, 0, 160]), "5");
    // Held for five seconds; the INFO comes when the key is up.
    for n in 2..250 {
        leg.pass(20);
        assert_eq!(leg.hear(CALLER, 101, n, &[5, 10, 0, 160]), "");
    }
    leg.pass(1_000);
    let now = leg.now();
    assert_eq!(leg.session.press(now, five), None, "the same press");
    assert_eq!(leg.session.press(now, five), Some(five), "the next one");
    // Another stream, another key: first by INFO, then as tone.
    let mut leg = Leg::new(RemoteMedia { telephone_event: None, ..media(Codec::Pcmu) });
    let now = leg.now();
    assert_eq!(leg.session.press(now, five), Some(five));
    let mut heard = String::new();
    for (sequence, payload) in tones().chunks(160).enumerate() {
        leg.pass(20);
        heard += &leg.hear(CALLER, 0, sequence as u16, payload);
    }
    assert_eq!(heard, "");
}

proptest::proptest! {
    #[test]
    fn no_datagram_panics_and_none_from_a_stranger_is_answered(
        datagrams in proptest::collection::vec(
            proptest::collection::vec(proptest::prelude::any::<u8>(), 0..220), 0..40),
        stranger in proptest::prelude::any::<bool>(),
    ) {
        let mut leg = Leg::new(RemoteMedia { rtcp_mux: true, ..media(Codec::Pcmu) });
        leg.hear(CALLER, 0, 1, &[0xFF; 160]);
        let from = at(if stranger { STRANGER } else { CALLER });
        for mut datagram in datagrams {
            let now = leg.now();
            leg.session.receive(now, from, &datagram);
            leg.session.receive_rtcp(now, from, &datagram);
            if let Some(first) = datagram.first_mut() {
                *first = 0x80 | *first & 0x3F;
            }
            leg.session.receive(now, from, &datagram);
            leg.pass(20);
        }
        leg.play(1, tone(100, 0x40));
        leg.pass(200);
        proptest::prop_assert!(leg.sent.iter().all(|(_, to, _)| *to == at(CALLER)));
        proptest::prop_assert_eq!(leg.sent.len(), 5);
    }
}

#[test]
fn a_play_before_the_media_is_described_waits_for_it() {
    let silence = Some(Duration::from_secs(30));
    let limits = Limits { silence, silence_on_hold: None, transmit_silence: true };
    let mut session = Session::new(1, limits);
    let mut buffer = [0; PACKET_LEN_MAX];
    session.play(Timestamp(1_000_000), PlayId(1), vec![tone(40, 0x40)], false);
    assert_eq!(session.poll_timeout(), None);
    assert_eq!(session.handle_timeout(Timestamp(1_000_000), &mut buffer), None);
    session.configure(Timestamp(1_000_001), media(Codec::Pcmu), Origins::default());
    let output = session.handle_timeout(Timestamp(1_000_001), &mut buffer);
    assert!(matches!(output, Some(Output::Rtp { .. })), "{output:?}");
}
