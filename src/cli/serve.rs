//! `attendant serve`: sets up the log and hands over to the server.
//!
//! **Invariant:** no line of the log ends a call: one that cannot be written, because whoever read
//! it has gone or its disk is full, is lost.

use std::io::{self, Write};
use std::process::ExitCode;

use attendant::config::{self, LogFormat, Sources};

use crate::cli::{EX_CONFIG, EX_IOERR, fail, told};

pub(crate) fn run(sources: &Sources) -> ExitCode {
    let loaded = match config::load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => return told(&problems),
    };
    let level = &loaded.config.server.log_level;
    let filter = match tracing_subscriber::EnvFilter::try_new(level) {
        Ok(filter) => filter,
        Err(error) => return fail(EX_CONFIG, &format!("server.log_level = {level:?}: {error}")),
    };
    // Answers go to standard output, the log to standard error.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lossy(io::stderr()));
    match loaded.config.server.log {
        LogFormat::Pretty => log.init(),
        LogFormat::Json => log.json().init(),
    }
    match attendant::server::run(loaded) {
        Ok(code) => code,
        Err(error) => fail(EX_IOERR, &error.to_string()),
    }
}

/// Writes what can be written. The log would complain of the rest to standard error, which ends
/// whatever thread does so when nobody reads that.
struct Lossy<W>(W);

impl<W: Write> Write for Lossy<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}
