//! Messages callers leave: what ends one, and where it leads.

use expect_test::{expect, expect_file};

use super::{Opening, check, told};
use crate::flow::Known;

const FLOW: &str = r##"
    [flow]
    start     = "voicemail"
    on_hangup = "left"

    [record.voicemail]
    text         = "Please leave a message."
    length_s_max = 60
    into         = "message"
    intent       = "voicemail"
    next         = "thanks"
    empty        = "nothing"

    [hangup.thanks]
    text = "Thank you for {{ message }}."
    [hangup.nothing]
    text = "Nothing was recorded."

    [branch.left]
    cases = [{ if = "message is defined", next = "noted" }]
    else  = "end"
    [set.noted]
    intent = "left {{ message }}"
    next   = "end"
    [hangup.end]
"##;

/// Up to the tone after the words.
const TONE: Opening = Opening {
    flow: FLOW,
    script: "0 start\n 2 done\n",
    log: r#"0.0 > start
      [voicemail]
      intent voicemail
      play "Please leave a message."
2.0 > done
      record voicemail, beep, 1s to 60s, silence 5s, #
"#,
};

#[test]
fn a_message_is_asked_for_made_and_named() {
    TONE.then(
        "9 recorded call-1-1\n 10 key #",
        expect![[r#"
        9.0 > recorded call-1-1
              [thanks]
              play "Thank you for call-1-1."
        10.0 > key #
    "#]],
    );
}

#[test]
fn a_key_skips_the_words_and_the_finish_key_ends_the_message() {
    check(
        FLOW,
        "0 start\n 1 key 5\n 2 key 7\n 3 key #\n 3 recorded nothing\n 3 hangs up",
        expect![[r#"
            0.0 > start
                  [voicemail]
                  intent voicemail
                  play "Please leave a message."
            1.0 > key 5
                  record voicemail, beep, 1s to 60s, silence 5s, #
            2.0 > key 7
            3.0 > key #
                  stop record
            3.0 > recorded nothing
                  [nothing]
                  play "Nothing was recorded."
            3.0 > hangs up
                  [left]
                  [end]
        "#]],
    );
}

#[test]
fn a_hang_up_keeps_the_message_and_on_hangup_knows_it() {
    TONE.then(
        "9 recorded and left\n 9 hangs up",
        expect![[r#"
        9.0 > recorded and left
        9.0 > hangs up
              [left]
              [noted]
              intent left call-1-1
              [end]
    "#]],
    );
}

#[test]
fn a_message_that_fails_or_never_ends_leads_to_on_error() {
    TONE.then(
        "3 record failed",
        expect![[r#"
        3.0 > record failed
              voicemail failed: the message could not be recorded
              [(sorry)]
              play "We are sorry, something went wrong. Please call again later. Goodbye."
    "#]],
    );
    TONE.then(
        "100 key 1\n 101 recorded call-1-1",
        expect![[r#"
        92.0 > timer
              stop record
              voicemail failed: the recording did not end
              [(sorry)]
              play "We are sorry, something went wrong. Please call again later. Goodbye."
        100.0 > key 1
        101.0 > recorded call-1-1
    "#]],
    );
}

const WRONG: &str = r##"
[flow]
numbers = ["1"]
start = "voicemail"

[record.voicemail]
text = "Please leave a message."
length_s_max = 4000
length_s_min = 60
silence_s = 0
finish_key = "12"
into = "call"
nextt = "bye"

[record.short]
beep = "no"
length_s_max = 3
length_s_min = 3
finish_key = ""
next = "bye"
failed = "short"
empty = "byr"

[hangup.bye]
"##;

#[test]
fn options_are_checked() {
    expect_file!["record.txt"].assert_eq(&told(WRONG, &Known::anything()));
}
