//! `attendant fmt`: flow files in the layout that all of them have.
//!
//! **Invariant:** a file that is no TOML is left alone, and what is written says what was there.
//!
//! **Deliberately absent:** whether a flow is right: `attendant check`.

mod layout;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::{EX_DATAERR, EX_IOERR, complain, counted, print};

/// Lay out flow files: keys in columns, tables apart, comments as they are
///
/// Exit codes: 0 done; 65 a file is no TOML, or with --check is laid out otherwise; 74 a file
/// cannot be read or written.
#[derive(Debug, clap::Args)]
pub(crate) struct Fmt {
    /// Flow files, or folders of them
    #[arg(value_name = "FLOW", default_value = "flows")]
    paths: Vec<PathBuf>,
    /// Change nothing; say which files would change
    #[arg(long)]
    check: bool,
}

#[derive(Default)]
struct Done {
    files: usize,
    changed: usize,
    wrong: usize,
    unreadable: usize,
}

pub(crate) fn run(wanted: &Fmt) -> ExitCode {
    let mut done = Done::default();
    for path in &wanted.paths {
        match flow_files(path) {
            Ok(files) => files.iter().for_each(|file| done.file(file, wanted.check)),
            Err(error) => {
                complain(&format!("{}: {error}\n", path.display()));
                done.unreadable += 1;
            }
        }
    }
    let (files, changed) = (counted(done.files, "file"), done.changed);
    let would = if wanted.check { "would change" } else { "changed" };
    let printed = print(&format!("{files}, {changed} {would}\n"));
    match done {
        Done { unreadable: 1.., .. } => ExitCode::from(EX_IOERR),
        Done { wrong: 1.., .. } => ExitCode::from(EX_DATAERR),
        Done { changed: 1.., .. } if wanted.check => ExitCode::from(EX_DATAERR),
        Done { .. } => printed,
    }
}

impl Done {
    fn file(&mut self, file: &Path, check: bool) {
        self.files += 1;
        let name = file.display();
        let source = match std::fs::read_to_string(file) {
            Ok(source) => source,
            Err(error) => return self.unreadable(file, &error),
        };
        let Some(text) = layout::laid_out(&source) else {
            complain(&format!("{name}: it is no TOML: attendant check says where\n"));
            self.wrong += 1;
            return;
        };
        if text == source {
            return;
        }
        self.changed += 1;
        if check {
            print(&format!("{name}\n"));
        } else if let Err(error) = std::fs::write(file, text) {
            self.unreadable(file, &error);
        }
    }

    fn unreadable(&mut self, file: &Path, error: &std::io::Error) {
        complain(&format!("{}: {error}\n", file.display()));
        self.unreadable += 1;
    }
}

/// The file, or the flows of the folder.
fn flow_files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = std::fs::read_dir(path)?.collect::<std::io::Result<Vec<_>>>()?;
    let is_flow = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name.ends_with(".toml") && !attendant::config::is_left_alone(&name)
    };
    let mut files: Vec<PathBuf> =
        entries.iter().map(std::fs::DirEntry::path).filter(is_flow).collect();
    files.sort();
    Ok(files)
}
