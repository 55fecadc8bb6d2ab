//! `attendant callers`: what is kept of a caller is handed over, and taken out.

use std::fs;

use serde_json::Value;

use crate::clock::SOON;
use crate::flows::{ALICE, CALLER_HZ, GREETING_HZ};
use crate::rig::{Plan, Rig};

const FLOW: &str = r#"
[flow]
numbers = ["2000"]
start   = "voicemail"
[record.voicemail]
text         = "greeting.wav"
length_s_max = 60
length_s_min = 0.5
silence_s    = 1
next         = "bye"
empty        = "bye"
[hangup.bye]
"#;

/// Runs `attendant callers` and returns what it says.
#[track_caller]
fn callers(rig: &Rig, arguments: &[&str]) -> String {
    let arguments = [&["callers"], arguments, &["--config"]].concat();
    let done = rig.command(&arguments).arg(rig.config_file()).output().expect("it starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

fn leaves_a_message(rig: &Rig) {
    let mut caller = rig.caller();
    let mut a_leg = caller.call("2000");
    caller.media.expect_tone(GREETING_HZ, SOON);
    caller.media.expect_tone(1_000.0, SOON); // the beep
    caller.media.say(Some(CALLER_HZ));
    caller.media.listen(std::time::Duration::from_millis(1_500));
    caller.bye(&mut a_leg);
}

fn report(rig: &Rig) -> Value {
    let (_, mut report) = rig.get("/v1/metrics").expect("the server listens");
    for of_now in ["at", "from", "to"] {
        report[of_now] = Value::Null;
    }
    report
}

#[test]
fn a_caller_is_handed_over_and_then_taken_out_of_everything() {
    let mut rig = Plan::new(ALICE).flow("voicemail.toml", FLOW).start();
    leaves_a_message(&rig);
    let record = rig.record_when(|it| it["recordings"][0]["state"] == "kept");
    let number = record["from"].as_str().expect("a number").to_owned();
    let file = rig.path().join("state/recordings/000000/call-1-1.wav");
    rig.eventually("the message is there", || file.exists().then_some(()));
    // The present run goes on: what it keeps is apart from what the runs before kept.
    rig.kill();
    rig.start();
    let copies = rig.path().join("copies");
    let export = ["export", &number, "--recordings", copies.to_str().expect("text")];
    let exported: Value = serde_json::from_str(&callers(&rig, &export)).expect("one record");
    assert_eq!((&exported["call"], &exported["from"]), (&record["call"], &record["from"]));
    assert_eq!(fs::read(copies.join("call-1-1.wav")).unwrap(), fs::read(&file).unwrap());

    let before = report(&rig);
    let said = callers(&rig, &["erase", &number]);
    let expected = "erased: calls 1, calls of others that named the number 0, recordings 1, \
                    journals of earlier runs 1\n";
    assert!(said.starts_with(expected), "{said}");
    assert!(!file.exists());
    assert_eq!(report(&rig), before);
    let record = rig.record();
    let from = record["from"].as_str().expect("a word");
    assert!(from.starts_with("erased-") && record["recordings"][0]["state"] == "deleted");
    assert_eq!(callers(&rig, &["export", &number]), "");
    let again = callers(&rig, &["erase", &number]);
    assert!(again.starts_with("erased: calls 0,"), "{again}");
    // No file of the folder has the number.
    for entry in fs::read_dir(rig.path().join("state")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = fs::read(&path).expect("a file");
            let found = bytes.windows(number.len()).any(|it| it == number.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
