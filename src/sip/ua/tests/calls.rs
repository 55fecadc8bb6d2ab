//! Calls that come in: each row of the failure catalogue that a caller can cause.

use super::*;

/// A call that was announced and bound, not answered.
pub(super) fn bound(rig: &mut Rig, invite: &str) -> Bound {
    rig.receive(invite);
    let [UaEvent::Incoming { dialog, .. }] = rig.events()[..] else { panic!("no call") };
    rig.ua.bind(rig.now, dialog, leg(1), local_media(10_000))
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
pub(super) fn picked_up(rig: &mut Rig) -> String {
    rig.ua.answer(rig.now, leg(1));
    rig.drain();
    let ok = rig.sent.pop().unwrap().1;
    rig.sent.clear();
    ok
}

/// A call that was answered; its 200 and ACK are done. Returns our tag.
pub(super) fn answered(rig: &mut Rig) -> String {
    bound(rig, &invite());
    let tag = our_tag(&picked_up(rig));
    rig.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    rig.sent.clear();
    tag
}

/// A rig on which an answered call is all there is, and our tag in it.
fn in_talk() -> (Rig, String) {
    let mut rig = Rig::new();
    let tag = answered(&mut rig);
    rig.events();
    (rig, tag)
}

#[test]
fn a_call_comes_in_is_answered_and_hung_up_by_the_caller() {
    let mut rig = Rig::new();
    rig.receive(&invite());
    assert_eq!(rig.lines(), [(0, "SIP/2.0 100 Trying".to_owned())]);
    let events = rig.events();
    let [UaEvent::Incoming { dialog, from, to, via, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(from.number.as_deref(), Some("+14155550123"));
    assert_eq!(from.name.as_deref(), Some("Ann"));
    assert_eq!(to, "+14155550100");
    assert_eq!(*via, crate::words::Via::Trunk("carrier".into()));

    rig.ua.bind(rig.now, *dialog, leg(1), local_media(10_000));
    rig.ua.ring(rig.now, leg(1));
    rig.drain();
    assert_eq!(status(&rig.only()), "180");
    rig.ua.answer(rig.now, leg(1));
    rig.drain();
    let ok = rig.only();
    assert_eq!(status(&ok), "200");
    assert!(ok.contains("m=audio 10000 RTP/AVP 8 101"), "{ok}");
    assert_eq!(header(&ok, "Contact"), "<sip:192.0.2.1:5060>");
    let events = rig.events();
    let [UaEvent::Media { leg: of, media, signaling, trunk }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((*of, media.codec), (leg(1), Codec::Pcma));
    assert_eq!((*signaling, *trunk), (address(TRUNK).ip(), Some(0)));
    assert_eq!(media.remote_rtp, address("198.51.100.7:4000"));

    let tag = our_tag(&ok);
    rig.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    rig.wait(5000);
    assert_eq!(rig.lines(), []);
    rig.receive(&request("BYE", 2, &tag, "Reason: Q.850;cause=31\n", ""));
    assert_eq!(status(&rig.only()), "200");
    let ended = UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_UNSPECIFIED };
    assert_eq!(rig.events(), [ended]);
    rig.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&rig.only()), "200", "the same answer to the same BYE");
    assert_eq!(rig.events(), []);
    rig.assert_quiet();
}

#[test]
fn what_is_answered_at_once_needs_no_100() {
    let mut rig = Rig::new();
    rig.hear(&invite());
    rig.hear(&invite());
    let Some(UaEvent::Incoming { dialog, .. }) = rig.ua.poll_event() else { panic!("no call") };
    rig.ua.bind(rig.now, dialog, leg(1), local_media(10_000));
    rig.ua.ring(rig.now, leg(1));
    rig.ua.answer(rig.now, leg(1));
    rig.drain();
    let lines: Vec<_> = rig.lines().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["SIP/2.0 180 Ringing", "SIP/2.0 200 OK"]);
}

#[test]
fn we_hang_up() {
    let (mut rig, tag) = in_talk();
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.drain();
    let bye = rig.only();
    assert!(bye.starts_with("BYE sip:198.51.100.7:5060 SIP/2.0\r\n"), "{bye}");
    assert_eq!(header(&bye, "To"), "\"Ann\" <sip:+14155550123@carrier.example>;tag=theirs");
    assert!(header(&bye, "From").ends_with(&tag));
    assert_eq!(rig.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING }]);
    rig.assert_quiet();
}

fn ringing(rig: &mut Rig) {
    bound(rig, &invite());
    rig.sent.clear();
}

#[test]
fn a_2xx_without_ack_is_repeated_and_then_the_call_is_hung_up() {
    let mut rig = Rig::new();
    ringing(&mut rig);
    rig.ua.answer(rig.now, leg(1));
    rig.drain();
    rig.events();
    rig.wait(31_999);
    let sent = rig.lines();
    assert!(sent.iter().all(|(_, line)| line == "SIP/2.0 200 OK"), "{sent:?}");
    let times: Vec<_> = sent.iter().map(|(at, _)| *at).collect();
    let want = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(times, want);
    rig.wait(1);
    assert!(rig.only().starts_with("BYE "));
    assert_eq!(rig.events(), [lost(Cause::TIMER_EXPIRED, Loss::Silent)]);
    rig.assert_quiet();
}

#[test]
fn a_repeated_invite_is_one_call_and_gets_the_same_answer() {
    let mut rig = Rig::new();
    rig.receive(&invite());
    rig.receive(&invite());
    assert_eq!(rig.events().len(), 1);
    let sent = rig.lines();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1]);
    let mut rig = Rig::new();
    answered(&mut rig);
    rig.receive(&invite());
    assert_eq!(rig.lines(), [], "absorbed after the ACK (RFC 6026)");
}

#[test]
fn cancel_before_the_answer_ends_the_call_once() {
    let mut rig = Rig::new();
    ringing(&mut rig);
    let cancel = request_as("CANCEL", "INVITE", 1, "", "", "");
    rig.receive(&cancel);
    let [(_, ok), (_, terminated)] = &rig.sent[..] else { panic!("{:?}", rig.sent) };
    assert_eq!((status(ok), header(ok, "CSeq")), ("200", "1 CANCEL"));
    assert_eq!((status(terminated), header(terminated, "CSeq")), ("487", "1 INVITE"));
    assert_eq!(our_tag(ok), our_tag(terminated));
    let tag = our_tag(terminated);
    rig.sent.clear();
    assert_eq!(rig.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING }]);
    rig.ua.answer(rig.now, leg(1));
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.drain();
    assert_eq!((rig.lines(), rig.events()), (vec![], vec![]), "too late for anything");
    rig.wait(500);
    assert_eq!(status(&rig.only()), "487", "again, until the ACK");
    rig.receive(&request_as("ACK", "INVITE", 1, &tag, "", ""));
    rig.wait(3000);
    assert_eq!(rig.lines(), []);
    rig.assert_quiet();
}

#[test]
fn cancel_that_crosses_the_answer_changes_nothing() {
    let mut rig = Rig::new();
    ringing(&mut rig);
    let tag = our_tag(&picked_up(&mut rig));
    rig.events();
    rig.receive(&request_as("CANCEL", "INVITE", 1, "", "", ""));
    assert_eq!(status(&rig.only()), "200");
    assert_eq!(rig.events(), []);
    rig.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    rig.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&rig.only()), "200");
    assert_eq!(rig.events().len(), 1);
    rig.assert_quiet();
}

#[test]
fn fault_15_a_call_cancelled_before_it_has_a_leg_gets_none() {
    let mut rig = Rig::new();
    rig.receive(&invite());
    let [UaEvent::Incoming { dialog, .. }] = rig.events()[..] else { panic!("no call") };
    rig.receive(&request_as("CANCEL", "INVITE", 1, "", "", ""));
    assert_eq!(rig.ua.bind(rig.now, dialog, leg(1), local_media(10_000)), Bound::Gone);
    rig.drain();
    assert_eq!(rig.events(), []);
    rig.assert_quiet();
}

#[test]
fn bye_before_the_ack_stops_the_2xx() {
    let mut rig = Rig::new();
    ringing(&mut rig);
    let tag = our_tag(&picked_up(&mut rig));
    rig.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&rig.only()), "200");
    rig.wait(40_000);
    assert_eq!(rig.lines(), []);
    rig.assert_quiet();
}

#[test]
fn our_bye_waits_for_the_ack_but_the_leg_ends_at_once() {
    let mut rig = Rig::new();
    ringing(&mut rig);
    let tag = our_tag(&picked_up(&mut rig));
    rig.events();
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.drain();
    assert_eq!(rig.lines(), []);
    assert_eq!(rig.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING }]);
    rig.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    assert!(rig.only().starts_with("BYE "));
    rig.assert_quiet();
}

#[test]
fn bye_that_crosses_bye_is_one_end() {
    let (mut rig, tag) = in_talk();
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.drain();
    rig.sent.clear();
    rig.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&rig.only()), "200");
    assert_eq!(rig.events().len(), 1);
    rig.assert_quiet();
}

#[test]
fn a_bye_of_ours_without_answer_is_repeated_and_given_up() {
    let mut rig = Rig::new();
    answered(&mut rig);
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.drain();
    rig.wait(60_000);
    assert_eq!(rig.lines().len(), 11);
    rig.assert_quiet();
}

#[test]
fn hold_and_resume() {
    let (mut rig, tag) = in_talk();
    let sdp = "Content-Type: application/sdp\n";
    let hold = OFFER.replace("- 1 1", "- 1 2") + "a=sendonly\r\n";
    rig.receive(&request("INVITE", 2, &tag, sdp, &hold));
    let ok = rig.sent.pop().unwrap().1;
    assert!(ok.contains("a=recvonly"), "{ok}");
    rig.receive(&request_as("ACK", "ack", 2, &tag, "", ""));
    let events = rig.events();
    let [UaEvent::Media { media, .. }, held] = &events[..] else { panic!("{events:?}") };
    assert_eq!(media.direction, Direction::RecvOnly);
    assert_eq!(*held, UaEvent::Held { leg: leg(1) });

    let resumed = OFFER.replace("- 1 1", "- 1 3");
    rig.receive(&request("INVITE", 3, &tag, sdp, &resumed));
    rig.receive(&request_as("ACK", "ack", 3, &tag, "", ""));
    let events = rig.events();
    assert_eq!(events.last(), Some(&UaEvent::Resumed { leg: leg(1) }), "{events:?}");
    // The old way to hold: nowhere to send to.
    let nowhere = OFFER.replace("c=IN IP4 198.51.100.7", "c=IN IP4 0.0.0.0");
    rig.receive(&request("INVITE", 4, &tag, sdp, &nowhere));
    rig.receive(&request_as("ACK", "ack", 4, &tag, "", ""));
    assert_eq!(rig.events().last(), Some(&UaEvent::Held { leg: leg(1) }));
}

#[test]
fn a_reinvite_that_asks_for_the_impossible_keeps_the_session() {
    let (mut rig, tag) = in_talk();
    let sdp = "Content-Type: application/sdp\n";
    let video = OFFER.replace("8 0 101", "18");
    rig.receive(&request("INVITE", 2, &tag, sdp, &video));
    let refused = rig.sent.pop().unwrap().1;
    assert_eq!(status(&refused), "488");
    rig.receive(&request_as("ACK", "INVITE", 2, &tag, "", ""));
    assert_eq!(rig.events(), []);
    let moved = OFFER.replace("audio 4000", "audio 4002");
    rig.receive(&request("INVITE", 3, &tag, sdp, &moved));
    rig.receive(&request_as("ACK", "ack", 3, &tag, "", ""));
    let events = rig.events();
    let [UaEvent::Media { media, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(media.remote_rtp.port(), 4002);
    rig.sent.clear();
    rig.receive(&request("INVITE", 4, &tag, sdp, &moved));
    assert_eq!(status(&rig.only()), "200", "a refresh changes nothing");
    rig.receive(&request_as("ACK", "ack", 4, &tag, "", ""));
    assert_eq!(rig.events(), []);
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let mut rig = Rig::new();
    bound(&mut rig, &request("INVITE", 1, "", "", ""));
    let ok = picked_up(&mut rig);
    assert!(ok.contains("m=audio 10000 RTP/AVP 0 8 101"), "{ok}");
    assert_eq!(rig.events(), []);
    let tag = our_tag(&ok);
    let sdp = "Content-Type: application/sdp\n";
    rig.receive(&request_as("ACK", "ack", 1, &tag, sdp, &OFFER.replace("8 0 101", "0 101")));
    let events = rig.events();
    let [UaEvent::Media { media, .. }, UaEvent::Answered { leg: of }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((media.codec, *of), (Codec::Pcmu, leg(1)));
}

#[test]
fn a_late_offer_without_answer_ends_the_call() {
    let mut rig = Rig::new();
    bound(&mut rig, &request("INVITE", 1, "", "", ""));
    let tag = our_tag(&picked_up(&mut rig));
    rig.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    assert!(rig.only().starts_with("BYE "));
    assert_eq!(rig.events(), [lost(Cause::INCOMPATIBLE, Loss::Broken)]);
    rig.assert_quiet();
}

#[test]
fn requests_out_of_order_or_of_no_dialog_are_never_acted_on() {
    let (mut rig, tag) = in_talk();
    rig.receive(&request("BYE", 0, &tag, "", ""));
    assert_eq!(status(&rig.only()), "500");
    rig.receive(&request("BYE", 5, "0123456789abcdef", "", ""));
    assert_eq!(status(&rig.only()), "481");
    rig.receive(&request("BYE", 5, &tag, "", "").replace("tag=theirs", "tag=other"));
    assert_eq!(status(&rig.only()), "481");
    rig.receive(&request_as("CANCEL", "nothing", 9, "", "", ""));
    assert_eq!(status(&rig.only()), "481");
    rig.receive(&request_as("ACK", "nothing", 9, "0123456789abcdef", "", ""));
    assert_eq!((rig.lines(), rig.events()), (vec![], vec![]));
}

#[test]
fn what_we_do_not_do_is_refused_by_name() {
    let mut rig = Rig::new();
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
        rig.receive(&request(method, seq, "", more, body));
        let answer = rig.only();
        assert_eq!((status(&answer), header(&answer, name)), (code, value), "{method}");
    }
    assert_eq!(turned_away(&rig.events()), [Cause::INCOMPATIBLE; 2], "420 asks for the same");
    let tag = answered(&mut rig);
    rig.receive(&request("REFER", 2, &tag, "", ""));
    assert_eq!(status(&rig.only()), "405");
    rig.receive(&request("REFER", 3, &tag, "Refer-To: <sip:x@192.0.2.9>\n", ""));
    assert_eq!(status(&rig.only()), "405");
}

#[test]
fn the_same_invite_along_two_ways_is_one_call() {
    let mut rig = Rig::new();
    rig.receive(&invite());
    rig.sent.clear();
    rig.receive(&invite().replace("branch=z9hG4bK-INVITE-1", "branch=z9hG4bK-elsewhere"));
    assert_eq!(status(&rig.only()), "482");
    assert_eq!(rig.events().len(), 1);
}

#[test]
fn keys_come_by_info_in_both_formats() {
    let (mut rig, tag) = in_talk();
    let relay = "Content-Type: application/dtmf-relay\n";
    let plain = "Content-Type: application/dtmf\n";
    rig.receive(&request("INFO", 2, &tag, relay, "Signal=5\nDuration=160\n"));
    rig.receive(&request("INFO", 2, &tag, relay, "Signal=5\nDuration=160\n"));
    rig.receive(&request("INFO", 3, &tag, relay, "Signal= 11\n"));
    rig.receive(&request("INFO", 4, &tag, plain, "*"));
    rig.receive(&request("INFO", 5, &tag, plain, "x"));
    let keys: Vec<_> = rig
        .events()
        .into_iter()
        .map(|event| match event {
            UaEvent::Dtmf { digit, .. } => digit.as_char(),
            event => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(keys, ['5', '#', '*'], "a repeated INFO is one key");
    rig.sent.clear();
    rig.receive(&request("INFO", 6, &tag, "Content-Type: text/plain\n", "x"));
    assert_eq!(status(&rig.only()), "415");
}

#[test]
fn while_draining_or_full_new_calls_and_pings_get_503_and_live_calls_go_on() {
    let mut rig = Rig::new();
    rig.receive(&request("OPTIONS", 1, "", "", ""));
    assert_eq!(status(&rig.only()), "200");
    let tag = answered(&mut rig);
    rig.ua.set_draining(true);
    rig.receive(&request("OPTIONS", 2, "", "", ""));
    let refused = rig.only();
    assert_eq!((status(&refused), header(&refused, "Retry-After")), ("503", "10"));
    rig.receive(&invite().replace("call-1", "call-2").replace("INVITE-1", "INVITE-2"));
    assert_eq!(status(&rig.only()), "503");
    rig.receive(&request("BYE", 2, &tag, "", ""));
    assert_eq!(status(&rig.only()), "200");
    rig.ua.set_draining(false);
    rig.ua.set_full(true);
    rig.receive(&request("OPTIONS", 3, "", "", ""));
    assert_eq!(status(&rig.only()), "503");
    rig.assert_quiet();
}

#[test]
fn a_refused_call_says_why() {
    for (cause, code) in
        [(Cause::USER_BUSY, "486"), (Cause::UNALLOCATED_NUMBER, "404"), (Cause::CONGESTION, "503")]
    {
        let mut rig = Rig::new();
        ringing(&mut rig);
        rig.ua.reject(rig.now, leg(1), cause);
        rig.drain();
        let refused = rig.only();
        assert_eq!(status(&refused), code);
        assert!(header(&refused, "Reason").starts_with(&format!("Q.850;cause={}", cause.0)));
        assert_eq!(rig.events(), [UaEvent::Ended { leg: leg(1), cause }]);
        rig.assert_quiet();
    }
}

#[test]
fn a_withheld_number_stays_withheld() {
    let name = |more: &str, from: &str| {
        let mut rig = Rig::new();
        rig.receive(
            &request("INVITE", 1, "", more, "").replace("+14155550123@carrier.example", from),
        );
        match rig.events().remove(0) {
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
        let mut rig = Rig::new();
        rig.receive(&text);
        match rig.events().remove(0) {
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
    let mut rig = Rig::new();
    let to = |rig: &mut Rig, via: &str| {
        let text = request("OPTIONS", 1, "", "", "")
            .replace("198.51.100.7:5060;branch=z9hG4bK-OPTIONS-1;rport", via)
            .replace('\n', "\r\n");
        rig.ua.receive(rig.now, Received { path: rig.path, bytes: text.as_bytes() });
        rig.ua.poll_transmit().map(|transmit| transmit.path.remote.to_string())
    };
    let mut via = |via| to(&mut rig, via);
    assert_eq!(via("10.0.0.1:5080;branch=z9hG4bKa;rport").as_deref(), Some("198.51.100.7:5060"));
    assert_eq!(via("203.0.113.9:5080;branch=z9hG4bKb").as_deref(), Some("198.51.100.7:5080"));
    assert_eq!(
        via("h.example;branch=z9hG4bKc;maddr=203.0.113.1").as_deref(),
        Some("198.51.100.7:5060")
    );
    rig.path.remote = address("255.255.255.255:5060");
    assert_eq!(to(&mut rig, "192.0.2.9;branch=z9hG4bKd"), None);
}

#[test]
fn responses_to_nothing_and_noise_are_silent() {
    let mut rig = Rig::new();
    rig.receive(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0123456789abcdef\n\
        From: <sip:a@h>;tag=1\nTo: <sip:b@h>;tag=2\nCall-ID: x\nCSeq: 1 INVITE\n\n",
    );
    rig.receive("\r\n\r\n");
    rig.receive("GET / HTTP/1.1\n\n");
    assert_eq!((rig.lines(), rig.events()), (vec![], vec![]));
    rig.assert_quiet();
}

#[test]
fn a_call_that_nobody_here_answers_or_refuses_ends_after_three_minutes() {
    for bound in [true, false] {
        let mut rig = Rig::new();
        rig.receive(&invite());
        let [UaEvent::Incoming { dialog, .. }] = rig.events()[..] else { panic!("no call") };
        if bound {
            rig.ua.bind(rig.now, dialog, leg(1), local_media(10_000));
        }
        rig.sent.clear();
        rig.wait(179_999);
        assert_eq!((rig.lines(), rig.events()), (vec![], vec![]));
        rig.wait(1);
        assert_eq!(status(&rig.only()), "480");
        let ended = lost(Cause::NO_ANSWER, Loss::Broken);
        assert_eq!(rig.events(), if bound { vec![ended] } else { vec![] });
        rig.assert_quiet();
    }
}
