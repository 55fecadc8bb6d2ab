//! The rows of a CSV file (RFC 4180), as spreadsheets of several countries write it.
//!
//! **Invariant:** each row knows the line it begins at; a quote that is never closed is an error at
//! its own line and ends the reading, so that it swallows nothing in silence.
//!
//! **Deliberately absent:** what the columns mean.

/// What may part the columns; the first line decides which of them does.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// Something wrong with the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A quote opened in this row is never closed.
    Unclosed,
    /// Something stands between a closing quote and the next separator.
    AfterQuote,
}

impl Malformed {
    /// In words, for who wrote the file.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Unclosed => "a quote is opened and never closed: nothing after it was read",
            Self::AfterQuote => {
                "text follows a closing quote: a quote inside a quoted text is written twice"
            }
        }
    }
}

/// The rows of a file, each with its line.
pub struct Rows<'a> {
    rest: &'a str,
    line: usize,
    separator: char,
}

impl<'a> Rows<'a> {
    /// What parts the columns of the first line parts those of all.
    #[must_use]
    pub fn of(source: &'a str) -> Self {
        let source = source.trim_start_matches('\u{feff}');
        let mut quoted = false;
        let unquoted = source.chars().take_while(|c| !matches!(c, '\n' | '\r')).filter(|c| {
            quoted ^= *c == '"';
            !quoted
        });
        let separator = unquoted.into_iter().find(|c| SEPARATORS.contains(c)).unwrap_or(',');
        Self { rest: source, line: 1, separator }
    }
}

impl Iterator for Rows<'_> {
    /// The line a row begins at, and its fields.
    type Item = (usize, Result<Vec<String>, Malformed>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let begun = self.line;
        let mut row = vec![String::new()];
        let (mut quoted, mut closed, mut after_quote) = (false, false, false);
        let mut chars = self.rest.char_indices().peekable();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            // A line ends with LF, CRLF, or a CR alone.
            let ends_line = c == '\n' || (c == '\r' && next != Some('\n'));
            self.line += usize::from(ends_line);
            let field = row.last_mut()?;
            match (c, quoted) {
                ('"', true) if next == Some('"') => {
                    chars.next();
                    field.push('"');
                }
                ('"', true) => (quoted, closed) = (false, true),
                (c, true) => field.push(c),
                ('"', false) if field.trim().is_empty() && !closed => {
                    field.clear();
                    quoted = true;
                }
                (c, false) if c == self.separator => {
                    row.push(String::new());
                    closed = false;
                }
                _ if ends_line => {
                    end = at + c.len_utf8();
                    break;
                }
                ('\r', false) => {}
                (c, false) => {
                    after_quote |= closed && !c.is_whitespace();
                    field.push(c);
                }
            }
        }
        if quoted {
            self.rest = "";
            return Some((begun, Err(Malformed::Unclosed)));
        }
        self.rest = &self.rest[end..];
        Some((begun, if after_quote { Err(Malformed::AfterQuote) } else { Ok(row) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(source: &str) -> Vec<(usize, Result<Vec<String>, Malformed>)> {
        Rows::of(source).collect()
    }

    fn row(line: usize, fields: &[&str]) -> (usize, Result<Vec<String>, Malformed>) {
        (line, Ok(fields.iter().map(|&field| field.to_owned()).collect()))
    }

    #[test]
    fn fault_34_columns_are_parted_as_the_first_line_parts_them() {
        for source in ["a,b\n1;2,3\n", "a;b\r\n\"1;2\";3\r\n", "a\tb\r1;2\t3\r"] {
            assert_eq!(rows(source), [row(1, &["a", "b"]), row(2, &["1;2", "3"])], "{source:?}");
        }
        assert_eq!(rows("\"a;x\",b\n")[0], row(1, &["a;x", "b"]));
    }

    #[test]
    fn fault_34_an_unclosed_quote_is_found_where_it_opens() {
        let read = rows("a,b\n1,\"2\n3,4\n5,6\n");
        assert_eq!(read, [row(1, &["a", "b"]), (2, Err(Malformed::Unclosed))]);
        let read = rows("a,b\n1,\"2\" or 3\n3,4\n");
        assert_eq!(read[1..], [(2, Err(Malformed::AfterQuote)), row(3, &["3", "4"])]);
    }

    #[test]
    fn quotes_hold_separators_quotes_and_lines() {
        let read = rows("\"a, \"\"b\"\"\nc\" ,d\ne,f");
        assert_eq!(read, [row(1, &["a, \"b\"\nc ", "d"]), row(3, &["e", "f"])]);
    }
}
