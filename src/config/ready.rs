//! Everything a server needs before it binds anything, or everything that is wrong: what `check`
//! and `serve` both ask, so that the one accepts nothing the other refuses.
//!
//! Read and checked first ([`soundless`]): the configuration, the callers, the flows; the programs
//! of the voices; the numbers that flows dial. Then every sound is made that can be made before the
//! first call, decoded or spoken ([`Soundless::make_beside`]): that takes a while, in which a
//! server can look at what the one before left.
//!
//! **Invariant:** a [`Ready`] is made in one place, for both, of what is right and of sounds that
//! can be heard.
//!
//! **Deliberately absent:** what only a start can show: whether the addresses and ports are free,
//! and whether the state folder and the folder of recordings can be locked and written.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Sources;
use crate::config::load::{Loaded, Read, read_everything};
use crate::config::model::{Config, Voice};
use crate::config::problem::{Problems, Whose};
use crate::config::recording;
use crate::flow::{Diagnostic, Flow, code};
use crate::media::prompt_store::{PromptError, PromptStore};
use crate::media::tts::{self, VoiceError, Voices};
use crate::media::voice_io::{CommandVoice, HttpVoice};
use crate::number::{is_e164, normalize};
use crate::words::Prompt;

/// What is dialed in an emergency: in North America and Europe, in Britain, in Australia, in Japan,
/// in India. It has no country code, and no trunk is given it.
const EMERGENCY: [&str; 9] = ["911", "112", "999", "000", "110", "119", "118", "100", "108"];

/// How long a program or a service may take to speak one prompt.
const VOICE_TIMEOUT: Duration = Duration::from_secs(10);

/// A configuration with all that it leads to.
pub struct Ready {
    pub loaded: Loaded,
    /// With every sound of the flows that can be made before a call.
    pub prompts: Arc<PromptStore>,
}

impl std::fmt::Debug for Soundless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Soundless").field("loaded", &self.loaded).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready").field("loaded", &self.loaded).finish_non_exhaustive()
    }
}

/// Whether what was spoken stays in the state folder for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Yes,
    /// Nothing on the disk is changed.
    No,
}

/// What is right as far as it was read: its sounds are still to be made.
pub struct Soundless {
    pub loaded: Loaded,
    sounds: Sounds,
}

/// Sounds that can be made before a call, and what makes them.
struct Sounds {
    store: PromptStore,
    wanted: Vec<Prompt>,
}

/// Reads, checks and makes everything; with `paths`, the flows of these files and folders instead
/// of the configured ones.
///
/// # Errors
///
/// All that is wrong, at once, each with its place.
pub fn ready(sources: &Sources, paths: &[PathBuf], keep: Keep) -> Result<Ready, Problems> {
    soundless(sources, paths, keep)?.make_beside(|_| ()).0
}

/// The part of [`ready`] that makes no sound.
///
/// # Errors
///
/// All that is wrong, at once, each with its place: where anything is, the sounds are tried as
/// well.
pub fn soundless(sources: &Sources, paths: &[PathBuf], keep: Keep) -> Result<Soundless, Problems> {
    let mut problems = Problems::default();
    let Some(mut read) = read_everything(sources, paths, &mut problems) else {
        return Err(problems);
    };
    let variable = |name: &str| sources.variables.get(name).map(String::as_str);
    let mut sounds = Sounds::none();
    if read.is_configured {
        check_dialed(&mut read, &mut problems);
        recording::check_prompts(&read.config, &read.flows, &mut problems);
        let mute = check_programs(&read, variable("PATH"), &mut problems);
        sounds = Sounds::new(&read, &mute, keep);
        if !problems.is_empty() {
            let flows: Vec<&Flow> = read.flows.iter().collect();
            sounds.make(&read.config, &flows, &mut problems);
        }
    }
    let loaded = read.finish(problems)?;
    Ok(Soundless { loaded, sounds })
}

impl Soundless {
    /// Makes the sounds, while `beside` does what needs none; and what comes of that.
    pub fn make_beside<T>(self, beside: impl FnOnce(&Loaded) -> T) -> (Result<Ready, Problems>, T) {
        let Self { loaded, sounds } = self;
        let mut problems = Problems::default();
        let flows: Vec<&Flow> = loaded.flows.iter().map(AsRef::as_ref).collect();
        let (beside, made) = std::thread::scope(|scope| {
            let making = scope.spawn(|| sounds.make(&loaded.config, &flows, &mut problems));
            let beside = beside(&loaded);
            (beside, making.join())
        });
        made.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if !problems.is_empty() {
            problems.flows.extend(loaded.remarks);
            problems.sort();
            return (Err(problems), beside);
        }
        (Ok(Ready { loaded, prompts: Arc::new(sounds.store) }), beside)
    }
}

impl Sounds {
    fn none() -> Self {
        let store = PromptStore::new(Voices::default(), PathBuf::new(), None);
        Self { store, wanted: Vec::new() }
    }

    /// All but those of voices that are mute.
    fn new(read: &Read, mute: &[String], keep: Keep) -> Self {
        let config = &read.config;
        let mut voices = Voices::default();
        for (language, voice) in &config.voices {
            voices.set(language, spoken_by(voice));
        }
        let cache = config.server.state.join("prompts");
        let mut store = PromptStore::new(voices, config.server.prompts.clone(), Some(cache));
        if keep == Keep::No {
            store = store.read_only();
        }
        let said = |prompt: &Prompt| match prompt {
            Prompt::Text { language, .. } => {
                voice_of(config, language).is_some_and(|name| !mute.contains(name))
            }
            Prompt::File { .. } | Prompt::Music { .. } | Prompt::Silence { .. } => true,
        };
        let before = recording::prompts(config, read.flows.iter());
        let all = read.flows.iter().flat_map(Flow::static_prompts).chain(before.into_keys());
        let mut wanted: Vec<Prompt> = all.filter(said).collect();
        wanted.sort_unstable();
        wanted.dedup();
        Self { store, wanted }
    }

    /// Every static prompt is made before the first call, so that playing one is copying.
    fn make(&self, config: &Config, flows: &[&Flow], problems: &mut Problems) {
        let failed = self.store.prepare_each(&self.wanted);
        let before = recording::prompts(config, flows.iter().copied());
        for (at, error) in &failed {
            if let Some(place) = before.get(&self.wanted[*at]) {
                problems.add_of(Whose::Config, place, error.to_string(), "");
            }
        }
        tell_failed(config, flows, &self.wanted, failed, problems);
    }
}

/// Reports a voice that cannot speak at all once, and whatever is wrong with one sound where a flow
/// names that sound.
fn tell_failed(
    config: &Config,
    flows: &[&Flow],
    wanted: &[Prompt],
    failed: Vec<(usize, PromptError)>,
    problems: &mut Problems,
) {
    let mut by_voice: BTreeMap<(String, String), Vec<(usize, PromptError)>> = BTreeMap::new();
    let mut told = Vec::new();
    for (at, error) in failed {
        let PromptError::Voice { source: VoiceError::Failed { voice, why, .. }, .. } = &error
        else {
            told.push((at, error));
            continue;
        };
        let cause = (voice.clone(), why.clone());
        by_voice.entry(cause).or_default().push((at, error));
    }
    for ((voice, why), group) in by_voice {
        let [(first, PromptError::Voice { source: VoiceError::Failed { fix, .. }, .. }), _, ..] =
            &group[..]
        else {
            told.extend(group);
            continue;
        };
        let Prompt::Text { language, .. } = &wanted[*first] else { continue };
        let place = voice_of(config, language).map_or("[voices]", |name| voice_place(config, name));
        let texts = group.len();
        let message = format!("voice `{voice}`: {why}: {texts} texts cannot be said");
        problems.add_of(Whose::Config, place, message, fix);
    }
    told.sort_by_key(|(at, _)| *at);
    for (at, error) in told {
        let message = error.to_string();
        for flow in flows {
            let Some(place) = flow.place_of(&wanted[at]) else { continue };
            let error = flow.remark_at(&code::SOUND_BROKEN, place, message.clone(), None);
            problems.flows.push(error);
        }
    }
}

/// The language of the voice that speaks this one: its own, or what it is a variant of.
fn voice_of<'a>(config: &'a Config, language: &str) -> Option<&'a String> {
    let mut wanted = language;
    loop {
        let found = config.voices.keys().find(|known| known.eq_ignore_ascii_case(wanted));
        if found.is_some() {
            return found;
        }
        wanted = wanted.rsplit_once('-')?.0;
    }
}

fn spoken_by(voice: &Voice) -> Arc<dyn tts::Voice> {
    match voice {
        Voice::Flite => Arc::new(tts::Flite::default()),
        Voice::Command { command } => Arc::new(CommandVoice::new(command, VOICE_TIMEOUT)),
        Voice::OpenAi { url, voice, model, key } => {
            let key = key.as_ref().map(|key| key.expose());
            Arc::new(HttpVoice::new(url, voice, model, key, VOICE_TIMEOUT))
        }
    }
}

/// Languages of voices whose program is not there, of those that some flow speaks. All that such a
/// voice says may depend on the caller, so that nothing could be tried before the first call.
fn check_programs(read: &Read, path: Option<&str>, problems: &mut Problems) -> Vec<String> {
    let config = &read.config;
    let spoken = read.flows.iter().flat_map(|flow| flow.languages());
    let mut used: Vec<&String> = spoken.filter_map(|it| voice_of(config, it)).collect();
    used.sort_unstable();
    used.dedup();
    let mut mute = Vec::new();
    for language in used {
        let Some(Voice::Command { command }) = config.voices.get(language) else { continue };
        let Some(program) = command.first().filter(|program| !is_there(program, path)) else {
            continue;
        };
        let message = format!("`voices.{language}.command`: there is no program `{program}`");
        let place = voice_place(config, language);
        problems.add_of(Whose::Config, place, message, "install it, or write its whole path");
        mute.push(language.clone());
    }
    mute
}

/// Whether the system would find this program. Without a search path, only a whole path can tell.
fn is_there(program: &str, path: Option<&str>) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    path.is_none_or(|path| std::env::split_paths(path).any(|folder| folder.join(program).is_file()))
}

/// Numbers that are the same for every caller must be some that a trunk or provider may dial. Where
/// none may dial anything that is a warning: a server can be tried before its first trunk.
fn check_dialed(read: &mut Read, problems: &mut Problems) {
    let Read { config, flows, .. } = read;
    let trunks = config.trunks.iter().map(|(name, trunk)| (name, &trunk.prefixes));
    let providers = config.providers.iter().map(|(name, provider)| (name, &provider.prefixes));
    let ways: Vec<(&String, &Vec<String>)> = trunks.chain(providers).collect();
    let any = ways.iter().any(|(_, prefixes)| !prefixes.is_empty());
    let mut warnings = Vec::new();
    for flow in flows.iter() {
        for dialed in flow.dialed() {
            let number = normalize(dialed.to, &config.callers.region).filter(|it| is_e164(it));
            let remark = |code, message: &str, help: String| -> Diagnostic {
                let message = format!("step `{}`: {message}", dialed.step);
                flow.remark_at(code, dialed.place.clone(), message, Some(help))
            };
            let Some(number) = number else {
                let (message, help) = match EMERGENCY.contains(&dialed.to) {
                    true => (
                        "emergency numbers cannot be dialed",
                        "let a `say` name the number to call",
                    ),
                    false => (
                        "this number cannot be dialed",
                        "write it with its country code, as in \"+14155550199\"; short numbers \
                         have none",
                    ),
                };
                problems.flows.push(remark(&code::NOT_DIALABLE, message, help.to_owned()));
                continue;
            };
            let named = |name: &str| dialed.trunk.is_none_or(|trunk| trunk == name);
            let begins = |prefix: &String| number.starts_with(prefix.as_str());
            if ways.iter().any(|(name, it)| named(name) && it.iter().any(begins)) {
                continue;
            }
            if !any {
                let help = "a warning only while no trunk has `prefixes`: every call goes on at \
                            `refused`. Give a trunk its `uri`, and `prefixes` such as [\"+1415\"]";
                let message = "nothing outside can be dialed: no trunk has `prefixes`";
                warnings.push(remark(&code::NOTHING_DIALED, message, help.to_owned()));
                continue;
            }
            let message = match dialed.trunk {
                Some(trunk) => format!("trunk `{trunk}` may not dial this number"),
                None => "no trunk may dial this number".to_owned(),
            };
            let name = dialed.trunk.unwrap_or("NAME");
            let help = format!("add its beginning to `prefixes` of [trunks.{name}]");
            problems.flows.push(remark(&code::DIALED_BY_NOBODY, &message, help));
        }
    }
    if read.demo.is_none() {
        read.remarks.extend(warnings);
    }
}

fn voice_place<'a>(config: &'a Config, language: &str) -> &'a str {
    config.places.get(&format!("voices.{language}")).map_or("[voices]", String::as_str)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const CONFIG: &str = r#"
[server]
flows = "flows"
prompts = "prompts"
state = "state"
[voices]
es = { engine = "command", command = ["no-such-voice", "{text}"] }
[trunks.acme]
uri = "sip:acme.example:5060"
prefixes = ["+4420"]
[agents.alice]
skills = { tech = 5 }
password = "correct horse battery"
"#;

    /// Each with a mistake of its own.
    const FLOWS: [(&str, &str); 5] = [
        ("junk", "[say.a]\ntext = [\"junk.wav\", \"gsm.wav\"]\nnext = \"end\"\n[hangup.end]\n"),
        ("spanish", "[hangup.a]\ntext.en = \"Bye.\"\ntext.es = \"Adiós.\"\n"),
        (
            "outside",
            "[transfer.a]\nto = \"+14155550199\"\nfailed = \"b\"\n\
                     [transfer.b]\nto = \"operator\"\nfailed = \"end\"\n[hangup.end]\n",
        ),
        ("level", "[queue.a]\nskills = { tech = 9 }\n"),
        ("long", "[hangup.a]\ntext = \"LONG\"\n"),
    ];

    struct World(tempfile::TempDir);

    impl World {
        fn new(flows: &[(&str, &str)]) -> Self {
            let world = Self(tempfile::tempdir().unwrap());
            for folder in ["flows", "prompts"] {
                std::fs::create_dir(world.path(folder)).unwrap();
            }
            world.write("attendant.toml", CONFIG.as_bytes());
            world.write("prompts/junk.wav", b"<html>not found</html>");
            let mut gsm = b"RIFF\0\0\0\0WAVEfmt \x14\0\0\0\x31\0\x01\0\x40\x1f\0\0".to_vec();
            gsm.extend(b"\x59\x06\0\0\x41\0\0\0\x02\0\x40\x01data\x04\0\0\0abcd");
            world.write("prompts/gsm.wav", &gsm);
            for (at, (name, steps)) in flows.iter().enumerate() {
                let spanish = "languages = [\"en\", \"es\"]\n";
                let languages = if *name == "spanish" { spanish } else { "" };
                let head = format!("[flow]\nnumbers = [\"60{at}\"]\nstart = \"a\"\n{languages}");
                let steps = steps.replace("LONG", &"a word ".repeat(600));
                world.write(&format!("flows/{name}.toml"), format!("{head}{steps}").as_bytes());
            }
            world
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, bytes: &[u8]) {
            std::fs::write(self.path(name), bytes).unwrap();
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(self.path(name), mode).unwrap();
        }

        /// What is said of these files, or of all.
        fn told(&self, files: &[&str], keep: Keep) -> (String, Option<Whose>) {
            let variables = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
            let file = Some(self.path("attendant.toml"));
            let sources = Sources { file, variables, ..Sources::default() };
            let files: Vec<PathBuf> = files.iter().map(|name| self.path(name)).collect();
            match ready(&sources, &files, keep) {
                Ok(ready) => (ready.loaded.config.warnings.join("\n"), None),
                Err(problems) => {
                    let folder = format!("{}/", self.0.path().display());
                    (problems.to_string().replace(&folder, ""), Some(problems.whose()))
                }
            }
        }
    }

    #[test]
    fn fault_33_check_and_serve_are_told_all_at_once_and_the_same() {
        let world = World::new(&FLOWS);
        let (said, whose) = world.told(&[], Keep::No);
        for wrong in [
            "flows/junk.toml:5:9",
            "flows/junk.toml:5:21",
            "not a WAV file",
            "`voices.es.command`: there is no program `no-such-voice`",
            "attendant.toml:7",
            "flows/outside.toml:5:6",
            "no trunk may dial this number",
            "flows/outside.toml:8:6",
            "this number cannot be dialed",
            "no agent has `tech` at 9, the best has 5",
            "flows/long.toml:5:8",
            "4200 bytes long",
        ] {
            assert!(said.contains(wrong), "{wrong} is not in:\n{said}");
        }
        assert_eq!(whose, Some(Whose::Config));
        assert!(!world.path("state").exists(), "a check leaves no trace");
        assert_eq!(world.told(&[], Keep::Yes), (said.clone(), whose));
        // A file alone is held against the same configuration.
        for (name, _) in FLOWS {
            let file = format!("flows/{name}.toml");
            let (alone, _) = world.told(&[&file], Keep::No);
            assert!(!alone.is_empty(), "{name}");
            for line in alone.lines().filter(|line| line.contains("error[")) {
                assert!(said.contains(line), "{line} is not in:\n{said}");
            }
        }
    }

    #[test]
    fn fault_33_where_nothing_can_be_dialed_that_is_a_warning() {
        let transfer = "[transfer.a]\nto = \"+14155550199\"\nfailed = \"end\"\n[hangup.end]\n";
        let world = World::new(&[("outside", transfer)]);
        let (said, whose) = world.told(&[], Keep::No);
        assert!(said.contains("no trunk may dial this number"), "{said}");
        assert_eq!(whose, Some(Whose::Flow));
        let none = CONFIG.replace("prefixes = [\"+4420\"]\n", "");
        world.write("attendant.toml", none.as_bytes());
        let (said, whose) = world.told(&[], Keep::No);
        assert_eq!(whose, None, "{said}");
        for words in
            ["nothing outside can be dialed", "a warning only", "its `uri`, and `prefixes`"]
        {
            assert!(said.contains(words), "{words} is not in:\n{said}");
        }
    }

    #[test]
    fn fault_33_a_number_of_two_flows_is_found_from_either_file() {
        let hello = "[hangup.a]\ntext = \"Hello.\"\n";
        let world = World::new(&[("one", hello), ("two", hello)]);
        let two = format!("[flow]\nnumbers = [\"600\"]\nstart = \"a\"\n{hello}");
        world.write("flows/two.toml", two.as_bytes());
        for files in [&[][..], &["flows/one.toml"], &["flows/two.toml"]] {
            let (said, whose) = world.told(files, Keep::No);
            assert!(said.contains("`600` enters flow `"), "{files:?}: {said}");
            assert_eq!(whose, Some(Whose::Flow));
        }
        // A draft outside the folder harms nothing.
        world.write("draft.toml", two.as_bytes());
        assert_eq!(world.told(&["draft.toml"], Keep::No), (String::new(), None));
    }

    #[test]
    fn what_is_said_before_a_recording_is_made_and_there_for_every_flow() {
        let queue = "[queue.a]\nqueue = \"billing\"\n";
        let world = World::new(&[("one", queue)]);
        let told = |prompt: &str| {
            let queue = format!("[queues.billing]\nrecording = \"always\"\n{prompt}\n");
            world.write("attendant.toml", format!("{CONFIG}{queue}").as_bytes());
            world.told(&[], Keep::No)
        };
        let (said, whose) = told("recording_prompt = [\"junk.wav\", \"none.wav\"]");
        assert_eq!(whose, Some(Whose::Config), "{said}");
        for wrong in ["attendant.toml:16", "junk.wav", "not a WAV file", "none.wav"] {
            assert!(said.contains(wrong), "{wrong} is not in:\n{said}");
        }
        let (said, _) = told("recording_prompt = { es = \"Se graba.\" }");
        let wrong = "callers of flow `one` would be recorded unasked: it has no `en`";
        assert!(said.contains(wrong), "{said}");
        let (said, whose) = told("recording_prompt = { en = \"Recorded.\" }");
        assert_eq!(whose, None, "{said}");
    }

    #[test]
    fn fault_41_the_exit_code_says_whose_mistake_it_is() {
        let world = World::new(&[("one", "[hangup.a]\ntext = \"Hello.\"\n")]);
        assert_eq!(world.told(&["flows/none.toml"], Keep::No).1, Some(Whose::File));
        world.write("flows/latin.toml", b"[flow]\n# Adi\xf3s\n");
        let (said, whose) = world.told(&[], Keep::No);
        let wrong = "flows/latin.toml:2: is not UTF-8: byte 0xf3";
        assert!(said.contains(wrong), "{said}");
        assert_eq!(whose, Some(Whose::Flow));
    }

    #[test]
    fn fault_33_one_text_is_as_long_as_a_voice_says() {
        assert_eq!(crate::flow::SPEECH_LEN_MAX, tts::TEXT_LEN_MAX);
    }
}
