//! Several telephones of one agent, of which some are dead.

use super::dialing::{caller, failed, respond};
use super::*;
use crate::words::Target;

/// Two registered telephones of one agent are called. Their INVITEs.
fn two_called() -> (Rig, [String; 2]) {
    let mut rig = Rig::new();
    phones::register_all(&mut rig, &["203.0.113.20:5060", "203.0.113.21:5060"]);
    rig.forget();
    rig.ua.dial(rig.now, leg(1), &Target::Agent(phones::CYD), &caller(), &local_media(10_000));
    rig.drain();
    let sent: Vec<_> = rig.sent.drain(..).map(|(_, text)| text).collect();
    (rig, sent.try_into().unwrap())
}

#[test]
fn fault_22_a_dead_phone_does_not_speak_for_the_one_that_answered() {
    for (said, cause) in [
        ("486 Busy Here", Cause::USER_BUSY),
        ("480 Temporarily Unavailable", Cause::NO_USER_RESPONDING),
        ("500 Server Error", Cause::TEMPORARY_FAILURE),
    ] {
        let (mut rig, [_dead, live]) = two_called();
        rig.wait(300);
        rig.receive(&respond(&live, said, "x", "", ""));
        assert_eq!(rig.events(), [], "the other one may only be slow");
        rig.wait(999);
        assert_eq!(rig.events(), []);
        rig.wait(1);
        assert_eq!(rig.events(), failed(cause), "{said}");
        rig.wait(3_700_000);
        rig.assert_quiet();
    }
}

#[test]
fn fault_22_a_slow_phone_may_still_answer_and_a_ringing_one_goes_on() {
    let (mut rig, [slow, live]) = two_called();
    rig.receive(&respond(&live, "486 Busy Here", "x", "", ""));
    rig.wait(900);
    rig.receive(&respond(&slow, "180 Ringing", "y", "", ""));
    assert_eq!(rig.events(), [UaEvent::Ringing { leg: leg(1) }]);
    rig.wait(30_000);
    assert_eq!(rig.events(), []);
    rig.receive(&respond(&slow, "480 Temporarily Unavailable", "y", "", ""));
    assert_eq!(rig.events(), failed(Cause::USER_BUSY), "busy says more of the person");
    // The live one rings: the dead one is given up on without a word.
    let (mut rig, [dead, live]) = two_called();
    rig.receive(&respond(&live, "180 Ringing", "x", "", ""));
    rig.events();
    rig.wait(14_000);
    assert_eq!(rig.events(), []);
    rig.receive(&respond(&live, "603 Decline", "x", "", ""));
    assert_eq!(rig.events(), failed(Cause::CALL_REJECTED));
    rig.sent.clear();
    rig.receive(&respond(&dead, "100 Trying", "", "", ""));
    assert!(rig.only().starts_with("CANCEL "), "nobody wants it any more");
}

#[test]
fn fault_22_phones_of_which_none_says_anything_are_a_fault_of_the_device() {
    let (mut rig, _) = two_called();
    rig.wait(3_999);
    assert_eq!(rig.events(), []);
    rig.wait(1);
    assert_eq!(rig.events(), failed(Cause::TIMER_EXPIRED));
    rig.wait(3_700_000);
    rig.assert_quiet();
}
