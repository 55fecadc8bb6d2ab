//! What was found, and its formats: for people, JSON, SARIF.
//!
//! **Invariant:** the exit code does not depend on the format.

use std::process::ExitCode;

use attendant::config::{Problem, Problems, Whose};
use attendant::flow::{Diagnostic, Severity};

use crate::cli::check::{json, sarif};
use crate::cli::{EX_CONFIG, EX_DATAERR, EX_IOERR, complain, complain_of, print, print_of};

/// For whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    #[default]
    People,
    Json,
    Sarif,
}

#[derive(Default)]
pub(super) struct Findings {
    /// What is wrong outside of flows, or with a file as a whole.
    pub(super) problems: Vec<Problem>,
    /// Of flows; errors and warnings.
    pub(super) flows: Vec<Diagnostic>,
    /// What providers do otherwise, which was asked for.
    pub(super) at_providers: Vec<Diagnostic>,
    /// What is not wrong, outside of flows.
    pub(super) warnings: Vec<String>,
    /// What else people read.
    pub(super) answer: String,
    pub(super) is_strict: bool,
}

impl Findings {
    pub(super) fn refused(problems: Problems) -> Self {
        Self { problems: problems.list, flows: problems.flows, ..Self::default() }
    }

    pub(super) fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.flows.iter().chain(&self.at_providers)
    }

    pub(super) fn tell(self, format: Format) -> ExitCode {
        let code = self.code();
        let printed = match format {
            Format::People => self.tell_people(),
            Format::Json => print(&json::document(&self)),
            Format::Sarif => print(&sarif::document(&self)),
        };
        if code == 0 { printed } else { ExitCode::from(code) }
    }

    /// Whose mistake it is, those of the configuration before those of flows.
    fn code(&self) -> u8 {
        let any = |whose| self.problems.iter().any(|problem| problem.whose == whose);
        let counts = |severity| match severity {
            Severity::Error => true,
            Severity::Warning => self.is_strict,
        };
        if any(Whose::Config) {
            EX_CONFIG
        } else if any(Whose::Flow) || self.diagnostics().any(|found| counts(found.severity())) {
            EX_DATAERR
        } else if any(Whose::File) {
            EX_IOERR
        } else if self.is_strict && !self.warnings.is_empty() {
            EX_CONFIG
        } else {
            0
        }
    }

    fn tell_people(self) -> ExitCode {
        for warning in &self.warnings {
            complain(&format!("warning: {warning}\n"));
        }
        let problems = Problems { list: self.problems, flows: Vec::new() };
        complain(&problems.listed());
        complain_of(&self.flows);
        let printed = print_of(&self.at_providers);
        if printed == ExitCode::SUCCESS { print(&self.answer) } else { printed }
    }
}

#[cfg(test)]
mod tests {
    use attendant::flow::{Known, parse};
    use serde_json::Value;

    use super::*;

    const WRONG: &str = "[flow]\nnumbers = [\"600\"]\nstart = \"a\"\n[hangup.a]\ntxet = \"é\"\n";

    fn found() -> Findings {
        let flows = parse("flows/a b.toml", WRONG, &Known::anything()).unwrap_err();
        let warned = WRONG.replace("txet", "text").replace("numbers = [\"600\"]\n", "");
        let flow = parse("/srv/flows/b.toml", &warned, &Known::anything()).unwrap();
        let problem = Problem {
            whose: Whose::Config,
            place: "attendant.toml:31".to_owned(),
            message: "no".to_owned(),
            help: Some("yes".to_owned()),
        };
        Findings {
            flows: flows.into_iter().chain(flow.warnings().iter().cloned()).collect(),
            problems: vec![problem],
            warnings: vec!["[trunks]: open".to_owned()],
            ..Findings::default()
        }
    }

    #[test]
    fn json_has_each_problem_with_its_place() {
        let document: Value = serde_json::from_str(&json::document(&found())).unwrap();
        let problems = document["problems"].as_array().unwrap();
        let place = |at: usize, key: &str| problems[at][key].clone();
        assert_eq!(problems.len(), 4);
        assert_eq!(
            (document["errors"].clone(), document["warnings"].clone()),
            (2.into(), 2.into())
        );
        assert_eq!(place(0, "file"), "attendant.toml");
        assert_eq!((place(0, "line"), place(0, "code")), (31.into(), Value::Null));
        assert_eq!(place(1, "code"), "F0301");
        assert_eq!((place(1, "line"), place(1, "column")), (5.into(), 1.into()));
        assert_eq!((place(1, "end_line"), place(1, "end_column")), (5.into(), 5.into()));
        assert_eq!(place(1, "severity"), "error");
        assert!(place(1, "help").as_str().unwrap().starts_with("did you mean `text`?"));
        assert_eq!((place(2, "severity"), place(2, "code")), ("warning".into(), "F0109".into()));
        assert_eq!((place(3, "file"), place(3, "line")), (Value::Null, Value::Null));
        assert_eq!(place(3, "message"), "[trunks]: open");
    }

    /// What the schema of SARIF 2.1.0 requires of what is written here (§3.13 to §3.49).
    #[test]
    fn sarif_has_what_its_schema_requires() {
        let document: Value = serde_json::from_str(&sarif::document(&found())).unwrap();
        assert_eq!(document["version"], "2.1.0");
        assert!(document["$schema"].as_str().unwrap().ends_with("sarif-2.1.0.json"));
        let [run] = document["runs"].as_array().unwrap().as_slice() else { panic!("one run") };
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "attendant");
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            for text in ["shortDescription", "fullDescription", "help"] {
                assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
            }
        }
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 4);
        for result in results {
            assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
            assert!(!result["message"]["text"].as_str().unwrap().is_empty(), "{result}");
            if let Some(id) = result.get("ruleId") {
                let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
                assert_eq!(&rules[index]["id"], id);
            }
        }
        let place = |at: usize| &results[at]["locations"][0]["physicalLocation"];
        assert_eq!(place(0)["artifactLocation"]["uri"], "attendant.toml");
        assert_eq!(place(0)["region"]["startLine"], 31);
        assert_eq!(place(1)["artifactLocation"]["uri"], "flows/a%20b.toml");
        assert_eq!(place(1)["region"]["endColumn"], 5);
        assert_eq!(place(2)["artifactLocation"]["uri"], "file:///srv/flows/b.toml");
        assert!(results[3].get("locations").is_none());
        assert_eq!(run["columnKind"], "unicodeCodePoints");
    }

    #[test]
    fn the_exit_code_says_whose_mistake_it_is_and_strict_counts_warnings() {
        let mut all = found();
        assert_eq!(all.code(), EX_CONFIG);
        all.problems.clear();
        assert_eq!(all.code(), EX_DATAERR);
        all.flows.retain(|found| found.severity() == Severity::Warning);
        assert_eq!(all.code(), 0);
        all.is_strict = true;
        assert_eq!(all.code(), EX_DATAERR);
        all.flows.clear();
        assert_eq!(all.code(), EX_CONFIG);
    }
}
