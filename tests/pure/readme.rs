//! The README's commands, held to what CI follows.
//!
//! **Invariant:** the first call and the tests come from one build, and each command that a
//! newcomer is asked to type is run by `.ci/readme` or `.ci/run` as it stands.

use std::fs::read_to_string;
use std::path::Path;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Indented lines of the README, which are what a reader types.
fn commands(readme: &str) -> impl Iterator<Item = &str> {
    let indented = readme.lines().filter_map(|line| line.strip_prefix("    "));
    indented.filter(|line| !line.starts_with(' '))
}

#[test]
fn fault_42_the_first_call_and_the_tests_share_one_build() {
    let readme = read("README.md");
    let cargo: Vec<&str> = commands(&readme).filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(cargo[..2], ["cargo run", "cargo test"], "both build the profile `dev`");
    let manifest: toml::Table = read("Cargo.toml").parse().expect("the manifest is TOML");
    let voice = &manifest["profile"]["dev"]["package"]["flite-rs"]["opt-level"];
    assert_eq!(voice.as_integer(), Some(2), "unoptimized, the voice delays the first call");
}

#[test]
fn fault_38_each_command_of_the_readme_is_followed_by_ci() {
    let followed = read(".ci/readme") + &read(".ci/run");
    let addresses = ["sip:100@", "<sip:alice@", "curl ", "docker ", "cargo test"];
    let readme = read("README.md");
    for command in commands(&readme) {
        if addresses.iter().any(|begins| command.starts_with(begins)) {
            continue; // what is dialed or looked at is in the script's own words
        }
        assert!(followed.contains(command), "CI does not follow `{command}`");
    }
}
