//! Rows of comma-separated values (RFC 4180), with `,` or `;` between them.
//!
//! **Invariant:** a row is at most [`ROW_LINES_MAX`] lines and [`LINE_LEN_MAX`] bytes, so that a
//! quote that is never closed takes no more with it.

use std::collections::BTreeMap;

use crate::import::lines::LINE_LEN_MAX;

/// Lines of one row, where a value in quotes has line breaks.
const ROW_LINES_MAX: u64 = 100;
/// A header has no more columns.
const COLUMNS_MAX: usize = 1_000;

/// Joins the lines of rows.
#[derive(Debug, Default)]
pub(super) struct Rows {
    begun: String,
    first_line: u64,
    lines: u64,
}

/// What came of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// A row, with the number of its first line.
    Whole(u64, String),
    /// The row goes on in the next line.
    Begun,
    /// With the number of its first line.
    NeverClosed(u64),
}

impl Rows {
    pub(super) fn line(&mut self, number: u64, text: &str) -> Row {
        if self.lines == 0 {
            self.first_line = number;
        } else {
            self.begun.push('\n');
        }
        self.lines += 1;
        self.begun.push_str(text);
        if self.begun.matches('"').count().is_multiple_of(2) {
            self.lines = 0;
            return Row::Whole(self.first_line, std::mem::take(&mut self.begun));
        }
        if self.lines >= ROW_LINES_MAX || self.begun.len() > LINE_LEN_MAX {
            return Row::NeverClosed(self.end().unwrap_or(number));
        }
        Row::Begun
    }

    /// Whether the next line begins a row.
    pub(super) const fn is_between(&self) -> bool {
        self.lines == 0
    }

    /// Lets go of a row that is not whole; says in which line it began.
    pub(super) fn end(&mut self) -> Option<u64> {
        let was_begun = std::mem::take(&mut self.lines) > 0;
        self.begun = String::new();
        was_begun.then_some(self.first_line)
    }
}

/// The columns of a table, as its header has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    delimiter: char,
    places: BTreeMap<String, usize>,
    len: usize,
}

impl Header {
    /// Of the first row.
    pub(super) fn of(row: &str) -> Result<Self, String> {
        let count = |delimiter| row.matches(delimiter).count();
        let delimiter = if count(';') > count(',') { ';' } else { ',' };
        let names = split(row, delimiter)?;
        Self::named(&names.iter().map(|name| name.trim()).collect::<Vec<_>>(), delimiter)
    }

    /// Of a table without a header, whose columns are known.
    pub(super) fn named(names: &[&str], delimiter: char) -> Result<Self, String> {
        if names.len() > COLUMNS_MAX {
            return Err(format!("the header has more than {COLUMNS_MAX} columns"));
        }
        let mut places = BTreeMap::new();
        for (place, name) in names.iter().enumerate() {
            let name = name.to_ascii_lowercase();
            if places.insert(name.clone(), place).is_some() && !name.is_empty() {
                return Err(format!("the column `{name}` is there twice: leave one of them out"));
            }
        }
        Ok(Self { delimiter, places, len: names.len() })
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.places.contains_key(column)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// The values of a row; as many as there are columns.
    pub(super) fn values(&self, row: &str) -> Result<Values<'_>, String> {
        let values = split(row, self.delimiter)?;
        if values.len() != self.len {
            let (is, should) = (values.len(), self.len);
            return Err(format!(
                "the row has {is} values and the header {should} columns: a value with `{}` in it \
                 stands in quotes",
                self.delimiter
            ));
        }
        Ok(Values { header: self, values })
    }
}

/// The values of one row by the names of their columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values<'a> {
    header: &'a Header,
    values: Vec<String>,
}

impl Values<'_> {
    /// `None` where the column is not there, or the value is empty.
    pub(super) fn get(&self, column: &str) -> Option<&str> {
        let value = self.values.get(*self.header.places.get(column)?)?.trim();
        Some(value).filter(|value| !value.is_empty())
    }

    /// As [`Self::get`], read; what is wrong names the column.
    pub(super) fn read<T>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let value = self.get(column).map(read).transpose();
        value.map_err(|why| format!("{column}: {why}"))
    }

    /// As [`Self::read`], of a value that must be there.
    pub(super) fn must<T>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        self.read(column, read)?.ok_or_else(|| format!("{column}: the value is missing"))
    }
}

/// The values of a row without their quotes.
fn split(row: &str, delimiter: char) -> Result<Vec<String>, String> {
    let mut values = vec![String::new()];
    let mut chars = row.chars().peekable();
    let (mut quoted, mut closed) = (false, false);
    while let Some(c) = chars.next() {
        let value = values.last_mut().expect("there is always one");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                value.push('"');
            }
            '"' if quoted => (quoted, closed) = (false, true),
            '"' if value.is_empty() && !closed => quoted = true,
            '"' => return Err("a quote stands inside of a value: write it twice".to_owned()),
            c if c == delimiter && !quoted => {
                values.push(String::new());
                closed = false;
            }
            _ if closed => return Err("something follows a closing quote".to_owned()),
            c => value.push(c),
        }
    }
    if quoted { Err("a quote is never closed".to_owned()) } else { Ok(values) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_rfc_4180() {
        for (row, delimiter, expected) in [
            ("a,b,c", ',', vec!["a", "b", "c"]),
            ("a;\"b;\"\"c\"\"\";", ';', vec!["a", "b;\"c\"", ""]),
            ("\"two\nlines\",", ',', vec!["two\nlines", ""]),
            ("", ',', vec![""]),
        ] {
            assert_eq!(split(row, delimiter).unwrap(), expected, "{row}");
        }
        for wrong in ["a\"b", "\"a\"b,c", "\"a"] {
            assert!(split(wrong, ',').is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_header_says_what_is_between_values() {
        let header = Header::of("Call;From;\"To, dialed\"").unwrap();
        let values = header.values("1; +1415 ;").unwrap();
        assert_eq!((values.get("call"), values.get("from")), (Some("1"), Some("+1415")));
        assert_eq!((values.get("to, dialed"), values.get("absent")), (None, None));
        assert!(header.values("1,2,3").unwrap_err().contains("1 values and the header 3"));
        assert!(Header::of("a,b,A").unwrap_err().contains("twice"));
    }

    #[test]
    fn a_row_may_have_several_lines_and_not_all_of_them() {
        let mut rows = Rows::default();
        assert_eq!(rows.line(7, "a,\"b"), Row::Begun);
        assert_eq!(rows.line(8, "c\",d"), Row::Whole(7, "a,\"b\nc\",d".to_owned()));
        assert_eq!(rows.line(9, "\"open"), Row::Begun);
        assert_eq!((rows.end(), rows.end()), (Some(9), None));
        let lost = (0..ROW_LINES_MAX).map(|n| rows.line(n, if n == 0 { "\"" } else { "" })).last();
        assert_eq!(lost, Some(Row::NeverClosed(0)));
        assert_eq!(rows.line(3, "a"), Row::Whole(3, "a".to_owned()));
    }
}
