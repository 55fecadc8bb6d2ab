//! The recorder as a leg: it is in no list, takes nobody's number or place, and no event is about
//! it.

use std::sync::Arc;

use super::call_recording::said;
use super::talks::number;
use super::{Floor, parsed};
use crate::call::{CONFERENCE_LEGS_MAX, RecordingStage};
use crate::center::recording_rule::RecordingRule;
use crate::center::{ContactCenter, Refused};
use crate::id::{AgentId, CallId, LegId, RecordingId};
use crate::time::Timestamp;
use crate::words::{AgentRequest, Cause, Command, Event, RecordingState};

const CALL: CallId = CallId(1);
const RECORDER: LegId = LegId::recorder(RecordingId { call: CALL, n: 1 });

fn leg(n: u16) -> LegId {
    LegId { call: CALL, n }
}

#[test]
fn a_recorder_is_in_no_list_of_legs_and_takes_no_place_in_a_conference() {
    let mut floor = Floor::always();
    floor.connect();
    let ask = |ask| Event::AgentAsked { agent: AgentId(0), ask, by: None };
    for n in 2..u16::try_from(CONFERENCE_LEGS_MAX).unwrap() {
        let target = number(&format!("+1415555{n:04}"), None);
        floor.event(ask(AgentRequest::Consult { target }));
        floor.event(Event::Answered { leg: leg(n) });
        floor.event(ask(AgentRequest::Conference));
    }
    let kept = floor.center.heard_by(RECORDER);
    assert_eq!(kept.len(), CONFERENCE_LEGS_MAX, "all who meet are kept");
    let mut others = floor.center.heard_by(leg(0));
    assert_eq!(others.len(), CONFERENCE_LEGS_MAX - 1, "the caller hears the others, and it not");
    others.insert(leg(0));
    assert_eq!(kept, others);
    let one_more = AgentRequest::Consult { target: number("+14155550190", None) };
    let full = Refused::ConferenceFull { call: CALL };
    assert_eq!(floor.center.check_request(floor.now, AgentId(0), &one_more), Err(full));
    floor.event(Event::EndCall { call: CALL, by: None });
    let record = floor.records.pop().expect("the call has ended");
    let legs: Vec<u16> = record.legs.iter().map(|leg| leg.leg.n).collect();
    let dialed: Vec<u16> = (1..u16::try_from(CONFERENCE_LEGS_MAX).unwrap()).collect();
    assert_eq!((legs, record.recordings.len()), (dialed, 1));
}

#[test]
fn an_event_that_names_the_recorders_leg_changes_nothing() {
    let mut floor = Floor::always();
    floor.connect();
    let cause = Cause::NORMAL_CLEARING;
    for event in [
        Event::Answered { leg: RECORDER },
        Event::Held { leg: RECORDER },
        Event::Resumed { leg: RECORDER },
        Event::DialFailed { leg: RECORDER, cause },
        Event::HungUp { leg: RECORDER, cause },
    ] {
        floor.event(event);
        floor.check(&[]);
        assert_eq!(floor.stage(), Some(RecordingStage::On));
    }
}

/// After the queue the flow dials an outside party.
const THEN_OUTSIDE: &str = r#"
[flow]
numbers = ["*"]
start = "help"

[queue.help]
next = "outside"
no_agents = "bye"

[transfer.outside]
to = "+14155550199"
next = "bye"

[hangup.bye]
"#;

#[test]
fn a_recorder_never_hears_an_outside_party_who_is_alone_with_the_caller() {
    let mut floor = Floor::always();
    let mut setup = floor.center.setup.clone();
    setup.flows = vec![Arc::new(parsed(THEN_OUTSIDE))];
    floor.center = ContactCenter::new(setup);
    floor.event(Event::PhoneReachable { agent: AgentId(0), reachable: true });
    floor.connect();
    floor.event(Event::HungUp { leg: leg(1), cause: Cause::NORMAL_CLEARING });
    assert_eq!(floor.log.last().map(String::as_str), Some("recorder call-1-1 call-1/0 | "));
    floor.log.clear();
    floor.event(Event::Answered { leg: leg(2) });
    floor.check(&["bridge call-1/0 call-1/2", "stop-recorder call-1-1"]);
}

/// A run of before recorders were legs: the caller hears the announcement, ada answers and is
/// recorded, leaves, the caller keys a secret and comes to bob, in a queue with another rule.
const OLD_JOURNAL: &str = r#"
{"event":"call_arrived","call":1,"from":{"number":"+14155550123","name":null},"to":"100",
  "via":{"trunk":"main"}}
{"event":"ringing","leg":{"call":1,"n":1}}
{"event":"prompt_done","leg":{"call":1,"n":0},"play":2}
{"event":"answered","leg":{"call":1,"n":1}}
{"event":"held","leg":{"call":1,"n":1}}
{"event":"resumed","leg":{"call":1,"n":1}}
{"event":"hung_up","leg":{"call":1,"n":1},"cause":16}
{"event":"digit","leg":{"call":1,"n":0},"digit":"1"}
{"event":"digit","leg":{"call":1,"n":0},"digit":"2"}
{"event":"digit","leg":{"call":1,"n":0},"digit":"3"}
{"event":"digit","leg":{"call":1,"n":0},"digit":"4"}
{"event":"answered","leg":{"call":1,"n":2}}
{"event":"recorded","recording":"call-1-1","kind":"call","length_ms":6000,
  "ended":"stopped","url":null}
{"event":"hung_up","leg":{"call":1,"n":0},"cause":16}
"#;

#[test]
fn a_journal_from_before_recorders_were_legs_tells_the_same_call() {
    let rules = [RecordingRule::Always, RecordingRule::Off];
    let setup = Floor::recording(rules, said(), &["ada", "bob"]).center.setup.clone();
    let mut center = ContactCenter::new(setup);
    let reach = |agent| Event::PhoneReachable { agent: AgentId(agent), reachable: true };
    let told = serde_json::Deserializer::from_str(OLD_JOURNAL).into_iter::<Event>();
    let told = told.map(|event| event.expect("an event as it was written"));
    let mut records = Vec::new();
    for (second, event) in (1..).zip([reach(0), reach(1)].into_iter().chain(told)) {
        center.handle(Timestamp(second * 1_000), event);
        while let Some(command) = center.poll_command() {
            if let Command::CloseRecord { record } = command {
                records.push(record);
            }
        }
        center.check(Timestamp(second * 1_000));
    }
    let [record] = &records[..] else { panic!("{records:?}") };
    let legs: Vec<_> = record.legs.iter().map(|it| (it.leg.n, it.talk_ms, it.hold_ms)).collect();
    assert_eq!(legs, [(1, 2_000, 1_000), (2, 2_000, 0)]);
    let [recording] = &record.recordings[..] else { panic!("{record:?}") };
    assert_eq!((recording.state, recording.length_ms), (RecordingState::Kept, 6_000));
}
