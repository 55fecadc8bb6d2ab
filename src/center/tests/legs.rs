//! A call begins with any leg, and outlives any.

use std::sync::Arc;
use std::time::Duration;

use super::talks::{ADA, AGENT, CONSULTED, talking};
use super::{Desk, FLOW, parsed};
use crate::call::{Call, LegState, Origin};
use crate::id::{CallId, LegId};
use crate::words::{
    AgentRequest, AgentState, CallOutcome, Cause, EndedBy, Event, From, LegOutcome, Loss, NamedVia,
    Party, Via,
};

const CALLER: LegId = LegId { call: CallId(1), n: 0 };

/// A caller whom we dial: nothing of the call is there but the leg that rings.
fn dialed_back() -> Desk {
    let flow = Arc::new(parsed(FLOW));
    let mut desk = Desk::new(&["ada"]);
    let mut call = Call::new(Origin {
        call: CallId(1),
        from: Some("+14155550123".to_owned()),
        from_name: None,
        to: "100".to_owned(),
        via: NamedVia::Trunk("main".to_owned()),
        arrived_at: desk.now,
    });
    let party = Party::Outside { trunk: "main".to_owned(), number: "+14155550123".to_owned() };
    assert_eq!(call.dial_caller(party), Some(CALLER));
    desk.center.calls.insert(call);
    desk.center.start(desk.now, CallId(1), flow);
    desk
}

#[test]
fn a_flow_begins_when_the_caller_whom_we_dialed_answers() {
    let mut desk = dialed_back();
    desk.check(&[]); // nothing to answer, and nobody to hear anything yet
    desk.event(Event::Ringing { leg: CALLER });
    desk.check(&[]);
    desk.event(Event::Answered { leg: CALLER });
    desk.check(&["play call-1/0"]);
    desk.event(Event::Answered { leg: CALLER });
    desk.check(&[]);
    desk.press(CALLER, '1');
    desk.check(&["loop call-1/0", "ring call-1/1 agent-0"]);
    desk.event(Event::Answered { leg: AGENT });
    desk.check(&["bridge call-1/0 call-1/1"]);
    desk.hang_up(CALLER);
    assert_eq!(desk.records.pop().unwrap().outcome, CallOutcome::Handled);
}

#[test]
fn a_caller_whom_we_dialed_in_vain_ends_the_call() {
    let mut desk = dialed_back();
    desk.event(Event::DialFailed { leg: CALLER, cause: Cause::USER_BUSY });
    desk.check(&["record call-1 Refused by Caller talk 0 hold 0"]);
    let mut desk = dialed_back();
    desk.event(Event::EndCall { call: CallId(1), by: None });
    desk.check(&[
        "hang-up call-1/0 normal_clearing",
        "record call-1 Refused by Operator talk 0 hold 0",
    ]);
}

#[test]
fn an_agent_and_a_consulted_party_go_on_without_the_caller() {
    let (mut desk, caller) = Desk::consulting();
    desk.hang_up(caller);
    desk.check(&[]); // the two hear each other already
    desk.hang_up(caller);
    desk.check(&[]);
    assert_eq!(*desk.state(), AgentState::Talking { call: CallId(1) });
    desk.wait_s(30);
    desk.hang_up(AGENT);
    desk.check(&[
        "hang-up call-1/2 normal_clearing",
        // Since the caller left, the agent has nobody on hold.
        "record call-1 Handled by Agent talk 76000 hold 10000",
    ]);
    assert!(matches!(desk.state(), AgentState::AfterCallWork { .. }));
    let record = desk.check_legs(&[(40, 10, "accepted"), (36, 0, "accepted")]);
    let left = record.caller_left_at.expect("the caller left before");
    assert_eq!((record.ended_at.since(left).as_secs(), record.ended_by), (30, EndedBy::Agent));
    desk.wait_s(10); // after-call work
    let figures =
        desk.center.report(desk.now, record.arrived_at, desk.now + Duration::from_secs(1));
    assert_eq!(figures.handling.talk_leg_s.value, Some(40.0));
}

#[test]
fn a_caller_who_left_is_dialed_by_another_leg() {
    let (mut desk, caller) = Desk::consulting();
    desk.hang_up(caller);
    desk.log.clear();
    let party = Party::Outside { trunk: "main".to_owned(), number: "+14155550123".to_owned() };
    let back = LegId { call: CallId(1), n: 3 };
    let call = desk.center.calls.get_mut(&CallId(1)).unwrap();
    assert_eq!(call.dial_caller(party), Some(back));
    desk.event(Event::Ringing { leg: back });
    desk.check(&[]); // who rings hears no music
    desk.hang_up(caller);
    desk.press(caller, '1');
    desk.check(&[]); // that leg is nobody's any more
    desk.event(Event::Answered { leg: back });
    desk.check(&["loop call-1/3"]);
    desk.ask(AgentRequest::Conference);
    desk.check(&["meet call-1/1 call-1/2 call-1/3"]);
    desk.hang_up(back);
    desk.hang_up(CONSULTED);
    assert_eq!(desk.center.calls_live(), 0);
}

#[test]
fn whoever_is_left_alone_is_hung_up() {
    let (mut desk, caller) = Desk::consulting();
    desk.ask(AgentRequest::Conference);
    desk.log.clear();
    desk.hang_up(caller);
    desk.check(&["bridge call-1/1 call-1/2"]);
    desk.wait_s(5);
    let (cause, how) = (Cause::TIMER_EXPIRED, Loss::Silent);
    desk.event(Event::LegLost { leg: CONSULTED, cause, how });
    desk.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Network talk 26000 hold 10000",
    ]);
    assert!(matches!(desk.state(), AgentState::AfterCallWork { .. }));
    assert!(desk.records.pop().unwrap().caller_left_at.is_some());
}

#[test]
fn nothing_about_a_caller_who_left_can_be_asked_for() {
    let (mut desk, caller) = Desk::consulting();
    desk.hang_up(caller);
    desk.log.clear();
    let left = "the caller has left ada and whom they consult: who hangs up ends the call";
    for ask in
        [AgentRequest::Hold, AgentRequest::Resume, AgentRequest::Complete, AgentRequest::Conference]
    {
        desk.refused(ask, left);
    }
    // A hold that failed, or one by telephone, concerns the two who are there.
    desk.event(Event::HoldFailed { leg: AGENT });
    desk.check(&[]);
    desk.event(Event::Held { leg: CONSULTED });
    desk.check(&["unbridge call-1/1 call-1/2", "loop call-1/1"]);
    desk.event(Event::Resumed { leg: CONSULTED });
    desk.check(&["bridge call-1/1 call-1/2"]);
    desk.event(Event::EndCall { call: CallId(1), by: None });
    desk.check(&[
        "hang-up call-1/1 normal_clearing",
        "hang-up call-1/2 normal_clearing",
        "record call-1 Handled by Operator talk 16000 hold 10000",
    ]);
}

#[test]
fn whoever_declines_is_rejected_whatever_the_leg_is_there_for() {
    let declined = |desk: &mut Desk, leg| {
        desk.event(Event::DialFailed { leg, cause: Cause::CALL_REJECTED });
    };
    let outcome = |desk: &mut Desk, leg: LegId| {
        let record = desk.records.pop().expect("the call has ended");
        record.legs.iter().find(|party| party.leg == leg).expect("it was dialed").outcome
    };
    // An agent whom the queue rang.
    let mut desk = Desk::new(&["ada"]);
    let caller = desk.call(1);
    desk.press(caller, '1');
    declined(&mut desk, AGENT);
    desk.hang_up(caller);
    assert_eq!(outcome(&mut desk, AGENT), LegOutcome::Rejected);
    // Whom the flow dialed.
    let mut desk = Desk::new(&["ada"]);
    let caller = desk.call(1);
    desk.press(caller, '2');
    declined(&mut desk, AGENT);
    desk.hang_up(caller);
    assert_eq!(outcome(&mut desk, AGENT), LegOutcome::Rejected);
    // Whom the agent consults.
    let (mut desk, caller) = talking();
    desk.consult();
    declined(&mut desk, CONSULTED);
    desk.hang_up(caller);
    assert_eq!(outcome(&mut desk, CONSULTED), LegOutcome::Rejected);
    // A colleague.
    let mut desk = Desk::new(&["ada", "bob"]);
    let (call, from) = (CallId(1), From::default());
    desk.event(Event::CallArrived { call, from, to: "bob".to_owned(), via: Via::Agent(ADA) });
    declined(&mut desk, AGENT);
    assert_eq!(outcome(&mut desk, AGENT), LegOutcome::Rejected);
}

#[test]
fn the_callers_leg_is_one_from_the_first_ring() {
    let (desk, _) = talking();
    let call = desk.center.calls.get(&CallId(1)).unwrap();
    let since = call.caller().unwrap().state;
    assert!(matches!(since, LegState::Up { since } if since < desk.now));
    assert_eq!(call.parties().map(|(leg, _)| leg).collect::<Vec<_>>(), [AGENT]);
    assert_eq!(desk.center.talks_on(ADA), Some(AGENT));
}
