//! What a code is, and how a file of them declares its own.
//!
//! **Invariant:** a code that a file declares is in the list of that file.

use std::fmt;

use crate::flow::reference::page::{filled, indented};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The flow works, but probably not as its author meant.
    Warning,
    /// The flow cannot be loaded.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// A kind of mistake.
#[derive(PartialEq, Eq)]
pub struct Code {
    /// The digits after the `F`.
    pub(super) number: u16,
    pub severity: Severity,
    /// What it is, in a few words that do not depend on the file.
    pub title: &'static str,
    /// What is wrong about it, and what to do.
    about: &'static str,
    /// Steps that are wrong in this way and in no other.
    pub(in crate::flow) wrong: &'static str,
    /// The same, put right.
    pub(in crate::flow) right: &'static str,
}

/// `F0201`.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "F{:04}", self.number)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Code {
    pub(super) const fn error(number: u16, title: &'static str, about: &'static str) -> Self {
        Self { number, severity: Severity::Error, title, about, wrong: "", right: "" }
    }

    pub(super) const fn warning(number: u16, title: &'static str, about: &'static str) -> Self {
        Self { severity: Severity::Warning, ..Self::error(number, title, about) }
    }

    pub(super) const fn wrong(self, wrong: &'static str) -> Self {
        Self { wrong, ..self }
    }

    pub(super) const fn right(self, right: &'static str) -> Self {
        Self { right, ..self }
    }

    /// What is wrong about it, and what to do; paragraphs have an empty line between them.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// All that there is to say of it, in lines of a terminal.
    #[must_use]
    pub fn page(&self) -> String {
        let Self { severity, title, about, wrong, right, .. } = self;
        let mut text = format!("{severity}[{self}]: {title}\n");
        for paragraph in about.split("\n\n") {
            text.push_str(&format!("\n{}", filled(paragraph, 0)));
        }
        for (heading, example) in [("Wrong", wrong), ("Right", right)] {
            let lines: String = example.trim().lines().map(indented).collect();
            if !lines.is_empty() {
                text.push_str(&format!("\n{heading}:\n{lines}"));
            }
        }
        text
    }
}

/// Declares the codes of a file, and their list, so that none is left out of it.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:expr;)*) => {
        $($(#[$doc])* pub const $name: Code = $code;)*
        pub(super) const ALL: &[&Code] = &[$(&$name),*];
    };
}
pub(super) use codes;
