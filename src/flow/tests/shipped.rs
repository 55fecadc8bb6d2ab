//! The flows in `flows/`, and what a [`Flow`] tells about itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::{expect, expect_file};

use super::{Stage, check, flow, tell_prompt};
use crate::flow::{Flow, Known, explain, parse};

const SUPPORT: &str = include_str!("../../../flows/support.toml");
const AFTERHOURS: &str = include_str!("../../../flows/afterhours.toml");
const ACCOUNT: &str = include_str!("../../../flows/account.toml");
const CARRIERS: &str = include_str!("../../../flows/carriers.csv");
const ORDERS: &str = include_str!("../../../flows/orders.toml");

fn shipped(file: &str, source: &str) -> Flow {
    let set = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let known = Known {
        skills: set(&["billing", "sales", "tech"]),
        staff: None,
        queues: Some(BTreeSet::new()),
        trunks: Some(BTreeSet::new()),
        agents: Some(BTreeSet::new()),
        caller_fields: Some(BTreeSet::new()),
        sounds: Some(BTreeSet::new()),
        files: Some([("carriers.csv".to_owned(), Ok(CARRIERS.into()))].into()),
        music: Some(BTreeSet::new()),
        services: set(&["crm.example.com"]),
        hidden_names: Some(BTreeSet::new()),
    };
    match parse(file, source, &known) {
        Ok(flow) => flow,
        Err(diagnostics) => panic!("{}", explain(&diagnostics)),
    }
}

#[test]
fn shipped_flows_load_without_a_word_on_a_fresh_installation() {
    let files = [
        ("support", SUPPORT),
        ("afterhours", AFTERHOURS),
        ("account", ACCOUNT),
        ("orders", ORDERS),
    ];
    for (file, source) in files {
        let flow = shipped(&format!("flows/{file}.toml"), source);
        assert_eq!(explain(flow.warnings()), "");
        assert_eq!(&**flow.name(), file);
    }
}

#[test]
fn a_flow_tells_its_graph_its_queues_and_its_sounds() {
    let flow = shipped("flows/support.toml", SUPPORT);
    let mut text = format!("{:?} start {}\n", flow.numbers(), flow.start());
    for step in flow.steps() {
        let exits: Vec<_> = step.exits.iter().map(|(label, to)| format!("{label}>{to}")).collect();
        writeln!(text, "{} {}: {}", step.verb, step.name, exits.join(" ")).unwrap();
    }
    for queue in flow.queues() {
        writeln!(text, "queue {} for {:?}", queue.queue, queue.intent).unwrap();
    }
    for prompt in flow.static_prompts() {
        writeln!(text, "prompt {}", tell_prompt(&prompt)).unwrap();
    }
    for (step, to, phrases) in flow.phrases() {
        writeln!(text, "{step} {to}: {}", phrases.join(", ")).unwrap();
    }
    expect_file!["support.txt"].assert_eq(&text);
}

#[test]
fn the_version_follows_the_file() {
    let version = |source: &str| flow(source).version().to_string();
    let source = "[flow]\nstart = \"a\"\n[hangup.a]\n";
    assert_eq!(version(source), "533d4a24069f");
    assert_ne!(version(source), version(&format!("{source}\n")));
}

#[test]
fn a_customer_reaches_billing() {
    check(
        SUPPORT,
        r#"caller {"name": "Ada", "vip": true, "known": true}
           0 start
           2 done
           3 key 1
           4 key 4
           5 key 7
           6 key 1
           7 key 1
          10 done
          10 place 2 5
          18 done
          30 queue handled
          33 done"#,
        expect![[r#"
            0.0 > start
                  [greeting]
                  play "Welcome to Acme, Ada."
            2.0 > done
                  [open_now]
                  [main]
                  play "For billing, press 1. For technical help, press 2. For an operator, press 0. To hear this again, press star."
            3.0 > key 1
                  main: Matched
                  [account]
                  play "Please enter your four digit account number."
            4.0 > key 4
                  stop
            5.0 > key 7
            6.0 > key 1
            7.0 > key 1
                  account: Matched
                  [confirm]
                  play "Thank you. Your account is 4 7 1 1."
            10.0 > done
                  [billing]
                  intent billing
                  play on <default>
                  enqueue billing: billing=1, priority 8, wait 600s, after 90s billing=0
            15.0 > timer
                  play "You are number 2 in line."
            18.0 > done
                  play on <default>
            30.0 > queue handled
                  [goodbye]
                  play "Thank you for calling Acme. Goodbye."
            33.0 > done
                  hang up 16
        "#]],
    );
}

#[test]
fn a_silent_caller_reaches_a_person() {
    check(
        SUPPORT,
        "0 start\n 2 done\n 8 done\n 20 done\n 30 done\n 40 key #",
        expect![[r#"
            0.0 > start
                  [greeting]
                  play "Welcome to Acme."
            2.0 > done
                  [open_now]
                  [main]
                  play "For billing, press 1. For technical help, press 2. For an operator, press 0. To hear this again, press star."
            8.0 > done
            13.0 > timer
                  main: NoInput
                  play "I did not hear you." + "For billing, press 1. For technical help, press 2. For an operator, press 0. To hear this again, press star."
            20.0 > done
            25.0 > timer
                  main: NoInput
                  play "Please press a key now." + "For billing, press 1. For technical help, press 2. For an operator, press 0. To hear this again, press star."
            30.0 > done
            35.0 > timer
                  main: NoInput
                  [operator]
                  intent operator
                  play on <default>
                  enqueue operator:, priority 5, wait 600s
            40.0 > timer
            40.0 > key #
                  leave queue
                  [back]
                  play "All right, back to the menu."
        "#]],
    );
}

#[test]
fn at_night_a_known_number_need_not_be_typed() {
    let call = "0 start\n 1 key 1\n 2 key 1\n";
    let ada = "caller {\"number\": \"+14155550123\", \"anonymous\": false}";
    check(
        AFTERHOURS,
        &format!("{ada}\n {call} 9 done\n 10 done"),
        expect![[r#"
            0.0 > start
                  [closed]
                  play "Thank you for calling Acme. Our office is closed."
            1.0 > key 1
                  [choice]
                  choice: Matched
                  [use_this_number]
                  [same_number]
                  play "To be called at the number you are calling from, press 1. For another number, press 2."
            2.0 > key 1
                  same_number: Matched
                  [keep]
                  intent callback
                  [noted]
                  play "Thank you. We will call 1 4 1 5 5 5 5 0 1 2 3 in the morning."
            9.0 > done
                  [goodbye]
                  play "Goodbye."
            10.0 > done
                  hang up 16
        "#]],
    );
    let ways = "9 key 2\n 9 key 5\n 9 key 5\n 9 key #\n 12 hangs up";
    check(
        AFTERHOURS,
        &format!("{call} {ways}"),
        expect![[r#"
            0.0 > start
                  [closed]
                  play "Thank you for calling Acme. Our office is closed."
            1.0 > key 1
                  [choice]
                  choice: Matched
                  [use_this_number]
                  [number]
                  play "Enter the number to call, then press pound."
            2.0 > key 1
                  stop
            5.0 > timer
                  number: Partial
                  play "That number is too short." + "Enter the number to call, then press pound."
            9.0 > key 2
                  stop
            9.0 > key 5
            9.0 > key 5
            9.0 > key #
                  number: Partial
                  play "That number is too short." + "Enter the number to call, then press pound."
            12.0 > hangs up
                  [left]
                  [gave_up]
                  intent gave_up
                  [end]
        "#]],
    );
    let said = Stage::new(AFTERHOURS).play("0 start\n 1 key 2\n 2 key 2\n 9 transfer busy");
    assert!(said.contains("transfer to \"+14155550199\"") && said.contains("[not_reached]"));
}
