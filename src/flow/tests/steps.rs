//! Words, decisions, variables, hours, the end: every step that waits for no person.

use expect_test::expect;

use super::check;

#[test]
fn words_are_chosen_by_caller_and_language() {
    let flow = r#"
        [flow]
        start     = "greeting"
        languages = ["en", "es"]

        [say.greeting]
        text.en = "Welcome{% if caller.name %}, {{ caller.name }}{% endif %}."
        text.es = "Bienvenido{% if caller.name %}, {{ caller.name }}{% endif %}."
        next    = "details"

        [say.details]
        text = ["You called {{ caller.calls_recent|default(0) }} times.", "tone.wav", "{{ caller.segment }}"]
        next = "bye"

        [hangup.bye]
        text.en = "Goodbye."
        text.es = "Adiós."
    "#;
    check(
        flow,
        "0 start\n 1 done\n 2 done\n 3 done",
        expect![[r#"
               0.0 > start
                     [greeting]
                     play "Welcome."
               1.0 > done
                     [details]
                     play "You called 0 times." + tone.wav
               2.0 > done
                     [bye]
                     play "Goodbye."
               3.0 > done
                     hang up 16
        "#]],
    );
    check(
        flow,
        r#"caller {"name": "Ada  \n {{ 7 * 7 }}", "language": "es-MX", "calls_recent": 2, "segment": "gold"}
           0 start
           1 done"#,
        expect![[r#"
               0.0 > start
                     [greeting]
                     play es:"Bienvenido, Ada {{ 7 * 7 }}."
               1.0 > done
                     [details]
                     play "You called 2 times." + tone.wav + "gold"
        "#]],
    );
}

#[test]
fn a_template_is_substituted_once() {
    let flow = r#"
        [flow]
        start = "a"
        [set.a]
        vars = { name = "{{ caller.name }}", copy = "{{ caller.name }}!" }
        next = "b"
        [hangup.b]
        text = "{{ name }} {{ copy }} {{ caller.name }}"
    "#;
    check(
        flow,
        "caller {\"name\": \"{{ caller.number }}{% if 1 %}49\"}\n 0 start",
        expect![[r#"
               0.0 > start
                     [a]
                     [b]
                     play "{{ caller.number }}{% if 1 %}49 {{ caller.number }}{% if 1 %}49! {{ caller.number }}{% if 1 %}49"
        "#]],
    );
}

#[test]
fn numbers_and_times_are_spoken() {
    let flow = r#"
        [flow]
        start     = "a"
        languages = ["en", "es"]
        [hangup.a]
        text.en = "{{ '4071'|digits }}, {{ 125|duration }}, {{ 3600|duration }}, {{ 2|ordinal }}, {{ 12|ordinal }}"
        text.es = "{{ 125|duration }}, {{ 2|ordinal }}"
    "#;
    check(
        flow,
        "0 start",
        expect![[r#"
               0.0 > start
                     [a]
                     play "4 0 7 1, 2 minutes and 5 seconds, 1 hour, 2nd, 12th"
        "#]],
    );
    check(
        flow,
        "caller {\"language\": \"es\"}\n 0 start",
        expect![[r#"
               0.0 > start
                     [a]
                     play es:"2 minutos y 5 segundos, 2.º"
        "#]],
    );
}

#[test]
fn a_key_stops_the_words_and_play_repeats_files() {
    let flow = r#"
        [flow]
        start = "a"
        [say.a]
        text = "Long words."
        next = "b"
        [play.b]
        file   = ["one.wav", "two.wav"]
        repeat = 2
        barge_in = false
        next   = "c"
        [hangup.c]
    "#;
    check(
        flow,
        "0 start\n 1 key 5\n 2 key 6\n 9 done",
        expect![[r#"
               0.0 > start
                     [a]
                     play "Long words."
               1.0 > key 5
                     [b]
                     play one.wav + two.wav + one.wav + two.wav
               2.0 > key 6
               9.0 > done
                     [c]
                     hang up 16
        "#]],
    );
}

#[test]
fn the_first_case_that_holds_is_taken_and_unknown_holds_never() {
    let flow = r#"
        [flow]
        start = "which"
        [branch.which]
        cases = [
            { if = "caller.last_call_days < 7", next = "again" },
            { if = "caller.vip and caller.known", next = "vip" },
        ]
        else = "new"
        [hangup.again]
        [hangup.vip]
        [hangup.new]
    "#;
    check(
        flow,
        "0 start",
        expect![[r#"
               0.0 > start
                     [which]
                     [new]
                     hang up 16
        "#]],
    );
    check(
        flow,
        r#"caller {"last_call_days": 3, "vip": true, "known": true}
        0 start"#,
        expect![[r#"
               0.0 > start
                     [which]
                     [again]
                     hang up 16
        "#]],
    );
    check(
        flow,
        r#"caller {"last_call_days": null, "vip": true, "known": true}
        0 start"#,
        expect![[r#"
               0.0 > start
                     [which]
                     [vip]
                     hang up 16
        "#]],
    );
}

#[test]
fn values_keep_their_type_and_all_see_the_state_before_the_step() {
    let flow = r#"
        [flow]
        start = "a"
        [set.a]
        vars = { one = 1, text = "x", yes = true }
        next = "b"
        [set.b]
        vars = { one = "{{ one + 1 }}", text = "{{ one }}{{ text }}" }
        intent = "{{ 'sales' if yes else 'none' }}"
        language = "es"
        next = "c"
        [branch.c]
        cases = [{ if = "one == 2 and text == '1x' and intent == 'sales' and language == 'es'", next = "good" }]
        else = "bad"
        [hangup.good]
        [hangup.bad]
    "#;
    let flow = &flow.replace("start = \"a\"", "start = \"a\"\nlanguages = [\"en\", \"es\"]");
    check(
        flow,
        "0 start",
        expect![[r#"
               0.0 > start
                     [a]
                     [b]
                     intent sales
                     [c]
                     [good]
                     hang up 16
        "#]],
    );
}

const HOURS: &str = r#"
    [flow]
    start = "now"

    [hours.office]
    timezone = "America/New_York"
    open     = ["Mon-Fri 09:00-17:30", "Sat 10:00-14:00"]
    holidays = { "2026-12-25" = "Christmas", "rule:US" = true }

    [hours_check.now]
    hours  = "office"
    open   = "open"
    closed = "closed"
    holiday.Christmas = "christmas"

    [hangup.open]
    [hangup.closed]
    [hangup.christmas]
"#;

#[test]
fn hours_know_open_closed_and_holidays() {
    check(
        HOURS,
        "0 start",
        expect![[r#"
               0.0 > start
                     [now]
                     [open]
                     hang up 16
        "#]],
    );
    check(
        HOURS,
        "at 2026-11-24T22:30:00Z\n 0 start",
        expect![[r#"
               0.0 > start
                     [now]
                     [closed]
                     hang up 16
        "#]],
    );
    check(
        HOURS,
        "at 2026-12-25T15:00:00Z\n 0 start",
        expect![[r#"
               0.0 > start
                     [now]
                     [christmas]
                     hang up 16
        "#]],
    );
    check(
        HOURS,
        "at 2026-11-26T15:00:00Z\n 0 start",
        expect![[r#"
               0.0 > start
                     [now]
                     [closed]
                     hang up 16
        "#]],
    ); // Thanksgiving
    let any = &HOURS.replace("holiday.Christmas =", "holiday =");
    check(
        any,
        "at 2026-11-26T15:00:00Z\n 0 start",
        expect![[r#"
               0.0 > start
                     [now]
                     [christmas]
                     hang up 16
        "#]],
    );
}

#[test]
fn the_end_says_goodbye_first_and_names_its_cause() {
    let flow = r#"
        [flow]
        start = "a"
        [hangup.a]
        text  = "Goodbye."
        cause = "user_busy"
    "#;
    check(
        flow,
        "0 start\n 1 key 1\n 2 done\n 3 key 1\n 4 hangs up",
        expect![[r#"
               0.0 > start
                     [a]
                     play "Goodbye."
               1.0 > key 1
               2.0 > done
                     hang up 17
               3.0 > key 1
               4.0 > hangs up
        "#]],
    );
}

#[test]
fn a_step_that_fails_goes_to_on_error_and_the_apology_cannot_fail() {
    let flow = r#"
        [flow]
        start = "a"
        on_error = "b"
        [say.a]
        text = "{{ caller.vip + 1 }}"
        next = "b"
        [say.b]
        text = "{{ caller.vip + 1 }}"
        next = "c"
        [hangup.c]
    "#;
    check(
        flow,
        "caller {\"name\": \"Ada\"}\n 0 start\n 1 done",
        expect![[r#"
            0.0 > start
                  [a]
                  a failed: invalid operation: tried to use + operator on unsupported types undefined and number
                  [b]
                  b failed: invalid operation: tried to use + operator on unsupported types undefined and number
                  [(sorry)]
                  play "We are sorry, something went wrong. Please call again later. Goodbye."
            1.0 > done
                  hang up 41
        "#]],
    );
    let own = &flow.replace("next = \"b\"", "next = \"b\"\non_error = \"c\"");
    check(
        own,
        "caller {\"name\": \"Ada\"}\n 0 start",
        expect![[r#"
            0.0 > start
                  [a]
                  a failed: invalid operation: tried to use + operator on unsupported types undefined and number
                  [c]
                  hang up 16
        "#]],
    );
}

#[test]
fn after_the_caller_left_only_on_hangup_runs() {
    let flow = r#"
        [flow]
        start = "a"
        on_hangup = "gone"
        [say.a]
        text = "Hello."
        next = "c"
        [hangup.c]
        [set.gone]
        intent = "abandoned"
        next = "c"
    "#;
    check(
        flow,
        "0 start\n 1 hangs up\n 2 done\n 3 hangs up",
        expect![[r#"
               0.0 > start
                     [a]
                     play "Hello."
               1.0 > hangs up
                     [gone]
                     intent abandoned
                     [c]
               2.0 > done
               3.0 > hangs up
        "#]],
    );
}

#[test]
fn a_prompt_whose_end_is_never_reported_counts_as_heard() {
    let flow = "[flow]\nstart = \"a\"\n[say.a]\ntext = \"Hi.\"\nnext = \"b\"\n[hangup.b]\n";
    check(
        flow,
        "0 start\n 700 hangs up",
        expect![[r#"
            0.0 > start
                  [a]
                  play "Hi."
            600.0 > timer
                  [b]
                  hang up 16
            700.0 > hangs up
        "#]],
    );
}

/// `count` steps in a row that wait for nothing.
fn chain(count: u32) -> String {
    let steps =
        (0..count).map(|n| format!("[set.s{n}]\nvars = {{ x = {n} }}\nnext = \"s{}\"\n", n + 1));
    let steps: String = steps.collect();
    format!("[flow]\nstart = \"s0\"\n{steps}[hangup.s{count}]\n")
}

#[test]
fn too_many_steps_without_waiting_end_in_on_error() {
    let log = super::Stage::new(&chain(63)).play("0 start");
    assert!(log.ends_with("hang up 16\n"), "{log}");
    let log = super::Stage::new(&chain(64)).play("0 start\n 1 done");
    assert!(log.contains("s63 failed: 64 steps without waiting"), "{log}");
    assert!(log.ends_with("hang up 41\n"), "{log}");
    let on_error = chain(64).replace("[flow]", "[flow]\non_error = \"s0\"");
    let log = super::Stage::new(&on_error).play("0 start\n 1 done");
    assert!(log.contains("s63 failed: on_error takes too many steps"), "{log}");
    assert!(log.ends_with("hang up 41\n"), "{log}");
}

#[test]
fn a_call_that_goes_round_for_ever_is_ended() {
    let flow = "[flow]\nstart = \"m\"\n[menu.m]\ntext = \"?\"\nkeys = { 1 = \"m\", 2 = \"e\" }\n\
                give_up = \"e\"\n[hangup.e]\n";
    let rounds = "1 key 1\n".repeat(5_001);
    let log = super::Stage::new(flow).play(&format!("0 start\n {rounds} 2 done"));
    assert!(log.contains("m failed: 5000 steps in one call") && log.ends_with("hang up 41\n"));
}

#[test]
fn an_entry_whose_check_breaks_is_no_answer_and_is_not_kept() {
    let flow = r#"
        [flow]
        start = "number"
        on_error = "sorry"
        [collect.number]
        text = "Your number."
        into = "number"
        digits_min = 2
        digits_max = 2
        valid = "number|abs == 1"
        next = "sorry"
        give_up = "sorry"
        [hangup.sorry]
        text = "It is {{ number|default('unknown') }}."
    "#;
    let log = super::Stage::new(flow).play("0 start\n 1 key 4\n 1 key 7");
    assert!(!log.contains("Matched"), "{log}");
    assert!(log.contains("number failed: ") && log.contains("\"It is unknown.\""), "{log}");
}
