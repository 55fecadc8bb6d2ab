//! The queue, tested: decisions of one instant, transcripts over time, and a naive model.

mod fixture;
mod model;
mod own;
mod presence;
mod property;
mod transcript;

use fixture::{Fixture, START, check_acd};

use std::time::Duration;

use crate::acd::class::CLASSES_UNUSED_MAX;
use crate::acd::waiting::EXCLUSIONS_MAX;
use crate::acd::{Acd, AgentInput, AgentSetup, Enqueue, Input, QueueSetup, Setup, Verdict};
use crate::id::{AgentId, CallId, QueueId, SkillId};
use crate::words::OfferOutcome;

#[test]
fn a_call_goes_to_the_one_idle_longest() {
    check_acd("ada ready idle=60 | bob ready idle=90 | cyd ready", "call-1", "offer call-1 -> bob");
}

#[test]
fn a_demand_is_a_least_level() {
    check_acd(
        "ada ready billing=1 idle=60 | bob ready billing=3",
        "call-1 needs billing>=2",
        "offer call-1 -> bob",
    );
    check_acd(
        "ada ready billing=5 | bob ready english=5 | cyd ready billing=2 english=1",
        "call-1 needs billing>=2 english>=1",
        "offer call-1 -> cyd",
    );
}

#[test]
fn the_least_skilled_who_suffices_keeps_the_expert_free() {
    check_acd(
        "ada ready billing=5 idle=9 | bob ready billing=2 | cyd ready sales=5",
        "least_skilled: call-1 needs billing>=2",
        "offer call-1 -> bob",
    );
    // Equal in what is asked for: the one who could do less besides.
    check_acd(
        "ada ready billing=2 sales=5 idle=9 | bob ready billing=2",
        "least_skilled: call-1 needs billing>=2",
        "offer call-1 -> bob",
    );
}

#[test]
fn the_most_skilled_first_where_the_queue_says_so() {
    check_acd(
        "ada ready billing=2 idle=9 | bob ready billing=5",
        "most_skilled: call-1 needs billing>=1",
        "offer call-1 -> bob",
    );
}

/// Ada's first call came the moment she logged in, so she was busy all of the time when she last
/// became ready; an hour later that is 2 %.
#[test]
fn fault_27_an_occupancy_of_long_ago_starves_nobody() {
    let mut fixture = Fixture::new("ada | bob", "support least_occupied wrap=off");
    for line in ["reach ada", "login ada", "ready ada", "call 1", "accept 1"] {
        fixture.input(line);
    }
    for line in ["reach bob", "login bob", "ready bob"] {
        fixture.input(line);
    }
    fixture.until(START + Duration::from_secs(60));
    fixture.input("end ada 1");
    let mut taken = [0, 0];
    for call in 2..28 {
        fixture.until(START + Duration::from_secs(3_600 + 300 * call));
        fixture.log.clear();
        fixture.input(&format!("call {call}"));
        let to_bob = fixture.log.contains(&format!("offer call-{call} -> bob"));
        taken[usize::from(to_bob)] += 1;
        fixture.input(&format!("accept {call}"));
        fixture.until(fixture.now + Duration::from_secs(200));
        let who = if to_bob { "bob" } else { "ada" };
        fixture.input(&format!("end {who} {call}"));
    }
    assert_eq!(taken, [13, 13], "calls of equal length to two agents who came together");
}

#[test]
fn only_the_ready_and_reachable_are_offered_calls() {
    check_acd("ada break | bob unreachable | cyd out", "call-1", "");
    check_acd("ada break | bob unreachable | cyd ready", "call-1", "offer call-1 -> cyd");
}

#[test]
fn nobody_staffed_means_gone_on_arrival() {
    check_acd("ada out billing=5", "call-1 needs billing>=1", "gone call-1 no_agents");
    check_acd("ada break english=5", "call-1 needs billing>=1", "gone call-1 no_agents");
    // On a break counts as staffed, and so does a later, weaker stage.
    check_acd("ada break billing=1", "call-1 needs billing>=1", "");
    check_acd("ada break billing=1", "call-1 needs billing>=5 relax=60:billing=1", "");
    check_acd("ada break english=1", "call-1 needs billing>=5 relax=60:billing=0", "");
}

#[test]
fn a_full_queue_refuses() {
    check_acd("ada break", "len=2: call-1 | call-2 | call-3", "gone call-3 full");
}

#[test]
fn one_agent_is_offered_one_call() {
    check_acd("ada ready", "call-1 | call-2 priority=10", "offer call-1 -> ada");
}

#[test]
fn the_preferred_agent_is_in_front_of_the_strategy() {
    check_acd("ada ready | bob ready idle=60", "call-1 prefer=ada:20", "offer call-1 -> ada");
    // Not held for who is away; `presence.rs` has who is busy.
    check_acd("ada break | bob ready", "call-1 prefer=ada:20", "offer call-1 -> bob");
    check_acd("ada out | bob ready", "call-1 prefer=ada:20", "offer call-1 -> bob");
    check_acd("ada unreachable | bob ready", "call-1 prefer=ada:20", "offer call-1 -> bob");
    check_acd(
        "ada break | bob ready billing=1",
        "call-1 needs billing>=1 prefer=ada:20",
        "offer call-1 -> bob",
    );
}

#[test]
fn steps_behind_a_call_that_comes_back_apply_before_it_is_offered() {
    check_acd(
        "ada ready billing=5 idle=1 | bob ready billing=1 idle=60",
        "call-1 needs billing>=5 relax=45:billing=1 waited=50",
        "relaxed call-1 1 | offer call-1 -> bob",
    );
}

#[test]
fn positions_follow_effective_priority_and_arrival() {
    let mut fixture = Fixture::new("ada", "support");
    fixture.input("reach ada");
    fixture.input("login ada");
    fixture.input("call 1 priority=5 waited=120");
    fixture.input("call 2 priority=5 waited=180");
    fixture.input("call 3 priority=7 waited=30"); // 7.5 against 7 and 8
    let order: Vec<_> = fixture.acd.waiting_calls(QueueId(0)).map(|w| w.call.0).collect();
    assert_eq!(order, [2, 3, 1]);
    for (position, call) in (1..).zip(order) {
        assert_eq!(fixture.acd.position(CallId(call)), Some(position));
    }
    assert_eq!(fixture.acd.position(CallId(9)), None);
    assert_eq!(fixture.acd.waiting(QueueId(0)), 3);
}

#[test]
fn every_agent_gets_a_verdict() {
    let agents = "ada billing=5 | bob billing=5 | cyd english=3 | dan billing=5 | eve billing=5";
    let mut fixture = Fixture::new(agents, "support rejects=5");
    for line in ["login ada", "ready ada", "reach ada", "login bob", "break bob lunch"] {
        fixture.input(line);
    }
    for line in ["login cyd", "reach cyd", "ready cyd", "login eve", "ready eve"] {
        fixture.input(line);
    }
    fixture.input("call 1 needs billing>=2");
    fixture.input("miss 1 rejected");
    let verdicts: Vec<_> = fixture.acd.explain(CallId(1)).into_iter().map(|c| c.verdict).collect();
    assert_eq!(
        verdicts,
        [
            Verdict::Excluded { until: START + Duration::from_secs(30) },
            Verdict::NotReady { reason: "lunch".to_owned() },
            Verdict::LacksSkill { skill: SkillId(0), needs: 2, has: 0 },
            Verdict::LoggedOut,
            Verdict::Unreachable,
        ]
    );
    let ada = fixture.acd.explain(CallId(1)).remove(0);
    assert_eq!(ada.tried, Some((OfferOutcome::Rejected, START)));
    assert!(fixture.acd.explain(CallId(9)).is_empty());
}

#[test]
#[should_panic(expected = "call-1 is queued twice")]
fn a_call_is_queued_once() {
    let mut fixture = Fixture::new("ada", "support");
    fixture.input("reach ada");
    fixture.input("login ada");
    fixture.input("call 1");
    fixture.input("call 1");
}

#[test]
fn an_agent_avoids_so_many_calls_and_then_meets_the_first_again() {
    let mut fixture = Fixture::new("ada", "support rejects=0 exclude=600");
    for line in ["login ada", "reach ada", "ready ada"] {
        fixture.input(line);
    }
    for call in 1..=EXCLUSIONS_MAX + 1 {
        fixture.input(&format!("call {call}"));
        fixture.log.clear();
        fixture.input(&format!("miss {call} rejected"));
        let again = fixture.log.contains("offer call-1 -> ada");
        assert_eq!(again, call > EXCLUSIONS_MAX, "after {call} rejected calls");
    }
}

#[test]
fn demands_nobody_uses_any_more_are_forgotten() {
    let setup = Setup { agents: vec![AgentSetup::default()], queues: vec![QueueSetup::default()] };
    let mut acd = Acd::new(setup);
    let agent = AgentId(0);
    let skills = (0..1000).map(|n| (SkillId(n), 5)).collect();
    for ask in [AgentInput::Skills(skills), AgentInput::LogIn, AgentInput::Reachable(true)] {
        acd.handle(START, Input::Agent { agent, ask });
        while acd.poll_output().is_some() {}
    }
    for n in 0..1000 {
        let ask = Enqueue {
            call: CallId(n),
            queue: QueueId(0),
            // The agent meets what is asked at first, and not what is added later.
            demands: vec![(SkillId(n as u32), 1)],
            priority: 5,
            relax: vec![(Duration::from_secs(9), vec![(SkillId(1000 + n as u32), 1)])],
            since: START,
            wait_max: Duration::from_secs(60),
            ring_timeout: None,
            prefer: None,
        };
        acd.handle(START, Input::Enqueue(Box::new(ask)));
        assert!(acd.poll_output().is_none(), "it waits");
        acd.handle(START, Input::Leave { call: CallId(n) });
        acd.check();
    }
    assert!(acd.classes.iter().count() <= CLASSES_UNUSED_MAX);
}
