//! What happens to calls and agents over time, as transcripts.

use expect_test::expect;

use super::fixture::check_transcript;

#[test]
fn ring_talk_wrap_up_ready() {
    check_transcript(
        "ada billing=3",
        "support wrap=10",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            1.000 > call 1 needs billing>=3
            1.000 < agent ada reserved call-1
            1.000 < offer call-1 -> ada
            4.000 > accept 1
            4.000 < ended call-1 ada accepted
            4.000 < agent ada talking call-1
            64.000 > end ada 1
            64.000 < agent ada after call-1
            74.000 < wrapped call-1 ada 10s
            74.000 < agent ada ready
            100.000 > wait
        "#]],
    );
}

#[test]
fn nobody_answers_the_call_keeps_its_place_and_the_agent_rests() {
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
            0.000 > call 1
            0.000 < agent ada reserved call-1
            0.000 < offer call-1 -> ada
            5.000 > call 2
            15.000 < ended call-1 ada no_answer
            15.000 < agent ada not_ready missed:no_answer
            15.000 > wait
            20.000 > login bob
            20.000 < agent bob not_ready logged_in
            21.000 > ready bob
            21.000 < agent bob ready
            21.000 < agent bob reserved call-1
            21.000 < offer call-1 -> bob
            22.000 > accept 1
            22.000 < ended call-1 bob accepted
            22.000 < agent bob talking call-1
        "#]],
    );
}

#[test]
fn after_a_reject_the_two_keep_apart_and_meet_again() {
    check_transcript(
        "ada",
        "support ring=15 rejects=3 exclude=30",
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
            10.000 > call 2
            10.000 < agent ada reserved call-2
            10.000 < offer call-2 -> ada
            11.000 > leave 2
            11.000 < ended call-2 ada withdrawn
            11.000 < agent ada ready
            32.000 < agent ada reserved call-1
            32.000 < offer call-1 -> ada
            40.000 > miss 1 rejected
            40.000 < ended call-1 ada rejected
            40.000 < agent ada ready
            70.000 < agent ada reserved call-1
            70.000 < offer call-1 -> ada
            70.000 > wait
            71.000 > miss 1 rejected
            71.000 < ended call-1 ada rejected
            71.000 < agent ada not_ready missed:rejected
            120.000 > ready ada
            120.000 < agent ada ready
            120.000 < agent ada reserved call-1
            120.000 < offer call-1 -> ada
        "#]],
    );
}

#[test]
fn a_caller_who_leaves_while_it_rings_is_not_charged() {
    check_transcript(
        "ada",
        "support misses=1",
        &expect![[r#"
              0.000 > reach ada
              0.000 > login ada
              0.000 < agent ada not_ready logged_in
              0.000 > ready ada
              0.000 < agent ada ready
              0.000 > call 1
              0.000 < agent ada reserved call-1
              0.000 < offer call-1 -> ada
              3.000 > leave 1
              3.000 < ended call-1 ada withdrawn
              3.000 < agent ada ready
              3.000 > leave 1
              3.000 > accept 1
              4.000 > call 2
              4.000 < agent ada reserved call-2
              4.000 < offer call-2 -> ada
        "#]],
    );
}

#[test]
fn demands_weaken_with_the_wait() {
    check_transcript(
        "ada billing=1 | bob billing=3",
        "support",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            0.000 > login bob
            0.000 < agent bob not_ready logged_in
            0.000 > call 1 needs billing>=3 relax=45:billing=2 relax=90:billing=1
            45.000 < relaxed call-1 1
            90.000 < relaxed call-1 2
            90.000 < agent ada reserved call-1
            90.000 < offer call-1 -> ada
            90.000 > wait
        "#]],
    );
}

#[test]
fn the_wait_ends_but_not_while_a_phone_rings() {
    check_transcript(
        "ada",
        "support ring=20",
        &expect![[r#"
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > reach ada
            0.000 > call 1 max=30
            0.000 > call 2 max=40
            25.000 > ready ada
            25.000 < agent ada ready
            25.000 < agent ada reserved call-1
            25.000 < offer call-1 -> ada
            40.000 < gone call-2 timeout
            45.000 < ended call-1 ada no_answer
            45.000 < agent ada not_ready missed:no_answer
            45.000 < gone call-1 timeout
            60.000 > wait
        "#]],
    );
}

#[test]
fn a_break_and_a_log_out_wait_for_the_next_rest_point() {
    check_transcript(
        "ada | bob",
        "support wrap=5",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            0.000 > call 1
            0.000 < agent ada reserved call-1
            0.000 < offer call-1 -> ada
            1.000 > break ada lunch
            2.000 > accept 1
            2.000 < ended call-1 ada accepted
            2.000 < agent ada talking call-1
            9.000 > end ada 1
            9.000 < agent ada after call-1
            14.000 < wrapped call-1 ada 5s
            14.000 < agent ada not_ready lunch
            20.000 > ready ada
            20.000 < agent ada ready
            20.000 > call 2
            20.000 < agent ada reserved call-2
            20.000 < offer call-2 -> ada
            21.000 > accept 2
            21.000 < ended call-2 ada accepted
            21.000 < agent ada talking call-2
            22.000 > call 3
            23.000 > logout ada
            23.000 < gone call-3 no_agents
            30.000 > end ada 2
            30.000 < agent ada after call-2
            35.000 < wrapped call-2 ada 5s
            35.000 < agent ada logged_out
            40.000 > wait
        "#]],
    );
}

#[test]
fn wrap_up_until_done_and_off() {
    check_transcript(
        "ada",
        "support wrap=until_done | sales wrap=off",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            0.000 > call 1
            0.000 < agent ada reserved call-1
            0.000 < offer call-1 -> ada
            1.000 > accept 1
            1.000 < ended call-1 ada accepted
            1.000 < agent ada talking call-1
            9.000 > end ada 1
            9.000 < agent ada after call-1
            20.000 > endwrap ada
            20.000 < wrapped call-1 ada 11s
            20.000 < agent ada ready
            21.000 > call 2 queue=sales
            21.000 < agent ada reserved call-2
            21.000 < offer call-2 -> ada
            22.000 > accept 2
            22.000 < ended call-2 ada accepted
            22.000 < agent ada talking call-2
            25.000 > end ada 2
            25.000 < wrapped call-2 ada 0s
            25.000 < agent ada ready
            26.000 > call 3
            26.000 < agent ada reserved call-3
            26.000 < offer call-3 -> ada
            27.000 > accept 3
            27.000 < ended call-3 ada accepted
            27.000 < agent ada talking call-3
            28.000 > end ada 3
            28.000 < agent ada after call-3
            29.000 > logout ada
            29.000 < wrapped call-3 ada 1s
            29.000 < agent ada logged_out
        "#]],
    );
}

#[test]
fn a_hold_ends_with_its_deadline_or_with_the_agent() {
    check_transcript(
        "ada | bob | cyd",
        "support wrap=off",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            0.000 > call 9
            0.000 < agent ada reserved call-9
            0.000 < offer call-9 -> ada
            0.000 > accept 9
            0.000 < ended call-9 ada accepted
            0.000 < agent ada talking call-9
            0.000 > reach bob
            0.000 > login bob
            0.000 < agent bob not_ready logged_in
            0.000 > ready bob
            0.000 < agent bob ready
            0.000 > call 1 prefer=ada:20
            20.000 < agent bob reserved call-1
            20.000 < offer call-1 -> bob
            20.000 > wait
            21.000 > accept 1
            21.000 < ended call-1 bob accepted
            21.000 < agent bob talking call-1
            22.000 > end bob 1
            22.000 < wrapped call-1 bob 0s
            22.000 < agent bob ready
            30.000 > call 2 prefer=ada:60
            31.000 > call 3 prefer=ada:60
            40.000 > unreach ada
            40.000 < agent bob reserved call-2
            40.000 < offer call-2 -> bob
            41.000 > accept 2
            41.000 < ended call-2 bob accepted
            41.000 < agent bob talking call-2
            42.000 > leave 3
            50.000 > reach ada
            51.000 > call 4 prefer=ada:60
            52.000 > end ada 9
            52.000 < wrapped call-9 ada 0s
            52.000 < agent ada ready
            52.000 < agent ada reserved call-4
            52.000 < offer call-4 -> ada
            53.000 > miss 4 rejected
            53.000 < ended call-4 ada rejected
            53.000 < agent ada ready
            60.000 > end bob 2
            60.000 < wrapped call-2 bob 0s
            60.000 < agent bob ready
            60.000 < agent bob reserved call-4
            60.000 < offer call-4 -> bob
        "#]],
    );
}

#[test]
fn the_last_agent_logs_out() {
    check_transcript(
        "ada billing=3 | bob english=1",
        "support",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > reach bob
            0.000 > login bob
            0.000 < agent bob not_ready logged_in
            0.000 > call 1 needs billing>=1
            0.000 > call 2 needs english>=1
            0.000 > call 3 needs billing>=3 relax=60:billing=0
            10.000 > logout ada
            10.000 < agent ada logged_out
            10.000 < gone call-1 no_agents
            20.000 > skills bob billing=1
            20.000 < gone call-2 no_agents
            30.000 > logout bob
            30.000 < agent bob logged_out
            30.000 < gone call-3 no_agents
        "#]],
    );
}

#[test]
fn unreachable_while_ready_then_back() {
    check_transcript(
        "ada",
        "support",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            1.000 > call 1
            2.000 > unreach ada
            3.000 > ready ada
            3.000 < agent ada ready
            5.000 > reach ada
            5.000 < agent ada reserved call-1
            5.000 < offer call-1 -> ada
            6.000 > unreach ada
            6.000 > miss 1 device_error
            6.000 < ended call-1 ada device_error
            6.000 < agent ada ready
            40.000 > reach ada
            40.000 < agent ada reserved call-1
            40.000 < offer call-1 -> ada
        "#]],
    );
}

#[test]
fn round_robin_and_fewest_calls() {
    check_transcript(
        "ada | bob",
        "robin round_robin wrap=off | fewest fewest_calls wrap=off",
        &expect![[r#"
              0.000 > reach ada
              0.000 > login ada
              0.000 < agent ada not_ready logged_in
              0.000 > ready ada
              0.000 < agent ada ready
              0.000 > reach bob
              0.000 > login bob
              0.000 < agent bob not_ready logged_in
              0.000 > ready bob
              0.000 < agent bob ready
              1.000 > call 1
              1.000 < agent ada reserved call-1
              1.000 < offer call-1 -> ada
              2.000 > leave 1
              2.000 < ended call-1 ada withdrawn
              2.000 < agent ada ready
              3.000 > call 2
              3.000 < agent bob reserved call-2
              3.000 < offer call-2 -> bob
              4.000 > accept 2
              4.000 < ended call-2 bob accepted
              4.000 < agent bob talking call-2
              5.000 > end bob 2
              5.000 < wrapped call-2 bob 0s
              5.000 < agent bob ready
              6.000 > call 3 queue=fewest
              6.000 < agent ada reserved call-3
              6.000 < offer call-3 -> ada
              7.000 > accept 3
              7.000 < ended call-3 ada accepted
              7.000 < agent ada talking call-3
              8.000 > end ada 3
              8.000 < wrapped call-3 ada 0s
              8.000 < agent ada ready
              9.000 > call 4 queue=fewest
              9.000 < agent bob reserved call-4
              9.000 < offer call-4 -> bob
        "#]],
    );
}

#[test]
fn least_occupied_counts_talk_and_after_call_work() {
    check_transcript(
        "ada | bob",
        "support least_occupied wrap=off",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            0.000 > call 1
            0.000 < agent ada reserved call-1
            0.000 < offer call-1 -> ada
            0.000 > accept 1
            0.000 < ended call-1 ada accepted
            0.000 < agent ada talking call-1
            0.000 > reach bob
            0.000 > login bob
            0.000 < agent bob not_ready logged_in
            0.000 > ready bob
            0.000 < agent bob ready
            0.000 > call 2
            0.000 < agent bob reserved call-2
            0.000 < offer call-2 -> bob
            0.000 > accept 2
            0.000 < ended call-2 bob accepted
            0.000 < agent bob talking call-2
            10.000 > end ada 1
            10.000 < wrapped call-1 ada 0s
            10.000 < agent ada ready
            15.000 > break ada coffee
            15.000 < agent ada not_ready coffee
            30.000 > end bob 2
            30.000 < wrapped call-2 bob 0s
            30.000 < agent bob ready
            40.000 > ready ada
            40.000 < agent ada ready
            41.000 > call 3
            41.000 < agent ada reserved call-3
            41.000 < offer call-3 -> ada
        "#]],
    );
}

#[test]
fn an_agent_takes_the_best_call_of_all_queues() {
    check_transcript(
        "ada",
        "slow ageing=1 | fast ageing=10",
        &expect![[r#"
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > reach ada
            0.000 > call 1 priority=8
            0.000 > call 2 priority=5 queue=fast
            10.000 > ready ada
            10.000 < agent ada ready
            10.000 < agent ada reserved call-1
            10.000 < offer call-1 -> ada
            11.000 > leave 1
            11.000 < ended call-1 ada withdrawn
            11.000 < agent ada ready
            11.000 < agent ada reserved call-2
            11.000 < offer call-2 -> ada
            12.000 > leave 2
            12.000 < ended call-2 ada withdrawn
            12.000 < agent ada ready
            13.000 > call 3 priority=8
            13.000 < agent ada reserved call-3
            13.000 < offer call-3 -> ada
            14.000 > call 4 priority=5 queue=fast
            15.000 > break ada x
            16.000 > miss 3 rejected
            16.000 < ended call-3 ada rejected
            16.000 < agent ada not_ready x
            70.000 > ready ada
            70.000 < agent ada ready
            70.000 < agent ada reserved call-4
            70.000 < offer call-4 -> ada
        "#]],
    );
}

#[test]
fn calls_let_go_together_are_matched_best_first() {
    check_transcript(
        "ada | bob",
        "support | sales",
        &expect![[r#"
            0.000 > reach ada
            0.000 > login ada
            0.000 < agent ada not_ready logged_in
            0.000 > ready ada
            0.000 < agent ada ready
            0.000 > call 9
            0.000 < agent ada reserved call-9
            0.000 < offer call-9 -> ada
            0.000 > accept 9
            0.000 < ended call-9 ada accepted
            0.000 < agent ada talking call-9
            0.000 > reach bob
            0.000 > login bob
            0.000 < agent bob not_ready logged_in
            0.000 > ready bob
            0.000 < agent bob ready
            0.000 > call 1 prefer=ada:60 priority=4
            1.000 > call 2 prefer=ada:60 queue=sales priority=9
            2.000 > logout ada
            2.000 < agent bob reserved call-2
            2.000 < offer call-2 -> bob
        "#]],
    );
}
