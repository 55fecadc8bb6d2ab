//! The table of words in `ARCHITECTURE.md`, and the files it sends a reader to, are there.
//!
//! **Invariant:** each word stands once in the table, and each name it gives for one is in the
//! sources, so that a renaming takes the table along.
//!
//! **Deliberately absent:** whether prose keeps to the words. A reviewer reads that.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use super::{assert_clean, is_word, quoted, root, source_files};

/// The part of the document under this heading.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(heading).unwrap_or_else(|| panic!("no {heading:?}"));
    let end = rest.find("\n#").unwrap_or(rest.len());
    &rest[..end]
}

fn architecture() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

/// Words, and the names in code that stand for them.
fn rows(table: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_end_matches('|').split(" | ").collect();
        let [words, _, code] = cells[..] else { panic!("{row:?} is not word, meaning, code") };
        (words.split(", ").map(|word| word.trim().to_owned()).collect(), quoted(code))
    })
    .collect()
}

/// Words that stand twice, and names that are in no source.
fn wrong(rows: &[(Vec<String>, Vec<String>)], names: &BTreeSet<String>) -> String {
    let (mut errors, mut seen) = (String::new(), BTreeSet::new());
    for (words, code) in rows {
        for word in words.iter().filter(|word| !seen.insert((*word).clone())) {
            writeln!(errors, "ARCHITECTURE.md: `{word}` is in the table of words twice").unwrap();
        }
        for path in code {
            let gone = path.split("::").find(|name| !names.contains(*name));
            if let Some(gone) = gone {
                let word = &words[0];
                writeln!(errors, "ARCHITECTURE.md: {word}: no `{gone}` of `{path}` in src")
                    .unwrap();
            }
        }
    }
    errors
}

#[test]
fn each_word_of_the_table_is_there_once_and_its_names_are_in_the_sources() {
    let rows = rows(section(&architecture(), "\n## Words\n"));
    assert!(rows.len() > 30, "the table of words was not read: {rows:?}");
    let mut names = BTreeSet::new();
    for file in source_files().iter().filter(|file| file.path.starts_with("src/")) {
        let words = file.code.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        names.extend(words.map(str::to_owned));
    }
    assert_clean(&wrong(&rows, &names));
}

#[test]
fn the_walks_lead_to_files_that_are_there() {
    let text = architecture();
    let walks = section(&text, "\n### Four walks\n");
    let files = quoted(walks).into_iter().filter(|path| path.contains('/') && !path.contains('<'));
    let files: Vec<String> = files.collect();
    assert!(files.len() > 40, "{files:?}");
    let gone = files.iter().filter(|path| !root().join("src").join(path).exists());
    let errors: String =
        gone.map(|path| format!("ARCHITECTURE.md: no src/{path}: mend the walk\n")).collect();
    assert_clean(&errors);
}

#[test]
fn the_rules_can_fire() {
    let table = "| word | meaning | in code |\n|---|---|---|\n| leg | one | `call::Leg` |\n\
                 | front, leg | two | `front::Desk` |\n";
    let names = ["call", "Leg", "front"].map(str::to_owned).into();
    let errors = wrong(&rows(table), &names);
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert!(errors.contains("`leg` is in the table") && errors.contains("no `Desk`"), "{errors}");
}
