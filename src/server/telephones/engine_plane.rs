//! The data plane of the server: the media engine and the voices before it.
//!
//! **Invariant:** a leg has ports on the address that the routing table names for its other end.
//!
//! **Deliberately absent:** what the engine has to say, which comes along a channel.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::id::{LegId, PlayId, RecordingId};
use crate::media::io::MediaEngine;
use crate::media::recorder::RecordingSpec;
use crate::media::session::RemoteMedia;
use crate::media::source::Origins;
use crate::media::speech::Speech;
use crate::server::local::LocalAddresses;
use crate::sip_front::DataPlane;
use crate::time::{Throttle, Timestamp};
use crate::words::{Digit, Prompt};

/// What every call can meet is said once within this, and with how often it was met.
const SAID_EVERY: Duration = Duration::from_secs(60);
/// Addresses of ours of which it is said within that time that they have no ports left.
const PORTLESS_MAX: usize = 16;

pub(in crate::server) struct EnginePlane {
    pub(in crate::server) media: Arc<MediaEngine>,
    pub(in crate::server) local: LocalAddresses,
    speech: Speech,
    /// Of which addresses it was said that they have no media ports left.
    portless: Throttle<IpAddr>,
}

impl EnginePlane {
    pub(in crate::server) fn new(
        media: Arc<MediaEngine>,
        speech: Speech,
        local: LocalAddresses,
    ) -> Self {
        Self { media, local, speech, portless: Throttle::new(SAID_EVERY, PORTLESS_MAX) }
    }
}

impl DataPlane for EnginePlane {
    fn open(&mut self, now: Timestamp, leg: LegId, remote: IpAddr) -> Option<SocketAddr> {
        let (ours, announced) = self.local.towards(remote);
        let opened = self.media.open(leg, ours).map(|media| (announced, media)).or_else(|error| {
            // The machine may have moved to another network.
            self.local.forget(remote);
            let (now_ours, announced) = self.local.towards(remote);
            if now_ours == ours {
                return Err(error);
            }
            self.media.open(leg, now_ours).map(|media| (announced, media))
        });
        match opened {
            Ok((announced, media)) => Some((announced, media.rtp.port()).into()),
            Err(error) => {
                if let Some(more) = self.portless.say(now, ours) {
                    let more = more.same + more.others;
                    tracing::error!(%leg, %ours, %error, more, "no media ports for this call");
                }
                None
            }
        }
    }

    fn configure(&mut self, leg: LegId, remote: RemoteMedia, origins: Origins) {
        self.media.configure(leg, remote, origins);
    }

    fn play(&mut self, leg: LegId, play: PlayId, prompts: Vec<Prompt>, repeat: bool) {
        self.speech.play(leg, play, prompts, repeat);
    }

    fn stop_play(&mut self, leg: LegId) {
        self.media.stop_play(leg);
    }

    fn record(&mut self, leg: LegId, spec: RecordingSpec, beep: bool) {
        self.media.record(leg, spec, beep);
    }

    fn stop_record(&mut self, leg: LegId) {
        self.media.stop_record(leg);
    }

    fn record_call(&mut self, leg: LegId, recording: RecordingId, left: LegId) {
        self.media.record_call(leg, recording, left);
    }

    fn press(&mut self, leg: LegId, digit: Digit) {
        self.media.press(leg, digit);
    }

    fn hear(&mut self, leg: LegId, from: Vec<LegId>) {
        self.media.hear(leg, from);
    }

    fn close(&mut self, leg: LegId) {
        self.media.close(leg);
    }

    fn close_and_tell(&mut self, leg: LegId) {
        self.media.close_and_tell(leg);
    }
}
