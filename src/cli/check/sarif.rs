//! What was found as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), for code
//! review and editors.
//!
//! **Invariant:** a result that has a code points at its rule, and a rule is there once.

use std::path::Path;

use serde_json::{Value, json};

use attendant::flow::{Code, code};

use crate::cli::check::format::Findings;
use crate::cli::check::json::{ReportedProblem, entries};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn document(findings: &Findings) -> String {
    let mut used: Vec<&Code> = findings.diagnostics().map(|found| found.code).collect();
    used.sort_by_key(ToString::to_string);
    used.dedup();
    let results: Vec<Value> = entries(findings).iter().map(|entry| result(entry, &used)).collect();
    let rules: Vec<Value> = used.iter().map(|code| rule(code)).collect();
    let driver =
        json!({ "name": "attendant", "version": env!("CARGO_PKG_VERSION"), "rules": rules });
    let run = json!({
        "tool": { "driver": driver },
        "columnKind": "unicodeCodePoints",
        "results": results,
    });
    let document = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    format!("{document:#}\n")
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.to_string(),
        "shortDescription": { "text": code.title },
        "fullDescription": { "text": code.about() },
        "help": { "text": code.page() },
        "defaultConfiguration": { "level": code.severity.to_string() },
    })
}

fn result(entry: &ReportedProblem<'_>, rules: &[&Code]) -> Value {
    let ReportedProblem { severity, message, .. } = entry;
    let message = match entry.help {
        Some(help) => format!("{message}\n{help}"),
        None => message.clone(),
    };
    let mut result = json!({ "level": severity, "message": { "text": message } });
    let rule = entry.code.as_ref().and_then(|id| code::find(id).ok());
    if let Some(index) = rule.and_then(|rule| rules.iter().position(|used| *used == rule)) {
        result["ruleId"] = rules[index].to_string().into();
        result["ruleIndex"] = index.into();
    }
    if let Some(file) = entry.file {
        let artifact = json!({ "uri": uri(file) });
        let mut place = json!({ "artifactLocation": artifact });
        if let Some(line) = entry.line {
            place["region"] = region(entry, line);
        }
        result["locations"] = json!([{ "physicalLocation": place }]);
    }
    result
}

fn region(entry: &ReportedProblem<'_>, line: u32) -> Value {
    let mut region = json!({ "startLine": line });
    let rest = [
        ("startColumn", entry.column),
        ("endLine", entry.end_line),
        ("endColumn", entry.end_column),
    ];
    for (key, value) in rest {
        if let Some(value) = value {
            region[key] = value.into();
        }
    }
    region
}

/// A reference of RFC 3986: relative to where the command ran, as code review wants it.
fn uri(file: &str) -> String {
    let mut uri = String::new();
    if Path::new(file).is_absolute() {
        uri.push_str("file://");
    }
    for byte in file.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
