//! The edge of a leg: its codec on one side, linear samples on the other.
//!
//! **Invariant:** a packet is decoded at most once, and only where its samples are wanted.
//!
//! **Deliberately absent:** what is passed on or played in G.711, which needs no samples.

use std::net::SocketAddr;

use crate::media::format::{Decode, Encode, Heard, coding};
use crate::media::rtp::{HEADER_LEN, Packet};
use crate::media::session::recording::Recording;
use crate::media::session::{Buffer, Content, Session};
use crate::time::Timestamp;
use crate::words::Codec;

/// The stream that comes, as samples.
#[derive(Default)]
pub(super) struct Decoder {
    stream: Option<(Codec, Box<dyn Decode>)>,
    /// SSRC and time stamp of the packet that came last, where it was sound.
    last: Option<(u32, u32)>,
    samples: Vec<i16>,
}

/// The stream that leaves, where it is made of samples.
#[derive(Default)]
pub(super) struct Encoder {
    stream: Option<(Codec, Box<dyn Encode>)>,
}

impl Decoder {
    /// Another sender: nothing that came so far belongs to it.
    pub(super) fn restart(&mut self) {
        self.stream = None;
    }

    /// What came last was heard by everybody who wants it.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    pub(super) fn heard(&self) -> Option<Heard<'_>> {
        let (ssrc, timestamp) = self.last?;
        Some(Heard { ssrc, timestamp, samples: &self.samples })
    }

    fn decode(&mut self, codec: Codec, payload: &[u8]) {
        let begin = || (codec, coding(codec).decoder());
        self.samples.clear();
        match &mut self.stream {
            Some((of, decoder)) if *of == codec => decoder.decode(payload, &mut self.samples),
            stream => stream.insert(begin()).1.decode(payload, &mut self.samples),
        }
    }
}

impl Session {
    /// The sound of the packet that came last, where it was sound and is wanted.
    #[must_use]
    pub fn heard(&self) -> Option<Heard<'_>> {
        self.decoder.heard()
    }

    /// Whether there is wanted sound now.
    pub(super) fn decode(&mut self, packet: &Packet<'_>, content: Content<'_>) -> bool {
        let is_recorded = matches!(self.recording, Some(Recording::Running(_)));
        if !(is_recorded || self.is_mixed || self.tones.is_some()) {
            return false;
        }
        self.decoder.last = None;
        let (Content::Audio(codec, payload), Some(remote)) = (content, &self.remote) else {
            return false;
        };
        self.decoder.decode(codec, payload);
        let timestamp = remote.media.format.clock().samples(packet.timestamp);
        self.decoder.last = Some((packet.ssrc, timestamp));
        true
    }

    /// Makes one packet, due at `due`, of the first of these samples.
    pub(super) fn encode(
        &mut self,
        due: Timestamp,
        samples: &[i16],
        buffer: &mut Buffer,
    ) -> Option<(SocketAddr, usize)> {
        let format = self.remote.as_ref()?.media.format;
        let codec = format.codec();
        let samples = samples.get(..format.packet_samples())?;
        let stream = match &mut self.encoder.stream {
            Some(stream) if stream.0 == codec => stream,
            stream => stream.insert((codec, coding(codec).encoder())),
        };
        let len = stream.1.encode(samples, &mut buffer[HEADER_LEN..]);
        self.frame(due, len, buffer)
    }
}
