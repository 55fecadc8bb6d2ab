//! Checkpoints: the whole state of a run's center at the head of a segment of its journal, each in
//! a file beside it, so that a start reads no line before that segment.
//!
//! ```text
//! {"attendant_checkpoint":1,"build":"0.1.0-5f…","len":81200,"sha256":"9c…"}
//! {"node":0,"run":3,"segment":7,"seq":41200,"at":1764000000012,"live":[…],…}
//! {"center":{…},…}
//! ```
//!
//! **Invariant:** what is read is what was written, by this build: the first line has the length
//! and the digest of the rest. Of every call that came before it, a checkpoint says how it came, or
//! its record is on the disk. It says nothing that the journal of its run and the setup do not say,
//! and is gone no later than these.
//!
//! **Deliberately absent:** a format that lasts. A checkpoint of another build, or a damaged one,
//! is passed over: the one before it is taken, or the journal from its beginning.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::id::{CallId, NodeId};
use crate::store::journal::Entry;
use crate::store::{StoreError, whole};
use crate::time::Timestamp;

/// The version of the first line. Of what follows it there is none: see `build`.
const VERSION: u32 = 1;
/// Which sources a state is of.
const BUILD: &str = env!("CHECKPOINT_BUILD");
const PREFIX: &str = "checkpoint-";
const SUFFIX: &str = ".json";
/// The last of a run, and the one that is taken where the last cannot be read.
const KEPT: usize = 2;
/// A checkpoint is not read past this size, in bytes: 10,000 calls come to some 40 MB.
const LEN_MAX: u64 = 1024 * 1024 * 1024;

/// Where in the journal of a run a state is, and what has to be known before it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalPlace {
    pub node: NodeId,
    pub run: u64,
    /// All that came later is in this segment and those after it.
    pub segment: u32,
    /// Inputs of the run that came before.
    pub seq: u64,
    /// When the last of them came.
    pub at: Timestamp,
    /// The setup at that moment, as the run calls it.
    pub setup: String,
    /// The last call that had come.
    pub last: Option<CallId>,
    /// How the calls came that have no record: those that are up, and those whose replay went
    /// another way.
    pub live: Vec<Entry>,
}

/// The first line: what the rest must be. The second is the [`JournalPlace`], then comes the
/// state.
#[derive(Serialize, Deserialize)]
struct Head {
    attendant_checkpoint: u32,
    build: String,
    len: u64,
    sha256: String,
}

/// A state, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub place: JournalPlace,
    pub state: Vec<u8>,
}

/// Why a checkpoint is passed over.
#[derive(Debug, Error)]
pub(super) enum Unusable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("another build wrote it")]
    OtherBuild,
    #[error("it is damaged")]
    Damaged,
}

/// A file, by what its name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) run: u64,
    pub(super) segment: u32,
    path: PathBuf,
}

impl Found {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it whole.
    pub(super) fn read(&self) -> Result<Checkpoint, Unusable> {
        let file = File::open(&self.path)?;
        if file.metadata()?.len() > LEN_MAX {
            return Err(Unusable::Damaged);
        }
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        let Ok(head) = serde_json::from_slice::<Head>(&line) else {
            return Err(match build(&line) {
                Some(other) if other != BUILD => Unusable::OtherBuild,
                Some(_) | None => Unusable::Damaged,
            });
        };
        if head.build != BUILD || head.attendant_checkpoint != VERSION {
            return Err(Unusable::OtherBuild);
        }
        let mut state = Vec::new();
        io::Read::read_to_end(&mut reader, &mut state)?;
        if state.len() as u64 != head.len || digest(&state) != head.sha256 {
            return Err(Unusable::Damaged);
        }
        let end = state.iter().position(|byte| *byte == b'\n').ok_or(Unusable::Damaged)?;
        let place = serde_json::from_slice::<JournalPlace>(&state[..end]);
        let place = place.ok().filter(|it| (it.run, it.segment) == (self.run, self.segment));
        state.drain(..=end);
        Ok(Checkpoint { place: place.ok_or(Unusable::Damaged)?, state })
    }
}

/// The build that a first line names, which need not be one of ours.
fn build(line: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(line).ok()?;
    Some(json.get("build")?.as_str()?.to_owned())
}

/// Puts a checkpoint on the disk, and takes away those that no start needs any more: of runs
/// before, and all but the last of this one before it.
pub(super) fn keep(folder: &Path, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let Checkpoint { place, state } = checkpoint;
    let mut rest = serde_json::to_vec(place).expect("it has only keys that are text");
    rest.push(b'\n');
    rest.extend_from_slice(state);
    let (build, len, sha256) = (BUILD.to_owned(), rest.len() as u64, digest(&rest));
    let head = Head { attendant_checkpoint: VERSION, build, len, sha256 };
    let mut bytes = serde_json::to_vec(&head).expect("it has only keys that are text");
    bytes.push(b'\n');
    bytes.append(&mut rest);
    let failed = |error| StoreError::io(folder, error);
    sweep(folder).map_err(failed)?;
    if let Err(error) = whole::write(folder, &file_name(place.run, place.segment), &bytes) {
        let _ = sweep(folder); // what is left of it says as much as the whole
        return Err(failed(error));
    }
    let found = found(folder).map_err(failed)?;
    let of_run = found.iter().filter(|it| it.run == place.run).count();
    let needed = found.iter().filter(|it| it.run == place.run).skip(of_run.saturating_sub(KEPT));
    let needed: Vec<&Found> = needed.collect();
    for gone in found.iter().filter(|it| !needed.contains(it)) {
        fs::remove_file(&gone.path).map_err(failed)?;
    }
    Ok(())
}

/// Takes all of them away: no start needs one.
pub(super) fn delete(folder: &Path) -> io::Result<()> {
    sweep(folder)?;
    for gone in found(folder)? {
        fs::remove_file(&gone.path)?;
    }
    Ok(())
}

/// Takes away what a process that was lost had written of one.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.strip_suffix(".new").is_some_and(is_file) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// All of a folder, in the order in which they were written.
pub(super) fn found(folder: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((run, segment)) = parse_name(name) {
            found.push(Found { run, segment, path });
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether it is one of them.
pub(super) fn is_file(name: &str) -> bool {
    parse_name(name).is_some()
}

fn parse_name(name: &str) -> Option<(u64, u32)> {
    let (run, segment) = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once('-')?;
    Some((run.parse().ok()?, segment.parse().ok()?))
}

fn file_name(run: u64, segment: u32) -> String {
    format!("{PREFIX}{run:08}-{segment:06}{SUFFIX}")
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
