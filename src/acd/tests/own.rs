//! Agents whose phone is in use by a call of their own.

use expect_test::expect;

use super::fixture::{Fixture, check_transcript};
use crate::acd::Verdict;
use crate::id::CallId;

#[test]
fn fault_26_a_phone_in_use_is_offered_nothing_and_is_ready_in_the_moment_it_is_free() {
    check_transcript(
        "ada | bob",
        "support ring=15 wrap=10 exclude=30",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > call 1
            1.000 > own ada call-9
            1.000 > ready ada
            1.000 < agent ada on_own_call call-9
            4.000 > idle ada
            4.000 < agent ada ready
            4.000 < agent ada reserved call-1
            4.000 < offer call-1 -> ada
            5.000 > accept 1
            5.000 < ended call-1 ada accepted
            5.000 < agent ada talking call-1
            6.000 > own ada call-10
            7.000 > end ada 1
            7.000 < agent ada after call-1
            8.000 > call 2
            17.000 < wrapped call-1 ada 10s
            17.000 < agent ada on_own_call call-10
            20.000 > idle ada
            20.000 < agent ada ready
            20.000 < agent ada reserved call-2
            20.000 < offer call-2 -> ada
        "#]],
    );
}

#[test]
fn fault_26_an_offer_to_a_phone_that_comes_into_use_goes_on_at_once_and_charges_nobody() {
    check_transcript(
        "ada | bob",
        "support ring=15 misses=1 exclude=30",
        &expect![[r#"
            0.000 > reach ada
            0.000 > reach bob
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            1.000 > call 1
            1.000 < agent ada reserved call-1
            1.000 < offer call-1 -> ada
            2.000 > own ada call-9
            2.000 < ended call-1 ada withdrawn
            2.000 < agent ada on_own_call call-9
            3.000 > idle ada
            3.000 < agent ada ready
            3.000 < agent ada reserved call-1
            3.000 < offer call-1 -> ada
            4.000 > login bob
            4.000 < agent bob not_ready logged_in
            4.000 > ready bob
            4.000 < agent bob ready
            5.000 > own ada call-10
            5.000 < ended call-1 ada withdrawn
            5.000 < agent ada on_own_call call-10
            5.000 < agent bob reserved call-1
            5.000 < offer call-1 -> bob
            6.000 > break ada lunch
            6.000 < agent ada not_ready lunch
            7.000 > ready ada
            7.000 < agent ada on_own_call call-10
            8.000 > logout ada
            8.000 < agent ada logged_out
            9.000 > idle ada
        "#]],
    );
}

#[test]
fn fault_26_why_names_the_call_the_phone_is_in_use_by() {
    let mut fixture = Fixture::new("ada", "support");
    for line in ["reach ada", "login ada", "ready ada", "own ada call-9", "call 1"] {
        fixture.input(line);
    }
    let verdict = fixture.acd.explain(CallId(1)).remove(0).verdict;
    assert_eq!(verdict, Verdict::Busy { call: CallId(9) });
}

#[test]
fn who_is_consulted_from_a_queue_has_the_phone_in_use_and_no_work_after() {
    check_transcript(
        "ada | bob",
        "support ring=15 wrap=10 exclude=30",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            1.000 > call 1
            1.000 < agent ada reserved call-1
            1.000 < offer call-1 -> ada
            2.000 > accept 1
            2.000 < ended call-1 ada accepted
            2.000 < agent ada talking call-1
            3.000 > consult 1
            4.000 > reach bob
            4.000 > login bob
            4.000 < agent bob not_ready logged_in
            4.000 > ready bob
            4.000 < agent bob ready
            4.000 < agent bob reserved call-1
            4.000 < offer call-1 -> bob
            5.000 > call 2
            6.000 > accept 1
            6.000 < ended call-1 bob accepted
            6.000 < agent bob on_own_call call-1
            9.000 > idle bob
            9.000 < agent bob ready
            9.000 < agent bob reserved call-2
            9.000 < offer call-2 -> bob
        "#]],
    );
}

#[test]
fn who_was_consulted_and_gets_the_call_works_after_it() {
    check_transcript(
        "ada | bob",
        "support ring=15 wrap=10 exclude=30",
        &expect![[r#"
            0.000 > reach bob
            0.000 > login bob
            0.000 < agent bob not_ready logged_in
            0.000 > own bob call-1
            1.000 > handover bob call-1
            1.000 < agent bob talking call-1
            1.000 > idle bob
            3.000 > end bob 1
            3.000 < agent bob after call-1
            5.000 > own bob call-2
            6.000 > handover bob call-2
            6.000 < wrapped call-1 bob 3s
            6.000 < agent bob not_ready logged_in
            6.000 < agent bob talking call-2
            7.000 > idle bob
            8.000 > end bob 2
            8.000 < agent bob after call-2
            18.000 < wrapped call-2 bob 10s
            18.000 < agent bob not_ready logged_in
            18.000 > wait
        "#]],
    );
}
