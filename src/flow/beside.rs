//! Text files beside a flow, which its steps look things up in.
//!
//! **Invariant:** what a step found in a file when the flow was loaded is what its calls go by: the
//! flow keeps the text, its version changes with it, and a setup that is kept has it.
//!
//! **Deliberately absent:** the disk. Whoever loads flows has read what stands beside them.

use std::ops::Range;
use std::sync::Arc;

use crate::flow::build::Build;
use crate::flow::csv::Rows;
use crate::flow::diagnostic::suggest;
use crate::flow::known::is_beside;
use crate::flow::read::Section;

/// Bytes of a file that a flow looks things up in.
pub const BESIDE_LEN_MAX: u64 = 4 << 20;
/// Lines of one that are looked at; a file with more is refused.
pub(in crate::flow) const ROWS_MAX: usize = 100_000;

/// A file that a step names, and where it does.
pub(in crate::flow) struct Looked<'a> {
    pub(in crate::flow) name: &'a str,
    pub(in crate::flow) span: Range<usize>,
    /// `None` where it is not known what stands beside the flow.
    pub(in crate::flow) text: Option<Arc<str>>,
}

impl<'a> Build<'a> {
    /// The file that an option names; `None`, and an error, where there is none.
    pub(in crate::flow) fn beside(
        &self,
        section: &Section<'a>,
        (name, span): (&'a str, Range<usize>),
    ) -> Option<Looked<'a>> {
        let wrong = |message: String, help: Option<String>| {
            let message = format!("{}: {message}", section.what);
            self.problems.error_help(span.clone(), message, help);
            None
        };
        if !is_beside(name) || name.contains(['/', '\\', '\0']) {
            let help = "a .csv or .txt file in the folder of the flow, by its name alone";
            return wrong(format!("`{name}` is no file to look in"), Some(help.to_owned()));
        }
        let Some(files) = &self.known.files else {
            return Some(Looked { name, span, text: None });
        };
        match files.get(name) {
            None => {
                let help = suggest(name, files.keys().map(String::as_str));
                let none =
                    || Some("the folder of the flow has no .csv and no .txt file".to_owned());
                wrong(format!("there is no file `{name}` beside the flow"), help.or_else(none))
            }
            Some(Err(why)) => wrong(format!("`{name}` {why}"), None),
            Some(Ok(text)) => {
                self.looked_in.borrow_mut().insert(name.into(), Arc::clone(text));
                Some(Looked { name, span, text: Some(Arc::clone(text)) })
            }
        }
    }
}

impl Looked<'_> {
    /// Each row with its line; stops at one that is malformed, and past [`ROWS_MAX`].
    pub(in crate::flow) fn rows(
        &self,
        section: &Section<'_>,
        mut take: impl FnMut(usize, Vec<String>) -> Result<(), String>,
    ) {
        let text = self.text.as_deref().unwrap_or_default();
        for (at, (line, row)) in Rows::of(text).enumerate() {
            let row = match row {
                _ if at == ROWS_MAX => Err(format!("there are more than {ROWS_MAX} lines")),
                Ok(row) => Ok(row),
                Err(malformed) => Err(malformed.message().to_owned()),
            };
            if let Err(why) = row.and_then(|row| take(line, row)) {
                let message = format!("`{}`, line {line}: {why}", self.name);
                return section.error(self.span.clone(), message);
            }
        }
    }
}
