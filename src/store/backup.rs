//! A copy of a folder, made while a server runs on it, from which a server can start.
//!
//! Checkpoints are copied first, then the database as it is at one moment, then everything beside
//! it: the journal has every call that the copy of the database has no record of, and a start finds
//! the copy as it finds the folder of a process that was killed.
//!
//! **Invariant:** a copy that did not end, or in which a file is missing or another than it was, is
//! refused by name at start ([`check`]): `backup.json` lists every file with its digest, and is
//! written last.
//!
//! **Deliberately absent:** what lies outside of the folder: configuration, flows, sounds.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::database;
use crate::store::{StoreError, StorePlace, checkpoints, kept, open, whole};

/// Lists what belongs to a copy.
const MANIFEST: &str = "backup.json";
/// There while a copy is being made.
const UNFINISHED: &str = "backup.unfinished";
/// The folder of recordings in a copy: where a server looks for them by default.
const RECORDINGS: &str = "recordings";
const VERSION: u32 = 1;
/// A copy is begun anew this often where the files beside the journal were begun anew twice while
/// the database was copied.
const TRIES_MAX: usize = 3;

/// What a copy has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackedUp {
    pub files: usize,
    pub bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    attendant_backup: u32,
    /// By the path in the folder.
    files: BTreeMap<String, Copied>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Copied {
    len: u64,
    sha256: String,
}

/// Copies what a server keeps in the folder of `place`, and what is in `recordings`, into a new
/// folder.
///
/// # Errors
///
/// When `to` is there and not empty, or something cannot be read or written: then `to` is not
/// whole, and a start on it says so.
pub fn back_up(
    place: impl Into<StorePlace>,
    to: &Path,
    recordings: Option<&Path>,
) -> Result<BackedUp, StoreError> {
    let place = place.into();
    let folder = &*place.folder;
    begin(to)?;
    // Before the database, for that must have the record of each call that ended before one.
    for found in checkpoints::found(folder).map_err(|error| StoreError::io(folder, error))? {
        copy(found.path(), &to.join(found.path().file_name().unwrap_or_default()))?;
    }
    let mut tries = 1;
    while !copy_database(&place, to)? {
        if tries == TRIES_MAX {
            return Err(StoreError::Moving { path: folder.to_path_buf() });
        }
        tries += 1;
    }
    let mut files = BTreeMap::new();
    for name in names(to, |name| name != UNFINISHED)? {
        // Of the checkpoints, the database and what was kept.
        files.insert(name.clone(), digest(&to.join(&name))?);
    }
    for name in names(folder, |name| {
        is_copied(name) && !kept::is_file(name) && !checkpoints::is_file(name)
    })? {
        if let Some(copied) = copy(&folder.join(&name), &to.join(&name))? {
            files.insert(name, copied);
        }
    }
    if let Some(recordings) = recordings {
        copy_recordings(recordings, to, &mut files)?;
    }
    finish(to, files)
}

/// Makes the folder, for its owner alone.
fn begin(to: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::io(to, error);
    make_folder(to).map_err(failed)?;
    if fs::read_dir(to).map_err(failed)?.next().is_some() {
        return Err(StoreError::NotEmpty { path: to.to_path_buf() });
    }
    whole::write(to, UNFINISHED, b"").map_err(failed)
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Copies the database, and then what was kept beside it; `false` where something between the two
/// is in neither.
fn copy_database(place: &StorePlace, to: &Path) -> Result<bool, StoreError> {
    database::of(place)?.back_up(to)?;
    for name in kept::NAMES {
        copy(&place.folder.join(name), &to.join(name))?;
    }
    let copy = StorePlace { folder: to.to_path_buf(), ..place.clone() };
    let until = database::of(&copy)?.kept_until()?;
    Ok(kept::first(to)?.is_none_or(|first| first <= until))
}

/// Names of the files in a folder, in order.
fn names(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError> {
    let failed = |error| StoreError::io(folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_file()
            && let Some(name) = entry.file_name().to_str().filter(|name| is_wanted(name))
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether a file beside the database belongs to the copy: not the lock, nor one that is half
/// written.
fn is_copied(name: &str) -> bool {
    !(name == open::LOCK || database::is_file(name) || name.ends_with(".new") || name == MANIFEST)
}

/// Recordings that are complete, each in the folder that it is in.
fn copy_recordings(
    recordings: &Path,
    to: &Path,
    files: &mut BTreeMap<String, Copied>,
) -> Result<(), StoreError> {
    let failed = |error| StoreError::io(recordings, error);
    let folders = match fs::read_dir(recordings) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for folder in folders {
        let folder = folder.map_err(failed)?;
        let Some(group) = folder.file_name().to_str().map(str::to_owned) else { continue };
        if !folder.file_type().map_err(failed)?.is_dir() {
            continue;
        }
        let into = format!("{RECORDINGS}/{group}");
        make_folder(&to.join(&into)).map_err(|error| StoreError::io(to, error))?;
        for name in names(&folder.path(), |name| name.ends_with(".wav"))? {
            let path = format!("{into}/{name}");
            if let Some(copied) = copy(&folder.path().join(&name), &to.join(&path))? {
                files.insert(path, copied);
            }
        }
    }
    Ok(())
}

/// Copies a file, for its owner alone; `None`: it is gone, as what is old goes.
fn copy(from: &Path, to: &Path) -> Result<Option<Copied>, StoreError> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io(from, error)),
    };
    let mut copy = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(to)?;
        let copied = each_block(&mut source, |block| file.write_all(block))?;
        file.sync_all()?;
        Ok(copied)
    };
    copy().map(Some).map_err(|error| StoreError::io(to, error))
}

fn digest(path: &Path) -> Result<Copied, StoreError> {
    let read = || each_block(&mut File::open(path)?, |_| Ok(()));
    read().map_err(|error| StoreError::io(path, error))
}

/// Hands over all there is, block by block, and says what it was.
fn each_block(
    source: &mut File,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Copied> {
    let (mut hash, mut len, mut block) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let read = source.read(&mut block)?;
        if read == 0 {
            let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok(Copied { len, sha256 });
        }
        hash.update(&block[..read]);
        take(&block[..read])?;
        len += read as u64;
    }
}

/// Says what belongs to the copy, which is whole from then on.
fn finish(to: &Path, files: BTreeMap<String, Copied>) -> Result<BackedUp, StoreError> {
    let done = BackedUp { files: files.len(), bytes: files.values().map(|it| it.len).sum() };
    let manifest = Manifest { attendant_backup: VERSION, files };
    let text = serde_json::to_vec_pretty(&manifest).expect("it has only keys that are text");
    let failed = |error| StoreError::io(to, error);
    whole::write(to, MANIFEST, &text).map_err(failed)?;
    fs::remove_file(to.join(UNFINISHED)).map_err(failed)?;
    Ok(done)
}

/// Whether the folder, where it is a copy on which no server has run, is whole.
///
/// # Errors
///
/// When it is not, with the first file that is wrong.
pub(super) fn check(folder: &Path) -> Result<(), StoreError> {
    let not_whole = |what: String| StoreError::NotWhole { path: folder.to_path_buf(), what };
    if folder.join(UNFINISHED).exists() {
        return Err(not_whole("making it did not end".to_owned()));
    }
    let Some(text) = manifest_of(folder)? else { return Ok(()) };
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| not_whole(format!("{MANIFEST} cannot be read: {error}")))?;
    if manifest.attendant_backup > VERSION {
        return Err(StoreError::Newer { path: folder.join(MANIFEST) });
    }
    for (name, copied) in &manifest.files {
        let path = folder.join(name);
        if !path.exists() {
            return Err(not_whole(format!("{name} is missing")));
        }
        if digest(&path)? != *copied {
            return Err(not_whole(format!("{name} is not as it was copied")));
        }
    }
    Ok(())
}

/// Whether the folder is a copy on which no server has run.
#[cfg(feature = "postgres")]
pub(super) fn is_copy(folder: &Path) -> bool {
    folder.join(MANIFEST).exists()
}

fn manifest_of(folder: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let path: PathBuf = folder.join(MANIFEST);
    match fs::read(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io(&path, error)),
    }
}

/// A server runs on the folder, which is no copy any more.
pub(super) fn begun(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_file(folder.join(MANIFEST)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io(folder, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
