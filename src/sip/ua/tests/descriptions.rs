//! Descriptions as the field sends them: where they stand, what they name, and what becomes of a
//! call whose description we cannot use.

use super::calls::{bound, lost, picked_up, turned_away};
use super::dialing::{ANSWER, dial_ann, failed, respond};
use super::*;

const SDP: &str = "Content-Type: application/sdp\n";
const MIXED: &str = "Content-Type: multipart/mixed; boundary=\"b 1\"\n";

/// The description beside a message of the telephone network.
fn beside_isup(sdp: &str, handling: &str) -> String {
    format!(
        "--b 1\r\nContent-Type: application/isup;version=itu\r\n\
         Content-Disposition: signal;handling={handling}\r\n\r\n\u{1}\u{2}\r\n\
         --b 1\r\nContent-Type: application/sdp\r\n\r\n{sdp}--b 1--\r\n"
    )
}

fn offers(offer: &str) -> String {
    request("INVITE", 1, "", SDP, offer)
}

#[test]
fn fault_15_a_call_without_a_codec_in_common_is_refused_before_anybody_is_told() {
    let secure = OFFER.replace("RTP/AVP", "RTP/SAVP");
    for (offer, why) in [
        (OFFER.replace("8 0 101", "18"), NotAcceptable::NoCodec),
        (secure, NotAcceptable::Protocol),
        (OFFER.replace("c=IN IP4 198.51.100.7", "c=IN IP6 2001:db8::1"), NotAcceptable::IpVersion),
        (OFFER.replace("c=IN IP4 198.51.100.7\r\n", ""), NotAcceptable::NoAddress),
    ] {
        let mut rig = Rig::new();
        assert_eq!(bound(&mut rig, &offers(&offer)), Bound::Unfit(why));
        rig.drain();
        let refused = rig.sent.pop().unwrap().1;
        assert_eq!(status(&refused), "488");
        let warning = format!("{} 192.0.2.1:5060 \"{why}\"", why.warning());
        assert_eq!(header(&refused, "Warning"), warning);
        assert_eq!(rig.events(), [], "there is no leg, so nothing of it is reported");
        rig.assert_quiet();
    }
}

#[test]
fn fault_15_an_answer_without_sound_is_no_answer_and_nobody_hung_up() {
    let opening = |rig: &mut Rig| {
        assert_eq!(bound(rig, &request("INVITE", 1, "", "", "")), Bound::Offers);
        our_tag(&picked_up(rig))
    };
    let mut rig = Rig::new();
    let tag = opening(&mut rig);
    rig.receive(&request_as("ACK", "ack", 1, &tag, SDP, &OFFER.replace("8 0 101", "18")));
    assert_eq!(rig.events(), [lost(Cause::INCOMPATIBLE, Loss::Broken)]);
    let mut rig = Rig::new();
    opening(&mut rig);
    rig.wait(32_000);
    assert_eq!(rig.events(), [lost(Cause::TIMER_EXPIRED, Loss::Silent)]);
    // Nothing is heard of the far end.
    let mut rig = Rig::new();
    let tag = opening(&mut rig);
    rig.receive(&request_as("ACK", "ack", 1, &tag, SDP, OFFER));
    rig.events();
    rig.ua.give_up(rig.now, leg(1), Cause::TIMER_EXPIRED, Loss::Silent);
    rig.drain();
    assert_eq!(rig.events(), [lost(Cause::TIMER_EXPIRED, Loss::Silent)]);
    assert!(rig.sent.pop().unwrap().1.starts_with("BYE "));
    rig.assert_quiet();
}

#[test]
fn fault_12_a_refused_call_is_told_once_however_often_it_is_repeated() {
    let mut rig = Rig::new();
    rig.ua.set_full(true);
    for _ in 0..3 {
        rig.receive(&invite());
    }
    let sent = rig.lines();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|(_, line)| line == "SIP/2.0 503 Service Unavailable"), "{sent:?}");
    let events = rig.events();
    let told = events.iter().filter(|event| matches!(event, UaEvent::TurnedAway { .. }));
    let told: Vec<_> = told.collect();
    let [UaEvent::TurnedAway { from, to, via, cause }] = told[..] else { panic!("{events:?}") };
    assert_eq!((from.number.as_deref(), &**to), (Some("+14155550123"), "+14155550100"));
    assert_eq!(*via, crate::words::Via::Trunk("carrier".into()));
    assert_eq!(*cause, Cause::CONGESTION);
    // A new call is another one; a drain reports none.
    let other = |n: u32| invite().replace("INVITE-1", &format!("INVITE-{n}"));
    rig.receive(&other(2).replace("call-1", "call-2"));
    assert_eq!(turned_away(&rig.events()), [Cause::CONGESTION]);
    rig.ua.set_draining(true);
    rig.receive(&other(3).replace("call-1", "call-3"));
    assert_eq!(turned_away(&rig.events()), []);
    rig.assert_quiet();
}

#[test]
fn fault_12_strangers_leave_nothing() {
    let mut rig = Rig::new();
    rig.path.remote = address("203.0.113.66:5060");
    rig.ua.set_full(true);
    rig.receive(&invite());
    assert_eq!(status(&rig.only()), "401");
    assert_eq!(turned_away(&rig.events()), []);
    assert_eq!(rig.ua.counts(), Counts::default());
}

#[test]
fn fault_17_a_description_beside_other_parts_is_read_wherever_it_comes() {
    let mut rig = Rig::new();
    let mixed = beside_isup(OFFER, "optional");
    assert_eq!(bound(&mut rig, &request("INVITE", 1, "", MIXED, &mixed)), Bound::Fits);
    let tag = our_tag(&picked_up(&mut rig));
    rig.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    rig.events();
    let moved = beside_isup(&OFFER.replace("audio 4000", "audio 4002"), "optional");
    rig.receive(&request("INVITE", 2, &tag, MIXED, &moved));
    let media = |rig: &mut Rig| match &rig.events()[..] {
        [UaEvent::Media { media, .. }] => media.remote_rtp.port(),
        events => panic!("{events:?}"),
    };
    assert_eq!(media(&mut rig), 4002);
    rig.receive(&request_as("ACK", "ack2", 2, &tag, "", ""));
    let moved = moved.replace("audio 4002", "audio 4004");
    rig.receive(&request("UPDATE", 3, &tag, MIXED, &moved));
    assert_eq!(media(&mut rig), 4004);
    rig.sent.clear();
    rig.receive(&request("UPDATE", 4, &tag, MIXED, &beside_isup(OFFER, "required")));
    let refused = rig.only();
    assert_eq!((status(&refused), header(&refused, "Accept")), ("415", ACCEPTED));
    // In the ACK, and in responses, where no answer can say that a part is not understood.
    let mut rig = Rig::new();
    bound(&mut rig, &request("INVITE", 1, "", "", ""));
    let tag = our_tag(&picked_up(&mut rig));
    rig.receive(&request_as("ACK", "ack", 1, &tag, MIXED, &mixed));
    assert_eq!(rig.events().last(), Some(&UaEvent::Answered { leg: leg(1) }));
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&respond(&invite, "200 OK", "a", MIXED, &beside_isup(ANSWER, "required")));
    assert_eq!(rig.events().last(), Some(&UaEvent::Answered { leg: leg(1) }));
}

#[test]
fn fault_18_an_answer_in_a_provisional_response_holds_for_its_dialog() {
    let answer = |port: u16| ANSWER.replace("7000", &port.to_string());
    let heard = |rig: &mut Rig| match &rig.events()[..] {
        [.., UaEvent::Media { media, .. }, UaEvent::Answered { .. }] => media.remote_rtp.port(),
        events => panic!("{events:?}"),
    };
    // Two phones behind one proxy rang; the second answered, with nothing more to say.
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&respond(&invite, "183 Session Progress", "a", SDP, &answer(7000)));
    rig.receive(&respond(&invite, "183 Session Progress", "b", SDP, &answer(7001)));
    rig.receive(&respond(&invite, "183 Session Progress", "b", SDP, &answer(7002)));
    rig.receive(&respond(&invite, "180 Ringing", "b", "", ""));
    rig.receive(&respond(&invite, "200 OK", "b", "", ""));
    assert_eq!(heard(&mut rig), 7002, "its own, the last one");
    // What the 200 says holds over what came before.
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&respond(&invite, "183 Session Progress", "a", SDP, &answer(7000)));
    rig.receive(&respond(&invite, "200 OK", "a", SDP, &answer(7003)));
    assert_eq!(heard(&mut rig), 7003);
    // That of another dialog is none.
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&respond(&invite, "183 Session Progress", "a", SDP, &answer(7000)));
    rig.events();
    rig.receive(&respond(&invite, "200 OK", "c", "", ""));
    assert_eq!(rig.events(), failed(Cause::INCOMPATIBLE));
    let lines: Vec<_> = rig.lines().into_iter().map(|(_, line)| line).collect();
    assert!(lines.last().unwrap().starts_with("BYE "), "{lines:?}");
    rig.assert_quiet();
}

#[test]
fn fault_19_sound_of_a_named_host_is_where_the_signaling_came_from() {
    let named = OFFER.replace("c=IN IP4 198.51.100.7", "c=IN IP4 media.carrier.example");
    let mut rig = Rig::new();
    assert_eq!(bound(&mut rig, &offers(&named)), Bound::Fits);
    picked_up(&mut rig);
    let events = rig.events();
    let [UaEvent::Media { media, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(media.remote_rtp, address("198.51.100.7:4000"));
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    let named = ANSWER.replace("c=IN IP4 203.0.113.5", "c=IN IP4 phone.example");
    rig.path.remote = address("203.0.113.5:6100");
    rig.receive(&respond(&invite, "200 OK", "a", SDP, &named));
    let events = rig.events();
    let [UaEvent::Media { media, .. }, _] = &events[..] else { panic!("{events:?}") };
    assert_eq!(media.remote_rtp, address("203.0.113.5:7000"));
}

#[test]
fn fault_20_of_several_headers_each_is_looked_at() {
    let mut setup = setup();
    setup.trunks[0].trusted = true;
    let mut rig = Rig::with(setup);
    let asserted = "P-Asserted-Identity: <sip:gateway.carrier.example>, <tel:+14155550199>\n";
    rig.receive(&request("INVITE", 1, "", asserted, ""));
    let events = rig.events();
    let [UaEvent::Incoming { dialog, from, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(from.number.as_deref(), Some("+14155550199"));
    rig.ua.bind(rig.now, *dialog, leg(1), local_media(10_000));
    let tag = our_tag(&picked_up(&mut rig));
    rig.receive(&request_as("ACK", "ack", 1, &tag, SDP, OFFER));
    rig.events();
    let reasons = "Reason: SIP;cause=200;text=\"a, b\"\nReason: Q.850;cause=31\n";
    rig.receive(&request("BYE", 2, &tag, reasons, ""));
    let ended = UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_UNSPECIFIED };
    assert_eq!(rig.events(), [ended]);
}
