//! The subcommands, one file each, and what they share: how they speak and how they fail.
//!
//! **Invariant:** answers go to standard output, problems to standard error, and the exit code says
//! whose mistake it was (`sysexits.h`).
//!
//! **Deliberately absent:** work. Each subcommand asks the library and prints.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub(crate) mod backup;
pub(crate) mod call;
pub(crate) mod callers;
pub(crate) mod check;
mod color;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod graph;
pub(crate) mod health;
pub(crate) mod help;
pub(crate) mod import;
mod period;
mod plain;
pub(crate) mod records;
pub(crate) mod reload;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod test;
pub(crate) mod watch;
pub(crate) mod webhook;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use attendant::config::{DEFAULT_FILE, Problems, Sources, Whose};
use attendant::flow::Diagnostic;
use attendant::store::{self, RecordReader, StoreError, StorePlace};

/// The command was used wrongly.
pub(crate) const EX_USAGE: u8 = 64;
/// What a file says is wrong.
pub(crate) const EX_DATAERR: u8 = 65;
/// A server cannot be reached, or refuses.
pub(crate) const EX_UNAVAILABLE: u8 = 69;
/// A file could not be read or written.
pub(crate) const EX_IOERR: u8 = 74;
/// The configuration is wrong.
pub(crate) const EX_CONFIG: u8 = 78;

/// Whether there is a configuration, and this is not the demonstration.
fn is_configured(sources: &Sources) -> bool {
    sources.file.is_some() || PathBuf::from(DEFAULT_FILE).exists()
}

/// The records of a server, or why there are none to read.
fn records_of(place: &StorePlace) -> Result<Box<dyn RecordReader>, String> {
    let state = &*place.folder;
    store::read_records(place.clone()).map_err(|error| match state.exists() {
        true if matches!(error, StoreError::NoRecords { .. }) => error.to_string(),
        true => format!("{}: {error}", state.display()),
        false => format!(
            "{}: there is no such folder, so no record: `server.state` or --state names the one a \
             server keeps them in",
            state.display()
        ),
    })
}

/// `1 flow`, `2 flows`.
fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}

/// Says what is wrong, and with the exit code, whose mistake it is.
fn told(problems: &Problems) -> ExitCode {
    complain(&problems.listed());
    complain_of(&problems.flows);
    ExitCode::from(match problems.whose() {
        Whose::Config => EX_CONFIG,
        Whose::Flow => EX_DATAERR,
        Whose::File => EX_IOERR,
    })
}

/// To standard output. A reader that went away (`| head`) is no mistake.
pub(crate) fn print(text: &str) -> ExitCode {
    print_safe(&plain::lines(text))
}

/// What there is to say of flows, in color where that is a terminal.
fn print_of(diagnostics: &[Diagnostic]) -> ExitCode {
    print_safe(&color::shown(diagnostics, &io::stdout()))
}

/// Text that no terminal obeys.
fn print_safe(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(EX_IOERR),
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

/// To standard error, where nothing can be done about a failure.
fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(plain::lines(text).as_bytes());
}

/// The same in color, where that is a terminal.
fn complain_of(diagnostics: &[Diagnostic]) {
    let _ = io::stderr().lock().write_all(color::shown(diagnostics, &io::stderr()).as_bytes());
}

pub(crate) fn fail(code: u8, message: &str) -> ExitCode {
    complain(&format!("attendant: {message}\n"));
    ExitCode::from(code)
}
