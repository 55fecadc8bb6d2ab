//! One RTP packet (RFC 3550 §5.1): parsed from a datagram, written into one.
//!
//! **Invariant:** parsing never reads outside the datagram and never allocates; a packet without
//! any payload is a legal packet.
//!
//! **Deliberately absent:** contributing sources and header extensions, which are stepped over;
//! SRTP.

/// The fixed part of the header, in bytes.
pub const HEADER_LEN: usize = 12;
/// The longest datagram we send or take, in bytes: 60 ms of G.711 is 492. A longer one is dropped.
pub const PACKET_LEN_MAX: usize = 1_500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    /// In units of the clock of what is sent.
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    #[error("{0} bytes are too few for an RTP header of 12")]
    TooShort(usize),
    #[error("RTP version {0}, only 2 is known")]
    Version(u8),
    #[error("the contributing sources reach past the datagram")]
    ContributingSources,
    #[error("the header extension reaches past the datagram")]
    Extension,
    #[error("the padding is longer than the payload")]
    Padding,
}

impl<'a> Packet<'a> {
    /// # Errors
    ///
    /// When the datagram is no RTP version 2 packet or its parts do not fit in it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtpError> {
        let Some((header, mut rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(RtpError::TooShort(bytes.len()));
        };
        if header[0] >> 6 != 2 {
            return Err(RtpError::Version(header[0] >> 6));
        }
        let sources_len = usize::from(header[0] & 0x0F) * 4;
        rest = rest.get(sources_len..).ok_or(RtpError::ContributingSources)?;
        if header[0] & EXTENSION_BIT != 0 {
            let extension = rest.first_chunk::<4>().ok_or(RtpError::Extension)?;
            let words = usize::from(u16::from_be_bytes([extension[2], extension[3]]));
            rest = rest.get(4 + words * 4..).ok_or(RtpError::Extension)?;
        }
        if header[0] & PADDING_BIT != 0 {
            let padding = usize::from(*rest.last().ok_or(RtpError::Padding)?);
            if padding == 0 || padding > rest.len() {
                return Err(RtpError::Padding);
            }
            rest = &rest[..rest.len() - padding];
        }
        Ok(Self {
            marker: header[1] & MARKER_BIT != 0,
            payload_type: header[1] & !MARKER_BIT,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            payload: rest,
        })
    }

    /// Writes the packet and returns its length; `None` where it does not fit.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let len = HEADER_LEN + self.payload.len();
        let out = out.get_mut(..len)?;
        let (header, payload) = out.split_at_mut(HEADER_LEN);
        header.copy_from_slice(&self.header());
        payload.copy_from_slice(self.payload);
        Some(len)
    }

    /// The fixed header of this packet, for a payload that is written in place behind it.
    #[must_use]
    pub fn header(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        header[0] = 2 << 6;
        header[1] = self.payload_type & !MARKER_BIT | if self.marker { MARKER_BIT } else { 0 };
        header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        header
    }
}

/// Whether a datagram on a socket shared by both is RTCP (RFC 5761 §4).
#[must_use]
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [_, 192..=223, ..])
}

const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const MARKER_BIT: u8 = 0x80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::torture;

    #[test]
    fn what_is_written_is_read_back() {
        let packet = Packet {
            marker: true,
            payload_type: 101,
            sequence: 65_535,
            timestamp: 4_000_000_000,
            ssrc: 0x1234_5678,
            payload: &[1, 2, 3, 4],
        };
        let mut out = [0; 64];
        let len = packet.write(&mut out).unwrap();
        assert_eq!(len, 16);
        assert_eq!(Packet::parse(&out[..len]), Ok(packet));
        assert_eq!(packet.write(&mut [0; 15]), None);
    }

    #[test]
    fn parts_that_reach_past_the_datagram_are_named() {
        let mut bytes = [0_u8; 16];
        assert_eq!(Packet::parse(&bytes[..11]), Err(RtpError::TooShort(11)));
        assert_eq!(Packet::parse(&bytes), Err(RtpError::Version(0)));
        bytes[0] = 0x82;
        assert_eq!(Packet::parse(&bytes), Err(RtpError::ContributingSources));
        bytes[0] = 0x90;
        bytes[15] = 1;
        assert_eq!(Packet::parse(&bytes), Err(RtpError::Extension));
        bytes[0] = 0xA0;
        bytes[15] = 5;
        assert_eq!(Packet::parse(&bytes), Err(RtpError::Padding));
        bytes[15] = 4;
        assert_eq!(Packet::parse(&bytes).map(|p| p.payload.len()), Ok(0));
    }

    #[test]
    fn published_packets_are_taken_apart() {
        for (file, payload_type, payload_len) in [
            ("rtp/rtp.bin", 0, 160),
            ("rtp/rtp_dtmf.bin", 101, 4),
            ("rtp/rtp_only_padding.bin", 120, 0),
            ("rtp/rtp_only_padding_with_header_extensions.bin", 98, 0),
            ("rtp/rtp_with_csrc.bin", 0, 160),
        ] {
            let Some(bytes) = torture::bytes(file) else { return };
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!((packet.payload_type, packet.payload.len()), (payload_type, payload_len));
        }
    }

    proptest! {
        #[test]
        fn no_datagram_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(packet) = Packet::parse(&bytes) {
                prop_assert!(packet.payload.len() + HEADER_LEN <= bytes.len());
            }
        }
    }
}
