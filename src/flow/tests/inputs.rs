//! Menus and digits: the four outcomes, barge-in, type-ahead, time-outs, secrets.

use expect_test::expect;

use super::check;

const MENU: &str = r##"
    [flow]
    start = "main"

    [menu.main]
    text      = "For billing, press 1. For tech, press 2."
    keys      = { 1 = "billing", 2 = "tech", 21 = "tech_21", 345 = "long" }
    repeat    = "*"
    no_input  = ["I did not hear you.", "Please press a key."]
    no_match  = "That is not a choice."
    partial   = "That was only a part."
    tries_max = 4
    give_up   = "bye"

    [hangup.billing]
    [hangup.tech]
    [hangup.tech_21]
    [hangup.long]
    [hangup.bye]
    text = "Goodbye."
"##;

#[test]
fn the_prompt_stops_for_a_key_and_the_longest_match_wins_at_once() {
    check(
        MENU,
        "0 start\n 1 key 1",
        expect![[r#"
               0.0 > start
                     [main]
                     play "For billing, press 1. For tech, press 2."
               1.0 > key 1
                     main: Matched
                     [billing]
                     hang up 16
        "#]],
    );
}

#[test]
fn an_ambiguous_key_waits_for_the_next_one() {
    check(
        MENU,
        "0 start\n 1 key 2\n 9 hangs up",
        expect![[r#"
               0.0 > start
                     [main]
                     play "For billing, press 1. For tech, press 2."
               1.0 > key 2
                     stop
               4.0 > timer
                     main: Matched
                     [tech]
                     hang up 16
               9.0 > hangs up
        "#]],
    );
    check(
        MENU,
        "0 start\n 1 key 2\n 2 key 1",
        expect![[r#"
               0.0 > start
                     [main]
                     play "For billing, press 1. For tech, press 2."
               1.0 > key 2
                     stop
               2.0 > key 1
                     main: Matched
                     [tech_21]
                     hang up 16
        "#]],
    );
    check(
        MENU,
        "0 start\n 1 key 2\n 2 key #",
        expect![[r#"
               0.0 > start
                     [main]
                     play "For billing, press 1. For tech, press 2."
               1.0 > key 2
                     stop
               2.0 > key #
                     main: Matched
                     [tech]
                     hang up 16
        "#]],
    );
}

#[test]
fn a_key_that_cannot_extend_a_match_is_for_the_next_step() {
    let flow = &MENU.replace(
        "[hangup.tech]",
        "[menu.tech]\n text = \"Press 5.\"\n keys = { 5 = \"bye\" }\n give_up = \"bye\"",
    );
    check(
        flow,
        "0 start\n 1 key 2\n 1.5 key 5\n 4 done",
        expect![[r#"
               0.0 > start
                     [main]
                     play "For billing, press 1. For tech, press 2."
               1.0 > key 2
                     stop
               1.5 > key 5
                     main: Matched
                     [tech]
                     tech: Matched
                     [bye]
                     play "Goodbye."
               4.0 > done
                     hang up 16
        "#]],
    );
}

#[test]
fn the_four_outcomes_are_told_apart_and_taper() {
    check(
        MENU,
        "0 start\n 4 done\n 12 done\n 18 key 9\n 20 key 3\n 30 done\n 40 done",
        expect![[r#"
            0.0 > start
                  [main]
                  play "For billing, press 1. For tech, press 2."
            4.0 > done
            9.0 > timer
                  main: NoInput
                  play "I did not hear you." + "For billing, press 1. For tech, press 2."
            12.0 > done
            17.0 > timer
                  main: NoInput
                  play "Please press a key." + "For billing, press 1. For tech, press 2."
            18.0 > key 9
                  main: NoMatch
                  play "That is not a choice." + "For billing, press 1. For tech, press 2."
            20.0 > key 3
                  stop
            23.0 > timer
                  main: Partial
                  [bye]
                  play "Goodbye."
            30.0 > done
                  hang up 16
            40.0 > done
        "#]],
    );
}

#[test]
fn the_repeat_key_costs_no_try() {
    check(
        MENU,
        "0 start\n 1 key *\n 2 key *\n 5 done\n 6 key 1",
        expect![[r#"
               0.0 > start
                     [main]
                     play "For billing, press 1. For tech, press 2."
               1.0 > key *
                     play "For billing, press 1. For tech, press 2."
               2.0 > key *
                     play "For billing, press 1. For tech, press 2."
               5.0 > done
               6.0 > key 1
                     main: Matched
                     [billing]
                     hang up 16
        "#]],
    );
}

#[test]
fn an_outcome_may_lead_elsewhere_at_once() {
    let flow =
        &MENU.replace("no_match  = \"That is not a choice.\"", "no_match_next = \"billing\"");
    check(
        flow,
        "0 start\n 1 key 9",
        expect![[r#"
               0.0 > start
                     [main]
                     play "For billing, press 1. For tech, press 2."
               1.0 > key 9
                     main: NoMatch
                     [billing]
                     hang up 16
        "#]],
    );
}

#[test]
fn without_barge_in_keys_wait_for_the_end_of_the_prompt() {
    let flow = &MENU.replace("repeat    =", "barge_in = false\nrepeat =");
    check(
        flow,
        "0 start\n 1 key 1\n 4 done",
        expect![[r#"
               0.0 > start
                     [main]
                     play "For billing, press 1. For tech, press 2."
               1.0 > key 1
               4.0 > done
                     main: Matched
                     [billing]
                     hang up 16
        "#]],
    );
    let flow = &flow.replace("repeat =", "clear_keys = true\nrepeat =");
    check(
        flow,
        "0 start\n 1 key 1\n 4 done\n 5 key 1",
        expect![[r#"
               0.0 > start
                     [main]
                     play "For billing, press 1. For tech, press 2."
               1.0 > key 1
               4.0 > done
               5.0 > key 1
                     main: Matched
                     [billing]
                     hang up 16
        "#]],
    );
}

const TYPE_AHEAD: &str = r##"
    [flow]
    start = "hello"

    [say.hello]
    text = "Hello."
    next = "first"

    [menu.first]
    text = "One."
    keys = { 1 = "news" }
    give_up = "bye"

    [say.news]
    text = "News."
    next = "account"

    [collect.account]
    text       = "Your account?"
    digits_min = 4
    digits_max = 4
    into       = "account"
    give_up    = "bye"
    next       = "second"

    [menu.second]
    text = "Two."
    keys = { 2 = "bye", "#" = "bye" }
    give_up = "bye"

    [hangup.bye]
"##;

#[test]
fn a_whole_path_can_be_typed_ahead() {
    check(
        TYPE_AHEAD,
        "0 start\n 0.1 key 1\n 0.2 key 7\n 0.3 key 7\n 0.4 key 0\n 0.5 key 1
         0.6 key #\n 0.7 key 2",
        expect![[r#"
               0.0 > start
                     [hello]
                     play "Hello."
               0.1 > key 1
                     [first]
                     first: Matched
                     [news]
                     play "News."
               0.2 > key 7
                     [account]
                     stop
               0.3 > key 7
               0.4 > key 0
               0.5 > key 1
                     account: Matched
                     [second]
                     play "Two."
               0.6 > key #
               0.7 > key 2
                     second: Matched
                     [bye]
                     hang up 16
        "#]],
    );
}

#[test]
fn a_step_may_refuse_what_was_typed_ahead() {
    let flow = &TYPE_AHEAD.replace("text = \"One.\"", "text = \"One.\"\nclear_keys = true");
    check(
        flow,
        "0 start\n 0.1 key 1\n 0.2 key 1",
        expect![[r#"
               0.0 > start
                     [hello]
                     play "Hello."
               0.1 > key 1
                     [first]
                     play "One."
               0.2 > key 1
                     first: Matched
                     [news]
                     play "News."
        "#]],
    );
}

#[test]
fn a_wrong_key_forgets_what_was_typed_ahead() {
    let flow = &TYPE_AHEAD.replace("text = \"Hello.\"", "text = \"Hello.\"\nbarge_in = false");
    check(
        flow,
        "0 start\n 1 key 9\n 1.1 key 1\n 2 done",
        expect![[r#"
               0.0 > start
                     [hello]
                     play "Hello."
               1.0 > key 9
               1.1 > key 1
               2.0 > done
                     [first]
                     first: NoMatch
                     play "One."
        "#]],
    );
}

const COLLECT: &str = r##"
    [flow]
    start = "ask"

    [collect.ask]
    text       = "Your number, then pound."
    digits_min = 3
    digits_max = 5
    into       = "number"
    pattern    = "4."
    valid      = "number != '4444'"
    no_input   = "Nothing came."
    partial    = "Too short."
    no_match   = "Not a number of ours."
    too_many   = "Too long."
    tries_max  = 9
    give_up    = "bye"
    next       = "tell"

    [hangup.tell]
    text = "It is {{ number|digits }}."

    [hangup.bye]
"##;

#[test]
fn an_entry_ends_with_the_terminator_or_with_silence() {
    check(
        COLLECT,
        "0 start\n 1 key 4\n 2 key 0\n 3 key 7\n 3.5 key #",
        expect![[r#"
               0.0 > start
                     [ask]
                     play "Your number, then pound."
               1.0 > key 4
                     stop
               2.0 > key 0
               3.0 > key 7
               3.5 > key #
                     ask: Matched
                     [tell]
                     play "It is 4 0 7."
        "#]],
    );
    check(
        COLLECT,
        "0 start\n 1 key 4\n 2 key 0\n 3 key 7\n 3.5 key 1\n 9 hangs up",
        expect![[r#"
               0.0 > start
                     [ask]
                     play "Your number, then pound."
               1.0 > key 4
                     stop
               2.0 > key 0
               3.0 > key 7
               3.5 > key 1
               6.5 > timer
                     ask: Matched
                     [tell]
                     play "It is 4 0 7 1."
               9.0 > hangs up
        "#]],
    );
}

#[test]
fn every_way_not_to_answer_has_its_own_words() {
    check(
        COLLECT,
        "0 start
         1 done
         7 done
         8 key 4
         9 key #
        10 key 5
        11 key 5
        12 key 5
        13 key #
        14 key *
        20 key 4
        20 key 4
        20 key 4
        20 key 4
        20 key #
        30 key 4
        30 key 1
        30 key 2
        30 key 3
        30 key 4
        30 key 5
        30 key 6
        40 hangs up",
        expect![[r#"
            0.0 > start
                  [ask]
                  play "Your number, then pound."
            1.0 > done
            6.0 > timer
                  ask: NoInput
                  play "Nothing came." + "Your number, then pound."
            7.0 > done
            8.0 > key 4
            9.0 > key #
                  ask: Partial
                  play "Too short." + "Your number, then pound."
            10.0 > key 5
                  stop
            11.0 > key 5
            12.0 > key 5
            13.0 > key #
                  ask: NoMatch
                  play "Not a number of ours." + "Your number, then pound."
            14.0 > key *
                  ask: NoMatch
                  play "Not a number of ours." + "Your number, then pound."
            20.0 > key 4
                  stop
            20.0 > key 4
            20.0 > key 4
            20.0 > key 4
            20.0 > key #
                  ask: NoMatch
                  play "Not a number of ours." + "Your number, then pound."
            30.0 > key 4
                  stop
            30.0 > key 1
            30.0 > key 2
            30.0 > key 3
            30.0 > key 4
            30.0 > key 5
            30.0 > key 6
            33.0 > timer
                  ask: TooMany
                  play "Too long." + "Your number, then pound."
            40.0 > hangs up
        "#]],
    );
}

#[test]
fn too_many_keys_are_heard_out_before_they_are_too_many() {
    check(
        COLLECT,
        "0 start\n 1 key 4\n 1 key 1\n 1 key 1\n 1 key 1\n 1 key 1\n 1 key 6\n 2 key 7\n 3 key #",
        expect![[r#"
               0.0 > start
                     [ask]
                     play "Your number, then pound."
               1.0 > key 4
                     stop
               1.0 > key 1
               1.0 > key 1
               1.0 > key 1
               1.0 > key 1
               1.0 > key 6
               2.0 > key 7
               3.0 > key #
                     ask: TooMany
                     play "Too long." + "Your number, then pound."
        "#]],
    );
}

const SECRET: &str = r##"
    [flow]
    start = "hello"

    [say.hello]
    text = "Hello."
    next = "pin"

    [collect.pin]
    text       = "Your PIN?"
    digits_min = 4
    digits_max = 4
    into       = "pin"
    secret     = true
    give_up    = "bye"
    next       = "which"

    [branch.which]
    cases = [{ if = "pin == '4711'", next = "right" }]
    else  = "bye"

    [menu.right]
    text = "Welcome."
    keys = { 1 = "bye" }
    give_up = "bye"

    [hangup.bye]
"##;

#[test]
fn secret_digits_leave_no_trace_and_may_still_decide() {
    check(
        SECRET,
        "0 start\n 1 key 4\n 2 key 7\n 3 key 1\n 4 key 1\n 5 key 1",
        expect![[r#"
               0.0 > start
                     [hello]
                     play "Hello."
               1.0 > key 4 (secret)
                     [pin]
                     stop
               2.0 > key 7 (secret)
               3.0 > key 1 (secret)
               4.0 > key 1 (secret)
                     pin: Matched
                     [which]
                     [right]
                     play "Welcome."
               5.0 > key 1
                     right: Matched
                     [bye]
                     hang up 16
        "#]],
    );
    let flow = std::sync::Arc::new(super::flow(SECRET));
    let mut run = crate::flow::Run::new(flow, crate::flow::Facts::default());
    let mut out = Vec::new();
    for act in ["start", "key 4", "key 7", "key 1", "key 1"] {
        run.handle(&crate::flow::Context::default(), super::input(act), &mut out);
    }
    assert!(run.vars().is_empty());
    assert!(!format!("{run:?} {out:?}").contains("4711"));
}

#[test]
fn an_error_about_a_secret_does_not_quote_it() {
    let flow = &SECRET.replace("pin == '4711'", "pin|abs == 1");
    let log = super::Stage::new(flow).play("0 start\n 1 key 4\n 1 key 7\n 1 key 1\n 1 key 1");
    assert!(log.contains("which failed: `pin|abs == 1`: invalid operation\n"), "{log}");
}

#[test]
fn keys_typed_ahead_have_a_bound() {
    let flow = &TYPE_AHEAD
        .replace("text = \"Hello.\"", "text = \"Hello.\"\nbarge_in = false")
        .replace("next = \"first\"", "next = \"account\"")
        .replace("digits_min = 4", "digits_min = 1")
        .replace("digits_max = 4", "digits_max = 40");
    let keys: String = "1 key 7\n".repeat(crate::flow::run::TYPE_AHEAD_MAX + 5);
    let flow = flow.replace("next       = \"second\"", "next = \"tell\"")
        + "[hangup.tell]\ntext = \"{{ account|length }} digits\"";
    let log = super::Stage::new(&flow).play(&format!("0 start\n {keys} 2 done\n 3 key #"));
    assert!(log.contains("\"32 digits\""), "{log}");
}
