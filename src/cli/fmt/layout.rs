//! The layout of a flow file: the same for all who write flows, so that a difference shows what was
//! changed.
//!
//! - One empty line before a table and the comment right above it; nowhere two in a row.
//! - Keys of a table that follow each other have their `=` in one column. Dotted keys stand apart.
//! - Nothing stands at the end of a line, and the file ends with one line break.
//!
//! **Invariant:** what the file says stays as it is, comments and the order of everything too: the
//! result holds the same values, or there is none. Laying out a result changes nothing.
//!
//! **Deliberately absent:** what stands inside a value, which may be broken into lines as its
//! author likes.

/// Between a value and the comment beside it.
const GAP: &str = "  ";

/// The file laid out; `None` where that would say something else, which would be our mistake, or
/// where it is no TOML.
pub(super) fn laid_out(source: &str) -> Option<String> {
    let source = source.replace("\r\n", "\n");
    let before: toml::Table = source.parse().ok()?;
    let text = written(&pieces(&source));
    let after: toml::Table = text.parse().ok()?;
    (before == after).then_some(text)
}

/// What stands on a line of its own, or on several.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Blank,
    Comment(&'a str),
    /// With what stands beside it.
    Header(&'a str),
    Pair {
        key: &'a str,
        value: &'a str,
        /// The space before it, and the comment.
        comment: Option<(&'a str, &'a str)>,
    },
}

fn pieces(source: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), source);
    while !rest.is_empty() {
        let line = rest.split('\n').next().unwrap_or_default();
        let trimmed = line.trim();
        let len = match trimmed.chars().next() {
            None => {
                pieces.push(Piece::Blank);
                line.len()
            }
            Some('#') => {
                pieces.push(Piece::Comment(trimmed));
                line.len()
            }
            Some('[') => {
                pieces.push(Piece::Header(trimmed));
                line.len()
            }
            Some(_) => {
                let (pair, len) = pair(rest);
                pieces.push(pair);
                len
            }
        };
        rest = rest.get(len + 1..).unwrap_or_default();
    }
    pieces
}

/// A key and its value, which may go on over lines; and how long both are.
fn pair(text: &str) -> (Piece<'_>, usize) {
    let equals = end(text, |c, _| c == '=' || c == '\n');
    let after = equals + usize::from(text[equals..].starts_with('='));
    let value = &text[after..];
    let ends = end(value, |c, deep| deep == 0 && (c == '\n' || c == '#'));
    let line_end = value[ends..].find('\n').map_or(value.len(), |len| ends + len);
    let comment = value[ends..line_end].trim_end();
    let said = value[..ends].trim_end();
    let gap = &value[said.len()..ends];
    let comment = (!comment.is_empty()).then_some((gap, comment));
    let (key, value) = (text[..equals].trim(), said.trim_start());
    (Piece::Pair { key, value, comment }, after + line_end)
}

/// Where the first character stands that is looked for, outside of quotes and comments. `is_it`
/// gets the character, and how many brackets are open.
fn end(text: &str, is_it: impl Fn(char, usize) -> bool) -> usize {
    let (mut at, mut deep) = (0, 0_usize);
    while let Some(c) = text[at..].chars().next() {
        if is_it(c, deep) {
            return at;
        }
        at += match c {
            '"' | '\'' => quoted(&text[at..], c),
            '#' => text[at..].find('\n').unwrap_or(text.len() - at),
            _ => {
                deep = match c {
                    '[' | '{' => deep + 1,
                    ']' | '}' => deep.saturating_sub(1),
                    _ => deep,
                };
                c.len_utf8()
            }
        };
    }
    text.len()
}

/// How long the quoted text is that begins here.
fn quoted(text: &str, quote: char) -> usize {
    let three = quote.to_string().repeat(3);
    let is_long = text.starts_with(&three);
    let open = if is_long { 3 } else { 1 };
    let mut at = open;
    while let Some(c) = text[at..].chars().next() {
        if c == '\\' && quote == '"' {
            at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
            continue;
        }
        if is_long && text[at..].starts_with(&three) {
            // Up to two quotes may stand right before the three that end it.
            let more = text[at + 3..].chars().take(2).take_while(|c| *c == quote).count();
            return at + 3 + more;
        }
        if !is_long && c == quote {
            return at + 1;
        }
        at += c.len_utf8();
    }
    text.len()
}

fn written(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        if begins_table(&pieces[at..]) && !text.is_empty() && !text.ends_with("\n\n") {
            // A comment above may have it already.
            let is_inside = matches!(pieces[at - 1], Piece::Comment(_));
            text.push_str(if is_inside { "" } else { "\n" });
        }
        match piece {
            Piece::Blank if text.is_empty() || text.ends_with("\n\n") => continue,
            Piece::Blank => {}
            Piece::Comment(line) | Piece::Header(line) => text.push_str(line),
            Piece::Pair { key, value, comment } => {
                let width = if is_dotted(key) { 0 } else { width(pieces, at) };
                text.push_str(&format!("{key:<width$} = {value}"));
                if let Some((gap, comment)) = comment {
                    text.push_str(if gap.len() < GAP.len() { GAP } else { gap });
                    text.push_str(comment);
                }
            }
        }
        text.push('\n');
    }
    format!("{}\n", text.trim_end())
}

/// Whether a table begins here, or the comment right above one.
fn begins_table(pieces: &[Piece<'_>]) -> bool {
    let comments = pieces.iter().take_while(|piece| matches!(piece, Piece::Comment(_))).count();
    matches!(pieces.get(comments), Some(Piece::Header(_)))
}

/// Of the widest key of those that follow each other around this one.
fn width(pieces: &[Piece<'_>], at: usize) -> usize {
    let is_end = |piece: &Piece<'_>| matches!(piece, Piece::Blank | Piece::Header(_));
    let before = pieces[..at].iter().rev().take_while(|piece| !is_end(piece)).count();
    let around = pieces[at - before..].iter().take_while(|piece| !is_end(piece));
    let keys = around.filter_map(|piece| match piece {
        Piece::Pair { key, .. } if !is_dotted(key) => Some(key.chars().count()),
        Piece::Pair { .. } | Piece::Blank | Piece::Comment(_) | Piece::Header(_) => None,
    });
    keys.max().unwrap_or_default()
}

fn is_dotted(key: &str) -> bool {
    end(key, |c, _| c == '.') < key.len()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tables_stand_apart_and_values_in_one_column() {
        let source = "\n\n[flow]\nnumbers=[\"600\"]  \nstart = 'a'# here\n# about a\n[say.a]\n\n\n\
                      text.en=\"x\"\nnext   =\"b\"\n[hangup.b]\ntext = \"\"\"\n  one  \n\n\n[two]\"\"\"\n";
        let right = "[flow]\nnumbers = [\"600\"]\nstart   = 'a'  # here\n\n# about a\n[say.a]\n\n\
                     text.en = \"x\"\nnext = \"b\"\n\n[hangup.b]\ntext = \"\"\"\n  one  \n\n\n[two]\"\"\"\n";
        assert_eq!(laid_out(source).as_deref(), Some(right));
        assert_eq!(laid_out(right).as_deref(), Some(right));
    }

    #[test]
    fn lists_over_lines_and_signs_in_texts_stay_as_they_are() {
        let source = "a = [\n  \"x = [\", # why\n    'y',\n]\nlong_name = { b = \"#\", c = '\\' }\n\
                      \"quoted.key\" = \"\\\"#\"   # far\n";
        let right = "a            = [\n  \"x = [\", # why\n    'y',\n]\n\
                     long_name    = { b = \"#\", c = '\\' }\n\"quoted.key\" = \"\\\"#\"   # far\n";
        assert_eq!(laid_out(source).as_deref(), Some(right));
        assert_eq!(laid_out("a = [\n"), None);
        assert_eq!(laid_out("a = 1\r\nb.c = 2\r\n").as_deref(), Some("a = 1\nb.c = 2\n"));
    }

    #[test]
    fn every_flow_here_says_the_same_and_stays() {
        let root = env!("CARGO_MANIFEST_DIR");
        let folders = [format!("{root}/flows"), format!("{root}/tests/data/broken")];
        let mut seen = 0;
        for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
            let path = entry.unwrap().path();
            let source = fs::read_to_string(&path).unwrap();
            let is_flow = path.extension().is_some_and(|extension| extension == "toml");
            if !is_flow || source.parse::<toml::Table>().is_err() {
                continue;
            }
            let text = laid_out(&source).unwrap_or_else(|| panic!("{}", path.display()));
            assert_eq!(laid_out(&text).as_ref(), Some(&text), "{}", path.display());
            if path.starts_with(&folders[0]) {
                assert_eq!(text, source, "{}: attendant fmt", path.display());
            }
            seen += 1;
        }
        assert!(seen > 100, "{seen}");
    }
}
