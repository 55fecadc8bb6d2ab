//! The configuration again, while calls are up: read and checked whole beside the driver, then
//! given to it at once.
//!
//! ```text
//!   SIGHUP · POST /v1/reload · files changed
//!            │
//!   thread: read, check, speak ─► keep names and setup ─► driver: one turn ─► tokens, look-ups
//!            │ wrong: all that is, and nothing changes
//! ```
//!
//! **Invariant:** what is wrong changes nothing. A setup is on the disk before the journal names
//! it, its sounds are made before a call can hear of them, and its threads and its port are there
//! before anybody goes by it: where the system gives none, nothing has changed. One reload at a
//! time.
//!
//! **Deliberately absent:** what is bound: addresses, ports, threads. Such keys are named, and hold
//! with the next start. The door for providers opens with the first of them, and stays open.

mod changes;
mod people;
mod sounds;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::api::{
    Api, NotReloaded, ReloadHandle, ReloadRequest, ReloadState, Reloaded, RunningConfig,
};
use crate::ask::io::AskRules;
use crate::call::Directory;
use crate::center::names::{Names, NamesError};
use crate::center::{Setup, Snapshot};
use crate::config::{self, Cidr, Config, Keep, Loaded, Phone, Ready, Sources};
use crate::flow::Flow;
use crate::id::AgentId;
use crate::media::prompt_store::{FormerSounds, PromptStore};
use crate::server::banner;
use crate::server::clock::Clock;
use crate::server::providers::{self, Door, OpenDoor, ProviderChange};
use crate::server::resolver::{Resolved, Resolver};
use crate::server::resume::NewSetup;
use crate::server::seed::random_seed;
use crate::server::setup;
use crate::sip_front::SipChange;
use crate::store::{self, KeptSetup};

use changes::{Change, Known};
use sounds::SoundFiles;
use watch::{FileWatch, FilesStamp};

/// How often the files are looked at. A change is taken once they were the same twice.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Reloads on their way: there is one at a time.
const REQUESTS_MAX: usize = 1;

/// What the driver is asked by a reload.
pub(super) struct SwapRequest {
    pub(super) swap: Box<Swap>,
    /// The sounds of before are given back, and let go outside the driver.
    pub(super) reply: oneshot::Sender<Result<FormerSounds, SwapRefused>>,
}

/// Why the driver goes on as before.
#[derive(Debug, Error)]
pub(super) enum SwapRefused {
    #[error("{0}")]
    Names(#[from] NamesError),
    #[error("the system gives no thread that asks services: {0}")]
    Asks(io::Error),
}

/// The store that is asked for sounds, and the one that answers from now on.
pub(super) struct PromptChange {
    pub(super) now: Arc<PromptStore>,
    pub(super) next: Arc<PromptStore>,
}

/// Everything that the driver has of a configuration, and is another from now on.
pub(super) struct Swap {
    pub(super) new: NewSetup,
    pub(super) prompts: PromptChange,
    pub(super) sip: SipChange,
    pub(super) providers: ProviderChange,
    /// Whom flows may ask.
    pub(super) asks: AskRules,
    /// Telephones that never register, and came or went with the configuration.
    pub(super) reachable: Vec<(AgentId, bool)>,
    pub(super) drain_timeout: Duration,
    pub(super) calls_max: usize,
}

/// What of a running center a change may concern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Up {
    /// Live calls by flow.
    pub(super) flows: BTreeMap<String, usize>,
    /// Calls that wait, by queue.
    pub(super) queues: BTreeMap<String, usize>,
    /// Agents on a call.
    pub(super) agents: BTreeSet<String>,
}

impl Up {
    fn of(snapshot: Snapshot) -> Self {
        let mut up = Self::default();
        for flow in snapshot.calls.into_iter().filter_map(|call| call.flow) {
            *up.flows.entry(flow).or_default() += 1;
        }
        for queue in snapshot.queues.into_iter().filter(|queue| queue.waiting > 0) {
            up.queues.insert(queue.name, queue.waiting);
        }
        let on_a_call = snapshot.agents.into_iter().filter(|agent| agent.call.is_some());
        up.agents.extend(on_a_call.map(|agent| agent.name));
        up
    }
}

/// What a reload begins with.
pub(super) struct ReloadSetup {
    pub(super) sources: Sources,
    /// Of the run: what is bound by it is in it.
    pub(super) config: Config,
    pub(super) flows: Vec<Arc<Flow>>,
    pub(super) directory: Arc<Directory>,
    pub(super) names: Names,
    /// The run of the journal.
    pub(super) run: u64,
    pub(super) is_demo: bool,
    pub(super) api: Api,
    pub(super) door: Door,
    pub(super) prompts: Arc<PromptStore>,
    pub(super) clock: Clock,
    pub(super) swaps: mpsc::Sender<SwapRequest>,
    /// Where found addresses of trunks go.
    pub(super) found: mpsc::Sender<Resolved>,
    pub(super) resolver: Resolver,
}

/// Ends its thread when it is dropped.
pub(super) struct Reloading {
    pub(super) handle: ReloadHandle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reloading {
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn start(setup: ReloadSetup) -> io::Result<Self> {
        let (tx, requests) = mpsc::channel(REQUESTS_MAX);
        let running = RunningConfig {
            version: setup.config.digest.clone(),
            since: setup.clock.now(),
            by: "start".to_owned(),
            files_differ: false,
            differs: Vec::new(),
            refused: None,
            needs_restart: Vec::new(),
        };
        let handle = ReloadHandle { tx, state: Arc::new(ReloadState::new(running)) };
        setup.api.set_reloads(handle.clone());
        let (stop, stopped) = oneshot::channel();
        let mut reloader = Reloader::new(setup, Arc::clone(&handle.state));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || runtime.block_on(reloader.run(requests, stopped)))?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}

struct Reloader {
    setup: ReloadSetup,
    state: Arc<ReloadState>,
    watch: FileWatch,
    /// Of the prompts folder when it was read last.
    sounds: SoundFiles,
    /// The files that were read last, as they were before.
    read: FilesStamp,
    /// What was said of files that were refused: it is said once.
    refused: Option<String>,
}

impl Reloader {
    fn new(setup: ReloadSetup, state: Arc<ReloadState>) -> Self {
        let watch = FileWatch::new(&setup.sources, &setup.config);
        let (read, sounds) = (FilesStamp::default(), SoundFiles::default());
        Self { setup, state, watch, sounds, read, refused: None }
    }

    async fn run(
        &mut self,
        mut requests: mpsc::Receiver<ReloadRequest>,
        mut stopped: oneshot::Receiver<()>,
    ) {
        self.read = self.watch.look();
        self.sounds = SoundFiles::of(&self.setup.config.server.prompts);
        // What was seen last: a change is taken once it has come to rest.
        let mut seen = self.read.clone();
        loop {
            let heard = tokio::select! {
                _ = &mut stopped => return,
                heard = tokio::time::timeout(LOOK_EVERY, requests.recv()) => heard,
            };
            match heard {
                Ok(None) => return,
                Ok(Some(request)) => self.take(request).await,
                Err(_) => {
                    let now = self.watch.look();
                    let rests = now == seen;
                    seen = now;
                    if rests && seen != self.read {
                        self.files_changed(&seen).await;
                    }
                }
            }
            self.read_as_wished().await;
        }
    }

    /// A signal that came during a reload may be about what was edited since.
    async fn read_as_wished(&mut self) {
        if !self.state.is_wished.load(Ordering::Acquire)
            || self.state.is_busy.swap(true, Ordering::AcqRel)
        {
            return; // a request that came in between is taken first, and the wish stays
        }
        self.state.is_wished.store(false, Ordering::Release);
        let (dry_run, by, reply) = (false, "signal".to_owned(), None);
        self.take(ReloadRequest { dry_run, by, reply }).await;
    }

    async fn take(&mut self, ReloadRequest { dry_run, by, reply }: ReloadRequest) {
        if !dry_run {
            self.read = self.watch.look();
        }
        let answer = self.reload(dry_run, &by).await;
        self.state.is_busy.store(false, Ordering::Release);
        self.say(&by, &answer);
        if let Some(reply) = reply {
            // Who is not waited for any more is dropped.
            let _ = reply.send(answer.map(ReadFiles::answer));
        }
    }

    /// The files have changed and are at rest.
    async fn files_changed(&mut self, now: &FilesStamp) {
        if !self.setup.config.server.reload_on_change || self.setup.is_demo {
            self.read.clone_from(now);
            let read = self.try_reload(true).await;
            return self.differs(&read);
        }
        if self.state.is_busy.swap(true, Ordering::AcqRel) {
            return; // a request comes first, and reads them as well
        }
        self.read.clone_from(now);
        let answer = self.reload(false, "file_change").await;
        self.state.is_busy.store(false, Ordering::Release);
        self.say("file_change", &answer);
    }

    /// What a reload would change, for who looks at the configuration.
    fn differs(&self, read: &Result<ReadFiles, NotReloaded>) {
        self.state.update(|running| match read {
            Ok(ReadFiles { changes, needs_restart, .. }) => {
                running.differs = masked(changes);
                running.needs_restart.clone_from(needs_restart);
                running.files_differ = !changes.is_empty() || !needs_restart.is_empty();
                running.refused = None;
            }
            Err(why) => {
                running.differs.clear();
                running.files_differ = true;
                running.refused = Some(why.to_string());
            }
        });
    }

    /// Says what came of it; of the same refusal once.
    fn say(&mut self, by: &str, read: &Result<ReadFiles, NotReloaded>) {
        match read {
            Ok(ReadFiles { dry_run: true, .. }) => {}
            Ok(ReadFiles { changes, needs_restart, version, .. }) => {
                self.refused = None;
                let (changed, later) = (masked(changes).join("; "), needs_restart.join(", "));
                tracing::info!(by, version, changed, needs_restart = later, "reloaded");
            }
            Err(why) => {
                let why = why.to_string();
                if self.refused.as_ref() != Some(&why) {
                    // In the text: a field would stand alone behind its last line.
                    tracing::warn!("nothing is reloaded ({by}): {}", why.trim_end());
                }
                self.refused = Some(why);
            }
        }
    }

    async fn reload(&mut self, dry_run: bool, by: &str) -> Result<ReadFiles, NotReloaded> {
        let result = self.try_reload(dry_run).await;
        if dry_run {
            return result;
        }
        self.differs(&result);
        if let Ok(read) = &result {
            self.state.update(|running| {
                if running.version != read.version || !read.changes.is_empty() {
                    running.since = self.setup.clock.now();
                    by.clone_into(&mut running.by);
                }
                running.version.clone_from(&read.version);
                // It holds now; what needs a restart is all that is left.
                running.differs.clear();
                running.files_differ = !read.needs_restart.is_empty();
            });
        }
        result
    }

    async fn try_reload(&mut self, dry_run: bool) -> Result<ReadFiles, NotReloaded> {
        if self.setup.is_demo {
            return Err(NotReloaded::Demonstration);
        }
        let keep = if dry_run { Keep::No } else { Keep::Yes };
        let ready = config::ready(&self.setup.sources, &[], keep);
        let ready = ready.map_err(|problems| NotReloaded::Refused(problems.to_string()))?;
        let Ready { loaded: Loaded { config: read, flows, directory, .. }, prompts } = ready;
        let is_open = self.setup.door.is_open();
        let needs_restart = changes::needs_restart(&self.setup.config, &read, is_open);
        let config = changes::effective(&self.setup.config, &read, is_open);
        providers::check(&config).map_err(|why| NotReloaded::Refused(why.to_string()))?;
        let mut setup = setup::center(&config, flows, directory);
        setup.names.clone_from(&self.setup.names);
        setup.complete();
        setup.names.check().map_err(|error| NotReloaded::Refused(error.to_string()))?;
        let sounds = SoundFiles::of(&config.server.prompts);
        let config = Config { digest: read.digest.clone(), ..config };
        let new = New { config, setup, sounds };
        let up = self.setup.api.snapshot().await.map(Up::of).unwrap_or_default();
        let changes = {
            let ReloadSetup { config, flows, directory, .. } = &self.setup;
            let old = Known { config, flows, directory, sounds: &self.sounds };
            let (config, flows, directory) = (&new.config, &new.setup.flows, &new.setup.directory);
            let sounds = &new.sounds;
            changes::changed(&old, &Known { config, flows, directory, sounds }, &up, is_open)
        };
        let (version, warnings) = (read.digest, read.warnings);
        if !dry_run {
            self.begin(new, prompts).await?;
        }
        Ok(ReadFiles { dry_run, version, changes, needs_restart, warnings })
    }

    /// All of it begins, or nothing.
    async fn begin(&mut self, new: New, prompts: Arc<PromptStore>) -> Result<(), NotReloaded> {
        let New { config, setup, sounds } = new;
        let (names, flows, directory) =
            (setup.names.clone(), setup.flows.clone(), Arc::clone(&setup.directory));
        let Prepared { providers, opened, resolver } = self.prepare(&config, &names)?;
        let setup = self.keep(setup)?;
        let now = Arc::clone(&self.setup.prompts);
        let prompts = PromptChange { now, next: prompts };
        let swap = self.swap(&config, &names, setup, prompts, providers);
        drop(self.ask(Box::new(swap)).await?);
        self.begin_door(&config, &flows, opened);
        resolver.begin();
        self.setup.resolver = resolver;
        let tokens = setup::tokens(&config);
        self.setup.api.set_tokens(&setup::api(&config, &tokens));
        drop(tokens);
        self.sounds = sounds;
        let known = &mut self.setup;
        (known.config, known.names, known.flows, known.directory) =
            (config, names, flows, directory);
        Ok(())
    }

    /// What the system may refuse.
    fn prepare(&self, config: &Config, names: &Names) -> Result<Prepared, NotReloaded> {
        let refused = |what| move |error| NotReloaded::NoThread { what, why: format!("{error}") };
        let door = &self.setup.door;
        let listener = match door.is_open() {
            true => None,
            false => {
                providers::bind(config).map_err(|why| NotReloaded::Refused(why.to_string()))?
            }
        };
        let found = self.setup.found.clone();
        let resolver = random_seed().and_then(|seed| Resolver::start(config, seed, found));
        Ok(Prepared {
            providers: door.change(config, names).map_err(refused("commands to providers"))?,
            opened: door.open(config, listener).map_err(refused("requests of providers"))?,
            resolver: resolver.map_err(refused("look-ups of trunks' hosts"))?,
        })
    }

    /// Brings names and setup to the disk, where the journal may name them.
    fn keep(&self, setup: Setup) -> Result<NewSetup, NotReloaded> {
        let folder = &self.setup.config.server.state;
        let kept = KeptSetup::of(&setup);
        let written = store::keep_names(folder, setup.node, &setup.names)
            .and_then(|()| kept.keep(folder, self.setup.run));
        written.map_err(|error| NotReloaded::Unwritten(error.to_string()))?;
        Ok(NewSetup { setup, digest: kept.digest })
    }

    /// Providers come from now on, with the secrets of this configuration.
    fn begin_door(&mut self, config: &Config, flows: &[Arc<Flow>], opened: Option<OpenDoor>) {
        let door = &mut self.setup.door;
        let was_open = door.is_open();
        door.begin(config, opened);
        if !was_open {
            door.show_counts(&self.setup.api);
        }
        let before = door.links(&self.setup.config);
        let mut new = door.links(config);
        new.retain(|name, _| !before.contains_key(name));
        if !new.is_empty() {
            let flows = flows.iter().map(|flow| &**flow);
            let text = banner::providers(config, flows, &new);
            // An operator who closed the output does not want it.
            let _ = io::stdout().lock().write_all(text.as_bytes());
        }
    }

    fn swap(
        &self,
        config: &Config,
        names: &Names,
        new: NewSetup,
        prompts: PromptChange,
        providers: ProviderChange,
    ) -> Swap {
        let networks = |trunk: &config::Trunk| {
            let networks = trunk.media_addresses.iter().map(Cidr::range).collect();
            (trunk.name.clone(), networks)
        };
        let sip = SipChange {
            trunks: config.trunks.values().map(setup::trunk).collect(),
            phones: setup::phones(config, names),
            media_networks: config.trunks.values().map(networks).collect(),
            outside: setup::outside(config, names),
            has_handoffs: !config.providers.is_empty(),
        };
        let before = &self.setup.config;
        let is_elsewhere = |config: &Config, name: &str| match config.agent(name)?.phone {
            Phone::Outside { .. } | Phone::Client { .. } => Some(()),
            Phone::Registers { .. } | Phone::Fixed { .. } => None,
        };
        let reachable = names.agents.iter().zip((0..).map(AgentId)).filter_map(|(name, id)| {
            let was = is_elsewhere(before, name).is_some();
            let is = is_elsewhere(config, name).is_some();
            (was != is).then_some((id, is))
        });
        Swap {
            new,
            prompts,
            sip,
            providers,
            asks: setup::ask_rules(config),
            reachable: reachable.collect(),
            drain_timeout: config.server.drain_timeout,
            calls_max: config.server.calls_max,
        }
    }

    async fn ask(&self, swap: Box<Swap>) -> Result<FormerSounds, NotReloaded> {
        let gone = || NotReloaded::Unwritten("the server ends".to_owned());
        let (reply, answer) = oneshot::channel();
        let sent = self.setup.swaps.send(SwapRequest { swap, reply }).await;
        sent.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?.map_err(|refused| match refused {
            SwapRefused::Names(error) => NotReloaded::Refused(error.to_string()),
            SwapRefused::Asks(error) => {
                NotReloaded::NoThread { what: "look-ups of flows", why: error.to_string() }
            }
        })
    }
}

/// What was read, as far as it can begin now.
struct New {
    config: Config,
    setup: Setup,
    sounds: SoundFiles,
}

/// What a configuration needs of the system. Dropped, nothing of it has begun.
struct Prepared {
    providers: ProviderChange,
    /// Where the first provider comes.
    opened: Option<OpenDoor>,
    resolver: Resolver,
}

/// Files that were read, and what they change or would change.
struct ReadFiles {
    dry_run: bool,
    version: String,
    changes: Vec<Change>,
    needs_restart: Vec<String>,
    warnings: Vec<String>,
}

impl ReadFiles {
    /// For an administrator.
    fn answer(self) -> Reloaded {
        let Self { dry_run, version, changes, needs_restart, warnings } = self;
        let changed = changes.into_iter().map(|change| change.text).collect();
        Reloaded { dry_run, version, changed, needs_restart, warnings }
    }
}

/// Without what only administrators see.
fn masked(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| change.masked().to_owned()).collect()
}

/// Wishes of a signal: no client waits for the answer.
pub(super) fn wish(handle: &ReloadHandle) {
    if handle.state.is_busy.swap(true, Ordering::AcqRel) {
        handle.state.is_wished.store(true, Ordering::Release);
        return tracing::info!("SIGHUP: the configuration is being read, and then once more");
    }
    tracing::info!("SIGHUP: the configuration is read again");
    let request = ReloadRequest { dry_run: false, by: "signal".to_owned(), reply: None };
    if handle.tx.try_send(request).is_err() {
        handle.state.is_busy.store(false, Ordering::Release);
    }
}
