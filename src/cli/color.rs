//! Diagnostics in color, where there is a terminal to show it.
//!
//! **Invariant:** the only escape sequences are those of this file: what a flow holds is shown as
//! `plain` shows it, before a color is put around it.
//!
//! **Deliberately absent:** a switch. `NO_COLOR` (https://no-color.org) and `TERM=dumb` turn it off.

use std::env;
use std::io::{self, IsTerminal, Write};

use attendant::flow::{Diagnostic, explain, explain_to};
use codespan_reporting::diagnostic::{LabelStyle, Severity};
use codespan_reporting::term::WriteStyle;

use crate::cli::plain;

/// For this stream: in color, if a terminal takes it and nobody said no.
pub(super) fn shown(diagnostics: &[Diagnostic], stream: &impl IsTerminal) -> String {
    let said_no = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    if !stream.is_terminal() || said_no("NO_COLOR") || is_dumb {
        return plain::lines(&explain(diagnostics)).into_owned();
    }
    colored(diagnostics)
}

fn colored(diagnostics: &[Diagnostic]) -> String {
    let mut out = Colored::default();
    match explain_to(&mut out, diagnostics) {
        Ok(()) => out.0,
        // Writing to memory does not fail; the words are there without colors.
        Err(_) => plain::lines(&explain(diagnostics)).into_owned(),
    }
}

#[derive(Default)]
struct Colored(String);

impl Colored {
    /// Select graphic rendition (ECMA-48).
    fn set(&mut self, sgr: &str) -> io::Result<()> {
        self.0.push_str(&format!("\u{1b}[{sgr}m"));
        Ok(())
    }
}

impl Write for Colored {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.push_str(&plain::lines(&String::from_utf8_lossy(text)));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteStyle for Colored {
    fn set_header(&mut self, severity: Severity) -> io::Result<()> {
        self.set(bold(severity))
    }

    fn set_header_message(&mut self) -> io::Result<()> {
        self.set("0;1")
    }

    fn set_line_number(&mut self) -> io::Result<()> {
        self.set("34")
    }

    fn set_note_bullet(&mut self) -> io::Result<()> {
        self.set("34")
    }

    fn set_source_border(&mut self) -> io::Result<()> {
        self.set("34")
    }

    fn set_label(&mut self, severity: Severity, _style: LabelStyle) -> io::Result<()> {
        self.set(bold(severity))
    }

    fn reset(&mut self) -> io::Result<()> {
        self.set("0")
    }
}

/// Red for what is wrong, yellow for what probably is.
const fn bold(severity: Severity) -> &'static str {
    match severity {
        Severity::Bug | Severity::Error => "1;31",
        Severity::Warning => "1;33",
        Severity::Note | Severity::Help => "1;32",
    }
}

#[cfg(test)]
mod tests {
    use attendant::flow::{Known, parse};

    use super::*;

    #[test]
    fn what_a_file_holds_is_shown_and_not_obeyed_in_color_as_well() {
        let source = "[flow]\nnumbers = [\"600\"]\nstart = \"a\u{9b}2J\"\n[hangup.a]\n";
        let found = parse("a.toml", source, &Known::anything()).unwrap_err();
        let shown = colored(&found);
        assert!(shown.contains("\u{1b}[1;31merror[F0201]\u{1b}[0;1m"), "{shown:?}");
        assert!(shown.contains("a\\u009b2J") && !shown.contains('\u{9b}'), "{shown:?}");
        let without: String = shown
            .split('\u{1b}')
            .map(|part| part.split_once('m').map_or(part, |(_, rest)| rest))
            .collect();
        assert!(!without.contains('\u{1b}'), "{without:?}");
    }
}
