//! SIP messages, a stream of them, and session descriptions.

use std::net::IpAddr;

use attendant::sip::message::{Message, Request, Response};
use attendant::sip::sdp::{LocalMedia, SDP_BYTES_MAX, Sdp, Session};
use attendant::sip::wire::{
    Frame, Framer, Framing, HEADERS_MAX, Headers, MESSAGE_BYTES_MAX, NameAddr, Uri, content,
    name_addr, parse,
};
use attendant::words::{Codec, Direction};

/// One datagram, and the same as one frame of a stream.
pub(super) fn message(bytes: &[u8]) {
    for framing in [Framing::Datagram, Framing::Stream] {
        match parse(bytes, framing) {
            Ok(message) => read(&message),
            Err(rejected) => {
                let code = rejected.answer.as_ref().map(|answer| answer.code());
                assert!(code.is_none_or(|code| (400..700).contains(&code)), "{rejected:?}");
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        uri(text);
    }
}

/// A message is bounded, and what we print of it is read as the same.
fn read(message: &Message) {
    let (headers, body) = match message {
        Message::Request(Request { headers, body, .. })
        | Message::Response(Response { headers, body, .. }) => (headers, body),
    };
    assert!(headers.len() <= HEADERS_MAX && body.len() <= MESSAGE_BYTES_MAX);
    let printed = message.to_bytes();
    for framing in [Framing::Datagram, Framing::Stream] {
        let again = parse(&printed, framing);
        // Ours are unfolded and have a Content-Length, so they may be longer than what came.
        if printed.len() <= MESSAGE_BYTES_MAX {
            assert_eq!(again.as_ref(), Ok(message), "{}", String::from_utf8_lossy(&printed));
        }
    }
    parts(headers, body);
}

/// The parts that the user agent reads later.
fn parts(headers: &Headers, body: &[u8]) {
    if let Ok(via) = headers.via() {
        let _ = (via.branch(), via.received(), via.rport(), via.reply_to(), via.transport());
    }
    let lists = [headers.routes(), headers.record_routes()].into_iter().flatten().flatten();
    let single = [headers.from(), headers.to(), headers.contact()].into_iter().flatten();
    lists.chain(single).for_each(|named| named_address(&named));
    let _ = (headers.contacts(), headers.cseq(), headers.call_id(), headers.max_forwards());
    let _ = (headers.expires(), headers.session_expires(), headers.min_se(), headers.retry_after());
    let _ = (headers.require().count(), headers.supported().count(), headers.content_type());
    let _ = content(headers, body);
}

/// What we print of an address is read as the same address.
fn named_address(named: &NameAddr<'_>) {
    let _ = (named.params().iter().count(), named.expires(), named.q());
    let display = named.display();
    let printed = name_addr(display.as_deref(), named.uri(), None);
    let again = NameAddr::parse("To", &printed).unwrap_or_else(|why| panic!("{why}: {printed}"));
    assert_eq!(again.uri(), named.uri(), "{printed}");
    // We print no control characters, whatever came.
    let clean = |display: &str| display.replace(char::is_control, " ");
    assert_eq!(again.display().as_deref().map(clean), display.as_deref().map(clean), "{printed}");
    uri(named.uri().as_str());
}

fn uri(text: &str) {
    let Ok(uri) = Uri::parse(text) else { return };
    assert_eq!(Uri::parse(uri.as_str()).as_ref(), Ok(&uri), "{uri}");
    assert!(uri.same_as(&uri), "{uri}");
    let _ = (uri.user_decoded(), uri.host().ip(), uri.port(), uri.params().iter().count());
    let bare = uri.without_headers();
    assert_eq!(bare.headers(), "", "{uri}");
    assert_eq!(Uri::parse(bare.as_str()).as_ref(), Ok(&bare), "{uri}");
}

/// A stream, whole and in pieces of the length that its first byte says: the same messages.
pub(super) fn frames(bytes: &[u8]) {
    let Some((&cut, stream)) = bytes.split_first() else { return };
    let whole = divided(stream, stream.len().max(1));
    assert_eq!(divided(stream, usize::from(cut).max(1)), whole, "in pieces of {cut}");
}

/// The messages of a stream that comes in pieces, and whether it broke. Pings are not counted: how
/// many there are depends on the pieces.
fn divided(stream: &[u8], cut: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut framer, mut messages, mut broke) = (Framer::new(), Vec::new(), false);
    for piece in stream.chunks(cut) {
        framer.push(piece);
        while let Some(frame) = framer.next_frame() {
            assert!(!broke, "a frame follows a broken one");
            match frame {
                Frame::Message(message) => {
                    assert!(message.len() <= MESSAGE_BYTES_MAX);
                    messages.push(message);
                }
                Frame::Ping => {}
                Frame::Broken(_) => broke = true,
            }
        }
        assert!(framer.waiting() <= MESSAGE_BYTES_MAX, "{} bytes wait", framer.waiting());
    }
    (messages, broke)
}

/// A description as an offer, and as the answer to ours.
pub(super) fn description(bytes: &[u8]) {
    let Ok(mut offer) = Sdp::parse(bytes) else { return };
    assert!(bytes.len() <= SDP_BYTES_MAX);
    let local = local();
    let mut session = Session::new(7);
    if let Ok((text, agreed)) = session.answer(&offer, &local) {
        let ours = Sdp::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{why:?}: {text}"));
        let again = session.answer(&offer, &local).expect("it fitted before");
        assert_eq!(again, (text, agreed), "an answer is the same twice");
        let mut peer = Session::new(8);
        peer.offer(&local);
        let _ = peer.accept_answer(&ours, &local);
    }
    let mut asking = Session::new(9);
    let text = asking.offer(&local);
    Sdp::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{why:?}: {text}"));
    let _ = asking.accept_answer(&offer, &local);
    let source: IpAddr = [198, 51, 100, 7].into();
    offer.named_at(source);
    assert!(!offer.named_at(source), "a named host has a place already");
}

fn local() -> LocalMedia {
    LocalMedia {
        address: [192, 0, 2, 1].into(),
        port: 10_000,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        telephone_event: Some(101),
        rtcp_mux: true,
        ptime_ms: 20,
        direction: Direction::SendRecv,
    }
}
