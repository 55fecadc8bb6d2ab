//! Calls by SIP that ask an HTTP service: what they hear meanwhile, and where they go.

use std::fs;
use std::time::Duration;

use crate::clock::SOON;
use crate::flows::{ALICE, CLOSED_HZ, GREETING_HZ, MENU_HZ, WRONG_KEY_HZ};
use crate::rig::{Plan, Rig};
use crate::service::{SLOW, Service};

const TOKEN: &str = "token-of-the-customer-database";

/// The number dialed is the path that is asked for. While the service is asked, the caller hears
/// the menu's tone.
pub(crate) const FLOW: &str = r#"
[flow]
numbers = ["3001", "3002", "3003", "3004", "3005", "3006", "3007", "3008", "3009"]
start   = "who"

[lookup.who]
url       = "http://SERVICE/line/{{ call.to }}"
method    = "post"
headers   = { Authorization = { before = "Bearer ", secret = "crm" } }
body      = { line = "{{ call.to }}" }
set       = { name = "person.name", code = { path = "person.code", secret = true } }
text      = "menu.wav"
timeout_s = TIMEOUT
ok        = "known"
none      = "nobody"
failed    = "failed"
timeout   = "failed"

[branch.known]
cases = [{ if = "name == 'Ada' and code == '4711-0815'", next = "hello" }]
else  = "failed"

[play.hello]
file = "greeting.wav"
next = "bye"
[play.nobody]
file = "closed.wav"
next = "bye"
[play.failed]
file = "wrong.wav"
next = "bye"
[hangup.bye]
"#;

fn rig(service: &Service, timeout_s: u32) -> Rig {
    let address = service.address.to_string();
    let flow = FLOW.replace("SERVICE", &address).replace("TIMEOUT", &timeout_s.to_string());
    Plan::new(ALICE)
        .flow("lookup.toml", &flow)
        .set("lookup.allow_hosts", &format!("[\"{address}\"]"))
        .set("lookup.secrets.crm", &format!("\"{TOKEN}\""))
        .start()
}

#[test]
fn a_call_goes_where_the_answer_leads_and_no_file_has_a_secret() {
    let service = Service::start();
    let rig = rig(&service, 20);
    let cases = [
        ("3001", GREETING_HZ),
        ("3004", CLOSED_HZ),
        ("3005", WRONG_KEY_HZ),
        ("3006", WRONG_KEY_HZ),
        ("3007", WRONG_KEY_HZ),
        ("3008", WRONG_KEY_HZ),
        ("3009", CLOSED_HZ),
    ];
    for (number, tone) in cases {
        let mut caller = rig.caller();
        let _dialog = caller.call(number);
        caller.media.expect_tone(tone, SOON);
        caller.expect_bye();
    }
    let records = rig.records(cases.len());
    let known = records.iter().find(|record| record["to"] == "3001").expect("a record");
    assert_eq!(known["vars"], serde_json::json!({ "name": "Ada" }), "{known:#}");
    let came = service.asked(cases.len());
    assert_eq!(came.len(), cases.len(), "no redirect is followed, nothing is asked twice");
    assert_eq!(
        (came[0].path.as_str(), came[0].body.as_str()),
        ("/line/3001", r#"{"line":"3001"}"#)
    );
    assert_eq!(came[0].header("authorization"), Some(&*format!("bearer {TOKEN}")));
    assert_eq!(came[0].header("content-type"), Some("application/json"));

    let state = fs::read_dir(rig.path().join("state")).expect("a folder").flatten();
    let journal: Vec<String> = state
        .filter(|file| file.path().extension().is_some_and(|it| it == "jsonl"))
        .map(|file| fs::read_to_string(file.path()).expect("lines"))
        .collect();
    assert!(journal.concat().contains("\"Ada\""), "replies are in the journal");
    for text in journal.iter().chain([&rig.said()]) {
        assert!(!text.contains("4711-0815") && !text.contains(TOKEN), "{text}");
    }
}

#[test]
fn a_caller_who_waits_hears_it_and_holds_up_nobody() {
    let service = Service::start();
    let rig = rig(&service, 20);
    let mut waiting = rig.caller();
    let _dialog = waiting.call(SLOW);
    service.asked(1);
    waiting.media.expect_tone(MENU_HZ, SOON);
    let mut other = rig.caller();
    let _other = other.call("3001");
    other.media.expect_tone(GREETING_HZ, SOON);
    other.expect_bye();
    waiting.media.expect_tone(MENU_HZ, SOON);
    service.release();
    waiting.media.expect_tone(GREETING_HZ, SOON);
    waiting.expect_bye();
}

#[test]
fn a_service_that_takes_too_long_is_not_waited_for() {
    let service = Service::start();
    let rig = rig(&service, 1);
    let mut caller = rig.caller();
    let _dialog = caller.call(SLOW);
    caller.media.expect_tone(WRONG_KEY_HZ, SOON);
    // Its answer comes late, and nothing comes of it.
    service.release();
    caller.media.listen(Duration::from_millis(200));
    let record = rig.record();
    let path: Vec<&str> = record["path"]
        .as_array()
        .expect("a path")
        .iter()
        .filter_map(|entry| entry["step"].as_str())
        .collect();
    assert_eq!(path, ["who", "failed", "bye"], "{record:#}");
    caller.expect_bye();
}

#[test]
fn hosts_that_are_not_allowed_are_refused_by_the_check() {
    let service = Service::start();
    let flow = FLOW.replace("SERVICE", "169.254.169.254").replace("TIMEOUT", "3");
    let rig = Plan::new(ALICE)
        .flow("lookup.toml", &flow)
        .set("lookup.allow_hosts", &format!("[\"{}\"]", service.address))
        .set("lookup.secrets.crm", "\"x\"")
        .lay_out();
    let checked = rig.command(&["check", "--config"]).arg(rig.config_file()).output();
    let checked = checked.expect("it ends");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(checked.status.code(), Some(65), "{said}");
    assert!(said.contains("look-ups may not ask `169.254.169.254`"), "{said}");
}
