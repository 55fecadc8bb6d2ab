//! What agents do, through the ends of runs.

use std::fs::File;
use std::time::UNIX_EPOCH;

use super::eventually::eventually;
use super::*;
use crate::center::names::Names;
use crate::metrics::Times;

const SECOND: u64 = 1_000;

fn begun(folder: &Path, at: u64) -> Store {
    let head = Head { started_at: Timestamp(at), ..HEAD };
    open(folder, &head, &writing()).unwrap().store
}

fn moves(store: &mut Store, at: u64, state: &AgentState) {
    store.note(Timestamp(at), None);
    store.keep_agent_move(Timestamp(at), "alice", state);
}

/// How long alice was logged in, and occupied.
fn alice(folder: &Path, to: u64) -> (u64, u64) {
    let (mut names, mut times) = (Names::default(), Times::default());
    let reader = read_records(folder).unwrap();
    reader.agent_times(Timestamp(0)..Timestamp(to), &mut names, &mut times).unwrap();
    assert_eq!(times.take_lack(), None, "a new folder knows all");
    times.logged_in_and_occupied(AgentId(0))
}

fn talking() -> AgentState {
    AgentState::Talking { call: CallId(1) }
}

#[test]
fn what_a_lost_run_kept_of_agents_ends_with_its_journal() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = begun(folder.path(), SECOND);
    moves(&mut store, 2 * SECOND, &AgentState::Ready);
    moves(&mut store, 5 * SECOND, &talking());
    store.note(Timestamp(8 * SECOND), None);
    // The thread that writes the database does not come to it any more.
    let Store { kept, journal, .. } = &mut store;
    kept.write();
    journal.write();
    std::mem::forget(store);
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with(super::super::sqlite::FILE) {
            std::fs::copy(&path, copy.path().join(name)).unwrap();
        }
    }
    let mut store = begun(copy.path(), 60 * SECOND);
    assert_eq!(alice(copy.path(), 60 * SECOND), (6 * SECOND, 3 * SECOND));
    // From before the run: it counts from the run's begin on.
    moves(&mut store, 8 * SECOND, &AgentState::Ready);
    store.note(Timestamp(70 * SECOND), None);
    store.shutdown().unwrap();
    assert_eq!(alice(copy.path(), 90 * SECOND), (16 * SECOND, 3 * SECOND));
}

#[test]
fn a_run_that_was_idle_is_taken_to_have_gone_on_until_its_last_sign_of_life() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = begun(folder.path(), SECOND);
    moves(&mut store, 2 * SECOND, &AgentState::Ready);
    kill(store);
    let sign = |at: u64| {
        let lock = File::options().write(true).open(folder.path().join("lock")).unwrap();
        lock.set_modified(UNIX_EPOCH + Duration::from_millis(at)).unwrap();
    };
    sign(9 * SECOND);
    kill(begun(folder.path(), 60 * SECOND));
    assert_eq!(alice(folder.path(), 90 * SECOND), (7 * SECOND, 0));
    // One that a clock of later wrote is none.
    let mut store = begun(folder.path(), 100 * SECOND);
    moves(&mut store, 100 * SECOND, &AgentState::Ready);
    kill(store);
    sign(900 * SECOND);
    kill(begun(folder.path(), 200 * SECOND));
    assert_eq!(alice(folder.path(), 900 * SECOND), (7 * SECOND, 0));
}

/// With an agent logged in and nothing else to do, a run shows that it goes on.
#[test]
fn an_idle_run_shows_signs_of_life_while_an_agent_is_logged_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = begun(folder.path(), SECOND);
    moves(&mut store, 2 * SECOND, &AgentState::Ready);
    let lock = File::options().write(true).open(folder.path().join("lock")).unwrap();
    lock.set_modified(UNIX_EPOCH).unwrap();
    eventually("a sign of life", || lock.metadata().unwrap().modified().unwrap() != UNIX_EPOCH);
    assert!(alive_until(folder.path()) > Some(Timestamp(60 * SECOND)));
    store.shutdown().unwrap();
}
