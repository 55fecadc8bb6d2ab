//! What people get wrong in a flow file, and what `check` says of it: each `broken/<name>.toml`
//! with the text of `broken/<name>.txt`. `UPDATE_EXPECT=1` rewrites the texts.

use std::collections::BTreeSet;

use expect_test::{expect, expect_file};

use super::told;
use crate::flow::{Known, parse};

fn nothing() -> Known {
    Known::anything()
}

fn names(names: &[&str]) -> Option<BTreeSet<String>> {
    Some(names.iter().map(ToString::to_string).collect())
}

pub(super) fn office() -> Known {
    Known {
        skills: names(&["billing", "tech"]),
        staff: None,
        queues: names(&["front"]),
        trunks: names(&["main"]),
        agents: names(&["ada", "bob"]),
        caller_fields: names(&["plan"]),
        sounds: names(&["welcome.wav"]),
        music: names(&["jazz"]),
        services: names(&["crm.example.com"]),
        hidden_names: names(&["crm"]),
    }
}

#[test]
fn all_errors_come_at_once_with_a_caret_and_a_suggestion() {
    let source = include_str!("broken/typos.toml");
    expect_file!["broken/typos.txt"].assert_eq(&told(source, &office()));
}

#[test]
fn what_the_configuration_lacks_cannot_be_named() {
    let source = include_str!("broken/undeclared.toml");
    expect_file!["broken/undeclared.txt"].assert_eq(&told(source, &office()));
}

#[test]
fn steps_have_one_name_and_lead_somewhere() {
    let source = include_str!("broken/names.toml");
    expect_file!["broken/names.txt"].assert_eq(&told(source, &nothing()));
}

#[test]
fn a_loop_must_wait_and_a_menu_must_let_go() {
    let source = include_str!("broken/loops.toml");
    expect_file!["broken/loops.txt"].assert_eq(&told(source, &nothing()));
}

#[test]
fn warnings_do_not_stop_a_flow() {
    let source = include_str!("broken/warnings.toml");
    expect_file!["broken/warnings.txt"].assert_eq(&told(source, &nothing()));
}

#[test]
fn languages_hours_and_causes_are_checked() {
    let source = include_str!("broken/values.toml");
    expect_file!["broken/values.txt"].assert_eq(&told(source, &nothing()));
}

#[test]
fn templates_are_small_and_secrets_stay_in_conditions() {
    let source = include_str!("broken/templates.toml");
    expect_file!["broken/templates.txt"].assert_eq(&told(source, &nothing()));
}

#[test]
fn keys_do_not_mean_two_things() {
    let source = include_str!("broken/keys.toml");
    expect_file!["broken/keys.txt"].assert_eq(&told(source, &nothing()));
}

#[test]
fn broken_toml_is_a_diagnostic_too() {
    expect![[r#"
        error[F0101]: not valid TOML: unclosed table, expected `]`
          --> flows/test.toml:1:6
          |
        1 | [flow
          |      ^

        error[F0101]: not valid TOML: extra `=`
          --> flows/test.toml:3:5
          |
        3 | b = = 2
          |     ^

    "#]]
    .assert_eq(&told("[flow\nstart = \"a\"\nb = = 2\n", &nothing()));
    expect![[r#"
        error[F0102]: key `text` is already assigned at line 4
          --> flows/test.toml:5:1
          |
        5 | text = "y"
          | ^^^^

    "#]]
    .assert_eq(&told("[flow]\nstart = \"a\"\n[say.a]\ntext = \"x\"\ntext = \"y\"\n", &nothing()));
    expect![[r#"
        error[F0103]: there is no `[flow]`
          --> flows/test.toml:1:1
          |
        1 | 
          | ^
          |
          = help: every file begins with `[flow]`: its `numbers`, its `start` step

    "#]]
    .assert_eq(&told("", &nothing()));
    expect![[r#"
        error[F0303]: `[flow]` must be a table, not a whole number
          --> flows/test.toml:1:8
          |
        1 | flow = 1
          |        ^

        error[F0105]: write a step as `[say.name]`
          --> flows/test.toml:2:1
          |
        2 | say = 2
          | ^^^

        error[F0105]: `[menu]` needs a name: write `[menu.name]`
          --> flows/test.toml:4:1
          |
        4 | text = "x"
          | ^^^^

    "#]]
    .assert_eq(&told("flow = 1\nsay = 2\n[menu]\ntext = \"x\"\n", &nothing()));
}

#[test]
fn a_problem_has_a_one_line_form() {
    let source = "[flow]\nnumbers = [\"*\"]\nstart = \"maim\"\n[hangup.main]\n";
    let found = parse("a.toml", source, &nothing()).unwrap_err();
    expect![[r#"
        a.toml:3:9: error[F0201]: `[flow]`, `start`: no step is named `maim` (did you mean `main`?)
    "#]]
    .assert_eq(&format!("{}\n", found[0]));
}
