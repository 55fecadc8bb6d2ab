//! Steps that decide, count and let time pass: `switch`, `split`, `loop`, `goto`, `unset`,
//! `silence`, `wait`.

use std::sync::Arc;

use expect_test::expect;

use super::{Stage, check, flow};
use crate::flow::{Context, Facts, Input, Run};

const SWITCH: &str = r#"
    [flow]
    start = "who"
    [switch.who]
    value = "{{ caller.plan }}"
    cases = { gold = "gold", "two  words" = "two", 7 = "seven" }
    empty = "empty"
    else  = "other"
    [hangup.gold]
    [hangup.two]
    [hangup.seven]
    [hangup.empty]
    [hangup.other]
"#;

#[test]
fn a_value_leads_where_its_case_says_letter_by_letter() {
    let came_to = |plan: &str| {
        let log = Stage::new(SWITCH).play(&format!("caller {{\"plan\": {plan}}}\n0 start"));
        log.lines().nth(2).unwrap().trim().to_owned()
    };
    assert_eq!(came_to("\"gold\""), "[gold]");
    assert_eq!(came_to("\" gold \""), "[gold]");
    assert_eq!(came_to("\"Gold\""), "[other]");
    assert_eq!(came_to("\"golden\""), "[other]");
    assert_eq!(came_to("\"two words\""), "[two]");
    assert_eq!(came_to("7"), "[seven]");
    assert_eq!(came_to("\"7\""), "[seven]");
    assert_eq!(came_to("7.5"), "[other]");
    assert_eq!(came_to("\"\""), "[empty]");
    assert_eq!(came_to("null"), "[empty]");
}

#[test]
fn the_same_caller_goes_the_same_way_and_a_withheld_number_each_call_its_own() {
    let flow = r#"
        [flow]
        start = "trial"
        [split.trial]
        ways = [{ percent = 50, next = "a" }]
        else = "b"
        [hangup.a]
        [hangup.b]
    "#;
    let came_to = |number: &str, call: &str| {
        let stage =
            format!("caller {{\"number\": {number}}}\ncall {{\"id\": \"{call}\"}}\n0 start");
        Stage::new(flow).play(&stage).lines().nth(2).unwrap().trim().to_owned()
    };
    for number in ["+14155550123", "+14155550124", "+14155550125"] {
        let number = format!("\"{number}\"");
        assert_eq!(came_to(&number, "call-1"), came_to(&number, "call-2"));
    }
    // By `printf 'test/trial\0call-1' | sha256sum`, the first 16 digits modulo 100: 46, and 99.
    assert_eq!(came_to("null", "call-1"), "[a]");
    assert_eq!(came_to("null", "call-4"), "[b]");
}

#[test]
fn a_loop_goes_round_as_often_as_it_says_and_counts_anew_after_it() {
    let flow = r#"
        [flow]
        start = "hello"
        [say.hello]
        text = "Round {{ n|default(0) }}."
        next = "again"
        [loop.again]
        times = 2
        into  = "n"
        again = "hello"
        next  = "ask"
        [menu.ask]
        text    = "Press 1."
        keys    = { 1 = "hello" }
        give_up = "end"
        [hangup.end]
    "#;
    check(
        flow,
        "0 start\n 1 done\n 2 done\n 3 done\n 4 key 1\n 5 done\n 6 done\n 7 done",
        expect![[r#"
            0.0 > start
                  [hello]
                  play "Round 0."
            1.0 > done
                  [again]
                  [hello]
                  play "Round 1."
            2.0 > done
                  [again]
                  [hello]
                  play "Round 2."
            3.0 > done
                  [again]
                  [ask]
                  play "Press 1."
            4.0 > key 1
                  ask: Matched
                  [hello]
                  play "Round 2."
            5.0 > done
                  [again]
                  [hello]
                  play "Round 1."
            6.0 > done
                  [again]
                  [hello]
                  play "Round 2."
            7.0 > done
                  [again]
                  [ask]
                  play "Press 1."
        "#]],
    );
}

#[test]
fn a_loop_counts_on_after_a_run_was_saved() {
    let source = "[flow]\nstart = 'a'\n[say.a]\ntext = 'Round.'\nnext = 'b'\n[loop.b]\n\
                  times = 1\nagain = 'a'\nnext = 'end'\n[hangup.end]";
    let flow = Arc::new(flow(source));
    let context = Context::default();
    let mut run = Run::new(Arc::clone(&flow), Facts::default());
    for input in [Input::Start, Input::PromptDone] {
        run.handle(&context, input, &mut Vec::new());
    }
    let saved = serde_json::to_string(&run.saved()).unwrap();
    let saved = serde_json::from_str(&saved).unwrap();
    let mut again = Run::resume(saved, flow, Arc::new(Facts::default())).unwrap();
    again.handle(&context, Input::PromptDone, &mut Vec::new());
    assert_eq!(again.at().map(|step| &**step), Some("end"));
}

#[test]
fn a_loop_ends_once_its_condition_holds_and_says_when_it_never_did() {
    let flow = r#"
        [flow]
        start = "wait"
        [wait.wait]
        for_s = 5
        wait  = "silence"
        next  = "look"
        [loop.look]
        times     = 1
        until     = "reason is defined"
        again     = "wait"
        next      = "known"
        exhausted = "unknown"
        [set.sometimes]
        vars = { reason = "x" }
        next = "look"
        [hangup.known]
        [menu.unknown]
        text    = "Press 1."
        keys    = { 1 = "sometimes" }
        give_up = "known"
    "#;
    check(
        flow,
        "0 start\n 4 key 1\n 11 sent to wait\n 20 timer",
        expect![[r#"
        0.0 > start
              [wait]
              play on <silence 1000>
        4.0 > key 1
        5.0 > timer
              [look]
              [wait]
              play on <silence 1000>
        10.0 > timer
              [look]
              [unknown]
              unknown: Matched
              [sometimes]
              [look]
              [known]
              hang up 16
        11.0 > sent to wait
        20.0 > timer
    "#]],
    );
    check(
        flow,
        "0 start\n 30 key 1",
        expect![[r#"
        0.0 > start
              [wait]
              play on <silence 1000>
        5.0 > timer
              [look]
              [wait]
              play on <silence 1000>
        10.0 > timer
              [look]
              [unknown]
              play "Press 1."
        30.0 > key 1
              unknown: Matched
              [sometimes]
              [look]
              [known]
              hang up 16
    "#]],
    );
}

#[test]
fn circles_of_counted_loops_inside_each_other_end() {
    let flow = r#"
        [flow]
        start = "inner"
        [loop.inner]
        times = 3
        again = "inner"
        next  = "outer"
        [loop.outer]
        times = 3
        again = "inner"
        next  = "end"
        [hangup.end]
    "#;
    let log = Stage::new(flow).play("0 start");
    assert_eq!(log.matches("[inner]").count(), 4 * 4, "{log}");
    assert_eq!(log.matches("[outer]").count(), 4, "{log}");
    assert!(log.ends_with("hang up 16\n"), "{log}");
}

#[test]
fn keys_end_a_silence_and_wait_for_who_asks() {
    let flow = r#"
        [flow]
        start = "pause"
        [silence.pause]
        for_s = 2.5
        next  = "hold"
        [silence.hold]
        for_s    = 1
        barge_in = false
        next     = "ask"
        [menu.ask]
        text    = "Press 1."
        keys    = { 1 = "end" }
        give_up = "end"
        [hangup.end]
    "#;
    check(
        flow,
        "0 start\n 2.5 done\n 3.5 done",
        expect![[r#"
        0.0 > start
              [pause]
              play <silence 2500>
        2.5 > done
              [hold]
              play <silence 1000>
        3.5 > done
              [ask]
              play "Press 1."
    "#]],
    );
    check(
        flow,
        "0 start\n 1 key 1\n 2 done",
        expect![[r#"
        0.0 > start
              [pause]
              play <silence 2500>
        1.0 > key 1
              [hold]
              play <silence 1000>
        2.0 > done
              [ask]
              ask: Matched
              [end]
              hang up 16
    "#]],
    );
}

#[test]
fn a_wait_ends_with_its_time_or_with_its_key() {
    let flow = r#"
        [flow]
        start = "hold"
        [wait.hold]
        for_s    = 60
        wait     = "ring"
        exit_key = "*"
        next     = "ask"
        exit     = "end"
        [menu.ask]
        text    = "Press 1."
        keys    = { 1 = "end" }
        give_up = "end"
        [hangup.end]
    "#;
    check(
        flow,
        "0 start\n 10 key 1\n 60 timer",
        expect![[r#"
        0.0 > start
              [hold]
              play on <ring>
        10.0 > key 1
        60.0 > timer
              [ask]
              ask: Matched
              [end]
              hang up 16
        60.0 > timer
    "#]],
    );
    check(
        flow,
        "0 start\n 10 key *",
        expect![[r#"
        0.0 > start
              [hold]
              play on <ring>
        10.0 > key *
              [end]
              hang up 16
    "#]],
    );
}

#[test]
fn what_was_forgotten_is_as_if_it_had_never_been_set() {
    let flow = r#"
        [flow]
        start = "set"
        [set.set]
        vars = { a = "x", b = "y" }
        next = "forget"
        [unset.forget]
        vars = ["a"]
        next = "look"
        [branch.look]
        cases = [{ if = "a is defined", next = "wrong" }]
        else  = "end"
        [hangup.wrong]
        [hangup.end]
        text = "{{ b }}"
    "#;
    check(
        flow,
        "0 start",
        expect![[r#"
        0.0 > start
              [set]
              [forget]
              [look]
              [end]
              play "y"
    "#]],
    );
}

#[test]
fn a_yes_and_a_no_have_exits_of_their_own_and_a_key_of_habit_belongs_to_neither() {
    let flow = r#"
        [flow]
        start = "sure"
        [confirm.sure]
        text     = "Sure?"
        yes_key  = "*"
        yes      = "again"
        no       = "no"
        no_match = "Star or two."
        give_up  = "no"
        [confirm.again]
        text    = "Really?"
        yes     = "yes"
        no      = "no"
        give_up = "no"
        [hangup.yes]
        [hangup.no]
    "#;
    // Typed ahead, with the key that people end an input with.
    let script = "0 start\n 1 key 1\n 2 key *\n 2.5 key #\n 3 key 1";
    check(
        flow,
        script,
        expect![[r#"
        0.0 > start
              [sure]
              play "Sure?"
        1.0 > key 1
              sure: NoMatch
              play "Star or two." + "Sure?"
        2.0 > key *
              sure: Matched
              [again]
              play "Really?"
        2.5 > key #
        3.0 > key 1
              again: Matched
              [yes]
              hang up 16
    "#]],
    );
    check(
        flow,
        "0 start\n 1 key 2",
        expect![[r#"
        0.0 > start
              [sure]
              play "Sure?"
        1.0 > key 2
              sure: Matched
              [no]
              hang up 16
    "#]],
    );
}
