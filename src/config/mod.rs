//! The configuration: read in layers, checked whole, all problems at once, before anything binds.
//!
//! Layers, later ones over earlier ones: `example.toml` (compiled in: the documentation is the
//! defaults), the file, the environment, the arguments.
//!
//! **Invariant:** a [`Config`] that exists is right: only [`check`] makes one.
//!
//! **Deliberately absent:** reading the environment and the arguments; `main` does, so that a test
//! can give its own.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod addresses;
mod beside;
mod callers;
mod cidr;
mod database;
mod demo;
mod layers;
mod load;
mod log_level;
mod lookup;
mod model;
mod people;
mod problem;
mod read;
mod ready;
mod recording;
mod secret;
mod sections;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod traces;
mod unused;
mod webhooks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use cidr::{Cidr, CidrError};
pub use database::DatabaseServer;
pub use demo::{Demo, TOKEN_LEN, token};
pub use layers::Override;
pub use load::{Loaded, is_left_alone, known, load, load_flows, read_flows};
pub use model::{
    Agent, Api, ApiToken, Callers, Config, LogFormat, Lookup, Media, NAME_SERVERS_MAX, Phone,
    Provider, Queue, QueueRecording, Server, Sip, Speech, Traces, Trunk, Voice, Webhooks,
};
pub use problem::{Problem, Problems, Whose, closest};
pub use ready::{Keep, Ready, Soundless, ready, soundless};
pub use secret::Secret;

use layers::{FILE_LEN_MAX, FileLayer, Kind, Node};
use read::Section;

/// Every key with its default and what it means: what `attendant example-config` prints.
pub const EXAMPLE: &str = include_str!("example.toml");
/// Read when no other file is named and this one exists.
pub const DEFAULT_FILE: &str = "attendant.toml";

/// Where the layers come from.
#[derive(Clone, Default)]
pub struct Sources {
    /// `--config`. Without it [`DEFAULT_FILE`] is read where it exists.
    pub file: Option<PathBuf>,
    /// The whole environment, for `ATTENDANT__…` and for `KEY_env`.
    pub variables: BTreeMap<String, String>,
    /// `--set` and named arguments, in order.
    pub overrides: Vec<Override>,
    /// A server that runs reads them again: an empty file is one that an editor is still writing.
    pub is_reread: bool,
}

impl Sources {
    /// What a server that began with these reads again. A file that it found by its default name
    /// is named from now on: without it, a reload would be the demonstration.
    #[must_use]
    pub fn of_run(mut self, is_demo: bool) -> Self {
        self.is_reread = true;
        if self.file.is_none() && !is_demo {
            self.file = Some(PathBuf::from(DEFAULT_FILE));
        }
        self
    }
}

/// Variables are left out: the whole environment holds more secrets than ours.
impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("overrides", &self.overrides)
            .finish_non_exhaustive()
    }
}

/// A checked configuration, and the demonstration it is, where it is one.
#[derive(Clone, Debug)]
pub struct Checked {
    pub config: Config,
    pub demo: Option<Demo>,
}

/// Reads and checks everything. Without any file, this is the demonstration.
///
/// # Errors
///
/// All that is wrong, at once, each with its place.
pub fn check(sources: &Sources) -> Result<Checked, Problems> {
    match read_all(sources) {
        (Some(checked), problems) if problems.is_empty() => Ok(checked),
        (_, problems) => Err(problems),
    }
}

/// What could be read of the configuration, and what is wrong with it; nothing, where a file of it
/// is no TOML.
fn read_all(sources: &Sources) -> (Option<Checked>, Problems) {
    let mut problems = Problems::default();
    let mut files =
        vec![FileLayer { name: "defaults".to_owned(), source: EXAMPLE.to_owned(), folder: None }];
    let file = sources.file.clone().or_else(|| {
        let default = PathBuf::from(DEFAULT_FILE);
        default.exists().then_some(default)
    });
    let mut demo = None;
    match &file {
        Some(path) => {
            let layer = read_file(path, &mut problems);
            if let Some(layer) = layer.as_ref().filter(|layer| sources.is_reread && is_blank(layer))
            {
                let help = "a server without agents, trunks and queues needs a restart";
                problems.add_with_help(&layer.name, "is empty: it is not taken", help);
            }
            files.extend(layer);
        }
        None => {
            let (made, layer) = demo::make(|bytes| {
                getrandom::fill(bytes).expect("the system gives random bytes, or nothing is safe");
            });
            files.push(layer);
            demo = Some(made);
        }
    }
    let root = layers::merge(&files, &sources.variables, &sources.overrides, &mut problems);
    if !problems.is_empty() {
        // What a broken file seems to say is not worth checking.
        problems.sort();
        return (None, problems);
    }
    let mut config = read(&root, &sources.variables, &mut problems);
    if let Some(path) = &file {
        check_mode(path, &files, &config, &mut problems);
    }
    config.warnings.extend(misspelled(&sources.variables));
    config.digest = digest(&files, sources);
    problems.sort();
    (Some(Checked { config, demo }), problems)
}

/// Whether a file has no character that is seen, as one that was opened to be written anew.
fn is_blank(layer: &FileLayer) -> bool {
    layer.source.trim().is_empty()
}

fn read_file(path: &Path, problems: &mut Problems) -> Option<FileLayer> {
    let name = path.display().to_string();
    match text::read(path, FILE_LEN_MAX) {
        Ok(source) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            Some(FileLayer { name, source, folder: folder.map(Path::to_path_buf) })
        }
        Err(unreadable) => {
            let help = "`attendant example-config` prints one to begin with";
            unreadable.tell(&name, Whose::Config, help, problems);
            None
        }
    }
}

fn read(root: &Node, variables: &BTreeMap<String, String>, problems: &mut Problems) -> Config {
    let empty = Node {
        place: root.place.clone(),
        kind: Kind::Table(BTreeMap::new()),
        loose: false,
        folder: None,
    };
    let mut warnings = Vec::new();
    let mut top = Section::new("", root, problems);
    let mut section = |key| top.node(key).unwrap_or(&empty);
    let (server, sip, media) = (section("server"), section("sip"), section("media"));
    let (api, voices) = (section("api"), section("voices"));
    let (callers, features) = (section("callers"), section("features"));
    let (trunks, agents) = (top.entries("trunks"), top.entries("agents"));
    let queues = top.entries("queues");
    let lookup = top.node("lookup").unwrap_or(&empty);
    let traces = top.node("traces").unwrap_or(&empty);
    let (hooks, providers) = (top.node("webhooks").unwrap_or(&empty), top.entries("providers"));
    top.finish();
    let (sip_node, sip) = (sip, sections::sip(sip, problems));
    let weak_allowed = sections::weak_passwords_allowed(server, &sip.listen, problems);
    let around = people::Around { variables, weak_allowed };
    let trunks = people::trunks(&trunks, &around, &mut warnings, problems);
    let (api_node, api) = (api, sections::api(api, variables, weak_allowed, problems));
    if !api.listen.ip().is_loopback() {
        warnings.push(format!(
            "api.listen: {} can be reached by others, and is not encrypted",
            api.listen
        ));
    }
    let webhooks = webhooks::webhooks(hooks, api.listen, problems);
    let doors = addresses::Doors {
        sip: (sip_node, &sip),
        api: (api_node, &api),
        webhooks: (hooks, &webhooks),
        any_provider: !providers.is_empty(),
    };
    addresses::check(&doors, problems);
    let providers = webhooks::providers(&providers, &webhooks, &trunks, &around, problems);
    let outside = outside(&trunks, &providers);
    let agents = people::agents(&agents, &outside, &around, problems);
    tokens::check(&api, &agents, problems);
    warnings.extend(webhooks::unreached(&agents, &providers, &webhooks));
    warnings.extend(missing(&trunks, &agents, &providers));
    let queues = people::queues(&queues, problems);
    recording::check_providers(&queues, &trunks, &agents, &providers, &mut warnings, problems);
    Config {
        server: sections::server(server, variables, problems),
        sip,
        media: sections::media(media, problems),
        api,
        places: places(root),
        voices: sections::voices(voices, variables, problems),
        agents,
        trunks,
        queues,
        callers: people::callers(callers, problems),
        features: sections::features(features, problems),
        lookup: lookup::lookup(lookup, variables, problems),
        traces: traces::traces(traces, variables, problems),
        webhooks,
        providers,
        weak_passwords: weak_allowed,
        warnings,
        digest: String::new(),
    }
}

/// What a server that starts all the same still needs before it is of use, as the next steps.
fn missing(
    trunks: &BTreeMap<String, Trunk>,
    agents: &[Agent],
    providers: &BTreeMap<String, Provider>,
) -> Vec<String> {
    let registers = agents.iter().any(|agent| matches!(agent.phone, Phone::Registers { .. }));
    let mut steps = Vec::new();
    if trunks.is_empty() && providers.is_empty() && !registers {
        steps.push(
            "no caller can reach this server: name who brings calls, as in [trunks.lab] addresses = \
             [\"127.0.0.1\"], or give an agent's telephone a password"
                .to_owned(),
        );
    }
    if agents.is_empty() {
        steps.push(
            "no agent can answer what flows queue: add [agents.NAME] with the skills that they name"
                .to_owned(),
        );
    }
    steps
}

/// Where what other parts refer to by name is written: voices, queues, and the skills of agents.
fn places(root: &Node) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    for table in ["voices", "queues", "agents"] {
        for (name, node) in entries(root, table) {
            let path = format!("{table}.{name}");
            for (skill, node) in entries(node, "skills") {
                places.insert(format!("{path}.skills.{skill}"), node.place.clone());
            }
            places.insert(path, node.place.clone());
        }
    }
    places
}

fn entries<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a String, &'a Node)> {
    let table = |node: &'a Node| match &node.kind {
        Kind::Table(entries) => Some(entries),
        Kind::Text(_) | Kind::Int(_) | Kind::Float | Kind::Bool(_) | Kind::List(_) => None,
    };
    table(node).and_then(|entries| table(entries.get(key)?)).into_iter().flatten()
}

fn outside<'a>(
    trunks: &'a BTreeMap<String, Trunk>,
    providers: &'a BTreeMap<String, Provider>,
) -> people::Outside<'a> {
    let trunks = trunks.iter().map(|(name, trunk)| (name.as_str(), trunk.prefixes.as_slice()));
    let providers = providers.iter().map(|(name, known)| (name.as_str(), &known.prefixes[..]));
    trunks.chain(providers).collect()
}

/// A file that holds secrets must not be open to everyone on the machine.
fn check_mode(path: &Path, files: &[FileLayer], config: &Config, problems: &mut Problems) {
    if !read::readable_by_others(path) {
        return;
    }
    let Some(file) = files.get(1).filter(|_| !config.weak_passwords) else {
        return;
    };
    let passwords = config.agents.iter().filter_map(|agent| match &agent.phone {
        Phone::Registers { password, .. } => Some(password),
        Phone::Fixed { .. } | Phone::Outside { .. } | Phone::Client { .. } => None,
    });
    let passwords = passwords.chain(config.trunks.values().filter_map(|t| t.password.as_ref()));
    let tokens = [&config.api.read_token, &config.api.operate_token];
    let providers = config.providers.values();
    let providers = providers.flat_map(|known| known.secrets.iter().chain(&known.token));
    let named = config.api.tokens.iter().map(|named| &named.token);
    let tokens = tokens.into_iter().flatten().chain(named);
    let mut secrets = passwords.chain(tokens).chain(providers);
    if !secrets.any(|secret| !secret.is_empty() && file.source.contains(secret.expose())) {
        return;
    }
    let name = &file.name;
    let message = "holds passwords and can be read by everyone on this machine";
    problems.add_with_help(format!("{name}:1"), message, format!("chmod 600 {name}"));
}

/// Variables that look like ours but have one underscore too few to be read.
fn misspelled(variables: &BTreeMap<String, String>) -> Vec<String> {
    let ours = variables.keys().filter(|name| name.starts_with("ATTENDANT_"));
    let odd = ours.filter(|name| !name.starts_with("ATTENDANT__") && name.contains("__"));
    odd.map(|name| {
        let right = name.replacen("ATTENDANT_", "ATTENDANT__", 1);
        format!("environment variable {name} is not read: did you mean {right}?")
    })
    .collect()
}

fn digest(files: &[FileLayer], sources: &Sources) -> String {
    let files = files.iter().map(|file| match file.name.as_str() {
        // Its passwords are others at every start; what it says is the same.
        demo::NAME => demo::SOURCE.to_owned(),
        _ => file.source.clone(),
    });
    let variables = sources.variables.iter().filter(|(name, _)| name.starts_with("ATTENDANT__"));
    let variables = variables.map(|(name, value)| format!("{name}={value}"));
    let overrides = sources.overrides.iter().map(|given| format!("{}={}", given.key, given.value));
    digest_with("", files.chain(variables).chain(overrides))
}

/// A digest of `before` and all of `parts`: 128 bit, in hexadecimal.
fn digest_with(before: &str, parts: impl Iterator<Item = String>) -> String {
    let mut hash = Sha256::new_with_prefix(before.as_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
