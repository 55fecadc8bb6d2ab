//! The way from providers to the driver and back: their server, the sounds they fetch, the threads
//! that tell them something.
//!
//! **Invariant:** without a provider in the configuration nothing of this runs, and no port is
//! bound.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::sync::mpsc;

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
    Around, Counts, Settings, Site, Sounds, WEBHOOKS_MAX, WebhookBatch, WebhookServer,
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
    pub(super) links: BTreeMap<&'static str, Links>,
    /// `None` without a server.
    pub(super) counts: Option<Arc<Counts>>,
    /// Ends with this value.
    pub(super) thread: Option<HttpThread>,
}

/// The door for providers, where there is one.
pub(super) fn open_door(
    config: &Config,
    names: &Names,
    clock: Clock,
    prompts: &Arc<PromptStore>,
) -> Result<Providers, StartError> {
    if let Some(name) = config.providers.keys().find(|name| provider(name).is_none()) {
        return Err(StartError::Provider(name.clone()));
    }
    // The links that a provider was given before a restart hold after it.
    let key = store::secret_key(&config.server.state, "webhook.key")?;
    let door =
        bind(config).map_err(|error| StartError::ListenWebhooks(config.webhooks.listen, error))?;
    Ok(start(config, names, clock, key, prompts, door)?)
}

/// Starts what the configuration names. `listener` is bound, if there is a provider; `key` signs
/// our addresses, over restarts.
fn start(
    config: &Config,
    names: &Names,
    clock: Clock,
    key: [u8; 32],
    prompts: &Arc<PromptStore>,
    listener: Option<TcpListener>,
) -> io::Result<Providers> {
    let base = config.webhooks.public_url.clone().unwrap_or_default();
    let known: Vec<(&config::Provider, &'static dyn Provider)> =
        config.providers.values().filter_map(|of| Some((of, provider(of.name)?))).collect();
    let links: BTreeMap<&'static str, Links> = known
        .iter()
        .map(|(of, provider)| (provider.name(), links_of(of, *provider, &base, key)))
        .collect();
    let (webhook_sender, webhooks) = mpsc::channel(WEBHOOKS_MAX);
    let (result_sender, rest_results) = mpsc::channel(COMMANDS_MAX);
    let rest = start_rest(&known, clock, result_sender)?;
    let ways = known.iter().map(|(of, provider)| {
        let context = site(of, *provider, &base, key).context;
        let way = match provider.commanded() {
            Some(make) => Way::Commands(make(context, config.webhooks.music_piece)),
            None => Way::Documents(context.links),
        };
        (provider.name(), way)
    });
    let setup = calls_setup(config, names, &known, rest.as_ref(), key);
    let front = ProviderFront::new(setup, ways.collect());
    let mut counts = None;
    let thread = match listener {
        Some(listener) => {
            let sites = known.iter().map(|(of, provider)| site(of, *provider, &base, key));
            let settings = Settings {
                public_url: base.clone(),
                sites: sites.collect(),
                deadline: config.webhooks.deadline,
                body_len_max: config.webhooks.body_len_max,
                requests_max: config.webhooks.requests_max,
            };
            let around = Around {
                clock: Box::new(move || clock.now()),
                webhooks: webhook_sender,
                sounds: Arc::new(Wavs {
                    prompts: Arc::clone(prompts),
                    piece_ms: config.webhooks.music_piece.as_millis() as usize,
                }),
            };
            let server = WebhookServer::new(settings, around);
            counts = Some(server.counts());
            let is_proxy = one_of(config.webhooks.trusted_proxies.clone());
            Some(HttpThread::webhooks(server, listener, is_proxy)?)
        }
        None => None,
    };
    Ok(Providers { front, webhooks, rest_results, rest, links, counts, thread })
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

fn start_rest(
    known: &[(&config::Provider, &'static dyn Provider)],
    clock: Clock,
    results: mpsc::Sender<RestResult>,
) -> io::Result<Option<Rest>> {
    let sites: Vec<RestSite> = known
        .iter()
        .filter_map(|(of, provider)| {
            let (id, token) = of.account.clone().zip(of.token.as_ref())?;
            let secret = token.expose().to_owned();
            let access = access(of, *provider).map(str::to_owned);
            let base_url = of.rest_url.clone();
            let account = Account { id, user: of.user.clone(), secret, base_url, access };
            Some(RestSite { provider: *provider, account })
        })
        .collect();
    if sites.is_empty() {
        return Ok(None);
    }
    let report = move |result| {
        if results.try_send(result).is_err() {
            tracing::error!("what became of a command to a provider is lost");
        }
    };
    Rest::start(sites, Box::new(move || clock.now()), Box::new(report)).map(Some)
}

fn calls_setup(
    config: &Config,
    names: &Names,
    known: &[(&config::Provider, &'static dyn Provider)],
    rest: Option<&Rest>,
    key: [u8; 32],
) -> ProviderCallsSetup {
    let setup = |of: &config::Provider, provider: &dyn Provider| ProviderSetup {
        has_rest: rest.is_some_and(|rest| rest.has(of.name)),
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
pub(super) fn agents(config: &Config, names: &Names) -> BTreeMap<AgentId, (String, Callee)> {
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
fn bind(config: &Config) -> io::Result<Option<TcpListener>> {
    let address: SocketAddr = config.webhooks.listen;
    if config.providers.is_empty() {
        return Ok(None);
    }
    TcpListener::bind(address).map(Some)
}
