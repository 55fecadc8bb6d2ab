//! What is deleted of journals, and what is left in the files of a folder after an erasure.

use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

use super::*;

const NUMBER: &str = "+14155550123";
const DAY: u64 = 86_400_000;

/// A run in which this call comes and ends.
fn with_call(folder: &Path, call: u64) -> Store {
    let mut store = opened(folder).store;
    store.note(Timestamp(2_000), Some(&arrived(call)));
    store.close(record(call, 3_000));
    store.settle(Timestamp(3_000));
    store
}

fn runs(folder: &Path) -> Vec<u64> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut runs: Vec<u64> = segments(folder)
        .unwrap()
        .iter()
        .filter_map(|path| super::super::journal::parse_name(&name(path)))
        .map(|(run, _)| run)
        .collect();
    runs.dedup();
    runs
}

fn written(folder: &Path, run: u64, at: u64) {
    for path in segments(folder).unwrap() {
        if path.to_str().unwrap().contains(&format!("journal-{run:08}-")) {
            let file = File::options().append(true).open(path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_millis(at)).unwrap();
        }
    }
}

/// Files in which the number stands.
fn naming_files(folder: &Path) -> Vec<String> {
    let contains = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(NUMBER.len()).any(|window| window == NUMBER.as_bytes())
    };
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file()).filter(contains);
    files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn journals_of_earlier_runs_go_when_they_are_old() {
    let folder = tempfile::tempdir().unwrap();
    for call in 1..=3 {
        with_call(folder.path(), call).shutdown().unwrap();
    }
    let store = with_call(folder.path(), 4);
    for (run, at) in [(0, DAY), (1, 3 * DAY), (2, DAY), (3, 0)] {
        written(folder.path(), run, at);
    }
    let errands = store.errands();
    assert_eq!(errands.delete_old_runs(folder.path(), None).unwrap(), 0);
    let since = Some(Timestamp(2 * DAY));
    assert_eq!(errands.delete_old_runs(folder.path(), since).unwrap(), 2);
    assert_eq!(runs(folder.path()), [1, 3], "the present run stays, however old");
    assert_eq!(errands.delete_old_runs(folder.path(), since).unwrap(), 0);
    drop(errands);
    store.shutdown().unwrap();
    assert_eq!(all(folder.path()).len(), 4);
    // A number of a run is never given again.
    drop(opened(folder.path()).store.shutdown());
    assert_eq!(runs(folder.path()), [1, 3, 4]);
}

/// A call that goes on from a lost run needs the journal of that.
#[test]
fn a_journal_that_a_start_may_need_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    store.note(Timestamp(2_000), Some(&arrived(1)));
    kill(store);
    let mut goes_on = Knows { live: BTreeSet::from([CallId(1)]), ..Knows::default() };
    let found = look(folder.path(), NodeId::default(), &mut goes_on).unwrap();
    let store = found.begin(&HEAD, &writing()).unwrap().store;
    written(folder.path(), 0, 0);
    let errands = store.errands();
    assert_eq!(errands.delete_old_runs(folder.path(), Some(Timestamp(DAY))).unwrap(), 0);
    assert_eq!(runs(folder.path()), [0, 1]);
    drop(errands);
    kill(store);
}

#[test]
fn an_erased_caller_is_in_no_file_once_their_run_is_over() {
    let folder = tempfile::tempdir().unwrap();
    with_call(folder.path(), 1).shutdown().unwrap();
    let mut other = arrived(9);
    if let Event::CallArrived { from, .. } = &mut other {
        from.number = Some("+14155550199".to_owned());
    }
    let mut store = opened(folder.path()).store;
    store.note(Timestamp(2_000), Some(&other));
    store.shutdown().unwrap();
    let store = with_call(folder.path(), 2);
    let errands = store.errands();
    let erased = errands.erase(NUMBER, "erased-0", Vec::new()).unwrap();
    assert_eq!(erased.calls, [CallId(1), CallId(2)]);
    assert_eq!(errands.delete_old_runs(folder.path(), None).unwrap(), 1);
    assert_eq!(runs(folder.path()), [1, 2], "the run without a call of theirs stays");
    assert_eq!(naming_files(folder.path()), ["journal-00000002-000000.jsonl"]);
    assert_eq!(errands.delete_old_runs(folder.path(), None).unwrap(), 0);
    drop(errands);
    store.shutdown().unwrap();
    // The next run deletes what the one before had to keep, once.
    let store = opened(folder.path()).store;
    let errands = store.errands();
    assert_eq!(errands.delete_old_runs(folder.path(), None).unwrap(), 1);
    assert_eq!(naming_files(folder.path()), [""; 0]);
    assert_eq!(errands.delete_old_runs(folder.path(), None).unwrap(), 0);
    drop(errands);
    store.shutdown().unwrap();
    assert_eq!(all(folder.path()).len(), 3, "the other's call got its record at the next start");
}

/// While the database takes nothing, nothing is erased, and whoever asks learns it.
#[test]
fn an_errand_does_nothing_where_what_came_before_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    let errands = store.errands();
    let holder = sqlite::tests::Holder::of(folder.path());
    store.close(record(1, 3_000));
    let erased = errands.erase(NUMBER, "erased-0", Vec::new());
    assert!(matches!(erased, Err(StoreError::Behind)), "{erased:?}");
    drop((holder, errands));
    store.shutdown().unwrap();
    assert_eq!(all(folder.path())[0].from.as_deref(), Some(NUMBER));
}
