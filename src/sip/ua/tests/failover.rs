//! Trunks that do not carry a call: the next one does, and the first one is left alone (S17).

use super::dialing::{ANSWER, dial, failed, respond};
use super::*;
use crate::words::Target;

/// As [`setup`] with trunks at these addresses.
fn with_trunks(uris: &[(&str, &str)]) -> Desk {
    let mut setup = setup();
    let login = setup.trunks[0].login.clone();
    setup.trunks = uris
        .iter()
        .map(|(name, uri)| Trunk {
            name: (*name).into(),
            networks: vec![],
            this_machine: false,
            trusted: false,
            uri: Some(format!("sip:{uri}")),
            servers: Vec::new(),
            login: login.clone(),
            caller_id: None,
            channels_max: 2,
        })
        .collect();
    Desk::with(setup)
}

fn two() -> Desk {
    with_trunks(&[("first", "198.51.100.7"), ("second", "198.51.100.8")])
}

fn target(trunk: &str, others: &[&str]) -> Target {
    let others = others.iter().map(|other| (*other).to_owned()).collect();
    Target::Trunk { trunk: trunk.into(), number: "+14155550177".into(), others }
}

/// Dials, and says at which address the INVITE is for.
fn first_try(desk: &mut Desk) -> String {
    dial(desk, &target("first", &["second"])).remove(0)
}

fn is_to(invite: &str, host: &str) {
    assert!(invite.starts_with(&format!("INVITE sip:+14155550177@{host} ")), "{invite}");
}

fn rerouted() -> UaEvent {
    UaEvent::Rerouted { leg: leg(1), trunk: "second".into() }
}

#[test]
fn a_503_sends_the_call_to_the_next_trunk_and_leaves_the_first_alone() {
    let mut desk = two();
    let invite = first_try(&mut desk);
    is_to(&invite, "198.51.100.7");
    desk.receive(&respond(&invite, "503 Full", "x", "Retry-After: 120 (soon)\n", ""));
    let [(_, ack), (_, second)] = &desk.sent[..] else { panic!("{:?}", desk.sent) };
    assert!(ack.starts_with("ACK "));
    is_to(second, "198.51.100.8");
    assert_ne!(header(second, "Call-ID"), header(&invite, "Call-ID"));
    let ok = respond(second, "200 OK", "b", "Content-Type: application/sdp\n", ANSWER);
    desk.sent.clear();
    assert_eq!(desk.events(), [rerouted()]);
    desk.receive(&ok);
    assert_eq!(desk.events().last(), Some(&UaEvent::Answered { leg: leg(1) }));
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.wait(60_000);
    desk.forget();
    // Left alone for the two minutes it asked for, as the only way too.
    is_to(&first_try(&mut desk), "198.51.100.8");
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.wait(59_999);
    desk.forget();
    assert_eq!(dial(&mut desk, &target("first", &[])), [""; 0]);
    assert_eq!(desk.events(), failed(Cause::CONGESTION));
    desk.wait(1);
    is_to(&first_try(&mut desk), "198.51.100.7");
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.assert_quiet();
}

#[test]
fn a_retry_after_of_a_day_is_a_quarter_of_an_hour() {
    let mut desk = two();
    let invite = first_try(&mut desk);
    desk.receive(&respond(&invite, "503 Full", "x", "Retry-After: 86400\n", ""));
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.wait(899_999);
    desk.forget();
    assert_eq!(dial(&mut desk, &target("first", &[])), [""; 0]);
    desk.events();
    desk.wait(1);
    is_to(&first_try(&mut desk), "198.51.100.7");
}

#[test]
fn a_silent_trunk_is_given_up_on_after_6_s_where_there_is_another() {
    let mut desk = two();
    let invite = first_try(&mut desk);
    desk.wait(5999);
    assert_eq!((desk.lines().len(), desk.events()), (3, vec![]));
    desk.wait(1);
    is_to(&desk.only(), "198.51.100.8");
    assert_eq!(desk.events(), [rerouted()]);
    // Should it wake up, it learns that nobody wants the call any more.
    desk.receive(&respond(&invite, "180 Ringing", "x", "", ""));
    assert!(desk.only().starts_with("CANCEL sip:+14155550177@198.51.100.7 "));
    desk.receive(&respond(&invite, "487 Terminated", "x", "", ""));
    desk.sent.clear();
    assert_eq!(desk.events(), []);
    // The next call begins with the one that works, and the other is the last resort.
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.forget();
    is_to(&first_try(&mut desk), "198.51.100.8");
    desk.ua.hang_up(desk.now, leg(1), Cause::NORMAL_CLEARING);
    desk.forget();
    is_to(&dial(&mut desk, &target("first", &[]))[0], "198.51.100.7");
    desk.wait(31_999);
    assert_eq!(desk.events(), [], "the only way is waited for as long as any");
    desk.wait(1);
    assert_eq!(desk.events(), failed(Cause::TIMER_EXPIRED));
    desk.assert_quiet();
}

#[test]
fn a_trunk_that_rings_or_refuses_is_the_one() {
    for (line, cause) in [
        ("486 Busy Here", Cause::USER_BUSY),
        ("404 Not Found", Cause::UNALLOCATED_NUMBER),
        ("500 Oops", Cause::TEMPORARY_FAILURE),
    ] {
        let mut desk = two();
        let invite = first_try(&mut desk);
        desk.receive(&respond(&invite, "100 Trying", "", "", ""));
        desk.wait(20_000);
        assert_eq!((desk.lines(), desk.events()), (vec![], vec![]), "it lives");
        desk.receive(&respond(&invite, line, "x", "", ""));
        assert!(desk.only().starts_with("ACK "));
        assert_eq!(desk.events(), failed(cause));
        desk.assert_quiet();
    }
}

#[test]
fn a_connection_that_cannot_be_made_is_the_next_trunks_turn_and_each_has_one() {
    let mut desk =
        with_trunks(&[("first", "198.51.100.7;transport=tcp"), ("second", "198.51.100.8")]);
    desk.ua.dial(
        desk.now,
        leg(1),
        &target("first", &["second"]),
        &Default::default(),
        &local_media(1),
    );
    let sent = desk.ua.poll_transmit().unwrap();
    desk.ua.transport_failed(desk.now, sent.path);
    desk.drain();
    let second = desk.only();
    is_to(&second, "198.51.100.8");
    assert_eq!(desk.events(), [rerouted()]);
    desk.receive(&respond(&second, "503 Full", "x", "", ""));
    assert_eq!(desk.events(), failed(Cause::CONGESTION));
    desk.assert_quiet();
}

#[test]
fn a_call_that_was_given_up_goes_nowhere_else() {
    let mut desk = two();
    let invite = first_try(&mut desk);
    desk.receive(&respond(&invite, "100 Trying", "", "", ""));
    desk.ua.hang_up(desk.now, leg(1), Cause::NO_ANSWER);
    desk.drain();
    desk.sent.clear();
    desk.receive(&respond(&invite, "503 Full", "x", "", ""));
    assert!(desk.only().starts_with("ACK "));
    assert_eq!(desk.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NO_ANSWER }]);
    desk.assert_quiet();
}
