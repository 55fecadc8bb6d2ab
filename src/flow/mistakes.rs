//! The mistakes of a file that is no TOML, without those that only follow from one before.
//!
//! The parser goes on after a mistake, and stumbles over the rest of the line; after a bracket that
//! is not closed and a table that is there already, over every line up to the next table.
//!
//! **Invariant:** a name that is there twice is named, with the line of the first.

use std::ops::Range;

use toml::de::Error;

/// A place where the file is no TOML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub span: Range<usize>,
    pub message: String,
    /// A key or table that is there already.
    pub is_twice: bool,
}

/// In the order of the file.
#[must_use]
pub fn mistakes(source: &str, errors: &[Error]) -> Vec<Mistake> {
    let mut all: Vec<Mistake> = errors.iter().map(|error| told(source, error)).collect();
    all.sort_by_key(|mistake| mistake.span.start);
    let mut first: Vec<Mistake> = Vec::new();
    for mistake in all {
        let follows = first.last().is_some_and(|before| {
            let between = source.get(before.span.start..mistake.span.start).unwrap_or_default();
            let opens = ["array", "inline table", "string", "] is already defined"];
            let open = opens.iter().any(|it| before.message.contains(it));
            !between.contains('\n') || open && !between.contains("\n[")
        });
        if !follows {
            first.push(mistake);
        }
    }
    first
}

fn told(source: &str, error: &Error) -> Mistake {
    let span = error.span().unwrap_or(0..0);
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    let is_twice = message == "duplicate key";
    let message = match message.as_str() {
        _ if is_twice => twice(source, &span),
        other => format!("not valid TOML: {}", other.trim_end_matches(", expected nothing")),
    };
    Mistake { span, message, is_twice }
}

/// Of a table or key that is there already.
fn twice(source: &str, span: &Range<usize>) -> String {
    let begins = source.get(..span.start).and_then(|before| before.rfind('\n'));
    let begins = begins.map_or(0, |end| end + 1);
    let line = source.get(begins..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let before = source.get(..begins).unwrap_or_default();
    let header = line.split('#').next().unwrap_or_default().trim();
    let first_line = |is: &dyn Fn(&str) -> bool| before.lines().position(is).map(|at| at + 1);
    if header.starts_with('[') {
        return match first_line(&|line| {
            line.split('#').next().is_some_and(|it| it.trim() == header)
        }) {
            Some(first) => format!("{header} is already defined at line {first}"),
            None => format!("{header} is already defined"),
        };
    }
    let key = source.get(span.clone()).unwrap_or_default().trim();
    let table = before.lines().collect::<Vec<_>>();
    let table = table.iter().rposition(|line| line.trim_start().starts_with('[')).unwrap_or(0);
    let assigns = |line: &str| {
        let rest = line.trim_start().strip_prefix(key).map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with('='))
    };
    let of_table = before.lines().enumerate().skip(table).find(|(_, line)| assigns(line));
    match of_table {
        Some((at, _)) => format!("key `{key}` is already assigned at line {}", at + 1),
        None => format!("key `{key}` is already assigned"),
    }
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    fn said(source: &str) -> Vec<String> {
        let (_, errors) = DeTable::parse_recoverable(source);
        mistakes(source, &errors).into_iter().map(|mistake| mistake.message).collect()
    }

    #[test]
    fn what_is_there_twice_is_named_once_with_the_line_of_the_first() {
        let agent = "[agents.anna]\nskills = { a = 1 }\nmd5 = true\n";
        let twice = format!("{agent}\n[agents.bo]\n{}", agent.replace("]\n", "] # again\n"));
        assert_eq!(said(&twice), ["[agents.anna] is already defined at line 1"]);
        let keys = "[a]\ntext = \"x\"\n[b]\ntext = \"x\"\nnext = \"y\"\ntext = \"z\"\n";
        assert_eq!(said(keys), ["key `text` is already assigned at line 4"]);
        assert_eq!(said("keys = { 3 = \"a\", 3 = \"b\" }\n"), ["key `3` is already assigned"]);
    }

    #[test]
    fn what_is_no_toml_is_said_to_be_none() {
        assert_eq!(said("a = = 1\n"), ["not valid TOML: extra `=`"]);
    }
}
