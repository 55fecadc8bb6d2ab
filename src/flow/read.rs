//! Reading one TOML table with its places, so that a problem points at the key it is about.
//!
//! **Invariant:** a key is either an option of the [`Schema`], or reported by [`Section::finish`];
//! only an option of the table can be asked for, and its name, default and range are those of its
//! [`Opt`].
//!
//! **Deliberately absent:** serde. Its errors inside a table point at the table's head and stop at
//! the first one.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::flow::code::{self, Code};
use crate::flow::diagnostic::{Problems, suggest};
use crate::flow::option::{Choice, Flag, Kind, MaySeconds, OneKey, Opt, Schema, Seconds, Whole};
use crate::flow::reference::page::listing;
use crate::words::Digit;

/// Characters of a name: a step, a variable, a language.
pub(in crate::flow) const NAME_LEN_MAX: usize = 64;

pub(in crate::flow) type Item<'a> = &'a Spanned<DeValue<'a>>;

/// A table of the file, and what it may hold.
pub(in crate::flow) struct Section<'a> {
    pub(in crate::flow) problems: &'a Problems,
    /// As messages name it: "step `main`".
    pub(in crate::flow) what: String,
    /// Where to point when something is missing.
    pub(in crate::flow) span: Range<usize>,
    items: &'a DeTable<'a>,
    table: &'static Schema,
}

impl<'a> Section<'a> {
    /// `None`, and an error, where a table was expected and something else is there.
    pub(in crate::flow) fn new(
        problems: &'a Problems,
        what: String,
        span: Range<usize>,
        item: Item<'a>,
        table: &'static Schema,
    ) -> Option<Self> {
        let DeValue::Table(items) = item.get_ref() else {
            let message = format!("{what} must be a table, not {}", a_type(item));
            problems.report(&code::WRONG_TYPE, item.span(), message, None);
            return None;
        };
        Some(Self { problems, what, span, items, table })
    }

    /// The same, of a table whose keys the author chooses.
    pub(in crate::flow) fn free(
        problems: &'a Problems,
        what: String,
        span: Range<usize>,
        item: Item<'a>,
    ) -> Option<Self> {
        Self::new(problems, what, span, item, &Schema::FREE)
    }

    pub(in crate::flow) fn get<K: Kind>(&self, option: &Opt<K>) -> Option<Item<'a>> {
        let Schema { name, .. } = self.table;
        debug_assert!(self.table.has(option.name), "`{name}` lists no `{}`", option.name);
        #[cfg(test)]
        self.problems.note_asked(name, option.name);
        self.items.get(option.name)
    }

    pub(in crate::flow) fn required<K: Kind>(&self, option: &Opt<K>) -> Option<Item<'a>> {
        let item = self.get(option);
        if item.is_none() {
            self.missing(option.name, option.missing_help().map(str::to_owned));
        }
        item
    }

    pub(in crate::flow) fn missing(&self, key: &str, help: Option<String>) {
        let message = format!("{} has no `{key}`", self.what);
        self.problems.report(&code::OPTION_MISSING, self.span.clone(), message, help);
    }

    /// The place of a key, for problems with the key itself.
    pub(in crate::flow) fn key_span(&self, key: &str) -> Range<usize> {
        self.items.get_key_value(key).map_or(self.span.clone(), |(key, _)| key.span())
    }

    pub(in crate::flow) fn entries(
        &self,
    ) -> impl Iterator<Item = (&'a str, Range<usize>, Item<'a>)> + use<'a> {
        entries(self.items)
    }

    pub(in crate::flow) fn string<K: Kind>(
        &self,
        option: &Opt<K>,
    ) -> Option<(&'a str, Range<usize>)> {
        let item = self.get(option)?;
        self.as_string(option.name, item)
    }

    pub(in crate::flow) fn as_string(
        &self,
        key: &str,
        item: Item<'a>,
    ) -> Option<(&'a str, Range<usize>)> {
        let text = item.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, "a text in quotes", item);
        }
        text.map(|text| (text, item.span()))
    }

    pub(in crate::flow) fn boolean(&self, option: &Opt<Flag>) -> bool {
        let Flag(default) = option.kind;
        let Some(item) = self.get(option) else { return default };
        item.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(option.name, "`true` or `false`", item);
            default
        })
    }

    pub(in crate::flow) fn whole(&self, option: &Opt<Whole>) -> u64 {
        let Whole { default, .. } = option.kind;
        let Some(item) = self.get(option) else { return default };
        self.as_whole(option.name, item, option.range()).unwrap_or(default)
    }

    pub(in crate::flow) fn as_whole(
        &self,
        key: &str,
        item: Item<'a>,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let DeValue::Integer(number) = item.get_ref() else {
            self.wrong_type(key, "a whole number", item);
            return None;
        };
        let number = u64::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!(
                "{}: `{key}` must be between {} and {}",
                self.what,
                range.start(),
                range.end()
            );
            self.problems.report(&code::OUT_OF_RANGE, item.span(), message, None);
        }
        number
    }

    /// A duration in seconds, whole or with a fraction.
    pub(in crate::flow) fn seconds(&self, option: &Opt<Seconds>) -> Duration {
        let default = Duration::from_secs(option.kind.default);
        let Some(item) = self.get(option) else { return default };
        self.as_seconds(option.name, item, option.range()).unwrap_or(default)
    }

    /// The same, where nothing holds that is not given.
    pub(in crate::flow) fn may_seconds(&self, option: &Opt<MaySeconds>) -> Option<Duration> {
        let item = self.get(option)?;
        self.as_seconds(option.name, item, option.range())
    }

    pub(in crate::flow) fn as_seconds(
        &self,
        key: &str,
        item: Item<'a>,
        range_s: RangeInclusive<u64>,
    ) -> Option<Duration> {
        let seconds = match item.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let Some(seconds) = seconds else {
            let help = "the unit is in the name of the key: write 30, not \"30s\"".to_owned();
            let message = format!("{}: `{key}` must be a number of seconds", self.what);
            self.problems.report(&code::WRONG_TYPE, item.span(), message, help);
            return None;
        };
        let (least, most) = (Duration::from_secs(*range_s.start()), *range_s.end());
        let duration = Duration::try_from_secs_f64(seconds).ok();
        let duration = duration.filter(|d| *d >= least && *d <= Duration::from_secs(most));
        if duration.is_none() {
            let message = format!(
                "{}: `{key}` must be between {} and {most} seconds",
                self.what,
                least.as_secs()
            );
            self.problems.report(&code::OUT_OF_RANGE, item.span(), message, None);
        }
        duration
    }

    /// One of a few words.
    pub(in crate::flow) fn choice<T: Copy + Sync>(&self, option: &Opt<Choice<T>>) -> T {
        let Opt { name, kind, .. } = option;
        let Some((word, span)) = self.string(option) else { return kind.meant() };
        kind.of(word).unwrap_or_else(|| {
            let message = format!("{}: `{name}` cannot be `{word}`", self.what);
            let words = kind.words.iter().map(|(word, _)| *word);
            self.problems.report(&code::WORD_UNKNOWN, span, message, suggest(word, words));
            kind.meant()
        })
    }

    /// One telephone key.
    pub(in crate::flow) fn key(&self, option: &Opt<OneKey>) -> Option<char> {
        let OneKey { default, may_be_none } = option.kind;
        let Some((text, span)) = self.string(option) else { return default };
        if text.is_empty() && may_be_none {
            return None;
        }
        let mut chars = text.chars();
        match (chars.next().and_then(Digit::new), chars.next()) {
            (Some(digit), None) => Some(digit.as_char()),
            _ => {
                self.error(span, format!("`{}` is one telephone key, not `{text}`", option.name));
                default
            }
        }
    }

    pub(in crate::flow) fn wrong_type(&self, key: &str, wanted: &str, item: Item<'a>) {
        let message = format!("{}: `{key}` must be {wanted}, not {}", self.what, a_type(item));
        self.problems.report(&code::WRONG_TYPE, item.span(), message, None);
    }

    pub(in crate::flow) fn error(&self, span: Range<usize>, message: impl std::fmt::Display) {
        self.problems.error(span, format!("{}: {message}", self.what));
    }

    /// The same with a code of its own.
    pub(in crate::flow) fn report(
        &self,
        code: &'static Code,
        span: Range<usize>,
        message: impl std::fmt::Display,
    ) {
        self.problems.report(code, span, format!("{}: {message}", self.what), None);
    }

    /// Reports the keys that are no options: with all there are, the first time in a file.
    pub(in crate::flow) fn finish(&self) {
        for (key, span, _) in self.entries().filter(|(key, ..)| !self.table.has(key)) {
            let message = format!("{} has no option `{key}`", self.what);
            let names = self.table.options().map(|option| option.name());
            self.problems.report_choice(
                &code::OPTION_UNKNOWN,
                (span, message),
                (key, names.collect()),
                self.table.name,
                || listing(self.table),
            );
        }
    }
}

/// Whether `name` may be a variable; says why not.
pub(in crate::flow) fn check_variable(
    section: &Section<'_>,
    name: &str,
    span: Range<usize>,
) -> bool {
    let Err(message) = variable_name(name) else { return true };
    section.report(&code::VARIABLE_UNUSABLE, span, message);
    false
}

/// Whether `name` may be a variable.
///
/// # Errors
///
/// Why not.
pub fn variable_name(name: &str) -> Result<(), String> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let plain = plain && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty();
    match plain {
        true if !RESERVED.contains(&name) && name.len() <= NAME_LEN_MAX => Ok(()),
        true => Err(format!("`{name}` is taken; choose another name for the variable")),
        false => Err(format!("`{name}` is not a name for a variable: use a-z, 0-9 and _")),
    }
}

/// An option of a table that was not looked at yet.
pub(in crate::flow) fn option<'a>(item: Item<'a>, key: &str) -> Option<Item<'a>> {
    item.get_ref().as_table()?.get(key)
}

/// The entries of a table in the order of the file.
pub(in crate::flow) fn entries<'a>(
    table: &'a DeTable<'a>,
) -> impl Iterator<Item = (&'a str, Range<usize>, Item<'a>)> + use<'a> {
    let mut entries: Vec<_> =
        table.iter().map(|(key, item)| (key.get_ref().as_ref(), key.span(), item)).collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    entries.into_iter()
}

/// "a number": what is there instead of what was wanted.
pub(in crate::flow) fn a_type(item: Item<'_>) -> &'static str {
    match item.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Names the language itself uses.
const RESERVED: [&str; 19] = [
    "and", "call", "caller", "elif", "else", "endif", "false", "if", "in", "intent", "is",
    "language", "none", "not", "or", "queue", "self", "true", "value_",
];
