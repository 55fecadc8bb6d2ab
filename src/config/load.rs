//! The configuration and what it leads to: flows, callers, prompts.
//!
//! **Invariant:** nothing is bound, made or played here: a [`Loaded`] is only read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::call::Directory;
use crate::config::demo::Demo;
use crate::config::lookup::may_be_named;
use crate::config::model::Config;
use crate::config::problem::{Problems, Whose, closest};
use crate::config::{Checked, Sources, callers, read_all, text, unused};
use crate::flow::{self, Diagnostic, Flow, Known};

/// Files of one flows folder.
const FLOWS_MAX: usize = 1_000;
/// A flow file is refused past this size, in bytes.
const FLOW_LEN_MAX: u64 = 4 * 1024 * 1024;
/// Sound files in the prompts folder, and folders below it.
const SOUNDS_MAX: usize = 100_000;
const FOLDERS_DEEP_MAX: usize = 8;
/// Agents who are only in the directory, each with a warning of its own.
const STRANGERS_SHOWN_MAX: usize = 10;

/// Everything a server needs before it binds anything.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub flows: Vec<Arc<Flow>>,
    pub directory: Arc<Directory>,
    /// What is probably not meant in the flows. `config.warnings` ends with the same, a line each.
    pub remarks: Vec<Diagnostic>,
    /// Where this is the demonstration: what to print.
    pub demo: Option<Demo>,
}

impl Loaded {
    /// The warnings that are about no place of a flow.
    #[must_use]
    pub fn other_warnings(&self) -> &[String] {
        let warnings = &self.config.warnings;
        &warnings[..warnings.len().saturating_sub(self.remarks.len())]
    }
}

/// Reads and checks the configuration, the flows and the callers.
///
/// # Errors
///
/// All that is wrong, at once, each with its place.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    load_flows(sources, &[])
}

/// As [`load`], with the flows of these files and folders instead of the configured ones. None
/// given, the configured ones it is.
///
/// # Errors
///
/// As [`load`].
pub fn load_flows(sources: &Sources, paths: &[PathBuf]) -> Result<Loaded, Problems> {
    let mut problems = Problems::default();
    match read_everything(sources, paths, &mut problems) {
        Some(read) => read.finish(problems),
        None => Err(problems),
    }
}

/// What could be read, whatever is wrong with it.
pub(super) struct Read {
    pub(super) config: Config,
    /// The configuration itself is right: what others say can be held against it.
    pub(super) is_configured: bool,
    pub(super) flows: Vec<Flow>,
    pub(super) directory: Directory,
    pub(super) remarks: Vec<Diagnostic>,
    pub(super) demo: Option<Demo>,
}

/// Reads the configuration, the callers and the flows; `None` where the configuration is no TOML.
pub(super) fn read_everything(
    sources: &Sources,
    paths: &[PathBuf],
    problems: &mut Problems,
) -> Option<Read> {
    let (checked, found) = read_all(sources);
    problems.list.extend(found.list);
    let Checked { mut config, demo } = checked?;
    let is_configured = problems.is_empty();
    let directory = match &config.callers.file {
        Some(file) => {
            let agents = config.agents.iter().map(|agent| agent.name.as_str()).collect();
            let around = callers::Around { region: &config.callers.region, agents };
            callers::read(file, &around, &mut config.warnings, problems)
        }
        None => Directory::default(),
    };
    let has_callers = is_configured && problems.is_empty();
    let strangers = strangers(&directory, &config);
    config.warnings.extend(strangers);
    // What a wrong configuration seems to declare is nothing to hold flows against.
    let mut known = if is_configured { known(&config, &directory) } else { Known::anything() };
    if !has_callers {
        // Nor are flows wrong because a wrong file of callers lacks what they name.
        known.caller_fields = None;
    }
    let configured = [config.server.flows.clone()];
    let given = if paths.is_empty() { &configured[..] } else { paths };
    let flows = read_flows(given, &known, &mut config.warnings, problems);
    if flows.is_empty() && problems.is_empty() {
        let help = "`server.flows` names the folder; each flow is a .toml file in it";
        let folder = config.server.flows.display().to_string();
        let message = "there is no flow: nothing would answer a call";
        problems.add_of(Whose::Flow, folder, message, help);
    }
    if is_configured {
        check_voices(&config, &flows, problems);
        check_numbers(&flows, &beside(&config.server.flows, paths, &known), problems);
    }
    // No administrator wrote the demonstration, and a flow that could not be read names more.
    if problems.is_empty() && demo.is_none() {
        let unused = unused::warnings(&config, &directory, &flows, !paths.is_empty());
        config.warnings.extend(unused);
    }
    let remarks = flows.iter().flat_map(Flow::warnings).cloned().collect();
    Some(Read { config, is_configured, flows, directory, remarks, demo })
}

/// The configured flows beside those of `paths`, where these are some of them: a number that enters
/// two flows does so, whichever is looked at.
fn beside(folder: &Path, paths: &[PathBuf], known: &Known) -> Vec<Flow> {
    let whole = |path: &PathBuf| std::fs::canonicalize(path).ok();
    let mut skipped = Vec::new();
    let mut files = |path: &Path| flow_files(path, &mut skipped).unwrap_or_default();
    let given: Vec<PathBuf> = paths.iter().flat_map(|path| files(path)).collect();
    let given: BTreeSet<PathBuf> = given.iter().filter_map(whole).collect();
    let all = files(folder);
    let (own, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|file| whole(file).is_some_and(|file| given.contains(&file)));
    if own.is_empty() {
        return Vec::new();
    }
    // The check of those files says what is wrong with them.
    read_flows(&others, known, &mut skipped, &mut Problems::default())
}

impl Read {
    /// All of it, if nothing is wrong.
    pub(super) fn finish(self, mut problems: Problems) -> Result<Loaded, Problems> {
        if !problems.is_empty() {
            // Told with what is wrong elsewhere: one run shows all of it.
            problems.flows.extend(self.remarks);
            problems.sort();
            return Err(problems);
        }
        let Self { mut config, flows, directory, remarks, demo, .. } = self;
        config.warnings.extend(remarks.iter().map(ToString::to_string));
        let versions = flows.iter().map(|flow| format!("{}@{}", flow.name(), flow.version()));
        let file = config.callers.file.iter();
        let callers = file.filter_map(|file| std::fs::read_to_string(file).ok());
        config.digest = super::digest_with(&config.digest, versions.chain(callers));
        let (flows, directory) = (flows.into_iter().map(Arc::new).collect(), Arc::new(directory));
        Ok(Loaded { config, flows, directory, remarks, demo })
    }
}

/// The names that flows may use.
#[must_use]
pub fn known(config: &Config, directory: &Directory) -> Known {
    let names = |names: &mut dyn Iterator<Item = String>| Some(names.collect::<BTreeSet<_>>());
    let sounds = sounds(&config.server.prompts);
    // Before the first agent is configured no skill can be wrong: `config` warns of that once.
    let has_agents = !config.agents.is_empty();
    Known {
        skills: names(&mut config.skills().into_iter()).filter(|_| has_agents),
        staff: Some(config.agents.iter().map(|agent| agent.skills.clone()).collect()),
        queues: names(&mut config.queues.iter().map(|queue| queue.name.clone())),
        trunks: names(&mut config.trunks.keys().chain(config.providers.keys()).cloned()),
        agents: names(&mut config.agents.iter().map(|agent| agent.name.clone())),
        caller_fields: names(&mut directory.field_names().map(str::to_owned)),
        music: names(&mut sounds.iter().filter_map(|path| music(path))),
        services: Some(may_be_named(&config.lookup)),
        hidden_names: names(&mut config.lookup.secrets.keys().cloned()),
        sounds: Some(sounds),
    }
}

/// The name of the hold music in a sound file: `music/harp.wav` is `harp`.
fn music(path: &str) -> Option<String> {
    Some(path.strip_prefix("music/")?.strip_suffix(".wav")?.to_owned())
}

/// Preferred agents of the directory whom there are not: their callers wait like any other.
fn strangers(directory: &Directory, config: &Config) -> Vec<String> {
    let entries = directory.numbers().filter_map(|number| directory.find(number));
    let preferred = entries.filter_map(|entry| entry.preferred_agent.as_deref());
    let unknown: BTreeSet<&str> = preferred.filter(|name| config.agent(name).is_none()).collect();
    let warning = |name: &&str| {
        let agents = config.agents.iter().map(|agent| agent.name.as_str());
        let meant = closest(name, agents).map(|meant| format!(": did you mean `{meant}`?"));
        let meant = meant.unwrap_or_default();
        format!("callers.file: the preferred agent `{name}` is not in [agents]{meant}")
    };
    let mut warnings: Vec<String> = unknown.iter().take(STRANGERS_SHOWN_MAX).map(warning).collect();
    if let Some(more) = unknown.len().checked_sub(STRANGERS_SHOWN_MAX).filter(|more| *more > 0) {
        warnings.push(format!("callers.file: and {more} more preferred agents like these"));
    }
    warnings
}

/// Reads flow files, and all of each folder. What is wrong is added to `problems`, what is left
/// alone to `warnings`.
pub fn read_flows(
    paths: &[PathBuf],
    known: &Known,
    warnings: &mut Vec<String>,
    problems: &mut Problems,
) -> Vec<Flow> {
    let mut files = BTreeSet::new();
    for path in paths {
        match flow_files(path, warnings) {
            Ok(found) => files.extend(found),
            Err(error) => {
                let is_file = path.extension().is_some_and(|extension| extension == "toml");
                let path = path.display().to_string();
                if is_file && error.kind() == std::io::ErrorKind::NotFound {
                    problems.add_unreadable(&path, "there is no such flow file".to_owned(), "");
                    continue;
                }
                let help = "`server.flows` (or --flows) names the folder of the call flows: make it, \
                            with one .toml file per flow";
                problems.add_unreadable(&path, format!("cannot be read: {error}"), help);
            }
        }
    }
    if files.len() > FLOWS_MAX {
        let message = format!("there are more than {FLOWS_MAX} files");
        problems.add_of(Whose::Flow, "flows", message, "");
    }
    let mut flows = Vec::new();
    for path in files.iter().take(FLOWS_MAX) {
        let name = path.display().to_string();
        match text::read(path, FLOW_LEN_MAX) {
            Ok(source) => match flow::parse(&name, &source, known) {
                Ok(flow) => flows.push(flow),
                Err(diagnostics) => problems.flows.extend(diagnostics),
            },
            Err(unreadable) => unreadable.tell(&name, Whose::Flow, "", problems),
        }
    }
    flows
}

/// The flow files of a folder, or the file that was named. What a folder holds beside flows is left
/// alone with a word, but for what editors and systems keep there for themselves.
fn flow_files(path: &Path, skipped: &mut Vec<String>) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let shown = path.display();
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let ends_in = |ending: &str| name.to_ascii_lowercase().ends_with(ending);
        if is_left_alone(&name) {
            continue;
        }
        if path.is_dir() {
            skipped.push(format!(
                "{shown}: flows in a folder of the flows are not read: move them up"
            ));
        } else if name.ends_with(".toml") {
            files.push(path);
        } else if ends_in(".toml") {
            skipped.push(format!("{shown} is not read as a flow: its name must end in .toml"));
        }
    }
    skipped.sort();
    Ok(files)
}

/// What editors and systems keep beside the files of a folder: `._a.toml`, `.#a.toml`, `a.toml~`.
#[must_use]
pub fn is_left_alone(name: &str) -> bool {
    name.starts_with(['.', '#']) || name.ends_with('~')
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

/// A language that no voice speaks would be silence.
fn check_voices(config: &Config, flows: &[Flow], problems: &mut Problems) {
    for flow in flows {
        for language in flow.languages() {
            let base = language.split('-').next().unwrap_or(language);
            let speaks = |voice: &String| {
                voice.eq_ignore_ascii_case(language) || voice.eq_ignore_ascii_case(base)
            };
            if !config.voices.keys().any(speaks) {
                let message =
                    format!("flow `{}` speaks `{language}`, which has no voice", flow.name());
                let help =
                    format!("[voices] {language} = {{ engine = \"command\", command = […] }}");
                problems.add_with_help("[voices]", message, help);
            }
        }
    }
}

/// A number that enters two flows would enter either.
fn check_numbers(flows: &[Flow], beside: &[Flow], problems: &mut Problems) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for flow in beside.iter().chain(flows) {
        for number in flow.numbers() {
            if let Some(other) = owners.insert(number, flow.name()) {
                let name = flow.name();
                let message = format!("`{number}` enters flow `{other}` and flow `{name}`");
                problems.add_of(Whose::Flow, "flows", message, "take it out of one of them");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Override;

    /// Loads `files` of a folder, with the demonstration as the configuration.
    fn loaded(files: &[(&str, &str)], more: &[(&str, &str)]) -> Result<Loaded, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("flows")).unwrap();
        for (name, source) in files {
            std::fs::write(folder.path().join(name), source).unwrap();
        }
        // An empty file of its own, so that none in the working directory is read.
        let file = folder.path().join("attendant.toml");
        std::fs::write(&file, "[queues.billing]\n[server]\nflows = \"flows\"\n").unwrap();
        let overrides = more.iter().map(|(key, value)| Override {
            argument: format!("--set {key}"),
            key: (*key).to_owned(),
            value: value.replace("FOLDER", &folder.path().display().to_string()),
        });
        let sources =
            Sources { file: Some(file), overrides: overrides.collect(), ..Sources::default() };
        let shown = |problems: Problems| {
            problems.to_string().replace(&format!("{}/", folder.path().display()), "")
        };
        load(&sources).map_err(shown)
    }

    const HELLO: &str = "[flow]\nnumbers = [\"*\"]\nstart = \"a\"\n[hangup.a]\ntext = \"Bye.\"\n";

    #[test]
    fn the_flows_that_are_shipped_load_with_the_demonstration() {
        let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
        let (demo, layer) = crate::config::demo::make(|bytes| {
            let mut next = 0_u8;
            bytes.fill_with(|| {
                next = next.wrapping_add(7);
                next
            });
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("attendant.toml");
        std::fs::write(&file, &layer.source).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        let overrides = vec![Override {
            argument: "--flows".to_owned(),
            key: "server.flows".to_owned(),
            value: flows.display().to_string(),
        }];
        let sources = Sources { file: Some(file), overrides, ..Sources::default() };
        let loaded = load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(!loaded.flows.is_empty());
        assert_eq!(demo.agents.len(), loaded.config.agents.len());
        assert_eq!(loaded.config.warnings, [""; 0]);
    }

    #[test]
    fn fault_38_the_example_serves_and_says_what_is_missing() {
        let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
        let with_flows = |more: &str| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("attendant.toml");
            std::fs::write(&file, format!("{}\n{more}", crate::config::EXAMPLE)).unwrap();
            let overrides = vec![Override {
                argument: "--flows".to_owned(),
                key: "server.flows".to_owned(),
                value: flows.display().to_string(),
            }];
            let variables = [("ALICE_PASSWORD".to_owned(), "k3v9m2x7c4b8n5q6w1z0".to_owned())];
            let variables = variables.into();
            let sources = Sources { file: Some(file), overrides, variables, ..Sources::default() };
            load(&sources).unwrap_or_else(|problems| panic!("{problems}")).config.warnings
        };
        let missing = with_flows("");
        let said = "no caller can reach this server: name";
        assert!(missing.iter().any(|step| step.contains(said)), "{missing:?}");
        assert!(missing.iter().any(|step| step.contains("add [agents.NAME]")), "{missing:?}");
        let readme = include_str!("../../README.md");
        let written = readme.split("```toml\n").find(|block| block.starts_with("[trunks.lab]"));
        let written = written.and_then(|block| block.split("```").next()).unwrap();
        assert_eq!(with_flows(written), [""; 0]);
    }

    #[test]
    fn fault_39_files_of_editors_are_no_flows_and_others_are_not_passed_over() {
        let broken = "[flow]\nstart =";
        let files = [
            ("flows/a.toml", HELLO),
            ("flows/._a.toml", "\0\u{5}\u{16}\u{7}"),
            ("flows/.#a.toml", broken),
            ("flows/#a.toml#", broken),
            ("flows/a.toml~", broken),
            ("flows/.a.toml.swp", broken),
            ("flows/B.TOML", broken),
            ("flows/README.md", "about"),
        ];
        let loaded = loaded(&files, &[]).unwrap();
        assert_eq!(loaded.flows.len(), 1);
        let warnings = &loaded.config.warnings;
        let said = |text: &str| warnings.iter().filter(|warning| warning.contains(text)).count();
        assert_eq!((said("B.TOML is not read as a flow"), said("a.toml")), (1, 0), "{warnings:?}");
    }

    #[test]
    fn fault_39_a_folder_among_the_flows_is_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("night")).unwrap();
        std::fs::write(folder.path().join("night/a.toml"), HELLO).unwrap();
        std::fs::write(folder.path().join("day.toml"), HELLO).unwrap();
        let (mut warnings, mut problems) = (Vec::new(), Problems::default());
        let paths = [folder.path().to_path_buf()];
        let flows = read_flows(&paths, &Known::anything(), &mut warnings, &mut problems);
        assert_eq!((flows.len(), problems.is_empty()), (1, true));
        assert!(warnings[0].contains("night: flows in a folder"), "{warnings:?}");
    }

    #[test]
    fn without_a_flow_nothing_would_answer() {
        let said = loaded(&[], &[]).unwrap_err();
        assert!(said.contains("there is no flow: nothing would answer a call"), "{said}");
        let said = loaded(&[], &[("server.flows", "FOLDER/none")]).unwrap_err();
        assert!(said.contains("none: cannot be read"), "{said}");
        let said = loaded(&[], &[("server.flows", "FOLDER/none.toml")]).unwrap_err();
        assert_eq!(said, "none.toml: there is no such flow file\n");
    }

    #[test]
    fn flows_may_only_name_what_there_is() {
        let flow = "[flow]\nnumbers = [\"*\"]\nstart = \"a\"\n[queue.a]\nqueue = \"biling\"\n\
                    skills = { tech = 1 }\n";
        let agent = [("agents.carol.address", "sip:carol@192.0.2.20:5060")];
        let said = loaded(&[("flows/a.toml", flow)], &agent).unwrap_err();
        assert!(said.contains("flows/a.toml:5:"), "{said}");
        assert!(said.contains("did you mean `billing`?"), "{said}");
        assert!(said.contains("tech"), "{said}");
    }

    #[test]
    fn a_language_needs_a_voice_and_a_number_one_flow() {
        let spanish = HELLO.replace("start", "languages = [\"en\", \"es\"]\nstart");
        let spanish = spanish.replace("text =", "text.es = \"Adiós.\"\ntext.en =");
        let files = [("flows/a.toml", HELLO), ("flows/b.toml", spanish.as_str())];
        let said = loaded(&files, &[]).unwrap_err();
        assert!(said.contains("flow `b` speaks `es`, which has no voice"), "{said}");
        assert!(said.contains("`*` enters flow `a` and flow `b`"), "{said}");
    }

    #[test]
    fn fields_of_the_directory_are_known_to_flows() {
        let greeting = HELLO.replace("Bye.", "Bye, {{ caller.contract }} customer.");
        let callers = ("callers.csv", "numbers,contract\n+14155550123,gold\n");
        let file = [("callers.file", "FOLDER/callers.csv")];
        let with = loaded(&[("flows/a.toml", &greeting), callers], &file).unwrap();
        assert_eq!(with.directory.len(), 1);
        let said = loaded(&[("flows/a.toml", &greeting)], &[]).unwrap_err();
        assert!(said.contains("contract"), "{said}");
    }

    #[test]
    fn fault_41_a_wrong_file_of_callers_makes_no_flow_wrong() {
        let greeting = HELLO.replace("Bye.", "Bye, {{ caller.contract }} customer.");
        let file = [("callers.file", "FOLDER/callers.csv")];
        let said = loaded(&[("flows/a.toml", &greeting)], &file).unwrap_err();
        assert!(said.contains("callers.csv: cannot be read"), "{said}");
        assert!(!said.contains("a.toml"), "{said}");
        for wrong in ["numbers,contract\n1001,\"gold\n", "numbers,vip\n1001,maybe\n"] {
            let files = [("flows/a.toml", greeting.as_str()), ("callers.csv", wrong)];
            let said = loaded(&files, &file).unwrap_err();
            assert!(said.contains("callers.csv") && !said.contains("a.toml"), "{said}");
        }
    }

    #[test]
    fn music_is_known_by_the_files_there_are() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("music")).unwrap();
        std::fs::write(folder.path().join("music/harp.wav"), b"").unwrap();
        let prompts = folder.path().display().to_string();
        let with = |music: &str| {
            let flow = "[flow]\nnumbers = [\"*\"]\nstart = \"a\"\n\
                        [queue.a]\nqueue = \"billing\"\nmusic = \"MUSIC\"\n";
            let flow = flow.replace("MUSIC", music);
            loaded(&[("flows/a.toml", &flow)], &[("server.prompts", &prompts)])
        };
        for there in ["harp", "default", "ring"] {
            with(there).unwrap_or_else(|said| panic!("{there}: {said}"));
        }
        let said = with("hrap").unwrap_err();
        assert!(said.contains("there is no music `hrap`"), "{said}");
        assert!(said.contains("did you mean `harp`?"), "{said}");
    }

    const QUEUES: &str = "[flow]\nnumbers = [\"*\"]\nstart = \"biling\"\n\
                          [queue.biling]\nskills = { appointments = 1 }\n";

    #[test]
    fn a_queue_that_a_flow_enters_and_none_declares_is_a_warning_and_the_other_way_round() {
        let loaded = loaded(&[("flows/a.toml", QUEUES)], &[]);
        let said = loaded.unwrap().config.warnings.join("\n");
        let entered = "flows/a.toml:4: queue `biling` has no table [queues.biling], and the default \
                       settings: did you mean `billing`?";
        assert!(said.contains(entered), "{said}");
        let declared = "attendant.toml:1: no flow enters queue `billing`: did you mean `biling`?";
        assert!(said.contains(declared), "{said}");
    }

    #[test]
    fn a_skill_that_no_flow_asks_for_is_a_warning() {
        let agents = [
            ("agents.ada.address", "sip:ada@192.0.2.20:5060"),
            ("agents.ada.skills.appointments", "3"),
            ("agents.cora.address", "sip:cora@192.0.2.21:5060"),
            ("agents.cora.skills.appointment", "3"),
        ];
        let said = |flow: &str| {
            let loaded = loaded(&[("flows/a.toml", flow)], &agents);
            loaded.unwrap().config.warnings.join("\n")
        };
        let unasked = "no flow asks for skill `appointment` of agent `cora`: did you mean \
                       `appointments`?";
        let warnings = said(QUEUES);
        assert!(warnings.contains(unasked), "{warnings}");
        assert!(!warnings.contains("of agent `ada`"), "{warnings}");
        let any = QUEUES.replace("appointments = 1", "\"{{ caller.segment }}\" = 1");
        let warnings = said(&any);
        assert!(!warnings.contains("asks for"), "a template may name any: {warnings}");
    }

    #[test]
    fn a_language_of_callers_that_no_flow_speaks_is_a_warning() {
        let callers = ("callers.csv", "numbers,language\n+14155550123,en-GB\n1001,xx\n1002,xx\n");
        let more = [("callers.file", "FOLDER/callers.csv")];
        let warnings = loaded(&[("flows/a.toml", HELLO), callers], &more).unwrap().config.warnings;
        let said: Vec<_> =
            warnings.iter().filter(|warning| warning.contains("no flow speaks")).collect();
        assert_eq!(said.len(), 1, "{warnings:?}");
        assert!(said[0].contains("`xx`"), "{warnings:?}");
    }

    #[test]
    fn a_preferred_agent_who_is_nobody_is_a_warning() {
        let callers = ("callers.csv", "numbers,preferred_agent\n+14155550123,alise\n");
        let more = [("callers.file", "FOLDER/callers.csv")];
        let warnings = loaded(&[("flows/a.toml", HELLO), callers], &more).unwrap().config.warnings;
        let said = "callers.file: the preferred agent `alise` is not in [agents]";
        assert!(warnings.iter().any(|warning| warning.starts_with(said)), "{warnings:?}");
        assert!(!warnings.iter().any(|warning| warning.contains("0123")), "{warnings:?}");
    }
}
