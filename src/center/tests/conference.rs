//! More than three meet in a conference, up to its bound, and whoever leaves, leaves.

use std::collections::BTreeSet;

use super::Floor;
use super::consult::{CALL, CALLER, SECOND, THIRD, agent, queue};
use super::talks::{AGENT, number};
use crate::call::{CONFERENCE_LEGS_MAX, Stage};
use crate::id::LegId;
use crate::words::{
    AgentRequest, EndedBy, Event, Principal, SupervisorMode, SupervisorRequest, Telephone,
};

/// Ada, the caller, and this number of consulted parties have met.
fn met(consulted: u16) -> Floor {
    let mut floor = Floor::beside(&[]);
    for n in 2..2 + consulted {
        floor.consults(number(&format!("+1415555{n:04}"), None));
        floor.event(Event::Answered { leg: LegId { call: CALL, n } });
        floor.ask(AgentRequest::Conference);
    }
    floor.log.clear();
    floor
}

#[test]
fn those_who_met_talk_on_while_the_next_one_is_asked() {
    let mut floor = met(2);
    floor.check_heard(&[(0, &[1, 2, 3]), (1, &[0, 2, 3]), (2, &[0, 1, 3]), (3, &[0, 1, 2])]);
    floor.consults(number("+14155550190", None));
    floor.check_heard(&[(0, &[2, 3]), (2, &[0, 3]), (3, &[0, 2])]);
    let fourth = LegId { call: CALL, n: 4 };
    floor.event(Event::Answered { leg: fourth });
    floor.check_heard(&[(0, &[2, 3]), (1, &[4]), (2, &[0, 3]), (3, &[0, 2]), (4, &[1])]);
    floor.ask(AgentRequest::Resume); // back to the others
    floor.check_heard(&[(0, &[1, 2, 3]), (1, &[0, 2, 3]), (2, &[0, 1, 3]), (3, &[0, 1, 2])]);
    assert_eq!(floor.consult_stage(), Some(Stage::Conference));
    floor.hang_up(SECOND);
    floor.check_heard(&[(0, &[1, 3]), (1, &[0, 3]), (3, &[0, 1])]);
    floor.hang_up(CALLER);
    floor.check_heard(&[(1, &[3]), (3, &[1])]);
    floor.hang_up(THIRD);
    let record = floor.closes();
    assert!(record.caller_left_at.is_some());
    assert_eq!((record.ended_by, record.legs.len()), (EndedBy::Party, 4));
}

#[test]
fn one_left_alone_hears_music_and_all_are_dismissed_by_going_back() {
    let mut floor = met(1);
    floor.hang_up(CALLER);
    floor.check_heard(&[(1, &[2]), (2, &[1])]);
    floor.log.clear();
    let left = "the caller has left ada and whom they consult: who hangs up ends the call";
    floor.refused(AgentRequest::Resume, left);

    let mut floor = met(2);
    floor.ask(AgentRequest::Resume);
    floor.check_heard(&[(0, &[1]), (1, &[0])]);
    assert_eq!(floor.consult_stage(), None);
    let gone =
        BTreeSet::from(["hang-up call-1/2 normal_clearing", "hang-up call-1/3 normal_clearing"]);
    let said: BTreeSet<&str> = floor.log.iter().map(String::as_str).collect();
    assert!(gone.is_subset(&said), "{said:?}");
}

#[test]
fn an_agent_who_leaves_a_conference_leaves_the_others_together() {
    let mut floor = met(2);
    floor.hang_up(AGENT);
    floor.check_heard(&[(0, &[2, 3]), (2, &[0, 3]), (3, &[0, 2])]);
    floor.hang_up(THIRD); // who was left with the caller leaves, too
    floor.check_heard(&[(0, &[2]), (2, &[0])]);
    floor.hang_up(CALLER);
    assert_eq!(floor.closes().legs.len(), 3);

    // While the next one rings, who is not waited for any more.
    let mut floor = met(2);
    floor.consults(number("+14155550190", None));
    floor.log.clear();
    floor.hang_up(AGENT);
    assert!(floor.log.contains(&"hang-up call-1/4 normal_clearing".to_owned()), "{:?}", floor.log);
    floor.check_heard(&[(0, &[2, 3]), (2, &[0, 3]), (3, &[0, 2])]);
    floor.hang_up(CALLER);
    floor.check_heard(&[(2, &[3]), (3, &[2])]);
    floor.hang_up(THIRD);
    assert_eq!(floor.closes().ended_by, EndedBy::Party);
}

#[test]
fn a_conference_takes_no_leg_beyond_its_bound() {
    let consulted = u16::try_from(CONFERENCE_LEGS_MAX).unwrap() - 2;
    let mut floor = Floor::beside(&["bob"]);
    for n in 2..2 + consulted {
        floor.consults(number(&format!("+1415555{n:04}"), None));
        floor.event(Event::Answered { leg: LegId { call: CALL, n } });
        floor.ask(AgentRequest::Conference);
    }
    let all: Vec<u16> = (0..2 + consulted).collect();
    assert_eq!(all.len(), CONFERENCE_LEGS_MAX);
    let others = |n: u16| all.iter().copied().filter(|other| *other != n).collect::<Vec<_>>();
    let expected: Vec<(u16, Vec<u16>)> = all.iter().map(|n| (*n, others(*n))).collect();
    let expected: Vec<(u16, &[u16])> = expected.iter().map(|(n, o)| (*n, o.as_slice())).collect();
    floor.check_heard(&expected);

    let why = "call-1 has 16 legs: no more can hear each other";
    for target in [number("+14155559999", None), agent("bob"), queue("help")] {
        floor.no_consult(target, why);
    }
    let from = Telephone::Agent { agent: "bob".to_owned() };
    let ask = SupervisorRequest::Supervise { mode: SupervisorMode::Listen, from };
    let refused = floor.center.check_supervisor_request(CALL, &ask).expect_err("one too many");
    assert_eq!(refused.to_string(), why);
    floor.event(Event::SupervisorAsked {
        by: Principal::admin("boss"),
        call: CALL,
        ask: ask.clone(),
    });
    floor.check(&[]);
    floor.check_heard(&expected);

    // A party that leaves makes room: for a consultation from a queue as for any other.
    floor.hang_up(SECOND);
    floor.consults(queue("help"));
    assert_eq!(floor.consult_stage(), Some(Stage::Ringing));
    let refused =
        floor.center.check_supervisor_request(CALL, &ask).expect_err("the place is taken");
    assert_eq!(refused.to_string(), why);
    floor.hang_up(CALLER);
    floor.hang_up(AGENT);
}

#[test]
fn a_supervisor_takes_over_from_all_who_were_consulted() {
    let mut floor = met(2);
    let from = Telephone::Number { number: "+14155550166".to_owned(), trunk: None };
    let ask = SupervisorRequest::Supervise { mode: SupervisorMode::TakeOver, from };
    floor.event(Event::SupervisorAsked { by: Principal::admin("boss"), call: CALL, ask });
    floor.event(Event::Answered { leg: LegId { call: CALL, n: 4 } });
    floor.check_heard(&[(0, &[4]), (4, &[0])]);
    floor.hang_up(CALLER);
    assert_eq!(floor.closes().legs.len(), 4);
}
