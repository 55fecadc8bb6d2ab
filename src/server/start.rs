//! From a checked configuration to a running driver.
//!
//! **Invariant:** the order is fixed: prompts, and beside them what the run before left; then the
//! new run of the journal, media, sockets, HTTP. What fails, fails before the first call could be
//! answered, and says which address or folder it was. What a file can say wrong has been refused
//! before the first of these writes anything: `config` has decided that, as it does for `check`.

use std::io::{self, Write};
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::api::{
    self, Api, DRIVER_REQUESTS_MAX, DriverHandle, HealthSource, Live, Request, Teller,
};
use crate::ask::io::Asks;
use crate::center::ContactCenter;
use crate::center::names::Names;
use crate::config::{self, Config, Loaded, Ready, Secret, Soundless, Sources, TOKEN_LEN};
use crate::media::fact::Fact;
use crate::media::prompt_store::PromptStore;
use crate::metrics::Counted;
use crate::server::archive::Records;
use crate::server::asks::Replied;
use crate::server::calls::Calls;
use crate::server::checkpoints::Checkpoints;
use crate::server::clock::Clock;
use crate::server::driver::{Driver, End};
use crate::server::exchange::Exchange;
use crate::server::fronts::Fronts;
use crate::server::health::{self, HealthWord};
use crate::server::keeping::{Keep, Keeping};
use crate::server::outbox::Outbox;
use crate::server::providers::Door;
use crate::server::reload::{ReloadSetup, Reloading};
use crate::server::resolver::Resolver;
use crate::server::resume::{self, Begun, First, Kept};
use crate::server::retention::{self, Retention};
use crate::server::seed::random_seed;
use crate::server::signals::Signals;
use crate::server::start_error::StartError;
use crate::server::tasks::{self, HttpThread};
use crate::server::timer::Timer;
use crate::server::traces::Traces;
use crate::server::{asks, banner, malloc, providers, setup, telephones};
use crate::sip::io::Sockets;
use crate::store::{self, Store};
use crate::time::Timestamp;
use crate::webhook::io::WebhookBatch;
use crate::webhook::io::rest::Rest;
use crate::webhook::rest::RestResult;

/// Servers of trunks on their way to the driver; the resolver waits when it is full.
const RESOLVED_MAX: usize = 64;
/// Configurations on their way to the driver: there is one at a time.
const SWAPS_MAX: usize = 1;

pub(super) async fn serve(soundless: Soundless, sources: Sources) -> Result<End, StartError> {
    let signals = Signals::listen()?;
    let mut opened = open(soundless)?;
    let api = &mut opened.ready.loaded.config.api;
    if api.operate_token.is_none() {
        let token = made_token()?;
        // An operator who closed the output does not want it, and wants the server all the same.
        let _ = writeln!(io::stdout(), "operate token: {} (until the next start)", token.expose());
        api.operate_token = Some(token);
    }
    let Started { driver, threads: _threads } = start(opened, sources)?;
    Ok(driver.run(signals).await)
}

/// Without an operate token no client could act, and a fixed one would let every client act.
fn made_token() -> io::Result<Secret> {
    let mut random = [0; TOKEN_LEN];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(config::token(&random))
}

/// Everything that is known and made before anything is bound.
pub(super) struct Opened {
    clock: Clock,
    ready: Ready,
    begun: Begun,
}

/// Makes the prompts, which computes, and looks meanwhile at what the run before left, which waits
/// for the disk. Nothing of that is changed before the prompts are right.
pub(super) fn open(soundless: Soundless) -> Result<Opened, StartError> {
    let clock = Clock::start();
    let (ready, left) =
        soundless.make_beside(|loaded| resume::look(&loaded.config, &|| clock.now()));
    let ready = ready.map_err(StartError::Refused)?;
    let Loaded { config, flows, directory, .. } = &ready.loaded;
    let setup = setup::center(config, flows.clone(), directory.clone());
    let begun = left?.open(config, setup)?;
    Ok(Opened { clock, ready, begun })
}

/// A driver that is ready to run, and the threads around it, which end with this.
pub(super) struct Started {
    pub(super) driver: Driver,
    pub(super) threads: (HttpThread, Reloading, Retention, Keeping, Checkpoints),
}

/// What is bound, and what the center begins with.
struct Bound {
    loaded: Loaded,
    names: Names,
    prompts: Arc<PromptStore>,
    clock: Clock,
    center: ContactCenter,
    first: Vec<(Timestamp, First)>,
    exchange: Exchange,
    sockets: Sockets,
    store: Store,
    health: Arc<HealthWord>,
    teller: Teller,
    facts: mpsc::Receiver<Fact>,
    requests: mpsc::Receiver<Request>,
    webhooks: mpsc::Receiver<WebhookBatch>,
    rest_results: mpsc::Receiver<RestResult>,
    rest: Option<Rest>,
    asks: Asks,
    traces: Traces,
    replies: mpsc::Receiver<Replied>,
    api: Api,
    http: HttpThread,
    door: Door,
    ended_at: retention::EndedAt,
}

/// Starts everything but the driver itself. Needs the runtime on which that will run. `sources` are
/// read again when a reload is wanted.
pub(super) fn start(opened: Opened, sources: Sources) -> Result<Started, StartError> {
    let bound = bind(opened)?;
    let Loaded { config, flows, directory, demo, .. } = bound.loaded;
    let (found, resolved) = mpsc::channel(RESOLVED_MAX);
    let (folder, keep) = (config.server.recordings.clone(), config.server.recordings_keep);
    let (retention, expired) = Retention::start(folder, keep, bound.clock, bound.ended_at)?;
    let keep = Keep::of(&config.server);
    let keeping = Keeping::start(keep, bound.clock, bound.store.errands())?;
    bound.store.close_segments_after(config.server.journal_segment);
    let checkpoints =
        Checkpoints::start(setup::place(&config.server), bound.store.checkpointing())?;
    let (swap, swaps) = mpsc::channel(SWAPS_MAX);
    let (drain_timeout, calls_max) = (config.server.drain_timeout, config.server.calls_max);
    let resolver = Resolver::start(&config, random_seed()?, found.clone())?;
    resolver.begin();
    let reloading = Reloading::start(ReloadSetup {
        resolver,
        sources: sources.of_run(demo.is_some()),
        flows,
        directory,
        names: bound.names,
        run: bound.store.run(),
        is_demo: demo.is_some(),
        api: bound.api,
        door: bound.door,
        prompts: bound.prompts,
        clock: bound.clock,
        swaps: swap,
        found,
        config,
    })?;
    let driver = Driver {
        clock: bound.clock,
        timer: Timer::default(),
        center: bound.center,
        exchange: bound.exchange,
        sockets: bound.sockets,
        store: bound.store,
        outbox: Outbox::default(),
        health: bound.health,
        teller: bound.teller,
        facts: bound.facts,
        requests: bound.requests,
        resolved,
        webhooks: bound.webhooks,
        rest_results: bound.rest_results,
        asks: bound.asks,
        traces: bound.traces,
        replies: bound.replies,
        expired,
        rest: bound.rest,
        swaps,
        reloads: reloading.handle.clone(),
        drain_timeout,
        calls_max,
        unfinished: false,
        first: bound.first,
    };
    // What they say was handed on: it need not stay here as well.
    drop(demo);
    malloc::give_back();
    let threads = (bound.http, reloading, retention, keeping, checkpoints);
    Ok(Started { driver, threads })
}

fn bind(opened: Opened) -> Result<Bound, StartError> {
    let Opened { clock, ready, begun } = opened;
    let Ready { loaded, prompts } = ready;
    let config = &loaded.config;
    let reader = begun.opened.store.reader()?;
    let ended_at = retention::ended_at(begun.opened.store.reader()?);
    let names = begun.new.setup.names.clone();

    let demo = loaded.demo.as_ref();
    let sip = telephones::start(config, &names, clock.now(), &prompts, demo.is_some())?;

    let lost_at = begun.restored.as_ref().map_or(clock.now(), |restored| restored.lost_at);
    let clock = clock.not_before(lost_at);
    let (mut beginning, opened) = begun.begin(clock.now(), config, &*reader)?;
    let first = beginning.center.hear_facts(clock.now());
    let run = clock.now().as_millis();
    // What agents did before, the records have.
    beginning.figures.metrics.count(Counted::Gap { at: clock.now() });
    let (teller, live) = api::feed(run, Arc::new(move || clock.now()), first, beginning.figures);
    let (handle, requests) = mpsc::channel(DRIVER_REQUESTS_MAX);
    let http = tasks::bind(config.api.listen, demo.is_some())
        .map_err(|error| StartError::ListenHttp(config.api.listen, error))?;
    let mut providers = providers::open_door(config, &names, clock, &prompts)?;
    let links = providers.door.links(config);
    banner::print(config, &loaded.flows, demo, &sip.sockets, http.local_addr()?, &links);
    let archive = (opened.store.readers()?, opened.store.errands());
    let health = HealthWord::new();
    let source =
        health::source(&health, opened.store.watch(), Arc::clone(&sip.front.plane.media), clock);
    let driver = (DriverHandle { tx: handle }, live, source);
    let (api, http) = start_api(config, driver, archive, http)?;
    providers.door.show_counts(&api);
    let key = store::secret_key(&config.server.state, "ask.key")?;
    let (asks, replies) = asks::start(config, clock, key)?;
    let traces = Traces::start(config.traces.as_ref())?;
    let store::Opened { mut store, next_call, recovered, sessions, legs, .. } = opened;
    let kept = Kept { carried: &recovered.carried, sessions: &sessions, legs: &legs };
    resume::take_up(clock.now(), &mut store, &mut providers.front, &kept);

    let fronts = Fronts { providers: providers.front, sip: sip.front };
    let calls = Calls::new(next_call);
    let queues = Arc::clone(&calls.queues);
    api.set_queue_metrics(Box::new(move || queues.prometheus()));
    let exchange = Exchange::new(fronts, calls, sip.repaired);
    let (webhooks, rest_results, rest) =
        (providers.webhooks, providers.rest_results, providers.rest);
    Ok(Bound {
        loaded,
        names,
        prompts,
        clock,
        center: beginning.center,
        first: beginning.inputs,
        exchange,
        sockets: sip.sockets,
        store,
        health,
        teller,
        facts: sip.facts,
        requests,
        webhooks,
        rest_results,
        rest,
        asks,
        traces,
        replies,
        api,
        http,
        door: providers.door,
        ended_at,
    })
}

fn start_api(
    config: &Config,
    (driver, live, health): (DriverHandle, Arc<Live>, HealthSource),
    (readers, errands): (store::Readers, store::Errands),
    http: std::net::TcpListener,
) -> io::Result<(Api, HttpThread)> {
    let archive = Arc::new(Records::new(readers, errands, &config.server));
    let tokens = setup::tokens(config);
    let settings = setup::api(config, &tokens);
    let api = Api::new(&settings, driver, Arc::clone(&live), health, archive);
    let is_proxy = tasks::one_of(config.api.trusted_proxies.clone());
    Ok((api.clone(), HttpThread::api(api, live, http, is_proxy)?))
}
