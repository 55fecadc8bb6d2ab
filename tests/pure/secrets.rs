//! No text a program makes of its own values shows a secret.
//!
//! **Invariant:** what derives `Debug` holds passwords and tokens as `config::Secret` only, whose
//! own text is `***`; what must hold one as plain text writes its `Debug` by hand, without it.
//!
//! **Deliberately absent:** following a value from its type to a log. A type that cannot show it
//! needs no such rule.

use std::fs;
use std::path::{Path, PathBuf};

/// Words in the name of a field that holds a secret.
const NAMES: [&str; 6] = ["password", "secret", "token", "authorization", "credential", "access"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The fields that would be shown, as `struct: field`.
fn shown(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        if !line.starts_with("#[derive(") || !line.contains("Debug") {
            continue;
        }
        let begins = |line: &&str| {
            ["pub", "struct", "enum"].iter().any(|word| line.trim_start().starts_with(word))
        };
        let item = lines.by_ref().find(begins);
        let item = item.unwrap_or_default();
        let indent = item.len() - item.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        if !item.trim_end().ends_with('{') {
            continue;
        }
        let body = lines.by_ref().take_while(|line| !line.starts_with(&end));
        let body: Vec<&str> = body.filter(|line| !line.trim_start().starts_with("//")).collect();
        for field in body.iter().flat_map(|line| line.split([',', '{', '(', '}'])) {
            let Some((name, kind)) = field.split_once(':') else { continue };
            let name = name.trim().rsplit(' ').next().unwrap_or_default().to_lowercase();
            let is_named = NAMES.iter().any(|word| name.contains(word));
            let is_plain = kind.contains("String") || kind.contains("str");
            if is_named && is_plain && !kind.contains("&'static") {
                found.push(format!("{}: {name}", item.trim().trim_end_matches(" {")));
            }
        }
    }
    found
}

#[test]
fn fault_09_no_debug_text_shows_a_secret() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 100, "the sources");
    let errors: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let source = fs::read_to_string(file).expect("it can be read");
            let shown = shown(&source).into_iter();
            shown.map(|field| format!("{}: {field}", file.display())).collect::<Vec<_>>()
        })
        .collect();
    let help = "take config::Secret, or write Debug by hand and leave it out";
    assert!(errors.is_empty(), "{help}:\n{}", errors.join("\n"));
}

#[test]
fn the_rule_finds_what_it_is_for() {
    let plain = "#[derive(Clone, Debug)]\npub struct A {\n    pub password: String,\n}\n";
    assert_eq!(shown(plain), ["pub struct A: password"]);
    let variant = "#[derive(Debug)]\nenum B {\n    C { read_token: Option<&'a str>, x: u8 },\n}\n";
    assert_eq!(shown(variant), ["enum B: read_token"]);
    let behind = "#[derive(Debug)]\n#[help = \"\\\nExamples:\n  one\")]\n";
    let behind = &format!("{behind}struct C {{\n    token: String,\n}}\n");
    assert_eq!(shown(behind), ["struct C: token"], "also behind an attribute of several lines");
    for good in [
        plain.replace("Debug", "Eq"),
        plain.replace("String", "Secret"),
        plain.replace("password", "pass"),
        plain.replace("String", "&'static str"),
    ] {
        assert_eq!(shown(&good), [""; 0], "{good}");
    }
}
