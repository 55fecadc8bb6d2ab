//! The key that ends an input, pressed after the input was decided without it.

use std::sync::Arc;

use super::{Stage, input};
use crate::flow::{Context, Facts, Run};
use crate::time::Timestamp;

const SUPPORT: &str = include_str!("../../../flows/support.toml");

/// Every kind of input, each before a queue that `#` leaves.
const FLOW: &str = r##"
    [flow]
    start = "START"

    [menu.one]
    text    = "Press 1."
    keys    = { 1 = "wait", 2 = "account", 3 = "voicemail", 4 = "more", 5 = "note", 6 = "skip" }
    give_up = "bye"

    [menu.more]
    text    = "Press pound."
    keys    = { "#" = "wait", 1 = "bye" }
    give_up = "bye"

    [set.note]
    language = "en"
    next     = "more"

    [collect.skip]
    text       = "Your number, or pound."
    digits_min = 0
    into       = "number"
    give_up    = "bye"
    next       = "wait"

    [say.words]
    text     = "Listen first."
    barge_in = false
    next     = "one"

    [collect.account]
    text       = "Four digits."
    digits_min = 4
    digits_max = 4
    into       = "account"
    pattern    = "1XXX"
    secret     = SECRET
    tries_max  = 2
    give_up    = "bye"
    next       = "wait"

    [collect.number]
    text       = "Some digits."
    digits_min = 2
    digits_max = 5
    terminator = TERMINATOR
    into       = "number"
    tries_max  = 2
    give_up    = "bye"
    next       = "wait"

    [say.first]
    text     = "Listen first."
    barge_in = false
    next     = "account"

    [record.voicemail]
    next = "wait"

    [queue.wait]
    exit_key  = "#"
    exit      = "bye"
    timeout   = "bye"
    full      = "bye"
    no_agents = "bye"

    [hangup.bye]
    text = "Bye."
"##;

fn flow(start: &str, secret: bool, terminator: &str) -> String {
    FLOW.replace("START", start)
        .replace("SECRET", if secret { "true" } else { "false" })
        .replace("TERMINATOR", &format!("{terminator:?}"))
}

#[track_caller]
fn waits(flow: &str, script: &str) -> String {
    let log = Stage::new(flow).play(script);
    assert!(log.contains("enqueue") && !log.contains("leave queue"), "{log}");
    log
}

#[test]
fn fault_35_the_key_that_ends_an_input_does_not_leave_the_queue_behind_it() {
    let digits = "1 key 1\n 1.1 key 2\n 1.2 key 3\n 1.3 key 4\n";
    for secret in [false, true] {
        let flow = flow("account", secret, "#");
        waits(&flow, &format!("0 start\n {digits} 1.5 key #"));
        // It belongs to the entry once, and not for ever.
        for more in ["1.5 key #\n 1.7 key #", "9 key #", "1.5 key 7\n 1.7 key #"] {
            let log = Stage::new(&flow).play(&format!("0 start\n {digits} {more}"));
            assert!(log.contains("leave queue"), "{more}: {log}");
        }
    }
    // Typed ahead of words that nothing cuts short.
    waits(&flow("first", false, "#"), &format!("0 start\n {digits} 1.5 key #\n 4 done"));
    // A menu of single keys, out of habit; and where the author wants no key at the end.
    waits(&flow("one", false, "#"), "0 start\n 1 key 1\n 1.4 key #");
    let five = "1 key 1\n 1 key 2\n 1 key 3\n 1 key 4\n 1 key 5\n";
    waits(&flow("number", false, ""), &format!("0 start\n {five} 1.4 key #"));
    // Silence was quicker than the key.
    waits(&flow("number", false, "#"), "0 start\n 1 key 1\n 1 key 2\n 5 key #");
    waits(&flow("voicemail", false, "#"), "0 start\n 9 recorded call-1-1\n 10 key #");
    waits(SUPPORT, "0 start\n 2 done\n 3 key 2\n 3.5 key #");
}

#[test]
fn fault_35_the_key_that_ended_a_message_ends_it_once() {
    let flow = flow("voicemail", false, "#");
    let log = Stage::new(&flow).play("0 start\n 8 key #\n 8.1 recorded call-1-1\n 9 key #");
    assert!(log.contains("stop record") && log.contains("leave queue"), "{log}");
    // The one recording says nothing of the next.
    let other = "[record.voicemail]\n    next = \"again\"\n\n    [record.again]";
    let flow = flow.replace("[record.voicemail]", other);
    let first = "0 start\n 8 key #\n 8.1 recorded call-1-1\n";
    waits(&flow, &format!("{first} 20 recorded call-1-1\n 21 key #"));
}

#[test]
fn fault_35_a_key_that_the_step_reached_lists_acts_there() {
    let live = flow("one", false, "#");
    let ahead = flow("words", false, "#");
    for choice in [4, 5, 6] {
        waits(&live, &format!("0 start\n 1 key {choice}\n 1.4 key #"));
        waits(&ahead, &format!("0 start\n 1 key {choice}\n 1.4 key #\n 4 done"));
    }
    // It acts once, and the next one is another.
    for script in ["1 key 4\n 1.4 key #\n 1.8 key #", "1 key 4\n 5 key #\n 6 key #"] {
        let log = Stage::new(&live).play(&format!("0 start\n {script}"));
        assert!(log.contains("leave queue"), "{script}: {log}");
    }
    // Where the flow names the key, it belongs to the entry it ends.
    let named = live.replace("next       = \"wait\"", "next       = \"more\"");
    let named = named.replace("start = \"one\"", "start = \"account\"");
    let digits = "1 key 1\n 1.1 key 2\n 1.2 key 3\n 1.3 key 4\n 1.5 key #";
    let log = Stage::new(&named).play(&format!("0 start\n {digits}"));
    assert!(log.contains("[more]") && !log.contains("enqueue"), "{log}");
}

#[test]
fn fault_35_a_habit_ends_after_two_seconds_typed_ahead_too() {
    let (live, ahead) = (flow("one", false, "#"), flow("words", false, "#"));
    for (at, is_habit) in [("2.9", true), ("3.1", false)] {
        let typed = format!("0 start\n 1 key 2\n {at} key #");
        for (flow, script) in [(&live, typed.clone()), (&ahead, format!("{typed}\n 4 done"))] {
            let log = Stage::new(flow).play(&script);
            assert!(log.contains("[account]"), "{log}");
            assert_eq!(log.contains("account: Partial"), !is_habit, "{log}");
        }
    }
}

#[test]
fn fault_35_one_wrong_entry_with_its_ending_key_is_one_try() {
    let wrong = "1 key 9\n 1 key 9\n 1 key 9\n 1 key 9\n 1.4 key #\n";
    let right = "3 key 1\n 3 key 2\n 3 key 3\n 3 key 4\n 3.4 key #";
    for secret in [false, true] {
        let log = waits(&flow("account", secret, "#"), &format!("0 start\n {wrong} {right}"));
        assert_eq!(log.matches("NoMatch").count(), 1, "{log}");
        assert!(!log.contains("Partial"), "{log}");
    }
    let late = "0 start\n 1 key 1\n 5 key #\n 6 key 1\n 6 key 2\n 6 key #";
    let log = waits(&flow("number", false, "#"), late);
    assert_eq!(log.matches("Partial").count(), 1, "{log}");
    let log = waits(&flow("one", false, "#"), "0 start\n 1 key 9\n 1.4 key #\n 3 key 1");
    assert_eq!(log.matches("NoMatch").count(), 1, "{log}");
}

#[test]
fn fault_35_a_late_key_that_a_front_collected_is_no_silence() {
    let flow = Arc::new(super::flow(&flow("one", false, "#")));
    let mut run = Run::new(flow, Facts::default());
    let mut out = Vec::new();
    let mut at = |run: &mut Run, ms, act: &str| {
        out.clear();
        let context = Context { now: Timestamp::from_millis(ms), ..Context::default() };
        run.handle(&context, input(act), &mut out);
        format!("{out:?}")
    };
    at(&mut run, 0, "start");
    at(&mut run, 1_000, "key 2");
    at(&mut run, 1_100, "done");
    assert_eq!(at(&mut run, 1_500, "key #"), "[]");
    assert_eq!(at(&mut run, 1_500, "silence"), "[]");
    assert!(at(&mut run, 4_000, "silence").contains("NoInput"));
}
