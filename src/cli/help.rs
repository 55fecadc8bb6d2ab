//! `attendant help`: of the arguments, as `--help` says it, and of the flow language.
//!
//! **Invariant:** what is said of a subcommand is what its `--help` says, which is asked for it.
//!
//! **Deliberately absent:** the words about flows: [`attendant::flow::reference`].

use std::process::ExitCode;

use attendant::flow::reference::{self, Front};
use attendant::webhook;
use attendant::words::Need;
use clap::Parser as _;

use crate::Arguments;
use crate::cli::{EX_USAGE, fail, print};
use crate::said;

#[derive(Debug, clap::Args)]
pub(crate) struct Help {
    /// A subcommand; or `flow`, and a verb or a topic of the flow language
    words: Vec<String>,
}

/// `under` is the subcommand whose subcommand is meant.
pub(crate) fn run(under: Option<&str>, help: &Help) -> ExitCode {
    let words: Vec<&str> = under.into_iter().chain(help.words.iter().map(String::as_str)).collect();
    match words[..] {
        ["flow"] => print(&reference::overview()),
        ["flow", name] => of_flows(name),
        ["flow", ..] => fail(EX_USAGE, "write one verb or topic: attendant help flow queue"),
        _ => {
            let asked = ["attendant"].iter().chain(&words).chain(&["--help"]);
            match Arguments::try_parse_from(asked) {
                Ok(_) => ExitCode::SUCCESS, // `--help` never comes through
                Err(error) => said(&error),
            }
        }
    }
}

fn of_flows(name: &str) -> ExitCode {
    let differs: Vec<_> = webhook::providers()
        .iter()
        .map(|provider| (provider.name(), move |need: &Need| provider.support(need).difference()))
        .collect();
    let fronts = differs.iter().map(|(name, differs)| Front { name, differs });
    match reference::help(name, &fronts.collect::<Vec<_>>()) {
        Ok(page) => print(&page),
        Err(message) => fail(EX_USAGE, &message),
    }
}
