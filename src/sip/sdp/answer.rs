//! Offer and answer (RFC 3264) on our side of one dialog.
//!
//! **Invariant:** a media line keeps its place for the whole session, in both directions of
//! offering.
//!
//! **Deliberately absent:** who may offer when (RFC 3261 §13, §14): the dialog keeps that.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::sip::sdp::parse::{Encoding, Media, Sdp};
use crate::sip::sdp::{LocalMedia, MediaParams, NotAcceptable};
use crate::words::{Codec, Direction};

/// What we said last in one dialog, so that the next description fits it.
#[derive(Clone, Debug)]
pub struct Session {
    id: u64,
    version: u64,
    /// What was sent last, after its `o=` line.
    said: String,
    /// The media lines, in order.
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Audio {
        protocol: Box<str>,
    },
    /// Written with port 0, as it came.
    Refused {
        kind: Box<str>,
        protocol: Box<str>,
        format: Box<str>,
    },
}

/// What one description of ours says.
struct Said<'a> {
    local: &'a LocalMedia,
    codecs: Vec<(Codec, u8)>,
    telephone_event: Option<u8>,
    rtcp_mux: bool,
    direction: Direction,
    time: &'a str,
}

impl Session {
    /// `id` is unique among our sessions (RFC 8866 §5.2), below 2^62 (RFC 3264 §5).
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self { id: id >> 2, version: 0, said: String::new(), lines: Vec::new() }
    }

    /// Answers an offer: the first of its audio lines that fits, with the first codec of its order
    /// that we take; every other media line refused in place; hold mirrored.
    ///
    /// # Errors
    /// Why not (488). What was said before then still holds.
    pub fn answer(
        &mut self,
        offer: &Sdp,
        local: &LocalMedia,
    ) -> Result<(String, MediaParams), NotAcceptable> {
        let (index, common, params) = first_that_fits(offer, local)?;
        self.lines = offer.media.iter().enumerate().map(|(at, m)| line(m, at == index)).collect();
        let said = Said {
            local,
            codecs: common,
            telephone_event: params.telephone_event,
            rtcp_mux: params.rtcp_mux,
            direction: params.direction,
            time: offer.time.as_deref().unwrap_or("0 0"),
        };
        Ok((self.say(&said), params))
    }

    /// Offers what we can do.
    pub fn offer(&mut self, local: &LocalMedia) -> String {
        if self.lines.is_empty() {
            self.lines.push(Line::Audio { protocol: "RTP/AVP".into() });
        }
        let said = Said {
            local,
            codecs: local.codecs.iter().map(|codec| (*codec, codec.payload_type())).collect(),
            telephone_event: local.telephone_event,
            rtcp_mux: local.rtcp_mux,
            direction: local.direction,
            time: "0 0",
        };
        self.say(&said)
    }

    /// Takes the answer to our last offer, which was made of `local`.
    ///
    /// # Errors
    /// The answer refuses audio, or chose something we did not offer.
    pub fn accept_answer(
        &self,
        answer: &Sdp,
        local: &LocalMedia,
    ) -> Result<MediaParams, NotAcceptable> {
        let ours = |line: &Line| matches!(line, Line::Audio { .. });
        let index = self.lines.iter().position(ours).ok_or(NotAcceptable::NoAudio)?;
        let audio = answer.media.get(index).filter(|media| media.is_audio());
        let audio = audio.ok_or(NotAcceptable::NoAudio)?;
        let common = common_codecs(audio, local);
        agree(audio, local, &common)
    }

    fn say(&mut self, said: &Said<'_>) -> String {
        let local = said.local;
        let (family, ip) = family(local.address);
        let mut rest = format!("s=-\r\nc=IN {family} {ip}\r\nt={}\r\n", said.time);
        for line in &self.lines {
            match line {
                Line::Audio { protocol } => write_audio(&mut rest, said, protocol),
                Line::Refused { kind, protocol, format } => {
                    put(&mut rest, format_args!("m={kind} 0 {protocol} {format}\r\n"));
                }
            }
        }
        if rest != self.said {
            self.version += 1;
            self.said = rest;
        }
        let (id, version) = (self.id, self.version);
        format!("v=0\r\no=- {id} {version} IN {family} {ip}\r\n{}", self.said)
    }
}

/// The first audio line that we can take: its place, the codec, and what is agreed on. Where none
/// fits, the one that came closest says why.
fn first_that_fits(offer: &Sdp, local: &LocalMedia) -> Result<Fitting, NotAcceptable> {
    let mut why = NotAcceptable::NoAudio;
    for (index, media) in offer.media.iter().enumerate().filter(|(_, media)| media.is_audio()) {
        match fit(media, local) {
            Ok((common, params)) => return Ok((index, common, params)),
            Err(this) if closeness(this) > closeness(why) => why = this,
            Err(_) => {}
        }
    }
    Err(why)
}

type Fitting = (usize, Vec<(Codec, u8)>, MediaParams);

fn fit(
    media: &Media,
    local: &LocalMedia,
) -> Result<(Vec<(Codec, u8)>, MediaParams), NotAcceptable> {
    if !matches!(&*media.protocol, "RTP/AVP" | "RTP/AVPF") {
        return Err(NotAcceptable::Protocol);
    }
    let mut common = common_codecs(media, local);
    common.truncate(1);
    let params = agree(media, local, &common)?;
    Ok((common, params))
}

/// How much of a line fitted before this was found.
const fn closeness(why: NotAcceptable) -> u8 {
    match why {
        NotAcceptable::Unreadable(_) | NotAcceptable::NoAudio => 0,
        NotAcceptable::Protocol => 1,
        NotAcceptable::NoCodec => 2,
        NotAcceptable::NoAddress => 3,
        NotAcceptable::IpVersion => 4,
    }
}

/// In the order of the description, each codec once.
fn common_codecs(media: &Media, local: &LocalMedia) -> Vec<(Codec, u8)> {
    let mut common: Vec<(Codec, u8)> = Vec::new();
    for (payload_type, encoding) in media.encodings() {
        let Encoding::Audio(codec) = encoding else { continue };
        if local.codecs.contains(&codec) && common.iter().all(|(known, _)| *known != codec) {
            common.push((codec, payload_type));
        }
    }
    common
}

fn agree(
    media: &Media,
    local: &LocalMedia,
    common: &[(Codec, u8)],
) -> Result<MediaParams, NotAcceptable> {
    let (codec, payload_type) = *common.first().ok_or(NotAcceptable::NoCodec)?;
    let address = media.address.ok_or(NotAcceptable::NoAddress)?;
    // "Send nothing" in the manner of RFC 2543, still written by old phones (RFC 3264 §8.4).
    let mute = address.is_unspecified();
    if !mute && address.is_ipv4() != local.address.to_canonical().is_ipv4() {
        return Err(NotAcceptable::IpVersion);
    }
    let theirs = if mute { media.direction.and(Direction::SendOnly) } else { media.direction };
    let remote_rtp = SocketAddr::new(address, media.port);
    let rtcp_mux = media.rtcp_mux && local.rtcp_mux;
    let remote_rtcp = match media.rtcp {
        _ if rtcp_mux => remote_rtp,
        Some((port, ip)) => SocketAddr::new(ip.unwrap_or(address), port),
        None => SocketAddr::new(address, media.port.saturating_add(1)),
    };
    let telephone_event = local.telephone_event.and_then(|_| {
        let mut found = media.encodings().filter(|(_, what)| *what == Encoding::TelephoneEvent);
        found.next().map(|(payload_type, _)| payload_type)
    });
    Ok(MediaParams {
        remote_rtp,
        remote_rtcp,
        rtcp_mux,
        codec,
        payload_type,
        also: common.get(1).copied(),
        telephone_event,
        direction: theirs.reversed().and(local.direction),
        ptime_ms: ptime(media, local),
    })
}

fn ptime(media: &Media, local: &LocalMedia) -> u8 {
    let asked = media.ptime_ms.unwrap_or(u32::from(local.ptime_ms));
    let most = media.ptime_ms_max.unwrap_or(60).clamp(10, 60);
    // Whole tens: 80 samples are the least step any of our peers sends.
    let ms = asked.clamp(10, most) / 10 * 10;
    u8::try_from(ms).unwrap_or(local.ptime_ms)
}

fn line(media: &Media, chosen: bool) -> Line {
    if chosen {
        return Line::Audio { protocol: media.protocol.clone() };
    }
    Line::Refused {
        kind: media.kind.clone(),
        protocol: media.protocol.clone(),
        format: media.formats.first().map_or_else(|| "0".into(), Clone::clone),
    }
}

fn write_audio(out: &mut String, said: &Said<'_>, protocol: &str) {
    put(out, format_args!("m=audio {} {protocol}", said.local.port));
    for (_, payload_type) in &said.codecs {
        put(out, format_args!(" {payload_type}"));
    }
    if let Some(payload_type) = said.telephone_event {
        put(out, format_args!(" {payload_type}"));
    }
    out.push_str("\r\n");
    for (codec, payload_type) in &said.codecs {
        put(out, format_args!("a=rtpmap:{payload_type} {}/8000\r\n", codec.name()));
    }
    if let Some(payload_type) = said.telephone_event {
        put(out, format_args!("a=rtpmap:{payload_type} telephone-event/8000\r\n"));
        put(out, format_args!("a=fmtp:{payload_type} 0-15\r\n"));
    }
    put(out, format_args!("a=ptime:{}\r\na={}\r\n", said.local.ptime_ms, said.direction.name()));
    if said.rtcp_mux {
        out.push_str("a=rtcp-mux\r\n");
    }
}

fn family(address: IpAddr) -> (&'static str, IpAddr) {
    match address.to_canonical() {
        ip @ IpAddr::V4(_) => ("IP4", ip),
        ip @ IpAddr::V6(_) => ("IP6", ip),
    }
}

fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("writing to a String cannot fail");
}
