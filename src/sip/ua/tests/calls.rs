//! Calls that come in: each row of the failure catalogue that a caller can cause.

use super::*;

/// A call that was announced and bound, not answered.
pub(super) fn bound(desk: &mut Desk, invite: &str) -> Bound {
    desk.receive(invite);
    let [UaEvent::Incoming { dialog, .. }] = desk.events()[..] else { panic!("no call") };
    desk.ua.bind(desk.now, dialog, leg(1), local_media(10_000))
}

/// Why calls were refused before they were any.
pub(super) fn turned_away(events: &[UaEvent]) -> Vec<Cause> {
    let cause = |event: &UaEvent| match event {
        UaEvent::TurnedAway { cause, .. } => Some(*cause),
        _ => None,
    };
    events.iter().filter_map(cause).collect()
}

pub(super) fn lost(cause: Cause, how: Loss) -> UaEvent {
    UaEvent::Lost { leg: leg(1), cause, how }
}

/// We answer: our 200, without its ACK.
pub(super) fn picked_up(desk: &mut Desk) -> String {
    desk.ua.answer(desk.now, leg(1));
    desk.drain();
    let ok = desk.sent.pop().unwrap().1;
    desk.sent.clear();
    ok
}

/// A call that was answered; its 200 and ACK are done. Returns our tag.
pub(super) fn answered(desk: &mut Desk) -> String {
    bound(desk, &invite());
    let tag = our_tag(&picked_up(desk));
    desk.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    desk.sent.clear();
    tag
}

/// A desk on which an answered call is all there is, and our tag in it.
fn in_talk() -> (Desk, String) {
    let mut desk = Desk::new();
    let tag = answered(&mut desk);
    desk.events();
    (desk, tag)
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
    assert_eq!(*via, crate::words::Via::Trunk("carrier".into()));

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
    let [UaEvent::Media { leg: of, media, signaling, trunk }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((*of, media.codec), (leg(1), Codec::Pcma));
    assert_eq!((*signaling, *trunk), (address(TRUNK).ip(), Some(0)));
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
fn what_is_answered_at_once_needs_no_100() {
    let mut desk = Desk::new();
    desk.hear(&invite());
    desk.hear(&invite());
    let Some(UaEvent::Incoming { dialog, .. }) = desk.ua.poll_event() else { panic!("no call") };
    desk.ua.bind(desk.now, dialog, leg(1), local_media(10_000));
    desk.ua.ring(desk.now, leg(1));
    desk.ua.answer(desk.now, leg(1));
    desk.drain();
    let lines: Vec<_> = desk.lines().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]);
}

#[test]
fn we_hang_up() {
    let (mut desk, tag) = in_talk();
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.drain();
    let bye = desk.only();
    assert!(bye.starts_with("BYE sip:198.51.100.7:5060 SIP/2.0\r\n"), "{bye}");
    assert_eq!(header(&bye, "To"), "\"Ann\" <sip:+14155550123@carrier.example>;tag=theirs");
    assert!(header(&bye, "From").ends_with(&tag));
    assert_eq!(desk.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING }]);
    desk.assert_quiet();
}

fn ringing(desk: &mut Desk) {
    bound(desk, &invite());
    desk.sent.clear();
}

#[test]
fn a_2xx_without_ack_is_repeated_and_then_the_call_is_hung_up() {
    let mut desk = Desk::new();
    ringing(&mut desk);
    desk.ua.answer(desk.now, leg(1));
    desk.drain();
    desk.events();
    desk.wait(31_999);
    let sent = desk.lines();
    assert!(sent.iter().all(|(_, line)| line == "SIP/2.0 200 OK"), "{sent:?}");
    let times: Vec<_> = sent.iter().map(|(at, _)| *at).collect();
    let want = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(times, want);
    desk.wait(1);
    assert!(desk.only().starts_with("BYE "));
    assert_eq!(desk.events(), [lost(Cause::TIMER_EXPIRED, Loss::Silent)]);
    desk.assert_quiet();
}

#[test]
fn a_repeated_invite_is_one_call_and_gets_the_same_answer() {
    let mut desk = Desk::new();
    desk.receive(&invite());
    desk.receive(&invite());
    assert_eq!(desk.events().len(), 1);
    let sent = desk.lines();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1]);
    let mut desk = Desk::new();
    answered(&mut desk);
    desk.receive(&invite());
    assert_eq!(desk.lines(), [], "absorbed after the ACK (RFC 6026)");
}

#[test]
fn cancel_before_the_answer_ends_the_call_once() {
    let mut desk = Desk::new();
    ringing(&mut desk);
    let cancel = request_as("CANCEL", "INVITE", 1, "", "", "");
    desk.receive(&cancel);
    let [(_, ok), (_, terminated)] = &desk.sent[..] else { panic!("{:?}", desk.sent) };
    assert_eq!((status(ok), header(ok, "CSeq")), ("200", "1 CANCEL"));
    assert_eq!((status(terminated), header(terminated, "CSeq")), ("487", "1 INVITE"));
    assert_eq!(our_tag(ok), our_tag(terminated));
    let tag = our_tag(terminated);
    desk.sent.clear();
    assert_eq!(desk.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING }]);
    desk.ua.answer(desk.now, leg(1));
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.drain();
    assert_eq!((desk.lines(), desk.events()), (vec![], vec![]), "too late for anything");
    desk.wait(500);
    assert_eq!(status(&desk.only()), "487", "again, until the ACK");
    desk.receive(&request_as("ACK", "INVITE", 1, &tag, "", ""));
    desk.wait(3000);
    assert_eq!(desk.lines(), []);
    desk.assert_quiet();
}

#[test]
fn cancel_that_crosses_the_answer_changes_nothing() {
    let mut desk = Desk::new();
    ringing(&mut desk);
    let tag = our_tag(&picked_up(&mut desk));
    desk.events();
    desk.receive(&request_as("CANCEL", "INVITE", 1, "", "", ""));
    assert_eq!(status(&desk.only()), "200");
    assert_eq!(desk.events(), []);
    desk.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    desk.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&desk.only()), "200");
    assert_eq!(desk.events().len(), 1);
    desk.assert_quiet();
}

#[test]
fn fault_15_a_call_cancelled_before_it_has_a_leg_gets_none() {
    let mut desk = Desk::new();
    desk.receive(&invite());
    let [UaEvent::Incoming { dialog, .. }] = desk.events()[..] else { panic!("no call") };
    desk.receive(&request_as("CANCEL", "INVITE", 1, "", "", ""));
    assert_eq!(desk.ua.bind(desk.now, dialog, leg(1), local_media(10_000)), Bound::Gone);
    desk.drain();
    assert_eq!(desk.events(), []);
    desk.assert_quiet();
}

#[test]
fn bye_before_the_ack_stops_the_2xx() {
    let mut desk = Desk::new();
    ringing(&mut desk);
    let tag = our_tag(&picked_up(&mut desk));
    desk.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&desk.only()), "200");
    desk.wait(40_000);
    assert_eq!(desk.lines(), []);
    desk.assert_quiet();
}

#[test]
fn our_bye_waits_for_the_ack_but_the_leg_ends_at_once() {
    let mut desk = Desk::new();
    ringing(&mut desk);
    let tag = our_tag(&picked_up(&mut desk));
    desk.events();
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.drain();
    assert_eq!(desk.lines(), []);
    assert_eq!(desk.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING }]);
    desk.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    assert!(desk.only().starts_with("BYE "));
    desk.assert_quiet();
}

#[test]
fn bye_that_crosses_bye_is_one_end() {
    let (mut desk, tag) = in_talk();
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.drain();
    desk.sent.clear();
    desk.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&desk.only()), "200");
    assert_eq!(desk.events().len(), 1);
    desk.assert_quiet();
}

#[test]
fn a_bye_of_ours_without_answer_is_repeated_and_given_up() {
    let mut desk = Desk::new();
    answered(&mut desk);
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.drain();
    desk.wait(60_000);
    assert_eq!(desk.lines().len(), 11);
    desk.assert_quiet();
}

#[test]
fn hold_and_resume() {
    let (mut desk, tag) = in_talk();
    let sdp = "Content-Type: application/sdp\n";
    let hold = OFFER.replace("- 1 1", "- 1 2") + "a=sendonly\r\n";
    desk.receive(&request("INVITE", 2, &tag, sdp, &hold));
    let ok = desk.sent.pop().unwrap().1;
    assert!(ok.contains("a=recvonly"), "{ok}");
    desk.receive(&request_as("ACK", "ack", 2, &tag, "", ""));
    let events = desk.events();
    let [UaEvent::Media { media, .. }, held] = &events[..] else { panic!("{events:?}") };
    assert_eq!(media.direction, Direction::RecvOnly);
    assert_eq!(*held, UaEvent::Held { leg: leg(1) });

    let resumed = OFFER.replace("- 1 1", "- 1 3");
    desk.receive(&request("INVITE", 3, &tag, sdp, &resumed));
    desk.receive(&request_as("ACK", "ack", 3, &tag, "", ""));
    let events = desk.events();
    assert_eq!(events.last(), Some(&UaEvent::Resumed { leg: leg(1) }), "{events:?}");
    // The old way to hold: nowhere to send to.
    let nowhere = OFFER.replace("c=IN IP4 198.51.100.7", "c=IN IP4 0.0.0.0");
    desk.receive(&request("INVITE", 4, &tag, sdp, &nowhere));
    desk.receive(&request_as("ACK", "ack", 4, &tag, "", ""));
    assert_eq!(desk.events().last(), Some(&UaEvent::Held { leg: leg(1) }));
}

#[test]
fn a_reinvite_that_asks_for_the_impossible_keeps_the_session() {
    let (mut desk, tag) = in_talk();
    let sdp = "Content-Type: application/sdp\n";
    let video = OFFER.replace("8 0 101", "18");
    desk.receive(&request("INVITE", 2, &tag, sdp, &video));
    let refused = desk.sent.pop().unwrap().1;
    assert_eq!(status(&refused), "488");
    desk.receive(&request_as("ACK", "INVITE", 2, &tag, "", ""));
    assert_eq!(desk.events(), []);
    let moved = OFFER.replace("audio 4000", "audio 4002");
    desk.receive(&request("INVITE", 3, &tag, sdp, &moved));
    desk.receive(&request_as("ACK", "ack", 3, &tag, "", ""));
    let events = desk.events();
    let [UaEvent::Media { media, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(media.remote_rtp.port(), 4002);
    desk.sent.clear();
    desk.receive(&request("INVITE", 4, &tag, sdp, &moved));
    assert_eq!(status(&desk.only()), "200", "a refresh changes nothing");
    desk.receive(&request_as("ACK", "ack", 4, &tag, "", ""));
    assert_eq!(desk.events(), []);
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let mut desk = Desk::new();
    bound(&mut desk, &request("INVITE", 1, "", "", ""));
    let ok = picked_up(&mut desk);
    assert!(ok.contains("m=audio 10000 RTP/AVP 0 8 101"), "{ok}");
    assert_eq!(desk.events(), []);
    let tag = our_tag(&ok);
    let sdp = "Content-Type: application/sdp\n";
    desk.receive(&request_as("ACK", "ack", 1, &tag, sdp, &OFFER.replace("8 0 101", "0 101")));
    let events = desk.events();
    let [UaEvent::Media { media, .. }, UaEvent::Answered { leg: of }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((media.codec, *of), (Codec::Pcmu, leg(1)));
}

#[test]
fn a_late_offer_without_answer_ends_the_call() {
    let mut desk = Desk::new();
    bound(&mut desk, &request("INVITE", 1, "", "", ""));
    let tag = our_tag(&picked_up(&mut desk));
    desk.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    assert!(desk.only().starts_with("BYE "));
    assert_eq!(desk.events(), [lost(Cause::INCOMPATIBLE, Loss::Broken)]);
    desk.assert_quiet();
}

#[test]
fn requests_out_of_order_or_of_no_dialog_are_never_acted_on() {
    let (mut desk, tag) = in_talk();
    desk.receive(&request("BYE", 0, &tag, "", ""));
    assert_eq!(status(&desk.only()), "500");
    desk.receive(&request("BYE", 5, "0123456789abcdef", "", ""));
    assert_eq!(status(&desk.only()), "481");
    desk.receive(&request("BYE", 5, &tag, "", "").replace("tag=theirs", "tag=other"));
    assert_eq!(status(&desk.only()), "481");
    desk.receive(&request_as("CANCEL", "nothing", 9, "", "", ""));
    assert_eq!(status(&desk.only()), "481");
    desk.receive(&request_as("ACK", "nothing", 9, "0123456789abcdef", "", ""));
    assert_eq!((desk.lines(), desk.events()), (vec![], vec![]));
}

#[test]
fn what_we_do_not_do_is_refused_by_name() {
    let mut desk = Desk::new();
    for (seq, (method, more, body, code, name, value)) in [
        ("SUBSCRIBE", "Event: x\n", "", "405", "Allow", ALLOW),
        ("NEWMETHOD", "", "", "501", "Allow", ALLOW),
        ("INVITE", "Require: 100rel, x\n", "", "420", "Unsupported", "100rel, x"),
        ("INVITE", "Content-Type: text/x\n", "x", "415", "Accept", ACCEPTED),
        ("INVITE", "Content-Type: application/sdp\n", "m=audio", "488", "CSeq", "15 INVITE"),
        ("INVITE", "Max-Forwards: 999\n", "", "400", "CSeq", "16 INVITE"),
    ]
    .into_iter()
    .enumerate()
    {
        let seq = u32::try_from(seq).unwrap() + 11;
        desk.receive(&request(method, seq, "", more, body));
        let answer = desk.only();
        assert_eq!((status(&answer), header(&answer, name)), (code, value), "{method}");
    }
    assert_eq!(turned_away(&desk.events()), [Cause::INCOMPATIBLE; 2], "420 asks for the same");
    let tag = answered(&mut desk);
    desk.receive(&request("REFER", 2, &tag, "", ""));
    assert_eq!(status(&desk.only()), "405");
    desk.receive(&request("REFER", 3, &tag, "Refer-To: <sip:x@192.0.2.9>\n", ""));
    assert_eq!(status(&desk.only()), "405");
}

#[test]
fn the_same_invite_along_two_ways_is_one_call() {
    let mut desk = Desk::new();
    desk.receive(&invite());
    desk.sent.clear();
    desk.receive(&invite().replace("branch=z9hG4bK-INVITE-1", "branch=z9hG4bK-elsewhere"));
    assert_eq!(status(&desk.only()), "482");
    assert_eq!(desk.events().len(), 1);
}

#[test]
fn keys_come_by_info_in_both_formats() {
    let (mut desk, tag) = in_talk();
    let relay = "Content-Type: application/dtmf-relay\n";
    let plain = "Content-Type: application/dtmf\n";
    desk.receive(&request("INFO", 2, &tag, relay, "Signal=5\nDuration=160\n"));
    desk.receive(&request("INFO", 2, &tag, relay, "Signal=5\nDuration=160\n"));
    desk.receive(&request("INFO", 3, &tag, relay, "Signal= 11\n"));
    desk.receive(&request("INFO", 4, &tag, plain, "*"));
    desk.receive(&request("INFO", 5, &tag, plain, "x"));
    let keys: Vec<_> = desk
        .events()
        .into_iter()
        .map(|event| match event {
            UaEvent::Dtmf { digit, .. } => digit.as_char(),
            event => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(keys, ['5', '#', '*'], "a repeated INFO is one key");
    desk.sent.clear();
    desk.receive(&request("INFO", 6, &tag, "Content-Type: text/plain\n", "x"));
    assert_eq!(status(&desk.only()), "415");
}

#[test]
fn while_draining_or_full_new_calls_and_pings_get_503_and_live_calls_go_on() {
    let mut desk = Desk::new();
    desk.receive(&request("OPTIONS", 1, "", "", ""));
    assert_eq!(status(&desk.only()), "200");
    let tag = answered(&mut desk);
    desk.ua.set_draining(true);
    desk.receive(&request("OPTIONS", 2, "", "", ""));
    let refused = desk.only();
    assert_eq!((status(&refused), header(&refused, "Retry-After")), ("503", "10"));
    desk.receive(&invite().replace("call-1", "call-2").replace("INVITE-1", "INVITE-2"));
    assert_eq!(status(&desk.only()), "503");
    desk.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&desk.only()), "200");
    desk.ua.set_draining(false);
    desk.ua.set_full(true);
    desk.receive(&request("OPTIONS", 3, "", "", ""));
    assert_eq!(status(&desk.only()), "503");
    desk.assert_quiet();
}

#[test]
fn a_refused_call_says_why() {
    for (cause, code) in
        [(Cause::USER_BUSY, "486"), (Cause::UNALLOCATED_NUMBER, "404"), (Cause::CONGESTION, "503")]
    {
        let mut desk = Desk::new();
        ringing(&mut desk);
        desk.ua.reject(desk.now, leg(1), cause);
        desk.drain();
        let refused = desk.only();
        assert_eq!(status(&refused), code);
        assert!(header(&refused, "Reason").starts_with(&format!("Q.850;cause={}", cause.0)));
        assert_eq!(desk.events(), [UaEvent::Ended { leg: leg(1), cause }]);
        desk.assert_quiet();
    }
}

#[test]
fn a_withheld_number_stays_withheld() {
    let name = |more: &str, from: &str| {
        let mut desk = Desk::new();
        desk.receive(
            &request("INVITE", 1, "", more, "").replace("+14155550123@carrier.example", from),
        );
        match desk.events().remove(0) {
            UaEvent::Incoming { from, .. } => from.number,
            event => panic!("{event:?}"),
        }
    };
    assert_eq!(name("", "100@h").as_deref(), Some("100"));
    assert_eq!(name("Privacy: id\n", "100@h"), None);
    assert_eq!(name("", "anonymous@anonymous.invalid"), None);
    assert_eq!(name("", "Restricted@h"), None);
    let asserted = "P-Asserted-Identity: <sip:+14155550199@h>\n";
    assert_eq!(name(asserted, "100@h").as_deref(), Some("100"), "an untrusted trunk");
}

#[test]
fn fault_25_a_number_is_read_out_of_every_uri_it_comes_in() {
    let parties = |from: &str, to: &str| {
        let text = request("INVITE", 1, "", "", "")
            .replacen("sip:+14155550100@192.0.2.1", to, 1)
            .replace("sip:+14155550123@carrier.example", from);
        let mut desk = Desk::new();
        desk.receive(&text);
        match desk.events().remove(0) {
            UaEvent::Incoming { from, to, .. } => (from.number, to),
            event => panic!("{event:?}"),
        }
    };
    for (from, to) in [
        ("tel:+1-415-555-0123", "tel:+14155550100"),
        ("sip:%2B14155550123@h;user=phone", "sip:%2B14155550100@h;user=phone"),
        ("sip:+14155550123;npdi;rn=+1415@h", "sip:+14155550100;npdi@192.0.2.1"),
        ("sip:5550123;phone-context=+1415@h", "tel:5550100;phone-context=+1415"),
        ("sips:+14155550123:secret@h", "sip:+14155550100:x@h"),
    ] {
        let (caller, called) = parties(from, to);
        let digits = |number: &str| number.replace('-', "");
        assert_eq!(caller.as_deref().map(digits).as_deref(), Some("+14155550123"), "{from}");
        assert_eq!(called, "+14155550100", "{to}");
    }
    // No number: as it came.
    assert_eq!(parties("sip:ann@h", "sip:*42@h"), (Some("ann".to_owned()), "*42".to_owned()));
    assert_eq!(parties("sip:h", "sip:h"), (None, String::new()));
}

#[test]
fn answers_follow_the_via_but_never_leave_the_source_address() {
    let mut desk = Desk::new();
    let to = |desk: &mut Desk, via: &str| {
        let text = request("OPTIONS", 1, "", "", "")
            .replace("198.51.100.7:5060;branch=z9hG4bK-OPTIONS-1;rport", via)
            .replace('\n', "\r\n");
        desk.ua.receive(desk.now, Received { path: desk.path, bytes: text.as_bytes() });
        desk.ua.poll_transmit().map(|transmit| transmit.path.remote.to_string())
    };
    let mut via = |via| to(&mut desk, via);
    assert_eq!(via("10.0.0.1:5080;branch=z9hG4bKa;rport").as_deref(), Some("198.51.100.7:5060"));
    assert_eq!(via("203.0.113.9:5080;branch=z9hG4bKb").as_deref(), Some("198.51.100.7:5080"));
    assert_eq!(
        via("h.example;branch=z9hG4bKc;maddr=203.0.113.1").as_deref(),
        Some("198.51.100.7:5060")
    );
    desk.path.remote = address("255.255.255.255:5060");
    assert_eq!(to(&mut desk, "192.0.2.9;branch=z9hG4bKd"), None);
}

#[test]
fn responses_to_nothing_and_noise_are_silent() {
    let mut desk = Desk::new();
    desk.receive(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0123456789abcdef\n\
        From: <sip:a@h>;tag=1\nTo: <sip:b@h>;tag=2\nCall-ID: x\nCSeq: 1 INVITE\n\n",
    );
    desk.receive("\r\n\r\n");
    desk.receive("GET / HTTP/1.1\n\n");
    assert_eq!((desk.lines(), desk.events()), (vec![], vec![]));
    desk.assert_quiet();
}

#[test]
fn a_call_that_nobody_here_answers_or_refuses_ends_after_three_minutes() {
    for bound in [true, false] {
        let mut desk = Desk::new();
        desk.receive(&invite());
        let [UaEvent::Incoming { dialog, .. }] = desk.events()[..] else { panic!("no call") };
        if bound {
            desk.ua.bind(desk.now, dialog, leg(1), local_media(10_000));
        }
        desk.sent.clear();
        desk.wait(179_999);
        assert_eq!((desk.lines(), desk.events()), (vec![], vec![]));
        desk.wait(1);
        assert_eq!(status(&desk.only()), "480");
        let ended = lost(Cause::NO_ANSWER, Loss::Broken);
        assert_eq!(desk.events(), if bound { vec![ended] } else { vec![] });
        desk.assert_quiet();
    }
}
