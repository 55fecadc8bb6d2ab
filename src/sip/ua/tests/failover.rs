//! Trunks that do not carry a call: the next one does, and the first one is left alone (S17).

use super::dialing::{ANSWER, dial, failed, respond};
use super::*;
use crate::words::Target;

/// As [`setup`] with trunks at these addresses.
fn with_trunks(uris: &[(&str, &str)]) -> Rig {
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
    Rig::with(setup)
}

fn two() -> Rig {
    with_trunks(&[("first", "198.51.100.7"), ("second", "198.51.100.8")])
}

fn target(trunk: &str, others: &[&str]) -> Target {
    let others = others.iter().map(|other| (*other).to_owned()).collect();
    Target::Trunk { trunk: trunk.into(), number: "+14155550177".into(), others }
}

/// Dials, and says at which address the INVITE is for.
fn first_try(rig: &mut Rig) -> String {
    dial(rig, &target("first", &["second"])).remove(0)
}

fn is_to(invite: &str, host: &str) {
    assert!(invite.starts_with(&format!("INVITE sip:+14155550177@{host} ")), "{invite}");
}

fn rerouted() -> UaEvent {
    UaEvent::Rerouted { leg: leg(1), trunk: "second".into() }
}

#[test]
fn a_503_sends_the_call_to_the_next_trunk_and_leaves_the_first_alone() {
    let mut rig = two();
    let invite = first_try(&mut rig);
    is_to(&invite, "198.51.100.7");
    rig.receive(&respond(&invite, "503 Full", "x", "Retry-After: 120 (soon)\n", ""));
    let [(_, ack), (_, second)] = &rig.sent[..] else { panic!("{:?}", rig.sent) };
    assert!(ack.starts_with("ACK "));
    is_to(second, "198.51.100.8");
    assert_ne!(header(second, "Call-ID"), header(&invite, "Call-ID"));
    let ok = respond(second, "200 OK", "b", "Content-Type: application/sdp\n", ANSWER);
    rig.sent.clear();
    assert_eq!(rig.events(), [rerouted()]);
    rig.receive(&ok);
    assert_eq!(rig.events().last(), Some(&UaEvent::Answered { leg: leg(1) }));
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.wait(60_000);
    rig.forget();
    // Left alone for the two minutes it asked for, as the only way too.
    is_to(&first_try(&mut rig), "198.51.100.8");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.wait(59_999);
    rig.forget();
    assert_eq!(dial(&mut rig, &target("first", &[])), [""; 0]);
    assert_eq!(rig.events(), failed(Cause::CONGESTION));
    rig.wait(1);
    is_to(&first_try(&mut rig), "198.51.100.7");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.assert_quiet();
}

#[test]
fn a_retry_after_of_a_day_is_a_quarter_of_an_hour() {
    let mut rig = two();
    let invite = first_try(&mut rig);
    rig.receive(&respond(&invite, "503 Full", "x", "Retry-After: 86400\n", ""));
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.wait(899_999);
    rig.forget();
    assert_eq!(dial(&mut rig, &target("first", &[])), [""; 0]);
    rig.events();
    rig.wait(1);
    is_to(&first_try(&mut rig), "198.51.100.7");
}

#[test]
fn a_silent_trunk_is_given_up_on_after_6_s_where_there_is_another() {
    let mut rig = two();
    let invite = first_try(&mut rig);
    rig.wait(5999);
    assert_eq!((rig.lines().len(), rig.events()), (3, vec![]));
    rig.wait(1);
    is_to(&rig.only(), "198.51.100.8");
    assert_eq!(rig.events(), [rerouted()]);
    // Should it wake up, it learns that the call is not wanted any more.
    rig.receive(&respond(&invite, "180 Ringing", "x", "", ""));
    assert!(rig.only().starts_with("CANCEL sip:+14155550177@198.51.100.7 "));
    rig.receive(&respond(&invite, "487 Terminated", "x", "", ""));
    rig.sent.clear();
    assert_eq!(rig.events(), []);
    // The next call begins with the one that works, and the other is the last resort.
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.forget();
    is_to(&first_try(&mut rig), "198.51.100.8");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.forget();
    is_to(&dial(&mut rig, &target("first", &[]))[0], "198.51.100.7");
    rig.wait(31_999);
    assert_eq!(rig.events(), [], "the only way is waited for as long as any");
    rig.wait(1);
    assert_eq!(rig.events(), failed(Cause::TIMER_EXPIRED));
    rig.assert_quiet();
}

#[test]
fn a_trunk_that_rings_or_refuses_is_the_one() {
    for (line, cause) in [
        ("486 Busy Here", Cause::USER_BUSY),
        ("404 Not Found", Cause::UNALLOCATED_NUMBER),
        ("500 Oops", Cause::TEMPORARY_FAILURE),
    ] {
        let mut rig = two();
        let invite = first_try(&mut rig);
        rig.receive(&respond(&invite, "100 Trying", "", "", ""));
        rig.wait(20_000);
        assert_eq!((rig.lines(), rig.events()), (vec![], vec![]), "it lives");
        rig.receive(&respond(&invite, line, "x", "", ""));
        assert!(rig.only().starts_with("ACK "));
        assert_eq!(rig.events(), failed(cause));
        rig.assert_quiet();
    }
}

#[test]
fn a_connection_that_cannot_be_made_is_the_next_trunks_turn_and_each_has_one() {
    let mut rig =
        with_trunks(&[("first", "198.51.100.7;transport=tcp"), ("second", "198.51.100.8")]);
    rig.ua.dial(
        rig.now,
        leg(1),
        &target("first", &["second"]),
        &Default::default(),
        &local_media(1),
    );
    let sent = rig.ua.poll_transmit().unwrap();
    rig.ua.transport_failed(rig.now, sent.path);
    rig.drain();
    let second = rig.only();
    is_to(&second, "198.51.100.8");
    assert_eq!(rig.events(), [rerouted()]);
    rig.receive(&respond(&second, "503 Full", "x", "", ""));
    assert_eq!(rig.events(), failed(Cause::CONGESTION));
    rig.assert_quiet();
}

#[test]
fn a_call_that_was_given_up_goes_nowhere_else() {
    let mut rig = two();
    let invite = first_try(&mut rig);
    rig.receive(&respond(&invite, "100 Trying", "", "", ""));
    rig.ua.hang_up(rig.now, leg(1), Cause::NO_ANSWER);
    rig.drain();
    rig.sent.clear();
    rig.receive(&respond(&invite, "503 Full", "x", "", ""));
    assert!(rig.only().starts_with("ACK "));
    assert_eq!(rig.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::NO_ANSWER }]);
    rig.assert_quiet();
}
