//! Session descriptions (RFC 8866) and the offer/answer rules (RFC 3264) for one audio stream.
//!
//! **Invariant:** an answer has the media lines of its offer, in its order, all but one refused;
//! the version in `o=` goes up by one when, and only when, what we say changed.
//!
//! **Deliberately absent:** sockets. Which address and port are ours is the caller's to say.

mod answer;
mod parse;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use crate::words::{Codec, Direction};

pub use answer::Session;
pub use parse::Sdp;

/// The Content-Type of what is written here.
pub const CONTENT_TYPE: &str = "application/sdp";

/// A longer description is not read: 488.
pub const SDP_BYTES_MAX: usize = 16 * 1024;
/// More media lines than this: 488.
pub const MEDIA_MAX: usize = 32;
/// Formats of a media line past this many are not looked at.
pub const FORMATS_MAX: usize = 64;

/// What we can do on one leg, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// As the other side is to see it.
    pub address: IpAddr,
    /// RTP; RTCP is on the next one.
    pub port: u16,
    /// What we take, best first (the order of our offers; answers follow the offer's order).
    pub codecs: Vec<Codec>,
    /// The payload type we offer telephone-event under; `None`: we do not take it.
    pub telephone_event: Option<u8>,
    /// Whether RTCP may share the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Speech in a packet.
    pub ptime_ms: u8,
    /// What we want: `SendOnly` or `Inactive` to hold the other side.
    pub direction: Direction,
}

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaParams {
    /// Unspecified (0.0.0.0) when the other side takes nothing; then `direction` does not send.
    pub remote_rtp: SocketAddr,
    pub remote_rtcp: SocketAddr,
    pub rtcp_mux: bool,
    /// What we send.
    pub codec: Codec,
    pub payload_type: u8,
    /// The other codec, where both stayed in the answer: the other side may send it unannounced.
    pub also: Option<(Codec, u8)>,
    /// The payload type of telephone-event, both ways.
    pub telephone_event: Option<u8>,
    pub direction: Direction,
    /// Speech in a packet that we send; 10 to 60.
    pub ptime_ms: u8,
}

/// Why a description cannot be agreed on: 488 (RFC 3261 §21.4.26), with a Warning (§20.43).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAcceptable {
    #[error("session description: {0}")]
    Unreadable(&'static str),
    #[error("no audio stream")]
    NoAudio,
    #[error("audio only as RTP/AVP")]
    Protocol,
    #[error("no usable address for audio")]
    NoAddress,
    #[error("audio at an address of the other IP version than ours")]
    IpVersion,
    #[error("audio only as PCMU or PCMA")]
    NoCodec,
}

impl NotAcceptable {
    /// The number of RFC 3261 §20.43.
    #[must_use]
    pub const fn warning(self) -> u16 {
        match self {
            Self::Unreadable(_) => 399,
            Self::NoAudio => 304,
            Self::Protocol => 302,
            Self::NoAddress | Self::IpVersion => 301,
            Self::NoCodec => 305,
        }
    }
}
