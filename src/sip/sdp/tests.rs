//! Offers from the field, and the rules an answer has to keep.

use super::*;

fn local() -> LocalMedia {
    LocalMedia {
        address: "203.0.113.5".parse().unwrap(),
        port: 10_000,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        telephone_event: Some(101),
        rtcp_mux: true,
        ptime_ms: 20,
        direction: Direction::SendRecv,
    }
}

fn answer(offer: &str) -> Result<(String, MediaParams), NotAcceptable> {
    Session::new(8).answer(&Sdp::parse(offer.as_bytes())?, &local())
}

fn params(offer: &str) -> MediaParams {
    answer(offer).unwrap_or_else(|error| panic!("{error}: {offer}")).1
}

#[test]
fn an_answer_refuses_every_line_but_audio_in_place() {
    let (text, params) = answer(
        "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=3 4\r\n\
         m=image 5000 udptl t38\r\nm=audio 6000 RTP/AVP 9 8 0 96\r\n\
         a=rtpmap:96 telephone-event/8000\r\na=ptime:30\r\nm=video 7000 RTP/AVP 31\r\nm=audio 8000 RTP/AVP 0\r\n",
    )
    .unwrap();
    assert_eq!(
        text,
        "v=0\r\no=- 2 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=3 4\r\n\
         m=image 0 udptl t38\r\nm=audio 10000 RTP/AVP 8 96\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\na=ptime:20\r\na=sendrecv\r\n\
         m=video 0 RTP/AVP 31\r\nm=audio 0 RTP/AVP 0\r\n"
    );
    assert_eq!((params.codec, params.payload_type), (Codec::Pcma, 8));
    assert_eq!((params.telephone_event, params.ptime_ms), (Some(96), 30));
    assert_eq!(params.remote_rtp, "192.0.2.1:6000".parse().unwrap());
    assert_eq!(params.remote_rtcp, "192.0.2.1:6001".parse().unwrap());
}

#[test]
fn lenient_where_phones_are_sloppy() {
    let p = params("m=audio 6000 RTP/AVP 0\nc=IN IP4 pbx.example.com\nc=IN IP4 192.0.2.9/127\n");
    assert_eq!((p.remote_rtp.to_string().as_str(), p.telephone_event), ("192.0.2.9:6000", None));
    let p = params(
        "c=IN IP4 192.0.2.1\r\nm=audio 6000 RTP/AVP 97 98\r\na=rtpmap:97 PCMA/16000\r\n\
         a=rtpmap:98 pcma/8000/1\r\na=rtcp-mux\r\n\
         a=rtcp:7000 IN IP4 192.0.2.2\r\na=maxptime:10\r\n",
    );
    assert_eq!((p.codec, p.payload_type, p.ptime_ms), (Codec::Pcma, 98, 10));
    assert_eq!(p.remote_rtcp, p.remote_rtp, "RTCP shares the port");
    let p =
        params("c=IN IP4 192.0.2.1\r\nm=audio 6000 RTP/AVP 0\r\na=rtcp:7000 IN IP4 192.0.2.2\r\n");
    assert_eq!(p.remote_rtcp.to_string(), "192.0.2.2:7000");
}

#[test]
fn hold_is_mirrored() {
    let offer = |address: &str, more: &str| {
        format!("{more}\r\nc=IN IP4 {address}\r\nm=audio 6000 RTP/AVP 0\r\n")
    };
    let media = |attribute: &str| {
        format!("c=IN IP4 192.0.2.1\r\nm=audio 6000 RTP/AVP 0\r\na={attribute}\r\n")
    };
    for (offer, direction) in [
        (media("sendrecv"), Direction::SendRecv),
        (media("sendonly"), Direction::RecvOnly),
        (media("recvonly"), Direction::SendOnly),
        (media("inactive"), Direction::Inactive),
        (offer("192.0.2.1", "a=sendonly"), Direction::RecvOnly),
        (offer("0.0.0.0", ""), Direction::RecvOnly),
        (offer("0.0.0.0", "a=inactive"), Direction::Inactive),
    ] {
        let (text, params) = answer(&offer).unwrap();
        assert_eq!(params.direction, direction, "{offer}");
        assert!(text.contains(&format!("a={}\r\n", direction.name())), "{text}");
    }
}

#[test]
fn what_cannot_be_agreed_on_says_why() {
    let audio = |rest: &str| format!("c=IN IP4 192.0.2.1\r\n{rest}\r\n");
    for (offer, why) in [
        (String::new(), NotAcceptable::NoAudio),
        (audio("m=audio 0 RTP/AVP 0"), NotAcceptable::NoAudio),
        (audio("m=video 6000 RTP/AVP 31"), NotAcceptable::NoAudio),
        (audio("m=audio 6000 RTP/SAVP 0"), NotAcceptable::Protocol),
        (audio("m=audio 6000 RTP/AVP 2 4294967296"), NotAcceptable::NoCodec),
        (audio("m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 opus/48000/2"), NotAcceptable::NoCodec),
        ("m=audio 6000 RTP/AVP 0".into(), NotAcceptable::NoAddress),
        ("c=IN IP4 224.2.1.1\r\nm=audio 6000 RTP/AVP 0".into(), NotAcceptable::NoAddress),
        ("c=IN IP6 2001:db8::1\r\nm=audio 6000 RTP/AVP 0".into(), NotAcceptable::IpVersion),
        (
            audio("m=audio 70000 RTP/AVP 0"),
            NotAcceptable::Unreadable("a port is not a number up to 65535"),
        ),
        (audio("m=audio 6000"), NotAcceptable::Unreadable("a media line is cut short")),
        (
            audio(&"m=audio 6000 RTP/AVP 0\r\n".repeat(33)),
            NotAcceptable::Unreadable("more than 32 media lines"),
        ),
    ] {
        assert_eq!(answer(&offer).map(|(_, params)| params), Err(why), "{offer}");
    }
}

#[test]
fn the_version_follows_what_is_said() {
    let mut session = Session::new(40);
    let offer = Sdp::parse(b"c=IN IP4 192.0.2.1\r\nm=audio 6000 RTP/AVP 0\r\nm=video 1 RTP/AVP 31")
        .unwrap();
    let version = |text: &str| text.lines().nth(1).unwrap().split(' ').nth(2).unwrap().to_owned();
    assert_eq!(version(&session.answer(&offer, &local()).unwrap().0), "1");
    assert_eq!(version(&session.answer(&offer, &local()).unwrap().0), "1");
    let held = LocalMedia { direction: Direction::SendOnly, ..local() };
    let text = session.offer(&held);
    assert_eq!(version(&text), "2");
    assert!(text.contains("m=video 0 RTP/AVP 31"), "a media line keeps its place: {text}");
    assert!(text.contains("a=sendonly"));
    let refused = Sdp::parse(b"m=audio 6000 RTP/SAVP 0").unwrap();
    assert!(session.answer(&refused, &local()).is_err());
    assert_eq!(version(&session.offer(&held)), "2", "a refused offer changes nothing");
}

#[test]
fn our_offer_and_its_answer() {
    let mut session = Session::new(4);
    let text = session.offer(&local());
    assert!(text.contains("m=audio 10000 RTP/AVP 0 8 101\r\n"), "{text}");
    assert!(text.contains("a=rtcp-mux\r\n"));
    let accept =
        |answer: &str| session.accept_answer(&Sdp::parse(answer.as_bytes()).unwrap(), &local());
    let p = accept(
        "c=IN IP4 192.0.2.1\r\nm=audio 6000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000",
    )
    .unwrap();
    assert_eq!((p.codec, p.also), (Codec::Pcma, Some((Codec::Pcmu, 0))));
    assert_eq!((p.telephone_event, p.rtcp_mux), (Some(101), false));
    assert_eq!(accept("c=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 0"), Err(NotAcceptable::NoAudio));
    assert_eq!(accept("c=IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 3"), Err(NotAcceptable::NoCodec));
}

#[test]
fn ipv6_both_ways() {
    let six = LocalMedia { address: "2001:db8::5".parse().unwrap(), ..local() };
    let offer = Sdp::parse(b"c=IN IP6 2001:db8::1\r\nm=audio 6000 RTP/AVP 0").unwrap();
    let (text, params) = Session::new(4).answer(&offer, &six).unwrap();
    assert!(text.contains("c=IN IP6 2001:db8::5\r\n"), "{text}");
    assert_eq!(params.remote_rtp, "[2001:db8::1]:6000".parse().unwrap());
    let mapped = Sdp::parse(b"c=IN IP6 ::ffff:192.0.2.2\r\nm=audio 6000 RTP/AVP 0").unwrap();
    assert!(Session::new(4).answer(&mapped, &local()).is_ok());
}

#[test]
fn fault_20_the_first_audio_line_that_fits_is_taken() {
    let head = "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    let taken = |lines: &str| answer(&format!("{head}{lines}"));
    for first in ["m=audio 5000 RTP/SAVP 0 8", "m=audio 5000 RTP/AVP 18", "m=audio 0 RTP/AVP 0"] {
        let lines = format!("{first}\r\nm=audio 6000 RTP/AVP 0\r\nm=audio 7000 RTP/AVP 8\r\n");
        let (text, params) = taken(&lines).unwrap();
        assert_eq!(params.remote_rtp, "192.0.2.1:6000".parse().unwrap());
        let ours: Vec<_> = text.lines().filter(|line| line.starts_with("m=")).collect();
        let refused = first.replacen("5000", "0", 1).replace(" 0 8", " 0");
        assert_eq!(ours, [refused.as_str(), "m=audio 10000 RTP/AVP 0", "m=audio 0 RTP/AVP 8"]);
    }
    // An address of its own, which is ours to reach, beside one that is not.
    let six = "m=audio 5000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\nm=audio 6000 RTP/AVP 8\r\n";
    assert_eq!(taken(six).unwrap().1.codec, Codec::Pcma);
    // What came closest says why.
    let none = "m=audio 5000 RTP/AVP 18\r\nm=audio 6000 RTP/SAVP 0\r\nm=video 1 RTP/AVP 0\r\n";
    assert_eq!(taken(none).unwrap_err(), NotAcceptable::NoCodec);
}

#[test]
fn fault_19_a_named_host_is_where_its_description_came_from() {
    let source = "198.51.100.7".parse().unwrap();
    let at = |offer: &str| {
        let mut sdp = Sdp::parse(offer.as_bytes()).unwrap();
        let changed = sdp.named_at(source);
        let agreed = Session::new(8).answer(&sdp, &local());
        (changed, agreed.map(|(_, params)| params.remote_rtp.to_string()))
    };
    let named = "c=IN IP4 media.example.com\r\nm=audio 6000 RTP/AVP 0\r\n";
    assert_eq!(at(named), (true, Ok("198.51.100.7:6000".into())));
    let own = "m=audio 6000 RTP/AVP 0\r\nc=IN IP6 media.example.com\r\n";
    assert_eq!(at(own), (true, Ok("198.51.100.7:6000".into())));
    // An address is surer than a name, wherever the two stand.
    for both in [
        "c=IN IP4 192.0.2.1\r\nm=audio 6000 RTP/AVP 0\r\nc=IN IP4 media.example.com\r\n",
        "c=IN IP4 media.example.com\r\nm=audio 6000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n",
    ] {
        assert_eq!(at(both), (false, Ok("192.0.2.1:6000".into())));
    }
    let video = "c=IN IP4 192.0.2.1\r\nm=audio 6000 RTP/AVP 0\r\nm=video 1 RTP/AVP 31\r\n";
    assert_eq!(at(video), (false, Ok("192.0.2.1:6000".into())));
    for none in ["IN IP4 224.2.1.1", "IN IP4 1.2.3", "IN IP4", "X IP4 a.example", "IN IP4 a/b"] {
        let offer = format!("c={none}\r\nm=audio 6000 RTP/AVP 0\r\n");
        assert_eq!(at(&offer), (false, Err(NotAcceptable::NoAddress)), "{none}");
    }
}
