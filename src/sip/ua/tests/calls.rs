//! Calls that come in: each row of the failure catalogue that a caller can cause.

use super::*;

/// A call that was answered; its 200 and ACK are done. Returns our tag.
fn answered(desk: &mut Desk) -> String {
    desk.receive(&invite());
    let [UaEvent::Incoming { dialog, .. }] = desk.events()[..] else { panic!("no call") };
    desk.ua.bind(desk.now, dialog, leg(1), local_media(10_000));
    desk.ua.answer(desk.now, leg(1));
    desk.drain();
    let ok = desk.sent.pop().unwrap().1;
    let tag = our_tag(&ok);
    desk.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    desk.sent.clear();
    tag
}

#[test]
fn a_call_comes_in_is_answered_and_hung_up_by_the_caller() {
    let mut desk = Desk::new();
    desk.receive(&invite());
    assert_eq!(desk.lines(), [(0, "SIP/2.0 100 Trying".to_owned())]);
    let events = desk.events();
    let [UaEvent::Incoming { dialog, from, to, via, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(from.number.as_deref(), Some("+14155550123"));
    assert_eq!(from.name.as_deref(), Some("Ann"));
    assert_eq!(to, "+14155550100");
    assert_eq!(*via, crate::center::Via::Trunk("carrier".into()));

    desk.ua.bind(desk.now, *dialog, leg(1), local_media(10_000));
    desk.ua.ring(desk.now, leg(1));
    desk.drain();
    assert_eq!(status(&desk.only()), "180");
    desk.ua.answer(desk.now, leg(1));
    desk.drain();
    let ok = desk.only();
    assert_eq!(status(&ok), "200");
    assert!(ok.contains("m=audio 10000 RTP/AVP 8 101"), "{ok}");
    assert_eq!(header(&ok, "Contact"), "<sip:192.0.2.1:5060>");
    let events = desk.events();
    let [UaEvent::Media { leg: of, media }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*of, media.codec), (leg(1), Codec::Pcma));
    assert_eq!(media.remote_rtp, address("198.51.100.7:4000"));

    let tag = our_tag(&ok);
    desk.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    desk.wait(5000);
    assert_eq!(desk.lines(), []);
    desk.receive(&request("BYE", 2, &tag, "Reason: Q.850;cause=31\n", ""));
    assert_eq!(status(&desk.only()), "200");
    let ended = UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_UNSPECIFIED };
    assert_eq!(desk.events(), [ended]);
    desk.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&desk.only()), "200", "the same answer to the same BYE");
    assert_eq!(desk.events(), []);
    desk.assert_quiet();
}

#[test]
fn we_hang_up() {
    let mut desk = Desk::new();
    let tag = answered(&mut desk);
    desk.events();
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.drain();
    let bye = desk.only();
    assert!(bye.starts_with("BYE sip:198.51.100.7:5060 SIP/2.0\r\n"), "{bye}");
    assert_eq!(header(&bye, "To"), "\"Ann\" <sip:+14155550123@carrier.example>;tag=theirs");
    assert!(header(&bye, "From").ends_with(&tag));
    assert_eq!(desk.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING }]);
    desk.assert_quiet();
}
