//! One leg's media, without sockets: datagrams in, datagrams and facts out.
//!
//! After each input, call [`Session::handle_timeout`] until it returns `None`, then again at
//! [`Session::poll_timeout`].
//!
//! **Invariant:** a leg sends one stream and believes one source; what plays on a leg silences what
//! is relayed to it, never the other way round.
//!
//! **Deliberately absent:** a jitter buffer. What is passed on goes out as it comes, and the far
//! end's own buffer does its work once; what is mixed waits in the mixer.

mod bridging;
mod edge;
mod mixing;
mod playing;
mod recording;
mod report;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::id::PlayId;
use crate::media::dtmf;
use crate::media::format::AudioFormat;
use crate::media::goertzel::Detector;
use crate::media::keys::{Presses, Way};
use crate::media::outgoing::{Outgoing, Size};
use crate::media::reception::Reception;
use crate::media::recorder::Finished;
use crate::media::rtp::{self, HEADER_LEN, PACKET_LEN_MAX, Packet};
use crate::media::source::{Origins, Source, Verdict};
use crate::time::Timestamp;
use crate::words::{Codec, Digit, Direction};

pub use bridging::{Content, Relayed};

use edge::{Decoder, Encoder};
use mixing::Mixed;
use playing::Playing;
use recording::Recording;
use report::Reports;

/// What the other side of a leg said about its media (SDP, already negotiated).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteMedia {
    pub rtp: SocketAddr,
    /// Where its RTCP goes; the port above `rtp` when not said.
    pub rtcp: Option<SocketAddr>,
    /// RTCP on the RTP port, both ways (RFC 5761).
    pub rtcp_mux: bool,
    /// What we send, and under which payload type.
    pub format: AudioFormat,
    pub payload_type: u8,
    /// The other law, where both were negotiated: a sender may change without notice.
    pub also: Option<Codec>,
    /// The payload type of telephone-event; `None` switches in-band detection on.
    pub telephone_event: Option<u8>,
    pub direction: Direction,
}

/// How a leg behaves while one of its sides is silent; `None` = no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Silence of the other side (neither RTP nor RTCP) after which the leg counts as dead.
    pub silence: Option<Duration>,
    /// The same while it is not expected to send.
    pub silence_on_hold: Option<Duration>,
    /// Whether we send silence while nothing plays and nothing is relayed, so that no party on the
    /// way takes the call for dead; else no more than what keeps a NAT's mapping open.
    pub transmit_silence: bool,
}

/// What a leg's media came to, for the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub received: u64,
    pub lost: u64,
    pub jitter_ms_max: u32,
    /// Packets from another source, thrown away.
    pub foreign: u64,
    /// Datagrams that were no RTP, or of a payload type that was not negotiated.
    pub refused: u64,
    pub sent: u64,
    /// Packets the system did not take; they count as sent above.
    pub unsent: u64,
    /// Packets that went out so late that the stream had to skip.
    pub gaps: u64,
    /// Of our packets, as the other side last reported it.
    pub remote_lost: Option<i32>,
}

/// What one datagram meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received<'a> {
    pub digit: Option<Digit>,
    /// For the leg this one is bridged to.
    pub relayed: Option<Relayed<'a>>,
}

/// What a leg wants done. `len` bytes of the buffer go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Rtp {
        to: SocketAddr,
        len: usize,
    },
    Rtcp {
        to: SocketAddr,
        len: usize,
    },
    PromptDone(PlayId),
    /// A recording is over; `rest` are its last samples.
    Recorded {
        finished: Finished,
        rest: Vec<i16>,
    },
    /// Nothing came for longer than the limit. Said once, until something comes again.
    Inactive,
    /// Nothing came at all in the first seconds: one-way audio. Or it came, but from an address
    /// that may not be the source.
    NoInboundRtp {
        elsewhere: Option<IpAddr>,
    },
}

/// Room for the longest datagram of ours.
pub type Buffer = [u8; PACKET_LEN_MAX];

pub struct Session {
    limits: Limits,
    remote: Option<Remote>,
    outgoing: Outgoing,
    playing: Playing,
    recording: Option<Recording>,
    decoder: Decoder,
    encoder: Encoder,
    /// Whether a leg hears this one in a mix.
    is_mixed: bool,
    /// What this leg hears of one.
    mixed: Mixed,
    reception: Reception,
    keys: dtmf::Receiver,
    presses: Presses,
    /// How many keys were pressed, when the last one was, and until when it is down, unless more is
    /// heard of it.
    pressed: u32,
    pressed_at: Timestamp,
    down_until: Timestamp,
    /// How many the leg had pressed that this one hears alone, when that began.
    pressed_before: u32,
    /// How many were pressed when the recording began.
    recorded_after: u32,
    /// Only where keys come as tones.
    tones: Option<Box<Detector>>,
    reports: Reports,
    foreign: u64,
    /// Where sound came from last that was not believed.
    elsewhere: Option<IpAddr>,
    refused: u64,
    /// When anything believable came last; when the media was described, before that.
    heard_at: Timestamp,
    described_at: Timestamp,
    inactive: bool,
    no_inbound_said: bool,
    housekeeping_at: Timestamp,
}

struct Remote {
    media: RemoteMedia,
    source: Source,
}

impl Session {
    /// `seed` decides every random number of the stream.
    #[must_use]
    pub fn new(seed: u64, limits: Limits) -> Self {
        Self {
            limits,
            remote: None,
            outgoing: Outgoing::new(seed),
            playing: Playing::default(),
            recording: None,
            decoder: Decoder::default(),
            encoder: Encoder::default(),
            is_mixed: false,
            mixed: Mixed::default(),
            reception: Reception::default(),
            keys: dtmf::Receiver::default(),
            presses: Presses::default(),
            pressed: 0,
            pressed_at: Timestamp(0),
            down_until: Timestamp(0),
            pressed_before: 0,
            recorded_after: 0,
            tones: None,
            reports: Reports::new(seed),
            foreign: 0,
            elsewhere: None,
            refused: 0,
            heard_at: Timestamp(0),
            described_at: Timestamp(0),
            inactive: false,
            no_inbound_said: false,
            housekeeping_at: Timestamp(0),
        }
    }

    /// The other side described its media, for the first time or again. `origins`: where it may
    /// come from beside the address described.
    pub fn configure(&mut self, now: Timestamp, media: RemoteMedia, origins: Origins) {
        let source = match self.remote.take() {
            Some(mut remote) => {
                remote.source.announce(now, media.rtp, origins);
                remote.source
            }
            None => {
                self.described_at = now;
                self.reports.begin(now);
                Source::new(media.rtp, origins)
            }
        };
        match media.telephone_event {
            Some(_) => self.tones = None,
            None => {
                self.tones.get_or_insert_default();
            }
        }
        self.outgoing.set_clock(media.format.clock());
        self.reception.set_clock(media.format.clock());
        self.remote = Some(Remote { media, source });
        self.heard_at = now;
        self.inactive = false;
        self.housekeeping_at = now;
        self.playing.resume(self.outgoing.earliest(now));
    }

    /// Takes one datagram from the RTP socket.
    pub fn receive<'a>(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        bytes: &'a [u8],
    ) -> Received<'a> {
        let Some(remote) = &mut self.remote else {
            self.foreign += 1;
            return Received::default();
        };
        if rtp::is_rtcp(bytes) {
            if remote.media.rtcp_mux {
                self.receive_rtcp(now, from, bytes);
            }
            return Received::default();
        }
        let Ok(packet) = Packet::parse(bytes) else {
            self.refused += 1;
            return Received::default();
        };
        let media = remote.media;
        let Some(content) = content(&media, &packet) else {
            self.refused += 1;
            return Received::default();
        };
        match remote.source.judge(now, from, packet.ssrc, packet.sequence) {
            Verdict::Believed => self.hear(now, &packet, content),
            Verdict::Learning => Received::default(),
            Verdict::Foreign => {
                self.foreign += 1;
                self.elsewhere = Some(from.ip());
                Received::default()
            }
        }
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            received: self.reception.received(),
            lost: self.reception.lost(),
            jitter_ms_max: self.reception.jitter_ms_max(),
            foreign: self.foreign,
            refused: self.refused,
            sent: u64::from(self.outgoing.packets()),
            unsent: 0,
            gaps: self.playing.gaps(),
            remote_lost: self.reports.remote_lost(),
        }
    }

    /// Whether RTCP is to leave from the RTP socket.
    #[must_use]
    pub fn shares_port(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.media.rtcp_mux)
    }

    /// When to call [`Session::handle_timeout`] next; `None` until the media is described.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.remote.as_ref()?;
        let sending =
            if self.may_send() { [self.playing.deadline(), self.silence_due()] } else { [None; 2] };
        let own = [Some(self.housekeeping_at), self.recording_deadline()];
        own.into_iter().chain(sending).flatten().min()
    }

    /// One thing that is due, or `None`: then everything was done up to `now`.
    pub fn handle_timeout(&mut self, now: Timestamp, buffer: &mut Buffer) -> Option<Output> {
        self.remote.as_ref()?; // a play may come before the media is described; it waits for that
        if self.may_send()
            && let Some(output) = self.play_frame(now, buffer)
        {
            return Some(output);
        }
        if let Some(output) = self.drive_recording(now) {
            return Some(output);
        }
        if let Some(output) = self.send_silence(now, buffer) {
            return Some(output);
        }
        if now < self.housekeeping_at {
            return None;
        }
        let output = self.keep_house(now, buffer);
        if output.is_none() {
            self.housekeeping_at = now + HOUSEKEEPING;
        }
        output
    }

    fn hear<'a>(
        &mut self,
        now: Timestamp,
        packet: &Packet<'a>,
        content: Content<'a>,
    ) -> Received<'a> {
        self.heard_at = now;
        if self.inactive {
            self.inactive = false;
            self.playing.resume(self.outgoing.earliest(now));
        }
        let audio = matches!(content, Content::Audio(..)).then_some(packet.timestamp);
        if self.reception.count(now, packet.ssrc, packet.sequence, audio) {
            self.keys.restart();
            self.decoder.restart();
            if let Some(tones) = &mut self.tones {
                tones.reset();
            }
        }
        let is_wanted = self.decode(packet, content);
        let digit = self.key(now, packet, content);
        let is_of_key = self.has_key_down(now) || content.is_key();
        let key = is_of_key.then_some(self.pressed);
        if is_wanted {
            self.record_packet(now, key);
        }
        let relayed = Relayed {
            key,
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            content,
        };
        Received { digit, relayed: Some(relayed) }
    }

    /// A key that came by SIP INFO. `None` when the same press came in the sound.
    pub fn press(&mut self, now: Timestamp, digit: Digit) -> Option<Digit> {
        let digit = self.count_press(now, Way::Info, digit);
        self.key_is_down(now, INFO_KEY);
        digit
    }

    /// Whether a key is down, whose tone may be in the sound. One that stays down is forgotten
    /// after `KEY_DOWN_MAX`.
    #[must_use]
    pub fn has_key_down(&self, now: Timestamp) -> bool {
        now < self.down_until
    }

    /// How many keys were pressed on this leg, whichever ways they came.
    #[must_use]
    pub fn pressed(&self) -> u32 {
        self.pressed
    }

    fn key(&mut self, now: Timestamp, packet: &Packet<'_>, content: Content<'_>) -> Option<Digit> {
        let (way, digit, goes_on, lasts) = match (content, &mut self.tones) {
            (Content::TelephoneEvent(payload), _) => {
                let digit = self.keys.receive(packet.timestamp, packet.marker, payload);
                let lasts = if self.keys.is_up() { Duration::ZERO } else { EVENT_GAP };
                (Way::Event, digit, true, Some(lasts))
            }
            (Content::Audio(..), Some(tones)) => {
                let digit = tones.hear(self.decoder.heard()?.samples);
                (Way::Tone, digit, tones.is_down(), tones.is_down().then_some(TONE_GAP))
            }
            (Content::Audio(..), None) | (Content::Nothing, _) => return None,
        };
        if digit.is_none() && goes_on {
            self.presses.is_down(now, way);
        }
        let digit = digit.and_then(|digit| self.count_press(now, way, digit));
        if let Some(lasts) = lasts {
            self.key_is_down(now, lasts);
        }
        digit
    }

    fn count_press(&mut self, now: Timestamp, way: Way, digit: Digit) -> Option<Digit> {
        let digit = self.presses.press(now, way, digit)?;
        self.pressed = self.pressed.wrapping_add(1);
        self.pressed_at = now;
        Some(digit)
    }

    /// The key that was pressed last is down for this much longer, unless a packet says otherwise.
    fn key_is_down(&mut self, now: Timestamp, lasts: Duration) {
        self.down_until = (now + lasts).min(self.pressed_at + KEY_DOWN_MAX);
    }

    fn may_send(&self) -> bool {
        let Some(remote) = &self.remote else { return false };
        let allowed = remote.media.direction.sends();
        // To an address that never answers we do not send forever.
        allowed && !self.inactive && is_one_host(remote.source.destination())
    }

    fn may_receive(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.media.direction.receives())
    }

    /// What happens about once per second, one thing per call.
    fn keep_house(&mut self, now: Timestamp, buffer: &mut Buffer) -> Option<Output> {
        let unheard = self.reception.received() == 0;
        if unheard
            && !self.no_inbound_said
            && self.may_receive()
            && now.since(self.described_at) >= NO_INBOUND_AFTER
        {
            self.no_inbound_said = true;
            return Some(Output::NoInboundRtp { elsewhere: self.elsewhere });
        }
        let limit =
            if self.may_receive() { self.limits.silence } else { self.limits.silence_on_hold };
        let silent = now.since(self.heard_at.max(self.reports.heard_at()));
        if !self.inactive && limit.is_some_and(|limit| silent >= limit) {
            self.inactive = true;
            return Some(Output::Inactive);
        }
        self.report(now, buffer)
    }

    /// When the next frame of silence goes out, should nothing play and nothing be relayed.
    fn silence_due(&self) -> Option<Timestamp> {
        if self.playing.is_audible() {
            return None;
        }
        let quiet_since = self.outgoing.last_at().unwrap_or(self.described_at);
        let every = if self.limits.transmit_silence { SILENCE_EVERY } else { KEEP_ALIVE };
        Some(quiet_since + every)
    }

    /// One frame of silence now and then, each a talk spurt of its own whose time stamp says how
    /// much silence was before it: what a sender with silence suppression does (RFC 3551 §4.1).
    fn send_silence(&mut self, now: Timestamp, buffer: &mut Buffer) -> Option<Output> {
        if !self.may_send() || self.silence_due()? > now {
            return None;
        }
        let (to, len) = self.encode(now, &SILENCE, buffer)?;
        Some(Output::Rtp { to, len })
    }

    /// Puts the header before a payload of ours that lies in the buffer already.
    fn frame(
        &mut self,
        due: Timestamp,
        len: usize,
        buffer: &mut Buffer,
    ) -> Option<(SocketAddr, usize)> {
        let remote = self.remote.as_ref()?;
        let units = remote.media.format.packet_units();
        let stamp = self.outgoing.stamp(due, Size { units, octets: len as u32 });
        let header = Packet {
            marker: stamp.marker,
            payload_type: remote.media.payload_type,
            sequence: stamp.sequence,
            timestamp: stamp.timestamp,
            ssrc: self.outgoing.ssrc(),
            payload: &[],
        };
        buffer[..HEADER_LEN].copy_from_slice(&header.header());
        Some((remote.source.destination(), HEADER_LEN + len))
    }
}

fn content<'a>(media: &RemoteMedia, packet: &Packet<'a>) -> Option<Content<'a>> {
    let payload_type = packet.payload_type;
    if payload_type == media.payload_type {
        return Some(Content::Audio(media.format.codec(), packet.payload));
    }
    if Some(payload_type) == media.telephone_event {
        return Some(Content::TelephoneEvent(packet.payload));
    }
    if let Some(codec) = media.also.filter(|codec| codec.payload_type() == payload_type) {
        return Some(Content::Audio(codec, packet.payload));
    }
    (payload_type == COMFORT_NOISE).then_some(Content::Nothing)
}

/// Sound goes to one host: not to a group, and not to the address that means "hold" in old SDP.
fn is_one_host(address: SocketAddr) -> bool {
    let ip = address.ip();
    let broadcast = IpAddr::V4(Ipv4Addr::BROADCAST);
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && ip != broadcast
}

/// The longest packet of ours, without a sound.
const SILENCE: [i16; AudioFormat::PACKET_SAMPLES_MAX] = [0; AudioFormat::PACKET_SAMPLES_MAX];
/// Packets of a key come every 20 or 50 ms; where none comes for longer, its end was lost.
const EVENT_GAP: Duration = Duration::from_millis(200);
/// How long the tone of a key may last that came by SIP INFO, which does not say it.
const INFO_KEY: Duration = Duration::from_millis(300);
/// Until the next packet says whether the tone goes on: two frames, so that a mixer that wakes once
/// per frame has seen the key down, however the packet and its frame fall together.
const TONE_GAP: Duration = Duration::from_millis(40);
/// A leg that begins to hear another does not hear the key that is down there. One that is held for
/// longer, or music that is taken for one, is heard from then on; as an event it never is. With
/// what waits in a mix and is not heard either, that is a second at most.
const KEY_DOWN_MAX: Duration = Duration::from_millis(850);
/// RFC 3389; many phones send it in pauses without asking.
const COMFORT_NOISE: u8 = 13;
const HOUSEKEEPING: Duration = Duration::from_secs(1);
const NO_INBOUND_AFTER: Duration = Duration::from_secs(5);
/// Well below the 30 s after which small routers forget a UDP mapping (RFC 6263 asks for 15).
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Border controllers end calls after 5 s or more without RTP, and some peers say "no sound" after
/// 2 s. Equipment for silence suppression expects a packet about as often as GSM describes silence
/// (each 480 ms). A full stream would cost as much as a prompt and say no more.
const SILENCE_EVERY: Duration = Duration::from_millis(500);
