//! The directory of callers: a TOML or CSV file, read into what flows see as `caller.*`.
//!
//! ```text
//! [[caller]]                                numbers,name,vip,contract
//! numbers = ["+14155550123"]                +14155550123;+14155550124,Ada Ames,yes,gold
//! name = "Ada Ames"
//! ```
//!
//! **Invariant:** a number belongs to one entry; each is kept in the form in which calls bring it,
//! and one that no call can bring is refused.
//!
//! **Deliberately absent:** anything secret. A number does not prove the caller.

mod csv;
mod number;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::call::{Directory, Entry};
use crate::config::layers::line;
use crate::config::problem::{Problems, Whose, closest};
use crate::config::text;
use crate::flow::{Mistake, mistakes};

/// The file is refused past this size, in bytes.
const FILE_LEN_MAX: u64 = 128 * 1024 * 1024;
/// The directory is refused past this many numbers.
const NUMBERS_MAX: usize = 1_000_000;
const NUMBERS_PER_ENTRY_MAX: usize = 64;

/// Warnings about one file; more are counted.
const WARNINGS_MAX: usize = 10;
/// Extensions have this many digits or more.
const EXTENSION_DIGITS_MIN: usize = 3;
/// What an entry may say beside free fields.
const FIELDS: [&str; 8] =
    ["numbers", "number", "name", "vip", "language", "segment", "account", "preferred_agent"];

/// What a file of callers is held against.
pub(super) struct Around<'a> {
    pub(super) region: &'a str,
    /// Whose telephones call by a name.
    pub(super) agents: BTreeSet<&'a str>,
}

/// Reads the file that `[callers]` names.
pub(super) fn read(
    path: &Path,
    around: &Around<'_>,
    warnings: &mut Vec<String>,
    problems: &mut Problems,
) -> Directory {
    let name = path.display().to_string();
    let source = match text::read(path, FILE_LEN_MAX) {
        Ok(source) => source,
        Err(unreadable) => {
            let help = "`callers.file` names it; an empty one is none";
            unreadable.tell(&name, Whose::Config, help, problems);
            return Directory::default();
        }
    };
    if source.trim_start_matches('\u{feff}').trim().is_empty() {
        let help = "without callers, write file = \"\" in [callers]";
        problems.add_with_help(&name, "is empty", help);
        return Directory::default();
    }
    let (file, directory, found) = (&*name, Directory::default(), Vec::new());
    let mut reading = Reading { file, around, line: 1, directory, warnings: found, problems };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => toml(&mut reading, &source),
        Some("csv") => csv(&mut reading, &source),
        Some(_) | None => reading.problems.add(file, "the name must end in .toml or .csv"),
    }
    reading.finish(warnings)
}

/// The entries being collected, and where the present one stands.
struct Reading<'a> {
    file: &'a str,
    around: &'a Around<'a>,
    line: usize,
    directory: Directory,
    warnings: Vec<String>,
    problems: &'a mut Problems,
}

impl Reading<'_> {
    fn problem(&mut self, message: impl Into<String>) {
        self.problems.add(format!("{}:{}", self.file, self.line), message);
    }

    /// Without the number or name that it is about: warnings are logged.
    fn warn(&mut self, message: impl std::fmt::Display) {
        self.warnings.push(format!("{}:{}: {message}", self.file, self.line));
    }

    fn finish(mut self, warnings: &mut Vec<String>) -> Directory {
        let more = self.warnings.len().saturating_sub(WARNINGS_MAX);
        self.warnings.truncate(WARNINGS_MAX);
        if more > 0 {
            self.warnings.push(format!("{}: and {more} more warnings like these", self.file));
        }
        warnings.append(&mut self.warnings);
        self.directory
    }

    /// Problems from the one with this index on are at another line.
    fn moved(&mut self, said: usize, line: usize) {
        for problem in self.problems.list.iter_mut().skip(said) {
            problem.place = format!("{}:{line}", self.file);
        }
    }

    fn add(&mut self, numbers: &[String], entry: Entry) {
        if numbers.is_empty() {
            self.problem("an entry without a number is never found");
        }
        if numbers.len() > NUMBERS_PER_ENTRY_MAX {
            self.problem(format!("more than {NUMBERS_PER_ENTRY_MAX} numbers"));
            return;
        }
        let entry = Arc::new(entry);
        for raw in numbers {
            let number = match number::read(raw, self.around.region) {
                Ok(number) => number,
                Err(why) => {
                    self.problem(format!("{raw:?} {why}"));
                    continue;
                }
            };
            self.doubt(&number);
            if self.directory.find(&number).is_some() {
                self.problem(format!("{raw:?} is in this file already"));
            } else if self.directory.len() >= NUMBERS_MAX {
                self.problem(format!("more than {NUMBERS_MAX} numbers"));
                return;
            } else {
                self.directory.insert(number, Arc::clone(&entry));
            }
        }
    }

    /// What only a telephone of ours can bring, and probably none does.
    fn doubt(&mut self, number: &str) {
        let is_digits = number.strip_prefix('+').unwrap_or(number);
        if !is_digits.bytes().all(|byte| byte.is_ascii_digit()) {
            if !self.around.agents.contains(number) {
                self.warn("the number is a word, and no agent has this name: no call brings it");
            }
        } else if is_digits.len() < EXTENSION_DIGITS_MIN {
            self.warn(format!("the number has fewer than {EXTENSION_DIGITS_MIN} digits"));
        }
    }

    /// Sets one field; what is not one of ours is free.
    fn set(&mut self, entry: &mut Entry, key: &str, value: Value) {
        let place = match key {
            "name" => &mut entry.name,
            "language" => &mut entry.language,
            "segment" => &mut entry.segment,
            "account" => &mut entry.account,
            "preferred_agent" => &mut entry.preferred_agent,
            "vip" => {
                if let Value::Bool(vip) = &value {
                    entry.vip = *vip;
                } else {
                    self.problem(format!("`vip` must be true or false, not {value}"));
                }
                return;
            }
            _ => {
                self.free(entry, key, value);
                return;
            }
        };
        match value {
            Value::String(text) => *place = Some(text).filter(|text| !text.is_empty()),
            Value::Number(number) => *place = Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.problem(format!("`{key}` must be text"));
            }
        }
    }

    fn free(&mut self, entry: &mut Entry, key: &str, value: Value) {
        if self.is_field(key) {
            entry.fields.insert(key.to_owned(), value);
        }
    }

    /// Whether a free field may have this name; why not is a problem.
    fn is_field(&mut self, key: &str) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins = key.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || !key.chars().all(plain) {
            self.problem(format!("`{key}` is no name for a field: use a-z, 0-9 and _"));
            return false;
        }
        if crate::flow::CALLER_FIELDS.iter().any(|field| field.name == key) {
            self.problem(format!("`{key}` is found out by the server: choose another name"));
            return false;
        }
        true
    }

    /// A free field whose name is nearly one of ours was probably meant to be it.
    fn doubt_field(&mut self, key: &str) {
        if let Some(meant) = closest(key, FIELDS) {
            self.warn(format!("`{key}` is a field of its own: did you mean `{meant}`?"));
        }
    }
}

fn toml(reading: &mut Reading<'_>, source: &str) {
    let file = reading.file;
    let (table, errors) = DeTable::parse_recoverable(source);
    for Mistake { span, message, .. } in mistakes(source, &errors) {
        reading.problems.add(format!("{file}:{}", line(source, span.start)), message);
    }
    if !errors.is_empty() {
        return;
    }
    let mut lines = Lines { source, offset: 0, line: 1 };
    let mut doubted = BTreeSet::new();
    let mut tables: Vec<&Spanned<DeValue<'_>>> = Vec::new();
    for (key, value) in table.get_ref() {
        if let DeValue::Array(entries) = value.get_ref()
            && key.get_ref() == "caller"
        {
            tables.extend(entries.iter());
            continue;
        }
        reading.line = line(source, key.span().start);
        reading.problem(format!("`{}` is not known: write [[caller]]", key.get_ref()));
    }
    for entry in tables {
        reading.line = lines.at(entry.span().start);
        let DeValue::Table(fields) = entry.get_ref() else {
            reading.problem("`caller` must be a list of tables: write [[caller]]");
            continue;
        };
        let text = source.get(entry.span().start..).unwrap_or_default();
        for key in fields.keys().map(|key| key.get_ref()).filter(|key| !FIELDS.contains(&&***key)) {
            if doubted.insert(key.clone()) {
                reading.doubt_field(key);
            }
        }
        toml_entry(reading, (text, entry.span().start), fields);
    }
}

/// Lines of offsets that mostly grow: a large directory is counted once, not once an entry.
struct Lines<'a> {
    source: &'a str,
    offset: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> usize {
        match self.source.as_bytes().get(self.offset..offset) {
            Some(between) => self.line += between.iter().filter(|byte| **byte == b'\n').count(),
            None => self.line = line(self.source, offset),
        }
        self.offset = offset;
        self.line
    }
}

/// A problem with one key is said at its own line, one with the entry at its first. The text is
/// that from the entry on, and where it begins.
fn toml_entry(reading: &mut Reading<'_>, (text, at): (&str, usize), fields: &DeTable<'_>) {
    let begins = reading.line;
    let line_of = |offset: usize| begins + line(text, offset.saturating_sub(at)) - 1;
    let mut entry = Entry::default();
    let (mut numbers, mut numbers_at) = (Vec::new(), None);
    for (key, value) in fields {
        let said = reading.problems.list.len();
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("numbers", DeValue::Array(list)) => {
                numbers_at = Some(key.span().start);
                for number in list.iter() {
                    match number.get_ref().as_str() {
                        Some(number) => numbers.push(number.to_owned()),
                        None => reading.problem("`numbers` must be a list of texts, in quotes"),
                    }
                }
            }
            ("numbers", _) => reading.problem("`numbers` must be a list of texts, in quotes"),
            (key, value) => match scalar(value) {
                Some(value) => reading.set(&mut entry, key, value),
                None => reading.problem(format!("`{key}` must be text, a number, true or false")),
            },
        }
        if reading.problems.list.len() > said {
            reading.moved(said, line_of(key.span().start));
        }
    }
    reading.line = numbers_at.map_or(begins, line_of);
    reading.add(&numbers, entry);
    reading.line = begins;
}

fn scalar(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::from(text.to_string())),
        DeValue::Integer(int) => {
            i64::from_str_radix(int.as_str(), int.radix()).ok().map(Value::from)
        }
        DeValue::Float(float) => float.as_str().parse::<f64>().ok().map(Value::from),
        DeValue::Boolean(bool) => Some(Value::from(*bool)),
        DeValue::Datetime(datetime) => Some(Value::from(datetime.to_string())),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn csv(reading: &mut Reading<'_>, source: &str) {
    let mut rows = csv::Rows::of(source);
    let Some(columns) = rows.next().and_then(|(_, row)| columns(reading, row)) else {
        return;
    };
    for (line, row) in rows {
        reading.line = line;
        match row {
            Err(malformed) => reading.problem(malformed.message()),
            Ok(row) if row.len() == 1 && row[0].trim().is_empty() => {}
            Ok(row) if row.len() != columns.len() => {
                let (has, needs) = (row.len(), columns.len());
                reading.problem(format!("has {has} columns, the first line has {needs}"));
            }
            Ok(row) => csv_entry(reading, &columns, &row),
        }
    }
}

/// The names in the first line, without those that were refused there; `None` where nothing can be
/// read by them.
fn columns(
    reading: &mut Reading<'_>,
    row: Result<Vec<String>, csv::Malformed>,
) -> Option<Vec<Option<String>>> {
    let row = match row {
        Ok(row) => row,
        Err(malformed) => {
            reading.problem(malformed.message());
            return None;
        }
    };
    let columns: Vec<String> =
        row.iter().map(|column| column.trim().to_ascii_lowercase()).collect();
    let mut seen = BTreeSet::new();
    for column in columns.iter().filter(|column| !seen.insert(column.as_str())) {
        reading.problem(format!("the first line names the column `{column}` twice"));
    }
    if !columns.iter().any(|column| column == "numbers" || column == "number") {
        reading.problem("the first line must name the columns, and one must be `numbers`");
        return None;
    }
    // Spreadsheets leave empty columns behind: one is a mistake where a row has something in it.
    let is_free = |column: &String| !column.is_empty() && !FIELDS.contains(&&**column);
    let mut usable = |column: String| {
        if !is_free(&column) {
            return Some(column);
        }
        reading.doubt_field(&column);
        reading.is_field(&column).then_some(column)
    };
    Some(columns.into_iter().map(&mut usable).collect())
}

fn csv_entry(reading: &mut Reading<'_>, columns: &[Option<String>], row: &[String]) {
    let mut entry = Entry::default();
    let mut numbers = Vec::new();
    for (column, value) in columns.iter().zip(row) {
        let (Some(column), value) = (column, value.trim()) else { continue };
        if column == "numbers" || column == "number" {
            let several = value.split(';').map(str::trim).filter(|number| !number.is_empty());
            numbers.extend(several.map(str::to_owned));
        } else if column == "vip" {
            let vip = truth(value).map_or_else(|| Value::from(value), Value::from);
            reading.set(&mut entry, column, vip);
        } else if !value.is_empty() {
            reading.set(&mut entry, column, Value::from(value));
        }
    }
    reading.add(&numbers, entry);
}

fn truth(word: &str) -> Option<bool> {
    let words: BTreeMap<&str, bool> =
        [("", false), ("no", false), ("false", false), ("0", false), ("n", false)]
            .into_iter()
            .chain([("yes", true), ("true", true), ("1", true), ("y", true)])
            .collect();
    words.get(word.to_ascii_lowercase().as_str()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(extension: &str, source: &str) -> (Directory, String) {
        let (directory, said, _) = read_whole(extension, source);
        (directory, said)
    }

    /// With the warnings.
    fn read_whole(extension: &str, source: &str) -> (Directory, String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("callers.{extension}"));
        std::fs::write(&path, source).unwrap();
        let mut problems = Problems::default();
        let around = Around { region: "US", agents: ["ada"].into() };
        let mut warnings = Vec::new();
        let directory = read(&path, &around, &mut warnings, &mut problems);
        let plain = |text: &str| text.replace(&format!("{}/", folder.path().display()), "");
        let warnings = warnings.iter().map(|warning| plain(warning)).collect();
        (directory, plain(&problems.to_string()), warnings)
    }

    #[test]
    fn what_is_probably_a_typing_error_is_a_warning_without_the_number() {
        let source =
            "numbers,nmae,insurer\n+14155550123,Ada,x\nabc,Bo,x\n12,Cy,x\nada,Di,x\n1001,Ed,x\n";
        let (directory, said, warnings) = read_whole("csv", source);
        assert_eq!((directory.len(), said.as_str()), (5, ""));
        assert_eq!(
            warnings,
            [
                "callers.csv:1: `nmae` is a field of its own: did you mean `name`?",
                "callers.csv:3: the number is a word, and no agent has this name: no call brings \
                 it",
                "callers.csv:4: the number has fewer than 3 digits",
            ]
        );
        let entry = "[[caller]]\nnumbers = [\"1001\"]\nvpi = true\n";
        let source = format!("{entry}{}", entry.replace("1001", "1002"));
        let (_, _, warnings) = read_whole("toml", &source);
        assert_eq!(warnings, ["callers.toml:1: `vpi` is a field of its own: did you mean `vip`?"]);
        let many: String = (0..WARNINGS_MAX + 7).map(|at| format!("w{at}\n")).collect();
        let (_, _, warnings) = read_whole("csv", &format!("numbers\n{many}"));
        assert_eq!(warnings.len(), WARNINGS_MAX + 1);
        assert_eq!(warnings[WARNINGS_MAX], "callers.csv: and 7 more warnings like these");
    }

    #[test]
    fn a_wrong_column_is_said_once_in_the_first_line_and_an_empty_file_is_refused() {
        let (_, said) = read_as("csv", "numbers,V.I.P.,\n1001,yes,\n1002,no,\n1003,no,x\n");
        assert_eq!(
            said,
            "callers.csv:1: `v.i.p.` is no name for a field: use a-z, 0-9 and _\n\
             callers.csv:4: `` is no name for a field: use a-z, 0-9 and _\n"
        );
        for (extension, source) in [("csv", ""), ("csv", "\u{feff}\r\n"), ("toml", " \n")] {
            let (_, said) = read_as(extension, source);
            assert!(said.starts_with(&format!("callers.{extension}: is empty")), "{said}");
        }
        let (directory, said) = read_as("csv", "numbers,name\n");
        assert_eq!((directory.len(), said.as_str()), (0, ""), "no caller yet");
    }

    #[test]
    fn toml_and_csv_say_the_same() {
        let (toml, said) = read_as(
            "toml",
            "[[caller]]\nnumbers = [\"(415) 555-0123\", \"1001\"]\nname = \"Ada Ames\"\n\
             vip = true\naccount = \"4711\"\ncontract = \"gold\"\n",
        );
        assert_eq!(said, "");
        let (csv, said) = read_as(
            "csv",
            "\u{feff}Numbers,name,vip,account,contract\r\n\
             +14155550123; 1001,\"Ada Ames\",yes,4711,gold\r\n\r\n",
        );
        assert_eq!(said, "");
        for directory in [toml, csv] {
            assert_eq!(directory.len(), 2);
            let ada = directory.find("+14155550123").unwrap();
            assert_eq!(ada, directory.find("1001").unwrap());
            assert_eq!((ada.name.as_deref(), ada.vip), (Some("Ada Ames"), true));
            assert_eq!(ada.account.as_deref(), Some("4711"));
            assert_eq!(ada.fields["contract"], "gold");
        }
    }

    #[test]
    fn fault_34_a_file_that_is_not_understood_says_where() {
        let (directory, said) = read_as(
            "csv",
            "Numbers;Name\r\n'+14155550123;\"Ada\"\r\nx12;Bob\r\n1.41556E+10;Cid\r\n\
             +14155550124;\"Dan\r\n+14155550125;Eve\r\n",
        );
        assert_eq!(directory.len(), 1);
        assert_eq!(directory.find("+14155550123").unwrap().name.as_deref(), Some("Ada"));
        let lines: Vec<&str> = said.lines().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(lines, ["callers.csv:3", "callers.csv:4", "callers.csv:5"], "{said}");
        assert!(said.contains("never closed"), "{said}");
    }

    #[test]
    fn fault_41_each_line_of_a_callers_file_is_its_own() {
        let (_, said) = read_as("csv", "numbers,vip\r+14155550123,yes\r1001,maybe\r1001,no\r");
        assert_eq!(
            said,
            "callers.csv:3: `vip` must be true or false, not \"maybe\"\n\
             callers.csv:4: \"1001\" is in this file already\n"
        );
        let source = "caller = [\n  { numbers = [\"1001\"] },\n  { numbers = [\"1002\"], Bad = 1 },\n\
                      { name = \"x\" },\n]\n";
        let (_, said) = read_as("toml", source);
        assert!(said.starts_with("callers.toml:3: `Bad`"), "{said}");
        assert!(said.contains("callers.toml:4: an entry without"), "{said}");
    }

    #[test]
    fn quotes_hold_commas_and_lines() {
        let (directory, said) =
            read_as("csv", "number,note\n1001,\"a, \"\"b\"\"\nc\"\n1002,d\n1003\n");
        assert_eq!(directory.find("1001").unwrap().fields["note"], "a, \"b\"\nc");
        assert_eq!(directory.find("1002").unwrap().fields["note"], "d");
        assert_eq!(said, "callers.csv:5: has 1 columns, the first line has 2\n");
    }

    #[test]
    fn each_wrong_entry_is_named_with_its_line() {
        let (_, said) = read_as(
            "toml",
            "[[caller]]\nnumbers = [\"1001\"]\nvip = \"yes\"\n\n[[caller]]\nname = \"B\"\n\n\
             [[caller]]\nnumbers = [\"1001\", \"anonymous\"]\nlast_intent = \"x\"\nBad = 1\n\n[other]\n",
        );
        assert_eq!(
            said,
            "callers.toml:13: `other` is not known: write [[caller]]\n\
             callers.toml:3: `vip` must be true or false, not \"yes\"\n\
             callers.toml:5: an entry without a number is never found\n\
             callers.toml:11: `Bad` is no name for a field: use a-z, 0-9 and _\n\
             callers.toml:10: `last_intent` is found out by the server: choose another name\n\
             callers.toml:9: \"1001\" is in this file already\n\
             callers.toml:9: \"anonymous\" is what networks write for a number they withhold\n"
        );
    }

    #[test]
    fn fault_41_a_bracket_that_is_not_closed_is_one_message() {
        let open = "[[caller]]\nnumbers = [\"1001\"\nvip = true\nname = \"A\"\n";
        let (_, said) = read_as("toml", open);
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
