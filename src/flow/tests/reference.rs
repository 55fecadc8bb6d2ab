//! The reference is what is read: each option, each exit, each example.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::mem::discriminant;

use expect_test::expect_file;
use toml::de::DeTable;

use super::verbs::{SAMPLES, first, sample};
use super::{Stage, flow, told};
use crate::flow::diagnostic::Problems;
use crate::flow::option::{Described, Leads, Schema};
use crate::flow::parse::{self, HEAD};
use crate::flow::step::VERBS;
use crate::flow::{Known, hours, reference};

/// What happens in the example of each verb.
const SCRIPTS: &[(&str, &str)] = &[
    ("say", "caller {\"name\": \"Ada\"}\n0 start\n3 done\n9 done"),
    ("play", "0 start\n1 key 5\n2 done"),
    ("silence", "0 start\n0.5 done\n3 done\n5 key 4\n6 key 7\n7 key #"),
    ("wait", "0 start\n10 key 5\n20 timer"),
    ("menu", "0 start\n3 done\n9 key *\n10 done\n11 key 1\n60 queue handled"),
    ("confirm", "0 start\n4 done\n6 key 5\n9 done\n10 key 1\n60 queue handled"),
    (
        "collect",
        "0 start\n4 key 4\n4.2 key 2\n4.4 key 4\n4.6 key 2\n4.8 key 4\n5 key 2\n5.2 key 4\n5.4 key 2\n\
         5.6 key 4\n5.8 key 2\n6 key 4\n6.2 key 2\n6.4 key #\n9 done\n60 queue timeout\n63 done",
    ),
    ("branch", "caller {\"vip\": false, \"known\": true, \"last_call_days\": 2}\n0 start\n2 done"),
    ("switch", "caller {\"segment\": \"Gold\"}\n0 start\n60 queue full"),
    ("split", "caller {\"number\": \"+14155550123\"}\n0 start\n4 done\n5 key 1"),
    (
        "loop",
        "caller {\"number\": \"+14155550123\"}\n0 start\n1 reply {\"state\": \"packing\"}\n4 done\n\
         5 reply {\"state\": \"ready\"}\n8 done\n12 done",
    ),
    ("goto", "0 start\n3 done\n4 key 2\n7 done\n8 key 1"),
    ("set", "caller {\"calls_recent\": 2, \"language\": \"es\"}\n0 start\n3 done"),
    ("unset", "0 start\n3 done\n4 key 4\n5 key #\n9 key 2\n12 key 5\n13 key #\n17 key 1"),
    ("hours_check", "at 2026-12-24T15:00:00Z\n0 start\n4 done"),
    ("caller_in_list", "caller {\"number\": \"+14155550123\"}\n0 start\n3 done"),
    ("table", "call {\"to\": \"+14155550104\"}\n0 start\n60 queue handled"),
    (
        "queue",
        "caller {\"vip\": true, \"preferred_agent\": \"ada\"}\n0 start\n1 place 2 3\n9 done\n20 key #\n\
         23 done\n30 recorded call-1-1\n33 done",
    ),
    ("transfer", "0 start\n10 transfer busy\n14 done"),
    ("record", "0 start\n4 done\n9 key #\n9.5 recorded call-1-1\n12 done"),
    (
        "lookup",
        "caller {\"number\": \"+14155550123\"}\n0 start\n1 reply {\"balance\": 12, \"pin\": \"1234\"}\n\
         2 done\n60 queue full\n63 done",
    ),
    ("milestone", "0 start\n3 done\n4 key 4\n5 key #\n60 queue handled"),
    ("outcome", "0 start\n3 done\n6 done\n12 timer\n14 done"),
    ("note", "caller {\"calls_recent\": 2, \"vip\": true}\n0 start\n60 queue handled"),
    ("hangup", "0 start\n5 done"),
];

fn tables() -> Vec<&'static Schema> {
    let mut tables: Vec<&Schema> = vec![&HEAD, &hours::TABLE];
    tables.extend(VERBS.iter().map(|verb| &verb.reference.table));
    let mut at = 0;
    while at < tables.len() {
        tables.extend(tables[at].options().filter_map(Described::table));
        at += 1;
    }
    tables
}

/// In capitals stands what the author of a flow chooses.
fn is_chosen(option: &str) -> bool {
    !option.contains(|c: char| c.is_ascii_lowercase())
}

/// Every option that reading these asks for, by its table.
fn asked(sources: impl Iterator<Item = String>) -> BTreeSet<(&'static str, &'static str)> {
    let mut asked = BTreeSet::new();
    for source in sources {
        let problems = Problems::new("test.toml", &source);
        let (table, _) = DeTable::parse_recoverable(&source);
        parse::read("test.toml", &problems, table.get_ref(), &Known::anything());
        asked.extend(problems.asked());
    }
    asked
}

#[test]
fn what_is_read_is_what_the_reference_lists() {
    let listed: BTreeSet<(&str, &str)> = tables()
        .into_iter()
        .flat_map(|table| table.options().map(|option| (table.name, option.name())))
        .filter(|(_, option)| !is_chosen(option))
        .collect();
    assert_eq!(asked(VERBS.iter().map(|verb| verb.reference.example.to_owned())), listed);
}

#[test]
fn each_table_and_option_has_one_name_and_one_sentence() {
    let names: Vec<&str> = tables().iter().map(|table| table.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    for table in tables() {
        let options: Vec<&str> = table.options().map(Described::name).collect();
        let once: BTreeSet<_> = options.iter().collect();
        assert_eq!(once.len(), options.len(), "{}: {options:?}", table.name);
        for option in table.options() {
            let (help, case) = (option.help(), format!("{}.{}", table.name, option.name()));
            let begins = help.starts_with(|c: char| c.is_uppercase() || c == '`');
            assert!(begins && help.ends_with('.') && help.len() <= 100, "{case}: {help}");
            assert!(!option.is().is_empty() && !help.contains("  "), "{case}");
            let is_required = option.without() == "required";
            let is_plain = !is_required && option.leads() == Leads::ByName;
            assert!(!is_plain || !option.without().is_empty(), "{case}: where does it lead?");
        }
    }
    for verb in VERBS {
        assert_eq!(verb.reference.table.name, verb.name);
    }
}

#[test]
fn each_exit_is_listed_and_each_that_is_listed_leads_somewhere() {
    for verb in VERBS {
        let (_, options) = SAMPLES
            .iter()
            .filter(|(name, _)| *name == verb.name)
            .max_by_key(|(_, options)| options.lines().count())
            .unwrap();
        let exits: Vec<&str> = verb
            .reference
            .table
            .options()
            .filter(|option| option.leads() == Leads::ByName && option.name() != "on_error")
            .map(Described::name)
            .collect();
        let by_entry = verb.reference.table.options().find_map(|option| match option.leads() {
            Leads::ByEntry(_) => Some(option.name()),
            Leads::ByName | Leads::Nowhere => None,
        });
        let is_there =
            |exit: &str| options.lines().any(|line| line.starts_with(&format!("{exit} ")));
        let more = exits.iter().filter(|exit| !is_there(exit));
        let more: String = more.map(|exit| format!("\n{exit} = 'end'")).collect();
        let flow = flow(&sample(verb.name, &format!("{options}{more}")));
        let labels: Vec<String> =
            first(&flow).step.exits().into_iter().map(|exit| exit.label).collect();
        let is = |exit: &str, label: &str| exit == label || exit == format!("{label}_next");
        for label in &labels {
            let listed = exits.iter().any(|exit| is(exit, label));
            assert!(listed || by_entry.is_some(), "{}: `{label}` is not listed", verb.name);
        }
        for exit in exits {
            let leads = labels.iter().any(|label| is(exit, label));
            assert!(leads, "{}: `{exit}` leads nowhere: {labels:?}", verb.name);
        }
    }
}

#[test]
fn a_step_needs_no_more_than_the_reference_says() {
    let steps = SAMPLES.iter().map(|(verb, options)| (*verb, sample(verb, options)));
    let examples = VERBS.iter().map(|verb| (verb.name, verb.reference.example.to_owned()));
    for (verb, source) in steps.chain(examples) {
        let entry = VERBS.iter().find(|entry| entry.name == verb).unwrap();
        let may: Vec<_> = (entry.reference.needs)().iter().map(discriminant).collect();
        for need in first(&flow(&source)).step.needs() {
            assert!(may.contains(&discriminant(&need)), "{verb}: {need:?}");
        }
    }
}

#[test]
fn each_example_passes_the_check_without_a_word_and_runs() {
    let mut log = String::new();
    for verb in VERBS {
        let example = verb.reference.example;
        assert_eq!(told(example, &Known::anything()), "", "{}", verb.name);
        let script = SCRIPTS.iter().find(|(name, _)| *name == verb.name);
        let (_, script) = script.unwrap_or_else(|| panic!("no script for `{}`", verb.name));
        let lines = Stage::new(example).play(script);
        assert!(lines.contains(&format!("[{}]", first(&flow(example)).name)), "{lines}");
        writeln!(log, "{}\n{lines}", verb.name).unwrap();
    }
    expect_file!["reference.txt"].assert_eq(&log);
}

#[test]
fn pages_fit_a_terminal_and_an_unknown_one_is_answered_with_those_there_are() {
    let differs =
        |need: &crate::words::Need| Some(format!("{} is done by another way", need.words("x")));
    let fronts = [reference::Front { name: "somewhere", differs: &differs }];
    let overview = reference::overview();
    for name in VERBS.iter().map(|verb| verb.name).chain(["file", "hours", "templates", "keys"]) {
        let page = reference::help(name, &fronts).unwrap();
        let long =
            page.lines().filter(|line| !line.starts_with("    ") && line.chars().count() > 80);
        assert_eq!(long.collect::<Vec<_>>(), [""; 0], "{name}");
        assert!(overview.contains(name), "{name}");
    }
    let queue = reference::help("queue", &fronts).unwrap();
    for part in ["no_agents", "somewhere", "seconds, 1 to 86400", "exit_key         = \"#\""] {
        assert!(queue.contains(part), "{part}\n{queue}");
    }
    let unknown = reference::help("meun", &fronts).unwrap_err();
    assert_eq!(unknown, "the flow language has no `meun`: did you mean `menu`?");
    let unknown = reference::help("x", &fronts).unwrap_err();
    assert!(unknown.contains("`hours`") && unknown.contains("`transfer`"), "{unknown}");
}
