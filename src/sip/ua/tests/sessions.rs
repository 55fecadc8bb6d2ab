//! Session timers: who refreshes, how, and what happens when nobody does (RFC 4028).

use super::calls::{answered, bound, picked_up, turned_away};
use super::dialing::{ANSWER, dial_ann, failed, respond};
use super::*;

const SDP: &str = "Content-Type: application/sdp\n";

fn has(message: &str, line: &str) -> bool {
    message.lines().any(|written| written == line)
}

/// Their call with these header lines, answered and acknowledged: our tag and our 200.
fn called_with(desk: &mut Desk, more: &str) -> (String, String) {
    bound(desk, &request("INVITE", 1, "", &format!("{more}{SDP}"), OFFER));
    let ok = picked_up(desk);
    let tag = our_tag(&ok);
    desk.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    desk.sent.clear();
    desk.events();
    (tag, ok)
}

/// Our call, answered with these header lines.
fn dialed_with(desk: &mut Desk, more: &str) -> String {
    let invite = dial_ann(desk);
    desk.receive(&respond(&invite, "200 OK", "a", &format!("{more}{SDP}"), ANSWER));
    desk.sent.clear();
    desk.events();
    invite
}

fn ended() -> Vec<UaEvent> {
    vec![UaEvent::Lost { leg: leg(1), cause: Cause::TIMER_EXPIRED, how: Loss::Silent }]
}

fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn a_caller_that_refreshes_keeps_the_call() {
    let mut desk = Desk::new();
    let timers = "Supported: timer\nSession-Expires: 90;refresher=uac\n";
    let (tag, ok) = called_with(&mut desk, timers);
    assert!(has(&ok, "Session-Expires: 90;refresher=uac") && has(&ok, "Require: timer"), "{ok}");
    for seq in 2..82 {
        desk.wait(45_000);
        assert_eq!(desk.lines(), [], "it is their turn");
        let (method, body) = if seq % 2 == 0 { ("INVITE", OFFER) } else { ("UPDATE", "") };
        let more = if body.is_empty() { timers.to_owned() } else { format!("{timers}{SDP}") };
        desk.receive(&request(method, seq, &tag, &more, body));
        let ok = desk.only();
        assert_eq!(status(&ok), "200");
        assert!(has(&ok, "Session-Expires: 90;refresher=uac"), "{ok}");
        desk.receive(&request_as("ACK", &format!("a{seq}"), seq, &tag, "", ""));
    }
    assert_eq!(desk.events(), [], "an hour of refreshes is no news");
    desk.wait(59_999);
    assert_eq!((desk.lines(), desk.events()), (vec![], vec![]));
    desk.wait(1);
    let bye = desk.only();
    assert!(bye.starts_with("BYE ") && has(&bye, "Reason: Q.850;cause=102;text=\"timer_expired\""));
    assert_eq!(desk.events(), ended());
    desk.assert_quiet();
}

#[test]
fn we_refresh_a_call_that_leaves_it_to_us_with_the_description_that_stands() {
    let mut desk = Desk::new();
    let (tag, ok) = called_with(&mut desk, "Require: timer\nx: 120;refresher=uas\n");
    assert!(has(&ok, "Session-Expires: 120;refresher=uas") && has(&ok, "Require: timer"), "{ok}");
    for _ in 0..3 {
        desk.wait(59_999);
        assert_eq!(desk.lines(), []);
        desk.wait(1);
        let refresh = desk.only();
        assert!(refresh.starts_with("INVITE sip:"), "{refresh}");
        assert!(has(&refresh, "Session-Expires: 120;refresher=uac"), "{refresh}");
        assert_eq!(body(&refresh), body(&ok), "word for word, o= line and all");
        let more = format!("Session-Expires: 120;refresher=uac\n{SDP}");
        desk.receive(&respond(&refresh, "200 OK", "", &more, OFFER));
        assert!(desk.only().starts_with("ACK "));
        assert_eq!(desk.events(), [], "neither media nor hold has changed");
    }
    // While they hold us, a refresh leaves it at that.
    let held = OFFER.replace("- 1 1", "- 1 2") + "a=sendonly\r\n";
    desk.receive(&request("INVITE", 2, &tag, &format!("Supported: timer\n{SDP}"), &held));
    let ok = desk.only();
    assert!(has(&ok, "Session-Expires: 120;refresher=uas"), "the roles stay: {ok}");
    desk.receive(&request_as("ACK", "a2", 2, &tag, "", ""));
    assert_eq!(desk.events().last(), Some(&UaEvent::Held { leg: leg(1) }));
    desk.wait(60_000);
    let refresh = desk.only();
    assert!(has(&refresh, "a=recvonly") && body(&refresh) == body(&ok), "{refresh}");
    let more = format!("Session-Expires: 120;refresher=uac\n{SDP}");
    desk.receive(&respond(&refresh, "200 OK", "", &more, &held));
    desk.sent.clear();
    assert_eq!(desk.events(), [], "still held");
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.assert_quiet();
}

#[test]
fn a_peer_that_takes_update_is_refreshed_by_it() {
    let mut desk = Desk::new();
    let (_, ok) = called_with(&mut desk, "Supported: timer\nAllow: INVITE, ACK, UPDATE, BYE\n");
    assert!(has(&ok, "Session-Expires: 1800;refresher=uas"), "{ok}");
    desk.wait(900_000);
    let update = desk.only();
    assert!(update.starts_with("UPDATE sip:198.51.100.7:5060 ") && body(&update).is_empty());
    assert!(has(&update, "Session-Expires: 1800;refresher=uac") && has(&update, "Min-SE: 90"));
    desk.receive(&respond(&update, "200 OK", "", "Session-Expires: 1800;refresher=uac\n", ""));
    desk.wait(900_000);
    let update = desk.only();
    desk.receive(&respond(&update, "405 Method Not Allowed", "", "", ""));
    let reinvite = desk.only();
    assert!(reinvite.starts_with("INVITE "), "it does not take it after all: {reinvite}");
    desk.receive(&respond(&reinvite, "481 Gone", "", "", ""));
    assert_eq!(desk.events(), ended());
    desk.assert_quiet();
}

#[test]
fn a_leg_without_sound_is_asked_whether_it_is_there() {
    let mut desk = Desk::new();
    called_with(&mut desk, "Supported: timer\nSession-Expires: 1800;refresher=uac\n");
    assert!(desk.ua.probe(desk.now, leg(1)));
    desk.drain();
    let asked = desk.only();
    assert!(asked.starts_with("INVITE ") || asked.starts_with("UPDATE "), "{asked}");
    desk.wait(40_000);
    assert_eq!(desk.events(), ended(), "and nobody answered");
}

#[test]
fn nobody_answers_for_a_leg_without_a_timer() {
    let mut desk = Desk::new();
    called_with(&mut desk, "");
    assert!(!desk.ua.probe(desk.now, leg(1)));
}

#[test]
fn too_short_an_interval_is_refused_with_the_least() {
    let mut desk = Desk::new();
    let brief = format!("Supported: timer\nSession-Expires: 89\n{SDP}");
    desk.receive(&request("INVITE", 1, "", &brief, OFFER));
    let refused = desk.only();
    assert_eq!((status(&refused), header(&refused, "Min-SE")), ("422", "90"));
    assert_eq!(desk.events(), []);
    desk.receive(&request("INVITE", 9, "", &format!("Session-Expires: ?\n{SDP}"), OFFER));
    assert_eq!(status(&desk.only()), "400");
    assert_eq!(turned_away(&desk.events()), [Cause::PROTOCOL_ERROR]);
    let tag = answered(&mut desk);
    desk.events();
    for (method, body) in [("INVITE", OFFER), ("UPDATE", "")] {
        let seq = if body.is_empty() { 3 } else { 2 };
        desk.receive(&request(method, seq, &tag, &brief, body));
        let refused = desk.sent.pop().unwrap().1;
        assert_eq!((status(&refused), header(&refused, "Min-SE")), ("422", "90"));
    }
    assert_eq!((desk.events(), desk.ua.counts().legs), (vec![], 1), "the call goes on");
}

#[test]
fn a_caller_without_timers_gets_none() {
    let mut desk = Desk::new();
    let (_, ok) = called_with(&mut desk, "");
    assert!(!ok.contains("Session-Expires") && has(&ok, "Supported: timer"), "{ok}");
    desk.wait(7_200_000);
    assert_eq!((desk.lines(), desk.ua.counts().dialog_timers), (vec![], 0));
}

#[test]
fn our_calls_offer_a_timer_and_take_what_is_answered() {
    let mut desk = Desk::new();
    let invite = dialed_with(&mut desk, "Session-Expires: 600;refresher=uas\nRequire: timer\n");
    assert!(has(&invite, "Supported: timer") && has(&invite, "Session-Expires: 1800"), "{invite}");
    assert!(has(&invite, "Min-SE: 90"), "{invite}");
    desk.wait(567_999);
    assert_eq!((desk.lines(), desk.events()), (vec![], vec![]), "their turn until 600 − 32 s");
    desk.wait(1);
    assert!(desk.only().starts_with("BYE "));
    assert_eq!(desk.events(), ended());
    desk.assert_quiet();

    let mut desk = Desk::new();
    dialed_with(&mut desk, "Session-Expires: 600;refresher=uac\n");
    desk.wait(300_000);
    assert!(desk.only().starts_with("INVITE "));
    desk.wait(31_999);
    assert_eq!(desk.events(), []);
    desk.wait(1);
    assert_eq!(desk.events(), ended(), "no answer to a refresh: the other end is gone");
    desk.assert_quiet();

    let mut desk = Desk::new();
    dialed_with(&mut desk, "");
    desk.wait(7_200_000);
    assert_eq!(desk.lines(), [], "it knows no session timers");
}

#[test]
fn a_refused_refresh_is_tried_again_until_the_interval_is_over() {
    let mut desk = Desk::new();
    dialed_with(&mut desk, "Session-Expires: 90;refresher=uac\n");
    desk.wait(45_000);
    let mut tries = 0;
    while desk.events().is_empty() {
        let refresh = desk.only();
        desk.receive(&respond(&refresh, "500 Server Internal Error", "", "", ""));
        assert!(desk.only().starts_with("ACK "));
        tries += 1;
        desk.wait(9000);
    }
    assert_eq!((tries, desk.now.as_millis()), (5, 90_000));
    assert!(desk.only().starts_with("BYE "));
    desk.assert_quiet();
}

#[test]
fn a_422_to_our_call_is_answered_once_with_what_it_asks() {
    let mut desk = Desk::new();
    let invite = dial_ann(&mut desk);
    desk.receive(&respond(&invite, "422 Too Small", "x", "Min-SE: 3600\n", ""));
    let [(_, ack), (_, second)] = &desk.sent[..] else { panic!("{:?}", desk.sent) };
    assert!(ack.starts_with("ACK "));
    assert!(has(second, "Session-Expires: 3600") && has(second, "Min-SE: 3600"), "{second}");
    assert_eq!(header(second, "CSeq"), "2 INVITE");
    assert_eq!(body(second), body(&invite));
    let second = second.clone();
    desk.sent.clear();
    desk.receive(&respond(&second, "422 Too Small", "y", "Min-SE: 7200\n", ""));
    assert!(desk.only().starts_with("ACK "));
    assert_eq!(desk.events(), failed(Cause::INTERWORKING));
    desk.assert_quiet();
    // One that names no greater value is a refusal.
    let mut desk = Desk::new();
    let invite = dial_ann(&mut desk);
    desk.receive(&respond(&invite, "422 Too Small", "x", "Min-SE: 90\n", ""));
    assert_eq!(desk.events(), failed(Cause::INTERWORKING));
}

#[test]
fn a_422_to_a_refresh_raises_the_interval() {
    let mut desk = Desk::new();
    dialed_with(&mut desk, "Session-Expires: 600;refresher=uac\n");
    desk.wait(300_000);
    let refresh = desk.only();
    desk.receive(&respond(&refresh, "422 Too Small", "", "Min-SE: 900\n", ""));
    let second = desk.sent.pop().unwrap().1;
    assert!(has(&second, "Session-Expires: 900;refresher=uac"), "{second}");
    assert!(has(&second, "Min-SE: 900") && body(&second) == body(&refresh), "{second}");
    let more = format!("Session-Expires: 900;refresher=uac\n{SDP}");
    desk.receive(&respond(&second, "200 OK", "", &more, ANSWER));
    desk.sent.clear();
    desk.wait(449_999);
    assert_eq!((desk.lines(), desk.events()), (vec![], vec![]));
    desk.wait(1);
    assert!(desk.only().starts_with("INVITE "));
}

#[test]
fn a_hold_refused_leaves_the_refresh_as_it_was() {
    let mut desk = Desk::new();
    let invite = dialed_with(&mut desk, "Session-Expires: 120;refresher=uac\n");
    desk.ua.hold(desk.now, leg(1), true);
    desk.drain();
    let hold = desk.only();
    assert!(has(&hold, "a=sendonly") && has(&hold, "Session-Expires: 120;refresher=uac"));
    desk.receive(&respond(&hold, "488 Not Acceptable Here", "", "", ""));
    desk.sent.clear();
    desk.wait(12_000);
    let refresh = desk.only();
    assert_eq!(body(&refresh), body(&invite), "what was agreed on, not what was refused");
    // A 2xx without a description to a refresh changes nothing.
    let more = "Session-Expires: 120;refresher=uac\n";
    desk.receive(&respond(&refresh, "200 OK", "", more, ""));
    assert!(desk.only().starts_with("ACK "));
    assert_eq!((desk.events(), desk.ua.counts().legs), (vec![], 1));
}

#[test]
fn an_update_with_an_offer_is_answered() {
    let mut desk = Desk::new();
    let tag = answered(&mut desk);
    desk.events();
    let held = OFFER.replace("- 1 1", "- 1 2") + "a=sendonly\r\n";
    desk.receive(&request("UPDATE", 2, &tag, SDP, &held));
    let ok = desk.only();
    assert!(status(&ok) == "200" && has(&ok, "a=recvonly"), "{ok}");
    assert_eq!(desk.events().last(), Some(&UaEvent::Held { leg: leg(1) }));
    desk.receive(&request("UPDATE", 3, &tag, SDP, &OFFER.replace("8 0 101", "18")));
    assert_eq!(status(&desk.only()), "488");
    desk.receive(&request("UPDATE", 4, &tag, "Content-Type: text/plain\n", "x"));
    assert_eq!(status(&desk.only()), "415");
    desk.ua.hold(desk.now, leg(1), true);
    desk.drain();
    assert!(desk.only().starts_with("INVITE "));
    desk.receive(&request("UPDATE", 5, &tag, SDP, OFFER));
    assert_eq!(status(&desk.only()), "491", "ours is not answered yet");
    assert_eq!(desk.events(), []);
}

#[test]
fn an_update_before_the_answer_may_not_offer() {
    let mut desk = Desk::new();
    desk.receive(&invite());
    let [UaEvent::Incoming { dialog, .. }] = desk.events()[..] else { panic!("no call") };
    desk.ua.bind(desk.now, dialog, leg(1), local_media(10_000));
    desk.ua.ring(desk.now, leg(1));
    desk.drain();
    let tag = our_tag(&desk.sent.pop().unwrap().1);
    desk.sent.clear();
    desk.receive(&request("UPDATE", 2, &tag, SDP, OFFER));
    assert_eq!(status(&desk.only()), "500");
    desk.receive(&request("UPDATE", 3, &tag, "Supported: timer\n", ""));
    assert_eq!(status(&desk.only()), "200");
    desk.ua.answer(desk.now, leg(1));
    desk.drain();
    assert_eq!(status(&desk.only()), "200", "the call is answered all the same");
}
