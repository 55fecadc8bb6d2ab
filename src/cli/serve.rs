//! `attendant serve`: sets up the log and hands over to the server.

use std::io;
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
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match loaded.config.server.log {
        LogFormat::Pretty => log.init(),
        LogFormat::Json => log.json().init(),
    }
    match attendant::server::run(loaded) {
        Ok(code) => code,
        Err(error) => fail(EX_IOERR, &error.to_string()),
    }
}
