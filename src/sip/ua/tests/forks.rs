//! Several telephones of one agent, of which some are dead.

use super::dialing::{caller, failed, respond};
use super::*;
use crate::words::Target;

/// Two registered telephones of one agent are called. Their INVITEs.
fn two_called() -> (Desk, [String; 2]) {
    let mut desk = Desk::new();
    phones::register_all(&mut desk, &["203.0.113.20:5060", "203.0.113.21:5060"]);
    desk.forget();
    desk.ua.dial(desk.now, leg(1), &Target::Agent(phones::CYD), &caller(), &local_media(10_000));
    desk.drain();
    let sent: Vec<_> = desk.sent.drain(..).map(|(_, text)| text).collect();
    (desk, sent.try_into().unwrap())
}

#[test]
fn fault_22_a_dead_phone_does_not_speak_for_the_one_that_answered() {
    for (said, cause) in [
        ("486 Busy Here", Cause::USER_BUSY),
        ("480 Temporarily Unavailable", Cause::NO_USER_RESPONDING),
        ("500 Server Error", Cause::TEMPORARY_FAILURE),
    ] {
        let (mut desk, [_dead, live]) = two_called();
        desk.wait(300);
        desk.receive(&respond(&live, said, "x", "", ""));
        assert_eq!(desk.events(), [], "the other one may only be slow");
        desk.wait(999);
        assert_eq!(desk.events(), []);
        desk.wait(1);
        assert_eq!(desk.events(), failed(cause), "{said}");
        desk.wait(3_700_000);
        desk.assert_quiet();
    }
}

#[test]
fn fault_22_a_slow_phone_may_still_answer_and_a_ringing_one_goes_on() {
    let (mut desk, [slow, live]) = two_called();
    desk.receive(&respond(&live, "486 Busy Here", "x", "", ""));
    desk.wait(900);
    desk.receive(&respond(&slow, "180 Ringing", "y", "", ""));
    assert_eq!(desk.events(), [UaEvent::Ringing { leg: leg(1) }]);
    desk.wait(30_000);
    assert_eq!(desk.events(), []);
    desk.receive(&respond(&slow, "480 Temporarily Unavailable", "y", "", ""));
    assert_eq!(desk.events(), failed(Cause::USER_BUSY), "busy says more of the person");
    // The live one rings: the dead one is given up on without a word.
    let (mut desk, [dead, live]) = two_called();
    desk.receive(&respond(&live, "180 Ringing", "x", "", ""));
    desk.events();
    desk.wait(14_000);
    assert_eq!(desk.events(), []);
    desk.receive(&respond(&live, "603 Decline", "x", "", ""));
    assert_eq!(desk.events(), failed(Cause::CALL_REJECTED));
    desk.sent.clear();
    desk.receive(&respond(&dead, "100 Trying", "", "", ""));
    assert!(desk.only().starts_with("CANCEL "), "nobody wants it any more");
}

#[test]
fn fault_22_phones_of_which_none_says_anything_are_a_fault_of_the_device() {
    let (mut desk, _) = two_called();
    desk.wait(3_999);
    assert_eq!(desk.events(), []);
    desk.wait(1);
    assert_eq!(desk.events(), failed(Cause::TIMER_EXPIRED));
    desk.wait(3_700_000);
    desk.assert_quiet();
}
