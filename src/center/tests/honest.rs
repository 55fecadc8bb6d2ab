//! What records say is what happened: who ended a call, and whether it was answered.

use super::*;
use crate::words::{EndedBy, LegOutcome, Loss, QueueExit};

fn from() -> From {
    From { number: Some("+14155550123".to_owned()), name: None }
}

fn refused(id: u64, by: EndedBy, cause: Cause) -> Event {
    let via = Via::Trunk("main".to_owned());
    Event::CallRefused { call: CallId(id), from: from(), to: "100".to_owned(), via, by, cause }
}

fn opening(floor: &mut Floor, id: u64) -> LegId {
    let (call, via) = (CallId(id), Via::Trunk("main".to_owned()));
    floor.event(Event::CallOpening { call, from: from(), to: "100".to_owned(), via });
    LegId::caller(call)
}

#[test]
fn fault_12_a_call_refused_where_it_came_in_is_one_record_and_nothing_else() {
    let mut floor = Floor::new(&["ada"]);
    floor.event(refused(1, EndedBy::Server, Cause::INCOMPATIBLE));
    floor.check(&["record call-1 Refused by Server talk 0 hold 0"]);
    floor.event(refused(2, EndedBy::Caller, Cause::NORMAL_CLEARING));
    floor.check(&["record call-2 Refused by Caller talk 0 hold 0"]);
    assert_eq!((floor.center.calls_live(), floor.center.poll_timeout()), (0, None));
    let record = &floor.records[0];
    assert_eq!((record.cause, record.answered_at), (Cause::INCOMPATIBLE, None));
    assert_eq!((&*record.via.to_string(), &record.flow), ("trunk:main", &None));
    let row = floor.row(record).expect("it is counted");
    assert_eq!(row.outcome, crate::words::CallOutcome::Refused);
    let report = floor.report(Timestamp(0), floor.now + Duration::from_secs(1));
    let report = serde_json::to_value(report).unwrap();
    assert_eq!(report["containment_rate"]["n"], 0, "it is neither contained nor handled");
    // It is written to the journal, and read back.
    let event = refused(3, EndedBy::Server, Cause::NO_CIRCUIT);
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
}

/// Of a call that has arrived: our answer has not left, because the arrival could not be written.
#[test]
fn fault_01_a_call_whose_answer_was_taken_back_was_refused() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.check(&["answer call-1/0", "play call-1/0", "loop call-1/0", "ring call-1/1 agent-0"]);
    floor.event(refused(1, EndedBy::Server, Cause::CONGESTION));
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "reject call-1/0 congestion",
        "record call-1 Refused by Server talk 0 hold 0",
    ]);
    let record = &floor.records[0];
    assert_eq!((record.answered_at, record.cause), (None, Cause::CONGESTION));
    assert_eq!(record.legs[0].outcome, LegOutcome::Withdrawn, "Ada has missed nothing");
    assert_eq!(floor.center.agent_view(AgentId(0)).state, AgentState::Ready);
    assert_eq!((floor.center.calls_live(), floor.center.poll_timeout()), (0, None));
    // What is heard of its legs afterwards changes nothing.
    floor.event(Event::HungUp { leg: caller, cause: Cause::CONGESTION });
    floor.check(&[]);
    // An agent's own call, and a feature code: it has done what it does, and is not confirmed.
    for (id, to) in [(2, "ada"), (3, "*43")] {
        let (call, via) = (CallId(id), Via::Agent(AgentId(0)));
        let (from, to) = (from(), to.to_owned());
        floor.event(Event::CallArrived { call, from, to, via });
        floor.log.clear();
        floor.event(refused(id, EndedBy::Server, Cause::CONGESTION));
        assert_eq!(floor.center.calls_live(), 0, "{:?}", floor.log);
        assert!(floor.records.last().is_some_and(|it| it.outcome == CallOutcome::Refused));
    }
}

#[test]
fn fault_15_a_flow_begins_when_there_is_sound_with_the_caller() {
    let mut floor = Floor::new(&["ada"]);
    let caller = opening(&mut floor, 1);
    floor.check(&["answer call-1/0"]);
    floor.press(caller, '1');
    floor.event(Event::PromptDone { leg: caller, play: crate::id::PlayId(0) });
    floor.wait_s(1);
    floor.check(&[]);
    floor.event(Event::Answered { leg: caller });
    floor.check(&["play call-1/0"]);
    floor.event(Event::Answered { leg: caller });
    floor.check(&[]);
    floor.press(caller, '1');
    floor.check(&["loop call-1/0", "ring call-1/1 agent-0"]);
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    let record = &floor.records[0];
    let answered = record.answered_at.unwrap();
    assert_eq!(answered.since(record.arrived_at), Duration::from_secs(1));
}

#[test]
fn fault_15_a_call_that_never_had_sound_was_not_answered() {
    for (how, by) in [(Loss::Broken, EndedBy::Server), (Loss::Silent, EndedBy::Network)] {
        let mut floor = Floor::new(&["ada"]);
        let leg = opening(&mut floor, 1);
        floor.log.clear();
        floor.event(Event::LegLost { leg, cause: Cause::INCOMPATIBLE, how });
        floor.check(&[&format!("record call-1 Refused by {by:?} talk 0 hold 0")]);
        assert_eq!((floor.records[0].answered_at, floor.records[0].path.len()), (None, 0));
    }
    let mut floor = Floor::new(&["ada"]);
    opening(&mut floor, 1);
    floor.log.clear();
    floor.event(Event::EndCall { call: CallId(1), by: None });
    floor.check(&[
        "hang-up call-1/0 normal_clearing",
        "record call-1 Refused by Operator talk 0 hold 0",
    ]);
}

#[test]
fn fault_15_a_line_that_was_lost_is_not_a_caller_who_hung_up() {
    let lost = |leg| Event::LegLost { leg, cause: Cause::TIMER_EXPIRED, how: Loss::Silent };
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.log.clear();
    floor.event(lost(caller));
    floor.check(&["record call-1 Failed by Network talk 0 hold 0"]);
    // While waiting: it is as lost to us as to the caller.
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.log.clear();
    floor.event(lost(caller));
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Failed by Network talk 0 hold 0",
    ]);
    assert_eq!(floor.records[0].queued[0].left, QueueExit::Ended);
    // In a talk, whichever side it was.
    for lost_leg in [0, 1] {
        let mut floor = Floor::new(&["ada"]);
        let caller = floor.call(1);
        floor.press(caller, '1');
        floor.event(Event::Answered { leg: LegId { call: CallId(1), n: 1 } });
        floor.wait_s(5);
        floor.event(lost(LegId { call: CallId(1), n: lost_leg }));
        let record = &floor.records[0];
        let ends = (record.outcome, record.ended_by, record.legs[0].talk_ms);
        assert_eq!(ends, (CallOutcome::Handled, EndedBy::Network, 5_000), "{lost_leg}");
    }
}

#[test]
fn fault_22_a_silent_telephone_is_a_device_error_and_no_persons_miss() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    let leg = LegId { call: CallId(1), n: 1 };
    floor.event(Event::DialFailed { leg, cause: Cause::TIMER_EXPIRED });
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    assert_eq!(floor.records[0].legs[0].outcome, LegOutcome::DeviceError);
}
