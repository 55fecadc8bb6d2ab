//! RTCP (RFC 3550 §6): compound packets checked and read, reports written.
//!
//! **Invariant:** a compound is believed only when every packet in it fits its own counts and
//! lengths (A.2 and one step more); nothing is read past the datagram.
//!
//! **Deliberately absent:** feedback messages (205, 206) and extended reports: they are stepped
//! over. Who sent the compound is [`crate::media::session`]'s question.

use crate::media::reception::Quality;
use crate::time::Timestamp;

/// One packet of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rtcp<'a> {
    SenderReport {
        ssrc: u32,
        sender: SenderInfo,
        blocks: Blocks<'a>,
    },
    ReceiverReport {
        ssrc: u32,
        blocks: Blocks<'a>,
    },
    /// The canonical name of the first source that gives one.
    SourceDescription {
        cname: Option<&'a [u8]>,
    },
    Bye {
        sources: u8,
    },
    Other {
        packet_type: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// Seconds since 1900 in the upper half, fractions in the lower.
    pub ntp: u64,
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// The report blocks of one packet, at most 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [u8]);

/// What the other side received of one of our streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub quality: Quality,
    /// Middle 32 bits of the NTP time of our last sender report; 0 = none came.
    pub last_report: u32,
    /// How long ago that was, in 1/65536 s.
    pub delay: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    #[error("RTCP version {0}, only 2 is known")]
    Version(u8),
    #[error("packet type {0} is no RTCP")]
    PacketType(u8),
    #[error("a compound begins with a report, not with packet type {0}")]
    NoReport(u8),
    #[error("packet type {0} reaches past the datagram, or its items past the packet")]
    Length(u8),
    #[error("padding where none may be, or more than there is")]
    Padding,
}

/// Checks a datagram as a whole (A.2): version 2 throughout, a report first and unpadded, lengths
/// that add up to the datagram's.
///
/// # Errors
///
/// The first rule that is broken.
pub fn compound(bytes: &[u8]) -> Result<Vec<Rtcp<'_>>, RtcpError> {
    let packets = packets(bytes)?;
    match packets.first() {
        Some(Rtcp::SenderReport { .. } | Rtcp::ReceiverReport { .. })
            if bytes[0] & PADDING_BIT == 0 =>
        {
            Ok(packets)
        }
        Some(Rtcp::SenderReport { .. } | Rtcp::ReceiverReport { .. }) => Err(RtcpError::Padding),
        Some(Rtcp::SourceDescription { .. } | Rtcp::Bye { .. } | Rtcp::Other { .. }) => {
            Err(RtcpError::NoReport(bytes[1]))
        }
        None => Err(RtcpError::Length(0)),
    }
}

/// Takes a datagram apart without asking what comes first (reduced size, RFC 5506).
///
/// # Errors
///
/// When a packet does not fit its own counts, or the datagram.
pub fn packets(mut bytes: &[u8]) -> Result<Vec<Rtcp<'_>>, RtcpError> {
    let mut packets = Vec::new();
    // Bounded: each packet takes at least 4 bytes of a datagram.
    while !bytes.is_empty() {
        let (packet, rest) = first(bytes)?;
        packets.push(packet);
        bytes = rest;
    }
    Ok(packets)
}

fn first(bytes: &[u8]) -> Result<(Rtcp<'_>, &[u8]), RtcpError> {
    let Some((&[flags, packet_type, high, low], _)) = bytes.split_first_chunk::<4>() else {
        return Err(RtcpError::Length(0));
    };
    if flags >> 6 != 2 {
        return Err(RtcpError::Version(flags >> 6));
    }
    let too_short = RtcpError::Length(packet_type);
    let len = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
    let (packet, rest) = bytes.split_at_checked(len).ok_or(too_short)?;
    let mut body = &packet[4..];
    if flags & PADDING_BIT != 0 {
        let padding = usize::from(*body.last().ok_or(RtcpError::Padding)?);
        if !rest.is_empty() || padding == 0 || padding > body.len() {
            return Err(RtcpError::Padding);
        }
        body = &body[..body.len() - padding];
    }
    let count = flags & COUNT_MASK;
    let packet = match packet_type {
        SENDER_REPORT => sender_report(body, count),
        RECEIVER_REPORT => body.split_first_chunk::<4>().and_then(|(ssrc, rest)| {
            let blocks = Blocks::take(rest, count)?;
            Some(Rtcp::ReceiverReport { ssrc: u32::from_be_bytes(*ssrc), blocks })
        }),
        SOURCE_DESCRIPTION => source_description(body, count),
        BYE => (body.len() >= usize::from(count) * 4).then_some(Rtcp::Bye { sources: count }),
        TRANSPORT_FEEDBACK | PAYLOAD_FEEDBACK => {
            (body.len() >= 8).then_some(Rtcp::Other { packet_type })
        }
        192..=223 => Some(Rtcp::Other { packet_type }),
        _ => return Err(RtcpError::PacketType(packet_type)),
    };
    Ok((packet.ok_or(too_short)?, rest))
}

fn sender_report(body: &[u8], count: u8) -> Option<Rtcp<'_>> {
    let (fixed, rest) = body.split_first_chunk::<24>()?;
    let word = |i: usize| u32_at(fixed, i * 4);
    let sender = SenderInfo {
        ntp: u64::from(word(1)) << 32 | u64::from(word(2)),
        timestamp: word(3),
        packets: word(4),
        octets: word(5),
    };
    Some(Rtcp::SenderReport { ssrc: word(0), sender, blocks: Blocks::take(rest, count)? })
}

fn source_description(mut body: &[u8], count: u8) -> Option<Rtcp<'_>> {
    let mut cname = None;
    for _ in 0..count {
        let mut items = body.get(4..)?;
        // Bounded: each item takes at least one byte.
        let chunk_len = loop {
            match *items {
                [END, ..] => break (body.len() - items.len() + 1).next_multiple_of(4),
                [kind, len, ref rest @ ..] => {
                    let (text, rest) = rest.split_at_checked(usize::from(len))?;
                    if kind == CNAME && cname.is_none() {
                        cname = Some(text);
                    }
                    items = rest;
                }
                [] | [_] => return None,
            }
        };
        body = body.get(chunk_len..)?;
    }
    Some(Rtcp::SourceDescription { cname })
}

impl<'a> Blocks<'a> {
    fn take(bytes: &'a [u8], count: u8) -> Option<Self> {
        bytes.get(..usize::from(count) * BLOCK_LEN).map(Self)
    }

    /// The block about our stream.
    #[must_use]
    pub fn about(self, ssrc: u32) -> Option<Block> {
        self.0.chunks_exact(BLOCK_LEN).map(Block::read).find(|block| block.quality.ssrc == ssrc)
    }
}

impl Block {
    fn read(bytes: &[u8]) -> Self {
        let lost = u32_at(bytes, 4);
        Self {
            quality: Quality {
                ssrc: u32_at(bytes, 0),
                fraction_lost: (lost >> 24) as u8,
                lost: (lost << 8) as i32 >> 8,
                highest: u32_at(bytes, 8),
                jitter: u32_at(bytes, 12),
            },
            last_report: u32_at(bytes, 16),
            delay: u32_at(bytes, 20),
        }
    }

    fn write(&self, out: &mut ReportWriter<'_>) {
        let quality = &self.quality;
        out.word(quality.ssrc);
        out.word(u32::from(quality.fraction_lost) << 24 | quality.lost as u32 & 0x00FF_FFFF);
        out.word(quality.highest);
        out.word(quality.jitter);
        out.word(self.last_report);
        out.word(self.delay);
    }
}

/// A compound of ours: a report, our name, and a farewell where the stream ends.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pub ssrc: u32,
    /// Present when we sent since the last report.
    pub sender: Option<SenderInfo>,
    pub block: Option<Block>,
    pub cname: [u8; CNAME_LEN],
    pub bye: bool,
}

/// Random hexadecimal digits, new for each leg (RFC 7022 §4.2): a name that says nothing.
pub const CNAME_LEN: usize = 16;
/// The longest [`Report`], in bytes.
pub const REPORT_LEN_MAX: usize = 28 + BLOCK_LEN + 28 + 8;

impl Report {
    /// Writes the compound and returns its length.
    pub fn write(&self, out: &mut [u8; REPORT_LEN_MAX]) -> usize {
        let mut out = ReportWriter { out, len: 0 };
        let blocks = u8::from(self.block.is_some());
        let block_words = u16::from(blocks) * (BLOCK_LEN as u16 / 4);
        match &self.sender {
            Some(sender) => {
                out.header(blocks, SENDER_REPORT, 6 + block_words);
                out.word(self.ssrc);
                out.word((sender.ntp >> 32) as u32);
                out.word(sender.ntp as u32);
                out.word(sender.timestamp);
                out.word(sender.packets);
                out.word(sender.octets);
            }
            None => {
                out.header(blocks, RECEIVER_REPORT, 1 + block_words);
                out.word(self.ssrc);
            }
        }
        if let Some(block) = &self.block {
            block.write(&mut out);
        }
        // Two bytes of item header and two of padding around the name.
        out.header(1, SOURCE_DESCRIPTION, 2 + CNAME_LEN as u16 / 4);
        out.word(self.ssrc);
        out.bytes(&[CNAME, CNAME_LEN as u8]);
        out.bytes(&self.cname);
        out.bytes(&[END, 0]);
        if self.bye {
            out.header(1, BYE, 1);
            out.word(self.ssrc);
        }
        out.len
    }
}

struct ReportWriter<'a> {
    out: &'a mut [u8; REPORT_LEN_MAX],
    len: usize,
}

impl ReportWriter<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn word(&mut self, word: u32) {
        self.bytes(&word.to_be_bytes());
    }

    fn header(&mut self, count: u8, packet_type: u8, words: u16) {
        let [high, low] = words.to_be_bytes();
        self.bytes(&[2 << 6 | count, packet_type, high, low]);
    }
}

/// Wall-clock time as NTP counts it.
#[must_use]
pub fn ntp(now: Timestamp) -> u64 {
    let (seconds, ms) = (now.as_millis() / 1000, now.as_millis() % 1000);
    ((seconds + SECONDS_1900_TO_1970) << 32) | ((ms << 32) / 1000)
}

/// The middle 32 bits of an NTP time, as report blocks carry it.
#[must_use]
pub const fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

const PADDING_BIT: u8 = 0x20;
const COUNT_MASK: u8 = 0x1F;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const BLOCK_LEN: usize = 24;
const END: u8 = 0;
const CNAME: u8 = 1;
const SECONDS_1900_TO_1970: u64 = 2_208_988_800;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::torture;

    fn block() -> Block {
        let quality = Quality { ssrc: 9, fraction_lost: 64, lost: -3, highest: 70_000, jitter: 42 };
        Block { quality, last_report: 0x1234_5678, delay: 65_536 }
    }

    #[test]
    fn a_report_is_read_back_whole() {
        let sender = SenderInfo { ntp: ntp(Timestamp(1_500)), timestamp: 5, packets: 6, octets: 7 };
        let report = Report {
            ssrc: 1,
            sender: Some(sender),
            block: Some(block()),
            cname: *b"0123456789abcdef",
            bye: true,
        };
        let mut out = [0; REPORT_LEN_MAX];
        let len = report.write(&mut out);
        assert_eq!(len, REPORT_LEN_MAX);
        let read = compound(&out[..len]).unwrap();
        let [Rtcp::SenderReport { ssrc: 1, sender: read_sender, blocks }, name, bye] = &read[..]
        else {
            panic!("{read:?}");
        };
        assert_eq!(*read_sender, sender);
        assert_eq!(blocks.about(9), Some(block()));
        assert_eq!(blocks.about(8), None);
        assert_eq!(*name, Rtcp::SourceDescription { cname: Some(b"0123456789abcdef") });
        assert_eq!(*bye, Rtcp::Bye { sources: 1 });

        let short = Report { sender: None, block: None, bye: false, ..report };
        let len = short.write(&mut out);
        assert_eq!(compound(&out[..len]).unwrap().len(), 2);
    }

    #[test]
    fn a_compound_begins_with_a_report() {
        assert_eq!(compound(&[]), Err(RtcpError::Length(0)));
        assert_eq!(compound(&[0x80, 203, 0, 0]), Err(RtcpError::NoReport(203)));
        assert_eq!(compound(&[0x80, 201, 0, 0]), Err(RtcpError::Length(201)));
        assert_eq!(compound(&[0x80, 201, 0, 9, 0, 0, 0, 1]), Err(RtcpError::Length(201)));
        assert!(compound(&[0x80, 201, 0, 1, 0, 0, 0, 1]).is_ok());
        assert_eq!(
            compound(&[0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4]),
            Err(RtcpError::Padding),
            "the first packet may not be padded"
        );
    }

    #[test]
    fn ntp_counts_from_1900() {
        assert_eq!(ntp(Timestamp(500)), SECONDS_1900_TO_1970 << 32 | 1 << 31);
        assert_eq!(ntp_middle(0x0000_1234_5678_0000), 0x1234_5678);
    }

    #[test]
    fn published_packets_are_taken_or_refused_as_their_names_say() {
        for (name, good) in [
            ("bye", true),
            ("bye_invalid", false),
            ("bye_no_sources", true),
            ("bye_padding", true),
            ("psfb_invalid", false),
            ("psfb_pli", true),
            ("rr", true),
            ("rr_invalid", false),
            ("rtpfb", true),
            ("rtpfb_invalid", false),
            ("sdes", true),
            ("sdes_item_truncated", false),
            ("sdes_source_truncated", false),
            ("sr", true),
            ("sr_invalid", false),
        ] {
            let Some(bytes) = torture::bytes(&format!("rtp/rtcp_{name}.bin")) else { return };
            let read = packets(&bytes);
            assert_eq!(read.is_ok(), good, "{name}: {read:?}");
        }
    }

    proptest! {
        #[test]
        fn no_datagram_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = packets(&bytes);
            // The same with a header that leads into every branch.
            if bytes.len() >= 4 {
                bytes[0] = 0x80 | bytes[0] & 0x3F;
                bytes[1] = 200 + bytes[1] % 8;
                bytes[2] = 0;
                bytes[3] = (bytes.len() / 4 - 1) as u8;
                let _ = compound(&bytes);
            }
        }
    }
}
