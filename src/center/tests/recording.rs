//! Messages callers leave, through the center's door.

use super::{Floor, parsed};
use crate::id::{CallId, LegId, RecordingId};
use crate::words::{
    CallOutcome, Cause, Event, RecordingEnd, RecordingFault, RecordingKind, RecordingState,
};

const FLOW: &str = r##"
[flow]
numbers = ["*"]
start = "voicemail"
on_hangup = "left"

[record.voicemail]
into = "message"
next = "voicemail_again"
failed = "bye"

[record.voicemail_again]
next = "bye"

[branch.left]
cases = [{ if = "message is defined", next = "noted" }]
else = "end"
[set.noted]
intent = "voicemail"
next = "end"
[hangup.end]

[hangup.bye]
"##;

fn recording(n: u16) -> RecordingId {
    RecordingId { call: CallId(1), n }
}

fn recorded(n: u16, length_ms: u64, ended: RecordingEnd) -> Event {
    let kind = RecordingKind::Message;
    Event::Recorded { recording: recording(n), kind, length_ms, ended, url: None }
}

fn begun() -> (Floor, LegId) {
    let mut floor = Floor::with(parsed(FLOW), &[]);
    let caller = floor.call(1);
    floor.check(&["answer call-1/0", "record call-1/0 as call-1-1"]);
    floor.wait_s(20);
    (floor, caller)
}

#[test]
fn a_hang_up_keeps_the_message_and_the_record_names_it() {
    let (mut floor, caller) = begun();
    floor.event(recorded(1, 19_000, RecordingEnd::HungUp));
    floor.check(&[]);
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    floor.check(&["record call-1 Voicemail by Caller talk 0 hold 0"]);
    let record = floor.records.pop().unwrap();
    let kept = &record.recordings[0];
    assert_eq!((kept.name, kept.state), (recording(1), RecordingState::Kept));
    assert_eq!((kept.step.as_str(), kept.length_ms), ("voicemail", 19_000));
    assert_eq!(record.intent.as_deref(), Some("voicemail"));
    assert_eq!(record.vars["message"], "call-1-1");
}

#[test]
fn an_event_after_the_call_amends_the_record_it_left() {
    let (mut floor, caller) = begun();
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    floor.check(&["record call-1 Voicemail by Caller talk 0 hold 0"]);
    let mut record = floor.records.pop().unwrap();
    assert_eq!(record.recordings[0].state, RecordingState::Begun);
    floor.event(recorded(1, 19_000, RecordingEnd::HungUp));
    floor.event(recorded(1, 19_000, RecordingEnd::HungUp));
    floor.check(&["amend call-1-1 Kept 19000", "amend call-1-1 Kept 19000"]);
    let learned: Vec<_> = floor.amended.drain(..).map(|update| record.learn(&update)).collect();
    assert_eq!(learned, [Some(true), Some(false)]);
    assert_eq!(record.recordings[0].length_ms, 19_000);
    let stranger = RecordingId { call: CallId(1), n: 9 };
    floor.event(Event::RecordFailed { recording: stranger, why: RecordingFault::Disk });
    assert_eq!(record.learn(&floor.amended.pop().unwrap()), None);
}

#[test]
fn doubled_and_stale_events_move_no_flow() {
    let (mut floor, _) = begun();
    floor.event(recorded(1, 4_000, RecordingEnd::Silence));
    floor.check(&["record call-1/0 as call-1-2"]);
    floor.event(recorded(1, 4_000, RecordingEnd::Silence));
    floor.event(recorded(1, 0, RecordingEnd::Silence));
    floor.event(recorded(7, 4_000, RecordingEnd::Silence));
    let url = Some("https://example.com/1".to_owned());
    let (kind, ended) = (RecordingKind::Message, RecordingEnd::Silence);
    floor.event(Event::Recorded { recording: recording(1), kind, length_ms: 4_000, ended, url });
    floor.check(&[]);
    floor.event(recorded(2, 0, RecordingEnd::Silence));
    floor.check(&[
        "hang-up call-1/0 normal_clearing",
        "record call-1 Voicemail by Flow talk 0 hold 0",
    ]);
    let states: Vec<_> = floor.records[0].recordings.iter().map(|one| one.state).collect();
    assert_eq!(states, [RecordingState::Kept, RecordingState::Empty]);
    assert!(floor.records[0].recordings[0].url.is_some());
}

#[test]
fn a_recording_that_fails_takes_its_exit_and_one_that_never_ends_is_stopped() {
    let (mut floor, _) = begun();
    floor.event(Event::RecordFailed { recording: recording(1), why: RecordingFault::TooMany });
    let hang_up = "hang-up call-1/0 normal_clearing";
    floor.check(&[hang_up, "record call-1 Failed by Flow talk 0 hold 0"]);
    assert!(floor.records[0].path[0].failed, "the message that could not be taken");
    let (mut floor, _) = begun();
    floor.wait_s(200);
    // As far as is known then, there is sound in it.
    let end = "record call-1 Voicemail by Flow talk 0 hold 0";
    floor.check(&["stop-record call-1/0", hang_up, end]);
    assert_eq!(floor.records[0].recordings[0].state, RecordingState::Begun);
}

/// What runs after a hang-up can fail as well, and the record says so.
#[test]
fn a_step_that_fails_after_the_caller_left_is_in_the_record() {
    const BROKEN: &str = r#"
[flow]
numbers = ["*"]
start = "hello"
on_hangup = "left"
[say.hello]
text = "Hello."
next = "end"
[set.left]
vars = { sum = "{{ call.to|abs }}" }
next = "end"
[hangup.end]
"#;
    let mut floor = Floor::with(parsed(BROKEN), &[]);
    let caller = floor.call(1);
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    let record = floor.records.pop().unwrap();
    let path: Vec<(&str, bool)> =
        record.path.iter().map(|entry| (entry.step.as_str(), entry.failed)).collect();
    assert_eq!(path[..2], [("hello", false), ("left", true)], "{path:?}");
    let after: Vec<bool> = record.path.iter().map(|entry| entry.after_hangup).collect();
    assert_eq!(after[..2], [false, true], "what ran after the caller left is marked");
    assert_eq!(record.outcome, CallOutcome::Failed);
}
