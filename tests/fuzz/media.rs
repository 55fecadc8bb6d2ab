//! What comes on the ports of sound, and the sound that a speech service sends.

use attendant::media::dtmf::Receiver;
use attendant::media::rtcp::{self, Block, REPORT_LEN_MAX, Report, Rtcp, SenderInfo};
use attendant::media::rtp::{self, PACKET_LEN_MAX, Packet};
use attendant::media::wav;

/// A datagram on a port of sound: a packet, and its payload as a key.
pub(super) fn rtp(bytes: &[u8]) {
    let _ = rtp::is_rtcp(bytes);
    let Ok(packet) = Packet::parse(bytes) else { return };
    assert!(packet.payload.len() + rtp::HEADER_LEN <= bytes.len());
    let mut out = [0; PACKET_LEN_MAX];
    match packet.write(&mut out) {
        Some(len) => assert_eq!(Packet::parse(&out[..len]), Ok(packet)),
        None => assert!(packet.payload.len() > PACKET_LEN_MAX - rtp::HEADER_LEN),
    }
    let mut keys = Receiver::default();
    let times = [packet.timestamp, packet.timestamp.wrapping_add(160)];
    for (timestamp, marker) in times.into_iter().flat_map(|at| [(at, true), (at, false)]) {
        let first = keys.receive(timestamp, marker, packet.payload);
        let again = keys.receive(timestamp, false, packet.payload);
        assert!(again.is_none() || first.is_none(), "one packet sent again is no second key");
    }
    keys.restart();
    let _ = keys.is_up();
}

/// A report, and what we answer it with.
pub(super) fn rtcp(bytes: &[u8]) {
    let Ok(packets) = rtcp::packets(bytes) else {
        assert!(rtcp::compound(bytes).is_err());
        return;
    };
    assert!(packets.len() * 4 <= bytes.len());
    if let Ok(compound) = rtcp::compound(bytes) {
        assert_eq!(compound, packets);
    }
    for packet in packets {
        match packet {
            Rtcp::SenderReport { ssrc, sender, blocks } => {
                written(ssrc, Some(sender), blocks.about(ssrc));
            }
            Rtcp::ReceiverReport { ssrc, blocks } => written(ssrc, None, blocks.about(ssrc)),
            Rtcp::SourceDescription { cname } => {
                assert!(cname.is_none_or(|cname| cname.len() <= usize::from(u8::MAX)));
            }
            Rtcp::Bye { .. } | Rtcp::Other { .. } => {}
        }
    }
}

/// A report with these is read as it was written.
fn written(ssrc: u32, sender: Option<SenderInfo>, block: Option<Block>) {
    for bye in [false, true] {
        let report = Report { ssrc, sender, block, cname: *b"0123456789abcdef", bye };
        let mut out = [0; REPORT_LEN_MAX];
        let len = report.write(&mut out);
        let packets = rtcp::compound(&out[..len]).expect("a report of ours is one");
        let (about, info) = match packets[0] {
            Rtcp::SenderReport { sender, blocks, .. } => (blocks, Some(sender)),
            Rtcp::ReceiverReport { blocks, .. } => (blocks, None),
            Rtcp::SourceDescription { .. } | Rtcp::Bye { .. } | Rtcp::Other { .. } => {
                panic!("{packets:?}")
            }
        };
        assert_eq!(info, sender);
        // A block is found by the source it is about.
        if let Some(block) = block {
            assert_eq!(about.about(block.quality.ssrc), Some(block));
        }
        assert_eq!(packets.len(), 2 + usize::from(bye));
    }
}

/// A sound file: read, brought to 8 kHz, and written as a recording that is read as it was.
pub(super) fn wav(bytes: &[u8]) {
    let Ok(recording) = wav::open(bytes) else {
        assert!(wav::read(bytes).is_err());
        return;
    };
    let _ = (recording.lacks(), recording.is_resampled());
    let ulaw = recording.to_ulaw();
    let again = wav::open(&wav::from_ulaw(&ulaw)).expect("a file of ours is one").to_ulaw();
    // µ-law has two zeros; linear sound, as the file has it, one.
    let one_zero = |code: &u8| if *code == 0x7F { 0xFF } else { *code };
    assert!(again.iter().copied().eq(ulaw.iter().map(one_zero)));
}
