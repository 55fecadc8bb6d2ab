//! Who counts as being there for a call that they did not take.

use super::fixture::check_transcript;
use expect_test::expect;

#[test]
fn fault_28_ready_said_by_hand_meets_the_waiting_caller_at_once() {
    check_transcript(
        "ada",
        "support rejects=3 exclude=30",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            0.000 > call 1
            0.000 < agent ada reserved call-1
            0.000 < offer call-1 -> ada
            2.000 > miss 1 rejected
            2.000 < ended call-1 ada rejected
            2.000 < agent ada ready
            5.000 > wait
            6.000 > ready ada
            6.000 < agent ada reserved call-1
            6.000 < offer call-1 -> ada
            21.000 < ended call-1 ada no_answer
            21.000 < agent ada not_ready missed:no_answer
            25.000 > ready ada
            25.000 < agent ada ready
            25.000 < agent ada reserved call-1
            25.000 < offer call-1 -> ada
        "#]],
    );
}

#[test]
fn fault_28_a_phone_that_comes_back_meets_the_caller_it_failed_to_ring_for() {
    check_transcript(
        "ada",
        "support rejects=9 errors=9 exclude=30",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            0.000 > call 1
            0.000 < agent ada reserved call-1
            0.000 < offer call-1 -> ada
            1.000 > miss 1 device_error
            1.000 < ended call-1 ada device_error
            1.000 < agent ada ready
            2.000 > reach ada
            3.000 > unreach ada
            4.000 > reach ada
            4.000 < agent ada reserved call-1
            4.000 < offer call-1 -> ada
            5.000 > miss 1 rejected
            5.000 < ended call-1 ada rejected
            5.000 < agent ada ready
            6.000 > unreach ada
            7.000 > reach ada
            8.000 > wait
        "#]],
    );
}
