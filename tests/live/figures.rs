//! The faces of the figures: `/metrics`, `/v1/metrics`, the records and `attendant report` say the
//! same, while the server runs and after it was killed.

use serde_json::{Value, json};

use crate::clock::SOON;
use crate::flows::{ALICE, MENU_HZ};
use crate::rig::{Plan, Rig};

/// What agents' time goes into grows between two answers.
const TIMES: [&str; 9] = [
    "logged_in_s",
    "not_ready_s",
    "ready_s",
    "own_call_s",
    "reserved_s",
    "talking_s",
    "after_call_work_s",
    "occupancy",
    "utilisation",
];

/// Calls by outcome, as each face has them.
#[track_caller]
fn outcomes(rig: &Rig) -> [Value; 4] {
    let (_, report) = rig.get("/v1/metrics").expect("the server listens");
    let printed = rig.command(&["report", "--json", "--config"]).arg(rig.config_file()).output();
    let printed = printed.expect("it starts").stdout;
    let printed: Value = serde_json::from_slice(&printed).expect("JSON");
    for (name, said) in report.as_object().expect("an object") {
        let is_of_now = ["at", "from", "to", "kept", "agents"].contains(&name.as_str());
        if !is_of_now && !TIMES.contains(&name.as_str()) {
            assert_eq!(said, &printed[name], "{name}");
        }
    }
    let (_, records) = rig.get("/v1/records").expect("the server listens");
    let mut listed = json!({});
    for record in records["records"].as_array().expect("a list") {
        let of = &mut listed[record["outcome"].as_str().expect("a word")];
        *of = json!(of.as_u64().unwrap_or(0) + 1);
    }
    let (_, Value::String(text)) = rig.get("/metrics").expect("the server listens") else {
        panic!("/metrics is text");
    };
    let mut counted = json!({});
    for line in text.lines() {
        let rest = line.strip_prefix("attendant_calls_total{outcome=\"");
        let Some((outcome, n)) = rest.and_then(|rest| rest.split_once("\"} ")) else { continue };
        if n != "0" {
            counted[outcome] = json!(n.parse::<u64>().expect("a number"));
        }
    }
    let rate = text.lines().find_map(|it| it.strip_prefix("attendant_recent_containment_rate "));
    let said = report["containment_rate"]["value"].as_f64();
    assert_eq!(rate.and_then(|rate| rate.parse().ok()), said, "{text}");
    [report["outcomes"].clone(), printed["outcomes"].clone(), listed, counted]
}

/// The menu says goodbye to this caller.
#[track_caller]
fn is_contained(rig: &Rig) {
    let mut caller = rig.caller();
    caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.media.press('2');
    caller.expect_bye();
}

#[test]
fn the_faces_of_the_figures_agree() {
    let mut rig = Plan::new(ALICE).start();
    is_contained(&rig);
    is_contained(&rig);
    let two = json!({ "contained": 2 });
    let is_recorded = |rig: &Rig, n| {
        let (_, records) = rig.get("/v1/records")?;
        (records["records"].as_array()?.len() == n).then_some(())
    };
    rig.eventually("two records", || is_recorded(&rig, 2));
    assert_eq!(outcomes(&rig), [(); 4].map(|()| two.clone()));
    rig.kill();
    rig.start();
    is_contained(&rig);
    rig.eventually("three records", || is_recorded(&rig, 3));
    let [live, printed, listed, since_the_start] = outcomes(&rig);
    let three = json!({ "contained": 3 });
    assert_eq!([&live, &printed, &listed], [&three; 3]);
    assert_eq!(since_the_start, json!({ "contained": 1 }), "a counter begins with the process");
}
