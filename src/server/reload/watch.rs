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

use crate::config::{Config, DEFAULT_FILE, Sources, is_left_alone};

/// Files and folders that are looked at; of more than these the others are not.
const LOOKED_AT_MAX: usize = 20_000;
const FOLDERS_DEEP_MAX: usize = 8;

/// Every file with its time and length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FilesStamp(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl FilesStamp {
    /// Of the configuration's file, its flows, its sounds and its callers.
    pub(super) fn of(sources: &Sources, config: &Config) -> Self {
        let mut stamp = Self::default();
        let file = sources.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        stamp.add(&file);
        stamp.add_folder(&config.server.flows, 0);
        stamp.add_folder(&config.server.prompts, 0);
        if let Some(callers) = &config.callers.file {
            stamp.add(callers);
        }
        stamp
    }

    fn add(&mut self, path: &Path) {
        let data = fs::metadata(path);
        let seen = data.map_or((None, 0), |data| (data.modified().ok(), data.len()));
        self.0.insert(path.to_path_buf(), seen);
    }

    fn add_folder(&mut self, folder: &Path, deep: usize) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            if is_left_alone(&name) || self.0.len() >= LOOKED_AT_MAX {
                continue;
            }
            if path.is_dir() {
                if deep < FOLDERS_DEEP_MAX {
                    self.add_folder(&path, deep + 1);
                }
            } else {
                self.add(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn files_of_editors_make_no_difference_and_others_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("flows")).unwrap();
        fs::write(path("attendant.toml"), "[server]\nflows = \"flows\"\n").unwrap();
        fs::write(path("flows/a.toml"), "a").unwrap();
        let sources = Sources { file: Some(path("attendant.toml")), ..Sources::default() };
        let config = config::check(&sources).unwrap().config;
        let stamp = || FilesStamp::of(&sources, &config);
        let before = stamp();
        for name in ["._a.toml", ".#a.toml", "#a.toml#", "a.toml~", ".a.toml.swp"] {
            fs::write(path("flows").join(name), "half of it").unwrap();
            assert_eq!(stamp(), before, "{name}");
        }
        fs::write(path("flows/a.toml"), "ab").unwrap();
        assert_ne!(stamp(), before, "a flow that was changed");
        let before = stamp();
        fs::write(path("flows/b.toml"), "b").unwrap();
        assert_ne!(stamp(), before, "a new flow");
    }
}
