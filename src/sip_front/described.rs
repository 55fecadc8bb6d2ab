//! What a description in SDP is to the data plane, and what the data plane is in SDP.

use std::net::SocketAddr;

use crate::media::format::AudioFormat;
use crate::media::session::RemoteMedia;
use crate::sip::sdp;
use crate::words::{Codec, Direction};

/// Every telephone and trunk knows this dynamic payload type for telephone-event.
const TELEPHONE_EVENT: u8 = 101;

/// What we offer and take on a leg whose sockets are at `rtp`.
pub(super) fn local_media(rtp: SocketAddr) -> sdp::LocalMedia {
    sdp::LocalMedia {
        address: rtp.ip(),
        port: rtp.port(),
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        telephone_event: Some(TELEPHONE_EVENT),
        rtcp_mux: true,
        ptime_ms: 20,
        direction: Direction::SendRecv,
    }
}

pub(super) fn remote_media(params: &sdp::MediaParams) -> RemoteMedia {
    RemoteMedia {
        rtp: params.remote_rtp,
        rtcp: Some(params.remote_rtcp),
        rtcp_mux: params.rtcp_mux,
        format: AudioFormat::new(params.codec, params.ptime_ms),
        payload_type: params.payload_type,
        also: params.also.map(|(also, _)| also),
        telephone_event: params.telephone_event,
        direction: params.direction,
    }
}
