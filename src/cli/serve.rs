//! `attendant serve`: sets up the log and hands over to the server.
//!
//! **Invariant:** no line of the log ends a call: one that cannot be written, because whoever read
//! it has gone or its disk is full, is lost.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use attendant::config::{self, Keep, LogFormat, Sources};
use attendant::server::StartError;

use crate::cli::{EX_CONFIG, EX_IOERR, fail, told};

pub(crate) fn run(sources: &Sources) -> ExitCode {
    let soundless = match config::soundless(sources, &[], Keep::Yes) {
        Ok(soundless) => soundless,
        Err(problems) => return told(&problems),
    };
    let server = &soundless.loaded.config.server;
    let level = &server.log_level;
    let filter = match tracing_subscriber::EnvFilter::try_new(level) {
        Ok(filter) => filter,
        Err(error) => return fail(EX_CONFIG, &format!("server.log_level = {level:?}: {error}")),
    };
    // Answers go to standard output, the log to standard error; colors only on a terminal.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lossy(io::stderr()));
    let no_color = sources.variables.get("NO_COLOR");
    let log = log.with_ansi(has_colors(io::stderr().is_terminal(), no_color));
    match server.log {
        LogFormat::Pretty => log.init(),
        LogFormat::Json => log.json().init(),
    }
    match attendant::server::run(soundless, sources.clone()) {
        Ok(code) => code,
        Err(StartError::Refused(problems)) => told(&problems),
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

/// Codes for colors are for terminals, and for those who have not asked for none (no-color.org).
fn has_colors(is_terminal: bool, no_color: Option<&String>) -> bool {
    is_terminal && no_color.is_none_or(String::is_empty)
}

#[cfg(test)]
mod tests {
    use super::has_colors;

    #[test]
    fn fault_41_a_log_in_a_file_has_no_codes_for_colors() {
        assert!(has_colors(true, None) && has_colors(true, Some(&String::new())));
        assert!(!has_colors(false, None) && !has_colors(true, Some(&"1".to_owned())));
    }
}
