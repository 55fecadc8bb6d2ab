//! Names that the configuration and the flows do not have in common: a queue that a flow enters and
//! no table declares, a table that no flow enters, a skill that no flow asks for, a language that
//! callers have and no flow speaks. Most are typing errors, and lose what was written for the other
//! name: a recording rule, an agent.
//!
//! **Invariant:** each is a warning with its place, and no more: an installation may be half built.
//!
//! **Deliberately absent:** names that lead nowhere and could not work. Those are errors, where
//! they are read.

use std::collections::{BTreeMap, BTreeSet};

use crate::call::Directory;
use crate::config::model::Config;
use crate::config::problem::closest;
use crate::flow::Flow;

/// Warnings of one kind; more are counted.
const SHOWN_MAX: usize = 10;

/// The warnings. Where the flows are only some of the configured ones (`is_part`), others may name
/// what they do not.
pub(super) fn warnings(
    config: &Config,
    directory: &Directory,
    flows: &[Flow],
    is_part: bool,
) -> Vec<String> {
    let entered: BTreeSet<&str> =
        flows.iter().flat_map(Flow::queues).map(|used| used.queue).collect();
    let declared: BTreeSet<&str> = config.queues.iter().map(|queue| &*queue.name).collect();
    // Who declares none is content with the defaults.
    let without = if declared.is_empty() { Vec::new() } else { undeclared(flows, &declared) };
    let mut warnings = few(without, "queues without a table");
    if !is_part {
        warnings.extend(few(never_entered(config, &entered), "queues that no flow enters"));
        warnings.extend(few(never_asked(config, flows), "skills that no flow asks for"));
        warnings.extend(few(never_spoken(directory, flows), "languages that no flow speaks"));
    }
    warnings
}

/// A step that names its queue has one that is declared: only one without a name is here.
fn undeclared(flows: &[Flow], declared: &BTreeSet<&str>) -> Vec<String> {
    let mut warnings = Vec::new();
    for flow in flows {
        let (file, _) = flow.source();
        for used in flow.queues().into_iter().filter(|used| !declared.contains(used.queue)) {
            let queue = used.queue;
            let step = flow.steps().find(|step| step.name == queue);
            let line = step.map_or(1, |step| step.line);
            let meant = meant(queue, declared.iter().copied());
            warnings.push(format!(
                "{file}:{line}: queue `{queue}` has no table [queues.{queue}], and the default \
                 settings{meant}"
            ));
        }
    }
    warnings.sort_unstable();
    warnings.dedup();
    warnings
}

fn never_entered(config: &Config, entered: &BTreeSet<&str>) -> Vec<String> {
    let unused = config.queues.iter().filter(|queue| !entered.contains(&*queue.name));
    let warning = |queue: &crate::config::model::Queue| {
        let (name, meant) = (&queue.name, meant(&queue.name, entered.iter().copied()));
        let place = config.places.get(&format!("queues.{name}")).map_or("[queues]", String::as_str);
        format!("{place}: no flow enters queue `{name}`{meant}")
    };
    unused.map(warning).collect()
}

/// Each skill once, at the first agent who has it.
fn never_asked(config: &Config, flows: &[Flow]) -> Vec<String> {
    if flows.iter().any(Flow::asks_any_skill) {
        return Vec::new();
    }
    let asked: BTreeSet<&str> = flows.iter().flat_map(Flow::skills).collect();
    let mut unasked: BTreeMap<&str, &str> = BTreeMap::new();
    for agent in &config.agents {
        for skill in agent.skills.keys().filter(|skill| !asked.contains(&***skill)) {
            unasked.entry(skill).or_insert(&agent.name);
        }
    }
    let warning = |(skill, agent): (&str, &str)| {
        let key = format!("agents.{agent}.skills.{skill}");
        let place = config.places.get(&key).map_or("[agents]", String::as_str);
        let meant = meant(skill, asked.iter().copied());
        format!("{place}: no flow asks for skill `{skill}` of agent `{agent}`{meant}")
    };
    unasked.into_iter().map(warning).collect()
}

fn never_spoken(directory: &Directory, flows: &[Flow]) -> Vec<String> {
    let base = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let spoken: BTreeSet<String> =
        flows.iter().flat_map(|flow| flow.languages()).map(|tag| base(tag)).collect();
    let entries = directory.numbers().filter_map(|number| directory.find(number));
    let languages: BTreeSet<&str> = entries.filter_map(|entry| entry.language.as_deref()).collect();
    let unspoken = languages.into_iter().filter(|tag| !spoken.contains(&base(tag)));
    let warning = |tag: &str| {
        format!(
            "callers.file: no flow speaks `{tag}`, the language of a caller, who hears the first \
             language of the flow"
        )
    };
    unspoken.map(warning).collect()
}

fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    closest(name, known).map(|meant| format!(": did you mean `{meant}`?")).unwrap_or_default()
}

fn few(mut warnings: Vec<String>, what: &str) -> Vec<String> {
    if let Some(more) = warnings.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        warnings.truncate(SHOWN_MAX);
        warnings.push(format!("and {more} more {what}"));
    }
    warnings
}
