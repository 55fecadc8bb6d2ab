//! The page and the JSON Schema of the flow language are those that the language makes of itself.
//!
//! After a change: `UPDATE_EXPECT=1 cargo test --no-default-features --test pure reference`.

use std::path::Path;

use attendant::flow::reference::{Front, json_schema, markdown};
use attendant::webhook;
use attendant::words::Need;

#[test]
fn the_page_of_the_flow_language_is_not_stale() {
    let differs: Vec<_> = webhook::providers()
        .iter()
        .map(|provider| (provider.name(), move |need: &Need| provider.support(need).difference()))
        .collect();
    let fronts = differs.iter().map(|(name, differs)| Front { name, differs });
    check_made("docs/flow-reference.md", &markdown(&fronts.collect::<Vec<_>>()));
}

#[test]
fn the_json_schema_of_the_flow_language_is_not_stale() {
    check_made("docs/flow-schema.json", &json_schema());
}

/// The file holds what the language makes of itself by now.
#[track_caller]
fn check_made(file: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, page).expect("docs/ can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let same = written.lines().zip(page.lines()).take_while(|(written, made)| written == made);
    let line = same.count();
    assert!(
        written == page,
        "{file}:{}: the language says something else by now: write it anew with \
         UPDATE_EXPECT=1 cargo test --no-default-features --test pure reference\n--- written\n{}\n\
         --- made\n{}\n",
        line + 1,
        written.lines().nth(line).unwrap_or("(its end)"),
        page.lines().nth(line).unwrap_or("(its end)"),
    );
}
