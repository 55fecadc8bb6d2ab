//! Journals of earlier runs, which nothing needs any more once every call in them has its record:
//! which are deleted.
//!
//! **Invariant:** the journal of the run that goes on, and of those that it continues, stays: a
//! start after a kill needs it. So does one that this process did not find finished. A run goes
//! whole, its setups with it.
//!
//! **Deliberately absent:** rewriting. A run is replayed whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::id::CallId;
use crate::store::journal::{self, Input, Line, Lines};
use crate::store::{StoreError, setups};
use crate::time::Timestamp;

/// The runs before one that goes on.
#[derive(Debug)]
pub struct OldRuns {
    folder: PathBuf,
    runs: BTreeMap<u64, Vec<PathBuf>>,
    /// Runs whose calls the one that goes on continues.
    pub(super) continued: bool,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OldRunsGone {
    pub runs: usize,
    /// Some run that the present one continues stayed, and may hold calls that were erased.
    pub some_stay: bool,
}

impl OldRuns {
    /// Those of the folder before this run, without those that it continues.
    ///
    /// # Errors
    ///
    /// When the folder or a journal cannot be read.
    pub fn before(folder: &Path, present: u64) -> Result<Self, StoreError> {
        let failed = |error| StoreError::io(folder, error);
        let mut runs: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
        for path in journal::segments(folder).map_err(failed)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some((run, _)) = journal::parse_name(name) {
                runs.entry(run).or_default().push(path);
            }
        }
        let mut needed = Some(present);
        let mut continued = false;
        while let Some(run) = needed {
            let Some(segments) = runs.remove(&run) else { break };
            continued |= run != present;
            let head = journal::head(&segments).map_err(failed)?;
            needed = head.and_then(|head| head.continues).filter(|older| *older < run);
        }
        runs.retain(|run, _| *run < present);
        Ok(Self { folder: folder.to_path_buf(), runs, continued })
    }

    /// Deletes those that were last written before `kept_since`, and those in which one of these
    /// calls arrived.
    ///
    /// # Errors
    ///
    /// When a journal cannot be read or deleted; those before it are gone.
    pub fn delete(
        self,
        kept_since: Option<Timestamp>,
        erased: &BTreeSet<CallId>,
    ) -> Result<OldRunsGone, StoreError> {
        let mut gone = OldRunsGone { runs: 0, some_stay: self.continued };
        for segments in self.runs.values() {
            let written = segments.iter().filter_map(|path| journal::written_at(path)).max();
            let is_old = kept_since.is_some_and(|since| written.is_some_and(|at| at < since));
            if is_old || has_any(segments, erased)? {
                for path in segments {
                    fs::remove_file(path).map_err(|error| StoreError::io(path, error))?;
                }
                gone.runs += 1;
            }
        }
        if gone.runs > 0 {
            let failed = |error| StoreError::io(&self.folder, error);
            setups::delete_orphans(&self.folder).map_err(failed)?;
        }
        Ok(gone)
    }
}

/// Whether one of the calls arrived in these segments.
fn has_any(segments: &[PathBuf], calls: &BTreeSet<CallId>) -> Result<bool, StoreError> {
    if calls.is_empty() {
        return Ok(false);
    }
    for path in segments {
        if arrived_in(path, calls).map_err(|error| StoreError::io(path, error))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn arrived_in(path: &Path, calls: &BTreeSet<CallId>) -> io::Result<bool> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        if let Line::Entry(entry) = line
            && let Input::Event(event) = &entry.input
            && journal::arrival(event).is_some_and(|call| calls.contains(&call))
        {
            return Ok(true);
        }
    }
    Ok(false)
}
