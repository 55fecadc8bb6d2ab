//! From what a flow wants heard to sound that can be sent: read, spoken, kept.
//!
//! **Invariant:** memory is bounded: prompts of the loaded flows have a limit of their own and
//! stay, anything else gives way to what was used later. A prompt's path never leaves the prompts
//! folder.
//!
//! **Deliberately absent:** cleaning the cache on disk. A file there is named by its content, so an
//! old one is only unused; deleting the folder is always safe.

mod successor;

pub use successor::FormerSounds;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use sha2::{Digest, Sha256};

use crate::media::g711::Law;
use crate::media::music;
use crate::media::prompt::Sound;
use crate::media::tts::{VoiceError, Voices};
use crate::media::wav::{self, WavError};
use crate::words::Prompt;

pub struct PromptStore {
    voices: Voices,
    /// Recordings; hold music is in `music/` below it.
    folder: PathBuf,
    /// Where spoken and resampled prompts are kept over a restart.
    cache: Option<PathBuf>,
    /// Whether new ones are kept there.
    keeps: bool,
    kept: Mutex<KeptSounds>,
    /// What answers in place of this one, once the configuration is another.
    successor: RwLock<Option<Arc<PromptStore>>>,
    hold_music: OnceLock<Arc<Sound>>,
    ring: OnceLock<Arc<Sound>>,
    waiting: OnceLock<Arc<Sound>>,
}

#[derive(Default)]
struct KeptSounds {
    sounds: BTreeMap<Prompt, Entry>,
    /// Counts uses: the entry with the smallest number was used longest ago.
    clock: u64,
    pinned_len: usize,
    loose_len: usize,
}

struct Entry {
    sound: Arc<Sound>,
    used: u64,
    pinned: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    #[error("prompt `{path}`: the path must stay inside the prompts folder")]
    Path { path: String },
    #[error("prompt {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("prompt {}: {source}", path.display())]
    Wav { path: PathBuf, source: WavError },
    #[error("cannot say {}: {source}", begin(text))]
    Voice { language: String, text: String, source: VoiceError },
    #[error("cannot say {}: the voice crashed; say it in other words and report this", begin(text))]
    Crashed { language: String, text: String },
    #[error("the flows' prompts need more than {} MiB of memory", PINNED_LEN_MAX >> 20)]
    Full,
}

/// The beginning of a text, for a message about it.
fn begin(text: &str) -> String {
    match text.char_indices().nth(TEXT_SHOWN_MAX) {
        Some((end, _)) => format!("{:?} and {} bytes more", &text[..end], text.len() - end),
        None => format!("{text:?}"),
    }
}

/// Characters of a text that a message about it shows.
const TEXT_SHOWN_MAX: usize = 60;

impl PromptError {
    /// The same without the words, which may be about one caller: for the log of a server that
    /// runs. What a flow says to every caller is logged whole when it is loaded.
    #[must_use]
    pub fn without_words(&self) -> String {
        let text = |text: &str| format!("{} letters", text.chars().count());
        match self {
            Self::Voice { language, text: said, source } => {
                format!("{} of {language} cannot be said: {source}", text(said))
            }
            Self::Crashed { language, text: said } => {
                format!("{} of {language} cannot be said: the voice crashed", text(said))
            }
            Self::Path { .. } | Self::Read { .. } | Self::Wav { .. } | Self::Full => {
                self.to_string()
            }
        }
    }
}

impl PromptStore {
    #[must_use]
    pub fn new(voices: Voices, folder: PathBuf, cache: Option<PathBuf>) -> Self {
        let (kept, successor) = (Mutex::default(), RwLock::default());
        let (hold_music, ring, waiting) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { voices, folder, cache, keeps: true, kept, successor, hold_music, ring, waiting }
    }

    /// The same, without a trace on the disk: what is there is used, and nothing is written.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { keeps: false, ..self }
    }

    /// Renders the static prompts of all flows and keeps them; what was kept for flows that are
    /// gone may be forgotten from now on. Recordings are read again, spoken texts only once.
    /// Blocks: the calling thread works on it, and as many more as the machine runs at once.
    ///
    /// All errors at once; what could be rendered is kept in any case.
    pub fn prepare(&self, prompts: &[Prompt]) -> Vec<PromptError> {
        self.prepare_each(prompts).into_iter().map(|(_, error)| error).collect()
    }

    /// The same; each error with its place in `prompts`.
    pub fn prepare_each(&self, prompts: &[Prompt]) -> Vec<(usize, PromptError)> {
        self.kept().unpin_all();
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(THREADS_MAX));
        let next = AtomicUsize::new(0);
        // Each takes the next one: a long text and a short recording are no equal shares.
        let work = || {
            let mut errors = Vec::new();
            while let Some((at, prompt)) = take(prompts, &next) {
                errors.extend(self.pin(prompt).err().map(|error| (at, error)));
            }
            errors
        };
        let mut errors: Vec<(usize, PromptError)> = std::thread::scope(|scope| {
            let others: Vec<_> =
                (1..threads.min(prompts.len())).map(|_| scope.spawn(work)).collect();
            let mut errors = work();
            errors.extend(others.into_iter().flat_map(|other| other.join().unwrap_or_default()));
            errors
        });
        errors.sort_by_key(|(at, _)| *at);
        errors
    }

    /// A prompt that can be played at once, without reading or speaking.
    #[must_use]
    pub fn ready(&self, prompt: &Prompt) -> Option<Arc<Sound>> {
        if let Prompt::Silence { ms } = prompt {
            return Some(Arc::new(Sound::silence(*ms)));
        }
        if let Some(successor) = self.successor() {
            return successor.ready(prompt);
        }
        self.kept().get(prompt)
    }

    /// Reads or speaks a prompt, unless it is kept already. May take as long as its voice does.
    ///
    /// # Errors
    ///
    /// [`PromptError`] names the file or the text and what is wrong with it.
    pub fn render(&self, prompt: &Prompt) -> Result<Arc<Sound>, PromptError> {
        if let Some(successor) = self.successor() {
            return successor.render(prompt);
        }
        if let Some(sound) = self.ready(prompt) {
            return Ok(sound);
        }
        let sound = self.make(prompt, false)?;
        self.kept().keep(prompt, Arc::clone(&sound));
        Ok(sound)
    }

    /// What a caller hears while a prompt takes its time.
    #[must_use]
    pub fn waiting(&self) -> Arc<Sound> {
        Arc::clone(self.waiting.get_or_init(|| Arc::new(music::waiting())))
    }

    fn pin(&self, prompt: &Prompt) -> Result<(), PromptError> {
        let known = match prompt {
            Prompt::Text { .. } => self.kept().get(prompt),
            // Recordings may have changed, and silence costs nothing.
            Prompt::File { .. } | Prompt::Music { .. } => None,
            Prompt::Silence { .. } => return Ok(()),
        };
        let sound = match known {
            Some(sound) => sound,
            None => self.make(prompt, true)?,
        };
        self.kept().pin(prompt, sound)
    }

    fn make(&self, prompt: &Prompt, on_disk: bool) -> Result<Arc<Sound>, PromptError> {
        match prompt {
            Prompt::Text { language, text } => self.speak(language, text, on_disk),
            Prompt::File { path } => self.recording(Path::new(&**path)),
            Prompt::Music { name } => self.music(name),
            Prompt::Silence { ms } => Ok(Arc::new(Sound::silence(*ms))),
        }
    }

    fn speak(&self, language: &str, text: &str, on_disk: bool) -> Result<Arc<Sound>, PromptError> {
        let (said_in, said) = (|| language.to_owned(), || text.to_owned());
        let failed = |source| PromptError::Voice { language: said_in(), text: said(), source };
        let voice = self.voices.get(language).map_err(failed)?;
        let file = self.cached(&[voice.name().as_bytes(), text.as_bytes()]).filter(|_| on_disk);
        if let Some(ulaw) = file.as_deref().and_then(kept_on_disk) {
            return Ok(Arc::new(Sound::from_ulaw(ulaw)));
        }
        // A voice that panics on some text must not take other calls' prompts with it.
        let pcm = catch_unwind(AssertUnwindSafe(|| voice.render(text)))
            .map_err(|_| PromptError::Crashed { language: said_in(), text: said() })?
            .map_err(failed)?;
        let sound = Sound::from_samples(&pcm.to_8_khz());
        if let Some(file) = file.filter(|_| self.keeps) {
            keep_on_disk(&file, sound.bytes(Law::Mu));
        }
        Ok(Arc::new(sound))
    }

    /// Where the sound that was made of these is kept: the name says all that went into it.
    fn cached(&self, parts: &[&[u8]]) -> Option<PathBuf> {
        let cache = self.cache.as_ref()?;
        let mut hash = Sha256::new();
        for part in [CACHE_VERSION.as_bytes()].iter().chain(parts) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let name: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(cache.join(name).with_extension("ulaw"))
    }

    fn recording(&self, path: &Path) -> Result<Arc<Sound>, PromptError> {
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(PromptError::Path { path: path.display().to_string() });
        }
        let path = self.folder.join(path);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(PromptError::Read { path, source }),
        };
        let recording = match wav::open(&bytes) {
            Ok(recording) => recording,
            Err(source) => return Err(PromptError::Wav { path, source }),
        };
        if recording.lacks() > 0 {
            let (file, lacks) = (path.display(), recording.lacks());
            tracing::warn!(%file, lacks_bytes = lacks, "a prompt is cut off: save it again");
        }
        // Another rate takes long to turn into ours; to know the file again takes a moment.
        let file =
            recording.is_resampled().then(|| self.cached(&[b"", b"recording", &bytes])).flatten();
        if let Some(ulaw) = file.as_deref().and_then(kept_on_disk) {
            return Ok(Arc::new(Sound::from_ulaw(ulaw)));
        }
        let ulaw = recording.to_ulaw();
        if let Some(file) = file.filter(|_| self.keeps) {
            keep_on_disk(&file, &ulaw);
        }
        Ok(Arc::new(Sound::from_ulaw(ulaw)))
    }

    /// `music/<name>.wav`; for some names a built-in sound, where no such file lies.
    fn music(&self, name: &str) -> Result<Arc<Sound>, PromptError> {
        let recorded = self.recording(&Path::new("music").join(format!("{name}.wav")));
        let Err(PromptError::Read { source, .. }) = &recorded else { return recorded };
        if source.kind() != io::ErrorKind::NotFound {
            return recorded;
        }
        let made = |made: &OnceLock<_>, make: fn() -> Sound| {
            Ok(Arc::clone(made.get_or_init(|| Arc::new(make()))))
        };
        match name {
            "default" => made(&self.hold_music, music::hold_music),
            "ring" => made(&self.ring, music::ring),
            "recording_on" => Ok(Arc::new(music::recording_on())),
            "recording_paused" => Ok(Arc::new(music::recording_paused())),
            _ => recorded,
        }
    }

    fn kept(&self) -> MutexGuard<'_, KeptSounds> {
        // Each change is complete before anything in it can panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptSounds {
    fn get(&mut self, prompt: &Prompt) -> Option<Arc<Sound>> {
        let entry = self.sounds.get_mut(prompt)?;
        self.clock += 1;
        entry.used = self.clock;
        Some(Arc::clone(&entry.sound))
    }

    fn unpin_all(&mut self) {
        for entry in self.sounds.values_mut() {
            entry.pinned = false;
        }
        self.loose_len += self.pinned_len;
        self.pinned_len = 0;
    }

    fn pin(&mut self, prompt: &Prompt, sound: Arc<Sound>) -> Result<(), PromptError> {
        self.forget(prompt);
        if self.pinned_len + sound.len() > PINNED_LEN_MAX {
            return Err(PromptError::Full);
        }
        self.pinned_len += sound.len();
        self.insert(prompt, sound, true);
        Ok(())
    }

    fn keep(&mut self, prompt: &Prompt, sound: Arc<Sound>) {
        self.forget(prompt);
        self.loose_len += sound.len();
        self.insert(prompt, sound, false);
        // Bounded: each turn forgets an entry.
        while self.loose_len > LOOSE_LEN_MAX {
            let loose = self.sounds.iter().filter(|(_, entry)| !entry.pinned);
            let Some((oldest, _)) = loose.min_by_key(|(_, entry)| entry.used) else { break };
            let oldest = oldest.clone();
            self.forget(&oldest);
        }
    }

    fn insert(&mut self, prompt: &Prompt, sound: Arc<Sound>, pinned: bool) {
        self.clock += 1;
        self.sounds.insert(prompt.clone(), Entry { sound, used: self.clock, pinned });
    }

    fn forget(&mut self, prompt: &Prompt) {
        let Some(entry) = self.sounds.remove(prompt) else { return };
        let len = if entry.pinned { &mut self.pinned_len } else { &mut self.loose_len };
        *len -= entry.sound.len();
    }
}

/// The next prompt that no other thread has taken, and its place in the list.
fn take<'a>(prompts: &'a [Prompt], next: &AtomicUsize) -> Option<(usize, &'a Prompt)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    prompts.get(at).map(|prompt| (at, prompt))
}

/// A file without sound in it is what a machine that lost its power may leave.
fn kept_on_disk(file: &Path) -> Option<Vec<u8>> {
    fs::read(file).ok().filter(|ulaw| !ulaw.is_empty())
}

/// What cannot be kept is made again at the next start.
fn keep_on_disk(file: &Path, ulaw: &[u8]) {
    if let Err(error) = write_whole(file, ulaw) {
        tracing::warn!(file = %file.display(), %error, "a prompt could not be kept on disk");
    }
}

/// A file is there whole or not at all, even when two processes write it. The folder is for its
/// owner alone, as the state folder around it is, whoever of us comes first.
fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let n = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = file.with_extension(format!("draft-{}-{n}", std::process::id()));
    fs::write(&draft, bytes)?;
    fs::rename(&draft, file)
}

/// Counted, so that no two threads write the same one.
static DRAFTS: AtomicUsize = AtomicUsize::new(0);
/// Changes when the same words from the same voice must be made anew.
const CACHE_VERSION: &str = "1";
/// Bytes of sound the loaded flows may hold: nine hours.
const PINNED_LEN_MAX: usize = 256 << 20;
/// Bytes of sound kept of prompts made for one call: half an hour.
const LOOSE_LEN_MAX: usize = 16 << 20;
const THREADS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tts::Voice;
    use crate::media::wav::Pcm;

    /// Says every byte of a text for a tenth of a second, and counts how often it is asked.
    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Voice for Counter {
        fn name(&self) -> &'static str {
            "counter"
        }

        fn render(&self, text: &str) -> Result<Pcm, VoiceError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            assert!(!text.contains("crash"), "as asked");
            Ok(Pcm { rate_hz: 8_000, samples: vec![100; text.len() * 800] })
        }
    }

    struct World {
        folder: tempfile::TempDir,
        voice: Arc<Counter>,
    }

    impl World {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), voice: Arc::default() }
        }

        fn store(&self) -> PromptStore {
            let mut voices = Voices::default();
            voices.set("en", Arc::clone(&self.voice) as Arc<dyn Voice>);
            let cache = self.folder.path().join("cache");
            PromptStore::new(voices, self.folder.path().join("prompts"), Some(cache))
        }

        /// Writes a recording as another program would.
        fn record(&self, path: &str, sample_rate: u32, samples: i16) {
            let path = self.folder.path().join("prompts").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let sample_format = hound::SampleFormat::Int;
            let spec =
                hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format };
            let mut writer = hound::WavWriter::create(path, spec).unwrap();
            (0..samples).for_each(|n| writer.write_sample(n).unwrap());
            writer.finalize().unwrap();
        }

        /// The files of the cache.
        fn kept(&self) -> Vec<PathBuf> {
            let files = fs::read_dir(self.folder.path().join("cache")).into_iter().flatten();
            files.map(|file| file.unwrap().path()).collect()
        }

        fn spoken(&self) -> usize {
            self.voice.0.load(Ordering::Relaxed)
        }
    }

    fn say(text: &str) -> Prompt {
        Prompt::Text { language: "en".into(), text: text.into() }
    }

    fn file(path: &str) -> Prompt {
        Prompt::File { path: path.into() }
    }

    #[test]
    fn static_prompts_are_spoken_once_and_kept_over_a_restart() {
        let world = World::new();
        let store = world.store();
        assert!(store.ready(&say("hello")).is_none());
        assert!(store.prepare(&[say("hello"), say("goodbye")]).is_empty());
        assert_eq!(store.ready(&say("hello")).unwrap().duration_ms(), 500);
        assert!(store.prepare(&[say("hello")]).is_empty());
        assert_eq!(world.spoken(), 2);
        let again = world.store();
        assert!(again.prepare(&[say("hello"), say("goodbye")]).is_empty());
        assert_eq!(world.spoken(), 2, "read from disk");
        assert_eq!(again.ready(&say("hello")).unwrap().len(), 4_000);
    }

    #[test]
    fn what_was_resampled_is_read_from_disk_until_the_recording_changes() {
        let world = World::new();
        world.record("plain.wav", 8_000, 800);
        world.record("wide.wav", 16_000, 1_600);
        let heard = |path: &str| {
            let store = world.store();
            assert!(store.prepare(&[file(path)]).is_empty());
            store.ready(&file(path)).unwrap().bytes(Law::Mu).to_vec()
        };
        assert_eq!(heard("plain.wav").len(), 800);
        assert!(world.kept().is_empty(), "there was nothing to make");
        let first = heard("wide.wav");
        let [kept] = &world.kept()[..] else { panic!("one file: {:?}", world.kept()) };
        assert_eq!(fs::read(kept).unwrap(), first);
        fs::write(kept, [7; 80]).unwrap();
        assert_eq!(heard("wide.wav"), [7; 80], "it is the file that is heard");
        fs::write(kept, []).unwrap();
        assert_eq!(heard("wide.wav"), first, "an empty file is none");
        world.record("wide.wav", 16_000, 3_200);
        assert_eq!(heard("wide.wav").len(), 1_600);
        assert_eq!(world.kept().len(), 2);
    }

    #[test]
    fn prompts_for_one_call_do_not_go_to_disk() {
        let world = World::new();
        let store = world.store();
        store.render(&say("Hello Maria")).unwrap();
        store.render(&say("Hello Maria")).unwrap();
        assert_eq!(world.spoken(), 1);
        assert!(!world.folder.path().join("cache").exists());
    }

    #[test]
    fn what_was_used_last_stays_and_flows_prompts_always_do() {
        let world = World::new();
        let store = world.store();
        store.prepare(&[say("pinned")]);
        // 800 bytes a letter: about 5 of these fill the loose half hour.
        let long = |n: usize| say(&format!("{n}{}", "x".repeat(4_000)));
        for n in 0..7 {
            store.render(&long(n)).unwrap();
            store.ready(&long(0)).expect("it is used again and again");
        }
        assert!(store.ready(&long(1)).is_none());
        assert!(store.ready(&say("pinned")).is_some());
        assert!(store.kept().loose_len <= LOOSE_LEN_MAX);
    }

    #[test]
    fn all_errors_come_at_once_and_say_where() {
        let world = World::new();
        let store = world.store();
        fs::create_dir_all(world.folder.path().join("prompts")).unwrap();
        fs::write(world.folder.path().join("prompts/bad.wav"), b"nothing").unwrap();
        let spanish = Prompt::Text { language: "es".into(), text: "hola".into() };
        let crash = say("crash");
        let errors = store.prepare(&[
            file("../secret.wav"),
            file("/etc/passwd"),
            file("missing.wav"),
            file("bad.wav"),
            spanish,
            crash,
            say("fine"),
        ]);
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 6, "{texts:#?}");
        assert!(texts[0].contains("must stay inside") && texts[1].contains("must stay inside"));
        assert!(texts[2].contains("missing.wav") && texts[3].contains("not a WAV file"));
        assert!(texts[4].contains("no voice speaks `es`") && texts[5].contains("crashed"));
        assert!(store.ready(&say("fine")).is_some());
    }

    #[test]
    fn default_music_is_always_there_and_a_file_replaces_it() {
        let world = World::new();
        let store = world.store();
        let default = Prompt::Music { name: "default".into() };
        assert!(store.prepare(std::slice::from_ref(&default)).is_empty());
        assert!(store.ready(&default).unwrap().duration_ms() > 20_000);
        for (name, ms) in [("ring", 6_000), ("recording_on", 240), ("recording_paused", 80)] {
            let sound = store.render(&Prompt::Music { name: name.into() }).unwrap();
            assert_eq!(sound.duration_ms(), ms, "{name}");
        }
        assert!(store.render(&Prompt::Music { name: "jazz".into() }).is_err());
        world.record("music/default.wav", 8_000, 800);
        assert!(store.prepare(std::slice::from_ref(&default)).is_empty());
        assert_eq!(store.ready(&default).unwrap().duration_ms(), 100);
    }

    #[test]
    fn fault_23_a_prompt_from_a_pipe_is_heard_and_one_without_sound_is_named() {
        let world = World::new();
        world.record("piped.wav", 8_000, 800);
        let path = world.folder.path().join("prompts/piped.wav");
        let mut bytes = fs::read(&path).unwrap();
        bytes[40..44].fill(0);
        fs::write(&path, &bytes).unwrap();
        let store = world.store();
        assert_eq!(store.render(&file("piped.wav")).unwrap().duration_ms(), 100);
        fs::write(&path, &bytes[..44]).unwrap();
        let errors = world.store().prepare(&[file("piped.wav")]);
        let text = errors[0].to_string();
        assert!(text.contains("piped.wav") && text.contains("no sound"), "{text}");
    }

    #[test]
    fn words_for_one_caller_are_not_in_what_is_logged() {
        let (language, text) = ("en".to_owned(), "Ann owes 40".to_owned());
        let source = VoiceError::TooLong { voice: "v".to_owned(), len: 11 };
        let said = PromptError::Voice { language: language.clone(), text: text.clone(), source };
        for error in [said, PromptError::Crashed { language, text }] {
            assert!(error.to_string().contains("Ann"), "{error}");
            let logged = error.without_words();
            assert!(logged.starts_with("11 letters of en") && !logged.contains("Ann"), "{logged}");
        }
    }
}
