//! Session timers: the refresher, the refresh, and what happens without one (RFC 4028).

use super::calls::{answered, bound, picked_up, turned_away};
use super::dialing::{ANSWER, dial_ann, failed, respond};
use super::*;

const SDP: &str = "Content-Type: application/sdp\n";

fn has(message: &str, line: &str) -> bool {
    message.lines().any(|written| written == line)
}

/// Their call with these header lines, answered and acknowledged: our tag and our 200.
fn called_with(rig: &mut Rig, more: &str) -> (String, String) {
    bound(rig, &request("INVITE", 1, "", &format!("{more}{SDP}"), OFFER));
    let ok = picked_up(rig);
    let tag = our_tag(&ok);
    rig.receive(&request_as("ACK", "ack", 1, &tag, "", ""));
    rig.sent.clear();
    rig.events();
    (tag, ok)
}

/// Our call, answered with these header lines.
fn dialed_with(rig: &mut Rig, more: &str) -> String {
    let invite = dial_ann(rig);
    rig.receive(&respond(&invite, "200 OK", "a", &format!("{more}{SDP}"), ANSWER));
    rig.sent.clear();
    rig.events();
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
    let mut rig = Rig::new();
    let timers = "Supported: timer\nSession-Expires: 90;refresher=uac\n";
    let (tag, ok) = called_with(&mut rig, timers);
    assert!(has(&ok, "Session-Expires: 90;refresher=uac") && has(&ok, "Require: timer"), "{ok}");
    for seq in 2..82 {
        rig.wait(45_000);
        assert_eq!(rig.lines(), [], "it is their turn");
        let (method, body) = if seq % 2 == 0 { ("INVITE", OFFER) } else { ("UPDATE", "") };
        let more = if body.is_empty() { timers.to_owned() } else { format!("{timers}{SDP}") };
        rig.receive(&request(method, seq, &tag, &more, body));
        let ok = rig.only();
        assert_eq!(status(&ok), "200");
        assert!(has(&ok, "Session-Expires: 90;refresher=uac"), "{ok}");
        rig.receive(&request_as("ACK", &format!("a{seq}"), seq, &tag, "", ""));
    }
    assert_eq!(rig.events(), [], "an hour of refreshes is no event");
    rig.wait(59_999);
    assert_eq!((rig.lines(), rig.events()), (vec![], vec![]));
    rig.wait(1);
    let bye = rig.only();
    assert!(bye.starts_with("BYE ") && has(&bye, "Reason: Q.850;cause=102;text=\"timer_expired\""));
    assert_eq!(rig.events(), ended());
    rig.assert_quiet();
}

#[test]
fn we_refresh_a_call_that_leaves_it_to_us_with_the_description_that_stands() {
    let mut rig = Rig::new();
    let (tag, ok) = called_with(&mut rig, "Require: timer\nx: 120;refresher=uas\n");
    assert!(has(&ok, "Session-Expires: 120;refresher=uas") && has(&ok, "Require: timer"), "{ok}");
    for _ in 0..3 {
        rig.wait(59_999);
        assert_eq!(rig.lines(), []);
        rig.wait(1);
        let refresh = rig.only();
        assert!(refresh.starts_with("INVITE sip:"), "{refresh}");
        assert!(has(&refresh, "Session-Expires: 120;refresher=uac"), "{refresh}");
        assert_eq!(body(&refresh), body(&ok), "word for word, o= line and all");
        let more = format!("Session-Expires: 120;refresher=uac\n{SDP}");
        rig.receive(&respond(&refresh, "200 OK", "", &more, OFFER));
        assert!(rig.only().starts_with("ACK "));
        assert_eq!(rig.events(), [], "neither media nor hold has changed");
    }
    // While they hold us, a refresh leaves it at that.
    let held = OFFER.replace("- 1 1", "- 1 2") + "a=sendonly\r\n";
    rig.receive(&request("INVITE", 2, &tag, &format!("Supported: timer\n{SDP}"), &held));
    let ok = rig.only();
    assert!(has(&ok, "Session-Expires: 120;refresher=uas"), "the roles stay: {ok}");
    rig.receive(&request_as("ACK", "a2", 2, &tag, "", ""));
    assert_eq!(rig.events().last(), Some(&UaEvent::Held { leg: leg(1) }));
    rig.wait(60_000);
    let refresh = rig.only();
    assert!(has(&refresh, "a=recvonly") && body(&refresh) == body(&ok), "{refresh}");
    let more = format!("Session-Expires: 120;refresher=uac\n{SDP}");
    rig.receive(&respond(&refresh, "200 OK", "", &more, &held));
    rig.sent.clear();
    assert_eq!(rig.events(), [], "still held");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.assert_quiet();
}

#[test]
fn a_peer_that_takes_update_is_refreshed_by_it() {
    let mut rig = Rig::new();
    let (_, ok) = called_with(&mut rig, "Supported: timer\nAllow: INVITE, ACK, UPDATE, BYE\n");
    assert!(has(&ok, "Session-Expires: 1800;refresher=uas"), "{ok}");
    rig.wait(900_000);
    let update = rig.only();
    assert!(update.starts_with("UPDATE sip:198.51.100.7:5060 ") && body(&update).is_empty());
    assert!(has(&update, "Session-Expires: 1800;refresher=uac") && has(&update, "Min-SE: 90"));
    rig.receive(&respond(&update, "200 OK", "", "Session-Expires: 1800;refresher=uac\n", ""));
    rig.wait(900_000);
    let update = rig.only();
    rig.receive(&respond(&update, "405 Method Not Allowed", "", "", ""));
    let reinvite = rig.only();
    assert!(reinvite.starts_with("INVITE "), "it does not take it after all: {reinvite}");
    rig.receive(&respond(&reinvite, "481 Gone", "", "", ""));
    assert_eq!(rig.events(), ended());
    rig.assert_quiet();
}

#[test]
fn a_leg_without_sound_is_asked_whether_it_is_there() {
    let mut rig = Rig::new();
    called_with(&mut rig, "Supported: timer\nSession-Expires: 1800;refresher=uac\n");
    assert!(rig.ua.probe(rig.now, leg(1)));
    rig.drain();
    let asked = rig.only();
    assert!(asked.starts_with("INVITE ") || asked.starts_with("UPDATE "), "{asked}");
    rig.wait(40_000);
    assert_eq!(rig.events(), ended(), "and nobody answered");
}

#[test]
fn nobody_answers_for_a_leg_without_a_timer() {
    let mut rig = Rig::new();
    called_with(&mut rig, "");
    assert!(!rig.ua.probe(rig.now, leg(1)));
}

#[test]
fn too_short_an_interval_is_refused_with_the_least() {
    let mut rig = Rig::new();
    let brief = format!("Supported: timer\nSession-Expires: 89\n{SDP}");
    rig.receive(&request("INVITE", 1, "", &brief, OFFER));
    let refused = rig.only();
    assert_eq!((status(&refused), header(&refused, "Min-SE")), ("422", "90"));
    assert_eq!(rig.events(), []);
    rig.receive(&request("INVITE", 9, "", &format!("Session-Expires: ?\n{SDP}"), OFFER));
    assert_eq!(status(&rig.only()), "400");
    assert_eq!(turned_away(&rig.events()), [Cause::PROTOCOL_ERROR]);
    let tag = answered(&mut rig);
    rig.events();
    for (method, body) in [("INVITE", OFFER), ("UPDATE", "")] {
        let seq = if body.is_empty() { 3 } else { 2 };
        rig.receive(&request(method, seq, &tag, &brief, body));
        let refused = rig.sent.pop().unwrap().1;
        assert_eq!((status(&refused), header(&refused, "Min-SE")), ("422", "90"));
    }
    assert_eq!((rig.events(), rig.ua.counts().legs), (vec![], 1), "the call goes on");
}

#[test]
fn a_caller_without_timers_gets_none() {
    let mut rig = Rig::new();
    let (_, ok) = called_with(&mut rig, "");
    assert!(!ok.contains("Session-Expires") && has(&ok, "Supported: timer"), "{ok}");
    rig.wait(7_200_000);
    assert_eq!((rig.lines(), rig.ua.counts().dialog_timers), (vec![], 0));
}

#[test]
fn our_calls_offer_a_timer_and_take_what_is_answered() {
    let mut rig = Rig::new();
    let invite = dialed_with(&mut rig, "Session-Expires: 600;refresher=uas\nRequire: timer\n");
    assert!(has(&invite, "Supported: timer") && has(&invite, "Session-Expires: 1800"), "{invite}");
    assert!(has(&invite, "Min-SE: 90"), "{invite}");
    rig.wait(567_999);
    assert_eq!((rig.lines(), rig.events()), (vec![], vec![]), "their turn until 600 − 32 s");
    rig.wait(1);
    assert!(rig.only().starts_with("BYE "));
    assert_eq!(rig.events(), ended());
    rig.assert_quiet();

    let mut rig = Rig::new();
    dialed_with(&mut rig, "Session-Expires: 600;refresher=uac\n");
    rig.wait(300_000);
    assert!(rig.only().starts_with("INVITE "));
    rig.wait(31_999);
    assert_eq!(rig.events(), []);
    rig.wait(1);
    assert_eq!(rig.events(), ended(), "no answer to a refresh: the other end is gone");
    rig.assert_quiet();

    let mut rig = Rig::new();
    dialed_with(&mut rig, "");
    rig.wait(7_200_000);
    assert_eq!(rig.lines(), [], "it knows no session timers");
}

#[test]
fn a_refused_refresh_is_tried_again_until_the_interval_is_over() {
    let mut rig = Rig::new();
    dialed_with(&mut rig, "Session-Expires: 90;refresher=uac\n");
    rig.wait(45_000);
    let mut tries = 0;
    while rig.events().is_empty() {
        let refresh = rig.only();
        rig.receive(&respond(&refresh, "500 Server Internal Error", "", "", ""));
        assert!(rig.only().starts_with("ACK "));
        tries += 1;
        rig.wait(9000);
    }
    assert_eq!((tries, rig.now.as_millis()), (5, 90_000));
    assert!(rig.only().starts_with("BYE "));
    rig.assert_quiet();
}

#[test]
fn a_422_to_our_call_is_answered_once_with_what_it_asks() {
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&respond(&invite, "422 Too Small", "x", "Min-SE: 3600\n", ""));
    let [(_, ack), (_, second)] = &rig.sent[..] else { panic!("{:?}", rig.sent) };
    assert!(ack.starts_with("ACK "));
    assert!(has(second, "Session-Expires: 3600") && has(second, "Min-SE: 3600"), "{second}");
    assert_eq!(header(second, "CSeq"), "2 INVITE");
    assert_eq!(body(second), body(&invite));
    let second = second.clone();
    rig.sent.clear();
    rig.receive(&respond(&second, "422 Too Small", "y", "Min-SE: 7200\n", ""));
    assert!(rig.only().starts_with("ACK "));
    assert_eq!(rig.events(), failed(Cause::INTERWORKING));
    rig.assert_quiet();
    // One that names no greater value is a refusal.
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&respond(&invite, "422 Too Small", "x", "Min-SE: 90\n", ""));
    assert_eq!(rig.events(), failed(Cause::INTERWORKING));
}

#[test]
fn a_422_to_a_refresh_raises_the_interval() {
    let mut rig = Rig::new();
    dialed_with(&mut rig, "Session-Expires: 600;refresher=uac\n");
    rig.wait(300_000);
    let refresh = rig.only();
    rig.receive(&respond(&refresh, "422 Too Small", "", "Min-SE: 900\n", ""));
    let second = rig.sent.pop().unwrap().1;
    assert!(has(&second, "Session-Expires: 900;refresher=uac"), "{second}");
    assert!(has(&second, "Min-SE: 900") && body(&second) == body(&refresh), "{second}");
    let more = format!("Session-Expires: 900;refresher=uac\n{SDP}");
    rig.receive(&respond(&second, "200 OK", "", &more, ANSWER));
    rig.sent.clear();
    rig.wait(449_999);
    assert_eq!((rig.lines(), rig.events()), (vec![], vec![]));
    rig.wait(1);
    assert!(rig.only().starts_with("INVITE "));
}

#[test]
fn a_hold_refused_leaves_the_refresh_as_it_was() {
    let mut rig = Rig::new();
    let invite = dialed_with(&mut rig, "Session-Expires: 120;refresher=uac\n");
    rig.ua.hold(rig.now, leg(1), true);
    rig.drain();
    let hold = rig.only();
    assert!(has(&hold, "a=sendonly") && has(&hold, "Session-Expires: 120;refresher=uac"));
    rig.receive(&respond(&hold, "488 Not Acceptable Here", "", "", ""));
    rig.sent.clear();
    rig.wait(12_000);
    let refresh = rig.only();
    assert_eq!(body(&refresh), body(&invite), "what was agreed on, not what was refused");
    // A 2xx without a description to a refresh changes nothing.
    let more = "Session-Expires: 120;refresher=uac\n";
    rig.receive(&respond(&refresh, "200 OK", "", more, ""));
    assert!(rig.only().starts_with("ACK "));
    assert_eq!((rig.events(), rig.ua.counts().legs), (vec![], 1));
}

#[test]
fn an_update_with_an_offer_is_answered() {
    let mut rig = Rig::new();
    let tag = answered(&mut rig);
    rig.events();
    let held = OFFER.replace("- 1 1", "- 1 2") + "a=sendonly\r\n";
    rig.receive(&request("UPDATE", 2, &tag, SDP, &held));
    let ok = rig.only();
    assert!(status(&ok) == "200" && has(&ok, "a=recvonly"), "{ok}");
    assert_eq!(rig.events().last(), Some(&UaEvent::Held { leg: leg(1) }));
    rig.receive(&request("UPDATE", 3, &tag, SDP, &OFFER.replace("8 0 101", "18")));
    assert_eq!(status(&rig.only()), "488");
    rig.receive(&request("UPDATE", 4, &tag, "Content-Type: text/plain\n", "x"));
    assert_eq!(status(&rig.only()), "415");
    rig.ua.hold(rig.now, leg(1), true);
    rig.drain();
    assert!(rig.only().starts_with("INVITE "));
    rig.receive(&request("UPDATE", 5, &tag, SDP, OFFER));
    assert_eq!(status(&rig.only()), "491", "ours is not answered yet");
    assert_eq!(rig.events(), []);
}

#[test]
fn an_update_before_the_answer_may_not_offer() {
    let mut rig = Rig::new();
    rig.receive(&invite());
    let [UaEvent::Incoming { dialog, .. }] = rig.events()[..] else { panic!("no call") };
    rig.ua.bind(rig.now, dialog, leg(1), local_media(10_000));
    rig.ua.ring(rig.now, leg(1));
    rig.drain();
    let tag = our_tag(&rig.sent.pop().unwrap().1);
    rig.sent.clear();
    rig.receive(&request("UPDATE", 2, &tag, SDP, OFFER));
    assert_eq!(status(&rig.only()), "500");
    rig.receive(&request("UPDATE", 3, &tag, "Supported: timer\n", ""));
    assert_eq!(status(&rig.only()), "200");
    rig.ua.answer(rig.now, leg(1));
    rig.drain();
    assert_eq!(status(&rig.only()), "200", "the call is answered all the same");
}
