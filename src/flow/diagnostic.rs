//! What is wrong with a flow file: where, why, and what to do about it.
//!
//! **Invariant:** every problem names a place in the file; a file is read to its end before its
//! problems are reported, so one run of `check` shows them all.
//!
//! **Deliberately absent:** colors and terminals. [`explain`] returns plain text; whoever has a
//! terminal brings the colors to [`explain_to`].

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use codespan_reporting::diagnostic as report;
use codespan_reporting::files::SimpleFile;
use codespan_reporting::term;

use crate::flow::code::{self, Code, Severity};

/// More problems in one file are counted, not listed.
pub const DIAGNOSTICS_MAX: usize = 100;

/// One problem, with its place. `line` and `column` count from 1, `column` in characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of problem it is; its severity is that of the code.
    pub code: &'static Code,
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
    /// Bytes of the file.
    pub span: Range<usize>,
    pub message: String,
    pub help: Option<String>,
    /// The same where there is room for it, with all there is to choose from; not in one line.
    pub at_length: Option<String>,
    /// The whole file, so that the line can be shown.
    source: Arc<str>,
}

/// One line, as compilers write it: `file:line:column: error[F0201]: message (help)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, file, line, column, message, .. } = self;
        write!(f, "{file}:{line}:{column}: {}[{code}]: {message}", self.severity())?;
        match &self.help {
            Some(help) => write!(f, " ({})", help.replace('\n', " ")),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// All problems as text for people: each with its line and a caret under the place.
#[must_use]
pub fn explain(diagnostics: &[Diagnostic]) -> String {
    let shown = diagnostics.iter().map(|diagnostic| {
        let shown = term::emit_into_string(&config(), &diagnostic.file(), &diagnostic.report());
        // A place outside the file would be our mistake; the words are still worth reading.
        shown.unwrap_or_else(|_| format!("{diagnostic}\n"))
    });
    shown.collect()
}

/// The same, to whoever sets colors.
///
/// # Errors
///
/// What the writer says.
pub fn explain_to(
    out: &mut dyn term::WriteStyle,
    diagnostics: &[Diagnostic],
) -> std::io::Result<()> {
    for diagnostic in diagnostics {
        let (file, report) = (diagnostic.file(), diagnostic.report());
        if term::emit_to_write_style(out, &config(), &file, &report).is_err() {
            writeln!(out, "{diagnostic}")?;
        }
    }
    Ok(())
}

/// Lines that every terminal and every log can show.
fn config() -> term::Config {
    term::Config { chars: term::Chars::ascii(), ..term::Config::default() }
}

impl Diagnostic {
    /// A problem with a file as a whole, such as one that could not be read.
    #[must_use]
    pub fn whole(code: &'static Code, file: &str, message: impl Into<String>) -> Self {
        Problems::new(file, "").make(code, 0..0, message.into(), None)
    }

    /// Something about a file that was read before.
    pub(in crate::flow) fn about(
        (file, source, span): (&str, &str, Range<usize>),
        code: &'static Code,
        message: String,
        help: Option<String>,
    ) -> Self {
        Problems::new(file, source).make(code, span, message, help)
    }

    /// Line and column right behind the place, counted as those where it begins.
    #[must_use]
    pub fn end(&self) -> (u32, u32) {
        let place = self.source.get(self.span.clone()).unwrap_or_default();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        match place.rsplit_once('\n') {
            None => (self.line, self.column.saturating_add(count(place.chars().count()))),
            Some((before, last)) => {
                let lines = count(before.matches('\n').count() + 1);
                (self.line.saturating_add(lines), count(last.chars().count() + 1))
            }
        }
    }

    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity
    }

    /// What to do about it, with all there is to choose from where that was not listed before.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.at_length.as_deref().or(self.help.as_deref())
    }

    fn file(&self) -> SimpleFile<&str, &str> {
        SimpleFile::new(&*self.file, &*self.source)
    }

    fn report(&self) -> report::Diagnostic<()> {
        let severity = match self.severity() {
            Severity::Warning => report::Severity::Warning,
            Severity::Error => report::Severity::Error,
        };
        let notes = self.advice().map(|help| format!("help: {help}")).into_iter().collect();
        report::Diagnostic::new(severity)
            .with_code(self.code.to_string())
            .with_message(&self.message)
            .with_label(report::Label::primary((), self.span.clone()))
            .with_notes(notes)
    }
}

/// Collects the problems of one file while it is read.
pub(in crate::flow) struct Problems {
    file: Arc<str>,
    source: Arc<str>,
    line_starts: Vec<usize>,
    found: RefCell<Vec<Diagnostic>>,
    /// For each cause that may show in several places: the problem that reports it, and the other
    /// lines that show it.
    causes: RefCell<BTreeMap<String, (usize, Vec<u32>)>>,
    /// What was listed whole, once in a file.
    listed: RefCell<BTreeSet<&'static str>>,
    /// Each option that was asked for, by its table.
    #[cfg(test)]
    asked: RefCell<BTreeSet<(&'static str, &'static str)>>,
}

impl Problems {
    pub(in crate::flow) fn new(file: &str, source: &str) -> Self {
        let line_starts =
            std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self {
            file: file.into(),
            source: source.into(),
            line_starts,
            found: RefCell::default(),
            causes: RefCell::default(),
            listed: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    pub(in crate::flow) fn source(&self) -> &str {
        &self.source
    }

    /// The line of a byte, counted from 1.
    pub(in crate::flow) fn line(&self, at: usize) -> u32 {
        let line = self.line_starts.partition_point(|&start| start <= at);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// A problem of a kind that has a code of its own.
    pub(in crate::flow) fn report(
        &self,
        code: &'static Code,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        let diagnostic = self.make(code, span, message.into(), help.into());
        self.found.borrow_mut().push(diagnostic);
    }

    /// A value that its option cannot have: what most verbs have to say of theirs.
    pub(in crate::flow) fn error(&self, span: Range<usize>, message: impl Into<String>) {
        self.report(&code::VALUE, span, message, None);
    }

    /// The same, with what to write.
    pub(in crate::flow) fn error_help(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        self.report(&code::VALUE, span, message, help);
    }

    /// A problem whose cause may show in many places: one message lists the lines that show it.
    pub(in crate::flow) fn report_once(
        &self,
        code: &'static Code,
        cause: String,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        let mut causes = self.causes.borrow_mut();
        if let Some((_, lines)) = causes.get_mut(&cause) {
            return lines.push(self.line(span.start));
        }
        causes.insert(cause, (self.found.borrow().len(), Vec::new()));
        drop(causes);
        self.report(code, span, message, help);
    }

    /// A problem with a word that is none of `choices`, which `listing` shows with what each is; it
    /// is shown once in a file, under the name `of`.
    pub(in crate::flow) fn report_choice(
        &self,
        code: &'static Code,
        (span, message): (Range<usize>, String),
        (written, choices): (&str, Vec<&str>),
        of: &'static str,
        listing: impl FnOnce() -> String,
    ) {
        let mut error = self.make(code, span, message, suggest(written, choices.clone()));
        if self.listed.borrow_mut().insert(of) {
            let near = near(written, &choices).map(|near| format!("{}\n", did_you_mean(near)));
            error.at_length = Some(near.unwrap_or_default() + &listing());
        }
        self.found.borrow_mut().push(error);
    }

    #[cfg(test)]
    pub(in crate::flow) fn note_asked(&self, table: &'static str, option: &'static str) {
        self.asked.borrow_mut().insert((table, option));
    }

    #[cfg(test)]
    pub(in crate::flow) fn asked(&self) -> BTreeSet<(&'static str, &'static str)> {
        self.asked.borrow().clone()
    }

    pub(in crate::flow) fn any_error(&self) -> bool {
        self.found.borrow().iter().any(|found| found.severity() == Severity::Error)
    }

    /// What was found: the errors and then the warnings, each in the order of the file.
    pub(in crate::flow) fn into_found(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        for (first, mut lines) in self.causes.into_inner().into_values() {
            let Some(first) = found.get_mut(first).filter(|_| !lines.is_empty()) else { continue };
            lines.sort_unstable();
            lines.dedup();
            let lines: Vec<String> = lines.iter().map(u32::to_string).collect();
            let also = format!("the same in line {}", lines.join(", "));
            let help = first.help.take().map_or_else(|| also.clone(), |it| format!("{it}\n{also}"));
            first.help = Some(help);
        }
        found.sort_by_key(|diagnostic| {
            (Reverse(diagnostic.severity()), diagnostic.span.start, diagnostic.span.end)
        });
        found.dedup();
        if found.len() > DIAGNOSTICS_MAX {
            let more = found.len() - DIAGNOSTICS_MAX;
            found.truncate(DIAGNOSTICS_MAX);
            if let Some(last) = found.last_mut() {
                last.help = Some(format!("{more} more problems are not shown"));
            }
        }
        found
    }

    fn make(
        &self,
        code: &'static Code,
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Diagnostic {
        let start = self.char_boundary(span.start);
        let end = self.char_boundary(span.end).max(start);
        let line = self.line(start);
        let line_start = self.line_starts[line as usize - 1];
        let column = self.source[line_start..start].chars().count() + 1;
        Diagnostic {
            code,
            file: Arc::clone(&self.file),
            line,
            column: u32::try_from(column).unwrap_or(u32::MAX),
            span: start..end,
            message,
            help,
            at_length: None,
            source: Arc::clone(&self.source),
        }
    }

    fn char_boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.source.len());
        while !self.source.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// "did you mean `billing`?", or what there is to choose from when nothing is near.
#[must_use]
pub fn suggest<'a>(written: &str, choices: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut choices: Vec<&str> = choices.into_iter().collect();
    choices.sort_unstable();
    choices.dedup();
    if let Some(choice) = near(written, &choices) {
        return Some(did_you_mean(choice));
    }
    if choices.is_empty() {
        return None;
    }
    let all = choices.len();
    let begin = if all > CHOICES_SHOWN_MAX {
        choices.sort_by_cached_key(|choice| distance(written, choice));
        choices.truncate(CHOICES_NEAREST);
        format!("of {all}, the nearest are")
    } else {
        "there is".to_owned()
    };
    let list: Vec<_> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    Some(wrapped(&format!("{begin} {}", list.join(", "))))
}

fn did_you_mean(choice: &str) -> String {
    format!("did you mean `{choice}`?")
}

/// What was probably meant.
fn near<'a>(written: &str, choices: &[&'a str]) -> Option<&'a str> {
    let choices = choices.iter().map(|choice| (distance(written, choice), *choice));
    let near = choices.filter(|(distance, choice)| *distance <= tolerance(written, choice));
    near.min().map(|(_, choice)| choice)
}

/// The same in lines that fit a terminal.
fn wrapped(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut width = 0;
    for word in text.split(' ') {
        let len = word.chars().count();
        if width > 0 && width + 1 + len > HELP_WIDTH_MAX {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += len;
    }
    lines
}

fn tolerance(a: &str, b: &str) -> usize {
    match a.chars().count().max(b.chars().count()) {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    }
}

/// Edit distance where two neighbors swapped count once. Names are cut to a length, so that the
/// cost stays bounded whatever the file holds.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).take(NAME_COMPARED_MAX).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).take(NAME_COMPARED_MAX).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

/// More choices than this are not listed, only those that are nearest to what was written.
const CHOICES_SHOWN_MAX: usize = 60;
const CHOICES_NEAREST: usize = 12;
const HELP_WIDTH_MAX: usize = 80;
const NAME_COMPARED_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_listed() {
        let steps = ["billing", "tech", "operator"];
        assert_eq!(suggest("biling", steps), Some("did you mean `billing`?".into()));
        assert_eq!(suggest("tehc", steps), Some("did you mean `tech`?".into()));
        assert_eq!(
            suggest("voicemail", steps),
            Some("there is `billing`, `operator`, `tech`".into())
        );
        assert_eq!(suggest("x", []), None);
    }

    #[test]
    fn places_outside_the_file_do_not_panic() {
        let problems = Problems::new("a.toml", "é = 1");
        problems.error(1..99, "inside a character, past the end");
        let found = problems.into_found();
        assert_eq!(
            found[0].to_string(),
            "a.toml:1:1: error[F0306]: inside a character, past the end"
        );
        assert!(explain(&found).contains("past the end"));
    }
}
