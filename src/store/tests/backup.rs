//! Copies of a folder that is being written, and starts on them.

use super::eventually::eventually;
use super::*;
use crate::center::names::Names;
use crate::metrics::{Gathering, Report, Target, Times};

fn backed_up(folder: &Path, to: &Path) -> BackedUp {
    back_up(folder, to, None).unwrap()
}

/// Every figure of the calls in a folder.
fn figures(folder: &Path) -> Report {
    let (mut names, mut gathered) = (Names::default(), Gathering::new(Timestamp(9_000_000)));
    let (from, to) = (Timestamp(0), Timestamp(9_000_000));
    let mut times = Times::default();
    let reader = read_records(folder).unwrap();
    reader.gather(from..to, &mut names, &mut gathered).unwrap();
    reader.agent_times(from..to, &mut names, &mut times).unwrap();
    Report::of_records(gathered, (from, to), |_| Target::default(), &times)
}

/// Calls of which some have their records, one is up, and an agent who is ready.
fn at_work(folder: &Path) -> Store {
    names_of(folder);
    let mut store = opened(folder).store;
    store.keep_agent_move(Timestamp(1_500), "alice", &AgentState::Ready);
    for call in 1..=50 {
        store.note(Timestamp(2_000 + call), Some(&arrived(call)));
        if call < 50 {
            store.close(record(call, 3_000 + call));
        }
        store.settle(Timestamp(2_000));
    }
    // Those that the copy lacks are rebuilt of its journal, which this test has nobody for.
    eventually("the records are written", || all(folder).len() >= 49);
    store
}

fn names_of(folder: &Path) {
    keep_names(folder, NodeId::default(), &Names::default()).unwrap();
}

#[test]
fn a_start_on_a_copy_finds_the_records_and_figures_of_its_moment() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copy = other.path().join("monday");
    let mut store = at_work(folder.path());
    let done = backed_up(folder.path(), &copy);
    assert!(done.files >= 4 && done.bytes > 1_000, "{done:?}");
    // The server goes on.
    for call in 51..=60 {
        store.note(Timestamp(4_000), Some(&arrived(call)));
        store.close(record(call, 5_000));
        store.settle(Timestamp(4_000));
    }
    store.close(record(50, 6_000));
    store.shutdown().unwrap();
    let later = all(folder.path());
    assert_eq!(later.len(), 60);
    let was = later.iter().filter(|it| it.call.0 < 50).cloned().collect::<Vec<_>>();
    // And so does one that starts on the copy, once it has the call that was up.
    let started = opened(&copy);
    assert_eq!(started.recovered.calls.last(), Some(&CallId(50)));
    assert!(started.next_call > CallId(50));
    started.store.shutdown().unwrap();
    let found = all(&copy);
    assert_eq!((found[0].call, found[0].ended_by), (CallId(50), EndedBy::ServerLost));
    assert_eq!(found[1..], was);
    // The same figures as the folder of a server that was killed then.
    let killed = tempfile::tempdir().unwrap();
    kill(at_work(killed.path()));
    opened(killed.path()).store.shutdown().unwrap();
    assert_eq!(figures(&copy), figures(killed.path()));
    assert!(figures(&copy).time.ready_s > Some(0.0));
}

/// The database may not have everything yet: the files beside it are in the copy, too.
#[test]
fn what_is_not_committed_yet_is_in_the_copy() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copy = other.path().join("copy");
    let mut store = opened(folder.path()).store;
    store.note(Timestamp(2_000), Some(&arrived(1)));
    let holder = sqlite::tests::Holder::of(folder.path());
    store.close(record(1, 3_000));
    store.keep_session(CallId(1), "{}".to_owned());
    store.settle(Timestamp(2_000));
    backed_up(folder.path(), &copy);
    drop(holder);
    store.shutdown().unwrap();
    let mut knows = Knows { live: BTreeSet::from([CallId(1)]), ..Knows::default() };
    let found = look(&copy, NodeId::default(), &mut knows).unwrap();
    let opened = found.begin(&HEAD, &writing()).unwrap();
    assert_eq!(opened.sessions, [(CallId(1), "{}".to_owned())]);
    opened.store.shutdown().unwrap();
}

#[test]
fn a_copy_that_is_not_whole_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    at_work(folder.path()).shutdown().unwrap();
    let refused = |spoil: &dyn Fn(&Path)| {
        let other = tempfile::tempdir().unwrap();
        let copy = other.path().join("copy");
        backed_up(folder.path(), &copy);
        spoil(&copy);
        let before = std::fs::read_dir(&copy).unwrap().count();
        let error = open(&copy, &HEAD, &writing()).unwrap_err();
        assert!(matches!(error, StoreError::NotWhole { .. }), "{error}");
        // The lock is all that a look makes.
        assert!(std::fs::read_dir(&copy).unwrap().count() <= before + 1);
        let path = copy.display().to_string();
        error.to_string().replace(&path, "COPY")
    };
    let journal = "journal-00000000-000000.jsonl";
    assert_eq!(
        refused(&|copy| std::fs::remove_file(copy.join(journal)).unwrap()),
        format!(
            "COPY is a backup that is not whole: {journal} is missing. Take another, or copy it \
             again"
        )
    );
    let cut = |copy: &Path| {
        let file = std::fs::File::options().write(true).open(copy.join("records.sqlite")).unwrap();
        file.set_len(4_096).unwrap();
    };
    assert!(refused(&cut).contains("records.sqlite is not as it was copied"));
    let unfinished = |copy: &Path| std::fs::write(copy.join("backup.unfinished"), "").unwrap();
    assert!(refused(&unfinished).contains("making it did not end"));
    let torn = |copy: &Path| std::fs::write(copy.join("backup.json"), "{").unwrap();
    assert!(refused(&torn).contains("backup.json cannot be read"));
}

#[test]
fn a_copy_is_one_until_a_server_has_run_on_it() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copy = other.path().join("copy");
    let store = at_work(folder.path());
    backed_up(folder.path(), &copy);
    assert!(matches!(back_up(folder.path(), &copy, None), Err(StoreError::NotEmpty { .. })));
    store.shutdown().unwrap();
    opened(&copy).store.shutdown().unwrap();
    opened(&copy).store.shutdown().unwrap();
    assert_eq!(all(&copy).len(), 50);
}

#[test]
fn recordings_that_are_complete_are_copied_and_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    at_work(folder.path()).shutdown().unwrap();
    let recordings = folder.path().join("sound");
    std::fs::create_dir_all(recordings.join("000000")).unwrap();
    std::fs::write(recordings.join("000000/call-1-1.wav"), "sound").unwrap();
    std::fs::write(recordings.join("000000/call-1-2.wav.part"), "half").unwrap();
    let copy = other.path().join("copy");
    back_up(folder.path(), &copy, Some(&recordings)).unwrap();
    let wav = copy.join("recordings/000000/call-1-1.wav");
    assert_eq!(std::fs::read(&wav).unwrap(), b"sound");
    assert!(!copy.join("recordings/000000/call-1-2.wav.part").exists());
    for path in [&wav, &copy.join("records.sqlite"), &copy.join("names.json")] {
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    std::fs::write(&wav, "other").unwrap();
    let error = open(&copy, &HEAD, &writing()).unwrap_err();
    assert!(error.to_string().contains("recordings/000000/call-1-1.wav is not as"), "{error}");
}
