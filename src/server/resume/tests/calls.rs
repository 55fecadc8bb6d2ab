//! What becomes of a call that was up when the server was killed, by where it was.

use super::*;
use crate::id::RecordingId;
use crate::words::{LegOutcome, QueueExit, RecordingEnd, RecordingKind, RecordingState};

#[test]
fn a_lost_call_has_its_path_its_queue_and_its_agent() {
    let world = World::new();
    let (server, call) = talking(&world, trunk());
    let lost_at = server.now;
    let now = server.kill();
    let server = world.start(now);
    assert!(!server.goes_on && server.center.calls_live() == 0);
    let now = server.kill();
    let record = world.record(call).unwrap();
    assert_eq!(record.ended_by, EndedBy::ServerLost);
    assert_eq!((record.outcome, record.ended_at), (CallOutcome::Handled, lost_at));
    assert_eq!(path(&record), ["often", "hello", "sales"]);
    assert_eq!(record.queued[0].left, QueueExit::Answered);
    assert_eq!(record.legs[0].outcome, LegOutcome::Accepted);
    assert!(record.legs[0].wrap_up.is_some(), "nothing of it is left open");
    world.start(now).kill();
    assert_eq!(world.records(), [record], "and once only");
}

#[test]
fn a_call_in_a_menu_is_found_where_it_was() {
    let world = World::new();
    let mut server = world.start(MORNING);
    let call = server.provided(CALLER);
    let before = server.call(call);
    let now = server.kill();
    let mut server = world.start(now);
    assert!(server.goes_on);
    assert_eq!(server.call(call), before);
    server.ready("alice");
    server.presses(call, "1");
    let leg = server.answered();
    server.tell(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    server.hangs_up(call);
    server.stop();
    let record = world.record(call).unwrap();
    assert_eq!(path(&record), ["often", "hello", "sales", "survey"]);
    assert_eq!((record.outcome, record.ended_by), (CallOutcome::Handled, EndedBy::Caller));
    assert_eq!(record.arrived_at, before.since);
}

#[test]
fn callers_who_wait_keep_their_place_and_their_time() {
    let world = World::new();
    let mut server = world.start(MORNING);
    server.ready("alice");
    server.ask("alice", AgentRequest::NotReady { reason: "lunch".to_owned() });
    let numbers = ["+14155550101", "+14155550102"];
    let calls = numbers.map(|number| server.provided(number));
    for call in calls {
        server.presses(call, "1");
    }
    let before = calls.map(|call| server.call(call));
    assert_eq!(before.clone().map(|view| view.position), [Some(1), Some(2)]);
    let now = server.kill();
    let mut server = world.start(now);
    assert_eq!(calls.map(|call| server.call(call)), before);
    let lunch = AgentState::NotReady { reason: "lunch".to_owned() };
    let alice = server.agent("alice");
    assert_eq!((alice.state, alice.reachable), (lunch, false), "the phone has to register");
    server.ready("alice");
    assert_eq!(server.dialed.map(|leg| leg.call), Some(calls[0]));
}

#[test]
fn a_phone_that_rang_is_lost_and_its_agent_not_charged() {
    let world = World::new();
    let mut server = world.start(MORNING);
    server.ready("alice");
    let call = server.provided(CALLER);
    server.presses(call, "1");
    let since = server.call(call).since;
    assert_eq!(server.call(call).state, CallState::Offered);
    let lost = server.dialed.unwrap();
    let now = server.kill();
    let mut server = world.start(now);
    let view = server.call(call);
    assert_eq!((view.state, view.since, view.position), (CallState::Waiting, since, Some(1)));
    assert_eq!(server.agent("alice").state, AgentState::Ready);
    // An answer that was on its way to the process that is gone changes nothing.
    server.tell(Event::Answered { leg: lost });
    assert_eq!(server.call(call).state, CallState::Waiting);
    // Bob comes; Alice was just tried.
    server.ready("bob");
    server.answered();
    server.hangs_up(call);
    server.stop();
    let record = world.record(call).unwrap();
    let outcomes: Vec<_> = record.legs.iter().map(|leg| leg.outcome.name()).collect();
    assert_eq!(outcomes, ["withdrawn", "accepted"]);
    assert_eq!(record.queued.len(), 1);
}

#[test]
fn who_talked_to_a_phone_of_ours_goes_on_in_the_flow() {
    let world = World::new();
    let (server, call) = talking(&world, Via::Provider(PROVIDER.to_owned()));
    let lost_at = server.now;
    let now = server.kill();
    let server = world.start(now);
    let view = server.call(call);
    assert_eq!((view.state, view.step.as_deref()), (CallState::InFlow, Some("survey")));
    let AgentState::AfterCallWork { until, .. } = server.agent("alice").state else {
        panic!("{:?}", server.agent("alice"));
    };
    assert_eq!(until, Some(lost_at + Duration::from_secs(60)), "the talk ended with the server");
    server.stop();
    let record = world.record(call).unwrap();
    assert_eq!(record.legs[0].ended_at, Some(lost_at));
    assert_eq!(record.legs[0].cause, Some(Cause::NETWORK_OUT_OF_ORDER));
    assert_eq!(record.legs[0].outcome, LegOutcome::Accepted);
}

#[test]
fn who_talks_to_a_leg_the_provider_carries_goes_on_talking() {
    let world = World::new();
    let (server, call) = talking(&world, Via::Provider(PROVIDER.to_owned()));
    let leg = server.dialed.unwrap();
    let lost = |carried: bool| {
        let mut events =
            server.center.losses(&|_| true, &|provider, _| provider == PROVIDER && carried);
        events.retain(|event| !matches!(event, Event::PhoneReachable { .. }));
        events
    };
    assert_eq!(lost(true), []);
    assert_eq!(lost(false), [Event::HungUp { leg, cause: Cause::NETWORK_OUT_OF_ORDER }]);
    let gone = server.center.losses(&|_| false, &|_, _| true);
    assert!(gone.contains(&Event::Lost { call }), "{gone:?}");
}

#[test]
fn a_call_of_a_trunk_is_lost_beside_one_that_goes_on() {
    let world = World::new();
    let mut server = world.start(MORNING);
    server.ready("alice");
    let (kept, lost) = (server.provided("+14155550101"), server.calls(CALLER, trunk()));
    server.presses(lost, "1");
    let lost_at = server.now;
    let mut now = server.kill();
    for _ in 0..2 {
        let server = world.start(now);
        assert!(server.goes_on && server.center.calls_live() == 1);
        assert_eq!(server.agent("alice").state, AgentState::Ready);
        now = server.kill();
        let record = world.record(lost).unwrap();
        assert_eq!((record.ended_by, record.ended_at), (EndedBy::ServerLost, lost_at));
        assert_eq!(record.cause, Cause::TEMPORARY_FAILURE);
        assert_eq!(record.queued[0].left_at, lost_at);
        assert_eq!(world.record(kept), None);
    }
    world.start(now).stop();
    assert_eq!(world.records().len(), 2);
}

#[test]
fn what_became_of_a_recording_is_in_a_record_that_was_not_written_any_more() {
    let world = World::new();
    world.configure(&with_skills(CONFIG).replace("wrap_up_s = 60", "recording = \"always\""));
    let (mut server, call) = talking(&world, trunk());
    let recording = RecordingId { call, n: 1 };
    let (kind, length_ms, ended) = (RecordingKind::Call, 9_000, RecordingEnd::HungUp);
    let leg = LegId::caller(call);
    server.tell_unwritten(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    server.tell_unwritten(Event::Recorded { recording, kind, length_ms, ended, url: None });
    let now = server.kill();
    world.start(now).kill();
    let record = world.record(call).unwrap();
    assert_eq!(record.ended_by, EndedBy::Caller);
    let [kept] = &record.recordings[..] else { panic!("{record:?}") };
    assert_eq!((kept.state, kept.length_ms, kept.kind), (RecordingState::Kept, length_ms, kind));
}
