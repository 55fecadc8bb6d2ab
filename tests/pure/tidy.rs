//! House rules the compiler cannot check.
//!
//! When one fires, change the code. Changing [`LAYERS`] is a design decision: it needs a commit of
//! its own, and the same row in `ARCHITECTURE.md`, which is compared with this one.
//!
//! **Invariant:** every rule looks at code only; comments and the insides of strings are blanked
//! first, so a word in a sentence never fires.
//!
//! **Deliberately absent:** what `cargo fmt`, clippy and the feature `server` already hold.

mod arms;
mod circles;
mod names;
mod prose;
mod providers;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Hard limit of lines in one file.
const FILE_LINES_MAX: usize = 600;
/// Hard limit of columns in one line.
const COLUMNS_MAX: usize = 100;

/// Who may import whom. `*` is everything.
const LAYERS: &[(&str, &[&str])] = &[
    ("id", &[]),
    ("time", &[]),
    ("number", &[]),
    ("words", &["id", "time"]),
    ("front", &["id", "time", "words"]),
    ("flow", &["id", "time", "words"]),
    ("acd", &["id", "time", "words"]),
    ("metrics", &["id", "time", "words"]),
    ("call", &["flow", "id", "time", "words"]),
    ("center", &["acd", "call", "flow", "id", "metrics", "number", "time", "words"]),
    ("live", &["call", "center", "id", "time", "words"]),
    ("sim", &["acd", "call", "center", "flow", "front", "id", "live", "metrics", "time", "words"]),
    ("sip", &["id", "number", "time", "words"]),
    ("media", &["id", "time", "words"]),
    ("sip_front", &["front", "id", "media", "sip", "time", "words"]),
    ("ask", &["id", "time", "words"]),
    ("import", &["id", "number", "time", "words"]),
    ("webhook", &["front", "id", "number", "time", "words"]),
    ("api", &["acd", "call", "center", "flow", "id", "live", "metrics", "time", "words"]),
    ("store", &["center", "id", "metrics", "time", "words"]),
    (
        "config",
        &[
            "acd", "call", "center", "flow", "id", "media", "metrics", "number", "sip", "time",
            "webhook", "words",
        ],
    ),
    ("server", &["*"]),
    ("cli", &["*"]),
    ("main", &["*"]),
    ("lib", &[]),
];

/// The modules that own clock, sockets, threads and disk.
const SHELL: &[&str] = &["api", "cli", "config", "main", "server", "store"];

/// What tests of a module over the center may import as well, to set one up.
const CENTER_SETUP: &[&str] = &["acd", "call", "center", "flow"];

/// Protocols that are tested with the center they talk to, though they know its words only.
const TESTED_WITH_CENTER: &[&str] = &["webhook"];

/// Words that may not stand in code, where, and what to write instead.
const BANNED: &[(&str, &str)] = &[
    ("sleep(", "wait for an event with a deadline (in tests: `eventually`)"),
    ("todo!", "write it, or leave the branch out"),
    ("unimplemented!", "write it, or leave the branch out"),
    ("#[ignore", "a test runs or does not exist; skip with a printed line where a tool is missing"),
];

#[test]
fn modules_import_only_their_layer() {
    let mut errors = String::new();
    for file in source_files().iter().filter(|file| file.module.is_some()) {
        let module = file.module.as_deref().unwrap_or_default();
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            writeln!(errors, "{}:1: module `{module}` has no row in LAYERS", file.path).unwrap();
            continue;
        };
        let knows_center = allowed.contains(&"center") || TESTED_WITH_CENTER.contains(&module);
        let allowed = match file.is_test() && knows_center {
            true => [allowed, CENTER_SETUP].concat(),
            false => allowed.to_vec(),
        };
        let allowed = allowed.as_slice();
        for (number, line) in file.code_lines() {
            for target in imports(line) {
                if let Some(error) = import_error(module, allowed, target) {
                    writeln!(errors, "{}:{number}: {error}", file.path).unwrap();
                }
            }
        }
    }
    assert_clean(&errors);
}

fn import_error(module: &str, allowed: &[&str], target: &str) -> Option<String> {
    if target.is_empty() {
        return Some("write one `use crate::module::…;` a module, not `crate::{…}`".to_owned());
    }
    let fine = target == module
        || allowed.contains(&target)
        || allowed.contains(&"*")
        || !LAYERS.iter().any(|(name, _)| *name == target); // a macro or an item of lib.rs
    (!fine).then(|| {
        format!(
            "`{module}` may not use `{target}`, only [{}]: pass a value in, or move the code up",
            allowed.join(", ")
        )
    })
}

/// The module each `crate::` (or, in the binary, `attendant::`) path of this line begins with.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    ["crate::", "attendant::"].into_iter().flat_map(move |root| {
        line.match_indices(root).filter_map(move |(at, _)| {
            let joined = line[..at].chars().next_back().is_some_and(is_word);
            let rest = &line[at + root.len()..];
            (!joined).then(|| &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())])
        })
    })
}

#[test]
fn every_file_opens_with_its_purpose() {
    let mut errors = String::new();
    for file in source_files() {
        if !file.text.starts_with("//! ") {
            writeln!(errors, "{}:1: open the file with `//! ` and its purpose", file.path).unwrap();
        }
    }
    assert_clean(&errors);
}

#[test]
fn files_and_lines_stay_small() {
    let mut errors = String::new();
    for file in source_files() {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            writeln!(errors, "{}:{lines}: over {FILE_LINES_MAX} lines: split it", file.path)
                .unwrap();
        }
        for (number, line) in file.text.lines().enumerate() {
            let columns = line.chars().count();
            let free = file.in_string.contains(&number) || line.contains("://");
            if columns > COLUMNS_MAX && !free {
                let path = &file.path;
                writeln!(errors, "{path}:{}: {columns} columns: break it", number + 1).unwrap();
            }
        }
    }
    assert_clean(&errors);
}

#[test]
fn sip_types_and_the_runtime_have_one_home() {
    let mut errors = String::new();
    for file in source_files() {
        let Some(module) = file.module.as_deref() else { continue };
        for (number, line) in file.code_lines() {
            let path = &file.path;
            if names_crate(line, "rsip") && path != "src/sip/message.rs" {
                errors += &format!("{path}:{number}: `rsip` only in src/sip/message.rs\n");
            }
            if names_crate(line, "tokio") && !SHELL.contains(&module) && !file.is_io() {
                errors += &format!("{path}:{number}: `tokio` only in `io` modules and the shell\n");
            }
        }
    }
    assert_clean(&errors);
}

/// A kind of database is a folder of `store`: nobody else knows the crate that speaks to it.
#[test]
fn a_database_is_named_in_its_own_folder_alone() {
    let mut errors = String::new();
    for file in source_files().iter().filter(|file| file.module.is_some()) {
        for (number, line) in file.code_lines() {
            if let Some(error) = database_error(&file.path, line) {
                writeln!(errors, "{}:{number}: {error}", file.path).unwrap();
            }
        }
    }
    assert_clean(&errors);
}

/// Crates that speak to a database, and where they may stand.
const DATABASES: &[(&str, &str)] =
    &[("rusqlite", "src/store/sqlite/"), ("tokio_postgres", "src/store/postgres/")];

fn database_error(path: &str, line: &str) -> Option<String> {
    let named = DATABASES.iter().find(|(name, _)| names_crate(line, name))?;
    let (name, home) = named;
    (!path.starts_with(home))
        .then(|| format!("`{name}` only in {home}: go through the traits of src/store/database.rs"))
}

/// Whether the line names a crate by path (`name::…`) or imports it whole (`use name;`).
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let alone = before.is_none_or(|c| !is_word(c) && c != ':');
        alone && (after.starts_with("::") || line.trim_start().starts_with("use "))
    })
}

#[test]
fn nothing_sleeps_is_left_out_or_is_skipped() {
    let mut errors = String::new();
    for file in source_files() {
        for (number, line) in file.code_lines() {
            for (word, instead) in BANNED {
                let hit = line.match_indices(word).any(|(at, _)| {
                    !line[..at].chars().next_back().is_some_and(is_word) || word.starts_with('#')
                });
                if hit {
                    writeln!(errors, "{}:{number}: no `{word}`: {instead}", file.path).unwrap();
                }
            }
        }
    }
    assert_clean(&errors);
}

/// Operators read logs: a value stands there as its `Display` says it (`%value`), a text or a
/// number as it is, and nothing as Rust writes it (`?value`, `{value:?}`).
#[test]
fn fault_32_no_log_line_prints_a_structure() {
    let mut errors = String::new();
    for file in source_files().iter().filter(|file| file.module.is_some() && !file.is_test()) {
        for number in structures_logged(file) {
            let rule =
                "a log line prints `?value` or `{:?}`: give it a `Display` and write `%value`";
            writeln!(errors, "{}:{number}: {rule}", file.path).unwrap();
        }
    }
    assert_clean(&errors);
}

/// Lines (from 1) of `tracing` macros that print something as Rust writes it.
fn structures_logged(file: &SourceFile) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, _) in file.code.match_indices("tracing::") {
        let begins = at + file.code[at..].find(['(', ';']).unwrap_or_default();
        let inside = &file.code[begins..begins + in_parentheses(&file.code[begins..])];
        let line_of = |at: usize| file.code[..at].matches('\n').count() + 1;
        // `?` after a value is another thing; it never follows a comma, `(` or `=`.
        let sigils = inside
            .match_indices('?')
            .filter(|(at, _)| inside[..*at].trim_end().ends_with([',', '(', '=']));
        found.extend(sigils.map(|(at, _)| line_of(begins + at)));
        let lines = line_of(begins)..=line_of(begins + inside.len());
        let text = file.text.lines().zip(1..).filter(|(_, number)| lines.contains(number));
        found.extend(text.filter(|(line, _)| line.contains(":?}")).map(|(_, number)| number));
    }
    found
}

/// Length of what is in parentheses at the beginning of `code`, and of nothing otherwise.
fn in_parentheses(code: &str) -> usize {
    let mut open = 0_u32;
    for (at, c) in code.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    code.len()
}

#[test]
fn the_layer_table_of_the_architecture_is_this_one() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let section = text
        .split_once("## Who may import whom")
        .expect("ARCHITECTURE.md needs the section `## Who may import whom`")
        .1;
    for line in section.lines().take_while(|line| !line.starts_with("## ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [modules, allowed] = cells[..] else { continue };
        for module in quoted(modules) {
            let mut list = match allowed {
                "everything" => vec!["*".to_owned()],
                _ => quoted(allowed),
            };
            list.sort();
            assert!(written.insert(module.clone(), list).is_none(), "`{module}` has two rows");
        }
    }
    let held: BTreeMap<String, Vec<String>> = LAYERS
        .iter()
        .map(|(module, allowed)| {
            ((*module).to_owned(), allowed.iter().map(|name| (*name).to_owned()).collect())
        })
        .collect();
    assert_eq!(written, held, "ARCHITECTURE.md (left) and LAYERS in tests/pure/tidy.rs (right)");
}

/// The words between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_lock_file_is_counted() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let crates = lock.lines().filter(|line| *line == "[[package]]").count();
    println!("Cargo.lock: {crates} crates");
    assert!(crates > 1, "Cargo.lock lists no crates");
}

#[test]
fn the_rules_can_fire() {
    let text = concat!(
        "//! Purpose.\n",
        "// crate::sip in a comment\n",
        "let a = \"crate::sip\"; let b = '\"'; use crate::sip::X;\n",
        "let c = r#\"crate::media \" \n crate::api\"#; /* crate::web\n */ crate::{a, b}\n",
    );
    let file = SourceFile::new("src/flow/x.rs".to_owned(), text.to_owned());
    let found: Vec<(usize, &str)> = file
        .code_lines()
        .flat_map(|(number, line)| imports(line).map(move |target| (number, target)))
        .collect();
    assert_eq!(found, [(3, "sip"), (6, "")]);
    assert_eq!(file.module.as_deref(), Some("flow"));
    assert!(import_error("flow", &["id"], "sip").is_some());
    assert!(names_crate("    tokio::spawn(x)", "tokio"));
    assert!(names_crate("use rsip as r;", "rsip"));
    assert!(!names_crate("let tokio_like = my_tokio::x;", "tokio"));
    let import = "use rusqlite::Connection;";
    assert!(database_error("src/store/mod.rs", import).is_some());
    assert!(database_error("src/cli/records.rs", "fn f(error: &rusqlite::Error) {}").is_some());
    assert_eq!(database_error("src/store/sqlite/calls.rs", import), None);
    assert_eq!(file.in_string, [3, 4]);
    let logs = concat!(
        "//! Purpose.\n",
        "tracing::info!(%a, ?b, \"x\");\n",
        "tracing::warn!(\n    a = %b, c = ?d.e(),\n    \"{f:?}\"\n);\n",
        "tracing::debug!(?a);\n",
        "tracing::info!(a = b()?, %c, \"why? {d}\");\n",
        "use tracing::info_span;\n",
    );
    let file = SourceFile::new("src/flow/x.rs".to_owned(), logs.to_owned());
    assert_eq!(structures_logged(&file), [2, 4, 5, 7]);
}

/// One `.rs` file, as written and with comments and strings blanked.
struct SourceFile {
    /// Relative to the package, with `/`.
    path: String,
    /// First folder or file below `src`; none for tests.
    module: Option<String>,
    text: String,
    code: String,
    /// Lines (from 0) that a string literal over several lines touches.
    in_string: Vec<usize>,
}

impl SourceFile {
    fn new(path: String, text: String) -> Self {
        let module = path
            .strip_prefix("src/")
            .map(|rest| rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs").to_owned());
        let (code, in_string) = blank(&text);
        Self { path, module, text, code, in_string }
    }

    /// Line number (from 1) and code.
    fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    fn is_io(&self) -> bool {
        self.path.ends_with("/io.rs") || self.path.contains("/io/")
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source_files() -> Vec<SourceFile> {
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() > 2, "no source files found under {}", root().display());
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file is UTF-8");
            let relative = path.strip_prefix(root()).expect("walked from the root");
            SourceFile::new(relative.to_string_lossy().replace('\\', "/"), text)
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            // A peer is a package of its own, and may have been built where it lies.
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Blanks comments and the insides of literals, line breaks kept; also the lines that string
/// literals over several lines touch.
fn blank(text: &str) -> (String, Vec<usize>) {
    let mut code = String::with_capacity(text.len());
    let mut in_string = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word_before = code.chars().next_back().is_some_and(is_word);
        let (length, is_string) = match literal(rest, word_before) {
            Some((length, is_string)) => (length, is_string),
            None => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        let (skipped, after) = rest.split_at(length);
        if is_string && skipped.contains('\n') {
            let line = code.matches('\n').count();
            in_string.extend(line..=line + skipped.matches('\n').count());
        }
        code.extend(skipped.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = after;
    }
    (code, in_string)
}

/// Length in bytes of the comment or literal that `rest` begins with, and whether it is a string.
fn literal(rest: &str, word_before: bool) -> Option<(usize, bool)> {
    if rest.starts_with("//") {
        return Some((rest.find('\n').unwrap_or(rest.len()), false));
    }
    if rest.starts_with("/*") {
        return Some((rest.find("*/").map_or(rest.len(), |at| at + 2), false));
    }
    if rest.starts_with('"') {
        return Some((quoted_length(rest, '"'), true));
    }
    if !word_before && (rest.starts_with('r') || rest.starts_with("br")) {
        let prefix = rest.find('r').unwrap_or(0) + 1;
        let hashes = rest[prefix..].chars().take_while(|c| *c == '#').count();
        if rest[prefix + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = prefix + hashes + 1;
            let length = rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len());
            return Some((length, true));
        }
    }
    // 'x' and '\n' are characters; 'a in a type is a lifetime.
    let mut chars = rest.chars();
    if chars.next() == Some('\'') {
        let (first, second) = (chars.next()?, chars.next()?);
        if first == '\\' || second == '\'' {
            return Some((quoted_length(rest, '\''), false));
        }
    }
    None
}

/// Length of a literal with escapes that begins and ends with `quote`.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn assert_clean(errors: &str) {
    assert!(errors.is_empty(), "\n{errors}");
}
