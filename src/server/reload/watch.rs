//! Whether the files of the configuration are others than they were.
//!
//! They are looked at now and then: that works on every file system, over a network, and for a
//! folder that is replaced as a whole, where notes of the system do not.
//!
//! **Invariant:** what editors and systems keep beside the files makes no difference, as it makes
//! none to the loader.
//!
//! **Deliberately absent:** what the files say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::config::{self, Config, DEFAULT_FILE, Sources, is_left_alone};

/// Files and folders that are looked at; of more than these the others are not.
pub(super) const LOOKED_AT_MAX: usize = 20_000;
const FOLDERS_DEEP_MAX: usize = 8;

/// A file's time and length.
type Stamp = (Option<SystemTime>, u64);

/// Every file with its stamp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FilesStamp(BTreeMap<PathBuf, Stamp>);

/// Where the files are, as the configuration's own file names them now: what it moves is looked at
/// in its new place before a reload has read it.
#[derive(Debug)]
pub(super) struct FileWatch {
    sources: Sources,
    file: PathBuf,
    /// Of the file when it said last where the others are.
    asked: Stamp,
    flows: PathBuf,
    prompts: PathBuf,
    callers: Option<PathBuf>,
}

impl FileWatch {
    /// Of the configuration's file, its flows, its sounds and its callers.
    pub(super) fn new(sources: &Sources, config: &Config) -> Self {
        let file = sources.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        let mut watch = Self {
            sources: sources.clone(),
            asked: stamp(&file),
            file,
            flows: PathBuf::new(),
            prompts: PathBuf::new(),
            callers: None,
        };
        watch.goes_by(config);
        watch
    }

    fn goes_by(&mut self, config: &Config) {
        self.flows.clone_from(&config.server.flows);
        self.prompts.clone_from(&config.server.prompts);
        self.callers.clone_from(&config.callers.file);
    }

    /// How the files are now.
    pub(super) fn look(&mut self) -> FilesStamp {
        let now = stamp(&self.file);
        if now != self.asked {
            // One that is wrong names no places. It is asked again: what is wrong may be a file
            // that it names.
            if let Ok(checked) = config::check(&self.sources) {
                self.goes_by(&checked.config);
                self.asked = now;
            }
        }
        let mut files = BTreeMap::from([(self.file.clone(), now)]);
        for folder in [&self.flows, &self.prompts] {
            files_below(folder, &mut |path| {
                files.insert(path.to_path_buf(), stamp(path));
                files.len() < LOOKED_AT_MAX
            });
        }
        if let Some(callers) = &self.callers {
            files.insert(callers.clone(), stamp(callers));
        }
        FilesStamp(files)
    }
}

fn stamp(path: &Path) -> Stamp {
    fs::metadata(path).map_or((None, 0), |data| (data.modified().ok(), data.len()))
}

/// Gives each file to `take`, until that has enough.
pub(super) fn files_below(folder: &Path, take: &mut impl FnMut(&Path) -> bool) {
    look_into(folder, 0, take);
}

/// Returns whether more are wanted.
fn look_into(folder: &Path, deep: usize, take: &mut impl FnMut(&Path) -> bool) -> bool {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        if is_left_alone(&name) {
            continue;
        }
        let goes_on = match path.is_dir() {
            true => deep >= FOLDERS_DEEP_MAX || look_into(&path, deep + 1, take),
            false => take(&path),
        };
        if !goes_on {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a configuration and a flow.
    fn folder() -> (tempfile::TempDir, FileWatch) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("flows")).unwrap();
        fs::write(path("attendant.toml"), "[server]\nflows = \"flows\"\n").unwrap();
        fs::write(path("flows/a.toml"), "a").unwrap();
        let sources = Sources { file: Some(path("attendant.toml")), ..Sources::default() };
        let config = config::check(&sources).unwrap().config;
        let watch = FileWatch::new(&sources, &config);
        (folder, watch)
    }

    #[test]
    fn files_of_editors_make_no_difference_and_others_do() {
        let (folder, mut watch) = folder();
        let path = |name: &str| folder.path().join(name);
        let before = watch.look();
        for name in ["._a.toml", ".#a.toml", "#a.toml#", "a.toml~", ".a.toml.swp"] {
            fs::write(path("flows").join(name), "half of it").unwrap();
            assert_eq!(watch.look(), before, "{name}");
        }
        fs::write(path("flows/a.toml"), "ab").unwrap();
        assert_ne!(watch.look(), before, "a flow that was changed");
        let before = watch.look();
        fs::write(path("flows/b.toml"), "b").unwrap();
        assert_ne!(watch.look(), before, "a new flow");
    }

    #[test]
    fn folders_that_moved_are_looked_at_before_a_reload_reads_them() {
        let (folder, mut watch) = folder();
        let path = |name: &str| folder.path().join(name);
        for name in ["other", "sounds"] {
            fs::create_dir(path(name)).unwrap();
        }
        let config = "[server]\nflows = \"other\"\nprompts = \"sounds\"\n[callers]\nfile = \
                      \"callers.csv\"\n";
        fs::write(path("attendant.toml"), config).unwrap();
        // A reload takes what it sees before it reads; what it sees after that is the same.
        let at_reload = watch.look();
        assert_eq!(watch.look(), at_reload);
        fs::write(path("flows/a.toml"), "no flow of ours any more").unwrap();
        assert_eq!(watch.look(), at_reload, "the folder before");
        let mut before = at_reload;
        for name in ["other/a.toml", "sounds/a.wav", "callers.csv"] {
            fs::write(path(name), "a").unwrap();
            let now = watch.look();
            assert_ne!(now, before, "{name}");
            before = now;
        }
        // One that is wrong names no places: those of before are looked at.
        fs::write(path("attendant.toml"), "[server\n").unwrap();
        let wrong = watch.look();
        fs::write(path("other/a.toml"), "ab").unwrap();
        assert_ne!(watch.look(), wrong);
    }
}
