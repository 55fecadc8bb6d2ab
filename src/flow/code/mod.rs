//! The codes of diagnostics: what each kind of mistake is called, and what is wrong about it.
//!
//! A code is a constant of one of the files here; whatever reports a problem names it, and the
//! severity comes with it. `attendant explain F0201` prints [`Code::page`].
//!
//! **Invariant:** a code once given keeps its meaning and is never given again: people write codes
//! into scripts, and search for them. A code has an example that is wrong by it and by no other,
//! and one that is right; a test parses both.
//!
//! **Deliberately absent:** the words about one mistake in one file. Those are the message's.

mod file;
mod kind;
mod options;
mod setup;
mod steps;
mod texts;
mod ways;

use crate::flow::diagnostic::suggest;
use crate::flow::reference::page::names;

pub use file::{
    FILE_TOO_LARGE, NO_FLOW_TABLE, NO_STEP, NOT_TOML, NUMBER_NOT_E164, NUMBER_UNUSABLE,
    NUMBERS_NONE, STEP_WITHOUT_NAME, TWICE, VERB_UNKNOWN,
};
pub use kind::{Code, Severity};
pub use options::{
    CONTRADICTION, LIMIT, NEVER_APPLIES, OPTION_MISSING, OPTION_UNKNOWN, OUT_OF_RANGE, VALUE,
    WORD_UNKNOWN, WRONG_TYPE,
};
pub use setup::{
    DIALED_BY_NOBODY, HIDDEN_SERVICE, NOBODY_ABLE, NOT_DIALABLE, NOTHING_DIALED, PROVIDER_CANNOT,
    PROVIDER_DIFFERS, SOUND_BROKEN, SOUND_MISSING, UNDECLARED,
};
pub use steps::{
    HOLIDAY_UNKNOWN, HOLIDAY_UNTOLD, HOURS_GAP, HOURS_UNKNOWN, HOURS_UNREADABLE, LANGUAGE_UNKNOWN,
    LANGUAGE_UNREADABLE, NAME_UNUSABLE, NEVER_OPEN, STEP_TWICE, STEP_UNKNOWN, VARIABLE_UNUSABLE,
    ZONE_UNKNOWN,
};
pub use texts::{
    BRACES, FIELD_UNKNOWN, FOREIGN_OPERATOR, LANGUAGE_FALLS_BACK, LANGUAGE_MISSING, MAY_BE_EMPTY,
    MAY_FAIL, NAME_UNKNOWN, NOT_WAITING, SECRET_IN_TEXT, SET_NOWHERE_BEFORE, SOUND_OUTSIDE,
    TEMPLATE_UNREADABLE, TEMPLATE_WORD_UNKNOWN, TEXT_EMPTY, TEXT_TOO_LONG,
};
pub use ways::{
    AMBIGUOUS_KEYS, DEEP_MENU, ENDLESS, MANY_CHOICES, NO_PEOPLE, NO_WAY_OUT, RUNS_WITHOUT_CALLER,
    UNREACHABLE,
};

/// Every code, in the order of their numbers.
pub fn all() -> impl Iterator<Item = &'static Code> {
    GROUPS.iter().copied().flatten().copied()
}

/// The code that is written like this: `F0201`, `f201`, `201`.
///
/// # Errors
///
/// That there is none, with the one that was probably meant.
pub fn find(written: &str) -> Result<&'static Code, String> {
    let digits = written.trim_start_matches(['f', 'F']);
    let number: Option<u16> = digits.parse().ok();
    let found = all().find(|code| Some(code.number) == number);
    found.ok_or_else(|| {
        let known: Vec<String> = all().map(ToString::to_string).collect();
        let meant = suggest(written, known.iter().map(String::as_str));
        let meant = meant.filter(|meant| meant.starts_with("did you mean"));
        let meant = meant.map(|meant| format!(": {meant}")).unwrap_or_default();
        format!("no diagnostic has the code `{written}`{meant}; `attendant explain` lists all")
    })
}

/// All of them, a line each: errors as they are, warnings marked.
#[must_use]
pub fn list() -> String {
    let marked = |code: &Code| match code.severity {
        Severity::Error => code.title.to_owned(),
        Severity::Warning => format!("{} (warning)", code.title),
    };
    names(all().map(|code| (code.to_string(), marked(code))))
}

const GROUPS: &[&[&Code]] =
    &[file::ALL, steps::ALL, options::ALL, texts::ALL, ways::ALL, setup::ALL];
