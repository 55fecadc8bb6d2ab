//! `recording` and `recording_prompt` of a queue: which calls are recorded, what is said before.
//!
//! **Invariant:** a queue that loads with a prompt has words for every flow that leads to it.

use std::collections::BTreeMap;

use crate::center::recording_rule::{RecordingPrompt, RecordingRule, Words};
use crate::config::layers::Kind;
use crate::config::model::{Agent, Config, Phone, Provider, Queue, QueueRecording, Trunk};
use crate::config::problem::Problems;
use crate::config::read::Section;
use crate::flow::{self, Flow};
use crate::words::Prompt;

/// Texts and files of one prompt.
const WORDS_MAX: usize = 10;

pub(super) fn recording(queue: &str, s: &mut Section<'_, '_>) -> QueueRecording {
    let rules = [
        ("off", RecordingRule::Off),
        ("always", RecordingRule::Always),
        ("on_demand", RecordingRule::OnDemand),
    ];
    let read = s.word("recording", &rules);
    // A word that is none is a mistake of its own.
    let is_wrong = read.is_none() && s.has("recording");
    let rule = read.unwrap_or_default();
    let place = s.place_of("recording");
    let prompt_place = s.place_of("recording_prompt");
    let mut prompt = RecordingPrompt::default();
    match s.node("recording_prompt").map(|node| (node, &node.kind)) {
        Some((node, Kind::Table(languages))) => {
            let path = format!("queues.{queue}.recording_prompt");
            let mut table = Section::new(path, node, s.problems());
            for language in languages.keys() {
                if !flow::is_language(language) {
                    let message = format!("\"{language}\" is not a language");
                    table.problem(language, message, "write `en` or `pt-BR`");
                }
                let said = words(language, &mut table);
                prompt.by_language.insert(language.clone(), said);
            }
        }
        Some(_) => prompt.plain = words("recording_prompt", s),
        None => {}
    }
    if rule == RecordingRule::Off && !is_wrong && !prompt.is_empty() {
        let help = "recording = \"always\" or \"on_demand\"";
        s.problem("recording_prompt", "is never said where nothing is recorded", help);
    }
    QueueRecording { rule, prompt, place, prompt_place }
}

/// One text or file, or a list of them; an empty text stands for none.
fn words(key: &str, s: &mut Section<'_, '_>) -> Vec<Words> {
    let is_list = s.node(key).is_some_and(|node| matches!(node.kind, Kind::List(_)));
    let written = if is_list { s.texts(key) } else { s.some_text(key).map(|text| vec![text]) };
    let written = written.unwrap_or_default();
    if written.len() > WORDS_MAX {
        s.problem(key, format!("lists more than {WORDS_MAX}"), "");
    }
    if written.iter().any(|text| text.trim().is_empty()) {
        s.problem(key, "has an empty text", "");
    }
    let word = |text: String| match flow::is_sound(&text) {
        true => Words::File(text.into()),
        false => Words::Text(text.into()),
    };
    written.into_iter().map(word).collect()
}

/// The queues with something to be said, and the flows that lead to each.
fn announced<'a>(
    config: &'a Config,
    flows: impl Iterator<Item = &'a Flow> + Clone,
) -> impl Iterator<Item = (&'a Queue, &'a Flow)> {
    let queues = config.queues.iter().filter(|queue| !queue.recording.prompt.is_empty());
    queues.flat_map(move |queue| {
        let enters = move |flow: &&Flow| flow.queues().iter().any(|it| it.queue == queue.name);
        flows.clone().filter(enters).map(move |flow| (queue, flow))
    })
}

/// A flow for whose callers there are no words is a problem.
pub(super) fn check_prompts(config: &Config, flows: &[Flow], problems: &mut Problems) {
    for (queue, flow) in announced(config, flows.iter()) {
        let QueueRecording { prompt, prompt_place, .. } = &queue.recording;
        let Some(first) = flow.languages().first() else { continue };
        if prompt.said(first, first).is_empty() {
            let (queue, flow) = (&queue.name, flow.name());
            let message = format!(
                "`queues.{queue}.recording_prompt`: callers of flow `{flow}` would be recorded \
                 unasked: it has no `{first}`"
            );
            problems.add_with_help(prompt_place, message, format!("{first} = \"…\""));
        }
    }
}

/// What callers of these flows may hear before they are recorded, and where it is written.
pub(super) fn prompts<'a>(
    config: &'a Config,
    flows: impl Iterator<Item = &'a Flow> + Clone,
) -> BTreeMap<Prompt, String> {
    let mut said = BTreeMap::new();
    for (queue, flow) in announced(config, flows) {
        let QueueRecording { prompt, prompt_place, .. } = &queue.recording;
        let Some(first) = flow.languages().first() else { continue };
        let all = flow.languages().iter().flat_map(|language| prompt.said(language, first));
        said.extend(all.map(|prompt| (prompt, prompt_place.clone())));
    }
    said
}

/// The sound of a provider's calls never comes here.
pub(super) fn check_providers(
    queues: &[Queue],
    trunks: &BTreeMap<String, Trunk>,
    agents: &[Agent],
    providers: &BTreeMap<String, Provider>,
    warnings: &mut Vec<String>,
    problems: &mut Problems,
) {
    if providers.is_empty() {
        return;
    }
    let brings = |trunk: &Trunk| {
        !trunk.addresses.is_empty() || trunk.this_machine || trunk.username.is_some()
    };
    let registers = |agent: &Agent| matches!(agent.phone, Phone::Registers { .. });
    let calls_here = trunks.values().any(brings) || agents.iter().any(registers);
    let is_there = |agent: &Agent| match &agent.phone {
        Phone::Outside { trunk: provider, .. } | Phone::Client { provider, .. } => {
            providers.contains_key(provider)
        }
        Phone::Registers { .. } | Phone::Fixed { .. } => false,
    };
    let answered_here = agents.is_empty() || !agents.iter().all(is_there);
    for queue in queues.iter().filter(|queue| queue.recording.rule != RecordingRule::Off) {
        let (name, place) = (&queue.name, &queue.recording.place);
        if calls_here && answered_here {
            let names: Vec<&str> = providers.keys().map(String::as_str).collect();
            warnings.push(format!(
                "{place}: `queues.{name}.recording`: calls that come through {} are not recorded: \
                 their sound is there",
                names.join(", ")
            ));
            continue;
        }
        let who = if calls_here { "every agent is" } else { "every caller is" };
        let message = format!(
            "`queues.{name}.recording`: nothing can be recorded: {who} at a provider, and so is \
             the sound"
        );
        let help = "recording = \"off\"; the provider's console may record calls";
        problems.add_with_help(place, message, help);
    }
}
