//! Each code says what it claims: its wrong example is wrong by it and nothing else, and its right
//! example is right.

use std::collections::BTreeSet;

use expect_test::expect_file;

use super::broken::office;
use crate::flow::{Code, Known, Severity, code, parse};

/// Beside these there is nothing to show in one file: `config::ready` and `attendant check
/// --provider` report them, and their own tests hold what they say.
const WITHOUT_EXAMPLE: [&Code; 8] = [
    &code::FILE_TOO_LARGE,
    &code::TEXT_TOO_LONG,
    &code::SOUND_BROKEN,
    &code::NOT_DIALABLE,
    &code::DIALED_BY_NOBODY,
    &code::NOTHING_DIALED,
    &code::PROVIDER_CANNOT,
    &code::PROVIDER_DIFFERS,
];

const HEAD: &str = "[flow]\nnumbers = [\"600\"]\nstart   = \"a\"\n";

/// An office with staff.
fn known() -> Known {
    let ada = [("billing".to_owned(), 5)].into_iter().collect();
    let mut known = Known { staff: Some(vec![ada]), ..office() };
    known
        .sounds
        .get_or_insert_default()
        .extend(["x.wav".to_owned(), "farewells/bye.wav".to_owned()]);
    known
}

/// The codes that are reported of an example.
fn codes(code: &Code, example: &str) -> Vec<String> {
    let is_whole = example.contains("[flow]") || *code == code::NO_FLOW_TABLE;
    let source = if is_whole { example.to_owned() } else { format!("{HEAD}{example}") };
    let found = match parse("test.toml", &source, &known()) {
        Ok(flow) => flow.warnings().to_vec(),
        Err(found) => found,
    };
    found.iter().map(|found| found.code.to_string()).collect()
}

#[test]
fn a_wrong_example_is_wrong_by_its_code_alone_and_a_right_one_is_right() {
    let mut said = Vec::new();
    for code in code::all() {
        let name = code.to_string();
        if WITHOUT_EXAMPLE.contains(&code) {
            assert!(code.wrong.is_empty() && code.right.is_empty(), "{code} has an example");
            continue;
        }
        let (wrong, right) = (codes(code, code.wrong), codes(code, code.right));
        if wrong != [name.clone()] {
            said.push(format!("{name}, wrong: {wrong:?}"));
        }
        if !right.is_empty() {
            said.push(format!("{name}, right: {right:?}"));
        }
    }
    assert!(said.is_empty(), "{said:#?}");
}

#[test]
fn codes_are_in_order_and_none_is_given_twice() {
    let all: Vec<String> = code::all().map(ToString::to_string).collect();
    let sorted: BTreeSet<&String> = all.iter().collect();
    assert_eq!(all.iter().collect::<Vec<_>>(), sorted.into_iter().collect::<Vec<_>>());
    for code in code::all() {
        assert!(code.title.len() <= 80 && !code.title.ends_with('.'), "{code}: {}", code.title);
        assert!(code.about().ends_with('.'), "{code}");
    }
}

#[test]
fn a_code_is_found_as_people_write_it() {
    for written in ["F0201", "f0201", "201", "0201"] {
        assert_eq!(code::find(written).unwrap().to_string(), "F0201");
    }
    let unknown = code::find("F0299").unwrap_err();
    assert!(unknown.starts_with("no diagnostic has the code `F0299`"), "{unknown}");
    assert_eq!(code::STEP_UNKNOWN.severity, Severity::Error);
    let list = code::list();
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    let pages: String = code::all().map(|code| format!("{}\n", code.page())).collect();
    let long = pages.lines().filter(|line| !line.starts_with("    ") && line.chars().count() > 80);
    assert_eq!(long.collect::<Vec<_>>(), [""; 0]);
    expect_file!["codes.txt"].assert_eq(&format!("{list}\n{pages}"));
}
