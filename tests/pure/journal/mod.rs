//! Journals that earlier builds wrote, read back: `tests/data/journal/vN`, one folder per version
//! of the format, each with two runs of a server (the second goes on with a call of the first) and
//! the records that they closed.
//!
//! **Invariant:** whatever changes, a journal that is kept here gives the same records, byte for
//! byte; where records say more today than they did, they say the same when that is left out
//! ([`as_before`]). Its files are never written anew: a new version of the format gets a folder of
//! its own, with `ATTENDANT_WRITE_JOURNAL=1`.

mod day;

use std::path::PathBuf;

use attendant::center::ContactCenter;
use attendant::center::journal::{Header, VERSION};
use attendant::sim::journal::{parse, try_replay_with};
use serde_json::Value;

use day::{Written, lines};

fn folder(version: u32) -> PathBuf {
    PathBuf::from(format!("tests/data/journal/v{version}"))
}

fn lines_of(version: u32, name: &str) -> String {
    let path = folder(version).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}\nhelp: ATTENDANT_WRITE_JOURNAL=1 cargo pure journal:: writes what this \
             build writes, once per version of the format",
            path.display()
        )
    })
}

/// The records of runs that go on with each other, one a line, with all that became known of them.
fn replayed(runs: &[&str]) -> String {
    let mut center = ContactCenter::new(day::setup());
    let mut records = Vec::new();
    let mut before: Option<Header> = None;
    for run in runs {
        let (header, entries) = parse(run).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(header.continues, before.as_ref().map(|before| before.run));
        if before.is_some() {
            center.begin_run();
        }
        before = Some(header);
        let replay = try_replay_with(center, &entries, true);
        let replay = replay.unwrap_or_else(|broken| panic!("{broken}"));
        records.extend(replay.records);
        center = replay.center;
    }
    lines(records)
}

#[test]
fn journals_of_earlier_builds_give_the_records_they_gave() {
    if std::env::var_os("ATTENDANT_WRITE_JOURNAL").is_some() {
        write_missing();
    }
    for version in 2..=VERSION {
        let runs = ["run-1.jsonl", "run-2.jsonl"].map(|name| lines_of(version, name));
        let records = replayed(&runs.each_ref().map(String::as_str));
        let expected = lines_of(version, "records.jsonl");
        let message = format!("a journal of version {version} is read otherwise");
        if version < INPUTS_SINCE {
            let found: Vec<_> = records.lines().map(|line| as_before(&json(line))).collect();
            let expected: Vec<_> = expected.lines().map(json).collect();
            assert_eq!(found, expected, "{message}");
            continue;
        }
        for (found, expected) in records.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "{message}");
        }
        assert_eq!(records, expected, "{message}");
    }
}

/// The first version whose records say what callers pressed, and have today's outcomes.
const INPUTS_SINCE: u32 = 4;

fn json(line: &str) -> Value {
    serde_json::from_str(line).expect("a record is JSON")
}

/// A record without what none said before [`INPUTS_SINCE`].
fn as_before(record: &Value) -> Value {
    let mut record = record.clone();
    for step in record["path"].as_array_mut().into_iter().flatten() {
        let step = step.as_object_mut().expect("a step is an object");
        step.retain(|key, _| key != "inputs" && key != "failed");
    }
    let split = ["exited", "voicemail", "ivr_abandoned", "own_call"];
    if split.iter().any(|word| record["outcome"] == *word) {
        record["outcome"] = "contained".into();
    }
    record
}

#[test]
fn what_this_build_writes_it_reads_back() {
    let Written { runs, records } = day::written();
    assert_eq!(replayed(&[&runs[0], &runs[1]]), records);
}

/// Every kind of input that the center knows is in the journals that are kept.
#[test]
fn the_journals_hold_every_kind_of_input() {
    let text = ["run-1.jsonl", "run-2.jsonl"].map(|name| lines_of(VERSION, name)).concat();
    for kind in day::KINDS {
        assert!(text.contains(&format!("\"event\":\"{kind}\"")), "no {kind}");
    }
    for ask in day::ASKS {
        assert!(text.contains(&format!("\"ask\":\"{ask}\"")), "no {ask}");
    }
}

/// What is there already stays as it is.
fn write_missing() {
    let folder = folder(VERSION);
    if folder.exists() {
        return;
    }
    let Written { runs: [first, second], records } = day::written();
    std::fs::create_dir_all(&folder).expect("tests/data can be written");
    let files = [("run-1.jsonl", first), ("run-2.jsonl", second), ("records.jsonl", records)];
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("tests/data can be written");
    }
}
