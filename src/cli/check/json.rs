//! What was found as JSON: one object, every problem in the order in which people read them.
//!
//! **Invariant:** each problem has all keys; what is not known is `null`.

use serde::Serialize;

use attendant::flow::{Diagnostic, Severity};

use crate::cli::check::format::Findings;

#[derive(Serialize)]
struct CheckReport<'a> {
    errors: usize,
    warnings: usize,
    problems: Vec<ReportedProblem<'a>>,
}

/// A problem. Lines and columns count from 1, columns in characters; the end is right behind the
/// place.
#[derive(Default, Serialize)]
pub(super) struct ReportedProblem<'a> {
    pub(super) code: Option<String>,
    pub(super) severity: &'static str,
    pub(super) file: Option<&'a str>,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
    pub(super) end_line: Option<u32>,
    pub(super) end_column: Option<u32>,
    pub(super) message: String,
    pub(super) help: Option<&'a str>,
}

pub(super) fn document(findings: &Findings) -> String {
    let problems = entries(findings);
    let errors = problems.iter().filter(|entry| entry.severity == ERROR).count();
    let document = CheckReport { errors, warnings: problems.len() - errors, problems };
    let text = serde_json::to_string_pretty(&document).expect("texts and numbers only");
    format!("{text}\n")
}

/// The problems of the configuration, those of flows, and the warnings about everything else.
pub(super) fn entries(findings: &Findings) -> Vec<ReportedProblem<'_>> {
    let of_config = findings.problems.iter().map(|problem| {
        let (file, line) = place(&problem.place);
        let message = match file {
            Some(_) => problem.message.clone(),
            None => format!("{}: {}", problem.place, problem.message),
        };
        let help = problem.help.as_deref();
        ReportedProblem { severity: ERROR, file, line, message, help, ..ReportedProblem::default() }
    });
    let others = findings.warnings.iter().map(|warning| ReportedProblem {
        severity: WARNING,
        message: warning.clone(),
        ..ReportedProblem::default()
    });
    of_config.chain(findings.diagnostics().map(of_flow)).chain(others).collect()
}

fn of_flow(found: &Diagnostic) -> ReportedProblem<'_> {
    let (end_line, end_column) = found.end();
    ReportedProblem {
        code: Some(found.code.to_string()),
        severity: match found.severity() {
            Severity::Error => ERROR,
            Severity::Warning => WARNING,
        },
        file: Some(&found.file),
        line: Some(found.line),
        column: Some(found.column),
        end_line: Some(end_line),
        end_column: Some(end_column),
        message: found.message.clone(),
        help: found.advice(),
    }
}

/// Of `attendant.toml:31`; other places are no files.
fn place(place: &str) -> (Option<&str>, Option<u32>) {
    let Some((file, line)) = place.rsplit_once(':') else { return (None, None) };
    match line.parse() {
        Ok(line) => (Some(file), Some(line)),
        Err(_) => (None, None),
    }
}

pub(super) const ERROR: &str = "error";
const WARNING: &str = "warning";
