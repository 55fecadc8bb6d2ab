//! Agents who count as present: for a call that begins to wait, for one that waits for one agent
//! alone, and for one that an agent did not take.

use super::fixture::{Fixture, check_acd, check_transcript};
use crate::acd::waiting::EXCLUSIONS_MAX;
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

#[test]
fn fault_29_nobody_whose_phone_can_be_reached_is_nobody() {
    check_acd("ada unreachable", "call-1", "gone call-1 no_agents");
    check_acd("ada unreachable | bob out", "call-1", "gone call-1 no_agents");
    // An unskilled agent does not count either, however reachable; a later stage counts.
    let demands = "call-1 needs billing>=2";
    check_acd("ada unreachable billing=2 | bob ready", demands, "gone call-1 no_agents");
    let relaxed = "call-1 needs billing>=2 relax=60:billing=0";
    check_acd("ada unreachable billing=2 | bob ready", relaxed, "");
    check_acd("ada unreachable | bob break", "call-1", "");
}

#[test]
fn fault_29_an_agent_on_a_call_is_there_and_a_lost_phone_empties_no_line() {
    check_transcript(
        "ada",
        "support wrap=off",
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
            2.000 > unreach ada
            3.000 > call 2
            4.000 > end ada 1
            4.000 < wrapped call-1 ada 0s
            4.000 < agent ada ready
            5.000 > call 3
            5.000 < gone call-3 no_agents
            6.000 > reach ada
            6.000 < agent ada reserved call-2
            6.000 < offer call-2 -> ada
            7.000 > call 4
            8.000 > logout ada
            8.000 < gone call-4 no_agents
            9.000 > miss 2 rejected
            9.000 < ended call-2 ada rejected
            9.000 < agent ada logged_out
            9.000 < gone call-2 no_agents
        "#]],
    );
}

#[test]
fn fault_30_nobody_waits_for_an_agent_at_lunch() {
    for away in ["break", "out", "unreachable"] {
        let agents = format!("ada {away} | bob ready");
        check_acd(&agents, "call-1 prefer=ada:20", "offer call-1 -> bob");
    }
}

/// Ada talks, bob is free, and a caller waits for ada.
fn held_for_ada() -> Fixture {
    let mut fixture = Fixture::new("ada | bob", "support wrap=10 exclude=30");
    let lines = "reach ada|login ada|ready ada|call 1|accept 1|reach bob|login bob|ready bob";
    for line in lines.split('|') {
        fixture.input(line);
    }
    fixture.log.clear();
    fixture.input("call 2 prefer=ada:20");
    assert_eq!(fixture.log, "", "held while ada talks");
    fixture
}

#[test]
fn fault_30_a_preferred_agent_who_goes_to_lunch_meanwhile_is_not_waited_for() {
    for left in ["break ada lunch", "unreach ada", "logout ada"] {
        let mut fixture = held_for_ada();
        fixture.input(left);
        assert!(fixture.log.contains("offer call-2 -> bob"), "{left}: {}", fixture.log);
    }
    // After-call work is part of the call, and its end brings the caller.
    let mut fixture = held_for_ada();
    fixture.input("end ada 1");
    assert!(!fixture.log.contains("offer"), "{}", fixture.log);
    fixture.input("endwrap ada");
    assert!(fixture.log.contains("offer call-2 -> ada"), "{}", fixture.log);
}

/// All in one moment: of those whom the call remembers, none is older than the last.
#[test]
fn fault_28_whom_a_call_keeps_apart_from_it_remembers() {
    let names: Vec<String> = (0..=EXCLUSIONS_MAX).map(|n| format!("agent{n}")).collect();
    let mut fixture = Fixture::new(&names.join("|"), "support rejects=0 exclude=600");
    fixture.input(&format!("reach {}", names[0]));
    fixture.input(&format!("login {}", names[0]));
    fixture.input("call 1");
    // The first comes last, whose id is the lowest.
    for name in names.iter().skip(1).chain(&names[..1]) {
        for ask in ["reach", "login", "ready"] {
            fixture.input(&format!("{ask} {name}"));
        }
        assert!(fixture.log.ends_with(&format!("offer call-1 -> {name}\n")), "{}", fixture.log);
        fixture.input("miss 1 rejected");
    }
    // Another one was forgotten, and is offered it again.
    assert!(fixture.log.ends_with("offer call-1 -> agent1\n"), "{}", fixture.log);
    fixture.input("leave 1");
    for name in &names {
        fixture.input(&format!("ready {name}"));
    }
}
