//! Every variant of an enum is matched by name: each room denies a wildcard arm.
//!
//! `clippy::wildcard_enum_match_arm` finds them; this rule finds a room that does not ask for it. A
//! new variant then does not compile until each `match` says what becomes of it.
//!
//! **Deliberately absent:** tests, which may look at the one variant that they are about.

use std::fmt::Write as _;

use super::{LAYERS, SourceFile, assert_clean, source_files};

/// What stands under a room's head.
const DENIED: &str = "#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]";

/// Rooms that do not ask for it yet. This list only shrinks.
const NOT_YET: &[&str] = &[];

/// Rooms without code of their own to match in.
const WITHOUT: &[&str] = &["lib", "main"];

/// Rooms that do not deny wildcard arms and are not listed, and those listed that do.
fn wrong(files: &[SourceFile], not_yet: &[&str]) -> String {
    let mut errors = String::new();
    for (room, _) in LAYERS.iter().filter(|(room, _)| !WITHOUT.contains(room)) {
        let paths = [format!("src/{room}/mod.rs"), format!("src/{room}.rs")];
        let Some(file) = files.iter().find(|file| paths.contains(&file.path)) else { continue };
        let is_denied = file.text.lines().any(|line| line == DENIED);
        match (is_denied, not_yet.contains(room)) {
            (true, false) | (false, true) => {}
            (false, false) => writeln!(errors, "{}: write {DENIED}", file.path).unwrap(),
            (true, true) => writeln!(errors, "NOT_YET: `{room}` is done: take it out").unwrap(),
        }
    }
    errors
}

#[test]
fn wildcard_arms_are_denied_in_every_room() {
    assert_clean(&wrong(&source_files(), NOT_YET));
}

#[test]
fn the_rules_can_fire() {
    let file = |path: &str, text: &str| SourceFile::new(path.to_owned(), text.to_owned());
    let denied = format!("//! Purpose.\n\n{DENIED}\n");
    let files = [
        file("src/acd/mod.rs", "//! Purpose.\n"),
        file("src/id.rs", &denied),
        file("src/sip/mod.rs", &denied),
    ];
    let errors = wrong(&files, &["sip"]);
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert!(errors.contains("src/acd/mod.rs: write #![") && errors.contains("`sip` is done"));
    assert_eq!(wrong(&[file("src/sip/mod.rs", "//! Purpose.\n")], &["sip"]), "");
}
