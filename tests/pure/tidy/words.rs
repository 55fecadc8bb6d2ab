//! The table of words in `docs/words.md`, and the files that the documents send a reader to, are
//! there.
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

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
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
            writeln!(errors, "docs/words.md: `{word}` is in the table of words twice").unwrap();
        }
        for path in code {
            let gone = path.split("::").find(|name| !names.contains(*name));
            if let Some(gone) = gone {
                let word = &words[0];
                writeln!(errors, "docs/words.md: {word}: no `{gone}` of `{path}` in src").unwrap();
            }
        }
    }
    errors
}

#[test]
fn each_word_of_the_table_is_there_once_and_its_names_are_in_the_sources() {
    let rows = rows(&document("docs/words.md"));
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
    let text = document("docs/walks.md");
    let walks = section(&text, "\n## Five walks\n");
    let files = quoted(walks).into_iter().filter(|path| path.contains('/') && !path.contains('<'));
    let files: Vec<String> = files.collect();
    assert!(files.len() > 40, "{files:?}");
    let gone = files.iter().filter(|path| !root().join("src").join(path).exists());
    let errors: String =
        gone.map(|path| format!("docs/walks.md: no src/{path}: mend the walk\n")).collect();
    assert_clean(&errors);
}

/// A page is what a newcomer reads before the first file: what does not fit has a document of its
/// own in `docs/`.
const PAGE_LINES_MAX: usize = 150;

#[test]
fn the_architecture_is_one_page_and_leads_to_documents_that_are_there() {
    let text = document("ARCHITECTURE.md");
    let lines = text.lines().count();
    assert!(lines <= PAGE_LINES_MAX, "ARCHITECTURE.md has {lines} lines: move some to docs/");
    let mut errors = String::new();
    for (path, text) in [
        ("ARCHITECTURE.md", text.as_str()),
        ("docs/decisions/README.md", &document("docs/decisions/README.md")),
    ] {
        let folder = root().join(path);
        let folder = folder.parent().expect("a file is in a folder");
        for link in links(text).filter(|link| !folder.join(link).exists()) {
            writeln!(errors, "{path}: no {link}: mend the link").unwrap();
        }
    }
    assert_clean(&errors);
}

/// Paths that the text links to.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(path, _)| path)
}

/// Each decision says when it was made, has the number its name says, and is in the list.
#[test]
fn decisions_are_numbered_dated_and_listed() {
    let folder = root().join("docs/decisions");
    let index = document("docs/decisions/README.md");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    names.sort();
    assert!(names.len() > 15, "{names:?}");
    let mut errors = String::new();
    for (name, number) in names.iter().zip(1..) {
        let text = document(&format!("docs/decisions/{name}"));
        errors += &wrong_decision(name, number, &text);
        if !index.contains(&format!("({name})")) {
            writeln!(errors, "docs/decisions/README.md: {name} is not in the list").unwrap();
        }
    }
    assert_clean(&errors);
}

/// What is wrong with the decision of this number.
fn wrong_decision(name: &str, number: usize, text: &str) -> String {
    let mut errors = String::new();
    if !name.starts_with(&format!("{number:03}-")) || !text.starts_with(&format!("# {number}. ")) {
        writeln!(errors, "docs/decisions/{name}: should be number {number}").unwrap();
    }
    let date = text.lines().nth(2).and_then(|line| line.strip_prefix("Decided "));
    let date = date.and_then(|rest| rest.get(.."2026-11-30".len())).unwrap_or_default();
    let digits = date.chars().filter(char::is_ascii_digit).count();
    if digits != 8 || date.matches('-').count() != 2 {
        writeln!(errors, "docs/decisions/{name}: its third line is `Decided YYYY-MM-DD…`").unwrap();
    }
    errors
}

#[test]
fn the_rules_can_fire() {
    let table = "| word | meaning | in code |\n|---|---|---|\n| leg | one | `call::Leg` |\n\
                 | front, leg | two | `front::Desk` |\n";
    let names = ["call", "Leg", "front"].map(str::to_owned).into();
    let errors = wrong(&rows(table), &names);
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert!(errors.contains("`leg` is in the table") && errors.contains("no `Desk`"), "{errors}");
    assert_eq!(links("[a](b.md) and [c](d/e.md)").collect::<Vec<_>>(), ["b.md", "d/e.md"]);
    assert_eq!(wrong_decision("001-a.md", 1, "# 1. A\n\nDecided 2026-11-22, amended.\n"), "");
    let wrong = wrong_decision("002-a.md", 1, "# 1. A\n\nIn spring.\n");
    assert_eq!(wrong.lines().count(), 2, "{wrong}");
}
