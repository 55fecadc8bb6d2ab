//! The way from providers to the driver and back: their server, the sounds they fetch, the threads
//! that tell them something.
//!
//! **Invariant:** before a provider is in the configuration nothing of this runs, and no port is
//! bound. Then the door stays open: calls of a provider that was taken out end as they began.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::mpsc;

use crate::api::Api;
use crate::center::names::Names;
use crate::config::{self, Config, Phone};
use crate::id::AgentId;
use crate::media::g711::Law;
use crate::media::prompt_store::PromptStore;
use crate::media::wav;
use crate::server::clock::Clock;
use crate::server::setup;
use crate::server::start_error::StartError;
use crate::server::tasks::{HttpThread, one_of};
use crate::store;
use crate::webhook::calls::{ProviderCallsSetup, ProviderSetup};
use crate::webhook::document::Callee;
use crate::webhook::front::{ProviderFront, Way};
use crate::webhook::io::rest::{COMMANDS_MAX, Rest, RestSite};
use crate::webhook::io::{
    Around, Settings, Site, Sounds, WEBHOOKS_MAX, WebhookBatch, WebhookServer,
};
use crate::webhook::provider::{Keys, Provider};
use crate::webhook::rest::{Account, RestResult};
use crate::webhook::{Links, RenderContext, provider};
use crate::words::{Digit, Prompt};

/// What the driver needs of providers.
pub(super) struct Providers {
    pub(super) front: ProviderFront,
    pub(super) webhooks: mpsc::Receiver<WebhookBatch>,
    pub(super) rest_results: mpsc::Receiver<RestResult>,
    pub(super) rest: Option<Rest>,
    /// Ends with this value.
    pub(super) door: Door,
}

/// What becomes another for the driver with a configuration that was read again.
pub(super) struct ProviderChange {
    pub(super) setup: ProviderCallsSetup,
    pub(super) ways: BTreeMap<&'static str, Way>,
    /// The way of commands, where none was needed before.
    pub(super) rest: Option<Rest>,
    pub(super) accounts: Vec<RestSite>,
    /// Providers that are in the configuration no more, and go on with the calls they have.
    pub(super) former: BTreeSet<&'static str>,
}

/// Why there is no door for providers.
#[derive(Debug, Error)]
pub enum DoorError {
    #[error("cannot listen on {0}: {1}: `webhooks.listen` names the address")]
    Listen(SocketAddr, io::Error),
    #[error("[providers.{0}] is not in this build: take it out of the configuration")]
    Unknown(String),
}

/// The door for providers, and what it is made of when it is opened later.
pub(super) struct Door {
    clock: Clock,
    /// Signs our addresses, over restarts.
    key: [u8; 32],
    prompts: Arc<PromptStore>,
    webhooks: mpsc::Sender<WebhookBatch>,
    results: mpsc::Sender<RestResult>,
    has_rest: bool,
    known: BTreeSet<&'static str>,
    open: Option<OpenDoor>,
}

/// Bound, with the threads behind it. Without sites it knows no provider.
pub(super) struct OpenDoor {
    server: WebhookServer,
    /// Ends with this value.
    _thread: HttpThread,
}

/// The door for providers, where there is one.
pub(super) fn open_door(
    config: &Config,
    names: &Names,
    clock: Clock,
    prompts: &Arc<PromptStore>,
) -> Result<Providers, StartError> {
    // The links that a provider was given before a restart hold after it.
    let key = store::secret_key(&config.server.state, "webhook.key")?;
    let door = bind(config)?;
    Ok(start(config, names, (clock, key), prompts, door)?)
}

/// Starts what the configuration names; `listener` is bound, if there is a provider.
fn start(
    config: &Config,
    names: &Names,
    (clock, key): (Clock, [u8; 32]),
    prompts: &Arc<PromptStore>,
    listener: Option<TcpListener>,
) -> io::Result<Providers> {
    let (webhook_sender, webhooks) = mpsc::channel(WEBHOOKS_MAX);
    let (result_sender, rest_results) = mpsc::channel(COMMANDS_MAX);
    let mut door = Door {
        clock,
        key,
        prompts: Arc::clone(prompts),
        webhooks: webhook_sender,
        results: result_sender,
        has_rest: false,
        known: BTreeSet::new(),
        open: None,
    };
    let ProviderChange { setup, ways, rest, .. } = door.change(config, names)?;
    let opened = door.open(config, listener)?;
    door.begin(config, opened);
    let front = ProviderFront::new(setup, ways);
    Ok(Providers { front, webhooks, rest_results, rest, door })
}

impl Door {
    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What comes through it is in the metrics of the HTTP interface.
    pub(super) fn show_counts(&self, api: &Api) {
        let Some(open) = &self.open else { return };
        let counts = open.server.counts();
        api.add_metrics(Box::new(move || counts.prometheus()));
    }

    /// The addresses of each provider.
    pub(super) fn links(&self, config: &Config) -> BTreeMap<&'static str, Links> {
        let links = |(of, provider): &KnownProvider<'_>| {
            (provider.name(), links_of(of, *provider, base(config), self.key))
        };
        known(config).iter().map(links).collect()
    }

    /// What the driver takes of this configuration, with the threads that send commands, where none
    /// were sent before.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn change(&self, config: &Config, names: &Names) -> io::Result<ProviderChange> {
        let known = known(config);
        let accounts = accounts(&known);
        let rest = match accounts.is_empty() || self.has_rest {
            true => None,
            false => Some(self.start_rest(accounts.clone())?),
        };
        let ways = known.iter().map(|(of, provider)| {
            let context = site(of, *provider, base(config), self.key).context;
            let way = match provider.commanded() {
                Some(make) => Way::Commands(make(context, config.webhooks.music_piece)),
                None => Way::Documents(context.links),
            };
            (provider.name(), way)
        });
        let (ways, setup) = (ways.collect(), calls_setup(config, names, &known, self.key));
        let names: BTreeSet<&'static str> = known.iter().map(|(_, it)| it.name()).collect();
        let former = self.known.difference(&names).copied().collect();
        Ok(ProviderChange { setup, ways, rest, accounts, former })
    }

    /// Opens the door on `listener`, where nothing was served before: whoever comes before
    /// [`begin`](Self::begin) is answered as by a server that has no providers.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn open(
        &self,
        config: &Config,
        listener: Option<TcpListener>,
    ) -> io::Result<Option<OpenDoor>> {
        let Some(listener) = listener else { return Ok(None) };
        let settings = Settings {
            public_url: base(config).to_owned(),
            sites: Vec::new(),
            deadline: config.webhooks.deadline,
            body_len_max: config.webhooks.body_len_max,
            requests_max: config.webhooks.requests_max,
        };
        let clock = self.clock;
        let around = Around {
            clock: Box::new(move || clock.now()),
            webhooks: self.webhooks.clone(),
            sounds: Arc::new(Wavs {
                prompts: Arc::clone(&self.prompts),
                piece_ms: config.webhooks.music_piece.as_millis() as usize,
            }),
        };
        let server = WebhookServer::new(settings, around);
        let is_proxy = one_of(config.webhooks.trusted_proxies.clone());
        let thread = HttpThread::webhooks(server.clone(), listener, is_proxy)?;
        Ok(Some(OpenDoor { server, _thread: thread }))
    }

    /// Serves the providers of this configuration, once the driver knows them; through `opened`,
    /// where nothing was served before.
    pub(super) fn begin(&mut self, config: &Config, opened: Option<OpenDoor>) {
        let known = known(config);
        self.has_rest |= !accounts(&known).is_empty();
        self.known.extend(known.iter().map(|(_, it)| it.name()));
        if opened.is_some() {
            self.open = opened;
        }
        if let Some(open) = &self.open {
            let site = |(of, it): &KnownProvider<'_>| site(of, *it, base(config), self.key);
            open.server.set_sites(known.iter().map(site).collect());
        }
    }

    fn start_rest(&self, accounts: Vec<RestSite>) -> io::Result<Rest> {
        let (clock, results) = (self.clock, self.results.clone());
        let report = move |result| {
            if results.try_send(result).is_err() {
                tracing::error!("what became of a command to a provider is lost");
            }
        };
        Rest::start(accounts, Box::new(move || clock.now()), Box::new(report))
    }
}

type KnownProvider<'a> = (&'a config::Provider, &'static dyn Provider);

/// Those of the configuration that are in this build.
fn known(config: &Config) -> Vec<KnownProvider<'_>> {
    config.providers.values().filter_map(|of| Some((of, provider(of.name)?))).collect()
}

fn base(config: &Config) -> &str {
    config.webhooks.public_url.as_deref().unwrap_or_default()
}

fn site(of: &config::Provider, provider: &'static dyn Provider, base: &str, key: [u8; 32]) -> Site {
    Site {
        provider,
        keys: Keys {
            secrets: of.secrets.iter().map(|secret| secret.expose().to_owned()).collect(),
            application: of.application.clone(),
            window_s: of.window.as_secs(),
        },
        context: RenderContext {
            links: links_of(of, provider, base, key),
            voices: of.voices.clone(),
        },
    }
}

fn links_of(of: &config::Provider, provider: &dyn Provider, base: &str, key: [u8; 32]) -> Links {
    let links = Links::new(base, provider.name(), key);
    match access(of, provider) {
        Some(access) => links.with_access(access),
        None => links,
    }
}

/// What a provider that does not sign must send with each request: the first of its secrets.
fn access<'a>(of: &'a config::Provider, provider: &dyn Provider) -> Option<&'a str> {
    let secret = of.secrets.first().filter(|_| provider.info().comes_with_access);
    secret.map(|secret| secret.expose())
}

/// Of those to whom commands can be sent.
fn accounts(known: &[KnownProvider<'_>]) -> Vec<RestSite> {
    let accounts = known.iter().filter_map(|(of, provider)| {
        let (id, token) = of.account.clone().zip(of.token.as_ref())?;
        let secret = token.expose().to_owned();
        let access = access(of, *provider).map(str::to_owned);
        let base_url = of.rest_url.clone();
        let account = Account { id, user: of.user.clone(), secret, base_url, access };
        Some(RestSite { provider: *provider, account })
    });
    accounts.collect()
}

fn calls_setup(
    config: &Config,
    names: &Names,
    known: &[KnownProvider<'_>],
    key: [u8; 32],
) -> ProviderCallsSetup {
    let setup = |of: &config::Provider, provider: &dyn Provider| ProviderSetup {
        has_rest: of.account.is_some() && of.token.is_some(),
        accept_key: of.accept_key.and_then(Digit::new),
        ends_parties: !provider.info().refuses_parties,
        split: provider.info().split,
        only_numbers_ask: provider.info().only_numbers_ask,
        waits_for_key: provider.info().waits_for_key,
        whisper: of.whisper.clone(),
        whisper_language: of.whisper_language.clone(),
        caller_id: of.caller_id.clone(),
        sip_host: config.webhooks.sip_host.clone(),
    };
    ProviderCallsSetup {
        providers: known.iter().map(|(of, it)| (of.name.to_owned(), setup(of, *it))).collect(),
        agents: agents(config, names),
        piece: config.webhooks.music_piece,
        pieces: PIECES,
        is_ours: config.webhooks.speech == config::Speech::Ours,
        key,
    }
}

/// Agents whom a provider dials by itself.
fn agents(config: &Config, names: &Names) -> BTreeMap<AgentId, (String, Callee)> {
    setup::agents(config, names)
        .filter_map(|(id, agent)| match &agent.phone {
            Phone::Outside { trunk, number } if config.providers.contains_key(trunk) => {
                Some((id, (trunk.clone(), Callee::Number(number.clone()))))
            }
            Phone::Client { provider, client } => {
                Some((id, (provider.clone(), Callee::Client(client.clone()))))
            }
            Phone::Registers { .. } | Phone::Fixed { .. } | Phone::Outside { .. } => None,
        })
        .collect()
}

/// Pieces a tune is cut into; a shorter one begins again.
const PIECES: u32 = 8;

/// Sounds as files for providers to fetch.
struct Wavs {
    prompts: Arc<PromptStore>,
    piece_ms: usize,
}

impl Sounds for Wavs {
    fn wav(&self, name: &str) -> Option<Vec<u8>> {
        let (kind, rest) = name.split_once('/')?;
        match kind {
            "music" => {
                let (name, piece) = rest.rsplit_once('/')?;
                let sound = self.prompts.render(&Prompt::Music { name: name.into() }).ok()?;
                Some(piece_of(sound.bytes(Law::Mu), piece.parse().ok()?, self.piece_ms))
            }
            "file" => self.whole(&Prompt::File { path: rest.into() }),
            "say" => {
                let (language, text) = rest.split_once('/')?;
                self.whole(&Prompt::Text { language: language.into(), text: text.into() })
            }
            _ => None,
        }
    }
}

impl Wavs {
    fn whole(&self, prompt: &Prompt) -> Option<Vec<u8>> {
        match self.prompts.render(prompt) {
            Ok(sound) => Some(wav::from_ulaw(sound.bytes(Law::Mu))),
            Err(error) => {
                tracing::warn!("a provider cannot be given this sound: {}", error.without_words());
                None
            }
        }
    }
}

/// One piece of a tune that goes round.
fn piece_of(ulaw: &[u8], piece: usize, piece_ms: usize) -> Vec<u8> {
    /// Of G.711.
    const BYTES_PER_MS: usize = 8;
    let len = piece_ms * BYTES_PER_MS;
    let from = piece * len;
    let samples: Vec<u8> =
        ulaw.iter().copied().cycle().skip(from % ulaw.len().max(1)).take(len).collect();
    wav::from_ulaw(&samples)
}

/// Binds the port for webhooks; `None` without a provider.
pub(super) fn bind(config: &Config) -> Result<Option<TcpListener>, DoorError> {
    check(config)?;
    let address: SocketAddr = config.webhooks.listen;
    if config.providers.is_empty() {
        return Ok(None);
    }
    TcpListener::bind(address).map(Some).map_err(|error| DoorError::Listen(address, error))
}

/// Whether each provider is in this build.
pub(super) fn check(config: &Config) -> Result<(), DoorError> {
    match config.providers.keys().find(|name| provider(name).is_none()) {
        Some(name) => Err(DoorError::Unknown(name.clone())),
        None => Ok(()),
    }
}
