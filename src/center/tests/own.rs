//! Calls from agents' own telephones, through the center's door.

use std::collections::BTreeMap;

use super::{FLOW, Floor, parsed};
use crate::center::setup::Reachability;
use crate::id::{AgentId, CallId, LegId, PlayId};
use crate::metrics::Report;
use crate::time::Timestamp;
use crate::words::{
    AgentRequest, AgentState, CallOutcome, Cause, EndedBy, Event, From, Loss, Party, Via,
};

const ADA: AgentId = AgentId(0);
const BOB: AgentId = AgentId(1);
/// The own call of these tests, and whom it calls.
const OWN: LegId = LegId { call: CallId(7), n: 0 };
const CALLED: LegId = LegId { call: CallId(7), n: 1 };

impl Floor {
    /// Ada's telephone dials this; what it says of itself counts for nothing.
    fn dial(&mut self, to: &str) {
        self.dial_as(OWN.call, ADA, to);
    }

    fn dial_as(&mut self, call: CallId, agent: AgentId, to: &str) {
        let from = From { number: Some("+14155550123".to_owned()), name: None };
        self.event(Event::CallArrived { call, from, to: to.to_owned(), via: Via::Agent(agent) });
    }

    /// The same, and the telephone offers no sound of its own.
    fn dial_silently(&mut self, to: &str) {
        let (call, via) = (OWN.call, Via::Agent(ADA));
        self.event(Event::CallOpening { call, from: From::default(), to: to.to_owned(), via });
    }

    fn end(&mut self, leg: LegId) {
        self.event(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    }

    fn state_of(&self, agent: AgentId) -> AgentState {
        self.center.agent_state(agent).unwrap().clone()
    }

    /// Without a flow that takes every number.
    fn strict(agents: &[&str]) -> Self {
        Self::with(parsed(&FLOW.replace("[\"*\"]", "[\"100\"]")), agents)
    }

    fn report_all(&self) -> Report {
        self.report(Timestamp(0), Timestamp(u64::MAX))
    }

    /// Ada, not ready, and a caller who waits for her.
    fn waited_for() -> Self {
        let mut floor = Self::new(&["ada"]);
        let ask = AgentRequest::NotReady { reason: "lunch".to_owned() };
        floor.event(Event::AgentAsked { agent: ADA, ask, by: None });
        let caller = floor.call(1);
        floor.press(caller, '1');
        floor.log.clear();
        floor
    }
}

const BUSY: AgentState = AgentState::OnOwnCall { call: OWN.call };

#[test]
fn fault_26_ready_by_telephone_brings_the_waiting_caller_once_the_telephone_is_free() {
    let mut floor = Floor::waited_for();
    floor.dial("*42");
    floor.check(&["answer call-7/0", "play call-7/0"]);
    assert_eq!(floor.state_of(ADA), BUSY);
    floor.wait_s(1);
    floor.end(OWN);
    floor.check(&["record call-7 OwnCall by Caller talk 0 hold 0", "ring call-1/1 agent-0"]);

    let mut floor = Floor::waited_for();
    floor.dial("*42");
    floor.log.clear();
    floor.event(Event::PromptDone { leg: OWN, play: PlayId(1) });
    floor.check(&[
        "hang-up call-7/0 normal_clearing",
        "record call-7 OwnCall by Flow talk 0 hold 0",
        "ring call-1/1 agent-0",
    ]);
}

#[test]
fn fault_26_an_agent_is_never_offered_the_own_call_nor_another_beside_it() {
    let mut floor = Floor::new(&["ada"]);
    floor.dial("100");
    floor.press(OWN, '1');
    let customer = floor.call(2);
    floor.press(customer, '1');
    assert!(!floor.log.iter().any(|line| line.starts_with("ring")), "{:?}", floor.log);
    assert_eq!(floor.state_of(ADA), BUSY);
    floor.log.clear();
    floor.end(OWN);
    floor.check(&["record call-7 Abandoned by Caller talk 0 hold 0", "ring call-2/1 agent-0"]);

    // A colleague may be offered it; that is no customer's call, and no figure's.
    let mut floor = Floor::new(&["ada", "bob"]);
    floor.dial("100");
    floor.log.clear();
    floor.press(OWN, '1');
    floor.check(&["loop call-7/0", "ring call-7/1 agent-1"]);
    floor.event(Event::Answered { leg: CALLED });
    floor.wait_s(30);
    floor.end(CALLED);
    floor.wait_s(30);
    let report = floor.report_all();
    assert_eq!((report.calls, report.agent_calls, report.handling.handled_legs), (0, 1, 0));
    assert_eq!((report.queueing.offered, report.presenting.offers), (0, 0));
    assert_eq!((report.kept.late_facts, report.agents[0].own_calls), (0, 1));
    assert_eq!((report.time.own_call_s, report.time.talking_s), (Some(30.0), Some(30.0)));
}

#[test]
fn fault_26_a_colleague_is_called_and_both_are_busy_meanwhile() {
    let mut floor = Floor::new(&["ada", "bob"]);
    floor.dial("bob");
    floor.check(&["ring call-7/1 agent-1"]);
    floor.event(Event::Ringing { leg: CALLED });
    floor.check(&["ringing call-7/0"]);
    floor.event(Event::Ringing { leg: CALLED });
    floor.check(&[]);
    let customer = floor.call(1);
    floor.press(customer, '1');
    assert_eq!((floor.state_of(ADA), floor.state_of(BOB)), (BUSY, BUSY));
    floor.log.clear();
    floor.event(Event::Answered { leg: CALLED });
    floor.check(&["answer call-7/0", "bridge call-7/0 call-7/1"]);
    floor.wait_s(10);
    floor.event(Event::Held { leg: CALLED });
    floor.check(&["unbridge call-7/0 call-7/1", "loop call-7/0"]);
    floor.wait_s(2);
    floor.event(Event::Resumed { leg: CALLED });
    floor.check(&["bridge call-7/0 call-7/1"]);
    let asked =
        floor.center.check_request(floor.now, ADA, &AgentRequest::Hold).unwrap_err().to_string();
    assert_eq!(asked, "ada is on a call of their own: only the telephone can hold or end it");
    floor.wait_s(5);
    floor.end(CALLED);
    floor.check(&[
        "hang-up call-7/0 normal_clearing",
        "record call-7 Handled by Agent talk 15000 hold 2000",
        "ring call-1/1 agent-0",
    ]);
    assert_eq!(floor.state_of(BOB), AgentState::Ready, "no after-call work");
    let record = floor.records.pop().unwrap();
    assert_eq!((record.from.as_deref(), record.caller_agent()), (Some("ada"), Some("ada")));
    let row = floor.row(&record).unwrap();
    assert_eq!((row.by_agent, row.legs.len(), row.is_handled()), (Some(ADA), 0, false));
    let report = floor.report_all();
    assert_eq!((report.calls, report.agent_calls), (0, 1));
}

#[test]
fn fault_26_what_an_agent_dials_goes_where_it_leads_or_nowhere() {
    let mut floor = Floor::strict(&["ada", "bob"]);
    let dials = |floor: &mut Floor, to: &str, expected: &str| {
        floor.log.clear();
        floor.dial(to);
        let first = floor.log.first().map(String::as_str);
        assert_eq!(first, Some(expected), "{to}: {:?}", floor.log);
        floor.end(OWN);
    };
    dials(&mut floor, "*43", "answer call-7/0");
    dials(&mut floor, "100", "answer call-7/0");
    dials(&mut floor, "bob", "ring call-7/1 agent-1");
    dials(&mut floor, "(415) 555-0199", "dial call-7/1 main spare");
    dials(&mut floor, "+882139900000", "reject call-7/0 outgoing_barred");
    dials(&mut floor, "911", "reject call-7/0 unallocated_number");
    dials(&mut floor, "carol", "reject call-7/0 unallocated_number");
    dials(&mut floor, "*", "reject call-7/0 unallocated_number");
    dials(&mut floor, "ada", "reject call-7/0 user_busy");
    assert!(floor.records.iter().all(|record| record.caller_agent() == Some("ada")));
    floor.event(Event::PhoneReachable { agent: BOB, reachable: false });
    dials(&mut floor, "bob", "reject call-7/0 subscriber_absent");
    // Logged out or not, the telephone rings, as long as it can be reached and is not in use.
    floor.event(Event::PhoneReachable { agent: BOB, reachable: true });
    floor.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::LogOut, by: None });
    dials(&mut floor, "bob", "ring call-7/1 agent-1");
    floor.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::Ready, by: None });
    let customer = floor.call(1);
    floor.press(customer, '1');
    assert!(matches!(floor.state_of(BOB), AgentState::Reserved { .. }));
    dials(&mut floor, "bob", "reject call-7/0 user_busy");

    // A flow that takes every number comes last.
    let reachability =
        BTreeMap::from([("bob".to_owned(), Reachability::Provider("acme".to_owned()))]);
    let mut floor = Floor::with_reachability(&["ada", "bob"], reachability);
    dials(&mut floor, "bob", "reject call-7/0 subscriber_absent");
    dials(&mut floor, "+14155550199", "dial call-7/1 main spare");
    dials(&mut floor, "+882139900000", "answer call-7/0");
    dials(&mut floor, "911", "answer call-7/0");
}

#[test]
fn fault_26_nobody_but_an_agents_telephone_calls_colleagues_or_outside() {
    let mut floor = Floor::strict(&["ada"]);
    for via in [Via::Trunk("main".to_owned()), Via::Provider("acme".to_owned())] {
        for to in ["ada", "+14155550199", "*42"] {
            let (call, from) = (OWN.call, From::default());
            floor.event(Event::CallArrived { call, from, to: to.to_owned(), via: via.clone() });
            floor.check(&[
                "reject call-7/0 unallocated_number",
                "record call-7 Refused by Server talk 0 hold 0",
            ]);
        }
    }
}

#[test]
fn fault_26_why_nobody_answered_is_passed_on() {
    let mut floor = Floor::new(&["ada", "bob"]);
    for (said, heard) in [
        (Cause::USER_BUSY, "user_busy"),
        (Cause::NO_USER_RESPONDING, "no_answer"),
        (Cause::CALL_REJECTED, "call_rejected"),
    ] {
        floor.dial("bob");
        floor.log.clear();
        floor.event(Event::DialFailed { leg: CALLED, cause: said });
        let record = "record call-7 Refused by Agent talk 0 hold 0";
        floor.check(&[&format!("reject call-7/0 {heard}"), record]);
        assert_eq!(
            (floor.state_of(ADA), floor.state_of(BOB)),
            (AgentState::Ready, AgentState::Ready)
        );
    }
    floor.dial("bob");
    floor.wait_s(29);
    floor.log.clear();
    floor.wait_s(1);
    floor.check(&[
        "hang-up call-7/1 no_answer",
        "reject call-7/0 no_answer",
        "record call-7 Refused by Server talk 0 hold 0",
    ]);
    floor.dial("bob");
    floor.log.clear();
    floor.end(OWN);
    floor.check(&[
        "hang-up call-7/1 normal_clearing",
        "record call-7 Refused by Caller talk 0 hold 0",
    ]);
    assert_eq!((floor.state_of(ADA), floor.state_of(BOB)), (AgentState::Ready, AgentState::Ready));

    floor.dial("+14155550199");
    floor.event(Event::Rerouted { leg: CALLED, trunk: "spare".to_owned() });
    floor.event(Event::Answered { leg: CALLED });
    floor.wait_s(3);
    floor.end(OWN);
    let record = floor.records.pop().unwrap();
    assert_eq!((record.outcome, record.ended_by), (CallOutcome::Transferred, EndedBy::Caller));
    let Party::Outside { trunk, .. } = &record.legs[0].party else { panic!("{record:?}") };
    assert_eq!((trunk.as_str(), record.legs[0].talk_ms), ("spare", 3_000));
}

#[test]
fn fault_15_an_own_call_whose_line_is_lost_was_ended_by_nobody_on_it() {
    for (how, by) in [(Loss::Silent, EndedBy::Network), (Loss::Broken, EndedBy::Server)] {
        for to in ["bob", "+14155550199"] {
            for leg in [OWN, CALLED] {
                let mut floor = Floor::new(&["ada", "bob"]);
                floor.dial(to);
                floor.event(Event::Answered { leg: CALLED });
                floor.wait_s(4);
                floor.event(Event::LegLost { leg, cause: Cause::TIMER_EXPIRED, how });
                assert_eq!(floor.records[0].ended_by, by, "{to}, {leg}");
            }
            // Before it was answered.
            let mut floor = Floor::new(&["ada", "bob"]);
            floor.dial(to);
            floor.event(Event::LegLost { leg: CALLED, cause: Cause::INCOMPATIBLE, how });
            let record = &floor.records[0];
            assert_eq!((record.outcome, record.ended_by), (CallOutcome::Refused, by), "{to}");
            // The party that hangs up or declines still is the one that ended it.
            for event in [
                Event::DialFailed { leg: CALLED, cause: Cause::USER_BUSY },
                Event::HungUp { leg: CALLED, cause: Cause::NORMAL_CLEARING },
            ] {
                let mut floor = Floor::new(&["ada", "bob"]);
                floor.dial(to);
                floor.event(event);
                let person = if to == "bob" { EndedBy::Agent } else { EndedBy::Party };
                assert_eq!(floor.records[0].ended_by, person, "{to}");
            }
        }
    }
}

#[test]
fn fault_15_an_own_call_is_answered_when_there_is_sound_with_the_agent() {
    // A feature code acts at once, and says so when that can be heard.
    let mut floor = Floor::new(&["ada", "bob"]);
    floor.dial_silently("*43");
    floor.check(&["answer call-7/0"]);
    assert_eq!(floor.state_of(ADA), AgentState::NotReady { reason: "by_phone".to_owned() });
    floor.wait_s(1);
    for expected in [&["play call-7/0"][..], &[]] {
        floor.event(Event::Answered { leg: OWN });
        floor.check(expected);
    }
    floor.event(Event::PromptDone { leg: OWN, play: PlayId(1) });
    let record = floor.records.pop().unwrap();
    let answered = record.answered_at.unwrap();
    assert_eq!(answered.since(record.arrived_at).as_secs(), 1);
    assert!(floor.row(&record).is_none());
    // It was never heard: it was not answered, but it acted.
    floor.dial_silently("*42");
    floor.wait_s(60);
    assert_eq!(
        (floor.records.pop().unwrap().answered_at, floor.state_of(ADA)),
        (None, AgentState::Ready)
    );

    for to in ["bob", "+14155550199"] {
        let mut floor = Floor::new(&["ada", "bob"]);
        floor.dial_silently(to);
        floor.event(Event::Answered { leg: OWN });
        floor.log.clear();
        for expected in [&["answer call-7/0"][..], &[]] {
            floor.event(Event::Answered { leg: CALLED });
            floor.event(Event::Ringing { leg: CALLED });
            floor.check(expected);
        }
        floor.wait_s(60);
        for expected in [&["bridge call-7/0 call-7/1"][..], &[]] {
            floor.event(Event::Answered { leg: OWN });
            floor.check(expected);
        }
        floor.wait_s(5);
        floor.end(OWN);
        let record = floor.records.pop().unwrap();
        let answered = record.answered_at.unwrap();
        let times = (answered.since(record.arrived_at).as_secs(), record.legs[0].talk_ms);
        assert_eq!(times, (60, 5_000), "{to}");

        // The called party leaves before there is any: a telephone that we answered is hung up.
        floor.dial_silently(to);
        floor.event(Event::Answered { leg: CALLED });
        floor.log.clear();
        floor.end(CALLED);
        assert_eq!(floor.log[0], "hang-up call-7/0 normal_clearing", "{to}");
        assert_eq!(floor.records[0].answered_at, None, "{to}");
    }
    // A flow begins then, as with any caller.
    let mut floor = Floor::new(&["ada"]);
    floor.dial_silently("100");
    floor.check(&["answer call-7/0"]);
    floor.event(Event::Answered { leg: OWN });
    floor.check(&["play call-7/0"]);
}

#[test]
fn fault_26_a_telephone_that_comes_into_use_lets_go_of_its_offer_and_keeps_its_talk() {
    let mut floor = Floor::new(&["ada"]);
    let customer = floor.call(1);
    floor.press(customer, '1');
    floor.log.clear();
    floor.dial("100");
    assert_eq!(floor.log.last().unwrap(), "hang-up call-1/1 normal_clearing");
    floor.log.clear();
    floor.end(OWN);
    floor.check(&["record call-7 OwnCall by Caller talk 0 hold 0", "ring call-1/2 agent-0"]);
    let leg = LegId { call: CallId(1), n: 2 };
    floor.event(Event::Answered { leg });
    floor.log.clear();
    // On a second line: what is asked for applies when the talk is over.
    floor.dial("*43");
    assert_eq!(floor.state_of(ADA), AgentState::Talking { call: CallId(1) });
    let view = floor.center.agent_view(ADA);
    assert_eq!((view.call, view.own_call), (Some(CallId(1)), Some(OWN.call)));
    floor.end(OWN);
    floor.end(leg);
    floor.wait_s(10);
    assert_eq!(floor.state_of(ADA), AgentState::NotReady { reason: "by_phone".to_owned() });
}

/// Found by SEED=20223 of the simulation: the call that an agent's dialing let go of was offered to
/// the very colleague who was dialed, and taken back.
#[test]
fn fault_26_a_colleague_who_is_dialed_is_not_offered_what_the_dialing_lets_go_of() {
    let mut floor = Floor::new(&["ada", "bob"]);
    let customer = floor.call(1);
    floor.press(customer, '1');
    floor.log.clear();
    floor.dial("bob");
    floor.check(&["ring call-7/1 agent-1", "hang-up call-1/1 normal_clearing"]);
    floor.event(Event::DialFailed { leg: CALLED, cause: Cause::CALL_REJECTED });
    let record = "record call-7 Refused by Agent talk 0 hold 0";
    floor.check(&["reject call-7/0 call_rejected", record, "ring call-1/2 agent-0"]);
}
