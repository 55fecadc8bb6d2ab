//! The setups that runs of the journal name, each in a file beside them.
//!
//! A journal names a setup by its digest. Its file is `setup-RUN-DIGEST.json`: the run that may
//! name it, and the digest. So whoever has the run's journal finds it, and it goes when that does.
//!
//! **Invariant:** a file that is read is the one that was written: its text has the digest of its
//! name. It is on the disk before a line of the journal names it. It is for its owner alone, for it
//! says who callers are; passwords, tokens and credentials of trunks are not in a setup.
//!
//! **Deliberately absent:** deleting journals, which is the administrator's.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::center::Setup;
use crate::center::journal::{digest, read_setup, setup_text};
use crate::store::{StoreError, journal, whole};

const PREFIX: &str = "setup-";
const SUFFIX: &str = ".json";
/// A setup is refused past this size, in bytes: most of it is the callers' file.
const SETUP_LEN_MAX: u64 = 1024 * 1024 * 1024;

/// A setup as text, and what journals call it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptSetup {
    pub digest: String,
    text: String,
}

/// Not the text: it says who callers are.
impl std::fmt::Debug for KeptSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptSetup").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl KeptSetup {
    #[must_use]
    pub fn of(setup: &Setup) -> Self {
        let text = setup_text(setup);
        Self { digest: digest(&text), text }
    }

    /// Keeps it for this run.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn keep(&self, folder: &Path, run: u64) -> Result<(), StoreError> {
        let name = file_name(run, &self.digest);
        let path = folder.join(&name);
        let is_there = fs::metadata(&path).is_ok_and(|file| file.len() == self.text.len() as u64);
        if is_there {
            return Ok(());
        }
        let written = whole::write(folder, &name, self.text.as_bytes());
        written.map_err(|error| StoreError::io(&path, error))
    }
}

/// The setup that a run calls by this digest; `None` where it is not there, as of a run of an
/// earlier attendant.
///
/// # Errors
///
/// When it is there and cannot be read, or is not what was written.
pub fn setup_of(folder: &Path, run: u64, wanted: &str) -> Result<Option<Setup>, StoreError> {
    if wanted.is_empty() || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None); // no name of ours, and not to be looked for in other folders
    }
    let path = folder.join(file_name(run, wanted));
    let failed = |error| StoreError::io(&path, error);
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    file.take(SETUP_LEN_MAX).read_to_string(&mut text).map_err(failed)?;
    if digest(&text) != wanted {
        let message = "is not as it was written: calls of its run cannot go on";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, message)));
    }
    read_setup(&text).map(Some).map_err(|error| failed(io::Error::other(error)))
}

/// The newest setups of the folder that can be read, by run: what the names were.
pub(super) fn newest_first(folder: &Path) -> io::Result<Vec<(u64, String)>> {
    let mut found: Vec<(u64, String)> =
        files(folder)?.into_iter().map(|(run, digest, _)| (run, digest)).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// All of them.
pub(super) fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(files(folder)?.into_iter().map(|(_, _, path)| path).collect())
}

/// Deletes the setups of runs whose journal is gone.
pub(super) fn delete_orphans(folder: &Path) -> io::Result<()> {
    let segments = journal::segments(folder)?;
    let run = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        journal::parse_name(name).map(|(run, _)| run)
    };
    let runs: BTreeSet<u64> = segments.iter().filter_map(run).collect();
    for (run, _, path) in files(folder)? {
        if !runs.contains(&run) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn files(folder: &Path) -> io::Result<Vec<(u64, String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
        let Some((run, digest)) = stem.and_then(|stem| stem.split_once('-')) else { continue };
        if let Ok(run) = run.parse() {
            found.push((run, digest.to_owned(), path.clone()));
        }
    }
    Ok(found)
}

fn file_name(run: u64, digest: &str) -> String {
    format!("{PREFIX}{run:08}-{digest}{SUFFIX}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::center::setup::Queue;

    fn setup() -> Setup {
        let mut setup = Setup { queues: vec![Queue::named("billing")], ..Setup::default() };
        setup.complete();
        setup
    }

    #[test]
    fn a_setup_is_read_back_as_it_was_and_is_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptSetup::of(&setup());
        kept.keep(folder.path(), 3).unwrap();
        let read = setup_of(folder.path(), 3, &kept.digest).unwrap().unwrap();
        assert_eq!(KeptSetup::of(&read), kept);
        let path = folder.path().join(file_name(3, &kept.digest));
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(setup_of(folder.path(), 4, &kept.digest).unwrap().is_none(), "another run's");
        assert!(setup_of(folder.path(), 3, "../../etc/passwd").unwrap().is_none());
    }

    #[test]
    fn a_setup_that_was_changed_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptSetup::of(&setup());
        kept.keep(folder.path(), 3).unwrap();
        let path = folder.path().join(file_name(3, &kept.digest));
        let text = fs::read_to_string(&path).unwrap().replace("billing", "bulling");
        fs::write(&path, text).unwrap();
        let refused = setup_of(folder.path(), 3, &kept.digest).unwrap_err().to_string();
        assert!(refused.contains("is not as it was written"), "{refused}");
    }

    #[test]
    fn a_setup_goes_with_the_journal_of_its_run() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptSetup::of(&setup());
        kept.keep(folder.path(), 3).unwrap();
        kept.keep(folder.path(), 4).unwrap();
        fs::write(folder.path().join("journal-00000004-000000.jsonl"), "").unwrap();
        delete_orphans(folder.path()).unwrap();
        assert_eq!(newest_first(folder.path()).unwrap(), [(4, kept.digest)]);
    }
}
