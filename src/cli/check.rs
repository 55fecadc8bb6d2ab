//! `attendant check`: everything that is wrong, before anything is bound.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use attendant::config::{self, Keep, Loaded, Problems, Sources};
use attendant::flow::{Flow, Known, Severity, explain};
use attendant::webhook::provider_info::{ProviderInfo, SplitSupport};
use attendant::webhook::{self, Provider, Support};

use crate::cli::{EX_DATAERR, EX_USAGE, complain, counted, fail, is_configured, print, told};

/// With paths, only those flows are checked.
pub(crate) fn run(sources: &Sources, paths: &[PathBuf], providers: &[String]) -> ExitCode {
    let mut known = Vec::new();
    for name in providers {
        let Some(provider) = webhook::provider(name) else {
            return fail(EX_USAGE, &unknown(name));
        };
        known.push(provider);
    }
    if paths.is_empty() || is_configured(sources) {
        check(sources, paths, &known)
    } else {
        check_alone(paths, &known)
    }
}

fn unknown(name: &str) -> String {
    let all: Vec<&str> = webhook::providers().iter().map(|provider| provider.name()).collect();
    match config::closest(name, all.iter().copied()) {
        Some(meant) => format!("no provider `{name}` is known: did you mean `{meant}`?"),
        None => format!("no provider `{name}` is known: there is {}", all.join(", ")),
    }
}

/// As `serve` would look at it, and all of it.
fn check(sources: &Sources, paths: &[PathBuf], providers: &[&dyn Provider]) -> ExitCode {
    let loaded = match config::ready(sources, paths, Keep::No) {
        Ok(ready) => ready.loaded,
        Err(problems) => return told(&problems),
    };
    let config = &loaded.config;
    for warning in &config.warnings {
        complain(&format!("warning: {}\n", warning.replacen(": warning:", ":", 1)));
    }
    let flows = loaded.flows.iter().map(|flow| &**flow);
    if !providers.is_empty() {
        return differences(flows, providers);
    }
    let mut text: String = flows.map(summary).collect();
    text.push_str(&format!(
        "{}, {}, {}, {}, {} ({} international): {}\n",
        counted(loaded.flows.len(), "flow"),
        queues(&loaded),
        counted(config.agents.len(), "agent"),
        counted(config.trunks.len(), "trunk"),
        counted(loaded.directory.len(), "caller's number"),
        loaded.directory.numbers().filter(|number| number.starts_with('+')).count(),
        verdict(config.warnings.len()),
    ));
    print(&text)
}

/// All there will be: those that are declared, and those that flows enter without a table.
fn queues(loaded: &Loaded) -> String {
    let declared: BTreeSet<&str> = loaded.config.queues.iter().map(|queue| &*queue.name).collect();
    let entered = loaded.flows.iter().flat_map(|flow| flow.queues()).map(|used| used.queue);
    let entered: BTreeSet<&str> = entered.collect();
    let all = counted(declared.union(&entered).count(), "queue");
    match entered.difference(&declared).count() {
        0 => all,
        by_default => format!("{all} ({by_default} with the default settings)"),
    }
}

/// What is said when nothing is refused.
fn verdict(warnings: usize) -> String {
    match warnings {
        0 => "nothing is wrong".to_owned(),
        some => counted(some, "warning"),
    }
}

/// Flows by themselves, where there is no configuration to hold them against.
fn check_alone(paths: &[PathBuf], providers: &[&dyn Provider]) -> ExitCode {
    let mut problems = Problems::default();
    let mut warnings = Vec::new();
    let flows = config::read_flows(paths, &Known::anything(), &mut warnings, &mut problems);
    complain(&warnings.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>());
    let told_of: Vec<_> = flows.iter().flat_map(Flow::warnings).cloned().collect();
    complain(&explain(&told_of));
    if !problems.is_empty() {
        return told(&problems);
    }
    if !providers.is_empty() {
        return differences(flows.iter(), providers);
    }
    let mut text: String = flows.iter().map(summary).collect();
    text.push_str(&format!(
        "{}: {}\n",
        counted(flows.len(), "flow"),
        verdict(warnings.len() + told_of.len())
    ));
    print(&text)
}

/// What is different at every provider for who talks to a caller, and to those who supervise.
const SOUND_ELSEWHERE: &str = "both sides of a call cannot be recorded here, and a supervisor can \
    hear one only while its caller talks to an agent at a telephone of ours";

/// And whoever is called.
const BEGINS_NO_CALL: &str = "no call begins there: customers who are called (POST /v1/calls) are \
    dialed through a SIP trunk";

/// What providers do differently, step by step, and how much of it they cannot do.
fn differences<'a>(
    flows: impl Iterator<Item = &'a Flow> + Clone,
    providers: &[&dyn Provider],
) -> ExitCode {
    let (mut text, mut lacking) = (String::new(), 0_usize);
    for provider in providers {
        let (name, mut same) = (provider.name(), true);
        for flow in flows.clone() {
            let mut remarks = Vec::new();
            for needed in flow.needs() {
                let (severity, what, instead) = match provider.support(&needed.need) {
                    Support::Whole => continue,
                    Support::Partly(how) => (Severity::Warning, "does this differently", how),
                    Support::No(how) => (Severity::Error, "cannot do this", how),
                };
                lacking += usize::from(severity == Severity::Error);
                let message = format!("{name} {what}: {}", needed.need.words(needed.verb));
                remarks.push(flow.remark(&needed, severity, message, Some(instead.to_owned())));
            }
            same &= remarks.is_empty();
            text.push_str(&explain(&remarks));
        }
        if flows.clone().any(|flow| !flow.queues().is_empty()) {
            text.push_str(&format!("{name}: {SOUND_ELSEWHERE}\n"));
        }
        if same {
            text.push_str(&format!("{name}: every step is as on a telephone of our own\n"));
        }
        text.push_str(&format!("{name}: {BEGINS_NO_CALL}\n"));
        text.push_str(&of_agents(provider.info()));
    }
    let printed = print(&text);
    if lacking > 0 { ExitCode::from(EX_DATAERR) } else { printed }
}

/// What agents whom the provider dials cannot do with a call as at a telephone of ours.
fn of_agents(info: &ProviderInfo) -> String {
    let can = match info.split {
        SplitSupport::None => "can neither hold nor consult",
        SplitSupport::Party | SplitSupport::Both => {
            "can hold where account and token are given, and consult a number or an agent that it \
             dials, too, but no queue; three can meet"
        }
    };
    format!("{}: agents whom it dials {can}, and are not supervised\n", info.name)
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
