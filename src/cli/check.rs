//! `attendant check`: everything that is wrong, before anything is bound.

use std::path::PathBuf;
use std::process::ExitCode;

use attendant::call::Directory;
use attendant::config::{self, Problems, Sources};
use attendant::flow::{Flow, Known};

use crate::cli::{complain, is_configured, print, told};

/// With paths, only those flows are checked.
pub(crate) fn run(sources: &Sources, paths: &[PathBuf]) -> ExitCode {
    if paths.is_empty() { check(sources) } else { check_flows(sources, paths) }
}

fn check(sources: &Sources) -> ExitCode {
    match config::load(sources) {
        Ok(loaded) => {
            for warning in &loaded.config.warnings {
                complain(&format!("warning: {warning}\n"));
            }
            let config = &loaded.config;
            let mut text: String = loaded.flows.iter().map(|flow| summary(flow)).collect();
            text.push_str(&format!(
                "{} flows, {} queues, {} agents, {} trunks, {} callers: nothing is wrong\n",
                loaded.flows.len(),
                config.queues.len(),
                config.agents.len(),
                config.trunks.len(),
                loaded.directory.len(),
            ));
            print(&text)
        }
        Err(problems) => told(&problems),
    }
}

fn check_flows(sources: &Sources, paths: &[PathBuf]) -> ExitCode {
    let known = if is_configured(sources) {
        match config::check(sources) {
            Ok(checked) => Known {
                // The callers' own fields are in a file that is not read for this.
                caller_fields: None,
                ..config::known(&checked.config, &Directory::default())
            },
            Err(problems) => return told(&problems),
        }
    } else {
        Known::anything()
    };
    let mut problems = Problems::default();
    let flows = config::read_flows(paths, &known, &mut problems);
    for warning in flows.iter().flat_map(Flow::warnings) {
        complain(&format!("{warning}\n"));
    }
    if !problems.is_empty() {
        return told(&problems);
    }
    let mut text: String = flows.iter().map(summary).collect();
    text.push_str(&format!("{} flows: nothing is wrong\n", flows.len()));
    print(&text)
}

fn summary(flow: &Flow) -> String {
    let queues: Vec<&str> = flow.queues().iter().map(|used| used.queue).collect();
    let queues = if queues.is_empty() { "no queue".to_owned() } else { queues.join(", ") };
    format!(
        "{}: {} steps from `{}`; answers {}; speaks {}; leads to {queues}\n",
        flow.name(),
        flow.steps().count(),
        flow.start(),
        flow.numbers().join(", "),
        flow.languages().join(", "),
    )
}
