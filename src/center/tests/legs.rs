//! A call begins with any leg, and outlives any.

use std::sync::Arc;
use std::time::Duration;

use super::talks::{ADA, AGENT, CONSULTED, talking};
use super::{FLOW, Floor, parsed};
use crate::call::{Call, LegState, Origin};
use crate::id::{CallId, LegId};
use crate::words::{
    AgentRequest, AgentState, CallOutcome, Cause, EndedBy, Event, From, LegOutcome, Loss, NamedVia,
    Party, Via,
};

const CALLER: LegId = LegId { call: CallId(1), n: 0 };

/// A caller whom we dial: nothing of the call is there but the leg that rings.
fn dialed_back() -> Floor {
    let flow = Arc::new(parsed(FLOW));
    let mut floor = Floor::new(&["ada"]);
    let mut call = Call::new(Origin {
        call: CallId(1),
        from: Some("+14155550123".to_owned()),
        from_name: None,
        to: "100".to_owned(),
        via: NamedVia::Trunk("main".to_owned()),
        arrived_at: floor.now,
        account: None,
        segment: None,
        outbound: None,
    });
    let party = Party::Outside { trunk: "main".to_owned(), number: "+14155550123".to_owned() };
    assert_eq!(call.dial_caller(party), Some(CALLER));
    floor.center.calls.insert(call);
    floor.center.start(floor.now, CallId(1), flow);
    floor
}

#[test]
fn a_flow_begins_when_the_caller_whom_we_dialed_answers() {
    let mut floor = dialed_back();
    floor.check(&[]); // nothing to answer, and no leg to hear anything yet
    floor.event(Event::Ringing { leg: CALLER });
    floor.check(&[]);
    floor.event(Event::Answered { leg: CALLER });
    floor.check(&["play call-1/0"]);
    floor.event(Event::Answered { leg: CALLER });
    floor.check(&[]);
    floor.press(CALLER, '1');
    floor.check(&["loop call-1/0", "ring call-1/1 agent-0"]);
    floor.event(Event::Answered { leg: AGENT });
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.hang_up(CALLER);
    assert_eq!(floor.records.pop().unwrap().outcome, CallOutcome::Handled);
}

#[test]
fn a_colleague_is_called_for_an_agent_whom_we_dialed_and_nothing_is_answered() {
    let mut floor = Floor::new(&["ada", "bob"]);
    let mut call = Call::new(Origin {
        call: CallId(1),
        from: None,
        from_name: None,
        to: "bob".to_owned(),
        via: NamedVia::Agent("ada".to_owned()),
        arrived_at: floor.now,
        account: None,
        segment: None,
        outbound: None,
    });
    let party = || Party::Agent { id: ADA, name: "ada".to_owned() };
    assert_eq!(call.dial_caller(party()), Some(CALLER));
    call.end_caller();
    let again = LegId { call: CallId(1), n: 1 };
    assert_eq!(call.dial_caller(party()), Some(again));
    floor.center.calls.insert(call);
    floor.center.own_call_arrived(floor.now, CallId(1), ADA);
    floor.center.settle(floor.now);
    floor.center.arrange_all(floor.now);
    floor.drain();
    floor.event(Event::Answered { leg: again });
    floor.check(&["ring call-1/2 agent-1"]);
    floor.event(Event::Ringing { leg: CONSULTED });
    floor.check(&["ringing call-1/1"]);
    floor.event(Event::Answered { leg: CONSULTED });
    floor.check(&["bridge call-1/1 call-1/2"]);
    floor.hang_up(again);
    assert_eq!(floor.center.calls_live(), 0);
}

#[test]
fn a_caller_whom_we_dialed_in_vain_ends_the_call() {
    let mut floor = dialed_back();
    floor.event(Event::DialFailed { leg: CALLER, cause: Cause::USER_BUSY });
    floor.check(&["record call-1 Refused by Caller talk 0 hold 0"]);
    let mut floor = dialed_back();
    floor.event(Event::EndCall { call: CallId(1), by: None });
    floor.check(&[
        "hang-up call-1/0 normal_clearing",
        "record call-1 Refused by Operator talk 0 hold 0",
    ]);
}

#[test]
fn an_agent_and_a_consulted_party_go_on_without_the_caller() {
    let (mut floor, caller) = Floor::consulting();
    floor.hang_up(caller);
    floor.check(&[]); // the two hear each other already
    floor.hang_up(caller);
    floor.check(&[]);
    assert_eq!(*floor.state(), AgentState::Talking { call: CallId(1) });
    floor.wait_s(30);
    floor.hang_up(AGENT);
    floor.check(&[
        "hang-up call-1/2 normal_clearing",
        // Since the caller left, the agent has no call on hold.
        "record call-1 Handled by Agent talk 76000 hold 10000",
    ]);
    assert!(matches!(floor.state(), AgentState::AfterCallWork { .. }));
    let record = floor.check_legs(&[(40, 10, "accepted"), (36, 0, "accepted")]);
    let left = record.caller_left_at.expect("the caller left before");
    assert_eq!((record.ended_at.since(left).as_secs(), record.ended_by), (30, EndedBy::Agent));
    floor.wait_s(10); // after-call work
    let figures = floor.report(record.arrived_at, floor.now + Duration::from_secs(1));
    assert_eq!(figures.figures["talk_leg_s"].value, Some(40.0));
}

#[test]
fn a_caller_who_left_is_dialed_by_another_leg() {
    let (mut floor, caller) = Floor::consulting();
    floor.hang_up(caller);
    floor.log.clear();
    let party = Party::Outside { trunk: "main".to_owned(), number: "+14155550123".to_owned() };
    let back = LegId { call: CallId(1), n: 3 };
    let call = floor.center.calls.get_mut(&CallId(1)).unwrap();
    assert_eq!(call.dial_caller(party), Some(back));
    floor.event(Event::Ringing { leg: back });
    floor.check(&[]); // who rings hears no music
    floor.hang_up(caller);
    floor.press(caller, '1');
    floor.check(&[]); // that leg belongs to no call any more
    floor.event(Event::Answered { leg: back });
    floor.check(&["loop call-1/3"]);
    floor.ask(AgentRequest::Conference);
    floor.check(&["meet call-1/1 call-1/2 call-1/3"]);
    floor.hang_up(back);
    floor.hang_up(CONSULTED);
    assert_eq!(floor.center.calls_live(), 0);
}

#[test]
fn whoever_is_left_alone_is_hung_up() {
    let (mut floor, caller) = Floor::consulting();
    floor.ask(AgentRequest::Conference);
    floor.log.clear();
    floor.hang_up(caller);
    floor.check(&["bridge call-1/1 call-1/2"]);
    floor.wait_s(5);
    let (cause, how) = (Cause::TIMER_EXPIRED, Loss::Silent);
    floor.event(Event::LegLost { leg: CONSULTED, cause, how });
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Network talk 26000 hold 10000",
    ]);
    assert!(matches!(floor.state(), AgentState::AfterCallWork { .. }));
    assert!(floor.records.pop().unwrap().caller_left_at.is_some());
}

#[test]
fn nothing_about_a_caller_who_left_can_be_asked_for() {
    let (mut floor, caller) = Floor::consulting();
    floor.hang_up(caller);
    floor.log.clear();
    let left = "the caller has left ada and whom they consult: who hangs up ends the call";
    for ask in
        [AgentRequest::Hold, AgentRequest::Resume, AgentRequest::Complete, AgentRequest::Conference]
    {
        floor.refused(ask, left);
    }
    // A hold that failed, or one by telephone, concerns the two who are there.
    floor.event(Event::HoldFailed { leg: AGENT });
    floor.check(&[]);
    floor.event(Event::Held { leg: CONSULTED });
    floor.check(&["unbridge call-1/1 call-1/2", "loop call-1/1"]);
    floor.event(Event::Resumed { leg: CONSULTED });
    floor.check(&["bridge call-1/1 call-1/2"]);
    floor.event(Event::EndCall { call: CallId(1), by: None });
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "hang-up call-1/2 normal_clearing",
        "record call-1 Handled by Operator talk 16000 hold 10000",
    ]);
}

#[test]
fn whoever_declines_is_rejected_whatever_the_leg_is_there_for() {
    let declined = |floor: &mut Floor, leg| {
        floor.event(Event::DialFailed { leg, cause: Cause::CALL_REJECTED });
    };
    let outcome = |floor: &mut Floor, leg: LegId| {
        let record = floor.records.pop().expect("the call has ended");
        record.legs.iter().find(|party| party.leg == leg).expect("it was dialed").outcome
    };
    // An agent whom the queue rang.
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    declined(&mut floor, AGENT);
    floor.hang_up(caller);
    assert_eq!(outcome(&mut floor, AGENT), LegOutcome::Rejected);
    // Whom the flow dialed.
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '2');
    declined(&mut floor, AGENT);
    floor.hang_up(caller);
    assert_eq!(outcome(&mut floor, AGENT), LegOutcome::Rejected);
    // Whom the agent consults.
    let (mut floor, caller) = talking();
    floor.consult();
    declined(&mut floor, CONSULTED);
    floor.hang_up(caller);
    assert_eq!(outcome(&mut floor, CONSULTED), LegOutcome::Rejected);
    // A colleague.
    let mut floor = Floor::new(&["ada", "bob"]);
    let (call, from) = (CallId(1), From::default());
    floor.event(Event::CallArrived { call, from, to: "bob".to_owned(), via: Via::Agent(ADA) });
    declined(&mut floor, AGENT);
    assert_eq!(outcome(&mut floor, AGENT), LegOutcome::Rejected);
}

#[test]
fn the_callers_leg_is_one_from_the_first_ring() {
    let (floor, _) = talking();
    let call = floor.center.calls.get(&CallId(1)).unwrap();
    let since = call.caller().unwrap().state;
    assert!(matches!(since, LegState::Up { since } if since < floor.now));
    assert_eq!(call.parties().map(|(leg, _)| leg).collect::<Vec<_>>(), [AGENT]);
    assert_eq!(floor.center.talks_on(ADA), Some(AGENT));
}
