//! `attendant backup`: a copy of what a server keeps, made while it runs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use attendant::config::{self, Sources};
use attendant::store;

use crate::cli::{EX_IOERR, fail, print, told};

/// Said where there is more to do.
const RECORDS_ARE_ELSEWHERE: &str = "the records are in the database that `server.database` names: \
    copy it now, with pg_dump, after this folder. A copy of before lacks calls that have left the \
    folder\n";

/// Copy what the server keeps in `server.state` into a new folder, also while calls are up.
///
/// The copy is of one moment: calls that were up then have their records closed when a server
/// starts on it. To go back to it, stop the server, put the folder in place of `server.state` and
/// start: a copy in which a file is missing or another is refused. Configuration, flows and sounds
/// are no part of it. It holds what callers said and who they are, for its owner alone; a caller
/// who is erased later is still in it. With `server.database`, records are copied by pg_dump, after
/// this: what the folder still has for the database is delivered once, whichever is ahead.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// A folder that is new or empty
    folder: PathBuf,
    /// Recordings as well, into the folder `recordings` of it
    #[arg(long)]
    recordings: bool,
}

pub(crate) fn run(sources: &Sources, wanted: &Backup) -> ExitCode {
    let server = match config::check(sources) {
        Ok(checked) => checked.config.server,
        Err(problems) => return told(&problems),
    };
    let recordings = wanted.recordings.then_some(server.recordings.as_path());
    match store::back_up(attendant::server::place(&server), &wanted.folder, recordings) {
        Ok(done) => print(&format!(
            "{} files, {:.1} MB, in {}\n{}",
            done.files,
            done.bytes as f64 / 1e6,
            wanted.folder.display(),
            if server.database.is_some() { RECORDS_ARE_ELSEWHERE } else { "" }
        )),
        Err(error) => fail(EX_IOERR, &error.to_string()),
    }
}
