//! Queues and transfers: what is asked for, what is heard meanwhile, and every way out.

use expect_test::expect;

use super::{Opening, check};

const QUEUE: &str = r##"
    [flow]
    start = "billing"

    [queue.billing]
    skills     = { billing = 3, "{{ caller.language }}" = 1 }
    priority   = "{{ 8 if caller.vip else 5 }}"
    relax      = [{ after_s = 45, billing = 2 }, { after_s = 90, billing = 0 }]
    intent     = "billing"
    wait       = "music_and_position"
    announce_every_s = 20
    exit_key   = "#"
    exit       = "left"
    wait_s_max = 300
    prefer     = { agent = "{{ caller.preferred_agent }}", wait_s = 15 }
    full       = "full"
    timeout    = "timeout"
    no_agents  = "no_agents"

    [hangup.left]
    [hangup.full]
    [hangup.timeout]
    [hangup.no_agents]
"##;

const WAITING: Opening = Opening {
    flow: QUEUE,
    script: "0 start\n",
    log: "0.0 > start
      [billing]
      intent billing
      play on <default>
      enqueue billing: billing=3, priority 5, wait 300s, after 45s billing=2, after 90s billing=0
",
};

#[test]
fn a_queue_step_asks_for_what_the_caller_needs() {
    WAITING.then(
        "1 queue handled",
        expect![[r#"
               1.0 > queue handled
                     hang up 16
        "#]],
    );
    check(
        QUEUE,
        r#"caller {"vip": true, "language": "es", "preferred_agent": "ada"}
           0 start"#,
        expect![[r#"
               0.0 > start
                     [billing]
                     intent billing
                     play on <default>
                     enqueue billing: billing=3 es=1, priority 8, wait 300s, after 45s billing=2, after 90s billing=0, prefer ada for 15s
        "#]],
    );
}

#[test]
fn announcements_take_turns_with_the_music() {
    WAITING.then(
        "4 place 3 7\n 8 done\n 25 key 5\n 27 place - -\n 50 done\n 60 hangs up",
        expect![[r#"
            5.0 > timer
                  play "You are number 3 in line."
            8.0 > done
                  play on <default>
            25.0 > key 5
            28.0 > timer
            48.0 > timer
            50.0 > done
            60.0 > hangs up
        "#]],
    );
}

#[test]
fn a_queue_has_a_way_out_for_every_end() {
    WAITING.then(
        "1 key #",
        expect![[r#"
               1.0 > key #
                     leave queue
                     [left]
                     hang up 16
        "#]],
    );
    WAITING.then(
        "0 queue full",
        expect![[r#"
               0.0 > queue full
                     [full]
                     hang up 16
        "#]],
    );
    WAITING.then(
        "1 queue timeout",
        expect![[r#"
               1.0 > queue timeout
                     [timeout]
                     hang up 16
        "#]],
    );
    WAITING.then(
        "0 queue no_agents",
        expect![[r#"
               0.0 > queue no_agents
                     [no_agents]
                     hang up 16
        "#]],
    );
}

#[test]
fn an_end_without_an_exit_is_a_failure_that_is_told() {
    let bare = "[flow]\nstart = \"q\"\n[queue.q]\nwait = \"silence\"\n";
    check(
        bare,
        "0 start\n 0 queue full\n 1 done",
        expect![[r#"
               0.0 > start
                     [q]
                     play on <silence 1000>
                     enqueue q:, priority 5, wait 600s
               0.0 > queue full
                     q failed: the queue is full, and there is no exit for it
                     [(sorry)]
                     play "We are sorry, something went wrong. Please call again later. Goodbye."
               1.0 > done
                     hang up 41
        "#]],
    );
}

#[test]
fn what_to_wait_with_can_be_chosen() {
    let flow = r#"
        [flow]
        start = "q"
        [queue.q]
        queue    = "front"
        priority = 9
        ring_timeout_s = 12
        wait     = "ring"
        announce = "Thank you for waiting."
        announce_first_s = 30
        announce_every_s = 60
        next     = "bye"
        [hangup.bye]
    "#;
    check(
        flow,
        "0 start\n 33 done\n 94 queue handled",
        expect![[r#"
            0.0 > start
                  [q]
                  play on <ring>
                  enqueue front:, priority 9, wait 600s, ring 12s
            30.0 > timer
                  play "Thank you for waiting."
            33.0 > done
                  play on <ring>
            93.0 > timer
                  play "Thank you for waiting."
            94.0 > queue handled
                  [bye]
                  hang up 16
        "#]],
    );
}

const TRANSFER: &str = r#"
    [flow]
    start = "out"

    [transfer.out]
    to     = "{{ caller.account }}"
    trunk  = "main"
    busy   = "busy"
    failed = "failed"

    [hangup.busy]
    [hangup.failed]
"#;

const RINGING: Opening = Opening {
    flow: TRANSFER,
    script: "caller {\"account\": \"+14155550123\"}\n 0 start\n",
    log: r#"0.0 > start
      [out]
      play on <ring>
      transfer to "+14155550123" by main, ring 30s
"#,
};

#[test]
fn a_transfer_has_a_way_out_for_every_end() {
    RINGING.then(
        "9 transfer completed",
        expect![[r#"
               9.0 > transfer completed
                     hang up 16
        "#]],
    );
    RINGING.then(
        "9 transfer busy",
        expect![[r#"
               9.0 > transfer busy
                     [busy]
                     hang up 16
        "#]],
    );
    RINGING.then(
        "9 transfer no_answer",
        expect![[r#"
               9.0 > transfer no_answer
                     [failed]
                     hang up 16
        "#]],
    );
    check(
        TRANSFER,
        "0 start\n 1 done",
        expect![[r#"
               0.0 > start
                     [out]
                     out failed: there is no number to dial
                     [(sorry)]
                     play "We are sorry, something went wrong. Please call again later. Goodbye."
               1.0 > done
                     hang up 41
        "#]],
    );
    let bare = "[flow]\nstart = \"t\"\n[transfer.t]\nto = \"600\"\n";
    check(
        bare,
        "0 start\n 1 transfer refused",
        expect![[r#"
               0.0 > start
                     [t]
                     play on <ring>
                     transfer to "600" by any trunk, ring 30s
               1.0 > transfer refused
                     t failed: refused: no trunk may dial this number
                     [(sorry)]
                     play "We are sorry, something went wrong. Please call again later. Goodbye."
        "#]],
    );
}

#[test]
fn somebody_sends_the_call_to_a_step_with_words_that_are_no_template() {
    let flow = r#"
        [flow]
        start     = "first"
        on_hangup = "noted"
        [set.first]
        vars = { reason = "nothing" }
        next = "help"
        [queue.help]
        next      = "bye"
        full      = "bye"
        timeout   = "bye"
        no_agents = "bye"
        [say.why]
        text = "It is about {{ reason }}."
        next = "help"
        [set.noted]
        intent = "left"
        next   = "bye"
        [hangup.bye]
    "#;
    check(
        flow,
        "0 start\n 1 sent to nowhere\n 2 sent to (sorry)\n 3 sent to why\n 4 done\n 5 hangs up\n 6 \
         sent to why",
        expect![[r#"
            0.0 > start
                  [first]
                  [help]
                  play on <default>
                  enqueue help:, priority 5, wait 600s
            1.0 > sent to nowhere
            2.0 > sent to (sorry)
            3.0 > sent to why
                  [why]
                  play "It is about {{ 7 * 7 }} bills."
            4.0 > done
                  [help]
                  play on <default>
                  enqueue help:, priority 5, wait 600s
            5.0 > hangs up
                  [noted]
                  intent left
                  [bye]
            6.0 > sent to why
        "#]],
    );
}
