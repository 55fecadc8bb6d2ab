//! Questions of calls, through the center's door: asked once, over once.

use super::{Floor, parsed};
use crate::center::asks::{OPEN_MAX, PER_CALL_MAX};
use crate::center::journal::Entry;
use crate::id::{AskId, CallId};
use crate::words::{AskFailure, Cause, Command, Event, Reply};

const FLOW: &str = r##"
[flow]
numbers = ["*"]
start = "who"
[lookup.who]
url = "https://crm.example.com/"
set = { name = "name", code = { path = "code", secret = true } }
timeout_s = 3
ok = "known"
none = "end"
failed = "again"
timeout = "slow"
[menu.known]
text = "Press 1 to be asked for again."
keys = { 1 = "who" }
give_up = "end"
[menu.again]
text = "Press 1 to try again."
keys = { 1 = "who" }
give_up = "end"
[menu.slow]
text = "Press 1 to try again."
keys = { 1 = "who" }
give_up = "end"
[hangup.end]
"##;

fn ask(call: u64, n: u16) -> AskId {
    AskId { call: CallId(call), n }
}

fn found() -> Reply {
    let values = [("name", "Ada"), ("code", "4711")];
    Reply::Found {
        values: values.map(|(name, value)| (name.to_owned(), value.into())).into(),
        withheld: ["code".to_owned()].into(),
    }
}

fn replied(call: u64, n: u16, reply: Reply) -> Event {
    Event::Replied { id: ask(call, n), reply }
}

fn floor() -> Floor {
    Floor::with(parsed(FLOW), &[])
}

fn at(floor: &Floor, call: u64) -> String {
    let calls = floor.center.snapshot(floor.now).calls;
    let call = calls.into_iter().find(|view| view.call == CallId(call)).expect("it is live");
    call.path.last().map(|(_, step)| step.clone()).unwrap_or_default()
}

#[test]
fn a_question_is_over_with_its_first_reply() {
    let mut floor = floor();
    let caller = floor.call(1);
    floor.check(&["answer call-1/0", "loop call-1/0", "ask call-1?1 until 3000"]);
    floor.event(replied(1, 2, Reply::Nothing));
    floor.event(replied(2, 1, Reply::Nothing));
    floor.check(&[]);
    floor.event(replied(1, 1, found()));
    floor.check(&["play call-1/0"]);
    floor.event(replied(1, 1, Reply::Nothing));
    floor.wait_s(4);
    floor.check(&[]);
    assert_eq!(at(&floor, 1), "known");
    floor.press(caller, '1');
    floor.check(&["loop call-1/0", "ask call-1?2 until 7000"]);
    floor.event(replied(1, 1, Reply::Nothing));
    floor.check(&[]);
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    let record = floor.records.pop().expect("a record");
    assert_eq!(record.vars, [("name".to_owned(), "Ada".to_owned())].into(), "no secret");
    floor.event(replied(1, 2, found()));
    assert_eq!(floor.center.calls_live(), 0);
}

#[test]
fn the_time_of_the_center_ends_a_question_and_a_late_reply_is_nothing() {
    let mut floor = floor();
    floor.call(1);
    floor.log.clear();
    floor.wait_s(2);
    floor.check(&[]);
    floor.wait_s(1);
    floor.check(&["play call-1/0"]);
    assert_eq!(at(&floor, 1), "slow");
    floor.event(replied(1, 1, found()));
    floor.check(&[]);
    assert_eq!(at(&floor, 1), "slow");
}

#[test]
fn a_failure_and_a_reply_that_is_too_long_lead_where_the_flow_says() {
    for reply in [
        Reply::Failed { why: AskFailure::Status(500) },
        Reply::Found {
            values: [("name".to_owned(), "a".repeat(100_000).into())].into(),
            withheld: [].into(),
        },
    ] {
        let mut floor = floor();
        floor.call(1);
        floor.event(replied(1, 1, reply));
        assert_eq!(at(&floor, 1), "again");
    }
}

#[test]
fn a_call_asks_so_often_and_no_more() {
    let mut floor = floor();
    let caller = floor.call(1);
    for n in 1..=PER_CALL_MAX {
        floor.event(replied(1, n, found()));
        assert_eq!(at(&floor, 1), "known");
        floor.log.clear();
        floor.press(caller, '1');
    }
    // The last one was not asked, and has failed at once.
    floor.check(&["loop call-1/0", "play call-1/0"]);
    assert_eq!(at(&floor, 1), "again");
}

#[test]
fn so_many_questions_are_open_and_no_more() {
    let mut floor = floor();
    floor.center.setup.calls_max = OPEN_MAX + 10;
    let last = OPEN_MAX as u64 + 1;
    for call in 1..=last {
        floor.center.handle(floor.now, arrival(call));
        while floor.center.poll_command().is_some() {}
    }
    floor.center.check(floor.now);
    assert_eq!((at(&floor, last - 1).as_str(), at(&floor, last).as_str()), ("who", "again"));
    floor.event(replied(1, 1, Reply::Nothing));
    floor.log.clear();
    floor.call(last + 1);
    assert!(floor.log.iter().any(|line| line.starts_with("ask ")), "there is room again");
}

fn arrival(call: u64) -> Event {
    let from = crate::words::From { number: None, name: None };
    let via = crate::words::Via::Trunk("main".to_owned());
    Event::CallArrived { call: CallId(call), from, to: "100".to_owned(), via }
}

#[test]
fn the_journal_has_the_values_but_for_those_that_are_withheld() {
    let mut floor = floor();
    floor.call(1);
    let event = replied(1, 1, found());
    let entry = Entry::new(&floor.center, 0, floor.now, Some(&event));
    let line = serde_json::to_string(&entry).expect("a line");
    assert!(line.contains("Ada") && !line.contains("4711"), "{line}");
    let read: Entry = serde_json::from_str(&line).expect("it is read back");
    assert_eq!(read, entry);
    assert!(!format!("{event:?}").contains("4711") && !format!("{event:?}").contains("Ada"));
}

#[test]
fn an_open_question_is_asked_again_under_its_id_unless_a_secret_was_in_it() {
    let mut open = floor();
    open.call(1);
    open.call(2);
    open.event(replied(2, 1, found()));
    let again = open.center.asks_again();
    let Command::Ask { id, until, .. } = &again[0] else { panic!("{again:?}") };
    assert_eq!((again.len(), *id), (1, ask(1, 1)));
    assert_eq!(until.since(open.now).as_secs(), 3);
    assert!(open.center.asks_lost().is_empty());

    let secret = FLOW.replace(
        "[menu.known]",
        "[collect.pin]\ntext = \"PIN?\"\ninto = \"pin\"\nsecret = true\nnext = \"who\"\n\
         digits_min = 1\ndigits_max = 1\ngive_up = \"end\"\n[menu.known]",
    );
    let secret = secret.replace("start = \"who\"", "start = \"pin\"");
    let secret = secret.replace(
        "timeout_s = 3",
        "timeout_s = 3\nmethod = \"post\"\nbody = { pin = \"{{ pin }}\" }",
    );
    let mut floor = Floor::with(parsed(&secret), &[]);
    let caller = floor.call(1);
    floor.press(caller, '4');
    assert!(floor.center.asks_again().is_empty());
    let reply = Reply::Failed { why: AskFailure::Lost };
    assert_eq!(floor.center.asks_lost(), [replied(1, 1, reply)]);
    for lost in floor.center.asks_lost() {
        floor.event(lost);
    }
    assert_eq!(at(&floor, 1), "again");
}
