//! Providers are named in their folders: adding one is adding a folder.
//!
//! The modules are private to `webhook`, so that the compiler refuses a path into one from outside,
//! however it is spelled. What is left for these rules is the inside of `webhook`, and a name that
//! is passed on.
//!
//! **Invariant:** names come from the table of providers, and each has a folder of its name; a
//! provider that these rules would not see fails them.

use std::fmt::Write as _;

use super::{SourceFile, assert_clean, is_word, root, source_files};

/// Unit tests may name any by its word.
#[test]
fn a_provider_is_named_in_its_own_folder_only() {
    let mut errors = String::new();
    for file in source_files().iter().filter(|file| file.module.is_some() && !file.is_test()) {
        let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().enumerate().filter(|(_, line)| !line.trim().starts_with("//"));
        for (index, line) in lines {
            for name in provider_names() {
                let is_at_home = file.path.starts_with(&format!("src/webhook/{name}/"));
                if line.contains(&format!("\"{name}\"")) && !is_at_home {
                    let path = &file.path;
                    let rule =
                        "only in its folder: ask a `Provider`, or put it into its `ProviderInfo`";
                    writeln!(errors, "{path}:{}: `{name}` {rule}", index + 1).unwrap();
                }
            }
        }
    }
    assert_clean(&errors);
}

/// A path, one of a group, an alias, a re-export: whatever leads to a provider has its name.
#[test]
fn a_provider_is_used_in_its_folder_and_in_the_table_only() {
    let mut errors = String::new();
    for file in source_files().iter().filter(|file| file.module.is_some()) {
        let code = file.code.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, name) in used_providers(code) {
            if !may_import_providers(file) && !file.is_test() {
                let rule = "is used in its folder and in the table of `webhook` only";
                writeln!(errors, "{}:{number}: `{name}` {rule}", file.path).unwrap();
            }
        }
    }
    let table = source_files().into_iter().find(|file| file.path == "src/webhook/mod.rs");
    let table = table.expect("the table of providers");
    for (number, line) in table.code_lines().filter(|(_, line)| line.contains("pub ")) {
        for (_, name) in used_providers(line) {
            let rule = "is private to `webhook`";
            writeln!(errors, "{}:{number}: `{name}` {rule}", table.path).unwrap();
        }
    }
    assert_clean(&errors);
}

/// Only `webhook` may import one: what a provider is, its `Provider` says. The tests of
/// `webhook` and those that play a provider's part may.
#[test]
fn a_provider_is_imported_in_webhook_only() {
    let mut errors = String::new();
    for name in provider_names() {
        let folder = root().join("src/webhook").join(name);
        assert!(folder.is_dir(), "{name} has no folder of its name: this rule would not see it");
    }
    for file in source_files().iter().filter(|file| !may_import_providers(file)) {
        for (number, name) in imported_providers(&file.code) {
            let rule = "outside of `webhook`: ask `webhook::provider`, or put it into the trait";
            writeln!(errors, "{}:{number}: `webhook::{name}` {rule}", file.path).unwrap();
        }
    }
    assert_clean(&errors);
}

fn provider_names() -> impl Iterator<Item = &'static str> {
    attendant::webhook::providers().iter().map(|provider| provider.name())
}

/// The table, folders of providers, and tests at home or in a provider's place. Not what is there
/// for all providers: calls, front, io.
fn may_import_providers(file: &SourceFile) -> bool {
    let Some(at_home) = file.path.strip_prefix("src/webhook/") else {
        return file.path.starts_with("tests/live/webhooks/");
    };
    let folder = at_home.split('/').next().unwrap_or_default();
    at_home == "mod.rs" || file.is_test() || provider_names().any(|name| name == folder)
}

/// Where a path leads from `webhook::` into a provider's folder, or takes all there is: line (from
/// 1) and name.
fn imported_providers(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, path) in code.match_indices("webhook::") {
        if code[..at].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let begins = at + path.len();
        let names = first_names(&code[begins..]);
        let is_one = |name: &str| name == "*" || provider_names().any(|it| it == name);
        found.extend(names.into_iter().filter(|(_, name)| is_one(name)).map(|(offset, name)| {
            let line = code[..begins + offset].matches('\n').count() + 1;
            (line, name)
        }));
    }
    found
}

/// Identifiers that are a provider's name, in whichever case: line (from 1) and name.
fn used_providers(code: &str) -> Vec<(usize, &'static str)> {
    let words = code
        .lines()
        .zip(1..)
        .flat_map(|(line, number)| line.split(|c| !is_word(c)).map(move |word| (number, word)));
    let named = |(number, word): (usize, &str)| {
        let name = provider_names().find(|name| word.eq_ignore_ascii_case(name));
        name.map(|name| (number, name))
    };
    words.filter_map(named).collect()
}

/// The names a path goes on with: one, or those in its braces; each with its offset.
fn first_names(path: &str) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let (mut depth, mut is_first) = (0, true);
    for (at, c) in path.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => is_first = true,
            c if c.is_whitespace() => {}
            _ if is_first => {
                let rest = &path[at..];
                let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                names.push((at, &rest[..word.max(c.len_utf8())]));
                is_first = false;
            }
            _ => {}
        }
        if depth == 0 && !is_first {
            break;
        }
    }
    names
}

#[test]
fn the_rules_can_fire() {
    let paths = concat!(
        "//! As webhook::telnyx does.\n",
        "use crate::webhook::telnyx::{self, Legs};\n",
        "use crate::webhook::{\n    self, Link,\n    fields::{What, twilio},\n    vonage,\n};\n",
        "let a = webhook::plivo::PLIVO; let b = \"webhook::plivo\"; use my_webhook::jambonz;\n",
        "use crate::webhook::provider; use crate::webhook::*; use webhook::twiml::xml;\n",
    );
    let file = SourceFile::new("src/server/x.rs".to_owned(), paths.to_owned());
    let found = imported_providers(&file.code);
    assert_eq!(found, [(2, "telnyx"), (6, "vonage"), (8, "plivo"), (9, "*")]);
    let used = concat!(
        "use super::{link, telnyx as one};\n",
        "use webhook::Telnyx; let my_plivo = 1;\n",
        "pub use twilio::TWILIO;\n",
    );
    let used = SourceFile::new("src/webhook/calls/x.rs".to_owned(), used.to_owned());
    let expected = [(1, "telnyx"), (2, "telnyx"), (3, "twilio"), (3, "twilio")];
    assert_eq!(used_providers(&used.code), expected);
    let may = |path: &str| may_import_providers(&SourceFile::new(path.into(), String::new()));
    for path in ["mod.rs", "telnyx/legs.rs", "twiml/tests.rs", "front/tests/saved.rs"] {
        assert!(may(&format!("src/webhook/{path}")), "{path}");
    }
    assert!(may("tests/live/webhooks/control.rs"));
    for path in
        ["src/webhook/calls/requests.rs", "src/webhook/rest.rs", "src/server/webhooks/tests.rs"]
    {
        assert!(!may(path), "{path}");
    }
    assert!(!may("tests/pure/webhooks/races/control.rs") && !may("src/cli/check.rs"));
}
