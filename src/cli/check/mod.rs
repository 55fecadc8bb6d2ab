//! `attendant check`: everything that is wrong, before anything is bound.
//!
//! **Invariant:** each format says the same: every problem and every warning of every file.
//!
//! **Deliberately absent:** what is wrong. The flow language and the configuration say that.

mod format;
mod json;
mod sarif;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use attendant::config::{self, Keep, Loaded, Problems, Sources};
use attendant::flow::{Diagnostic, Flow, Known, code};
use attendant::webhook::provider_info::{ProviderInfo, SplitSupport};
use attendant::webhook::{self, Provider, Support};

use crate::cli::{EX_USAGE, counted, fail, is_configured};

use crate::cli::check::format::{Findings, Format};

/// Say everything that is wrong with the configuration and the flows
///
/// What passes can be served: what else can fail at a start is an address that is taken, and a
/// folder of the state or of recordings that cannot be locked or written.
///
/// One number that cannot be dialed passes with a warning: that of a `transfer` while no trunk
/// and no provider has `prefixes`. Nothing outside can be dialed then, and every such call goes
/// on at `refused`; give a trunk its `uri` and `prefixes`.
///
/// With paths, those flows are checked in place of the configured ones: against the
/// configuration where there is one, and by themselves where there is none.
///
/// With --provider, each step that a provider carries out differently is shown, and what
/// happens instead; with something it cannot do at all, the exit code is 65.
///
/// Each problem has a code: attendant explain F0201.
///
/// Exit codes: 0 nothing is wrong; 65 a flow is wrong, or with --strict has a warning; 78 the
/// configuration is; 74 a file could not be read; 64 wrong arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Flow files, or folders of them
    paths: Vec<PathBuf>,
    /// What is different there, as in twilio; more than one with a comma between. A name that
    /// is not known shows all there are
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    provider: Vec<String>,
    /// people; json; or sarif, which code review and editors read (SARIF 2.1.0)
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// A warning is a failure, as for a pre-commit hook
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(sources: &Sources, wanted: &Check) -> ExitCode {
    let mut known = Vec::new();
    for name in &wanted.provider {
        let Some(provider) = webhook::provider(name) else {
            return fail(EX_USAGE, &unknown(name));
        };
        known.push(provider);
    }
    let mut findings = if wanted.paths.is_empty() || is_configured(sources) {
        check(sources, &wanted.paths, &known)
    } else {
        check_alone(&wanted.paths, &known)
    };
    findings.is_strict = wanted.strict;
    findings.tell(wanted.format)
}

fn unknown(name: &str) -> String {
    let all: Vec<&str> = webhook::providers().iter().map(|provider| provider.name()).collect();
    match config::closest(name, all.iter().copied()) {
        Some(meant) => format!("no provider `{name}` is known: did you mean `{meant}`?"),
        None => format!("no provider `{name}` is known: there is {}", all.join(", ")),
    }
}

/// As `serve` would look at it, and all of it.
fn check(sources: &Sources, paths: &[PathBuf], providers: &[&dyn Provider]) -> Findings {
    let loaded = match config::ready(sources, paths, Keep::No) {
        Ok(ready) => ready.loaded,
        Err(problems) => return Findings::refused(problems),
    };
    let flows: Vec<&Flow> = loaded.flows.iter().map(|flow| &**flow).collect();
    let mut findings = Findings {
        flows: loaded.remarks.clone(),
        warnings: loaded.other_warnings().to_vec(),
        ..Findings::default()
    };
    if !providers.is_empty() {
        differences(&mut findings, &flows, providers);
        return findings;
    }
    let config = &loaded.config;
    findings.answer = flows.into_iter().map(summary).collect();
    findings.answer.push_str(&format!(
        "{}, {}, {}, {}, {} ({} international): {}\n",
        counted(loaded.flows.len(), "flow"),
        queues(&loaded),
        counted(config.agents.len(), "agent"),
        counted(config.trunks.len(), "trunk"),
        counted(loaded.directory.len(), "caller's number"),
        loaded.directory.numbers().filter(|number| number.starts_with('+')).count(),
        verdict(config.warnings.len()),
    ));
    findings
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
fn check_alone(paths: &[PathBuf], providers: &[&dyn Provider]) -> Findings {
    let mut problems = Problems::default();
    let mut warnings = Vec::new();
    let flows = config::read_flows(paths, &Known::anything(), &mut warnings, &mut problems);
    let remarks: Vec<Diagnostic> = flows.iter().flat_map(Flow::warnings).cloned().collect();
    if !problems.is_empty() {
        problems.flows.extend(remarks);
        return Findings { warnings, ..Findings::refused(problems) };
    }
    let told = warnings.len() + remarks.len();
    let mut findings = Findings { flows: remarks, warnings, ..Findings::default() };
    if !providers.is_empty() {
        differences(&mut findings, &flows.iter().collect::<Vec<_>>(), providers);
        return findings;
    }
    findings.answer = flows.iter().map(summary).collect();
    findings.answer.push_str(&format!("{}: {}\n", counted(flows.len(), "flow"), verdict(told)));
    findings
}

/// What is different at every provider for who talks to a caller, and to those who supervise.
const SOUND_ELSEWHERE: &str = "both sides of a call cannot be recorded here, and a supervisor can \
    hear one only while its caller talks to an agent at a telephone of ours";

/// And whoever is called.
const BEGINS_NO_CALL: &str = "no call begins there: customers who are called (POST /v1/calls) are \
    dialed through a SIP trunk";

/// What providers do differently, step by step, and how much of it they cannot do.
fn differences(findings: &mut Findings, flows: &[&Flow], providers: &[&dyn Provider]) {
    for provider in providers {
        let name = provider.name();
        let mut remarks = Vec::new();
        for flow in flows {
            for needed in flow.needs() {
                let (code, what, instead) = match provider.support(&needed.need) {
                    Support::Whole => continue,
                    Support::Partly(how) => (&code::PROVIDER_DIFFERS, "does this differently", how),
                    Support::No(how) => (&code::PROVIDER_CANNOT, "cannot do this", how),
                };
                let message = format!("{name} {what}: {}", needed.need.words(needed.verb));
                remarks.push(flow.remark(code, &needed, message, Some(instead.to_owned())));
            }
        }
        if flows.iter().any(|flow| !flow.queues().is_empty()) {
            findings.answer.push_str(&format!("{name}: {SOUND_ELSEWHERE}\n"));
        }
        if remarks.is_empty() {
            let same = "every step is as on a telephone of our own";
            findings.answer.push_str(&format!("{name}: {same}\n"));
        }
        findings.answer.push_str(&format!("{name}: {BEGINS_NO_CALL}\n"));
        findings.answer.push_str(&of_agents(provider.info()));
        findings.at_providers.extend(remarks);
    }
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
