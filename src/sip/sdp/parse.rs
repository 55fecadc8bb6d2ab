//! Reading a session description: lenient about what we do not use, bounded in all of it.
//!
//! **Invariant:** every address kept is one a packet may be sent to, or the unspecified address,
//! which means "send nothing" (RFC 3264 §8.4); multicast is no address. A host name is none either
//! until [`Sdp::named_at`] says where it is: no name server is asked for a caller.
//!
//! **Deliberately absent:** lines that change nothing for us: bandwidth, keys, candidates, titles.

use std::net::IpAddr;

use crate::sip::sdp::{FORMATS_MAX, MEDIA_MAX, NotAcceptable, SDP_BYTES_MAX};
use crate::words::{Codec, Direction};

/// A session description, as far as we understand it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdp {
    pub(super) media: Vec<Media>,
    /// The value of `t=`, repeated by an answer (RFC 3264 §6).
    pub(super) time: Option<Box<str>>,
}

/// One `m=` line and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Media {
    pub(super) kind: Box<str>,
    pub(super) port: u16,
    pub(super) protocol: Box<str>,
    /// As written, never empty.
    pub(super) formats: Vec<Box<str>>,
    pub(super) address: Option<IpAddr>,
    /// Its connection line names a host (RFC 8866 §5.7).
    pub(super) is_named: bool,
    pub(super) maps: Vec<(u8, Encoding)>,
    pub(super) direction: Direction,
    pub(super) rtcp_mux: bool,
    pub(super) rtcp: Option<(u16, Option<IpAddr>)>,
    pub(super) ptime_ms: Option<u32>,
    pub(super) ptime_ms_max: Option<u32>,
}

/// What `a=rtpmap` says a payload type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Audio(Codec),
    TelephoneEvent,
    Unknown,
}

impl Sdp {
    /// # Errors
    /// [`NotAcceptable::Unreadable`] where there is nothing to understand.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAcceptable> {
        if bytes.len() > SDP_BYTES_MAX {
            return Err(NotAcceptable::Unreadable("longer than 16 KiB"));
        }
        let text = String::from_utf8_lossy(bytes);
        let mut reader = Reader {
            media: Vec::new(),
            time: None,
            address: None,
            is_named: false,
            direction: Direction::SendRecv,
        };
        for line in text.lines() {
            let line = line.trim_end();
            // `x=value`; anything else is not ours to judge.
            if let Some((kind @ ("m" | "c" | "a" | "t"), value)) = line.split_once('=') {
                reader.line(kind, value.trim())?;
            }
        }
        reader.finish()
    }

    /// Where a host is that is only named: at `source`, where the description came from. Says
    /// whether that changed where sound goes.
    pub fn named_at(&mut self, source: IpAddr) -> bool {
        let mut changed = false;
        for media in self.media.iter_mut().filter(|media| media.is_named) {
            media.address = Some(source.to_canonical());
            media.is_named = false;
            changed |= media.is_audio();
        }
        changed
    }
}

impl Media {
    pub(super) fn is_audio(&self) -> bool {
        &*self.kind == "audio" && self.port != 0
    }

    /// Payload types and what they stand for, in the order written.
    pub(super) fn encodings(&self) -> impl Iterator<Item = (u8, Encoding)> {
        self.formats.iter().filter_map(|format| {
            let payload_type = parse_payload_type(format)?;
            Some((payload_type, self.encoding(payload_type)))
        })
    }

    fn encoding(&self, payload_type: u8) -> Encoding {
        if let Some((_, encoding)) = self.maps.iter().find(|(mapped, _)| *mapped == payload_type) {
            return *encoding;
        }
        match payload_type {
            0 => Encoding::Audio(Codec::Pcmu),
            8 => Encoding::Audio(Codec::Pcma),
            _ => Encoding::Unknown,
        }
    }
}

struct Reader {
    media: Vec<Media>,
    time: Option<Box<str>>,
    address: Option<IpAddr>,
    is_named: bool,
    direction: Direction,
}

impl Reader {
    fn line(&mut self, kind: &str, value: &str) -> Result<(), NotAcceptable> {
        match kind {
            "m" => self.media_line(value)?,
            "c" => self.connection(value),
            "a" => self.attribute(value),
            _ => {
                let sound = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ');
                if sound && self.time.is_none() && value.len() <= 48 {
                    self.time = Some(value.into());
                }
            }
        }
        Ok(())
    }

    fn media_line(&mut self, value: &str) -> Result<(), NotAcceptable> {
        if self.media.len() == MEDIA_MAX {
            return Err(NotAcceptable::Unreadable("more than 32 media lines"));
        }
        let mut words = value.split_ascii_whitespace();
        let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next())
        else {
            return Err(NotAcceptable::Unreadable("a media line is cut short"));
        };
        // `49170/2` is two ports; the first is the stream's.
        let port = port.split_once('/').map_or(port, |(first, _)| first);
        let port = parse_number(port).and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or(NotAcceptable::Unreadable("a port is not a number up to 65535"))?;
        let formats: Vec<Box<str>> = words.take(FORMATS_MAX).map(Box::from).collect();
        if formats.is_empty() {
            return Err(NotAcceptable::Unreadable("a media line without a format"));
        }
        self.media.push(Media {
            kind: kind.into(),
            port,
            protocol: protocol.into(),
            formats,
            address: None,
            is_named: false,
            maps: Vec::new(),
            direction: self.direction,
            rtcp_mux: false,
            rtcp: None,
            ptime_ms: None,
            ptime_ms_max: None,
        });
        Ok(())
    }

    /// Of several connection lines the first that can be used holds.
    fn connection(&mut self, value: &str) {
        let address = parse_address(value);
        let (kept, is_named) = match self.media.last_mut() {
            Some(media) => (&mut media.address, &mut media.is_named),
            None => (&mut self.address, &mut self.is_named),
        };
        *is_named |= address.is_none() && names_host(value);
        if kept.is_none() {
            *kept = address;
        }
    }

    fn attribute(&mut self, value: &str) {
        if let Some(direction) = parse_direction(value) {
            match self.media.last_mut() {
                Some(media) => media.direction = direction,
                None => self.direction = direction,
            }
            return;
        }
        let Some(media) = self.media.last_mut() else {
            return;
        };
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        match name {
            "rtpmap" if media.maps.len() < FORMATS_MAX => media.maps.extend(parse_map(value)),
            "rtcp-mux" => media.rtcp_mux = true,
            "rtcp" => media.rtcp = parse_rtcp(value),
            "ptime" => media.ptime_ms = parse_number(value),
            "maxptime" => media.ptime_ms_max = parse_number(value),
            _ => {}
        }
    }

    fn finish(mut self) -> Result<Sdp, NotAcceptable> {
        if self.media.is_empty() {
            return Err(NotAcceptable::NoAudio);
        }
        for media in &mut self.media {
            media.address = media.address.or(self.address);
            media.is_named = media.address.is_none() && (media.is_named || self.is_named);
        }
        Ok(Sdp { media: self.media, time: self.time })
    }
}

fn parse_direction(value: &str) -> Option<Direction> {
    let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    all.into_iter().find(|direction| direction.name().eq_ignore_ascii_case(value))
}

/// `IN IP4 192.0.2.1`, with or without `/ttl`.
fn parse_address(value: &str) -> Option<IpAddr> {
    let mut words = value.split_ascii_whitespace();
    let (network, _, address) = (words.next()?, words.next()?, words.next()?);
    if !network.eq_ignore_ascii_case("IN") {
        return None;
    }
    let address = address.split_once('/').map_or(address, |(address, _)| address);
    let ip = address.parse::<IpAddr>().ok()?.to_canonical();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    (!ip.is_multicast() && !broadcast).then_some(ip)
}

/// `IN IP4 media.example.com`. Numbers and dots alone are an address, or a broken one.
fn names_host(value: &str) -> bool {
    let mut words = value.split_ascii_whitespace();
    let (Some(network), Some(_), Some(host)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    network.eq_ignore_ascii_case("IN")
        && host.bytes().all(sound)
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// `53020` or `53020 IN IP4 192.0.2.1`.
fn parse_rtcp(value: &str) -> Option<(u16, Option<IpAddr>)> {
    let (port, address) = value.split_once(' ').unwrap_or((value, ""));
    let port = u16::try_from(parse_number(port)?).ok().filter(|port| *port != 0)?;
    Some((port, parse_address(address)))
}

/// `101 telephone-event/8000`. Only the 8 kHz clock is ours.
fn parse_map(value: &str) -> Option<(u8, Encoding)> {
    let (payload_type, encoding) = value.split_once(' ')?;
    let payload_type = parse_payload_type(payload_type)?;
    let mut parts = encoding.trim().split('/');
    let (name, rate, channels) = (parts.next()?, parts.next()?, parts.next().unwrap_or("1"));
    let encoding = if rate != "8000" || channels != "1" {
        Encoding::Unknown
    } else if name.eq_ignore_ascii_case("PCMU") {
        Encoding::Audio(Codec::Pcmu)
    } else if name.eq_ignore_ascii_case("PCMA") {
        Encoding::Audio(Codec::Pcma)
    } else if name.eq_ignore_ascii_case("telephone-event") {
        Encoding::TelephoneEvent
    } else {
        Encoding::Unknown
    };
    Some((payload_type, encoding))
}

fn parse_payload_type(text: &str) -> Option<u8> {
    parse_number(text).and_then(|number| u8::try_from(number).ok()).filter(|number| *number < 128)
}

fn parse_number(text: &str) -> Option<u32> {
    crate::sip::wire::parse_u32(text.trim())
}
