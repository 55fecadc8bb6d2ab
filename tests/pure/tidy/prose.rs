//! Phrases that comments may not use: a reader of English stops at them.
//!
//! A sentence has a subject from the table of words in `docs/words.md` and an active verb: "the
//! user agent reports", not "the leg is told"; "per call", "for 20 s", "this long".
//!
//! **Invariant:** a phrase is found across line breaks of one comment, whatever its case, and never
//! in code or in a string.
//!
//! **Deliberately absent:** grammar. A reviewer reads that.

use std::fmt::Write as _;

use super::{SourceFile, assert_clean, source_files};

/// What may not be written, and what to write instead. A word that ends in `*` is any that begins
/// so.
const PHRASES: &[(&str, &str)] = &[
    ("is told", "name who reports, sends or asks: \"the user agent reports\""),
    ("are told", "name who reports, sends or asks"),
    ("was told", "name who reported, sent or asked"),
    ("were told", "name who reported, sent or asked"),
    ("be told", "name who reports, sends or asks"),
    ("been told", "name who reported, sent or asked"),
    ("being told", "name who reports, sends or asks"),
    ("told of", "\"reports\", \"learns of\""),
    ("who is to", "\"who should\", or the role: caller, agent, consulted party"),
    ("who are to", "\"who should\", or the role"),
    ("is to be", "\"must be\", \"should be\", or an active verb"),
    ("are to be", "\"must be\", \"should be\", or an active verb"),
    ("so long", "\"this long\", \"for 20 s\""),
    ("so many", "\"this many\", or the number's name"),
    ("so much", "\"this much\", or the amount's name"),
    ("so often", "\"this often\", or the number's name"),
    ("somebody*", "caller, agent, party, peer: the word of the table"),
    ("someone*", "caller, agent, party, peer: the word of the table"),
];

/// "One record a call" is "one record per call": what is counted, and per what.
const COUNTED: &[&str] = &[
    "call", "deadline", "entry", "file", "frame", "leg", "line", "message", "packet", "place",
    "record", "request", "row", "socket", "table", "task", "test", "thing", "thread", "timer",
    "value", "verdict",
];
const UNITS: &[&str] = &[
    "agent", "call", "caller", "file", "flow", "frame", "input", "key", "leg", "line", "module",
    "packet", "party", "provider", "queue", "request", "row", "run", "seed", "step", "table",
    "test", "thread", "turn", "verb", "word",
];

/// A head is about a thing, so it does not begin with a question.
const HEADS: &[&str] = &["Who ", "Whom ", "Whose ", "Whoever "];

/// Words of a comment, each with its line (from 1).
type Words = Vec<(usize, String)>;

/// Comments of a file: lines of comment without one of code between them are one.
fn comments(file: &SourceFile) -> Vec<Words> {
    let mut comments = vec![Words::new()];
    for ((index, line), code) in file.text.lines().enumerate().zip(file.code.lines()) {
        // Blanking keeps columns, but counts characters: compare by characters.
        let begins = comment_begins(line, code);
        let Some(begins) = begins.filter(|_| !file.in_string.contains(&index)) else {
            comments.push(Words::new());
            continue;
        };
        if !code.trim().is_empty() {
            comments.push(Words::new()); // a comment behind code is one of its own
        }
        let text: String = line.chars().skip(begins).collect();
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '_');
        let words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
        let at_break = text.trim_matches(['/', '!', ' ']).is_empty();
        let comment = comments.last_mut().expect("there is always one");
        match at_break {
            true => comments.push(Words::new()),
            false => comment.extend(words.map(|word| (index + 1, word))),
        }
    }
    comments
}

/// Column of the `//` that begins a comment: blanked in the code, and not inside of a string, which
/// keeps no quotes there.
fn comment_begins(line: &str, code: &str) -> Option<usize> {
    let code_end = code.trim_end().chars().count();
    let rest: String = line.chars().skip(code_end).collect();
    let trimmed = rest.trim_start();
    let indent = rest.chars().count() - trimmed.chars().count();
    trimmed.starts_with("//").then_some(code_end + indent)
}

/// Whether the phrase stands at the beginning of these words.
fn begins(words: &[(usize, String)], phrase: &str) -> bool {
    let mut given = words.iter();
    phrase.split(' ').all(|expected| {
        given.next().is_some_and(|(_, word)| match expected.strip_suffix('*') {
            Some(stem) => word.starts_with(stem),
            None => word == expected,
        })
    })
}

/// Whether "one X a Y" stands at the beginning of these words, where Y is counted.
fn is_rate(words: &[(usize, String)]) -> bool {
    let mut given = words.iter().map(|(_, word)| word.as_str());
    let (one, counted, article, unit) = (given.next(), given.next(), given.next(), given.next());
    one == Some("one")
        && counted.is_some_and(|counted| COUNTED.contains(&counted))
        && matches!(article, Some("a" | "an"))
        && unit.is_some_and(|unit| UNITS.contains(&unit))
}

/// Phrases in the comments of this file, and heads that are questions.
fn wrong(file: &SourceFile) -> String {
    let mut errors = String::new();
    for words in comments(file) {
        for at in 0..words.len() {
            let found = PHRASES.iter().find(|(phrase, _)| begins(&words[at..], phrase));
            if let Some((phrase, instead)) = found {
                let line = words[at].0;
                writeln!(errors, "{}:{line}: no \"{phrase}\": {instead}", file.path).unwrap();
            }
            if is_rate(&words[at..]) {
                let line = words[at].0;
                writeln!(errors, "{}:{line}: no \"one … a …\": \"per\"", file.path).unwrap();
            }
        }
    }
    let head = file.text.strip_prefix("//! ").unwrap_or_default();
    if let Some(word) = HEADS.iter().find(|word| head.starts_with(**word)) {
        let word = word.trim();
        writeln!(errors, "{}:1: no head with \"{word} …\": name the thing", file.path).unwrap();
    }
    errors
}

#[test]
fn comments_are_active_sentences() {
    let files = source_files();
    let errors: String = files.iter().filter(|file| !is_here(file)).map(wrong).collect();
    assert_clean(&errors);
}

/// This file quotes what it forbids.
fn is_here(file: &SourceFile) -> bool {
    file.path == "tests/pure/tidy/prose.rs"
}

#[test]
fn the_rules_can_fire() {
    let text = concat!(
        "//! Who may call.\n",
        "//!\n",
        "//! A leg is\n",
        "//! Told of it.\n",
        "let a = \"is told\"; // waits so long, and\n",
        "let b = 1; // is\n",
        "// told\n",
        "let is = told; // one row a call, one line an input\n",
        "//   and \"so that\", told apart, so longing\n",
    );
    let file = SourceFile::new("src/flow/x.rs".to_owned(), text.to_owned());
    let errors = wrong(&file);
    let lines: Vec<&str> = errors.lines().filter_map(|line| line.split(':').nth(1)).collect();
    assert_eq!(lines, ["3", "4", "5", "6", "8", "8", "1"], "{errors}");
}
