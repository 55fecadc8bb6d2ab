//! The configuration and what it leads to: flows, callers, prompts.
//!
//! **Invariant:** nothing is bound, made or played here: a [`Loaded`] is only read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::call::Directory;
use crate::config::demo::Demo;
use crate::config::model::Config;
use crate::config::problem::Problems;
use crate::config::{Checked, Sources, callers, check};
use crate::flow::{self, Flow, Known};

/// Files of one flows folder.
const FLOWS_MAX: usize = 1_000;
/// Sound files in the prompts folder, and folders below it.
const SOUNDS_MAX: usize = 100_000;
const FOLDERS_DEEP_MAX: usize = 8;

/// Everything a server needs before it binds anything.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub flows: Vec<Arc<Flow>>,
    pub directory: Directory,
    /// Where this is the demonstration: what to print.
    pub demo: Option<Demo>,
}

/// Reads and checks the configuration, the flows and the callers.
///
/// # Errors
///
/// All that is wrong, at once, each with its place.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let Checked { mut config, demo } = check(sources)?;
    let mut problems = Problems::default();
    let directory = match &config.callers.file {
        Some(file) => callers::read(file, &config.callers.region, &mut problems),
        None => Directory::default(),
    };
    let known = known(&config, &directory);
    let flows = read_flows(&[config.server.flows.clone()], &known, &mut problems);
    if flows.is_empty() && problems.is_empty() {
        let help = "`server.flows` names the folder; each flow is a .toml file in it";
        let folder = config.server.flows.display().to_string();
        problems.add_with_help(folder, "there is no flow: nothing would answer a call", help);
    }
    check_voices(&config, &flows, &mut problems);
    check_numbers(&flows, &mut problems);
    for warning in flows.iter().flat_map(|flow| flow.warnings()) {
        config.warnings.push(warning.to_string());
    }
    if !problems.is_empty() {
        problems.sort();
        return Err(problems);
    }
    Ok(Loaded { config, flows: flows.into_iter().map(Arc::new).collect(), directory, demo })
}

/// The names that flows may use.
#[must_use]
pub fn known(config: &Config, directory: &Directory) -> Known {
    let names = |names: &mut dyn Iterator<Item = String>| Some(names.collect::<BTreeSet<_>>());
    Known {
        skills: names(&mut config.skills().into_iter()),
        queues: names(&mut config.queues.iter().map(|queue| queue.name.clone())),
        trunks: names(&mut config.trunks.keys().cloned()),
        agents: names(&mut config.agents.iter().map(|agent| agent.name.clone())),
        caller_fields: names(&mut directory.field_names().map(str::to_owned)),
        sounds: Some(sounds(&config.server.prompts)),
        music: None,
    }
}

/// Reads flow files, and all of each folder. What is wrong is added to `problems`.
pub fn read_flows(paths: &[PathBuf], known: &Known, problems: &mut Problems) -> Vec<Flow> {
    let mut files = BTreeSet::new();
    for path in paths {
        match flow_files(path) {
            Ok(found) => files.extend(found),
            Err(error) => {
                problems.add(path.display().to_string(), format!("cannot be read: {error}"));
            }
        }
    }
    if files.len() > FLOWS_MAX {
        problems.add("flows", format!("there are more than {FLOWS_MAX} files"));
    }
    let mut flows = Vec::new();
    for path in files.iter().take(FLOWS_MAX) {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(source) => match flow::parse(&name, &source, known) {
                Ok(flow) => flows.push(flow),
                Err(diagnostics) => problems.flows.push_str(&flow::explain(&diagnostics)),
            },
            Err(error) => problems.add(name, format!("cannot be read: {error}")),
        }
    }
    flows
}

fn flow_files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(files)
}

/// WAV files, as paths relative to the prompts folder. No folder, no files.
fn sounds(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((at, deep)) = folders.pop() {
        let entries = std::fs::read_dir(&at).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.is_dir() && deep < FOLDERS_DEEP_MAX {
                folders.push((path, deep + 1));
            } else if path.extension().is_some_and(|extension| extension == "wav")
                && let Ok(relative) = path.strip_prefix(folder)
                && found.len() < SOUNDS_MAX
            {
                found.insert(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found
}

/// A language that nobody speaks would be silence.
fn check_voices(config: &Config, flows: &[Flow], problems: &mut Problems) {
    for flow in flows {
        for language in flow.languages() {
            let base = language.split('-').next().unwrap_or(language);
            if !config.voices.contains_key(&**language) && !config.voices.contains_key(base) {
                let message =
                    format!("flow `{}` speaks `{language}`, which has no voice", flow.name());
                let help =
                    format!("[voices] {language} = {{ engine = \"command\", command = […] }}");
                problems.add_with_help("configuration", message, help);
            }
        }
    }
}

/// A number that enters two flows would enter either.
fn check_numbers(flows: &[Flow], problems: &mut Problems) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for flow in flows {
        for number in flow.numbers() {
            if let Some(other) = owners.insert(number, flow.name()) {
                let message =
                    format!("`{number}` enters flow `{other}` and flow `{}`", flow.name());
                problems.add("flows", message);
            }
        }
    }
}
