//! Which node the files of a folder are of: two servers' in one would give one name to two calls.
//!
//! A journal's head, the names, a kept setup and the calls of the other files say their node. That
//! of the database is looked at where it is opened ([`recover::find`](super::recover::find)).
//!
//! **Invariant:** nothing in a folder is changed, or taken for ours, before every file in it that
//! says a node says ours.
//!
//! **Deliberately absent:** moving a file back. Which server it was lost by, the administrator
//! knows.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::center::journal::node_of_setup;
use crate::id::NodeId;
use crate::store::{StoreError, journal, kept, names, setups};

/// As much of a kept setup as says its node.
const SETUP_HEAD_LEN: u64 = 64;

/// Whether everything in the folder is this node's.
///
/// # Errors
///
/// [`StoreError::OtherNode`] for the first file of another, and when the folder cannot be read.
pub(super) fn check_files(folder: &Path, ours: NodeId) -> Result<(), StoreError> {
    let failed = |error| StoreError::io(folder, error);
    let heads =
        journal::segments(folder).map_err(failed)?.into_iter().map(|path| of_segment(path, ours));
    let setups = setups::paths(folder).map_err(failed)?.into_iter().map(of_setup);
    let names = names::node_of_names(folder).map(Ok);
    let kept = kept::node_of_other(folder, ours)?.map(Ok);
    for file in heads.chain(setups).chain(names).chain(kept) {
        let (path, theirs) = file?;
        if theirs != ours {
            return Err(StoreError::OtherNode { path, theirs, ours });
        }
    }
    Ok(())
}

/// A segment whose head is not whole is no run's: what it may hold is looked for as ours.
fn of_segment(path: PathBuf, ours: NodeId) -> Result<(PathBuf, NodeId), StoreError> {
    let head = journal::head(std::slice::from_ref(&path));
    let head = head.map_err(|error| StoreError::io(&path, error))?;
    Ok((path, head.map_or(ours, |head| head.node)))
}

fn of_setup(path: PathBuf) -> Result<(PathBuf, NodeId), StoreError> {
    let mut head = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(SETUP_HEAD_LEN).read_to_end(&mut head));
    read.map_err(|error| StoreError::io(&path, error))?;
    let node = node_of_setup(&String::from_utf8_lossy(&head));
    Ok((path, node))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::center::Setup;
    use crate::id::{CallId, LegId};
    use crate::store::{Head, KeptSetup, Store, Writing, keep_names, look};
    use crate::time::Timestamp;
    use crate::words::{Event, From, Via};

    const NODE: u16 = 3;

    fn node(node: u16) -> NodeId {
        NodeId::new(node).unwrap()
    }

    fn start(folder: &Path, of: NodeId) -> Result<Store, StoreError> {
        let setup = Setup { node: of, ..Setup::default() };
        let kept = KeptSetup::of(&setup);
        let found = look(folder, of, &mut super::super::recover::NoRebuild)?;
        kept.keep(folder, found.run())?;
        keep_names(folder, of, &setup.names)?;
        let head = Head { started_at: Timestamp(1_000), seed: 7, config: kept.digest };
        let opened = found
            .begin(&head, &Writing { agent: &|_| None, number: &|raw| Some(raw.to_owned()) })?;
        let mut store = opened.store;
        let call = opened.next_call;
        assert_eq!(call.node(), of);
        let from = From { number: None, name: None };
        let via = Via::Trunk("t".to_owned());
        store.note(
            Timestamp(1_001),
            Some(&Event::CallArrived { call, from, to: "100".to_owned(), via }),
        );
        store.keep_session(call, "{}".to_owned());
        store.settle(Timestamp(1_002));
        Ok(store)
    }

    /// A folder that a server of this node left, which was killed.
    fn left_by(of: NodeId) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        start(folder.path(), of).unwrap().kill();
        folder
    }

    fn named(folder: &Path, prefix: &str) -> PathBuf {
        let mut entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let is_it =
            |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(prefix);
        entries.find(is_it).unwrap_or_else(|| panic!("no {prefix}"))
    }

    #[test]
    fn a_node_goes_on_in_its_own_folder_with_its_own_calls() {
        let folder = left_by(node(NODE));
        let again = start(folder.path(), node(NODE)).unwrap();
        again.shutdown().unwrap();
        let records = crate::store::read_records(folder.path()).unwrap();
        let first = CallId::first(node(NODE));
        assert!(records.get(first).unwrap().is_some(), "{first} was up when the server was lost");
        assert_eq!(LegId::caller(first).to_string(), "call-3.1/0");
    }

    #[test]
    fn a_file_of_another_node_is_named_and_nothing_is_changed() {
        for prefix in ["journal-", "setup-", "names.json", "records.sqlite", "kept-0"] {
            let (ours, theirs) = (left_by(node(0)), left_by(node(NODE)));
            let stray = named(theirs.path(), prefix);
            let to = ours.path().join(stray.file_name().unwrap());
            for wal in ["-wal", "-shm"].map(|end| format!("records.sqlite{end}")) {
                if prefix == "records.sqlite" && theirs.path().join(&wal).exists() {
                    fs::copy(theirs.path().join(&wal), ours.path().join(&wal)).unwrap();
                }
            }
            fs::copy(&stray, &to).unwrap();
            let before = fs::read(named(ours.path(), "kept-0")).unwrap();
            let refused = start(ours.path(), node(0)).unwrap_err().to_string();
            for said in [to.to_str().unwrap(), "is of node 3", "this server is node 0"] {
                assert!(refused.contains(said), "{prefix}: {refused}");
            }
            assert_eq!(fs::read(named(ours.path(), "kept-0")).unwrap(), before, "{prefix}");
        }
    }

    #[test]
    fn another_number_for_a_folder_with_calls_is_refused() {
        let refused = start(left_by(node(0)).path(), node(NODE)).unwrap_err().to_string();
        assert!(refused.ends_with("`server.node` must be 0"), "{refused}");
    }
}
