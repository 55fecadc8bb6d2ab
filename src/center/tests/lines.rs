//! Callers who wait: who stands where, who counts as being there for them, and what is said of it.

use super::{Floor, parsed};
use crate::acd::{Misses, QueueSetup};
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{Cause, Event, Overflow, QueueExit};

const ADA: AgentId = AgentId(0);

const FLOW: &str = r##"
[flow]
numbers = ["*"]
start = "main"

[menu.main]
text = "Press 1 to wait. Press 2 to wait elsewhere."
keys = { 1 = "help", 2 = "other" }
timeout_s = 30
give_up = "main_again"

[menu.main_again]
text = "Press 1 to wait."
keys = { 1 = "help" }
timeout_s = 60
give_up = "bye"

[queue.help]
wait = "music"
wait_s_max = 100
relax = [{ after_s = 30, tech = 1 }]
skills = { tech = 5 }
timeout = "main"
full = "bye"
no_agents = "bye"
exit_key = "#"
exit = "main"

[queue.other]
wait = "music"
timeout = "bye"
full = "bye"
no_agents = "bye"

[hangup.bye]
"##;

/// Ada talks to the first caller for as long as the test lasts.
fn busy() -> (Floor, LegId) {
    let mut floor = Floor::with(parsed(FLOW), &["ada"]);
    let first = floor.call(1);
    floor.press(first, '1');
    let leg = LegId { call: CallId(1), n: 1 };
    floor.event(Event::Answered { leg });
    floor.log.clear();
    (floor, leg)
}

fn wait_in_line(floor: &mut Floor, id: u64) -> LegId {
    let caller = floor.call(id);
    floor.press(caller, '1');
    caller
}

fn position(floor: &Floor, caller: LegId) -> Option<u32> {
    floor.center.call(caller.call).unwrap().position
}

#[test]
fn fault_31_who_comes_back_within_a_minute_has_their_place_again() {
    let (mut floor, ada) = busy();
    let oldest = wait_in_line(&mut floor, 2);
    floor.wait_s(10);
    let comes_back = wait_in_line(&mut floor, 3);
    floor.wait_s(20);
    let later = wait_in_line(&mut floor, 4);
    floor.press(comes_back, '#');
    assert_eq!(position(&floor, later), Some(2), "the line has closed up");
    floor.wait_s(25);
    floor.press(comes_back, '1');
    assert_eq!(position(&floor, oldest), Some(1), "who waited longer is still before them");
    assert_eq!(position(&floor, comes_back), Some(2));
    assert_eq!(position(&floor, later), Some(3));

    // The view has both: this wait, and the age of the place.
    let view = floor.center.call(comes_back.call).unwrap();
    assert_eq!(view.since, floor.now);
    assert_eq!(view.in_line_since, Some(Timestamp(floor.now.0 - 45_000)));
    floor.log.clear();
    floor.event(Event::HungUp { leg: oldest, cause: Cause::NORMAL_CLEARING });
    floor.event(Event::HungUp { leg: ada, cause: Cause::NORMAL_CLEARING });
    floor.wait_s(10);
    assert!(floor.log.iter().any(|line| line == "ring call-3/1 agent-0"), "{:?}", floor.log);
    floor.event(Event::HungUp { leg: comes_back, cause: Cause::NORMAL_CLEARING });

    // The record has both as well: each visit is a wait of its own.
    let record = floor.records.iter().find(|record| record.call == CallId(3)).unwrap();
    let waits: Vec<_> =
        record.queued.iter().map(|stay| stay.left_at.since(stay.entered_at).as_secs()).collect();
    assert_eq!(waits, [20, 10]);
    assert_eq!(record.queued[0].in_line_since, None);
    assert_eq!(record.queued[1].in_line_since, Some(record.queued[0].entered_at));
}

#[test]
fn fault_31_after_a_minute_they_are_last() {
    let (mut floor, _) = busy();
    let comes_back = wait_in_line(&mut floor, 2);
    floor.wait_s(10);
    let later = wait_in_line(&mut floor, 3);
    floor.press(comes_back, '#');
    floor.wait_s(61);
    floor.press(comes_back, '1');
    assert_eq!((position(&floor, later), position(&floor, comes_back)), (Some(1), Some(2)));
}

#[test]
fn fault_31_the_wait_that_was_over_keeps_the_place_and_begins_anew() {
    let (mut floor, _) = busy();
    let comes_back = wait_in_line(&mut floor, 2);
    floor.wait_s(1);
    let later = wait_in_line(&mut floor, 3);
    floor.wait_s(99);
    assert_eq!(position(&floor, comes_back), None, "`wait_s_max` has passed");
    floor.press(comes_back, '1');
    assert_eq!(position(&floor, comes_back), Some(1));
    floor.wait_s(99);
    assert_eq!(position(&floor, comes_back), Some(1), "as long as anybody who just came");
    assert_eq!(position(&floor, later), None);
}

#[test]
fn fault_29_ready_without_a_phone_is_nobody_for_who_comes() {
    let mut floor = Floor::with(parsed(FLOW), &["ada"]);
    floor.event(Event::PhoneReachable { agent: ADA, reachable: false });
    floor.log.clear();
    wait_in_line(&mut floor, 1);
    let record = floor.records.pop().expect("sent away at once");
    assert_eq!(record.queued[0].left, QueueExit::Overflowed(Overflow::NoAgents));
    // And the agent whose phone comes back counts again.
    floor.event(Event::PhoneReachable { agent: ADA, reachable: true });
    floor.log.clear();
    wait_in_line(&mut floor, 2);
    assert!(floor.log.iter().any(|line| line == "ring call-2/1 agent-0"), "{:?}", floor.log);
}

#[test]
fn fault_32_why_says_when_in_words_of_the_calendar() {
    let mut floor = Floor::with(parsed(FLOW), &["ada"]);
    floor.now = "2026-11-29T23:20:52Z".parse::<jiff::Timestamp>().map(at).unwrap();
    let caller = wait_in_line(&mut floor, 1);
    floor.wait_s(3);
    let leg = LegId { call: CallId(1), n: 1 };
    floor.event(Event::DialFailed { leg, cause: Cause::CALL_REJECTED });
    let (name, why) = floor.center.explain(caller.call).unwrap().remove(0);
    assert_eq!((&*name, why.word()), ("ada", "excluded"));
    let said = "did not take this call (rejected at 2026-11-29T23:20:55.000Z); \
                may be offered it again at 2026-11-29T23:21:25.000Z";
    assert_eq!(why.to_string(), said);
    let (misses, exclude) = (Misses::default(), QueueSetup::default().exclude);
    assert!(misses.rejected > 1 && exclude.as_secs() == 30, "as the text above has it");
}

fn at(read: jiff::Timestamp) -> Timestamp {
    Timestamp(u64::try_from(read.as_millisecond()).unwrap())
}
