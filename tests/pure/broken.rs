//! Broken flows, each with one mistake and with what is said of it: `tests/data/broken/NAME.toml`
//! and `NAME.txt`. `UPDATE_EXPECT=1 cargo test --no-default-features --test pure broken` writes the
//! texts anew.
//!
//! **Invariant:** one mistake, one message.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use attendant::flow::{Diagnostic, Known, explain, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/broken")
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

/// An installation with two agents.
fn office() -> Known {
    let names = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let skills = |levels: &[(&str, u8)]| -> BTreeMap<String, u8> {
        levels.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect()
    };
    Known {
        skills: names(&["billing", "tech"]),
        staff: Some(vec![skills(&[("billing", 5), ("tech", 2)]), skills(&[("tech", 8)])]),
        queues: names(&["front"]),
        trunks: names(&["main"]),
        agents: names(&["ada", "bob"]),
        caller_fields: names(&["plan"]),
        services: names(&["crm.example.com"]),
        hidden_names: names(&["crm"]),
        sounds: names(&["welcome.wav"]),
        music: names(&["jazz"]),
    }
}

fn found(file: &Path) -> Vec<Diagnostic> {
    let source = fs::read_to_string(file).unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    match parse(&name, &source, &office()) {
        Ok(flow) => flow.warnings().to_vec(),
        Err(found) => found,
    }
}

#[test]
fn one_mistake_is_one_message_and_the_message_is_the_one_that_is_written() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let files = files();
    assert!(files.len() >= 150, "{} broken flows", files.len());
    let mut wrong = String::new();
    for file in &files {
        let (found, text) = (found(file), file.with_extension("txt"));
        let (name, said) = (file.file_name().unwrap().to_string_lossy(), explain(&found));
        if found.len() != 1 {
            writeln!(wrong, "{name}: {} messages\n{said}", found.len()).unwrap();
        }
        if update {
            fs::write(&text, &said).unwrap();
        } else if fs::read_to_string(&text).unwrap_or_default() != said {
            writeln!(wrong, "{name}: it says (UPDATE_EXPECT=1 writes it)\n{said}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_text_has_its_flow() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("toml").exists(), "{} has no flow", path.display());
    }
}
