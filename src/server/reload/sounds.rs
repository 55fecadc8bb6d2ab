//! Which sound files a reload finds to be others.
//!
//! **Invariant:** a file is known by its path in the prompts folder and by a digest of its content:
//! one that was only touched or copied anew is the same.
//!
//! **Deliberately absent:** whether it can be played. The loader says that of those that flows
//! name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::server::reload::changes::Change;
use crate::server::reload::watch;

/// Changed files that are named; of more than these the number is said.
const NAMED_MAX: usize = 50;
/// What is read of a file at once, in bytes.
const PIECE_LEN: usize = 64 * 1024;

/// The files below a folder; `None` for one that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SoundFiles(BTreeMap<PathBuf, Option<[u8; 32]>>);

impl SoundFiles {
    /// Reads all of them.
    pub(super) fn of(folder: &Path) -> Self {
        let mut files = BTreeSet::new();
        watch::files_below(folder, &mut |path| {
            files.insert(path.to_path_buf());
            files.len() < watch::LOOKED_AT_MAX
        });
        let named = |path: PathBuf| {
            let name = path.strip_prefix(folder).unwrap_or(&path).to_path_buf();
            (name, digest(&path).ok())
        };
        Self(files.into_iter().map(named).collect())
    }

    /// One change per file that is another, in the order of their paths.
    pub(super) fn changed(&self, new: &Self) -> Vec<Change> {
        let paths: BTreeSet<&PathBuf> = self.0.keys().chain(new.0.keys()).collect();
        let changed = paths.into_iter().filter_map(|path| {
            let what = match (self.0.get(path), new.0.get(path)) {
                (old, new) if old == new => return None,
                (None, _) => "is new",
                (Some(_), None) => "is removed",
                (Some(_), Some(_)) => "changed",
            };
            Some(Change::open(format!("sound `{}` {what}", path.display())))
        });
        let mut changes: Vec<Change> = changed.collect();
        if let more @ 1.. = changes.len().saturating_sub(NAMED_MAX) {
            changes.truncate(NAMED_MAX);
            changes.push(Change::open(format!("and {more} more sounds")));
        }
        changes
    }
}

fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut piece = vec![0; PIECE_LEN];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hash.finalize().into()),
            len => hash.update(&piece[..len]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_sound_is_another_by_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            fs::write(folder.path().join(name), content).unwrap();
        };
        fs::create_dir(folder.path().join("music")).unwrap();
        for name in ["welcome.wav", "closed.wav", "music/slow.wav"] {
            write(name, name);
        }
        let before = SoundFiles::of(folder.path());
        write("welcome.wav", "welcome.wav");
        write(".#welcome.wav", "an editor's");
        assert_eq!(before.changed(&SoundFiles::of(folder.path())), [], "only written anew");
        write("welcome.wav", "WELCOME.wav");
        fs::rename(folder.path().join("closed.wav"), folder.path().join("open.wav")).unwrap();
        write("music/slow.wav", "faster");
        let changes = before.changed(&SoundFiles::of(folder.path()));
        let texts: Vec<&str> = changes.iter().map(|change| change.text.as_str()).collect();
        let expected = [
            "sound `closed.wav` is removed",
            "sound `music/slow.wav` changed",
            "sound `open.wav` is new",
            "sound `welcome.wav` changed",
        ];
        assert_eq!(texts, expected);
        let nothing = SoundFiles::default();
        assert_eq!(nothing.changed(&before).len(), 3);
        for n in 0..60 {
            write(&format!("more-{n:02}.wav"), "more");
        }
        let changes = nothing.changed(&SoundFiles::of(folder.path()));
        assert_eq!(changes.len(), NAMED_MAX + 1);
        assert_eq!(changes.last().unwrap().text, "and 13 more sounds");
    }
}
