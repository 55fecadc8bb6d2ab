//! A leg and the mixer: what the leg says goes there as samples, and a mix comes back.
//!
//! **Invariant:** a mix is one more sound of the leg's one stream, in packets of the leg's own
//! length; what plays on the leg silences it.
//!
//! **Deliberately absent:** keys of those who are mixed. One leg's key is of use to one other; to
//! several it would be noise, so it is reported and not heard.

use std::net::SocketAddr;

use crate::media::format::{AudioFormat, FRAME_SAMPLES, Frame, duration};
use crate::media::session::{Buffer, Session};
use crate::time::Timestamp;

/// Samples of the mix that make no whole packet yet.
#[derive(Debug, Default)]
pub(super) struct Mixed {
    waiting: Vec<i16>,
}

impl Mixed {
    /// What waits is not heard any more.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl Session {
    /// Whether a leg hears this one in a mix: then [`Session::heard`] says what came.
    pub fn set_mixed(&mut self, is_mixed: bool) {
        self.is_mixed = is_mixed;
        self.decoder.forget();
    }

    /// Takes a frame of what this leg should hear. [`Session::mixed_packet`], called until it
    /// returns `None`, gives what to send.
    pub fn hear_mix(&mut self, frame: &Frame) {
        if !self.may_send() || self.playing.is_audible() {
            self.mixed.clear();
            return;
        }
        // Once for the leg, not for a packet.
        self.mixed.waiting.reserve_exact(WAITING_MAX.saturating_sub(self.mixed.waiting.len()));
        self.mixed.waiting.extend(frame);
    }

    /// A packet of the mix whose last frame was due at `due`.
    pub fn mixed_packet(
        &mut self,
        due: Timestamp,
        buffer: &mut Buffer,
    ) -> Option<(SocketAddr, usize)> {
        let len = self.remote.as_ref()?.media.format.packet_samples();
        let rest = self.mixed.waiting.len().checked_sub(len)?;
        let waiting = std::mem::take(&mut self.mixed.waiting);
        let sent = self.encode(due - duration(rest as u64), &waiting, buffer);
        self.mixed.waiting = waiting;
        self.mixed.waiting.drain(..len);
        sent
    }
}

/// Less than a packet, and a frame.
const WAITING_MAX: usize = AudioFormat::PACKET_SAMPLES_MAX + FRAME_SAMPLES;
