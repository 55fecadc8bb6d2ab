//! What was promised is found after a kill: noted, kept, and written before the promise leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::store::journal::Segment;

/// A copy of what a process that is killed now would leave, without the database: that may have
/// nothing yet.
fn left_behind(folder: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().extension().is_some_and(|it| it == "jsonl") {
            fs::copy(entry.path(), left.path().join(entry.file_name())).unwrap();
        }
    }
    left
}

#[test]
fn fault_01_what_was_settled_before_a_kill_is_found_and_nothing_else_was_promised() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    store.note(Timestamp(1_100), Some(&arrived(1)));
    assert_eq!(store.settle(Timestamp(1_100)), Settled::Written);
    store.note(Timestamp(1_101), Some(&arrived(2)));
    store.kill();
    assert_eq!(opened(folder.path()).recovered.calls, [CallId(1)]);
}

#[test]
fn fault_01_a_turn_gives_all_it_noted_to_the_system_and_nothing_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    let written = || read_run(&segments(folder.path()).unwrap()).unwrap().entries.len();
    assert_eq!(store.settle(Timestamp(2_000)), Settled::Already, "there is nothing");
    for at in 2_000..2_003 {
        store.note(Timestamp(at), None);
    }
    assert_eq!(written(), 0);
    assert_eq!(store.settle(Timestamp(2_003)), Settled::Written);
    assert_eq!((written(), store.poll_timeout()), (3, None));
    store.shutdown().unwrap();
}

#[test]
fn fault_01_what_is_kept_is_there_before_the_database_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    store.note(Timestamp(1_100), Some(&arrived(1)));
    store.keep_session(CallId(1), "{\"n\":\"old\"}".to_owned());
    store.keep_session(CallId(1), "{\"n\":\"new\"}".to_owned());
    store.keep_leg("v3:a".to_owned(), "{}".to_owned());
    store.keep_leg("v3:b".to_owned(), "{}".to_owned());
    store.forget_leg("v3:a".to_owned());
    store.keep_agent_state("alice", SavedAgentState::Ready);
    assert_eq!(store.settle(Timestamp(1_100)), Settled::Written);
    // Not promised: kept of a call that the journal has never heard of.
    store.keep_session(CallId(2), "{}".to_owned());
    store.kept.write();
    let left = left_behind(folder.path());
    let mut torn = fs::OpenOptions::new().append(true).open(left.path().join("kept-0.jsonl"));
    torn.as_mut().unwrap().write_all(b"[9,{\"session\":{\"call\":1,").unwrap();
    let found = opened(left.path());
    assert_eq!(found.sessions, [(CallId(1), "{\"n\":\"new\"}".to_owned())]);
    assert_eq!(found.legs, [("v3:b".to_owned(), "{}".to_owned())]);
    assert_eq!(found.agent_states, BTreeMap::from([("alice".to_owned(), SavedAgentState::Ready)]));
    assert_eq!(found.recovered.calls, [CallId(1)]);
    store.shutdown().unwrap();
}

/// What an agent said of a call is promised to the agent, and belongs to a record that may be in
/// the database before it.
#[test]
fn fault_01_after_call_work_is_there_before_the_database_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    store.close(record(1, 1_200));
    let leg = LegId { call: CallId(1), n: 1 };
    let wrap_up = WrapUp { leg, acw_ms: 7, resolved: Some(true), intent: None, note: None };
    store.amend(CallId(1), wrap_up.clone());
    store.settle(Timestamp(1_300));
    let left = left_behind(folder.path());
    let mut db = database::of(&StorePlace::from(left.path())).unwrap().writer().unwrap();
    db.migrate().unwrap();
    db.apply(&[database::Change::Close(record(1, 1_200))]).unwrap();
    drop(db);
    drop(opened(left.path()));
    assert_eq!(all(left.path())[0].legs[0].wrap_up, Some(wrap_up));
    store.shutdown().unwrap();
}

#[test]
fn fault_01_a_line_that_is_older_than_the_database_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    for text in ["a", "b"] {
        store.keep_session(CallId(1), text.to_owned());
        store.settle(Timestamp(1_100));
    }
    let file = folder.path().join("kept-0.jsonl");
    let old = fs::read_to_string(&file).unwrap();
    assert_eq!(old.lines().count(), 2);
    store.shutdown().unwrap();
    // As if the database had been brought up to date, and a process were killed before it knew.
    fs::write(&file, old.lines().next().unwrap().to_owned() + "\n").unwrap();
    let Opened { mut store, sessions, .. } = opened(folder.path());
    assert_eq!(sessions, [(CallId(1), "b".to_owned())]);
    // Numbers go on, so the next is newer than any before.
    store.keep_session(CallId(1), "c".to_owned());
    store.settle(Timestamp(1_200));
    assert!(fs::read_to_string(&file).unwrap().starts_with("[2,"));
    store.shutdown().unwrap();
}

#[test]
fn fault_01_files_beside_the_journal_stay_small() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    let text = "x".repeat(SESSION_LEN_MAX);
    for n in 0..64 {
        store.keep_session(CallId(n), text.clone());
        store.settle(Timestamp(1_100));
        while store.shared.kept_until() <= n {
            std::thread::yield_now();
        }
    }
    for name in ["kept-0.jsonl", "kept-1.jsonl"] {
        let len = fs::metadata(folder.path().join(name)).unwrap().len();
        assert!(len > 0 && len < 5 * 1024 * 1024, "{name}: {len}");
    }
    store.shutdown().unwrap();
}

/// While the disk takes nothing, no call is taken; what is noted meanwhile is written afterwards,
/// though the driver promises nothing any more.
#[cfg(target_os = "linux")]
#[test]
fn fault_11_a_full_disk_is_known_and_loses_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    store.note(Timestamp(1_100), Some(&arrived(1)));
    store.settle(Timestamp(1_100));
    store.shared.segments().current = Some(Arc::new(Segment::full_disk()));
    store.note(Timestamp(1_200), Some(&arrived(2)));
    assert_eq!(store.settle(Timestamp(1_200)), Settled::Unwritten);
    assert!(store.health().journal_failing && !store.is_accepting());
    assert_eq!(store.note(Timestamp(1_300), None), Noted::Lagging);
    let mut now = store.poll_timeout().unwrap();
    while !store.is_accepting() {
        store.settle(now);
        now = store.poll_timeout().unwrap_or(now);
        std::thread::yield_now();
    }
    assert!(!store.health().journal_failing && store.health().lost == 0);
    let run = read_run(&segments(folder.path()).unwrap()).unwrap();
    let seqs: Vec<u64> = run.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!((seqs, run.damaged), (vec![0, 1, 2], 0));
    store.kill();
    let Opened { store, recovered, .. } = opened(folder.path());
    assert_eq!(recovered.calls, [CallId(1), CallId(2)]);
    store.shutdown().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn fault_11_an_end_in_order_on_a_segment_that_fails_begins_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    store.note(Timestamp(1_100), None);
    store.shared.segments().current = Some(Arc::new(Segment::full_disk()));
    store.shutdown().unwrap();
    assert_eq!(read_run(&segments(folder.path()).unwrap()).unwrap().entries.len(), 1);
}

/// A disk that takes lines and does not sync them in time: live calls go on, with the room that is
/// left, and new ones are refused until it has caught up.
#[test]
fn fault_01_from_half_of_the_lines_that_memory_holds_no_new_call_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    let Event::CallArrived { call, from, via, .. } = arrived(1) else { panic!() };
    let event = Event::CallArrived { call, from, to: "x".repeat(1_000_000), via };
    let mut noted = 0;
    while store.is_accepting() {
        assert_ne!(store.note(Timestamp(1_100), Some(&event)), Noted::Lost, "{noted}");
        noted += 1;
    }
    assert_eq!(noted, super::super::appender::LINES_KEPT_MAX / 2_000_000 + 1);
    assert!(store.health().is_good(), "nothing is lost yet");
    // It is known without a new call that there is room again.
    let mut now = Timestamp(1_100);
    while !store.is_accepting() {
        store.settle(now);
        now = store.poll_timeout().unwrap_or(now);
        std::thread::yield_now();
    }
    store.settle(now);
    assert!(store.poll_timeout().is_none() && store.health().is_good());
    store.kill();
}

/// The next segment is made by the thread, and the one before is not waited for.
#[test]
fn fault_01_a_full_segment_is_followed_by_one_that_says_what_it_may_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    let Event::CallArrived { call, from, via, .. } = arrived(1) else { panic!() };
    let event = Event::CallArrived { call, from, to: "x".repeat(200_000), via };
    let note = |store: &mut Store, count: u64| {
        for _ in 0..count {
            store.note(Timestamp(1_100), Some(&event));
            store.settle(Timestamp(1_100));
        }
    };
    let half = journal::SEGMENT_LEN_MAX / 2 / 200_000 + 1;
    note(&mut store, half);
    let is_ready = |store: &Store| {
        let segments = store.shared.segments();
        let synced = segments.current.as_ref().is_some_and(|it| it.synced() == it.given());
        synced && segments.spare.is_some()
    };
    while !is_ready(&store) {
        std::thread::yield_now();
    }
    note(&mut store, half + 10);
    assert!(store.health().is_good());
    store.kill();
    let paths = segments(folder.path()).unwrap();
    assert!(paths.len() >= 2, "{paths:?}");
    let run = read_run(&paths).unwrap();
    let seqs: Vec<u64> = run.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (0..2 * half + 10).collect::<Vec<_>>());
    let Opened { store, recovered, .. } = opened(folder.path());
    assert_eq!(recovered.calls, [CallId(1)]);
    store.shutdown().unwrap();
}

/// A call that came, and whose answer did not leave because that could not be written.
#[test]
fn fault_01_a_call_that_came_and_was_refused_has_one_record_of_that() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    let (call, by, cause) = (CallId(1), EndedBy::Server, Cause::CONGESTION);
    let Event::CallArrived { from, to, via, .. } = arrived(1) else { unreachable!() };
    store.note(Timestamp(1_100), Some(&arrived(1)));
    store.note(Timestamp(1_100), Some(&Event::CallRefused { call, from, to, via, by, cause }));
    kill(store);
    let Opened { store, recovered, .. } = opened(folder.path());
    assert_eq!(recovered.calls, [call]);
    kill(store);
    let [record] = &all(folder.path())[..] else { panic!("one record") };
    assert_eq!((record.outcome, record.ended_by), (CallOutcome::Refused, by));
}

/// A server that looks and begins no run leaves all to the next that looks.
#[test]
fn fault_33_a_look_changes_nothing_of_what_a_lost_run_left() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    store.note(Timestamp(1_100), Some(&arrived(1)));
    store.note(Timestamp(1_100), Some(&arrived(2)));
    store.keep_session(CallId(2), "{}".to_owned());
    kill(store);
    let files = || -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(folder.path()).unwrap().flatten().map(|file| file.path());
        let lines = files.filter(|file| file.extension().is_some_and(|it| it == "jsonl"));
        lines.map(|file| (file.clone(), fs::read(file).unwrap())).collect()
    };
    let before = files();
    for _ in 0..2 {
        let mut knows = Knows { live: [CallId(2)].into(), ..Knows::default() };
        drop(look(folder.path(), NodeId::default(), &mut knows).unwrap());
        assert_eq!((knows.runs, knows.inputs), (vec![0], 2), "it was replayed all the same");
        assert!(files() == before && all(folder.path()).is_empty());
    }
    let mut knows = Knows { live: [CallId(2)].into(), ..Knows::default() };
    let opened = look(folder.path(), NodeId::default(), &mut knows)
        .unwrap()
        .begin(&HEAD, &writing())
        .unwrap();
    assert_eq!(
        (opened.recovered.calls, opened.recovered.carried),
        (vec![CallId(1)], [CallId(2)].into())
    );
    assert_eq!(opened.sessions, [(CallId(2), "{}".to_owned())]);
    kill(opened.store);
}
