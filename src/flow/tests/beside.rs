//! Steps that look things up in files beside the flow: `table`, `caller_in_list`.

use std::sync::Arc;

use expect_test::expect_file;

use super::{Stage, told};
use crate::flow::{Beside, Flow, Known, explain, parse};

fn files(files: &[(&str, &str)]) -> Known {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), Ok(Arc::from(*text))));
    Known { files: Some(files.collect::<Beside>()), ..Known::anything() }
}

fn flow(source: &str, known: &Known) -> Flow {
    parse("test.toml", source, known).unwrap_or_else(|said| panic!("{}", explain(&said)))
}

fn play(source: &str, known: &Known, script: &str) -> Vec<String> {
    let mut stage = Stage::new("[flow]\nstart = 'a'\n[hangup.a]\n");
    stage.flow = Arc::new(flow(source, known));
    stage.play(script).lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

const STORES: &str =
    "\u{feff}zip;name;phone\r\n94107;\"Acme; South\";+14155550188\r\n\r\n 10001 ;Acme  East;\r\n";

const NEAREST: &str = r#"
[flow]
start = "store"
[table.store]
file  = "stores.csv"
key   = "{{ caller.zip }}"
set   = { store = "name", line = "phone" }
found = "tell"
none  = "none"
[hangup.tell]
text = "{{ store }} at {{ line }}."
[hangup.none]
"#;

#[test]
fn a_row_is_found_by_its_key_and_its_columns_become_variables() {
    let known = files(&[("stores.csv", STORES)]);
    let said = |zip: &str| play(NEAREST, &known, &format!("caller {{\"zip\": {zip}}}\n0 start"));
    assert_eq!(said("94107"), ["[store]", "[tell]", "play \"Acme; South at +14155550188.\""]);
    assert_eq!(said("\"10001\"")[2], "play \"Acme East at .\"");
    for none in ["\"9410\"", "\"941070\"", "\"zip\"", "\"\"", "null"] {
        assert_eq!(said(none)[1], "[none]", "{none}");
    }
}

#[test]
fn another_column_may_be_the_key() {
    let known = files(&[("stores.csv", STORES)]);
    let by_name = NEAREST.replace("key   =", "by    = \"name\"\nkey   =");
    let said = play(&by_name, &known, "caller {\"zip\": \"Acme East\"}\n0 start");
    assert_eq!(said[1], "[tell]");
}

#[test]
fn a_list_may_be_a_file_with_numbers_and_prefixes() {
    let source = r#"
        [flow]
        start = "who"
        [caller_in_list.who]
        list       = "vip.txt"
        listed     = "yes"
        not_listed = "no"
        withheld   = "nobody"
        [hangup.yes]
        [hangup.no]
        [hangup.nobody]
    "#;
    let known = files(&[("vip.txt", "number,who\n# since May\n+1 (415) 555-0123,Ada\n\n+4930*\n")]);
    let came_to = |number: &str| {
        play(source, &known, &format!("caller {{\"number\": {number}}}\n0 start"))[1].clone()
    };
    assert_eq!(came_to("\"+14155550123\""), "[yes]");
    assert_eq!(came_to("\"+49301234567\""), "[yes]");
    assert_eq!(came_to("\"+14155550124\""), "[no]");
    assert_eq!(came_to("\"1001\""), "[no]");
    assert_eq!(came_to("\"\""), "[nobody]");
    assert_eq!(came_to("null"), "[nobody]");
    let elsewhere = source.replace("listed     =", "number = \"{{ caller.other }}\"\nlisted     =");
    let said = play(&elsewhere, &known, "caller {\"other\": \"+4930 1\"}\n0 start");
    assert_eq!(said[1], "[yes]");
}

#[test]
fn the_version_follows_the_files_that_are_looked_in() {
    let version = |files: &[(&str, &str)]| flow(NEAREST, &self::files(files)).version().to_string();
    let one = version(&[("stores.csv", STORES)]);
    assert_eq!(one, version(&[("stores.csv", STORES), ("other.csv", "a\n")]));
    assert_ne!(one, version(&[("stores.csv", "zip,name,phone\n")]));
    let flow = flow(NEAREST, &files(&[("stores.csv", STORES), ("other.csv", "a\n")]));
    assert_eq!(flow.beside().collect::<Vec<_>>(), [("stores.csv", STORES)]);
}

#[test]
fn what_is_wrong_with_a_file_is_said_at_the_step_that_names_it() {
    let mut known = files(&[
        ("stores.csv", "zip,name\n1,a\n2\n"),
        ("twice.csv", "zip,name\n1,a\n\n1,b\n"),
        ("quote.csv", "zip,name\n1,\"a\n"),
        ("empty.csv", ""),
        ("numbers.txt", "+1415\n0800 1\n"),
    ]);
    let unread = ("latin.csv".to_owned(), Err("line 2: is not UTF-8: byte 0xf3".to_owned()));
    known.files.as_mut().unwrap().extend([unread]);
    let source = include_str!("broken/beside.toml");
    expect_file!["broken/beside.txt"].assert_eq(&told(source, &known));
}
