//! Messages that are lost, doubled or cross each other (failure catalogue S1 to S8, S19, S24).

use std::time::Duration;

use crate::calls::connect;
use crate::clock::SOON;
use crate::flows::{ALICE, MENU_HZ};
use crate::rig::Plan;
use crate::wire::Message;

fn is_invite_ok(message: &Message) -> bool {
    message.status() == Some(200) && message.method() == "INVITE"
}

#[test]
fn a_retransmitted_invite_is_one_call() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    let mut dialog = caller.invite("1000");
    caller.send_invite(&dialog);
    caller.send_invite(&dialog);
    let first = caller.answered(&mut dialog);
    caller.ack(&dialog);
    let again = caller.receive(Duration::from_secs(1), is_invite_ok);
    if let Some(again) = again {
        assert_eq!(again.header("To"), first.header("To"), "a second call was made");
    }
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.bye(&mut dialog);
    rig.expect_no_calls();
    assert_eq!(rig.records(1).len(), 1);
}

#[test]
fn the_answer_is_repeated_until_it_is_acknowledged() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    let mut dialog = caller.invite("1000");
    caller.answered(&mut dialog);
    for _ in 0..3 {
        let again = caller.receive(SOON, is_invite_ok).expect("the 200 again");
        assert_eq!(again.header("To"), dialog.remote);
    }
    caller.ack(&dialog);
    caller.media.expect_tone(MENU_HZ, SOON);
    while caller.receive(Duration::from_millis(100), is_invite_ok).is_some() {}
    caller.expect_none(Duration::from_secs(5), is_invite_ok);
    caller.bye(&mut dialog);
    rig.expect_no_calls();
}

#[test]
fn a_bye_before_the_ack_ends_the_call() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    let mut dialog = caller.invite("1000");
    caller.answered(&mut dialog);
    caller.bye(&mut dialog);
    caller.forget();
    caller.expect_none(Duration::from_secs(2), is_invite_ok);
    rig.expect_no_calls();
    assert_eq!(rig.record()["ended_by"], "caller");
}

#[test]
fn a_cancel_ends_the_call_or_crosses_its_answer() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    const ROUNDS: usize = 6;
    for round in 0..ROUNDS {
        let mut dialog = caller.invite("1000");
        if round % 2 == 1 {
            // Crossing for certain: the answer is on its way before the CANCEL is.
            caller.answered(&mut dialog);
        }
        caller.cancel(&dialog);
        assert_eq!(caller.final_of("CANCEL", &dialog).status(), Some(200));
        if round % 2 == 1 {
            caller.ack(&dialog);
            caller.bye(&mut dialog);
            continue;
        }
        let outcome = caller.final_of("INVITE", &dialog);
        match outcome.status() {
            Some(487) => caller.ack_failure(&dialog, &outcome),
            Some(200) => {
                outcome.header("To").clone_into(&mut dialog.remote);
                outcome.contact().clone_into(&mut dialog.target);
                caller.ack(&dialog);
                caller.bye(&mut dialog);
            }
            _ => panic!("{outcome}"),
        }
    }
    rig.expect_no_calls();
    assert_eq!(rig.records(ROUNDS).len(), ROUNDS);
}

#[test]
fn byes_that_cross_end_one_call_once() {
    let rig = Plan::new(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let (mut a_leg, mut b_leg) = connect(&mut caller, &mut alice);
    std::thread::scope(|scope| {
        scope.spawn(|| caller.in_dialog("BYE", &mut a_leg, ""));
        scope.spawn(|| alice.in_dialog("BYE", &mut b_leg, ""));
    });
    for phone in [&mut caller, &mut alice] {
        if let Some(bye) = phone.receive(Duration::from_secs(1), |m| m.is_request("BYE")) {
            phone.reply(&bye, "200 OK");
        }
    }
    rig.expect_no_calls();
    assert_eq!(rig.records(1).len(), 1);
    rig.expect_agent("alice", "after_call_work");
}

#[test]
fn requests_of_no_dialog_are_answered_481() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    let mut dialog = caller.dialog("1000");
    dialog.remote.push_str(";tag=nobody");
    let answer = caller.in_dialog("BYE", &mut dialog, "");
    assert_eq!(answer.status(), Some(481), "{answer}");
}

#[test]
fn options_and_unknown_methods_are_answered() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    caller.send_request("OPTIONS", "1000");
    assert_eq!(caller.expect_final("OPTIONS").status(), Some(200));
    caller.send_request("MESSAGE", "1000");
    let answer = caller.expect_final("MESSAGE");
    assert_eq!(answer.status(), Some(405), "{answer}");
    assert!(answer.header("Allow").contains("INVITE"));
}

#[test]
fn a_number_nobody_answers_is_not_found() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    let dialog = caller.invite("7777");
    let answer = caller.expect_final("INVITE");
    caller.ack_failure(&dialog, &answer);
    assert_eq!(answer.status(), Some(404), "{answer}");
}

#[test]
fn a_session_timer_is_agreed_on_and_refreshed_by_either_method() {
    let rig = Plan::new(ALICE).start();
    let mut caller = rig.caller();
    caller.more = vec![("Require", "timer"), ("Session-Expires", "60")];
    let dialog = caller.invite("1000");
    let refused = caller.final_of("INVITE", &dialog);
    assert_eq!((refused.status(), refused.header("Min-SE")), (Some(422), "90"), "{refused}");
    caller.ack_failure(&dialog, &refused);

    caller.more = vec![("Supported", "timer"), ("Session-Expires", "90;refresher=uac")];
    let mut dialog = caller.invite("1000");
    let answer = caller.answered(&mut dialog);
    let agreed = |answer: &Message| {
        assert_eq!(answer.header("Session-Expires"), "90;refresher=uac", "{answer}");
        assert_eq!(answer.header("Require"), "timer", "{answer}");
    };
    agreed(&answer);
    caller.ack(&dialog);
    caller.media.expect_tone(MENU_HZ, SOON);
    let answer = caller.in_dialog("UPDATE", &mut dialog, "");
    assert_eq!(answer.status(), Some(200), "{answer}");
    agreed(&answer);
    agreed(&caller.reinvite(&mut dialog, "sendrecv"));
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.bye(&mut dialog);
    rig.expect_no_calls();
    assert_eq!(rig.records(1).len(), 1);
}
